"""Steps into values of JSON types, as ``settings.magnets.0.current`` writes them. It knows nothing of command lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

import attrs

from lume_dsl.errors import did_you_mean
from lume_dsl.values.classes import Field, fields_of, is_named_tuple, is_object
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.forms import JSON, arms_of
from lume_dsl.values.names import type_name
from lume_dsl.values.scalars import Offences, short
from lume_dsl.values.shapes import has_parts, is_shaped, item_types
from lume_dsl.values.tags import chosen_first, tag_of
from lume_dsl.values.units import unit_in

__all__ = ["Read", "with_part"]

Read = Callable[[Any, str], tuple[Any, Offences]]
"""Takes the type and the unit of a part; returns its value, and the offences of what was read for it."""

MOST_STEPS = 100
"""Far below Python's recursion limit."""


def with_part(value: Any, tp: Any, steps: Sequence[str], read: Read, unit: str = "") -> tuple[Any, Offences]:
    """Return the value with one part read anew, and the offences of the way there and of the part.

    Args:
        value: A value of ``tp`` in its JSON form, which stays as it is; whole or not, as only the steps are looked
            at. None is an object, dict or list of nothing.
        tp: The type.
        steps: A field's name, a dict's key, or the place of an item, each; the place after the last one appends.
        read: Gives the part.
        unit: The unit of the numbers that ``tp`` holds outside of objects.
    """
    if not steps:
        part, offences = read(tp, unit)
        return unstructure(part) if not offences else part, offences
    offences = Offences()
    if len(steps) > MOST_STEPS:
        offences.add(f"has more than {MOST_STEPS} levels in its path")
        return value, offences
    try:
        place = _place(value, tp, steps[0], unit)
    except _NoPlace as error:
        offences.add(str(error))
        return value, offences
    part, offences = with_part(place.held, place.type, steps[1:], read, place.unit)
    if offences:
        offences.inside(place.path, 0)
        return value, offences
    return place.filled(part), offences


class _NoPlace(Exception):
    """A step leads nowhere. The text says why, and where steps lead."""


@attrs.frozen
class _Place:
    """A part of a container in its JSON form: its key, and the type, unit and path of what is there."""

    container: dict[str, Any] | list[Any]
    key: Any
    type: Any
    unit: str
    path: str

    @property
    def held(self) -> Any:
        if isinstance(self.container, list):
            return self.container[self.key] if self.key < len(self.container) else None
        return self.container.get(self.key)

    def filled(self, part: Any) -> Any:
        if isinstance(self.container, list):
            return [*self.container[: self.key], part, *self.container[self.key + 1 :]]
        return {**self.container, self.key: part}


def _place(value: Any, tp: Any, step: str, unit: str) -> _Place:
    """Where a step leads, by the first arm of a union that the value so far fits and that knows the step."""
    shapes = [arm for arm in arms_of(tp) if has_parts(arm)]
    if not shapes:
        raise _NoPlace(f"is {_a(tp)}, which has no parts, so there is no {short(step)} in it")
    open_to = [shape for shape in shapes if value is None or is_shaped(value, shape)]
    if not open_to:
        raise _NoPlace(f"is {short(value)} so far, so there is no {short(step)} in it; give it as a whole first")
    if len(open_to) > 1:
        if (tag := tag_of(open_to)) and step == tag.field:
            return _Place(value or {}, step, tag.type, "", f".{step}")
        open_to.sort(key=lambda shape: bool(structure(value, shape)[1]))
        open_to = chosen_first(value, open_to)
    wrong = []
    for shape in open_to:
        try:
            return _place_in(value, shape, step, unit)
        except _NoPlace as error:
            wrong.append(error)
    raise wrong[0]


def _place_in(value: Any, tp: Any, step: str, unit: str) -> _Place:
    if is_object(tp):
        field = _field(tp, step)
        return _Place(value or {}, field.name, field.type, unit_in(field.type), f".{field.name}")
    if is_named_tuple(tp) and not _is_number(step):
        field = _field(tp, step)
        names = [one.name for one in fields_of(tp)]
        return _item(value or [], tp, str(names.index(field.name)), unit)
    if (tp is JSON and not isinstance(value, list)) or get_origin(tp) is dict:
        item_type = JSON if tp is JSON else get_args(tp)[1]
        return _Place(value or {}, step, item_type, unit, f"[{short(step)}]")
    return _item(value or [], tp, step, unit)


def _field(tp: Any, step: str) -> Field:
    fields = {field.name: field for field in fields_of(tp)}
    found = fields.get(step) or fields.get(step.replace("-", "_"))
    if found is None:
        near = did_you_mean(step, fields)
        raise _NoPlace(f"has no field {short(step)}{near} (the fields of {type_name(tp)}: {', '.join(fields)})")
    return found


def _item(items: list[Any], tp: Any, step: str, unit: str) -> _Place:
    if not _is_number(step):
        raise _NoPlace(f"is {_a(tp)}, whose items are numbered from 0, so there is no {short(step)} in it")
    place = int(step)
    types = item_types(tp, place + 1)
    if place >= len(types):
        raise _NoPlace(f"has {len(types)} item{'s' * (len(types) != 1)}, numbered from 0, so there is no {place}")
    if place > len(items):
        count = f"{len(items)} item{'s' * (len(items) != 1)} so far"
        raise _NoPlace(f"has {count}, so {place} is beyond its end; {len(items)} appends one")
    if is_named_tuple(tp):
        field = fields_of(tp)[place]
        return _Place(items, place, field.type, unit_in(field.type), f".{field.name}")
    return _Place(items, place, types[place], unit_in(types[place]) or unit, f"[{place}]")


def _is_number(step: str) -> bool:
    return step.isascii() and step.isdecimal() and len(step) < 10


def _a(tp: Any) -> str:
    return f"of type {type_name(tp)}"
