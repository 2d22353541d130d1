"""``runs list``: runs in a table."""

from __future__ import annotations

from typing import IO, Any

import click

from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.cli.runs.chosen import COLUMNS, number_of, row_of, run_options, runs_chosen, tell_nothing
from lume_dsl.cli.streams import write_document

__all__ = ["command"]

LIMIT = 20


@click.command("list")
@run_options
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=0), default=LIMIT, help=f"At most so many.  [default: {LIMIT}]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, as_json: bool, limit: int, **filters: Any) -> None:
    """Show runs in a table, the newest first, with the tasks that failed.

    How many there are in all is told on stderr.
    """
    runs = runs_chosen(**filters)
    shown = list(runs.limit(limit))
    count = runs.count() if len(shown) == limit else len(shown)
    if stdout is not None:
        write_document(stdout, {"count": count, "runs": [run.document for run in shown]})
        return
    print_tables("", Table(COLUMNS, [row_of(run) for run in shown], whole=COLUMNS[:5]))
    if not count:
        tell_nothing(runs)
        return
    of_all = f"{number_of(count)}, newest first"
    more = "" if len(shown) == count else f"{len(shown):,} of "
    click.echo(f"{more}{of_all}{'; --limit N shows more' if more else ''}", err=True)
