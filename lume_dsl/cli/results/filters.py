"""The options by which commands choose records, and the record that the beginning of a hash stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import reduce
from itertools import islice
from typing import Any, TypeVar

import click

from lume_dsl.cli.failures import visible
from lume_dsl.errors import RecordError
from lume_dsl.records import Document, Query, RecordStore
from lume_dsl.records.expressions import read_condition
from lume_dsl.records.misses import why_nothing
from lume_dsl.records.query import Order
from lume_dsl.records.where import Condition

__all__ = ["filter_options", "find_one", "hashes_argument", "label", "local_time", "query_of", "tell_nothing"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

SHORT = 12
"""Digits of a hash that are shown."""

SHOWN = 10
"""How many records are listed of those that a beginning of a hash may stand for."""

_HASH = re.compile(r"[0-9a-f]{4,64}")


def _each(read: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, Iterable[str]], list[T]]:
    """A callback of an option that may be repeated, which reads each of its texts."""

    def callback(_context: click.Context, _parameter: click.Parameter, texts: Iterable[str]) -> list[T]:
        try:
            return [read(text) for text in texts]
        except RecordError as error:
            raise click.BadParameter(visible(str(error))) from error

    return callback


def _type_string(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not all(text.partition(":")):
        raise click.BadParameter(f"expected module:Class, such as lume_dsl.records:DBResult, got {visible(text)!r}")
    return text


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text.lower()):
        raise RecordError(
            f"expected a record's hash, or at least 4 of the hexadecimal digits it begins with, got {text!r}"
        )
    return text.lower()


hashes_argument = click.argument("hashes", metavar="[HASH]...", nargs=-1, callback=_each(_hash))
"""Hashes of records, or their beginnings."""

hash_argument = click.argument("hash_", metavar="HASH", callback=lambda c, p, text: _each(_hash)(c, p, [text])[0])
"""One."""


def filter_options(*, limit: int | None) -> Callable[[F], F]:
    """Give a command the options of which ``query_of`` makes a query; ``limit`` is how many are meant at most."""
    most = f"At most so many.  [default: {limit}]" if limit else "At most so many."
    where = 'Only those for which this holds: "inputs.charge > 100 and not exists(outputs.error)". May be repeated.'
    options = [
        click.option("--flow", "flow_name", metavar="NAME", help="Only records of this flow."),
        click.option("--project", "project_name", metavar="NAME", help="Only those of this project."),
        click.option(
            "--type",
            "result_type_string",
            metavar="MODULE:CLASS",
            callback=_type_string,
            help="Only those of this class.",
        ),
        click.option("--where", metavar="EXPR", multiple=True, callback=_each(read_condition), help=where),
        click.option(
            "--order",
            metavar="PATH",
            multiple=True,
            callback=_each(Order.read),
            help="Sort by what is at this path; -PATH sorts the largest first. May be repeated.",
        ),
        click.option("--limit", metavar="N", type=click.IntRange(min=0), default=limit, help=most),
    ]
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


def query_of(*, where: list[Condition], order: list[Order], **members: Any) -> Query:
    """Return the query that the values of ``filter_options`` say."""
    all_hold = reduce(lambda one, other: one & other, where) if where else None
    return Query(where=all_hold, order=tuple(order), **members)


def find_one(store: RecordStore, beginning: str) -> Document:
    """Return the one record whose hash begins so.

    Raises:
        click.UsageError: There is none, or more than one.
    """
    found = list(islice(store.find(Query(beginning=beginning)), SHOWN + 1))
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.UsageError(f"there is no record whose hash begins with {beginning}; `results list` shows records")
    more = [] if len(found) <= SHOWN else ["and more"]
    lines = [*map(label, found[:SHOWN]), *more]
    raise click.UsageError("\n    ".join([f"the hash of more than one record begins with {beginning}:", *lines]))


def tell_nothing(store: RecordStore, query: Query) -> None:
    """That a query finds no records is told on stderr, and what in it none can have."""
    click.echo("\n    ".join(["no records", *map(visible, why_nothing(store, query))]), err=True)


def label(document: Document) -> str:
    """Return a line that tells a record from others."""
    parts = (
        document["unique_hash"][:SHORT],
        local_time(document["time"]),
        document["flow_name"],
        document["result_name"],
    )
    return visible("  ".join(str(part) for part in parts if part))


def local_time(text: str) -> str:
    """Return a stored time as this machine's clock showed it, to the second, with the offset from UTC."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, TypeError):  # beyond the years 1 to 9999 in this zone, or nothing of ours
        return str(text)
