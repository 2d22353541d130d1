"""The tests that every record store passes; it must not know any store.

A store's tests inherit them and give the store, empty and open, as the fixture ``store``:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = MyStore(tmp_path)
            yield store
            store.close()
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.files import TextFile
from lume_dsl.records import DBResult, Document, Query, RecordStore, Results, from_document, to_document
from lume_dsl.records.query import NumberBound, Prefilter
from lume_dsl.records.store import Entry
from lume_dsl.values.content import PIECE, Content

__all__ = ["StoreContract"]

START = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=timezone.utc)

VALUES: dict[str, Any] = {
    "texts": ["", "5", "true", "[1, 2]", "null", "é☃𝄞", "line\nbreak", "null\0character", "'; DROP TABLE"],
    "integers": [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64, -(10**40)],
    "floats": [0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, float("inf")],
    "others": [None, True, False, [], {}, (), [[]], {"": {}}],
    "keys": {"$ref": "a", "$id": 1, "\\$x": 2, "a.b": 3, "_id": 4, "__lume__": 5, "é": 6, "z": 7, "a": 8},
    "times": [START, START.replace(tzinfo=None), date(1, 1, 1), time(12, 30), timedelta(-1, 5, 7)],
    "kinds": [b"\0\xff", Path("a/b"), UUID(int=7), Decimal("1.10"), (1, (2.0, "x")), TextFile("x.txt")],
}


def record(number: int = 0, **fields: Any) -> DBResult:
    """Return a record; one with a higher number is newer."""
    time = START + timedelta(seconds=number)
    defaults: dict[str, Any] = {"flow_name": "scan", "outputs": {"n": number}, "time": time}
    return DBResult(**(defaults | fields))


def entry(number: int = 0, *contents: bytes, **fields: Any) -> Entry:
    """Return what a store is given for ``record(number)``, with these large contents."""
    document = {"provenance": None, **to_document(record(number, **fields))}
    return Entry(document, {hashlib.sha256(data).hexdigest(): Content.of(data) for data in contents})


def digest(data: bytes) -> str:
    """Return the name of a large content."""
    return hashlib.sha256(data).hexdigest()


def numbers(store: RecordStore, **wanted: Any) -> list[Any]:
    """Return the outputs ``n`` of what the store scans, in its order."""
    return [document["outputs"]["n"] for document in store.scan(Prefilter(**wanted))]


def _same(a: Any, b: Any) -> bool:
    """Whether two values have equal types and content at every level, in the same order."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return repr(a) == repr(b)


_SUPPRESSED = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.differing_executors,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
]
"""The store is one for all examples, each of which empties it, and each store's tests inherit these."""


