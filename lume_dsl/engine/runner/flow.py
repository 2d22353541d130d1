"""A ``prefect.Flow`` that answers for its graph in time linear in its tasks, where Prefect's takes their square."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, ClassVar

import prefect
from prefect.core.edge import Edge
from prefect.core.flow import cache
from prefect.tasks.core.constants import Constant
from prefect.tasks.core.resource_manager import ResourceCleanupTask, ResourceInitTask

from lume_dsl.engine.runner.choose import runner_class

__all__ = ["Flow"]


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

    # It makes two sets for each, too, which are larger than all else of a task. Those are for who asks.

    @cache
    def root_tasks(self) -> set[prefect.Task]:
        return self.tasks.difference(edge.downstream_task for edge in self.edges)

    @cache
    def terminal_tasks(self) -> set[prefect.Task]:
        return self.tasks.difference(edge.upstream_task for edge in self.edges)

    @cache
    def _default_reference_tasks(self) -> set[prefect.Task]:
        going_on = (edge for edge in self.edges if not isinstance(edge.downstream_task, ResourceCleanupTask))
        ends = self.tasks.difference(edge.upstream_task for edge in going_on)
        return {task for task in ends if not isinstance(task, (ResourceInitTask, ResourceCleanupTask))}

    @cache
    def edges_of_tasks(self) -> dict[prefect.Task, tuple[Edge, ...]]:
        """The edges to each task that has any, in the order in which ``edges_to`` has them, which triggers go by."""
        found: dict[prefect.Task, Any] = {}
        for edge in self.edges:
            if (known := found.setdefault(edge.downstream_task, edge)) is not edge:
                if isinstance(known, Edge):  # a list for each task would be one for the garbage collector, too
                    known = found[edge.downstream_task] = [known]
                known.append(edge)
        return {task: (edges,) if isinstance(edges, Edge) else tuple(set(edges)) for task, edges in found.items()}

    # Prefect goes through all tasks that are left, and looks each up in the list of them, until none is left.

    @cache
    def _sorted_tasks(self, root_tasks: tuple[prefect.Task, ...] = ()) -> tuple[prefect.Task, ...]:
        tasks = _reached(root_tasks, self) if root_tasks else self.tasks
        in_order = [task for task in self.slugs if task in tasks]  # as added: what is ready runs in the order written
        places = {task: place for place, task in enumerate(in_order)}
        waiting, places_after = [0] * len(in_order), _places_after(self.edges, places)
        for place in range(len(in_order)):
            for after in places_after(place):
                waiting[after] += 1
        ready = [place for place, number in enumerate(waiting) if not number]
        heapify(ready)
        found = []
        while ready:
            first = heappop(ready)
            found.append(in_order[first])
            for place in places_after(first):
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


def _places_after(edges: Iterable[Edge], places: Mapping[prefect.Task, int]) -> Callable[[int], Iterator[int]]:
    """Return what yields the places of the tasks that follow that at a place: one for each edge within them.

    Edges are chained by their numbers, as a list for each task would be one for the garbage collector, too.
    """
    first = [-1] * len(places)
    ends: list[int] = []
    following: list[int] = []
    for edge in edges:
        upstream, downstream = places.get(edge.upstream_task), places.get(edge.downstream_task)
        if upstream is not None and downstream is not None:
            following.append(first[upstream])
            first[upstream] = len(ends)
            ends.append(downstream)

    def after(place: int) -> Iterator[int]:
        number = first[place]
        while number >= 0:
            yield ends[number]
            number = following[number]

    return after


def _reached(roots: Iterable[prefect.Task], flow: Flow) -> set[prefect.Task]:
    """Some tasks and all that are downstream of them."""
    found: set[prefect.Task] = set()
    ahead, downstream = list(roots), flow.all_downstream_edges()
    for task in ahead:
        if task not in flow.tasks:
            raise ValueError(f"Task {task} was not found in Flow {flow}")
    while ahead:
        task = ahead.pop()
        if task not in found:
            found.add(task)
            ahead += [edge.downstream_task for edge in downstream[task]]
    return found
