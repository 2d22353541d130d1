"""``results recover``: what could not be saved is saved now."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from lume_dsl.cli.failures import visible
from lume_dsl.cli.results.filters import SHORT
from lume_dsl.cli.streams import write_document
from lume_dsl.errors import ServiceError
from lume_dsl.records.aside import Recovered
from lume_dsl.services import current

__all__ = ["command"]


@click.command("recover")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, as_json: bool) -> None:
    """Save the records that could not be saved when they were made.

    They are kept in LUME_HOME. Where one still cannot be saved it is left there, and the exit code is 4.
    """
    outcomes = current().recover()
    if stdout is not None:
        write_document(stdout, {"records": [_members(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            click.echo(visible(_line(outcome)))
        if not outcomes:
            click.echo("nothing waits to be saved")
    if any(outcome.problem for outcome in outcomes):
        sys.exit(ServiceError.exit_code)


def _line(outcome: Recovered) -> str:
    said = outcome.problem or ("saved" if outcome.is_new else "was there already")
    return f"{outcome.unique_hash[:SHORT]}  {said}" + (f"  ({outcome.folder})" if outcome.problem else "")


def _members(outcome: Recovered) -> dict[str, Any]:
    """The document of a record: it has a problem and a folder as long as it is kept aside, else a reference."""
    return {
        "unique_hash": outcome.unique_hash,
        "is_new": outcome.is_new,
        "reference": outcome.reference,
        "problem": outcome.problem or None,
        "folder": str(outcome.folder) if outcome.problem else None,
    }
