"""The JSON Schema of a type takes the documents that are values of the type, and no others."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import json
import operator
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union, get_args, get_origin
from uuid import UUID

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typing_extensions import NotRequired, TypedDict

from lume_dsl.values.classes import fields_of, is_named_tuple, is_object
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.forms import JSON, plain_type
from lume_dsl.values.jsontypes import offenders
from lume_dsl.values.names import is_union
from lume_dsl.values.schema import Definitions, anchored, schema_of
from lume_dsl.values.textforms import TEXT_FORMS
from lume_dsl.values.units import Unit

T = TypeVar("T")
Charge = NewType("Charge", float)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 7


class Mixed(enum.Enum):
    NOTHING = None
    YES = True
    HALF = 0.5
    NAME = "name"


@attrs.frozen
class Quad:
    """A quadrupole magnet."""

    name: str
    current: Annotated[float, Unit("A")] = 0.5
    _tags: list[str] = attrs.field(factory=list)
    colour: Colour = Colour.RED
    installed: dt.date | None = None


@attrs.frozen
class Positive:
    value: int = attrs.field(validator=attrs.validators.gt(0))


@dataclasses.dataclass
class Beam:
    charge: Charge
    when: dt.datetime
    quads: tuple[Quad, ...] = ()
    width: float = 1.5


@attrs.frozen
class Tree:
    value: int
    children: list[Tree]
    parent: Tree | None = None


@attrs.frozen
class Box(Generic[T]):
    content: T
    spare: Optional[Box[T]] = None  # noqa: UP045 - Box[T] is a text in the class itself


class Point(NamedTuple):
    x: float
    y: float = 0.0
    label: str = ""


class Settings(TypedDict):
    gain: float
    mode: NotRequired[Literal["a", "b"]]
    inner: NotRequired[Settings]


class Empty(TypedDict):
    pass


SCALARS: tuple[Any, ...] = (str, int, float, bool, None, Charge, Annotated[float, Unit("mm")])
CLASSES: tuple[Any, ...] = (
    *(Quad, Positive, Beam, Tree, Box[int], Box[str], Box[list[dt.date]], Point, Settings, Empty, Box[Box[float]]),
    *(Colour, Level, Mixed),
)
LITERALS: tuple[Any, ...] = (
    *(Literal["a"], Literal[1, True, "1"], Literal[None, False, 0], Literal[b"hey", 2], Literal[Colour.RED, "green"]),
)

types: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([*SCALARS, JSON, *TEXT_FORMS, *CLASSES, *LITERALS, tuple[()]]),
    lambda inner: st.one_of(
        st.builds(lambda item: list[item], inner),  # type: ignore[valid-type]
        st.builds(lambda item: dict[str, item], inner),  # type: ignore[valid-type]
        st.builds(lambda item: tuple[item, ...], inner),  # type: ignore[valid-type]
        st.builds(lambda items: tuple[tuple(items)], st.lists(inner, min_size=1, max_size=3)),  # type: ignore[misc]
        st.builds(lambda arms: Union[tuple(arms)], st.lists(inner, min_size=2, max_size=3)),  # noqa: UP007 - None | None is no union
    ).filter(lambda tp: not offenders(tp)),
    max_leaves=6,
)

texts = st.text(max_size=6) | st.sampled_from(["red", "a", "name", "2026-11-24", "hey=", "1.5", "\n", "٣"])
numbers = st.one_of(
    st.integers(-3, 9),
    st.sampled_from([2**53 + 1, 2**64, 2**1024, -(2**8192)]),
    st.floats(allow_nan=False, allow_infinity=False),
)
documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
UNFOLDED = operator.methodcaller("replace", fold=0)
"""The second of two equal times of a day is refused, as its text is that of the first."""

SAMPLES: dict[Any, st.SearchStrategy[Any]] = {
    JSON: documents,
    str: texts,
    int: st.integers() | st.integers(-2, 2),
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5),
    bool: st.booleans(),
    None: st.none(),
    type(None): st.none(),
    dt.datetime: st.datetimes(timezones=st.none() | st.just(dt.timezone.utc)).map(UNFOLDED),
    dt.date: st.dates(),
    dt.time: st.times().map(UNFOLDED),
    dt.timedelta: st.timedeltas(),
    UUID: st.uuids(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False).filter(
        lambda value: TEXT_FORMS[Decimal].matches(str(value))
    ),
    bytes: st.binary(max_size=7),
    Path: st.builds(Path, st.sampled_from(["a", "a/b", ".", "/"])),
}


def documents_of(tp: Any, depth: int = 2) -> st.SearchStrategy[Any]:
    """JSON documents that are values of a type; classes that hold themselves end at the depth."""
    tp, origin, arguments = plain_type(tp), get_origin(plain_type(tp)), get_args(plain_type(tp))
    if tp in SAMPLES:
        return SAMPLES[tp].map(unstructure)
    if is_union(tp):
        arms = sorted(arguments, key=lambda arm: arm is not type(None))
        return st.one_of([documents_of(arm, depth) for arm in (arms if depth > 0 else arms[:1])])
    if origin is Literal or (isinstance(tp, type) and issubclass(tp, enum.Enum)):
        return st.sampled_from([unstructure(value) for value in arguments or tp])
    if is_object(tp) or is_named_tuple(tp):
        return objects_of(tp, depth - 1)
    if origin is tuple and arguments[1:] != (...,):
        return st.tuples(*(documents_of(argument, depth) for argument in arguments)).map(list)
    if tp not in TEXT_FORMS and depth <= 0:
        return st.just([] if origin is not dict else {})
    if origin in (list, tuple):
        return st.lists(documents_of(arguments[0], depth), max_size=2)
    if origin is dict:
        return st.dictionaries(texts, documents_of(arguments[1], depth), max_size=2)
    return SAMPLES[Path].map(str)


def objects_of(tp: Any, depth: int) -> st.SearchStrategy[Any]:
    fields = fields_of(tp)
    known = [field for field in fields if field.required or depth >= 0]
    values = {field.name: documents_of(field.type, depth) for field in known}
    if is_named_tuple(tp):
        return st.tuples(*values.values()).map(list)
    required = {field.name: values[field.name] for field in fields if field.required}
    optional = {name: values[name] for name in values if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def near_misses(draw: Callable[..., Any], right: st.SearchStrategy[Any]) -> Any:
    """A document with one change in it, at any depth."""
    return changed(draw, draw(right))


def changed(draw: Callable[..., Any], document: Any) -> Any:
    if isinstance(document, (list, dict)) and document and draw(st.integers(0, 3)):
        place = draw(st.sampled_from(sorted(document) if isinstance(document, dict) else range(len(document))))
        copy = document.copy()
        if draw(st.integers(0, 3)):
            copy[place] = changed(draw, document[place])
        else:
            del copy[place]
        return copy
    if isinstance(document, list):
        return [*document, draw(documents)]
    if isinstance(document, dict):
        return {**document, draw(texts): draw(documents)}
    if isinstance(document, str):
        place, character = draw(st.integers(0, len(document))), draw(st.sampled_from("0123456789:-+TZPWDS.=A\n٣ "))
        return document[:place] + character + document[place + draw(st.integers(0, 1)) :]
    close = {True: 1, False: 0} if isinstance(document, bool) else {1: True, 0: False}
    return close.get(document) if draw(st.booleans()) else draw(documents)


# the differences that ``flow_schema`` tells: what a schema takes and the check does not


def parts(document: Any) -> Iterator[Any]:
    """A document and all that it holds, keys included."""
    yield document
    if isinstance(document, dict):
        yield from document
    for item in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from parts(item)


def has_whole_float(document: Any) -> bool:
    return any(isinstance(part, float) and part.is_integer() for part in parts(document))


def has_int_that_no_float_equals(document: Any) -> bool:
    whole = [part for part in parts(document) if type(part) is int]
    return any(abs(number) >= 2**1024 or int(float(number)) != number for number in whole)


def has_half_of_a_surrogate_pair(document: Any) -> bool:
    return any(isinstance(part, str) and re.search("[\ud800-\udfff]", part) for part in parts(document))


def has_what_positive_refuses(document: Any) -> bool:
    return any(
        isinstance(part, dict) and type(part.get("value")) is int and part["value"] <= 0 for part in parts(document)
    )


def may_differ(document: Any) -> bool:
    return (
        has_whole_float(document)
        or has_int_that_no_float_equals(document)  # an int of more than 8192 bits is one
        or has_half_of_a_surrogate_pair(document)
        or has_what_positive_refuses(document)
    )


def whole_schema(tp: Any) -> dict[str, Any]:
    definitions = Definitions()
    schema = schema_of(tp, definitions)
    return {**schema, "$defs": definitions.schemas} if definitions.schemas else schema


def agree(document: Any, tp: Any) -> None:
    schema = whole_schema(tp)
    by_schema, by_check = Draft202012Validator(schema).is_valid(document), not structure(document, tp)[1]
    if by_schema and not by_check and may_differ(document):
        return
    assert by_schema == by_check, (document, tp, schema)


def many(examples: int) -> Callable[[Any], Any]:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@many(300)
@given(types)
def test_a_schema_is_one(tp: Any) -> None:
    schema = whole_schema(tp)
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


@many(500)
@given(st.data())
def test_a_schema_takes_the_values_of_its_type(data: st.DataObject) -> None:
    tp = data.draw(types)
    document = data.draw(documents_of(tp))
    agree(document, tp)
    value, offences = structure(document, tp)
    if not offences:
        assert Draft202012Validator(whole_schema(tp)).is_valid(unstructure(value))


@many(1000)
@given(st.data())
def test_a_schema_takes_nothing_that_its_type_does_not(data: st.DataObject) -> None:
    tp = data.draw(types)
    agree(data.draw(near_misses(documents_of(tp)) | documents), tp)


@pytest.mark.parametrize("tp", [*TEXT_FORMS, *CLASSES], ids=str)
@many(100)
@given(data=st.data())
def test_each_text_and_class_agrees(tp: Any, data: st.DataObject) -> None:
    document = data.draw(near_misses(documents_of(tp)))
    agree(document, tp)
    agree(changed(data.draw, document), tp)


# by example


@pytest.mark.parametrize(
    ("tp", "expected"),
    [
        (float, {"type": "number"}),
        (Charge, {"type": "number"}),
        (JSON, {}),
        (float | None, {"type": ["number", "null"]}),
        (Annotated[float, Unit("pC")], {"type": "number", "unit": "pC"}),
        (list[Annotated[float, Unit("A")]], {"type": "array", "items": {"type": "number", "unit": "A"}}),
        (list[int] | None, {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}),
        (dict[str, bool], {"type": "object", "additionalProperties": {"type": "boolean"}}),
        (tuple[()], {"type": "array", "maxItems": 0}),
        (Literal["a"], {"const": "a"}),
        (Literal[1, True], {"enum": [1, True]}),
        (Literal[Colour.RED, "red"], {"const": "red"}),
        (Colour, {"enum": ["red", "blue"]}),
        (Path, {"type": "string"}),
    ],
    ids=str,
)
def test_a_schema_is_as_short_as_it_can_be(tp: Any, expected: dict[str, Any]) -> None:
    assert whole_schema(tp) == expected


def test_an_array_of_places_tells_each() -> None:
    assert whole_schema(tuple[int, str]) == {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "string"}],
        "items": False,
        "minItems": 2,
        "maxItems": 2,
    }


def test_a_class_is_a_definition_with_its_title_docstring_and_defaults() -> None:
    schema = whole_schema(Quad | None)
    assert schema["anyOf"] == [{"$ref": "#/$defs/Quad"}, {"type": "null"}]
    quad = schema["$defs"]["Quad"]
    assert (quad["title"], quad["description"]) == ("Quad", "A quadrupole magnet.")
    assert quad["properties"]["current"] == {"type": "number", "unit": "A", "default": 0.5}
    assert quad["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}
    assert quad["properties"]["colour"] == {"enum": ["red", "blue"], "default": "red"}
    assert quad["properties"]["installed"]["default"] is None
    assert (quad["required"], quad["additionalProperties"]) == (["name"], False)


@pytest.mark.parametrize("tp", [Beam, Point, Tree, Settings])
def test_a_docstring_that_python_made_is_no_description(tp: Any) -> None:
    assert "description" not in whole_schema(tp)["$defs"][tp.__name__]


def test_a_class_that_holds_itself_refers_to_itself() -> None:
    schema = whole_schema(Tree)
    assert schema["$ref"] == "#/$defs/Tree"
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_each_use_of_a_generic_class_is_a_definition_of_its_own() -> None:
    schema = whole_schema(tuple[Box[int], Box[str], Box[int]])
    assert list(schema["$defs"]) == ["Box_int", "Box_str"]
    assert schema["$defs"]["Box_int"]["title"] == "Box[int]"


def test_two_classes_of_one_name_do_not_collide() -> None:
    others = [attrs.make_class("Quad", {"x": attrs.field(type=tp)}, frozen=True) for tp in (int, str, bool)]
    for other, module in zip(others, ["optics", "optics", "rf"], strict=True):
        other.__module__ = module
    schema = whole_schema(tuple[(Quad, *others)])  # type: ignore[valid-type]
    assert list(schema["$defs"]) == ["Quad", "optics.Quad", "optics.Quad-2", "rf.Quad"]
    assert Draft202012Validator(schema).is_valid([{"name": "q"}, {"x": 1}, {"x": "a"}, {"x": True}])
    assert not Draft202012Validator(schema).is_valid([{"name": "q"}, {"x": "a"}, {"x": 1}, {"x": True}])


@pytest.mark.parametrize("pattern", ["a|b", "a|ab", "^a$", "(?i)ab", "(?x) a  # the letter", "a$", "a.", "(a)\\1", ""])
@many(100)
@given(text=st.text("abA\n", max_size=4))
def test_an_anchored_pattern_takes_all_of_a_text(pattern: str, text: str) -> None:
    assert bool(re.search(anchored(pattern), text)) == bool(re.fullmatch(pattern, text))


def test_a_union_of_all_scalars_is_one_list_of_types() -> None:
    union = functools.reduce(operator.or_, [str, int, float, bool, None])
    assert whole_schema(union) == {"type": ["string", "integer", "number", "boolean", "null"]}
