"""Nothing is lost, torn or doubled, whatever fails: servers that are killed, writers that are, disks that are full."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from processes import in_forks

from lume_dsl import DBResult, FlowRunError, LumeFlow, ServiceError, db_result, load, task
from lume_dsl.records import aside, retries
from lume_dsl.records.query import Query
from lume_dsl.records.store import Entry
from lume_dsl.services import Services, close_all, current
from lume_dsl.settings import ResultsDB, Settings
from lume_dsl.values.content import Content

if TYPE_CHECKING:
    from tests.conftest import Mongod, MySQL, Postgres  # for their attributes alone

    Server = Postgres | Mongod | MySQL

RECORDS = 1000


@pytest.fixture
def server(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server on which the settings of this test keep records."""
    monkeypatch.setenv("LUME_RESULTS_DB__URL", own_server.create_database())
    return own_server


_middle: list[Callable[[], None]] = []
"""What happens in the middle of a run."""


@task
def computed(number: int) -> int:
    for act in _middle:
        act()
    return number * 2


class Interrupted(LumeFlow):
    number: int = 1
    name: str = "a"

    double = computed(number)
    record: DBResult = db_result(double=double, large=b"x")


@pytest.fixture
def in_the_middle(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    monkeypatch.setattr(sys.modules[__name__], "_middle", [])
    return _middle


def test_a_run_outlasts_a_server_that_is_killed_and_started_again(
    server: Server, in_the_middle: list[Callable[[], None]]
) -> None:
    def restart() -> None:
        server.end(signal.SIGKILL)
        thread = threading.Timer(2.0, server.start)
        thread.start()

    in_the_middle.append(restart)
    start = time.monotonic()
    done = Interrupted(name=f"outlasts {server.port}").run()
    assert 1.5 < time.monotonic() - start < retries.SAVE_SECONDS + 10
    assert done.record.outputs["double"] == 2
    assert Interrupted.results(name=f"outlasts {server.port}").one() == done.record
    assert aside.waiting(current().settings.home) == []


def test_what_a_dead_server_did_not_take_is_kept_and_recovered(
    server: Server, in_the_middle: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "SAVE_SECONDS", 1.0)
    in_the_middle.append(lambda: server.end(signal.SIGKILL))
    name = f"recovered {time.time()}"
    start = time.monotonic()
    with pytest.raises(FlowRunError) as caught:
        Interrupted(name=name).run()
    assert time.monotonic() - start < 15
    assert isinstance(caught.value.__cause__, ServiceError)
    message = str(caught.value)
    assert "python -m lume_dsl results recover" in message
    found = re.search(r"the record (\{.*\}) was not saved, but kept in (\S+) on ", message)
    assert found, message
    reference, folder = json.loads(found[1]), Path(found[2])
    assert folder.parent == current().settings.home / "unsaved"
    assert folder.name == reference["query"]["unique_hash"]

    monkeypatch.setattr(retries, "SAVE_SECONDS", 0.5)
    with pytest.raises(ServiceError):
        current().recover()
    assert folder.is_dir()

    server.start()
    (recovered,) = current().recover()
    assert (recovered.reference, recovered.is_new, recovered.problem) == (reference, True, "")
    assert not folder.exists()
    assert current().recover() == []
    record = load(reference)
    assert record.inputs["name"] == name
    assert record.provenance.flow == f"{__name__}:Interrupted"


def test_finding_and_loading_outlast_a_server_that_is_started_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "READ_SECONDS", 60)  # a server may take longer to start than people wait
    record = DBResult(flow_name="found again", outputs={"n": time.time()})
    reference, _ = current().save_record(record)
    server.end(signal.SIGKILL)
    threading.Timer(0.5, server.start).start()
    assert load(reference) == record
    assert current().results(Query(unique_hash=record.unique_hash), DBResult).latest() == record


# -- keeping aside -------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """An SQLite store that another program has locked, with nobody waiting for long."""
    monkeypatch.setattr("lume_dsl.records.sql_engines._BUSY_SECONDS", 0.1)
    monkeypatch.setattr(retries, "SAVE_SECONDS", 0.5)
    current().save_record(DBResult(flow_name="before", outputs={}))
    with sqlite3.connect(current().settings.home / "results.db", isolation_level=None, timeout=5) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection
    connection.close()


def large(number: int) -> DBResult:
    """A record with large contents, which differ from number to number."""
    return DBResult(flow_name="large", inputs={"n": number}, outputs={"a": content(number), "b": content(-number)})


def content(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True) * 20_000


