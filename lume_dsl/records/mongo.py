"""Records in a collection of a MongoDB database; it must not know what records mean.

A document is stored as it is but for one thing: keys that begin with ``$`` get a backslash before it, because MongoDB
and its driver give them a meaning of their own (``{"$ref": ...}`` comes back as another type).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import errors

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.records.query import Query
from lume_dsl.records.store import Document, RecordStore, invalid_url
from lume_dsl.settings import mask_url, variable

__all__ = ["MongoStore"]

_TIMEOUTS: dict[str, Any] = {"serverSelectionTimeoutMS": 2000, "connectTimeoutMS": 2000, "socketTimeoutMS": 20000}
"""In milliseconds; those that the URL gives itself are kept."""

_BAD_VALUE_TOO_LARGE = 10334


class MongoStore(RecordStore):
    """Records in the collection ``records`` of the database that a MongoDB URL names, else of ``lume``."""

    def __init__(self, url: str) -> None:
        """The store is ready to connect."""
        self._shown = mask_url(url)
        timeouts = {name: value for name, value in _TIMEOUTS.items() if name.lower() not in url.lower()}
        try:
            self._client: pymongo.MongoClient[Document] = pymongo.MongoClient(url, connect=False, **timeouts)
            self._records = self._client.get_default_database("lume")["records"]
        except (errors.InvalidURI, errors.InvalidName, ValueError):
            raise ServiceError(invalid_url(url)) from None
        except errors.PyMongoError as error:
            raise ServiceError(self._failure(error)) from error
        self._has_indexes = False

    def check(self) -> None:
        with self._translated():
            self._ensure_indexes()
            self._records.find_one({}, {"_id": True})

    def insert(self, document: Document) -> bool:
        with self._translated():
            self._ensure_indexes()
            try:
                self._records.insert_one(_escaped(document))
            except errors.DuplicateKeyError:
                return False
        return True

    def find(self, query: Query) -> Iterator[Document]:
        if query.limit == 0:  # which MongoDB takes for "no limit"
            return
        with self._translated():
            found = self._records.find(_filter(query), {"_id": False}, limit=query.limit or 0)
            for document in found.sort([("time", -1), ("_id", -1)]):
                yield _unescaped(document)

    def count(self, query: Query) -> int:
        if query.limit == 0:
            return 0
        limit: dict[str, Any] = {} if query.limit is None else {"limit": query.limit}
        with self._translated():
            return self._records.count_documents(_filter(query), **limit)

    def close(self) -> None:
        self._client.close()

    def _ensure_indexes(self) -> None:
        if self._has_indexes:
            return
        self._records.create_index("unique_hash", unique=True)
        self._records.create_index([("flow_name", 1), ("project_name", 1), ("time", -1)])
        self._has_indexes = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except errors.DocumentTooLarge as error:
            raise RecordError(_too_large(error)) from error
        except errors.WriteError as error:
            if error.code == _BAD_VALUE_TOO_LARGE:
                raise RecordError(_too_large(error)) from error
            raise RecordError(f"{self._shown} refuses the record: {error}") from error
        except errors.PyMongoError as error:
            raise ServiceError(self._failure(error)) from error

    def _failure(self, error: errors.PyMongoError) -> str:
        if isinstance(error, errors.OperationFailure) and error.code in (13, 18):  # Unauthorized, AuthenticationFailed
            names = f"{variable('results_db.username')} and {variable('results_db.password')}"
            return f"{self._shown} refuses this user: {error}; correct {names}, or {variable('results_db.url')}"
        if isinstance(error, errors.ConnectionFailure):
            mend = f"start mongod, or set {variable('results_db.url')}"
            return f"no MongoDB answers at {self._shown}: {mend} ({str(error).partition(', Timeout')[0]})"
        return f"the records at {self._shown} cannot be used: {error}"


def _too_large(error: Exception) -> str:
    return f"the record is larger than the 16 MB that MongoDB stores; save large values as files ({error})"


def _filter(query: Query) -> dict[str, Any]:
    marks = query.input_marks()
    return {**query.equalities(), **({"input_marks": {"$all": marks}} if marks else {})}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {(f"\\{k}" if k[:1] in ("$", "\\") else k): _escaped(item) for k, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value


def _unescaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {(k[1:] if k[:1] == "\\" else k): _unescaped(item) for k, item in value.items()}
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    # The driver gives integers beyond 32 bits as a type of its own.
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
