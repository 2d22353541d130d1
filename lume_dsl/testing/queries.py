"""The tests that finding passes on every record store, against a model of plain Python; it must not know any store.

A store's tests inherit them as those of ``StoreContract``, and give the store as the fixture ``store``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.records import DBResult, Document, Query, RecordStore, Results
from lume_dsl.records.paths import RecordPath
from lume_dsl.records.query import NumberBound, Order, Prefilter
from lume_dsl.records.store import Entry
from lume_dsl.records.where import Condition, at
from lume_dsl.values.content import Content

__all__ = ["ListStore", "QueryContract"]

UTC = timezone.utc
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HALF_PAST = NOON.astimezone(timezone(timedelta(hours=1, minutes=30)))

TIMES = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(days=1), datetime(1, 1, 1, tzinfo=UTC)]
NUMBERS = [0, -0.0, 1, 1.0, -1, 1.5, 0.1, 2**53 + 1, 2.0**53, 2**63, 2**64 + 1, 1e300, 5e-324]
DECIMALS = [Decimal("1"), Decimal("1.50"), Decimal("0.1"), Decimal("1e400"), Decimal("NaN")]
NOT_FINITE = [float("inf"), float("-inf"), float("nan")]
TEXTS = ["", "a", "b", "B", "é", "\uffff", "𝄞", "1", "%", "a'b"]
DATES = [NOON, HALF_PAST, NOON.replace(tzinfo=None), HALF_PAST.replace(tzinfo=None), date(2026, 11, 24), date(1, 1, 1)]
OTHERS: list[Any] = [True, False, None, timedelta(1), timedelta(-1, 5, 7), b"a", Path("a"), [], {}, ()]
NESTED: list[Any] = [[1], [True], (1, "a"), {"a": 1}, {"a": 1.0, "b": None}]
VALUES: list[Any] = [*NUMBERS, *DECIMALS, *NOT_FINITE, *TEXTS, *DATES, *OTHERS, *NESTED]
KEYS = ["a", "b", "value", "a.b", "__lume__", "$x", "é[0]", ""]
NAMES = ["scan", "Scan", "fit"]


# The model: what the documentation says of values, as plainly as it can be written.

MISSING: Final = object()
KINDS = ["number", "text", "instant", "datetime", "date", "timedelta"]


def kind_of(value: Any) -> str:
    """Among which values one has an order, or ``""``."""
    if isinstance(value, bool) or value != value:
        return ""
    if isinstance(value, datetime):
        return "instant" if value.tzinfo else "datetime"
    kinds = {"number": int | float | Decimal, "text": str, "date": date, "timedelta": timedelta}
    return next((kind for kind, types in kinds.items() if isinstance(value, types)), "")


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal, at the end of a path."""
    if kind_of(one) and kind_of(one) == kind_of(other):
        return bool(one == other)
    return same(one, other)


def same(one: Any, other: Any) -> bool:
    """Whether two values count as one in a unique hash."""
    if one is MISSING or isinstance(one, bool) or isinstance(other, bool):
        return one is other and one is not MISSING
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other or (one != one and other != other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


def compare(one: Any, sign: str, other: Any) -> bool:
    """What a comparison says of the value at the end of a path and another."""
    if sign == "==":
        return equal(one, other)
    if sign == "!=":
        return one is not MISSING and not equal(one, other)
    if not kind_of(one) or kind_of(one) != kind_of(other):
        return False
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[sign])


def value_of(record: DBResult, steps: Sequence[str | int]) -> Any:
    """What is at the end of a path."""
    value: Any = getattr(record, str(steps[0]))
    for step in steps[1:]:
        fits = isinstance(value, dict) if isinstance(step, str) else isinstance(value, (list, tuple))
        try:
            value = value[step] if fits else MISSING
        except LookupError:
            value = MISSING
    return value


