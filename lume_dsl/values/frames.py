"""pandas frames, series, indexes and scalars; it must not know the stored form around them.

A frame is an Arrow IPC stream. Its columns are those of the frame, then those of the index, whose names begin with
``index``; what Arrow has no word for is JSON in the schema's metadata under ``lume``: the pandas type of each column,
how the index is made, and ``attrs``; the stream of the frame's column labels is there under ``lume.columns``. What
pyarrow would add, pandas' and its own version, is left out: a record's hash must not depend on it.

pandas and pyarrow are imported in functions, as they are heavy: who has a frame has loaded the one, and the other is
an extra.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import timezone
from typing import TYPE_CHECKING, Any

from lume_dsl.errors import RecordError
from lume_dsl.values.columns import Column, column_of, pandas_column
from lume_dsl.values.content import PIECE, Content
from lume_dsl.values.kinds import Unstorable, full_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_content", "frame_of", "frequency_of", "pandas_kind", "scalar_of", "scalar_parts"]

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]

_META, _LABELS = b"lume", b"lume.columns"


def pandas_kind(value: Any) -> str:
    """Return the kind of a value of pandas', ``""`` for any other. Loads nothing."""
    pd: Any = sys.modules.get("pandas")
    if not hasattr(pd, "NA") or not hasattr(pd, "DataFrame"):  # not loaded, or not to its end
        return ""
    kinds: dict[type, str] = {pd.DataFrame: "frame", pd.Series: "series", pd.Index: "index"}
    kinds |= {pd.Timestamp: "timestamp", pd.Timedelta: "duration", type(pd.NaT): "missing", type(pd.NA): "missing"}
    return next((kind for cls, kind in kinds.items() if isinstance(value, cls)), "")


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.ipc
    except ImportError as error:
        raise RecordError("pyarrow is not installed; pip install 'lume-dsl[frames]'") from error
    if int(pa.__version__.split(".")[0]) < 14 or pa.__version__ == "14.0.0":
        # Earlier ones unpickle what a stream names as its types (CVE-2023-47248).
        raise RecordError(f"pyarrow {pa.__version__} runs code of what it reads; pip install 'pyarrow>=14.0.1'")
    return pa


# frames, series and indexes


def frame_content(value: Any, encode: Encode, decode: Decode) -> Content:
    """Return a frame, a series or an index as an Arrow IPC stream, which is made while it is read.

    Args:
        value: The frame, series or index.
        encode: Gives the stored form of a name, of ``attrs``, and of an object in a cell.
        decode: The value of a stored form; what would come back is compared with what is stored.

    Raises:
        Unstorable: If something of it would not come back as it is.
    """
    try:
        _pyarrow()
    except RecordError as error:
        raise Unstorable(str(error)) from None
    batch = _batch(value, encode)
    _check(value, batch, decode)
    return Content.measured(lambda: _stream(batch))


def _batch(value: Any, encode: Encode) -> Any:
    """The frame as one Arrow record batch with its metadata."""
    import pandas as pd

    pa = _pyarrow()
    metadata: dict[bytes, bytes] = {}
    if isinstance(value, pd.Index):
        columns, names, meta, index = [], [], {}, value
    else:
        if type(value) not in (pd.DataFrame, pd.Series):
            base = "DataFrame" if isinstance(value, pd.DataFrame) else "Series"
            raise Unstorable(f"{full_name(type(value))} cannot be stored; write pandas.{base}(...)")
        index = value.index
        if isinstance(value, pd.Series):
            columns, names = [column_of(value, encode)], [_label(value.name)]
            meta = {"name": _within(".name", encode, value.name)}
        else:
            labels = list(value.columns)
            columns = [_within(f"[{label!r}]", column_of, value.iloc[:, at], encode) for at, label in enumerate(labels)]
            names, meta = [_label(label) for label in labels], {}
            labels_batch = _within(".columns", _batch, value.columns, encode)
            metadata[_LABELS] = b"".join(_stream(labels_batch))
        meta["attrs"] = _within(".attrs", encode, dict(value.attrs))
        meta["unique_labels"] = not value.flags.allows_duplicate_labels
    levels, meta["index"] = _within("" if value is index else ".index", _index_parts, index, encode)
    meta["types"] = [column.type for column in columns]
    metadata[_META] = json.dumps(meta, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    arrays = [column.array for column in [*columns, *levels]]
    names += [f"index {at}" for at in range(len(levels))]
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata))


