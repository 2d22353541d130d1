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

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from lume_dsl.errors import RecordError
from lume_dsl.files import TextFile
from lume_dsl.records import DBResult, Query, RecordStore, Results, from_document, to_document
from lume_dsl.values.encoding import MAX_DEPTH

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


def _same(a: Any, b: Any) -> bool:
    """Whether two values have equal types and content at every level, in the same order."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return repr(a) == repr(b)


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
        store.insert(document)
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
        document = to_document(record())
        store.insert(document)
        assert document == to_document(record())

    def test_threads_that_insert_the_same_records_leave_one_of_each(self, store: RecordStore) -> None:
        new: list[bool] = []

        def insert() -> None:
            new.extend([store.insert(to_document(record(number))) for number in range(10)])

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

    def test_the_deepest_value_that_can_be_encoded_is_held(self, store: RecordStore) -> None:
        value: Any = "bottom"
        for _ in range(MAX_DEPTH - 1):  # the outputs are a level themselves
            value = [value]
        with pytest.raises(RecordError, match="levels deep"):
            to_document(record(outputs={"value": [value]}))
        reference, _ = store.save(record(outputs={"value": value}))
        assert store.load(reference).outputs["value"] == value

    def test_an_iteration_that_is_left_early_leaves_nothing_locked(self, store: RecordStore) -> None:
        for number in range(3):
            store.save(record(number))
        found = store.find(Query())
        next(found)
        assert store.save(record(3))[1]

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
