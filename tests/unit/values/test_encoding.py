"""The stored form of values is exact, is JSON, and is what the documentation says."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import OrderedDict
from contextlib import suppress
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import pendulum
import pytest
import pytz
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dsl.errors import Place, RecordError
from lume_dsl.files import File, JSONFile, TextFile
from lume_dsl.values.canonical import digest
from lume_dsl.values.encoding import INLINE_BYTES, MAX_DEPTH, TAG, decode, encode, plain

BERLIN = ZoneInfo("Europe/Berlin")
CET = timezone(timedelta(hours=1), "CET")

MINUTES = st.integers(-23 * 60, 23 * 60)
OFFSETS = MINUTES.map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.builds(
    lambda minutes, name: timezone(timedelta(minutes=minutes), name),
    MINUTES,
    st.text() | st.sampled_from(["CET", "UTC"]),
)
KEYS = st.text() | st.sampled_from([TAG, "value", "$ref", "a.b", "\0", "a\0b"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]).map(ZoneInfo)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**62, 2**66),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
    st.datetimes(),
    st.datetimes(timezones=OFFSETS | ZONES),
    st.datetimes(datetime(2024, 10, 27), datetime(2024, 10, 28), timezones=ZONES),
    st.dates(),
    st.times(),
    st.times(timezones=OFFSETS | ZONES),
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
        (complex(1, math.inf), "complex", [1.0, {TAG: "float", "value": "inf"}]),
        ({"a\0": (1,)}, "items", [["a\0", {TAG: "tuple", "value": [1]}]]),
        (datetime(2026, 3, 1, 10, tzinfo=BERLIN), "datetime", "2026-03-01T10:00:00+01:00[Europe/Berlin]"),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), "datetime", "2026-10-25T02:30:00+02:00[Europe/Berlin]"),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), "datetime", "2026-10-25T02:30:00+01:00[Europe/Berlin]"),
        (datetime(2026, 3, 1, fold=1), "datetime", "2026-03-01T00:00:00[_fold=1]"),
        (time(3, 4, tzinfo=BERLIN), "time", "03:04:00[Europe/Berlin]"),
        (datetime(2026, 3, 1, 10, tzinfo=CET), "datetime", "2026-03-01T10:00:00+01:00[_name=CET]"),
        (time(3, 4, tzinfo=timezone(timedelta(0), "a b")), "time", "03:04:00+00:00[_name=a%20b]"),
        (np.float32(0.5), "scalar", {"dtype": "float32", "value": 0.5}),
        (np.datetime64(1, "ns"), "scalar", {"dtype": "datetime64[ns]", "value": 1}),
    ],
)
def test_the_documented_form_of_each_kind(value: Any, kind: str, content: Any) -> None:
    assert encode(value) == {TAG: kind, "value": content}


def test_a_file_is_stored_by_its_reference() -> None:
    file = TextFile("a.txt", size=1, sha256="x")
    assert encode(file) == {TAG: "file", "value": file.reference()}


class Text(str):
    def __str__(self) -> str:
        return "something else"


class Number(int):
    def __int__(self) -> int:
        return 7


class Real(float):
    def __float__(self) -> float:
        return 7.0


class Items(list):  # type: ignore[type-arg]
    """A list of another name."""


@pytest.mark.parametrize("zone", [pendulum.timezone("Europe/Berlin"), pytz.timezone("Europe/Berlin"), BERLIN], ids=repr)
def test_zones_of_every_library_come_back_by_name(zone: Any) -> None:
    for hour in (0, 1, 2):
        value = datetime(2026, 10, 25, hour, 30, tzinfo=timezone.utc).astimezone(zone)
        found = decode(encode(value))
        assert type(found) is datetime
        assert found.replace(tzinfo=None) == value.replace(tzinfo=None)
        assert found.utcoffset() == value.utcoffset()
        assert found.tzinfo is BERLIN
    assert type(decode(encode(pendulum.datetime(2026, 1, 2, tz="Europe/Berlin")))) is datetime


@pytest.mark.parametrize(
    ("zone", "named"),
    [
        (dateutil.tz.tzoffset("CET", 3600), CET),
        (dateutil.tz.tzoffset(None, 3600), timezone(timedelta(hours=1))),
        (dateutil.tz.tzutc(), timezone.utc),
        (pytz.FixedOffset(90), timezone(timedelta(hours=1.5))),
        (pendulum.parse("2026-01-02T00:00:00+01:00").tzinfo, timezone(timedelta(hours=1))),  # type: ignore[union-attr]
    ],
    ids=repr,
)
def test_an_offset_of_every_library_comes_back_with_its_name(zone: Any, named: timezone) -> None:
    for value in (datetime(2026, 1, 2, 3, tzinfo=zone), time(3, tzinfo=zone)):
        assert repr(decode(encode(value)).tzinfo) == repr(named)


class Rules(tzinfo):
    """A zone of a user's, by rules of its own, and by no name."""

    def utcoffset(self, value: datetime | None, /) -> timedelta:
        assert value is not None
        return timedelta(hours=value.month % 2)


