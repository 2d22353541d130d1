"""Types as a person would write them. It knows nothing of what a type is used for."""

from __future__ import annotations

import enum
import types
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

__all__ = ["is_enum", "is_union", "type_name"]


def is_union(tp: Any) -> bool:
    """Whether ``tp`` is ``A | B`` or ``Union[A, B]`` (``Optional`` included)."""
    return get_origin(tp) in (Union, types.UnionType)


def is_enum(tp: Any) -> TypeGuard[type[enum.Enum]]:
    """Whether ``tp`` is an Enum class (and not ``list[int]``, which is a type to Python 3.10)."""
    return isinstance(tp, type) and get_origin(tp) is None and issubclass(tp, enum.Enum)


def type_name(tp: Any) -> str:
    """Return the type as it would be written in an annotation: ``dict[str, int | None]``."""
    if tp is None or tp is type(None):
        return "None"
    if tp is Any:
        return "Any"
    if tp is ...:
        return "..."
    origin = get_origin(tp)
    if origin is Annotated:
        return type_name(get_args(tp)[0])
    if is_union(tp):
        return " | ".join(type_name(arm) for arm in get_args(tp))
    if origin is Literal:
        return f"Literal[{', '.join(repr(choice) for choice in get_args(tp))}]"
    if origin is not None and get_args(tp):
        return f"{type_name(origin)}[{', '.join(_argument_name(arg) for arg in get_args(tp))}]"
    if isinstance(tp, str):
        return tp
    return getattr(tp, "__name__", None) or str(tp).replace("typing.", "")


def _argument_name(argument: Any) -> str:
    if isinstance(argument, (list, tuple)):  # the arguments of a Callable, or the empty tuple
        return f"[{', '.join(type_name(item) for item in argument)}]" if argument else "()"
    return type_name(argument)
