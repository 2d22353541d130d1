"""``results delete``: records are gone, after a question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import attrs
import click

from lume_dsl.cli.asking import SHOWN, agreed
from lume_dsl.cli.results.filters import filter_options, find_one, hashes_argument, label, query_of, tell_nothing
from lume_dsl.cli.streams import write_document
from lume_dsl.records import Document, Query
from lume_dsl.services import current

__all__ = ["command"]


@click.command("delete")
@hashes_argument
@filter_options(limit=None)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, hashes: list[str], yes: bool, as_json: bool, **filters: Any) -> None:
    """Delete the records with these hashes, or those that the options choose. There is no way back.

    HASH is a record's hash, or what it begins with: at least 4 digits. Files that a record names are left alone.
    """
    query = query_of(**filters)
    # An order chooses nothing, nor does a limit without one: all would be gone, or any. Both say which.
    is_chosen = attrs.evolve(query, order=(), limit=None) != Query() or (query.order and query.limit is not None)
    if (hashes and query != Query()) or not (hashes or is_chosen):
        raise click.UsageError("say which records: by their hashes, or by --flow, --where and the like, not both")
    store = current().store
    documents = (find_one(store, one) for one in hashes) if hashes else store.find(query)
    chosen = _labels(documents)
    is_agreed = bool(chosen) and (yes or _agreed(chosen))
    number = store.delete(list(chosen)) if is_agreed else 0
    if stdout is not None:
        write_document(stdout, {"deleted": number, "unique_hashes": list(chosen) if is_agreed else []})
    elif is_agreed:
        click.echo(f"deleted {_records(number)}")
    elif chosen:
        click.echo("nothing is deleted")
    else:
        tell_nothing(store, query)


def _labels(documents: Iterable[Document]) -> dict[str, str]:
    """The hashes of all, found before one is deleted; with those that will be shown, what tells them from others."""
    found: dict[str, str] = {}
    for document in documents:
        found[document["unique_hash"]] = label(document) if len(found) < SHOWN else ""
    return found


def _records(number: int) -> str:
    return f"{number:,} record{'s' if number != 1 else ''}"


def _agreed(chosen: dict[str, str]) -> bool:
    return agreed("delete", _records(len(chosen)), len(chosen), filter(None, chosen.values()))
