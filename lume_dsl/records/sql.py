"""Records in a table of an SQL database, through SQLAlchemy; it must not know what records mean.

One row a document: its short members are columns with an index, the others are JSON text, in which every integer and
every float is exact. Large contents are rows of another table, a piece a row. On a server both are written in one
transaction. SQLite keeps that other table in a file of its own beside the first (``results.db-blobs``): with pages and
a journal that suit large contents it takes a quarter of the time, and saving small records goes on meanwhile. There
the contents are committed before the record that names them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import uuid4

import attrs
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.records.query import Prefilter
from lume_dsl.records.record import ALTERED
from lume_dsl.records.sql_conditions import conditions
from lume_dsl.records.sql_engines import engines, impatient
from lume_dsl.records.sql_failures import is_deadlock, translated
from lume_dsl.records.sql_schema import JSON_TEXTS, MYSQL, blobs, prepare, records
from lume_dsl.records.store import Document, Entry, RecordStore
from lume_dsl.settings import mask_url
from lume_dsl.values.encoding import TAG

__all__ = ["SQLStore"]

T = TypeVar("T")

_AT_ONCE = 5000
"""Entries in one transaction, of which each is waited for until it is on the disk."""

_VALUES = 500
"""Hashes, or rows, in one statement. SQLite took up to 999 values for long."""

_BYTES_AT_ONCE = 16 * 2**20
"""Of large contents in one transaction, or of the texts that are read at once."""

_SMALL_STATEMENT = 2**20
"""Bytes that every MySQL server takes in one statement."""

_DOCUMENT = [column for column in records.c if column.name not in ("id", "blobs")]
_INSERTED = [column.name for column in records.c if column.name != "id"]


class SQLStore(RecordStore):
    """Records in the table ``lume_records`` of the database at an SQLAlchemy URL."""

    def __init__(self, url: str) -> None:
        """The store is ready to connect; the folder of an SQLite file has been made."""
        self._shown = mask_url(url)
        self._engine, self._blob_engine = engines(url)
        self._dialect = self._engine.dialect.name
        self._has_file = self._blob_engine is not self._engine
        self._blobs_shown = self._blob_engine.url.render_as_string() if self._has_file else self._shown
        self._process = os.getpid()
        self._is_ready = False
        self._has_blobs = not self._has_file
        self._insert = _Insert.of(sa.insert(records), self._engine.dialect)
        ignoring = _insert_new(self._dialect)
        self._insert_new = _Insert.of(ignoring, self._engine.dialect) if ignoring is not None else None

    def check(self) -> None:
        nothing = sa.select(*(sa.null() for _ in _INSERTED)).where(sa.false())
        with translated(self._shown), self._engine.connect() as connection, impatient(connection):
            self._prepare(connection)
            with connection.begin():
                # Changes no row, and fails where one could not be inserted: in a read-only database.
                connection.execute(sa.insert(records).from_select(_INSERTED, nothing))
        if self._has_file and os.path.exists(self._blob_engine.url.database or ""):
            with self._blobs_connected() as connection:
                connection.exec_driver_sql("PRAGMA schema_version")

    def insert(self, entries: Iterable[Entry]) -> list[bool]:
        return [is_new for chunk in _chunks(entries) for is_new in self._insert_chunk(chunk)]

    def scan(self, wanted: Prefilter) -> Iterator[Document]:
        statement = (
            sa.select(*_DOCUMENT)
            .where(*conditions(wanted, self._dialect))
            .order_by(records.c.time.desc(), records.c.id.desc())
            .limit(wanted.limit)
            .execution_options(stream_results=True)
        )
        with self._connected() as connection, connection.execute(statement) as rows:
            yield from _streamed(rows)

    def count_scanned(self, wanted: Prefilter) -> int:
        exact = attrs.evolve(wanted, numbers=())
        matching = sa.select(records.c.id).where(*conditions(exact, self._dialect)).limit(wanted.limit).subquery()
        with self._connected() as connection:
            number: int = connection.execute(sa.select(sa.func.count()).select_from(matching)).scalar_one()
        return number

    def read_blob(self, unique_hash: str, sha256: str) -> Iterator[bytes]:
        what = f"the content {sha256} of the record {unique_hash} at {self._shown}"
        with self._connected() as connection:
            text = connection.execute(sa.select(records.c.blobs).where(records.c.unique_hash == unique_hash)).scalar()
        found = json.loads(text or "{}").get(sha256)
        if found is None:
            raise RecordError(f"{what} is not there: the record names none such")
        key, number = found
        statement = sa.select(blobs.c.data).where(blobs.c.key == key, blobs.c.piece == sa.bindparam("number"))
        for place in range(number):  # a statement each: nothing is locked, and no connection held, in between
            with self._blobs_connected() as connection:
                self._has_blobs = self._has_blobs or sa.inspect(connection).has_table(blobs.name)
                data = connection.execute(statement, {"number": place}).scalar() if self._has_blobs else None
            if data is None:
                where = f"; {self._blob_engine.url.database} goes with the records" if self._has_file else ""
                raise RecordError(f"{what} is not there any more{where}")
            yield data

    def delete(self, unique_hashes: Sequence[str]) -> int:
        number = 0
        for some in _in_parts(unique_hashes, _VALUES):
            these = records.c.unique_hash.in_(some)
            with self._connected() as connection:
                texts = connection.execute(sa.select(records.c.blobs).where(these, records.c.blobs.is_not(None)))
                keys = [key for text in texts.scalars() for key, _ in json.loads(text).values()]
                number += connection.execute(sa.delete(records).where(these)).rowcount
                if not self._has_file:
                    _delete_blobs(connection, keys)
            if self._has_file:
                self._remove(keys)
        return number

    def close(self) -> None:
        self._engine.dispose()
        self._blob_engine.dispose()

    def _insert_chunk(self, chunk: Sequence[Entry]) -> list[bool]:
        if len(chunk) == 1:
            return [self._insert_one(chunk[0])]
        fresh: dict[str, Entry] = {}
        for entry in chunk:
            fresh.setdefault(entry.document["unique_hash"], entry)
        try:
            if any(entry.blobs for entry in chunk) or not self._written(fresh):
                for unique_hash in self._known(chunk):
                    del fresh[unique_hash]
                self._write(list(fresh.values()))
        except (exc.IntegrityError, ServiceError) as error:
            if isinstance(error, ServiceError) and not is_deadlock(error):
                raise
            # Another process has inserted one of them since, or a server sees two wait for each other. In the end one
            # at a time, each is told apart, and none waits while it holds another.
            return [is_new for part in _in_parts(chunk, len(chunk) // 10 or 1) for is_new in self._insert_chunk(part)]
        return [fresh.pop(entry.document["unique_hash"], None) is not None for entry in chunk]

    def _written(self, fresh: dict[str, Entry]) -> bool:
        """Whether all are new, as they are most of the time, and stored now; if not, none is stored."""
        try:
            self._write(list(fresh.values()))
        except exc.IntegrityError:
            return False
        return True

    def _insert_one(self, entry: Entry) -> bool:
        if entry.blobs and self._known([entry]):
            return False
        try:
            if self._insert_new is not None and not entry.blobs:
                with self._connected() as connection:
                    rows = [_row(entry, None)]
                    self._empty_log_before(connection, rows)
                    return self._insert_new.run(connection, rows) == 1
            self._write([entry])
        except exc.IntegrityError as error:
            if self._known([entry]):
                return False
            raise RecordError(f"{self._shown} refuses the record: {error.orig}") from error
        return True

    def _known(self, entries: Iterable[Entry]) -> set[str]:
        """The hashes among those of the entries that are stored."""
        column = records.c.unique_hash
        hashes = [entry.document["unique_hash"] for entry in entries]
        with self._connected() as connection:
            return {
                found
                for some in _in_parts(hashes, _VALUES)
                for found in connection.execute(sa.select(column).where(column.in_(some))).scalars()
            }

    def _write(self, entries: Sequence[Entry]) -> None:
        """The entries are stored, all of them; if this fails, none.

        Raises:
            IntegrityError: If one with the hash of one of them is there.
        """
        if not entries:
            return
        keys: list[dict[str, Any] | None]
        if not self._has_file or not any(entry.blobs for entry in entries):
            with self._connected() as connection:
                keys = [_write_blobs(connection, entry) for entry in entries]
                self._write_rows(connection, entries, keys)
            return
        with self._blobs_connected(create=True) as connection:
            keys = [_write_blobs(connection, entry) for entry in entries]
        try:
            with self._connected() as connection:
                self._write_rows(connection, entries, keys)
        except Exception as error:
            # Where it is not sure that no record names the contents, they must stay.
            with suppress(ServiceError):
                if isinstance(error, exc.IntegrityError) or not self._known(entries):
                    self._remove([key for found in keys if found for key, _ in found.values()])
            raise

    def _write_rows(
        self, connection: sa.Connection, entries: Sequence[Entry], keys: Sequence[dict[str, Any] | None]
    ) -> None:
        for some in _in_parts(list(zip(entries, keys, strict=True)), _VALUES):  # whose texts are held at a time
            rows = [_row(entry, key) for entry, key in some]
            if self._dialect in MYSQL:
                self._check_sizes(connection, rows)
            self._empty_log_before(connection, rows)
            self._insert.run(connection, rows)

    def _empty_log_before(self, connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Where rows are large, what SQLite's log holds is in the file: should they fill the disk, it is cut off."""
        is_begun = getattr(connection.connection.dbapi_connection, "in_transaction", False)
        if self._has_file and not is_begun and sum(map(_text_size, rows)) > _SMALL_STATEMENT:
            connection.exec_driver_sql("PRAGMA wal_checkpoint")

    def _check_sizes(self, connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> None:
        """The server takes statements as large as these rows make. It would close the connection without a word.

        Raises:
            ServiceError: If it does not.
        """
        largest = max(map(_statement_size, rows))
        if largest < _SMALL_STATEMENT:
            return
        limit = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
        if largest > limit:
            raise ServiceError(
                f"{self._shown} takes no record of {largest:,} bytes of JSON: its max_allowed_packet is {limit:,}; "
                "raise it on the server, or save large values as arrays or files, which go there in pieces"
            )

    def _remove(self, keys: Sequence[str]) -> None:
        if keys:
            with self._blobs_connected() as connection:
                _delete_blobs(connection, keys)

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A transaction on a database that has the tables."""
        self._take_own_connections()
        with self._room_given_back(), translated(self._shown), self._engine.connect() as connection:
            self._prepare(connection)
            with connection.begin():
                yield connection

    @contextmanager
    def _blobs_connected(self, *, create: bool = False) -> Iterator[sa.Connection]:
        """A transaction on the database that has the table of large contents."""
        self._take_own_connections()
        with self._room_given_back(), translated(self._blobs_shown), self._blob_engine.begin() as connection:
            if create and not self._has_blobs:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                blobs.create(connection, checkfirst=True)
            yield connection
        self._has_blobs = self._has_blobs or create

    @contextmanager
    def _room_given_back(self) -> Iterator[None]:
        """What fails within leaves SQLite's files as large as they were, and small records find the room."""
        try:
            yield
        except ServiceError as error:
            if self._has_file and not error.transient:
                self._give_room_back()
            raise

    def _give_room_back(self) -> None:
        # SQLite cannot roll back where the disk is full: the next reader does, also what a killed process has left.
        # The log of the other file is as large as what was written to it, until it is cut off.
        statements = {self._blob_engine: "PRAGMA schema_version", self._engine: "PRAGMA wal_checkpoint(TRUNCATE)"}
        for engine, statement in statements.items():
            if os.path.exists(engine.url.database or ""):
                with suppress(exc.SQLAlchemyError), engine.connect() as connection, impatient(connection):
                    connection.exec_driver_sql(statement)

    def _take_own_connections(self) -> None:
        """A process that was forked leaves its parent's connections alone."""
        if self._process != os.getpid():
            for engine in (self._engine, self._blob_engine):
                engine.dispose(close=False)
            self._process = os.getpid()

    def _prepare(self, connection: sa.Connection) -> None:
        if not self._is_ready:
            prepare(connection, self._shown)
            self._is_ready = True


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        chunk.append(entry)
        size += sum(content.size for content in entry.blobs.values())
        if len(chunk) == _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _write_blobs(connection: sa.Connection, entry: Entry) -> dict[str, tuple[str, int]] | None:
    """The contents of the entry are stored; return the key and the number of pieces of each by its SHA-256."""
    insert = sa.insert(blobs)
    written = {}
    for sha256, content in entry.blobs.items():
        key, number = uuid4().hex, 0
        for piece in content.pieces():
            connection.execute(insert, {"key": key, "piece": number, "data": piece})
            number += 1
        written[sha256] = (key, number)
    return written or None


def _delete_blobs(connection: sa.Connection, keys: Sequence[str]) -> None:
    for some in _in_parts(keys, _VALUES):
        connection.execute(sa.delete(blobs).where(blobs.c.key.in_(some)))


def _in_parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@attrs.frozen
class _Insert:
    """An INSERT of rows, compiled once: SQLAlchemy's way of values into a statement takes as long as SQLite's insert.

    Attributes:
        text: The statement as the driver takes it.
        names: The columns in the order of its values; None where the driver takes them by name.
    """

    text: str
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, statement: sa.Insert, dialect: sa.Dialect) -> _Insert:
        compiled = statement.compile(dialect=dialect, column_keys=_INSERTED)
        names = getattr(compiled, "positiontup", None)
        return cls(str(compiled), tuple(names) if names else None)

    def run(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> int:
        """The rows are inserted; return the driver's count of them."""
        values: list[Any] = [tuple([row[name] for name in self.names]) for row in rows] if self.names else list(rows)
        return connection.exec_driver_sql(self.text, values if len(values) > 1 else values[0]).rowcount


def _insert_new(dialect: str) -> sa.Insert | None:
    """What inserts a row unless there is one with its hash, and tells which by its row count."""
    if dialect == "sqlite":
        return sqlite.insert(records).on_conflict_do_nothing(index_elements=["unique_hash"])
    if dialect == "postgresql":
        return postgresql.insert(records).on_conflict_do_nothing(index_elements=["unique_hash"])
    return None  # MySQL's IGNORE shortens texts that are too long, too


_text: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode


def _row(entry: Entry, keys: dict[str, Any] | None) -> dict[str, Any]:
    document = entry.document
    texts = {name: _text(value) if (value := document[name]) else "{}" for name in ("inputs", "outputs", "fields")}
    provenance = document.get("provenance")
    return {
        **document,
        **texts,
        "input_marks": " ".join(document["input_marks"]),
        "provenance": None if provenance is None else _text(provenance),
        "blobs": _text(keys) if keys else None,
    }


def _text_size(row: dict[str, Any]) -> int:
    """Characters of the JSON of a row."""
    return sum(len(row[name] or "") for name in JSON_TEXTS)


def _statement_size(row: dict[str, Any]) -> int:
    """Bytes of a row within a statement of MySQL's driver, where quotes and backslashes are written with another."""
    texts: list[str] = [row[name] for name in JSON_TEXTS if row[name] is not None]
    if _text_size(row) < _SMALL_STATEMENT // 8:
        return 0
    escaped = sum(text.count(sign) for text in texts for sign in "\"'\\")
    return sum(len(text.encode()) for text in texts) + escaped + 4096  # for the rest of it


def _streamed(rows: sa.CursorResult[Any]) -> Iterator[Document]:
    """So many are read at a time that they are few where each is large: a server's answer is held as a whole."""
    number = 1
    while found := rows.fetchmany(number):
        yield from map(_document, found)
        size = sum(len(row.inputs) + len(row.outputs) + len(row.fields) for row in found) // len(found)
        number = max(1, min(4 * number, 200, _BYTES_AT_ONCE // (4 * size + 1)))


def _document(row: sa.Row[Any]) -> Document:
    document = dict(row._mapping)
    for name in JSON_TEXTS:
        if document[name] is not None:
            try:
                document[name] = json.loads(document[name])
            except (ValueError, RecursionError) as error:
                document[name] = {TAG: ALTERED, "value": f"its {name} are no JSON ({error})"}
    document["input_marks"] = document["input_marks"].split()
    return document
