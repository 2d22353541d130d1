"""JSON Schema (2020-12) of JSON types. It knows types, and nothing of flows and of who validates.

What a schema takes and ``convert.structure`` refuses is told at ``declare.schema.flow_schema``; there is nothing the
other way round.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

import attrs

from lume_dsl.values.classes import Field, class_of, fields_of, is_named_tuple, is_object, is_typed_dict
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.forms import JSON, plain_type, reference_form
from lume_dsl.values.names import is_enum, is_union, type_name
from lume_dsl.values.textforms import TextForm, text_form
from lume_dsl.values.units import Unit

__all__ = ["Definitions", "anchored", "constants", "json_default", "schema_of"]

Schema = dict[str, Any]


@attrs.frozen
class Definitions:
    """The ``"$defs"`` of one schema: the schemas of the classes in it, each under a name of its own."""

    schemas: dict[str, Schema] = attrs.field(factory=dict)
    _names: list[tuple[Any, str]] = attrs.field(factory=list, init=False)  # not a dict: a type may be unhashable

    def reference(self, tp: Any) -> Schema:
        """The definition of a class is among the schemas; return the reference to it."""
        name = next((name for known, name in self._names if known == tp), "")
        if not name:
            name = self._new_name(tp)
            self._names.append((tp, name))
            self.schemas[name] = {}  # holds the place: the class may hold itself
            self.schemas[name] = _class_schema(tp, self)
        return {"$ref": f"#/$defs/{name}"}

    def _new_name(self, tp: Any) -> str:
        """A name that needs no escape in a URI: the class's, with its module where another class has that name."""
        cls = class_of(tp)
        spellings = type_name(tp), f"{cls.__module__}.{cls.__qualname__}{type_name(tp).removeprefix(cls.__name__)}"
        names = [re.sub(r"[^A-Za-z0-9_.-]+", "_", spelling).strip("_") or "class" for spelling in spellings]
        numbered = (f"{names[-1]}-{number}" for number in range(2, len(self._names) + 3))
        return next(name for name in (*names, *numbered) if name not in self.schemas)


def schema_of(tp: Any, definitions: Definitions) -> Schema:
    """Return the JSON Schema of a JSON type (``jsontypes.offenders(tp) == ()``); classes in it are in ``definitions``.

    Documents that it takes are those that ``structure`` takes for ``tp``, but for what ``flow_schema`` tells. The
    schema is a new dict, to which keywords may be added.
    """
    unit = next((extra.text for extra in _annotations(tp) if isinstance(extra, Unit) and extra.text), "")
    return _plain_schema(plain_type(tp), definitions) | ({"unit": unit} if unit else {})


def _annotations(tp: Any) -> tuple[Any, ...]:
    return tp.__metadata__ if get_origin(tp) is Annotated else ()


_SCALARS: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    None: "null",
    type(None): "null",
}


def _plain_schema(tp: Any, definitions: Definitions) -> Schema:
    if tp is JSON:
        return {}
    if tp is None or (isinstance(tp, type) and tp in _SCALARS):
        return {"type": _SCALARS[tp]}
    if (text := text_form(tp)) is not None:
        return _text_schema(text)
    if is_union(tp):
        return _union_schema(tp, definitions)
    if (form := reference_form(tp)) is not None:
        return dict(form.schema(tp))
    if is_enum(tp):
        return constants(tp)
    if is_object(tp) or is_named_tuple(tp):
        return definitions.reference(tp)
    return _composed_schema(tp, definitions)


def _composed_schema(tp: Any, definitions: Definitions) -> Schema:
    origin, arguments = get_origin(tp), get_args(tp)
    if origin is Literal:
        return constants(arguments)
    if origin is list or arguments[1:] == (...,):
        return {"type": "array", "items": schema_of(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], definitions)}
    if origin is tuple:
        places = [schema_of(argument, definitions) for argument in arguments if argument != ()]
        return _array_schema(places, len(places))
    raise TypeError(f"{type_name(tp)} is not JSON-serialisable")


def _array_schema(places: list[Schema], least: int) -> Schema:
    if not places:  # prefixItems must not be empty
        return {"type": "array", "maxItems": 0}
    return {
        "type": "array",
        "prefixItems": places,
        "items": False,
        "minItems": least,
        "maxItems": len(places),
    }


