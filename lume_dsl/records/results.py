"""``Results``: what a person holds to look at records; it must not know how a store finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import attrs

from lume_dsl.errors import RecordError
from lume_dsl.records.query import Query
from lume_dsl.records.record import DBResult, from_document
from lume_dsl.records.store import RecordStore

__all__ = ["Results"]

R = TypeVar("R", bound=DBResult)


@attrs.frozen
class Results(Generic[R]):
    """The records that a query describes, newest first. Each use asks the store anew.

    Attributes:
        store: Where the records are.
        query: Which ones are meant.
        record_type: The class of which each record is an instance.
    """

    store: RecordStore = attrs.field(repr=False)
    query: Query
    record_type: type[R]

    def __iter__(self) -> Iterator[R]:
        for document in self.store.find(self.query):
            record = from_document(document)
            if not isinstance(record, self.record_type):
                found = document["result_type_string"]
                raise RecordError(f"expected records of {self.record_type.__name__}, found one of {found}")
            yield record

    def __len__(self) -> int:
        return self.count()

    def count(self) -> int:
        """Return how many records there are."""
        return self.store.count(self.query)

    def limit(self, number: int) -> Results[R]:
        """Return the newest ``number`` of these records."""
        least = number if self.query.limit is None else min(number, self.query.limit)
        return attrs.evolve(self, query=attrs.evolve(self.query, limit=least))

    def latest(self) -> R:
        """Return the newest record.

        Raises:
            RecordError: If there is none.
        """
        for record in self.limit(1):
            return record
        raise RecordError(f"there is no record with {self.query}")

    def one(self) -> R:
        """Return the only record.

        Raises:
            RecordError: If there is none, or more than one.
        """
        records = list(iter(self.limit(2)))
        if len(records) == 1:
            return records[0]
        found = f"{self.count()} records" if records else "no record"
        raise RecordError(f"expected one record with {self.query}, found {found}")
