"""Tables: with lines that fit a terminal, and elsewhere one that programs read; it must not know what is in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import attrs

from lume_dsl.cli.failures import visible
from lume_dsl.cli.streams import readers_may_leave

__all__ = ["Table", "print_tables"]


@attrs.frozen
class Table:
    """Rows under columns; a cell may have several lines."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = attrs.field(factory=list)


def print_tables(headline: str, *tables: Table) -> None:
    """Print tables, below a headline where there is one; elsewhere than on a terminal tab-separated, a row a line."""
    with readers_may_leave():
        if sys.stdout is not None and sys.stdout.isatty():
            _print_to_terminal(headline, tables)
            return
        if headline:
            print(headline)
        for row in (row for table in tables for row in table.rows):
            print("\t".join(visible(cell).replace("\n", "; ") for cell in row))


def _print_to_terminal(headline: str, tables: Sequence[Table]) -> None:
    from rich.box import SIMPLE  # only a terminal needs rich
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(highlight=False, markup=False)
    if headline:
        console.print(headline)
    for table in tables:
        shown = Grid(box=SIMPLE, pad_edge=False)
        for column in table.columns:
            shown.add_column(column, overflow="fold")
        for row in table.rows:
            shown.add_row(*map(visible, row))
        console.print(shown)
