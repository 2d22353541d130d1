"""Log lines, on stderr: those of a command, and those of the workers that a cluster starts for it.

Dask runs this module in each of these workers (a preload, ``distributed.worker.preload``, that travels to them).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lume_dsl.values.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["dask_setup", "log_to_stderr"]

PREFECT_LOGGER = "prefect"
ENGINE_LOGGERS = ("prefect.FlowRunner", "prefect.TaskRunner", "prefect.CloudFlowRunner", "prefect.CloudTaskRunner")

_VERBOSE = "lume-dsl.verbose"
"""Where Dask's configuration tells a worker what ``verbose`` is."""


@contextmanager
def log_to_stderr(*, verbose: bool, console: Console | None = None) -> Iterator[None]:
    """Within it, log records go to stderr, above the progress bar if there is one; Prefect's own if ``verbose``.

    Prefect, which has a handler that writes to stdout made when it is imported, must be loaded.
    """
    from lume_dsl.engine.preload import preloading

    logger = logging.getLogger(PREFECT_LOGGER)
    before = logger.handlers[:]
    _set_handler(verbose=verbose, console=console)
    try:
        with preloading(__name__, {_VERBOSE: verbose}):  # workers do so, too
            yield
    finally:
        logger.handlers[:] = before


def dask_setup(_worker: Any) -> None:
    """A worker has started."""
    import prefect  # noqa: F401 - its handler is made now, and replaced
    from dask import config

    _set_handler(verbose=config.get(_VERBOSE, False))


def _set_handler(*, verbose: bool, console: Console | None = None) -> None:
    """Log records of this process go to stderr from now on; Prefect's own if ``verbose``."""
    logger = logging.getLogger(PREFECT_LOGGER)
    handler: logging.Handler = _ConsoleHandler(console) if console else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    if not verbose:
        handler.addFilter(lambda record: record.name not in ENGINE_LOGGERS)
    others = [other for other in logger.handlers if not isinstance(other, logging.StreamHandler)]
    logger.handlers[:] = [handler, *others]


class _Formatter(logging.Formatter):
    """The task's name and its message; nothing acts on a terminal. Prefect's loggers are called ``prefect.<task>``."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(f"{record.name.removeprefix(PREFECT_LOGGER + '.')}: {super().format(record)}")


class _ConsoleHandler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        self.console.print(self.format(record), markup=False)
