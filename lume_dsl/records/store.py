"""``RecordStore``: the contract of every store of records, and how one is chosen; it must not know any driver.

``lume_dsl.testing.StoreContract`` holds a store to this contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from lume_dsl.errors import RecordError
from lume_dsl.records.query import Query
from lume_dsl.records.record import DBResult, Document, from_document, reference_to, to_document
from lume_dsl.settings import Settings, mask_url, variable

__all__ = ["Document", "RecordStore", "invalid_url", "open_store"]


class RecordStore(ABC):
    """Keeps documents (``lume_dsl.records.record``), each unique hash once.

    A store may be used by several threads, and several processes may each open one on the same place. It must not
    be carried over a fork. Every failure of its driver is raised as a ``ServiceError`` or ``RecordError`` that
    shows no password.
    """

    @abstractmethod
    def check(self) -> None:
        """Return if the store answers and can hold records; what it needs there has been made.

        Raises:
            ServiceError: Saying which URL did not answer and how to mend it. Where a server is missing, within
                5 seconds; ``Services.check`` gives up after that time in any case.
        """

    @abstractmethod
    def insert(self, document: Document) -> bool:
        """A document with this unique hash is stored durably; return whether it is this one.

        False: one was there already, and is as it was. Safe with concurrent writers, in whatever process.

        Raises:
            ServiceError: If the store does not answer.
            RecordError: If the store cannot hold the document (too large).
        """

    @abstractmethod
    def find(self, query: Query) -> Iterator[Document]:
        """Yield the documents that ``query`` describes, equal to what was inserted, the newest first.

        Of two with the same time, the one inserted later comes first.

        Raises:
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """The connections of this store are closed; nothing else is called on it afterwards."""

    def count(self, query: Query) -> int:
        """Return how many documents ``query`` describes. Overridden for speed alone."""
        return sum(1 for _ in self.find(query))

    def save(self, record: DBResult) -> tuple[dict[str, Any], bool]:
        """The record is stored; return its reference, and whether it is new (see ``insert``)."""
        document = to_document(record)
        newly_stored = self.insert(document)
        reference = reference_to(document["project_name"], document["result_type_string"], document["unique_hash"])
        return reference, newly_stored

    def load(self, reference: Any) -> DBResult:
        """Return the record that ``reference`` stands for.

        Raises:
            RecordError: If it is no such reference, or the store has no such record.
        """
        query = _query_of(reference)
        for document in self.find(query):
            return from_document(document)
        raise RecordError(f"no record with {query}; it may be in another store ({variable('results_db.url')})")


def _query_of(reference: Any) -> Query:
    expected = "expected {'project_name', 'result_type_string', 'query': {'unique_hash'}}"
    try:
        parts = (
            reference["project_name"],
            reference["result_type_string"],
            reference["query"]["unique_hash"],
        )
    except (TypeError, KeyError) as error:
        raise RecordError(f"not a record reference: {expected}, got {reference!r:.200}") from error
    if not all(isinstance(part, str) for part in parts):
        raise RecordError(f"not a record reference: {expected} with texts, got {reference!r:.200}")
    return Query(project_name=parts[0], result_type_string=parts[1], unique_hash=parts[2], limit=1)


def open_store(settings: Settings) -> RecordStore:
    """Return the store that ``settings.results_db`` names. Whether it answers is seen when it is first used.

    Raises:
        ServiceError: If its driver is not installed, or the URL is not one that the driver takes.
    """
    url = settings.results_db.url
    if url.startswith("mongodb"):
        from lume_dsl.records.mongo import MongoStore  # loads pymongo: 130 ms

        return MongoStore(url)
    from lume_dsl.records.sql import SQLStore  # loads SQLAlchemy: 200 ms

    return SQLStore(url)


def invalid_url(url: str) -> str:
    """Return the message for a URL that a driver refuses; drivers' own may show parts of a password."""
    return (
        f"{variable('results_db.url')}: {mask_url(url)} is not a URL that the driver takes; write special "
        "characters of the user name and the password as %XX (urllib.parse.quote)"
    )
