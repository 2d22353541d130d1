"""Runs in a table of an SQLite file, through Python's own driver; it must not know what runs mean.

A run that saves no record would otherwise load SQLAlchemy at its end, which takes longer than most runs of small flows
and more memory than Prefect leaves. Other databases are ``lume_dsl.history.sql``'s, whose table this is.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from lume_dsl.errors import ServiceError
from lume_dsl.history.store import COLUMNS, RunQuery, RunStore, time_text
from lume_dsl.settings import variable

__all__ = ["SQLiteRuns"]

_BUSY_SECONDS = 5.0
"""How long a writer waits for the others."""

_CREATE = (
    f"CREATE TABLE IF NOT EXISTS lume_runs ({', '.join(f'{name} TEXT NOT NULL' for name in COLUMNS)}, "
    "document TEXT NOT NULL, PRIMARY KEY (id))",
    "CREATE INDEX IF NOT EXISTS lume_runs_by_time ON lume_runs (start_time)",
    "CREATE INDEX IF NOT EXISTS lume_runs_by_flow ON lume_runs (flow_name, start_time)",
)
_PUT = f"INSERT OR REPLACE INTO lume_runs VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"


class SQLiteRuns(RunStore):
    """Runs in the table ``lume_runs`` of the file at an SQLAlchemy URL of SQLite."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet."""
        self._path = url.partition(":///")[2]
        self._own = threading.local()

    def put(self, document: Mapping[str, Any]) -> None:
        row = [*(document[name] for name in COLUMNS), json.dumps(document)]
        with self._connected(create=True) as connection, connection:
            connection.execute(_PUT, row)

    def scan(self, query: RunQuery) -> Iterator[dict[str, Any]]:
        terms, values = _conditions(query)
        statement = f"SELECT document FROM lume_runs{terms} ORDER BY start_time DESC, id"
        return map(json.loads, self._read(statement, values))

    def count(self, query: RunQuery, *, but: Collection[str] = ()) -> int:
        terms, values = _conditions(query, but)
        return next(self._read(f"SELECT count(*) FROM lume_runs{terms}", values), 0)

    def _read(self, statement: str, values: Sequence[str]) -> Iterator[Any]:
        """The first column of what a query finds; nothing where no run has been put yet."""
        if os.path.exists(self._path):
            with self._connected() as connection:
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'lume_runs'").fetchone():
                    with closing(connection.execute(statement, values)) as rows:
                        yield from (row[0] for row in rows)

    def delete(self, ids: Sequence[str]) -> int:
        if not self.count(RunQuery()):
            return 0
        with self._connected() as connection, connection:
            return sum(connection.execute("DELETE FROM lume_runs WHERE id = ?", (one,)).rowcount for one in ids)

    def close(self) -> None:
        connection = self._own.__dict__.pop("connection", None)
        if connection is not None:
            connection[0].close()

    @contextmanager
    def _connected(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """This thread's connection to a file that has the table.

        Raises:
            ServiceError: If the file cannot be used.
        """
        try:
            yield self._connection(create=create)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise ServiceError(
                f"the runs at sqlite:///{self._path} cannot be used: {error}; set {variable('home')} or "
                f"{variable('results_db.url')} to a place where you may write"
            ) from error

    def _connection(self, *, create: bool) -> sqlite3.Connection:
        found: tuple[sqlite3.Connection, Any, bool] | None = getattr(self._own, "connection", None)
        if found is not None and found[1] == self._identity() and found[2] >= create:
            return found[0]
        if create:
            os.makedirs(os.path.dirname(self._path) or os.curdir, exist_ok=True)
        # Autocommit: what changes rows begins its own transaction.
        made = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        if create:
            made.execute("PRAGMA journal_mode=WAL")
            for statement in _CREATE:
                made.execute(statement)
        made.execute("PRAGMA synchronous=NORMAL")  # a run's record may be lost with the machine, and is never torn
        self._own.connection = (made, self._identity(), create)
        return made

    def _identity(self) -> tuple[int, int, int] | None:
        """What a connection is of: this process, not one that was forked, and a file that nobody has removed since."""
        try:
            file = os.stat(self._path)
        except FileNotFoundError:
            return None
        return os.getpid(), file.st_dev, file.st_ino


def _conditions(query: RunQuery, but: Collection[str] = ()) -> tuple[str, list[str]]:
    """The clause of a query, and the values in it."""
    found: list[tuple[str, list[str]]] = [(f"id NOT IN ({', '.join('?' * len(but))})", [*but])] if but else []
    if query.flow_name is not None:
        found.append(("flow_name = ?", [query.flow_name]))
    if query.project_name is not None:
        found.append(("project_name = ?", [query.project_name]))
    if query.beginning:
        found.append(("substr(id, 1, length(?)) = ?", [query.beginning, query.beginning]))
    if query.states is not None:
        found.append((f"state IN ({', '.join('?' * len(query.states))})", list(query.states)))
    if query.since is not None:
        found.append(("start_time >= ?", [time_text(query.since)]))
    if query.until is not None:
        found.append(("start_time <= ?", [time_text(query.until)]))
    clause = " AND ".join(term for term, _ in found)
    return f" WHERE {clause}" if clause else "", [value for _, values in found for value in values]
