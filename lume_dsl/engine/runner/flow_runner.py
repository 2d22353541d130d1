"""A flow's run: its tasks in order, each given to the executor as soon as it is known what it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

import attrs
import prefect
from prefect.core.edge import Edge
from prefect.engine.flow_runner import FlowRunner as PrefectFlowRunner
from prefect.engine.results import ConstantResult
from prefect.engine.runner import ENDRUN, call_state_handlers
from prefect.engine.state import Failed, Mapped, Pending, State, Success
from prefect.engine.task_runner import TaskRunner as PrefectTaskRunner
from prefect.executors import DaskExecutor, Executor, LocalDaskExecutor, LocalExecutor
from prefect.tasks.core.constants import Constant
from prefect.tasks.core.resource_manager import ResourceCleanupTask, ResourceSetupTask
from prefect.tasks.secrets import SecretBase
from prefect.utilities import executors
from prefect.utilities.collections import flatten_seq

from lume_dsl.engine.runner.context import RECORDING, Recorder, RunContext, SharedConfig
from lume_dsl.engine.runner.losses import Losses, before_run, losses_of, lost
from lume_dsl.engine.runner.maps import states_of_runs
from lume_dsl.engine.runner.parcel import packed
from lume_dsl.engine.runner.pools import started
from lume_dsl.engine.runner.task_run import run_parcel, run_task
from lume_dsl.engine.runner.task_runner import TaskRunner

__all__ = ["PART", "WHOLE", "FlowRunner", "Run"]

T = TypeVar("T")

WHOLE = "_lume_whole"
"""The attribute of the state of a map of an earlier run, of which all runs have ended: it is not looked at again."""

PART = "_lume_part"
"""The attribute of the state of a map of an earlier run of which some runs are known, and maybe not their number."""

Handlers = Sequence[Callable[..., Any]] | None


class FlowRunner(PrefectFlowRunner):
    """As Prefect's, which merges the configuration for each task, and asks the flow anew for the edges of each."""

    @executors.run_with_heartbeat
    @call_state_handlers
    def get_flow_run_state(
        self,
        state: State,
        task_states: dict[prefect.Task, State],
        task_contexts: dict[prefect.Task, dict[str, Any]],
        return_tasks: Iterable[prefect.Task] | None,
        task_runner_state_handlers: Handlers,
        executor: Executor,
    ) -> State:
        if not state.is_running():
            self.logger.info("Flow is not in a Running state.")
            raise ENDRUN(state)
        returned = () if return_tasks is None else return_tasks
        if set(returned).difference(self.flow.tasks):
            raise ValueError("Some tasks in return_tasks were not found in the flow.")
        with self.check_for_cancellation(), started(executor), ExitStack() as exits:
            run = Run(self, executor, task_states, task_contexts, task_runner_state_handlers)
            run.losses = exits.enter_context(losses_of(run))
            for task in self.flow.sorted_tasks():
                run.submit(task)
            terminal, reference = self.flow.terminal_tasks(), self.flow.reference_tasks()
            final = run.final_states(terminal.union(reference, returned))
        return self.determine_final_state(
            state=state,
            key_states=_each(final[task] for task in reference),
            return_states={task: final[task] for task in returned},
            terminal_states=_each(final[task] for task in terminal),
        )


def _each(states: Iterable[State]) -> set[State]:
    """The states, and in the place of that of a mapped task those of its runs."""
    return set(flatten_seq(state.map_states if state.is_mapped() else (state,) for state in states))


