"""``results show``: all of one record."""

from __future__ import annotations

from typing import IO

import click

from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.cli.results.filters import find_one, hash_argument
from lume_dsl.cli.streams import write_document
from lume_dsl.records.plain import MEMBERS, cells, json_text, plain_record
from lume_dsl.services import current

__all__ = ["command"]


@click.command("show")
@hash_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, hash_: str, as_json: bool) -> None:
    """Show all that a record holds, and where it comes from.

    HASH is the record's hash, or what it begins with: at least 4 digits.
    """
    document = find_one(current().store, hash_)
    if stdout is not None:
        write_document(stdout, plain_record(document))
        return
    table = Table(("member", "value"), whole=("member", "value"))
    for name, value in cells(document):
        # A text among the values is in quotes: "5" is no 5.
        table.rows.append((name, str(value or "") if name in MEMBERS else json_text(value)))
    print_tables("", table)
