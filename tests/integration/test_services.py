"""Services of real servers: quick and clear where one is missing, shared where one is there."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import attrs
import pymongo
import pytest
from processes import in_new_processes

from lume_dsl.errors import FileError, RecordError, ServiceError
from lume_dsl.files import JSONFile, TextFile
from lume_dsl.records import DBResult, Query, open_store, retries
from lume_dsl.records.aside import keep, waiting
from lume_dsl.records.store import Entry
from lume_dsl.services import Services, current, load, use
from lume_dsl.settings import ResultsDB, Settings

SECRET = "s3cret"


def settings(**changes: Any) -> Settings:
    """The settings of this test, with changes."""
    return attrs.evolve(Settings.from_environment(), **changes)


def at(url: str) -> Services:
    """The services of a record store at a URL."""
    return Services(settings(results_db=ResultsDB(url)))


def failure(services: Services, **checks: Any) -> str:
    """The message of the check, which fails within five seconds."""
    start = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        services.check(**checks)
    assert time.monotonic() - start < 5
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return str(caught.value)


# -- what is missing or broken --------------------------------------------------------------------------------


def test_a_dead_mongod_fails_the_check_in_seconds_and_says_how_to_mend_it(unused_port: int) -> None:
    message = failure(at(f"mongodb://me:{SECRET}@127.0.0.1:{unused_port}/x"))
    assert f"no MongoDB answers at mongodb://me:***@127.0.0.1:{unused_port}/x" in message
    assert "start mongod, or set LUME_RESULTS_DB__URL" in message


def test_a_silent_server_fails_the_check_in_seconds(silent_port: int) -> None:
    assert "no MongoDB answers" in failure(at(f"mongodb://127.0.0.1:{silent_port}/x"))


def test_a_host_that_has_no_address_fails_the_check_in_seconds() -> None:
    assert "start mongod" in failure(at("mongodb://no-such-host.invalid/x"))


def test_a_dead_mongod_fails_saving_and_finding_within_their_bounds(
    unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "SAVE_SECONDS", 1.0)
    monkeypatch.setattr(retries, "READ_SECONDS", 1.0)
    services = at(f"mongodb://me:{SECRET}@127.0.0.1:{unused_port}/x")
    record = DBResult(flow_name="a", outputs={})
    for act in (
        lambda: services.save_record(record),
        lambda: services.results(Query(), DBResult).latest(),
        lambda: services.results(Query(), DBResult).count(),
    ):
        start = time.monotonic()
        with pytest.raises(ServiceError, match="start mongod") as caught:
            act()
        assert time.monotonic() - start < 5
        assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://me:{SECRET}/x@127.0.0.1/x",
        f"mongodb://me:{SECRET}@@h:1/x",
        f"mongodb://me:{SECRET}@h:port/x",
        f"mongodb://me:{SECRET}@h/a b",
        f"postgresql://me:{SECRET}@h:port/x",
        f"mysql+nodriver://me:{SECRET}@h/x",
    ],
)
def test_a_url_that_its_driver_refuses_is_an_error_that_hides_the_password(url: str) -> None:
    assert ":***@" in failure(at(url))


def test_options_that_the_driver_cannot_use_are_named() -> None:
    message = failure(at("mongodb://h/x?authMechanism=GSSAPI"))
    assert message.startswith("the records at mongodb://h/x?authMechanism=GSSAPI cannot be used: ")
    assert "username" in message


def test_a_driver_that_is_not_installed_is_named() -> None:
    message = failure(at(f"mysql+aiomysql://me:{SECRET}@h/x"))
    assert (
        "names the driver aiomysql, which is not installed: write mysql://, and pip install 'lume-dsl[mysql]'"
        in message
    )


@pytest.mark.parametrize("url", ["sqlite://me:{}@host/x", "sqlite://host/x.db"])
def test_sqlite_has_no_host(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "SQLite has none: write sqlite:/// and the path of a file" in failure(at(url.format(SECRET)))
    assert [path.name for path in tmp_path.iterdir() if path.name != "lume_home"] == []


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mariadb", "mongodb"])
def test_a_password_with_an_at_sign_as_it_is_is_refused_and_not_shown(scheme: str, unused_port: int) -> None:
    message = failure(at(f"{scheme}://me:p@{SECRET}@127.0.0.1:{unused_port}/x"))
    assert f"{scheme}://me:***@127.0.0.1:{unused_port}/x is not a URL that the driver takes" in message
    assert "%XX" in message


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mongodb"])
def test_a_port_that_is_none_is_told(scheme: str) -> None:
    assert "a port is 1 to 65535" in failure(at(f"{scheme}://me:{SECRET}@h:99999/x"))


def test_a_wrong_password_is_an_error_that_names_the_variables(mongod: str) -> None:
    message = failure(at(f"mongodb://me:{SECRET}@{mongod}/x?authSource=admin"))
    assert f"mongodb://me:***@{mongod}/x?authSource=admin refuses this user" in message
    assert "LUME_RESULTS_DB__PASSWORD" in message


def test_a_user_with_odd_characters_gets_in(mongod: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, password = "m:e@/é", f"{SECRET}:/@%"
    host, _, port = mongod.partition(":")
    with pymongo.MongoClient[Any](mongod) as client:
        client.admin.command("createUser", name, pwd=password, roles=["readWriteAnyDatabase"])
    try:
        variables = {"HOST": host, "PORT": port, "USERNAME": name, "PASSWORD": password, "DATABASE": "odd"}
        for variable, value in variables.items():
            monkeypatch.setenv(f"LUME_RESULTS_DB__{variable}", value)
        current().check()
        assert current().save_record(DBResult(flow_name="a", outputs={}))[1]
    finally:
        with pymongo.MongoClient[Any](mongod) as client:
            client.admin.command("dropUser", name)
            client.drop_database("odd")


def test_a_folder_for_records_that_cannot_be_made_is_an_error() -> None:
    message = failure(at("sqlite:////proc/x/results.db"))
    assert "the folder /proc/x of the records cannot be made" in message
    assert "LUME_HOME or LUME_RESULTS_DB__URL" in message


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "results.db").write_text("not a database, but long enough to be taken for one at first sight" * 20)
    message = failure(at(f"sqlite:///{tmp_path}/results.db"))
    assert f"sqlite:///{tmp_path}/results.db cannot be used: file is not a database" in message


def test_a_database_that_may_not_be_written_fails_the_check(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/results.db"
    at(url).check()
    readonly = at(f"sqlite:///file:{tmp_path}/results.db?mode=ro&uri=true")
    assert "attempt to write a readonly database; get the right to write there" in failure(readonly)


def test_everything_that_is_wrong_is_in_one_error(unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", f"mongodb://127.0.0.1:{unused_port}")
    monkeypatch.setenv("LUME_MOUNTED_FILESYSTEM__MOUNT_PATH", "/proc/x")
    message = failure(current(), filesystems=["local", "mounted", "moutned"])
    lines = message.splitlines()
    assert len(lines) == 3
    assert "/proc/x" in lines[0]
    assert "did you mean 'mounted'" in lines[1]
    assert "start mongod" in lines[2]


def test_only_what_is_asked_for_is_checked(unused_port: int) -> None:
    services = at(f"mongodb://127.0.0.1:{unused_port}")
    services.check(filesystems=["local"], records=False)
    services.check(records=False)


def test_a_check_that_never_ends_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lume_dsl.services.CHECK_SECONDS", 0.2)
    services = Services(settings())
    monkeypatch.setattr(services, "_check_store", lambda: time.sleep(3))
    message = failure(services)
    assert message.startswith("record store sqlite:///")
    assert message.endswith("results.db: does not answer within 0.2 seconds")


def test_a_reference_is_loaded_as_what_is_expected() -> None:
    reference, _ = current().save_record(DBResult(flow_name="a", outputs={}))
    file = TextFile.write("a", filename="a.txt").reference()
    assert load(reference, DBResult).flow_name == "a"
    assert load(file, TextFile).read() == "a"
    with pytest.raises(RecordError, match="expected a reference to a TextFile, got one to a DBResult"):
        load(reference, TextFile)
    with pytest.raises(FileError, match="expected a reference to a JSONFile, got one to a TextFile"):
        load(file, JSONFile)


def test_a_record_beyond_16_mb_is_held_by_every_store(store_url: str) -> None:
    record = DBResult(flow_name="a", outputs={"text": "x" * 17_000_000})
    with use(settings(results_db=ResultsDB(store_url))):
        reference, _ = current().save_record(record)
        assert load(reference) == record


# -- what is there ----------------------------------------------------------------------------------------------


def test_a_services_object_is_kept_for_the_settings_of_a_process() -> None:
    first = current()
    assert current() is first
    with use(settings(backend="docker")):
        assert current() is not first
        assert current() is current()
    assert current() is first


@pytest.mark.parametrize("name", ["a b", "a@b", "a:b@c", "a%20b", "é#x"])
def test_the_home_folder_may_have_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUME_HOME", str(tmp_path / name))
    current().save_record(DBResult(flow_name="a", outputs={}))
    assert (tmp_path / name / "results.db").is_file()


def test_services_work_again_after_they_were_closed() -> None:
    record = DBResult(flow_name="a", outputs={})
    current().save_record(record)
    current().close()
    assert current().save_record(record)[1] is False


def test_a_reference_gives_back_the_file_or_the_record(tmp_path: Path) -> None:
    file = TextFile.write("hey", filename=tmp_path / "a.txt")
    record = DBResult(flow_name="a", outputs={"file": file})
    reference, newly_stored = current().save_record(record)
    assert newly_stored
    assert reference == record.reference()
    assert load(file.reference()) == file
    assert load(reference) == record


@pytest.mark.parametrize("reference", [None, 5, "a.txt", {}, {"filename": "a"}, [1]])
def test_what_is_no_reference_is_refused_with_what_one_looks_like(reference: Any) -> None:
    with pytest.raises(RecordError, match=r"not a reference: expected \{'filename', "):
        load(reference)


@pytest.mark.parametrize("query", [{}, None, {"unique_hash": 5}, {"unique_hash": {"$ne": ""}}])
def test_a_record_reference_asks_for_a_hash_and_nothing_else(query: Any) -> None:
    with pytest.raises(RecordError, match="not a record reference"):
        load({"project_name": "default", "result_type_string": "x:Y", "query": query})


def test_a_file_reference_to_something_else_is_refused() -> None:
    with pytest.raises(FileError, match="is not a File class"):
        load({"filename": "x", "file_type_string": "os:system"})


def _insert(url: str, start: Any, outcomes: Any) -> None:
    store = open_store(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))
    start.wait()
    outcomes.put(sum(store.save(DBResult(flow_name="a", outputs={"n": n}))[1] for n in range(20)))
    store.close()


@pytest.mark.parametrize("server", ["sqlite", "mongodb"])
def test_eight_processes_that_save_the_same_records_leave_one_of_each(
    server: str, tmp_path: Path, mongodb_url: str
) -> None:
    url = mongodb_url if server == "mongodb" else f"sqlite:///{tmp_path}/new/results.db"
    assert sum(in_new_processes(8, _insert, url)) == 20
    assert at(url).results(Query(), DBResult).count() == 20


@pytest.mark.parametrize("server", ["sqlite", "mongodb"])
def test_services_work_on_both_sides_of_a_fork(server: str, mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if server == "mongodb":
        monkeypatch.setenv("LUME_RESULTS_DB__URL", mongodb_url)
    current().save_record(DBResult(flow_name="a", outputs={"n": 1}))
    parent = current()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            new = current().save_record(DBResult(flow_name="a", outputs={"n": 2}))[1]
            status = 0 if new and current() is not parent else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert current().results(Query(), DBResult).count() == 2


def test_importing_loads_no_driver_and_no_format() -> None:
    heavy = ["typed_settings", "cattrs", "yaml", "sqlalchemy", "pymongo", "bson", "fsspec", "numpy", "PIL", "prefect"]
    script = (
        "import sys; import lume_dsl.records, lume_dsl.files, lume_dsl.services, lume_dsl.settings; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert outcome.stdout.strip() == "[]"


def test_a_file_and_a_record_in_sqlite_load_nothing_that_they_do_not_need(tmp_path: Path) -> None:
    unneeded = ["cattrs", "yaml", "pymongo", "fsspec", "numpy", "PIL", "prefect"]
    script = (
        "import sys; from lume_dsl.files import TextFile; from lume_dsl.records import DBResult\n"
        "from lume_dsl.services import current\n"
        f"file = TextFile.write('hey', filename={str(tmp_path / 'a.txt')!r})\n"
        "current().save_record(DBResult(flow_name='a', outputs={'file': file}))\n"
        f"print([name for name in {unneeded} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert outcome.stdout.strip() == "[]"


# -- saving where the store is down ---------------------------------------------------------------------------


def test_a_record_that_cannot_be_stored_loses_no_other_where_the_store_is_down(
    unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found only after the store was asked, because so many are saved at once and no more."""
    monkeypatch.setattr(retries, "SAVE_SECONDS", 0.0)
    records = [DBResult(flow_name="a", outputs={"n": number}) for number in range(1500)]
    records[1400] = DBResult(flow_name="a", outputs={"n": {1, 2}})
    with pytest.raises(ServiceError) as caught:
        at(f"mongodb://127.0.0.1:{unused_port}/x").save_records(iter(records))
    text = str(caught.value)
    assert f"1,500 records, {json.dumps(records[0].reference())} the first of them, were not saved, but kept in" in text
    assert "1 of them could not be kept, and must be saved anew:\nrecords[1400]: outputs['n']: set cannot be" in text
    assert caught.value.transient
    assert all(outcome.is_new for outcome in current().recover())
    found = {document["outputs"]["n"] for document in current().store.find(Query())}
    assert found == {*range(1500)} - {1400}


