"""Classes that are JSON objects or arrays of named fields: attrs classes, dataclasses, TypedDicts and NamedTuples.

It tells their fields, with types, and nothing of values.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
import weakref
from collections.abc import Mapping
from typing import Any, ForwardRef, NamedTuple, TypeVar, get_args, get_origin, is_typeddict

import attrs
import typing_extensions

from lume_dsl.values.annotations import resolved
from lume_dsl.values.names import type_name

__all__ = [
    "Field",
    "class_of",
    "fields_of",
    "is_named_tuple",
    "is_object",
    "is_record_class",
    "known_fields",
    "known_hints",
]


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
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


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
    fields = tuple(_plain_fields(class_of(tp), _typed_hints(tp, names or {}, keep=True)))
    for field in fields:
        if isinstance(field.type, _Failed):
            raise field.type.error
    return fields


def known_fields(cls: Any) -> tuple[Field, ...]:
    """Return the fields of such a class, as far as they are known here; the class stays as it is.

    Where an annotation cannot be resolved the type is Any, and the field may lack: text may hold ``NotRequired``.
    """
    try:
        hints = _typed_hints(cls, {}, keep=False)
    except TypeError:  # type arguments of a base that do not fit
        hints = dict.fromkeys(_annotations(cls), Any)
    return tuple(
        attrs.evolve(field, type=Any, required=False) if isinstance(field.type, _Failed) else field
        for field in _plain_fields(cls, hints)
    )


def known_hints(cls: type, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotations of any class itself as types, Any where one cannot be resolved; the class stays as it is.

    ``ClassVar``, ``Final`` and ``InitVar`` are left around them.
    """
    hints = _own_hints(cls, names, keep=False)
    return {name: Any if isinstance(hint, _Failed) else hint for name, hint in hints.items()}


def _plain_fields(cls: Any, hints: Mapping[str, Any]) -> list[Field]:
    if is_typed_dict(cls):
        return [_typed_dict_field(cls, name, hint) for name, hint in hints.items()]
    if is_named_tuple(cls):
        defaults = getattr(cls, "_field_defaults", {})
        return [Field(name, name, hints.get(name, Any), name not in defaults) for name in cls._fields]
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
"""The annotations of each class of a module that could be resolved, without those that it inherits."""


def _typed_hints(tp: Any, names: Mapping[str, Any], keep: bool) -> dict[str, Any]:
    """The annotations of a class and of its bases, each with the type arguments that it is given."""
    cls = class_of(tp)
    given = dict(zip(getattr(cls, "__parameters__", ()), get_args(tp), strict=False))
    own = {name: _substituted(hint, given) for name, hint in _own_hints(cls, names, keep).items()}
    inherited: dict[str, Any] = {}
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        if class_of(base) not in _NO_FIELDS and isinstance(class_of(base), type):
            inherited |= _typed_hints(_substituted(base, given), names, keep)
    # A TypedDict's own annotations hold those of its bases, with the bases' type variables.
    return {**own, **inherited} if is_typed_dict(cls) else {**inherited, **own}


_NO_FIELDS = (object, tuple, dict, typing.Generic, NamedTuple, typing.TypedDict, typing_extensions.TypedDict)


def _own_hints(cls: Any, names: Mapping[str, Any], keep: bool) -> dict[str, Any]:
    """The annotations of a class itself as types.

    Where they are to be kept, text in a class of a function is replaced by what it means: a worker that gets such a
    class by value has no names of the function to look it up with. Text that fails stays, and is tried again each
    time, since its names may be defined by then.
    """
    annotations = _annotations(cls)
    is_of_module = "<locals>" not in cls.__qualname__ and cls.__module__ in sys.modules
    known = _own.setdefault(cls, {}) if is_of_module else {}
    if known.keys() >= annotations.keys():
        return {name: known[name] for name in annotations}
    local = {cls.__name__: cls, **({} if is_of_module else names), **_names_in(cls, annotations)}
    hints = {name: _meant(cls, annotation, local) for name, annotation in annotations.items()}
    meant = {name: hint for name, hint in hints.items() if not isinstance(hint, _Failed)}
    known.update(meant)
    if keep and not is_of_module and any(map(_holds_text, annotations.values())):
        cls.__annotations__ = {**annotations, **meant}
    return hints


def _annotations(cls: Any) -> dict[str, Any]:
    """The annotations of a class itself, as written; ``attr.ib(type=int)`` is one too."""
    own = cls.__dict__.get("__attrs_attrs__", ())
    types = {field.name: field.type for field in own if not field.inherited and field.type is not None}
    written = vars(cls).get("__annotations__")  # of a user's, who may write another thing
    return {**types, **written} if isinstance(written, dict) else types


def _names_in(cls: type, annotations: Mapping[str, Any]) -> dict[str, Any]:
    """What a class holds that its annotations may mean, such as a class in it: no fields, and no methods."""
    return {
        name: value for name, value in vars(cls).items() if name not in annotations and not hasattr(value, "__get__")
    }


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
