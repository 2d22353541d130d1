"""What integration tests share."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts in an empty folder of its own, where relative file names lead."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def dask_cluster() -> Iterator[str]:
    """The address of a real Dask cluster of two worker processes, which do not have the tests' environment."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        env={"LUME_HOME": "/nonexistent"},
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def on_terminal(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs a command of ``python -m lume_dsl`` at a terminal; returns its exit code, and all that was shown there."""

    def run(*arguments: str, answer: str = "", **variables: str) -> tuple[int, str]:
        main, other = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "lume_dsl", *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200", "TERM": "dumb", **variables},
        )
        os.close(other)
        os.write(main, answer.encode())
        shown = b""
        try:
            while piece := os.read(main, 65536):
                shown += piece
        except OSError:  # the end
            pass
        status = process.wait(60)
        os.close(main)
        return status, shown.decode()

    return run
