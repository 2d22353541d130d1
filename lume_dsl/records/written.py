"""Values as people write them in a condition, and which stored values they mean; it must not import classes of values.

A text means what is shown as that text, besides itself: a member of an Enum by its value or its name, a datetime, date
or timedelta in ISO 8601, a time, a path, a UUID, a ``Decimal``. A number or a boolean means a member of this value.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import attrs

from lume_dsl.records.kinds import Operand, key_of
from lume_dsl.records.paths import MISSING
from lume_dsl.values.encoding import TAG
from lume_dsl.values.times import duration_text, timedelta_of

__all__ = ["Written", "WrittenOperand", "instant_of"]

_SHOWN_AS_TEXT = ("time", "path", "uuid", "decimal")
"""The kinds of stored values that are the text which is shown of them."""


@attrs.frozen(repr=False)
class Written:
    """A value that someone has written, which stands for what is shown so."""

    value: Any

    def __repr__(self) -> str:
        return repr(self.value)


def instant_of(text: str) -> datetime:
    """Return the instant that a text in ISO 8601 means; without an offset from UTC it is this machine's time.

    Raises:
        ValueError: It is none, or beyond the years 1 to 9999 in UTC.
    """
    try:
        # fromisoformat of Python 3.10 knows no Z
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text).astimezone()
    except (OverflowError, OSError) as error:
        raise ValueError(text) from error


class WrittenOperand(Operand):
    """An operand that means what is shown so, too.

    Attributes:
        others: What it is among values of other kinds, by kind.
    """

    __slots__ = ("others",)

    def __init__(self, encoded: Any) -> None:
        super().__init__(encoded)
        self.others = dict(_others(encoded)) if isinstance(encoded, str) else {}

    def equals(self, found: Any) -> bool:
        return super().equals(found) or (found is not MISSING and (self._is_shown_of(found) or self._is_time(found)))

    def compares(self, found: Any, sign: str) -> bool:
        other = self._among(found)
        return super().compares(found, sign) if other is None else other.compares(found, sign)

    def is_like(self, found: Any) -> bool:
        if super().is_like(found) or self._among(found) is not None:
            return True
        if isinstance(self.encoded, str):
            return _tag(found) in ("enum", *_SHOWN_AS_TEXT)
        content = found["value"] if _tag(found) == "enum" else None
        return isinstance(content, dict) and super().is_like(content.get("value", MISSING))

    def _is_time(self, found: Any) -> bool:
        other = self._among(found)
        return other is not None and other.equals(found)

    def _among(self, found: Any) -> Operand | None:
        """The operand among values of the kind of what was found, where that is another one."""
        key = None if found is MISSING else key_of(found)
        return None if key is None else self.others.get(key[0])

    def _is_shown_of(self, found: Any) -> bool:
        tag = _tag(found)
        content = found["value"] if tag else None
        if tag == "enum" and isinstance(content, dict):
            return super().equals(content.get("value", MISSING)) or self.encoded == content.get("name")
        return tag in _SHOWN_AS_TEXT and self.encoded == content


def _tag(found: Any) -> str:
    return str(found[TAG]) if isinstance(found, dict) and found.keys() == {TAG, "value"} else ""


def _others(text: str) -> Iterator[tuple[str, Operand]]:
    for read in (_instant, _clock, _date, _timedelta):
        try:
            operand = Operand(read(text))
        except (ValueError, ArithmeticError):
            continue
        if operand.key is not None:
            yield operand.key[0], operand


def _instant(text: str) -> Any:
    return {TAG: "datetime", "value": instant_of(text).isoformat()}


def _clock(text: str) -> Any:
    """A datetime without an offset; one that has an offset is no such."""
    return {TAG: "datetime", "value": datetime.fromisoformat(text).isoformat()}


def _date(text: str) -> Any:
    return {TAG: "date", "value": date.fromisoformat(text).isoformat()}


def _timedelta(text: str) -> Any:
    return {TAG: "timedelta", "value": duration_text(timedelta_of(text))}
