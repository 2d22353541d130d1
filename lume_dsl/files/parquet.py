"""Data frames in Parquet files, with their types; it must not know any other format."""

from __future__ import annotations

import io
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.files.file import File, missing_library
from lume_dsl.files.frames import check_frame, pandas_for
from lume_dsl.files.parquet_checks import check_names, check_same
from lume_dsl.values.frames import frequency_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ParquetFile"]

_EXTRA = "parquet"

_FREQ = b"lume.freq"
"""Where the frequency of an index of times is among the metadata: what pandas and Arrow write has no word for it."""


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa  # heavy, and an extra
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing_library("pyarrow", extra=_EXTRA) from error
    return pa, pq


class _ParquetSerializer:
    def check_target(self, _filename: str | None, /) -> None:
        pandas_for(_EXTRA)
        _pyarrow()

    def write(self, obj: pd.DataFrame, stream: BinaryIO, _filename: str, /) -> None:
        pandas, (pyarrow, parquet) = pandas_for(_EXTRA), _pyarrow()
        check_frame(pandas, obj)
        check_names(obj)
        table = pyarrow.Table.from_pandas(obj)
        if (freq := frequency_of(obj.index)) is not None:
            table = table.replace_schema_metadata({**table.schema.metadata, _FREQ: freq})
        check_same(obj, _first_row(parquet, table), table)
        parquet.write_table(table, stream)

    def read(self, stream: BinaryIO, _filename: str, /) -> pd.DataFrame:
        pandas_for(_EXTRA)
        _, parquet = _pyarrow()
        return _read(parquet, stream)


class ParquetFile(File["pd.DataFrame"]):
    """A pandas data frame in Parquet format. Its values, dtypes, columns, index and attrs come back as they were.

    That includes time zones, categories that are texts, missing values, nullable dtypes of columns, and the frequency
    of an index of times. What would come back as something else is refused by its name, with what to do: categories of
    other types or without rows, times in whole seconds, a nullable dtype of an index, a name of it that is no text,
    labels of several types, rows without columns or an index.

    Of columns of Python objects, those of texts come back as pandas' type for texts, and those of bytes, ``Decimal``,
    dates, and booleans with None as they were.
    """

    serializer = _ParquetSerializer()


def _read(parquet: ModuleType, stream: BinaryIO) -> pd.DataFrame:
    table = parquet.read_table(stream)
    freq = (table.schema.metadata or {}).get(_FREQ)
    # The columns are given up one by one as they are converted, so that there are no two frames in memory.
    frame: Any = table.to_pandas(split_blocks=True, self_destruct=True)
    if freq is not None:
        frame.index.freq = freq.decode()
    found: pd.DataFrame = frame
    return found


def _first_row(parquet: ModuleType, table: Any) -> pd.DataFrame:
    """What comes back of a file of the first row, which costs little: it has all types, labels and categories."""
    stream = io.BytesIO()
    parquet.write_table(table.slice(0, 1), stream)
    try:
        return _read(parquet, stream)
    except Exception as error:  # whatever pandas and Arrow say of metadata that they write and do not read
        advice = "make the labels of its columns texts, by value.columns = value.columns.map(str)"
        raise TypeError(f"it could not be read again: {error}; {advice}") from error