def test_records_that_can_be_neither_saved_nor_kept_are_told_in_a_few_lines(
    unused_port: int, monkeypatch: pytest.MonkeyPatch, lume_home: Path
) -> None:
    monkeypatch.setattr(retries, "SAVE_SECONDS", 0.0)
    lume_home.mkdir()
    (lume_home / "unsaved").write_text("")
    services = at(f"mongodb://127.0.0.1:{unused_port}/x")
    with pytest.raises(ServiceError) as caught:
        services.save_records(DBResult(flow_name="a", outputs={"n": number}) for number in range(9))
    _, first, second, *lines = str(caught.value).splitlines()
    assert first.startswith("9 records, ")
    assert "but kept" not in first
    assert second == "9 of them could not be kept, and must be saved anew:"
    assert lines[0].startswith("records[0]: nor can it be kept aside: ")
    assert len(lines) == 4
    assert lines[-1] == "and 6 more"
    with pytest.raises(ServiceError, match=r"the record \{.*\} was not saved; nor can it be kept aside: .*"):
        services.save_record(DBResult(flow_name="a", outputs={}))


# -- recovering -----------------------------------------------------------------------------------------------


def test_one_record_that_cannot_be_recovered_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused for good by the store, failing in a way that nobody foresaw, or incomplete: it stays, and is told."""
    records = [DBResult(flow_name="a", outputs={"n": number}) for number in range(5)]
    folders = [keep(current().settings.home, Entry.of(record)) for record in records]
    errors = {folders[1].name: ServiceError("too large for it"), folders[2].name: KeyError("surprise")}
    for file in (folders[3] / "document.json", folders[3] / "document.json.sha256"):
        file.unlink()
    (folders[3] / "document.json").write_text(f'{{"unique_hash": "{folders[3].name}"}}')
    store: Any = current().store
    insert = store.store.insert

    def refuses(entries: list[Entry]) -> list[bool]:
        if error := errors.get(entries[0].document["unique_hash"]):
            raise error
        return list(insert(entries))

    monkeypatch.setattr(store.store, "insert", refuses)
    outcomes = {outcome.folder: outcome for outcome in current().recover()}
    assert [folder for folder in folders if outcomes[folder].is_new] == [folders[0], folders[4]]
    assert outcomes[folders[1]].problem == "too large for it"
    assert outcomes[folders[2]].problem == "KeyError: 'surprise'"
    assert "document.json has no result_type_string, project_name" in outcomes[folders[3]].problem
    assert sorted(waiting(current().settings.home)) == sorted(folders[1:4])
    assert {document["outputs"]["n"] for document in store.find(Query())} == {0, 4}


def test_recovering_ends_where_the_store_does_not_answer(unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "SAVE_SECONDS", 0.1)
    for number in range(3):
        keep(current().settings.home, Entry.of(DBResult(flow_name="a", outputs={"n": number})))
    start = time.monotonic()
    with pytest.raises(ServiceError, match="no MongoDB answers"):
        at(f"mongodb://127.0.0.1:{unused_port}/x").recover()
    assert time.monotonic() - start < 6, "each record was tried"
    with pytest.raises(ServiceError, match="is not a URL that the driver takes"):
        at("mongodb://127.0.0.1:x/y").recover()
    assert len(waiting(current().settings.home)) == 3
