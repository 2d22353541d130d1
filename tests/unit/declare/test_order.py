# ruff: noqa: E501 - a mistake, and what is said of it, in one row
"""``after=`` has a task wait for others without taking their values, wherever a task is used."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.errors import DefinitionError

Problems = Callable[..., list[tuple[str, int, str, str, str]]]

BODY = """
x: float = 1.0
first = double(x)
again = double(x)
"""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("later = double.with_options(after=[first, again])(2.0)", "later"),
        ("later = double.with_options(after=(first, again)).with_options(max_retries=0)(2.0)", "later"),
        ("later = double.with_options(after=[first, again]).map([1.0])", "later"),
        ("@step(after=[first, again])\ndef later(self) -> int: ...", "later"),
        ("@step(after=[first, again]).map(y=[1])\ndef later(self, y: int) -> int: ...", "later"),
        ("later: float = result(2.0, after=[first, again])", "later"),
        ("later: TextFile = file_result('a', filename='a.txt', after=[first, again])", "later"),
        ("later: DBResult = db_result(y=1, after=[first, again])", "later"),
        ("with case(x > 1.0, True):\n    later = double.with_options(after=[first, again])(x)", "later"),
    ],
    ids=lambda part: part.split("\n")[-1],
)
def test_a_task_waits_for_what_it_is_after(scan: Callable[..., Any], line: str, name: str) -> None:
    member = scan(BODY + line).__lume_graph__.members[name]
    assert member.after[:2] == ("first", "again")
    assert not {"first", "again"} & {getattr(source, "upstream", "") for source in member.inputs.values()}
    assert set(member.upstream) >= {"first", "again"}


def test_one_value_will_do_and_a_parameter_and_a_result_are_some(scan: Callable[..., Any]) -> None:
    body = BODY + "kept: float = result(first)\nlater = double.with_options(after=kept)(x)\n"
    graph = scan(body + "last = double.with_options(after=[x, later])(2.0)").__lume_graph__
    assert graph.members["later"].after == ("kept",)
    assert graph.members["last"].after == ("x", "later")


def test_a_task_without_a_name_is_waited_for(scan: Callable[..., Any]) -> None:
    graph = scan("x: float = 1.0\nlater = double.with_options(after=[double(x), x + 1])(x)").__lume_graph__
    assert graph.members["later"].after == ("double", "Add")


def test_an_output_may_be_called_after(scan: Callable[..., Any]) -> None:
    graph = scan(BODY + "record: DBResult = db_result(after=first)").__lume_graph__
    assert graph.members["record"].inputs["after"].upstream == "first"
    assert graph.members["record"].after == ()


def test_what_is_inherited_is_waited_for_by_name(define: Callable[..., Any]) -> None:
    source = """
        class Base(LumeFlow):
            x: float = 1.0
            first = double(x)
        class Scan(Base):
            first = double(2.0)
            later = double.with_options(after=[Scan_first])(3.0)
    """
    graph = define(source.replace("Scan_first", "first"))["Scan"].__lume_graph__
    assert graph.members["later"].after == ("first",)
    kept = define(source.replace("Scan_first", "Base.first"))["Scan"].__lume_graph__
    assert kept.members["later"].after == ("Base.first",)


FIX = "give it values of parameters, tasks, steps or results of the flow, or subflows"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("later = double.with_options(after=3)(x)", ("task-option", 5, "Scan: double", "after= has 3, which is no value of this flow", FIX)),
        ("later: float = result(x, after=['first'])", ("task-option", 5, "Scan: result()", "after= has 'first', which is no value of this flow", FIX)),
        ("@step(after=[[first]])\ndef later(self) -> int: ...", ("task-option", 5, "Scan: step later", "after= has [<reference to first of Scan>] (list), which is no value of this flow", FIX)),
        ("later = double.with_options(after=[frist])(x)", ("unknown-name", 5, "Scan: frist", "is not defined here; did you mean 'first'?", "define it above this line, or import it")),
    ],
    ids=lambda part: part.split("\n")[0] if isinstance(part, str) else "",
)  # fmt: skip
def test_what_is_no_value_of_the_flow_is_told(problems: Problems, line: str, told: tuple[Any, ...]) -> None:
    ((kind, number, subject, message, fix),) = problems(BODY.lstrip("\n") + line)
    assert (kind, number, subject, fix) == (told[0], told[1], told[2], told[4])
    assert message.replace("'<reference", "<reference").startswith(told[3][:20])


def test_tasks_that_wait_for_one_another_are_told(problems: Problems) -> None:
    body = "@step\ndef a(self, b: int) -> int: ...\nb = add.with_options(after=[a])(1)"
    assert [kind for kind, *_ in problems(body)] == ["cycle"]


def test_a_reusable_task_waits_for_nothing(define: Callable[..., Any]) -> None:
    with pytest.raises(Exception, match=r"'after' is not a task option") as caught:
        define("@task(after=[1])\ndef f(x: int) -> int: ...")
    assert "with_options(after=[...])" in str(caught.value)


INNER = """
class Inner(LumeFlow):
    x: float = 1.0
    y = double(x)
    z = double(2.0)
    w = y + z
"""


def waiting(define: Callable[..., Any], lines: str) -> dict[str, tuple[str, ...]]:
    body = textwrap.indent(f"{BODY}{lines}", "    ")
    flow = define(f"{INNER}\nclass Scan(LumeFlow):{body}")["Scan"]
    return {name: member.after for name, member in flow.__lume_graph__.members.items() if member.subflow}


def test_the_first_tasks_of_a_subflow_wait(define: Callable[..., Any]) -> None:
    found = waiting(define, "inner = Inner.with_options(after=[first, again])(x=2.0)")
    assert found == {
        "inner.x": ("first", "again"), "inner.y": (), "inner.z": ("first", "again"), "inner.w": (),
    }  # fmt: skip


def test_the_first_tasks_of_a_mapped_subflow_and_of_one_after_another_wait(define: Callable[..., Any]) -> None:
    found = waiting(define, "one = Inner()\nruns = Inner.with_options(after=one).map(x=[1.0])")
    assert found["runs.x"] == ("one.w",)
    assert "one.w" in found["runs.z"]


def test_what_a_subflow_waits_for_is_a_value_of_the_flow(problems: Problems) -> None:
    ((kind, _, _, message, _),) = problems("class Inner(LumeFlow):\n    x: int = 1\ni = Inner.with_options(after=3)()")
    assert (kind, message) == ("task-option", "after= has 3, which is no value of this flow")


def test_a_flow_with_options_belongs_in_a_body(define: Callable[..., Any]) -> None:
    inner = define(INNER)["Inner"].with_options(after=[])
    for call in (inner, inner.map):
        with pytest.raises(DefinitionError, match=r"Inner\.with_options: was called outside a flow's body"):
            call(x=1.0)
