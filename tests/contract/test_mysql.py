"""Every contract of stores on real servers: ``make test-mariadb`` and ``make test-mysql``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from tests.conftest import MySQL  # for its attributes alone


@pytest.fixture
def url(mysql_server: MySQL) -> str:
    return mysql_server.create_database()


@pytest.fixture
def store(url: str) -> Iterator[RecordStore]:
    store = SQLStore(url)
    yield store
    store.close()


class TestStore(StoreContract):
    pass


class TestQueries(QueryContract):
    pass


class TestRuns(RunStoreContract):
    @pytest.fixture
    def store(self, url: str) -> Iterator[RunStore]:
        store = SQLRuns(url)
        yield store
        store.close()


def opened(url: str) -> RecordStore:
    return open_store(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))


def entry(value: Any, *contents: bytes) -> Entry:
    document = to_document(DBResult(flow_name="scan", outputs={"value": value}))
    return Entry(document, {Content.of(data).sha256: Content.of(data) for data in contents})


def test_a_wrong_password_is_told(url: str) -> None:
    store = opened(url.replace("s3cret", "wrong"))
    with pytest.raises(ServiceError, match=r"refuses this user.*LUME_RESULTS_DB__URL") as caught:
        store.check()
    assert not caught.value.transient


@pytest.mark.skipif("LUME_TEST_MYSQL" not in os.environ, reason="MariaDB sends no password by RSA")
def test_a_password_is_sent_without_tls(mysql_without_tls: MySQL, monkeypatch: pytest.MonkeyPatch) -> None:
    url = mysql_without_tls.create_database()
    mysql_without_tls.execute("FLUSH PRIVILEGES")  # it forgets whose password it has seen
    opened(url).check()
    mysql_without_tls.execute("FLUSH PRIVILEGES")
    monkeypatch.setattr("pymysql._auth._have_cryptography", False)
    with pytest.raises(ServiceError, match=r"cannot be logged in to.*'cryptography'.*lume-dsl\[mysql\]") as caught:
        opened(url).check()
    assert not caught.value.transient


def test_an_answer_is_waited_for_longer_than_a_greeting(url: str) -> None:
    """The driver has one timeout for both, and something else behind the port is told in seconds."""
    store = SQLStore(url)
    for _ in range(2):
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT SLEEP(3.5)").scalar() == 0
            connection.invalidate()
    store.close()


def test_a_database_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(ServiceError, match=r"there is no such database.*create it") as caught:
        opened(url + "_other").check()
    assert not caught.value.transient


def test_a_user_who_may_not_write_is_told(mysql_server: MySQL, url: str) -> None:
    opened(url).check()
    database = url.rpartition("/")[2]
    name = f"reader_{database[-8:]}"
    who = f"'{name}'@'127.0.0.1'"
    mysql_server.execute(f"CREATE USER {who} IDENTIFIED BY 'x'", f"GRANT SELECT ON {database}.* TO {who}")
    reader = opened(f"mysql+pymysql://{name}:x@{url.rpartition('@')[2]}")
    assert reader.count(Query()) == 0
    with pytest.raises(ServiceError, match="command denied") as caught:
        reader.check()
    assert not caught.value.transient


def test_a_connection_that_is_lost_while_records_are_written_is_told(url: str, mysql_server: MySQL) -> None:
    store = opened(url)
    assert store.insert([entry(1)]) == [True]
    database = url.rpartition("/")[2]
    with mysql_server.connected() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (database,))
        for (number,) in cursor.fetchall():
            cursor.execute(f"KILL {number}")
    assert store.insert([entry(2)]) == [True]  # by a new connection
    store.close()


def test_a_record_beyond_what_the_server_takes_is_told_with_its_cause(mysql_server: MySQL) -> None:
    mysql_server.execute("SET GLOBAL max_allowed_packet = 16777216")
    store = opened(mysql_server.create_database())
    assert store.insert([entry("x" * 10_000_000), entry(1, bytes(30_000_000))]) == [True, True]
    for text in ("x" * 17_000_000, '"' * 6_000_000, "é" * 9_000_000):
        with pytest.raises(ServiceError, match="max_allowed_packet is 16,777,216; raise it on the server") as caught:
            store.insert([entry(2), entry(text)])
        assert not caught.value.transient
    assert store.count(Query()) == 2
    mysql_server.execute("SET GLOBAL max_allowed_packet = 67108864")
    store.close()
    assert store.insert([entry("x" * 17_000_000)]) == [True]
    store.close()
