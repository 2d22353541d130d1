"""``JSON`` itself, types without their wrappers, and the classes whose values are references in JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NewType, get_args, get_origin

import attrs

from lume_dsl.values.classes import class_of
from lume_dsl.values.names import is_union

__all__ = [
    "JSON",
    "SCALARS",
    "ReferenceForm",
    "arms_but_none",
    "arms_of",
    "plain_type",
    "reference_form",
    "register_reference",
]

if TYPE_CHECKING:
    from typing import TypeAlias

    JSON: TypeAlias = "dict[str, JSON]" | "list[JSON]" | str | int | float | bool | None
else:
    JSON = NewType("JSON", object)
    JSON.__doc__ = "Any JSON value: the type to write where a parameter holds JSON of no fixed shape."

SCALARS = (str, int, float, bool, type(None))
"""The JSON types that hold nothing else. Compared by identity: a subclass is another type."""


@attrs.frozen
class ReferenceForm:
    """How values of a class, and of its subclasses, are references in JSON. The layer that has the class registers it.

    Attributes:
        base: The class.
        read: The value that a reference stands for. It raises a ``LumeError`` where there is none.
        write: The reference of a value.
        schema: The JSON Schema of a reference to one of the class or of a subclass.
        example: A reference to one of the class or of a subclass, to show how it is written.
        named: The value of the class or of a subclass that a text of a command line names, as a path names a file. It
            raises a ``LumeError`` where there is none. None where texts name nothing.
    """

    base: type
    read: Callable[[dict[str, Any]], Any]
    write: Callable[[Any], dict[str, Any]]
    schema: Callable[[Any], dict[str, Any]]
    example: Callable[[Any], dict[str, Any]]
    named: Callable[[Any, str], Any] | None = None


_references: list[ReferenceForm] = []


def register_reference(form: ReferenceForm) -> None:
    """Values of ``form.base`` are references in JSON from now on."""
    _references.append(form)


def reference_form(tp: Any) -> ReferenceForm | None:
    """Return the form of a type whose values are references, or None."""
    cls = class_of(tp)
    if not isinstance(cls, type):
        return None
    return next((form for form in _references if issubclass(cls, form.base)), None)


def arms_of(tp: Any) -> list[Any]:
    """Return the types that a union is of, those of its unions and names included; of another type, itself."""
    tp = plain_type(tp)
    return [arm for part in get_args(tp) for arm in arms_of(part)] if is_union(tp) else [tp]


def arms_but_none(tp: Any) -> list[Any]:
    """Return the arms of a union but None; of another type, itself, unless that is None."""
    return [arm for arm in arms_of(tp) if arm is not None and arm is not type(None)]


def plain_type(tp: Any) -> Any:
    """The type without ``Annotated``, ``NewType`` and alias names around it, which say nothing of its JSON form."""
    while tp is not JSON:
        if get_origin(tp) is Annotated:
            tp = get_args(tp)[0]
        elif hasattr(tp, "__supertype__"):
            tp = tp.__supertype__
        elif type(tp).__name__ == "TypeAliasType" and not isinstance(tp, type):
            tp = tp.__value__
        else:
            break
    return tp
