"""pandas frames, series, indexes and scalars come back equal to the last bit, or are refused by their path."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.extra.pandas as hp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.tests.extension.decimal import DecimalArray  # a dtype of its own

from lume_dsl.errors import RecordError
from lume_dsl.values.canonical import digest
from lume_dsl.values.content import Content
from lume_dsl.values.encoding import TAG, decode, encode


def back(value: Any) -> Any:
    """The value after it was JSON text."""
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


def assert_same(value: Any, found: Any) -> None:
    assert type(found) is type(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(value, found, check_exact=True, check_column_type="exact")
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(value, found, check_exact=True)
    else:
        pd.testing.assert_index_equal(value, found, exact=True)
        return
    assert found.attrs == value.attrs


DAYS = pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin")
COLUMNS: dict[str, Any] = {
    "floats": [1.5, np.nan, -0.0],
    "float32": np.array([0.1, np.inf, 1], "f4"),
    "float16": np.array([0.1, 2, 1], "f2"),
    "complex": [1j, np.nan, 2],
    "complex64": np.array([1j, 2, 3], "c8"),
    "big-endian": np.array([0.1, np.nan, 1], ">f8"),
    "big-endian complex": np.array([1j, np.nan, 2], ">c16"),
    "big-endian integers": np.array([-5, 0, 2**31 - 1], ">i4"),
    "int8": np.array([-128, 0, 127], "i1"),
    "uint64": np.array([0, 1, 2**64 - 1], "u8"),
    "bools": [True, False, True],
    "Int64": pd.array([1, None, 2**62], dtype="Int64"),
    "UInt8": pd.array([1, None, 255], dtype="UInt8"),
    "Float32": pd.array([0.5, None, 1], dtype="Float32"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "string": pd.array(["a", None, "é\0"], dtype="string"),
    "python strings": pd.array(["a", None, "b"], dtype=pd.StringDtype("python")),
    "texts": ["a", None, ""],
    "object texts": np.array(["a", None, "b"], object),
    "objects": np.array([None, float("nan"), (1, "a")], object),
    "mixed": np.array([True, 1, 1.0], object),
    "decimals": [Decimal("1.10"), Decimal(2), None],
    "dates": [date(2024, 1, 2), None, date(1, 1, 1)],
    "bytes": [b"", b"\0\xff", None],
    "days": pd.DatetimeIndex(["2024-01-01", None, "1969-12-31"]).as_unit("s"),
    "nanoseconds": pd.DatetimeIndex(["2024-01-01T00:00:00.123456789", None, "1970"]).as_unit("ns"),
    "zoned": DAYS,
    "offset": DAYS.tz_convert("+05:30"),
    "utc": DAYS.tz_convert("UTC").as_unit("ms"),
    "spans": pd.to_timedelta([1, None, -5], unit="ms"),
    "categories": pd.Categorical(["b", None, "a"], categories=["b", "a", "unused"], ordered=True),
    "number categories": pd.Categorical([3, 1, 3]),
    "zoned categories": pd.Categorical(DAYS),
    "months": pd.period_range("2024-01", periods=3, freq="M"),
    "periods": pd.PeriodIndex(["2024-01-01", None, "2024-01-03"], freq="D"),
    "intervals": pd.interval_range(0.5, 3.5, closed="left"),
    "day intervals": pd.interval_range(DAYS[0], periods=3, freq="D"),
    "arrow": pd.array([1, None, 3], dtype="int32[pyarrow]"),
    "arrow lists": pd.array([[1], None, [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int8()))),
    "extended": np.array([1 / np.longdouble(3), np.nan, -0.0], "g"),
    "extended complex": np.array([1j / np.longdouble(3), np.nan, 2], "G"),
    "sparse": pd.arrays.SparseArray([np.nan, 1.5, -0.0]),
    "sparse integers": pd.arrays.SparseArray([7, 0, 7], fill_value=7),
    "sparse bools": pd.arrays.SparseArray([True, False, False]),
    "sparse days": pd.arrays.SparseArray(np.array(["2024-01-01", "NaT", "1970-01-01"], "M8[s]")),
    "sparse texts": pd.arrays.SparseArray(np.array(["a", "b", "a"], object), fill_value="a"),
    "cells": pd.Series([[1, 2], {"a": [None]}, "x"], dtype=object),
}
INDEXES: dict[str, Any] = {
    "range": pd.RangeIndex(4, 10, 2, name="n"),
    "numbers": pd.Index([3, 1, 1]),
    "big-endian": pd.Index(np.array([3, 1, 1], ">f8")),
    "texts": pd.Index(["a", None, "c"], name=("tuple", 1)),
    "days": DAYS,
    "hours": pd.date_range("2024", periods=3, freq="2h", name=5),
    "spans": pd.timedelta_range("1s", periods=3, freq="s"),
    "months": pd.period_range("2024-01", periods=3, freq="Q"),
    "intervals": pd.IntervalIndex.from_breaks([0, 1, 2, 3]),
    "categories": pd.CategoricalIndex(["a", "b", "a"], ordered=True),
    "objects": pd.Index([1, "a", None], dtype=object),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    "day levels": pd.MultiIndex.from_arrays([DAYS, ["a", "b", "c"]]),
    "complex": pd.Index([1j, 2, 3]),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column_of_each_dtype_comes_back(column: Any) -> None:
    for frame in (pd.DataFrame({"x": column}), pd.DataFrame({"x": column}).iloc[:0], pd.DataFrame({"x": column})[::-1]):
        assert_same(frame, back(frame))
    series = pd.Series(column, name=7)
    assert_same(series, back(series))


def test_a_frame_of_all_of_them_comes_back_with_its_attrs() -> None:
    frame = pd.DataFrame(COLUMNS)
    frame.attrs = {"source": ("a", 1), "time": datetime(2024, 1, 1, tzinfo=timezone.utc)}
    found = back(frame)
    assert_same(frame, found)
    assert list(map(type, found["mixed"])) == [bool, int, float]


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_an_index_of_each_kind_comes_back_alone_below_and_above(index: Any) -> None:
    assert_same(index, back(index))
    assert getattr(back(index), "freq", None) == getattr(index, "freq", None)
    for value in (
        pd.Series([1, 2, 3], index=index),
        pd.DataFrame({"a": [1, 2, 3]}, index=index),
        pd.DataFrame([[1, 2.5, "a"]], columns=index),
        pd.DataFrame(index=index),
        pd.DataFrame(columns=index),
    ):
        assert_same(value, back(value))
        for side in ("index", "columns"):
            assert getattr(getattr(back(value), side, None), "freq", None) == getattr(
                getattr(value, side, None), "freq", None
            )


@pytest.mark.parametrize("columns", [["a", "a"], [0, 1], [1, "1"], [None, True], ["\0", ""], [(1, 2), (1, 3)]])
def test_column_labels_of_any_kind_come_back(columns: list[Any]) -> None:
    frame = pd.DataFrame([[1, "x"], [2, "y"]], columns=pd.Index(columns, tupleize_cols=False))
    assert_same(frame, back(frame))


def test_flags_come_back() -> None:
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    assert not back(frame).flags.allows_duplicate_labels
    assert back(pd.DataFrame({"a": [1]})).flags.allows_duplicate_labels


def test_what_comes_back_can_be_changed() -> None:
    found = back(pd.DataFrame({name: COLUMNS[name] for name in ("floats", "int8", "zoned", "Int64", "texts")}))
    found.loc[0, "floats"] = 7.0
    found.loc[1, "int8"] = 3
    found["zoned"] += pd.Timedelta("1s")
    assert found["floats"][0] == 7.0


DTYPES = ["int8", "uint64", "float32", "float64", "bool", "complex128", "datetime64[ns]", "timedelta64[ns]", "str"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))  # pandas makes no column of half a surrogate pair
FRAMES: st.SearchStrategy[Any] = st.lists(st.sampled_from(DTYPES), max_size=4).flatmap(
    lambda dtypes: hp.data_frames(
        [
            hp.column(name=f"c{at}", dtype=dtype, elements=TEXTS if dtype == "str" else None)  # type: ignore[call-overload]
            for at, dtype in enumerate(dtypes)
        ],
        index=st.sampled_from([hp.range_indexes(), hp.indexes(dtype="int64")]).flatmap(lambda index: index),
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FRAMES)
def test_any_frame_comes_back_or_is_refused(frame: pd.DataFrame) -> None:
    try:
        stored = encode(frame)
    except RecordError:
        return  # texts that are no Unicode
    assert_same(frame, decode(stored))


class Opaque:
    """Nothing that can be stored."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pd.DataFrame({"a": [1, Opaque()]}), "outputs['a'][1]: "),
        (lambda: pd.Series([1, {2: 3}], dtype=object), "outputs[1][2]: a key of type int cannot be stored"),
        (lambda: pd.DataFrame([[1, Opaque()]], columns=["x", "x"]), "outputs['x'][0]: "),
        (lambda: pd.DataFrame({"a": [1]}, index=pd.Index([Opaque()])), "outputs.index[0]: "),
        (lambda: pd.DataFrame([[1]], columns=[Opaque()]), "outputs.columns[0]: "),
        (lambda: pd.Series([1], name=frozenset([1])), "outputs.name: frozenset cannot be stored"),
        (lambda: pd.DataFrame({"a": DecimalArray([Decimal(1)])}), "outputs['a']: a column of dtype decimal ("),
        (lambda: pd.DataFrame({"a": DecimalArray([Decimal(1)])}), "cannot be stored; write .astype(...)"),
        (lambda: pd.DataFrame({"a": np.ones(2, np.dtype("g").newbyteorder())}), "outputs['a']: a column of dtype "),
        (lambda: pd.Categorical(["a"]), "write pandas.Series(...)"),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_path(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        encode(make(), "outputs")
    assert message in str(caught.value)


def test_attrs_that_cannot_be_stored_are_named() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["x"] = {1}
    with pytest.raises(RecordError, match=r"^value\.attrs\['x'\]: set cannot be stored"):
        encode(frame)


class Lab(pd.DataFrame):
    """A frame with more to it."""


def test_a_subclass_of_a_frame_is_refused() -> None:
    with pytest.raises(RecordError, match=r"write pandas\.DataFrame"):
        encode(Lab({"a": [1]}))


def test_the_hash_does_not_depend_on_what_lies_below_missing_values_or_on_slices() -> None:
    masked = pd.arrays.IntegerArray(np.array([1, 99]), np.array([False, True]))
    assert digest(encode(pd.Series(masked))) == digest(encode(pd.Series([1, None], dtype="Int64")))
    frame = pd.DataFrame({"a": ["x", "y", "z"], "b": [1.0, 2.0, 3.0], "c": pd.Categorical(["p", "q", "p"])})
    part = frame.iloc[1:]
    assert digest(encode(part)) == digest(encode(part.copy()))
    assert digest(encode(part)) != digest(encode(frame))


def test_a_stream_names_no_version_of_a_library() -> None:
    content = b"".join(map(bytes, large()[1].pieces()))
    assert b"version" not in content
    assert pd.__version__.encode() not in content
    assert pa.__version__.encode() not in content


def large() -> tuple[pd.DataFrame, Content]:
    frame = pd.DataFrame({"x": np.arange(1_500_000.0), "t": pd.Series(["abc", None, "d"] * 500_000)})
    blobs: dict[str, Content] = {}
    stored = encode(frame, blobs=blobs)
    assert stored[TAG] == "frame"
    assert stored["value"][TAG] == "blob"
    (content,) = blobs.values()
    assert stored["value"]["value"] == {"sha256": content.sha256, "size": content.size}
    return frame, content


def test_a_large_frame_is_kept_apart_in_pieces() -> None:
    frame, content = large()
    pieces = list(map(bytes, content.pieces()))
    assert len(pieces) > 3
    stored = {TAG: "frame", "value": {TAG: "blob", "value": {"sha256": content.sha256, "size": content.size}}}
    assert_same(frame, decode(stored, read=lambda _sha256: pieces))


def test_another_program_reads_the_columns_with_arrow_alone() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5], "name": ["a", "b"], "t": DAYS[:2]}, index=pd.Index([10, 20]))
    import base64

    with pa.ipc.open_stream(base64.b64decode(encode(frame)["value"]["value"])) as reader:
        table = reader.read_all()
    assert table.column_names == ["x", "name", "t", "index 0"]
    assert table.column("name").to_pylist() == ["a", "b"]
    assert table.column("index 0").to_pylist() == [10, 20]
    assert table.column("t").type == pa.timestamp(DAYS.unit, "Europe/Berlin")


