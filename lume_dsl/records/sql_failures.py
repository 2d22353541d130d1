"""What an SQL database's refusals mean to a person, and whether trying again may help; it must not know records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.settings import variable

__all__ = ["is_deadlock", "no_answer", "translated"]

_LOST = ("08", "57P", "40001", "40P01", "53300", "55P03")
"""How PostgreSQL's codes begin where the same work may succeed later."""

_LOST_MYSQL = (1040, 1205, 1213, 2002, 2003, 2006, 2013, 2014, 2055)

_REFUSES_USER = (
    "password authentication failed",
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "access denied",
    "role ",
)


@contextmanager
def translated(shown: str) -> Iterator[None]:
    """The errors of SQLAlchemy and its drivers within are ``ServiceError`` and ``RecordError`` without a password.

    Those of constraints alone (``IntegrityError``) stay as they are. ``shown`` is the URL without a password.
    """
    try:
        yield
    except exc.IntegrityError:
        raise
    except exc.DataError as error:
        raise RecordError(f"{shown} cannot hold the record: {_reason(error)}") from error
    except exc.TimeoutError as error:  # of the pool
        raise ServiceError(
            f"the records at {shown} cannot be used: threads, or iterations that were not ended, use all connections; "
            "end an iteration by list(...) or .close()",
            transient=True,
        ) from error
    except exc.DBAPIError as error:
        raise _service_error(shown, error) from error


def no_answer(shown: str, reason: str) -> str:
    """Return the message for a server that is not there, or something else that is."""
    return f"no database answers at {shown}: start it, or set {variable('results_db.url')} ({reason})"


def is_deadlock(error: ServiceError) -> bool:
    """Return whether a server has ended a transaction because it and another waited for each other."""
    cause = error.__cause__
    if not isinstance(cause, exc.DBAPIError) or cause.orig is None:
        return False
    return getattr(cause.orig, "sqlstate", None) == "40P01" or cause.orig.args[:1] == (1213,)


def _reason(error: exc.DBAPIError) -> str:
    """The driver's own words, on one line. PostgreSQL's tell the same again for each address that it has tried."""
    text = str(error.orig).strip() or type(error.orig).__name__
    return " ".join(text.partition("\nMultiple connection attempts")[0].split())


def _service_error(shown: str, error: exc.DBAPIError) -> ServiceError:
    reason, url = _reason(error), variable("results_db.url")
    low = reason.lower()
    if "database is locked" in low or "database table is locked" in low:
        mend = "another program writes to them and does not end; wait for it, or end it"
        return ServiceError(f"the records at {shown} cannot be used: {reason}: {mend}", transient=True)
    if "disk is full" in low or "no space left" in low:
        mend = f"free some space, or set {url} to a database elsewhere"
        return ServiceError(f"the records at {shown} cannot be stored: {reason}; {mend}")
    if "readonly database" in low or "read-only transaction" in low:
        mend = f"get the right to write there, or set {url} to another database"
        return ServiceError(f"the records at {shown} may only be read: {reason}; {mend}")
    if "unknown database" in low or ("database" in low and "does not exist" in low):
        return ServiceError(f"there is no such database as {shown}: {reason}; create it, or correct {url}")
    if any(words in low for words in _REFUSES_USER) and isinstance(error, exc.OperationalError):
        return ServiceError(f"{shown} refuses this user: {reason}; correct the name and the password in {url}")
    if _is_lost(error):
        return ServiceError(no_answer(shown, reason), transient=True)
    mend = f"mend it, or set {url} to another database"
    return ServiceError(f"the records at {shown} cannot be used: {reason}; {mend}")


def _is_lost(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    number = error.orig.args[0] if error.orig and error.orig.args else None
    if isinstance(number, int):  # MySQL's, which says more than its sqlstate
        return number in _LOST_MYSQL
    code = getattr(error.orig, "sqlstate", None)
    if code is not None:
        return str(code).startswith(_LOST)
    # psycopg gives no code for a connection that was not made.
    return isinstance(error, exc.OperationalError) and type(error.orig).__module__.partition(".")[0] == "psycopg"
