"""What is broken or missing is told in seconds: what, where and how to mend it, and never a password."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
import socket
import sqlite3
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

import psycopg
import pymongo
import pytest
from processes import in_new_processes
from psycopg.sql import SQL, Identifier

from lume_dsl.errors import RecordError, ServiceError, text_of
from lume_dsl.records import DBResult, Query, RecordStore, open_store, to_document
from lume_dsl.records.query import Prefilter
from lume_dsl.records.store import Entry
from lume_dsl.settings import ResultsDB, Settings
from lume_dsl.values.content import Content

if TYPE_CHECKING:
    from tests.conftest import Mongod, MySQL, Postgres  # for their attributes alone

SECRET = "s3cret:w0rd/@%é"


def opened(url: str) -> RecordStore:
    return open_store(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))


def entry(number: int, *contents: bytes) -> Entry:
    document = to_document(DBResult(flow_name="scan", outputs={"n": number}))
    return Entry(document, {Content.of(data).sha256: Content.of(data) for data in contents})


def failure(act: Callable[[], object], *, transient: bool, seconds: float = 5) -> str:
    start = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        act()
    assert time.monotonic() - start < seconds
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert quote(SECRET, safe="") not in text
    assert "\n" not in str(caught.value)
    assert caught.value.transient is transient
    return str(caught.value)


class Listener:
    """Something that is no database behind a port: silent, or one that answers as a web server does."""

    def __init__(self, answer: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._answer, self._open = answer, []  # type: tuple[bytes, list[socket.socket]]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                if self._answer:
                    connection.sendall(self._answer)
        except OSError:
            return

    def close(self) -> None:
        for one in (self._socket, *self._open):
            one.close()


@pytest.fixture(params=[b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["silent", "web"])
def stranger(request: pytest.FixtureRequest) -> Iterator[int]:
    listener = Listener(request.param)
    yield listener.port
    listener.close()


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mariadb", "mongodb"])
def test_a_server_that_is_not_there_is_told_in_seconds(scheme: str, unused_port: int) -> None:
    store = opened(f"{scheme}://me:{quote(SECRET, safe='')}@127.0.0.1:{unused_port}/x")
    for act in (store.check, lambda: store.insert([entry(1)]), lambda: list(store.scan(Prefilter()))):
        message = failure(act, transient=True)
        assert f"answers at {scheme}://me:***@127.0.0.1:{unused_port}/x" in message
        assert "start" in message
        assert "LUME_RESULTS_DB__URL" in message


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mongodb"])
def test_something_else_behind_the_port_is_told_in_seconds(scheme: str, stranger: int) -> None:
    message = failure(opened(f"{scheme}://127.0.0.1:{stranger}/x").check, transient=True)
    assert f"{scheme}://127.0.0.1:{stranger}/x" in message


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://h/x?foo=1", "there is no option 'foo'; correct LUME_RESULTS_DB__URL"),
        ("mysql://h/x?conect_timeout=1", "'conect_timeout'; did you mean 'connect_timeout'?"),
        ("mysql://h/x?charset=nosuch", "mysql://h/x?charset=nosuch cannot be used"),
        ("mysql://h/x?connect_timeout=0", "connect_timeout should be >0"),
        ("mysql://h/x?ssl_ca=/no/such", "ssl_ca=/no/such cannot be used: [Errno 2] No such file"),
        ("mysql://h/x?read_timeout=soon", "read_timeout=soon is not a URL that the driver takes"),
        ("postgresql://127.0.0.1:1/x?foo=1", 'invalid connection option "foo"'),
        ("postgresql://127.0.0.1:1/x?connect_timeout=soon", "bad value for connect_timeout: 'soon'"),
        ("sqlite:///{folder}/results.db?foo=1", "there is no option 'foo'; correct LUME_RESULTS_DB__URL"),
        ("mongodb://h/x?foo=1", "mongodb://h/x?foo=1 cannot be used: Unknown option"),
        ("mongodb://h/x?journal=perhaps", "journal must be 'true' or 'false'"),
        ("mongodb://h/x?serverSelectionTimeoutMS=soon", "serverselectiontimeoutms must be an integer"),
        ("mongodb://h/x?tlsCAFile=/no/such", "mongodb://h/x?tlsCAFile=/no/such cannot be used: "),
    ],
)
def test_an_option_of_a_url_that_the_driver_does_not_take_is_told_whatever_is_done(
    tmp_path: Path, url: str, told: str
) -> None:
    uses: list[Callable[[RecordStore], object]] = [
        lambda store: store.check(),
        lambda store: store.count(Query()),
        lambda store: list(store.scan(Prefilter())),
    ]
    for use in uses:
        assert told in failure(lambda use=use: use(opened(url.format(folder=tmp_path))), transient=False)


def test_a_wrong_password_is_told_and_trying_again_is_of_no_use(postgresql_url: str) -> None:
    url = postgresql_url.replace(quote(SECRET, safe=""), "wrong")
    message = failure(opened(url).check, transient=False)
    assert "refuses this user" in message
    assert "LUME_RESULTS_DB__URL" in message


def test_a_database_that_is_not_there_is_told(postgresql_url: str) -> None:
    message = failure(opened(postgresql_url + "_other").check, transient=False)
    assert "there is no such database" in message
    assert "create it" in message


def test_a_user_who_may_not_write_is_told(postgresql_url: str) -> None:
    opened(postgresql_url).check()
    user = f"reader_{os.getpid()}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(Identifier(user)))
        connection.execute(SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(Identifier(user)))
    reader = opened(f"postgresql://{user}:x@{postgresql_url.partition('@')[2]}")
    assert reader.count(Query()) == 0
    assert "permission denied" in failure(reader.check, transient=False)


def test_a_user_of_mongodb_who_may_not_write_is_told_by_a_check(mongod_with_users: str) -> None:
    def opened_by(user: str, password: str = SECRET) -> RecordStore:
        return opened(f"mongodb://{user}:{quote(password, safe='')}@{mongod_with_users}/x")

    reader, writer = opened_by("read"), opened_by("readWrite")
    assert "not authorized" in failure(reader.check, transient=False)
    writer.check()
    assert reader.count(Query()) == 0
    message = failure(reader.check, transient=False)
    assert f"mongodb://read:***@{mongod_with_users}/x refuses this user: not authorized on x to execute" in message
    assert "correct LUME_RESULTS_DB__USERNAME and LUME_RESULTS_DB__PASSWORD" in message
    assert "full error" not in message
    writer.check()
    assert writer.insert([entry(1), entry(2)]) == [True, True]
    message = failure(opened_by("read", "wrong").check, transient=False)
    assert "refuses this user: Authentication failed.; correct" in message
    for store in (reader, writer):
        store.close()
    with pymongo.MongoClient[Any](f"mongodb://root:{quote(SECRET, safe='')}@{mongod_with_users}") as client:
        assert list(client["x"]["lume_schema"].find()) == [{"_id": "records", "version": 2}]


def test_what_mongodb_refuses_is_told_without_its_whole_answer(mongodb_url: str) -> None:
    store = opened(mongodb_url)
    store.check()
    with pymongo.MongoClient[Any](mongodb_url) as client:
        client.get_default_database().command("collMod", "records", validator={"flow_name": "other"})
    with pytest.raises(RecordError, match=r"refuses the record: Document failed validation$"):
        store.insert([entry(1)])
    message = failure(lambda: store.insert([entry(1), entry(2)]), transient=False)
    assert message.endswith(" cannot be used: Document failed validation")
    store.close()


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_file_is_told_within_seconds_by_a_check(tmp_path: Path, lock: str) -> None:
    url = f"sqlite:///{tmp_path}/results.db"
    opened(url).check()
    connection = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
    connection.execute(f"BEGIN {lock}")
    store = opened(url)
    message = failure(store.check, transient=True, seconds=4)
    assert "database is locked: another program writes" in message
    connection.execute("ROLLBACK")
    connection.close()
    store.check()
    store.close()


def test_a_writer_waits_for_another_and_gives_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lume_dsl.records.sql_engines._BUSY_SECONDS", 1.5)
    url = f"sqlite:///{tmp_path}/results.db"
    store = opened(url)
    store.check()
    connection = sqlite3.connect(tmp_path / "results.db", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    assert "locked" in failure(lambda: store.insert([entry(1)]), transient=True)
    assert "locked" in failure(lambda: store.insert([entry(1), entry(2)]), transient=True)
    assert store.count(Query()) == 0
    timer = threading.Timer(0.5, connection.execute, ["ROLLBACK"])
    timer.start()
    assert store.insert([entry(1)]) == [True]
    timer.join()
    connection.close()
    store.close()


def test_a_database_that_is_full_is_told_and_stays_whole(tmp_path: Path) -> None:
    import sqlalchemy as sa

    store: Any = opened(f"sqlite:///{tmp_path}/results.db")
    store.insert([entry(1, b"content")])
    for engine in (store._engine, store._blob_engine):  # as on a full disk, without one
        sa.event.listen(engine, "checkout", lambda c, *_: c.execute("PRAGMA max_page_count=20"))
    large = DBResult(flow_name="scan", outputs={"text": "x" * 5_000_000})
    message = failure(lambda: store.insert([Entry(to_document(large))]), transient=False)
    assert "disk is full" in message
    assert "free some space" in message
    assert "disk is full" in failure(lambda: store.insert([entry(2, bytes(5_000_000))]), transient=False)
    assert store.count(Query()) == 1
    store.close()
    again = opened(f"sqlite:///{tmp_path}/results.db")
    assert again.insert([entry(1), entry(2, bytes(5_000_000))]) == [False, True]
    again.close()


def test_contents_without_their_file_are_told(tmp_path: Path) -> None:
    stored = entry(1, b"content")
    store = opened(f"sqlite:///{tmp_path}/results.db")
    store.insert([stored])
    store.close()
    (tmp_path / "results.db-blobs").unlink()
    store = opened(f"sqlite:///{tmp_path}/results.db")
    with pytest.raises(RecordError, match=r"results\.db-blobs goes with the records"):
        list(store.read_blob(stored.document["unique_hash"], *stored.blobs))
    store.close()


def test_a_file_opened_for_reading_alone_is_read(tmp_path: Path) -> None:
    stored = entry(1, b"content")
    store = opened(f"sqlite:///{tmp_path}/results.db")
    store.insert([stored])
    reader = opened(f"sqlite:///file:{tmp_path}/results.db?mode=ro&uri=true")
    assert list(reader.read_blob(stored.document["unique_hash"], *stored.blobs)) == [b"content"]
    assert "readonly" in failure(lambda: reader.insert([entry(2)]), transient=False)
    reader.close()
    store.close()


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without the rights of root, whom no permission holds."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)


@pytest.mark.parametrize("is_written", [False, True], ids=["closed", "open"])
def test_a_store_in_a_folder_that_may_only_be_read_is_read(is_written: bool) -> None:
    """Also while its owner saves. (Not in tmp_path, which only its owner enters.)"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        record = DBResult(flow_name="scan", outputs={"text": b"x" * 100_000})
        owner = opened(f"sqlite:///{folder}/results.db")
        owner.save(record)
        assert owner.load(record.reference()) == record  # whatever is imported for it is imported by root
        if not is_written:
            owner.close()
        for file in path.iterdir():
            file.chmod(0o444)
        path.chmod(0o555)
        with _as_nobody():
            reader = opened(f"sqlite:///{folder}/results.db")
            for _ in range(2):
                assert reader.count(Query()) == 1
                assert reader.load(record.reference()) == record
            for act in (
                reader.check,
                lambda: reader.insert([entry(1)]),
                lambda: reader.insert([entry(2, b"content")]),
                lambda: reader.delete([record.unique_hash]),
            ):
                assert "may only be read: " in failure(act, transient=False)
            reader.close()
        path.chmod(0o755)
        owner.insert([entry(3)])  # if it was closed, it is open from now on
        with _as_nobody():
            assert reader.count(Query()) == 2
        reader.close()
        owner.close()