def stream(table: pa.Table) -> dict[str, Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {TAG: "frame", "value": encode(sink.getvalue().to_pybytes())}


REST = '"index":{"names":[null],"range":[0,COUNT,1]},"attrs":{},"unique_labels":false}'
"""Of the metadata of a frame, after the types of its columns."""


@pytest.mark.parametrize(
    ("table", "metadata"),
    [
        (pa.table({"a": [1]}), None),
        (pa.table({"a": [1]}), "{"),
        (pa.table({"a": [1]}), "{}"),
        (pa.table({"a": [1]}), '{"types":["float64"],' + REST.replace("COUNT", "1")),
        (pa.table({"a": [1]}), '{"types":["object"],' + REST.replace("COUNT", "1")),
        (pa.table({"a": [1]}), '{"types":[],' + REST.replace("COUNT", "1")),
        (pa.table({"a": [1]}), '{"types":["int64"],' + REST.replace("COUNT", "9")),
        (pa.table({"a": pa.nulls(10**7)}), '{"types":[{"object":"text"}],' + REST.replace("COUNT", "10000000")),
    ],
)
def test_a_stream_of_something_else_is_a_record_error(table: Any, metadata: str | None) -> None:
    table = table if metadata is None else table.replace_schema_metadata({"lume": metadata})
    with pytest.raises(RecordError, match="'frame' cannot be read"):
        decode(stream(table))


def test_bytes_that_are_no_stream_are_a_record_error() -> None:
    good = encode(pd.DataFrame({"a": [1]}))["value"]
    for kind in ("frame", "series", "index"):
        for content in (encode(b""), encode(b"garbage"), encode(b"\xff" * 64), None, 5):
            with pytest.raises(RecordError):
                decode({TAG: kind, "value": content})
    with pytest.raises(RecordError, match="holds a DataFrame"):
        decode({TAG: "series", "value": good})


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2024-01-02T03:04:05.123456789"),
        pd.Timestamp("2024-01-02").as_unit("s"),
        pd.Timestamp("2024-10-27T00:30:00", tz="UTC").tz_convert("Europe/Berlin"),
        pd.Timestamp("2024-10-27T00:30:00", tz="UTC").tz_convert("Europe/Berlin") + pd.Timedelta("1h"),
        pd.Timestamp("2024-01-02", tz="+05:30"),
        pd.Timestamp("2024-01-02", tz=timezone.utc),
        pd.Timestamp("2024-01-02", tz=ZoneInfo("America/New_York")),
        pd.Timestamp.min,
        pd.Timedelta("1 days 00:00:00.000000001"),
        pd.Timedelta("-1s").as_unit("ms"),
        pd.NaT,
        pd.NA,
    ],
)
def test_scalars_come_back_as_such(value: Any) -> None:
    found = back([value])[0]
    assert type(found) is type(value)
    assert repr(found) == repr(value)
    assert getattr(found, "unit", None) == getattr(value, "unit", None)
    assert getattr(found, "fold", None) == getattr(value, "fold", None)


