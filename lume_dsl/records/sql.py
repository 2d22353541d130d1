"""Records in a table of an SQL database, through SQLAlchemy; it must not know what records mean.

One row a document: its short members are columns with an index, the others are JSON text, in which every integer and
every float is exact.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.records.query import Query
from lume_dsl.records.store import Document, RecordStore, invalid_url
from lume_dsl.settings import mask_url, variable

__all__ = ["SQLStore"]

_BUSY_SECONDS = 30
"""How long a writer of an SQLite file waits for the others, of which there may be one for each worker."""

_JSON = ("inputs", "outputs", "fields")

_records = sa.Table(
    "lume_records",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("unique_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("project_name", sa.String(255), nullable=False),
    sa.Column("flow_name", sa.String(255), nullable=False),
    sa.Column("result_name", sa.String(255), nullable=False),
    sa.Column("result_type_string", sa.String(255), nullable=False),
    sa.Column("flow_run_id", sa.String(255)),
    sa.Column("time", sa.String(32), nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in _JSON),
    sa.Column("input_marks", sa.Text, nullable=False),
    sa.Index("lume_records_by_flow", "flow_name", "project_name", "time"),
)

_INSERTED = [column.name for column in _records.c if column.name != "id"]


class SQLStore(RecordStore):
    """Records in the table ``lume_records`` of the database at an SQLAlchemy URL."""

    def __init__(self, url: str) -> None:
        """The store is ready to connect; the folder of an SQLite file has been made."""
        self._shown = mask_url(url)
        self._engine = _engine(url)
        self._has_table = False

    def check(self) -> None:
        nothing = sa.select(*(sa.null() for _ in _INSERTED)).where(sa.false())
        with self._connected() as connection:
            # Changes no row, and fails where one could not be inserted: in a read-only database.
            connection.execute(sa.insert(_records).from_select(_INSERTED, nothing))

    def insert(self, document: Document) -> bool:
        row = _row(document)
        try:
            with self._connected() as connection:
                connection.execute(sa.insert(_records), row)
        except exc.IntegrityError as error:
            if self.count(Query(unique_hash=document["unique_hash"])):
                return False
            raise RecordError(f"{self._shown} refuses the record: {error.orig}") from error
        return True

    def find(self, query: Query) -> Iterator[Document]:
        columns = _records.c
        statement = sa.select(_records).where(*_conditions(query)).limit(query.limit)
        with self._connected() as connection:
            rows = connection.execute(statement.order_by(columns.time.desc(), columns.id.desc()))
            for row in rows.yield_per(100).mappings():
                yield _document(row)

    def count(self, query: Query) -> int:
        matching = sa.select(_records.c.id).where(*_conditions(query)).limit(query.limit).subquery()
        with self._connected() as connection:
            number: int = connection.execute(sa.select(sa.func.count()).select_from(matching)).scalar_one()
        return number

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A transaction on a database that has the table."""
        try:
            if not self._has_table:
                self._create_table()
            with self._engine.begin() as connection:
                yield connection
        except exc.IntegrityError:
            raise
        except exc.DBAPIError as error:
            mend = f"mend it, or set {variable('results_db.url')} to another database"
            raise ServiceError(f"the records at {self._shown} cannot be used: {error.orig}; {mend}") from error

    def _create_table(self) -> None:
        try:
            _records.metadata.create_all(self._engine)
        except exc.DBAPIError:
            # Another process may have made the table since it was looked for; a second look tells.
            _records.metadata.create_all(self._engine)
        self._has_table = True


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if is_sqlite:
            # As it is written: SQLAlchemy 2.1 takes %20 in it for a blank, 2.0 does not.
            parsed = parsed.set(database=url.partition(":///")[2].partition("?")[0])
        arguments = {"timeout": _BUSY_SECONDS} if is_sqlite else {}
        engine = sa.create_engine(parsed, connect_args=arguments, hide_parameters=True)
    except ImportError as error:
        raise ServiceError(f"{mask_url(url)} needs a driver: pip install {error.name}") from error
    except (exc.ArgumentError, ValueError):
        raise ServiceError(invalid_url(url)) from None
    if is_sqlite:
        _make_folder(parsed.database or "")
        event.listen(engine, "connect", _prefer_wal)
    return engine


def _make_folder(path: str) -> None:
    folder = os.path.dirname(path.removeprefix("file:")) or os.curdir
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        names = f"{variable('home')} or {variable('results_db.url')}"
        raise ServiceError(
            f"the folder {folder} of the records cannot be made: {error.strerror}; set {names} to a place where "
            "you may write"
        ) from error


def _prefer_wal(connection: Any, _record: Any) -> None:
    """Readers and the writer do not wait for each other, wherever the filesystem allows it."""
    # Fails where another process is switching at this moment, which is as good: the mode stays with the file.
    # What else may be wrong with the file is reported when it is used.
    with suppress(connection.DatabaseError):
        connection.execute("PRAGMA journal_mode=WAL")


def _conditions(query: Query) -> list[sa.ColumnElement[bool]]:
    conditions = [_records.c[name] == value for name, value in query.equalities().items()]
    return conditions + [_records.c.input_marks.contains(mark) for mark in query.input_marks()]


def _row(document: Document) -> dict[str, Any]:
    texts = {name: json.dumps(document[name], ensure_ascii=False) for name in _JSON}
    return {**document, **texts, "input_marks": " ".join(document["input_marks"])}


def _document(row: sa.RowMapping) -> Document:
    document = {name: value for name, value in row.items() if name != "id"}
    values = {name: json.loads(row[name]) for name in _JSON}
    return {**document, **values, "input_marks": row["input_marks"].split()}
