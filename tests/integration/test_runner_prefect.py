"""What the runners show of themselves is what Prefect's show."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import MagicMock

import prefect
import pytest
from prefect.engine import get_default_task_runner_class
from prefect.executors import LocalDaskExecutor
from prefect.utilities.configuration import set_temporary_config

from lume_dsl.engine.runner import CloudFlowRunner, CloudTaskRunner, Flow, FlowRunner, TaskRunner


def flow_of(*tasks: prefect.Task) -> Flow:
    return Flow("shown", tasks=tasks)


@prefect.task
def nothing() -> None: ...


def test_a_flow_runner_names_the_task_runner_of_the_configuration() -> None:
    assert FlowRunner(flow_of(nothing)).task_runner_cls is get_default_task_runner_class()
    with set_temporary_config({"engine.task_runner.default_class": "prefect.engine.cloud.CloudTaskRunner"}):
        assert FlowRunner(flow_of(nothing)).task_runner_cls is get_default_task_runner_class()


def test_a_flow_runner_that_names_prefects_task_runner_runs_tasks_on_ours() -> None:
    seen: list[type] = []

    def handler(runner: TaskRunner, _old: object, _new: object) -> None:
        seen.append(type(runner))

    assert FlowRunner(flow_of(nothing)).run(task_runner_state_handlers=[handler]).is_successful()
    assert set(seen) == {TaskRunner}


def test_the_flow_runner_of_agents_names_the_task_runner_that_tells_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.engine.cloud.flow_runner.Client", MagicMock())
    assert CloudFlowRunner(flow_of(nothing)).task_runner_cls is CloudTaskRunner


def test_a_task_runner_keeps_the_context_that_it_was_made_in() -> None:
    with prefect.context(beamline="7ID", where={"hutch": "B"}):
        runner = TaskRunner(nothing)
    with prefect.context(beamline="9ID"):
        assert runner.context["beamline"] == "7ID"
    assert type(runner.context["where"]) is dict
    assert "beamline" not in TaskRunner(nothing).context


LOCK = threading.Lock()


@prefect.task
def lock() -> object:
    return threading.Lock()


def test_what_an_executor_puts_into_the_context_the_tasks_see_that_come_after() -> None:
    class Counting(LocalDaskExecutor):  # type: ignore[misc]  # Prefect's, which has no types
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            prefect.context["number"] = prefect.context.get("number", 0) + 1
            return super().submit(*args, **kwargs)

    seen = prefect.task(lambda: prefect.context.get("number"))
    flow = flow_of(seen, seen.copy(), seen.copy())
    numbers = []
    for runner_cls in (prefect.engine.FlowRunner, FlowRunner):
        state = flow.run(executor=Counting("threads"), runner_cls=runner_cls)
        numbers.append(sorted(one.result or 0 for one in state.result.values()))
    assert numbers == [[0, 1, 2], [0, 1, 2]]


def test_a_run_whose_executor_gives_no_states_has_failed() -> None:
    """As with Prefect's runner, in whose tests a mock is the executor."""
    assert flow_of(nothing).run(executor=MagicMock()).is_failed()


def test_what_cannot_be_carried_ends_a_flow_of_prefects_own_by_the_error_of_the_executor() -> None:
    """Prefect's flows have no failed task to show for it; those of flow classes do."""
    kept = flow_of(prefect.task(lambda: LOCK))
    for flow in (kept, flow_of(lock)):
        errors = [
            str(made.run(executor=LocalDaskExecutor(scheduler="processes")).result)
            for made in (flow, prefect.Flow("shown", tasks=flow.tasks))
        ]
        assert errors[0] == errors[1]
        assert "Failed" not in errors[0]
