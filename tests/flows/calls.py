"""How much work something is: a number that no machine and no load changes, as a time is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["calls_of"]


def calls_of(work: Callable[[], object]) -> int:
    """The functions that are called in it, Python's and C's."""
    number = 0

    def count(_frame: object, event: str, _argument: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    outer = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(outer)
    return number
