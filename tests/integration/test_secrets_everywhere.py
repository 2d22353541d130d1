"""No password is shown or kept anywhere: not at debug level, not when all fails, not in what a record holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pymongo
import pytest

if TYPE_CHECKING:
    from tests.conftest import Postgres  # for its attributes alone

PASSWORD = "s3cret:w0rd/@%é"
"""With all that is odd in a URL."""

FORMS = (PASSWORD, quote(PASSWORD, safe=""), repr(PASSWORD)[1:-1], quote(PASSWORD), "s3cret", "w0rd")

FLOWS = """
from lume_dsl import DBResult, LumeFlow, db_result, parameter, task
from lume_dsl.services import current
from lume_dsl.settings import current_settings


@task
def shown(text: str) -> str:
    import logging, os, prefect
    logging.getLogger().setLevel(logging.DEBUG)
    logger = prefect.context["logger"]
    for value in (current_settings(), current(), vars(current()), current().store, vars(current().store)):
        logger.info("%r %s", value, value)
    logger.info("%r", dict(prefect.context))
    if os.path.exists("break"):
        os.environ.pop("LUME_CONFIG", None)
        open("broken", "w").close()
        import time
        time.sleep(1.5)
    return text


class Told(LumeFlow):
    text: str = "a"

    out = shown(text)
    record: DBResult = db_result(out=out)
"""

LOOK = """
import logging, sys, traceback
logging.basicConfig(level=logging.DEBUG)
from lume_dsl import results
from lume_dsl.records import retries
from lume_dsl.services import current
retries.SAVE_SECONDS = retries.READ_SECONDS = 0.5
for act in (
    lambda: current().check(),
    lambda: results(flow="Told").latest(),
    lambda: repr(results(flow="Told")),
    lambda: current().recover(),
    lambda: current().save_record(__import__("lume_dsl").DBResult(flow_name="look", outputs={})),
):
    try:
        print(repr(act()))
    except Exception as error:
        traceback.print_exc()
        print(repr(error), error.args, vars(error))
        print(repr(error.__cause__), repr(getattr(error.__cause__, "args", "")))
