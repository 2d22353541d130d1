"""What is wrong with a document of parameter values, and the words in which JSON and YAML ones tell it."""

from __future__ import annotations

import math
from typing import Any

import attrs

__all__ = [
    "DIGITS_HINT",
    "FINITE_HINT",
    "MOST_LEVELS",
    "NUMBER_HINT",
    "TOO_DEEP",
    "DocumentError",
    "brief",
    "duplicate",
    "kind_of",
    "number_problem",
    "step",
    "top_level",
]

MOST_LEVELS = 100
"""How deep a value may be nested: what Prefect, pickle and a database's driver surely take too (MongoDB: 100)."""

TOO_DEEP = f"is nested too deeply: at most {MOST_LEVELS} levels are taken"

DIGITS_HINT = "write it as text, or as a float such as 1e30"
FINITE_HINT = "write a finite number, or null where the parameter takes None"
NUMBER_HINT = "write a number that a float can hold (some 5e-324 to 1.8e308, or 0), or quote it as text"


@attrs.define(slots=False, eq=False)
class DocumentError(ValueError):
    """A document cannot be read.

    Attributes:
        name: The document, as its reader called it.
        message: What is wrong.
        fix: What to write instead.
        line: Where it stands, from 1, or 0 where not known.
        column: The character in that line, from 1, or 0 where not known.
        path: The part of the document, ``"magnets[3].current"``, or "" for the whole or where not known.
    """

    name: str
    message: str
    fix: str
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        place = f"{self.name}:{self.line}:{self.column}" if self.line else self.name
        path = self.path if len(self.path) <= 80 else f"{self.path[:40]}…{self.path[-39:]}"
        subject = f"{path}: " if path else ""
        return f"{place}: {subject}{self.message}\n    {self.fix}"


def top_level(value: Any, name: str, example: str, *, what: str = "values by parameter are") -> dict[str, Any]:
    """Return the mapping, of ``what``, that a document is.

    Raises:
        DocumentError: It is something else.
    """
    if isinstance(value, dict):
        return value
    message = f"holds {kind_of(value)} at its top level, where {what} read"
    raise DocumentError(name, message, f"write {example}")


def kind_of(value: Any) -> str:
    """Return what a value of a document is, in words."""
    kinds = {dict: "a mapping", list: "a list", str: "text", bool: "a bool", int: "an int", float: "a float"}
    return kinds.get(type(value), "null")


def duplicate(key: str) -> tuple[str, str]:
    """Return what is wrong with a key that stands twice, and how to mend it."""
    return f"the key {brief(repr(key))} stands twice", "keep one of the two"


def number_problem(text: str, value: float) -> str:
    """Return what is wrong with a float that a text was read as, or ``""``: it is infinite, or 0 for what is not 0."""
    if math.isinf(value):
        return f"{brief(text)} overflows a float"
    mantissa = text.lower().partition("e")[0]
    return f"{brief(text)} is nearer to 0 than a float can be" if not value and mantissa.strip("+-0._") else ""


def brief(text: str) -> str:
    """Return a text of the document, cut where it is long."""
    return text if len(text) <= 40 else f"{text[:30]}…"


def step(key: str, path: str) -> str:
    """Return how a path goes on to a key."""
    if not key.isidentifier():
        return f"[{brief(ascii(key))}]"
    return f".{key}" if path else key
