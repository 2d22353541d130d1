"""Flow runs as they are remembered: a folder for each while it is underway, a record in a store. Prefect is unknown.

``lume_dsl.engine`` tells what happens in a run, and goes on with what is left of one.
"""
