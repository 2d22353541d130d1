"""What an object calls that was given to it: a property, a partial, a cached function. It must not know sources."""

from __future__ import annotations

import functools
import gc
import types
import typing
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any

from lume_dsl.cache.insides import attributes_in
from lume_dsl.cache.packages import package_of

__all__ = ["cells_of", "held_by"]


def held_by(value: Any) -> list[Any] | None:
    """Return what an object calls or stands for, with what it hands to it; None where it is of no such kind.

    Of a kind that the user has derived, all else that it has is among it.
    """
    for kinds, take in _HOLDERS:
        if isinstance(value, kinds):
            own = package_of(type(value).__module__) is None
            return [*take(value), *(attributes_in(value) if own else ())]
    return [wrapped] if (wrapped := _wrapped(value)) is not None else None


def _wrapped(value: Any) -> Any:
    """What an object of a package's wraps, as functools.cache makes one; None of others.

    An object may give anything for any attribute that it is asked for: of what it has not, only a function counts.
    """
    if isinstance(value, (FunctionType, type)) or package_of(type(value).__module__) is None:
        return None
    found = getattr(value, "__wrapped__", None)
    return found if isinstance(found, FunctionType) or "__wrapped__" in getattr(value, "__dict__", ()) else None


def _partial(value: Any) -> list[Any]:
    return [value.func, *value.args, *sorted(value.keywords.items())]


def _property(value: Any) -> list[Any]:
    return [value.fget, value.fset, value.fdel]


def _reference(value: Any) -> list[Any]:
    """Of a weak one: only code, as whether anything else is there yet is a state."""
    target = value()
    return [target] if isinstance(target, (FunctionType, types.MethodType, type)) else []


_HOLDERS: tuple[tuple[Any, Callable[[Any], list[Any]]], ...] = (
    ((staticmethod, classmethod), lambda value: [value.__func__]),
    (types.MethodType, lambda value: [value.__func__, value.__self__]),
    ((functools.partial, functools.partialmethod), _partial),
    ((property, types.DynamicClassAttribute), _property),
    (functools.cached_property, lambda value: [value.func]),
    (weakref.ref, _reference),
    (type(functools.cmp_to_key(lambda one, other: 0)), gc.get_referents),  # which tells its function by nothing else
    (typing.NewType, lambda value: [value.__supertype__]),
    (
        (types.GenericAlias, types.UnionType, type(typing.List[int])),  # noqa: UP006  # the class of typing's own
        lambda value: [getattr(value, "__origin__", None), *value.__args__],
    ),
)


def cells_of(function: FunctionType) -> dict[str, Any]:
    """Return what is in the closure of a function, by name."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not set yet
            continue
    return found
