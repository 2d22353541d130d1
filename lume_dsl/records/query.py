"""``Query``: which records are wanted, and in which order; it must not know how a store finds them.

A store tells by itself what a ``Prefilter`` says. The rest is decided here, so that all stores give the same answers.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, SupportsIndex

import attrs

from lume_dsl.records.kinds import sort_key
from lume_dsl.records.paths import TEXTS, RecordPath, read_path, value_at
from lume_dsl.records.record import Document, input_mark
from lume_dsl.records.where import All, Comparison, Condition
from lume_dsl.records.written import WrittenOperand
from lume_dsl.values.encoding import TAG, encode

__all__ = ["NumberBound", "Order", "Prefilter", "Query"]


_MOST = 2**31 - 1
"""Records that a database takes as a limit."""

_MOST_TOLD = 100
"""How many conditions of a kind a store is told; databases limit the size of a question."""


def _limit(number: int | None) -> int | None:
    if number is None:
        return None
    expected = f"limit: expected how many records, a whole number from 0 on, got {number!r:.100}"
    if isinstance(number, bool) or not isinstance(number, SupportsIndex):  # as NumPy's integers are
        raise TypeError(expected)
    whole = operator.index(number)
    if whole < 0:
        raise ValueError(expected)
    return min(whole, _MOST)


@attrs.frozen
class NumberBound:
    """A comparison with a number, of what a document holds as a JSON number. It is a hint, and may be passed over.

    It leaves out a document that has, at exactly this path of keys of JSON objects, a JSON number for which the
    comparison does not hold. One that has anything else there, or nothing, is not left out: there may be a number in
    another form (a ``Decimal``, or a member of an attrs class), which the query sees.

    Attributes:
        path: ``("inputs", …)`` or ``("outputs", …)``, then keys of dicts.
        sign: ``"<"``, ``"<="``, ``">"``, ``">="`` or ``"=="``.
        number: What the number there is compared with, exactly: ``2**53 + 1`` is more than ``2.0**53``.
    """

    path: tuple[str, ...]
    sign: str
    number: float


@attrs.frozen(kw_only=True)
class Prefilter:
    """What a store tells by itself of the records that a query describes.

    Attributes:
        equal: Members of a document that equal a text.
        marks: What must all be among its ``input_marks``.
        since: Its ``time`` is this or later, as text.
        until: Its ``time`` is this or earlier, as text.
        beginning: What its ``unique_hash`` begins with.
        numbers: Hints, of all of which none leaves a document out that is meant.
        limit: At most so many.
    """

    equal: Mapping[str, str] = attrs.field(factory=dict)
    marks: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    beginning: str = ""
    numbers: tuple[NumberBound, ...] = ()
    limit: int | None = None


@attrs.frozen
class Order:
    """Records in the order of what they have at a path; see ``lume_dsl.records.kinds.sort_key``."""

    path: RecordPath
    descending: bool = False

    @classmethod
    def read(cls, text: str) -> Order:
        """Return the order that a path stands for, or a path with ``-`` before it: the largest first.

        Raises:
            RecordError: If it is no path of a record.
        """
        return cls(read_path(text.removeprefix("-")), text.startswith("-"))

    def key(self, document: Document) -> Any:
        """Return what sorts documents."""
        return sort_key(value_at(document, self.path), descending=self.descending)

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.path}"


@attrs.frozen(kw_only=True)
class Query:
    """The records for which everything holds that is not None, newest first unless ordered.

    Attributes:
        project_name: Of this project.
        flow_name: Of this flow.
        result_name: Made by this field of the flow.
        result_type_string: Of this class, not of its subclasses.
        unique_hash: With this hash: one record at most.
        beginning: With a hash that begins with these hexadecimal digits.
        inputs: With these inputs among theirs. Values are equal as in a unique hash: ``1`` equals ``1.0``.
        where: For which this holds.
        order: In this order; the first counts most, and those that are equal in all come newest first.
        limit: At most so many, the first in order.
    """

    project_name: str | None = None
    flow_name: str | None = None
    result_name: str | None = None
    result_type_string: str | None = None
    unique_hash: str | None = None
    beginning: str = ""
    inputs: dict[str, Any] = attrs.field(factory=dict)
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = attrs.field(default=None, converter=_limit)

    def __attrs_post_init__(self) -> None:
        for name, text in self.equalities().items():
            encode(text, name)  # a text that no database takes would fail in each in its own way

    def equalities(self) -> dict[str, str]:
        """Return the members of a document that must equal a text, with that text."""
        names = ("project_name", "flow_name", "result_name", "result_type_string", "unique_hash")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def input_marks(self) -> list[str]:
        """Return what must all be among a document's ``input_marks``, for the inputs that are given by name.

        Raises:
            RecordError: If an input is no value that a record could hold.
        """
        return [input_mark(name, encode(value, f"inputs[{name!r}]")) for name, value in self.inputs.items()]

    def prefilter(self) -> Prefilter:
        """Return what a store tells by itself of these records. Of what it says, ``numbers`` alone may be left aside.

        There is a limit in it where the query asks nothing else.

        Raises:
            RecordError: If an input is no value that a record could hold.
        """
        told = _Told(self.equalities(), self.input_marks())
        left = [one for one in _all_of(self.where) if not told.takes(one)]
        return Prefilter(
            equal=told.equal,
            marks=tuple(dict.fromkeys(told.marks)),
            since=told.since,
            until=told.until,
            beginning=self.beginning,
            numbers=tuple(bound for one in left[:_MOST_TOLD] for bound in _number_bounds(one)),
            limit=None if left or self.order else self.limit,
        )

    def is_told(self) -> bool:
        """Whether ``prefilter()`` says all that is asked but for the order: each record that it describes is meant."""
        told = _Told(self.equalities(), [])
        return all(told.takes(one) for one in _all_of(self.where))

    def select(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Yield those of the documents that ``prefilter()`` describes, newest first, that are meant, in order.

        One is held at a time; with an order, as many as the limit, and all where there is none.
        """
        where = self.where
        meant = documents if where is None else (one for one in documents if where.holds(one))
        if not self.order:
            return islice(meant, self.limit)
        if self.limit is None:
            return iter(sorted(meant, key=self._order_key))
        return iter(heapq.nsmallest(self.limit, meant, key=self._order_key))  # stable, as sorted() is

    def _order_key(self, document: Document) -> Any:
        return [order.key(document) for order in self.order]

    def __str__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in self.equalities().items()]
        parts += [f"unique_hash={self.beginning}…"] if self.beginning else []
        parts += [f"{name}={value!r}" for name, value in self.inputs.items()]
        parts += [repr(self.where)] if self.where is not None else []
        return ", ".join(parts) or "any"