def ordered(records: list[DBResult], steps: Sequence[str | int], *, descending: bool) -> list[DBResult]:
    """The records in the order of what is at a path, those that are equal as they were."""
    groups: dict[int, list[DBResult]] = {}
    for record in records:
        value = value_of(record, steps)
        if value is MISSING:
            rank = 9
        elif value is None or isinstance(value, bool):
            rank = 7 if value is None else 6
        else:
            rank = KINDS.index(kind_of(value)) if kind_of(value) else 8
        groups.setdefault(rank, []).append(record)
    for rank in groups.keys() & set(range(7)):
        groups[rank].sort(key=lambda record: value_of(record, steps), reverse=descending)
    return [record for rank in sorted(groups) for record in groups[rank]]


class Asked(NamedTuple):
    """A condition, and what it says in the model."""

    condition: Condition
    holds: Callable[[DBResult], bool]


class Search(NamedTuple):
    """A query, and what the model answers."""

    query: Query
    answer: Callable[[list[DBResult]], list[DBResult]]


FAMILIES: list[list[Any]] = [
    [1, 1.0, Decimal("1"), True, "1", [1]],
    [0, -0.0, False, "", None, []],
    [2**53, 2.0**53, 2**53 + 1, 1.5, Decimal("1.50")],
    DATES,
    VALUES,
    VALUES,
]
"""Values that are equal or nearly so are drawn together: of any two of all values, most have nothing in common."""

KEYS_OFTEN = [*["a"] * 6, *["b"] * 2, *KEYS]

names = st.sampled_from(NAMES)
paths = st.one_of(
    st.sampled_from([("inputs", "a"), ("outputs", "a"), ("inputs", "b"), ("outputs", "value", "a"), ("time",)]),
    st.builds(
        lambda member, steps: (member, *steps),
        st.sampled_from(["inputs", "outputs"]),
        st.lists(st.sampled_from([*KEYS_OFTEN, 0, -1]), max_size=3),
    ),
    st.sampled_from(["flow_name", "project_name", "result_name", "flow_run_id"]).map(lambda name: (name,)),
)


def _values(pool: list[Any]) -> st.SearchStrategy[Any]:
    leaves = st.sampled_from(pool)
    few = st.dictionaries(st.sampled_from(KEYS_OFTEN), leaves, max_size=2)
    return leaves | leaves | few | st.lists(leaves | few, max_size=2) | st.tuples(leaves | few)


@st.composite
def records(draw: st.DrawFn, pool: list[Any]) -> list[DBResult]:
    """Records that are all different, in the order in which they are inserted."""
    members = st.dictionaries(st.sampled_from(KEYS_OFTEN), _values(pool), min_size=1, max_size=4)
    return [
        DBResult(
            flow_name=draw(names),
            project_name=draw(names),
            result_name=draw(names),
            flow_run_id=draw(st.none() | names),
            inputs=draw(members),
            outputs={**draw(members), "n": number},
            time=draw(st.sampled_from(TIMES)),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


@st.composite
def comparisons(draw: st.DrawFn, pool: list[Any]) -> Asked:
    """A comparison of one value."""
    steps = draw(paths)
    if steps == ("time",):
        others: st.SearchStrategy[Any] = st.sampled_from([*TIMES, HALF_PAST])
    elif steps[0] in ("inputs", "outputs"):
        others = _values(pool)
    else:
        others = st.sampled_from([*NAMES, None])
    place = at(str(steps[0]), *steps[1:])
    how = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "isin", "exists"]))
    if how == "exists":
        return Asked(place.exists(), lambda record: value_of(record, steps) is not MISSING)
    if how == "isin":
        some = draw(st.lists(others, max_size=3))
        return Asked(place.isin(some), lambda record: any(equal(value_of(record, steps), one) for one in some))
    value = draw(others)
    if not kind_of(value) and how != "!=":
        how = "=="
    made = {"==": place.__eq__, "!=": place.__ne__, "<": place.__lt__, "<=": place.__le__, ">": place.__gt__}
    condition = made.get(how, place.__ge__)(value)
    return Asked(condition, lambda record: compare(value_of(record, steps), how, value))


