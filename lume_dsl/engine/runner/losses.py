"""What an executor loses of a flow's run, as when a worker dies: it fails the tasks that it was, and no others.

Prefect's own runner ends the whole flow then. Here the others go on, and what cleans up does so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import prefect
from prefect.core.edge import Edge
from prefect.engine.state import Failed, Mapped, State, TriggerFailed
from prefect.executors import LocalDaskExecutor, LocalExecutor

from lume_dsl.engine.runner.maps import states_of_runs
from lume_dsl.engine.runner.pools import started

if TYPE_CHECKING:
    from lume_dsl.engine.runner.flow_runner import Run

__all__ = ["Losses", "before_run", "losses_of", "lost"]


class Losses(Protocol):
    """What is done about losses."""

    def settle(self, error: Exception) -> bool:
        """What was lost when the executor raised this has failed. Return whether anything was."""
        ...


_OF_THREADS = ("threads", "synchronous")
"""The schedulers of Dask's whose tasks run in the flow's own process."""


def losses_of(run: Run) -> AbstractContextManager[Losses | None]:
    """Return the losses of a run's executor, which has been started; None where none are told."""
    is_here = isinstance(run.executor, LocalExecutor) or getattr(run.executor, "scheduler", "") in _OF_THREADS
    if is_here or not getattr(run.flow, "tells_what_is_lost", False):
        return nullcontext()
    if isinstance(run.executor, LocalDaskExecutor):
        return PoolLosses.watched(run.executor)
    return nullcontext(ClusterLosses(run))


def lost(error: BaseException) -> Failed:
    """Return the state of a task run that the executor has lost by this error."""
    return Failed(f"The executor has lost the task's run: {error!r}", result=error)


def before_run(state: State | None, index: int) -> State | None:
    """Return the state in which one run of a map begins, by that of the map, which may have run in part."""
    if not isinstance(state, Mapped):
        return state
    return state.map_states[index] if index < len(state.map_states) else None


class PoolLosses:
    """Of a pool of processes, the task runs that were underway when one of the processes ended.

    Prefect's executor keeps what has ended (``PrefectCallback``), by the keys that Dask has for runs, so that whoever
    waits again runs nothing twice but those. They have failed, and a new pool takes the old one's place.
    """

    def __init__(self, executor: LocalDaskExecutor, pools: ExitStack) -> None:
        self._executor = executor
        self._pools = pools
        self._begun: set[str] = set()

    @classmethod
    @contextmanager
    def watched(cls, executor: LocalDaskExecutor) -> Iterator[PoolLosses]:
        """Within it, what the executor begins is noted."""
        with ExitStack() as pools:
            losses = cls(executor, pools)
            executor.callback._pretask = losses._note  # as dask.callbacks.Callback(pretask=...) sets it
            pools.callback(vars(executor.callback).pop, "_pretask", None)
            yield losses

    def _note(self, key: str, _graph: Any, _state: Any) -> None:
        self._begun.add(key)

    def settle(self, error: Exception) -> bool:
        ended: dict[str, Any] = self._executor.callback.cache
        underway = self._begun.difference(ended)
        if underway:
            ended.update((key, lost(error)) for key in underway)
            assert self._executor._pool is not None  # within its start()
            self._executor._pool.shutdown(wait=False)
            self._pools.enter_context(started(self._executor))
        return bool(underway)


class ClusterLosses:
    """Of a cluster, the task runs of which it has an error in place of a state.

    It gives the error of a lost one to all that are downstream of it. They have not run, and do so now, as their
    triggers say.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._in_place: set[State] = set()

    def settle(self, error: Exception) -> bool:
        run, before = self._run, len(self._in_place)
        for task in run.flow.sorted_tasks():
            if task in run.children:
                run.children[task] = list(self._runs(task, run.children[task]))
            elif task in run.states:
                found = self._found(run.states[task])
                if not isinstance(found, State):
                    states, mapped = run.upstream_states(task)
                    found = self._instead(found, task, run.initial.get(task), states, mapped)
                run.states[task] = found
        return len(self._in_place) > before

    def _runs(self, task: prefect.Task, futures: Iterable[Any]) -> Iterator[State]:
        run = self._run
        rows: list[Mapping[Edge, Any]] = []
        mapped: dict[Edge, list[Any]] = {}
        for index, future in enumerate(futures):
            found = self._found(future)
            if not isinstance(found, State):
                if not rows:
                    states, mapped = run.upstream_states(task)
                    rows = list(states_of_runs(run.states[task], states, run.children, run.executor))
                at_first = before_run(run.initial.get(task), index)
                found = self._instead(found, task, at_first, rows[index], mapped, index=index)
            yield found

    def _found(self, future: Any) -> State | Exception:
        """The state that the cluster has, or the error in place of it."""
        try:
            state: State = self._run.executor.wait(future)
        except Exception as error:  # each executor has its own for what it has lost
            return error
        return state

    def _instead(
        self,
        error: Exception,
        task: prefect.Task,
        state: State | None,
        states: Mapping[Edge, Any],
        mapped: dict[Edge, list[Any]],
        index: int | None = None,
    ) -> State:
        """The state of a task's run of which the cluster has an error; it runs if it has not."""
        if not self._follows(states, mapped):
            found: State | Exception = lost(error)
        else:
            found = self._found(self._run.give(task, state, states, mapped, index=index))
        if not isinstance(found, State):  # the cluster is gone
            found = TriggerFailed("Some of the upstream tasks failed.")
        self._in_place.add(found)
        return found

    def _follows(self, states: Mapping[Edge, Any], mapped: Mapping[Edge, list[Any]]) -> bool:
        """Whether any of these upstream states took the place of an error."""
        upstream = [*states.values(), *chain.from_iterable(mapped.values())]
        for edge in states:
            if edge.flattened:  # its state is one that the cluster is still to make
                upstream += self._run.children.get(edge.upstream_task) or [self._run.states[edge.upstream_task]]
        return any(isinstance(one, State) and one in self._in_place for one in upstream)