@pytest.mark.parametrize(
    "zone",
    [
        dateutil.tz.gettz("America/New_York"),
        dateutil.tz.tzstr("EST5EDT"),
        pytz.timezone("Europe/Berlin"),  # a trap of pytz: +00:53
        Rules(),
    ],
    ids=lambda zone: type(zone).__name__,
)
def test_a_zone_that_would_come_back_as_an_offset_is_refused(zone: Any) -> None:
    with pytest.raises(
        RecordError, match=r"outputs\['at'\]: the time zone .* has no name .*; give it a zone of zoneinfo"
    ):
        encode({"at": datetime(2026, 1, 2, tzinfo=zone)}, "outputs")
    if not isinstance(zone, pytz.tzinfo.DstTzInfo):
        with pytest.raises(RecordError, match="the time zone"):
            encode(time(1, tzinfo=zone))


def test_what_an_offset_is_called_makes_no_other_hash_and_older_texts_have_none() -> None:
    older = {TAG: "datetime", "value": "2026-01-02T00:00:00+01:00"}
    named, unnamed = (datetime(2026, 1, 2, tzinfo=zone) for zone in (CET, timezone(timedelta(hours=1))))
    assert digest(encode(named)) == digest(encode(unnamed)) == digest(older)
    assert decode(older) == named
    assert digest(encode(time(1, tzinfo=CET))) == digest({TAG: "time", "value": "01:00:00+01:00"})


@pytest.mark.parametrize("zone", [CET, dateutil.tz.gettz("America/New_York")], ids=repr)
def test_a_timestamp_of_pandas_in_a_zone_without_a_name_is_refused(zone: Any) -> None:
    """An offset that is called CET is not the zone CET."""
    with pytest.raises(RecordError, match=r"the time zone .* cannot be stored; write \.tz_convert"):
        encode(pd.Timestamp("2026-01-02", tz=zone))


