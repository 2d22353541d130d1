"""Help whose lines fit a terminal where characters take two cells each, as those of Chinese and Japanese do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import click

__all__ = ["WideContext"]

_FILLER = "\0"
"""Stands before a wide character while lines are made: click counts characters."""


def _filled(text: str) -> str:
    if text.isascii():
        return text
    return "".join(_FILLER + char if unicodedata.east_asian_width(char) in "WF" else char for char in text)


class _Formatter(click.HelpFormatter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.whole_width = self.width

    def write_text(self, text: str) -> None:
        self._fit(text)
        super().write_text(_filled(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        rows = list(rows)
        self._fit(*(text for row in rows for text in row))
        super().write_dl([(_filled(term), _filled(text)) for term, text in rows], *args, **kwargs)

    def _fit(self, *texts: str) -> None:
        """Leave a cell for a character that a line is broken before, but behind its filler."""
        self.width = self.whole_width - any(_filled(text) != text for text in texts)

    def getvalue(self) -> str:
        return super().getvalue().replace(_FILLER, "")


class WideContext(click.Context):
    """A command's context, whose help is so."""

    formatter_class = _Formatter
