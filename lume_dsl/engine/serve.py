"""Runs of a flow by its schedule, one after another in this process, until somebody stops them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Protocol

import attrs
from prefect.executors import Executor
from prefect.schedules import Schedule

from lume_dsl.declare.flow import FlowMeta, LumeFlow
from lume_dsl.engine.compile import compile_flow
from lume_dsl.errors import LumeError, ParameterError, Problem, ScheduleError
from lume_dsl.tasks.context import SCHEDULED

__all__ = ["Listener", "serve", "values_of_clocks"]


class Listener(Protocol):
    """What is told while a flow is served."""

    def waits(self, start_time: datetime, seconds: float) -> None:
        """The next run begins then, in so many seconds."""

    def skipped(self, start_times: list[datetime]) -> None:
        """Times passed while a run was underway, for which none will run."""

    def ended(self) -> None:
        """The schedule has no more times."""

    def begins(self) -> None:
        """A run begins, which ``ran`` or ``failed`` ends."""

    def ran(self, done: LumeFlow) -> None:
        """A run has succeeded."""

    def failed(self, error: LumeError) -> None:
        """A run has failed."""


@attrs.frozen
class _Event:
    start_time: datetime
    values: Mapping[str, Any]


def serve(
    flow_class: FlowMeta,
    values: Mapping[str, Any],
    *,
    stop: threading.Event,
    listener: Listener,
    catch_up: bool = False,
    runs: int | None = None,
    executor: Executor | None = None,
) -> None:
    """Return when ``stop`` is set and no run is underway, when the schedule has ended, or after so many runs.

    Args:
        flow_class: A flow with a schedule.
        values: Its parameters; what a clock says of them goes before.
        stop: What another thread or a signal handler sets.
        listener: What is told.
        catch_up: Run for times that have passed while a run was underway.
        runs: How many runs there are at most.
        executor: Where tasks run.

    Raises:
        ScheduleError: The flow has no schedule.
        ParameterError: Values do not fit, those of the clocks included.
    """
    schedule = schedule_of(flow_class)
    for number, given in enumerate(values_of_clocks(flow_class), 1):
        _check(flow_class, values, given, f"clock {number} of its schedule")
    last, left = _now(), runs
    while left is None or left > 0:
        event, missed = _next(schedule, last, catch_up=catch_up)
        if missed:
            listener.skipped(missed)
        if event is None:
            listener.ended()
            return
        if not _wait(event.start_time, stop, listener):
            return
        last = event.start_time
        instance = flow_class(**{**values, **event.values})
        listener.begins()
        try:
            listener.ran(instance.run(executor=executor, context={SCHEDULED: event.start_time}))
        except LumeError as error:
            listener.failed(error)
        left = None if left is None else left - 1
        if stop.is_set():
            return


def schedule_of(flow_class: FlowMeta) -> Schedule:
    """Return the schedule of a flow.

    Raises:
        ScheduleError: It has none.
    """
    schedule: Schedule | None = compile_flow(flow_class).schedule
    if schedule is None:
        fix = "write @flow(schedule=CronSchedule('0 * * * *')) above the class, or another of prefect.schedules"
        raise ScheduleError(f"{flow_class.__name__} has no schedule\n    {fix}")
    return schedule


def values_of_clocks(flow_class: FlowMeta) -> list[Mapping[str, Any]]:
    """Return the parameters that each clock of a flow's schedule gives, in the order of the clocks.

    Raises:
        ScheduleError: The flow has no schedule.
    """
    return [clock.parameter_defaults or {} for clock in schedule_of(flow_class).clocks]


def _check(flow_class: FlowMeta, values: Mapping[str, Any], given: Mapping[str, Any], clock: str) -> None:
    """Raises: ParameterError, which names the clock where it gives what is wrong."""

    def told(problem: Problem) -> Problem:
        name = re.split(r"[.\[]", problem.subject.removeprefix(f"{flow_class.__name__}."))[0]
        return attrs.evolve(problem, message=f"{problem.message} (from {clock})") if name in given else problem

    try:
        flow_class(**{**values, **given})
    except ParameterError as error:
        raise ParameterError(tuple(told(problem) for problem in error.problems), error.count) from None


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _events(schedule: Schedule, after: datetime) -> Iterator[_Event]:
    while found := schedule.next(1, after=after, return_events=True):
        event: Any = found[0]
        yield _Event(event.start_time, event.parameter_defaults or {})
        after = event.start_time


def _next(schedule: Schedule, last: datetime, *, catch_up: bool) -> tuple[_Event | None, list[datetime]]:
    """The first event after the last one, and what has passed since; all of it is skipped but to catch up."""
    now = _now()
    missed: list[datetime] = []
    for event in _events(schedule, last):
        if catch_up or event.start_time >= now:
            return event, missed
        missed.append(event.start_time)
    return None, missed


def _wait(start_time: datetime, stop: threading.Event, listener: Listener) -> bool:
    """Wait until a time, unless stopped. The clock of the machine may be set meanwhile."""
    left = (start_time - _now()).total_seconds()
    if left > 0:
        listener.waits(start_time, left)
    while (left := (start_time - _now()).total_seconds()) > 0:
        if stop.wait(min(left, LONGEST_WAIT)):
            return False
    return not stop.is_set()


LONGEST_WAIT = 60.0
"""After how many seconds the time is looked at again."""
