"""``Kind``: how values of one type are stored, and why a value cannot be; it must not know which types there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

__all__ = ["TAG", "Kind", "Unstorable", "full_name", "kind_of", "kind_tagged", "register", "tagged"]

T = TypeVar("T")

TAG = "__lume__"
"""The member that marks an object as something other than a dict."""


@attrs.frozen
class Kind(Generic[T]):
    """How values of one type are stored: ``dump`` gives a value that is encoded, ``load`` gets it back decoded."""

    tag: str
    type: type[T]
    dump: Callable[[T], Any]
    load: Callable[[Any], T]


_by_tag: dict[str, Kind[Any]] = {}


def register(kind: Kind[Any]) -> None:
    """Values of ``kind.type`` and its subclasses are stored as ``kind`` says from now on."""
    _by_tag[kind.tag] = kind


def kind_of(value: Any) -> Kind[Any] | None:
    """Return the kind first registered whose type ``value`` is an instance of."""
    for kind in _by_tag.values():
        if isinstance(value, kind.type):
            return kind
    return None


def kind_tagged(tag: str) -> Kind[Any] | None:
    """Return the kind of this tag."""
    return _by_tag.get(tag)


def tagged(tag: str, content: Any) -> dict[str, Any]:
    """Return the object that a value of a kind is stored as."""
    return {TAG: tag, "value": content}


class Unstorable(Exception):
    """Why a value cannot be stored; each container on the way out puts its step after ``steps``."""

    def __init__(self, reason: str, *steps: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = list(steps)


def full_name(cls: type) -> str:
    """Return the name of a class with its module, as errors tell it."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
