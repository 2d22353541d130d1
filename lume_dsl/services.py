"""``Services``: the filesystems, the records and the runs of one set of settings; it must not know flows or Prefect."""

from __future__ import annotations

import atexit
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, overload

from lume_dsl.errors import FileError, LumeError, RecordError, ServiceError, text_of
from lume_dsl.files import File, Filesystem, file_from_reference, open_filesystem
from lume_dsl.history.opening import open_runs
from lume_dsl.history.store import RunStore
from lume_dsl.records import DBResult, Query, RecordStore, Results, open_store
from lume_dsl.records.aside import Recovered, discard, keep, read, waiting
from lume_dsl.records.paths import Names
from lume_dsl.records.retries import Retrying
from lume_dsl.records.store import Entry, batches
from lume_dsl.settings import Settings, current_settings, mask_url, use
from lume_dsl.values.forms import ReferenceForm, register_reference
from lume_dsl.values.type_names import type_string

__all__ = ["CHECK_SECONDS", "Services", "close_all", "current", "failures_of", "load", "use"]

R = TypeVar("R", bound=DBResult)
T = TypeVar("T", bound="DBResult | File[Any]")

CHECK_SECONDS = 4.0
"""How long a check of all services takes at most."""

TOLD = 3
"""Of how many records that could be neither saved nor kept an error says why."""


class Services:
    """What the settings describe, opened on first use and kept open.

    Shared by the threads of one process; ``current()`` gives every process its own.
    """

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet."""
        self.settings = settings
        self._store: RecordStore | None = None
        self._runs: RunStore | None = None
        self._opening = threading.Lock()

    def filesystem(self, identifier: str) -> Filesystem:
        """Return the filesystem with this identifier.

        Raises:
            ServiceError: If there is none, naming those that there are.
        """
        return open_filesystem(identifier, self.settings)

    @property
    def store(self) -> RecordStore:
        """The record store. Where a connection is lost, it tries again for some seconds.

        Raises:
            ServiceError: If its driver or its URL cannot be used.
        """
        with self._opening:
            if self._store is None:
                self._store = Retrying(open_store(self.settings))
            return self._store

    @property
    def runs(self) -> RunStore:
        """The store of runs, in the same place.

        Raises:
            ServiceError: If its driver or its URL cannot be used.
        """
        with self._opening:
            if self._runs is None:
                self._runs = open_runs(self.settings)
            return self._runs

    def results(self, query: Query, record_type: type[R], names: Names | None = None, whose: str = "") -> Results[R]:
        """Return the records that ``query`` describes. See ``Results`` for ``names`` and ``whose``.

        Raises:
            RecordError: If it asks for another input, output or field than those of ``names``.
        """
        return Results(self.store, query, record_type, names or {}, whose)

    def save_record(self, record: DBResult) -> tuple[dict[str, Any], bool]:
        """The record is stored; return its reference, and whether it was stored now or was there before.

        Raises:
            RecordError: If a value in it cannot be stored, naming it by its path.
            ServiceError: If the store does not answer, or does not take it, within ``SAVE_SECONDS`` of
                ``lume_dsl.records.retries``. It names the reference, and where the record is kept until
                ``recover()`` saves it.
        """
        return self.save_records([record])[0]

    def save_records(self, records: Iterable[DBResult]) -> list[tuple[dict[str, Any], bool]]:
        """The records are stored, many at once; return of each what ``save_record`` does.

        Raises:
            RecordError: If a value in one of them cannot be stored; those before it are stored.
            ServiceError: If the store does not answer. Those that are not known to be stored are kept aside, and
                those that cannot be are told with it.
        """
        saved: list[tuple[dict[str, Any], bool]] = []
        for batch in batches(iter(records)):
            try:
                saved += batch.inserted(self.store)
            except ServiceError as error:
                raise self._kept_aside(batch.all(), len(saved), error) from error
        return saved

    def _kept_aside(self, unsaved: Iterable[DBResult], first: int, error: ServiceError) -> ServiceError:
        """Keep records aside that the store did not take, and return the error that says where.

        Each is kept before the next one is looked at, so that one that cannot be loses no other. ``first`` is the
        place of the first of them among the records that were given.
        """
        kept: list[Path] = []
        lost: dict[int, str] = {}
        reference = ""
        for place, record in enumerate(unsaved, first):
            try:
                entry = Entry.of(record)
                reference = reference or json.dumps(entry.reference)
                kept.append(keep(self.settings.home, entry))
            except Exception as problem:  # a record of a user's class may fail in any way
                lost[place] = text_of(problem)
        return ServiceError(f"{error}\n{_told(reference, kept, lost)}", error.transient)

    def recover(self) -> list[Recovered]:
        """The records that were kept aside are stored, and no longer kept; return what became of each.

        Safe to call at any time, by several processes at once: each record is stored once. One that cannot be
        read, or that the store refuses, stays where it is, what is returned says why, and the others are saved.

        Raises:
            ServiceError: If the store does not answer, or cannot be opened; what was saved by then is, the others
                are kept.
        """
        outcomes = [self._recovered(folder) for folder in waiting(self.settings.home)]
        return [outcome for outcome in outcomes if outcome is not None]

    def _recovered(self, folder: Path) -> Recovered | None:
        """What became of a record that was kept aside; None where another process has saved it meanwhile."""
        store = self.store
        try:
            entry = read(folder)
            if entry is None:
                return None
            (is_new,) = store.insert([entry])
        except Exception as error:  # whatever is wrong with one record, the others are saved
            if isinstance(error, ServiceError) and error.transient:
                raise
            if isinstance(error, FileNotFoundError) and not folder.exists():  # a large content, while it was read
                return None
            told = text_of(error) if isinstance(error, LumeError) else f"{type(error).__name__}: {text_of(error)}"
            return Recovered(folder.name, folder, problem=told)
        discard(folder)
        return Recovered(folder.name, folder, entry.reference, is_new)

    def check(self, *, filesystems: Iterable[str] = (), records: bool = True) -> None:
        """Return if these filesystems, and the record store where ``records``, can be used. All are asked at once.

        Raises:
            ServiceError: Within ``CHECK_SECONDS``, with everything that is wrong.
        """
        checks: dict[str, Callable[[], None]] = {
            f"filesystem {identifier!r}": partial(self._check_filesystem, identifier) for identifier in filesystems
        }
        if records:
            checks[f"record store {mask_url(self.settings.results_db.url)}"] = self._check_store
        failures = failures_of(checks, CHECK_SECONDS)
        if failures:
            raise ServiceError("\n".join(failures.values()))

    def _check_filesystem(self, identifier: str) -> None:
        self.filesystem(identifier).check()

    def _check_store(self) -> None:
        self.store.check()

    def close(self) -> None:
        """All connections are closed. The next use opens them again."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None
            if self._runs is not None:
                self._runs.close()
                self._runs = None


