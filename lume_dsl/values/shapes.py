"""Types as JSON arrays and objects that hold their parts. Of values it sees their kind alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from lume_dsl.values.classes import fields_of, is_named_tuple, is_object
from lume_dsl.values.forms import JSON, reference_form

__all__ = ["has_parts", "is_array", "is_shaped", "item_types", "lengths"]


def is_array(tp: Any) -> bool:
    """Whether the JSON form of a type that is no union is an array."""
    return get_origin(tp) in (list, tuple) or is_named_tuple(tp)


def has_parts(tp: Any) -> bool:
    """Whether steps lead into values of a type that is no union."""
    if tp is JSON or get_origin(tp) is dict or is_array(tp):
        return True
    return is_object(tp) and reference_form(tp) is None


def is_shaped(value: Any, tp: Any) -> bool:
    """Whether a list or dict is what the JSON form of a type that is no union is."""
    if isinstance(value, dict):
        return tp is JSON or get_origin(tp) is dict or is_object(tp)
    return isinstance(value, list) and (tp is JSON or is_array(tp))


def lengths(tp: Any) -> tuple[int, float]:
    """Return how many items arrays of a type have, at least and at most."""
    if is_named_tuple(tp):
        return sum(field.required for field in fields_of(tp)), len(fields_of(tp))
    arguments = _arguments(tp)
    return (len(arguments), len(arguments)) if get_origin(tp) is tuple and ... not in arguments else (0, math.inf)


def item_types(tp: Any, count: int) -> Sequence[Any]:
    """Return the type of each place of an array: of ``count`` places where it may have any length."""
    if tp is JSON:
        return [JSON] * count
    if is_named_tuple(tp):
        return [field.type for field in fields_of(tp)]
    arguments = _arguments(tp)
    return arguments[:1] * count if lengths(tp)[1] == math.inf else arguments


def _arguments(tp: Any) -> tuple[Any, ...]:
    return tuple(argument for argument in get_args(tp) if argument != ())  # how Python 3.10 spells that of tuple[()]
