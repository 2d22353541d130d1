"""``cache``: the commands on the values of tasks that are cached."""

from __future__ import annotations

import click

from lume_dsl.cli.groups import LazyGroup

__all__ = ["command"]

COMMANDS = {
    "list": "Show the entries in a table.",
    "clear": "Remove entries.",
}


@click.command("cache", cls=LazyGroup, package=__name__, purposes=COMMANDS)
def command() -> None:
    """Show the values of tasks that are cached, and clear them.

    They are below the LUME_HOME that the settings name; see config.
    """
