"""Runs in a table of an SQL database, through SQLAlchemy; it must not know what runs mean."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from lume_dsl.history.store import COLUMNS, RunQuery, RunStore, time_text
from lume_dsl.records.sql_engines import engines
from lume_dsl.records.sql_failures import translated
from lume_dsl.records.sql_schema import name_type, text_type
from lume_dsl.settings import mask_url

__all__ = ["SQLRuns"]

_runs = sa.Table(
    "lume_runs",
    sa.MetaData(),  # of its own: it is made when the first run is put, and has no versions but its documents'
    sa.Column("id", name_type(64), primary_key=True),
    *(sa.Column(name, name_type(), nullable=False) for name in COLUMNS[1:-1]),
    sa.Column("start_time", name_type(40), nullable=False),
    sa.Column("document", text_type(), nullable=False),
    sa.Index("lume_runs_by_time", "start_time"),
    sa.Index("lume_runs_by_flow", "flow_name", "start_time"),
    mysql_charset="utf8mb4",
    mysql_engine="InnoDB",
)


class SQLRuns(RunStore):
    """Runs in the table ``lume_runs`` of the database at an SQLAlchemy URL."""

    def __init__(self, url: str) -> None:
        """The store is ready to connect."""
        self._shown = mask_url(url)
        self._engine, beside = engines(url)
        if beside is not self._engine:
            beside.dispose()
        self._process = os.getpid()
        self._is_ready = False

    def put(self, document: Mapping[str, Any]) -> None:
        row = {name: document[name] for name in COLUMNS}
        row["document"] = json.dumps(document)
        try:
            with self._connected() as connection:
                connection.execute(sa.insert(_runs), row)
        except exc.IntegrityError:
            with self._connected() as connection:
                connection.execute(sa.update(_runs).where(_runs.c.id == row["id"]).values(row))

    def scan(self, query: RunQuery) -> Iterator[dict[str, Any]]:
        wanted = sa.select(_runs.c.document).where(*_conditions(query))
        statement = wanted.order_by(_runs.c.start_time.desc(), _runs.c.id).execution_options(stream_results=True)
        with self._connected() as connection, connection.execute(statement) as rows:
            for text in rows.scalars():
                yield json.loads(text)

    def count(self, query: RunQuery, *, but: Collection[str] = ()) -> int:
        counted = sa.select(sa.func.count()).select_from(_runs).where(*_conditions(query), _runs.c.id.not_in(but))
        with self._connected() as connection:
            return connection.scalar(counted) or 0

    def delete(self, ids: Sequence[str]) -> int:
        with self._connected() as connection:
            return sum(connection.execute(sa.delete(_runs).where(_runs.c.id == one)).rowcount for one in ids)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A transaction on a database that has the table."""
        if self._process != os.getpid():  # forked since: the connections are the parent's
            self._engine.dispose(close=False)
            self._process = os.getpid()
        with translated(self._shown), self._engine.connect() as connection:
            self._prepare(connection)
            with connection.begin():
                yield connection

    def _prepare(self, connection: sa.Connection) -> None:
        if self._is_ready:
            return
        with connection.begin():
            is_there = sa.inspect(connection).has_table(_runs.name)
        if not is_there:
            try:
                with connection.begin():
                    _runs.create(connection)
            except exc.DBAPIError:
                with connection.begin():
                    if not sa.inspect(connection).has_table(_runs.name):  # else another process has made it
                        raise
        self._is_ready = True


def _conditions(query: RunQuery) -> Iterator[sa.ColumnElement[bool]]:
    if query.flow_name is not None:
        yield _runs.c.flow_name == query.flow_name
    if query.project_name is not None:
        yield _runs.c.project_name == query.project_name
    if query.beginning:
        yield sa.func.substr(_runs.c.id, 1, len(query.beginning)) == query.beginning
    if query.states is not None:
        yield _runs.c.state.in_(query.states)
    if query.since is not None:
        yield _runs.c.start_time >= time_text(query.since)
    if query.until is not None:
        yield _runs.c.start_time <= time_text(query.until)
