"""Texts that are safe to show. It knows nothing of where they come from."""

from __future__ import annotations

__all__ = ["visible"]


def visible(text: str) -> str:
    """Return the text with escapes in place of what would act on a terminal: control characters, marks of direction.

    Line ends stay.
    """
    return "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode()
