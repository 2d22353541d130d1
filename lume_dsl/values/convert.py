"""Values against JSON types: strict checks, and the way to and from JSON.

It knows types and values, and nothing of the flows whose parameters they are. ``structure`` is the one
check; it holds for a value from Python, from the command line and from JSON alike.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from lume_dsl.values.classes import fields_of, is_named_tuple, is_object, is_record_class
from lume_dsl.values.containers import any_json, check_of_class, dict_of, list_of, reference, tuple_of, union
from lume_dsl.values.document_errors import TOO_DEEP
from lume_dsl.values.forms import JSON, plain_type, reference_form
from lume_dsl.values.names import is_enum, is_union, type_name
from lume_dsl.values.scalars import (
    SCALAR_CHECKS,
    Check,
    Offence,
    Offences,
    choice_check,
    enum_check,
    short,
)
from lume_dsl.values.textforms import write_text_form

__all__ = ["Offence", "Offences", "check_of", "short", "structure", "unstructure"]


def structure(value: Any, tp: Any) -> tuple[Any, Offences]:
    """Return the value as ``tp`` holds it, and its offences (none: the value fits).

    Strict: ``5`` is not a ``str`` and ``True`` is not an ``int``. A value is taken as it is, or in its JSON form
    (``"2026-11-24"`` for a ``date``, an array for a ``tuple``, an object for an attrs class), or as an ``int`` that
    equals a ``float``; nothing else is converted. NaN and infinities are no JSON and do not fit a ``float``. All
    items are checked, at every level (there may be ``MOST_LEVELS``); the first ten offences are told and all are
    counted.

    ``tp`` must be JSON-serialisable (``jsontypes.offenders(tp) == ()``).
    """
    offences = Offences()
    try:
        return check_of(tp)(value, offences), offences
    except RecursionError:
        offences = Offences()
        offences.add(TOO_DEEP, "nest it less deeply", close=True)
        return value, offences


def unstructure(value: Any) -> Any:
    """Return the JSON form of a value that ``structure`` returned, which ``structure`` takes back.

    Tuples become lists; attrs classes and dataclasses dicts of their arguments; an Enum its value; dates, paths and
    the like text; files and records their references. Containers are new.
    """
    if type(value) in _AS_THEY_ARE:
        return value
    if type(value) is list and set(map(type, value)) <= _AS_THEY_ARE:
        return value.copy()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [unstructure(item) for item in value]
    if isinstance(value, dict):
        return {key: unstructure(item) for key, item in value.items()}
    if (form := reference_form(type(value))) is not None:
        return form.write(value)
    if is_record_class(type(value)):
        return {field.name: unstructure(getattr(value, field.attribute)) for field in fields_of(type(value))}
    text = write_text_form(value)
    return value if text is None else text


_AS_THEY_ARE = {str, int, float, bool, type(None)}


def check_of(tp: Any) -> Check:
    """Return the check of a type, built once for each way of writing it (``A | B`` equals ``B | A``)."""
    try:
        return _cached_check(tp, type_name(tp))
    except TypeError:  # unhashable: it is Annotated with a list, say
        return _build_check(tp)


@lru_cache(maxsize=1024)
def _cached_check(tp: Any, _spelling: str) -> Check:
    return _build_check(tp)


def _build_check(tp: Any) -> Check:
    tp = plain_type(tp)
    if tp is JSON:
        return any_json
    if tp in SCALAR_CHECKS:
        return SCALAR_CHECKS[tp]
    if is_union(tp):
        return union(tp, check_of)
    if (form := reference_form(tp)) is not None:
        return reference(tp, form)
    if is_enum(tp):
        return enum_check(tp)
    if is_object(tp) or is_named_tuple(tp):
        return check_of_class(tp, check_of)
    return _build_composed(tp)


def _build_composed(tp: Any) -> Check:
    origin, arguments = get_origin(tp), get_args(tp)
    if origin is Literal:
        return choice_check(tp, lambda value, item_type, offences: check_of(item_type)(value, offences))
    if origin is list:
        return list_of(arguments[0], check_of)
    if origin is dict:
        return dict_of(arguments[1], check_of)
    if origin is tuple:
        return tuple_of(arguments, check_of)
    raise TypeError(f"{type_name(tp)} is not JSON-serialisable")
