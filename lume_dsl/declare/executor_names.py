"""The names that executors have, which ``lume_dsl.engine.executors`` makes; what they are is not known here."""

from __future__ import annotations

from lume_dsl.errors import did_you_mean

__all__ = ["ADDRESS", "NAMES", "problem_of_name"]

NAMES = ("local", "threads", "processes", "dask", "dask://HOST:PORT")

ADDRESS = "dask://"
"""What the name of a cluster that is there begins with."""


def problem_of_name(name: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of an executor and how to mend it; None if it has one of that name."""
    if name.startswith(ADDRESS):
        host, _, port = name.removeprefix(ADDRESS).rpartition(":")
        if host and port.isdigit() and int(port) <= 65535:
            return None
        return f"{name!r} is not of the form dask://HOST:PORT", "write it as dask://localhost:8786"
    if name in NAMES:
        return None
    fix = f"they are {', '.join(NAMES)}, and objects of Prefect's executor classes"
    return f"{name!r} is no executor{did_you_mean(name, NAMES)}", fix
