"""What a task's run takes on its way to another process: packed for that, and unpacked where the task runs alone.

So whoever hands it on, as Dask's scheduler does, needs none of the flow's modules; and what cannot be packed, or not be
unpacked, fails the task that takes it, where it would end the run or the work of the executor.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import cloudpickle
import prefect
from prefect.engine.state import State

from lume_dsl.engine.runner.carried import not_carried
from lume_dsl.errors import TaskNotCarriedError, text_of

__all__ = ["Parcel", "packed"]


class _Place(NamedTuple):
    """Stands for a state that only the executor has: which of them it is."""

    number: int


class Parcel:
    """The arguments of ``run_task``, but for the states that the executor has, which it must find to wait for them.

    Attributes:
        task_name: The task.
        has_travelled: Whether it has come from another process.
    """

    __slots__ = ("_content", "_packed", "task_name")

    def __init__(self, task_name: str, content: Mapping[str, Any] | None, packed: bytes | None = None) -> None:
        self.task_name = task_name
        self._content = content
        self._packed = packed

    @property
    def has_travelled(self) -> bool:
        return self._packed is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return Parcel, (self.task_name, None, self._packed or self._pack())

    def _pack(self) -> bytes:
        assert self._content is not None
        try:
            return bytes(cloudpickle.dumps(self._content))
        except Exception as error:  # whatever a class of a user's raises
            return bytes(cloudpickle.dumps(not_carried(self._content, error)))

    def arguments(self, states: list[State]) -> dict[str, Any]:
        """Return the arguments of ``run_task``, with the states that the executor had.

        Raises:
            TaskNotCarriedError: They could not be packed, or cannot be unpacked here.
        """
        content = self._content
        if self._packed is not None:
            content = self._unpacked(self._packed)
        assert content is not None

        def found(one: Any) -> Any:
            return states[one.number] if isinstance(one, _Place) else one

        return _with_each_state(content, found)

    def _unpacked(self, packed: bytes) -> Mapping[str, Any]:
        try:
            content: Mapping[str, Any] | TaskNotCarriedError = pickle.loads(packed)
        except Exception as error:  # a module that there is not here, or whatever a class of a user's raises
            message = f"what it takes cannot be unpacked where it was to run: {type(error).__name__}: {text_of(error)}"
            fix = "let the workers import the modules of the flow, as by PYTHONPATH"
            raise TaskNotCarriedError(self.task_name, message, fix) from error
        if isinstance(content, TaskNotCarriedError):
            raise content
        _say_where_written(content["task"].run)
        return content


def _say_where_written(run: Any) -> None:
    """A function has its file again, which tracebacks name; cloudpickle leaves it out."""
    while hasattr(run, "run"):
        run = run.run
    if isinstance(run, FunctionType) and (file := run.__globals__.get("__file__")):
        run.__code__ = _of_file(run.__code__, file)


def _of_file(code: CodeType, file: str) -> CodeType:
    if code.co_filename != "<dynamic-code>":
        return code
    inner = tuple(_of_file(one, file) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=file, co_consts=inner)


def packed(task: prefect.Task, arguments: Mapping[str, Any]) -> tuple[Parcel, list[Any]]:
    """Return a parcel of the arguments of ``run_task``, and what the executor has in place of states, in order."""
    futures: list[Any] = []

    def place(one: Any) -> Any:
        if isinstance(one, State):
            return one
        futures.append(one)
        return _Place(len(futures) - 1)

    return Parcel(task.name, _with_each_state(arguments, place)), futures


def _with_each_state(arguments: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The arguments of ``run_task`` with something in the place of each upstream state."""
    upstream, mapped = arguments["upstream_states"], arguments["upstream_mapped_states"]
    return {
        **arguments,
        "upstream_states": {edge: change(one) for edge, one in upstream.items()},
        "upstream_mapped_states": {edge: [change(one) for one in runs] for edge, runs in mapped.items()},
    }
