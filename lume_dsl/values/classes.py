"""Classes that are JSON objects or arrays of named fields: attrs classes, dataclasses, TypedDicts and NamedTuples.

It tells their fields, with types, and nothing of values.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
import weakref
from collections.abc import Mapping
from typing import Any, ForwardRef, NamedTuple, TypeVar, get_args, get_origin, is_typeddict

import attrs
import typing_extensions

from lume_dsl.values.annotations import resolved
from lume_dsl.values.names import type_name

__all__ = ["Field", "class_of", "fields_of", "is_named_tuple", "is_object", "is_record_class"]


@attrs.frozen
class Field:
    """One field: its name as an argument and in JSON, the attribute that holds it, and its type.

    Attributes:
        required: Whether a value must be given.
        kept: Whether the object keeps it under ``attribute`` (an ``InitVar`` is gone after the call).
    """

    name: str
    attribute: str
    type: Any
    required: bool
    kept: bool = True


def class_of(tp: Any) -> Any:
    """The class of a type, with or without arguments: ``Box`` of ``Box[int]``."""
    return get_origin(tp) or tp


def is_record_class(tp: Any) -> bool:
    """Whether it is an attrs class or a dataclass, with or without arguments."""
    cls = class_of(tp)
    return isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls))


def is_named_tuple(tp: Any) -> bool:
    """Whether it is a NamedTuple class, with or without arguments."""
    cls = class_of(tp)
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_object(tp: Any) -> bool:
    """Whether its JSON form is an object of named fields."""
    return is_record_class(tp) or is_typed_dict(tp)


def is_typed_dict(tp: Any) -> bool:
    """Whether it is a TypedDict, of ``typing`` or ``typing_extensions``, with or without arguments."""
    cls = class_of(tp)
    return is_typeddict(cls) or typing_extensions.is_typeddict(cls)


def fields_of(tp: Any, names: Mapping[str, Any] | None = None) -> tuple[Field, ...]:
    """Return the fields of such a class, in order, with type arguments (``Box[int]``) put in their places.

    Args:
        tp: The class.
        names: Names that its annotations may use besides those of its module: of the function that defines it.

    Raises:
        NameError: An annotation uses a name that is not known; or whatever else its evaluation raises.
    """
    fields = tuple(_plain_fields(class_of(tp), _typed_hints(tp, names or {})))
    for field in fields:
        if isinstance(field.type, _Failed):
            raise field.type.error
    return fields


def _plain_fields(cls: Any, hints: Mapping[str, Any]) -> list[Field]:
    if is_typed_dict(cls):
        return [_typed_dict_field(cls, name, hint) for name, hint in hints.items()]
    if is_named_tuple(cls):
        return [Field(name, name, hints.get(name, Any), name not in cls._field_defaults) for name in cls._fields]
    if attrs.has(cls):
        return [
            Field(f.alias or f.name, f.name, hints.get(f.name, Any), f.default is attrs.NOTHING)
            for f in attrs.fields(cls)
            if f.init
        ]
    missing = dataclasses.MISSING
    fields = [
        Field(f.name, f.name, hints.get(f.name, Any), f.default is missing and f.default_factory is missing)
        for f in dataclasses.fields(cls)
        if f.init
    ]
    variables = [name for name, hint in hints.items() if isinstance(hint, dataclasses.InitVar)]
    return fields + [Field(name, name, hints[name].type, required=False, kept=False) for name in variables]


def _typed_dict_field(cls: Any, name: str, hint: Any) -> Field:
    required = name in cls.__required_keys__
    while get_origin(hint) in _QUALIFIERS:
        required = _QUALIFIERS[get_origin(hint)] if get_origin(hint) in _SAYS_REQUIRED else required
        hint = get_args(hint)[0]
    return Field(name, name, hint, required)


_SAYS_REQUIRED = {typing_extensions.Required, typing_extensions.NotRequired}
_QUALIFIERS: dict[Any, bool] = {
    typing_extensions.Required: True,
    typing_extensions.NotRequired: False,
    typing_extensions.ReadOnly: True,
}


@attrs.frozen
class _Failed:
    """An annotation that cannot be resolved, which matters only if a field has it."""

    error: Exception


_own: weakref.WeakKeyDictionary[type, dict[str, Any]] = weakref.WeakKeyDictionary()
"""The resolved annotations of each class of a module, without those that it inherits."""


def _typed_hints(tp: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of a class and of its bases, each with the type arguments that it is given."""
    cls = class_of(tp)
    given = dict(zip(getattr(cls, "__parameters__", ()), get_args(tp), strict=False))
    own = {name: _substituted(hint, given) for name, hint in _own_hints(cls, names).items()}
    inherited: dict[str, Any] = {}
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        if class_of(base) not in _NO_FIELDS and isinstance(class_of(base), type):
            inherited |= _typed_hints(_substituted(base, given), names)
    # A TypedDict's own annotations hold those of its bases, with the bases' type variables.
    return {**own, **inherited} if is_typed_dict(cls) else {**inherited, **own}


_NO_FIELDS = (object, tuple, dict, typing.Generic, NamedTuple, typing.TypedDict, typing_extensions.TypedDict)


def _own_hints(cls: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of a class itself as types. Text in a class of a function is replaced by what it means.

    A worker that gets such a class by value has no names of the function to look it up with.
    """
    if cls in _own:
        return _own[cls]
    annotations = inspect.get_annotations(cls)
    is_local = "<locals>" in cls.__qualname__
    local = {cls.__name__: cls, **(names if is_local else {})}
    hints = {name: _meant(cls, annotation, local) for name, annotation in annotations.items()}
    if not is_local:
        _own[cls] = hints
    elif any(map(_holds_text, annotations.values())) and not any(isinstance(h, _Failed) for h in hints.values()):
        cls.__annotations__ = hints
    return hints


def _meant(cls: type, annotation: Any, local: Mapping[str, Any]) -> Any:
    if not _holds_text(annotation):
        return annotation
    module = vars(sys.modules.get(cls.__module__, typing))
    try:
        return resolved(annotation, module, local)
    except Exception as error:  # whatever the text raises
        return _Failed(error)


def _holds_text(annotation: Any) -> bool:
    return isinstance(annotation, (str, ForwardRef)) or any(map(_holds_text, get_args(annotation)))


def _substituted(tp: Any, known: Mapping[Any, Any]) -> Any:
    if isinstance(tp, TypeVar):
        return known.get(tp, tp)
    parameters = getattr(tp, "__parameters__", ())
    if not known or not parameters:
        return tp
    try:
        return tp[tuple(known.get(parameter, parameter) for parameter in parameters)]
    except TypeError as error:
        raise TypeError(f"the type arguments of {type_name(tp)} do not fit: {error}") from error
