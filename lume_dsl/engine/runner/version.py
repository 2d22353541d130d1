"""The version of Prefect whose runners ours are subclasses of."""

from __future__ import annotations

import prefect

from lume_dsl.errors import LumeError

__all__ = ["check_prefect"]

VERSION = "1.4.1"


def check_prefect() -> None:
    """Return if it is the version that is installed.

    Raises:
        LumeError: It is another, whose runners may do otherwise.
    """
    installed = str(prefect.__version__)
    if installed.partition("+")[0] != VERSION:
        raise LumeError(
            f"lume_dsl runs flows as Prefect {VERSION} does, and Prefect {installed} is installed\n"
            f"    write pip install 'prefect=={VERSION}'"
        )
