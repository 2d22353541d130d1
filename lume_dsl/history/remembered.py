"""``Runs``: what a person holds to look at the runs that are remembered; it must not know how a store finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from lume_dsl.errors import RunError, did_you_mean
from lume_dsl.history.filing import file_left
from lume_dsl.history.journal import Journal
from lume_dsl.history.recorded import ENDED, RUNNING, RecordedRun
from lume_dsl.history.store import RunQuery, RunStore

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Runs"]


@attrs.frozen(repr=False)
class Runs:
    """The runs that a query describes, the newest first. Each use asks the store anew, and looks what is underway.

    Attributes:
        query: Which ones are meant.
        parameters: The JSON forms of the parameters that each has.
        flow: The class of each, ``"module:QualName"``, or its flow's name; ``""`` for any.
    """

    _home: Path
    _store: Callable[[], RunStore]
    query: RunQuery
    parameters: Mapping[str, Any]
    flow: str = attrs.field(default="", kw_only=True)
    _limit: int | None = attrs.field(default=None, kw_only=True)

    def __repr__(self) -> str:
        limit = [] if self._limit is None else [f"limit={self._limit}"]
        return f"Runs({', '.join([*self._asked(), *limit])})"

    def __iter__(self) -> Iterator[RecordedRun]:
        return islice(self._all(), self._limit)

    def _all(self) -> Iterator[RecordedRun]:
        store = self._store()
        underway = self._underway(store)
        left = sorted(filter(self._takes, underway.values()), key=lambda one: str(one["start_time"]))
        for document in store.scan(self.query):
            if document["id"] in underway or not self._takes(document):
                continue
            while left and left[-1]["start_time"] > document["start_time"]:
                yield RecordedRun(left.pop())
            yield RecordedRun(document)
        yield from map(RecordedRun, reversed(left))

    def _underway(self, store: RunStore) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in file_left(self._home, store)}

    def _takes(self, document: Mapping[str, Any]) -> bool:
        given = document["parameters"]
        has_all = all(name in given and given[name] == value for name, value in self.parameters.items())
        is_of_flow = self.flow in ("", document["flow"], document["flow_name"])
        return has_all and is_of_flow and self.query.takes(document)

    if not TYPE_CHECKING:  # to which an index is an error

        def __getitem__(self, place: Any) -> NoReturn:
            raise TypeError(
                f"runs are asked of the store each time anew, so there is no [{place!r}]; write .latest() for the "
                "newest, .limit(n) for the first n, or list(...) to keep all"
            )

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def in_state(self, *states: str) -> Runs:
        """Return those of these runs that are in one of these states.

        They are ``Running``, ``Success``, ``Failed``, ``Cancelled`` and ``Interrupted``, in any case.

        Raises:
            RunError: There is no such state.
        """
        return attrs.evolve(self, query=attrs.evolve(self.query, states=tuple(map(_state_of, states))))

    def started(self, *, since: datetime | str | None = None, until: datetime | str | None = None) -> Runs:
        """Return those of these runs that began between these times. One without a zone is this machine's time.

        A time may be written, as ``"2026-11-30"`` or ``"2026-11-30 08:15"``.

        Raises:
            RunError: It is no time.
        """
        query = attrs.evolve(self.query, since=_utc(since), until=_utc(until))
        return attrs.evolve(self, query=query)

    def limit(self, number: int) -> Runs:
        """Return the first ``number`` of these runs: the newest ones.

        Raises:
            ValueError: It is less than 0.
        """
        if number < 0:
            raise ValueError(f"limit({number}): there are no fewer than 0")
        return attrs.evolve(self, limit=number if self._limit is None else min(number, self._limit))

    def count(self) -> int:
        """Return how many runs there are."""
        if self.parameters or self.flow:  # which no store compares
            return sum(1 for _ in self)
        store = self._store()
        underway = self._underway(store)
        count = store.count(self.query, but=underway) + sum(map(self._takes, underway.values()))
        return count if self._limit is None else min(count, self._limit)

    def latest(self) -> RecordedRun:
        """Return the newest run.

        Raises:
            RunError: There is none.
        """
        found = next(iter(self), None)
        if found is None:
            raise RunError(f"there is no run{self._told()}")
        return found

    def one(self) -> RecordedRun:
        """Return the only run.

        Raises:
            RunError: There is none, or more than one.
        """
        found = list(self.limit(2))
        if len(found) != 1:
            raise RunError(f"expected one run{self._told()}, found {self.count() or 'none'}")
        return found[0]

    def can_resume(self, run: RecordedRun) -> bool:
        """Return whether what is needed to go on with a run is kept here."""
        return run.state not in ("Success", RUNNING) and Journal(self._home, run.id).is_there

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row a run: ``id``, ``flow_name``, ``state``, ``start_time``, ``seconds``.

        Parameters are in columns ``parameters.<name>``.

        Raises:
            RunError: pandas is not installed.
        """
        try:
            import pandas as pd  # an extra: 300 ms
        except ImportError as error:
            raise RunError("a data frame needs pandas: pip install 'lume-dsl[frames]'") from error

        return pd.DataFrame([_row(run) for run in self])

    def _told(self) -> str:
        told = ", ".join(self._asked())
        return f" with {told}" if told else ""

    def _asked(self) -> list[str]:
        """What is asked of these runs."""
        query = {"flow": self.flow or None, **attrs.asdict(self.query)}
        asked = {name: value for name, value in query.items() if value is not None}
        times = {name: value.isoformat() for name, value in asked.items() if isinstance(value, datetime)}
        return [f"{name}={value!r}" for name, value in {**asked, **times, **self.parameters}.items()]


def _row(run: RecordedRun) -> dict[str, Any]:
    named = {f"parameters.{name}": value for name, value in run.parameters.items()}
    about = {"id": run.id, "flow_name": run.flow_name, "state": run.state, "start_time": run.start_time}
    return {**about, "seconds": run.seconds, **named}


def _state_of(text: str) -> str:
    known = {state.lower(): state for state in (RUNNING, *ENDED)}
    if str(text).lower() not in known:
        names = known.values()
        raise RunError(f"no run is ever {text!r}{did_you_mean(str(text), names)}; states are {', '.join(names)}")
    return known[text.lower()]


def _utc(time: datetime | str | None) -> datetime | None:
    if isinstance(time, str):
        with suppress(ValueError):
            time = datetime.fromisoformat(time)
    if time is None:
        return None
    if not isinstance(time, datetime):
        raise RunError(f"{time!r} is no time: write '2026-11-30', '2026-11-30 08:15', or a datetime")
    return time.astimezone(timezone.utc)