def _label(label: Any) -> str:
    text = str(label)
    return text if "\0" not in text else text.replace("\0", "�")


def _within(step: str, work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return work(*arguments)
    except Unstorable as problem:
        problem.steps.append(step)
        raise


def _index_parts(index: pd.Index[Any], encode: Encode) -> tuple[list[Column], dict[str, Any]]:
    """The levels of an index as columns, and how it is made of them."""
    import pandas as pd

    parts: dict[str, Any] = {"names": [encode(name) for name in index.names]}
    if isinstance(index, pd.RangeIndex):
        return [], {**parts, "range": [index.start, index.stop, index.step]}
    if isinstance(index, pd.MultiIndex):
        levels = [column_of(index.get_level_values(at), encode) for at in range(index.nlevels)]
        return levels, {**parts, "types": [level.type for level in levels], "multi": True}
    level = column_of(index, encode)
    parts["types"] = [level.type]
    if (freq := frequency_of(index)) is not None:
        parts["freq"] = freq
    return [level], parts


def frequency_of(index: Any) -> str | None:
    """Return the frequency of an index of times, which its values and its dtype do not tell; None without one."""
    import pandas as pd

    return index.freqstr if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else None


class _Sink:
    """A file to write to, whose parts are taken as they come."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return parts

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.closed = True


def _stream(batch: Any) -> Iterator[bytes]:
    """The IPC stream of a batch, in batches of about a piece each."""
    pa = _pyarrow()
    sink = _Sink()
    rows = max(1, batch.num_rows * PIECE // max(1, batch.nbytes))
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), batch.schema) as writer:
        for start in range(0, max(1, batch.num_rows), rows):  # one for no rows: the categories are in it
            writer.write_batch(batch.slice(start, rows))
            yield from sink.taken()
    yield from sink.taken()


def _check(value: Any, batch: Any, decode: Decode) -> None:
    """What comes back is equal, with its types, names, frequency and flags."""
    import pandas as pd

    exact: dict[str, Any] = {"check_exact": True}
    types: dict[str, Any] = {"check_index_type": "exact"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            back = _restored(batch, decode)
            if isinstance(value, pd.DataFrame):
                pd.testing.assert_frame_equal(value, back, **{**types, "check_column_type": "exact"}, **exact)
            elif isinstance(value, pd.Series):
                pd.testing.assert_series_equal(value, back, **types, **exact)
            else:
                pd.testing.assert_index_equal(value, back, exact=True, **exact)
                _check_freq(value, back)
        if type(back) is not type(value):
            raise TypeError(f"it comes back as {type(back).__name__}")
    except Exception as error:  # whatever pandas and Arrow say of values that they do not take
        reason = " ".join(str(error).split())
        raise Unstorable(
            f"an Arrow stream cannot hold it exactly: {reason[:200]}; write plain columns, or save it as a file"
        ) from None


def _check_freq(value: Any, back: Any) -> None:
    if getattr(value, "freq", None) != getattr(back, "freq", None):
        raise ValueError(f"its frequency {value.freq} comes back as {back.freq}")


def frame_of(kind: str, content: Content, decode: Decode) -> Any:
    """Return the frame, series or index of a stream.

    Raises:
        Exception: Of any kind, if it is no such stream.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise RecordError("pandas is not installed; pip install 'lume-dsl[frames]'") from error
    value = _restored(_read(content.whole()), decode, writable=True)
    expected = {"frame": pd.DataFrame, "series": pd.Series, "index": pd.Index}[kind]
    if not isinstance(value, expected):
        raise ValueError(f"it holds a {type(value).__name__}")
    return value


def _read(stream: bytes) -> Any:
    pa = _pyarrow()
    with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return table


def _restored(table: Any, decode: Decode, *, writable: bool = False) -> Any:
    """The frame, series or index of an Arrow table or batch."""
    import pandas as pd

    metadata = table.schema.metadata or {}
    if _META not in metadata:
        raise ValueError("the Arrow stream has no metadata of lume_dsl")
    meta = json.loads(metadata[_META])
    types = [*meta["types"], *meta["index"].get("types", ())]
    if len(types) != table.num_columns:
        raise ValueError(f"the Arrow stream has {table.num_columns} columns, expected {len(types)}")
    columns = [pandas_column(table.column(at), tp, decode, writable=writable) for at, tp in enumerate(types)]
    count = len(meta["types"])
    index = _index_of(columns[count:], meta["index"], decode)
    if "attrs" not in meta:
        return index
    if any(len(column) != len(index) for column in columns):
        raise ValueError("the index and the columns have different lengths")
    series = [pd.Series(column, index=index, copy=False, dtype=column.dtype) for column in columns[:count]]
    value: Any
    if "name" in meta:
        (value,) = series
        value.name = decode(meta["name"])
    else:
        value = pd.DataFrame(dict(enumerate(series)), index=index, copy=False)
        value.columns = _restored(_read(metadata[_LABELS]), decode, writable=True)
    value.attrs = decode(meta["attrs"])
    return value.set_flags(allows_duplicate_labels=False) if meta["unique_labels"] else value


def _index_of(levels: list[Any], parts: dict[str, Any], decode: Decode) -> Any:
    import pandas as pd

    names = [decode(name) for name in parts["names"]]
    if "range" in parts:
        start, stop, step = parts["range"]
        return pd.RangeIndex(start, stop, step, name=names[0])
    if parts.get("multi"):
        return pd.MultiIndex.from_arrays(levels, names=names)
    index: Any = pd.Index(levels[0], dtype=levels[0].dtype, name=names[0], copy=False)
    if "freq" in parts:
        index.freq = parts["freq"]
    return index


# scalars


def scalar_parts(value: Any) -> Any:
    """Return what a scalar of pandas' is stored as: a count of its unit, and its zone; or ``"NaT"`` or ``"NA"``."""
    import pandas as pd

    if value is pd.NaT or value is pd.NA:
        return "NaT" if value is pd.NaT else "NA"
    count = int(value.to_numpy().view("int64") if value.unit != "ns" else value.value)
    if isinstance(value, pd.Timedelta):
        return {"unit": value.unit, "count": count}
    parts = {"unit": value.unit, "count": count, "zone": None if value.tz is None else str(value.tz)}
    back: Any
    try:
        back = _of_parts(pd, parts)
    except Exception:  # whatever pandas and its libraries of zones say of a name that is none
        back = None
    # An offset that is called CET is no zone of that name, though both may be the same at this time.
    is_other = isinstance(value.tz, timezone) and getattr(back, "tz", None) != value.tz
    if is_other or back != value or back.utcoffset() != value.utcoffset() or back.fold != value.fold:
        raise Unstorable(f"the time zone {value.tz!r} cannot be stored; write .tz_convert(...) to one with a name")
    return parts


def _of_parts(pd: Any, parts: dict[str, Any]) -> Any:
    import numpy as np

    naive = pd.Timestamp(np.datetime64(*_count(parts)))
    if naive is pd.NaT:
        raise ValueError("it is not a time")
    return naive if parts["zone"] is None else naive.tz_localize("UTC").tz_convert(parts["zone"])


def _count(parts: dict[str, Any]) -> tuple[int, Any]:
    count, unit = parts["count"], parts["unit"]
    if type(count) is not int or unit not in ("s", "ms", "us", "ns"):
        raise ValueError("it has no count of a unit")
    return count, unit


def scalar_of(kind: str, parts: Any) -> Any:
    """Return the scalar of pandas' that was stored as these parts.

    Raises:
        Exception: Of any kind, if they are none.
    """
    try:
        import numpy as np
        import pandas as pd
    except ImportError as error:
        raise RecordError("pandas is not installed; pip install 'lume-dsl[frames]'") from error
    if kind == "missing":
        return {"NaT": pd.NaT, "NA": pd.NA}[parts]
    if kind == "timestamp":
        return _of_parts(pd, parts)
    span: Any = pd.Timedelta(np.timedelta64(*_count(parts)))
    if span is pd.NaT:
        raise ValueError("it is not a time span")
    return span
