# ruff: noqa: E501 - a mistake, and what is said of it, in one row
"""A flow that is called in the body of another is a part of it, checked at the call; what is wrong names the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.declare.graph import Argument, Edge, Graph
from lume_dsl.errors import DefinitionError, NotRunError

Define = Callable[..., dict[str, Any]]

INNER = """
@task
def total(values: list[float]) -> float:
    return sum(values)

class Inner(LumeFlow):
    x: float = parameter(ge=0)
    label: str = "in"
    filename: str = "inner.txt"
    LIMIT: ClassVar[int] = 3

    y = double(x)
    z: float = result(y + 1.0)
    note: TextFile = file_result(label, filename=filename)
    record: DBResult = db_result(y=y)

    @step
    def told(self, y: float) -> str:
        return f"{self.label} {y}"

    def plain(self) -> int:
        return 1
"""


def outer(define: Define, body: str, *, more: str = "") -> Any:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return define(f"{INNER}\n{more}\nclass Outer(LumeFlow):\n{lines}")["Outer"]


def refused(define: Define, body: str, *, more: str = "") -> list[tuple[str, str, str, str]]:
    with pytest.raises(DefinitionError) as caught:
        outer(define, body, more=more)
    for problem in caught.value.problems:
        assert problem.place is not None
        assert problem.place.file == "beam.py"
    return [(problem.kind, problem.subject, problem.message, problem.fix) for problem in caught.value.problems]


# what it becomes


def test_the_members_of_a_subflow_are_members_under_its_name(define: Define) -> None:
    graph = outer(define, 'a: float = 1.0\none = Inner(x=a, filename="one.txt")\nw = double(one.y)').__lume_graph__
    own = ["x", "label", "filename", "y", "z", "note", "record", "told"]
    assert [name for name in graph.members if graph.members[name].subflow] == [
        "one.x", "one.label", "one.filename", "one.y", "one.Add", "one.z", "one.note", "one.record", "one.told",
    ]  # fmt: skip
    assert {member.own_name for member in graph.members.values() if member.subflow} == {*own, "Add"}
    assert graph.members["one.x"].inputs == {"x": Edge("a")}
    assert graph.members["one.y"].inputs == {"x": Edge("one.x")}
    assert graph.members["w"].inputs == {"x": Edge("one.y")}
    assert graph.members["one.told"].given == {"x": "one.x", "label": "one.label", "filename": "one.filename"}
    assert list(graph.parameters) == ["a"]
    assert list(graph.results) == []


def test_types_are_followed_into_a_subflow_and_out_of_it(define: Define) -> None:
    members = outer(define, "one = Inner(x=1.0)\nw = double(one.z)\nv = one.told + '!'").__lume_graph__.members
    assert members["one.x"].type is float
    assert members["one.z"].type is float
    assert members["v"].type is str


def test_two_calls_and_unnamed_ones_have_names_of_their_own(define: Define) -> None:
    graph = outer(define, "one = Inner(x=1.0)\nInner(x=2.0, filename='b')\nInner(x=3.0, filename='c')").__lume_graph__
    assert list(graph.subflows) == ["one", "Inner", "Inner_2"]
    assert {name.partition(".")[0] for name in graph.members} == {"one", "Inner", "Inner_2"}


def test_a_loop_that_rebinds_a_name_calls_the_flow_several_times_of_which_the_last_has_it(define: Define) -> None:
    graph = outer(define, "for n in ('a', 'b'):\n    one = Inner(x=1.0, filename=n)").__lume_graph__
    assert list(graph.subflows) == ["one", "Inner"]


def test_subflows_in_a_list_or_a_dict_are_named_by_their_places(define: Define) -> None:
    body = "runs = [Inner(x=1.0, filename=n) for n in ('a', 'b')]\nbyname = {'k': Inner(x=1.0)}\nt = total([r.y for r in runs])"
    graph = outer(define, body).__lume_graph__
    assert list(graph.subflows) == ["runs[0]", "runs[1]", "byname['k']"]
    assert graph.members["t"].inputs == {"values": Edge("List")}
    assert graph.members["List"].upstream == ("runs[0].y", "runs[1].y")


def test_flows_may_be_nested_to_any_depth(define: Define) -> None:
    more = "class Middle(LumeFlow):\n    x: float = 1.0\n    one = Inner(x=x)\n    y = double(one.y)\n"
    graph = outer(define, "mid = Middle(x=2.0)\nw = double(mid.one.y)\nv = double(mid.y)", more=more).__lume_graph__
    assert list(graph.subflows) == ["mid", "mid.one"]
    assert graph.members["mid.one.y"].subflow == "mid.one"
    assert graph.members["w"].upstream == ("mid.one.y",)
    assert graph.members["mid.one.told"].given["label"] == "mid.one.label"


def test_a_parameter_that_is_not_given_has_what_its_flow_says(define: Define) -> None:
    member = outer(define, "one = Inner(x=1.0)").__lume_graph__.members["one.label"]
    assert member.inputs == {}
    assert isinstance(member.work, Argument)
    assert member.work.parameter.default == "in"


def test_what_is_after_a_subflow_waits_for_all_of_it(define: Define) -> None:
    body = "one = Inner(x=1.0)\nw = double.with_options(after=[one])(2.0)\nruns = Inner.map(x=[1.0], filename=['a'])\nv = double.with_options(after=runs)(2.0)"
    members = outer(define, body).__lume_graph__.members
    assert members["w"].after == ("one.z", "one.note", "one.record", "one.told")
    assert members["v"].after == ("runs.z", "runs.note", "runs.record", "runs.told")
    (graph,) = [derived(define, "v = double.with_options(after=Base.one)(2.0)")]
    assert graph.members["v"].after == ("one.z", "one.note", "one.record", "one.told")


def test_a_subflow_in_a_case_waits_for_it_as_tasks_do(define: Define) -> None:
    body = "a: float = 1.0\nwith case(a > 0.0, True):\n    one = Inner(x=a)"
    members = outer(define, body).__lume_graph__.members
    assert members["one.x"].after == ("case(True)",)
    assert members["one.label"].after == ("case(True)",)
    assert members["one.y"].after == ()


def test_constants_of_the_class_are_constants(define: Define) -> None:
    graph: Graph = outer(
        define, "one = Inner(x=1.0)\nlimits = [one.LIMIT]\nw = double(float(limits[0]))"
    ).__lume_graph__
    assert graph.members["w"].upstream == ()


def test_defining_it_twice_gives_equal_graphs_and_leaves_the_inner_flow_as_it_was(define: Define) -> None:
    names = define(
        f"{INNER}\nbefore = dict(Inner.__lume_graph__.members)\nclass Outer(LumeFlow):\n    one = Inner(x=1.0)"
    )
    inner = names["Inner"]
    again = define(f"{INNER}\nclass Outer(LumeFlow):\n    one = Inner(x=1.0)")["Outer"]
    assert inner.__lume_graph__.members == names["before"]
    assert list(again.__lume_graph__.members) == list(names["Outer"].__lume_graph__.members)


def test_outside_of_a_body_a_call_is_an_instance(define: Define) -> None:
    assert define(INNER)["Inner"](x=2.0).x == 2.0


def test_a_subflow_of_an_instance_that_has_not_run_is_told_to_need_a_run(define: Define) -> None:
    flow = outer(define, "one = Inner(x=1.0)")
    assert repr(flow.one) == "<subflow one>"
    with pytest.raises(NotRunError, match=r"Outer\.one is known only after a run"):
        _ = flow().one


# what is wrong with a call


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("one = Inner(x=1.0, lable='a')", ("parameter-unknown", "Outer: Inner.lable", "is not a parameter; did you mean 'label'?", "the parameters are: x, label, filename")),
        ("one = Inner()", ("parameter-missing", "Outer: Inner.x", "is required (float)", "give it: x=...")),
        ("one = Inner(1.0, x=1.0)", ("parameter-positional", "Outer: Inner", "takes its parameters by name", "write Inner(x=...)")),
        ("one = Inner(x='a')", ("parameter-value", "Outer: Inner.x", "expected float, got 'a'", "")),
        ("one = Inner(x=-1.0)", ("parameter-value", "Outer: Inner.x", "expected >= 0, got -1.0", "")),
        ("a: str = 'a'\none = Inner(x=a)", ("edge-type", "Outer.one.x", "expected float for 'x', got str from a", "give it a value of the type float, or change the annotation")),
        ("one = Inner(x=1.0)\nw = double(one)", ("subflow", "Outer.w", "takes one, which stands for several values", "take one of its values: one.y")),
        ("one = Inner(x=1.0)\nw = total([one, one])", ("subflow", "Outer.List", "takes one, which stands for several values", "take one of its values: one.y")),
        ("one = Inner(x=1.0)\nw = double(one.yy)", ("unknown-name", "Outer: one.yy", "is no value of Inner; did you mean 'y'?", "its values are x, label, filename, y, z, note, record, told")),
        ("one = Inner(x=1.0)\nw = one + 1", ("subflow", "Outer.one", "an operator needs what is known only when the flow runs", "take one of its values: one.y")),
        ("one = Inner(x=1.0)\na, b = one", ("subflow", "Outer.one", "iterating or unpacking needs what is known only when the flow runs", "take its values by name: one.y")),
        ("one = Inner(x=1.0)\nif one:\n    pass", ("subflow", "Outer.one", "if, and, or, not needs what is known only when the flow runs", "take one of its values: one.y")),
        ("one = Inner(x=1.0)\none.run()", ("unknown-name", "Outer: one.run", "is no value of Inner", "leave out .run(): Inner(...) is a part of this flow, and runs with it")),
        ("one = Inner(x=1.0)\none.y = 3", ("subflow", "Outer.one", "setting or deleting needs what is known only when the flow runs", "take one of its values: one.y")),
        ("one = Inner(x=1.0)\n@step\ndef s(self, one): ...", ("subflow", "Outer.s", "takes one, which stands for several values", "take one of its values: one.y")),
        ("one = Inner(x=1.0)\ntwo = Inner(x=2.0)\nthree = Inner(x=3.0, filename='c')", ("path-taken", "Outer.two.note", "saves to the same file as one.note", "give it another filename")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_call_is_told(define: Define, body: str, told: tuple[str, str, str, str]) -> None:
    found = refused(define, body)
    assert told in [(kind, subject, message, fix if told[3] else "") for kind, subject, message, fix in found]


def test_files_of_one_constant_name_clash(define: Define) -> None:
    more = "class Saved(LumeFlow):\n    x: str = 'a'\n    note: TextFile = file_result(x, filename='same.txt')\n"
    found = refused(define, "one = Saved()\ntwo = Saved()", more=more)
    assert [(kind, subject) for kind, subject, *_ in found] == [("path-taken", "Outer.two.note")]


def test_an_abstract_flow_is_no_part_of_another(define: Define) -> None:
    more = "class Abstract(LumeFlow):\n    x: float = parameter(abstract=True)\n"
    assert [kind for kind, *_ in refused(define, "one = Abstract()", more=more)] == ["abstract"]


def test_a_secret_goes_to_a_secret_and_comes_from_one(define: Define) -> None:
    more = "class Locked(LumeFlow):\n    key: str = parameter(secret=True)\n    n = greet(key)\n"
    outer(define, "token: str = parameter(secret=True)\none = Locked(key=token)", more=more)
    body = (
        "name: str = 'a'\ntoken: str = parameter(secret=True)\none = Locked(key=name)\ntwo = Inner(x=1.0, label=token)"
    )
    found = refused(define, body, more=more)
    assert [(kind, subject) for kind, subject, *_ in found] == [
        ("parameter-option", "Outer: Locked.key"),
        ("parameter-option", "Outer.two.label"),
    ]
    assert (
        refused(define, "one = Inner(x=1.0, label=t)\nt2: str = 'a'", more=f"{more}\nt = 5")[0][0] == "parameter-value"
    )


def test_units_at_both_ends_are_compared(define: Define) -> None:
    more = "class Charged(LumeFlow):\n    charge: float = parameter(unit='pC')\n"
    found = refused(
        define, "length: float = parameter(default=1.0, unit='mm')\none = Charged(charge=length)", more=more
    )
    assert [kind for kind, *_ in found] == ["unit"]


# fan-out


def test_a_mapped_flow_runs_each_of_its_members_once_for_each_item(define: Define) -> None:
    body = "xs: list[float] = [1.0]\nruns = Inner.map(x=xs, filename=['a'])\nt = total([run.y for run in runs])\nw = double(runs[0].y)"
    graph = outer(define, body).__lume_graph__
    inner = [member for member in graph.members.values() if member.subflow]
    assert inner
    assert all(member.mapped and member.each for member in inner)
    assert graph.members["runs.y"].type == list[float]
    assert graph.members["runs.label"].after == ("runs.x",)
    assert graph.members["t"].inputs == {"values": Edge("runs.y")}
    assert graph.members["w"].type is float


def test_a_subflow_of_each_run_gives_a_value_of_each_run(define: Define) -> None:
    more = "class Middle(LumeFlow):\n    x: float = 1.0\n    one = Inner(x=x, filename=greet('a'))\n    two = [one]\n"
    body = "runs = Middle.map(x=[1.0])\nt = total([run.one.y for run in runs])\nw = double(runs[0].one.y)\nv = double(runs[0].two[0].y)"
    graph = outer(define, body, more=more).__lume_graph__
    assert graph.members["t"].inputs == {"values": Edge("runs.one.y")}
    for name in ("w", "v"):
        (upstream,) = graph.members[name].upstream
        assert graph.members[upstream].upstream == ("runs.one.y",)
        assert graph.members[upstream].type is float


def test_the_values_of_all_runs_may_be_mapped_over(define: Define) -> None:
    body = "runs = Inner.map(x=[1.0], filename=['a'])\nys = double.map([run.y for run in runs])\nagain = Inner.map(x=ys, filename=['b'])"
    graph = outer(define, body).__lume_graph__
    assert graph.members["ys"].inputs == {"x": Edge("runs.y", mapped=True)}
    assert graph.members["again.x"].inputs == {"x": Edge("ys", mapped=True)}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("runs = Inner.map(x=unmapped(1.0))", ("map-arguments", "Outer: Inner.map", "has no argument to map over")),
        ("runs = Inner.map(x=1.0)", ("map-arguments", "Outer: Inner.x", "is given no list to map over")),
        ("runs = Inner.map(x=[1.0, 'a'], filename=['a', 'b'])", ("parameter-value", "Outer: Inner.x", "expected float, got 'a'")),
        ("a: float = 1.0\nruns = Inner.map(x=a, filename=['a'])", ("edge-type", "Outer.runs.x", "expected list[float] for 'x', got float from a")),
        ("runs = Inner.map(x=[1.0], filename=['a'])\nw = total(runs.y)", ("subflow", "Outer.runs", "reading .y of all runs at once needs what is known only when the flow runs")),
        ("runs = Inner.map(x=[1.0], filename=['a'])\nw = total([run.y * 2 for run in runs])", ("subflow", "Outer.runs", "an operator needs what is known only when the flow runs")),
        ("runs = Inner.map(x=[1.0], filename=['a'])\nw = total([run for run in runs])", ("subflow", "Outer.w", "takes a run of runs, which stands for several values")),
        ("runs = Inner.map(x=[1.0], filename=['a'])\nw = total(runs)", ("subflow", "Outer.w", "takes runs, which stands for several values")),
        ("runs = Inner.map(x=[1.0], filename=['a'])\nfor run in runs:\n    w = double(run.y)", ("subflow", "Outer.w", "takes the y of each run, which stands for several values")),
        ("runs = Inner.map(x=[1.0], filename=['a'])\nw = double(runs['a'].y)", ("subflow", "Outer.runs", "taking an item needs what is known only when the flow runs")),
        ("runs = Inner.map(x=[1.0], lable=['a'])", ("parameter-unknown", "Outer: Inner.lable", "is not a parameter; did you mean 'label'?")),
        ("runs = Fanned.map(xs=[[1.0]])", ("map-arguments", "Outer: Fanned.map", "runs the flow once for each item, and ys of it is a map already")),
        ("runs = Named.map(x=['a', 'b'], kind=unmapped('k'))", ("path-taken", "Outer.runs.note", "saves each run of runs to the same file")),
        ("runs = Saved.map(x=['a', 'b'])", ("path-taken", "Outer.runs.note", "saves each run of runs to the same file")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_fan_out_is_told(define: Define, body: str, told: tuple[str, str, str]) -> None:
    more = (
        "class Fanned(LumeFlow):\n    xs: list[float]\n    ys = double.map(xs)\n"
        "class Saved(LumeFlow):\n    x: str = 'a'\n    note: TextFile = file_result(x, filename='same.txt')\n"
        "class Named(LumeFlow):\n    x: str = 'a'\n    kind: str = 'k'\n    note: TextFile = file_result(x, filename='{kind}.txt')\n"
    )
    assert told in [(kind, subject, message) for kind, subject, message, _ in refused(define, body, more=more)]


def test_a_file_of_one_name_is_told_by_what_the_runs_differ(define: Define) -> None:
    saved = "class Saved(LumeFlow):\n    x: str\n    y: str\n    note: TextFile = file_result(x, filename='same.txt')\n"
    ((*_, fix),) = refused(define, "runs = Saved.map(x=unmapped('a'), y=['a', 'b'])", more=saved)
    assert fix == "name in it what the runs differ in: {y}"


def test_a_flow_that_is_run_in_a_body_is_told_that_it_runs_with_it(define: Define) -> None:
    ((kind, subject, _, fix),) = refused(define, "one = Inner(x=1.0).run()")
    assert (kind, subject) == ("unknown-name", "Outer: Inner.run")
    assert fix == "leave out .run(): Inner(...) is a part of this flow, and runs with it"


def test_a_value_of_a_subflow_of_another_flow_is_told_to_call_that(define: Define) -> None:
    outer = "class Other(LumeFlow):\n    one = Inner(x=1.0)\n"
    ((kind, _, message, fix),) = refused(define, "z = double(Other.one.y)", more=outer)
    assert (kind, message) == ("foreign-reference", "takes one.y, which belongs to Other")
    assert fix == "call the flow in this body, Other(...).one.y, or use a name of this flow"
    with pytest.raises(NotRunError, match=r"write Other\(\.\.\.\)\.run\(\)\.one\.y"):
        _ = define(INNER + outer)["Other"].one.y


def test_map_outside_of_a_body_is_refused(define: Define) -> None:
    with pytest.raises(DefinitionError, match=r"Inner\.map.*outside a flow's body"):
        define(INNER)["Inner"].map(x=[1.0])


# inheritance

BASE = """
class Base(LumeFlow):
    a: float = 1.0
    one = Inner(x=a)
    w = double(one.y)
    runs = [Inner(x=1.0, filename=n) for n in ("b", "c")]
    t = total([run.y for run in runs])
    Inner(x=a, filename="hidden")
