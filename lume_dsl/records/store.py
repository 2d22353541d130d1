"""``RecordStore``: the contract of every store of records; it must not know any driver.

``lume_dsl.testing.StoreContract`` holds a store to this contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import attrs

from lume_dsl.errors import RecordError
from lume_dsl.records.query import Prefilter, Query
from lume_dsl.records.record import DBResult, Document, from_document, reference_to, to_document
from lume_dsl.secrets import hidden_text
from lume_dsl.settings import mask_url, variable
from lume_dsl.values.blobs import named_blobs
from lume_dsl.values.content import Content

__all__ = [
    "Batch",
    "Document",
    "Entry",
    "RecordStore",
    "batches",
    "contents_of",
    "invalid_url",
    "refused_options",
]

TOGETHER = 5000
"""How many records are inserted at once at most."""

BYTES_TOGETHER = 64 * 2**20
"""Of the large contents of those, about."""


def contents_of(document: Document) -> set[str]:
    """Return the SHA-256 of each large content that a document names."""
    return named_blobs(document.get("inputs"), document.get("outputs"), document.get("fields"))


@attrs.frozen
class Entry:
    """A document with the large contents that it names (``contents_of``), by their SHA-256."""

    document: Document
    blobs: Mapping[str, Content] = attrs.field(factory=dict)

    @classmethod
    def of(cls, record: DBResult) -> Entry:
        """Return what a store keeps of a record.

        Raises:
            RecordError: Naming the value that cannot be stored by its path.
        """
        blobs: dict[str, Content] = {}
        return cls(to_document(record, blobs), blobs)

    @property
    def reference(self) -> dict[str, Any]:
        """The reference of the record."""
        document = self.document
        return reference_to(document["project_name"], document["result_type_string"], document["unique_hash"])


class Batch:
    """Entries of the next records, each made when a store comes to it. Iterated again, it gives the same.

    So a store that waits for its server has the next ones made meanwhile, and no more are held than it needs.

    Attributes:
        records: Those of which entries were asked for.
        references: Of each entry that was made.
        error: Why there is none of the last of ``records``, or no record after them; it is for whoever gave them.
    """

    def __init__(self, coming: Iterator[DBResult]) -> None:
        """Nothing of what is coming is taken yet."""
        self.records: list[DBResult] = []
        self.references: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self._coming = self._without_error(coming)

    def __iter__(self) -> Iterator[Entry]:
        self.references.clear()
        size = 0
        for record in chain(tuple(self.records), self._others()):
            try:
                entry = Entry.of(record)
            except Exception as error:  # a record of a user's class may fail in any way
                self.error = error
                return
            self.references.append(entry.reference)
            yield entry
            size += sum(content.size for content in entry.blobs.values())
            if len(self.references) == TOGETHER or size > BYTES_TOGETHER:
                return

    def inserted(self, store: RecordStore) -> list[tuple[dict[str, Any], bool]]:
        """They are stored; return the reference of each, and whether it is new (see ``RecordStore.insert``)."""
        are_new = store.insert(self)
        return list(zip(self.references, are_new, strict=True))

    def all(self) -> Iterator[DBResult]:
        """Yield its records, and all that come after them."""
        yield from self.records
        yield from self._coming

    def _others(self) -> Iterator[DBResult]:
        for record in self._coming:
            self.records.append(record)
            yield record

    def _without_error(self, coming: Iterator[DBResult]) -> Iterator[DBResult]:
        try:
            yield from coming
        except Exception as error:
            self.error = error


def batches(coming: Iterator[DBResult]) -> Iterator[Batch]:
    """Yield the records in batches for ``RecordStore.insert``, each when the one before has been inserted.

    Raises:
        Exception: What making a record raised, or an entry of it, after those before were yielded.
    """
    for first in coming:
        yield (batch := Batch(chain([first], coming)))
        if batch.error is not None:
            raise batch.error


class RecordStore(ABC):
    """Keeps documents (``lume_dsl.records.record``), each unique hash once.

    A store may be used by several threads, and several processes may each open one on the same place. A process
    that was forked has connections of its own; what its parent was reading it must not go on with. Every failure of
    its driver is raised as a ``ServiceError`` or ``RecordError`` that shows no password.
    """

    @abstractmethod
    def check(self) -> None:
        """Return if the store answers and can hold records; what it needs there has been made.

        Raises:
            ServiceError: Saying which URL did not answer and how to mend it. Where a server is missing, within
                5 seconds; ``Services.check`` gives up after that time in any case.
        """

    @abstractmethod
    def insert(self, entries: Iterable[Entry]) -> list[bool]:
        """Documents with these unique hashes are stored durably, with their blobs; return for each whether it is new.

        False: one with its hash was there already, and is as it was. Each is whole or absent, whatever happens.
        Safe with concurrent writers, in whatever process. ``entries`` are gone through once: each may be made as it
        is come to.

        Raises:
            ServiceError: If the store does not answer; it may hold some of the entries.
            RecordError: If the store cannot hold a document (too large).
        """

    @abstractmethod
    def scan(self, wanted: Prefilter) -> Iterator[Document]:
        """Yield the documents that ``wanted`` describes, equal to what was inserted, the newest first.

        Of two with the same time, the one inserted later comes first. Those for which ``wanted.numbers`` does not
        hold may be left out; all else holds of each.

        Raises:
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def read_blob(self, unique_hash: str, sha256: str) -> Iterator[bytes]:
        """Yield the bytes of a blob of the record with this hash, in order, in pieces.

        Raises:
            RecordError: If the record has no such blob.
            ServiceError: If the store does not answer.
        """

    @abstractmethod
    def delete(self, unique_hashes: Sequence[str]) -> int:
        """There are no records with these hashes, nor blobs of them; return how many there were.

        Raises:
            ServiceError: If the store does not answer; it may have deleted some.
        """

    @abstractmethod
    def close(self) -> None:
        """The connections of this store are closed; nothing else is called on it afterwards."""

    def find(self, query: Query) -> Iterator[Document]:
        """Yield the documents that ``query`` describes, in its order."""
        if query.limit != 0:
            yield from query.select(self.scan(query.prefilter()))

    def count(self, query: Query) -> int:
        """Return how many documents ``query`` describes."""
        unordered = attrs.evolve(query, order=())
        if query.is_told():
            return self.count_scanned(unordered.prefilter())
        return sum(1 for _ in self.find(unordered))

    def count_scanned(self, wanted: Prefilter) -> int:
        """Return how many documents ``scan`` yields, ``wanted.numbers`` left aside. Overridden for speed alone."""
        return sum(1 for _ in self.scan(attrs.evolve(wanted, numbers=())))

    def save(self, record: DBResult) -> tuple[dict[str, Any], bool]:
        """The record is stored; return its reference, and whether it is new (see ``insert``)."""
        return self.save_all([record])[0]

    def save_all(self, records: Iterable[DBResult]) -> list[tuple[dict[str, Any], bool]]:
        """The records are stored; return the reference of each, and whether it is new (see ``insert``).

        Raises:
            RecordError: If a value in one of them cannot be stored; those before it are.
        """
        return [one for batch in batches(iter(records)) for one in batch.inserted(self)]

    def load(self, reference: Any) -> DBResult:
        """Return the record that ``reference`` stands for.

        Raises:
            RecordError: If it is no such reference, or the store has no such record.
        """
        query = _query_of(reference)
        for document in self.find(query):
            return self.record(document)
        raise RecordError(f"no record with {query}; it may be in another store ({variable('results_db.url')})")

    def record(self, document: Document) -> DBResult:
        """Return the record that a document of this store is."""
        return from_document(document, partial(self.read_blob, document["unique_hash"]))


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


def invalid_url(url: str) -> str:
    """Return the message for a URL that a driver refuses; drivers' own may show parts of a password."""
    return (
        f"{variable('results_db.url')}: {mask_url(url)} is not a URL that the driver takes: a port is 1 to "
        "65535, numbers and booleans are such, and special characters of the user name and the password are written as "
        "%XX (urllib.parse.quote)"
    )


def refused_options(url: str, reason: str) -> str:
    """Return the message for a URL that has an option, or the value of one, that its driver does not take."""
    group = variable("results_db.options") if url.startswith("mongodb") else ""
    where = f"{variable('results_db.url')}, or {group}" if group else variable("results_db.url")
    return f"the options of {mask_url(url)} cannot be used: {hidden_text(reason)}; correct {where}"