def test_a_locked_file_is_waited_for(locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SAVE_SECONDS", 20.0)
    release = threading.Timer(1.0, lambda: None)
    release.start()
    outcome: list[Any] = []
    saving = threading.Thread(target=lambda: outcome.append(current().save_record(large(1))))
    saving.start()
    release.join()
    locked.execute("COMMIT")
    saving.join(30)
    assert outcome[0][1] is True
    assert load(outcome[0][0]) == large_again(outcome[0][0], 1)


def large_again(reference: dict[str, Any], number: int) -> DBResult:
    """The record of this number, made at the time of the one that a reference stands for."""
    made = large(number)
    return DBResult(flow_name="large", inputs=made.inputs, outputs=made.outputs, time=load(reference).time)


def test_a_file_that_stays_locked_leaves_the_records_aside(locked: sqlite3.Connection) -> None:
    records = [large(number) for number in range(3)]
    with pytest.raises(ServiceError, match=r"3 records, .* the first of them, were not saved, but kept in") as caught:
        current().save_records(records)
    assert caught.value.transient
    assert len(aside.waiting(current().settings.home)) == 3
    locked.execute("COMMIT")
    current().save_record(records[1])
    assert sorted(outcome.is_new for outcome in current().recover()) == [False, True, True]
    assert [load(record.reference()) for record in records] == records


def test_what_is_aside_and_damaged_stays_and_is_named(locked: sqlite3.Connection) -> None:
    with pytest.raises(ServiceError):
        current().save_records([large(1), large(2)])
    locked.execute("COMMIT")
    first, _ = aside.waiting(current().settings.home)
    next(iter((first / "blobs").iterdir())).write_bytes(b"torn")
    outcomes = {outcome.folder: outcome for outcome in current().recover()}
    assert "was changed" in outcomes.pop(first).problem
    assert [outcome.problem for outcome in outcomes.values()] == [""]
    assert aside.waiting(current().settings.home) == [first]


def _recover(settings: Settings, start: Any, outcomes: Any) -> None:
    services = Services(settings)
    start.wait()
    outcomes.put([(outcome.is_new, outcome.problem) for outcome in services.recover()])
    services.close()


def test_two_processes_that_recover_at_once_save_each_record_once() -> None:
    settings = Settings.from_environment()
    for number in range(40):
        blobs: dict[str, Content] = {}
        from lume_dsl.records import to_document

        aside.keep(settings.home, Entry(to_document(large(number), blobs), blobs))
    found = in_forks(2, _recover, settings)
    assert sum(is_new for outcomes in found for is_new, _ in outcomes) == 40
    assert {problem for outcomes in found for _, problem in outcomes} == {""}
    assert aside.waiting(settings.home) == []
    assert len(list(current().results(Query(), DBResult))) == 40


# -- killed and concurrent writers -------------------------------------------------------------------------------


def in_a_child_that_is_killed(
    work: Callable[[], None], seconds: float, first: Callable[[], object] | None = None
) -> None:
    """Run work in a process that gets ``kill -9`` so many seconds after it has begun, which is when first is done."""
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if first:
                first()
            os.write(begun, b"x")
            work()
        finally:
            os._exit(0)
    os.read(ready, 1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(begun)


def test_a_writer_killed_at_any_moment_leaves_each_record_whole_or_absent(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", store_url)
    current().store.check()  # loads the driver, so that no child spends its time on it
    close_all()
    chance = random.Random(4)
    for round_number in range(100):

        def write(first: int = round_number * 1000) -> None:
            for number in range(first, first + 1000):
                current().save_record(large(number))

        in_a_child_that_is_killed(write, chance.uniform(0, 0.1), first=lambda: current().store.check())
    if store_url.startswith("sqlite"):
        with sqlite3.connect(store_url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    records = list(current().results(Query(), DBResult))
    assert len(records) > 10  # a loaded machine saves few in the time that the writers have
    for record in records:
        number = record.inputs["n"]
        assert record.outputs == {"a": content(number), "b": content(-number)}
    assert len({record.inputs["n"] for record in records}) == len(records)


def test_a_process_killed_while_it_keeps_records_aside_leaves_each_whole_or_absent(tmp_path: Path) -> None:
    from lume_dsl.records import to_document

    chance = random.Random(4)
    for round_number in range(20):

        def write(first: int = round_number * 1000 + 1) -> None:
            for number in range(first, first + 1000):
                blobs: dict[str, Content] = {}
                aside.keep(tmp_path, Entry(to_document(large(number), blobs), blobs))

        in_a_child_that_is_killed(write, chance.uniform(0.005, 0.08))
    entries = [aside.read(folder) for folder in aside.waiting(tmp_path)]
    assert entries
    assert all(entry is not None and len(entry.blobs) == 2 for entry in entries)


def _save_all(url: str, start: Any, outcomes: Any) -> None:
    services = Services(attrs.evolve(Settings.from_environment(), results_db=ResultsDB(url)))
    numbers = list(range(RECORDS))
    random.Random(os.getpid()).shuffle(numbers)
    records = [DBResult(flow_name="eight", outputs={"n": number}) for number in numbers]
    start.wait()
    are_new = [services.save_record(record)[1] for record in records[:200]]
    are_new += [is_new for _, is_new in services.save_records(records[200:])]
    outcomes.put(sum(are_new))
    services.close()


def test_eight_processes_that_save_the_same_thousand_records_leave_one_of_each(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", store_url)
    assert sum(in_forks(8, _save_all, store_url)) == RECORDS
    found = current().results(Query(flow_name="eight"), DBResult)
    assert sorted(record.outputs["n"] for record in found) == list(range(RECORDS))


# -- disks -------------------------------------------------------------------------------------------------------

SMALL_DISK = """
import os, subprocess, sys
from pathlib import Path
from lume_dsl import DBResult, ServiceError
from lume_dsl.records.query import Query
from lume_dsl.services import current

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", str(disk)], check=True)
os.environ["LUME_RESULTS_DB__URL"] = f"sqlite:///{disk}/results.db"
saved, failed = [], None
"""

FULL = """
for number in range(100):
    record = DBResult(flow_name="full", inputs={"n": number}, outputs={"a": os.urandom(100_000)})
    try:
        current().save_record(record)
    except ServiceError as error:
        failed = record
        print(error)
        break
    saved.append(record)
assert saved and failed is not None
assert sorted(map(repr, current().results(Query(), DBResult))) == sorted(map(repr, saved))
subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
(outcome,) = current().recover()
assert (outcome.reference, outcome.is_new) == (failed.reference(), True), outcome
assert current().store.load(failed.reference()) == failed
print("RECOVERED")
"""

FULL_FOR_ALL = """
first, second = (DBResult(flow_name="full", outputs={"a": os.urandom(100_000)}) for _ in range(2))
current().save_record(first)
filler = open(disk / "filler", "wb", buffering=0)
try:
    while True:
        filler.write(bytes(4096))
except OSError:
    filler.close()
try:
    current().save_record(second)
except ServiceError as error:
    print(error)
assert list(current().results(Query(), DBResult)) == [first]
os.unlink(disk / "filler")
assert current().recover() == []
assert current().save_record(second)[1]
print("SAVED")
"""

TOO_LARGE = """
def outputs(number):
    large = {"text": ["x" * 1000] * 8000} if number % 2 else {"a": os.urandom(8_000_000)}
    return {"n": number, **large}

for is_first in (True, False):  # and where there are large contents already
    small = DBResult(flow_name="small", outputs={"first": is_first, "a": b"x" * (10 if is_first else 100_000)})
    current().save_record(small)
    for number in range(4):
        free = os.statvfs(disk).f_bavail
        try:
            current().save_record(DBResult(flow_name="large", outputs=outputs(number)))
        except ServiceError as error:
            assert "disk is full" in str(error), error
        else:
            raise SystemExit("there was room")
        left = os.statvfs(disk).f_bavail
        assert left > 0.9 * free, (number, sorted((file.name, file.stat().st_size) for file in disk.iterdir()))
        assert current().save_record(DBResult(flow_name="small", outputs={"first": is_first, "n": number}))[1]
assert current().results(Query(flow_name="small"), DBResult).count() == 10
print("SAVED")
"""

READ_ONLY = """
current().save_record(DBResult(flow_name="a", outputs={}))
current().close()
subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
record = DBResult(flow_name="b", outputs={})
try:
    current().check()
except ServiceError as error:
    print("CHECK", error)
try:
    current().save_record(record)
except ServiceError as error:
    print("SAVE", error)
subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
current().close()
(outcome,) = current().recover()
assert outcome.is_new and current().store.load(record.reference()) == record
print("RECOVERED")
"""


def on_a_small_disk(script: str, tmp_path: Path, home: str) -> str:
    """What a script prints that has a disk of 3 MB to itself: a tmpfs in a mount namespace of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    environment = {**os.environ, "LUME_HOME": str(tmp_path / home), "PYTHONPATH": ":".join(sys.path)}
    command = ["unshare", "-rm", sys.executable, "-c", SMALL_DISK + script, str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_full_disk_tears_no_record_and_what_it_did_not_take_is_recovered(tmp_path: Path) -> None:
    told = on_a_small_disk(FULL, tmp_path, "home")
    assert "disk is full" in told
    assert f"was not saved, but kept in {tmp_path}/home/unsaved/" in told
    assert "RECOVERED" in told


def test_a_disk_that_is_full_for_all_says_that_the_record_is_not_kept(tmp_path: Path) -> None:
    told = on_a_small_disk(FULL_FOR_ALL, tmp_path, "disk/home")
    assert "nor can it be kept aside" in told
    assert "No space left on device" in told
    assert "SAVED" in told


def test_a_record_that_a_disk_has_no_room_for_leaves_the_room_to_smaller_ones(tmp_path: Path) -> None:
    """It fills the disk and is rolled back: SQLite's files are as large as before, at once."""
    assert on_a_small_disk(TOO_LARGE, tmp_path, "disk/home") == "SAVED\n"


def test_a_folder_that_takes_no_files_is_told_and_the_record_is_kept_elsewhere(tmp_path: Path) -> None:
    told = on_a_small_disk(READ_ONLY, tmp_path, "home")
    assert re.search("CHECK .*readonly database|CHECK .*read-only|CHECK .*unable to open", told), told
    assert re.search(r"SAVE [\s\S]*but kept in .*/home/unsaved/", told), told
    assert "RECOVERED" in told
