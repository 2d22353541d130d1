"""JSON Schema of a flow: of its parameters and of its results. It knows the graph, and nothing of runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from lume_dsl.declare.graph import MISSING, FileResult, Graph, Member, Parameter, RecordResult
from lume_dsl.declare.parameters import spec_of
from lume_dsl.values.classes import is_named_tuple, is_typed_dict
from lume_dsl.values.convert import unstructure
from lume_dsl.values.forms import arms_of
from lume_dsl.values.jsontypes import offenders
from lume_dsl.values.names import type_name
from lume_dsl.values.schema import Definitions, anchored, constants, json_default, schema_of

if TYPE_CHECKING:
    from lume_dsl.declare.flow import FlowMeta

__all__ = ["DIALECT", "flow_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def flow_schema(flow_class: FlowMeta) -> Schema:
    """Return the JSON Schema (2020-12) of a flow's ``parameters`` and ``results``, as ``run --json`` prints them.

    ``schema["properties"]["parameters"]``, and ``["results"]``, are complete schemas by themselves. The first takes
    the documents ``d`` for which ``flow_class(**d)`` raises nothing, and these, which JSON Schema cannot refuse:

    - a whole number with a fraction, 3.0, for an int: it knows one kind of number;
    - an int that no float equals, for a float; an int of more than 8192 bits; more than 100 levels;
    - text with half of a surrogate pair;
    - what only Python code refuses: a validator of a parameter or of a class; a reference of a file or record of
      another class, or that is not there.

    Further, validators may divide floats for ``multiple_of``, where we count by the decimal text; a ``pattern`` is
    Python's, whose ``\\d`` and ``\\w`` take letters and digits of all scripts; and ``choices`` of a type that is
    written as text, such as ``Decimal``, are asked for as we write them: ``"1.5"``, not ``"1.50"``. Of a secret,
    which is ``writeOnly``, ``pattern`` and ``choices`` are not told, and what is printed is not its value. A variable
    that ``env`` names is not looked at.
    """
    graph = flow_class.__lume_graph__
    text = vars(flow_class).get("__doc__")
    return {
        "$schema": DIALECT,
        "title": flow_class.__lume_name__,
        **({"description": inspect.cleandoc(text)} if text else {}),
        "type": "object",
        "properties": {"parameters": _parameters(graph), "results": _results(graph)},
        "required": ["parameters", "results"],
    }


def _parameters(graph: Graph) -> Schema:
    definitions = Definitions()
    properties = {name: _parameter(member, definitions) for name, member in graph.parameters.items()}
    specs = {name: spec_of(member) for name, member in graph.parameters.items()}
    return _resource("parameters", properties, [n for n, s in specs.items() if s.required and not s.env], definitions)


def _results(graph: Graph) -> Schema:
    definitions = Definitions()
    properties = {name: _result(member, definitions) for name, member in graph.all_results.items()}
    return _resource("results", properties, list(properties), definitions)


def _resource(name: str, properties: Schema, required: list[str], definitions: Definitions) -> Schema:
    """A schema that stands alone and within another: with an ``$id``, references in it are to its own ``$defs``."""
    return {
        "$schema": DIALECT,
        "$id": name,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **({"$defs": definitions.schemas} if definitions.schemas else {}),
    }


def _parameter(member: Member, definitions: Definitions) -> Schema:
    spec = spec_of(member)
    schema: Schema = {"title": member.name}
    if spec.help:
        schema["description"] = spec.help
    if member.type is not Any:  # of a flow written by hand, which takes any value
        schema |= schema_of(member.type, definitions)
    for constraint in _constraints(member.type, _told(spec)):
        _constrain(schema, constraint)
    if spec.unit:
        schema["unit"] = spec.unit
    if spec.secret:
        return schema | {"writeOnly": True}
    if spec.default is not MISSING:
        schema |= json_default(spec.default)
    if spec.examples:
        schema["examples"] = [unstructure(example) for example in spec.examples]
    return schema


def _told(spec: Parameter) -> dict[str, Any]:
    """The constraints, but for those that would say what a secret is."""
    untold = ("choices", "pattern") if spec.secret else ()
    return {name: limit for name, limit in spec.constraints.items() if name not in untold}


def _result(member: Member, definitions: Definitions) -> Schema:
    about: Schema = {"title": member.name}
    if isinstance(member.work, (FileResult, RecordResult)):
        about["description"] = f"the reference of the {type_name(member.type)}"
    elif offenders(member.type):
        return about | {"description": f"the stored form of a value ({type_name(member.type)})"}
    return about | schema_of(member.type, definitions)


# constraints


def _constrain(schema: Schema, constraint: Schema) -> None:
    """The schema asks for the constraint too, beside what it has asked for: of a tuple, its number of items."""
    if constraint.keys() & schema.keys():
        schema.setdefault("allOf", []).append(constraint)
    else:
        schema.update(constraint)


_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


def _constraints(tp: Any, constraints: Mapping[str, Any]) -> list[Schema]:
    """The schemas of constraints. Their keywords bind no other values than ours do, but for those of ``Decimal``."""
    arms = arms_of(tp)
    found = [{_BOUNDS[name]: limit} for name, limit in constraints.items() if name in _BOUNDS]
    found += _lengths(arms, constraints.get("min_length"), constraints.get("max_length"))
    if "pattern" in constraints:
        found.append({"pattern": anchored(constraints["pattern"])})
    if "choices" in constraints:
        found.append(_choices(arms, constraints["choices"]))
    return found


def _choices(arms: list[Any], choices: tuple[Any, ...]) -> Schema:
    values = [unstructure(choice) for choice in choices]
    if None in arms or type(None) in arms:
        values.append(None)  # which they do not bind
    if any(isinstance(value, (list, dict)) for value in values):
        return {"enum": values}
    return constants(values)


def _lengths(arms: list[Any], least: int | None, most: int | None) -> list[Schema]:
    if least is None and most is None:
        return []
    nouns = {noun for arm in arms if (noun := _noun(arm))}
    found = [_limits(f"min{noun}", least, f"max{noun}", most) for noun in ("Length", "Items", "Properties")]
    found = [limits for limits, noun in zip(found, ("Length", "Items", "Properties"), strict=True) if noun in nouns]
    return found + ([{"pattern": _base64_pattern(least or 0, most)}] if bytes in arms else [])


def _limits(low: str, least: int | None, high: str, most: int | None) -> Schema:
    return {name: limit for name, limit in ((low, least), (high, most)) if limit is not None}


def _noun(tp: Any) -> str:
    """What JSON Schema counts in values of a type, or ""."""
    if tp is str or (get_origin(tp) is Literal and isinstance(get_args(tp)[0], str)):
        return "Length"
    if get_origin(tp) in (list, tuple) or is_named_tuple(tp):
        return "Items"
    return "Properties" if get_origin(tp) is dict or is_typed_dict(tp) else ""


def _base64_pattern(least: int, most: int | None) -> str:
    """Base64 of so many bytes: 4 characters for 3 of them, less the padding (RFC 4648, section 4)."""
    low, high = (-(-4 * number // 3) for number in (least, most or 0))
    return anchored(f"[^=]{{{low},{'' if most is None else high}}}=*")
