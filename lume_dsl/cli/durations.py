"""How long something is, as an option has it: ``7d``, ``12h``, or as a parameter's ``timedelta``, ``P7D``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import click

from lume_dsl.values.text import parse_text

__all__ = ["older_than_option"]

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TEXT = re.compile(rf"\s*(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})\s*", re.ASCII)


def _time_before(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    """The time that was so long ago."""
    if text is None:
        return None
    try:
        return datetime.now(timezone.utc) - _duration(text)
    except (ValueError, OverflowError) as error:
        units = ", ".join(f"{unit} ({word})" for unit, word in _UNITS.items())
        raise click.BadParameter(f"{text!r} is no such time: write a number and one of {units}, as 7d") from error


def _duration(text: str) -> timedelta:
    if found := _TEXT.fullmatch(text):
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    duration: timedelta
    duration, offences = parse_text(text, timedelta)
    if offences or duration < timedelta(0):
        raise ValueError(text)
    return duration


older_than_option = click.option(
    "--older-than",
    "before",
    metavar="TIME",
    callback=_time_before,
    help="Only those older than that: 7d, 12h, 30min.",
)
"""Gives the command the time ``before`` which something is older than was said."""
