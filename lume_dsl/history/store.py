"""``RunStore``: the contract of what keeps the records of runs; it must not know any driver.

``lume_dsl.testing.RunStoreContract`` holds a store to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

__all__ = ["COLUMNS", "RunQuery", "RunStore", "time_text"]

COLUMNS = ("id", "flow_name", "project_name", "state", "start_time")
"""The members of a document by which stores find it. All of it is kept as one JSON text."""


def time_text(time: datetime) -> str:
    """Return a time as documents have it, so that texts are in the order of times."""
    return time.isoformat(timespec="microseconds")


@attrs.frozen(kw_only=True)
class RunQuery:
    """Which runs are meant. None stands for any.

    Attributes:
        flow_name: The flow's name.
        project_name: The flow's project.
        beginning: What the id begins with.
        states: The states that they are in.
        since: The earliest start time.
        until: The latest start time.
    """

    flow_name: str | None = None
    project_name: str | None = None
    beginning: str | None = None
    states: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, document: Mapping[str, Any]) -> bool:
        """Return whether the run of this document is one of them."""
        return (
            self.flow_name in (None, document["flow_name"])
            and self.project_name in (None, document["project_name"])
            and document["id"].startswith(self.beginning or "")
            and (self.states is None or document["state"] in self.states)
            and (self.since is None or document["start_time"] >= time_text(self.since))
            and (self.until is None or document["start_time"] <= time_text(self.until))
        )


class RunStore(ABC):
    """Keeps a document for each run, by its id.

    A store may be used by several threads, and several processes may each open one on the same place. Every failure of
    its driver is raised as a ``ServiceError`` that shows no password.
    """

    @abstractmethod
    def put(self, document: Mapping[str, Any]) -> None:
        """The document is stored, in the place of an older one of the same id.

        Raises:
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def scan(self, query: RunQuery) -> Iterator[dict[str, Any]]:
        """Yield the documents that a query describes, the newest start time first, equal to what was stored.

        Raises:
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def count(self, query: RunQuery, *, but: Collection[str] = ()) -> int:
        """Return how many runs a query describes, but for those with these ids.

        Raises:
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def delete(self, ids: Sequence[str]) -> int:
        """There are no runs with these ids; return how many there were.

        Raises:
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """The connections of this store are closed; nothing else is called on it afterwards."""
