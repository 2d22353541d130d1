"""``runs``: the commands on the runs that are remembered. They import no class of a user's."""

from __future__ import annotations

import click

from lume_dsl.cli.groups import LazyGroup

__all__ = ["command"]

COMMANDS = {
    "list": "Show runs in a table.",
    "show": "Show all of one run.",
    "clear": "Forget runs, and what is kept to resume them.",
}


@click.command("runs", cls=LazyGroup, package=__name__, purposes=COMMANDS)
def command() -> None:
    """Find the runs of flows on this machine, what became of them, and forget them.

    They are in the store that the settings name for records, and below LUME_HOME; see config.
    """
