"""``python -m lume_dsl`` for tests, in forks of one process that has imported already what most commands import.

Python's start and its imports are most of what a command costs, and the tests run hundreds of them. A fork has the
arguments, environment, folder and streams of its command, and ends as its process would. What Python and Prefect read
as they start cannot differ: a command that has it otherwise gets a process of its own, as has one whose process itself
is tested.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import lume_dsl

__all__ = ["run_command"]

READ_AT_THE_START = ("PYTHON", "PREFECT", "LC_", "LANG", "HOME")
LEFT_BY_DASK = "PYTHONHASHSEED"
"""It stays in the environment of a process that has started a cluster, whose workers are to have it."""
OF_THE_SESSION = dict(os.environ)
NOT_BY_MOST = ("lume_dsl.__main__", "lume_dsl.testing", "lume_dsl.records.frames", "lume_dsl.records.migrations")
"""Modules that most commands do not import, nor pytest, pandas and Alembic for them."""


def run_command(
    *arguments: str | bytes,
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float = 120,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """What ``subprocess.run`` returns for ``python -m lume_dsl`` with these arguments and further variables."""
    kept = {name: value for name, value in os.environ.items() if name != LEFT_BY_DASK or name in OF_THE_SESSION}
    environment = {**kept, **variables}
    line = [sys.executable, "-m", "lume_dsl", *map(os.fsdecode, arguments)]
    if _read_at_the_start(environment) == _read_at_the_start(OF_THE_SESSION):
        return _forking().run(line, cwd or Path.cwd(), environment, stdin, timeout)
    return subprocess.run(
        line, cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )


def _read_at_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_THE_START)}


class _Forking:
    """The process that forks for one command after another."""

    def __init__(self) -> None:
        line = [sys.executable, __file__]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=OF_THE_SESSION)
        self._lock = threading.Lock()

    def run(
        self, line: list[str], folder: Path, environment: dict[str, str], stdin: str, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as streams, self._lock:
            given, out, err = (Path(streams, name) for name in ("in", "out", "err"))
            given.write_text(stdin)
            asked = {"arguments": line[3:], "folder": str(folder), "environment": environment, "streams": streams}
            self._tell(asked)
            timer = threading.Timer(timeout, os.kill, (self._answer(), signal.SIGKILL))
            timer.start()
            began, code = time.monotonic(), self._answer()
            timer.cancel()
            if time.monotonic() - began > timeout:
                raise subprocess.TimeoutExpired(line, timeout, out.read_text(), err.read_text())
            return subprocess.CompletedProcess(line, code, out.read_text(), err.read_text())

    def _tell(self, asked: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said, "the process that forks for commands has ended: its stderr says why"
        return int(said)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@functools.cache
def _forking() -> _Forking:
    made = _Forking()
    atexit.register(made.end)
    return made


def _serve() -> None:
    """Fork for each command that stdin asks for, and say its process and its exit code: returns in the forks alone."""
    asked, said = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", buffering=1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    for line in asked:
        child = os.fork()
        if child == 0:
            asked.close()
            said.close()
            return _become(**json.loads(line))
        print(child, file=said)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=said)
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], streams: str) -> None:
    """Make this process what ``python -m lume_dsl`` is before it begins."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, name in enumerate(("in", "out", "err")):
        os.dup2(os.open(f"{streams}/{name}", os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
    sys.argv[1:] = arguments
    sys.path[0] = folder


def _end(code: str | int) -> NoReturn:
    """End as Python does, but take nothing apart: it is the other process's, and would be copied."""
    assert isinstance(code, int)
    threading._shutdown()  # which Python calls first as it ends: it waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for _module in pkgutil.walk_packages(lume_dsl.__path__, "lume_dsl."):
        if not _module.name.startswith(NOT_BY_MOST):
            importlib.import_module(_module.name)
    gc.freeze()
    _serve()
    try:
        runpy.run_module("lume_dsl", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        _end(ended.code or 0)
