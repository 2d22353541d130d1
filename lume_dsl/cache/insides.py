"""What a value consists of that has no stored form as a whole: a set, a dict of functions. It must not know sources."""

from __future__ import annotations

import array
import collections
import datetime as dt
import fractions
import functools
import ipaddress
import operator
import re
import string
import types
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from lume_dsl.cache.packages import package_of

__all__ = ["Inside", "attributes_in", "inside_of"]

_ATTRIBUTES_COUNT = ("numpy", "scipy", "attr")
"""Packages whose objects are no more than their attributes, as ``np.poly1d`` and the validators of attrs.

Of others they are often a state.
"""


@attrs.frozen
class Inside:
    """What a value consists of.

    Attributes:
        items: Values, or tuples of some that belong together.
        in_order: Whether their order counts.
    """

    items: Iterable[Any]
    in_order: bool = True


def inside_of(value: Any) -> Inside | None:
    """Return what a value consists of; None where that is not known, or is a state: a connection, a generator."""
    for kinds, take in _KINDS:
        if isinstance(value, kinds):
            return take(value)
    package = package_of(type(value).__module__)
    return _attributes(value) if package is None or package in _ATTRIBUTES_COUNT else None


def _attributes(value: Any) -> Inside | None:
    found = attributes_in(value)
    return Inside(found) if found else None


def attributes_in(value: Any) -> list[tuple[str, Any]]:
    """Return the attributes of an object, but for what a cached property keeps in it.

    Also those in slots, and the name, as a ufunc of NumPy's has nothing else.
    """
    slots = {name for cls in type(value).__mro__ for name in _names(cls.__dict__.get("__slots__", ()))}
    names = {"__name__", "__wrapped__", *slots, *getattr(value, "__dict__", ())}
    kept = {name for name in names if _is_cached(type(value), name)}
    counting = sorted(name for name in names - kept if hasattr(value, name) and name not in _OF_MODULE)
    return [(name, getattr(value, name)) for name in counting]


def _is_cached(cls: type, name: str) -> bool:
    return any(isinstance(vars(base).get(name), functools.cached_property) for base in cls.__mro__)


_OF_MODULE = frozenset({"__module__", "__doc__", "__qualname__", "__annotations__", "__dict__", "__weakref__"})
"""What ``functools.update_wrapper`` copies, and says nothing of what an object does."""


def _names(slots: Any) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _builtin(value: types.BuiltinFunctionType) -> Inside:
    owner = value.__self__
    return Inside([value.__qualname__, value.__module__ if isinstance(owner, types.ModuleType) else owner])


def _members(value: Any) -> Inside:
    more = [("default factory", value.default_factory)] if isinstance(value, collections.defaultdict) else []
    return Inside([*more, *value.items()], in_order=False)


def _told(value: Any) -> Inside:
    return Inside([repr(value)])


def _rebuilt(value: Any) -> Inside:
    """Of a value of Python's that is no more than what it is copied by."""
    return Inside(value.__reduce_ex__(4)[:3])


_VALUES = (
    *(bytearray, array.array, dt.tzinfo, string.Template, BaseException),
    *(collections.ChainMap, collections.UserDict, collections.UserList, collections.UserString),
    *(ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network),
)

_KINDS: tuple[tuple[Any, Callable[[Any], Inside | None]], ...] = (
    ((dict, types.MappingProxyType), _members),
    ((set, frozenset), lambda value: Inside(value, in_order=False)),
    ((list, tuple, collections.deque), Inside),
    ((range, slice, fractions.Fraction), _told),
    (re.Pattern, lambda value: Inside([value.pattern, value.flags])),
    (types.SimpleNamespace, _attributes),
    (_VALUES, _rebuilt),
    (types.BuiltinFunctionType, _builtin),
    ((operator.itemgetter, operator.attrgetter, operator.methodcaller), lambda value: Inside(value.__reduce__())),
)
