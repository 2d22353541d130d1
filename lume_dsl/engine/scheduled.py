"""The time of the schedule for which a run is: as it is recorded, and as the run has it when it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pendulum
import prefect

from lume_dsl.tasks.context import CHECKED, SCHEDULED
from lume_dsl.values.times import datetime_of, datetime_text, with_offset

__all__ = ["context_of", "recorded_time", "with_scheduled"]

_PREFECTS = "scheduled_start_time"
"""The key of ``prefect.context`` from which tasks read the time."""


def with_scheduled(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of a run, in which a time that was given counts where Prefect would set its own."""
    return {**context, SCHEDULED: context[_PREFECTS]} if _PREFECTS in context else dict(context)


def recorded_time(flow: prefect.Flow) -> dict[str, str]:
    """Return what is recorded of the run that has begun: its time, if there is one and it is a time."""
    is_by_prefect = bool(flow.schedule) and not prefect.context.get(CHECKED)  # which alone runs by a schedule there
    time = prefect.context.get(SCHEDULED) or (prefect.context.get(_PREFECTS) if is_by_prefect else None)
    return {_PREFECTS: datetime_text(with_offset(time))} if isinstance(time, datetime) else {}


def context_of(begin: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the context of a run that goes on has of what was known when it began: the time, if there was one.

    It is one of pendulum's, as Prefect gives it.
    """
    text = begin.get(_PREFECTS)
    if text is None:
        return {}
    time = datetime_of(text)
    zone = getattr(time.tzinfo, "key", None)
    found = pendulum.instance(time)
    return {SCHEDULED: found if zone is None else found.in_timezone(zone)}
