"""Which stored values compare with which, and how; it must not import the classes of values.

Values of one kind have an order: numbers by their exact value, texts by code points, datetimes with an offset by
their instant, those without by what they show, dates, and timedeltas. All others are equal or not, by their canonical
form (``lume_dsl.values.canonical``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import total_ordering
from typing import Any

from lume_dsl.errors import RecordError
from lume_dsl.records.paths import MISSING
from lume_dsl.values.canonical import canonical
from lume_dsl.values.encoding import TAG
from lume_dsl.values.times import timedelta_of

__all__ = ["Operand", "Ordered", "key_of", "kind_in_words", "sort_key"]

Ordered = tuple[str, Any]
"""A kind, and what stands for a value among those of its kind."""

_EPOCH = datetime(1970, 1, 1)


def key_of(encoded: Any) -> Ordered | None:
    """Return the kind of an encoded value and its place there, or None where it has none."""
    if isinstance(encoded, str):
        return "text", encoded
    if isinstance(encoded, bool) or encoded is None:
        return None
    if isinstance(encoded, (int, float)):
        return "number", encoded
    if not isinstance(encoded, dict) or TAG not in encoded:
        return None
    try:
        return _KEYS[encoded[TAG]](encoded["value"])
    except _NOT_STORED:
        return None


_NOT_STORED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecordError)
"""What is raised by a document that lume_dsl has not written."""


def _number(value: float | Decimal) -> Ordered | None:
    return None if value != value else ("number", value)  # NaN


def _datetime(text: str) -> Ordered:
    value = datetime.fromisoformat(text.partition("[")[0])  # a zone's name follows the offset that it has then
    offset = value.utcoffset()
    # Counted, as no instant is out of range then; and datetimes of one zone would compare by their clocks.
    shown = _nanoseconds(value.replace(tzinfo=None) - _EPOCH)
    return ("datetime", shown) if offset is None else ("instant", shown - _nanoseconds(offset))


def _nanoseconds(value: timedelta) -> int:
    return value // timedelta(microseconds=1) * 1000


_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
_UNITS |= {unit: seconds * 10**9 for unit, seconds in {"m": 60, "h": 3600, "D": 86400, "W": 604800}.items()}
"""Of what NumPy and pandas count, in nanoseconds. Finer ones, months and years have no order here."""


def _timestamp(parts: dict[str, Any]) -> Ordered:
    return "datetime" if parts["zone"] is None else "instant", parts["count"] * _UNITS[parts["unit"]]


def _duration(parts: dict[str, Any]) -> Ordered:
    return "timedelta", parts["count"] * _UNITS[parts["unit"]]


def _scalar(parts: dict[str, Any]) -> Ordered | None:
    dtype, value = parts["dtype"], parts["value"]
    name, _, unit = dtype.rstrip("]").partition("[")
    if name in ("datetime64", "timedelta64"):
        return name.removesuffix("64"), value * _UNITS[unit]
    # A text is how a number beyond floats is stored.
    return None if name == "longdouble" and isinstance(value, str) else key_of(value)


_KEYS: dict[str, Callable[[Any], Ordered | None]] = {
    "int": lambda text: _number(int(text, 16)),
    "float": lambda text: _number(float(text)),
    "decimal": lambda text: _number(Decimal(text)),
    "datetime": _datetime,
    "date": lambda text: ("date", date.fromisoformat(text)),
    "timedelta": lambda text: ("timedelta", _nanoseconds(timedelta_of(text))),
    "timestamp": _timestamp,
    "duration": _duration,
    "scalar": _scalar,
}


def _canonical(found: Any) -> bytes | None:
    try:
        return canonical(found)
    except _NOT_STORED:
        return None


class Operand:
    """An encoded value with which values in records are compared; what is needed for that is made once.

    Attributes:
        encoded: The value.
        canonical: Its canonical form.
        key: Its kind and its place there, or None.
    """

    __slots__ = ("canonical", "encoded", "key")

    def __init__(self, encoded: Any) -> None:
        self.encoded = encoded
        self.canonical = canonical(encoded)
        self.key = key_of(encoded)

    def equals(self, found: Any) -> bool:
        """Whether an encoded value counts as the same. Nothing is equal to ``MISSING``."""
        if found is MISSING:
            return False
        key = key_of(found)
        if key is None or self.key is None:
            return key is self.key and _canonical(found) == self.canonical
        return key == self.key

    def is_like(self, found: Any) -> bool:
        """Whether an encoded value is of a kind of which some are equal to this one."""
        return kind_in_words(found) == kind_in_words(self.encoded)

    def compares(self, found: Any, sign: str) -> bool:
        """Whether an encoded value is of this one's kind, and is before or after it, as ``sign`` says."""
        key = None if found is MISSING else key_of(found)
        if key is None or self.key is None or key[0] != self.key[0]:
            return False
        one, other = key[1], self.key[1]
        match sign:
            case "<":
                return bool(one < other)
            case "<=":
                return bool(one <= other)
            case ">":
                return bool(one > other)
            case _:
                return bool(one >= other)


_WORDS = {"instant": "a datetime with a zone", "datetime": "a datetime without a zone", "enum": "a member of an Enum"}


def kind_in_words(encoded: Any) -> str:
    """Return what an encoded value is, for people: ``"a number"``."""
    if encoded is None:
        return "None"
    if isinstance(encoded, bool):
        return "a boolean"
    key = key_of(encoded)
    if key is not None:
        return _WORDS.get(key[0], f"a {key[0]}")
    tag = str(encoded[TAG]) if isinstance(encoded, dict) and TAG in encoded else type(encoded).__name__
    return _WORDS.get(tag, f"{'an' if tag[0] in 'aeio' else 'a'} {tag}")


_RANKS = {kind: rank for rank, kind in enumerate(("number", "text", "instant", "datetime", "date", "timedelta"))}
_BOOL, _NONE, _OTHER, _MISSING = range(len(_RANKS), len(_RANKS) + 4)


def sort_key(found: Any, *, descending: bool) -> tuple[int, Any]:
    """Return what sorts encoded values: kinds one after the other, then what has no order, ``MISSING`` last.

    ``descending`` turns the order within each kind.
    """
    if found is MISSING:
        return _MISSING, 0
    if isinstance(found, dict) and found.get(TAG) == "scalar" and isinstance(found["value"]["value"], bool):
        found = found["value"]["value"]
    if found is None:
        return _NONE, 0
    if isinstance(found, bool):
        return _BOOL, found is not descending
    key = key_of(found)
    if key is None:
        return _OTHER, 0
    return _RANKS[key[0]], _Turned(key[1]) if descending else key[1]


@total_ordering
class _Turned:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Turned) and bool(self.value == other.value)

    def __lt__(self, other: _Turned) -> bool:
        return bool(other.value < self.value)
