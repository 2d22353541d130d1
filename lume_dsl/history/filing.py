"""How the record of a run comes into the store: when the run ends, or when somebody looks and it is not there yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from lume_dsl.errors import RunError, ServiceError
from lume_dsl.history.documents import document_of_journal
from lume_dsl.history.journal import Journal, journals, sweep
from lume_dsl.history.recorded import INTERRUPTED, RUNNING
from lume_dsl.history.store import RunQuery, RunStore

__all__ = ["PAUSE_SECONDS", "file_left", "forget", "leave"]

PAUSE_SECONDS = 60.0
"""How long a store that did not answer is not asked again at the end of a run: it would delay each of many."""

_failed: WeakKeyDictionary[RunStore, float] = WeakKeyDictionary()
"""When stores did not answer last."""


def leave(journal: Journal, document: Mapping[str, Any], store: RunStore, *, goes_on: bool) -> None:
    """The run is recorded. Its folder is gone unless it can be resumed (``goes_on``), or the store did not answer.

    Raises:
        ServiceError: The store did not answer; the record is in the folder, from which ``file_left`` takes it.
        RunError: That cannot be written either.
    """
    try:
        if goes_on:
            journal.write_end(document)
        try:
            _put(store, document)
        except ServiceError:
            if not goes_on:
                journal.drop_values()
                journal.write_end(document)
            raise
        if goes_on:
            journal.note_filed()
        else:
            journal.remove()
    except OSError as error:
        raise RunError(f"{journal.folder}: {error.strerror}") from error


def _put(store: RunStore, document: Mapping[str, Any]) -> None:
    since = time.monotonic() - _failed.get(store, -PAUSE_SECONDS)
    if since < PAUSE_SECONDS:
        raise ServiceError(f"the store did not answer {since:.0f} s ago; `runs list` tries again")
    try:
        store.put(document)
    except ServiceError:
        _failed[store] = time.monotonic()
        raise
    _failed.pop(store, None)


def file_left(home: Path, store: RunStore) -> Iterator[dict[str, Any]]:
    """Yield the records of runs that are underway; those that have ended are all in the store afterwards.

    Among them are runs whose process was killed, and those at whose end the store did not answer.

    Raises:
        ServiceError: The store does not answer.
    """
    sweep(home)
    for run_id in journals(home):
        # It ends, or is removed, at this moment; or is no run's, or damaged: the others are told all the same.
        with suppress(OSError, RunError, ValueError, KeyError, TypeError):
            journal = Journal(home, run_id)
            if journal.is_held:
                yield document_of_journal(journal, state=RUNNING, message="", has_ended=False)
            elif not journal.is_filed:
                _file(journal, store)


def forget(ids: Sequence[str], home: Path, store: RunStore | None) -> None:
    """Nothing is kept to go on with these runs, and ``store`` has no records of them. Those underway are left alone.

    Without a store their records stay.

    Raises:
        ServiceError: The store does not answer.
    """
    gone = []
    for run_id in ids:
        with suppress(OSError, RunError):  # somebody resumes it at this moment
            _remove(home, run_id)
            gone.append(run_id)
    if store is not None:
        store.delete(gone)


def _remove(home: Path, run_id: str) -> None:
    journal = Journal(home, run_id)
    if journal.is_there:
        journal.hold()
        try:
            journal.remove()
        finally:
            journal.let_go()


def _has_succeeded(journal: Journal, store: RunStore) -> bool:
    """Whether the last attempt has succeeded, of which its process was killed before it removed the folder."""
    begun = journal.begun()
    for known in store.scan(RunQuery(beginning=journal.run_id, states=("Success",))):
        if known["id"] == journal.run_id:
            return bool(known["attempts"][-1]["start_time"] == begun[max(begun)]["start_time"])
    return False


def _file(journal: Journal, store: RunStore) -> None:
    journal.keep_still()
    try:
        if journal.is_filed:  # by another process meanwhile
            return
        document = journal.end()
        if document is None and _has_succeeded(journal, store):
            journal.remove()
            return
        if document is None:
            message = "its process was killed, or its machine failed"
            document = document_of_journal(journal, state=INTERRUPTED, message=message, has_ended=True)
            journal.write_end(document)
        store.put(document)
        if document["state"] == "Success":
            journal.remove()
        else:
            journal.note_filed()
    finally:
        journal.let_go()