"""


def derived(define: Define, body: str) -> Graph:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    graph: Graph = define(f"{INNER}{BASE}\nclass Outer(Base):\n{lines}")["Outer"].__lume_graph__
    assert all(name in graph.members for member in graph.members.values() for name in member.upstream)
    assert all(member.subflow in graph.subflows for member in graph.members.values() if member.subflow)
    return graph


def test_a_subflow_is_inherited_and_read_by_its_name(define: Define) -> None:
    graph = derived(define, "v = double(Base.one.z)\nu = total([run.y for run in Base.runs])")
    assert list(graph.subflows) == ["one", "runs[0]", "runs[1]", "Inner"]
    assert graph.members["v"].upstream == ("one.z",)


def test_a_subflow_that_is_redefined_is_redefined_for_what_takes_its_values(define: Define) -> None:
    graph = derived(define, "one = Inner(x=5.0, label='new')")
    assert graph.members["w"].upstream == ("one.y",)
    assert graph.members["one.x"].inputs["x"] != Edge("a")
    assert [name for name in graph.members if name.startswith("one.")] == [
        f"one.{own}" for own in ("x", "label", "filename", "y", "Add", "z", "note", "record", "told")
    ]


def test_a_subflow_is_removed_with_its_members(define: Define) -> None:
    graph = derived(define, "one = removed()\nw = removed()\nruns = removed()\nt = removed()")
    assert list(graph.subflows) == ["Inner"]
    assert {member.root for member in graph.members.values()} == {"a", "Inner"}


def test_a_subflow_stays_though_what_took_of_it_is_redefined(define: Define) -> None:
    assert "one.y" in derived(define, "w = double(2.0)").members


def test_unnamed_subflows_of_base_and_subclass_are_told_apart(define: Define) -> None:
    graph = derived(define, "Inner(x=2.0, filename='other')")
    assert [path for path in graph.subflows if path.startswith("Inner")] == ["Inner", "Inner_2"]


def test_unnamed_subflows_of_two_mixins_are_told_apart(define: Define) -> None:
    source = (
        "class A(LumeFlow):\n    Inner(x=1.0, filename='a')\n"
        "class B(LumeFlow):\n    Inner(x=2.0, filename='b')\n"
        "class Both(A, B):\n    pass\n"
    )
    graph = define(INNER + source)["Both"].__lume_graph__
    assert list(graph.subflows) == ["Inner", "Inner_2"]
    assert graph.members["Inner_2.y"].subflow == "Inner_2"
    assert graph.members["Inner_2.y"].upstream == ("Inner_2.x",)
    assert graph.members["Inner_2.told"].given["x"] == "Inner_2.x"
    assert isinstance(graph.members["Inner_2.x"].work, Argument)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("one = Inner(x=Base.one.y)", ("inheritance", "Outer.one", "takes one.y of Base, and one is another here")),
        (
            "first = Base.one\none = removed()",
            ("inheritance", "Outer.first", "is the subflow one, which goes on under its own name alone"),
        ),
        (
            "first = [Base.one]\none = Inner(x=2.0)",
            ("inheritance", "Outer.first", "is the subflow one, which goes on under its own name alone"),
        ),
        ("one = removed()", ("inheritance", "Outer.w (of Base)", "takes one.y, which Outer removes")),
        ("one = 3", ("inheritance", "Outer.one", "is a subflow that is inherited, and a plain attribute here")),
        ("v = double(one.y)", ("unknown-name", "Outer: one", "is inherited")),
        ("onee = removed()", ("inheritance", "Outer.onee", "is removed, and not inherited; did you mean 'one'?")),
    ],
)
def test_what_is_wrong_with_inherited_subflows_is_told(define: Define, body: str, told: tuple[str, str, str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        derived(define, body)
    assert told in [(problem.kind, problem.subject, problem.message) for problem in caught.value.problems]
