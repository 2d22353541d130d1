"""Every store of runs passes the contract, on a real server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lume_dsl.history.mongo import MongoRuns
from lume_dsl.history.sql import SQLRuns
from lume_dsl.history.sqlite import SQLiteRuns
from lume_dsl.history.store import RunQuery, RunStore
from lume_dsl.testing import RunStoreContract
from lume_dsl.testing.run_stores import run_of


class TestSQLite(RunStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[RunStore]:
        store = SQLiteRuns(f"sqlite:///{tmp_path}/new/folder/results.db")
        yield store
        store.close()


class TestSQLiteThroughSQLAlchemy(RunStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[RunStore]:
        store = SQLRuns(f"sqlite:///{tmp_path}/new/folder/results.db?timeout=5")
        yield store
        store.close()


class TestPostgreSQL(RunStoreContract):
    @pytest.fixture
    def store(self, postgresql_url: str) -> Iterator[RunStore]:
        store = SQLRuns(postgresql_url)
        yield store
        store.close()


class TestMongoDB(RunStoreContract):
    @pytest.fixture
    def store(self, mongodb_url: str) -> Iterator[RunStore]:
        store = MongoRuns(mongodb_url)
        yield store
        store.close()


def test_an_sqlite_file_that_one_may_only_read_is_read(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE lume_records (id)")
    store = SQLiteRuns(f"sqlite:///{path}")
    before = path.read_bytes()
    assert list(store.scan(RunQuery())) == []
    assert (store.count(RunQuery()), store.delete(["x"])) == (0, 0)
    assert path.read_bytes() == before  # reading makes no table
    store.put(run_of(1))
    assert store.count(RunQuery()) == 1


def test_an_sqlite_file_that_was_removed_is_another_one(tmp_path: Path) -> None:
    store, other = SQLiteRuns(f"sqlite:///{tmp_path}/results.db"), SQLiteRuns(f"sqlite:///{tmp_path}/results.db")
    store.put(run_of(1))
    for path in tmp_path.iterdir():
        path.unlink()
    other.put(run_of(2))
    store.put(run_of(3))
    assert [one["id"] for one in other.scan(RunQuery())] == [run_of(3)["id"], run_of(2)["id"]]
