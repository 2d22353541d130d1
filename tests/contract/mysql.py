"""The contract on a MySQL or MariaDB server, run by hand: no package carries such a server.

    LUME_TEST_MYSQL_URL=mysql://root:secret@127.0.0.1/lume_test python -m pytest tests/contract/mysql.py

The database that the URL names must be there; its ``lume_`` tables are dropped before each test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from lume_dsl.records import RecordStore
from lume_dsl.records.sql import SQLStore
from lume_dsl.testing import StoreContract

URL = os.environ["LUME_TEST_MYSQL_URL"]


class TestMySQL(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[RecordStore]:
        store = SQLStore(URL)
        with store._engine.begin() as connection:
            for table in ("lume_records", "lume_blobs", "lume_schema"):
                connection.execute(sa.text(f"DROP TABLE IF EXISTS {table}"))
        yield store
        store.close()
