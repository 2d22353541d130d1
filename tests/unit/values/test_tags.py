"""Unions of classes that a field of constants tells apart."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal

import attrs
import jsonschema
import pytest
from typing_extensions import TypedDict

from lume_dsl import LumeFlow, Unit, parameter
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.forms import arms_of
from lume_dsl.values.paths import with_part
from lume_dsl.values.quantities import with_numbers
from lume_dsl.values.schema import Definitions, schema_of
from lume_dsl.values.tags import tag_of
from lume_dsl.values.text import parse_text


@dataclasses.dataclass(frozen=True)
class Circle:
    size: float = 1.0
    kind: Literal["circle", "disc"] = "circle"


@attrs.frozen
class Square:
    size: str
    kind: Literal["square"]


@attrs.frozen
class Group:
    charge: Annotated[float, Unit("pC")]
    shapes: list[Circle | Group] = attrs.field(factory=list)
    kind: Literal["group"] = "group"


Shape = Circle | Square | Group | None


@pytest.mark.parametrize(
    "value",
    [Circle(2.0), Circle(kind="disc"), Square("small", "square"), Group(1.0, [Circle(), Group(2.0)]), None],
    ids=repr,
)
def test_a_value_of_each_class_comes_back_and_validates(value: Any) -> None:
    assert structure(value, Shape)[0] == value
    document = json.loads(json.dumps(unstructure(value)))
    assert structure(document, Shape)[0] == value
    definitions = Definitions()
    schema = schema_of(Shape, definitions) | {"$defs": definitions.schemas}
    jsonschema.validate(document, schema)
    if value is not None:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "kind": "line"}, schema)


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"kind": "circle", "size": "x"}, ".size", "expected float, got 'x'"),
        ({"kind": "square", "size": 1.5}, ".size", "expected str, got 1.5"),
        ({"kind": "square"}, "", "lacks 'size', which Square requires"),
        ({"kind": "line"}, ".kind", "expected Literal['circle', 'disc', 'square', 'group'], got 'line'"),
        ({"kind": ["disc"]}, ".kind", "expected Literal['circle', 'disc', 'square', 'group'], got ['disc'] (list)"),
        ({"size": []}, "", "lacks 'kind', which tells what it is: Circle | Square | Group | None"),
        (
            {"kind": "group", "charge": 1.0, "shapes": [{"kind": "circle"}, {"kind": "disc", "size": "x"}]},
            ".shapes[1].size",
            "expected float, got 'x'",
        ),
        (5, "", "expected Circle | Square | Group | None, got 5"),
    ],
)
def test_what_is_wrong_is_told_of_the_class_that_the_tag_chooses(value: Any, path: str, message: str) -> None:
    (offence,) = structure(value, Shape)[1].shown
    assert (offence.path, offence.message) == (path, message)


@attrs.frozen
class Other:
    size: float = 1.0
    kind: Literal["disc"] = "disc"


class On(TypedDict):
    is_on: Literal[True]


class One(TypedDict):
    is_on: Literal[1]


def test_a_tag_has_values_of_its_own_for_each_class() -> None:
    assert tag_of([Circle, Other]) is None
    assert tag_of([Circle, int]) is None
    tag = tag_of([On, One, str])
    assert tag is not None
    assert (tag.arm_of({"is_on": True}), tag.arm_of({"is_on": 1}), tag.arm_of({})) == (On, One, None)


def part(value: Any, steps: list[str], text: str) -> Any:
    outcome, offences = with_part(value, Shape, steps, lambda tp, unit: parse_text(text, tp, unit))
    assert not offences
    return outcome


def test_parts_on_a_command_line_are_of_the_class_that_the_tag_chooses() -> None:
    assert part(None, ["kind"], "square") == {"kind": "square"}
    assert part({"kind": "square"}, ["size"], "5") == {"kind": "square", "size": "5"}
    assert part({"kind": "disc"}, ["size"], "5") == {"kind": "disc", "size": 5.0}
    assert part({"kind": "disc"}, ["kind"], "square") == {"kind": "square"}


def test_quantities_are_read_by_the_class_that_the_tag_chooses() -> None:
    assert with_numbers({"kind": "group", "charge": "1 nC"}, Shape)[0] == {"kind": "group", "charge": 1000.0}
    assert with_numbers({"kind": "square", "size": "1 nC"}, Shape)[0] == {"kind": "square", "size": "1 nC"}


def test_a_flow_takes_them() -> None:
    class Draw(LumeFlow):
        shape: Shape = parameter(default=Circle())
        others: list[Circle | Square] = parameter(default=[Circle(), Square("a", "square")])

    assert Draw(shape={"kind": "square", "size": "b"}).shape == Square("b", "square")
    assert len(arms_of(Shape)) == 4
