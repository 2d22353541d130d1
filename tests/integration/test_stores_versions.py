"""A store is made and brought up to date when it is opened: an old one opens, a newer one is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import alembic.op
import pymongo
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from processes import in_new_processes
from sqlalchemy.pool import NullPool

from lume_dsl.errors import ServiceError
from lume_dsl.records import DBResult, Query, RecordStore, open_store, sql_schema, to_document
from lume_dsl.records.migrations import scripts, upgrade
from lume_dsl.records.query import Prefilter
from lume_dsl.records.sql import SQLStore
from lume_dsl.records.store import Entry
from lume_dsl.settings import ResultsDB, Settings
from lume_dsl.values.content import Content

# As SQLAlchemy wrote it in the first release.
RELEASED = """
CREATE TABLE lume_records (
    id INTEGER NOT NULL,
    unique_hash VARCHAR(64) NOT NULL,
    project_name VARCHAR(255) NOT NULL,
    flow_name VARCHAR(255) NOT NULL,
    result_name VARCHAR(255) NOT NULL,
    result_type_string VARCHAR(255) NOT NULL,
    flow_run_id VARCHAR(255),
    time VARCHAR(32) NOT NULL,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    fields TEXT NOT NULL,
    input_marks TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (unique_hash)
);
CREATE INDEX lume_records_by_flow ON lume_records (flow_name, project_name, time);
INSERT INTO lume_records VALUES (
    1, '{hash}', 'default', 'scan', '', 'lume_dsl.records:DBResult', NULL, '2024-02-29T23:59:59.999999+00:00',
    '{{"a": 1}}', '{{"x": {{"__lume__": "tuple", "value": [1, 2.0]}}}}', '{{}}', ''
);
"""
HASH = "0123456789abcdef" * 4


def opened(url: str) -> RecordStore:
    return open_store(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))


def engine(url: str) -> sa.Engine:
    found = sa.make_url(url.replace("postgresql://", "postgresql+psycopg://"))
    # MySQL's driver takes a text for Latin-1.
    arguments = {"password": str(found.password).encode()} if url.startswith("mysql") else {}
    return sa.create_engine(found, poolclass=NullPool, connect_args=arguments)


def released(url: str) -> None:
    """The database at ``url`` is as the first release left it, with one record."""
    script = RELEASED.format(hash=HASH)
    if url.startswith("sqlite"):
        script_of = Path(url.removeprefix("sqlite:///"))
        script_of.parent.mkdir(parents=True)
        with sqlite3.connect(script_of) as connection:
            connection.executescript(script)
        connection.close()
        return
    if url.startswith("mysql"):
        script = script.replace("id INTEGER NOT NULL", "id INTEGER NOT NULL AUTO_INCREMENT")
    else:
        script = script.replace("id INTEGER NOT", "id SERIAL NOT") + "SELECT setval('lume_records_id_seq', 1);"
    with engine(url).begin() as connection_:
        for statement in filter(str.strip, script.split(";")):
            connection_.exec_driver_sql(statement)


def entry(number: int, *contents: bytes) -> Entry:
    document = to_document(DBResult(flow_name="scan", outputs={"n": number}))
    return Entry(document, {Content.of(data).sha256: Content.of(data) for data in contents})


def test_a_store_of_the_first_release_opens_and_keeps_its_records(sql_url: str) -> None:
    released(sql_url)
    store = opened(sql_url)
    store.check()
    (old,) = store.scan(Prefilter())
    assert old["provenance"] is None
    assert store.record(old).outputs == {"x": (1, 2.0)}
    new = entry(1, b"content")
    assert store.insert([new]) == [True]
    (sha256,) = new.blobs
    assert b"".join(store.read_blob(new.document["unique_hash"], sha256)) == b"content"
    assert store.insert([Entry({**new.document, "unique_hash": HASH})]) == [False]
    assert [document["unique_hash"] for document in store.scan(Prefilter())] == [new.document["unique_hash"], HASH]
    store.close()


def test_a_mongodb_of_the_first_release_opens_and_keeps_its_records(mongodb_url: str) -> None:
    document = {name: value for name, value in entry(0).document.items() if name != "provenance"}
    with pymongo.MongoClient[Any](mongodb_url) as client:
        client.get_default_database()["records"].insert_one(dict(document))
    store = opened(mongodb_url)
    assert list(store.scan(Prefilter())) == [{**document, "provenance": None}]
    assert store.insert([entry(0), entry(1)]) == [False, True]
    store.close()


def test_the_first_release_goes_on_with_a_store_that_this_one_has_opened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store/results.db"
    released(url)
    store = opened(url)
    store.check()
    names = "id, unique_hash, project_name, flow_name, result_name, result_type_string, flow_run_id, time"
    columns = f"lume_records ({names}, inputs, outputs, fields, input_marks)"
    insert = RELEASED.format(hash="f" * 64).partition(";\nINSERT")[2].replace("lume_records", columns)
    with sqlite3.connect(tmp_path / "store" / "results.db") as connection:
        connection.execute("INSERT " + insert.replace("    1,", "    2,", 1).strip().rstrip(";"))
    connection.close()
    assert store.count(Query()) == 2
    store.close()


def test_new_tables_are_those_that_the_migrations_make(sql_url: str, tmp_path: Path) -> None:
    connected = engine(sql_url)
    if sql_url.startswith("sqlite"):
        (tmp_path / "store").mkdir()
    metadata = sa.MetaData()
    for table in (*sql_schema.metadata.tables.values(), sql_schema.blobs):
        if table is not sql_schema.blobs or not sql_url.startswith("sqlite"):
            table.to_metadata(metadata)
    with connected.begin() as connection:
        upgrade(connection, None)
    with connected.connect() as connection:
        assert sql_schema.version(connection) == str(sql_schema.VERSION)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            assert [column["name"] for column in inspector.get_columns(table.name)] == list(table.c.keys())
            by_default = inspector.get_table_options(table.name).get("mysql_collate")
            for column in inspector.get_columns(table.name):
                expected = getattr(table.c[column["name"]].type.dialect_impl(connection.dialect), "collation", None)
                found = getattr(column["type"], "collation", None)
                assert found == expected or (found is None and by_default == expected)
    assert scripts().get_heads() == [str(sql_schema.VERSION)]


def test_a_store_of_a_newer_version_is_refused_and_not_touched(store_url: str) -> None:
    store = opened(store_url)
    store.insert([entry(0)])
    store.close()
    set_version(store_url, 7)
    newer = opened(store_url)
    for act in (
        newer.check,
        lambda: newer.insert([entry(1)]),
        lambda: list(newer.scan(Prefilter())),
        lambda: newer.count(Query()),
        lambda: newer.delete([entry(0).document["unique_hash"]]),
    ):
        with pytest.raises(ServiceError, match=r"version 7.* this one knows version 2: pip install --upgrade lume_dsl"):
            act()
    newer.close()
    set_version(store_url, 2)
    again = opened(store_url)
    assert [document["outputs"] for document in again.scan(Prefilter())] == [{"n": 0}]
    again.close()


def set_version(url: str, version: int) -> None:
    if url.startswith("mongodb"):
        with pymongo.MongoClient[Any](url) as client:
            client.get_default_database()["lume_schema"].update_one({}, {"$set": {"version": version}})
        return
    with engine(url).begin() as connection:
        connection.exec_driver_sql(f"UPDATE lume_schema SET version_num = '{version}'")


def _open(url: str, start: Any, outcomes: Any) -> None:
    store = opened(url)
    start.wait()
    store.check()
    store.close()
    outcomes.put("opened")


@pytest.mark.parametrize("is_old", [False, True])
def test_processes_that_open_a_store_at_once_do_not_break_each_other(sql_url: str, is_old: bool) -> None:
    if is_old:
        released(sql_url)
    assert in_new_processes(6, _open, sql_url) == ["opened"] * 6
    store = opened(sql_url)
    assert store.insert([entry(1)]) == [True]
    assert store.count(Query()) == 1 + is_old
    store.close()


def test_a_migration_that_fails_leaves_the_store_as_it_was(sql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But MariaDB, which cannot undo it: there the next one that opens it goes on."""
    released(sql_url)
    steps: list[str] = []

    def fails(connection: sa.Connection, found: str) -> None:
        upgrade(connection, found)
        steps.extend(sa.inspect(connection).get_table_names())
        raise ServiceError("interrupted")

    store = opened(sql_url)
    with monkeypatch.context() as patch:
        patch.setattr("lume_dsl.records.migrations.upgrade", fails)
        with pytest.raises(ServiceError, match="interrupted"):
            store.check()
    assert "lume_schema" in steps
    undone = sa.inspect(engine(sql_url)).get_table_names() == ["lume_records"]
    assert undone == (not sql_url.startswith("mysql"))
    assert opened(sql_url).count(Query()) == 1


