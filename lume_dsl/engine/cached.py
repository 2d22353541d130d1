"""A task's run that takes the value of an earlier one of the same source and inputs, where there is one.

It stands around the task's ``run``, so whatever runner and executor run the task, it is the same. A value that is found
leaves by a signal that Prefect takes for a success with a state of its own: ``Cached``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import attrs
import prefect
from prefect.engine import signals
from prefect.engine.state import Cached

from lume_dsl.cache.entries import Cache, Entry
from lume_dsl.cache.key import Made, forms_of, made_of, why_again
from lume_dsl.cache.source import Source
from lume_dsl.cache.steps import add_step
from lume_dsl.cache.values import lost_file
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.calls import RunCall, StepCall
from lume_dsl.engine.unwritable import unwritable
from lume_dsl.errors import LumeError, RecordError, text_of
from lume_dsl.tasks.context import PARAMETER, run_services

__all__ = ["CachedCall", "run_identity", "source_of_run"]


class CACHED(signals.SUCCESS):
    """A run that took the value of an earlier one."""

    _state_cls = Cached  # type: ignore[assignment]  # a Success too


@attrs.frozen
class CachedCall(RunCall):
    """A task's ``run``, or the value of an earlier one.

    Attributes:
        flow: The name of the flow.
        task: The name of the task.
        lasts: How long a value is taken after it was written; always if None.
        references: The arguments that are references of files and records.
        secrets: The arguments that a secret parameter gives, with its name.
    """

    flow: str
    task: str
    lasts: timedelta | None
    references: frozenset[str]
    secrets: Mapping[str, str]

    def __call__(self, **values: Any) -> Any:
        # Called by hand; or within a loop, where the iterations before are an input that is not seen.
        if "task_full_name" not in prefect.context or (prefect.context.get("task_loop_count") or 1) > 1:
            return self.run(**values)
        with run_services() as services:
            cache = Cache(services.settings.home)
            made = self._made(values)
            found = None if made is None else self._found(cache, made)
        if found is not None:
            self._log("info", f"is not run: {found.message}")
            raise CACHED(found.message, result=found.value, cached_result_expiration=found.ends)
        value = self.run(**values)
        if made is not None:
            self._keep(cache, made, value)
        return value

    # what it is made of

    def _made(self, values: Mapping[str, Any]) -> Made | None:
        """What the run is made of, or None where it cannot be cached: then the log tells why."""
        try:
            root, source, read = _source_of(self.run)
            if secret := self._secret(read):
                self._log("warning", f"is not cached: it takes the secret {secret}")
                return None
            return made_of(root, source, forms_of(self._inputs(values, read), self.references))
        except LumeError as error:
            self._log("warning", f"is not cached: {text_of(error)}")
        except Exception as error:  # a user's object may fail in any way when it is looked at
            self._log("warning", f"is not cached: {type(error).__name__}: {text_of(error)}")
        return None

    def _secret(self, read: tuple[str, ...]) -> str:
        step = _step_in(self.run)
        parameters = {} if step is None else step.flow_class.__lume_graph__.parameters
        own = [name for name in read if spec_of(parameters[name]).secret]
        return ", ".join(dict.fromkeys([*self.secrets.values(), *own]))

    def _inputs(self, values: Mapping[str, Any], read: tuple[str, ...]) -> dict[str, Any]:
        """The arguments, and the parameters that a step reads of ``self``."""
        step = _step_in(self.run)
        if step is None:
            return dict(values)
        given = step.given(values)
        own = {name: value for name, value in values.items() if not (step.of_subflow and name.startswith(PARAMETER))}
        return {**own, **{f"self.{name}": given[name] for name in read}}

    # the entry

    def _found(self, cache: Cache, made: Made) -> _Found | None:
        """The value of the entry of this key; None where there is none that counts, and then the log tells why."""
        try:
            entry = cache.find(made.key)
            if entry is None:
                if (before := cache.latest(self._id)) is not None:
                    self._log("info", f"runs again: {why_again(made, before)}")
                return None
            ends = None if self.lasts is None else entry.time + self.lasts
            if ends is not None and ends < datetime.now(timezone.utc):
                self._log("info", f"runs again: its entry of {_told(entry.time)} has expired, as it lasts {self.lasts}")
                return None
            value = cache.value(made.key)
            if (lost := lost_file(value)) is not None:
                self._log("info", f"runs again: the file {lost}, which it gave, is gone or was altered")
                return None
            message = f"cached value of {_told(entry.time)}, of the same source and inputs (entry {entry.key[:12]})"
            return _Found(value, message, ends)
        except RecordError as error:
            self._log("warning", f"runs again: {text_of(error)}")
        return None

    def _keep(self, cache: Cache, made: Made, value: Any) -> None:
        """The value is in the cache. Where it cannot be, the log tells why, and the run goes on."""
        entry = Entry(
            key=made.key,
            flow=self.flow,
            task=self._full_name,
            function=_name_of(self.run),
            source=made.source,
            inputs=made.inputs,
        )
        try:
            cache.write(entry, value)
        except LumeError as error:
            cause = error.__cause__  # the file of an entry is none of the user's, whom it would tell to name another
            why = unwritable(cause, cache.folder) if isinstance(cause, OSError) else text_of(error)
            self._log("warning", f"what it returns is not cached: {why}")
        except Exception as error:  # a user's object may fail in any way when it is looked at
            self._log("warning", f"what it returns is not cached: {type(error).__name__}: {text_of(error)}")
        else:
            cache.note(self._id, entry.key)

    @property
    def _full_name(self) -> str:
        return str(prefect.context.get("task_full_name") or self.task)

    @property
    def _id(self) -> str:
        return f"{self.flow}\n{self._full_name}"

    def _log(self, level: str, message: str) -> None:
        logger = prefect.context.get("logger")
        if logger is not None:
            getattr(logger, level)(f"Task '{self._full_name}': {message}")


@attrs.frozen
class _Found:
    value: Any
    message: str
    ends: datetime | None


def _told(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


Sourced = tuple[str, Source, tuple[str, ...]]

MOST = 100
"""Of how many tasks a process remembers the source at most."""


class _Remembered:
    """The sources of the tasks of one flow run, as all items of a map have one, by the ids of what they are of."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.sources: dict[tuple[int, ...], tuple[Sourced, Any]] = {}


