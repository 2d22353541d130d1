"""What somebody has altered in the database is told, by its record, and stops nothing else."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lume_dsl import DBResult, RecordError, at, load, results
from lume_dsl.cli.results import command
from lume_dsl.records import Query
from lume_dsl.records.plain import plain_record
from lume_dsl.records.query import Order
from lume_dsl.services import current

NO_OBJECTS = ("{", "5", '{"a": {"__lume__": 1}}')


def alter(home: Path, column: str, text: str) -> dict[str, Any]:
    """Save a record of the flow ``a``, put a text into a column of its row, and return its reference."""
    reference, _ = current().save_record(DBResult(flow_name="a", outputs={"n": 1}))
    with sqlite3.connect(home / "results.db") as database:
        database.execute(f"update lume_records set {column} = ? where flow_name = 'a'", (text,))
    database.close()
    return reference


def run(*arguments: str) -> None:
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *[(column, text) for column in ("inputs", "outputs", "fields") for text in NO_OBJECTS],
        *[("provenance", text) for text in ("{", "5", '{"__lume__": "x"}')],
        *[("time", text) for text in ("", "yesterday", "2026-99-99T00:00:00+00:00", "2026-11-24T00:00:00.000000")],
    ],
)
def test_an_altered_row_is_told_and_stops_nothing_else(lume_home: Path, column: str, text: str) -> None:
    reference = alter(lume_home, column, text)
    other, _ = current().save_record(DBResult(flow_name="b", outputs={"n": 2}))
    unique_hash = reference["query"]["unique_hash"]
    with pytest.raises(RecordError):
        load(reference)
    assert load(other).outputs == {"n": 2}
    assert results(flow="b", where=at("outputs.n") == 2).count() == 1
    after = at("time") > datetime(2020, 1, 1, tzinfo=timezone.utc)
    order = (Order.read("outputs.n"), Order.read("-inputs.x"), Order.read("time"))
    for where in (None, at("outputs.n") < 9, after | (at("outputs.n") == 2)):
        flows = {document["flow_name"] for document in current().store.find(Query(where=where, order=order))}
        assert "b" in flows
    run("list")
    run("show", unique_hash)
    run("export", "--format", "csv", "--output", "-")
    run("delete", unique_hash, "--yes")
    assert results().one().outputs == {"n": 2}


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("outputs", "{", "its outputs are no JSON (Expecting property name"),
        ("inputs", "5", "its inputs are no object"),
        ("time", "yesterday", "Invalid isoformat string: 'yesterday'"),
    ],
)
def test_what_was_altered_is_told_with_what_to_do(lume_home: Path, column: str, text: str, reason: str) -> None:
    reference = alter(lume_home, column, text)
    known = reference["query"]["unique_hash"][:12]
    with pytest.raises(RecordError) as caught:
        load(reference)
    assert f"the record {known} was altered in the database: {reason}" in str(caught.value)
    assert f"results delete {known} removes it" in str(caught.value)


def test_an_int_of_any_size_is_shown() -> None:
    current().save_record(DBResult(flow_name="a", outputs={"large": -(10**5000), "small": 10**30}))
    (document,) = current().store.find(Query())
    assert plain_record(document)["outputs"] == {"large": "int (16610 bits)", "small": 10**30}
    run("list")
