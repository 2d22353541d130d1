"""Data frames in Parquet files, with their types; it must not know any other format."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.files.file import File, missing_library
from lume_dsl.files.frames import check_frame, pandas_for

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ParquetFile"]

_EXTRA = "parquet"


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa  # heavy, and an extra
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing_library("pyarrow", extra=_EXTRA) from error
    return pa, pq


class _ParquetSerializer:
    def write(self, obj: pd.DataFrame, stream: BinaryIO, _filename: str, /) -> None:
        pandas, (pyarrow, parquet) = pandas_for(_EXTRA), _pyarrow()
        check_frame(pandas, obj)
        if obj.columns.nlevels == 1 and pandas.api.types.infer_dtype(obj.columns).startswith("mixed"):
            raise TypeError("its columns have names of several types, which do not come back; make them texts")
        table = pyarrow.Table.from_pandas(obj)
        _check_types(pandas, pyarrow, obj, table)
        parquet.write_table(table, stream)

    def read(self, stream: BinaryIO, _filename: str, /) -> pd.DataFrame:
        pandas_for(_EXTRA)
        _, parquet = _pyarrow()
        # The columns are given up one by one as they are converted, so that there are no two frames in memory.
        frame: pd.DataFrame = parquet.read_table(stream).to_pandas(split_blocks=True, self_destruct=True)
        return frame


class ParquetFile(File["pd.DataFrame"]):
    """A pandas data frame in Parquet format. Its values, dtypes, columns and index come back as they were.

    That includes time zones, categories, missing values and nullable dtypes. A column that would not come back is
    refused by its name; of columns of Python objects, those of texts come back as pandas' type for texts, and those of
    bytes, ``Decimal``, dates, and booleans with None as they were.
    """

    serializer = _ParquetSerializer()


def _check_types(pandas: ModuleType, pyarrow: ModuleType, frame: pd.DataFrame, table: Any) -> None:
    """The types that the table gives back are the frame's: asked of the table without its rows."""
    empty = table.slice(0, 0).to_pandas()
    for place, column in enumerate(frame.columns):
        before, after = frame.dtypes.iloc[place], empty.dtypes.iloc[place]
        if before.kind == "O" and not pandas.api.types.is_extension_array_dtype(before):
            _check_objects(pyarrow, column, table, place)
        elif before != after:
            raise TypeError(f"value[{column!r}]: a column of {before} comes back as {after}; convert it before")


def _check_objects(pyarrow: ModuleType, column: Any, table: Any, place: int) -> None:
    tp, types = table.schema.field(place).type, pyarrow.types
    kept = [types.is_null, types.is_string, types.is_large_string, types.is_binary, types.is_large_binary]
    kept += [types.is_decimal, types.is_date, types.is_time]
    if any(is_kept(tp) for is_kept in kept) or (types.is_boolean(tp) and table.column(place).null_count):
        return
    advice = "convert it with .infer_objects(), or use HDF5File or JSONFile for what is no table"
    raise TypeError(f"value[{column!r}]: a column of Python objects would come back as {tp}; {advice}")
