"""What a flow run came to: the values of its tasks and results, or the error that says what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

import attrs
from prefect.engine.state import State, TriggerFailed

from lume_dsl import services
from lume_dsl.declare.attributes import RUN
from lume_dsl.declare.flow import with_values
from lume_dsl.declare.graph import Constant, Edge, Graph, Member, Subflow
from lume_dsl.errors import FlowRunError, NotRunError, TaskFailure
from lume_dsl.settings import Settings
from lume_dsl.values.convert import short

__all__ = ["FlowRun", "NotKept", "error_of", "failures_of"]


@attrs.frozen
class FlowRun:
    """A finished run of a flow. Two are equal when their ids are.

    Attributes:
        flow_name: The flow's name.
        id: The flow run's id.
        state: Its final Prefect state, without a result: those of the tasks have them.
        start_time: When it began (UTC).
        end_time: When it ended (UTC).
        tasks: The final Prefect state of each task, by name, in the flow's order.
    """

    flow_name: str = attrs.field(eq=False)
    id: str
    state: State = attrs.field(eq=False)
    start_time: datetime = attrs.field(eq=False)
    end_time: datetime = attrs.field(eq=False)
    tasks: Mapping[str, State] = attrs.field(repr=False, eq=False)
    _stored: frozenset[str] = attrs.field(repr=False, eq=False, alias="stored")
    """The results whose tasks return references."""
    _settings: Settings = attrs.field(repr=False, eq=False, alias="settings")
    _loaded: dict[str, Any] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    def value(self, name: str) -> Any:
        """Return the value of a task or result; a file or record result is loaded at the first look.

        Raises:
            NotRunError: The task did not succeed in this run.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def subflow(self, path: str, graph: Graph) -> Any:
        """Return a flow within that of ``graph`` as one that has run, None where it was skipped; a list if mapped."""
        if path not in self._loaded:
            self._loaded[path] = self._ran(path, graph)
        return self._loaded[path]

    def _ran(self, path: str, graph: Graph) -> Any:
        subflow = graph.subflows[path]
        states = {name.removeprefix(f"{path}."): self.tasks[name] for name in graph.members_of(path)}
        if states and all(state.is_skipped() for state in states.values()):
            return None
        if not subflow.mapped:
            return self._instance(path, subflow, states)
        count = min((len(_runs(state)) for state in states.values()), default=0)
        return [
            self._instance(f"{path}[{place}]", subflow, {name: _runs(state)[place] for name, state in states.items()})
            for place in range(count)
        ]

    def _instance(self, path: str, subflow: Subflow, states: Mapping[str, State]) -> Any:
        graph: Graph = subflow.flow.__lume_graph__
        run = attrs.evolve(
            self,
            flow_name=f"{self.flow_name}.{path}",
            tasks={name: state for name, state in states.items() if name not in graph.parameters},
            stored=graph.stored,
        )
        instance = with_values(subflow.flow, {name: states[name].result for name in graph.parameters})
        vars(instance)[RUN] = run
        return instance

    def _load(self, name: str) -> Any:
        state = self.tasks[name]
        if state.is_skipped():
            return None
        failed = [failure.name for failure in failures_of(name, state)]
        unkept = next((one.result for one in _runs(state) or [state] if isinstance(one.result, NotKept)), None)
        if unkept is not None:
            why = f"it ran before this run was resumed, and what it returned is not kept: {unkept.reason}"
            raise NotRunError(f"{self.flow_name}.{name} has no value: {why}")
        if failed or not state.is_successful():
            raise NotRunError(f"{self.flow_name}.{name} has no value: {_ended(state, failed)} in this run")
        if state.is_mapped():  # where Prefect has the exception that skipped an item
            return [None if run.is_skipped() else self._read(name, run.result) for run in _runs(state)]
        return self._read(name, state.result)

    def _read(self, name: str, result: Any) -> Any:
        """What a task returned, or the file or record that it is the reference to."""
        if name not in self._stored or result is None:
            return result
        with services.use(self._settings):
            return services.load(result)


@attrs.frozen
class NotKept:
    """Stands for the value of a task that succeeded before its run was resumed, and was not kept.

    Attributes:
        reason: Why not.
    """

    reason: str


def _runs(state: State) -> list[State]:
    return cast(list[State], state.map_states) if state.is_mapped() else []


def _ended(state: State, failed: Sequence[str]) -> str:
    if failed:
        return f"{', '.join(failed)} failed"
    return "what it waits for failed" if _follows(state) else f"its task ended {type(state).__name__}"


def error_of(flow_name: str, state: State, tasks: Mapping[str, State], graph: Graph) -> FlowRunError:
    """Return the error of a failed run, with the first original exception as its cause."""
    failed = tuple(
        failure
        for name, task_state in tasks.items()
        for failure in failures_of(name, task_state, partial(_items, graph.members.get(name), tasks))
    )
    not_run = tuple(
        name
        for name, task_state in tasks.items()
        if name.isidentifier() and (_follows(task_state) or task_state.is_pending())
    )  # not the items and attributes of task values, such as spots[0]
    if not failed:  # a handler or the runner ended it, and no task
        cause = state.result if isinstance(state.result, BaseException) else RuntimeError(state.message or "no reason")
        failed = (TaskFailure(flow_name, cause),)
    error = FlowRunError(flow_name, failed, not_run)
    error.__cause__ = failed[0].exception
    return error


def _follows(state: State) -> bool:
    """Whether a task failed because others did: nothing of it has run."""
    if state.is_mapped():
        return bool(_runs(state)) and all(map(_follows, _runs(state)))
    return isinstance(state, TriggerFailed) or (state.is_failed() and state.message == _NO_LISTS)


_NO_LISTS = "No upstream states can be mapped over."
"""What Prefect says where all that a task maps over has failed."""


def _items(member: Member | None, tasks: Mapping[str, State], index: int) -> str:
    """What a mapped run of a member was given of the lists that it maps over, as far as that is known."""
    found = []
    for key, source in member.inputs.items() if member else ():
        state = tasks.get(source.upstream) if isinstance(source, Edge) else None
        values = source.value if isinstance(source, Constant) else state and state.result
        if source.mapped and isinstance(values, (list, tuple)) and index < len(values):
            found.append(f"{key}={short(values[index])}")
    return ", ".join(found)


def failures_of(name: str, state: State, items: Callable[[int], str] = lambda _: "") -> Iterator[TaskFailure]:
    """Yield the failures of a task by its state, one for each run of a map; ``items`` tells what that was given."""
    if state.is_mapped():
        for index, child in enumerate(_runs(state)):
            for failure in failures_of(f"{name}[{index}]", child):
                yield attrs.evolve(failure, given=items(index))
    elif state.is_failed() and not _follows(state):
        original = state.result if isinstance(state.result, BaseException) else RuntimeError(state.message)
        yield TaskFailure(name, original)
