"""The options of a task: all initialisation arguments of ``prefect.Task``, typed and checked without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from lume_dsl.errors import did_you_mean

if TYPE_CHECKING:
    from prefect.engine.result import Result

__all__ = ["OPTION_NAMES", "CacheOptions", "TaskOptions", "TaskUseOptions", "UseOptions", "option_problems"]


class TaskOptions(TypedDict, total=False):
    """Keyword arguments of ``task``, ``step`` and the result fields; their meanings are Prefect's.

    See the docstring of ``prefect.Task``. ``retry_delay`` goes with ``max_retries``; ``timeout`` is in
    whole seconds.
    """

    name: str
    slug: str
    tags: Iterable[str]
    max_retries: int
    retry_delay: timedelta
    retry_on: type[Exception] | Iterable[type[Exception]]
    timeout: int | timedelta
    trigger: Callable[..., bool]
    skip_on_upstream_skip: bool
    cache_for: timedelta
    cache_validator: Callable[..., bool]
    cache_key: str
    checkpoint: bool
    state_handlers: list[Callable[..., Any]]
    on_failure: Callable[..., Any]
    log_stdout: bool
    result: Result
    target: str | Callable[..., str]
    task_run_name: str | Callable[..., str]
    nout: int


class CacheOptions(TypedDict, total=False):
    """What ``task`` and ``step`` take besides, and result fields do not.

    ``cache``: a run of the same source and the same inputs takes the value of an earlier one, whenever it was, or if
    it was no longer ago than a timedelta says. Prefect's ``cache_for`` is another: it asks for neither.
    """

    cache: bool | timedelta


class UseOptions(TaskOptions, total=False):
    """Options of a task's use in a body: those of the task, and what it waits for.

    ``after`` is a value of the flow, or a list of some, that has no argument.
    """

    after: Any


class TaskUseOptions(UseOptions, CacheOptions, total=False):
    """Options of the use of what may be cached: a task or a step."""


OPTION_NAMES = frozenset(TaskOptions.__annotations__)


def option_problems(
    options: Mapping[str, Any], *, also: Iterable[str] = (), cached: bool = False
) -> list[tuple[str, str]]:
    """Return what is wrong with task options, as pairs of what and how to mend it.

    ``also``: other names one may mean. ``cached``: whether they are of what may be cached, and may say so.

    The combinations are those that ``prefect.Task`` refuses (prefect 1.4.1, core/task.py); seeing them here
    spares loading Prefect for it.
    """
    taken = OPTION_NAMES | CacheOptions.__annotations__.keys() if cached else OPTION_NAMES
    known = (*taken, *also)
    found = [
        (
            f"{name!r} is not a task option{'' if name in _WHERE else did_you_mean(name, known)}",
            _WHERE.get(name, "use the options of prefect.Task"),
        )
        for name in options
        if name not in taken
    ]
    retries = options.get("max_retries") or 0
    if isinstance(retries, int) and retries < 0:
        found.append((f"max_retries={retries} is below 0", "write max_retries=3"))
    if retries and options.get("retry_delay") is None:
        found.append((f"max_retries={retries} needs a retry_delay", "add retry_delay=timedelta(seconds=10)"))
    if not retries and options.get("retry_delay") is not None:
        found.append(("retry_delay needs max_retries", "add max_retries=3"))
    if not retries and options.get("retry_on"):
        found.append(("retry_on needs max_retries", "add max_retries=3 and a retry_delay"))
    if isinstance(options.get("tags"), str):
        found.append((f"tags={options['tags']!r} is one text", f"write tags=[{options['tags']!r}]"))
    for name, (types, what, fix) in _TYPES.items():
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, types)):
            found.append((f"{name}={value!r} is not {what}", fix))
    return found + (_cache_problems(options) if cached else [])


def _cache_problems(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    cache = options.get("cache", False)
    if isinstance(cache, timedelta):
        if cache <= timedelta(0):
            return [(f"cache={cache!r} is no time at all", "write cache=timedelta(days=7), or cache=True")]
    elif not isinstance(cache, bool):
        return [(f"cache={cache!r} is neither a bool nor a timedelta", "write cache=True, or cache=timedelta(days=7)")]
    if cache and options.get("cache_for") is not None:
        what = "cache and cache_for are two caches: by source and inputs, and Prefect's"
        return [(what, "leave one out; cache takes a timedelta too")]
    return []


_WHERE = {
    "after": "write it where the task is used: with_options(after=[...])(...)",
    "cache": "write it on the task that computes the value: @task(cache=True)",
}

_TYPES: dict[str, tuple[type | tuple[type, ...], str, str]] = {
    "name": (str, "a text", 'write name="..."'),
    "slug": (str, "a text", 'write slug="..."'),
    "max_retries": (int, "a number", "write max_retries=3"),
    "retry_delay": (timedelta, "a timedelta", "write retry_delay=timedelta(seconds=10)"),
    "timeout": ((int, timedelta), "whole seconds", "write timeout=30, or a timedelta"),
    "cache_for": (timedelta, "a timedelta", "write cache_for=timedelta(hours=1)"),
}
