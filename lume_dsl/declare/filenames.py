"""Names of files with values in them: ``"shot-{shot:04d}.png"``. It knows nothing of flows and filesystems."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from numbers import Number
from typing import Any
from uuid import UUID

import attrs

from lume_dsl.errors import FileError

__all__ = ["OF_RUN", "VALUE", "FilenameTemplate", "InFilename", "TemplateError", "filename_or_template", "format_value"]

OF_RUN = ("flow_run_id", "flow_name")
"""The names that every template may use."""

VALUE = "filename_"
"""What the inputs of a file result begin with that give values of its template."""

InFilename = str | Number | Decimal | date | time | UUID
"""The values of a template; a datetime is a date, and Python's own numbers are ``Number``."""


class TemplateError(ValueError):
    """A template that no value can make a filename of. Its arguments are what is wrong, and what to write instead."""


@attrs.frozen
class FilenameTemplate:
    """A filename with names in braces.

    Attributes:
        text: As it was written.
        parts: What it consists of: a text, and then the name of a value with its format, or None at the end.
    """

    text: str
    parts: tuple[tuple[str, tuple[str, str] | None], ...] = attrs.field(repr=False, eq=False)

    def __str__(self) -> str:
        return self.text

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its values, each once, in order."""
        return tuple(dict.fromkeys(field[0] for _, field in self.parts if field))

    @property
    def formats(self) -> tuple[tuple[str, str], ...]:
        """Each name with each of its formats."""
        return tuple(dict.fromkeys(field for _, field in self.parts if field))

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the filename for these values. A value stays within the part of the path that it stands in.

        Raises:
            FileError: A value is no text, number or date, does not fit its format, or would lead to another folder.
        """
        rendered = ""
        for literal, field in self.parts:
            rendered += literal
            if field:
                rendered += self._shown(*field, values[field[0]])
        if rendered.startswith("~") and not self.text.startswith("~"):
            raise FileError(f"{self.text}: its values make {rendered!r} of it, which is in a home folder")
        return rendered

    def check(self, values: Mapping[str, Any]) -> None:
        """Return if these values, which may be some of those that it needs, can stand in it.

        Raises:
            FileError: As ``render``.
        """
        for name, spec in self.formats:
            if name in values:
                self._shown(name, spec, values[name])

    def _shown(self, name: str, spec: str, value: Any) -> str:
        try:
            text = format_value(value, spec)
        except (TypeError, ValueError) as error:
            raise FileError(f"{self.text}: the value of {name} cannot be in a filename: {error}") from error
        wrong = "is empty" if not text else ""
        for sign in ("/", "\\", "\0"):
            wrong = f"has {sign!r} in it" if sign in text else wrong
        if text in (".", ".."):
            wrong = f"is {text!r}"
        if wrong:
            raise FileError(f"{self.text}: the value of {name} {wrong}, got {text!r:.100}; a value names no folder")
        return text


def format_value(value: Any, spec: str) -> str:
    """Return how a value stands in a filename: dates in ISO 8601, where no format is given.

    Raises:
        TypeError: It is no text, number or date.
        ValueError: The format is none of its type.
    """
    if not isinstance(value, InFilename):
        raise TypeError(f"expected a text, a number or a date, got {type(value).__name__}")
    if isinstance(value, (date, time)) and not spec:
        return value.isoformat()
    return format(value, spec)


def filename_or_template(text: str) -> str | FilenameTemplate:
    """Return the template that a text is, or the filename, where no name is in it: ``{{`` and ``}}`` are braces.

    Raises:
        TemplateError: Its braces are not those of a template.
    """
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(f"{text!r} is no template: {error}", "write {{ and }} for braces") from error
    parts: list[tuple[str, tuple[str, str] | None]] = []
    for literal, name, spec, conversion in parsed:
        if name is None:
            parts.append((literal, None))
            continue
        if not name.isidentifier():
            wrong = f"{{{name}}} in {text!r} is not a name"
            raise TemplateError(wrong, "write a name of the flow in the braces, and {{ and }} for braces")
        if conversion or "{" in (spec or ""):
            raise TemplateError(
                f"{{{name}}} in {text!r} has more than a name and a format", "write {name} or {name:04d}"
            )
        if "/" in (spec or ""):
            raise TemplateError(f"the format of {{{name}}} in {text!r} has a /", "write {day:%Y}/{day:%m} for folders")
        parts.append((literal, (name, spec or "")))
    if not any(field for _, field in parts):
        return "".join(literal for literal, _ in parts)
    return FilenameTemplate(text, tuple(parts))
