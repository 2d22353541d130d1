"""The JSON Schema of a flow takes the parameters that the flow takes, and tells what a form needs to know of them."""

from __future__ import annotations

import datetime as dt
import enum
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lume_dsl import (
    JSON,
    DBResult,
    LumeFlow,
    ParameterError,
    TextFile,
    db_result,
    file_result,
    parameter,
    result,
    schema,
)
from lume_dsl.cli.flag_help import help_of
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.values.units import Unit


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


@attrs.frozen
class Window:
    low: float
    high: float = 1.0


class Plain(LumeFlow):
    """A scan.

    Of one quadrupole.
    """

    name: str = parameter(help="what it is called", examples=["QUAD:1"])
    charge: float = parameter(default=250, unit="pC", ge=0)
    current: Annotated[float, Unit("A")] = parameter(default=0.5)
    mode: Mode = parameter(default=Mode.FAST)
    day: dt.date = parameter(default=dt.date(2026, 11, 24))
    words: list[str] = parameter(factory=list)
    window: Window = parameter(default=Window(0.0), help="of the detector")
    other: Window | None = parameter(default=None)
    token: str = parameter(env="LUME_TEST_SCHEMA_TOKEN", secret=True)

    again: Window = result(window)
    whatever: object = result(name)
    note: TextFile = file_result(name, filename="note.txt")
    record: DBResult = db_result(name=name)


def parameters_schema(flow: FlowMeta) -> dict[str, Any]:
    found: dict[str, Any] = schema(flow)["properties"]["parameters"]
    return found


def flow_with(tp: Any, **constraints: Any) -> FlowMeta:
    """A flow with one parameter, ``x``."""
    names = {"LumeFlow": LumeFlow, "parameter": parameter, "tp": tp, "constraints": constraints}
    exec("class One(LumeFlow):\n    x: tp = parameter(**constraints)\n", names)
    flow = names["One"]
    assert isinstance(flow, FlowMeta)
    return flow


def takes(flow: FlowMeta, document: Mapping[str, Any]) -> bool:
    try:
        flow(**document)
    except ParameterError:
        return False
    return True


def test_the_document_tells_the_flow_its_parameters_and_its_results() -> None:
    document = Plain.schema()
    Draft202012Validator.check_schema(document)
    assert json.loads(json.dumps(document)) == document == schema(Plain)
    assert (document["title"], document["description"]) == ("Plain", "A scan.\n\nOf one quadrupole.")
    assert document["required"] == ["parameters", "results"]


def test_each_parameter_has_what_a_form_needs() -> None:
    found = parameters_schema(Plain)
    assert list(found["properties"]) == list(Plain.__lume_graph__.parameters)
    assert found["required"] == ["name"]
    assert found["properties"]["name"] == {
        "title": "name",
        "description": "what it is called",
        "type": "string",
        "examples": ["QUAD:1"],
    }
    assert found["properties"]["charge"] == {
        "title": "charge",
        "type": "number",
        "minimum": 0,
        "unit": "pC",
        "default": 250,
    }
    assert found["properties"]["current"] == {"title": "current", "type": "number", "unit": "A", "default": 0.5}
    assert found["properties"]["mode"] == {"title": "mode", "enum": ["fast", "slow"], "default": "fast"}
    assert found["properties"]["day"]["default"] == "2026-11-24"
    assert found["properties"]["window"] == {
        "title": "window",
        "description": "of the detector",
        "$ref": "#/$defs/Window",
        "default": {"low": 0.0, "high": 1.0},
    }
    assert found["properties"]["other"]["default"] is None
    assert "default" not in found["properties"]["words"]
    assert found["properties"]["token"] == {"title": "token", "type": "string", "writeOnly": True}


def test_what_a_secret_may_be_is_in_no_schema_and_no_help() -> None:
    class Guarded(LumeFlow):
        token: str = parameter(secret=True, pattern="s3.*|other", choices=["s3cret-1", "other"], min_length=5)
        shown: str = parameter(pattern="o.*", choices=["other"])

    assert parameters_schema(Guarded)["properties"] == {
        "token": {"title": "token", "type": "string", "minLength": 5, "writeOnly": True},
        "shown": {"title": "shown", "type": "string", "pattern": r"^(?:o.*)$(?!\n)", "const": "other"},
    }
    assert help_of(Guarded.__lume_graph__.parameters["token"], "str") == "[required]"


def test_each_result_has_the_schema_of_its_type_or_of_its_reference() -> None:
    found = schema(Plain)["properties"]["results"]
    assert found["required"] == list(found["properties"]) == ["again", "whatever", "note", "record"]
    assert found["properties"]["again"] == {"title": "again", "$ref": "#/$defs/Window"}
    assert found["properties"]["whatever"].keys() == {"title", "description"}
    assert "file_type_string" in found["properties"]["note"]["properties"]
    assert "result_type_string" in found["properties"]["record"]["properties"]


def test_the_two_members_are_schemas_by_themselves_and_within_the_document() -> None:
    given = {"name": "a", "window": {"low": 1, "high": 2}}
    wrong = {"name": "a", "window": {"low": "1"}}
    results = {
        "again": {"low": 0.0},
        "whatever": 3,
        "note": {"filename": "note.txt", "file_type_string": "a:b"},
        "record": {"result_type_string": "a:b", "query": {"unique_hash": "1"}},
    }
    jsonschema.validate(given, parameters_schema(Plain))
    jsonschema.validate(results, schema(Plain)["properties"]["results"])
    jsonschema.validate({"parameters": given, "results": results, "state": "Success"}, schema(Plain))
    whole, part = Draft202012Validator(schema(Plain)), Draft202012Validator(parameters_schema(Plain))
    assert not part.is_valid(wrong)
    assert not whole.is_valid({"parameters": wrong, "results": results})
    assert not whole.is_valid({"parameters": given, "results": {**results, "again": {}}})