"""


@pytest.fixture
def urls(postgres: Postgres, mongod: str, unused_port: int) -> Iterator[dict[str, str]]:
    """URLs with the password: of servers that take it, that do not, and of none."""
    with pymongo.MongoClient[Any](mongod) as client:
        client.admin.command("createUser", "lume", pwd=PASSWORD, roles=["readWriteAnyDatabase"])
    secret = quote(PASSWORD, safe="")
    yield {
        "postgresql": f"postgresql+psycopg://lume:{secret}@127.0.0.1:{postgres.port}/postgres",
        "postgresql, another user": f"postgresql+psycopg://other:{secret}@127.0.0.1:{postgres.port}/postgres",
        "postgresql, no database": f"postgresql+psycopg://lume:{secret}@127.0.0.1:{postgres.port}/none",
        "postgresql, none there": f"postgresql+psycopg://lume:{secret}@127.0.0.1:{unused_port}/postgres",
        "postgresql, not a URL": f"postgresql+psycopg://lume:{PASSWORD}@127.0.0.1:port/postgres",
        "mongodb": f"mongodb://lume:{secret}@{mongod}/secrets?authSource=admin",
        "mongodb, another user": f"mongodb://other:{secret}@{mongod}/secrets?authSource=admin",
        "mongodb, none there": f"mongodb://lume:{secret}@127.0.0.1:{unused_port}/secrets",
        "mongodb, not a URL": f"mongodb://lume:{PASSWORD}@127.0.0.1/secrets",
    }
    with pymongo.MongoClient[Any](mongod) as client:
        client.admin.command("dropUser", "lume")
        client.drop_database("secrets")


def run(folder: Path, url: str, *arguments: str, **more: str) -> tuple[int, str]:
    """The exit code of a process that has this URL, and all that it says at debug level."""
    environment = {
        **os.environ,
        "LUME_HOME": str(folder / "home"),
        "LUME_RESULTS_DB__URL": url,
        "PREFECT__LOGGING__LEVEL": "DEBUG",
        "PREFECT__LOGGING__EXTRA_LOGGERS": "['lume_dsl', 'sqlalchemy', 'pymongo', 'tenacity', 'psycopg']",
        "PYTHONPATH": ":".join([str(folder), *sys.path]),
        **more,
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def check_absent(text: str, where: str) -> None:
    for form in FORMS:
        assert form not in text, f"{where}: ...{text[max(0, text.index(form) - 300) :][:400]}"


def check_files(folder: Path) -> None:
    """No file that a run has left holds it."""
    for path in folder.rglob("*"):
        if path.is_file():
            check_absent(path.read_bytes().decode(errors="replace"), str(path))


CASES = [
    "postgresql",
    "postgresql, another user",
    "postgresql, no database",
    "postgresql, none there",
    "postgresql, not a URL",
    "mongodb",
    "mongodb, another user",
    "mongodb, none there",
    "mongodb, not a URL",
]


@pytest.mark.parametrize("case", CASES)
def test_a_run_shows_no_password_whether_it_succeeds_or_fails(case: str, urls: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(FLOWS)
    code, said = run(tmp_path, urls[case], "-m", "lume_dsl", "run", "told.py:Told", "-v")
    succeeds = case in ("postgresql", "mongodb")
    assert (code == 0) == succeeds, said
    if succeeds:
        assert "DEBUG" in said
        assert "Settings(" in said
    else:
        assert ":***@" in said
    check_absent(said, case)
    _, looked = run(tmp_path, urls[case], "-c", LOOK)
    assert succeeds or ("Traceback" in looked and ":***@" in looked)
    check_absent(looked, f"{case}, looking")
    check_files(tmp_path / "home")


def test_what_is_kept_aside_and_its_error_hold_no_password(postgres: Postgres, tmp_path: Path) -> None:
    """The server refuses the user in the middle of the run, so the record is kept aside."""
    import psycopg

    def login(able: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=postgres.port, user="lume", password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"ALTER ROLE tester {able}")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tester'")

    with psycopg.connect(
        host="127.0.0.1", port=postgres.port, user="lume", password=PASSWORD, dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE ROLE tester SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    url = f"postgresql+psycopg://tester:{quote(PASSWORD, safe='')}@127.0.0.1:{postgres.port}/postgres"
    (tmp_path / "told.py").write_text(FLOWS)
    (tmp_path / "break").touch()
    import threading

    def refuse() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (tmp_path / "broken").exists():
            time.sleep(0.02)
        login("NOLOGIN")

    refusing = threading.Thread(target=refuse)
    refusing.start()
    code, said = run(tmp_path, url, "-m", "lume_dsl", "run", "told.py:Told", "-v")
    refusing.join()
    assert code != 0
    assert "results recover" in said
    check_absent(said, "the run")
    kept = list((tmp_path / "home" / "unsaved").rglob("document.json"))
    assert len(kept) == 1
    check_files(tmp_path / "home")


@pytest.mark.parametrize("kind", ["postgresql", "mongodb"])
def test_the_database_holds_no_password(
    kind: str, urls: dict[str, str], postgres: Postgres, mongod: str, tmp_path: Path
) -> None:
    (tmp_path / "told.py").write_text(FLOWS)
    assert run(tmp_path, urls[kind], "-m", "lume_dsl", "run", "told.py:Told")[0] == 0
    held = []
    if kind == "postgresql":
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=postgres.port, user="lume", password=PASSWORD, dbname="postgres"
        ) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                rows = connection.execute(f'SELECT t::text FROM "{table}" t')
                held += [str(row) for row in rows]
    else:
        with pymongo.MongoClient[Any](mongod) as client:
            database = client["secrets"]
            held = [str(found) for name in database.list_collection_names() for found in database[name].find()]
    assert any("told:Told" in text for text in held)  # its provenance
    check_absent("\n".join(held), kind)
