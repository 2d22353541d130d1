"""Which types are JSON-serialisable, proved from the type alone. It never looks at a value."""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs

from lume_dsl.values.classes import class_of, fields_of, is_named_tuple, is_object
from lume_dsl.values.forms import JSON, SCALARS, plain_type, reference_form
from lume_dsl.values.names import is_enum, is_union, type_name
from lume_dsl.values.overlap import confused
from lume_dsl.values.scalars import SCALAR_CHECKS, Offences
from lume_dsl.values.textforms import text_form

__all__ = ["JSON", "SCALARS", "Offender", "offenders"]


@attrs.frozen
class Offender:
    """A part of a type that is not JSON.

    Attributes:
        path: Where it stands in the type: ``""`` for the whole, ``"value"`` for the values of a dict,
            ``"item"`` for those of a list, ``"item 2"`` for one place of a tuple, a field's name for those
            of a class; nested ones are joined by ``" → "``.
        type: The offending type, as written.
        fix: What to write instead.
        why: What is wrong with it.
    """

    path: str
    type: str
    fix: str
    why: str = "is not JSON-serialisable"


def offenders(tp: Any, names: Mapping[str, Any] | None = None) -> tuple[Offender, ...]:
    """Return every part of ``tp`` that keeps it from being JSON, in the order written; () if it is JSON.

    JSON are ``str``, ``int``, ``float``, ``bool``, ``None``, ``JSON``, and ``dict[str, …]``, ``list[…]``,
    ``tuple[…]`` (fixed and variadic) and unions of them, nested to any depth (RFC 8259 names the values;
    a tuple is written as an array); and types that have one JSON form: ``Literal``, ``Enum``, ``datetime``,
    ``date``, ``time``, ``timedelta``, ``Path``, ``UUID``, ``Decimal``, ``bytes``, ``TypedDict``, ``NamedTuple``,
    dataclasses, attrs classes, and those that were registered (``File`` and ``DBResult``). The arms of a union are
    told apart by their JSON form.

    Args:
        tp: The type.
        names: Names that annotations of classes in it may use besides those of their modules.
    """
    try:
        return tuple(_Walk(names or {}).of(tp, ()))
    except RecursionError:
        why = "is made of itself with ever other type arguments"
        return (Offender("", type_name(tp), "let it hold itself with its own, as Box[T] of a class Box[T]", why),)


