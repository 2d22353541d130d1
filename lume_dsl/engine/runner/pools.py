"""Pools of processes whose workers end with the process that started them, and begin as Dask's configuration says."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
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

            pool._initializer = partial(_begin, config.get(INITIALIZER, pool._initializer))
        yield


def _begin(initializer: Callable[[], None] | None) -> None:
    """A worker begins. One whose parent was killed would finish its task beside a run that goes on, and then stay."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()
    if initializer is not None:
        initializer()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
