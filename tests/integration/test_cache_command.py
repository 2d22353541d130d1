"""``cache list`` and ``cache clear``: what is cached is told and removed, without the user's module."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import attrs
import pytest
from commands import run_command

from lume_dsl.cache.entries import Cache, Entry

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def entry(number: int, flow: str = "Scan", task: str = "fit") -> Entry:
    key = f"{number:02x}" * 32
    return Entry(key=key, flow=flow, task=task, function="lab:fit", source={"fit": "1"}, inputs={"x": str(number)})


@pytest.fixture
def cache(lume_home: Path) -> Cache:
    cache = Cache(lume_home)
    for number, (flow, task) in enumerate(
        [("Scan", "fit"), ("Scan", "each[0]"), ("Scan", "each[1]"), ("Other", "fit")]
    ):
        cache.write(entry(number, flow, task), [number] * 10)
        cache.note(f"{flow} {task}", entry(number).key)
    return cache


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command("cache", *arguments, cwd=tmp_path, TZ="UTC")

    return run


def left(cache: Cache) -> list[str]:
    return sorted(f"{one.flow} {one.task}" for one in cache.entries() if isinstance(one, Entry))


def test_entries_are_listed_the_newest_first(cache: Cache, run: Run) -> None:
    done = run("list")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[1:4] for row in rows] == [
        ["Other", "fit", "lab:fit"],
        ["Scan", "each[1]", "lab:fit"],
        ["Scan", "each[0]", "lab:fit"],
        ["Scan", "fit", "lab:fit"],
    ]
    assert rows[0][4] == "03" * 6
    size = sum(one.size for one in cache.entries() if isinstance(one, Entry))
    assert done.stderr == f"4 entries, {size:,} bytes\n"


@pytest.mark.parametrize(
    ("options", "keys"),
    [(["--flow", "Other"], ["03"]), (["--task", "each"], ["02", "01"]), (["--flow", "Scan", "--task", "fit"], ["00"]),
     (["--task", "each[1]"], ["02"]), (["--flow", "None"], [])],
)  # fmt: skip
def test_they_are_chosen_by_flow_and_task(cache: Cache, run: Run, options: list[str], keys: list[str]) -> None:
    document = json.loads(run("list", *options, "--json").stdout)
    assert [one["key"][:2] for one in document["entries"]] == keys
    for one in document["entries"]:
        assert one["inputs"] == {"x": str(int(one["key"][:2]))}
        assert one["size"] > 100


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--flow", "Scam"], "a flow named 'Scam'; did you mean 'Scan'?"),
        (["--task", "x"], "a task named 'x'; there is each, each[0], each[1], fit"),
    ],
)
def test_names_that_no_entry_has_are_told(cache: Cache, run: Run, options: list[str], told: str) -> None:
    assert run("list", *options).stderr == f"no entries\n    no entry is of {told}\n"
    assert run("list", "--flow", "Other", "--task", "each").stderr == "no entries\n"


def test_a_damaged_entry_is_told_and_goes_with_all(cache: Cache, run: Run) -> None:
    file = cache.folder / "00" / f"{'00' * 32}.entry"
    file.write_bytes(file.read_bytes()[:-3])
    assert run("list").stderr.splitlines()[-1] == f"damaged: {file}"
    run("clear", "--flow", "Scan", "--yes")
    assert file.exists()
    assert json.loads(run("clear", "--yes", "--json").stdout)["keys"] == ["03" * 32, "00" * 32]
    assert not list(cache.folder.rglob("*.entry"))


def test_clearing_removes_what_is_chosen_alone(cache: Cache, run: Run) -> None:
    done = run("clear", "--task", "each", "--yes")
    assert (done.stdout, done.returncode) == ("cleared 2 entries\n", 0)
    assert left(cache) == ["Other fit", "Scan fit"]
    assert len(list((cache.folder / "latest").iterdir())) == 2
    assert json.loads(run("clear", "--flow", "Other", "--yes", "--json").stdout) == {"cleared": 1, "keys": ["03" * 32]}
    assert left(cache) == ["Scan fit"]


@pytest.mark.parametrize(("age", "count"), [("8d", 0), ("P8D", 0), ("6.5d", 1), ("24 h", 1), ("1w", 0), ("0s", 4)])
def test_clearing_may_leave_what_is_not_so_old(cache: Cache, run: Run, age: str, count: int) -> None:
    week = attrs.evolve(entry(0), time=datetime.now(timezone.utc) - timedelta(days=6, hours=23))
    cache.write(week, [0] * 10)
    assert json.loads(run("clear", "--older-than", age, "--yes", "--json").stdout)["cleared"] == count


@pytest.mark.parametrize("age", ["7", "d", "7m", "-1d", "-P1D", "9999999d"])
def test_what_is_no_age_is_told(cache: Cache, run: Run, age: str) -> None:
    done = run("clear", "--older-than", age, "--yes")
    assert (done.returncode, len(left(cache))) == (2, 4)
    assert f"'{age}' is no such time: write a number and one of s (seconds), min (minutes)" in done.stderr


def test_nothing_is_cleared_where_nobody_can_be_asked(cache: Cache, run: Run) -> None:
    done = run("clear")
    assert done.returncode == 2
    assert "nobody can be asked whether to clear 4 entries, so none is" in done.stderr
    assert len(left(cache)) == 4


def test_at_a_terminal_one_is_asked(cache: Cache, on_terminal: Callable[..., tuple[int, str]]) -> None:
    assert "nothing is cleared" in on_terminal("cache", "clear", answer="n\n")[1]
    assert len(left(cache)) == 4
    assert "cleared 4 entries" in on_terminal("cache", "clear", answer="y\n")[1]
    assert left(cache) == []


def test_an_empty_cache_is_told(run: Run) -> None:
    assert run("list").stderr == "no entries\n"
    assert run("clear").stdout == "no entries\n"
