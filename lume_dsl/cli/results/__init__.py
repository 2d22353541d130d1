"""``results``: the commands on stored records. They work on what is stored, and import no class of a user's."""

from __future__ import annotations

import click

from lume_dsl.cli.groups import LazyGroup

__all__ = ["command"]

COMMANDS = {
    "list": "Show records in a table.",
    "show": "Show all of one record.",
    "export": "Write records to a file: CSV, Parquet or JSON Lines.",
    "delete": "Delete records.",
    "recover": "Save what could not be saved when it was made.",
}


@click.command("results", cls=LazyGroup, package=__name__, purposes=COMMANDS)
def command() -> None:
    """Find the stored records of runs, show, export and delete them.

    They are those of the record store that the settings name; see config.
    """
