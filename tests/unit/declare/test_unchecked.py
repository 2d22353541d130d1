"""``unchecked`` opts one edge out of the check of types, and changes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from lume_dsl import task, unchecked
from lume_dsl.declare.graph import Graph
from lume_dsl.errors import DefinitionError

Problems = Callable[..., list[tuple[str, int, str, str, str]]]

BEFORE = "x: str = 'a'\nxs: list[str] = ['a']\nn: int = 1\n"

MISFITS = [
    "y = add({x})",
    "y = add({'a'})",
    "y = add(1, y={x})",
    "y = add({[x]})",
    "y = add({(x, n)})",
    "y = greet({dict(a=[x])})",
    "y = add([{x}, n][0])",
    "y = add.map({xs})",
    "y = add.map({[x, x]})",
    "y = add.map({['a']})",
    "y = add.map([1], {unmapped(x)})",
    "y = add.map([1], unmapped({x}))",
    "y = add.map([1], unmapped({[x]}))",
    "y = add.map([1], y={unmapped('a')})",
    "@step\ndef y(self, v: int = {x}) -> int: ...",
    "@step\ndef y(self, v: int = {'a'}) -> int: ...",
    "@step.map(v={xs})\ndef y(self, v: int) -> int: ...",
    "y: int = result({x})",
    "y: int = result({'a'})",
    "y: TextFile = file_result({n}, filename='a')",
    "y: TextFile = file_result(x, filename={n})",
    "y: TextFile = file_result({3}, filename='a')",
    "y = {x} - 1",
    "y = 1 - {x}",
    "y = -{x}",
    "y = {n}[0]",
    "y = {n}.year",
]


def of(body: str, *, marked: bool) -> str:
    return BEFORE + body.replace("{", "unchecked(" if marked else "(").replace("}", ")")


@pytest.mark.parametrize("future", [False, True], ids=["annotations", "text"])
@pytest.mark.parametrize("body", MISFITS)
def test_a_marked_value_fits_and_the_same_tasks_and_edges_are_made(scan: Any, body: str, future: bool) -> None:
    without = Graph({}, {})
    marked: Graph = scan(of(body, marked=True), future=future).__lume_graph__
    try:
        without = scan(of(body, marked=False), future=future).__lume_graph__
    except DefinitionError:
        without = unchecked_graph(scan, of(body, marked=False), future)
    assert shape(marked) == shape(without)


def shape(graph: Graph) -> list[tuple[Any, ...]]:
    return [(name, type(member.work), dict(member.inputs)) for name, member in graph.members.items()]


def unchecked_graph(scan: Any, body: str, future: bool) -> Graph:
    """The graph as it is made where no type is checked at all."""
    from lume_dsl.declare import checks, edge_checks, result_checks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_checks, "fits", lambda *_: True)
        patch.setattr(result_checks, "fits", lambda *_: True)
        patch.setattr(checks, "_operations", lambda _: ())
        graph: Graph = scan(body, future=future).__lume_graph__
        return graph


@pytest.mark.parametrize(
    "body", [body for body in MISFITS if body not in ("y = add([{x}, n][0])", "y = greet({dict(a=[x])})")]
)
def test_without_the_mark_it_is_refused(problems: Problems, body: str) -> None:
    assert {kind for kind, *_ in problems(of(body, marked=False))} <= {"edge-type", "result-type", "operation-type"}


def test_only_the_marked_edge_is_left_out(problems: Problems) -> None:
    told = problems("x: str = 'a'\na = add(unchecked(x))\nb = add(x)\nc = add(unchecked(x), x)")
    assert [(kind, line, subject) for kind, line, subject, *_ in told] == [
        ("edge-type", 4, "Scan.b"),
        ("edge-type", 5, "Scan.c"),
    ]


def test_a_marked_item_leaves_its_collection_without_a_type(scan: Any) -> None:
    members = scan("x: str = 'a'\nn: int = 1\na = anything([unchecked(x), n])").__lume_graph__.members
    assert members["List"].type == list[Any]
    assert not members["List"].inputs["item_0"].checked


def test_a_marked_constant_reaches_the_task_as_itself(scan: Any) -> None:
    inputs = (
        scan("a = anything(unchecked([1]), [unchecked(2), {'k': (unchecked(3),)}])").__lume_graph__.members["a"].inputs
    )
    assert (inputs["a"].value, inputs["b"].value) == ([1], [2, {"k": (3,)}])


def test_a_name_for_a_marked_value_is_the_value(scan: Any) -> None:
    graph = scan(
        "x: str = 'a'\nn: int = 1\nsame = unchecked(x)\nboth = unchecked([x, n])\na = add(same)\nb = add(both)"
    ).__lume_graph__
    assert graph.aliases == {"same": "x"}
    assert list(graph.members) == ["x", "n", "both", "a", "List", "b"]


@pytest.mark.parametrize("value", ["unchecked(unchecked(x))", "unchecked([unchecked(x)])", "unchecked([x])[0]"])
def test_marks_in_marks_do_no_harm(scan: Any, value: str) -> None:
    assert "a" in scan(f"x: str = 'a'\na = add({value})").__lume_graph__.members


def test_a_misspelt_name_is_told_when_it_is_marked_too(problems: Problems) -> None:
    assert [kind for kind, *_ in problems("a = add(unchecked(shost))\nb = add(unchecked([shost]))")] == [
        "unknown-name"
    ] * 2


@pytest.mark.parametrize("value", ["Other.x", "[Other.x]", "[Other.x, n]", "kept"])
def test_a_value_of_another_flow_is_refused_when_it_is_marked_too(define: Any, value: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(
            "class Other(LumeFlow):\n    x: int = 1\n    globals()['kept'] = x\n"
            f"class Scan(LumeFlow):\n    n: int = 1\n    y = add(unchecked({value}))\n"
        )
    assert "foreign-reference" in {problem.kind for problem in caught.value.problems}


def test_needing_the_value_of_a_marked_one_is_refused(problems: Problems) -> None:
    assert [kind for kind, *_ in problems("x: int = 1\nif unchecked(x): pass")] == ["reference-value"]
    assert [kind for kind, *_ in problems("x: int = 1\nif unchecked([x]) == 1 and unchecked(x): pass")] == [
        "reference-value"
    ]


def test_outside_a_flow_a_marked_constant_does_no_harm() -> None:
    assert attrs.asdict(unchecked(3)) == {"value": 3}
    assert task(lambda x: x).run(1) == 1
