"""Flows that leave a trace of what ran, fail until they are mended, and take long enough to be killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, parameter, task, unmapped


def note(folder: str, what: str) -> None:
    """The folder's trace has a line of this, whichever process writes it."""
    with open(Path(folder) / "trace.txt", "a") as trace:
        trace.write(f"{what}\n")


def traced(folder: str | Path) -> list[str]:
    """What has run since this was asked last, sorted."""
    path = Path(folder) / "trace.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(lines)


def is_mended(folder: str) -> bool:
    return (Path(folder) / "mended").exists()


def mend(folder: str | Path) -> None:
    (Path(folder) / "mended").touch()


@task
def prepared(folder: str, n: int) -> list[int]:
    note(folder, "prepared")
    return list(range(n))


@task
def squared(folder: str, i: int) -> int:
    note(folder, f"squared {i}")
    if i == 2 and not is_mended(folder):
        raise ValueError("not 2")
    return i * i


@task
def total(folder: str, values: list[int]) -> int:
    note(folder, "total")
    return sum(values)


class Squares(LumeFlow):
    folder: str = parameter()
    n: int = 4

    values = prepared(folder, n)
    squares = squared.map(folder=unmapped(folder), i=values)
    whole = total(folder, squares)
    text: TextFile = file_result("squares", filename="squares.txt")
    record: DBResult = db_result(whole=whole)


@task
def stage(folder: str, before: int, name: str) -> int:
    note(folder, name)
    if name == "third" and not is_mended(folder):
        note(folder, f"waits {os.getpid()}")
        time.sleep(60)
    return before + 1


class Stages(LumeFlow):
    """Its third stage takes a minute unless it is mended: time to be killed in."""

    folder: str = parameter()
    start: int = parameter(default=0)

    first = stage(folder, start, "first")
    second = stage(folder, first, "second")
    third = stage(folder, second, "third")
    fourth = stage(folder, third, "fourth")


@task
def brief(folder: str, before: list[int], number: int) -> list[int]:
    note(folder, f"brief {number}")
    time.sleep(0.02)
    return [*before, number]


class Briefs(LumeFlow):
    """Thirty tasks of a fiftieth of a second."""

    folder: str = parameter()

    value = brief(folder, [], 0)
    for _number in range(1, 30):
        value = brief(folder, value, _number)