def _joined(one: Asked, other: Asked, sign: str) -> Asked:
    if sign == "&":
        return Asked(one.condition & other.condition, lambda record: one.holds(record) and other.holds(record))
    if sign == "|":
        return Asked(one.condition | other.condition, lambda record: one.holds(record) or other.holds(record))
    return Asked(~one.condition, lambda record: not one.holds(record))


@st.composite
def searches(draw: st.DrawFn, pool: list[Any]) -> Search:
    """A query, mostly by one thing or two."""
    one = comparisons(pool)
    conditions = st.recursive(
        one, lambda inner: st.builds(_joined, inner, inner, st.sampled_from("&&|~")), max_leaves=4
    )
    asked = draw(one | st.builds(_joined, one, one, st.just("&")) | conditions | st.none())
    inputs: dict[str, Any] = (
        draw(st.dictionaries(st.just("a"), st.sampled_from(pool), max_size=1)) if asked is None else {}
    )
    orders = draw(st.lists(st.tuples(paths, st.booleans()), max_size=2))
    query = Query(
        flow_name=draw(st.sampled_from([None, None, None, *NAMES])),
        project_name=draw(st.sampled_from([None, None, None, None, None, *NAMES])),
        inputs=inputs,
        where=asked and asked.condition,
        order=tuple(Order(RecordPath(steps), descending) for steps, descending in orders),
        limit=draw(st.sampled_from([None, None, None, 0, 1, 2, 3])),
    )

    def answer(inserted: list[DBResult]) -> list[DBResult]:
        found = list(reversed(inserted))
        found.sort(key=lambda record: record.time, reverse=True)
        for name in ("flow_name", "project_name"):
            found = [record for record in found if getattr(query, name) in (None, getattr(record, name))]
        found = [
            record
            for record in found
            if all(same(record.inputs.get(name, MISSING), value) for name, value in inputs.items())
            and (asked is None or asked.holds(record))
        ]
        for steps, descending in reversed(orders):
            found = ordered(found, steps, descending=descending)
        return found[: query.limit]

    return Search(query, answer)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[DBResult], list[Search]]:
    """Records, and searches among them by values like theirs."""
    pool = draw(st.lists(st.sampled_from(draw(st.sampled_from(FAMILIES))), min_size=2, max_size=5))
    return draw(records(pool)), draw(st.lists(searches(pool), min_size=2, max_size=6))


class ListStore(RecordStore):
    """The plainest store: a list, the newest first. It leaves out all that a ``Prefilter`` lets it leave out."""

    def __init__(self) -> None:
        """It is empty."""
        self.entries: list[Entry] = []
        self.given = 0
        """How many documents were given out."""

    def check(self) -> None:
        pass

    def insert(self, entries: Iterable[Entry]) -> list[bool]:
        known = {entry.document["unique_hash"] for entry in self.entries}
        new = []
        for entry in entries:
            new.append(entry.document["unique_hash"] not in known)
            known.add(entry.document["unique_hash"])
            if new[-1]:
                blobs = {name: Content.of(b"".join(content.pieces())) for name, content in entry.blobs.items()}
                self.entries.insert(0, Entry(entry.document, blobs))
        self.entries.sort(key=lambda entry: str(entry.document["time"]), reverse=True)
        return new

    def scan(self, wanted: Prefilter) -> Iterator[Document]:
        for entry in islice([entry for entry in self.entries if _told(entry.document, wanted)], wanted.limit):
            self.given += 1
            yield entry.document

    def read_blob(self, unique_hash: str, sha256: str) -> Iterator[bytes]:
        for entry in self.entries:
            if entry.document["unique_hash"] == unique_hash and sha256 in entry.blobs:
                return map(bytes, entry.blobs[sha256].pieces())
        raise RecordError(f"the record {unique_hash} has no blob {sha256}")

    def delete(self, unique_hashes: Sequence[str]) -> int:
        before = len(self.entries)
        self.entries = [entry for entry in self.entries if entry.document["unique_hash"] not in unique_hashes]
        return before - len(self.entries)

    def close(self) -> None:
        pass


