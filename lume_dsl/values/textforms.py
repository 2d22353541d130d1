"""Types whose JSON form is a text of a fixed format: dates, times, paths and the like. It knows no other types.

Each format is a regular expression that is exact: a text that it matches is a value, so that JSON Schema, which knows
no calendar, refuses what we refuse.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

import attrs

from lume_dsl.values.names import type_name

__all__ = ["TEXT_FORMS", "TextForm", "text_form", "with_format", "write_text_form"]


@attrs.frozen(slots=False)
class TextForm:
    """How values of one type are texts.

    Attributes:
        type: The type. A value of a subclass is another's (a ``datetime`` is no ``date``), but for paths.
        what: The format, for people.
        example: A text of the format.
        pattern: A regular expression, of JSON Schema's dialect, that matches all of the text; "" for any.
        read: The value of a text that the pattern matches.
        write: The text of a value.
        subclasses: Whether values of subclasses are values of the type.
    """

    type: type
    what: str
    example: str
    pattern: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    subclasses: bool = False

    @cached_property
    def _matcher(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    def holds(self, value: Any) -> bool:
        """Whether the value is of the type."""
        return isinstance(value, self.type) if self.subclasses else type(value) is self.type

    def matches(self, text: str) -> bool:
        """Whether the text is of the format."""
        return not self.pattern or self._matcher.fullmatch(text) is not None


_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"  # 0000 is excluded by _DATE
_DATE = (
    rf"(?!0000)(?:\d{{4}}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    rf"|02-(?:0[1-9]|1\d|2[0-8]))|{_LEAP}-02-29)"
)
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_OFFSET = r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)?"
_DURATION = (
    r"(?!-P999999999DT.*[1-9])(?=-?P(?:\d|T\d))-?P"
    r"(?:\d{1,8}W|(?:\d{1,8}D)?(?:T(?=\d)(?:\d{1,8}H)?(?:\d{1,8}M)?(?:\d{1,8}(?:\.\d{1,6})?S)?)?"
    r"|\d{9}D(?:T(?=\d)(?:(?:[01]?\d|2[0-3])H)?(?:[0-5]?\dM)?(?:[0-5]?\d(?:\.\d{1,6})?S)?)?)"
)
_HEX = "[0-9a-fA-F]"


def _six_digits(text: str) -> str:
    """The text with a fraction of six digits, and an offset in digits: what Python 3.10 reads too."""
    text = re.sub(r"\.(\d{1,6})", lambda found: f".{found[1]:0<6}", text)
    return text[:-1] + "+00:00" if text.endswith("Z") else text


def _read_duration(text: str) -> timedelta:
    parts = dict.fromkeys("WDHMS", Decimal(0))
    parts |= {unit: Decimal(number) for number, unit in re.findall(r"([\d.]+)([WDHMS])", text)}
    whole = timedelta(weeks=int(parts["W"]), days=int(parts["D"]), hours=int(parts["H"]), minutes=int(parts["M"]))
    seconds = timedelta(microseconds=int(parts["S"] * 1_000_000))
    if text.startswith("-"):
        return -whole - seconds
    return whole + seconds


def _write_duration(value: timedelta) -> str:
    """Return an ISO 8601 duration in days and seconds: ``"P1DT90.5S"``, ``"-PT0.000001S"``, ``"PT0S"``."""
    microseconds = value // timedelta(microseconds=1)
    days, rest = divmod(abs(microseconds), 86_400_000_000)
    hours, rest = divmod(rest, 3_600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    seconds, fraction = divmod(rest, 1_000_000)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction:
        clock += f"{seconds}{f'.{fraction:06d}'.rstrip('0') if fraction else ''}S"
    text = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return f"{'-' if microseconds < 0 else ''}P{text or 'T0S'}"


_FORMS = (
    TextForm(
        datetime,
        "a date and time, ISO 8601",
        "2026-11-24T08:30:00",
        f"{_DATE}T{_CLOCK}{_OFFSET}",
        lambda text: datetime.fromisoformat(_six_digits(text)),
        datetime.isoformat,
    ),
    TextForm(date, "a date, ISO 8601", "2026-11-24", _DATE, date.fromisoformat, date.isoformat),
    TextForm(
        time,
        "a time of day, ISO 8601",
        "08:30:00",
        f"{_CLOCK}{_OFFSET}",
        lambda text: time.fromisoformat(_six_digits(text)),
        time.isoformat,
    ),
    TextForm(timedelta, "a duration, ISO 8601", "PT1M30S", _DURATION, _read_duration, _write_duration),
    TextForm(
        UUID,
        "a UUID",
        "12345678-1234-5678-1234-567812345678",
        rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
        UUID,
    ),
    TextForm(
        Decimal,
        "a decimal number as text",
        "1.50",
        r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,17})?",
        Decimal,
    ),
    TextForm(
        bytes,
        "bytes in base64",
        "aGV5",
        r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?",
        base64.b64decode,
        lambda value: base64.b64encode(value).decode(),
    ),
    TextForm(Path, "a path", "data/shot.h5", "", Path, subclasses=True),
    TextForm(PurePath, "a path", "data/shot.h5", "", PurePath, subclasses=True),
)

TEXT_FORMS: dict[Any, TextForm] = {form.type: form for form in _FORMS}
"""The types whose JSON form is a text, by type."""


def text_form(tp: Any) -> TextForm | None:
    """Return the form of a type whose JSON form is a text, or None of another type."""
    return TEXT_FORMS.get(tp) if isinstance(tp, type) else None


def with_format(tp: Any, arms: Sequence[Any]) -> str:
    """Return the name of a type, with the format of the one arm of it that is not None where that is a text."""
    forms = [text_form(arm) for arm in arms if arm is not type(None)]
    if len(forms) != 1 or forms[0] is None:
        return type_name(tp)
    return f"{type_name(tp)} ({forms[0].what}, as {forms[0].example!r})"


def write_text_form(value: Any) -> str | None:
    """Return the text of a value of one of these types, or None for another."""
    for form in TEXT_FORMS.values():
        if form.holds(value):
            return form.write(value)
    return None
