"""The values of tasks, kept under what they were made of: their source and their inputs. It must not know Prefect."""