def _all_of(where: Condition | None) -> tuple[Condition, ...]:
    """The conditions that must all hold."""
    if where is None:
        return ()
    return where.conditions if isinstance(where, All) else (where,)


class _Told:
    """What of a query stores can tell by themselves, gathered condition by condition."""

    def __init__(self, equal: dict[str, str], marks: list[str]) -> None:
        self.equal = equal
        self.marks = marks
        self.since: str | None = None
        self.until: str | None = None

    def takes(self, condition: Condition) -> bool:
        """What the condition says is said now, no more and no less; or it cannot be, and nothing has changed."""
        if not isinstance(condition, Comparison):
            return False
        steps = condition.path.steps
        if steps == ("time",):
            return self._takes_time(condition)
        if condition.sign != "==":
            return False
        if steps[0] in TEXTS:
            return self._takes_text(str(steps[0]), condition.value)
        return self._takes_input(steps, condition)

    def _takes_text(self, name: str, value: Any) -> bool:
        if name == "flow_run_id" or not isinstance(value, str) or self.equal.get(name, value) != value:
            return False
        if "\0" in value:  # which not every driver takes
            return False
        self.equal[name] = str(value)
        return True

    def _takes_input(self, steps: tuple[str | int, ...], condition: Comparison) -> bool:
        if len(steps) != 2 or steps[0] != "inputs" or not isinstance(steps[1], str):
            return False
        if isinstance(condition.operand, WrittenOperand):
            return False  # it equals inputs of several marks
        key = condition.operand.key
        if len(self.marks) >= _MOST_TOLD:
            return False
        if key is not None and key[0] != "text":
            return False  # equal numbers and instants may be marked differently: Decimal("1") and 1
        self.marks.append(input_mark(steps[1], condition.operand.encoded))
        return True

    def _takes_time(self, condition: Comparison) -> bool:
        sign, key = condition.sign, condition.operand.key
        if sign == "!=" or key is None:
            return False
        # Stored in microseconds, so that "after" is "from the next one on". pandas' have nanoseconds.
        microseconds, rest = divmod(key[1], 1000)
        since = microseconds + (sign == ">" or rest > 0) if sign in (">", ">=", "==") else None
        until = microseconds - (sign == "<" and rest == 0) if sign in ("<", "<=", "==") else None
        try:
            times = [None if count is None else _stored_time(count) for count in (since, until)]
        except OverflowError:
            return False
        if times[0] is not None:
            self.since = max(times[0], self.since or times[0])
        if times[1] is not None:
            self.until = min(times[1], self.until or times[1])
        return True


def _stored_time(microseconds: int) -> str:
    """The time so long after 1970 began, as documents have it."""
    time = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=microseconds)
    return time.isoformat(timespec="microseconds")


def _number_bounds(condition: Condition) -> Iterator[NumberBound]:
    if not isinstance(condition, Comparison) or condition.sign == "!=":
        return
    member, *keys = condition.path.steps
    texts = tuple(key for key in keys if isinstance(key, str))
    key = condition.operand.key
    # "value" is a key of what encodes other values too, where it would lead elsewhere.
    if member not in ("inputs", "outputs") or not texts or len(texts) < len(keys) or {TAG, "value"} & set(texts):
        return
    if key is None or key[0] != "number" or not isinstance(key[1], (int, float)) or abs(key[1]) >= 2**63:
        return
    yield NumberBound((str(member), *texts), condition.sign, key[1])
