"""``RecordedRun``: what is remembered of a flow run, as a document and as a person reads it; no store is known.

The document is JSON. Its task runs are columns of one length, in the flow's order, those of a map one after another:

``{"name": ["load", "fit[0]", "fit[1]"], "state": ["Success", "Success", "Failed"], "start": [0.1, 0.4, 0.4],
"seconds": [0.3, 1.0, 0.2]}``

``start`` counts in seconds from the run's ``start_time``; what has not run has None for both times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

__all__ = ["ENDED", "INTERRUPTED", "RUNNING", "RecordedRun", "TaskRun"]

RUNNING = "Running"
INTERRUPTED = "Interrupted"
"""The state of a run that Ctrl-C, a killed process or a failing machine ended. Prefect has no state for it."""

ENDED = ("Success", "Failed", "Cancelled", INTERRUPTED)
"""The states in which a run may end."""

_IN_SHORT = ("id", "flow_name", "state", "start_time", "end_time")


@attrs.frozen(kw_only=True)
class TaskRun:
    """A task's run in a recorded flow run.

    Attributes:
        name: The task's name, with ``[index]`` where it is one of a map.
        state: The name of its last Prefect state; ``Pending`` where it has not run.
        start_time: When it began (UTC); None where it has not run, or ran with Prefect's own runner.
        seconds: How long it took, retries included; None where ``start_time`` is.
    """

    name: str
    state: str
    start_time: datetime | None = None
    seconds: float | None = None


def _seconds(attempt: Mapping[str, Any]) -> float:
    start_time, end_time = (datetime.fromisoformat(attempt[name]) for name in ("start_time", "end_time"))
    return (end_time - start_time).total_seconds()


@attrs.frozen(repr=False)
class RecordedRun:
    """A flow run as it is remembered.

    Attributes:
        document: All that is known of it, as JSON (docs/runs.md).
    """

    document: Mapping[str, Any]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self.document[name]!r}" for name in _IN_SHORT)
        return f"RecordedRun({shown})"

    @property
    def id(self) -> str:
        """The flow run's id."""
        return str(self.document["id"])

    @property
    def flow_name(self) -> str:
        """The flow's name."""
        return str(self.document["flow_name"])

    @property
    def flow(self) -> str:
        """The flow's class: ``"module:QualName"``."""
        return str(self.document["flow"])

    @property
    def state(self) -> str:
        """``Running``, ``Interrupted``, or the last of Prefect's states: ``Success``, ``Failed`` or ``Cancelled``."""
        return str(self.document["state"])

    @property
    def message(self) -> str:
        """What is said of the state."""
        return str(self.document["message"])

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON forms of its parameters; ``"***"`` for one that is secret."""
        found: Mapping[str, Any] = self.document["parameters"]
        return found

    @property
    def source_sha256(self) -> str | None:
        """The SHA-256 of the file that defines the flow, as it was when the run last began; None for a notebook."""
        found: str | None = self.document["source_sha256"]
        return found

    @property
    def start_time(self) -> datetime:
        """When it began (UTC), the first time."""
        return datetime.fromisoformat(self.document["start_time"])

    @property
    def end_time(self) -> datetime | None:
        """When it ended (UTC); None while it runs. Of a run that was killed, when the last task of it ended."""
        text = self.document["end_time"]
        return None if text is None else datetime.fromisoformat(text)

    @property
    def seconds(self) -> float | None:
        """How long it ran, all its attempts together and not the time between them; None while it runs."""
        if self.end_time is None:
            return None
        return sum(_seconds(attempt) for attempt in self.document["attempts"])

    @property
    def tasks(self) -> tuple[TaskRun, ...]:
        """Its task runs, in the flow's order."""
        return tuple(self._tasks())

    def _tasks(self) -> Iterator[TaskRun]:
        columns, begun = self.document["tasks"], self.start_time
        rows = zip(columns["name"], columns["state"], columns["start"], columns["seconds"], strict=True)
        for name, state, start, seconds in rows:
            start_time = None if start is None else begun + timedelta(seconds=start)
            yield TaskRun(name=name, state=state, start_time=start_time, seconds=seconds)

    @property
    def errors(self) -> tuple[Mapping[str, str], ...]:
        """The task runs that failed: ``{"task", "type", "message"}`` of each exception."""
        return tuple(self.document["errors"])

    @property
    def results(self) -> Mapping[str, Any]:
        """The references of its file and record results, by name, as ``lume_dsl.load`` takes them."""
        found: Mapping[str, Any] = self.document["results"]
        return found
