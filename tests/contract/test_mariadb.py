"""Every contract of stores on a real MariaDB server: ``make test-mariadb``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest

from lume_dsl.errors import ServiceError
from lume_dsl.history.sql import SQLRuns
from lume_dsl.history.store import RunStore
from lume_dsl.records import DBResult, Query, RecordStore, open_store, to_document
from lume_dsl.records.sql import SQLStore
from lume_dsl.records.store import Entry
from lume_dsl.settings import ResultsDB, Settings
from lume_dsl.testing import RunStoreContract, StoreContract
from lume_dsl.testing.queries import QueryContract
from lume_dsl.values.content import Content

if TYPE_CHECKING:
    from tests.conftest import MariaDB  # for its attributes alone


@pytest.fixture
def store(mariadb_url: str) -> Iterator[RecordStore]:
    store = SQLStore(mariadb_url)
    yield store
    store.close()


class TestStore(StoreContract):
    pass


class TestQueries(QueryContract):
    pass


class TestRuns(RunStoreContract):
    @pytest.fixture
    def store(self, mariadb_url: str) -> Iterator[RunStore]:
        store = SQLRuns(mariadb_url)
        yield store
        store.close()


def opened(url: str) -> RecordStore:
    return open_store(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))


def entry(value: Any, *contents: bytes) -> Entry:
    document = to_document(DBResult(flow_name="scan", outputs={"value": value}))
    return Entry(document, {Content.of(data).sha256: Content.of(data) for data in contents})


def test_a_wrong_password_is_told(mariadb_url: str) -> None:
    store = opened(mariadb_url.replace("s3cret", "wrong"))
    with pytest.raises(ServiceError, match=r"refuses this user.*LUME_RESULTS_DB__URL") as caught:
        store.check()
    assert not caught.value.transient


def test_an_answer_is_waited_for_longer_than_a_greeting(mariadb_url: str) -> None:
    """The driver has one timeout for both, and something else behind the port is told in seconds."""
    store = SQLStore(mariadb_url)
    for _ in range(2):
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT SLEEP(3.5)").scalar() == 0
            connection.invalidate()
    store.close()


def test_a_database_that_is_not_there_is_told(mariadb_url: str) -> None:
    with pytest.raises(ServiceError, match=r"there is no such database.*create it") as caught:
        opened(mariadb_url + "_other").check()
    assert not caught.value.transient


def test_a_user_who_may_not_write_is_told(mariadb: MariaDB, mariadb_url: str) -> None:
    opened(mariadb_url).check()
    database = mariadb_url.rpartition("/")[2]
    mariadb.execute(f"GRANT SELECT ON {database}.* TO 'reader_{database}'@'127.0.0.1' IDENTIFIED BY 'x'")
    reader = opened(f"mysql+pymysql://reader_{database}:x@{mariadb_url.rpartition('@')[2]}")
    assert reader.count(Query()) == 0
    with pytest.raises(ServiceError, match="command denied") as caught:
        reader.check()
    assert not caught.value.transient


def test_a_connection_that_is_lost_while_records_are_written_is_told(mariadb_url: str, mariadb: MariaDB) -> None:
    store = opened(mariadb_url)
    assert store.insert([entry(1)]) == [True]
    database = mariadb_url.rpartition("/")[2]
    with pymysql.connect(host="127.0.0.1", port=mariadb.port, user="root", autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (database,))
        for (number,) in cursor.fetchall():
            cursor.execute(f"KILL {number}")
    assert store.insert([entry(2)]) == [True]  # by a new connection
    store.close()


def test_a_record_beyond_what_the_server_takes_is_told_with_its_cause(own_mariadb: MariaDB) -> None:
    store = opened(own_mariadb.create_database())
    assert store.insert([entry("x" * 10_000_000), entry(1, bytes(30_000_000))]) == [True, True]
    for text in ("x" * 17_000_000, '"' * 6_000_000, "é" * 9_000_000):
        with pytest.raises(ServiceError, match="max_allowed_packet is 16,777,216; raise it on the server") as caught:
            store.insert([entry(2), entry(text)])
        assert not caught.value.transient
    assert store.count(Query()) == 2
    own_mariadb.execute("SET GLOBAL max_allowed_packet = 67108864")
    store.close()
    assert store.insert([entry("x" * 17_000_000)]) == [True]
    store.close()
