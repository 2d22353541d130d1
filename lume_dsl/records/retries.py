"""A store that tries again when a connection is lost; it must not know which store it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from lume_dsl.errors import ServiceError, text_of
from lume_dsl.records.query import Prefilter, Query
from lume_dsl.records.store import Document, Entry, RecordStore

__all__ = ["Retrying"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

SAVE_SECONDS = 20.0
"""How long saving is tried where a connection is lost. Long enough for a server to start again."""

READ_SECONDS = 5.0
"""The same for reading: what is read is not lost, and somebody may be waiting for it."""


class Retrying(RecordStore):
    """Another store, of which each call is tried again, ever later, while what fails may pass.

    What is read is read again only as long as nothing of it was given out.
    """

    def __init__(self, store: RecordStore) -> None:
        """``store`` is the one that does the work."""
        self.store = store

    def check(self) -> None:
        self.store.check()

    def insert(self, entries: Iterable[Entry]) -> list[bool]:
        return _retried(lambda: self.store.insert(entries), SAVE_SECONDS)

    def scan(self, wanted: Prefilter) -> Iterator[Document]:
        return _from_first(lambda: self.store.scan(wanted))

    def count(self, query: Query) -> int:
        return _retried(lambda: self.store.count(query), READ_SECONDS)

    def count_scanned(self, wanted: Prefilter) -> int:
        return _retried(lambda: self.store.count_scanned(wanted), READ_SECONDS)

    def read_blob(self, unique_hash: str, sha256: str) -> Iterator[bytes]:
        return _from_first(lambda: self.store.read_blob(unique_hash, sha256))

    def delete(self, unique_hashes: Sequence[str]) -> int:
        return _retried(lambda: self.store.delete(unique_hashes), READ_SECONDS)

    def close(self) -> None:
        self.store.close()


_NOTHING: Any = object()


def _from_first(read: Callable[[], Iterator[T]]) -> Iterator[T]:
    def begin() -> tuple[T, Iterator[T]]:
        items = iter(read())
        return next(items, _NOTHING), items

    first, others = _retried(begin, READ_SECONDS)
    if first is not _NOTHING:
        yield first
        yield from others


def _passes(error: BaseException) -> bool:
    return isinstance(error, ServiceError) and error.transient


def _retried(work: Callable[[], T], seconds: float) -> T:
    """Return what ``work`` returns; no try begins later than so many seconds after the first."""
    start = time.monotonic()
    try:
        return work()
    except ServiceError as error:
        left = seconds - (time.monotonic() - start)  # a locked SQLite file has been waited for already
        if not _passes(error) or left <= 0:
            raise
        what = text_of(error).partition(" (")[0].partition("; ")[0]  # without the driver's own words
        _log.warning("%s; trying again for %.0f seconds", what, left)
    import tenacity  # 40 ms, which a run that loses no connection does not wait for

    again: T = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_passes),
        wait=tenacity.wait_exponential_jitter(initial=0.1, max=2.0, jitter=0.1),
        stop=tenacity.stop_before_delay(left),
        reraise=True,
    )(work)
    return again
