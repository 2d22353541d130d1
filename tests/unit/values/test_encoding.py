"""The stored form of values is exact, is JSON, and is what the documentation says."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.files import File, JSONFile, TextFile
from lume_dsl.values.encoding import MAX_DEPTH, TAG, decode, encode

OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
KEYS = st.text().filter(lambda key: "\0" not in key) | st.sampled_from([TAG, "value", "$ref", "a.b"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**62, 2**66),
    st.floats(),
    st.text(),
    st.binary(),
    st.datetimes().map(lambda value: value.replace(fold=0)),
    st.datetimes(timezones=OFFSETS).map(lambda value: value.replace(fold=0)),
    st.dates(),
    st.times().map(lambda value: value.replace(fold=0)),
    st.timedeltas(),
    st.uuids(),
    st.decimals(),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(Path),
    st.builds(TextFile, st.text(min_size=1), size=st.none() | st.integers(0), sha256=st.none() | st.text()),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal with equal types at every level, NaN and the sign of zero included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


@given(VALUES)
def test_every_value_comes_back_through_json_text_with_its_type(value: Any) -> None:
    text = json.dumps(encode(value), allow_nan=False)
    assert same(decode(json.loads(text)), value)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: "\0" not in key), inner),
)


@given(JSON_VALUES)
def test_json_values_are_stored_unchanged(value: Any) -> None:
    if TAG not in json.dumps(value):
        assert same(encode(value), value)


@pytest.mark.parametrize(
    ("value", "kind", "content"),
    [
        ((1, "a"), "tuple", [1, "a"]),
        ({TAG: "tuple", "value": [1]}, "dict", {TAG: "tuple", "value": [1]}),
        (math.inf, "float", "inf"),
        (-math.inf, "float", "-inf"),
        (math.nan, "float", "nan"),
        (2**63, "int", "0x8000000000000000"),
        (-(2**63) - 1, "int", "-0x8000000000000001"),
        (datetime(2024, 1, 2, 3, 4, 5, 6, timezone.utc), "datetime", "2024-01-02T03:04:05.000006+00:00"),
        (date(2024, 1, 2), "date", "2024-01-02"),
        (time(3, 4), "time", "03:04:00"),
        (timedelta(seconds=90.5), "timedelta", "PT90.500000S"),
        (timedelta(microseconds=-1), "timedelta", "-PT0.000001S"),
        (b"\0\xff", "bytes", "AP8="),
        (Path("a/b"), "path", "a/b"),
        (UUID(int=1), "uuid", "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.10"), "decimal", "1.10"),
    ],
)
def test_the_documented_form_of_each_kind(value: Any, kind: str, content: Any) -> None:
    assert encode(value) == {TAG: kind, "value": content}


def test_a_file_is_stored_by_its_reference() -> None:
    file = TextFile("a.txt", size=1, sha256="x")
    assert encode(file) == {TAG: "file", "value": file.reference()}


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.float64(1.5), 1.5),
        (np.str_("a"), "a"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (OrderedDict(a=1), {"a": 1}),
    ],
)
def test_a_value_of_a_subclass_is_stored_as_its_base(value: Any, stored: Any) -> None:
    assert same(encode(value), stored)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"fit": {"n": np.int64(3)}}, "outputs['fit']['n']: numpy.int64 cannot be stored; write int(...)"),
        ([np.float32(3)], "outputs[0]: numpy.float32 cannot be stored; write float(...)"),
        ([1, (2, np.bool_(True))], "outputs[1][1]: numpy.bool cannot be stored; write bool(...)"),
        (
            {"a": np.zeros(3)},
            "outputs['a']: numpy.ndarray cannot be stored; write .tolist(), or save a file",
        ),
        ({1, 2}, "outputs: set cannot be stored; write sorted(...)"),
        (bytearray(b"x"), "outputs: bytearray cannot be stored; write bytes(...)"),
        (1j, "outputs: complex cannot be stored; write (z.real, z.imag)"),
        ({"a": {1: 2}}, "outputs['a'][1]: a key of type int cannot be stored; write str(...)"),
        ({"a\0b": 2}, r"outputs['a\x00b']: a key with a null character cannot be stored"),
        (["\ud800"], r"outputs[0]: '\ud800' is not valid Unicode text; write .encode() as bytes"),
        ({"\ud800": 1}, r"outputs['\ud800']: '\ud800' is not valid Unicode text; write .encode() as bytes"),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_path(value: Any, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        encode(value, "outputs")
    assert str(caught.value).replace("numpy.bool_", "numpy.bool") == message


class Opaque:
    """Neither JSON nor any kind."""


def test_an_object_is_refused_with_its_full_type_name() -> None:
    with pytest.raises(RecordError, match=r"value: \S+\.Opaque cannot be stored; write it as JSON values"):
        encode(Opaque())


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append({"again": (loop,)})
    with pytest.raises(RecordError, match=f"more than {MAX_DEPTH} levels deep, or contains itself"):
        encode(loop)


def test_errors_of_deep_values_do_not_flood_the_terminal() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(RecordError) as caught:
        encode(loop)
    assert len(str(caught.value)) < 200


def test_encoding_shares_no_container_with_the_value() -> None:
    value: dict[str, Any] = {"a": [1]}
    stored = encode(value)
    value["a"].append(2)
    assert stored == {"a": [1]}


@pytest.mark.parametrize(
    "document",
    [
        {TAG: "unknown", "value": 1},
        {TAG: "int", "value": "seven"},
        {TAG: "int", "value": 7},
        {TAG: "tuple", "value": 7},
        {TAG: "dict", "value": []},
        {TAG: "bytes", "value": "***"},
        {TAG: "datetime", "value": "yesterday"},
        {TAG: "timedelta", "value": "P1D"},
        {TAG: "timedelta", "value": None},
        {TAG: "decimal", "value": "x"},
        {TAG: ["list"], "value": 1},
        {TAG: "tuple"},
    ],
)
def test_a_malformed_document_is_a_record_error(document: Any) -> None:
    with pytest.raises(RecordError, match="a stored value"):
        decode(document)


@pytest.mark.parametrize("type_string", ["os:system", "builtins:str", "lume_dsl.files:open_filesystem"])
def test_a_stored_file_reference_to_something_else_is_refused(type_string: str) -> None:
    reference = {**JSONFile("x").reference(), "file_type_string": type_string}
    with pytest.raises(Exception, match="is not a File class"):
        decode({TAG: "file", "value": reference})


def test_files_of_every_type_keep_their_type() -> None:
    files: list[File[Any]] = [TextFile("a"), JSONFile("b")]
    assert same(decode(encode(files)), files)
