"""Tables: with lines that fit a terminal, and elsewhere one that programs read; it must not know what is in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import attrs

from lume_dsl.cli.failures import visible
from lume_dsl.cli.streams import readers_may_leave

__all__ = ["Table", "print_tables"]


WIDEST_WHOLE = 120
"""Characters of a line that a terminal shows unbroken, though it be narrower: it wraps such a line by itself."""

NARROWEST = 8
"""Characters that are left to a column whose lines are broken where the others leave none."""


@attrs.frozen
class Table:
    """Rows under columns; a cell may have several lines.

    Attributes:
        columns: Their names.
        rows: The cells of each row.
        whole: The columns whose lines are not broken, as they are copied from: names, times, hashes, paths.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = attrs.field(factory=list)
    whole: tuple[str, ...] = attrs.field(default=(), kw_only=True)


def print_tables(headline: str, *tables: Table) -> None:
    """Print tables, below a headline where there is one; elsewhere than on a terminal tab-separated, a row a line."""
    with readers_may_leave():
        if sys.stdout is not None and sys.stdout.isatty():
            _print_to_terminal(headline, tables)
            return
        if headline:
            print(visible(headline))
        for row in (row for table in tables for row in table.rows):
            print("\t".join(visible(cell).replace("\n", "; ") for cell in row))


def _print_to_terminal(headline: str, tables: Sequence[Table]) -> None:
    from rich.box import SIMPLE  # only a terminal needs rich
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(highlight=False, markup=False)
    if headline:
        console.print(visible(headline))
    for table in tables:
        rows = [tuple(map(visible, row)) for row in table.rows]
        shown = Grid(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
        least = 2
        for name, *cells in zip(table.columns, *rows, strict=True):
            widths = [cell_len(line) for line in "\n".join([name, *cells]).split("\n")]
            most = WIDEST_WHOLE if name in table.whole else NARROWEST
            width = max((width for width in widths if width <= most), default=most)
            # Rich takes room from all columns that may be broken, and only then looks at how narrow each may be.
            shown.add_column(name, overflow="fold", min_width=width, no_wrap=max(widths) <= most)
            least += width + 2
        for row in rows:
            shown.add_row(*row)
        # The width that print takes can only be smaller, and without a height a dumb terminal has 80 columns.
        wide = Console(highlight=False, markup=False, width=max(console.width, least), height=console.height)
        with wide.capture() as drawn:
            wide.print(shown, crop=False)
        for line in drawn.get().splitlines():
            print(line.rstrip())  # blanks at its end would be wrapped, too
