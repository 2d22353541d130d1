"""Flows run on our runners as on Prefect's: the same states, contexts, changes of state and log records."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import behaviours
import handlers
import prefect
import pytest
import shapes
from distributed import Client
from graphs import Drawn, drawings, drawn_flow
from histories import Build, answer, assert_same, built, forget_recorder, history
from hypothesis import HealthCheck, given, settings
from prefect.executors import DaskExecutor, Executor, LocalDaskExecutor

from lume_dsl.engine.runner import Flow

BUILDS = [*behaviours.BEHAVIOURS, *handlers.BEHAVIOURS, *shapes.BEHAVIOURS]

by_name = pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)

StockRunner = prefect.engine.FlowRunner


@pytest.fixture(autouse=True)
def somebody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is asked whether a paused task may go on does answer."""
    monkeypatch.setattr("builtins.input", answer)


WHOLE = [
    behaviours.retries,
    behaviours.loops_and_retries,
    behaviours.ends_by_signal,
    behaviours.pauses,
    behaviours.skips,
]
WHOLE += [behaviours.keeps_results, behaviours.has_contexts, handlers.tells_failures, shapes.maps]
WHOLE += [shapes.maps_in_part, shapes.flattens, shapes.has_constants, shapes.branches]
WHOLE += [shapes.has_reference_tasks, shapes.has_parameters_and_secrets, shapes.runs_a_flow_within]


@pytest.mark.parametrize("build", WHOLE, ids=lambda build: build.__name__)
def test_a_flow_of_ours_does_what_one_of_prefects_does(build: Build) -> None:
    """Here the classes of flows differ too; that of Prefect runs its tasks in no order, so that none is told."""
    stock, ours = (history(*built(build, flow_class)).by_task() for flow_class in (prefect.Flow, Flow))
    assert_same(stock, ours)


@by_name
def test_a_flow_of_ours_does_the_same_in_the_same_order_on_either_runner(build: Build) -> None:
    flow, runs = built(build, Flow)
    stock, ours = history(flow, runs, runner_cls=StockRunner), history(flow, runs)
    assert_same(stock.told(), ours.told())


@by_name
def test_what_nobody_watches_is_the_same(build: Build) -> None:
    """Without handlers of states, and without records below a warning, most steps are passed by."""
    flow, runs = built(build, Flow, handled=False)
    quiet: dict[str, Any] = {"handled": False, "level": logging.WARNING}
    stock, ours = history(flow, runs, runner_cls=StockRunner, **quiet), history(flow, runs, **quiet)
    assert_same(stock.told(), ours.told())


IN_THREADS = [shapes.maps_in_part, shapes.flattens, shapes.changes_the_context, shapes.EVERYTHING]


@pytest.mark.parametrize("build", IN_THREADS, ids=lambda build: build.__name__)
def test_threads_do_the_same_on_either_runner(build: Build) -> None:
    assert_same_somewhere(build, LocalDaskExecutor(scheduler="threads", num_workers=2))


class Telling(Flow):
    """As flow classes make: what its tasks take travels packed."""

    tells_what_is_lost = True


@pytest.mark.parametrize("flow_class", [Flow, Telling])
def test_processes_do_the_same_on_either_runner(flow_class: type[Flow]) -> None:
    assert_same_somewhere(shapes.EVERYTHING, LocalDaskExecutor(scheduler="processes", num_workers=2), flow_class)


@pytest.mark.parametrize("flow_class", [Flow, Telling])
def test_a_dask_cluster_does_the_same_on_either_runner(dask_cluster: str, flow_class: type[Flow]) -> None:
    try:
        assert_same_somewhere(shapes.EVERYTHING, DaskExecutor(address=dask_cluster), flow_class)
    finally:  # the workers serve other tests
        with Client(dask_cluster, set_as_default=False) as client:
            client.run(forget_recorder)


def assert_same_somewhere(build: Build, executor: Executor, flow_class: type[Flow] = Flow) -> None:
    """Both runners do the same where tasks run side by side, of which the order is not told."""
    flow, runs = built(build, flow_class)
    stock, ours = (history(flow, runs, executor=executor, **one) for one in ({"runner_cls": StockRunner}, {}))
    assert len(stock.events) > 20
    assert_same(stock.by_task(), ours.by_task())


@pytest.mark.parametrize("build", [behaviours.TIMEOUTS, shapes.SCHEDULED], ids=["timeout", "schedule"])
def test_what_takes_its_time_does_what_it_does_in_prefect(build: Build) -> None:
    stock, ours = (history(*built(build, flow_class)).by_task() for flow_class in (prefect.Flow, Flow))
    assert_same(stock, ours)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawings())
def test_generated_flows_do_the_same_in_the_same_order_on_either_runner(tmp_path: Path, drawing: list[Drawn]) -> None:
    flow, runs = built(lambda flow_class: drawn_flow(flow_class, drawing), Flow)
    stock, ours = history(flow, runs, runner_cls=StockRunner), history(flow, runs)
    assert_same(stock.told(), ours.told())