class _Walk:
    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.seen: list[Any] = []

    def of(self, tp: Any, path: tuple[str, ...]) -> list[Offender]:
        tp = plain_type(tp)
        if tp is None or tp is JSON or any(tp is scalar for scalar in SCALARS) or _is_known(tp):
            return []
        origin, arguments = get_origin(tp), get_args(tp)
        if is_union(tp):
            found = [offender for arm in arguments for offender in self.of(arm, path)]
            return found or self.of_union(tp, path)
        if origin is list and len(arguments) == 1:
            return self.of(arguments[0], (*path, "item"))
        if origin is tuple and tp is not typing.Tuple:  # noqa: UP006 - the bare alias, which says nothing of its items
            return self.of_tuple(arguments, path)
        if origin is dict and len(arguments) == 2:
            return self.of_dict(arguments, path)
        if origin is Literal:
            return self.of_literal(tp, path)
        if is_enum(tp):
            return self.of_enum(tp, path)
        if is_object(tp) or is_named_tuple(tp):
            return self.of_fields(tp, path)
        return [Offender(" → ".join(path), type_name(tp), _fix(tp))]

    def of_union(self, tp: Any, path: tuple[str, ...]) -> list[Offender]:
        pair = confused(tp)
        if pair is None:
            return []
        why = f"has two arms, {type_name(pair[0])} and {type_name(pair[1])}, that JSON cannot tell apart"
        return [Offender(" → ".join(path), type_name(tp), _told_apart(*pair), why)]

    def of_tuple(self, arguments: tuple[Any, ...], path: tuple[str, ...]) -> list[Offender]:
        if len(arguments) == 2 and arguments[1] is ...:
            return self.of(arguments[0], (*path, "item"))
        return [
            offender
            for place, argument in enumerate(arguments)
            if argument != ()  # how Python 3.10 spells the argument of tuple[()]
            for offender in self.of(argument, (*path, f"item {place}"))
        ]

    def of_dict(self, arguments: tuple[Any, Any], path: tuple[str, ...]) -> list[Offender]:
        key, value = arguments
        is_text = plain_type(key) is str
        found = [] if is_text else [Offender(" → ".join((*path, "key")), type_name(key), "use str for the keys")]
        return found + self.of(value, (*path, "value"))

    def of_literal(self, tp: Any, path: tuple[str, ...]) -> list[Offender]:
        members = {type(choice) for choice in get_args(tp) if isinstance(choice, enum.Enum)}
        plain = [choice.value if isinstance(choice, enum.Enum) else choice for choice in get_args(tp)]
        if len({(type(value), value) for value in plain}) < len(plain):
            return [Offender(" → ".join(path), type_name(tp), "keep one of them", "has two choices of one JSON form")]
        return [offender for member in members for offender in self.of_enum(member, path)]

    def of_enum(self, tp: type[enum.Enum], path: tuple[str, ...]) -> list[Offender]:
        name, where = type_name(tp), " → ".join(path)
        if issubclass(tp, enum.Flag):
            return [Offender(where, name, "use list[...] of an Enum: a Flag's combinations have no names")]
        wrong = [member for member in tp if not _is_json_scalar(member.value)]
        fix = "let the values of its members be str, int, float (finite) or bool"
        return [Offender(where, f"{name}.{member.name}, {member.value!r},", fix) for member in wrong[:1]]

    def of_fields(self, tp: Any, path: tuple[str, ...]) -> list[Offender]:
        if tp in self.seen:
            return []
        self.seen.append(tp)
        where, name = " → ".join(path), type_name(tp)
        try:
            fields = fields_of(tp, self.names)
        except Exception as error:  # whatever the text of an annotation raises
            why = f"has annotations that cannot be resolved: {error}"
            return [Offender(where, name, _unresolved_fix(tp, error), why)]
        found = []
        for field in fields:
            if not field.kept:
                why = f"has an InitVar, {field.name!r}, which cannot be read back"
                found.append(Offender(where, name, "make it a field", why))
            else:
                found += self.of(field.type, (*path, field.name))
        return found


def _told_apart(first: Any, second: Any) -> str:
    """How to mend a union of two such arms."""
    if is_object(first) and is_object(second):
        return 'give each a field that tells it, as kind: Literal["a"] = "a"'
    return "keep one of them, or hold each in a class of its own"


def _is_json_scalar(value: Any) -> bool:
    if type(value) not in SCALARS:
        return False
    offences = Offences()
    SCALAR_CHECKS[type(value)](value, offences)
    return not offences


def _is_known(tp: Any) -> bool:
    return text_form(tp) is not None or reference_form(tp) is not None


def _unresolved_fix(tp: Any, error: Exception) -> str:
    if isinstance(error, NameError) and "<locals>" in class_of(tp).__qualname__:
        return f"define {error.name} at module level, or write the class without `from __future__ import annotations`"
    return "import or define their names where the class is written"


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
    if isinstance(tp, TypeVar):
        return "say what it is: Box[float] of a class Box[T]"
    if isinstance(tp, (str, typing.ForwardRef)):  # in the value of an alias name, which may hold itself
        return "use a class, which may hold itself, or JSON"
    if tp is Any or tp is object:
        return "say what it holds, or write JSON (from lume_dsl) for any JSON value"
    if get_origin(tp) is typing.Final:
        return "a constant needs no annotation, or ClassVar"
    if isinstance(tp, type) and tp.__module__.partition(".")[0] == "numpy":
        is_scalar = any(base.__name__ == "generic" for base in tp.__mro__)
        return "use float, int or bool" if is_scalar else "use list[float], and make the array in a task"
    if isinstance(tp, type) and get_origin(tp) is None and not issubclass(tp, Callable) and tp.__module__ != "builtins":  # type: ignore[arg-type]  # a class at run time
        return "make it an attrs class or a dataclass, or use dict[str, …], list, tuple, str, int, float, bool or None"
    return "use dict[str, …], list, tuple, str, int, float, bool, None or unions of them"
