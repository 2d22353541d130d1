"""Connections to MongoDB: how they are made of a URL, and what their failures mean; it must not know any collection."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import errors
from pymongo.database import Database
from pymongo.uri_parser import split_options

from lume_dsl.errors import ServiceError
from lume_dsl.records.store import Document, invalid_url, refused_options
from lume_dsl.secrets import hide
from lume_dsl.settings import mask_url, secrets_in, variable

__all__ = ["DUPLICATE_KEY", "OfMongo", "failure_of", "said"]

_TIMEOUTS: dict[str, Any] = {"serverSelectionTimeoutMS": 2000, "connectTimeoutMS": 2000, "socketTimeoutMS": 20000}
"""In milliseconds; those that the URL gives itself are kept."""

DUPLICATE_KEY = 11000


class OfMongo(ABC):
    """What a store in a MongoDB database is made of: a client of its process, and failures in our words."""

    def __init__(self, url: str) -> None:
        """The store is ready to connect to the database that the URL names, else to ``lume``."""
        self._shown = mask_url(url)
        self._connect = _connector(url)
        self._open()

    def _open(self) -> None:
        database = self._connect()
        self._client = database.client
        self._process = os.getpid()
        self._is_ready = False
        self._use(database)

    @abstractmethod
    def _use(self, database: Database[Document]) -> None:
        """Its collections are those of this database."""

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Within, the driver's errors are ``ServiceError``; a process that was forked has connections of its own."""
        if self._process != os.getpid():  # forked since: the connections are the parent's, and its client stays open
            self._parents = self._client
            self._open()
        try:
            yield
        except errors.PyMongoError as error:
            raise failure_of(self._shown, error) from error


def _connector(url: str) -> Callable[[], Database[Document]]:
    """What makes a client, and gives the database that a URL names, else ``lume``; nothing is connected yet.

    Raises:
        ServiceError: If it is no URL, or has an option that the driver does not know.
    """
    hide(secrets_in(url))  # a key's password, which the driver does not keep to itself
    options = {name: value for name, value in _TIMEOUTS.items() if name.lower() not in url.lower()}
    if not re.search(r"[?&](journal|w)=", url, re.IGNORECASE):
        # Else an insert is answered up to 0.1 s before it would survive the server's end.
        options["journal"] = True

    # No partial, which would show the password where an object's attributes are shown.
    def connect() -> Database[Document]:
        try:
            return pymongo.MongoClient[Document](url, connect=False, **options).get_default_database("lume")
        except (errors.InvalidURI, errors.InvalidName, ValueError):
            raise ServiceError(invalid_url(url)) from None
        except errors.PyMongoError as error:
            raise failure_of(mask_url(url), error) from error

    _check_options(url)
    return connect


def failure_of(shown: str, error: errors.PyMongoError) -> ServiceError:
    """Return what a failure of the driver means; ``shown`` is the URL without a password."""
    reason, url = said(error), variable("results_db.url")
    if isinstance(error, errors.OperationFailure) and error.code in (13, 18):  # Unauthorized, AuthenticationFailed
        names = f"{variable('results_db.username')} and {variable('results_db.password')}"
        return ServiceError(f"{shown} refuses this user: {reason}; correct {names}, or {url}")
    if isinstance(error, errors.ConnectionFailure):
        message = f"no MongoDB answers at {shown}: start mongod, or set {url} ({reason})"
        return ServiceError(message, transient=True)
    message = f"the records at {shown} cannot be used: {reason}"
    return ServiceError(message, transient=error.has_error_label("RetryableWriteError"))


def _check_options(url: str) -> None:
    """The driver knows the options of the URL, and takes their values: it passes over others, with a warning.

    Raises:
        ServiceError: If not, in the driver's words.
    """
    # Behind the last @, as a password with a ? that is not written as %3F is not to be told.
    _, _, given = url.rpartition("@")[2].partition("?")
    try:
        if given:
            split_options(given, warn=False)
    except (errors.ConfigurationError, ValueError, TypeError, OSError) as error:
        reason = str(error).partition(" Did you mean ")[0].removesuffix(".")
        raise ServiceError(refused_options(url, reason)) from error


def said(error: errors.PyMongoError) -> str:
    """Return the driver's words, without the server's whole answer and the timeouts that it puts after them."""
    answers = [error.details or {}] if isinstance(error, errors.OperationFailure) else []
    if isinstance(error, errors.BulkWriteError):
        answers = [one for one in error.details["writeErrors"] if one["code"] != DUPLICATE_KEY]
    found = next((one["errmsg"] for one in answers if "errmsg" in one), str(error))
    return str(found).partition(", Timeout")[0].partition(", full error:")[0]
