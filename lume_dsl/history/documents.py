"""The record of a run as a document, made of what was known when it began and of what became of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from lume_dsl.history.journal import Journal
from lume_dsl.history.recorded import INTERRUPTED
from lume_dsl.history.store import time_text
from lume_dsl.secrets import hidden_document, hidden_text

__all__ = ["Row", "attempts_of", "document_of_journal", "latest_events", "run_document", "working_folder"]

Row = tuple[str, str, tuple[float, float] | None]
"""A task run: its name and state, and when it began and ended, in seconds since 1970, where it has run."""

_LOCAL = ("attempts", "dropped", "unrecorded", "process", "folder")
"""Members of what was known at the begin that are no members of the record, or others there."""

_OF_ATTEMPT = ("start_time", "source_sha256", "host", "process")


def run_document(
    begin: Mapping[str, Any],
    rows: Iterable[Row],
    *,
    state: str,
    message: str,
    end_time: str | None,
    errors: Iterable[Mapping[str, str]] = (),
    results: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the record of a run.

    Args:
        begin: What was known when its last attempt began.
        rows: Its task runs, in the flow's order.
        state: The state that it is in.
        message: What is to be said of that.
        end_time: When it ended, None while it runs.
        errors: The failures of tasks.
        results: The references of its file and record results.
    """
    attempts = [
        *begin["attempts"],
        {**{name: begin[name] for name in _OF_ATTEMPT}, "end_time": end_time, "state": state},
    ]
    start_time = attempts[0]["start_time"]
    return {
        **{name: member for name, member in begin.items() if name not in _LOCAL},
        "start_time": start_time,
        "end_time": end_time,
        "state": state,
        "message": hidden_text(message),
        "attempts": attempts,
        "tasks": _columns(rows, datetime.fromisoformat(start_time).timestamp()),
        "errors": [{**error, "message": hidden_text(error["message"])} for error in errors],
        "results": hidden_document(dict(results or {})),
    }


def _columns(rows: Iterable[Row], origin: float) -> dict[str, list[Any]]:
    names: list[str] = []
    states: list[str] = []
    starts: list[float | None] = []
    seconds: list[float | None] = []
    for name, state, times in rows:
        names.append(name)
        states.append(state)
        starts.append(None if times is None else round(times[0] - origin, 6))
        seconds.append(None if times is None else round(times[1] - times[0], 6))
    return {"name": names, "state": states, "start": starts, "seconds": seconds}


def latest_events(journal: Journal) -> dict[tuple[str, int | None], tuple[int, dict[str, Any]]]:
    """Return what each task run came to last, with the attempt, by the task and the index in a map.

    What a later attempt counts as not run is left out. The number of a map's runs is under the index -1.
    """
    found: dict[tuple[str, int | None], tuple[int, dict[str, Any]]] = {}
    dropped = {task: number for number, begin in journal.begun().items() for task in begin["dropped"]}  # the last time
    for attempt, event in journal.tasks():
        if attempt < dropped.get(event["task"], 0):
            continue
        key = (event["task"], -1 if "count" in event else event.get("index"))
        before = found.get(key)
        if before is None or before[0] < attempt or before[1].get("end", 0) <= event.get("end", 0):
            found[key] = (attempt, event)
    return found


def document_of_journal(
    journal: Journal, *, state: str, message: str, has_ended: bool, end_time: datetime | None = None
) -> dict[str, Any]:
    """Return the record of a run of which nothing but its journal is left, or that is underway.

    Of one that has ended without anybody to tell the ``end_time``, that is when the last of its tasks ended.

    Raises:
        RunError: The journal cannot be read.
    """
    begun = journal.begun()
    events = [event for _, event in latest_events(journal).values() if "count" not in event]
    events.sort(key=lambda event: event["start"])
    begin = begun[max(begun)]
    return run_document(
        begin,
        [(_name(event), event["state"], (event["start"], event["end"])) for event in events],
        state=state,
        message=message,
        end_time=_end_time(begin, events, end_time) if has_ended else None,
        errors=list(_errors(events)),
    )


def _end_time(begin: Mapping[str, Any], events: Iterable[Mapping[str, Any]], known: datetime | None) -> str:
    last = max((event["end"] for event in events), default=None)
    if known is None and last is not None:
        known = datetime.fromtimestamp(last, timezone.utc)
    start_time: str = begin["start_time"]
    return start_time if known is None else max(start_time, time_text(known))


def attempts_of(journal: Journal) -> tuple[Mapping[str, Any], ...]:
    """Return what is known of the attempts of a run that has ended, or was killed.

    Raises:
        RunError: The journal cannot be read.
    """
    end = journal.end() or document_of_journal(journal, state=INTERRUPTED, message="", has_ended=True)
    return tuple(end["attempts"])


def working_folder() -> str:
    """Return the folder from which relative names are seen; an empty text where that is gone."""
    with suppress(FileNotFoundError):
        return os.getcwd()
    return ""


def _name(event: Mapping[str, Any]) -> str:
    return event["task"] if event.get("index") is None else f"{event['task']}[{event['index']}]"


def _errors(events: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for event in events:
        if event["state"] == "Failed":
            yield {"task": _name(event), "type": "", "message": event.get("message", "")}
