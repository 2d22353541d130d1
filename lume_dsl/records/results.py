"""``Results``: what a person holds to look at records; it must not know how a store finds them."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import attrs

from lume_dsl.errors import RecordError
from lume_dsl.records.paths import Names, check_known
from lume_dsl.records.query import Order, Query
from lume_dsl.records.record import DBResult
from lume_dsl.records.store import RecordStore
from lume_dsl.records.where import Condition

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results"]

R = TypeVar("R", bound=DBResult)


@attrs.frozen
class Results(Generic[R]):
    """The records that a query describes, newest first unless ordered. Each use asks the store anew.

    Iterating holds one record at a time (see ``order_by``).

    Attributes:
        store: Where the records are.
        query: Which ones are meant.
        record_type: The class of which each record is an instance.
        names: Names of inputs, outputs and fields that these records may have, where they are known: conditions and
            orders on others are refused.
        whose: Whose names those are, for errors.
        skips: Whether a record that cannot be loaded is left out with a warning, instead of raising.
    """

    store: RecordStore = attrs.field(repr=False)
    query: Query
    record_type: type[R]
    names: Names = attrs.field(factory=dict, repr=False, eq=False)
    whose: str = attrs.field(default="", repr=False, eq=False)
    skips: bool = attrs.field(default=False, repr=False)

    def __attrs_post_init__(self) -> None:
        conditions = () if self.query.where is None else self.query.where.paths()
        for path in (*conditions, *(order.path for order in self.query.order)):
            check_known(path, self.names, self.whose)

    def __iter__(self) -> Iterator[R]:
        for document in self.store.find(self.query):
            try:
                record = self.store.record(document)
            except RecordError as error:
                if not self.skips:
                    raise RecordError(f"{error}; .loadable() leaves it out") from error
                warnings.warn(f"left out: {error}", stacklevel=2)
                continue
            if not isinstance(record, self.record_type):
                found = document["result_type_string"]
                raise RecordError(f"expected records of {self.record_type.__name__}, found one of {found}")
            yield record

    if not TYPE_CHECKING:  # to which an index is an error

        def __getitem__(self, place: Any) -> NoReturn:
            raise TypeError(
                f"records are asked of the store each time anew, so there is no [{place!r}]; write .latest() for the "
                "newest, .limit(n) for the first n, or list(...) to keep all"
            )

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        """Whether there is a record. Fewer are looked at than to count them."""
        return any(True for _ in self.store.find(attrs.evolve(self.limit(1).query, order=())))

    def where(self, *conditions: Condition) -> Results[R]:
        """Return those of these records for which all the conditions hold (see ``lume_dsl.at``).

        Raises:
            RecordError: If these are limited already, which would have to be done after it; or a path leads to
                an input, output or field that they do not have.
        """
        for condition in conditions:
            if not isinstance(condition, Condition):
                raise TypeError(f"where({condition!r}) is no condition; write .where(at('inputs.charge') > 100)")
        self._check_unlimited("where")
        known = [] if self.query.where is None else [self.query.where]
        every = reduce(operator.and_, [*known, *conditions]) if conditions else self.query.where
        return attrs.evolve(self, query=attrs.evolve(self.query, where=every))

    def order_by(self, *paths: str) -> Results[R]:
        """Return these records in the order of what they hold at these paths; it replaces an earlier order.

        ``"inputs.charge"`` puts the smallest first, ``"-inputs.charge"`` the largest; records that hold nothing there
        come last, and those that are equal in all paths come newest first. Numbers come before texts, datetimes,
        dates, timedeltas, booleans, None and what has no order. With a limit as many records are held in memory,
        without one all.

        Raises:
            RecordError: If a path is none of a record, or these are limited already.
        """
        self._check_unlimited("order_by")
        return attrs.evolve(self, query=attrs.evolve(self.query, order=tuple(map(Order.read, paths))))

    def _check_unlimited(self, method: str) -> None:
        if self.query.limit is not None:
            raise RecordError(f"write .{method}(...) before .limit(...): it is about all records, not the first ones")

    def limit(self, number: int) -> Results[R]:
        """Return the first ``number`` of these records: the newest ones unless ordered.

        Raises:
            TypeError: If it is no whole number.
            ValueError: If it is less than 0.
        """
        query = attrs.evolve(self.query, limit=number)
        is_more = self.query.limit is not None and query.limit is not None and query.limit > self.query.limit
        return self if is_more else attrs.evolve(self, query=query)

    def loadable(self) -> Results[R]:
        """Return the same without the records that cannot be loaded here: each is told in a warning when it is met.

        They are counted, deleted and found all the same. What a limit leaves out is not looked at instead.
        """
        return attrs.evolve(self, skips=True)

    def count(self) -> int:
        """Return how many records there are."""
        return self.store.count(self.query)

    def latest(self) -> R:
        """Return the newest record, whatever the order.

        Raises:
            RecordError: If there is none.
        """
        if self.query.order and self.query.limit is not None:
            newest = max(self, key=lambda record: record.time, default=None)
        else:
            unordered = attrs.evolve(self, query=attrs.evolve(self.query, order=()))
            newest = next(iter(unordered._first(1)), None)
        if newest is None:
            raise RecordError(f"there is no record with {self.query}")
        return newest

    def one(self) -> R:
        """Return the only record.

        Raises:
            RecordError: If there is none, or more than one.
        """
        records = self._first(2)
        if len(records) == 1:
            return records[0]
        found = f"{self.count()} records" if records else "no record"
        raise RecordError(f"expected one record with {self.query}, found {found}")

    def _first(self, number: int) -> list[R]:
        """The first so many; where some are skipped, of the others."""
        return list(islice(iter(self if self.skips else self.limit(number)), number))

    def delete(self) -> int:
        """These records are no longer in the store; return how many there were. There is no way back."""
        # All are found first: a store need not allow writing while it is read.
        return self.store.delete([document["unique_hash"] for document in self.store.find(self.query)])

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row a record, in order, and a column for each name of a value.

        The columns are ``time``, ``flow_name``, ``project_name``, ``result_name``, ``flow_run_id``, then
        ``inputs.charge``, ``outputs.fit`` and ``fields.machine`` for what the records hold. Numbers, texts, booleans
        and times have dtypes of their own where a column holds nothing else; other values stand in it as they are.

        Raises:
            RecordError: If pandas is not installed.
        """
        from lume_dsl.records.frames import frame_of  # loads pandas, which is an extra: 300 ms

        return frame_of(iter(self))
