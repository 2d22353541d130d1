"""A task's run. Each step is Prefect's own where anything happens in it; where nothing does, it is passed by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from logging import DEBUG, INFO
from typing import Any

import prefect
from prefect.core.edge import Edge
from prefect.engine import signals
from prefect.engine.result import Result
from prefect.engine.runner import ENDRUN
from prefect.engine.state import Failed, Mapped, Pending, Running, Scheduled, State
from prefect.engine.task_runner import TaskRunner as PrefectTaskRunner
from prefect.engine.task_runner import TaskRunnerInitializeResult
from prefect.triggers import all_successful
from prefect.utilities.collections import as_nested_dict
from prefect.utilities.executors import RecursiveCall, tail_recursive
from prefect.utilities.logging import get_logger

from lume_dsl.engine.runner.context import entered
from lume_dsl.tasks.context import SETTINGS

__all__ = ["TaskRunner"]

States = Mapping[Edge, State]

_logger = lru_cache(get_logger)
_NEW = vars(Result())
"""The attributes of a result without a value. It has a serializer, and no place where it would be kept."""


class TaskRunner(PrefectTaskRunner):
    """As Prefect's, with the same states, messages and log records.

    A step that has nothing to do is not wrapped in what handles its errors and its changes of state; messages of log
    records that nobody takes are not made; the context is entered without merging the configuration.
    """

    def __init__(
        self,
        task: prefect.Task,
        state_handlers: Sequence[Callable[..., Any]] | None = None,
        flow_result: Result | None = None,
    ) -> None:
        if state_handlers is not None and not isinstance(state_handlers, Sequence):
            raise TypeError("state_handlers should be iterable.")
        self.task = task
        self.state_handlers = state_handlers or []
        self.flow_result: Any = flow_result
        own: Any = task.result
        if own:
            self.result = own
        elif flow_result is not None:
            self.result = flow_result.copy()
        else:  # who may look at it, or sets where it is, has Prefect's own
            self.result = Result() if task.target or self.state_handlers else _PlainResult()
        self.logger = _logger(type(self).__name__)
        self._context_before = prefect.context.__dict__.copy()

    @cached_property
    def context(self) -> Any:  # type: ignore[override]  # an attribute there, which nothing of Prefect reads
        """The context before the run, of which Prefect copies all that is in it for each task."""
        return as_nested_dict(self._context_before, dict)

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        if self.task.state_handlers or self.logger.isEnabledFor(DEBUG):
            return super().call_runner_target_handlers(old_state, new_state)
        return new_state

    def initialize_run(self, state: State | None, context: dict[str, Any]) -> TaskRunnerInitializeResult:
        """A task without a state has no retry, pause or loop to go on with, and needs little of Prefect's step."""
        try:
            checkpointing = context["config"]["flows"]["checkpointing"]
        except KeyError:
            return super().initialize_run(state, context)
        if state is not None or self.task.target:
            return super().initialize_run(state, context)
        is_mapped = isinstance(context.get("map_index"), int) and context.get("task_full_name")
        context.update(
            task_run_count=1,
            task_name=self.task.name,
            task_tags=self.task.tags,
            logger=get_logger(context["task_full_name"]) if is_mapped else self.task.logger,
        )
        context.setdefault("checkpointing", checkpointing)
        return TaskRunnerInitializeResult(state=Pending(), context=context)

    @tail_recursive
    def run(
        self,
        state: State | None = None,
        upstream_states: dict[Edge, State] | None = None,
        context: dict[str, Any] | None = None,
        is_mapped_parent: bool = False,
    ) -> State:
        upstream_states = upstream_states or {}
        context = context or prefect.context.to_dict()
        index = context.setdefault("map_index", None)
        name = context["task_full_name"] = self.task.name if index is None else f"{self.task.name}[{index}]"
        try:
            begun, context = self.initialize_run(state, context)
            with entered(context):
                if self._logs_run():
                    self.logger.info(f"Task '{name}': Starting task run...")
                final = self._steps(begun, upstream_states, context, is_mapped_parent)
        except (ENDRUN, signals.PrefectStateSignal) as end:
            final = end.state
        except RecursiveCall:
            raise
        except Exception as error:
            message = f"Task '{name}': Unexpected error while running task: {error!r}"
            self.logger.exception(message)
            final = Failed(message=message, result=error)
            if prefect.context.get("raise_on_exception"):
                raise
        if self._logs_run():
            with entered(context):
                ended = f"Finished task run for task with final state: '{type(final).__name__}'"
                self.logger.info(f"Task '{name}': {ended}")
        return final

    def _logs_run(self) -> bool:
        """Whether the begin and end of a run are logged: those of the first of a loop are, if anybody takes them."""
        return self.logger.isEnabledFor(INFO) and prefect.context.__dict__.get("task_loop_count") is None

    def _steps(
        self, state: State, upstream_states: dict[Edge, State], context: dict[str, Any], is_mapped_parent: bool
    ) -> State:
        """The steps from a pending state to a final one, in Prefect's order."""
        state = self.check_task_is_ready(state)
        state = self.check_task_reached_start_time(state)
        state = self.check_upstream_finished(state, upstream_states=upstream_states)
        state = self.check_upstream_skipped(state, upstream_states=upstream_states)
        state, upstream_states = self.load_results(state=state, upstream_states=upstream_states)
        inputs = self.get_task_inputs(state=state, upstream_states=upstream_states)
        if is_mapped_parent:
            state = self.check_task_ready_to_map(state, upstream_states=upstream_states)
        self.set_task_run_name(task_inputs=inputs)
        state = (self.check_target if self.task.target else self.check_task_is_cached)(state, inputs=inputs)
        state = self.check_task_trigger(state, upstream_states=upstream_states)
        state = self.set_task_to_running(state, inputs=inputs)
        state = self.get_task_run_state(state, inputs=inputs)
        state = self.cache_result(state, inputs=inputs)
        state = self.check_for_retry(state, inputs=inputs)
        return self.check_task_is_looping(state, inputs=inputs, upstream_states=upstream_states, context=context)

    @property
    def _caches(self) -> bool:
        cache_for: Any = self.task.cache_for
        return cache_for is not None

    # Each of these passes its state on where Prefect's would do nothing else.

    def check_task_is_ready(self, state: State) -> State:
        return state if isinstance(state, Pending) else super().check_task_is_ready(state)

    def check_task_reached_start_time(self, state: State) -> State:
        return super().check_task_reached_start_time(state) if isinstance(state, Scheduled) else state

    def check_upstream_finished(self, state: State, upstream_states: States) -> State:
        if all(one.is_finished() for one in _each_state(upstream_states)):
            return state
        return super().check_upstream_finished(state, upstream_states=upstream_states)

    def check_upstream_skipped(self, state: State, upstream_states: States) -> State:
        if any(one.is_skipped() for one in _each_state(upstream_states)):
            return super().check_upstream_skipped(state, upstream_states=upstream_states)
        return state

    def check_task_is_cached(self, state: State, inputs: Mapping[str, Result]) -> State:
        if self._caches or state.is_cached():
            return super().check_task_is_cached(state, inputs=inputs)
        return state

    def check_task_trigger(self, state: State, upstream_states: States) -> State:
        is_default = self.task.trigger is all_successful
        if is_default and all(one.is_successful() for one in _each_state(upstream_states, mapped=True)):
            return state
        return super().check_task_trigger(state, upstream_states=upstream_states)

    def set_task_to_running(self, state: State, inputs: Mapping[str, Result]) -> State:
        if isinstance(state, Pending):
            return self.handle_state_change(state, Running(message="Starting task run."))
        return super().set_task_to_running(state, inputs=inputs)

    def get_task_run_state(self, state: State, inputs: Mapping[str, Result]) -> State:
        """In a flow of ours a task that leaves by ``sys.exit`` has failed as any other; Prefect's runner would end."""
        try:
            return super().get_task_run_state(state, inputs=inputs)
        except SystemExit as error:
            if SETTINGS not in prefect.context or prefect.context.get("raise_on_exception"):
                raise
            self.logger.error(f"Task '{prefect.context.get('task_full_name')}': left by {error!r}")
            failed = Failed(f"Error during execution of task: {error!r}", result=error)
            return self.handle_state_change(state, failed)

    def cache_result(self, state: State, inputs: Mapping[str, Result]) -> State:
        return super().cache_result(state, inputs=inputs) if self._caches else state

    def check_for_retry(self, state: State, inputs: Mapping[str, Result]) -> State:
        return super().check_for_retry(state, inputs=inputs) if state.is_failed() else state


class _PlainResult(Result):
    """A ``Result()`` that looks up nothing for itself, and is not asked how it is pickled to be copied.

    The attributes of copies are set one by one: so they have no dict besides.
    """

    def __init__(self) -> None:
        _like_new(self)

    def copy(self) -> Result:
        return _like_new(object.__new__(Result))


def _like_new(result: Result) -> Result:
    for name, value in _NEW.items():
        setattr(result, name, value)
    return result


def _each_state(upstream_states: States, *, mapped: bool = False) -> Iterator[State]:
    """The states that a task waits for, of a map those of its runs, unless each is for one of the task's own.

    ``mapped``: those as well.
    """
    for edge, state in upstream_states.items():
        if isinstance(state, Mapped) and (mapped or not edge.mapped):
            yield from state.map_states
        else:
            yield state
