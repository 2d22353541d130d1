"""What can be seen of a flow's run: states, contexts and log records, in a form that two runs can be compared in.

Ids, moments and addresses of objects are left out; whatever else a task, a handler or a reader of the log sees is in.
"""

from __future__ import annotations

import copy
import logging
import os
import pickle
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs
import pendulum
import prefect
from prefect.configuration import Config
from prefect.core.edge import Edge
from prefect.engine.result import Result
from prefect.engine.state import State

Build = Callable[[type], Any]
"""Gives a flow of a class or, of several, the flow and what each run of it is given besides."""

KEPT = Path("kept")
"""The folder, empty before a flow's first run, for results of tasks."""

_SCRUBBED = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d|Z)?"), "<time>"),
    (re.compile(r"0x[0-9a-f]{6,}"), "<address>"),
]

_asked: set[str] = set()


def answer(prompt: str) -> str:
    """What one says who is asked whether a paused task may go on: in each history no first, and then yes."""
    if prompt in _asked:
        return "y"
    _asked.add(prompt)
    return "n"


_ALL_KEPT = (bool, int, float, complex, bytes, timedelta, type(None), type(...))


def told(value: Any, within: tuple[int, ...] = ()) -> Any:
    """A value as strings, lists and dicts."""
    if isinstance(value, (str, *_ALL_KEPT)):
        return _scrubbed(repr(value))
    if id(value) in within:
        return "<itself>"
    tell = partial(told, within=(*within, id(value)))
    kind = type(value).__name__
    if isinstance(value, datetime):
        return _told_moment(value)
    if isinstance(value, Config):
        return _told_config(value)
    if isinstance(value, Mapping):
        return _told_mapping(value, tell)
    if isinstance(value, (list, tuple)):
        return [kind, *map(tell, value)]
    if isinstance(value, (set, frozenset)):
        return [kind, *sorted(map(str, map(tell, value)))]
    if isinstance(value, (State, Result)):
        return {"": kind, **{name: tell(one) for name, one in vars(value).items()}}
    if isinstance(value, BaseException):
        return {"": kind, "text": _scrubbed(str(value)), **{name: tell(one) for name, one in vars(value).items()}}
    if isinstance(value, Edge):
        ends = [tell(value.upstream_task), tell(value.downstream_task)]
        return [kind, *ends, value.key, value.mapped, value.flattened]
    if isinstance(value, logging.Logger):
        return [kind, value.name]
    return [kind, str(getattr(value, "name", getattr(value, "__qualname__", "")))]


def _told_mapping(mapping: Mapping[Any, Any], tell: Callable[[Any], Any]) -> Any:
    """Of tasks several may have a name; a flow's result has them in no order that is the same for another flow."""
    if any(isinstance(key, prefect.Task) for key in mapping):
        return sorted(([str(key), tell(one)] for key, one in mapping.items()), key=str)
    return {_scrubbed(str(key)): tell(one) for key, one in mapping.items()}


def _scrubbed(text: str) -> str:
    for pattern, instead in _SCRUBBED:
        text = pattern.sub(instead, text)
    return text


def _told_moment(moment: datetime) -> str:
    distance = pendulum.instance(moment) - pendulum.now("utc")
    hours = distance.total_seconds() / 3600
    return f"<in {round(hours)} hours>" if abs(hours) < 100 else moment.isoformat()


def _told_config(config: Config) -> Any:
    """What differs from this process's."""
    if config == prefect.config:
        return {}
    usual = _flat(prefect.config)
    return {name: told(value) for name, value in _flat(config).items() if usual.get(name, usual) != value}


