"""A drawing shows what a flow consists of, by the names that its body gives."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from calls import calls_of

from lume_dsl import (
    DBResult,
    LumeFlow,
    TextFile,
    case,
    db_result,
    file_result,
    flatten,
    merge,
    parameter,
    result,
    step,
    switch,
    task,
    unmapped,
)
from lume_dsl.declare.graph import Edge, Graph, Member, Operation, Parameter, StepRun, TaskRun, Work
from lume_dsl.errors import Place
from lume_dsl.report.dot import dot_of
from lume_dsl.report.drawing import Arrow, Cluster, Drawing, drawing_of
from lume_dsl.report.mermaid import mermaid_of


@task
def double(x: float) -> float:
    return 2 * x


@task
def total(values: list[float], offset: float = 0.0) -> float:
    return sum(values) + offset


class Everything(LumeFlow):
    charge: float = parameter(default=1.0, unit="pC", help="of a bunch")
    mode: Literal["fast", "slow"] = "fast"
    values: list[float] = parameter(default=[1.0])

    with case(charge > 100.0, True):
        large = double(charge)
    small = double(-charge)
    switch(mode, {"slow": small})
    best = merge(large, small)
    doubled = double.map(values)
    several = total.map(flatten([[values, doubled]]), unmapped(best))
    late = total.with_options(after=[best])(values[0:2], values[0])
    ratio = best / late
    doubled_twice = total([best, late], late * 2.0)

    @step
    def summary(self, late: float, best: float) -> str:
        return f"{late} {best}"

    summary_file: TextFile = file_result(summary, filename="summary-{charge}.txt")
    record: DBResult = db_result(ratio=ratio, late=late)
    ratio_again: float = result(ratio)


DRAWING = drawing_of("Everything", Everything.__lume_graph__)
BOXES = {box.key: box for box in DRAWING.flow.boxes}
BY_TITLE = {box.title: box for box in DRAWING.flow.boxes}


@pytest.mark.parametrize(
    ("title", "kind", "detail"),
    [
        ("charge", "parameter", "float, pC"),
        ("mode", "parameter", "Literal['fast', 'slow']"),
        ("charge > 100.0", "operation", ""),
        ("is True", "case", ""),
        ("large", "task", "double → float"),
        ("-charge", "operation", ""),
        ("is 'slow'", "case", ""),
        ("best", "merge", "float"),
        ("doubled", "task", "double → list[float]"),
        ("flatten(…)", "operation", ""),
        ("[…]", "operation", ""),
        ("values[0:2]", "operation", ""),
        ("values[0]", "operation", ""),
        ("ratio", "operation", "best / late"),
        ("late * 2.0", "operation", ""),
        ("summary", "step", "str"),
        ("summary_file", "file", "TextFile"),
        ("record", "record", "DBResult"),
        ("ratio_again", "value", "float"),
        ("configure_services", "configure", ""),
    ],
)
def test_a_box_tells_what_a_member_is(title: str, kind: str, detail: str) -> None:
    box = BY_TITLE[title]
    assert (box.kind, box.detail) == (kind, detail)


def test_there_is_a_box_for_each_task_of_the_equivalent_prefect_flow() -> None:
    assert len(BOXES) == len(DRAWING.flow.boxes)
    assert len(BOXES) == len(Everything.flow.tasks)


def test_the_arrows_are_the_edges_of_the_equivalent_prefect_flow() -> None:
    flow = Everything.flow
    wanted = {
        (edge.upstream_task.name, edge.downstream_task.name): "each" if edge.mapped else edge.key for edge in flow.edges
    }
    assert {(arrow.source, arrow.target) for arrow in DRAWING.arrows} == set(wanted)
    for arrow in DRAWING.arrows:
        key = wanted[arrow.source, arrow.target]
        kind = "each" if key == "each" else "value" if key else "order"
        assert arrow.kind == ("configure" if arrow.source == "configure_services" else kind)


def test_what_runs_for_each_item_is_marked() -> None:
    assert {box.title for box in DRAWING.flow.boxes if box.repeated} == {"doubled", "several"}
    assert {arrow.target for arrow in DRAWING.arrows if arrow.kind == "each"} == {"doubled", "several"}


def test_a_value_says_more_than_the_order_and_each_item_more_than_the_value() -> None:
    def kinds(**inputs: Edge) -> list[tuple[str, str]]:
        graph = graph_of(member("x", Parameter()), member("y", Parameter()), member("t", after=("x", "y"), **inputs))
        return [(arrow.source, arrow.kind) for arrow in drawing_of("f", graph).arrows]

    assert kinds() == [("x", "order"), ("y", "order")]
    assert kinds(a=Edge("y")) == [("y", "value"), ("x", "order")]
    assert kinds(a=Edge("x", mapped=True), b=Edge("x")) == [("x", "each"), ("y", "order")]


def test_a_hint_has_the_help_and_whole_types() -> None:
    assert BY_TITLE["charge"].hint == "charge: float, pC. of a bunch"
    tp = dict[str, dict[str, dict[str, tuple[float, float, float]]]]
    graph = graph_of(member("x", Parameter(help="two\nlines"), tp=tp))
    (box,) = drawing_of("f", graph).flow.boxes
    assert box.hint == "x: dict[str, dict[str, dict[str, tuple[float, float, float]]]]. two lines"
    assert box.detail == "dict[str, dict[…]]"


def test_texts_are_short_lines_of_printable_characters() -> None:
    graph = graph_of(member("a\nb\x1b[31m\u202e" + 50 * "x", tp="T\0" + 50 * "y"))
    (box,) = drawing_of("a\nflow", graph).flow.boxes
    for text in (box.title, box.detail.split(" → ")[1]):
        assert text.isprintable()
        assert len(text) == 36
        assert text.endswith("…")
    assert drawing_of("a\nflow", graph).flow.title == "a flow"


def test_a_flow_without_services_has_no_configure_task_and_one_of_its_name_is_another() -> None:
    plain = graph_of(member("configure_services"))
    assert [box.kind for box in drawing_of("f", plain).flow.boxes] == ["task"]
    using = graph_of(member("configure_services"), member("s", StepRun(double.function, {})))
    first, second, configure = drawing_of("f", using).flow.boxes
    assert (configure.title, configure.kind) == ("configure_services", "configure")
    assert len({first.key, second.key, configure.key}) == 3
    assert drawing_of("f", using).arrows == (Arrow(configure.key, "s", "configure"),)


def test_the_configure_task_is_called_as_the_engine_calls_it() -> None:
    from lume_dsl.engine.compile import CONFIGURE as of_engine
    from lume_dsl.report.drawing import CONFIGURE

    assert of_engine == CONFIGURE


# subflows


class Inner(LumeFlow):
    n: float = 3.0

    y = double(n)
    good = y < n
    parts = [y, n]
    bad = (y + 1.0) * n


class Outer(LumeFlow):
    inner = Inner(n=2.0)
    both = total([inner.y, inner.bad])
    more = inner.y * 2.0


class Outmost(LumeFlow):
    outer = Outer()


def test_a_frame_shows_what_the_picture_of_its_own_flow_shows() -> None:
    alone = [(box.title, box.detail) for box in drawing_of("Inner", Inner.__lume_graph__).flow.boxes]
    assert ("good", "y < n") in alone
    outer = drawing_of("Outer", Outer.__lume_graph__).flow
    assert [(box.title, box.detail) for box in outer.clusters[0].boxes] == alone
    deep = drawing_of("Outmost", Outmost.__lume_graph__).flow.clusters[0]
    assert [(box.title, box.detail) for box in deep.clusters[0].boxes] == alone
    assert [(box.title, box.detail) for box in deep.boxes] == [(box.title, box.detail) for box in outer.boxes]


def test_subflows_are_clusters_and_names_in_them_are_those_of_their_own_flow() -> None:
    graph = graph_of(
        member("x", Parameter()),
        member("inner.deep.y", subflow="inner.deep", a=Edge("x")),
        member("inner.z", subflow="inner", a=Edge("inner.deep.y")),
        member("inner.Add", Operation("add"), visible=False, subflow="inner", x=Edge("inner.z"), y=Edge("x")),
        member("other.y", subflow="other"),
        member("last", a=Edge("inner.Add")),
    )
    drawing = drawing_of("Outer", graph)
    outer = drawing.flow
    inner, other = outer.clusters
    (deep,) = inner.clusters
    assert [cluster.title for cluster in (outer, inner, deep, other)] == ["Outer", "inner", "deep", "other"]
    titles = [[box.title for box in cluster.boxes] for cluster in (outer, inner, deep, other)]
    assert titles == [["x", "last"], ["z", "z + x"], ["y"], ["y"]]
    assert [box.key for box in outer.all_boxes] == ["x", "last", "inner.z", "inner.Add", "inner.deep.y", "other.y"]
    assert Arrow("inner.deep.y", "inner.z") in drawing.arrows


def test_an_operation_names_what_it_takes_as_its_own_flow_does() -> None:
    graph = graph_of(
        member("x", Parameter()),
        member("inner.deep.y", subflow="inner.deep"),
        member("inner.z", Operation("mul"), subflow="inner", x=Edge("inner.deep.y"), y=Edge("x")),
        member("z", Operation("sub"), x=Edge("inner.deep.y"), y=Edge("inner.z")),
    )
    details = {box.key: box.detail for box in drawing_of("f", graph).flow.all_boxes}
    assert details["inner.z"] == "deep.y * x"
    assert details["z"] == "inner.deep.y - inner.z"


def test_an_operation_on_one_without_a_name_shows_that_there_is_one() -> None:
    graph = graph_of(
        member("x", Parameter()),
        member("Neg", Operation("neg"), visible=False, x=Edge("x")),
        member("z", Operation("add"), x=Edge("Neg"), y=Edge("x")),
    )
    assert [box.title for box in drawing_of("f", graph).flow.boxes] == ["x", "-x", "z"]
    assert drawing_of("f", graph).flow.boxes[2].detail == "… + x"


def test_to_write_a_flow_twice_as_large_is_no_more_than_twice_the_work() -> None:
    def write(length: int) -> None:
        tasks = [member(f"t{place}", a=Edge(f"t{place - 1}" if place else "x")) for place in range(length)]
        graph = graph_of(
            member("x", Parameter()), *tasks, member("all", **{f"a{one.name}": Edge(one.name) for one in tasks})
        )
        drawing = drawing_of("large", graph)
        assert dot_of(drawing).count("\n") > 2 * length
        assert mermaid_of(drawing).count("\n") > 2 * length

    assert calls_of(lambda: write(2000)) < 2.1 * calls_of(lambda: write(1000))


def member(name: str, work: Work | None = None, *, tp: Any = float, **given: Any) -> Member:
    """A member; keywords that are no attributes of one are its inputs."""
    attributes = {key: given.pop(key) for key in ("subflow", "after", "visible") if key in given}
    run = TaskRun(double.function, {})
    return Member(name, run if work is None else work, tp, given, Place("f.py", 1), **attributes)


def graph_of(*members: Member) -> Graph:
    return Graph({one.name: one for one in members})


def test_an_empty_flow_is_an_empty_drawing() -> None:
    assert drawing_of("f", Graph()) == Drawing(Cluster("f"))
