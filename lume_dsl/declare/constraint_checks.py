"""What must hold of a parameter's constraints when its flow is defined: they go with its type, and leave it values.

It knows types and constraints, and nothing of flows.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Literal, get_args, get_origin

from lume_dsl.declare.constraints import BOUND_SIGNS, LENGTHS, broken, is_number, shown_constraints
from lume_dsl.values.convert import short, structure
from lume_dsl.values.forms import arms_but_none, arms_of
from lume_dsl.values.names import is_enum, type_name
from lume_dsl.values.quantities import is_number_type
from lume_dsl.values.shapes import lengths

__all__ = ["constraint_problems"]


def constraint_problems(tp: Any, constraints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the constraints of a type, as pairs of what and how to mend it."""
    wrong = [problem for name, limit in constraints.items() for problem in _limit_problems(tp, name, limit)]
    if not wrong:
        wrong += _choice_problems(tp, constraints) if "choices" in constraints else _emptiness(tp, constraints)
    yield from wrong


def _limit_problems(tp: Any, name: str, limit: Any) -> Iterator[tuple[str, str]]:
    if name in BOUND_SIGNS or name == "multiple_of":
        if not _is_bound(limit) or not is_number_type(tp):
            what = "the bound " if name in BOUND_SIGNS else ""
            yield (
                f"{what}{name}={short(limit)} does not go with {type_name(tp)}",
                "bounds are numbers, on an int or a float",
            )
        elif name == "multiple_of" and limit <= 0:
            yield f"multiple_of={short(limit)} is not above 0", "write multiple_of=0.5"
        elif not _is_whole(tp) and abs(limit) > sys.float_info.max:
            yield f"{name}={short(limit)} is beyond every float", "write a number that a float can hold"
    elif name in LENGTHS:
        if (
            not isinstance(limit, int)
            or isinstance(limit, bool)
            or not 0 <= limit <= sys.maxsize
            or not _has_length(tp)
        ):
            message = f"{name}={short(limit)} does not go with {type_name(tp)}"
            yield message, "lengths are whole numbers, of a str, bytes, list, tuple or dict"
    elif name == "pattern":
        yield from _pattern_problems(tp, limit)
    elif name == "choices" and not isinstance(limit, tuple):
        yield f"choices={short(limit)} is no list", "write choices=[...]"


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


def _choice_problems(tp: Any, constraints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each choice fits the type and the other constraints."""
    others = {name: limit for name, limit in constraints.items() if name != "choices"}
    if not constraints["choices"]:
        yield "choices=[] leaves no value", "write choices=[...] with the values that there are"
    for choice in constraints["choices"]:
        value, offences = structure(choice, tp)
        wrong = offences.shown[0].message if offences else next(iter(broken(value, others)), "")
        if wrong:
            fix = "change the choice, or the annotation" if offences else "change the choice, or leave it out"
            yield f"the choice {short(choice)} does not fit: {wrong}", fix


def _emptiness(tp: Any, constraints: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Some value but None, which passes any, passes all constraints, as far as bounds and lengths tell."""
    low, high = constraints.get("min_length", 0), constraints.get("max_length", math.inf)
    if low > high:
        yield "no value is as long as min_length and as short as max_length", "exchange the lengths"
    elif (sizes := _fixed_sizes(tp)) and not any(low <= size <= high for size in sizes):
        yield f"no {type_name(tp)} is {_joined(constraints, LENGTHS)}", "leave the lengths out: the type tells them"
    values = _all_values(tp)
    if values and all(broken(value, constraints) for value in values):
        yield (
            f"no value of {type_name(tp)} is {_joined(constraints, constraints)}",
            "widen them, or change the annotation",
        )
    elif not values and not _has_number(tp, constraints):
        crossed = _least(constraints) > _most(constraints)
        what = "int" if _is_whole(tp) else "value"
        shown = _joined(constraints, (*BOUND_SIGNS, "multiple_of"))
        yield f"no {what} is {shown}", "exchange the bounds" if crossed else "widen the bounds"


def _joined(constraints: Mapping[str, Any], names: Any) -> str:
    return " and ".join(shown_constraints({name: limit for name, limit in constraints.items() if name in names}))


def _fixed_sizes(tp: Any) -> list[int]:
    """The lengths of the values of a type of tuples with so many places, else none."""
    arms = arms_but_none(tp)
    if not all(get_origin(arm) is tuple and lengths(arm)[1] < math.inf for arm in arms):
        return []
    return [lengths(arm)[0] for arm in arms]


def _all_values(tp: Any) -> list[Any]:
    """All values of a type of choices but None, or none where there are others."""
    arms = arms_but_none(tp)
    if not all(get_origin(arm) is Literal or is_enum(arm) for arm in arms):
        return []
    return [value for arm in arms for value in (get_args(arm) if get_origin(arm) is Literal else arm)]


def _least(constraints: Mapping[str, Any]) -> float:
    return max((constraints[name] for name in ("ge", "gt") if name in constraints), default=-math.inf)


def _most(constraints: Mapping[str, Any]) -> float:
    return min((constraints[name] for name in ("le", "lt") if name in constraints), default=math.inf)


def _is_whole(tp: Any) -> bool:
    """Whether the numbers of a type are ints."""
    return is_number_type(tp) and float not in arms_of(tp)


def _has_number(tp: Any, constraints: Mapping[str, Any]) -> bool:
    """Whether a number is within the bounds: a multiple of what it must be one of, and of 1 where it is an int."""
    low, high = _least(constraints), _most(constraints)
    if math.inf in (-low, high):
        return True
    is_above, is_below = constraints.get("gt") == low, constraints.get("lt") == high
    of = Fraction(str(constraints["multiple_of"])) if "multiple_of" in constraints else None
    if _is_whole(tp):
        of = Fraction(of.numerator if of else 1)  # of 3/2 the multiples that are ints are those of 3
    if of is None:
        return low < high or (low == high and not is_above and not is_below)
    least, most = Fraction(str(low)), Fraction(str(high))  # as _is_multiple of constraints counts
    first = math.ceil(least / of) * of
    if first == least and is_above:
        first += of
    return first < most or (first == most and not is_below)


def _is_bound(bound: Any) -> bool:
    """Whether a bound is a number that JSON holds."""
    return is_number(bound) and not structure(bound, type(bound))[1]


def _has_length(tp: Any) -> bool:
    return any(arm in (str, bytes) or get_origin(arm) in (list, tuple, dict) for arm in arms_of(tp))
