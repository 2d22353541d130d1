"""Which types are JSON-serialisable, proved from the type alone. It never looks at a value."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Annotated, Any, NewType, get_args, get_origin

import attrs

from lume_dsl.values.names import is_union, type_name

__all__ = ["JSON", "SCALARS", "Offender", "offenders"]

if TYPE_CHECKING:
    from typing import TypeAlias

    JSON: TypeAlias = "dict[str, JSON]" | "list[JSON]" | str | int | float | bool | None
else:
    JSON = NewType("JSON", object)
    JSON.__doc__ = "Any JSON value: the type to write where a parameter holds JSON of no fixed shape."

SCALARS = (str, int, float, bool, type(None))
"""The JSON types that hold nothing else. Compared by identity: a subclass is another type."""


@attrs.frozen
class Offender:
    """A part of a type that is not JSON.

    Attributes:
        path: Where it stands in the type: ``""`` for the whole, ``"value"`` for the values of a dict,
            ``"item"`` for those of a list, ``"item 2"`` for one place of a tuple; nested ones are joined
            by ``" → "``.
        type: The offending type, as written.
        fix: What to write instead.
    """

    path: str
    type: str
    fix: str


def offenders(tp: Any) -> tuple[Offender, ...]:
    """Return every part of ``tp`` that keeps it from being JSON, in the order written; () if it is JSON.

    JSON are ``str``, ``int``, ``float``, ``bool``, ``None``, ``JSON``, and ``dict[str, …]``, ``list[…]``,
    ``tuple[…]`` (fixed and variadic) and unions of them, nested to any depth (RFC 8259 names the values;
    a tuple is written as an array).
    """
    return tuple(_walk(tp, ()))


def _walk(tp: Any, path: tuple[str, ...]) -> list[Offender]:
    if tp is None or tp is JSON or any(tp is scalar for scalar in SCALARS):
        return []
    origin, arguments = get_origin(tp), get_args(tp)
    if origin is Annotated:
        return _walk(arguments[0], path)
    if is_union(tp):
        return [offender for arm in arguments for offender in _walk(arm, path)]
    if origin is list and len(arguments) == 1:
        return _walk(arguments[0], (*path, "item"))
    if origin is tuple and tp is not typing.Tuple:  # noqa: UP006 - the bare alias, which says nothing of its items
        return _walk_tuple(arguments, path)
    if origin is dict and len(arguments) == 2:
        return _walk_dict(arguments, path)
    return [Offender(" → ".join(path), type_name(tp), _fix(tp))]


def _walk_tuple(arguments: tuple[Any, ...], path: tuple[str, ...]) -> list[Offender]:
    if len(arguments) == 2 and arguments[1] is ...:
        return _walk(arguments[0], (*path, "item"))
    return [
        offender
        for place, argument in enumerate(arguments)
        if argument != ()  # how Python 3.10 spells the argument of tuple[()]
        for offender in _walk(argument, (*path, f"item {place}"))
    ]


def _walk_dict(arguments: tuple[Any, Any], path: tuple[str, ...]) -> list[Offender]:
    key, value = arguments
    is_text = key is str or (get_origin(key) is Annotated and get_args(key)[0] is str)
    found = [] if is_text else [Offender(" → ".join((*path, "key")), type_name(key), "use str for the keys")]
    return found + _walk(value, (*path, "value"))


def _fix(tp: Any) -> str:
    bare = {
        dict: "say what it holds: dict[str, float], or dict[str, JSON] for any JSON",
        list: "say what it holds: list[float], or list[JSON] for any JSON",
        tuple: "say what it holds: tuple[float, float], or tuple[float, ...]",
        set: "use list: a set has no order",
        frozenset: "use list: a set has no order",
        complex: "use tuple[float, float]",
    }
    for known in (tp, get_origin(tp)):
        if isinstance(known, type) and known in bare:
            return bare[known]
    if tp is Any or tp is object:
        return "say what it holds, or write JSON (from lume_dsl) for any JSON value"
    if get_origin(tp) is typing.Final:
        return "a constant needs no annotation, or ClassVar"
    if isinstance(tp, type) and tp.__module__.partition(".")[0] == "numpy":
        is_scalar = any(base.__name__ == "generic" for base in tp.__mro__)
        return "use float, int or bool" if is_scalar else "use list[float], and make the array in a task"
    return "use dict[str, …], list, tuple, str, int, float, bool, None or unions of them"