def _flat(config: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def told_context(context: Mapping[str, Any]) -> Any:
    """All that a context has, but for what records."""
    return {name: told(value) for name, value in context.items() if name != "recorder"}


class Recorder(logging.Handler):
    """Writes what happens to a folder, where other processes do so too: they get it with the context."""

    def __init__(self, folder: str, level: int) -> None:
        super().__init__(level)
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return recorder_of_process, (self.folder, self.level)

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        told_ids = [getattr(record, name, None) for name in ("flow_name", "task_name", "task_slug")]
        has_ids = [hasattr(record, name) for name in ("flow_run_id", "task_run_id")]
        line = [record.name, record.levelname, _scrubbed(record.getMessage()), error, *told_ids, *has_ids]
        self.note("log", line)

    def note(self, kind: str, *what: Any) -> None:
        """Keep what has happened, and to which task's run."""
        context = prefect.context
        key = (context.get("task_slug"), context.get("map_index"))
        with open(f"{self.folder}/{os.getpid()}-{threading.get_ident()}", "ab") as file:
            pickle.dump((time.monotonic_ns(), key, (kind, *what)), file)


@lru_cache(maxsize=1)
def recorder_of_process(folder: str, level: int) -> Recorder:
    """The one of a process, which has its log records."""
    recorder = Recorder(folder, level)
    logger = logging.getLogger("prefect")
    logger.handlers = [one for one in logger.handlers if not isinstance(one, Recorder)]
    logger.addHandler(recorder)
    logger.setLevel(level)
    return recorder


def forget_recorder() -> None:
    """The process has its log records no more to itself."""
    logger = logging.getLogger("prefect")
    logger.handlers = [one for one in logger.handlers if not isinstance(one, Recorder)]
    logger.setLevel(prefect.config.logging.level)
    recorder_of_process.cache_clear()


def note(kind: str, *what: Any) -> None:
    """Record something from within a task, a trigger, a handler."""
    prefect.context.recorder.note(kind, *map(told, what))


def flow_handler(flow: prefect.Flow, old: State, new: State) -> None:
    note("flow handler", flow.name, old, new)


def task_handler(task: prefect.Task, old: State, new: State) -> None:
    note("task handler", task.name, old, new)


def runner_handler(runner: Any, old: State, new: State) -> None:
    note("runner handler", repr(runner), runner.result, runner.flow_result, old, new)
    prefect.context.recorder.note("runner context", told_context(runner.context), told_context(prefect.context))


def observed(run: Callable[..., Any], **inputs: Any) -> Any:
    """A task's ``run``, which tells what it is given and sees."""
    recorder = prefect.context.get("recorder")
    if recorder is not None:
        recorder.note("run", told(inputs), told_context(prefect.context))
    return run(**inputs)


@attrs.frozen
class History:
    """What was seen of a flow's runs: the order of it all, and how each ended."""

    events: list[Any]
    ends: list[Any]

    def told(self) -> dict[str, Any]:
        """All of it in order."""
        return {"events": self.events, "ends": self.ends}

    def by_task(self) -> dict[str, Any]:
        """As it can be compared where the order of tasks is left open: in order for each task's run."""
        tasks: dict[Any, list[Any]] = {}
        for key, event in self.events:
            tasks.setdefault(str(key), []).append(event)
        ends = [dict(end) if isinstance(end, list) else end for end in self.ends]
        return {"events": tasks, "ends": ends}


def built(build: Build, flow_class: type, *, handled: bool = True) -> tuple[prefect.Flow, list[dict[str, Any]]]:
    """A flow whose tasks tell what they see, and, if ``handled``, each change of state; and what its runs are given."""
    made = build(flow_class)
    flow, runs = (made[0], list(made[1:])) if isinstance(made, tuple) else (made, [{}])
    for task in flow.tasks:
        task.run = partial(observed, task.run)
        if handled:
            task.state_handlers.append(task_handler)
    if handled:
        flow.state_handlers.append(flow_handler)
    return flow, runs


def history(
    flow: prefect.Flow,
    runs: Iterable[dict[str, Any]],
    *,
    handled: bool = True,
    level: int = logging.DEBUG,
    **given: Any,
) -> History:
    """Run a flow as often as ``runs`` has what to give it besides ``given``."""
    _asked.clear()
    shutil.rmtree(KEPT, ignore_errors=True)
    folder = Path(f"events-{time.monotonic_ns()}").absolute()
    folder.mkdir()
    prefect.context.pop("caches", None)
    logger = logging.getLogger("prefect")
    before = logger.handlers, logger.level
    logger.handlers = []
    recorder_of_process.cache_clear()
    recorder = recorder_of_process(str(folder), level)
    try:
        ends = [_end(flow, recorder, handled, {**given, **run}) for run in runs]
        ends.append({"context": told_context(prefect.context)})
    finally:
        logger.handlers, logger.level = before[0], before[1]
        logger.setLevel(before[1])
        prefect.context.pop("caches", None)
    events = sorted(event for file in folder.iterdir() for event in _events(file))
    shutil.rmtree(folder)
    return History([event[1:] for event in events], ends)


def _events(file: Path) -> Iterable[Any]:
    with file.open("rb") as stream:
        while True:
            try:
                moment, key, event = pickle.load(stream)
            except EOFError:
                return
            yield _Event((moment, key, event))


class _Event(tuple[Any, ...]):
    """Events are in order of time alone."""

    def __lt__(self, other: Any) -> bool:
        return bool(self[0] < other[0])


def _end(flow: prefect.Flow, recorder: Recorder, handled: bool, given: dict[str, Any]) -> Any:
    handlers = [runner_handler] if handled else []
    given = {"task_runner_state_handlers": handlers, "run_on_schedule": False, **given}
    given["context"] = {**given.get("context", {}), "recorder": recorder}
    given["task_states"] = {task: copy.deepcopy(state) for task, state in given.get("task_states", {}).items()}
    if given.pop("by_runner", False):
        runner_class = given.pop("runner_cls", None) or default_runner(flow)
        given.pop("run_on_schedule")
        run = partial(runner_class(flow=flow).run, return_tasks=flow.tasks)
    else:
        run = flow.run
    try:
        state = run(**given)
    except BaseException as error:
        return told(error)
    result = state.result
    if not isinstance(result, dict):
        return told(state)
    state.result = None
    return [("flow", told(state)), *((flow.slugs[task], told(one)) for task, one in result.items())]


def default_runner(flow: prefect.Flow) -> type:
    """The class of runners that a flow is run by unless another is chosen."""
    if type(flow) is prefect.Flow:
        return prefect.engine.FlowRunner
    from lume_dsl.engine.runner import FlowRunner

    return FlowRunner


def difference(stock: Any, ours: Any, where: str = "") -> str | None:
    """The first place where two histories differ, as text; None if they are the same."""
    if isinstance(stock, dict) and isinstance(ours, dict):
        for key in [*stock, *(key for key in ours if key not in stock)]:
            if (
                found := difference(stock.get(key, "<absent>"), ours.get(key, "<absent>"), f"{where}/{key}")
            ) is not None:
                return found
        return None
    if isinstance(stock, (list, tuple)) and isinstance(ours, (list, tuple)):
        for index, (one, other) in enumerate(zip_longest(stock, ours, fillvalue="<absent>")):
            if (found := difference(one, other, f"{where}/{index}")) is not None:
                return found
        return None
    return None if stock == ours else f"at {where}:\n  stock: {stock}\n  ours:  {ours}"


def assert_same(stock: dict[str, Any], ours: dict[str, Any]) -> None:
    """Fail, with the first place where two histories differ, unless they are the same."""
    if (found := difference(stock, ours)) is not None:
        raise AssertionError(found)
