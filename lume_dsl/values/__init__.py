"""Which types are JSON, and how values of them are checked, converted, stored and hashed."""
