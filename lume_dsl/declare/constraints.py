"""What ``parameter(...)`` asks of a value beyond its type: bounds, lengths, a pattern, choices.

It knows values and types, and nothing of flows.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, get_origin

from lume_dsl.values.convert import short, structure, unstructure
from lume_dsl.values.forms import arms_of
from lume_dsl.values.names import type_name
from lume_dsl.values.quantities import is_number_type

__all__ = ["BOUND_SIGNS", "broken", "constraint_problems", "shown_constraints"]

BOUND_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
"""How a person reads the names of bounds."""

_LENGTHS = {"min_length": (operator.ge, "at least"), "max_length": (operator.le, "at most")}


def broken(value: Any, constraints: Mapping[str, Any], unit: str = "") -> list[str]:
    """Return what of the constraints does not hold of a value that fits its type."""
    return [message for name, limit in constraints.items() if (message := _broken(value, name, limit, unit))]


def _broken(value: Any, name: str, limit: Any, unit: str) -> str:
    if name in BOUND_SIGNS and _is_number(value) and not getattr(operator, name)(value, limit):
        return f"expected {BOUND_SIGNS[name]} {limit}{f' {unit}' if unit else ''}, got {value}"
    if name == "multiple_of" and _is_number(value) and not _is_multiple(value, limit):
        return f"expected a multiple of {limit}, got {value}"
    if name in _LENGTHS and isinstance(value, (str, bytes, list, tuple, dict)):
        fits, words = _LENGTHS[name]
        what = {str: "character", bytes: "byte"}.get(type(value), "item")
        if not fits(len(value), limit):
            return f"expected {words} {limit} {what}{'s' * (limit != 1)}, got {len(value)}"
    if name == "pattern" and isinstance(value, str) and not re.fullmatch(limit, value):
        return f"expected text that matches {limit!r}, got {short(value)}"
    if name == "choices" and value is not None and not any(_is_same(value, choice) for choice in limit):
        return f"expected one of {_shown(limit)}, got {short(unstructure(value))}"
    return ""


def _is_number(value: Any) -> bool:
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
        "multiple_of": "multiple of {}",
        "min_length": "at least {} long",
        "max_length": "at most {} long",
        "pattern": "matches {}",
    }
    shown = []
    for name, limit in constraints.items():
        if name in BOUND_SIGNS:
            shown.append(f"{BOUND_SIGNS[name]} {limit}")
        elif name == "choices":
            shown.append(f"one of {_shown(limit)}")
        else:
            shown.append(texts[name].format(limit))
    return shown


# when the flow is defined


def constraint_problems(tp: Any, constraints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the constraints of a type, as pairs of what and how to mend it."""
    wrong = set()
    for name, limit in constraints.items():
        for problem in _limit_problems(tp, name, limit):
            wrong.add(name)
            yield problem
    if not wrong:
        yield from _empty_range(constraints)


def _limit_problems(tp: Any, name: str, limit: Any) -> Iterator[tuple[str, str]]:
    if name in BOUND_SIGNS or name == "multiple_of":
        if not _is_bound(limit) or not is_number_type(tp):
            what = "the bound " if name in BOUND_SIGNS else ""
            yield (
                f"{what}{name}={short(limit)} does not go with {type_name(tp)}",
                "bounds are numbers, on an int or a float",
            )
        elif name == "multiple_of" and limit <= 0:
            yield f"multiple_of={limit} is not above 0", "write multiple_of=0.5"
    elif name in _LENGTHS:
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0 or not _has_length(tp):
            message = f"{name}={short(limit)} does not go with {type_name(tp)}"
            yield message, "lengths are whole numbers, of a str, bytes, list, tuple or dict"
    elif name == "pattern":
        yield from _pattern_problems(tp, limit)
    elif name == "choices" and not isinstance(limit, tuple):
        yield f"choices={short(limit)} is no list", "write choices=[...]"
    elif name == "choices":
        for choice in limit:
            if offences := structure(choice, tp)[1]:
                yield (
                    f"the choice {short(choice)} does not fit: {offences.shown[0].message}",
                    "change the choice, or the annotation",
                )


def _pattern_problems(tp: Any, pattern: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(pattern, str) or not any(arm is str for arm in arms_of(tp)):
        yield (
            f"pattern={short(pattern)} does not go with {type_name(tp)}",
            "a pattern is a regular expression, of a str",
        )
        return
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        yield f"pattern={short(pattern)} is no regular expression: {error}", 'write pattern=r"QUAD:[0-9]+"'


def _empty_range(constraints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    low = max((constraints[name] for name in ("ge", "gt") if name in constraints), default=-math.inf)
    high = min((constraints[name] for name in ("le", "lt") if name in constraints), default=math.inf)
    is_open = constraints.get("gt") == low or constraints.get("lt") == high
    if low > high or (low == high and is_open):
        yield f"no value is at least {low} and at most {high}", "exchange the bounds"
    if constraints.get("min_length", 0) > constraints.get("max_length", math.inf):
        yield "no value is as long as min_length and as short as max_length", "exchange the lengths"


def _is_bound(bound: Any) -> bool:
    return _is_number(bound) and math.isfinite(bound)


def _has_length(tp: Any) -> bool:
    return any(arm in (str, bytes) or get_origin(arm) in (list, tuple, dict) for arm in arms_of(tp))