@pytest.mark.parametrize(
    "document",
    [
        {TAG: "missing", "value": "none"},
        {TAG: "missing", "value": ["NaT"]},
        {TAG: "timestamp", "value": {"unit": "fs", "count": 1, "zone": None}},
        {TAG: "timestamp", "value": {"unit": "s", "count": "1", "zone": None}},
        {TAG: "timestamp", "value": {"unit": "s", "count": 2**70, "zone": None}},
        {TAG: "timestamp", "value": {"unit": "s", "count": 1, "zone": "../x"}},
        {TAG: "duration", "value": {"unit": "s"}},
        {TAG: "duration", "value": None},
    ],
)
def test_a_malformed_scalar_is_a_record_error(document: Any) -> None:
    with pytest.raises(RecordError):
        decode(document)


def test_encoding_other_values_does_not_load_pandas_and_a_missing_pyarrow_is_named() -> None:
    script = """
import sys
from lume_dsl.values.encoding import encode, decode
from lume_dsl.values.plain import plain
from datetime import datetime
value = {"a": [1, 2.5, "x", b"x" * 100000, 1j, datetime(2024, 1, 1)]}
assert decode(encode(value)) == value
plain(encode(value))
assert not {"numpy", "pandas", "pyarrow"} & set(sys.modules), "loaded"
sys.modules["pyarrow"] = None
try:
    import pandas
except ImportError:
    raise SystemExit(0)
from lume_dsl.errors import RecordError
try:
    encode({"f": pandas.DataFrame({"a": [1]})}, "outputs")
except RecordError as error:
    assert str(error) == "outputs['f']: pyarrow is not installed; pip install 'lume-dsl[frames]'", error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})
