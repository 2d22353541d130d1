"""Running a flow with its parameters bound, and finding what earlier runs recorded."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from lume_dsl import services
from lume_dsl.declare.attributes import RUN
from lume_dsl.declare.flow import FlowMeta, LumeFlow, parameters_of
from lume_dsl.engine.compile import compile_flow
from lume_dsl.engine.outcome import FlowRun, error_of
from lume_dsl.records import DBResult, Query, Results
from lume_dsl.settings import current_settings
from lume_dsl.tasks.context import SETTINGS
from lume_dsl.values.convert import unstructure

if TYPE_CHECKING:
    from prefect.executors import Executor

__all__ = ["results_of", "run_flow"]

F = TypeVar("F", bound=LumeFlow)


def run_flow(
    instance: F,
    *,
    executor: Executor | None = None,
    context: Mapping[str, Any] | None = None,
    task_runner_state_handlers: Iterable[Callable[..., Any]] | None = None,
) -> F:
    """Run a flow and return a new instance that holds the run. See ``LumeFlow.run``."""
    compiled = compile_flow(type(instance))
    values = parameters_of(instance)
    settings = current_settings()
    flow_run_id = str(uuid.uuid4())
    start_time = datetime.now(timezone.utc)
    state = compiled.start(
        values,
        executor=executor,
        context={**(context or {}), SETTINGS: settings, "flow_run_id": flow_run_id},
        task_runner_state_handlers=task_runner_state_handlers,
    )
    end_time = datetime.now(timezone.utc)
    states = state.result if isinstance(state.result, dict) else {}
    tasks = {name: states[task] for name, task in compiled.nodes.items() if task in states}
    if not state.is_successful():
        raise error_of(compiled.name, state, tasks)
    outcome = type(instance)(**values)
    vars(outcome)[RUN] = FlowRun(
        flow_name=compiled.name,
        id=flow_run_id,
        state=type(state)(message=state.message),
        start_time=start_time,
        end_time=end_time,
        tasks=tasks,
        references=type(instance).__lume_graph__.references,
        settings=settings,
    )
    return outcome


def results_of(flow_class: FlowMeta, /, **inputs: Any) -> Results[DBResult]:
    """Return the stored records of a flow whose inputs have these values, newest first."""
    name = flow_class.__lume_options__.get("name", flow_class.__name__)
    query = Query(flow_name=name, inputs={key: unstructure(value) for key, value in inputs.items()})
    return services.current().results(query, DBResult)
