"""The tables of records in an SQL database: made, or brought to this version, when a store is opened.

It must not know documents. The version is a row of the table ``lume_schema``, which is Alembic's (under a name of our
own: the database may hold tables of others who use Alembic). A new database gets its tables from here at once, an
older one by ``lume_dsl.records.migrations``; a test holds both to the same outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import mysql

from lume_dsl.errors import ServiceError

__all__ = [
    "JSON_TEXTS",
    "MYSQL",
    "VERSION",
    "blobs",
    "metadata",
    "name_type",
    "newer",
    "prepare",
    "records",
    "text_type",
    "version",
]

VERSION = 2
"""Of the tables below: the last of the migrations."""

MYSQL = ("mysql", "mariadb")

JSON_TEXTS = ("inputs", "outputs", "fields", "provenance")
"""The columns that hold JSON as text: a database's own type for it reorders keys and rounds numbers."""

_LOCK = "lume_dsl"
_LOCK_SECONDS = 60
_LOCK_NUMBER = 0x6C756D65  # "lume"

metadata = sa.MetaData()


def name_type(length: int = 255) -> sa.types.TypeEngine[str]:
    """Return the type of text that is compared and ordered by its code points, whatever a database does by default."""
    exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql").with_variant(exact, *MYSQL)


def text_type() -> sa.types.TypeEngine[str]:
    """Return the type of text of any length."""
    return sa.Text().with_variant(mysql.LONGTEXT(collation="utf8mb4_bin"), *MYSQL)


records = sa.Table(
    "lume_records",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("unique_hash", name_type(64), nullable=False, unique=True),
    sa.Column("project_name", name_type(), nullable=False),
    sa.Column("flow_name", name_type(), nullable=False),
    sa.Column("result_name", name_type(), nullable=False),
    sa.Column("result_type_string", name_type(), nullable=False),
    sa.Column("flow_run_id", name_type()),
    sa.Column("time", name_type(32), nullable=False),
    sa.Column("inputs", text_type(), nullable=False),
    sa.Column("outputs", text_type(), nullable=False),
    sa.Column("fields", text_type(), nullable=False),
    sa.Column("input_marks", text_type(), nullable=False),
    sa.Column("provenance", text_type()),
    sa.Column("blobs", text_type()),  # {sha256: [key in lume_blobs, number of pieces]}
    sa.Index("lume_records_by_flow", "flow_name", "project_name", "time"),
    sa.Index("lume_records_by_time", "time", "id"),
    mysql_charset="utf8mb4",
    mysql_engine="InnoDB",
)

_schema = sa.Table(
    "lume_schema",
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="lume_schema_pkc"),
)

blobs = sa.Table(
    "lume_blobs",
    sa.MetaData(),  # of its own: in SQLite, this table is in another file
    sa.Column("key", name_type(32), primary_key=True),
    sa.Column("piece", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary().with_variant(mysql.LONGBLOB(), *MYSQL), nullable=False),
    mysql_charset="utf8mb4",
    mysql_engine="InnoDB",
)


def version(connection: sa.Connection) -> str | None:
    """Return the version that the database names, None where it has none. One small query."""
    try:
        with connection.begin():
            found: str | None = connection.execute(sa.select(_schema.c.version_num)).scalar()
    except (exc.OperationalError, exc.ProgrammingError) as error:
        if not _names_no_table(error):
            raise
        return None
    return found


def _names_no_table(error: exc.DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in ("42P01", "42S02"):
        return True
    return (error.orig is not None and error.orig.args[:1] == (1146,)) or "no such table" in str(error.orig)


def newer(found: str | None) -> bool:
    """Return whether this is a version that a later lume_dsl has made."""
    return found is not None and not (found.isdecimal() and int(found) <= VERSION)


def prepare(connection: sa.Connection, shown: str) -> None:
    """The database has the tables of this version. Of several processes that do this at once, one does the work.

    Raises:
        ServiceError: If it is a later version's; nothing is changed then.
    """
    found = version(connection)
    if found == str(VERSION):
        return
    if not newer(found):
        with _alone(connection):
            found = _version_by_tables(connection)
            if found is None:
                _create(connection)
            elif not newer(found):
                from lume_dsl.records.migrations import upgrade  # loads Alembic: 100 ms

                upgrade(connection, found)
    if newer(found):
        raise ServiceError(
            f"the records at {shown} are of version {found}, which a later lume_dsl has written; this one knows "
            f"version {VERSION}: pip install --upgrade lume_dsl"
        )


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    """A transaction that no other process that prepares the same database is in at the same time."""
    dialect = connection.dialect.name
    with _locked(connection) if dialect in MYSQL else nullcontext(), connection.begin():
        if dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
        yield


@contextmanager
def _locked(connection: sa.Connection) -> Iterator[None]:
    """MySQL's lock outlives transactions, which DDL ends there, and the last commit, before which others see half."""
    name = f"{_LOCK}.{connection.engine.url.database}"[:64]  # the locks are the server's, not the database's
    with connection.begin():
        got = connection.execute(sa.select(sa.func.get_lock(name, _LOCK_SECONDS))).scalar()
    if got != 1:
        message = f"another process has prepared the records for {_LOCK_SECONDS} s; wait for it, or end it"
        raise ServiceError(message, transient=True)
    try:
        yield
    finally:
        if not connection.invalidated:  # with a lost connection its locks are gone
            with connection.begin():
                connection.execute(sa.select(sa.func.release_lock(name)))


def _version_by_tables(connection: sa.Connection) -> str | None:
    """The version; that of the first released tables, which named none; or None for an empty database."""
    inspector = sa.inspect(connection)
    if inspector.has_table(_schema.name):
        found: str | None = connection.execute(sa.select(_schema.c.version_num)).scalar()
        if found is not None:
            return found
    return "1" if inspector.has_table(records.name) else None


def _create(connection: sa.Connection) -> None:
    if connection.dialect.name != "sqlite":
        blobs.create(connection, checkfirst=True)
    metadata.create_all(connection)
    # Last: where DDL cannot be undone, what was broken off before this is taken up by the migrations.
    connection.execute(sa.insert(_schema), {"version_num": str(VERSION)})
