"""A run takes no more memory than that of the same flow by hand: held to bytes counted, not to what a system gives.

They are counted in a process of its own, where no other test has left anything.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc

import prefect
import pytest
from prefect.executors import Executor, LocalDaskExecutor, LocalExecutor

from lume_dsl import LumeFlow, task

COUNT = 100
EXECUTORS = {"local": LocalExecutor(), "threads": LocalDaskExecutor(scheduler="threads", num_workers=2)}


def following(value: int) -> int:
    return value + 1


def numbers() -> list[int]:
    return list(range(COUNT))


class Mapped(LumeFlow):
    values = task(following).map(task(numbers)())


def by_hand() -> prefect.Flow:
    with prefect.Flow("mapped") as flow:
        prefect.task(following).map(prefect.task(numbers)())
    return flow


def most(flow: prefect.Flow, executor: Executor) -> int:
    """The most bytes that a run of a flow has at once, beside what there is before it: the least of three runs.

    One that takes its time is written down as it goes, and threads may come at any moment.
    """
    flow.run(executor=executor)  # which imports, and fills caches
    found = []
    for _ in range(3):
        gc.collect()
        tracemalloc.start(1)
        before, _ = tracemalloc.get_traced_memory()
        assert flow.run(executor=executor).is_successful()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        found.append(peak - before)
    return min(found)


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_map_takes_no_more_memory_than_by_hand(name: str) -> None:
    command = [sys.executable, __file__, name]
    environment = {**os.environ, "PREFECT__LOGGING__LEVEL": "ERROR"}
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    ours, theirs = json.loads(told.splitlines()[-1])
    assert ours <= theirs


if __name__ == "__main__":
    print(json.dumps([most(flow, EXECUTORS[sys.argv[1]]) for flow in (Mapped.flow, by_hand())]))
