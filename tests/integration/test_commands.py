"""A command that the tests let run in a fork is what it is in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run_command

LOOK = """
import atexit, os, sys
from lume_dsl import LumeFlow, result, task

atexit.register(lambda: print("the end", flush=True))

@task
def looked() -> str:
    seen = sys.argv, sys.path, os.getcwd(), os.environ["SEEN"], "SEEN_BEFORE" in os.environ, sys.stdin.read()
    return repr(seen)

class Look(LumeFlow):
    seen: str = result(looked())
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run", "look:Look", "--json"], 0),
        (["show", "look:Look"], 0),
        (["run", "look:Loook"], 2),
        (["run", "look:Look", "--bogus"], 2),
        ([b"run", b"look:\xff"], 2),
        (["--version"], 0),
    ],
    ids=str,
)
def test_a_fork_says_what_a_process_says(
    arguments: list[str | bytes], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "look.py").write_text(LOOK)
    with monkeypatch.context() as patch:
        patch.setenv("SEEN_BEFORE", "1")
        run_command("--version")
    forked = run_command(*arguments, cwd=tmp_path, stdin="typed", SEEN="this")
    line, environment = [sys.executable, "-m", "lume_dsl", *map(os.fsdecode, arguments)], {**os.environ, "SEEN": "this"}
    process = subprocess.run(
        line, cwd=tmp_path, env=environment, input="typed", capture_output=True, text=True, check=False
    )
    assert (forked.args, forked.returncode) == (process.args, process.returncode)
    assert forked.returncode == code
    of_a_run = r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+"  # its id and times
    assert re.sub(of_a_run, "", forked.stdout) == re.sub(of_a_run, "", process.stdout)
    assert forked.stderr == process.stderr


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    with pytest.raises(subprocess.TimeoutExpired):
        run_command("check", "slow.py", cwd=tmp_path, timeout=1)
    assert run_command("--version").returncode == 0
