"""The lines of a body become the members and edges that a reader of the body expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.declare.graph import (
    MISSING,
    Collection,
    Constant,
    Edge,
    FileResult,
    Graph,
    Parameter,
    RecordResult,
    StepRun,
    TaskRun,
    ValueResult,
)

Scan = Callable[..., Any]


@pytest.fixture
def graph(scan: Scan) -> Callable[[str], Graph]:
    """Return the graph of a flow of this body."""
    return lambda body: scan(body).__lume_graph__


Build = Callable[[str], Graph]
Define = Callable[..., dict[str, Any]]
Problems = Callable[[str], list[tuple[str, int, str, str, str]]]


def edges(found: Graph) -> dict[str, dict[str, Any]]:
    """Each member's inputs: the upstream's name, or the constant in a tuple of one."""
    return {
        name: {
            key: source.upstream if isinstance(source, Edge) else (source.value,)
            for key, source in member.inputs.items()
        }
        for name, member in found.members.items()
    }


# names


def test_a_task_run_takes_the_name_of_its_variable_and_another_one_the_task_s(graph: Build) -> None:
    found = graph("x: int = 1\ny = add(x)\nadd(y)\nadd(y)\nadd_3 = add(x)\nadd(2)")
    assert list(found.members) == ["x", "y", "add", "add_2", "add_3", "add_4"]
    assert [member.visible for member in found.members.values()] == [True, True, False, False, True, False]


def test_a_task_s_own_name_option_names_the_runs_that_no_variable_names(graph: Build) -> None:
    found = graph("named = add.with_options(name='sum')\na = named(1)\nnamed(2)\nnamed(3)")
    assert list(found.members) == ["a", "sum", "sum_2"]


def test_a_loop_that_rebinds_a_name_makes_several_tasks_of_which_the_last_has_it(graph: Build) -> None:
    found = graph("total = add(0)\nfor i in range(3):\n    total = add(total, i)\nend = add(total)")
    assert edges(found) == {
        "add": {"x": (0,)},
        "add_2": {"x": "add", "y": (0,)},
        "add_3": {"x": "add_2", "y": (1,)},
        "total": {"x": "add_3", "y": (2,)},
        "end": {"x": "total"},
    }


def test_a_name_that_is_given_away_is_free_for_another_value(graph: Build) -> None:
    found = graph("a = add(1)\nb = a\na = add(2)")
    assert edges(found) == {"b": {"x": (1,)}, "a": {"x": (2,)}}


def test_a_further_name_is_an_alias(graph: Build) -> None:
    found = graph("a = add(1)\nb = c = a\nd = add(c)")
    assert list(found.members) == ["a", "d"]
    assert found.aliases == {"b": "a", "c": "a"}
    assert found.members["d"].inputs["x"] == Edge("a")


def test_a_deleted_name_leaves_the_task_in_the_flow(graph: Build) -> None:
    found = graph("a = add(1)\ndel a\nb = add(2)")
    assert list(found.members) == ["add", "b"]


def test_several_names_can_be_assigned_at_once(graph: Build) -> None:
    found = graph("a, (b, *c) = add(1), (add(2), add(3))")
    assert {"a", "b"} <= set(found.members)
    assert len(found.members) - sum(isinstance(member.work, Collection) for member in found.members.values()) == 3


def test_every_line_is_kept(graph: Build) -> None:
    found = graph("x: int = parameter(\n    default=1,\n)\n\ny = add(\n    x,\n    2)")
    assert (found.members["x"].place.line, found.members["x"].place.file) == (2, "beam.py")
    assert found.members["y"].place.line in (6, 7, 8)


# where tasks may be called


def test_a_comprehension_whose_first_iterable_is_a_name_of_the_class_works(graph: Build) -> None:
    found = graph("count = 3\nruns = [add(i) for i in range(count)]")
    assert [edges(found)[name] for name in found.members if name != "runs"] == [{"x": (i,)} for i in range(3)]


def test_a_function_called_from_the_body_may_call_tasks(graph: Build) -> None:
    found = graph(
        "def twice(value):\n    inner = add(value)\n    return add(inner)\nx: int = 1\ny = twice(x)\nz = twice(y)"
    )
    assert edges(found) == {
        "x": {},
        "add": {"x": "x"},
        "y": {"x": "add"},
        "add_2": {"x": "y"},
        "z": {"x": "add_2"},
    }


def test_a_lambda_a_generator_and_a_nested_class_may_call_tasks_too(graph: Build) -> None:
    found = graph("a = (lambda: add(1))()\nb = next(add(i) for i in [2])\nclass Part:\n    c = add(3)")
    assert len(found.members) == 3
    assert all(isinstance(member.work, TaskRun) for member in found.members.values())


# values that hold references


def test_containers_of_references_become_members_at_any_depth(graph: Build) -> None:
    found = graph("x: int = 1\ny = anything([x, {'k': (x, [2])}], b=[[1]])")
    assert edges(found) == {
        "x": {},
        "Tuple": {"item_0": "x", "item_1": ([2],)},
        "Dict": {"item_0": "Tuple"},
        "List": {"item_0": "x", "item_1": "Dict"},
        "y": {"a": "List", "b": ([[1]],)},
    }
    assert found.members["Dict"].work == Collection(dict, ("k",))
    assert found.members["Tuple"].type == tuple[int, list[int]]


def test_a_collection_assigned_to_a_name_is_a_value_of_the_run(graph: Build) -> None:
    found = graph("x: int = 1\nboth = [x, add(x)]\ny = anything(both)")
    assert found.members["both"].work == Collection(list)
    assert found.members["both"].visible


def test_a_plain_collection_stays_a_constant(scan: Scan) -> None:
    flow = scan("CURRENTS = [1, 2]\ny = anything(CURRENTS)")
    assert flow.CURRENTS == [1, 2]
    assert flow.__lume_graph__.members["y"].inputs == {"a": Constant([1, 2])}


# tasks


def test_arguments_are_kept_by_name_however_they_are_given(graph: Build) -> None:
    found = graph("x: int = 1\na = add(x, 2)\nb = add(y=x, x=2)\nc = add(*[1, 2])\nd = add(**{'x': x})")
    assert edges(found) == {
        "x": {},
        "a": {"x": "x", "y": (2,)},
        "b": {"x": (2,), "y": "x"},
        "c": {"x": (1,), "y": (2,)},
        "d": {"x": "x"},
    }


def test_further_keyword_arguments_are_kept_each_by_its_name(graph: Build) -> None:
    found = graph("@task\ndef fit(x: int, **options: int) -> int: ...\nz = 3\ny = fit(1, a=2, b=z)")
    assert edges(found)["y"] == {"x": (1,), "a": (2,), "b": (3,)}


def test_the_types_of_values_are_those_that_the_tasks_declare(graph: Build) -> None:
    found = graph("a = add(1)\nb = anything(a)\nc = readings()\nd = double.map(c)\ne = nothing()\nf = a + 1")
    types = {name: member.type for name, member in found.members.items()}
    assert types == {"a": int, "b": Any, "c": list[float], "d": list[float], "e": type(None), "f": int}


def test_a_mapped_argument_is_marked_and_an_unmapped_one_is_not(graph: Build) -> None:
    found = graph("xs: list[int]\nn: int\na = add.map(xs, unmapped(n))\nb = add.map([1, 2], y=a)\nc = add.map([n, n])")
    assert found.members["a"].inputs == {"x": Edge("xs", mapped=True), "y": Edge("n")}
    assert found.members["b"].inputs == {"x": Constant([1, 2], mapped=True), "y": Edge("a", mapped=True)}
    assert found.members["c"].inputs == {"x": Edge("List", mapped=True)}
    assert {found.members[name].type for name in "abc"} == {list[int]}
    assert [name for name, member in found.members.items() if member.mapped] == ["a", "b", "c"]


def test_items_of_mapped_arguments_fit_their_task(graph: Build) -> None:
    graph("a: list[int]\nb: tuple[int, ...]\nc: tuple[int, str]\nd: list[JSON]\ne: JSON\n"
          + "\n".join(f"m{name} = add.map({name})" for name in "abcde")
          + "\nr = add.map(range(3))")  # fmt: skip


# steps


def test_each_argument_of_a_step_takes_the_value_of_its_name(graph: Build) -> None:
    found = graph("x: int = 1\ny = add(x)\n@step\ndef total(self, y: int, x: int) -> int: ...\nz = add(total)")
    assert edges(found)["total"] == {"y": "y", "x": "x"}
    assert found.members["total"].type is int
    assert found.members["z"].inputs["x"] == Edge("total")


def test_an_argument_of_a_step_takes_the_reference_that_is_its_default(graph: Build) -> None:
    found = graph("x: int = 1\ny = add(x)\n@step\ndef total(self, x: int = y, other: int = x) -> int: ...")
    assert edges(found)["total"] == {"x": "y", "other": "x"}


def test_an_argument_of_a_step_takes_a_list_of_references_that_is_its_default(graph: Build) -> None:
    found = graph("""
        x: int = 1
        y = add(x)
        @step
        def total(self, v: list[int] = [x, y], *, w: dict[str, int] = {"y": y}) -> int: ...
    """)
    assert edges(found)["total"] == {"v": "List", "w": "Dict"}
    assert edges(found)["List"] == {"item_0": "x", "item_1": "y"}


def test_an_argument_of_a_step_takes_a_value_of_all_runs_that_is_its_default(define: Define) -> None:
    names = define("""
        class Inner(LumeFlow):
            x: int
            y = add(x)

        class Outer(LumeFlow):
            runs = Inner.map(x=[1, 2])

            @step
            def total(self, values: list[int] = [run.y for run in runs]) -> int: ...
    """)
    assert edges(names["Outer"].__lume_graph__)["total"] == {"values": "runs.y"}


def test_a_list_of_references_that_is_the_default_of_a_step_is_checked(problems: Problems) -> None:
    told = problems("x: int = 1\n@step\ndef total(self, v: list[str] = [x]) -> int: ...")
    assert [(kind, message) for kind, _, _, message, _ in told] == [
        ("edge-type", "expected list[str] for 'v', got list[int] from [x]")
    ]


def test_what_keeps_a_step_keeps_no_reference(graph: Build) -> None:
    found = graph("""
        x: int = 1
        @step
        def total(self, b: int = 2, c: int = x, d: int = 4, *, e: int = x, f: int = 6) -> int: ...
    """)
    function = found.members["total"].work.function  # type: ignore[union-attr]
    assert function.__defaults__ == (4,)
    assert function.__kwdefaults__ == {"f": 6}
    assert edges(found)["total"] == {"b": (2,), "c": "x", "d": (4,), "e": "x", "f": (6,)}


def test_an_argument_of_a_step_may_name_what_comes_after_it(graph: Build) -> None:
    found = graph(
        "@step\ndef total(self, y: int, later: int) -> int: ...\ny: int = 1\n@step\ndef later(self) -> int: ..."
    )
    assert edges(found)["total"] == {"y": "y", "later": "later"}


def test_an_argument_of_a_step_that_is_named_twice_takes_the_value_it_saw(graph: Build) -> None:
    found = graph("y = add(1)\n@step\ndef total(self, y: int) -> int: ...\ny = add(2)")
    assert edges(found)["total"] == {"y": "add"}


def test_an_argument_of_a_step_falls_back_to_its_plain_default(graph: Build) -> None:
    found = graph("@step\ndef total(self, scale: float = 2.0, none=None) -> float: ...")
    assert edges(found)["total"] == {"scale": (2.0,), "none": (None,)}


def test_an_argument_of_a_step_may_be_a_constant_of_the_class(graph: Build) -> None:
    found = graph("SCALE = 2\n@step\ndef total(self, SCALE: int, LATER: str) -> int: ...\nLATER = 'a'")
    assert edges(found)["total"] == {"SCALE": (2,), "LATER": ("a",)}


def test_a_step_maps_over_the_values_that_it_names(graph: Build) -> None:
    found = graph("xs: list[int]\nn: int\n@step.map(x=xs)\ndef each(self, x: int, n: int) -> float: ...")
    assert found.members["each"].inputs == {"x": Edge("xs", mapped=True), "n": Edge("n")}
    assert found.members["each"].type == list[float]


def test_a_step_takes_whole_what_is_not_mapped(graph: Build) -> None:
    found = graph(
        "xs: list[int] = [1]\n@step.map(x=xs, y=unmapped(xs), z=unmapped([2]))\n"
        "def total(self, x: int, y: list[int], z: list[int]) -> int: ..."
    )
    assert found.members["total"].inputs == {"x": Edge("xs", mapped=True), "y": Edge("xs"), "z": Constant([2])}


def test_the_options_of_a_mapped_step_are_kept(graph: Build) -> None:
    """Options go before what is mapped over, so that an argument may have the name of an option."""
    found = graph("xs: list[int]\n@step(timeout=3, name='a').map(name=xs)\ndef each(self, name: int) -> float: ...")
    member = found.members["each"]
    assert (member.inputs, member.type) == ({"name": Edge("xs", mapped=True)}, list[float])
    assert isinstance(member.work, StepRun)
    assert member.work.options == {"timeout": 3, "name": "a"}


def test_the_options_of_a_step_are_kept(graph: Build) -> None:
    body = "@step(max_retries=2, retry_delay=timedelta(seconds=1), name='sum')\ndef total(self) -> int: ..."
    work = graph(body).members["total"].work
    assert isinstance(work, StepRun)
    assert set(work.options) == {"max_retries", "retry_delay", "name"}


def test_a_step_without_options_may_have_brackets(graph: Build) -> None:
    assert isinstance(graph("@step()\ndef total(self) -> int: ...").members["total"].work, StepRun)


# fields


def test_a_parameter_keeps_all_that_is_said_of_it(graph: Build) -> None:
    found = graph("q: float = parameter(default=1, help='bunch charge', unit='pC', ge=0, lt=500)\nx: int\ny: int = 2")
    assert found.members["q"].work == Parameter(1, help="bunch charge", unit="pC", constraints={"ge": 0, "lt": 500})
    assert found.members["x"].work == Parameter(MISSING)
    assert found.members["y"].work == Parameter(2)
    assert list(found.parameters) == ["q", "x", "y"]


def test_a_required_parameter_may_follow_one_with_a_default(graph: Build) -> None:
    assert [member.work.required for member in graph("a: int = 1\nb: int").parameters.values()] == [False, True]  # type: ignore[union-attr]


def test_a_parameter_may_be_read_whether_or_not_it_has_a_specifier(graph: Build) -> None:
    assert edges(graph("a: int\nb: int = 2\nc: int = parameter()\ny = anything(a, b, c)"))["y"] == {
        "a": "a",
        "b": "b",
        "c": "c",
    }


def test_results_take_values_constants_and_file_names_from_parameters(graph: Build) -> None:
    found = graph("""
        name: str = parameter()
        text = greet(name)
        kept: str = result(text, max_retries=1, retry_delay=timedelta(seconds=1))
        file: TextFile = file_result(text, filename=name, filesystem='shared', overwrite=True)
        other: TextFile = file_result("abc", filename=Path("a") / "b.txt")
        record: DBResult = db_result(text=text, number=3, name=name, log_stdout=True)
    """)
    assert edges(found)["kept"] == {"value": "text"}
    assert edges(found)["file"] == {"obj": "text", "filename": "name", "filesystem_identifier": ("shared",)}
    assert edges(found)["other"]["filename"] == ("a/b.txt",)
    assert edges(found)["record"] == {"text": "text", "number": (3,), "name": "name"}
    works = {name: member.work for name, member in found.results.items()}
    assert isinstance(works["kept"], ValueResult)
    assert isinstance(works["file"], FileResult)
    assert works["file"].overwrite
    assert isinstance(works["record"], RecordResult)
    assert works["record"].options == {"log_stdout": True}


def test_what_uses_services_is_known_from_the_graph(graph: Build) -> None:
    assert not graph("y = add(1)").uses_services
    for body in (
        "@step\ndef total(self) -> int: ...",
        "f: TextFile = file_result('a', filename='a')",
        "r: DBResult = db_result(x=1)",
        "y = task(services=True)(lambda: 1)()",
    ):
        assert graph(body).uses_services


WANTED = [
    "results",
    "state",
    "schema",
    "map",
    "logger",
    "executor",
    "context",
    "name",
    "args",
    "values",
    "cls",
    "self",
    "graph",
    "runs",
    "register",
]


@pytest.mark.parametrize("name", WANTED)
def test_a_name_that_users_want_is_theirs(scan: Scan, name: str) -> None:
    flow = scan(f"{name}: int = 3\ny = add({name})")
    assert getattr(flow(), name) == 3
    assert getattr(flow(**{name: 4}), name) == 4


@pytest.mark.parametrize("name", WANTED)
def test_a_task_may_have_a_name_that_users_want(scan: Scan, name: str) -> None:
    assert list(scan(f"{name} = add(1)").__lume_graph__.members) == [name]


def test_plain_constants_class_variables_methods_and_classes_are_no_parameters(scan: Scan) -> None:
    body = """
        LIMIT: ClassVar[int] = 3
        OTHER: ClassVar = 4
        TEXT: "ClassVar[int]" = 5
        QUALIFIED: typing.ClassVar[int] = 6
        FACTOR = 2
        class Part: pass
        def method(self): return self.x * self.LIMIT
        @property
        def area(self): return self.x ** 2
        @staticmethod
        def fixed(): return 7
        @classmethod
        def made(cls): return cls(x=9)
        x: int = 1
    """
    for future in (False, True):
        flow = scan(body, future=future)
        assert list(flow.__lume_graph__.members) == ["x"]
        assert (flow.LIMIT, flow.OTHER, flow.TEXT, flow.QUALIFIED, flow.FACTOR) == (3, 4, 5, 6, 2)
        instance = flow(x=4)
        assert (instance.method(), instance.area, instance.fixed(), flow.made()) == (12, 16, 7, flow(x=9))
