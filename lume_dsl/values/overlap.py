"""Whether two arms of a union may have one JSON form, so that a value would come back as another."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from lume_dsl.values.classes import fields_of, is_object, is_typed_dict
from lume_dsl.values.forms import JSON, SCALARS, arms_of, plain_type, reference_form
from lume_dsl.values.names import is_enum, is_union
from lume_dsl.values.shapes import is_array, item_types, lengths
from lume_dsl.values.textforms import TEXT_FORMS, TextForm, text_form

__all__ = ["confused"]


def confused(union: Any) -> tuple[Any, Any] | None:
    """Return two arms of a union of JSON types that may have one JSON form and differ as values, or None."""
    arms = arms_of(union)
    for place, first in enumerate(arms):
        for second in arms[place + 1 :]:
            if _may_confuse(first, second):
                return first, second
    return None


def _may_confuse(a: Any, b: Any) -> bool:
    if a == b or (_is_itself(a) and _is_itself(b)):
        return False
    if len(arms_of(a)) > 1 or len(arms_of(b)) > 1:
        return any(_may_confuse(x, y) for x in arms_of(a) for y in arms_of(b))
    first, second = _forms(plain_type(a)), _forms(plain_type(b))
    if "any" in first or "any" in second or _is_int_of_float(first, second) or _is_int_of_float(second, first):
        return True
    return any(_DETAILS[kind](first[kind], second[kind]) for kind in first.keys() & second.keys())


def _is_int_of_float(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether an int that stands for something else, as an Enum's, is a float or a Decimal of the other."""
    constants = a.get("int")
    if not constants:
        return False
    is_decimal = isinstance(b.get("text"), TextForm) and b["text"].type is Decimal
    return is_decimal or ("float" in b and _same_constants(constants, b["float"]))


def _is_itself(tp: Any) -> bool:
    """Whether each value of the type is its own JSON form."""
    tp = plain_type(tp)
    if _is_scalar(tp):
        return True
    if get_origin(tp) in (list, dict) or is_union(tp):
        return all(map(_is_itself, get_args(tp)))
    if get_origin(tp) is Literal:
        return not any(isinstance(choice, (bytes, enum.Enum)) for choice in get_args(tp))
    # A TypedDict is not looked into further, as it may hold itself.
    return is_typed_dict(tp) and all(_is_scalar(field.type) for field in fields_of(tp))


def _is_scalar(tp: Any) -> bool:
    return tp is None or tp is JSON or tp in SCALARS


_NAMES: dict[Any, str] = {str: "text", int: "int", float: "float", bool: "bool", type(None): "null", None: "null"}


def _forms(tp: Any) -> dict[str, Any]:
    """The kinds of JSON values of a type, each with its constants, its ``TextForm``, its type, or None for all."""
    if tp is JSON:
        return {"any": None}
    if tp in _NAMES:
        return {_NAMES[tp]: None}
    if (form := text_form(tp)) is not None:
        return {"text": form}
    if get_origin(tp) is Literal:
        return _constants(get_args(tp))
    if is_enum(tp):
        return _constants(tuple(tp))
    return {"array" if is_array(tp) else "object": tp}


def _constants(values: tuple[Any, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for value in values:
        plain = value.value if isinstance(value, enum.Enum) else value
        if isinstance(plain, bytes):
            return {"text": TEXT_FORMS[bytes]}
        found.setdefault(_NAMES[type(plain)], set()).add(plain)
    return found


def _same_constants(a: Any, b: Any) -> bool:
    return a is None or b is None or bool(a & b)


def _same_texts(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return True
    if isinstance(a, TextForm) and isinstance(b, TextForm):
        free = {bytes, *(tp for tp, form in TEXT_FORMS.items() if not form.pattern)}
        return a.type in free or b.type in free
    if isinstance(a, TextForm):
        return any(map(a.matches, b))
    return any(map(b.matches, a)) if isinstance(b, TextForm) else bool(a & b)


def _same_arrays(a: Any, b: Any) -> bool:
    if get_origin(a) is get_origin(b) is list:
        return _may_confuse(get_args(a)[0], get_args(b)[0])
    (least, most), (other_least, other_most) = lengths(a), lengths(b)
    count = max(least, other_least)  # of those of both lengths, the shortest have the fewest places to differ in
    return count <= min(most, other_most) and not any(map(_are_apart, item_types(a, count), item_types(b, count)))


def _are_apart(a: Any, b: Any) -> bool:
    """Whether surely no JSON value is of both types."""
    return all(_arms_are_apart(x, y) for x in arms_of(a) for y in arms_of(b))


def _arms_are_apart(a: Any, b: Any) -> bool:
    first, second = _forms(a), _forms(b)
    if "any" in first or "any" in second or (first.keys() | second.keys()) >= {"int", "float"}:
        return False
    shared = first.keys() & second.keys()
    return not shared & {"array", "object"} and not any(_DETAILS[kind](first[kind], second[kind]) for kind in shared)


def _same_objects(a: Any, b: Any) -> bool:
    forms = reference_form(a), reference_form(b)
    if None not in forms:
        return False  # each names its class
    if get_origin(a) is get_origin(b) is dict:
        return _may_confuse(get_args(a)[1], get_args(b)[1])
    if not (is_object(a) and is_object(b)) or any(forms):
        return True
    return _taken_by(a, b) or _taken_by(b, a)


def _taken_by(a: Any, b: Any) -> bool:
    """Whether the JSON object of a value of ``a`` may have the fields that ``b`` asks for."""
    known = {field.name: field.type for field in fields_of(b)}
    written = {field.name: field.type for field in fields_of(a) if field.required or not is_typed_dict(a)}
    needed = {field.name for field in fields_of(b) if field.required}
    if not (written.keys() <= known.keys() and needed <= {field.name for field in fields_of(a)}):
        return False
    return not any(_are_apart(tp, known[name]) for name, tp in written.items())  # as Literal["a"] and Literal["b"] are


_DETAILS = {
    "text": _same_texts,
    "array": _same_arrays,
    "object": _same_objects,
    **dict.fromkeys(("int", "float", "bool", "null"), _same_constants),
}
