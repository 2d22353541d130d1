"""The typed fields that a ``DBResult`` subclass adds, to and from values that can be encoded.

It must not know stores. It loads cattrs, so it is imported when a record has such fields.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
from cattrs import Converter
from cattrs.strategies import configure_union_passthrough

from lume_dsl.errors import RecordError
from lume_dsl.files import File

__all__ = ["structure_fields", "unstructure_field"]

_AS_THEY_ARE = (bytes, datetime, date, time, timedelta, Path, UUID, Decimal)
"""Types that the encoding stores by itself."""


def _same(value: Any) -> Any:
    return value


def _checked(tp: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _tp: Any) -> Any:
        if not isinstance(value, tp):
            raise TypeError(f"expected {tp.__name__}, got {type(value).__name__}")
        return value

    return structure


def _is_untyped(tp: Any) -> bool:
    return any(tp is untyped for untyped in (Any, dict, list, tuple))


def _is_file(tp: Any) -> bool:
    origin = typing.get_origin(tp) or tp
    return isinstance(origin, type) and issubclass(origin, File)


def _converter() -> Converter:
    converter = Converter()
    for tp in _AS_THEY_ARE:
        converter.register_unstructure_hook(tp, _same)
        converter.register_structure_hook(tp, _checked(tp))
    # cattrs would make lists of the tuples in values of which no type is known.
    converter.register_unstructure_hook_func(_is_untyped, _same)
    converter.register_unstructure_hook_func(_is_file, _same)
    converter.register_structure_hook_func(_is_file, _checked(File))
    configure_union_passthrough(str | int | float | bool | bytes | datetime | None, converter)
    return converter


_CONVERTER = _converter()


@cache
def _types(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise RecordError(f"{cls.__name__}: the type of a field cannot be resolved: {error}") from error


def unstructure_field(cls: type, name: str, value: Any) -> Any:
    """Return the value of a field of ``cls`` as values that can be encoded: attrs classes become dicts."""
    return _CONVERTER.unstructure(value, unstructure_as=_types(cls)[name])


def structure_fields(cls: type[attrs.AttrsInstance], values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that give the fields of ``cls`` their values, each of its annotated type.

    Raises:
        RecordError: Naming a field whose stored value does not fit its type.
    """
    arguments = {}
    for field in attrs.fields(cls):
        if field.init and field.name in values:
            try:
                value = _CONVERTER.structure(values[field.name], _types(cls)[field.name])
            except Exception as error:  # cattrs' own groups and whatever a converter of the class raises
                raise RecordError(f"the stored {field.name} does not fit {cls.__name__}: {error}") from error
            arguments[field.alias or field.name] = value
    return arguments
