"""What a ``Prefilter`` means in SQL; it must not know how rows are read or written.

By a hint on a number, a record is left out only where the database is sure that the number is another.
"""

from __future__ import annotations

import math
import operator
import sqlite3
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from lume_dsl.records.query import NumberBound, Prefilter
from lume_dsl.records.sql_schema import MYSQL, records

__all__ = ["conditions"]

Condition = sa.ColumnElement[bool]

_SIGNS: dict[str, Callable[[Any, Any], Condition]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_SLACK = 1e-9
"""Relative: a database may read a number's text a little differently than Python does."""


def conditions(wanted: Prefilter, dialect: str) -> list[Condition]:
    """Return what holds of the rows that ``wanted`` describes; its limit is left aside."""
    found = [_equal(name, text, dialect) for name, text in wanted.equal.items()]
    found += [records.c.input_marks.contains(mark, autoescape=True) for mark in wanted.marks]
    if wanted.since is not None:
        found.append(records.c.time >= wanted.since)
    if wanted.until is not None:
        found.append(records.c.time <= wanted.until)
    if wanted.beginning:
        found += [records.c.unique_hash >= wanted.beginning, records.c.unique_hash < f"{wanted.beginning}g"]  # after f
    return found + [hint for bound in wanted.numbers if (hint := _hint(bound, dialect)) is not None]


def _equal(name: str, text: str, dialect: str) -> Condition:
    column = records.c[name]
    if dialect == "postgresql" and "\0" in text:  # which its text cannot hold
        return sa.false()
    if dialect in MYSQL:  # where "a" = "a ", whatever the collation
        return sa.and_(column == text, sa.func.char_length(column) == len(text))
    return column == text


def _hint(bound: NumberBound, dialect: str) -> Condition | None:
    """What does not hold only where there is a number for which ``bound`` does not; None where SQL cannot tell."""
    try:
        number = float(bound.number)
    except OverflowError:
        return None
    member, *keys = bound.path
    if not math.isfinite(number) or not keys or member not in ("inputs", "outputs"):
        return None
    if dialect == "sqlite" and sqlite3.sqlite_version_info >= (3, 38) and all(map(_is_plain, keys)):
        return _sqlite_hint(records.c[member], keys, bound.sign, number)
    if dialect == "postgresql" and not any("\0" in key for key in keys):
        return _postgresql_hint(records.c[member], keys, bound.sign, number)
    return None


def _is_plain(key: str) -> bool:
    """Whether SQLite's paths can name a key: the text between quotes is compared with the JSON text as it stands."""
    return key.isprintable() and not {'"', "\\"} & set(key)


def _sqlite_hint(column: sa.Column[str], keys: list[str], sign: str, number: float) -> Condition:
    path = "$" + "".join(f'."{key}"' for key in keys)
    was_altered = sa.func.json_valid(column) == 0
    is_number = sa.func.json_type(column, path).in_(("integer", "real"))
    holds = _holds(sa.func.json_extract(column, path), sign, number)
    return sa.case((was_altered, sa.true()), (is_number, holds), else_=sa.true())


def _postgresql_hint(column: sa.Column[str], keys: list[str], sign: str, number: float) -> Condition:
    path = sa.cast(sa.literal(keys, postgresql.ARRAY(sa.Text)), postgresql.ARRAY(sa.Text))
    found = sa.cast(column, postgresql.JSON).op("#>")(path)
    # PostgreSQL fails on any object that has an escaped null character somewhere.
    has_null = sa.func.strpos(column, "\\u0000") > 0
    is_number = sa.func.json_typeof(found) == "number"
    value = sa.cast(sa.cast(found, sa.Text), sa.Numeric)
    return sa.case((has_null, sa.true()), (is_number, _holds(value, sign, number)), else_=sa.true())


def _holds(value: sa.ColumnElement[Any], sign: str, number: float) -> Condition:
    slack = abs(number) * _SLACK + 1e-300
    low, high = sa.literal(number - slack, sa.Float), sa.literal(number + slack, sa.Float)
    if sign in _SIGNS:
        return _SIGNS[sign](value, high if sign.startswith("<") else low)
    return value.between(low, high)
