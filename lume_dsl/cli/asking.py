"""The question before something is gone for good."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

__all__ = ["SHOWN", "agreed"]

SHOWN = 10
"""How many of what would be gone are listed before the question."""


def agreed(verb: str, what: str, count: int, lines: Iterable[str]) -> bool:
    """Return whether whoever is at the terminal agrees to ``verb`` so many, which are called ``what``.

    ``lines`` are of the first ``SHOWN`` of them.

    Raises:
        click.UsageError: Nobody is there to be asked.
    """
    for line in lines:
        click.echo(line, err=True)
    if count > SHOWN:
        click.echo(f"and {count - SHOWN:,} more", err=True)
    if not (sys.stdin is not None and sys.stdin.isatty()):
        refused = f"nobody can be asked whether to {verb} {what}, so none is"
        raise click.UsageError(f"{refused}; --yes {verb}s without asking")
    return click.confirm(f"{verb.capitalize()} {what}?", err=True)