_last = _Remembered("")


def _source_of(run: Callable[..., Any]) -> Sourced:
    """What a run is in its source, the source, and the parameters that it reads of ``self``. Found once a flow run."""
    global _last
    run_id = str(prefect.context.get("flow_run_id") or "")
    if not run_id or _last.run_id != run_id or len(_last.sources) >= MOST:
        _last = _Remembered(run_id)
    sources = _last.sources
    what = run_identity(run)
    identity = tuple(map(id, what))
    if identity not in sources:
        sources[identity] = (source_of_run(run), what)
    return sources[identity][0]


def run_identity(run: Callable[..., Any]) -> tuple[Any, ...]:
    """Return objects that two runs have in common where their source is the same one."""
    step, plain = _step_in(run), _plain(run)
    return (getattr(plain, "__self__", plain),) if step is None else (step.function, step.flow_class)


def source_of_run(run: Callable[..., Any]) -> Sourced:
    """Return what a task's run is in its source, the source, and the parameters that it reads of ``self``."""
    step, plain, source = _step_in(run), _plain(run), Source()
    if step is not None:
        return "step", source, add_step(source, step.flow_class, step.function, step.name)
    instance = getattr(plain, "__self__", None)
    if not isinstance(instance, prefect.Task):
        return source.add(plain, getattr(plain, "__name__", "function")), source, ()
    own = {name: value for name, value in vars(instance).items() if name not in _of_every_task()}
    parts = [source.add(type(instance), type(instance).__qualname__)]
    parts += [f"{name} {source.add(value, f'self.{name}')}" for name, value in sorted(own.items())]
    return ", ".join(parts), source, ()


@lru_cache(maxsize=1)
def _of_every_task() -> frozenset[str]:
    """The attributes that each task of Prefect's has: its options and what they made."""
    return frozenset({*vars(prefect.Task(name="task")), "run"})


def _plain(run: Any) -> Callable[..., Any]:
    while isinstance(run, RunCall):
        run = run.run
    found: Callable[..., Any] = run
    return found


def _step_in(run: Callable[..., Any]) -> StepCall | None:
    plain = _plain(run)
    return plain if isinstance(plain, StepCall) else None


def _name_of(run: Callable[..., Any]) -> str:
    step = _step_in(run)
    what: Any = _plain(run) if step is None else step.function
    what = type(what.__self__) if isinstance(getattr(what, "__self__", None), prefect.Task) else what
    return f"{getattr(what, '__module__', '')}:{getattr(what, '__qualname__', type(what).__qualname__)}"
