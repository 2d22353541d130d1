"""Records as CSV, JSON Lines and Parquet, a row a record; it must not know stores, and holds few records at a time.

A column is a member of a record, or a member of its inputs, outputs, fields or provenance: ``inputs.charge``. A value
that is no text, number, boolean or None is in its cell as JSON text. Which columns there are is known after the last
record alone, so that records wait in a temporary file until then.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import IO, Any, BinaryIO

from lume_dsl.errors import RecordError
from lume_dsl.records.plain import cells, json_text, plain_record
from lume_dsl.records.record import Document
from lume_dsl.values.scalars import LARGEST_EXACT_INT

__all__ = ["FORMATS", "Writer", "write_csv", "write_json_lines", "write_parquet"]

Writer = Callable[[Iterable[Document], BinaryIO], None]

BATCH = 1000
"""Rows of a Parquet file that are in memory at a time."""

Row = dict[str, Any]


def write_json_lines(documents: Iterable[Document], stream: BinaryIO) -> None:
    """The records are in the stream, each as plain JSON in a line of its own."""
    for document in documents:
        stream.write(json.dumps(plain_record(document)).encode() + b"\n")


def write_csv(documents: Iterable[Document], stream: BinaryIO) -> None:
    """The records are in the stream as CSV in UTF-8, under a line of column names. None is an empty cell."""
    with _Rows(documents) as rows:
        # A surrogate, which UTF-8 does not have, is written as its escape.
        text = io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="", write_through=True)
        try:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(rows.kinds)
            writer.writerows([_csv_text(row.get(name)) for name in rows.kinds] for row in rows)
        finally:
            text.detach()


def _csv_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)


def write_parquet(documents: Iterable[Document], stream: BinaryIO) -> None:
    """The records are in the stream as Parquet.

    A column whose values are all booleans, integers, numbers or texts is of that type; ``time`` is a timestamp; any
    other holds JSON texts. Each may have nulls.

    Raises:
        RecordError: If pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # heavy: 100 ms
        from pyarrow import parquet
    except ImportError as error:
        raise RecordError("Parquet needs pyarrow: pip install 'lume-dsl[frames]'") from error
    types = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
    with _Rows(documents) as rows:
        columns = {name: _column_type(name, kinds) for name, kinds in rows.kinds.items()}
        schema = pa.schema(
            (name, pa.timestamp("us", "UTC") if kind == "time" else types.get(kind, pa.string()))
            for name, kind in columns.items()
        )
        with parquet.ParquetWriter(stream, schema) as writer:
            every = iter(rows)
            while batch := list(islice(every, BATCH)):
                data = {name: [_parquet_cell(row.get(name), kind) for row in batch] for name, kind in columns.items()}
                writer.write_table(pa.table(data, schema))


_COLUMNS = {
    "text": {"text"},
    "bool": {"bool"},
    "int": {"int", "large"},
    "float": {"int", "float"},
}
"""The types of columns, with the kinds of values that they hold exactly; the first that fits is taken."""


def _column_type(name: str, kinds: set[str]) -> str:
    if name == "time":
        return "time"
    for column, held in _COLUMNS.items():
        if kinds <= held:
            return column
    return "json"


def _parquet_cell(value: Any, column: str) -> Any:
    if value is None:
        return None
    match column:
        case "time":
            return datetime.fromisoformat(value)
        case "text":
            return value.encode("utf-8", "backslashreplace").decode()
        case "json":
            return json.dumps(value)
        case "float":
            return float(value)
    return value


FORMATS: dict[str, Writer] = {"csv": write_csv, "parquet": write_parquet, "json": write_json_lines}
"""How records are written, by the name of the format."""


class _Rows:
    """The cells of records by column, kept in a temporary file; each iteration reads them again.

    Attributes:
        kinds: Which kinds of value each column has, None aside, by the name of the column in the order of the first
            record that has it, those of one group together.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self.kinds: dict[str, set[str]] = {}
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed by __exit__)
        try:
            for document in documents:
                self._keep(dict(cells(document)))
        except BaseException:
            self._file.close()
            raise
        groups = list(dict.fromkeys(map(_group, self.kinds)))
        self.kinds = {
            name: self.kinds[name] for name in sorted(self.kinds, key=lambda name: groups.index(_group(name)))
        }

    def _keep(self, row: Row) -> None:
        for name, value in row.items():
            kinds = self.kinds.setdefault(name, set())
            if value is not None:
                kinds.add(_kind(value))
        self._file.write(json.dumps(row) + "\n")

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        return map(json.loads, self._file)

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _group(name: str) -> str:
    return name.partition(".")[0]


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int" if abs(value) <= LARGEST_EXACT_INT else "large" if -(2**63) <= value < 2**63 else "json"
        case float():
            return "float"
        case str():
            return "text"
    return "json"
