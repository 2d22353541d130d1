"""Data frames in CSV files, which hold no types; it must not know any other format."""

from __future__ import annotations

import io
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.files.file import File
from lume_dsl.files.frames import check_frame, pandas_for
from lume_dsl.values.scalars import LARGEST_EXACT_INT

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CSVFile"]

_ADVICE = "use ParquetFile, which keeps types"


class _CSVSerializer:
    def check_target(self, _filename: str | None, /) -> None:
        pandas_for("csv")

    def write(self, obj: pd.DataFrame, stream: BinaryIO, _filename: str, /) -> None:
        pandas = pandas_for("csv")
        check_frame(pandas, obj)
        _check_index(pandas, obj)
        _check_columns(pandas, obj)
        obj.to_csv(stream, index=False, lineterminator="\n", encoding="utf-8")
        stream.seek(0)
        _check_names(list(obj.columns), list(_read(pandas, stream, nrows=0).columns))
        texts = [str(name) for name in obj.columns if not _is_number(pandas, obj[name])]
        if texts and len(obj):
            stream.seek(0)
            _check_texts(obj[texts], _read(pandas, stream, usecols=texts))

    def read(self, stream: BinaryIO, _filename: str, /) -> pd.DataFrame:
        return _read(pandas_for("csv"), stream)


class CSVFile(File["pd.DataFrame"]):
    """A pandas data frame as comma-separated values in UTF-8, with a line of names and without an index.

    A CSV file holds no types. What comes back: whole numbers as ``int64``, or ``uint64`` where they are larger; other
    numbers as ``float64``, with missing ones (NaN) and infinities, and whole ones among which one is missing; ``True``
    and ``False`` as ``bool``; all else, times too, as texts, with ``""`` among them. Numbers come back to the last
    digit; ``float32`` are written with as many as tell them apart, so that ``.astype("float32")`` gives what they were.

    What would come back as something else is refused when it is written: an index, a missing text (it would be ``""``)
    or boolean, a missing number among whole ones beyond 2**53, a column of texts that all look like numbers
    (``"007"``), a carriage return in a text or a name, a byte order mark in front, rows without columns, numbers with
    more digits than ``float64`` has, Python objects. The frame's ``attrs`` and its columns' name are not written.
    """

    serializer = _CSVSerializer()


def _read(pandas: ModuleType, stream: BinaryIO, **options: Any) -> pd.DataFrame:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        frame: pd.DataFrame = pandas.read_csv(
            text, keep_default_na=False, na_values=[""], float_precision="round_trip", low_memory=False, **options
        )
    except pandas.errors.EmptyDataError:  # a frame without columns
        empty: pd.DataFrame = pandas.DataFrame()
        return empty
    finally:
        text.detach()  # else it closes the stream
    for name in frame.columns:
        if not _is_number(pandas, frame[name]):
            column = frame[name].fillna("")
            frame[name] = column.map(str) if column.dtype == object else column  # booleans, with one missing
    return frame


def _is_number(pandas: ModuleType, column: Any) -> bool:
    """Whether a column has numbers or booleans."""
    return bool(pandas.api.types.is_numeric_dtype(column.dtype))


def _check_index(pandas: ModuleType, frame: pd.DataFrame) -> None:
    is_plain = isinstance(frame.index, pandas.RangeIndex) and frame.index.equals(pandas.RangeIndex(len(frame)))
    if (len(frame) and not is_plain) or frame.index.name is not None:
        advice = "write frame.reset_index() to keep it as a column, or frame.reset_index(drop=True)"
        raise ValueError(f"a CSV file has no index; {advice}")
    if len(frame) and not len(frame.columns):
        raise ValueError(f"its {len(frame)} rows have no columns, and would be lost; add a column")


def _check_columns(pandas: ModuleType, frame: pd.DataFrame) -> None:
    names: list[Any] = list(frame.columns)
    for name in names:
        if not isinstance(name, str) or name == "":
            raise TypeError(f"expected texts as names of columns, got {name!r}")
        column = frame[name]
        missing = column.isna()
        if _is_number(pandas, column) and not (pandas.api.types.is_bool_dtype(column.dtype) and missing.any()):
            _check_numbers(pandas, name, column, column[~missing] if missing.any() else None)
            continue
        if missing.any():
            first = missing.argmax()
            raise ValueError(f"value[{name!r}]: row {first} is missing, and would come back as ''; {_ADVICE}")
        if column.dtype == object:
            for row, value in enumerate(column):
                if not isinstance(value, str):
                    raise TypeError(f"value[{name!r}]: row {row} is no text but {type(value).__name__}; {_ADVICE}")


def _check_numbers(pandas: ModuleType, name: str, column: Any, given: Any) -> None:
    """Each number is one of ``float64`` or a whole one. Those that are ``given`` come back as ``float64`` for sure."""
    if pandas.api.types.is_complex_dtype(column.dtype):
        raise TypeError(f"value[{name!r}]: a CSV file has no complex numbers; give two columns")
    if column.dtype.kind not in "biuf" or getattr(column.dtype, "itemsize", 8) > 8:
        raise TypeError(f"value[{name!r}]: numbers of {column.dtype} lose digits; convert it by .astype('float64')")
    if given is None or column.dtype.kind not in "iu":
        return
    large = given[(given > LARGEST_EXACT_INT) | (given < -LARGEST_EXACT_INT)]
    if len(large):
        wrong = f"one is missing, and {large.iloc[0]} would come back as a float or a text"
        raise ValueError(f"value[{name!r}]: {wrong}; {_ADVICE}")


def _check_names(names: list[str], read: list[str]) -> None:
    for name, other in zip(names, read, strict=True):
        if name != other:
            raise ValueError(f"the column {name!r} would come back as {other!r}; choose another name, or {_ADVICE}")


def _check_texts(frame: pd.DataFrame, read: pd.DataFrame) -> None:
    """The columns that are no numbers are none when they are read, and their texts are the same."""
    for name in frame.columns:
        before = frame[name].astype(str).to_numpy(dtype=object)
        after = read[name].to_numpy(dtype=object)
        if read[name].dtype.kind in "iufb":
            wrong = f"its texts, such as {before[0]!r}, would come back as {read[name].dtype}"
            raise ValueError(f"value[{name!r}]: {wrong}; {_ADVICE}")
        if frame[name].dtype.kind not in "mM" and len(before) == len(after) and (before != after).any():
            row = int((before != after).argmax())
            raise ValueError(f"value[{name!r}]: row {row} would come back as {after[row]!r}; {_ADVICE}")
        if len(before) != len(after):
            raise ValueError(f"a text has a carriage return in it, which would begin a row; {_ADVICE}")