@pytest.mark.parametrize("crashes", [False, True])
def test_a_server_that_was_started_again_is_used_again(own_server: Postgres | Mongod | MySQL, crashes: bool) -> None:
    store = opened(own_server.create_database())
    stored = entry(1, bytes(5_000_000))
    assert store.insert([stored]) == [True]
    if crashes:
        own_server.end(signal.SIGKILL)
    else:
        own_server.end()
    assert " answers at " in failure(lambda: store.insert([entry(2)]), transient=True)
    own_server.start()
    assert store.insert([entry(1), entry(2)]) == [False, True]
    assert sum(map(len, store.read_blob(stored.document["unique_hash"], *stored.blobs))) == 5_000_000
    store.close()


def test_a_connection_that_is_lost_while_records_are_read_is_told(postgresql_url: str) -> None:
    store = opened(postgresql_url)
    store.insert([entry(number) for number in range(400)])
    found = store.scan(Prefilter())
    next(found)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    failure(lambda: list(found), transient=True)
    assert store.count(Query()) == 400
    store.close()


def test_no_password_is_logged_at_any_level(postgresql_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = opened(postgresql_url)
    store.insert([entry(1, b"content")])
    assert SECRET not in repr(vars(store))
    store.close()
    assert SECRET not in caplog.text
    assert quote(SECRET, safe="") not in caplog.text


def _lose(url: str, collection: str) -> None:
    with pymongo.MongoClient[Any](url) as client:
        client.get_default_database()[collection].delete_many({})


@pytest.mark.parametrize(("collection", "said"), [("blobs.files", "not there"), ("blobs.chunks", "not whole")])
def test_a_mongodb_without_the_files_of_a_record_is_told_in_our_words(
    mongodb_url: str, collection: str, said: str
) -> None:
    """The driver's words have the whole client in them, with all its options: the password of a TLS key is one."""
    document = to_document(DBResult(flow_name="scan", outputs={"text": "x" * 17_000_000}))
    (sha256,) = (whole := entry(1, b"content")).blobs
    store = opened(mongodb_url)
    store.insert([whole, Entry(document)])
    _lose(mongodb_url, collection)
    for act, what in (
        (lambda: list(store.read_blob(whole.document["unique_hash"], sha256)), f"the bytes {sha256} of the record"),
        (lambda: list(store.scan(Prefilter())), f"the values of the record {document['unique_hash']}"),
    ):
        with pytest.raises(RecordError, match=f"{what}.* are {said} any more at mongodb://") as caught:
            act()
        text = "".join(traceback.format_exception(caught.value))
        assert "MongoClient(" not in text
        assert "gridfs.errors" not in text
    store.close()


CHANGES = {
    "shorter": ("chunks", {"$set": {"data": b"short"}}),
    "text": ("chunks", {"$set": {"data": "x" * 2**21}}),
    "missing": ("chunks", {"$set": {"n": 9}}),
    "longer": ("files", {"$inc": {"length": 1}}),
    "no length": ("files", {"$unset": {"length": ""}}),
    "no chunks": ("files", {"$set": {"chunkSize": 0}}),
}


@pytest.mark.parametrize(("where", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_a_content_that_is_not_as_it_was_is_told(mongodb_url: str, where: str, change: dict[str, Any]) -> None:
    """Whatever comes before it was as it was saved."""
    data = bytes(range(256)) * 20_000
    store = opened(mongodb_url)
    (sha256,) = (whole := entry(1, data)).blobs
    store.insert([whole])
    assert b"".join(store.read_blob(whole.document["unique_hash"], sha256)) == data
    with pymongo.MongoClient[Any](mongodb_url) as client:
        collection = client.get_default_database()["blobs"][where]
        assert collection.update_one({"n": 1} if where == "chunks" else {}, change).modified_count == 1
    pieces = []
    with pytest.raises(RecordError, match="not whole any more"):
        pieces.extend(store.read_blob(whole.document["unique_hash"], sha256))
    assert data.startswith(b"".join(pieces))
    store.close()


def test_the_password_of_a_key_is_hidden_in_what_the_driver_says_of_itself() -> None:
    store: Any = opened("mongodb://127.0.0.1:1/x?tls=true&tlsCertificateKeyFilePassword=pass%3Aof-the-key")
    said = f"{store._records!r} pass:of-the-key"  # which some versions of the driver hide themselves
    assert "of-the-key" not in text_of(ValueError(said))
    store.close()


def test_records_that_are_less_durable_than_the_url_asks_for_are_told(mongod_of_a_replica_set: str) -> None:
    """One as well as many at once, be some of them there already."""
    url = f"mongodb://{mongod_of_a_replica_set}/x?directConnection=true"
    store = opened(url)
    store.check()
    store.close()
    store = opened(f"{url}&w=2&wtimeoutMS=2000")
    for numbers in ([0], [1, 2], [1, 2, 3], [1, 2]):
        message = failure(lambda these=numbers: store.insert(list(map(entry, these))), transient=False)
        assert "Not enough data-bearing nodes" in message
    assert store.count(Query()) == 4
    store.close()


# many at once

COUNT = 1000


def _save(url: str, at_once: int, start: Any, outcomes: Any) -> None:
    store = opened(url)
    entries = [entry(number, b"content" * 10) if number % 100 == 0 else entry(number) for number in range(COUNT)]
    start.wait()
    new = [sum(store.insert(entries[place : place + at_once])) for place in range(0, COUNT, at_once)]
    store.close()
    outcomes.put(sum(new))


@pytest.mark.parametrize("at_once", [5, COUNT])
def test_eight_processes_that_save_the_same_thousand_records_leave_a_thousand(store_url: str, at_once: int) -> None:
    assert sum(in_new_processes(8, _save, store_url, at_once)) == COUNT
    store = opened(store_url)
    documents = list(store.scan(Prefilter()))
    assert {document["outputs"]["n"] for document in documents} == set(range(COUNT))
    assert len(documents) == COUNT
    (sha256,) = entry(0, b"content" * 10).blobs
    whole = [document for document in documents if document["outputs"]["n"] % 100 == 0]
    for document in whole:
        assert b"".join(store.read_blob(document["unique_hash"], sha256)) == b"content" * 10
    store.close()


def test_threads_that_insert_in_opposite_orders_do_not_stop_each_other(store_url: str) -> None:
    entries = [entry(number) for number in range(300)]
    store = opened(store_url)
    new: list[bool] = []
    threads = [
        threading.Thread(target=lambda part: new.extend(store.insert(part)), args=(entries[:: 1 if n % 2 else -1],))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == store.count(Query()) == 300
    store.close()


def test_what_was_left_by_a_loser_is_gone(store_url: str) -> None:
    stored = entry(1, bytes(3_000_000))
    store: Any = opened(store_url)
    threads = [threading.Thread(target=store.insert, args=([stored],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.delete([stored.document["unique_hash"]])
    if store_url.startswith("mongodb"):
        assert list(store._files.find({})) == []
    else:
        with store._blob_engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM lume_blobs").scalar() == 0
    store.close()


# what no store can hold, or only some


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("flow_name", None, "flow_name: expected a text, got None"),
        ("flow_name", 5, "flow_name: expected a text, got 5"),
        ("project_name", "a\0b", "project_name: 'a\\x00b' is no name"),
        ("result_name", "r" * 256, "up to 255 characters"),
        ("flow_name", "\ud800", "flow_name"),
        ("flow_run_id", UUID(int=1), "flow_run_id: expected a text, got UUID"),
        ("outputs", [], "outputs: expected a dict, got a list"),
        ("outputs", None, "outputs: expected a dict, got a NoneType"),
        ("inputs", [1, 2], "inputs: expected a dict, got a list"),
    ],
)
def test_a_field_that_stores_hold_differently_is_refused_by_all(field: str, value: Any, message: str) -> None:
    members: dict[str, Any] = {"flow_name": "a", "outputs": {}, field: value}
    with pytest.raises(RecordError, match=re.escape(message)):
        to_document(DBResult(**members))


def test_the_longest_names_are_held_by_all(store_url: str) -> None:
    name = "é" * 255
    record = DBResult(flow_name=name, project_name=name, result_name=name, flow_run_id=name, outputs={})
    store = opened(store_url)
    reference, _ = store.save(record)
    assert store.load(reference) == record
    store.close()


# processes


def _count(store: RecordStore, outcomes: Any) -> None:
    try:
        outcomes.put(sum(1 for _ in store.find(Query())))
    except Exception as error:  # told to the test
        outcomes.put(repr(error))


@pytest.mark.filterwarnings("error")  # the driver of MongoDB warns of a client that was forked
def test_a_store_that_was_opened_before_a_fork_is_used_after_it(store_url: str) -> None:
    store = opened(store_url)
    store.insert([entry(number) for number in range(40)])
    context = multiprocessing.get_context("fork")
    outcomes = context.Queue()
    processes = [context.Process(target=_count, args=(store, outcomes)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [outcomes.get(timeout=30) for _ in processes] == [40] * 4
    for process in processes:
        process.join()
    assert store.count(Query()) == 40
    store.close()


def test_a_damaged_file_of_large_contents_is_told_by_a_check(tmp_path: Path) -> None:
    store = opened(f"sqlite:///{tmp_path}/results.db")
    store.insert([entry(1)])
    store.check()
    (tmp_path / "results.db-blobs").write_bytes(b"no database" * 1000)
    with pytest.raises(ServiceError, match=r"results\.db-blobs cannot be used: file is not a database"):
        store.check()
    store.close()


def test_iterations_that_hold_all_connections_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lume_dsl.records.sql_engines._POOL_SECONDS", 0.1)
    store = opened(f"sqlite:///{tmp_path}/results.db")
    store.insert([entry(number) for number in range(300)])
    open_ones = [store.scan(Prefilter()) for _ in range(16)]
    with pytest.raises(ServiceError, match=r"iterations that were not ended, use all connections; end an iteration"):
        list(map(next, open_ones))
    store.close()
