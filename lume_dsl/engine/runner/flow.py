"""A ``prefect.Flow`` that answers for its graph in time linear in its tasks, where Prefect's takes their square."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, ClassVar

import prefect
from prefect.core.edge import Edge
from prefect.core.flow import cache
from prefect.tasks.core.constants import Constant
from prefect.tasks.core.resource_manager import ResourceCleanupTask, ResourceInitTask

from lume_dsl.engine.runner.choose import runner_class

__all__ = ["Flow"]

Edges = Mapping[prefect.Task, set[Edge]]


class Flow(prefect.Flow):
    """As ``prefect.Flow``, for flows of thousands of tasks, and run by runners that waste nothing."""

    tells_what_is_lost: ClassVar[bool] = False
    """Whether a task that cannot travel to a worker, or is lost there, fails alone, and not the whole flow."""

    def run(
        self,
        parameters: dict[str, Any] | None = None,
        run_on_schedule: bool | None = None,
        runner_cls: type | None = None,
        **kwargs: Any,
    ) -> Any:
        """As Prefect's; the runner is ours unless another is chosen."""
        chosen: Any = runner_cls or runner_class()
        return super().run(parameters, run_on_schedule, chosen, **kwargs)  # type: ignore[arg-type]  # as its defaults

    # Prefect asks each task for its edges, and each time compares the whole flow with that of the last time.

    @cache
    def root_tasks(self) -> set[prefect.Task]:
        return _without(self.all_upstream_edges())

    @cache
    def terminal_tasks(self) -> set[prefect.Task]:
        return _without(self.all_downstream_edges())

    @cache
    def _default_reference_tasks(self) -> set[prefect.Task]:
        return {
            task
            for task, edges in self.all_downstream_edges().items()
            if not isinstance(task, (ResourceInitTask, ResourceCleanupTask))
            and all(isinstance(edge.downstream_task, ResourceCleanupTask) for edge in edges)
        }

    # Prefect goes through all tasks that are left, and looks each up in the list of them, until none is left.

    @cache
    def _sorted_tasks(self, root_tasks: tuple[prefect.Task, ...] = ()) -> tuple[prefect.Task, ...]:
        upstream, downstream = self.all_upstream_edges(), self.all_downstream_edges()
        tasks = _reached(root_tasks, downstream, self) if root_tasks else self.tasks
        in_order = [task for task in self.slugs if task in tasks]  # as added: what is ready runs in the order written
        places = {task: place for place, task in enumerate(in_order)}
        waiting = [sum(edge.upstream_task in tasks for edge in upstream[task]) for task in in_order]
        ready = [place for place, number in enumerate(waiting) if not number]
        heapify(ready)
        found = []
        while ready:
            task = in_order[heappop(ready)]
            found.append(task)
            for edge in downstream[task]:
                place = places[edge.downstream_task]
                waiting[place] -= 1
                if not waiting[place]:
                    heappush(ready, place)
        if len(found) < len(in_order):
            raise ValueError("Cycle found; flows must be acyclic!")
        return tuple(found)

    def constant_edges(self, task: prefect.Task) -> Iterator[tuple[Edge, Any]]:
        """Yield an edge for each constant argument of a task, made once and not in each run, and the constant."""
        constants = self.constants.get(task)
        if not constants:
            return
        made = self.__dict__.setdefault("_constant_edges", {}).setdefault(task, {})
        for key, value in constants.items():
            if key not in made or made[key].upstream_task.value is not value:
                made[key] = Edge(Constant(value), task, key=key)
            yield made[key], value


def _without(edges: Edges) -> set[prefect.Task]:
    return {task for task, its_edges in edges.items() if not its_edges}


def _reached(roots: Iterable[prefect.Task], downstream: Edges, flow: Flow) -> set[prefect.Task]:
    """Some tasks and all that are downstream of them."""
    found: set[prefect.Task] = set()
    ahead = list(roots)
    for task in ahead:
        if task not in flow.tasks:
            raise ValueError(f"Task {task} was not found in Flow {flow}")
    while ahead:
        task = ahead.pop()
        if task not in found:
            found.add(task)
            ahead += [edge.downstream_task for edge in downstream[task]]
    return found