@attrs.define
class Run:
    """The tasks of one run of a flow, as far as they have been given to the executor.

    Attributes:
        states: The state of each task, or what the executor gave in its place; filled in the flow's order.
        contexts: What the context has of each task.
        common: What it has of all of them, but the configuration.
        initial: The states in which tasks were before, of those that had one.
        children: Those of the runs of each mapped task. (In the state of the map itself Dask would not find them.)
        upstream: The edges to each task.
        config: The configuration of the run.
        constant_edges: The edges from a task's constants, and their values.
        task_runner_cls: The class of task runners: ours in the place of Prefect's.
        losses: What is done about what the executor loses where tasks run in other processes: it, and what cannot
            travel, fails its task. None elsewhere, and of a flow that is no more than Prefect's, which ends by the
            executor's error, as it does there.
        wrong_lengths: Says why a task is not mapped over lists of these lengths. Prefect goes as far as the shortest.
        recorder: What task runs are told to, None where the run is not recorded.
        named: What tasks are called there, and whether their values are kept.
    """

    runner: FlowRunner
    executor: Executor
    states: dict[prefect.Task, Any]
    contexts: Mapping[prefect.Task, Mapping[str, Any]]
    handlers: Handlers
    children: dict[prefect.Task, list[Any]] = attrs.field(factory=dict, init=False)
    initial: dict[prefect.Task, State] = attrs.field(factory=dict, init=False)
    losses: Losses | None = attrs.field(default=None, init=False)
    upstream: Mapping[prefect.Task, Iterable[Edge]] = attrs.field(init=False)
    common: dict[str, Any] = attrs.field(factory=dict, init=False)
    config: SharedConfig = attrs.field(factory=partial(SharedConfig, None), init=False)
    constant_edges: Callable[[prefect.Task], Iterator[tuple[Edge, Any]]] = attrs.field(init=False)
    task_runner_cls: type = attrs.field(init=False)
    wrong_lengths: Callable[[prefect.Task, Mapping[Edge, int]], str] | None = attrs.field(init=False)
    recorder: Recorder | None = attrs.field(init=False)
    named: Mapping[prefect.Task, tuple[str, bool]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        of_tasks = getattr(self.flow, "edges_of_tasks", self.flow.all_upstream_edges)
        self.upstream = of_tasks()
        self._look_at_context()
        # A flow of ours makes them once; of another, the runner each time.
        self.constant_edges = getattr(self.flow, "constant_edges", partial(_constant_edges, self.flow))
        named: Any = self.runner.task_runner_cls  # the runner's own stays what the configuration names
        self.task_runner_cls = TaskRunner if named is PrefectTaskRunner else named
        self.wrong_lengths = getattr(self.flow, "wrong_lengths", None)
        self.recorder = getattr(prefect.context.__dict__.get(RECORDING), "tasks", None)
        self.named = {} if self.recorder is None else getattr(self.flow, "recorded", {})

    @property
    def flow(self) -> prefect.Flow:
        return self.runner.flow

    def submit(self, task: prefect.Task) -> None:
        """Give a task to the executor, unless it is known how it ends."""
        state = self._beginning(task)
        if isinstance(state, State) and state.is_finished() and not state.is_cached():
            if not isinstance(state, Mapped):
                return
            if getattr(state, WHOLE, False):
                self.children[task] = state.map_states
                return
        if state is not None:
            self.initial[task] = state
        if any(edge.mapped for edge in self.upstream.get(task, ())):
            self._submit_map(task, state)
        else:
            states, mapped = self._settled(partial(self.upstream_states, task))
            self.states[task] = self.give(task, state, states, mapped)

    def _beginning(self, task: prefect.Task) -> State | None:
        """The state in which a task is before it runs. A constant has run; what sets up and cleans up does so again."""
        state: State | None = self.states.get(task)
        if state is None and isinstance(task, Constant):
            state = self.states[task] = Success(result=task.value)
        elif isinstance(task, _EACH_TIME) and state is not None and state.is_finished() and not state.is_cached():
            state = self.states[task] = Pending()
        return state

    def upstream_states(self, task: prefect.Task) -> tuple[dict[Edge, Any], dict[Edge, list[Any]]]:
        """The state of each edge to a task, and for those from a map that it takes whole, those of the map's runs."""
        states: dict[Edge, Any] = {}
        mapped: dict[Edge, list[Any]] = {}
        for edge in self.upstream.get(task, ()):
            upstream = edge.upstream_task
            state = self.states.get(upstream)
            if state is None:
                state = Pending(message="Task state not available.")
            if edge.flattened and not isinstance(state, Mapped):
                state = self.executor.submit(executors.flatten_upstream_state, state)
            if not edge.mapped and isinstance(state, Mapped):
                children = self.children.get(upstream, [])
                if edge.flattened:
                    children = executors.flatten_mapped_children(mapped_children=children, executor=self.executor)
                mapped[edge] = children
            states[edge] = state
        for edge, value in self.constant_edges(task):
            states[edge] = Success("Auto-generated constant value", result=ConstantResult(value=value))
        return states, mapped

    def _submit_map(self, task: prefect.Task, state: State | None) -> None:
        """Wait for what a task is mapped over, see whether it can be, and give its runs to the executor."""
        states, mapped = self._settled(partial(self._waited_for, task))
        parent = self._map_state(task, state, states, mapped)
        if isinstance(parent, Mapped):
            if getattr(state, PART, False):  # Prefect would go as far as the runs that are known
                parent = Mapped(parent.message)
            parent = self._refused(task, states) or parent
        self.states[task] = parent
        rows = self._settled(partial(states_of_runs, parent, states, self.children, self.executor))
        runs = [self.give(task, before_run(state, index), one, mapped, index=index) for index, one in enumerate(rows)]
        if isinstance(parent, Mapped):
            self.children[task] = runs
            if self.recorder is not None and task in self.named:
                self.recorder.mapped(self.named[task][0], len(runs))

    def _waited_for(self, task: prefect.Task) -> tuple[dict[Edge, State], dict[Edge, list[Any]]]:
        states, mapped = self.upstream_states(task)
        return self.executor.wait(states), mapped

    def _map_state(
        self, task: prefect.Task, state: State | None, states: dict[Edge, State], mapped: dict[Edge, list[Any]]
    ) -> State:
        try:
            found: State = self.executor.wait(self.give(task, state, states, mapped, is_mapped_parent=True))
        except Exception as error:
            if self._losses_told() is None:
                raise
            found = lost(error)
        return found

    def _refused(self, task: prefect.Task, states: Mapping[Edge, State]) -> State | None:
        """The state of a map over lists of unequal length: in a flow of ours it has failed, before any of its runs."""
        if self.wrong_lengths is None:
            return None
        begun = time.time()
        mapped = {edge: state for edge, state in states.items() if edge.mapped}
        counts = {edge: self._count(edge, state) for edge, state in mapped.items()}
        wrong = self.wrong_lengths(task, {edge: count for edge, count in counts.items() if count is not None})
        if not wrong:
            return None
        self.runner.logger.error(f"Task '{task.name}': {wrong}")
        failed = Failed(wrong, result=ValueError(wrong))
        if self.recorder is not None and task in self.named:
            self.recorder.ended(self.named[task][0], None, failed, begun, keeps=False)
        return failed

    def _count(self, edge: Edge, state: State) -> int | None:
        """How many items there are to be mapped over, None where that is not known."""
        if isinstance(state, Mapped):
            return None if edge.flattened else len(self.children.get(edge.upstream_task, ()))
        return len(state.result) if isinstance(state.result, (list, tuple)) else None

    def give(
        self,
        task: prefect.Task,
        state: State | None,
        states: Mapping[Edge, Any],
        mapped: dict[Edge, list[Any]],
        *,
        index: int | None = None,
        is_mapped_parent: bool = False,
    ) -> Any:
        """Give a task, or one run of a map, to the executor; return what that gives in place of its state."""
        named = self.named.get(task)
        recorded = None if self.recorder is None or named is None else (self.recorder, *named)
        if type(self.executor) not in _EXECUTORS:  # which may change the context
            self._look_at_context()
        arguments = {
            "task": task,
            "state": state,
            "upstream_states": states,
            "context": RunContext(self.common, self.config, self.contexts.get(task, {}), index, recorded=recorded),
            "flow_result": self.flow.result,
            "task_runner_cls": self.task_runner_cls,
            "task_runner_state_handlers": self.handlers,
            "upstream_mapped_states": mapped,
            "is_mapped_parent": is_mapped_parent,
        }
        extra = {"task_name": task.name, "task_tags": task.tags, "task_index": index}
        if self.losses is None:
            return self.executor.submit(run_task, **arguments, extra_context=extra)
        parcel, futures = packed(task, arguments)
        return self.executor.submit(run_parcel, parcel=parcel, states=futures, extra_context=extra)

    def _look_at_context(self) -> None:
        self.common = dict(prefect.context.__dict__)
        self.common.pop(RECORDING, None)
        config = self.common.pop("config", None)
        if config is not self.config.config:
            self.config = SharedConfig(config)

    def final_states(self, tasks: Iterable[prefect.Task]) -> dict[prefect.Task, State]:
        """Wait for tasks, and for all runs of those that are mapped."""
        final = self._settled(partial(self._waited_for_all, tuple(tasks)))
        for task, state in final.items():
            if isinstance(state, Mapped):
                if task in self.children:
                    state.map_states = self._settled(partial(self._waited_for_runs, task))
                state.result = [one.result for one in state.map_states]
        return final

    def _waited_for_all(self, tasks: Sequence[prefect.Task]) -> dict[prefect.Task, State]:
        waiting = {task: self.states.get(task, Pending("Task not evaluated by FlowRunner.")) for task in tasks}
        found = self.executor.wait(waiting)
        assert isinstance(found, dict)  # of an executor that is none, nothing would be known
        return found

    def _waited_for_runs(self, task: prefect.Task) -> list[State]:
        found: list[State] = self.executor.wait(self.children[task])
        return found

    # What the executor loses, as by a worker that dies, fails the task that it was, and no other.

    def _settled(self, wait: Callable[[], T]) -> T:
        """Wait; where the executor has lost something, see what became of all that was given to it, and wait again."""
        while True:
            try:
                return wait()
            except Exception as error:  # of the executor: each has its own for what it has lost
                losses = self._losses_told()
                if losses is None or not losses.settle(error):
                    raise

    def _losses_told(self) -> Losses | None:
        return None if prefect.context.get("raise_on_exception") else self.losses


def _constant_edges(flow: prefect.Flow, task: prefect.Task) -> Iterator[tuple[Edge, Any]]:
    return ((Edge(Constant(value), task, key=key), value) for key, value in flow.constants[task].items())


_EACH_TIME = (ResourceSetupTask, ResourceCleanupTask, SecretBase)
"""Tasks that a run which goes on with another's states runs again."""

_EXECUTORS = (LocalExecutor, LocalDaskExecutor, DaskExecutor)
"""Those of Prefect's, which leave the context as it is."""