class StoreContract:
    """What ``RecordStore`` promises, one test a promise."""

    def test_a_new_store_is_empty(self, store: RecordStore) -> None:
        assert list(store.find(Query())) == []
        assert store.count(Query()) == 0

    def test_an_empty_store_passes_its_check_again_and_again(self, store: RecordStore) -> None:
        store.check()
        store.check()
        assert store.count(Query()) == 0

    def test_a_document_comes_back_as_it_was_inserted(self, store: RecordStore) -> None:
        document = to_document(record(inputs=VALUES, outputs=VALUES, flow_run_id="run"))
        document["provenance"] = {"host": "é", "$a.b": [1, None, 0.1], "package": {"z": 1, "a": 2}}
        store.insert([Entry(document)])
        (found,) = store.find(Query())
        assert _same(dict(sorted(found.items())), dict(sorted(document.items())))

    @pytest.mark.parametrize("name", VALUES)
    def test_values_come_back_with_their_exact_types(self, store: RecordStore, name: str) -> None:
        reference, _ = store.save(record(outputs={"value": VALUES[name]}))
        assert _same(store.load(reference).outputs["value"], VALUES[name])

    def test_a_record_comes_back_equal(self, store: RecordStore) -> None:
        saved = record(inputs={"a": (1, 2)}, outputs={"fit": {"n": [1.0, 2]}}, result_name="fit")
        reference, _ = store.save(saved)
        assert store.load(reference) == saved

    def test_the_same_record_twice_is_stored_once_and_says_so(self, store: RecordStore) -> None:
        first = store.save(record())
        second = store.save(record(time=START + timedelta(days=1)))
        assert (first[1], second[1]) == (True, False)
        assert first[0] == second[0]
        assert [from_document(document).time for document in store.find(Query())] == [START]

    def test_inserting_does_not_change_the_document(self, store: RecordStore) -> None:
        inserted = entry()
        store.insert([inserted])
        assert inserted.document == entry().document

    def test_threads_that_insert_the_same_records_leave_one_of_each(self, store: RecordStore) -> None:
        new: list[bool] = []

        def insert() -> None:
            new.extend([store.insert([entry(number)])[0] for number in range(10)])

        threads = [Thread(target=insert) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.count(Query()) == 10
        assert sorted(new) == [False] * 30 + [True] * 10

    def test_the_newest_comes_first_and_of_equal_times_the_last_inserted(self, store: RecordStore) -> None:
        for number in (2, 0, 1):
            store.save(record(number))
        store.save(record(1, outputs={"n": "later"}))
        assert [document["outputs"]["n"] for document in store.find(Query())] == [2, "later", 1, 0]

    @pytest.mark.parametrize(("limit", "expected"), [(0, []), (1, [2]), (2, [2, 1]), (9, [2, 1, 0]), (None, [2, 1, 0])])
    def test_a_limit_keeps_the_newest(self, store: RecordStore, limit: int | None, expected: list[int]) -> None:
        for number in range(3):
            store.save(record(number))
        query = Query(limit=limit)
        assert [document["outputs"]["n"] for document in store.find(query)] == expected
        assert store.count(query) == len(expected)

    @pytest.mark.parametrize("name", ["project_name", "flow_name", "result_name"])
    def test_a_query_by_name_finds_those_alone(self, store: RecordStore, name: str) -> None:
        these: dict[str, Any]
        for text in ("this", "This", "this_one"):
            these = {name: text}
            store.save(record(**these))
        these = {name: "this"}
        assert [document[name] for document in store.find(Query(**these))] == ["this"]
        these = {name: "%"}
        assert store.count(Query(**these)) == 0

    def test_a_query_by_inputs_finds_equal_values_of_equal_names(self, store: RecordStore) -> None:
        store.save(record(0, inputs={"n": 1, "text": "a"}))
        store.save(record(1, inputs={"n": "1", "text": "a"}))
        store.save(record(2, inputs={"n": True, "text": "b"}))
        store.save(record(3, inputs={"m": 1}))

        def found(**inputs: Any) -> list[int]:
            return [document["outputs"]["n"] for document in store.find(Query(inputs=inputs))]

        assert found(n=1) == found(n=1.0) == [0]
        assert found(n="1") == [1]
        assert found(text="a") == [1, 0]
        assert found(text="a", n=1) == [0]
        assert found(text="b", n=1) == []

    def test_a_query_by_hash_and_by_type_finds_the_one(self, store: RecordStore) -> None:
        saved = record(1)
        store.save(saved)
        store.save(record(2))
        assert store.count(Query(unique_hash=saved.unique_hash)) == 1
        assert store.count(Query(result_type_string=saved.result_type_string)) == 2
        assert store.count(Query(result_type_string="other:Type")) == 0

    def test_a_reference_to_nothing_is_an_error_that_names_the_variable(self, store: RecordStore) -> None:
        with pytest.raises(RecordError, match="LUME_RESULTS_DB__URL"):
            store.load(record().reference())

    def test_a_large_record_is_held_whole(self, store: RecordStore) -> None:
        outputs = {"wave": [number / 7 for number in range(200_000)]}
        reference, _ = store.save(record(outputs=outputs))
        assert store.load(reference).outputs == outputs

    def test_a_deeply_nested_value_is_held(self, store: RecordStore) -> None:
        value: Any = "bottom"
        for _ in range(100):
            value = [{"a": value}]
        reference, _ = store.save(record(outputs={"value": value}))
        assert store.load(reference).outputs["value"] == value

    def test_a_document_beyond_any_limit_of_size_is_held(self, store: RecordStore) -> None:
        large = entry(0, inputs={"a": 1}, outputs={"text": "é" * 9_000_000, "$x": {"a.b": 1}})
        assert store.insert([large, entry(1)]) == [True, True]
        assert store.insert([large]) == [False]
        assert [document["outputs"] for document in store.scan(Prefilter())][1] == large.document["outputs"]
        assert store.count(Query(inputs={"a": 1})) == 1
        assert store.delete([large.document["unique_hash"]]) == 1
        assert store.insert([large]) == [True]

    def test_an_iteration_that_is_left_early_leaves_nothing_locked(self, store: RecordStore) -> None:
        for number in range(3):
            store.save(record(number))
        found = store.find(Query())
        next(found)
        assert store.save(record(3))[1]
        assert store.delete([record(0).unique_hash]) == 1
        assert next(found)["outputs"] == {"n": 1}

    def test_records_that_are_deleted_while_others_are_read_end_no_iteration(self, store: RecordStore) -> None:
        """A large one too, of which a store may keep a part elsewhere."""
        large = entry(1, outputs={"text": "é" * 9_000_000})
        store.insert([entry(0), large, entry(2), entry(3)])
        found = store.find(Query())
        assert next(found)["outputs"] == {"n": 3}
        assert store.delete([large.document["unique_hash"], entry(2).document["unique_hash"]]) == 2
        left = {document["unique_hash"]: document for document in found}
        assert left.pop(entry(0).document["unique_hash"]) == entry(0).document
        assert all(document in (large.document, entry(2).document) for document in left.values())

    def test_results_count_the_latest_and_the_only_one(self, store: RecordStore) -> None:
        results = Results(store, Query(flow_name="scan"), DBResult)
        with pytest.raises(RecordError, match="scan"):
            results.latest()
        store.save(record(0))
        assert results.one() == results.latest() == record(0)
        store.save(record(1))
        assert len(results) == results.count() == 2
        assert results.latest() == record(1)
        assert list(results.limit(1)) == [record(1)]
        with pytest.raises(RecordError, match="found 2 records"):
            results.one()

    # large contents

    @pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 1])
    def test_a_content_comes_back_in_pieces(self, store: RecordStore, size: int) -> None:
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        stored = entry(0, data, b"another")
        assert store.insert([stored]) == [True]
        pieces = list(store.read_blob(stored.document["unique_hash"], digest(data)))
        assert b"".join(pieces) == data
        assert all(len(piece) <= PIECE for piece in pieces)
        assert b"".join(store.read_blob(stored.document["unique_hash"], digest(b"another"))) == b"another"

    def test_a_content_that_is_made_in_parts_of_any_length_comes_back_whole(self, store: RecordStore) -> None:
        whole = bytes(range(251)) * (PIECE // 100)
        cuts = (0, 1, 1, PIECE // 2, PIECE // 2 + 5, PIECE + 8, 2 * PIECE + 9, len(whole))
        parts = [whole[start:end] for start, end in pairwise(cuts)]
        made = entry(0, whole)
        made = Entry(made.document, {digest(whole): Content(len(whole), lambda: iter(parts))})
        assert store.insert([made]) == [True]
        assert b"".join(store.read_blob(made.document["unique_hash"], digest(whole))) == whole

    def test_a_content_is_that_of_its_record_alone(self, store: RecordStore) -> None:
        one, other = entry(0, b"content"), entry(1)
        store.insert([one, other])
        for unique_hash, sha256 in ((other, b"content"), (one, b"different"), (entry(2), b"content")):
            with pytest.raises(RecordError, match=digest(sha256)):
                list(store.read_blob(unique_hash.document["unique_hash"], digest(sha256)))

    def test_records_with_the_same_content_each_have_theirs(self, store: RecordStore) -> None:
        entries = [entry(number, b"content") for number in range(2)]
        assert store.insert(entries) == [True, True]
        assert store.delete([entries[0].document["unique_hash"]]) == 1
        assert list(store.read_blob(entries[1].document["unique_hash"], digest(b"content"))) == [b"content"]

    def test_a_record_with_contents_is_stored_once(self, store: RecordStore) -> None:
        assert store.insert([entry(0, b"content")]) == [True]
        assert store.insert([entry(0, b"content")]) == [False]
        assert store.insert([entry(0, b"content"), entry(1, b"x"), entry(1, b"x")]) == [False, True, False]
        assert list(store.read_blob(entry(0).document["unique_hash"], digest(b"content"))) == [b"content"]

    def test_threads_that_insert_the_same_contents_leave_them_whole(self, store: RecordStore) -> None:
        data = bytes(2 * PIECE)
        new: list[bool] = []
        threads = [Thread(target=lambda: new.extend(store.insert([entry(0, data)]))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(new) == [False, False, False, True]
        assert b"".join(store.read_blob(entry(0).document["unique_hash"], digest(data))) == data

    def test_contents_that_cannot_be_read_leave_no_record(self, store: RecordStore) -> None:
        def fails() -> Iterator[bytes]:
            yield b"begin"
            raise OSError("gone")

        broken = Entry(entry(0).document, {"0" * 64: Content(10, fails)})
        with pytest.raises(OSError, match="gone"):
            store.insert([broken])
        assert store.count(Query()) == 0
        assert store.insert([entry(0, b"whole")]) == [True]

    # many at once

    def test_nothing_is_inserted_by_an_empty_call(self, store: RecordStore) -> None:
        assert store.insert([]) == []
        assert store.delete([]) == 0

    def test_many_are_inserted_at_once_in_their_order(self, store: RecordStore) -> None:
        time = START.isoformat(timespec="microseconds")
        entries = [Entry({**entry(number).document, "time": time}) for number in range(2500)]
        assert store.insert(entries) == [True] * 2500
        assert numbers(store) == list(range(2499, -1, -1))

    def test_of_many_those_that_were_there_are_told(self, store: RecordStore) -> None:
        store.insert([entry(3), entry(700)])
        told = store.insert([entry(number % 1200) for number in range(1500)])
        assert [number for number in range(1500) if not told[number]] == [3, 700, *range(1200, 1500)]
        assert store.count(Query()) == 1200

    def test_saving_many_gives_the_reference_of_each(self, store: RecordStore) -> None:
        saved = store.save_all(record(number % 2) for number in range(3))
        assert saved == [(record(0).reference(), True), (record(1).reference(), True), (record(0).reference(), False)]

    def test_those_before_one_that_cannot_be_made_are_saved(self, store: RecordStore) -> None:
        made = [record(0), record(1), DBResult(flow_name="a", outputs={"n": {1}}), record(2)]
        with pytest.raises(RecordError, match=r"outputs\['n'\]: set cannot be stored"):
            store.save_all(made)
        assert numbers(store) == [1, 0]

    def test_what_is_deleted_is_gone_and_may_come_again(self, store: RecordStore) -> None:
        entries = [entry(number, b"content") for number in range(3)]
        store.insert(entries)
        hashes = [one.document["unique_hash"] for one in entries]
        assert store.delete([hashes[0], hashes[2], hashes[0], "0" * 64]) == 2
        assert numbers(store) == [1]
        with pytest.raises(RecordError):
            list(store.read_blob(hashes[0], digest(b"content")))
        assert store.insert(entries) == [True, False, True]
        assert list(store.read_blob(hashes[0], digest(b"content"))) == [b"content"]

    # what a store tells by itself

    def test_times_are_bounds_that_belong_to_what_they_bound(self, store: RecordStore) -> None:
        store.insert([entry(number) for number in range(4)])
        times = [document["time"] for document in store.scan(Prefilter())][::-1]
        assert numbers(store, since=times[1]) == [3, 2, 1]
        assert numbers(store, until=times[1]) == [1, 0]
        assert numbers(store, since=times[1], until=times[2]) == [2, 1]
        assert store.count_scanned(Prefilter(since=times[1], until=times[2])) == 2

    @pytest.mark.parametrize("text", ["it's", 'a"b', "100%", "a_b", "a\\b", "A", "a ", "$x", "é", "{}", "", "a\nb"])
    def test_a_name_is_equal_to_itself_alone(self, store: RecordStore, text: str) -> None:
        others = ["its", "ab", "100", "axb", "a", "e", "é", "$", "x", "a\0"]
        store.insert([entry(number, flow_name=name) for number, name in enumerate([text, *others[:-1]])])
        found = [document["flow_name"] for document in store.scan(Prefilter(equal={"flow_name": text}))]
        assert found == [text] * (2 if text in others else 1)
        assert list(store.scan(Prefilter(equal={"flow_name": others[-1]}))) == []

    @settings(max_examples=30, deadline=None, suppress_health_check=_SUPPRESSED)
    @given(data=st.data())
    def test_what_is_scanned_is_what_a_model_finds(self, store: RecordStore, data: st.DataObject) -> None:
        store.delete([document["unique_hash"] for document in store.scan(Prefilter())])
        documents = [document for number in range(8) if (document := data.draw(_documents(number)))]
        store.insert([Entry(document) for document in documents])
        wanted = data.draw(_prefilters())
        expected = [document for document in reversed(documents) if _is_wanted(document, wanted)]
        expected.sort(key=lambda document: str(document["time"]), reverse=True)
        found = list(store.scan(wanted))
        assert found == expected[: wanted.limit]
        assert store.count_scanned(wanted) == len(found)

    @settings(max_examples=60, deadline=None, suppress_health_check=_SUPPRESSED)
    @given(data=st.data())
    def test_a_hint_leaves_out_nothing_but_other_numbers(self, store: RecordStore, data: st.DataObject) -> None:
        store.delete([document["unique_hash"] for document in store.scan(Prefilter())])
        documents = [
            {**entry(number).document, "outputs": data.draw(_OUTPUTS), "inputs": data.draw(_OUTPUTS)}
            for number in range(6)
        ]
        store.insert([Entry(document) for document in documents])
        bound = data.draw(_BOUNDS)
        found = [document["unique_hash"] for document in store.scan(Prefilter(numbers=(bound,)))]
        missing = [document for document in documents if document["unique_hash"] not in found]
        assert [document for document in missing if not _is_other_number(document, bound)] == []
        assert store.count_scanned(Prefilter(numbers=(bound,))) == len(documents)


# the model

_NAMES = st.sampled_from(["a", "A", "a ", "it's", "%"])
_TIMES = st.sampled_from(["2024-02-29T23:59:59.000000+00:00", "2024-02-29T23:59:59.000001+00:00"])
_MARKS = st.lists(st.sampled_from([letter * 64 for letter in "abc"]), unique=True)

_KEYS = st.sampled_from(["a", "b", "a.b", "$x", 'q"', "\\", "0", "é", "", "n\n", "__lume__"])
_SOME = (0, 1, -1, 1.0, 1.5, 0.1, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, 5e-324, 0.30000000000000004)
_NUMBERS = st.sampled_from(_SOME) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
_LEAVES = st.none() | st.booleans() | st.sampled_from(["", "1", "a", "null\0"]) | _NUMBERS
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=3))
_OUTPUTS = st.dictionaries(_KEYS, _TREES, max_size=3)
_PATHS = st.tuples(st.sampled_from(["inputs", "outputs"]), _KEYS) | st.tuples(st.just("outputs"), _KEYS, _KEYS)
_BOUNDS = st.builds(
    NumberBound,
    path=_PATHS,
    sign=st.sampled_from(["<", "<=", ">", ">=", "=="]),
    number=_NUMBERS | st.sampled_from([2**64, -(10**400), float("inf")]),
)
_COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}


@st.composite
def _documents(draw: st.DrawFn, number: int) -> Document:
    names = {name: draw(_NAMES) for name in ("project_name", "flow_name", "result_name")}
    return {**entry(number).document, **names, "time": draw(_TIMES), "input_marks": draw(_MARKS)}


@st.composite
def _prefilters(draw: st.DrawFn) -> Prefilter:
    return Prefilter(
        equal=draw(st.dictionaries(st.sampled_from(["project_name", "flow_name"]), _NAMES, max_size=2)),
        marks=tuple(draw(_MARKS)),
        since=draw(st.none() | _TIMES),
        beginning=draw(st.sampled_from(["", "", "", "0", "a", "f"])),
        until=draw(st.none() | _TIMES),
        limit=draw(st.none() | st.integers(0, 3)),
    )


def _is_wanted(document: Document, wanted: Prefilter) -> bool:
    return (
        all(document[name] == text for name, text in wanted.equal.items())
        and {*wanted.marks} <= {*document["input_marks"]}
        and (wanted.since or "") <= document["time"] <= (wanted.until or "9")
        and document["unique_hash"].startswith(wanted.beginning)
    )


def _is_other_number(document: Any, bound: NumberBound) -> bool:
    """Whether there is a number at the path of which the bound does not hold."""
    for key in bound.path:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    return is_number and not _COMPARED[bound.sign](document, bound.number)
