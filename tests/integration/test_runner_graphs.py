"""A flow of ours answers for its graph as one of Prefect's does, and is refused for another version of Prefect."""

from __future__ import annotations

from typing import Any

import prefect
import pytest
from behaviours import add
from graphs import Drawn, drawings, drawn_flow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect import task
from prefect.core.edge import Edge
from prefect.engine.cloud import CloudFlowRunner as PrefectCloudFlowRunner
from prefect.engine.cloud import CloudTaskRunner as PrefectCloudTaskRunner
from prefect.engine.flow_runner import FlowRunner as PrefectFlowRunner
from prefect.engine.task_runner import TaskRunner as PrefectTaskRunner
from prefect.utilities.configuration import set_temporary_config

from lume_dsl.engine.runner import CloudFlowRunner, CloudTaskRunner, Flow, FlowRunner, TaskRunner, runner_class
from lume_dsl.engine.runner.version import check_prefect
from lume_dsl.errors import LumeError

generated = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stock_of(flow: prefect.Flow) -> prefect.Flow:
    """Prefect's flow of the same tasks and edges."""
    stock = prefect.Flow(flow.name)
    stock.tasks, stock.edges, stock.slugs = flow.tasks, flow.edges, flow.slugs
    stock._reference_tasks = flow._reference_tasks
    return stock


def assert_in_order(flow: prefect.Flow, found: tuple[prefect.Task, ...]) -> None:
    """Each task is once there, after all that it takes from."""
    places = {one: place for place, one in enumerate(found)}
    assert len(places) == len(found)
    within = [edge for edge in flow.edges if edge.upstream_task in places and edge.downstream_task in places]
    assert all(places[edge.upstream_task] < places[edge.downstream_task] for edge in within)


def assert_answers_alike(flow: prefect.Flow) -> None:
    stock = stock_of(flow)
    assert flow.root_tasks() == stock.root_tasks()
    assert flow.terminal_tasks() == stock.terminal_tasks()
    assert flow.reference_tasks() == stock.reference_tasks()
    assert set(flow.sorted_tasks()) == set(stock.sorted_tasks()) == flow.tasks
    assert_in_order(flow, flow.sorted_tasks())


@generated
@given(drawings())
def test_a_run_takes_the_edges_to_a_task_in_prefects_order(drawing: list[Drawn]) -> None:
    """Triggers go by the first of them that decides."""
    flow = drawn_flow(Flow, drawing)
    found = flow.edges_of_tasks()
    assert {task: list(found.get(task, ())) for task in flow.tasks} == {
        task: list(edges) for task, edges in flow.all_upstream_edges().items()
    }


def test_a_run_makes_no_sets_of_edges() -> None:
    """They would take more memory than all else that it keeps of a task."""
    with Flow("lean") as flow:
        task(add)(task(add)())
    assert flow.run().is_successful()
    made = {key[0] for key in flow._cache if isinstance(key, tuple)}
    assert "_sorted_tasks" in made
    assert not made & {"all_upstream_edges", "all_downstream_edges"}


@generated
@given(drawings())
def test_roots_terminal_and_reference_tasks_are_prefects(drawing: list[Drawn]) -> None:
    assert_answers_alike(drawn_flow(Flow, drawing))


@generated
@given(drawings(), st.data())
def test_the_order_from_some_roots_has_what_prefects_has(drawing: list[Drawn], data: Any) -> None:
    flow = drawn_flow(Flow, drawing)
    roots = data.draw(st.lists(st.sampled_from(sorted(flow.tasks, key=str)), max_size=3))
    found = flow.sorted_tasks(root_tasks=iter(roots))
    assert set(found) == set(stock_of(flow).sorted_tasks(root_tasks=roots))
    assert_in_order(flow, found)


@generated
@given(drawings(), drawings(), st.data())
def test_a_flow_that_changes_answers_anew(drawing: list[Drawn], more: list[Drawn], data: Any) -> None:
    flow = drawn_flow(Flow, drawing)
    assert_answers_alike(flow)
    flow.replace(data.draw(st.sampled_from(sorted(flow.tasks, key=str))), task(add, name="another"))
    assert_answers_alike(flow)
    flow.update(drawn_flow(Flow, more))
    assert_answers_alike(flow)
    if flow.edges:
        flow.edges.remove(data.draw(st.sampled_from(sorted(flow.edges, key=str))))
    assert_answers_alike(flow)
    flow.set_reference_tasks([data.draw(st.sampled_from(sorted(flow.tasks, key=str)))])
    assert_answers_alike(flow.copy())


