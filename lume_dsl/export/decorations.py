"""The options that a script gives to the task of a function once, where it is defined, and not at each of its uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.body import is_prefect_task
from lume_dsl.declare.graph import Graph, TaskRun

__all__ = ["are_equal", "usual_options"]


def usual_options(graph: Graph) -> dict[Any, dict[str, Any]]:
    """Return the options that most uses of each plain function have."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for member in graph.members.values():
        work = member.work
        if isinstance(work, TaskRun) and not is_prefect_task(work.function):
            own = {key: value for key, value in work.options.items() if key != "name"}
            found.setdefault(work.function, []).append(own)
    return {
        function: max(every, key=lambda one: sum(are_equal(one, other) for other in every))
        for function, every in found.items()
    }


def are_equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two sets of options are one. Of values that are the same object nothing is asked."""
    return left.keys() == right.keys() and all(left[key] is right[key] or left[key] == right[key] for key in left)
