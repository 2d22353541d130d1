"""Instances of attrs classes, dataclasses and NamedTuples, and members of enums; it must not know the stored form.

They are taken apart into their fields, and put together again without calling anything of their class: an
instance is made by ``object.__new__`` (a NamedTuple by ``tuple.__new__``), and its own fields are set on it. So a
document runs no converter, validator, ``__init__`` or ``__setattr__``, whatever class it names.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import weakref
from functools import cached_property
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

import attrs

from lume_dsl.values.classes import is_named_tuple, is_record_class
from lume_dsl.values.kinds import Unstorable, full_name
from lume_dsl.values.type_names import named_type, type_string

__all__ = ["instance_of", "is_instance", "member_name", "member_of", "parts_of"]

_HEAP_TYPE = 1 << 9
"""The flag of a class that a ``class`` statement made; the others are built in, and hold more than fields."""

_HASH = "_attrs_cached_hash"
"""Where attrs keeps a hash; it is computed anew."""

_NOTHING: Any = attrs.NOTHING


@attrs.frozen
class _Shape:
    """The fields of a class: their names, and the defaults of those that have a constant one."""

    names: tuple[str, ...]
    defaults: dict[str, Any]
    is_tuple: bool
    others: frozenset[str]
    """Attributes that are set on its instances besides, in slots, and are no part of them."""


_shapes: weakref.WeakKeyDictionary[type, _Shape] = weakref.WeakKeyDictionary()


def is_instance(value: Any) -> bool:
    """Whether it is an instance of an attrs class, a dataclass or a NamedTuple."""
    return is_record_class(type(value)) or is_named_tuple(type(value))


def parts_of(value: Any) -> tuple[str, dict[str, Any]]:
    """Return the class's name and the fields by name, from which ``instance_of`` makes an equal instance.

    Raises:
        Unstorable: If the class cannot be found again, or the instance is more than its fields.
    """
    cls = type(value)
    name = _findable(cls)
    shape = _shape(cls)
    if shape.is_tuple:
        return name, dict(zip(shape.names, tuple.__iter__(value), strict=True))
    fields = {}
    for field in shape.names:
        try:
            fields[field] = getattr(value, field)
        except AttributeError:
            raise Unstorable(f"{full_name(cls)} cannot be stored: its field {field} was never set; set it") from None
    _check_no_more(value, shape)
    return name, fields


def _findable(cls: type) -> str:
    try:
        name = type_string(cls)
    except ValueError as error:
        raise Unstorable(f"it cannot be stored: {error}") from None
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    if found is None or module == "__main__":  # its script, or what sent it here, has it
        return name
    for part in qualname.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    if not isinstance(found, type):
        raise Unstorable(f"it cannot be stored: its class is not found again as {name}; give it that name there")
    return name


def _shape(cls: type) -> _Shape:
    shape = _shapes.get(cls)
    if shape is None:
        shape = _shapes[cls] = _shape_of(cls)
    return shape


def _shape_of(cls: type) -> _Shape:
    if hasattr(cls, "__del__"):
        raise Unstorable(f"{full_name(cls)} cannot be stored: it has __del__, so it is more than its fields")
    if is_named_tuple(cls):
        _check_bases(cls, tuple)
        names = tuple(cls._fields)  # type: ignore[attr-defined]  # a named tuple has them
        return _Shape(names, dict(getattr(cls, "_field_defaults", {})), True, frozenset())
    _check_bases(cls, object)
    defaults = _attrs_defaults(cls) if attrs.has(cls) else _dataclass_defaults(cls)
    for field in defaults:
        _check_plain(cls, field)
    constants = {field: default for field, default in defaults.items() if default is not _NOTHING}
    slots = {slot for base in cls.__mro__ for slot in _slots(base) if not _is_cached(cls, slot)}
    return _Shape(tuple(defaults), constants, False, frozenset(slots - set(defaults)))


def _check_bases(cls: type, allowed: type) -> None:
    for base in cls.__mro__:
        if not base.__flags__ & _HEAP_TYPE and base not in (allowed, object):
            reason = f"it derives from {base.__name__}, of which its fields tell nothing; write its parts"
            raise Unstorable(f"{full_name(cls)} cannot be stored: {reason}")


def _check_plain(cls: type, field: str) -> None:
    """To set an attribute that is computed would run what computes it."""
    for base in cls.__mro__:
        if field in vars(base):
            kept = vars(base)[field]
            if hasattr(type(kept), "__set__") and not isinstance(kept, MemberDescriptorType):
                raise Unstorable(f"{full_name(cls)} cannot be stored: its field {field} is computed; write its parts")
            return


_MADE_EMPTY = (list, dict, tuple, set)
"""Factories of defaults that run nothing of the class's."""


