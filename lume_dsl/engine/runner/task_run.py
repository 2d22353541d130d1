"""A task's run where the executor has it run, in this process or in another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import prefect
from prefect.core.edge import Edge
from prefect.engine.result import Result
from prefect.engine.state import Mapped, State

from lume_dsl.engine.runner.carried import carried_back, failed_by
from lume_dsl.engine.runner.context import RunContext, entered
from lume_dsl.engine.runner.parcel import Parcel
from lume_dsl.engine.runner.task_runner import TaskRunner
from lume_dsl.errors import TaskNotCarriedError

__all__ = ["run_parcel", "run_task"]


def run_parcel(parcel: Parcel, states: list[State]) -> State:
    """As ``run_task``, of arguments that may come from another process. ``states``: those that the executor had."""
    try:
        arguments = parcel.arguments(states)
    except TaskNotCarriedError as wrong:
        return failed_by(wrong)
    return run_task(**arguments, goes_back=parcel.has_travelled)


def run_task(
    task: prefect.Task,
    state: State | None,
    upstream_states: Mapping[Edge, State],
    context: RunContext,
    flow_result: Result | None,
    task_runner_cls: Callable[..., TaskRunner],
    task_runner_state_handlers: Sequence[Callable[..., Any]] | None,
    upstream_mapped_states: Mapping[Edge, list[State]],
    is_mapped_parent: bool = False,
    goes_back: bool = False,
) -> State:
    """Run a task, or one run of a mapped one, and return its final state.

    ``goes_back``: to the process that runs the flow, from another one.
    """
    values = context.to_dict()
    begun = time.time()
    with entered(values, shared=True):
        for edge, upstream in upstream_states.items():
            if isinstance(upstream, Mapped) and not edge.mapped:
                upstream.map_states = upstream_mapped_states.get(edge, upstream.map_states)
                upstream.result = [one.result for one in upstream.map_states]
        runner = task_runner_cls(task=task, state_handlers=task_runner_state_handlers, flow_result=flow_result)
        final: State = runner.run(
            state=state, upstream_states=upstream_states, is_mapped_parent=is_mapped_parent, context=values
        )
    if goes_back:
        final = carried_back(task.name, final)
    if context.recorded is not None and not (state is not None and state.is_finished()):  # then nothing has run
        recorder, name, keeps = context.recorded
        recorder.ended(name, context.index, final, begun, keeps=keeps)
    return final
