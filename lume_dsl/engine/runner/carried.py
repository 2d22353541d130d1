"""What cannot be carried between processes, told by task and argument.

With Prefect's own runner it ends the whole flow, by an error of the executor that names neither.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import cloudpickle
from prefect.engine.state import Failed, State

from lume_dsl.errors import TaskNotCarriedError, text_of

__all__ = ["carried_back", "failed_by", "not_carried"]

_SAFE = (type(None), bool, int, float, complex, str, bytes)
"""What is not pickled once more, only to see that it can be."""

_CANNOT = "cannot be carried to another process"


def carried_back(task_name: str, state: State) -> State:
    """Return a task's final state, or a failed one if its result cannot go back to the process that runs the flow.

    If it is the exception of a failed task that cannot, one takes its place that says what it said.
    """
    if isinstance(state.result, _SAFE) or (reason := _refused(state, comes_back=True)) is None:
        return state
    kind = type(state.result).__name__
    if isinstance(state.result, BaseException):
        fix = f"{kind} itself {_CANNOT}: {reason}; hand all its arguments to super().__init__, or give it a __reduce__"
        instead = TaskNotCarriedError(task_name, _told(state.result), fix)
        state.result = instead.with_traceback(state.result.__traceback__)
        return state
    what = f"what it returns, a {kind}, {_CANNOT}: {reason}"
    return failed_by(TaskNotCarriedError(task_name, what, "return what pickles, or save it as a result field"))


def failed_by(wrong: TaskNotCarriedError) -> Failed:
    """Return the state of a task that has failed so."""
    return Failed(f"Task '{wrong.task_name}': {wrong.message}", result=wrong)


def not_carried(arguments: Mapping[str, Any], error: Exception) -> TaskNotCarriedError:
    """Return what is wrong with the arguments of ``run_task``, which together cannot be pickled by this error."""
    task_name = arguments["task"].name
    fix = "make it in the task, or run with threads"
    for what, value in _parts(arguments):
        reason = _refused(value, comes_back=False)
        if reason is not None:
            return TaskNotCarriedError(task_name, f"{what} {_CANNOT}: {reason}", fix)
    return TaskNotCarriedError(task_name, f"what it takes {_CANNOT}: {_told(error)}", fix)


def _parts(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "the task itself", arguments["task"]
    for edge, state in arguments["upstream_states"].items():
        yield f"its argument {edge.key}", state
    for edge, states in arguments["upstream_mapped_states"].items():
        yield f"its argument {edge.key}", states
    context = arguments["context"]
    for key, value in {**context.values, **context.own}.items():
        yield f"{key!r} of the context", value
    for handler in arguments["task_runner_state_handlers"] or ():
        yield "a state handler of task runners", handler


def _refused(value: Any, *, comes_back: bool) -> str | None:
    """Why a value cannot be pickled, or, if it ``comes_back``, be unpickled. Large arrays are not copied for that."""
    buffers: list[Any] = []
    try:
        packed = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        if comes_back:
            pickle.loads(packed, buffers=buffers)
    except Exception as error:  # whatever a class of a user's raises
        return _told(error)
    return None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"
