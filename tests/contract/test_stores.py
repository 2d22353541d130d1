"""Every store passes the contract, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lume_dsl.records import RecordStore
from lume_dsl.records.mongo import MongoStore
from lume_dsl.records.sql import SQLStore
from lume_dsl.testing import StoreContract


class TestSQLite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[RecordStore]:
        store = SQLStore(f"sqlite:///{tmp_path}/new/folder/results.db")
        yield store
        store.close()


class TestPostgreSQL(StoreContract):
    @pytest.fixture
    def store(self, postgresql_url: str) -> Iterator[RecordStore]:
        store = SQLStore(postgresql_url)
        yield store
        store.close()


class TestMongoDB(StoreContract):
    @pytest.fixture
    def store(self, mongodb_url: str) -> Iterator[RecordStore]:
        store = MongoStore(mongodb_url)
        yield store
        store.close()
