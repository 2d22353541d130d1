"""A module that Dask runs first in each worker of a cluster that is started (``distributed.worker.preload``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["preloading"]


@contextmanager
def preloading(module: str, settings: dict[str, Any]) -> Iterator[None]:
    """Within it, Dask's configuration has the module besides others, and these settings; it travels to workers."""
    from dask import config

    others: Any = config.get("distributed.worker.preload", [])
    preload = [*([others] if isinstance(others, str) else others), module]
    with config.set({"distributed.worker.preload": preload, **settings}):
        yield