@pytest.mark.parametrize("step", ["add_column", "create_index", "create_table"])
def test_a_migration_that_was_broken_off_is_done_by_the_next(
    sql_url: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(sql_url)
    store = opened(sql_url)

    def breaks_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(alembic.op, step, breaks_off)
        if step != "create_table" or not sql_url.startswith("sqlite"):  # whose table is in another file
            with pytest.raises(KeyboardInterrupt):
                store.check()
    stored = entry(1, b"content")
    assert store.insert([stored]) == [True]
    assert list(store.read_blob(stored.document["unique_hash"], *stored.blobs)) == [b"content"]
    assert store.count(Query()) == 2
    store.close()


def test_another_program_that_uses_alembic_in_the_database_is_left_alone(sql_url: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(exist_ok=True)
    with engine(sql_url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('theirs')")
    store = opened(sql_url)
    assert store.insert([entry(1)]) == [True]
    with engine(sql_url).begin() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == ["theirs"]


def test_a_store_that_is_up_to_date_opens_by_one_small_query(sql_url: str) -> None:
    opened(sql_url).check()
    store = opened(sql_url)
    assert isinstance(store, SQLStore)
    statements: list[str] = []
    sa.event.listen(store._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert store.count(Query()) == 0
    assert [statement.split()[:2] for statement in statements[:-1]] == [["SELECT", "lume_schema.version_num"]]
    store.close()


def test_no_run_loads_alembic_unless_a_store_is_old(tmp_path: Path) -> None:
    script = (
        "import sys; from lume_dsl.records.sql import SQLStore; from lume_dsl.records import DBResult\n"
        f"store = SQLStore('sqlite:///{tmp_path}/results.db'); store.check()\n"
        "store.save(DBResult(flow_name='a', outputs={})); print([n for n in sys.modules if 'alembic' in n])"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
