"""``flatten`` makes one list of the items of a list's lists, whose type is followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl import flatten
from lume_dsl.declare.graph import Edge
from lume_dsl.errors import DefinitionError

TASKS = """
@task
def spots(image: int) -> list[float]:
    return [1.0 * image] * image

"""


def flow(define: Callable[..., Any], body: str) -> Any:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return define(f"{TASKS}class Scan(LumeFlow):\n    images: list[int] = parameter(default=[1, 2])\n{lines}")["Scan"]


@pytest.mark.parametrize(
    ("body", "tp"),
    [
        ("y = flatten(spots.map(images))", list[float]),
        ("rows: list[list[str]] = parameter()\ny = flatten(rows)", list[str]),
        ("rows: tuple[list[int], ...] = parameter()\ny = flatten(rows)", list[int]),
        ("rows: list[list[int] | None] = parameter()\ny = flatten(rows)", list),
        ("y = flatten(anything(images))", list),
        ("y = flatten([images, images])", list[int]),
        ("y = flatten([[1], images])", list[int]),
    ],
)
def test_its_type_is_a_list_of_the_items(define: Callable[..., Any], body: str, tp: Any) -> None:
    assert flow(define, body).__lume_graph__.members["y"].type == tp


def test_it_is_mapped_over_and_its_items_are_checked(define: Callable[..., Any]) -> None:
    graph = flow(define, "doubled = double.map(flatten(spots.map(images)))").__lume_graph__
    assert graph.members["doubled"].inputs["x"] == Edge("flatten", mapped=True)
    with pytest.raises(DefinitionError, match=r"expected list\[str\] for 'text', got list\[float\] from flatten"):
        flow(define, "texts = greet.map(flatten(spots.map(images)))")


@pytest.mark.parametrize("value", ["images", "images[0]", "{'a': images}", "greet.map(['a'])"])
def test_what_holds_no_lists_is_refused(define: Callable[..., Any], value: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        flow(define, f"y = flatten({value})")
    (problem,) = caught.value.problems
    assert (problem.kind, problem.subject) == ("operation-type", "Scan.y")
    assert problem.message.startswith("expected a list of lists to flatten, got ")


def test_outside_of_a_body_it_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"flatten\(\): was called outside a flow's body"):
        flatten([[1]])
