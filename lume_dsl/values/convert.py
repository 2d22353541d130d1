"""Values against JSON types: strict checks, and the way to and from JSON.

It knows types and values, and nothing of the flows whose parameters they are. ``structure`` is the one
check; it holds for a value from Python, from the command line and from JSON alike.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

import attrs

from lume_dsl.values.jsontypes import JSON
from lume_dsl.values.names import is_union, type_name

__all__ = ["Offence", "short", "structure", "unstructure"]

LARGEST_EXACT_INT = 2**53
"""Above this, not every int is a float (IEEE 754 binary64)."""

LONGEST_INT_BITS = 8192
"""Python writes an int of more than 4,300 digits as text only when told to, so JSON cannot carry it."""


@attrs.frozen
class Offence:
    """A part of a value that does not fit: its path (``".magnets[3].current"``) and what is wrong."""

    path: str
    message: str


Check = Callable[[Any, str, list[Offence]], Any]
"""Takes a value, its path and the list that collects offences; returns the converted value."""


def structure(value: Any, tp: Any) -> tuple[Any, list[Offence]]:
    """Return the value as ``tp`` holds it, and every offence of it (none: the value fits).

    Strict: ``5`` is not a ``str`` and ``True`` is not an ``int``. Two conversions only, both exact: an
    ``int`` becomes the ``float`` that equals it, and a JSON array becomes the declared ``tuple``. NaN and
    infinities are no JSON and do not fit a ``float``. All items are checked, at every level.

    ``tp`` must be JSON-serialisable (``jsontypes.offenders(tp) == ()``).
    """
    offences: list[Offence] = []
    try:
        return check_of(tp)(value, "", offences), offences
    except RecursionError:
        return value, [Offence("", "is nested too deeply")]


def unstructure(value: Any) -> Any:
    """Return the JSON form of a value that ``structure`` returned: tuples become lists."""
    if isinstance(value, (list, tuple)):
        return [unstructure(item) for item in value]
    if isinstance(value, dict):
        return {key: unstructure(item) for key, item in value.items()}
    return value


def check_of(tp: Any) -> Check:
    """Return the check of a type, built once for each way of writing it (``A | B`` equals ``B | A``)."""
    try:
        return _cached_check(tp, type_name(tp))
    except TypeError:  # unhashable: it is Annotated with a list, say
        return _build_check(tp)


@lru_cache(maxsize=1024)
def _cached_check(tp: Any, _spelling: str) -> Check:
    return _build_check(tp)


def _build_check(tp: Any) -> Check:
    origin, arguments = get_origin(tp), get_args(tp)
    if origin is Annotated:
        return check_of(arguments[0])
    if tp in _SCALAR_CHECKS:
        return _SCALAR_CHECKS[tp]
    if is_union(tp):
        return _union(tp)
    if origin is list:
        return _list_of(arguments[0])
    if origin is dict:
        return _dict_of(arguments[1])
    if origin is tuple:
        return _tuple_of(arguments)
    raise TypeError(f"{type_name(tp)} is not JSON-serialisable")


def _expected(what: str, value: Any, path: str, offences: list[Offence]) -> Any:
    offences.append(Offence(path, f"expected {what}, got {short(value)}"))
    return value


def short(value: Any) -> str:
    """The value in at most some 80 characters, with its type where the text does not show it."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 60
    try:
        text = brief.repr(value)
    except ValueError:  # Python writes no int of more than 4,300 digits
        text = "a value with an int of thousands of digits"
    return text if type(value) in (str, int, float, bool, type(None)) else f"{text} ({type_name(type(value))})"


def _exactly(tp: type) -> Check:
    def check(value: Any, path: str, offences: list[Offence]) -> Any:
        return value if type(value) is tp else _expected(type_name(tp), value, path, offences)

    return check


def _str(value: Any, path: str, offences: list[Offence]) -> Any:
    if type(value) is not str:
        return _expected("str", value, path, offences)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8 text, so no JSON document, can hold it
            offences.append(Offence(path, f"is not valid Unicode text: {ascii(value)[:60]}"))
    return value


def _int(value: Any, path: str, offences: list[Offence]) -> Any:
    if type(value) is not int:
        return _expected("int", value, path, offences)
    if value.bit_length() > LONGEST_INT_BITS:
        offences.append(Offence(path, f"expected an int of at most {LONGEST_INT_BITS} bits"))
    return value


def _float(value: Any, path: str, offences: list[Offence]) -> Any:
    if type(value) is int:
        if -LARGEST_EXACT_INT <= value <= LARGEST_EXACT_INT:
            return float(value)
        offences.append(Offence(path, f"expected float, got {short(value)}, an int that no float equals for sure"))
        return value
    if not isinstance(value, float):
        return _expected("float", value, path, offences)
    if not math.isfinite(value):
        offences.append(Offence(path, f"expected a finite float, got {value}, which is not JSON"))
    return float(value)  # numpy.float64 is a float that holds the same


