"""Workers that leave SIGINT and SIGTERM to the process that started them, which decides when its run ends.

A terminal sends Ctrl-C to all processes of a group, and a service manager SIGTERM to all of a service. They have
handlers of Python's that do nothing, and ignore no signal: programs that their tasks start have the usual ones.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from lume_dsl.engine.preload import preloading
from lume_dsl.engine.runner.pools import INITIALIZER

__all__ = ["dask_setup", "leaving_signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_PARENT = "lume-dsl.parent"
"""Where Dask's configuration tells a worker the machine and the process that it leaves signals to."""


@contextmanager
def leaving_signals() -> Iterator[Callable[[], None]]:
    """Workers of a pool or a Dask cluster that this process starts within it leave signals to it.

    It yields what ends the workers of pools at once. Those of a cluster end with it.
    """
    ending = multiprocessing.RawValue("b", 0)
    with preloading(__name__, {_PARENT: _process(os.getpid()), INITIALIZER: partial(_start, ending)}):
        yield partial(_end, ending)


def dask_setup(_worker: Any) -> None:
    """A worker of a cluster, which runs this module as a preload, has started.

    One that a batch system has started gets signals of its own, which are for it.
    """
    from dask import config

    parent = multiprocessing.parent_process()
    if parent is not None and config.get(_PARENT, None) == _process(parent.pid):
        for number in SIGNALS:
            signal.signal(number, _leave)


def _process(number: int | None) -> str:
    return f"{platform.node()}:{number}"


def _leave(_number: int, _frame: object) -> None:
    """The parent has the signal, too."""


def _start(ending: Any) -> None:
    """A worker of a pool has started. It heeds signals once its parent says that it is to end."""

    def told(_number: int, _frame: object) -> None:
        if ending.value:
            sys.exit()

    for number in SIGNALS:
        signal.signal(number, told)


def _end(ending: Any) -> None:
    ending.value = 1
    for child in multiprocessing.active_children():
        child.terminate()
