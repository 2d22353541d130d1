"""Prefect's context for a task's run, entered without a merge of the whole configuration.

Prefect merges the configuration three times a task, so that each sees one of its own and none what another has changed
in it. Here all tasks of a thread see one, and a task that changes it is the last to: the next gets a new one.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Protocol

import cloudpickle
import prefect
from prefect.engine.state import State
from prefect.utilities.collections import merge_dicts

__all__ = ["RECORDING", "Recorder", "RunContext", "SharedConfig", "entered"]

RECORDING = "lume_recording"
"""The key of ``prefect.context`` that has what a run is recorded by, with ``tasks``; it does not travel to workers."""


class Recorder(Protocol):
    """What is told of the task runs of a run, in whatever process."""

    def ended(self, name: str, index: int | None, state: State, begun: float, *, keeps: bool) -> None:
        """A task's run, or one of a map, has ended with this state. ``keeps``: its value is needed to go on."""

    def mapped(self, name: str, count: int) -> None:
        """A task has so many runs."""


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

    It is made of parts that other runs have as well: a run that waits holds no more than its own.

    Attributes:
        values: What the tasks of a flow's run have in common, but the configuration.
        config: The configuration, of None where the context has none.
        own: What this task has besides, or in the place of what is common.
        index: Which run of a mapped task it is, from 0, None of a task that is not mapped.
        recorded: What the task's run is told to, the name that it has there, and whether its value is kept.
    """

    __slots__ = ("config", "index", "own", "recorded", "values")

    def __init__(
        self,
        values: Mapping[str, Any],
        config: SharedConfig,
        own: Mapping[str, Any],
        index: int | None = None,
        *,
        recorded: tuple[Recorder, str, bool] | None = None,
    ) -> None:
        self.values = values
        self.config = config
        self.own = own
        self.index = index
        self.recorded = recorded

    def to_dict(self) -> dict[str, Any]:
        """The context in a new dict, with the configuration that all tasks of a process share: do not change that."""
        context = dict(self.values)
        if self.config.config is not None:
            context["config"] = self.config.config
        context.update(self.own)
        if self.index is not None:
            context["map_index"] = self.index
        return context


class _Merged(threading.local):
    """The last configuration that a thread has merged, and the copy that tasks see."""

    own: Any = None
    given: Any = None
    whole: Any = None
    seen: Any = None


_last = _Merged()


def _merge(given: Any) -> None:
    """The last that was merged is this configuration into the context's."""
    own, last = prefect.context.__dict__.get("config"), _last
    if given is last.given and (own is last.own or own is last.whole or own == last.whole):
        return
    last.own, last.given = own, given
    last.whole = given if given is own else merge_dicts(own if own is not None else {}, given)
    last.seen = last.whole.copy()


def _seen() -> Any:
    """The last configuration that was merged, as no task has changed it yet."""
    if _last.seen != _last.whole:
        _last.seen = _last.whole.copy()
    return _last.seen


class entered:
    """As ``with prefect.context(values)``; a configuration that was entered before is not merged again.

    ``shared``: nothing that is done within changes the configuration, of which there is no copy.
    """

    __slots__ = ("_before", "_shared", "_values")

    def __init__(self, values: Mapping[str, Any], *, shared: bool = False) -> None:
        self._values = values
        self._shared = shared

    def __enter__(self) -> None:
        config = self._values.get("config")
        if config is not None:
            _merge(config)
        here = prefect.context.__dict__
        self._before = here.copy()
        here.update(self._values)
        if config is not None:
            here["config"] = _last.whole if self._shared else _seen()

    def __exit__(self, *_: object) -> None:
        here = prefect.context.__dict__
        here.clear()
        here.update(self._before)
