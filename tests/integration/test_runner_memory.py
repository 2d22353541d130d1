"""A run takes no more memory than that of the same flow by hand: held to bytes counted, not to what a system gives."""

from __future__ import annotations

import gc
import logging
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
    """The most bytes that the second run of a flow has at once, beside what there is before it."""
    assert flow.run(executor=executor).is_successful()  # the first imports, and fills caches
    gc.collect()
    tracemalloc.start(1)
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert flow.run(executor=executor).is_successful()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS)
def test_a_map_takes_no_more_memory_than_by_hand(executor: Executor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "prefect")  # pytest keeps what is logged
    assert most(Mapped.flow, executor) <= most(by_hand(), executor)