def test_a_time_whose_zone_has_new_rules_is_the_same_instant() -> None:
    found = decode({TAG: "datetime", "value": "2026-07-01T12:00:00+05:00[Europe/Berlin]"})
    assert found == datetime(2026, 7, 1, 7, tzinfo=timezone.utc)
    assert found.tzinfo is BERLIN


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "", "u-ca=hebrew"])
def test_an_unknown_zone_is_a_record_error(zone: str) -> None:
    for kind, clock in (("datetime", "2026-07-01T12:00:00+02:00"), ("time", "12:00:00")):
        with pytest.raises(RecordError, match=r"not known here|not a time"):
            decode({TAG: kind, "value": f"{clock}[{zone}]"})


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (OrderedDict(a=1), {"a": 1}),
        (Text("a"), "a"),
        (Number(3), 3),
        (Real(0.5), 0.5),
        (Items([1]), [1]),
    ],
)
def test_a_value_of_a_subclass_is_stored_as_its_base(value: Any, stored: Any) -> None:
    assert same(encode(value), stored)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "outputs: set cannot be stored; write sorted(...)"),
        (bytearray(b"x"), "outputs: bytearray cannot be stored; write bytes(...)"),
        ({"a": [(1, {1})]}, "outputs['a'][0][1]: set cannot be stored; write sorted(...)"),
        ({"a": {1: 2}}, "outputs['a'][1]: a key of type int cannot be stored; write str(...)"),
        (
            {"a": {np.int64(1): 2}},
            "outputs['a'][np.int64(1)]: a key of type numpy.int64 cannot be stored; write str(...)",
        ),
        (["\ud800"], r"outputs[0]: '\ud800' is not valid Unicode text; write .encode() as bytes"),
        ({"\ud800": 1}, r"outputs['\ud800']: '\ud800' is not valid Unicode text; write .encode() as bytes"),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_path(value: Any, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        encode(value, "outputs")
    assert str(caught.value).replace("[1]: a key of type numpy", "[np.int64(1)]: a key of type numpy") == message


class Opaque:
    """Neither JSON nor any kind."""


def test_an_object_is_refused_with_its_full_type_name() -> None:
    with pytest.raises(RecordError, match=r"value: \S+\.Opaque cannot be stored; write it as JSON values"):
        encode(Opaque())


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append({"again": (loop,)})
    with pytest.raises(RecordError, match=r"^outputs: contains itself or is nested too deeply$"):
        encode(loop, "outputs")


def nested(depth: int, wrap: Any, bottom: Any) -> Any:
    for _ in range(depth):
        bottom = wrap(bottom)
    return bottom


def depth_of(document: Any) -> int:
    if isinstance(document, dict | list):
        return 1 + max(map(depth_of, document.values() if isinstance(document, dict) else document), default=0)
    return 0


@pytest.mark.parametrize(
    "wrap",
    [
        lambda v: [v],
        lambda v: {"a": v},
        lambda v: (v,),
        lambda v: {TAG: v},
        lambda v: {"\0": v},
        lambda v: [[], ({}, v)],
    ],
)
@pytest.mark.parametrize("bottom", [1, (np.float32(1), 1 + 2j), np.zeros(2), [], {}])
def test_depth_is_no_limit_and_documents_stay_within_mongodbs(wrap: Any, bottom: Any) -> None:
    for depth in (1, 10, 25, 50, *range(MAX_DEPTH - 3, MAX_DEPTH + 4), 110):
        value = nested(depth, wrap, bottom)
        stored = encode(value)
        assert depth_of(stored) <= MAX_DEPTH + 15
        assert repr(decode(json.loads(json.dumps(stored)))) == repr(value)
        json.dumps(plain(stored), allow_nan=False)


def test_errors_below_the_greatest_depth_name_their_path() -> None:
    with pytest.raises(RecordError, match=r"\[0\]\['bad'\]: set cannot be stored"):
        encode(nested(MAX_DEPTH + 5, lambda v: [v], {"bad": {1}}))


def test_the_hash_does_not_depend_on_where_json_text_begins() -> None:
    value = nested(MAX_DEPTH + 5, lambda v: [v], {"b": 1.0, "a": b"x"})
    outer = encode([value])[0]
    assert outer != encode(value)
    assert digest(outer) == digest(encode(value))


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
        {TAG: "tuple", "value": "ab"},
        {TAG: "float", "value": 1},
        {TAG: "complex", "value": [1.0]},
        {TAG: "complex", "value": [1.0, "x"]},
        {TAG: "items", "value": [["a", 1, 2]]},
        {TAG: "items", "value": [[1, 2]]},
        {TAG: "json", "value": "{"},
        {TAG: "json", "value": {}},
        {TAG: "bytes", "value": ["AA=="]},
        {TAG: "blob", "value": {"sha256": "0" * 64, "size": 1}},
        {TAG: "blob", "value": {}},
        {TAG: "array", "value": "AA=="},
        {TAG: "array", "value": {TAG: "tuple", "value": []}},
        {TAG: "datetime", "value": 5},
        {TAG: "path", "value": None},
        {TAG: "file", "value": None},
        {TAG: "pickle", "value": "gASVCgAAAAAAAACMAm9zlC4="},
    ],
)
def test_a_malformed_document_is_a_record_error(document: Any) -> None:
    with pytest.raises(RecordError, match="stored"):
        decode(document)


@pytest.mark.parametrize(
    "type_string", ["os:system", "builtins:str", "lume_dsl.files:open_filesystem", "antigravity:Foo"]
)
def test_a_stored_file_reference_to_something_else_is_refused(type_string: str) -> None:
    reference = {**JSONFile("x").reference(), "file_type_string": type_string}
    with pytest.raises(RecordError, match=r"is not a File class|cannot be found"):
        decode({TAG: "file", "value": reference})


def test_files_of_every_type_keep_their_type() -> None:
    files: list[File[Any]] = [TextFile("a"), JSONFile("b")]
    assert same(decode(encode(files)), files)


