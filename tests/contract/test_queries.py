"""Finding gives the answers of plain Python on every store, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lume_dsl.records import RecordStore
from lume_dsl.records.mongo import MongoStore
from lume_dsl.records.sql import SQLStore
from lume_dsl.testing.queries import ListStore, QueryContract


class TestList(QueryContract):
    """The hints of a prefilter, followed to the letter."""

    @pytest.fixture
    def store(self) -> RecordStore:
        return ListStore()


class TestSQLite(QueryContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[RecordStore]:
        store = SQLStore(f"sqlite:///{tmp_path}/results.db")
        yield store
        store.close()


class TestPostgreSQL(QueryContract):
    @pytest.fixture
    def store(self, postgresql_url: str) -> Iterator[RecordStore]:
        store = SQLStore(postgresql_url)
        yield store
        store.close()


class TestMongoDB(QueryContract):
    @pytest.fixture
    def store(self, mongodb_url: str) -> Iterator[RecordStore]:
        store = MongoStore(mongodb_url)
        yield store
        store.close()
