"""The static types of a value's items, attributes and methods' values. It knows types, and nothing of flows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import operator
import pathlib
import sys
import types
from collections.abc import Mapping
from decimal import Decimal
from types import GenericAlias
from typing import Any, ClassVar, Final, get_args, get_origin

import attrs

from lume_dsl.declare.assignable import (
    assignable,
    filled,
    generic_bases,
    is_open,
    is_typed_dict,
    is_unpacked,
    keys_of,
    known_view,
    variables_of,
)
from lume_dsl.declare.graph import MISSING
from lume_dsl.declare.hints import Scope, function_hints
from lume_dsl.declare.outcomes import UNKNOWN, Outcome, each_arm, joined
from lume_dsl.errors import did_you_mean
from lume_dsl.values.classes import class_of, is_named_tuple, known_hints
from lume_dsl.values.jsontypes import JSON
from lume_dsl.values.names import is_union, type_name

__all__ = ["NOWHERE", "SAMPLES", "VARIANTS", "attribute", "item", "returned"]

NOWHERE = Scope({}, {})
"""The scope for hints that need no names but their own module's."""


SAMPLES: dict[Any, Any] = {
    bool: True, int: 1, float: 1.0, complex: 1 + 0j, str: "a", bytes: b"a", bytearray: bytearray(b"a"),
    type(None): None, list: [], tuple: (), dict: {}, set: set(), frozenset: frozenset(), range: range(1),
    dt.date: dt.date(2000, 1, 1), dt.datetime: dt.datetime(2000, 1, 1), dt.time: dt.time(),
    dt.timedelta: dt.timedelta(1), Decimal: Decimal(1),
    pathlib.Path: pathlib.Path("a"), pathlib.PurePath: pathlib.PurePath("a"),
    pathlib.PosixPath: pathlib.PurePosixPath("a"), pathlib.PurePosixPath: pathlib.PurePosixPath("a"), slice: slice(1),
}  # fmt: skip
"""One value of each class whose operators are known. None is zero or empty where that would fail."""

VARIANTS: dict[Any, tuple[type, ...]] = {
    float: (float, int),
    complex: (complex, float, int),
    dt.date: (dt.date, dt.datetime),
    bytes: (bytes, bytearray),
}
"""What a value of the class may be as well, so that an operator that one of them has does not surely fail."""


# methods


def returned(tp: Any, name: str, scope: Scope, argument: Any = MISSING) -> Any:
    """What a method of ``tp`` declares to return; Any if nothing, None if there is no method for the argument."""
    for base in generic_bases(tp):
        method = vars(class_of(base)).get(name, MISSING) if isinstance(class_of(base), type) else MISSING
        if method is MISSING:
            continue
        if not isinstance(method, types.FunctionType):
            return Any
        hints, variables = function_hints(method, scope), variables_of(base)
        names = method.__code__.co_varnames[1 : method.__code__.co_argcount]
        if argument is not MISSING and names:
            expected = filled(hints.arguments.get(names[0], Any), variables)
            if not assignable(argument, expected):
                return None
        return _declared(hints.returns, tp, variables)
    return None


def _declared(returns: Any, owner: Any, variables: Mapping[Any, Any]) -> Any:
    """A return annotation as a type: ``Self`` is the owner, and ``NotImplemented`` is no value."""
    if getattr(returns, "_name", "") == "Self":
        return owner
    if is_union(returns):
        left = [arm for arm in get_args(returns) if arm is not type(NotImplemented)]
        returns = functools.reduce(operator.or_, left) if left else Any
    return filled(returns, variables)


# items


def item(container: Any, key: Any, constant: Any = MISSING, scope: Scope = NOWHERE) -> Outcome:
    """Return the outcome of ``container[key]``; ``constant`` is the key itself, where it is known.

    >>> item(tuple[int, str], int, 1).type, item(tuple[int, str], int, 2).wrong
    (<class 'str'>, 'tuple[int, str] has 2 items, and none at 2')
    """
    return each_arm(lambda tp, by: _item(tp, by, constant, scope), container, key)


