"""Annotations as types: text is resolved where it was written. It knows nothing of flows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType
from typing import Any

import attrs

from lume_dsl.values.annotations import resolved

__all__ = ["Hints", "Scope", "function_hints"]


@attrs.frozen
class Scope:
    """The names that annotations of a class may use: its module's, and those of functions around it."""

    globals: Mapping[str, Any]
    locals: Mapping[str, Any]

    @classmethod
    def of_frame(cls, frame: FrameType) -> Scope:
        """The scope of a class statement that this frame executes.

        Text may name what a function further out holds, which no closure keeps; it is found while that one runs.
        """
        names: dict[str, Any] = {}
        for function in _functions_around(frame):
            names = {**function.f_locals, **names}
        return cls(frame.f_globals, names)

    def resolve(self, annotation: Any, names: Mapping[str, Any] | None = None) -> Any:
        """Return the type that an annotation means, with ``names`` (the class's own) known too.

        Raises:
            Exception: It cannot be evaluated; whatever the evaluation raises.
        """
        return resolved(annotation, self.globals, {**self.locals, **(names or {})})


def _functions_around(frame: FrameType) -> Iterator[FrameType]:
    """The functions on the stack that a frame's code is written in, the nearest first; itself, if it is one."""
    if frame.f_locals is frame.f_globals:  # a module is in none
        return
    code = frame.f_code
    if code.co_flags & inspect.CO_OPTIMIZED:
        yield frame
    caller = frame.f_back
    while caller is not None:
        outer = caller.f_code
        if outer.co_flags & inspect.CO_OPTIMIZED and outer.co_filename == code.co_filename and _holds(outer, code):
            yield caller
            code = outer
        caller = caller.f_back


def _holds(outer: CodeType, inner: CodeType) -> bool:
    """Whether the one is written within the other, at any depth."""
    parts = [part for part in outer.co_consts if isinstance(part, CodeType)]
    return any(part is inner for part in parts) or any(_holds(part, inner) for part in parts)


@attrs.frozen
class Hints:
    """The annotated types of a function's arguments and of what it returns; ``Any`` where none is known."""

    arguments: Mapping[str, Any]
    returns: Any = Any


def function_hints(function: Callable[..., Any], scope: Scope) -> Hints:
    """Return the annotations of a function as types. What cannot be resolved is left out.

    Names are looked up in the function's module and closure, then in the scope of the flow that uses it.
    """
    plain = inspect.unwrap(function)
    annotations = dict(getattr(plain, "__annotations__", None) or {})
    if not annotations:
        return Hints({})
    own = Scope(getattr(plain, "__globals__", {}), {**scope.locals, **_closure_of(plain)})
    types = {}
    for name, annotation in annotations.items():
        try:
            types[name] = own.resolve(annotation)
        except Exception:  # unresolved text, a name that only type checkers import: nothing is known of it
            continue
    return Hints({name: tp for name, tp in types.items() if name != "return"}, types.get("return", Any))


def _closure_of(function: Any) -> dict[str, Any]:
    """The names that a function has from functions around it; ``super()``'s class has no value before it is made."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # it is empty
            continue
    return found
