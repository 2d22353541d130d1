"""What cannot be carried between processes, and what was lost on the way, told by task.

With Prefect's own runner either ends the whole flow, by an error of the executor that names neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import cloudpickle
import prefect
from prefect.core.edge import Edge
from prefect.engine.state import Failed, State

from lume_dsl.errors import TaskNotCarriedError

__all__ = ["carried_back", "not_carried"]

_SAFE = (type(None), bool, int, float, complex, str, bytes)
"""What is not pickled once more, only to see that it can be."""


def carried_back(task_name: str, state: State) -> State:
    """Return a task's final state, or a failed one if its result cannot go back to the process that runs the flow."""
    if isinstance(state.result, _SAFE) or (error := _unpicklable(state)) is None:
        return state
    value = f"what it returns, a {type(state.result).__name__}, cannot be carried to another process"
    wrong = TaskNotCarriedError(task_name, f"{value}: {error}", "return what pickles, or save it as a result field")
    return Failed(f"Task '{task_name}': {wrong.message}", result=wrong)


def not_carried(
    task: prefect.Task, states: Mapping[Edge, Any], context: Mapping[str, Any] = MappingProxyType({})
) -> TaskNotCarriedError | None:
    """Return what is wrong if something that a task needs cannot be carried to another process."""
    named: list[tuple[str, Any]] = [("the task itself", task)]
    named += [(f"its argument {edge.key}", state) for edge, state in states.items() if isinstance(state, State)]
    named += [(f"{key!r} of the context", value) for key, value in context.items()]
    for what, value in named:
        error = _unpicklable(value)
        if error is not None:
            message = f"{what} cannot be carried to another process: {error}"
            return TaskNotCarriedError(task.name, message, "make it in the task, or run with threads")
    return None


def _unpicklable(value: Any) -> str | None:
    try:
        cloudpickle.dumps(value)
    except Exception as error:  # whatever a class of a user's raises
        return f"{type(error).__name__}: {error}"
    return None