EVERY_KIND = [
    (1,), {TAG: 1}, {"\0": 1}, math.inf, 2**70, 1j, datetime(2024, 1, 1, tzinfo=BERLIN), date(2024, 1, 1), time(1),
    timedelta(1), b"abc", Path("a"), UUID(int=1), Decimal(1), np.float32(1), np.datetime64(1, "s"), np.arange(3),
    TextFile("a"),
    nested(MAX_DEPTH + 2, lambda v: [v], 1j), pd.DataFrame({"a": [1, 2]}), pd.Series(["a"]), pd.Index([1]),
    pd.Timestamp(1), pd.Timedelta(1), pd.NaT, OrderedDict(), Place("a", 1),
]  # fmt: skip
NAMES = st.sampled_from([TAG, "value", "type", "fields", "dtype", "name", "sha256", "size"])
TEXTS = st.text(max_size=8) | st.sampled_from(["os:system", "-", "1e999"])
GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
STORED = [encode(one) for one in EVERY_KIND]
KINDS = sorted({"blob", "enum", *(str(one[TAG]) for one in STORED if TAG in one)})


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A stored value of which one part, anywhere, is replaced; or a kind around anything."""
    if draw(st.booleans()):
        return {TAG: draw(st.sampled_from(KINDS)), "value": draw(GARBAGE)}
    document: Any = [json.loads(json.dumps(draw(st.sampled_from(STORED))))]
    inside, at = document, 0
    while isinstance(inside[at], dict | list) and inside[at] and draw(st.booleans()):
        inside = inside[at]
        at = draw(st.sampled_from(list(inside) if isinstance(inside, dict) else range(len(inside))))
    if isinstance(inside[at], str) and draw(st.booleans()):
        cut = draw(st.integers(0, len(inside[at])))
        more = draw(st.text("AZaz09+/=[]-:.", max_size=4))
        inside[at] = inside[at][:cut] + more + inside[at][cut + draw(st.integers(0, 2)) :]
    else:
        inside[at] = draw(GARBAGE)
    return document


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_whatever_a_document_holds_decoding_gives_a_value_or_a_record_error(document: Any) -> None:
    before = set(sys.modules)
    with suppress(RecordError):
        decode(document, read=lambda _sha256: [b"x"])
    assert not {"antigravity", "this"} & (set(sys.modules) - before)
    plain(document)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": (1, math.nan), TAG: 2}, {"a": [1, "nan"], TAG: 2}),
        (2**70, 2**70),
        (1 + 2j, "(1+2j)"),
        (b"abcde", "bytes (5)"),
        (np.zeros((3, 4)), "array float64 (3, 4)"),
        (np.zeros(2, ">u2"), "array uint16 (2,)"),
        (np.zeros(2, "M8[s]"), "array datetime64[s] (2,)"),
        (np.zeros(2, [("a", "f8")]), "array structured (2,)"),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (np.datetime64("2024-01-02T03:04:05.006", "ms"), "2024-01-02T03:04:05.006"),
        (np.datetime64(5, "Y"), "5 Y"),
        (datetime(2024, 1, 2, tzinfo=BERLIN), "2024-01-02T00:00:00+01:00[Europe/Berlin]"),
        (timedelta(seconds=1.5), "PT1.500000S"),
        (Decimal("1.10"), "1.10"),
        (pd.Timestamp("2024-01-02").as_unit("s"), "2024-01-02T00:00:00"),
        (pd.NaT, "NaT"),
        ({"\0": [Path("a")]}, {"\0": ["a"]}),
        (TextFile("a"), TextFile("a").reference()),
        (None, None),
    ],
)
def test_the_plain_form_is_what_a_person_wants_to_see(value: Any, shown: Any) -> None:
    assert plain(encode(value)) == shown
    assert type(plain(encode(value))) is type(shown)


def test_the_plain_form_of_what_is_kept_apart_tells_its_size() -> None:
    blobs: dict[str, Any] = {}
    array = np.zeros(INLINE_BYTES)
    assert plain(encode([array, bytes(INLINE_BYTES + 1)], blobs=blobs)) == [
        f"array ({array.nbytes + 128} bytes)",
        f"bytes ({INLINE_BYTES + 1})",
    ]
    assert re.fullmatch(r"frame \(\d+ bytes\)", plain(encode(pd.DataFrame({"a": [1]}))))
