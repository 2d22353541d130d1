"""Record classes as attrs classes, with or without a decorator, and values against their fields' types.

It must not know which fields a record has, nor stores.
"""

from __future__ import annotations

import threading
import typing
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from typing_extensions import dataclass_transform

from lume_dsl.errors import RecordError, did_you_mean
from lume_dsl.values.names import type_name

__all__ = ["AttrsByItself", "ByValue", "check_fields"]


class ByValue:
    """What attrs compares two values of a field by: arrays and frames too, of which ``==`` gives one answer an item."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByValue) and _same(self.value, other.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal: of equal types, shapes and items. Two NaN of an array are equal."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(map(_same, one, other))
    if callable(equals := getattr(one, "equals", None)):  # a data frame or a series
        return type(one) is type(other) and bool(equals(other))
    if _is_array(one) or _is_array(other):
        return _is_array(one) and _is_array(other) and _same_array(one, other)
    if attrs.has(type(one)) and type(one) is type(other) and not isinstance(one, AttrsByItself):
        return all(_same(getattr(one, f.name), getattr(other, f.name)) for f in attrs.fields(type(one)) if f.eq)
    return bool(one == other)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _same_array(one: Any, other: Any) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())


def _by_value(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    def compared(field: attrs.Attribute[Any]) -> attrs.Attribute[Any]:
        has_key = getattr(field, "eq_key", None) is not None  # attrs documents it, and its stubs leave it out
        return field if has_key or not field.eq else field.evolve(eq_key=ByValue)

    return list(map(compared, fields))


_making = threading.RLock()


class _FieldsOnDemand:
    """The ``__attrs_attrs__`` of a class that is not an attrs class yet: it becomes one when it is asked."""

    def __get__(self, _instance: object, cls: type[AttrsByItself]) -> tuple[attrs.Attribute[Any], ...]:
        with _making:
            (owner, own) = next((base, vars(base)[_FIELDS]) for base in cls.__mro__ if _FIELDS in vars(base))
            if own is self:
                _make(owner)
        return cls.__attrs_attrs__


_FIELDS = "__attrs_attrs__"
_READY = "__lume_ready__"


def _make(cls: type) -> None:
    """``cls`` is an attrs class: in place, so that whoever holds it has it."""
    try:
        # Slots would take another class. The methods for pickling, which attrs makes for those with slots alone,
        # keep a base class's own, which know its fields only, from being inherited.
        made = attrs.frozen(
            kw_only=True, slots=False, auto_attribs=True, getstate_setstate=True, field_transformer=_by_value
        )
        made(cls)
    except attrs.exceptions.UnannotatedAttributeError as error:
        raise RecordError(f"{cls.__name__}: {error}: write its type, x: float = attrs.field()") from error


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
class AttrsByItself:
    """Its subclasses are frozen attrs classes with keyword arguments, and so are theirs.

    A subclass that has no attrs decorator becomes one when an instance is made of it, or ``attrs.fields`` asks for
    its fields: not before, because while a class is made nobody knows whether a decorator follows.
    """

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]
    else:

        def __init_subclass__(cls, **options: Any) -> None:
            super().__init_subclass__(**options)
            if _FIELDS not in vars(cls):  # it is there in the class with slots that a decorator makes of another
                setattr(cls, _FIELDS, _FieldsOnDemand())

        def __new__(cls, *_arguments: Any, **_options: Any) -> Any:
            if _READY not in vars(cls):
                with _making:  # another thread may be half way through making it
                    attrs.fields(cls)
                    setattr(cls, _READY, True)
            return object.__new__(cls)


@cache
def _types(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise RecordError(f"{cls.__name__}: the type of a field cannot be resolved: {error}") from error


def check_fields(cls: type, values: typing.Mapping[str, Any], *, stored: bool = False) -> None:
    """Return if each value is of the type that the field of its name has in ``cls``.

    Of a container, its first item is looked at. ``stored`` says that the values come from a store, where they were
    right once.

    Raises:
        RecordError: Naming the field.
    """
    from typeguard import TypeCheckError, check_type  # 40 ms, for records with fields of their own alone

    for name, value in values.items():
        tp = _types(cls).get(name, Any)
        try:
            check_type(value, tp)
        except TypeCheckError as error:
            wrong = f"{'the stored ' if stored else ''}{name} does not fit {cls.__name__}"
            raise RecordError(f"{wrong}: expected {type_name(tp)}; {error}") from error


def check_named(cls: type[AttrsByItself], names: typing.Iterable[str], where: str) -> None:
    """Return if each name is a field's.

    Raises:
        RecordError: Naming the first that is none.
    """
    known = [field.name for field in attrs.fields(cls)]
    for name in names:
        if name not in known:
            raise RecordError(f"{where} names {name!r}, which is no field of it{did_you_mean(name, known)}")
