"""``results recover``: what could not be saved is saved now."""

from __future__ import annotations

import sys

import click

from lume_dsl.cli.failures import visible
from lume_dsl.cli.results.filters import SHORT
from lume_dsl.errors import ServiceError
from lume_dsl.services import current

__all__ = ["command"]


@click.command("recover")
def command() -> None:
    """Save the records that could not be saved when they were made.

    They are kept in LUME_HOME. Where one still cannot be saved it is left there, and the exit code is 4.
    """
    outcomes = current().recover()
    for outcome in outcomes:
        said = outcome.problem or ("saved" if outcome.is_new else "was there already")
        click.echo(
            visible(f"{outcome.unique_hash[:SHORT]}  {said}" + (f"  ({outcome.folder})" if outcome.problem else ""))
        )
    if not outcomes:
        click.echo("nothing waits to be saved")
    if any(outcome.problem for outcome in outcomes):
        sys.exit(ServiceError.exit_code)
