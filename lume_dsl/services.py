"""``Services``: the filesystems and the record store of one set of settings; it must not know flows or Prefect."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from lume_dsl.errors import LumeError, RecordError, ServiceError
from lume_dsl.files import Filesystem, file_from_reference, open_filesystem
from lume_dsl.records import DBResult, Query, RecordStore, Results, open_store
from lume_dsl.settings import Settings, current_settings, mask_url, use
from lume_dsl.values.forms import ReferenceForm, register_reference

__all__ = ["CHECK_SECONDS", "Services", "close_all", "current", "load", "use"]

R = TypeVar("R", bound=DBResult)

CHECK_SECONDS = 4.0
"""How long a check of all services takes at most."""


class Services:
    """What the settings describe, opened on first use and kept open.

    Shared by the threads of one process; ``current()`` gives every process its own.
    """

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet."""
        self.settings = settings
        self._store: RecordStore | None = None
        self._opening = threading.Lock()

    def filesystem(self, identifier: str) -> Filesystem:
        """Return the filesystem with this identifier.

        Raises:
            ServiceError: If there is none, naming those that there are.
        """
        return open_filesystem(identifier, self.settings)

    @property
    def store(self) -> RecordStore:
        """The record store.

        Raises:
            ServiceError: If its driver or its URL cannot be used.
        """
        with self._opening:
            if self._store is None:
                self._store = open_store(self.settings)
            return self._store

    def results(self, query: Query, record_type: type[R]) -> Results[R]:
        """Return the records that ``query`` describes."""
        return Results(self.store, query, record_type)

    def save_record(self, record: DBResult) -> tuple[dict[str, Any], bool]:
        """The record is stored; return its reference, and whether it was stored now or was there before.

        Raises:
            RecordError: If a value in it cannot be stored, naming it by its path.
            ServiceError: If the store does not answer.
        """
        return self.store.save(record)

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
        failures = _failures(checks)
        if failures:
            raise ServiceError("\n".join(failures))

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


def _failures(checks: dict[str, Callable[[], None]]) -> list[str]:
    """Run all checks at once, and return what those say that fail or do not end in time."""
    outcomes: dict[str, str | None] = {}

    def run(name: str, check: Callable[[], None]) -> None:
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
    deadline = time.monotonic() + CHECK_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"does not answer within {CHECK_SECONDS:g} seconds"
    said = {name: outcomes.get(name, f"{name}: {late}") for name in checks}
    return [text for text in said.values() if text is not None]


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


def load(reference: Any) -> Any:
    """Return the file or the record that a reference stands for. A file's content is not read yet.

    Raises:
        RecordError: If it is neither, or there is no such record.
        FileError: If it is a file's and names no ``File`` type.
        ServiceError: If the record store does not answer.
    """
    if isinstance(reference, dict) and "file_type_string" in reference:
        return file_from_reference(reference)
    if isinstance(reference, dict) and "result_type_string" in reference:
        return current().store.load(reference)
    raise RecordError(
        "not a reference: expected {'filename', 'file_type_string', 'filesystem_identifier'} or "
        f"{{'project_name', 'result_type_string', 'query': {{'unique_hash'}}}}, got {reference!r:.200}"
    )


def _record_schema(_tp: Any) -> dict[str, Any]:
    text = {"type": "string"}
    query = {"type": "object", "properties": {"unique_hash": text}, "required": ["unique_hash"]}
    properties = {"project_name": text, "result_type_string": text, "query": query}
    return {"type": "object", "properties": properties, "required": ["result_type_string", "query"]}


register_reference(ReferenceForm(DBResult, load, DBResult.reference, _record_schema))
