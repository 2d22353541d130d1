"""``config``: the settings in effect with their sources, whatever is wrong with them, and whether services answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from commands import run_command
from graphql_server import serving

from lume_dsl.cli.checks import ask_services
from lume_dsl.settings import Settings

Run = Callable[..., "subprocess.CompletedProcess[str]"]
OnTerminal = Callable[..., tuple[int, str]]

URL = "LUME_RESULTS_DB__URL"


@pytest.fixture
def config(tmp_path: Path) -> Run:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run_command("config", *arguments, cwd=tmp_path, **variables)

    return run


def cells(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """The cells of each line but its first, by that."""
    return {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}


def test_each_setting_is_a_line_of_variable_value_source_and_note(config: Run, lume_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "lume.toml"
    file.write_text("backend = 'docker'\n")
    done = config(LUME_CONFIG=str(file), LUME_RESULTS_DB__URL="postgresql+psycopg://me:s3cret@db/lume")
    assert done.returncode == 0
    assert done.stderr == ""
    found = cells(done)
    assert found["LUME_HOME"] == [str(lume_home), "environment variable", ""]
    assert found["LUME_BACKEND"] == ["docker", str(file), ""]
    assert found[URL] == ["postgresql+psycopg://me:***@db/lume", "environment variable", ""]
    assert found["LUME_PREFECT__SERVER__HOST"] == ["", "not set", ""]


def test_json_is_one_document(config: Run, lume_home: Path) -> None:
    done = config("--json", LUME_MODEL_DB__HOST="x")
    document = json.loads(done.stdout)
    home = {"variable": "LUME_HOME", "value": str(lume_home), "source": "environment variable", "note": ""}
    assert home in document["settings"]
    assert (document["problems"], document["unknown"]) == ([], ["LUME_MODEL_DB__HOST"])


def test_wrong_settings_are_shown_with_all_that_is_wrong(config: Run) -> None:
    wrong = {"LUME_BACKEND": "dcoker", "LUME_RESULTS_DB__HOTS": "x", "LUME_PREFECT__SERVER__HOST_PORT": "y"}
    done = config(**wrong, LUME_MODEL_DB__HOST="x")
    assert done.returncode == 4
    assert cells(done)["LUME_BACKEND"] == ["dcoker", "environment variable", "wrong"]
    for name in wrong:
        assert f"{name}: " in done.stderr
    assert "none of lume_dsl's, and left alone: LUME_MODEL_DB__HOST" in done.stderr
    document = config("--json", **wrong)
    assert document.returncode == 4
    assert len(json.loads(document.stdout)["problems"]) == 3


def test_a_terminal_shows_a_table(on_terminal: OnTerminal) -> None:
    status, shown = on_terminal("config", COLUMNS="300", LUME_BACKEND="docker")
    assert status == 0
    first = shown.split("\r\n")[1]
    assert first.split() == ["variable", "value", "source", "note"]


# --check


def test_services_that_answer_say_so(config: Run, tmp_path: Path, mongodb_url: str) -> None:
    done = config(
        "--check",
        LUME_RESULTS_DB__URL=mongodb_url,
        LUME_MOUNTED_FILESYSTEM__MOUNT_PATH=str(tmp_path / "shared"),
        LUME_FILESYSTEMS__SPARE="memory://spare",
    )
    assert cells(done) == {
        f"record store {mongodb_url}": ["answers"],
        "filesystem 'local'": ["answers"],
        "filesystem 'mounted'": ["answers"],
        "filesystem 'spare'": ["answers"],
    }
    assert done.returncode == 0


def test_each_service_that_does_not_answer_says_what_is_wrong_in_a_line(config: Run, unused_port: int) -> None:
    done = config(
        "--check",
        LUME_RESULTS_DB__URL=f"mongodb://me:s3cret@127.0.0.1:{unused_port}/lume",
        LUME_MOUNTED_FILESYSTEM__MOUNT_PATH="/nowhere",
        LUME_MOUNTED_FILESYSTEM__MOUNT_TYPE="Directory",
        LUME_PREFECT__SERVER__HOST_PORT=str(unused_port),
    )
    assert done.returncode == 4
    found = cells(done)
    assert len(done.stdout.splitlines()) == 4
    assert "no MongoDB answers" in found[f"record store mongodb://me:***@127.0.0.1:{unused_port}/lume"][0]
    assert "is not mounted" in found["filesystem 'mounted'"][0]
    prefect = found[f"Prefect server http://localhost:{unused_port}"][0]
    assert "no Prefect server answers" in prefect
    assert "LUME_PREFECT__SERVER__HOST" in prefect
    assert found["filesystem 'local'"] == ["answers"]
    assert "s3cret" not in done.stdout + done.stderr


def test_check_as_a_document(config: Run, lume_home: Path, unused_port: int) -> None:
    done = config("--check", "--json", LUME_PREFECT__SERVER__HOST_PORT=str(unused_port))
    store, local, prefect = json.loads(done.stdout)["services"]
    assert store == {"service": f"record store sqlite:///{lume_home}/results.db", "error": None}
    assert local == {"service": "filesystem 'local'", "error": None}
    assert "no Prefect server answers" in prefect["error"]
    assert done.returncode == 4


def test_wrong_settings_cannot_be_checked(config: Run) -> None:
    done = config("--check", LUME_BACKEND="x")
    assert done.returncode == 4
    assert done.stderr.startswith("LUME_BACKEND: ")


def test_services_that_never_say_a_word_are_told_within_five_seconds_together(
    monkeypatch: pytest.MonkeyPatch, config: Run, silent_port: int
) -> None:
    address = f"127.0.0.1:{silent_port}"
    silent = {URL: f"mongodb://{address}/lume?serverSelectionTimeoutMS=60000&socketTimeoutMS=60000"}
    silent |= {"LUME_PREFECT__SERVER__HOST": "127.0.0.1", "LUME_PREFECT__SERVER__HOST_PORT": str(silent_port)}
    for name, value in silent.items():
        monkeypatch.setenv(name, value)
    start = time.monotonic()
    store, local, prefect = ask_services(Settings.from_environment())
    assert time.monotonic() - start < 5
    assert "does not answer within 4 seconds" in str(store.error)
    assert "no Prefect server answers" in str(prefect.error)
    assert local.error is None
    start = time.monotonic()
    assert config("--check").returncode == 4  # nothing that hangs keeps the process from ending
    assert time.monotonic() - start < 20


@contextmanager
def http_server(status: int, body: bytes) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Answer) as port:
        yield port


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b'{"data": {"__typename": "Query"}}', "answers"),
        (200, b"<html>", "is no Prefect server"),
        (200, b"[]", "is no Prefect server"),
        (404, b"", "is no Prefect server"),
    ],
)
def test_something_else_at_the_port_is_no_prefect_server(config: Run, status: int, body: bytes, said: str) -> None:
    with http_server(status, body) as port:
        done = config("--check", LUME_PREFECT__SERVER__HOST_PORT=str(port))
    assert said in cells(done)[f"Prefect server http://localhost:{port}"][0]
    assert done.returncode == (0 if said == "answers" else 4)


def test_config_loads_no_prefect(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lume_dsl", "config"],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "lume_dsl" in loaded
    assert not loaded & {"prefect", "sqlalchemy", "pymongo", "numpy", "pandas", "pyarrow", "fsspec"}


def test_help_fits_eighty_columns(config: Run) -> None:
    done = config("--help", COLUMNS="80")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
