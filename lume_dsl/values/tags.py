"""The field that tells the classes of a union apart, as ``kind: Literal["circle"]``. It knows types alone."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import attrs

from lume_dsl.values.classes import fields_of, is_object
from lume_dsl.values.forms import plain_type, reference_form

__all__ = ["Tag", "chosen_first", "tag_of"]


@attrs.frozen
class Tag:
    """A field that all classes of a union have, each with values of its own.

    Attributes:
        field: Its name.
        arms: The classes by the JSON value that chooses each, and its type: ``1`` is not ``True``.
        type: The type of the field, whichever class it is of.
    """

    field: str
    arms: Mapping[tuple[type, Any], Any]
    type: Any

    def arm_of(self, value: Any) -> Any:
        """Return the class that a JSON object is of by its tag, or None where it has none, or another."""
        tag = value.get(self.field) if isinstance(value, dict) else None
        return self.arms.get((type(tag), tag)) if isinstance(tag, (str, int)) else None


def tag_of(arms: Sequence[Any]) -> Tag | None:
    """Return the tag of the classes among a union's arms, or None where they have none or are not several."""
    classes = [arm for arm in arms if is_object(arm) and reference_form(arm) is None]
    if len(classes) < 2:
        return None
    types = [{field.name: field.type for field in fields_of(arm)} for arm in classes]
    for name in types[0]:
        found = [(choice, arm) for fields, arm in zip(types, classes, strict=True) for choice in _choices(fields, name)]
        by_value = dict(found)
        if len(by_value) == len(found) and all(any(arm is one for _, one in found) for arm in classes):
            written = [choice for fields in types for choice in get_args(plain_type(fields[name]))]
            return Tag(name, by_value, Literal[tuple(written)])
    return None


def _choices(fields: Mapping[str, Any], name: str) -> list[tuple[type, Any]]:
    tp = plain_type(fields.get(name))
    choices = get_args(tp) if get_origin(tp) is Literal else ()
    plain = [choice.value if isinstance(choice, enum.Enum) else choice for choice in choices]
    return [(type(choice), choice) for choice in plain if isinstance(choice, (str, int))]


def chosen_first(value: Any, arms: Sequence[Any]) -> list[Any]:
    """Return the arms of a union with that first which a value's tag chooses."""
    tag = tag_of(arms) if isinstance(value, dict) and len(arms) > 1 else None
    chosen = tag and tag.arm_of(value)
    return sorted(arms, key=lambda arm: arm is not chosen)
