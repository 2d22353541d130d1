"""What ``parameter(...)`` asks of a value beyond its type: bounds, lengths, a pattern, choices.

It knows values and types, and nothing of flows.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lume_dsl.values.convert import short, unstructure

__all__ = ["BOUND_SIGNS", "LENGTHS", "broken", "is_number", "shown_constraints"]

BOUND_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
"""How a person reads the names of bounds."""

LENGTHS = {"min_length": (operator.ge, "at least"), "max_length": (operator.le, "at most")}
"""What a length must be to a limit, and how a person reads it."""


def broken(value: Any, constraints: Mapping[str, Any], unit: str = "") -> list[str]:
    """Return what of the constraints does not hold of a value that fits its type."""
    return [message for name, limit in constraints.items() if (message := _broken(value, name, limit, unit))]


def _broken(value: Any, name: str, limit: Any, unit: str) -> str:
    if name in BOUND_SIGNS and is_number(value) and not getattr(operator, name)(value, limit):
        return f"expected {BOUND_SIGNS[name]} {limit}{f' {unit}' if unit else ''}, got {value}"
    if name == "multiple_of" and is_number(value) and not _is_multiple(value, limit):
        return f"expected a multiple of {limit}, got {value}"
    if name in LENGTHS and isinstance(value, (str, bytes, list, tuple, dict)):
        fits, words = LENGTHS[name]
        what = {str: "character", bytes: "byte"}.get(type(value), "item")
        if not fits(len(value), limit):
            return f"expected {words} {limit} {what}{'s' * (limit != 1)}, got {len(value)}"
    if name == "pattern" and isinstance(value, str) and not re.fullmatch(limit, value):
        return f"expected text that matches {limit!r}, got {short(value)}"
    if name == "choices" and value is not None and not any(_is_same(value, choice) for choice in limit):
        return f"expected one of {_shown(limit)}, got {short(unstructure(value))}"
    return ""


def is_number(value: Any) -> bool:
    """Whether bounds are for it: an int or a float."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_multiple(value: float, of: float) -> bool:
    """Whether it is one by the numbers' decimal text, as JSON Schema counts: 0.3 is a multiple of 0.1."""
    return Fraction(str(value)) % Fraction(str(of)) == 0


def _is_same(value: Any, choice: Any) -> bool:
    """Whether they have one JSON form, by number: a choice may be written as one writes a value."""
    return _equal(unstructure(value), unstructure(choice))


def _equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _shown(choices: Any) -> str:
    """Choices as JSON has them: ``'fast'`` for ``Mode.FAST``."""
    return ", ".join(short(unstructure(choice)) for choice in choices)


def shown_constraints(constraints: Mapping[str, Any]) -> list[str]:
    """Return the constraints as a person reads them: ``[">= 0", "one of 'a', 'b'"]``."""
    texts = {
        "multiple_of": "a multiple of {}",
        "min_length": "at least {} long",
        "max_length": "at most {} long",
        "pattern": "matches {}",
    }
    shown = []
    for name, limit in constraints.items():
        if name in BOUND_SIGNS:
            shown.append(f"{BOUND_SIGNS[name]} {limit}")
        elif name == "choices":
            shown.append(f"one of {', '.join(repr(unstructure(choice)) for choice in limit)}")
        else:
            shown.append(texts[name].format(limit))
    return shown
