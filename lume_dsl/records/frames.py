"""Records as rows of a pandas data frame; it must not know where they come from.

It loads pandas, so it is imported when a frame is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

import attrs

from lume_dsl.errors import RecordError
from lume_dsl.records.record import DBResult
from lume_dsl.values.scalars import LARGEST_EXACT_INT

try:
    import pandas as pd
except ImportError as error:
    raise RecordError("to_frame() needs pandas, which is not installed; pip install 'lume-dsl[frames]'") from error

__all__ = ["frame_of"]

_MEMBERS = ("flow_name", "project_name", "result_name", "flow_run_id")
_BASE = frozenset(attrs.fields_dict(DBResult))


class _Missing:
    """What a record does not hold."""


def frame_of(records: Iterable[DBResult]) -> pd.DataFrame:
    """Return a frame with a row a record; see ``Results.to_frame``."""
    columns: dict[str, list[Any]] = {name: [] for name in ("time", *_MEMBERS)}
    groups: dict[str, dict[str, list[Any]]] = {"inputs": {}, "outputs": {}, "fields": {}}
    number = 0
    for number, record in enumerate(records, 1):
        for name, column in columns.items():
            column.append(getattr(record, name))
        for group, name, value in _values(record):
            column = groups[group].setdefault(name, [])
            column += [_Missing] * (number - 1 - len(column))
            column.append(value)
    made = {"time": pd.Series(columns.pop("time"), dtype="datetime64[us, UTC]")}
    made |= {name: pd.Series(column, dtype="str") for name, column in columns.items()}
    for group, named in groups.items():
        for name, column in named.items():
            made[f"{group}.{name}"] = _series(column + [_Missing] * (number - len(column)))
    return pd.DataFrame(made, index=pd.RangeIndex(number))


def _values(record: DBResult) -> Iterator[tuple[str, str, Any]]:
    for group in ("inputs", "outputs"):
        for name, value in getattr(record, group).items():
            yield group, name, value
    for field in attrs.fields(type(record)):
        if field.name not in _BASE:
            yield "fields", field.name, getattr(record, field.name)


def _series(column: list[Any]) -> pd.Series[Any]:
    """The values of a column, with a dtype where all that are there are of one kind."""
    there = [value for value in column if value is not _Missing and value is not None]
    whole = len(there) == len(column)
    values = [None if value is _Missing else value for value in column]
    dtype = _dtype({type(value) for value in there}, there, whole=whole)
    return pd.Series(values, dtype=dtype)


def _dtype(types: set[type], there: list[Any], *, whole: bool) -> Any:
    if types == {bool}:
        return "bool" if whole else "boolean"
    if types == {int} and all(-(2**63) <= value < 2**63 for value in there):
        return "int64" if whole else "Int64"
    if types and types <= {int, float} and all(map(_is_float, there)):
        return "float64"
    if types == {str}:
        return "str"
    if types == {datetime} and all(map(_is_instant, there)):
        return "datetime64[us, UTC]"
    return "object"


def _is_instant(time: datetime) -> bool:
    try:
        return time.tzinfo is not None and time.astimezone(timezone.utc) is not None
    except OverflowError:  # in UTC it lies in the year 0 or 10,000
        return False


def _is_float(number: Any) -> bool:
    return isinstance(number, float) or abs(number) <= LARGEST_EXACT_INT
