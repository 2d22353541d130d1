"""Running a flow with its parameters bound."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

import prefect
from prefect.engine.state import State
from prefect.executors import Executor

from lume_dsl import services
from lume_dsl.declare.attributes import RUN
from lume_dsl.declare.flow import FlowMeta, LumeFlow, parameters_of, with_values
from lume_dsl.engine.compile import CONFIGURE, compile_flow
from lume_dsl.engine.executors import executor_of
from lume_dsl.engine.outcome import FlowRun, error_of
from lume_dsl.engine.recording import Resumed
from lume_dsl.engine.scheduled import with_scheduled
from lume_dsl.history.journal import Journal
from lume_dsl.records.find import results_of
from lume_dsl.settings import current_settings

__all__ = ["prepare", "results_of", "run_flow"]

F = TypeVar("F", bound=LumeFlow)


def run_flow(
    instance: F,
    *,
    executor: Executor | str | None = None,
    context: Mapping[str, Any] | None = None,
    task_runner_state_handlers: Iterable[Callable[..., Any]] | None = None,
    resumed: Resumed | None = None,
    task_states: Mapping[prefect.Task, State] | None = None,
) -> F:
    """Run a flow and return a new instance that holds the run. See ``LumeFlow.run``.

    ``resumed`` is the run that goes on with these ``task_states``.
    """
    compiled = compile_flow(type(instance))
    if prefect.context.get("loading_flow", False):  # a module that runs its flow, imported for the flow
        warnings.warn(f"{compiled.name}.run() does nothing while Prefect loads the flow", stacklevel=3)
        return instance
    values = parameters_of(instance)
    settings = current_settings()
    flow_run_id = resumed.journal.run_id if resumed else str(uuid.uuid4())
    start_time = datetime.now(timezone.utc)
    state = compiled.start(
        values,
        executor=executor_of(executor),
        context={**with_scheduled(context or {}), "flow_run_id": flow_run_id},
        task_runner_state_handlers=task_runner_state_handlers,
        resumed=resumed,
        task_states=dict(task_states or {}),
    )
    end_time = datetime.now(timezone.utc)
    states = state.result if isinstance(state.result, dict) else {}
    tasks = {name: states[task] for name, task in compiled.members.items() if task in states}
    if not state.is_successful():
        configured = {CONFIGURE: states[compiled.configure]} if compiled.configure in states else {}
        error = error_of(compiled.name, state, {**tasks, **configured}, type(instance).__lume_graph__)
        if Journal(settings.home, flow_run_id).is_there:
            error.flow_run_id = flow_run_id
        raise error
    outcome: F = with_values(type(instance), values)
    vars(outcome)[RUN] = FlowRun(
        flow_name=compiled.name,
        id=flow_run_id,
        state=type(state)(message=state.message),
        start_time=start_time,
        end_time=end_time,
        tasks=tasks,
        stored=type(instance).__lume_graph__.stored,
        settings=settings,
    )
    return outcome


def prepare(flow_class: FlowMeta) -> None:
    """The flow is compiled, and the driver of the record store loaded if it saves records. Nothing is connected to."""
    configure = compile_flow(flow_class).configure
    if configure is not None and configure.records:
        _ = services.current().store
