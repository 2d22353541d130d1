"""``cache clear``: entries are gone, after a question."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import IO

import click

from lume_dsl.cache.entries import Entry
from lume_dsl.cli.asking import SHOWN, agreed
from lume_dsl.cli.cache.chosen import entries_of, label, number_of, the_cache, which_options
from lume_dsl.cli.durations import older_than_option
from lume_dsl.cli.failures import visible
from lume_dsl.cli.streams import write_document

__all__ = ["command"]


@click.command("clear")
@which_options
@older_than_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(
    stdout: IO[str] | None,
    /,
    yes: bool,
    as_json: bool,
    flow_name: str | None,
    task_name: str | None,
    before: datetime | None,
) -> None:
    """Remove the values of tasks that are cached: all, or those of a flow or task. The tasks run again then."""
    entries, damaged = entries_of(flow_name, task_name, before)
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
    lines = (visible(f"damaged: {one}" if isinstance(one, Path) else label(one)) for one in chosen[:SHOWN])
    return agreed("clear", number_of(len(chosen)), len(chosen), lines)