_INDEXABLE = (str, bytes, bytearray, list, tuple, dict, range)
_NEVER_AN_INDEX = (
    str,
    bytes,
    list,
    tuple,
    dict,
    set,
    frozenset,
    complex,
    type(None),
    dt.date,
    dt.datetime,
    dt.timedelta,
)


def _item(container: Any, key: Any, constant: Any, scope: Scope) -> Outcome:
    if container is JSON:
        return Outcome(JSON)
    if is_open(container):
        return UNKNOWN
    if is_typed_dict(container):
        return _of_typed_dict(container, constant)
    if class_of(container) in SAMPLES and class_of(container) not in _INDEXABLE:
        return Outcome(wrong=f"{type_name(container)} has no items", fix="take the item in a task")
    if class_of(container) not in SAMPLES and (found := returned(container, "__getitem__", scope, key)) not in (
        None,
        Any,
    ):
        return Outcome(found)
    view = known_view(container)
    cls, parts = class_of(view), get_args(view)
    if cls in _INDEXABLE and cls is not dict and class_of(key) in _NEVER_AN_INDEX:
        wrong = f"{type_name(container)} is indexed by an int, got {type_name(key)}"
        return Outcome(wrong=wrong, fix="index it with an int or a slice")
    if cls is tuple and parts:
        return _of_tuple(container, parts, key, constant)
    return Outcome(_of_sequence(cls, parts, key))


def _of_sequence(cls: Any, parts: tuple[Any, ...], key: Any) -> Any:
    is_index, is_slice = key in (int, bool), key is slice
    if cls in (str, bytes, bytearray, range) and (is_index or is_slice):
        return cls if is_slice or cls is str else int
    if is_slice:
        return (GenericAlias(cls, parts) if parts else cls) if cls is list else Any
    if len(parts) == 1 and is_index:
        return parts[0]
    return parts[1] if len(parts) == 2 and assignable(key, parts[0]) else Any


def _of_tuple(container: Any, parts: tuple[Any, ...], key: Any, constant: Any) -> Outcome:
    if any(map(is_unpacked, parts)):
        return UNKNOWN
    variadic = parts[1:] == (...,)
    if variadic:
        return Outcome(parts[0] if key in (int, bool) else GenericAlias(tuple, parts) if key is slice else Any)
    if isinstance(constant, slice):
        try:
            return Outcome(GenericAlias(tuple, parts[constant]))
        except Exception:  # a slice of something else than numbers
            return UNKNOWN
    if not isinstance(constant, int):
        return Outcome(joined(parts)) if key in (int, bool) else UNKNOWN
    if -len(parts) <= constant < len(parts):
        return Outcome(parts[constant])
    number = f"{len(parts)} item{'s' if len(parts) > 1 else ''}"
    wrong = f"{type_name(container)} has {number}, and none at {constant}"
    return Outcome(wrong=wrong, fix=f"write an index from 0 to {len(parts) - 1}")


def _of_typed_dict(typed_dict: Any, constant: Any) -> Outcome:
    if constant is MISSING:
        return UNKNOWN
    keys = keys_of(typed_dict)
    if isinstance(constant, str) and constant in keys:
        return Outcome(keys[constant][0])
    near = did_you_mean(constant, keys) if isinstance(constant, str) else ""
    wrong = f"{type_name(typed_dict)} has no key {constant!r}{near}"
    return Outcome(wrong=wrong, fix=f"its keys are {', '.join(keys) or 'none'}")


# attributes


def attribute(owner: Any, name: str, scope: Scope = NOWHERE) -> Outcome:
    """Return the outcome of ``owner.name``.

    >>> attribute(dt.date, "year").type, attribute(dt.date, "yaer").wrong
    (<class 'int'>, "date has no attribute 'yaer'; did you mean 'year'?")
    """
    return each_arm(lambda tp: _attribute(tp, name, scope), owner)


