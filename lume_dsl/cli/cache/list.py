"""``cache list``: the entries in a table."""

from __future__ import annotations

from typing import IO

import click

from lume_dsl.cli.cache.chosen import entries_of, number_of, row_of, tell_nothing, which_options
from lume_dsl.cli.failures import visible
from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.cli.streams import write_document

__all__ = ["command"]


@click.command("list")
@which_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, as_json: bool, flow_name: str | None, task_name: str | None) -> None:
    """Show the values of tasks that are cached, the newest first.

    How many there are, and how large, is told on stderr, with those that are damaged.
    """
    entries, damaged = entries_of(flow_name, task_name)
    if stdout is not None:
        members = [{**entry.document(), "size": entry.size} for entry in entries]
        write_document(stdout, {"entries": members, "damaged": [str(path) for path in damaged]})
        return
    print_tables("", Table(("time", "flow", "task", "function", "key", "size"), [row_of(entry) for entry in entries]))
    size = sum(entry.size for entry in entries)
    if entries:
        click.echo(f"{number_of(len(entries))}, {size:,} bytes", err=True)
    else:
        tell_nothing(flow_name, task_name)
    for path in damaged:
        click.echo(visible(f"damaged: {path}"), err=True)
