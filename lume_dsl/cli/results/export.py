"""``results export``: records in a file of their own, for other programs."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Any, BinaryIO

import click

from lume_dsl.cli.failures import visible
from lume_dsl.cli.results.filters import filter_options, query_of
from lume_dsl.cli.streams import readers_may_leave
from lume_dsl.files.atomic import OccupiedError, write_whole
from lume_dsl.records import Query, RecordStore
from lume_dsl.records.export import FORMATS, Writer
from lume_dsl.services import current

__all__ = ["command"]


@click.command("export")
@filter_options(limit=None)
@click.option(
    "--format",
    "format_",
    type=click.Choice(tuple(FORMATS)),
    help="That of the file's ending, unless told; json is a record a line.",
)
@click.option("--output", metavar="FILE", required=True, help="The file, which is whole or not there; - is stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there with other content.")
def command(format_: str | None, output: str, overwrite: bool, **filters: Any) -> None:
    """Write records to a file: a row a record, and a column for each input and output.

    CSV and Parquet hold a value that is no text, number or boolean as JSON text.
    """
    write = FORMATS[format_ or _format_of(output)]
    fill = partial(_fill, current().store, query_of(**filters), write)
    if output == "-":
        with readers_may_leave():
            fill(sys.stdout.buffer)
        return
    try:
        write_whole(output, fill, overwrite=overwrite)
    except OccupiedError as error:
        raise click.UsageError(f"{output} is there with other content; --overwrite replaces it") from error


def _format_of(output: str) -> str:
    ending = os.path.splitext(output)[1].lower().removeprefix(".")
    ending = "json" if ending in ("jsonl", "ndjson") else ending
    if ending not in FORMATS:
        raise click.UsageError(f"the ending of {visible(output)} says no format: write --format {'|'.join(FORMATS)}")
    return ending


def _fill(store: RecordStore, query: Query, write: Writer, stream: BinaryIO) -> None:
    write(store.find(query), stream)