def _attribute(owner: Any, name: str, scope: Scope) -> Outcome:
    cls = class_of(owner)
    if is_open(owner) or not isinstance(cls, type):
        return UNKNOWN
    if cls in SAMPLES or is_typed_dict(cls):
        return _of_builtin(owner, cls if cls in SAMPLES else dict, name)
    if issubclass(cls, enum.Enum) and name in ("name", "value") and _of_enum(cls, name):
        return Outcome(joined([type(member.value) for member in cls] if name == "value" else [str]))
    for base in generic_bases(owner):
        found = _own_attribute(base, owner, name, scope)
        if found is not None:
            return Outcome(found)
    if not _surely_lacks(cls, name):
        return UNKNOWN
    known = [one for one in (*dir(cls), *_fields(cls)) if not one.startswith("_")]
    wrong = f"{type_name(owner)} has no attribute {name!r}{did_you_mean(name, known)}"
    return Outcome(wrong=wrong, fix=f"its attributes are {', '.join(_fields(cls) or known) or 'none'}")


def _of_enum(cls: type[enum.Enum], name: str) -> bool:
    """Whether an attribute is the one that every Enum has: there are members, and no class has its own."""
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return owner is enum.Enum and len(cls) > 0


def _of_builtin(owner: Any, cls: Any, name: str) -> Outcome:
    others = VARIANTS.get(cls, (cls,))
    if any(hasattr(SAMPLES[other], name) for other in others):
        found = type(getattr(SAMPLES[cls], name, None))
        if found in (pathlib.PosixPath, pathlib.PurePosixPath):
            return Outcome(cls)
        return Outcome(found if found in _PLAIN_ATTRIBUTES else Any)
    known = [one for one in dir(SAMPLES[cls]) if not one.startswith("_")]
    wrong = f"{type_name(owner)} has no attribute {name!r}{did_you_mean(name, known)}"
    is_dict = cls is dict
    return Outcome(wrong=wrong, fix=f"write [{name!r}] for an item" if is_dict else "take it from another value")


_PLAIN_ATTRIBUTES = (int, float, str, dt.timedelta, dt.date, dt.datetime, dt.time)


def _own_attribute(base: Any, owner: Any, name: str, scope: Scope) -> Any:
    """The type of an attribute that this very class has; Any where it is not known, None where it has none."""
    cls = class_of(base)
    if not isinstance(cls, type):
        return None
    value = vars(cls).get(name, MISSING)
    getter = value.fget if isinstance(value, property) else getattr(value, "func", None)
    if isinstance(value, (property, functools.cached_property)):
        return _declared(function_hints(getter, scope).returns, owner, variables_of(base)) if getter else Any
    annotated = _annotated(cls, name, scope)
    if annotated is not MISSING:
        return _declared(annotated, owner, variables_of(base))
    return None if value is MISSING else Any


def _annotated(cls: type, name: str, scope: Scope) -> Any:
    """What the class itself says that reading the attribute gives; Any where that is not known."""
    has_module = cls.__module__ in sys.modules
    tp = known_hints(cls, scope.locals if has_module else {**scope.globals, **scope.locals}).get(name, MISSING)
    while get_origin(tp) in (ClassVar, Final):
        tp = get_args(tp)[0]
    # A descriptor's own type is not what reading the attribute gives.
    is_special = hasattr(class_of(tp), "__get__") or isinstance(tp, dataclasses.InitVar)
    return Any if is_special else tp


def _fields(cls: Any) -> tuple[str, ...]:
    if attrs.has(cls):
        return tuple(field.name for field in attrs.fields(cls))
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    return tuple(getattr(cls, "_fields", ()))


def _surely_lacks(cls: type, name: str) -> bool:
    """Whether no value of a class with fields and without a ``__dict__`` has the attribute."""
    is_closed = attrs.has(cls) or dataclasses.is_dataclass(cls) or is_named_tuple(cls)
    own = {one for base in cls.__mro__ if base not in (object, tuple) for one in vars(base)}
    return is_closed and not hasattr(cls, name) and not own & {"__dict__", "__getattr__", "__getattribute__"}
