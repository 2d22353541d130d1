"""The rows of a run's tasks and errors: of a map one, and those of its items that failed, unless all are wanted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from lume_dsl.history.recorded import RecordedRun, TaskRun

__all__ = ["error_rows", "task_rows"]

_FIRST = 3
"""How many items of a map are named that have the same error."""

_ITEM = re.compile(r"(.*)\[\d+\]", re.DOTALL)


def task_rows(run: RecordedRun, *, each: bool) -> Iterator[tuple[str, ...]]:
    """Yield the name, state, start and time of each task, and of ``each`` item of a map, in the flow's order."""
    for name, alike in groupby(run.tasks, key=lambda task: _map_of(task.name)):
        items = list(alike)
        if each or len(items) == 1:
            yield from (_row(run, one) for one in items)
        else:
            yield _row(run, _whole(name, items))
            yield from (_row(run, one) for one in items if one.state == "Failed")


def _map_of(name: str) -> str:
    found = _ITEM.fullmatch(name)
    return found[1] if found else name


def error_rows(errors: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the task of each error and its text; equal errors of a map's items are one, with the first that have it."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for error in errors:
        kind = f"{error['type']}: " if error["type"] else ""
        tasks.setdefault((_map_of(error["task"]), f"{kind}{error['message']}"), []).append(error["task"])
    for (name, text), alike in tasks.items():
        if len(alike) == 1:
            yield f"errors.{alike[0]}", text
        else:
            more = " and more" if len(alike) > _FIRST else ""
            yield f"errors.{name}", f"{len(alike):,} items, {', '.join(alike[:_FIRST])}{more}: {text}"


def _whole(name: str, items: Sequence[TaskRun]) -> TaskRun:
    """A map: how many of its items are in each state, and from when to when they ran."""
    counts = Counter(one.state for one in items).most_common()
    told = ", ".join(f"{count:,} {state}" for state, count in counts)
    times = [(one.start_time.timestamp(), one.seconds) for one in items if one.start_time and one.seconds is not None]
    if not times:
        return TaskRun(name=name, state=told)
    first = min(one.start_time for one in items if one.start_time)
    last = max(start + seconds for start, seconds in times)
    return TaskRun(name=name, state=told, start_time=first, seconds=last - first.timestamp())


def _row(run: RecordedRun, task: TaskRun) -> tuple[str, ...]:
    start = "" if task.start_time is None else f"+{(task.start_time - run.start_time).total_seconds():.3f} s"
    return task.name, task.state, start, "" if task.seconds is None else f"{task.seconds:.3f} s"
