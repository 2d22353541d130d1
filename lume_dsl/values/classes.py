"""Classes that are JSON objects or arrays of named fields: attrs classes, dataclasses, TypedDicts and NamedTuples.

It tells their fields, with types, and nothing of values.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ForwardRef, TypeVar, get_args, get_origin, is_typeddict

import attrs
import typing_extensions

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


_hints: weakref.WeakKeyDictionary[type, dict[str, Any]] = weakref.WeakKeyDictionary()
"""The resolved annotations of each class that was met. The first look has the names of where it is used."""


def fields_of(tp: Any, names: Mapping[str, Any] | None = None) -> tuple[Field, ...]:
    """Return the fields of such a class, in order, with type arguments (``Box[int]``) put in their places.

    Args:
        tp: The class.
        names: Names that its annotations may use besides those of its module: of the function that defines it.

    Raises:
        NameError: An annotation uses a name that is not known; or whatever else its evaluation raises.
    """
    cls = class_of(tp)
    hints = _resolved(cls, names or {})
    known = dict(zip(getattr(cls, "__parameters__", ()), get_args(tp), strict=False)) | _inherited(cls)
    return tuple(attrs.evolve(field, type=_substituted(field.type, known)) for field in _plain_fields(cls, hints))


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


def _resolved(cls: type, names: Mapping[str, Any]) -> dict[str, Any]:
    found = _hints.get(cls)
    if found is None:
        found = {}
        for base in reversed(cls.__mro__) if not is_typed_dict(cls) else (cls,):
            found |= _own_hints(base, names)
        _hints[cls] = found
    return found


def _own_hints(cls: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of a class itself as types. Text in a class of a function is replaced by what it means.

    A worker that gets such a class by value has no names of the function to look it up with.
    """
    annotations = inspect.get_annotations(cls)
    if not any(_holds_text(annotation) for annotation in annotations.values()):
        return annotations
    module = vars(sys.modules.get(cls.__module__, typing))
    local = {cls.__name__: cls, **names}
    resolve: Callable[..., dict[str, Any]] = typing_extensions.get_type_hints
    holder = type(cls.__name__, (), {"__annotations__": annotations, "__module__": cls.__module__})
    hints = {k: v for k, v in resolve(holder, module, local, include_extras=True).items() if k in annotations}
    if "<locals>" in cls.__qualname__:
        cls.__annotations__ = hints
    return hints


def _holds_text(annotation: Any) -> bool:
    return isinstance(annotation, (str, ForwardRef)) or any(map(_holds_text, get_args(annotation)))


def _inherited(cls: Any) -> dict[Any, Any]:
    """The type variables of base classes that a class gives a type: ``class Ints(Box[int])``."""
    known: dict[Any, Any] = {}
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        parameters = getattr(origin, "__parameters__", ())
        given = zip(parameters, get_args(base), strict=False)
        known |= {variable: argument for variable, argument in given if variable is not argument}
        if isinstance(origin, type) and origin is not typing.Generic:
            known |= _inherited(origin)
    return known


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
