"""Quantities such as ``"0.25 nC"`` where a number is expected, at any depth of a value that a person wrote.

It knows types and units, and nothing of where the value was written.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin

from lume_dsl.values.classes import fields_of, is_named_tuple, is_object
from lume_dsl.values.convert import structure
from lume_dsl.values.forms import JSON, arms_of, plain_type, reference_form
from lume_dsl.values.names import type_name
from lume_dsl.values.scalars import Offences
from lume_dsl.values.shapes import is_shaped, item_types
from lume_dsl.values.tags import chosen_first
from lume_dsl.values.units import Unit, UnitError, read_quantity, unit_in

__all__ = ["all_units", "is_number_type", "may_hold_numbers", "takes_quantity", "with_numbers"]


def is_number_type(tp: Any) -> bool:
    """Whether values of the type, or of an arm of it, are ints or floats."""
    return any(arm in (int, float) or _is_number_literal(arm) for arm in arms_of(tp))


def takes_quantity(arm: Any) -> bool:
    """Whether a type that is no union has numbers, which a quantity may stand for."""
    return arm is Decimal or is_number_type(arm)


def may_hold_numbers(tp: Any) -> bool:
    """Whether there may be numbers in values of the type, outside of objects that have units of their own."""
    return any(
        arm is JSON or takes_quantity(arm) or (get_origin(arm) in _CONTAINERS and any(map(_holds, get_args(arm))))
        for arm in arms_of(tp)
    )


_CONTAINERS = (list, tuple, dict)


def _holds(part: Any) -> bool:
    return part is not ... and part != () and may_hold_numbers(part)


def all_units(tp: Any) -> list[str]:
    """Return every unit that stands in a type or in the classes in it, in the order written."""
    found: dict[str, None] = {}
    _gather_units(tp, found, [])
    return list(found)


def _gather_units(tp: Any, found: dict[str, None], seen: list[Any]) -> None:
    if get_origin(tp) is Annotated:
        found.update((extra.text, None) for extra in tp.__metadata__ if isinstance(extra, Unit))
    plain = plain_type(tp)
    if plain is not tp and get_origin(tp) is not Annotated:
        _gather_units(tp.__value__ if hasattr(tp, "__value__") else plain, found, seen)
        return
    if plain in seen or reference_form(plain) is not None:
        return
    if is_object(plain) or is_named_tuple(plain):
        seen.append(plain)
        parts = [field.type for field in fields_of(plain)]
    else:
        parts = [] if get_origin(plain) is Literal else [part for part in get_args(plain) if part not in (..., ())]
    for part in parts:
        _gather_units(part, found, seen)


def _is_number_literal(arm: Any) -> bool:
    return get_origin(arm) is Literal and type(get_args(arm)[0]) in (int, float)


def with_numbers(value: Any, tp: Any, unit: str = "") -> tuple[Any, Offences]:
    """Return the value with the numbers that its quantities stand for, and the offences of those that stand for none.

    Args:
        value: A value of ``tp`` as a document or a command line has it. What does not fit ``tp`` stays as it is.
        tp: The type.
        unit: The unit of the numbers that ``tp`` holds outside of objects, unless ``tp`` itself declares one.
    """
    offences = Offences()
    try:
        return _walk(value, tp, unit, offences), offences
    except RecursionError:  # which the check of the value against its type tells
        return value, Offences()


def _walk(value: Any, tp: Any, unit: str, offences: Offences) -> Any:
    unit = unit_in(tp) or unit
    if isinstance(value, str):
        return _number(value, tp, unit, offences) if unit else value
    if not isinstance(value, (list, dict)) or not value:
        return value
    shape = next((arm for arm in chosen_first(value, arms_of(tp)) if is_shaped(value, arm)), JSON)
    if shape is JSON or reference_form(shape) is not None:
        return value
    if isinstance(value, list):
        if {str, list, dict}.isdisjoint(map(type, value)):
            return value
        types = item_types(shape, len(value))
        parts = [(f"[{place}]", item, item_type) for place, (item, item_type) in enumerate(zip(value, types))]  # noqa: B905 - what is too long is refused elsewhere
        return [_part(*part, unit, offences) for part in parts] + value[len(parts) :]
    if is_object(shape):
        fields = {field.name: field.type for field in fields_of(shape)}
        return {
            key: _part(f".{key}", item, fields[key], "", offences) if key in fields else item
            for key, item in value.items()
        }
    item_type = get_args(shape)[1]
    return {key: _part(f"[{key!r}]", item, item_type, unit, offences) for key, item in value.items()}


def _part(step: str, value: Any, tp: Any, unit: str, offences: Offences) -> Any:
    before = offences.count
    outcome = _walk(value, tp, unit, offences)
    if offences.count != before:
        offences.inside(step, before)
    return outcome


def _number(text: str, tp: Any, unit: str, offences: Offences) -> Any:
    """The number that a text is for the first arm that has numbers, unless an arm takes the text as it is."""
    arms = arms_of(tp)
    numbers = [arm for arm in arms if takes_quantity(arm)]
    if not numbers or not structure(text, tp)[1]:
        return text
    try:
        quantity = read_quantity(text, unit)
    except UnitError as error:
        offences.add(str(error), close=True)
        return text
    if quantity is None:
        return text
    if Decimal in numbers:
        return quantity
    is_minus_zero = not quantity and quantity.is_signed()  # which no int is
    if quantity == quantity.to_integral_value() and numbers != [float] and not is_minus_zero:
        return int(quantity)
    if float not in numbers:
        offences.add(f"expected {type_name(tp)}, got {text!r}, which is {float(quantity)} {unit}", close=True)
        return text
    return float(quantity)