def _told(document: Document, wanted: Prefilter) -> bool:
    return (
        all(document[name] == text for name, text in wanted.equal.items())
        and set(wanted.marks) <= set(document["input_marks"])
        and (wanted.since is None or document["time"] >= wanted.since)
        and document["unique_hash"].startswith(wanted.beginning)
        and (wanted.until is None or document["time"] <= wanted.until)
        and not any(_left_out(document, bound) for bound in wanted.numbers)
    )


def _left_out(document: Document, bound: NumberBound) -> bool:
    found: Any = document
    for key in bound.path:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return False
    return not compare(found, bound.sign, bound.number)


@attrs.frozen
class Fit:
    """A value with members, as flows return them."""

    sigma: float
    label: str = "fit"


class Shot(DBResult):
    """A record with a field of its own."""

    machine: str


def _numbers(results: Results[Any]) -> list[int]:
    return [record.outputs["n"] for record in results]


def _record(number: int, **fields: Any) -> DBResult:
    """Return a record; one with a higher number is newer."""
    outputs = {"n": number, **fields.pop("outputs", {})}
    return DBResult(flow_name="scan", outputs=outputs, time=NOON + timedelta(hours=number), **fields)


class QueryContract:
    """What ``Query`` and ``Results`` promise, one test a promise."""

    @settings(
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,  # the store is emptied by the test itself
            HealthCheck.differing_executors,  # each store's class inherits it
            HealthCheck.too_slow,
        ],
    )
    @given(scene=scenes())
    def test_a_store_finds_what_a_list_comprehension_finds(
        self, store: RecordStore, scene: tuple[list[DBResult], list[Search]]
    ) -> None:
        inserted, searches = scene
        Results(store, Query(), DBResult).delete()
        store.save_all(inserted)
        for query, answer in searches:
            wanted = [record.outputs["n"] for record in answer(inserted)]
            results = Results(store, query, DBResult)
            assert _numbers(results) == wanted
            assert results.count() == len(wanted)
            assert bool(results) == bool(wanted)

    def test_a_number_is_found_in_whatever_form_it_is_stored(self, store: RecordStore) -> None:
        forms = [2, 2.0, Decimal(2), 2**70, float("inf"), Decimal("1e500"), "2", True, None, [2]]
        store.save_all([_record(number, outputs={"x": form}) for number, form in enumerate(forms)])
        results = Results(store, Query(), DBResult)
        assert _numbers(results.where(at("outputs.x") == 2)) == [2, 1, 0]
        assert _numbers(results.where(at("outputs.x") > 1)) == [5, 4, 3, 2, 1, 0]
        assert _numbers(results.where(at("outputs.x") > Decimal(2)).order_by("outputs.x")) == [3, 5, 4]

    def test_what_a_store_is_asked_leaves_nothing_out_and_nothing_in(self, store: RecordStore) -> None:
        values: list[Any] = [1, Decimal(1), True, "1", {"value": {"x": 9}, "__lume__": 1, "x": 0}, [9], None]
        store.save_all([_record(number, inputs={"x": value}) for number, value in enumerate(values)])
        expected: list[tuple[Condition, list[int]]] = [
            (at("inputs.x") == 1, [1, 0]),
            (at("inputs.x") == Decimal(1), [1, 0]),
            (at("inputs.x") == True, [2]),  # noqa: E712 - a condition
            (at("inputs.x") == "1", [3]),
            (at("inputs.x") == None, [6]),  # noqa: E711 - a condition
            (at("inputs.x") == [9.0], [5]),
            (at("inputs.x") != 1, [6, 5, 4, 3, 2]),
            (at("inputs.x.value.x") > 5, [4]),
            (at("inputs.x[0]") > 5, [5]),
            (at("inputs.x[-1]") > 5, [5]),
            (at("time") > NOON + timedelta(hours=5), [6]),
            (at("time") >= NOON + timedelta(hours=5), [6, 5]),
            (at("time") < NOON + timedelta(hours=1), [0]),
            (at("time") <= NOON + timedelta(hours=1), [1, 0]),
            (at("time") == HALF_PAST + timedelta(hours=2), [2]),
            ((at("time") > NOON) & (at("time") >= NOON + timedelta(hours=5)) & (at("time") > NOON), [6, 5]),
            ((at("flow_name") == "scan") & (at("flow_name") == "fit"), []),
        ]
        results = Results(store, Query(), DBResult)
        for condition, wanted in expected:
            assert _numbers(results.where(condition)) == wanted, condition
            assert results.where(condition).count() == len(wanted), condition
            assert _numbers(results.where(condition).limit(1)) == wanted[:1], condition

    def test_a_path_leads_into_the_fields_of_a_class(self, store: RecordStore) -> None:
        values = [Fit(1.5), {"sigma": 2.5}, Fit(3.5, "odd"), [Fit(4.5)]]
        store.save_all([_record(number, outputs={"fit": value}) for number, value in enumerate(values)])
        results = Results(store, Query(), DBResult)
        assert _numbers(results.where(at("outputs.fit.sigma") > 2)) == [2, 1]
        assert _numbers(results.where(at("outputs.fit[0].sigma") > 2)) == [3]
        assert _numbers(results.where(at("outputs.fit") == Fit(1.5))) == [0]
        assert _numbers(results.order_by("-outputs.fit.sigma")) == [2, 1, 0, 3]

    def test_a_field_of_a_record_s_own_class_is_found(self, store: RecordStore) -> None:
        for number, machine in enumerate(["injector", "linac"]):
            store.save(Shot(flow_name="scan", outputs={"n": number}, machine=machine))
        results = Results(store, Query(), Shot)
        assert [record.machine for record in results.where(at("fields.machine") > "k")] == ["linac"]
        assert _numbers(Results(store, Query(), DBResult).order_by("fields.machine")) == [0, 1]

    def test_deleting_leaves_the_records_that_were_not_meant(self, store: RecordStore) -> None:
        store.save_all([_record(number) for number in range(6)])
        results = Results(store, Query(), DBResult)
        assert results.where(at("outputs.n") > 3).delete() == 2
        assert results.order_by("outputs.n").limit(1).delete() == 1
        assert _numbers(results) == [3, 2, 1]
        assert results.where(at("outputs.n") > 3).delete() == 0

    def test_the_latest_is_the_newest_whatever_the_order(self, store: RecordStore) -> None:
        store.save_all([_record(number, inputs={"x": -number}) for number in range(4)])
        results = Results(store, Query(), DBResult)
        assert results.order_by("-inputs.x").latest().outputs == {"n": 3}
        assert results.order_by("-inputs.x").limit(2).latest().outputs == {"n": 1}
        assert results.where(at("inputs.x") > -2).latest().outputs == {"n": 1}
        with pytest.raises(RecordError, match=r"no record with at\('inputs.x'\) > 0"):
            results.where(at("inputs.x") > 0).latest()

    def test_many_records_are_filtered_and_the_first_come_without_the_rest(self, store: RecordStore) -> None:
        store.save_all([_record(number, outputs={"even": number % 2 == 0}) for number in range(250)])
        results = Results(store, Query(), DBResult).where(at("outputs.even") == True)  # noqa: E712 - a condition
        assert results.count() == 125
        assert _numbers(results.limit(3)) == [248, 246, 244]
        first = next(iter(results))
        assert store.save(_record(1000))[1]
        assert first.outputs["n"] == 248
