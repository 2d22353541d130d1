"""Connections to SQL databases: their drivers, how long they wait, and SQLite files; it must not know any table.

An SQLite file has another beside it for large contents, with pages and a journal that suit those.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import NullPool

from lume_dsl.errors import ServiceError, did_you_mean
from lume_dsl.records.sql_failures import no_answer
from lume_dsl.records.store import invalid_url, refused_options
from lume_dsl.settings import mask_url, variable

__all__ = ["engines", "impatient", "prefer_wal"]

_BUSY_SECONDS = 20.0
"""How long a writer of an SQLite file waits for the others, of which there may be one for each worker."""

_POOL_SECONDS = 10.0
"""How long a thread waits for a connection that another thread, or an iteration, has in use."""

_CHECK_SECONDS = 2.5
"""The same while a store is checked."""

_OPEN_SECONDS = 1.0
"""The same while a connection to the file is made."""

_PAGE = 65536
"""Bytes of a page of the file with large contents: the most that SQLite takes."""

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}

_TIMEOUTS: dict[str, dict[str, Any]] = {
    "psycopg": {"connect_timeout": 3, "tcp_user_timeout": 20000},
    "pymysql": {"connect_timeout": 3, "read_timeout": 60, "write_timeout": 60},
}
"""Each driver's; those that the URL gives itself are kept."""

_SQLITE_OPTIONS = ("timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements", "uri")
"""What SQLAlchemy reads of the URL of a file; with ``uri=true`` it is SQLite that reads the rest."""


def engines(url: str) -> tuple[sa.Engine, sa.Engine]:
    """Return the engine of the database at a URL, and that of its large contents: on a server, the same one.

    Nothing is connected yet; the folder of an SQLite file has been made.

    Raises:
        ServiceError: If it is no URL or has an option that its driver does not know, the driver is not installed, or
            the folder cannot be made.
    """
    try:
        parsed = _parsed(url)
    except (exc.ArgumentError, ValueError):
        raise ServiceError(invalid_url(url)) from None
    try:
        if parsed.get_backend_name() == "sqlite":
            if "uri" not in parsed.query:
                _refuse_unknown(url, parsed.query, _SQLITE_OPTIONS)
            return _file_engines(parsed)
        engine = _server_engine(parsed, url)
    except ImportError as error:
        raise ServiceError(_no_driver(parsed, url, error)) from error
    except (exc.ArgumentError, ValueError):
        raise ServiceError(invalid_url(url)) from None
    return engine, engine


def _no_driver(parsed: sa.URL, url: str, error: ImportError) -> str:
    backend = parsed.get_backend_name()
    extra = "postgresql" if backend == "postgresql" else "mysql"
    ours = f"pip install 'lume-dsl[{extra}]'"
    if _DRIVERS.get(backend) == parsed.drivername:
        return f"{mask_url(url)} needs the driver {error.name}: {ours}"
    return f"{mask_url(url)} names the driver {error.name}, which is not installed: write {backend}://, and {ours}"


def _parsed(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    if "@" in (parsed.host or ""):  # the rest of a password, which the driver would show as the host
        raise ValueError("an @ in the password is not written as %40")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise ValueError(f"{parsed.port} is no port")
    if parsed.get_backend_name() == "sqlite":
        if parsed.host or parsed.username:
            where = f"{variable('results_db.url')}: {mask_url(url)}"
            raise ServiceError(f"{where} names a host, and SQLite has none: write sqlite:/// and the path of a file")
        # As it is written: SQLAlchemy 2.1 takes %20 in it for a blank, 2.0 does not.
        return parsed.set(database=url.partition(":///")[2].partition("?")[0])
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))


