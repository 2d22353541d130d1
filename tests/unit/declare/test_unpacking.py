"""A value whose type tells how many items it has may be unpacked in the body; each item is a value of the flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.declare.graph import Constant, Edge
from lume_dsl.errors import DefinitionError

Define = Callable[..., dict[str, Any]]

TASKS = """
class Fit(NamedTuple):
    mean: float
    sigma: float

@task
def fit(x: float) -> tuple[float, str]:
    return x, str(x)

@task
def named(x: float) -> Fit:
    return Fit(x, x)

@task(nout=3)
def untyped(x):
    return x, x, x

@task
def empty() -> tuple[()]:
    return ()

@task
def several() -> tuple[float, ...]:
    return ()

"""


def flow(define: Define, body: str, *, future: bool = False) -> Any:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return define(f"{TASKS}class Scan(LumeFlow):\n    x: float = parameter()\n{lines}", future=future)["Scan"]


@pytest.mark.parametrize("future", [False, True], ids=["annotations", "text"])
@pytest.mark.parametrize(
    ("body", "types"),
    [
        ("a, b = fit(x)", {"a": float, "b": str}),
        ("a, b = named(x)", {"a": float, "b": float}),
        ("a, b, c = untyped(x)", {"a": Any, "b": Any, "c": Any}),
        ("pair: tuple[int, str] = parameter()\na, b = pair", {"a": int, "b": str}),
        ("def step_of(self) -> tuple[int, str]: ...\nstep_of = step(step_of)\na, b = step_of", {"a": int, "b": str}),
        ("fits = fit.map([1.0, 2.0])\na, b = fits[0]", {"a": float, "b": str}),
        ("a, b = [x, named(x).sigma]", {"a": float}),
        ("a, *b = fit(x)", {"a": float}),
        ("for a in fit(x): pass", {"a": str}),
        ("(a, b), c = fit(x), 5", {"a": float, "b": str}),
        ("a, b = unchecked(fit(x))", {"a": Any, "b": Any}),
        ("() = empty()", {}),
    ],
    ids=lambda part: part.split("\n")[-1] if isinstance(part, str) else "",
)
def test_the_items_of_a_tuple_have_names_and_types(
    define: Define, body: str, types: dict[str, Any], future: bool
) -> None:
    graph = flow(define, body, future=future).__lume_graph__
    assert {name: graph.members[graph.aliases.get(name, name)].type for name in types} == types


def test_each_item_is_read_by_its_place(define: Define) -> None:
    graph = flow(define, "a, b = fit(x)").__lume_graph__
    assert [graph.members[name].inputs["key"] for name in ("a", "b")] == [Constant(0), Constant(1)]
    assert graph.members["a"].inputs["task_result"] == Edge("fit")
    assert list(graph.members) == ["x", "fit", "a", "b"]


def test_an_inherited_value_may_be_unpacked(define: Define) -> None:
    base = f"{TASKS}class Base(LumeFlow):\n    x: float = parameter()\n    pair = fit(x)\n"
    graph = define(f"{base}class Scan(Base):\n    a, b = Base.pair\n")["Scan"].__lume_graph__
    assert (graph.members["a"].type, graph.members["b"].type) == (float, str)


@pytest.mark.parametrize("body", ["a, b = several()", "a, b = x", "a, b = anything(x)"])
def test_what_does_not_tell_its_items_is_refused(define: Define, body: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        flow(define, body)
    (problem,) = caught.value.problems
    assert problem.kind == "reference-value"
    assert problem.fix.endswith("to unpack it, annotate its task tuple[A, B]")


def test_a_map_of_tuples_is_told_where_its_parts_are_taken(define: Define) -> None:
    with pytest.raises(DefinitionError, match="to unpack it, map a step over it that takes its parts"):
        flow(define, "a, b = fit.map([1.0])")


def test_a_wrong_number_of_names_is_told_as_python_does(define: Define) -> None:
    with pytest.raises(ValueError, match="too many values to unpack"):
        flow(define, "a, b, c = fit(x), 1, 2, 3")
    with pytest.raises(ValueError, match=r"not enough values to unpack \(expected 3, got 2\)"):
        flow(define, "a, b, c = fit(x)")


def test_the_type_of_an_item_is_checked_where_it_is_taken(define: Define) -> None:
    with pytest.raises(DefinitionError, match="expected float for 'x', got str from b"):
        flow(define, "a, b = fit(x)\nc = fit(b)")