def test_a_parameter_may_be_called_schema() -> None:
    class Shadowed(LumeFlow):
        schema: str = parameter(default="public")

    assert list(parameters_schema(Shadowed)["properties"]) == ["schema"]


def test_the_command_prints_the_document_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "scans.py").write_text(
        "from lume_dsl import LumeFlow, parameter, result\n"
        "print('imported')\n"
        "class Scan(LumeFlow):\n"
        "    x: int = parameter(ge=0)\n"
        "    y: int = result(x)\n"
    )
    process = subprocess.run(
        [sys.executable, "-m", "lume_dsl", "schema", "scans:Scan"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "imported\n")
    document = json.loads(process.stdout)
    assert document["properties"]["parameters"]["properties"]["x"] == {"title": "x", "type": "integer", "minimum": 0}
    assert process.stdout == json.dumps(document, indent=2) + "\n"


# constraints

CONSTRAINED: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (int, {"ge": 1, "le": 5}, {"type": "integer", "minimum": 1, "maximum": 5}),
    (float, {"gt": 0, "lt": 2.5}, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 2.5}),
    (float | None, {"ge": 0}, {"type": ["number", "null"], "minimum": 0}),
    (int | bool, {"ge": 1}, {"type": ["integer", "boolean"], "minimum": 1}),
    (int, {"multiple_of": 3}, {"type": "integer", "multipleOf": 3}),
    (float, {"multiple_of": 0.5}, {"type": "number", "multipleOf": 0.5}),
    (str, {"min_length": 1, "max_length": 3}, {"type": "string", "minLength": 1, "maxLength": 3}),
    (list[int], {"min_length": 2}, {"type": "array", "items": {"type": "integer"}, "minItems": 2}),
    (
        tuple[int, ...] | None,
        {"max_length": 1},
        {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}], "maxItems": 1},
    ),
    (
        dict[str, int],
        {"min_length": 1},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    ),
    (str | list[str], {"max_length": 2}, {}),
    (dt.date | list[str], {"min_length": 1}, {}),
    (tuple[int, int], {"min_length": 1, "max_length": 2}, {}),
    (bytes, {"min_length": 2, "max_length": 4}, {}),
    (bytes, {"min_length": 1}, {}),
    (bytes | None, {"max_length": 3}, {}),
    (str, {"pattern": "a+|b"}, {"type": "string", "pattern": r"^(?:a+|b)$(?!\n)"}),
    (str | None, {"pattern": "(?i)ab?"}, {}),
    (str, {"choices": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
    (str, {"choices": ["a", "b"], "max_length": 1, "pattern": "[ab]"}, {}),
    (str | None, {"choices": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
    (int, {"choices": [1]}, {"type": "integer", "const": 1}),
    (int | bool, {"choices": [1, True]}, {"type": ["integer", "boolean"], "enum": [1, True]}),
    (float, {"choices": [0.5, 2.5]}, {}),
    (Mode, {"choices": [Mode.FAST]}, {"enum": ["fast", "slow"], "const": "fast"}),
    (list[int], {"choices": [[1], [1, 2]]}, {}),
    (Literal[1, 5, "a"], {"ge": 2}, {"enum": [1, 5, "a"], "minimum": 2}),
    (JSON, {}, {}),
]

texts = st.text("abAB\n", max_size=5) | st.sampled_from(["2026-11-24", "fast", "slow"])
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 7),
        st.integers(-10, 30).map(lambda number: number / 4),
        texts,
        st.binary(max_size=5).map(lambda value: __import__("base64").b64encode(value).decode()),
    ),
    lambda inner: st.lists(inner | st.integers(1, 2), max_size=3) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def is_whole_float_for_an_int(document: Any) -> bool:
    """The one difference that these values have: JSON Schema takes 3.0 for an int."""
    if isinstance(document, (list, dict)):
        return any(map(is_whole_float_for_an_int, document.values() if isinstance(document, dict) else document))
    return isinstance(document, float) and document.is_integer()


@pytest.mark.parametrize(("tp", "constraints", "expected"), CONSTRAINED, ids=str)
def test_constraints_are_keywords_beside_the_type(
    tp: Any, constraints: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = parameters_schema(flow_with(tp, **constraints))
    Draft202012Validator.check_schema(found)
    if expected:
        assert found["properties"]["x"] == {"title": "x", **expected}


@pytest.mark.parametrize(("tp", "constraints", "_expected"), CONSTRAINED, ids=str)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flow_and_its_schema_take_the_same(tp: Any, constraints: dict[str, Any], _expected: Any, data: Any) -> None:
    flow = flow_with(tp, **constraints)
    document = {"x": data.draw(values)}
    by_schema, by_flow = Draft202012Validator(parameters_schema(flow)).is_valid(document), takes(flow, document)
    if by_schema and not by_flow and is_whole_float_for_an_int(document):
        return
    assert by_schema == by_flow


@given(st.dictionaries(st.sampled_from(["name", "charge", "words", "window", "token", "nmae"]), values))
@settings(max_examples=300, deadline=None)
def test_missing_and_unknown_parameters_are_the_same_to_both(document: dict[str, Any]) -> None:
    document = {"token": "t", **document}  # which only a variable would supply
    assert Draft202012Validator(parameters_schema(Plain)).is_valid(document) == takes(Plain, document)