def _refuse_unknown(url: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise ServiceError(refused_options(url, f"there is no option {name!r}{did_you_mean(name, known)}"))


def _server_engine(url: sa.URL, given_url: str) -> sa.Engine:
    driver = url.get_driver_name()
    timeouts = {name: value for name, value in _TIMEOUTS.get(driver, {}).items() if name not in url.query}
    if driver == "pymysql" and url.password is not None:
        timeouts["password"] = url.password.encode()  # which the driver takes for Latin-1 where it is text
    # A connection that a server has closed since it was last used is made again.
    engine = sa.create_engine(
        url, connect_args=timeouts, hide_parameters=True, pool_pre_ping=True, pool_timeout=_POOL_SECONDS
    )
    if driver == "pymysql":
        library: Any = engine.dialect.dbapi
        _, options = engine.dialect.create_connect_args(url)
        _refuse_unknown(given_url, options, inspect.signature(library.Connection).parameters)
    event.listen(engine, "do_connect", _connecting(mask_url(given_url)))
    return engine


def _connecting(shown: str) -> Callable[..., Any]:
    """Return what makes a connection for SQLAlchemy, and tells what a driver raises that is no error of a database."""

    def connect(dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
        is_pymysql = dialect.driver == "pymysql"
        # Its read_timeout is that of the greeting too, for which something else behind the port would let it wait.
        hasty = {"read_timeout": options["connect_timeout"]} if is_pymysql else {}
        try:
            connection = dialect.connect(*arguments, **{**options, **hasty})
        except dialect.loaded_dbapi.Error as error:
            if is_pymysql and isinstance(error, dialect.loaded_dbapi.InternalError):  # no greeting of MySQL's
                raise ServiceError(no_answer(shown, str(error)), transient=True) from error
            raise
        except (TypeError, ValueError, AttributeError, OSError) as error:
            reason = str(error) if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {error}"
            raise ServiceError(refused_options(shown, reason)) from error
        except RuntimeError as error:  # as PyMySQL raises where what it needs to send a password is not installed
            raise ServiceError(f"{shown} cannot be logged in to: {error}: pip install 'lume-dsl[mysql]'") from error
        except Exception as error:  # a greeting that is no whole one
            reason = f"{type(error).__name__}: {error}"
            raise ServiceError(no_answer(shown, reason), transient=True) from error
        if is_pymysql:
            connection._read_timeout = options["read_timeout"]
        return connection

    return connect


def _file_engines(url: sa.URL) -> tuple[sa.Engine, sa.Engine]:
    options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": _POOL_SECONDS}
    is_read_only = "uri" not in url.query and _may_only_be_read(url.database or "")
    if is_read_only:
        # No connection is kept: a file that is open as immutable is not looked at again.
        options = {"hide_parameters": True, "poolclass": NullPool}
    engine = sa.create_engine(url, connect_args={"timeout": _OPEN_SECONDS}, **options)
    _make_folder(url.database or "")
    event.listen(engine, "connect", prefer_wal)
    beside = url.set(database=f"{url.database}-blobs")
    blob_engine = sa.create_engine(beside, connect_args={"timeout": _BUSY_SECONDS}, **options)
    event.listen(blob_engine, "connect", _prefer_large_pages)
    if is_read_only:
        for one in (engine, blob_engine):
            event.listen(one, "do_connect", _read_only)
    return engine, blob_engine


def _may_only_be_read(path: str) -> bool:
    """Whether the file is there and no other can be made beside it, as SQLite does to read one that has a log."""
    folder = os.path.dirname(path) or os.curdir
    of_whom = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.path.exists(path) and not os.access(folder, os.W_OK, **of_whom)


def _read_only(dialect: Any, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """A connection to a file in a folder where none can be made."""
    path = arguments[0]
    log = f"{path}-wal"
    # Who writes keeps the log there, and what locks it. Where there is none, nobody does.
    how = "mode=ro" if os.path.exists(log) and os.path.getsize(log) else "mode=ro&immutable=1"
    return dialect.connect(f"file:{quote(os.path.abspath(path))}?{how}", **{**options, "uri": True})


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


def prefer_wal(connection: Any, _record: Any) -> None:
    """Readers and the writer do not wait for each other, wherever the filesystem allows it."""
    # Fails where another process is switching at this moment, which is as good: the mode stays with the file.
    # What else may be wrong with the file is reported when it is used.
    with suppress(connection.DatabaseError):
        connection.execute("PRAGMA journal_mode=WAL")
    _set_patience(connection, _BUSY_SECONDS)


def _prefer_large_pages(connection: Any, _record: Any) -> None:
    # Not WAL: it writes everything twice.
    connection.execute(f"PRAGMA page_size={_PAGE}")


def _set_patience(connection: Any, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout={int(1000 * seconds)}")


@contextmanager
def impatient(connection: sa.Connection) -> Iterator[None]:
    """Within, an SQLite file that others have locked is waited for as long as a check may take."""
    if connection.dialect.name != "sqlite":
        yield
        return
    _set_patience(connection.connection.dbapi_connection, _CHECK_SECONDS)
    try:
        yield
    finally:
        _set_patience(connection.connection.dbapi_connection, _BUSY_SECONDS)
