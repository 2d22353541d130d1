"""What Dask runs in each worker of a cluster that a command started: its log lines go where the command's do.

Dask calls it a preload (``distributed.worker.preload``); its configuration travels to the workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["dask_setup", "workers_log"]

_VERBOSE = "lume-dsl.verbose"


@contextmanager
def workers_log(*, verbose: bool) -> Iterator[None]:
    """Workers that are started within it log to stderr as ``log_to_stderr`` does."""
    from dask import config

    others: Any = config.get("distributed.worker.preload", [])
    preload = [*([others] if isinstance(others, str) else others), __name__]
    with config.set({"distributed.worker.preload": preload, _VERBOSE: verbose}):
        yield


def dask_setup(_worker: Any) -> None:
    """A worker has started."""
    import prefect  # noqa: F401 - its handler is made now, and replaced
    from dask import config

    from lume_dsl.cli.progress import set_handler

    set_handler(verbose=config.get(_VERBOSE, False))
