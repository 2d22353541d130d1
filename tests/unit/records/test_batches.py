"""Records go to a store in batches that are made as it comes to them, and lose neither a record nor an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lume_dsl import DBResult, RecordError, ServiceError
from lume_dsl.records import store
from lume_dsl.records.store import Batch, Entry, batches


def records(*values: Any) -> Iterator[DBResult]:
    for value in values:
        if isinstance(value, Exception):
            raise value
        yield DBResult(flow_name="a", outputs={"n": value})


def outputs(entries: list[Entry]) -> list[Any]:
    return [entry.document["outputs"]["n"] for entry in entries]


def test_nothing_is_taken_before_a_store_comes_to_it() -> None:
    coming = records(0, 1, 2)
    entries = iter(Batch(coming))
    assert outputs([next(entries)]) == [0]
    assert outputs([Entry.of(record) for record in coming]) == [1, 2]


def test_a_batch_that_is_iterated_again_gives_the_same_and_what_comes_after() -> None:
    batch = Batch(records(0, 1, 2))
    entries = iter(batch)
    tried = [next(entries), next(entries)]
    assert [entry.reference for entry in tried] == batch.references
    assert list(batch)[:2] == tried
    assert outputs(list(batch)) == [0, 1, 2]
    assert [entry.reference for entry in batch] == batch.references


def test_all_are_those_that_were_taken_and_those_that_come() -> None:
    batch = Batch(records(0, 1, 2))
    next(iter(batch))
    assert [record.outputs["n"] for record in batch.all()] == [0, 1, 2]


def test_a_batch_ends_by_its_number_and_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "TOGETHER", 2)
    assert [outputs(list(batch)) for batch in batches(records(*range(5)))] == [[0, 1], [2, 3], [4]]
    monkeypatch.setattr(store, "TOGETHER", 100)
    monkeypatch.setattr(store, "BYTES_TOGETHER", 1_000_000)
    arrays = [np.full(100_000, number, dtype="u1") for number in range(25)]
    assert [len(list(batch)) for batch in batches(records(*arrays))] == [10, 10, 5]


@pytest.mark.parametrize("error", [RuntimeError("no more"), ServiceError("the source is gone", transient=True)])
def test_what_comes_before_an_error_is_given_and_then_the_error(error: Exception) -> None:
    """Also where a store tries again: what it gets then is all that came, and no end without a word."""
    coming = batches(records(0, 1, error))
    batch = next(coming)
    assert outputs(list(batch)) == outputs(list(batch)) == [0, 1]
    with pytest.raises(type(error)) as caught:
        next(coming)
    assert caught.value is error


def test_an_entry_that_cannot_be_made_ends_the_batch_and_is_among_all() -> None:
    coming = batches(records(0, {1}, 2))
    batch = next(coming)
    assert outputs(list(batch)) == [0]
    assert [record.outputs["n"] for record in batch.all()] == [0, {1}, 2]
    with pytest.raises(RecordError, match="set cannot be stored"):
        next(coming)


def test_no_records_are_no_batch() -> None:
    assert list(batches(records())) == []
    with pytest.raises(RuntimeError, match="at once"):
        next(batches(records(RuntimeError("at once"))))