def test_the_order_is_that_in_which_tasks_were_added_as_far_as_edges_let_it() -> None:
    flow = Flow("order")
    last, first, other = (task(add, name=name) for name in ("last", "first", "other"))
    for one in (last, first, other):
        flow.add_task(one)
    flow.add_edge(first, last)
    assert flow.sorted_tasks() == (first, last, other)


@pytest.mark.parametrize("flow_class", [prefect.Flow, Flow], ids=["Prefect", "ours"])
def test_a_cycle_is_refused_as_by_prefect(flow_class: type) -> None:
    flow = flow_class("cycle")
    one, two = task(add, name="one"), task(add, name="two")
    flow.add_edge(one, two)
    with pytest.raises(ValueError, match=r"^Cycle found; flows must be acyclic!$"):
        flow.add_edge(two, one, validate=True)
    with pytest.raises(ValueError, match=r"^Cycle found; flows must be acyclic!$"):
        flow.sorted_tasks(root_tasks=[one])


@pytest.mark.parametrize("flow_class", [prefect.Flow, Flow], ids=["Prefect", "ours"])
def test_a_graph_that_is_not_whole_is_refused_as_by_prefect(flow_class: type) -> None:
    flow, stranger = flow_class("flow"), task(add, name="stranger")
    flow.add_task(task(add))
    with pytest.raises(ValueError, match=r'^Task <Task: stranger> was not found in Flow <Flow: name="flow">$'):
        flow.sorted_tasks(root_tasks=[stranger])
    flow.edges.add(Edge(stranger, task(add)))
    with pytest.raises(ValueError, match=r"^Some edges refer to tasks not contained in this flow\.$"):
        flow.validate()


@pytest.mark.parametrize("flow_class", [prefect.Flow, Flow], ids=["Prefect", "ours"])
def test_a_run_within_the_flow_s_own_block_is_refused(flow_class: type) -> None:
    with flow_class("flow") as flow:
        task(add)()
        with pytest.raises(RuntimeError, match=r"^Don't call `flow\.run\(\)` from within"):
            flow.run()
    with pytest.raises(ValueError, match="`return_tasks` keyword cannot be provided"):
        flow.run(return_tasks=[])


def test_what_is_asked_of_a_server_is_asked_first_and_the_rest_is_ours() -> None:
    order = [CloudFlowRunner, PrefectCloudFlowRunner, FlowRunner, PrefectFlowRunner]
    assert [one for one in CloudFlowRunner.__mro__ if one in order] == order
    order = [CloudTaskRunner, PrefectCloudTaskRunner, TaskRunner, PrefectTaskRunner]
    assert [one for one in CloudTaskRunner.__mro__ if one in order] == order
    assert CloudFlowRunner(Flow("cloud")).task_runner_cls is CloudTaskRunner


def test_the_runner_is_ours_where_it_would_be_prefects() -> None:
    assert runner_class() is FlowRunner
    with set_temporary_config({"engine.flow_runner.default_class": "prefect.engine.cloud.CloudFlowRunner"}):
        assert runner_class() is CloudFlowRunner


def test_another_class_of_task_runners_is_kept() -> None:
    class Own(PrefectTaskRunner):
        pass

    used = []

    def told(runner: Any, _old: Any, new: Any) -> Any:
        used.append(type(runner))
        return new

    flow = Flow("flow")
    flow.add_task(prefect.Task(name="one"))
    FlowRunner(flow, task_runner_cls=Own).run(task_runner_state_handlers=[told])
    assert set(used) == {Own}
    used.clear()
    FlowRunner(flow).run(task_runner_state_handlers=[told])
    assert set(used) == {TaskRunner}


@pytest.mark.parametrize("version", ["1.4.0", "1.4.10", "1.5.0", "2.0.0", "1.4.1rc1"])
def test_another_version_of_prefect_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(prefect, "__version__", version)
    with pytest.raises(LumeError) as refused:
        check_prefect()
    assert str(refused.value).splitlines() == [
        f"lume_dsl runs flows as Prefect 1.4.1 does, and Prefect {version} is installed",
        "    write pip install 'prefect==1.4.1'",
    ]


def test_this_version_of_prefect_is_taken_however_it_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("1.4.1", "1.4.1+8.gabcdef"):
        monkeypatch.setattr(prefect, "__version__", version)
        check_prefect()
