"""Pools of processes whose workers begin as Dask's configuration says; Prefect's begin in one way alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from prefect.executors import Executor

__all__ = ["INITIALIZER", "started"]

INITIALIZER = "lume-dsl.initializer"
"""Where Dask's configuration has what each worker of a pool calls first, in place of what Prefect has it call.

(Of its own ``multiprocessing.initializer`` Dask warns where a pool is there, as Prefect's is.)
"""


@contextmanager
def started(executor: Executor) -> Iterator[None]:
    """As ``executor.start()``."""
    with executor.start():
        pool: Any = getattr(executor, "_pool", None)
        if isinstance(pool, ProcessPoolExecutor):  # which has no workers before its first task
            from dask import config

            pool._initializer = config.get(INITIALIZER, pool._initializer)
        yield