def _json(value: Any, path: str, offences: list[Offence]) -> Any:
    if type(value) is list:
        return [_json(item, f"{path}[{place}]", offences) for place, item in enumerate(value)]
    if type(value) is dict:
        return _dict_items(value, _json, path, offences)
    if isinstance(value, float):
        return _float(value, path, offences)
    if type(value) is str:
        return _str(value, path, offences)
    if type(value) is int:
        return _int(value, path, offences)
    if value is None or type(value) is bool:
        return value
    return _expected("a JSON value", value, path, offences)


def _list_of(item_type: Any) -> Check:
    item_check = check_of(item_type)
    name = type_name(list[item_type])

    def check(value: Any, path: str, offences: list[Offence]) -> Any:
        if type(value) is not list:
            return _expected(name, value, path, offences)
        if item_type is float and set(map(type, value)) <= {float} and all(map(math.isfinite, value)):
            return value.copy()  # the common long list, at the speed of C
        return [item_check(item, f"{path}[{place}]", offences) for place, item in enumerate(value)]

    return check


def _dict_of(value_type: Any) -> Check:
    value_check = check_of(value_type)
    name = type_name(dict[str, value_type])

    def check(value: Any, path: str, offences: list[Offence]) -> Any:
        if type(value) is not dict:
            return _expected(name, value, path, offences)
        return _dict_items(value, value_check, path, offences)

    return check


def _dict_items(value: dict[Any, Any], check: Check, path: str, offences: list[Offence]) -> dict[str, Any]:
    items = {}
    for key, item in value.items():
        if type(key) is not str:
            offences.append(Offence(path, f"expected str as a key, got {short(key)}"))
            continue
        found: list[Offence] = []
        _str(key, path, found)
        offences += [Offence(path, f"has a key that {offence.message}") for offence in found]
        items[key] = check(item, f"{path}[{key!r}]", offences)
    return items


def _tuple_of(arguments: tuple[Any, ...]) -> Check:
    if len(arguments) == 2 and arguments[1] is ...:
        return _variadic_tuple(arguments[0])
    places = tuple(argument for argument in arguments if argument != ())
    checks = [check_of(place) for place in places]
    name = f"tuple[{', '.join(map(type_name, places)) or '()'}]"

    def check(value: Any, path: str, offences: list[Offence]) -> Any:
        if type(value) not in (tuple, list):
            return _expected(name, value, path, offences)
        if len(value) != len(checks):
            return _expected(f"{name} of {len(checks)} items", value, path, offences)
        return tuple(
            item_check(item, f"{path}[{place}]", offences)
            for place, (item_check, item) in enumerate(zip(checks, value, strict=True))
        )

    return check


def _variadic_tuple(item_type: Any) -> Check:
    as_list = _list_of(item_type)
    name = f"tuple[{type_name(item_type)}, ...]"

    def check(value: Any, path: str, offences: list[Offence]) -> Any:
        if type(value) not in (tuple, list):
            return _expected(name, value, path, offences)
        return tuple(as_list(list(value), path, offences))

    return check


def _union(tp: Any) -> Check:
    """The arm that takes the value as it is, else the first that converts it."""
    arms = [check_of(arm) for arm in get_args(tp)]
    name = type_name(tp)

    def check(value: Any, path: str, offences: list[Offence]) -> Any:
        converted: list[Any] = []
        inside: list[list[Offence]] = []
        for arm in arms:
            found: list[Offence] = []
            outcome = arm(value, path, found)
            if found:
                # offences below the value's own path: this arm has the right shape and a wrong part
                inside += [found] if all(offence.path != path for offence in found) else []
            elif _same_types(outcome, value):
                return outcome
            else:
                converted.append(outcome)
        if converted:
            return converted[0]
        if len(inside) == 1:
            offences += inside[0]
            return value
        return _expected(name, value, path, offences)

    return check


def _same_types(outcome: Any, value: Any) -> bool:
    if type(outcome) is not type(value):
        return False
    if isinstance(value, (list, tuple)):
        return all(map(_same_types, outcome, value))
    if isinstance(value, dict):
        return all(_same_types(outcome[key], item) for key, item in value.items())
    return True


_SCALAR_CHECKS: dict[Any, Check] = {
    str: _str,
    int: _int,
    float: _float,
    bool: _exactly(bool),
    None: _exactly(type(None)),
    type(None): _exactly(type(None)),
    JSON: _json,
}
