"""``cache clear``: entries are gone, after a question."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from lume_dsl.cache.entries import Entry
from lume_dsl.cli.cache.chosen import entries_of, label, number_of, the_cache, which_options
from lume_dsl.cli.failures import visible
from lume_dsl.cli.streams import write_document

__all__ = ["command"]

SHOWN = 10
"""How many of the entries are listed before the question."""


@click.command("clear")
@which_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, yes: bool, as_json: bool, flow_name: str | None, task_name: str | None) -> None:
    """Remove the values of tasks that are cached: all, or those of a flow or task. The tasks run again then."""
    entries, damaged = entries_of(flow_name, task_name)
    chosen: list[Entry | Path] = [*entries, *damaged]
    is_agreed = bool(chosen) and (yes or _agreed(chosen))
    if is_agreed:
        cache = the_cache()
        for one in chosen:
            cache.remove(one)
        cache.clean()
    if stdout is not None:
        keys = [one.stem if isinstance(one, Path) else one.key for one in chosen] if is_agreed else []
        write_document(stdout, {"cleared": len(keys), "keys": keys})
    elif is_agreed:
        click.echo(f"cleared {number_of(len(chosen))}")
    else:
        click.echo("nothing is cleared" if chosen else "no entries")


def _agreed(chosen: list[Entry | Path]) -> bool:
    what = number_of(len(chosen))
    for one in chosen[:SHOWN]:
        click.echo(visible(f"damaged: {one}" if isinstance(one, Path) else label(one)), err=True)
    if len(chosen) > SHOWN:
        click.echo(f"and {len(chosen) - SHOWN:,} more", err=True)
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError(f"nobody can be asked whether to clear {what}, so none is; --yes clears without asking")
    return click.confirm(f"Clear {what}?", err=True)
