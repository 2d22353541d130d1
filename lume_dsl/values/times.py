"""Dates and times as texts that keep their zone and fold; it must not know that they are stored.

The texts are ISO 8601 as ``isoformat()`` writes it. A zone with a name is a suffix as in RFC 9557:
``2026-03-01T10:00:00+01:00[Europe/Berlin]``; what a mere offset is called is ``[_name=CET]``. The offset tells the two
times apart that one reading of the clock may be; a ``fold`` of 1 that it does not tell is a suffix of its own,
``[_fold=1]``.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

__all__ = [
    "datetime_of",
    "datetime_text",
    "duration_text",
    "time_of",
    "time_text",
    "timedelta_of",
    "with_offset",
    "without_name",
]

_ZONE = r"[A-Za-z0-9._+/-]+"
_NAME = r"\[_name=(?P<name>[^\[\]]*)\]"
_TEXT = re.compile(rf"(?P<clock>[^\[\]]+)(?:\[(?P<zone>{_ZONE})\]|{_NAME})?(?P<fold>\[_fold=1\])?")
_FOLD = "[_fold=1]"

_OFFSET = re.compile(r"(UTC|GMT)?[+-]\d\d?(:?\d\d)*")
"""What libraries name a zone that is an offset and nothing else."""


def datetime_text(value: datetime) -> str:
    """Return the time with its offset, and with the name of its zone where the zone has one.

    Zones with a name are those of ``zoneinfo``, pendulum and pytz, and offsets that were given one.

    Raises:
        ValueError: If it has another zone whose offset is not always the same.
    """
    text = datetime.isoformat(value) + _suffix(value)
    return text + _FOLD if value.fold and not datetime_of(text).fold else text


def _suffix(value: datetime | time) -> str:
    """What a text has behind the offset to tell the zone of a time."""
    tz = value.tzinfo
    if tz is None or tz is timezone.utc:
        return ""
    if zone := _zone_name(value):
        return f"[{zone}]"
    offset = _offset(tz)
    if offset is None or offset != value.utcoffset():
        instead = "give it a zone of zoneinfo, such as ZoneInfo('Europe/Berlin')"
        raise ValueError(f"the time zone {tz!r} has no name by which it would come back; {instead}")
    name = _given_name(value)
    return "" if name is None else f"[_name={quote(name, safe='')}]"


def _offset(tz: tzinfo) -> timedelta | None:
    """The offset of a zone that has one only."""
    try:
        return tz.utcoffset(None)
    except Exception:  # a class of a user's that expects a time
        return None


def _given_name(value: datetime | time) -> str | None:
    """The name of a zone that is an offset, where it is not one that its offset gives it."""
    if type(value.tzinfo) is timezone:
        return value.tzname() if len(value.tzinfo.__getinitargs__()) > 1 else None  # type: ignore[attr-defined]
    name = value.tzname()
    return None if name is None or _OFFSET.fullmatch(name) or name == "UTC" else name


def _zone_name(value: datetime | time) -> str:
    """The name by which ``zoneinfo`` has the time's zone, or ``""`` where it has none with this offset."""
    tz = value.tzinfo
    if type(tz) is timezone:
        return ""
    name = getattr(tz, "key", None) or getattr(tz, "zone", None) or getattr(tz, "name", None)
    if not isinstance(name, str) or not re.fullmatch(_ZONE, name):
        return ""
    try:
        zone = ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return ""
    if isinstance(value, time):  # of no day, so it has no offset that could be another one
        return name
    plain = datetime.combine(value.date(), value.time(), zone)
    offsets = [plain.replace(fold=fold).utcoffset() for fold in (0, 1)]  # pytz has no fold
    return name if value.utcoffset() in offsets else ""


def with_offset(value: datetime) -> datetime:
    """Return the same instant with its offset in place of a zone that has no text, as ISO 8601 tells it."""
    try:
        _suffix(value)
    except ValueError:
        offset = value.utcoffset()
        return value.replace(tzinfo=None if offset is None else timezone(offset))
    return value


def without_name(text: str) -> str:
    """Return the text of a time without the name of an offset: zones that differ in it alone are equal."""
    return re.sub(_NAME, "", text)


def datetime_of(text: str) -> datetime:
    """Return the time that ``datetime_text`` gave the text for.

    Where its zone has another offset by now, because its rules were changed, it is the same instant in that zone.

    Raises:
        ValueError: If it is no such text, or if the zone is not known here.
    """
    clock, zone, name, fold = _parts(text)
    value = datetime.fromisoformat(clock)
    if zone:
        value = _in_zone(value, zone)
    if name is not None:
        value = value.replace(tzinfo=_named(value, name))
    return value.replace(fold=1) if fold else value


def _in_zone(value: datetime, name: str) -> datetime:
    offset, zone = value.utcoffset(), _zone(name)
    if offset is None:
        raise ValueError(f"the time in {name} has no offset from UTC")
    for fold in (0, 1):
        found = value.replace(tzinfo=zone, fold=fold)
        if found.utcoffset() == offset:
            return found
    return value.astimezone(zone)


def time_text(value: time) -> str:
    """Return the time of day, with its offset or the name of its zone.

    Raises:
        ValueError: If it has a zone without a name.
    """
    suffix = _suffix(value)
    clock = time.isoformat(value.replace(tzinfo=None) if suffix == f"[{_zone_name(value)}]" else value)
    return clock + suffix + (_FOLD if value.fold else "")


def time_of(text: str) -> time:
    """Return the time of day that ``time_text`` gave the text for; raises a ValueError for any other."""
    clock, zone, name, fold = _parts(text)
    value = time.fromisoformat(clock)
    if zone:
        value = value.replace(tzinfo=_zone(zone))
    if name is not None:
        value = value.replace(tzinfo=_named(value, name))
    return value.replace(fold=1) if fold else value


def _parts(text: str) -> tuple[str, str | None, str | None, str | None]:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time in ISO 8601")
    return found["clock"], found["zone"], found["name"], found["fold"]


def _named(value: datetime | time, name: str) -> timezone:
    offset = value.utcoffset()
    if offset is None:
        raise ValueError("the time has the name of an offset and no offset from UTC")
    return timezone(offset, unquote(name, errors="strict"))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"the time zone {name!r} is not known here; pip install tzdata") from error


def duration_text(value: timedelta) -> str:
    """Return the time span as an ISO 8601 duration in seconds: ``"PT90.500000S"``."""
    microseconds = value // timedelta(microseconds=1)
    sign = "-" if microseconds < 0 else ""
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    return f"{sign}PT{seconds}.{fraction:06d}S"


def timedelta_of(text: str) -> timedelta:
    """Return the time span of such a text; raises a ValueError or ArithmeticError for any other."""
    sign, _, number = text.removesuffix("S").partition("PT")
    microseconds = int(Decimal(number) * 1_000_000)
    return timedelta(microseconds=-microseconds if sign else microseconds)
