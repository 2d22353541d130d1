"""What fails for a moment is tried again, and no longer than is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest

from lume_dsl.errors import ServiceError
from lume_dsl.records import retries
from lume_dsl.records.store import Entry, RecordStore
from lume_dsl.testing.queries import ListStore


class Failing(ListStore):
    """Fails so many times, each after so many seconds."""

    def __init__(self, times: int, seconds: float = 0.0, *, transient: bool = True) -> None:
        super().__init__()
        self.left, self.seconds, self.transient, self.tries = times, seconds, transient, 0

    def insert(self, entries: Iterable[Entry]) -> list[bool]:
        self.tries += 1
        if self.left:
            self.left -= 1
            time.sleep(self.seconds)
            raise ServiceError("no database answers", transient=self.transient)
        return [True for _ in entries]


@pytest.fixture
def saving(monkeypatch: pytest.MonkeyPatch) -> Callable[[RecordStore], list[bool]]:
    monkeypatch.setattr(retries, "SAVE_SECONDS", 0.5)
    return lambda store: retries.Retrying(store).insert([])


def test_what_passes_is_tried_again(saving: Callable[[RecordStore], list[bool]]) -> None:
    store = Failing(2)
    assert saving(store) == []
    assert store.tries == 3


def test_what_does_not_pass_is_not(saving: Callable[[RecordStore], list[bool]]) -> None:
    store = Failing(1, transient=False)
    with pytest.raises(ServiceError):
        saving(store)
    assert store.tries == 1


def test_the_time_of_the_first_try_counts(saving: Callable[[RecordStore], list[bool]]) -> None:
    """A locked SQLite file has been waited for already."""
    store = Failing(1, seconds=0.6)
    with pytest.raises(ServiceError):
        saving(store)
    assert store.tries == 1