def _told(reference: str, kept: Sequence[Path], lost: Mapping[int, str]) -> str:
    """What became of records that were not saved: ``reference`` is the first one's, ``lost`` has places and reasons."""
    number = len(kept) + len(lost)
    subject = f"the record {reference} was not saved"
    if number > 1:
        subject = f"{number:,} records, {reference} the first of them, were not saved"
    elif lost:
        return f"{subject}; {lost[min(lost)]}"
    lines = [subject]
    if kept:
        where = kept[0] if number == 1 else kept[0].parent
        mend = "when the store answers again, run python -m lume_dsl results recover"
        lines = [f"{subject}, but kept in {where} on {socket.gethostname()}: {mend}"]
    if lost:
        lines.append(f"{len(lost):,} of them could not be kept, and must be saved anew:")
        lines += [f"records[{place}]: {reason}" for place, reason in islice(lost.items(), TOLD)]
    if len(lost) > TOLD:
        lines.append(f"and {len(lost) - TOLD:,} more")
    return "\n".join(lines)


def failures_of(checks: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, str]:
    """Run all checks at once, and return by their names what those say that fail or do not end in time."""
    outcomes: dict[str, str | None] = {}

    def run(name: str, check: Callable[[], object]) -> None:
        try:
            check()
            outcomes[name] = None
        except LumeError as error:
            outcomes[name] = str(error)
        except Exception as error:  # reported with the others, whatever it is
            outcomes[name] = f"{name}: {type(error).__name__}: {error}"

    # Daemons: one that hangs must not keep the process from ending, as a thread pool's would.
    threads = [threading.Thread(target=run, args=check, daemon=True) for check in checks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    said = {name: outcomes.get(name, f"{name}: does not answer within {seconds:g} seconds") for name in checks}
    return {name: text for name, text in said.items() if text is not None}


_open: dict[tuple[Settings, int], Services] = {}
"""The services of each settings and process. A connection must not be used on both sides of a fork."""


def current() -> Services:
    """Return this process's services of the innermost ``with use(settings):``, else of the environment."""
    key = (current_settings(), os.getpid())
    # setdefault, not a lock: a lock that another thread holds during a fork stays locked in the child.
    return _open.get(key) or _open.setdefault(key, Services(key[0]))


@atexit.register
def close_all() -> None:
    """All services that this process has opened are closed. The next use opens them again."""
    for (_, process), services in list(_open.items()):
        if process == os.getpid():
            services.close()


@overload
def load(reference: Any) -> Any: ...
@overload
def load(reference: Any, expected: type[T]) -> T: ...
def load(reference: Any, expected: Any = None) -> Any:
    """Return the file or the record that a reference stands for. A file's content is not read yet.

    Args:
        reference: What a file or record result is where it crosses a flow's border.
        expected: The ``File`` or ``DBResult`` class that it is of, for type checkers and for a check of it.

    Raises:
        RecordError: If it is neither, or there is no such record, or it is no ``expected``.
        FileError: If it is a file's and names no ``File`` type, or it is no ``expected``.
        ServiceError: If the record store does not answer.
    """
    if isinstance(reference, dict) and "file_type_string" in reference:
        return _expected(file_from_reference(reference), expected, FileError)
    if isinstance(reference, dict) and "result_type_string" in reference:
        return _expected(current().store.load(reference), expected, RecordError)
    raise RecordError(
        "not a reference: expected {'filename', 'file_type_string', 'filesystem_identifier'} or "
        f"{{'project_name', 'result_type_string', 'query': {{'unique_hash'}}}}, got {reference!r:.200}"
    )


def _expected(found: Any, expected: Any, error: type[FileError | RecordError]) -> Any:
    if expected is not None and not isinstance(found, expected):
        raise error(f"expected a reference to a {expected.__name__}, got one to a {type(found).__name__}")
    return found


def _record_schema(_tp: Any) -> dict[str, Any]:
    text = {"type": "string"}
    query = {"type": "object", "properties": {"unique_hash": text}, "required": ["unique_hash"]}
    properties = {"project_name": text, "result_type_string": text, "query": query}
    return {"type": "object", "properties": properties, "required": ["result_type_string", "query"]}


def _record_example(tp: Any) -> dict[str, Any]:
    name = "module:Class" if tp is DBResult or "<" in tp.__qualname__ else type_string(tp)
    return {"project_name": "default", "result_type_string": name, "query": {"unique_hash": "..."}}


register_reference(ReferenceForm(DBResult, load, DBResult.reference, _record_schema, _record_example))
