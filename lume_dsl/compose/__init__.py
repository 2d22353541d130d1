"""Flows of flows from YAML, in the format of LUME-services, and flows written by hand as parts of others."""
