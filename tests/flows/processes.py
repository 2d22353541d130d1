"""What several processes do at once, and what is waited for in them."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.context import ForkContext, ForkServerContext
from typing import Any

from lume_dsl.services import close_all

__all__ = ["in_forks", "in_new_processes", "wait_for"]

NEEDED = ["pytest", "psycopg", "pymysql", "lume_dsl.records.sql", "lume_dsl.records.mongo"]


def in_forks(count: int, work: Callable[..., None], *arguments: Any) -> list[Any]:
    """Run this in so many forks of the tests' process, and return what each put out.

    Work gets the arguments, a barrier at which all of them begin, and a queue for its outcome.
    """
    close_all()  # no connection is shared with a fork
    return _in_processes(multiprocessing.get_context("fork"), count, work, *arguments)


def in_new_processes(count: int, work: Callable[..., None], *arguments: Any) -> list[Any]:
    """Do so in processes that have imported what stores need, and opened none; their environment is none of a test."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(NEEDED)
    return _in_processes(context, count, work, *arguments)


def _in_processes(
    context: ForkContext | ForkServerContext, count: int, work: Callable[..., None], *arguments: Any
) -> list[Any]:
    start, outcomes = context.Barrier(count), context.Queue()
    processes = [context.Process(target=work, args=(*arguments, start, outcomes)) for _ in range(count)]
    for process in processes:
        process.start()
    found = [outcomes.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)