def _attrs_defaults(cls: type) -> dict[str, Any]:
    def constant(field: Any) -> Any:
        if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class, which its stub calls a function
            return field.default.factory() if field.default.factory in _MADE_EMPTY else _NOTHING
        return _NOTHING if field.converter is not None else field.default

    return {field.name: constant(field) for field in attrs.fields(cls)}


def _dataclass_defaults(cls: Any) -> dict[str, Any]:
    def constant(field: dataclasses.Field[Any]) -> Any:
        if field.default_factory in _MADE_EMPTY:
            return field.default_factory()
        return _NOTHING if field.default is dataclasses.MISSING else field.default

    return {field.name: constant(field) for field in dataclasses.fields(cls)}


def _slots(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if not name.startswith("__") and isinstance(vars(cls).get(name), _SLOTS))


_SLOTS = (MemberDescriptorType, GetSetDescriptorType)


def _check_no_more(value: Any, shape: _Shape) -> None:
    """An instance that has attributes besides its fields would come back without them."""
    set_besides = set(getattr(value, "__dict__", ())) - set(shape.names)
    set_besides |= {name for name in shape.others if hasattr(value, name)}
    for name in sorted(set_besides):
        if name == _HASH or name.startswith("__") or _is_cached(type(value), name):
            continue
        raise Unstorable(
            f"{full_name(type(value))} cannot be stored: its attribute {name} is none of its fields; make it one"
        )


def _is_cached(cls: type, name: str) -> bool:
    if any(isinstance(vars(base).get(name), cached_property) for base in cls.__mro__):
        return True
    # attrs makes slots of the cached properties of a slotted class, which its __getattr__ has as a default.
    lookups = (vars(base).get("__getattr__") for base in cls.__mro__)
    defaults = [default for lookup in lookups for default in getattr(lookup, "__defaults__", None) or ()]
    return any(isinstance(default, dict) and name in default for default in defaults)


def instance_of(name: str, fields: Any) -> Any:
    """Return an instance of the class with this name, with these fields; nothing of the class is called.

    A field that the class has gained since has its constant default.

    Raises:
        ValueError: If there is no such class, or if it has other fields.
    """
    cls: Any = named_type(name, object)
    if not isinstance(fields, dict):
        raise ValueError("its fields are not an object")
    if not is_record_class(cls) and not is_named_tuple(cls):
        raise ValueError(f"{name!r} is neither an attrs class, nor a dataclass or NamedTuple")
    try:
        shape = _shape(cls)
    except Unstorable as error:
        raise ValueError(error.reason) from None
    values = _completed(name, shape, fields)
    if shape.is_tuple:
        return tuple.__new__(cls, values.values())
    instance = object.__new__(cls)
    for field, value in values.items():
        object.__setattr__(instance, field, value)
    if _HASH in shape.others or _keeps_hash(cls):
        object.__setattr__(instance, _HASH, None)
    return instance


def _keeps_hash(cls: type) -> bool:
    return _HASH in getattr(getattr(cls.__hash__, "__code__", None), "co_names", ())


def _completed(name: str, shape: _Shape, fields: dict[str, Any]) -> dict[str, Any]:
    for field in fields:
        if field not in shape.names:
            raise ValueError(f"{name} has no field {field!r} any more; give it one to load what was saved with it")
    missing = [field for field in shape.names if field not in fields and field not in shape.defaults]
    if missing:
        raise ValueError(f"{name} has gained the field {missing[0]!r}; give it a default to load what has none")
    return {field: fields[field] if field in fields else _fresh(shape.defaults[field]) for field in shape.names}


def _fresh(default: Any) -> Any:
    """The default; an empty container that instances must not share is copied."""
    return type(default)() if type(default) in _MADE_EMPTY and not default else default


# enums


def member_name(value: enum.Enum) -> tuple[str, str]:
    """Return the name of an enum member's class, and its own.

    Raises:
        Unstorable: If the class cannot be found again, or the value is several flags.
    """
    cls = type(value)
    name: Any = value._name_  # None for several flags in Python 3.10
    if cls.__members__.get(name) is not value:
        raise Unstorable(f"{value!r} cannot be stored, as it is not one member; write its .value")
    return _findable(cls), name


def member_of(type_name: str, name: str) -> enum.Enum:
    """Return the member of an enum; nothing of it is called. Raises a ValueError where there is none."""
    cls = named_type(type_name, enum.Enum)
    member = vars(cls)["_member_map_"].get(name) if "_member_map_" in vars(cls) else None
    if not isinstance(member, cls):
        raise ValueError(f"{type_name} has no member {name!r} any more; give it one to load what was saved with it")
    return member