def _union_schema(tp: Any, definitions: Definitions) -> Schema:
    arms: list[Schema] = []
    for arm in _flat(tp, definitions):
        if arm not in arms:
            arms.append(arm)
    if len(arms) == 1:
        return arms[0]
    if all(arm.keys() == {"type"} and isinstance(arm["type"], str) for arm in arms):
        return {"type": [arm["type"] for arm in arms]}
    return {"anyOf": arms}


def _flat(tp: Any, definitions: Definitions) -> Iterator[Schema]:
    """The schemas of a union's arms, those of a union in it included. One with a unit stays whole."""
    for arm in get_args(tp):
        if is_union(plain_type(arm)) and not _annotations(arm):
            yield from _flat(plain_type(arm), definitions)
        else:
            yield schema_of(arm, definitions)


def constants(values: Iterable[Any]) -> Schema:
    """Return the schema of values that are told one by one: of their JSON forms, each once."""
    found = {(type(plain), plain): plain for plain in map(unstructure, values) if not isinstance(plain, (list, dict))}
    if len(found) == 1:
        return {"const": next(iter(found.values()))}
    return {"enum": list(found.values())}


# texts


_FORMATS = {date: "date", UUID: "uuid"}
"""Formats of JSON Schema that are not stricter than ours: its date-time and time want an offset, and its duration
knows neither a sign nor a fraction."""


def _text_schema(form: TextForm) -> Schema:
    schema: Schema = {"type": "string"}
    if form.type is Decimal:  # of which an int is one too
        schema = {"type": ["string", "integer"]}
    if form.type in _FORMATS:
        schema["format"] = _FORMATS[form.type]
    if form.pattern:
        # The digits of Unicode are no digits of ours, but they are to validators written in Python.
        schema["pattern"] = anchored(form.pattern.replace(r"\d", "[0-9]"))
    if form.type is bytes:
        schema["contentEncoding"] = "base64"
    return schema


_FLAGS = re.compile(r"\(\?([aiLmsux]+)\)")


def anchored(pattern: str) -> str:
    r"""Return a pattern that finds, searched for as JSON Schema says, what ``re.fullmatch`` takes.

    ``$`` of Python matches before a last line feed too, hence ``(?!\n)``, which says nothing to others.
    """
    flags = _FLAGS.match(pattern)
    if flags is None:
        return rf"^(?:{pattern})$(?!\n)"
    # Flags of the whole pattern must stand at its begin. With "x" a comment may end it.
    return rf"^(?{flags[1]}:{pattern[flags.end() :]}{chr(10) * ('x' in flags[1])})$(?!\n)"


# classes


def _class_schema(tp: Any, definitions: Definitions) -> Schema:
    fields = fields_of(tp)
    about: Schema = {"title": type_name(tp)}
    if text := _own_docstring(class_of(tp)):
        about["description"] = text
    defaults = _defaults(class_of(tp))
    properties = {field.name: _field_schema(field, defaults, definitions) for field in fields}
    if is_named_tuple(tp):
        places = [{"title": name, **schema} for name, schema in properties.items()]
        return about | _array_schema(places, sum(field.required for field in fields))
    required = [field.name for field in fields if field.required]
    return about | {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _field_schema(field: Field, defaults: Mapping[str, Any], definitions: Definitions) -> Schema:
    schema = schema_of(field.type, definitions)
    return schema | json_default(defaults[field.attribute]) if field.attribute in defaults else schema


def _own_docstring(cls: Any) -> str:
    """What the user wrote of a class. Dataclasses and NamedTuples without a docstring have their signature there."""
    text = vars(cls).get("__doc__") or ""
    return "" if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text)


def _defaults(cls: Any) -> dict[str, Any]:
    """The constant defaults of a class's fields, by attribute."""
    if is_typed_dict(cls):
        return {}
    if is_named_tuple(cls):
        return dict(cls._field_defaults)
    if attrs.has(cls):
        found = {field.name: field.default for field in attrs.fields(cls)}
        return {
            name: value
            for name, value in found.items()
            if value is not attrs.NOTHING and not isinstance(value, attrs.Factory)  # type: ignore[arg-type]  # a class
        }
    return {field.name: field.default for field in dataclasses.fields(cls) if field.default is not dataclasses.MISSING}


def json_default(value: Any) -> Schema:
    """Return ``{"default": value}`` in its JSON form, or {} where it has none."""
    try:
        plain = unstructure(value)
        offences = structure(plain, JSON)[1]
    except Exception:  # a reference of what was never saved; fields of a user's that were deleted
        return {}
    return {} if offences else {"default": plain}
