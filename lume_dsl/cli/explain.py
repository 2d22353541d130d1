"""``explain``: the page on a kind of problem, which each message names in brackets. It knows no flow."""

from __future__ import annotations

import re
from pathlib import Path

import click

from lume_dsl.cli.streams import readers_may_leave
from lume_dsl.errors import did_you_mean

__all__ = ["command", "kinds", "page"]

_SHIPPED = Path(__file__).parent / "problems"
"""Where an installed package has the pages; pyproject.toml puts them there."""

_CHECKOUT = Path(__file__).parents[2] / "docs" / "problems"

_LISTED = re.compile(r"^- \[([\w-]+)\]\(\1\.md\): (.*)$", re.MULTILINE)
"""A line of the list of all kinds, ``README.md``."""


@click.command("explain")
@click.argument("kind", required=False)
def command(kind: str | None) -> None:
    """Explain a kind of problem: what it means, and how to mend it.

    KIND is the word in brackets at the end of a message's first line. Without it, all kinds are listed.
    """
    with readers_may_leave():
        print(_list() if kind is None else page(kind.strip("[]")))


def kinds() -> dict[str, str]:
    """Return what each kind of problem is, in one line, by its name in the order of the alphabet."""
    return dict(_LISTED.findall(_read("README")))


def page(kind: str) -> str:
    """Return the page on a kind of problem, as Markdown.

    Raises:
        click.UsageError: There is no such kind.
    """
    known = kinds()
    if kind not in known:
        raise click.UsageError(
            f"there is no kind of problem named {kind!r}{did_you_mean(kind, known)}\n"
            "    without a name, explain lists all kinds"
        )
    return _read(kind).rstrip("\n")


def _list() -> str:
    known = kinds()
    width = max(map(len, known))
    return "\n".join(f"{kind:{width}}  {line}" for kind, line in known.items())


def _read(name: str) -> str:
    folder = _SHIPPED if _SHIPPED.is_dir() else _CHECKOUT
    return (folder / f"{name}.md").read_text(encoding="utf-8")
