"""``results list``: records in a table."""

from __future__ import annotations

from typing import IO, Any

import attrs
import click

from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.cli.results.filters import SHORT, filter_options, local_time, query_of, tell_nothing
from lume_dsl.cli.streams import write_document
from lume_dsl.records.plain import json_text, plain_record
from lume_dsl.services import current

__all__ = ["command"]

LIMIT = 20

WIDEST_VALUE, WIDEST_CELL = 40, 100
"""Characters of a value, and of all inputs or outputs, that are shown."""


@click.command("list")
@filter_options(limit=LIMIT)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, as_json: bool, **filters: Any) -> None:
    """Show records in a table, the newest first, their values in short.

    How many there are in all is told on stderr.
    """
    store, query = current().store, query_of(**filters)
    records = [plain_record(document) for document in store.find(query)]
    # Those that are shown are all there are, unless there are as many as were asked for.
    is_cut = query.limit is not None and len(records) >= query.limit
    count = store.count(attrs.evolve(query, limit=None)) if is_cut else len(records)
    if stdout is not None:
        write_document(stdout, {"count": count, "records": records})
        return
    names = ("time", "flow", "result", "hash")
    print_tables("", Table((*names, "inputs", "outputs"), [_row(record) for record in records], whole=names))
    if count:
        click.echo(_told(len(records), count, ordered=bool(query.order)), err=True)
    else:
        tell_nothing(store, query)


def _told(shown: int, count: int, *, ordered: bool) -> str:
    of_all = f"{count:,} record{'s' if count != 1 else ''}"
    order = "in order" if ordered else "newest first"
    return f"{of_all}, {order}" if shown == count else f"{shown:,} of {of_all}, {order}; --limit N shows more"


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    names = (record["flow_name"] or "", record["result_name"] or "", record["unique_hash"][:SHORT])
    return (local_time(record["time"]), *names, _in_short(record["inputs"]), _in_short(record["outputs"]))


def _in_short(values: dict[str, Any]) -> str:
    return _cut(
        ", ".join(f"{name}={_cut(json_text(value), WIDEST_VALUE)}" for name, value in values.items()), WIDEST_CELL
    )


def _cut(text: str, widest: int) -> str:
    return text if len(text) <= widest else f"{text[: widest - 1]}…"
