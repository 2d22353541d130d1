"""Dates and times as texts that keep their zone and fold; it must not know that they are stored.

The texts are ISO 8601 as ``isoformat()`` writes it. A zone with a name is a suffix as in RFC 9557:
``2026-03-01T10:00:00+01:00[Europe/Berlin]``. The offset tells the two times apart that one reading of the clock may
be; a ``fold`` of 1 that it does not tell is a suffix of its own, ``[_fold=1]``.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

__all__ = ["datetime_of", "datetime_text", "duration_text", "time_of", "time_text", "timedelta_of"]

_ZONE = r"[A-Za-z0-9._+/-]+"
_TEXT = re.compile(rf"(?P<clock>[^\[\]]+)(?:\[(?P<zone>{_ZONE})\])?(?P<fold>\[_fold=1\])?")
_FOLD = "[_fold=1]"


def datetime_text(value: datetime) -> str:
    """Return the time with its offset, and with the name of its zone where the zone has one.

    Zones with a name are those of ``zoneinfo``, pendulum and pytz.
    """
    zone = "" if value.tzinfo is None or type(value.tzinfo) is timezone else _zone_name(value)
    text = datetime.isoformat(value) + (f"[{zone}]" if zone else "")
    return text + _FOLD if value.fold and not datetime_of(text).fold else text


def _zone_name(value: datetime) -> str:
    """The name by which ``zoneinfo`` has the time's zone, or ``""`` where it has none with this offset."""
    tz = value.tzinfo
    name = getattr(tz, "key", None) or getattr(tz, "zone", None) or getattr(tz, "name", None)
    if not isinstance(name, str) or not re.fullmatch(_ZONE, name):
        return ""
    try:
        zone = ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return ""
    plain = datetime.combine(value.date(), value.time(), zone)
    offsets = [plain.replace(fold=fold).utcoffset() for fold in (0, 1)]  # pytz has no fold
    return name if value.utcoffset() in offsets else ""


def datetime_of(text: str) -> datetime:
    """Return the time that ``datetime_text`` gave the text for.

    Where its zone has another offset by now, because its rules were changed, it is the same instant in that zone.

    Raises:
        ValueError: If it is no such text, or if the zone is not known here.
    """
    clock, zone, fold = _parts(text)
    value = datetime.fromisoformat(clock)
    if zone:
        value = _in_zone(value, zone)
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
    """Return the time of day, with its offset or the name of its zone."""
    key = getattr(value.tzinfo, "key", None) if isinstance(value.tzinfo, ZoneInfo) else None
    zone = f"[{key}]" if isinstance(key, str) and re.fullmatch(_ZONE, key) else ""
    clock = time.isoformat(value.replace(tzinfo=None) if zone else value)
    return clock + zone + (_FOLD if value.fold else "")


def time_of(text: str) -> time:
    """Return the time of day that ``time_text`` gave the text for; raises a ValueError for any other."""
    clock, zone, fold = _parts(text)
    value = time.fromisoformat(clock)
    if zone:
        value = value.replace(tzinfo=_zone(zone))
    return value.replace(fold=1) if fold else value


def _parts(text: str) -> tuple[str, str | None, str | None]:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time in ISO 8601")
    return found["clock"], found["zone"], found["fold"]


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
