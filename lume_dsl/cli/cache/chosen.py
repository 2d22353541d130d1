"""The options by which commands choose entries of the cache, and the entries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from lume_dsl.cache.entries import Cache, Entry
from lume_dsl.cli.failures import visible
from lume_dsl.cli.results.filters import SHORT, local_time
from lume_dsl.errors import near_or_all
from lume_dsl.services import current

__all__ = ["entries_of", "label", "number_of", "row_of", "tell_nothing", "the_cache", "which_options"]

F = TypeVar("F", bound=Callable[..., Any])


def which_options(command: F) -> F:
    """Give a command the options of which ``entries_of`` makes entries."""
    flow = click.option("--flow", "flow_name", metavar="NAME", help="Only entries of this flow.")
    task = click.option("--task", "task_name", metavar="NAME", help="Only those of this task, or item of a map.")
    return flow(task(command))


def the_cache() -> Cache:
    """Return the cache of this process's settings."""
    return Cache(current().settings.home)


def entries_of(
    flow_name: str | None, task_name: str | None, before: datetime | None = None
) -> tuple[list[Entry], list[Path]]:
    """Return the entries that are chosen, the newest first, and the files of those that are damaged.

    ``before``: those that were written before that time. Of a damaged one that is not known, nor its flow and task.
    """
    found = list(the_cache().entries())
    entries = [one for one in found if isinstance(one, Entry)]
    chosen = [
        one
        for one in entries
        if flow_name in (None, one.flow)
        and task_name in (None, one.task, one.task.partition("[")[0])
        and (before is None or one.time < before)
    ]
    chosen.sort(key=lambda one: one.time, reverse=True)
    is_all = flow_name is None and task_name is None and before is None
    return chosen, [one for one in found if isinstance(one, Path)] if is_all else []


def tell_nothing(flow_name: str | None, task_name: str | None) -> None:
    """That there are no such entries is told on stderr, and which of the names no entry has."""
    entries = [one for one in the_cache().entries() if isinstance(one, Entry)]
    tasks = {name for one in entries for name in (one.task, one.task.partition("[")[0])}
    asked = (("flow", flow_name, {one.flow for one in entries}), ("task", task_name, tasks))
    reasons = [
        visible(f"no entry is of a {what} named {name!r}{near_or_all(name, known)}")
        for what, name, known in asked
        if name is not None and known and name not in known
    ]
    click.echo("\n    ".join(["no entries", *reasons]), err=True)


def row_of(entry: Entry) -> tuple[str, ...]:
    """Return the cells of the table."""
    size = f"{entry.size:,} bytes"
    return (local_time(entry.time.isoformat()), entry.flow, entry.task, entry.function, entry.key[:SHORT], size)


def label(entry: Entry) -> str:
    """Return what tells an entry from others, in a line."""
    return "  ".join(row_of(entry)[:4])


def number_of(count: int) -> str:
    """Return so many entries, in words."""
    return f"{count:,} entr{'ies' if count != 1 else 'y'}"
