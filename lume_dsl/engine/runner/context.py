"""Prefect's context for a task's run, entered without a merge of the whole configuration.

Prefect merges the configuration three times a task, so that each sees one of its own and none what another has changed
in it. Here all tasks of a thread see one, and a task that changes it is the last to: the next gets a new one.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from functools import cached_property, lru_cache, partial
from typing import Any

import cloudpickle
import prefect
from prefect.utilities.collections import merge_dicts

__all__ = ["RunContext", "SharedConfig", "entered"]


class SharedConfig:
    """The configuration of a flow's run. It travels to another process compressed, and is unpacked there once."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @cached_property
    def _packed(self) -> bytes:
        return zlib.compress(cloudpickle.dumps(self.config))

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self._packed,)


@lru_cache(maxsize=8)
def _unpacked(packed: bytes) -> SharedConfig:
    return SharedConfig(cloudpickle.loads(zlib.decompress(packed)))


class RunContext:
    """What the context has in a task's run. (Dask would search a plain dict, and all in it, for values to wait for.)

    Attributes:
        values: All but the configuration.
        config: The configuration; None where the context has none.
        arrived: Whether it has come from another process.
    """

    __slots__ = ("arrived", "config", "values")

    def __init__(self, values: dict[str, Any], config: SharedConfig | None, *, arrived: bool = False) -> None:
        self.values = values
        self.config = config
        self.arrived = arrived

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(RunContext, arrived=True), (self.values, self.config)

    def merged(self) -> dict[str, Any]:
        """The values with this run's configuration merged into this process's."""
        if self.config is None:
            return self.values
        return {**self.values, "config": _merged(self.config.config)}


class _Merged(threading.local):
    """The last configuration that a thread has merged, and the copy that tasks see."""

    own: Any = None
    given: Any = None
    whole: Any = None
    seen: Any = None


_last = _Merged()


def _merged(given: Any) -> Any:
    """Return a configuration merged into the context's, which no task has changed yet."""
    own, last = prefect.context.__dict__.get("config"), _last
    if given is not last.seen and (own is not last.own or given is not last.given):
        last.own, last.given = own, given
        last.whole = given if given is own else merge_dicts(own if own is not None else {}, given)
        last.seen = last.whole.copy()
    elif last.seen != last.whole:
        last.seen = last.whole.copy()
    return last.seen


class entered:
    """As ``with prefect.context(values)``; a configuration that was entered before is not merged again."""

    __slots__ = ("_before", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __enter__(self) -> None:
        config = self._values.get("config")
        config = None if config is None else _merged(config)
        here = prefect.context.__dict__
        self._before = here.copy()
        here.update(self._values)
        if config is not None:
            here["config"] = config

    def __exit__(self, *_: object) -> None:
        here = prefect.context.__dict__
        here.clear()
        here.update(self._before)
