"""Values are checked strictly against their type, wholly, and come back from JSON as what they were."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import sys
from collections import OrderedDict
from decimal import Decimal
from operator import methodcaller
from pathlib import Path, PurePath, PureWindowsPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar, Union
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from typing_extensions import Required, TypedDict

from lume_dsl.values import convert
from lume_dsl.values import text as reading
from lume_dsl.values.convert import short, unstructure
from lume_dsl.values.documents import read_document
from lume_dsl.values.jsontypes import JSON, offenders
from lume_dsl.values.quantities import with_numbers
from lume_dsl.values.scalars import Offence


class Text(str):
    pass


class Whole(int):
    pass


def structure(value: Any, tp: Any) -> tuple[Any, list[Offence]]:
    outcome, offences = convert.structure(value, tp)
    assert bool(offences) == bool(offences.shown)
    return outcome, offences.shown


def parse_text(text: str, tp: Any) -> tuple[Any, list[Offence]]:
    value, offences = reading.parse_text(text, tp)
    return value, offences.shown


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"
    NUMBER = 5


def same(left: Any, right: Any) -> bool:
    """Equal, with equal types at every level."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    return bool(left == right)


# structure: what fits


@pytest.mark.parametrize(
    ("value", "tp", "expected"),
    [
        (5, int, 5),
        pytest.param(10**2000, int, 10**2000, id="long int"),
        (5, float, 5.0),
        (2**53, float, 2.0**53),
        (-(2**53), float, -(2.0**53)),
        (1.5, float, 1.5),
        (True, bool, True),
        (None, None, None),
        ("", str, ""),
        ("a\0b🎉\u202eאב", str, "a\0b🎉\u202eאב"),
        ([], list[int], []),
        ([1, 2.5], list[float], [1.0, 2.5]),
        ({}, dict[str, int], {}),
        ({"🎉": [1]}, dict[str, list[float]], {"🎉": [1.0]}),
        ([1, 2], tuple[int, int], (1, 2)),
        ((1, "a"), tuple[int, str], (1, "a")),
        ([], tuple[()], ()),
        ((), tuple[int, ...], ()),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ([[1, 2]], list[tuple[int, int]], [(1, 2)]),
        ({"a": [1, None, {"b": 2.0}]}, JSON, {"a": [1, None, {"b": 2.0}]}),
        (5, JSON, 5),
        (5, Annotated[int, "count"], 5),
        (5, Annotated[int, ["unhashable"]], 5),
    ],
)
def test_a_value_that_fits_comes_out_as_its_type_holds_it(value: Any, tp: Any, expected: Any) -> None:
    outcome, offences = structure(value, tp)
    assert offences == []
    assert same(outcome, expected)


def test_the_sign_of_a_zero_is_kept() -> None:
    assert math.copysign(1, structure(-0.0, float)[0]) == -1


@pytest.mark.parametrize(
    ("value", "tp", "expected"),
    [
        (1, int | float, 1),
        (1.0, int | float, 1.0),
        (1, float | int, 1),
        (True, int | bool, True),
        (1, bool | int, 1),
        (1, float | None, 1.0),
        (None, int | None, None),
        ("1", int | str, "1"),
        ((1, 2), list[int] | tuple[int, int], (1, 2)),
        ([1, 2], tuple[int, int] | list[int], [1, 2]),
        ([1, 2], list[float] | list[int], [1, 2]),
        ([1, 2.5], list[int] | list[float], [1.0, 2.5]),
        ([1, 2], tuple[int, int] | str, (1, 2)),
        ({"a": 1}, dict[str, float] | dict[str, int], {"a": 1}),
    ],
)
def test_a_union_takes_a_value_as_it_is_before_it_converts_it(value: Any, tp: Any, expected: Any) -> None:
    outcome, offences = structure(value, tp)
    assert offences == []
    assert same(outcome, expected)


def test_which_arm_of_a_union_converts_does_not_depend_on_what_was_checked_before() -> None:
    """Python takes ``A | B`` and ``B | A`` for equal, which no cache of checks may."""
    first, second = tuple[float, ...] | list[float], list[float] | tuple[float, ...]
    assert first == second
    assert same(structure([1], first)[0], (1.0,))
    assert same(structure([1], second)[0], [1.0])
    assert structure(True, Union[float, None])[1][0].message.startswith("expected float | None")  # noqa: UP007
    assert structure(True, Union[None, float])[1][0].message.startswith("expected None | float")  # noqa: UP007


def test_what_comes_out_shares_nothing_mutable_with_what_went_in() -> None:
    for value, tp in (([1.5], list[float]), ({"a": [1]}, dict[str, list[int]]), ({"a": [1]}, JSON)):
        outcome, _ = structure(value, tp)
        assert outcome == value
        assert outcome is not value
    assert structure({"a": (inner := [1])}, JSON)[0]["a"] is not inner


# structure: what does not


@pytest.mark.parametrize(
    ("value", "tp", "message"),
    [
        (5, str, "expected str, got 5"),
        (True, int, "expected int, got True"),
        (1, bool, "expected bool, got 1"),
        (True, float, "expected float, got True"),
        (1.0, int, "expected int, got 1.0"),
        ("1", int, "expected int, got '1'"),
        (None, int, "expected int, got None"),
        ("", None, "expected None, got ''"),
        (b"a", str, "expected str, got b'a' (bytes)"),
        (Text("a"), str, "expected str, got 'a' (Text)"),
        (Whole(1), int, "expected int, got 1 (Whole)"),
        (2**53 + 1, float, "expected float, got 9007199254740993, an int that no float equals"),
        (math.nan, float, "expected a finite float, got nan, which is not JSON"),
        (math.inf, float, "expected a finite float, got inf, which is not JSON"),
        (-math.inf, JSON, "expected a finite float, got -inf, which is not JSON"),
        ("\ud800", str, "is not valid Unicode text: '\\ud800'"),
        ("\udcff", JSON, "is not valid Unicode text: '\\udcff'"),
        pytest.param(10**5000, int, "expected an int of at most 8192 bits", id="long int"),
        pytest.param(10**5000, JSON, "expected an int of at most 8192 bits", id="long int in JSON"),
        ((1, 2), list[int], "expected list[int], got (1, 2) (tuple)"),
        (range(3), list[int], "expected list[int], got range(0, 3) (range)"),
        ([1], tuple[int, int], "expected tuple[int, int] of 2 items, got [1] (list)"),
        ([1], tuple[()], "expected tuple[()] of 0 items, got [1] (list)"),
        ("ab", tuple[str, ...], "expected tuple[str, ...], got 'ab'"),
        ([1], dict[str, int], "expected dict[str, int], got [1] (list)"),
        (OrderedDict(a=1), dict[str, int], "expected dict[str, int], got OrderedDict({'a': 1}) (OrderedDict)"),
        ({1: 1}, dict[str, int], "expected str as a key, got 1"),
        ({1: 1}, JSON, "expected str as a key, got 1"),
        ((1,), JSON, "expected a JSON value, got (1,) (tuple)"),
        ({1}, JSON, "expected a JSON value, got {1} (set)"),
        (3, list[int] | None, "expected list[int] | None, got 3"),
        (True, int | str | None, "expected int | str | None, got True"),
        ([1, "a"], list[int] | list[str], "expected list[int] | list[str], got [1, 'a'] (list)"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_what_was_expected(value: Any, tp: Any, message: str) -> None:
    _, offences = structure(value, tp)
    if isinstance(value, OrderedDict) and sys.version_info < (3, 12):
        message = message.replace("{'a': 1}", "[('a', 1)]")
    assert [(offence.path, offence.message) for offence in offences] == [("", message)]


ALONE = "write the number alone: a quantity is read on the command line and in files, where the unit is known"


@pytest.mark.parametrize(
    ("value", "tp", "fix"),
    [
        ("1", int, "write it as a number, without quotes"),
        ("1e-3", float, "write it as a number, without quotes"),
        ("0.25 nC", float, ALONE),
        ("three", int, ""),
        ("1.5", int, ""),
        (np.int64(1), int, "write .item() behind it"),
        (np.array([1.0]), list[float], "write .tolist() behind it"),
        ((1, 2), list[int], "write list(...)"),
        ({1, 2}, list[int], "write sorted(...), as a set has no order"),
        (1.5, Decimal, "write it as text, in quotes: '1.5'"),
    ],
    ids=str,
)
def test_a_likely_mistake_is_told_how_to_mend_it(value: Any, tp: Any, fix: str) -> None:
    assert [offence.fix for offence in structure(value, tp)[1]] == [fix]


class Gain(enum.Enum):
    LOW = 1.0
    HIGH = 2.5


def test_an_int_is_a_valid_float_of_an_enum() -> None:
    assert structure(1, Gain) == (Gain.LOW, [])
    assert structure(2, Gain)[1]
    assert structure(True, Gain)[1]


@attrs.frozen
class Window:
    low: float
    high: float = attrs.field(default=1.0)

    @high.validator
    def _above(self, _attribute: Any, value: float) -> None:
        if value < 0:
            raise SystemExit(3)
        if value < self.low:
            raise ValueError(f"low < high must hold, got low={self.low}, high={value}")


@pytest.mark.parametrize("tp", [Window | None, Window | str | None])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"low": 2.0}, "is refused by Window: low < high must hold, got low=2.0, high=1.0"),
        ({"low": 0.0, "high": -1.0}, "is refused by Window: 3"),
        ({"hihg": 2.0}, "lacks 'low', which Window requires"),
    ],
)
def test_what_a_class_says_of_its_object_is_told_of_a_union_with_it(tp: Any, value: Any, message: str) -> None:
    assert structure(value, tp)[1][0].message == message


@pytest.mark.parametrize(
    "value", [np.float64(1.5), np.int64(1), np.bool_(True), np.array([1.0]), np.str_("a")], ids=str
)
@pytest.mark.parametrize("tp", [float, int, bool, str, list[float], JSON], ids=str)
def test_what_numpy_makes_is_not_json(value: Any, tp: Any) -> None:
    if isinstance(value, float) and tp in (float, JSON):
        assert same(structure(value, tp)[0], 1.5)  # numpy.float64 is a float, and becomes a plain one
    else:
        assert [offence.path for offence in structure(value, tp)[1]] == [""]


@pytest.mark.parametrize(
    ("wrap", "tp"),
    [
        (lambda long: long, float),
        (lambda long: long, str | None),
        (lambda long: [long], list[str]),
        (lambda long: [long], dict[str, int]),
        (lambda long: {long: 1}, JSON),
    ],
    ids=["float", "union", "item", "list", "key"],
)
def test_an_int_too_long_to_be_written_is_an_offence_and_no_crash(wrap: Any, tp: Any) -> None:
    assert structure(wrap(10**5000), tp)[1]


@pytest.mark.parametrize(
    ("value", "tp", "paths"),
    [
        ([1, "a", math.nan], list[float], ["[1]", "[2]"]),
        ([[1], ["a"], [2, None]], list[list[int]], ["[1][0]", "[2][1]"]),
        ((1, 2), tuple[str, str], ["[0]", "[1]"]),
        ([1, "a", 2, "b"], tuple[int, ...], ["[1]", "[3]"]),
        ({"a": [1, "b"], "c": 3}, dict[str, list[int]], ["['a'][1]", "['c']"]),
        ({"a'b": "x"}, dict[str, int], ['["a\'b"]']),
        ({"a": {"b": {1}}, "c": [(1,)]}, JSON, ["['a']['b']", "['c'][0]"]),
        ([1, "a"], list[int] | None, ["[1]"]),
        ({"a": [1, "b"]}, dict[str, list[int]] | list[int] | None, ["['a'][1]"]),
        ([{"a": [1, "b"]}, {"a": 3}], list[dict[str, list[int] | None]], ["[0]['a'][1]", "[1]['a']"]),
        ({1: 1, "a": "x", 2: 2}, dict[str, int], ["", "['a']", ""]),
    ],
)
def test_every_offender_is_told_with_its_path(value: Any, tp: Any, paths: list[str]) -> None:
    assert [offence.path for offence in structure(value, tp)[1]] == paths


def test_all_of_a_long_list_is_checked_and_not_its_first_item() -> None:
    value: list[Any] = [0.0] * 100_000
    value[99_999] = "high"
    assert structure(value, list[float])[1] == [Offence("[99999]", "expected float, got 'high'")]


def test_a_message_is_short_however_long_the_value() -> None:
    for value in ("a" * 10_000, ["a" * 10_000] * 100, {str(key): key for key in range(1000)}):
        assert len(short(value)) < 500
        assert len(structure(value, int)[1][0].message) < 520


def deep(container: str, depth: int = 100_000) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if container == "list" else {"a": value}
    return value


@pytest.mark.parametrize("container", ["list", "dict"])
@pytest.mark.parametrize("tp", [JSON, dict[str, JSON] | list[JSON], list[int], int], ids=str)
def test_a_value_nested_very_deeply_is_an_offence_and_no_crash(container: str, tp: Any) -> None:
    assert structure(deep(container), tp)[1]


@pytest.mark.parametrize("tp", [JSON, list[JSON]], ids=str)
def test_a_list_that_holds_itself_is_an_offence_and_no_crash(tp: Any) -> None:
    value: list[Any] = []
    value.append(value)
    message = "is nested too deeply: at most 100 levels are taken"
    assert structure(value, tp)[1] == [Offence("", message, "nest it less deeply", close=True)]


@attrs.frozen
class Chain:
    """Objects in a row."""

    then: Chain | None = None


def nested(kind: str, levels: int) -> Any:
    value: Any = None if kind == "Chain" else 1
    for _ in range(levels):
        value = {"list": [value], "dict": {"a": value}, "tuple": (value,)}.get(kind) or Chain(value)
    return value


@pytest.mark.parametrize(
    ("kind", "tp"), [("list", JSON), ("dict", JSON), ("Chain", Chain), ("list", JSON | None), ("dict", dict[str, JSON])]
)
def test_a_value_of_a_hundred_levels_fits_and_one_of_more_does_not(kind: str, tp: Any) -> None:
    value, offences = structure(nested(kind, 100), tp)
    assert not offences
    assert unstructure(value)
    assert structure(nested(kind, 101), tp)[1][0].message == "is nested too deeply: at most 100 levels are taken"


@pytest.mark.parametrize("value", [dt.datetime(2026, 10, 25, 2, 30, fold=1), dt.time(2, 30, fold=1)], ids=str)
def test_the_second_of_two_equal_times_of_a_day_is_refused_as_its_text_is_that_of_the_first(value: Any) -> None:
    (offence,) = structure(value, type(value))[1]
    assert offence.message.startswith("would come back as another value: ")
    zone = "an offset" if type(value) is dt.time else "a time zone"
    assert offence.fix == f"leave its fold out, or give it {zone}"
    assert not structure(value.replace(tzinfo=dt.timezone.utc), type(value))[1]


@pytest.mark.parametrize(
    ("value", "tp", "message", "fix"),
    [
        (2**53 + 1, float | None, f"expected float, got {2**53 + 1}, an int that no float equals", ""),
        (2**9000, int | None, "expected an int of at most 8192 bits", ""),
        (2**9000, int | float, "expected an int of at most 8192 bits", ""),
        (math.nan, float | None, "expected a finite float, got nan, which is not JSON", ""),
        ("\ud800", str | None, r"is not valid Unicode text: '\ud800'", ""),
        ("\ud800", Path | None, r"is not valid Unicode text: '\ud800'", ""),
        (-0.0, int | None, "expected int | None, got -0.0", "write 0"),
        ("5", int | float, "expected int | float, got '5'", "write it as a number, without quotes"),
        ((1, 2), list[int] | None, "expected list[int] | None, got (1, 2) (tuple)", "write list(...)"),
        ([1], tuple[int, int] | None, "expected tuple[int, int] of 2 items, got [1] (list)", ""),
        ("x", Mode | None, "expected Mode | None, one of 'fast', 'slow', 5, got 'x'", ""),
        (dt.time(2, fold=1), dt.time | None, None, "leave its fold out, or give it an offset"),
        ([[1.5]], list[list[int]] | None, "expected int, got 1.5", ""),
    ],
    ids=repr,
)
def test_a_union_tells_the_reason_and_the_fix_of_the_arm_that_was_meant(
    value: Any, tp: Any, message: str | None, fix: str
) -> None:
    (offence,) = structure(value, tp)[1]
    assert message in (offence.message, None)
    assert offence.fix == fix


@pytest.mark.parametrize(
    ("text", "tp", "fix"),
    [
        ("-0", int | None, "write 0"),
        ("[" * 150 + "]" * 150, list[JSON] | None, "nest it less deeply"),
        ("[" * 150 + "]" * 150, JSON, "nest it less deeply"),
    ],
)
def test_a_union_on_a_command_line_tells_the_fix_of_the_arm_that_was_meant(text: str, tp: Any, fix: str) -> None:
    (offence,) = parse_text(text, tp)[1]
    assert offence.fix == fix


@pytest.mark.parametrize(
    ("item", "tp"),
    [
        ("a", int),
        ("a", int | float | None),
        (1.5, int | None),
        (True, int | float),
        (None, int | float),
        ([], str | bool),
        ({}, float | None),
        (math.nan, float | int),
        (2**53 + 1, float | None),
        ("\ud800", str | int),
        ({1}, int | None),
    ],
    ids=repr,
)
def test_of_many_wrong_items_ten_are_told_and_all_are_counted(item: Any, tp: Any) -> None:
    offences = convert.structure([item] * 1000, list[tp])[1]
    assert (len(offences.shown), offences.count) == (10, 1000)
    assert offences.shown[9].path == "[9]"
    assert convert.structure({str(place): item for place in range(1000)}, dict[str, tp])[1].count == 1000


def test_items_that_fit_after_many_that_do_not_are_not_counted() -> None:
    values = ["a"] * 20 + [1, 2.5, None, np.float64(1.5)] * 5
    assert convert.structure(values, list[int | float | None])[1].count == 20
    assert convert.structure([*["a"] * 20, 2, np.float64(2)], list[float])[1].count == 20


@pytest.mark.parametrize(("text", "number"), [("1_000", "1000"), ("-1_0.5", "-10.5"), ("1_0e5", "10e5")])
def test_a_number_with_underscores_is_told_without_them(text: str, number: str) -> None:
    for tp in (float, int | float, float | None):
        (offence,) = parse_text(text, tp)[1]
        assert offence.fix == f"write {number}"
        assert reading.parse_text(text, tp, "pC")[1].shown[0].fix == f"write {number}"
    assert structure(text, float)[1][0].fix == f"write {number}"
    assert parse_text("a_b", int)[1][0].fix == ""


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "value",
    [
        *[dt.datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1)],  # clocks go back
        *[dt.datetime(2026, 3, 29, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1)],  # and forward
        dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-1))),
    ],
    ids=repr,
)
def test_a_time_in_a_zone_comes_back_as_the_same_clock_and_offset_on_every_day(value: dt.datetime) -> None:
    assert structure(value, dt.datetime) == (value, [])
    again, offences = structure(unstructure(value), dt.datetime)
    assert not offences
    assert again.replace(tzinfo=None) == value.replace(tzinfo=None)
    assert again.utcoffset() == value.utcoffset()


def test_what_to_write_for_a_time_of_day_that_has_no_text() -> None:
    (offence,) = structure(dt.time(2, 30, tzinfo=BERLIN), dt.time)[1]
    assert offence.fix == "give it an offset in place of its zone, which needs a date"
    (offence,) = structure(dt.time(2, 30, fold=1, tzinfo=BERLIN), dt.time | None)[1]
    assert offence.fix == "give it an offset in place of its zone, which needs a date"


@pytest.mark.parametrize(
    ("text", "tp", "expected"),
    [
        ("-0", float, -0.0),
        (" -0 ", float, -0.0),
        ("-0", int | float, -0.0),
        ("-00", float | int | None, -0.0),
        ("-0", JSON, -0.0),
        ("0", int, 0),
        ("+0", int | float, 0),
        ("+5", int, 5),
        (" 5 ", int, 5),
    ],
)
def test_a_number_on_a_command_line_keeps_its_sign(text: str, tp: Any, expected: Any) -> None:
    value, offences = parse_text(text, tp)
    assert not offences
    assert repr(convert.structure(value, tp)[0]) == repr(expected)


@pytest.mark.parametrize("text", ["1_000", "1_0.5", "1e1_0", "0x10", "\u0661"])
@pytest.mark.parametrize("tp", [int, float, int | float])
def test_what_no_file_would_take_for_a_number_is_none_on_a_command_line(text: str, tp: Any) -> None:
    assert parse_text(text, tp)[1]


@pytest.mark.parametrize(
    "outcome",
    [
        structure(read_document('{"n": -0}', name="p", format="json")["n"], int),
        structure(read_document("n: -0", name="p", format="yaml")["n"], int),
        structure(read_document("n: -00", name="p", format="yaml")["n"], int),
        parse_text("-0", int),
        parse_text("-00", int),
    ],
)
def test_minus_zero_is_no_int_wherever_it_is_written(outcome: tuple[Any, Any]) -> None:
    (offence,) = outcome[1].shown if isinstance(outcome[1], convert.Offences) else outcome[1]
    assert offence == Offence("", "expected int, got -0.0", "write 0")


@pytest.mark.parametrize("read", [reading.parse_text, with_numbers])
def test_a_quantity_of_minus_zero_is_no_int(read: Any) -> None:
    for tp in (float, int | float):
        value, offences = read("-0 pC", tp, "pC")
        assert not offences
        assert repr(value) == "-0.0"
    (offence,) = read("-0 pC", int, "pC")[1].shown
    assert offence.message == "expected int, got '-0 pC', which is -0.0 pC"
    assert read("0 pC", int | float, "pC")[0] == 0


@pytest.mark.parametrize(("items", "tp"), [([1.5], float), ([1], int), (["a"], str), ([True], bool), ([1, 2.5], float)])
def test_a_list_of_numbers_counts_as_a_level_like_any_other(items: list[Any], tp: Any) -> None:
    value, levels = items, 1
    nested: Any = list[tp]
    while levels < 100:
        value, nested, levels = [value], list[nested], levels + 1
    assert not structure(value, nested)[1]
    (offence,) = structure([value], list[nested])[1]
    assert offence.fix == "nest it less deeply"


def test_a_value_nested_as_deeply_as_people_write_fits() -> None:
    value = deep("list", 100)
    assert structure(value, JSON) == (value, [])


@attrs.frozen
class Element:
    name: str
    then: Element | None = None
    others: list[Element] = attrs.field(factory=list, converter=list)


@dataclasses.dataclass
class Section:
    name: str
    then: Section | None = None


@pytest.mark.parametrize("tp", [Element, Section])
def test_a_chain_of_objects_takes_time_by_its_length(tp: Any) -> None:
    calls = 60  # where each object were checked twice by what holds it, this would never end
    document: Any = {"name": "last"}
    for _ in range(calls):
        document = {"name": "a", "then": document}
    value, offences = structure(document, tp)
    assert offences == []
    assert structure(value, tp) == (value, [])
    assert structure({"name": "a", "others": [document, document]}, Element)[1] == []


@pytest.mark.parametrize("tp", [set, Any, list[set]], ids=str)  # type: ignore[type-arg]
def test_a_type_that_is_not_json_is_our_bug(tp: Any) -> None:
    with pytest.raises(TypeError, match="not JSON-serialisable"):
        structure([], tp)


# properties


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTS = st.integers(-(2**4000), 2**4000)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSONS = st.recursive(
    st.none() | st.booleans() | INTS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timedelta(minutes=minutes))


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Magnet:
    """It holds itself, and its ``_spare`` is the argument ``spare``."""

    name: str
    current: float = 0.0
    _spare: Path | None = None
    parts: list[Magnet] = attrs.field(factory=list)


MAGNETS = st.recursive(
    st.builds(Magnet, TEXT, FLOATS, spare=st.none() | TEXT.map(Path)),
    lambda inner: st.builds(Magnet, TEXT, parts=st.lists(inner, max_size=2)),
    max_leaves=3,
)
T = TypeVar("T")


@dataclasses.dataclass
class Box(Generic[T]):
    item: T


class Row(NamedTuple):
    number: int
    day: dt.date | None = None


class Options(TypedDict, total=False):
    mode: Required[Mode]
    at: dt.time


UNFOLDED = methodcaller("replace", fold=0)
"""The second of two equal times of a day is refused, as its text is that of the first."""

SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, TEXT),
    (int, INTS),
    (float, FLOATS),
    (bool, st.booleans()),
    (None, st.none()),
    (JSON, JSONS),
    (
        dt.datetime,
        st.datetimes(timezones=st.none() | st.just(dt.timezone.utc) | st.builds(dt.timezone, OFFSETS)).map(UNFOLDED),
    ),
    (dt.date, st.dates()),
    (dt.time, st.times().map(UNFOLDED)),
    (dt.timedelta, st.timedeltas()),
    (Path, TEXT.map(Path)),
    (UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (bytes, st.binary()),
    (Mode, st.sampled_from(Mode)),
    (Level, st.sampled_from(Level)),
    (Literal["a", 1, True, None], st.sampled_from(["a", 1, True, None])),
    (Magnet, MAGNETS),
    (Box[int], st.builds(Box, INTS)),
    (Box[dt.date], st.builds(Box, st.dates())),
    (Row, st.builds(Row, INTS, st.none() | st.dates())),
    (Options, st.fixed_dictionaries({"mode": st.sampled_from(Mode)}, optional={"at": st.times().map(UNFOLDED)})),
]
Typed = tuple[Any, st.SearchStrategy[Any]]


def larger(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Types made of others, each with the strategy of its values."""
    return st.one_of(
        inner.map(lambda one: (list[one[0]], st.lists(one[1], max_size=4))),
        inner.map(lambda one: (dict[str, one[0]], st.dictionaries(TEXT, one[1], max_size=4))),
        inner.map(lambda one: (tuple[one[0], ...], st.lists(one[1], max_size=4).map(tuple))),
        inner.map(lambda one: (Annotated[one[0], "note"], one[1])),
        st.lists(inner, max_size=3).map(
            lambda all_: (tuple[tuple(one[0] for one in all_)], st.tuples(*(one[1] for one in all_)))
        ),
        st.lists(inner, min_size=2, max_size=3).map(
            lambda all_: (Union[tuple(one[0] for one in all_)], st.one_of(*(one[1] for one in all_)))  # noqa: UP007
        ),
    )


TYPED = st.recursive(st.sampled_from(SCALARS), larger, max_leaves=5)
relaxed = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Any, Any]:
    """A JSON type and a value of it."""
    tp, values = draw(TYPED)
    assume(not offenders(tp))  # a union whose arms JSON cannot tell apart
    return tp, draw(values)


@relaxed
@given(typed_values())
def test_a_value_of_a_type_fits_it_and_stays_as_it_is(typed: tuple[Any, Any]) -> None:
    tp, value = typed
    assert offenders(tp) == ()
    outcome, offences = structure(value, tp)
    assert offences == []
    assert same(outcome, value)


@relaxed
@given(typed_values())
def test_a_value_comes_back_from_json_as_what_it_was(typed: tuple[Any, Any]) -> None:
    tp, value = typed
    back, offences = structure(json.loads(json.dumps(unstructure(value), allow_nan=False)), tp)
    assert offences == []
    assert same(back, value)


@relaxed
@given(typed_values(), st.sampled_from(["json", "yaml"]))
def test_a_value_comes_back_from_a_document_as_what_it_was(typed: tuple[Any, Any], form: str) -> None:
    tp, value = typed
    plain = {"value": unstructure(value)}
    document = json.dumps(plain) if form == "json" else yaml.safe_dump(plain, default_style='"')
    back, offences = structure(read_document(document.encode(), name="values", format=form)["value"], tp)
    assert offences == []
    assert same(back, value)


@relaxed
@given(typed_values())
def test_checking_twice_changes_nothing(typed: tuple[Any, Any]) -> None:
    tp, value = typed
    first, _ = structure(unstructure(value), tp)
    second, offences = structure(first, tp)
    assert offences == []
    assert same(second, first)


@relaxed
@given(
    typed_values(),
    st.sampled_from([bytearray(b"x"), {1}, 1j, object(), Text("a"), math.nan, "\ud800", {1: 1}]),
    st.data(),
)
def test_a_value_with_one_wrong_part_is_refused(typed: tuple[Any, Any], wrong: Any, data: st.DataObject) -> None:
    tp, value = typed
    assert structure(spoilt(unstructure(value), wrong, data), tp)[1]


def spoilt(value: Any, wrong: Any, data: st.DataObject) -> Any:
    """The value with ``wrong`` in the place of one of its parts."""
    if isinstance(value, list) and value and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(value) - 1))
        return [spoilt(item, wrong, data) if at == place else item for at, item in enumerate(value)]
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: spoilt(value[key], wrong, data)}
    return wrong


@given(st.from_type(type) | st.sampled_from([1, "int", ..., None]))
def test_no_type_makes_the_proof_crash(tp: Any) -> None:
    assert all(offender.type and offender.fix for offender in offenders(tp))


@relaxed
@given(
    st.sampled_from([tp for tp, _ in SCALARS] + [list[int], dict[str, float], tuple[int, str]]), st.text(max_size=30)
)
def test_no_text_makes_the_reading_crash(tp: Any, text: str) -> None:
    value, offences = parse_text(text, tp)
    assert offences or structure(value, tp)[1] == []


# parse_text


@pytest.mark.parametrize(
    ("text", "tp", "expected"),
    [
        ("5", int, 5),
        ("-5", int, -5),
        ("5", float, 5.0),
        ("-1e-3", float, -0.001),
        ("true", bool, True),
        ("TRUE", bool, True),
        ("yes", bool, True),
        ("1", bool, True),
        ("off", bool, False),
        ("0", bool, False),
        ("null", None, None),
        ("None", None, None),
        ("5", str, "5"),
        ("null", str, "null"),
        ("", str, ""),
        ('"quoted"', str, '"quoted"'),
        ("a\0🎉", str, "a\0🎉"),
        ("null", str | None, None),
        ("nulls", str | None, "nulls"),
        ("", str | None, ""),
        ("5", int | str, 5),
        ("5", str | int, 5),
        ("5.5", int | float, 5.5),
        ("5", int | float, 5),
        ("abc", list[int] | str, "abc"),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", list[float], [1.0, 2.0]),
        ("[1, 2]", list[int] | str, [1, 2]),
        ("[1, 2]", tuple[int, int], (1, 2)),
        ("[]", tuple[()], ()),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ('{"a": [1, null]}', JSON, {"a": [1, None]}),
        ('"hello"', JSON, "hello"),
        ("null", list[int] | None, None),
        ("5", Annotated[int, "count"], 5),
        ("a", Annotated[str, "word"], "a"),
        ("a", Annotated[str | None, "word"], "a"),
        ("a", Annotated[str, "word"] | None, "a"),
        ("yes", Annotated[bool, "flag"] | None, True),
    ],
)
def test_text_is_read_as_what_a_person_meant(text: str, tp: Any, expected: Any) -> None:
    value, offences = parse_text(text, tp)
    assert offences == []
    assert same(value, expected)


@pytest.mark.parametrize(
    ("text", "tp", "offences"),
    [
        ("5.0", int, [("", "expected int, got '5.0'")]),
        ("", int, [("", "expected int, got ''")]),
        ("three", int | None, [("", "expected int | None, got 'three'")]),
        ("2", bool, [("", "expected bool, got '2'")]),
        ("nan", float, [("", "expected a finite float, got nan, which is not JSON")]),
        ("1e400", float, [("", "expected a finite float, got inf, which is not JSON")]),
        ("1e-400", float, [("", "expected float, got '1e-400'")]),
        ("9007199254740993", float, [("", "expected float, got 9007199254740993, an int that no float equals")]),
        ("\u0661\u0662", int, [("", "expected int, got '\u0661\u0662'")]),
        ("[NaN]", list[float], [("", "expected list[float], got '[NaN]' (as JSON: [0]: NaN is not JSON)")]),
        ("Infinity", JSON, [("", "expected JSON, got 'Infinity' (as JSON: Infinity is not JSON)")]),
        (
            '{"a": {"b": 1, "b": 2}}',
            dict[str, JSON],
            [
                (
                    "",
                    'expected dict[str, JSON], got \'{"a": {"b": 1, "b": 2}}\''
                    " (as JSON: a: the key 'b' stands twice)",
                )
            ],
        ),
        ("[1, 2.5, true]", list[int], [("[1]", "expected int, got 2.5"), ("[2]", "expected int, got True")]),
        ("[1]", tuple[int, int], [("", "expected tuple[int, int] of 2 items, got [1] (list)")]),
        ("1,b", list[int], [("[1]", "expected int, got 'b'")]),
        ("1,", list[int], [("[1]", "expected int, got ''")]),
        (
            "{'a': 1}",
            dict[str, int],
            [("", "expected dict[str, int], got \"{'a': 1}\" (write JSON, for example '{\"a\": 1}')")],
        ),
    ],
)
def test_text_that_does_not_fit_is_told_with_what_was_expected(
    text: str, tp: Any, offences: list[tuple[str, str]]
) -> None:
    assert [(offence.path, offence.message) for offence in parse_text(text, tp)[1]] == offences


def test_text_of_an_optional_list_is_told_with_the_path_of_its_offender() -> None:
    assert parse_text('[1, "a"]', list[int] | None)[1] == [Offence("[1]", "expected int, got 'a'")]


@pytest.mark.parametrize("tp", [JSON, list[JSON], int, list[int], int | None, str], ids=str)
@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, "[" + "1" * 5000 + "]", "\ud800"], ids=len)
def test_hostile_text_is_an_offence_and_no_crash(text: str, tp: Any) -> None:
    value, offences = parse_text(text, tp)
    assert offences or (tp is str and value == text)


@relaxed
@given(typed_values())
def test_a_value_comes_back_from_its_text_as_what_it_was(typed: tuple[Any, Any]) -> None:
    tp, value = typed
    back, offences = parse_text(reading.text_of_value(value, tp), tp)
    assert offences == []
    assert same(back, value)


# what classes do


L = TypeVar("L")


@attrs.define
class Lower(Generic[T]):
    a: T


@attrs.define
class Reused(Lower[int], Generic[T]):
    b: T


@attrs.define
class Renamed(Lower[list[L]], Generic[L]):
    c: L


@attrs.define
class Leaf(Renamed[str]):
    d: int = 0


@dataclasses.dataclass
class Doubling:
    x: float

    def __post_init__(self) -> None:
        self.x *= 2


@attrs.define
class Upper:
    name: str = attrs.field(converter=str.upper)


@attrs.define(eq=False)
class Counter:
    x: int
    count: int = attrs.field(default=0, init=False)


@attrs.define
class Single:
    x: Any = attrs.field(converter=np.float32)


Single.__annotations__["x"] = float


@pytest.mark.parametrize(
    ("tp", "value"),
    [
        (Reused[str], Reused(1, "x")),
        (Renamed[int], Renamed([1], 2)),
        (Leaf, Leaf(["a"], "b")),
        (Upper, Upper("a")),
        (Counter, Counter(1)),
    ],
    ids=str,
)
def test_a_class_made_of_others_comes_back_as_it_was(tp: Any, value: Any) -> None:
    assert offenders(tp) == ()
    back, offences = structure(json.loads(json.dumps(unstructure(value))), tp)
    assert offences == []
    assert type(back) is type(value)
    assert unstructure(back) == unstructure(value)
    assert back == value or not _is_compared_by_value(value)


def _is_compared_by_value(value: Any) -> bool:
    return type(value).__eq__ is not object.__eq__


def test_the_type_arguments_of_a_base_are_its_own() -> None:
    assert structure({"a": "x", "b": "y"}, Reused[str])[1] == [Offence(".a", "expected int, got 'x'")]
    assert structure({"a": [1], "c": "y"}, Leaf)[1][0] == Offence(".a[0]", "expected str, got 1")


@pytest.mark.parametrize("value", [{"x": 1.0}, Doubling(1.0)], ids=["json", "instance"])
def test_a_class_that_changes_its_fields_each_time_is_refused(value: Any) -> None:
    assert structure(value, Doubling)[1] == [Offence("", "is another Doubling each time that it is made of its fields")]


def test_what_a_class_makes_of_its_fields_is_checked_too() -> None:
    assert structure({"x": 1.0}, Single)[1][0].path == ".x"


@pytest.mark.parametrize("value", [([1],), ({},), [1], {}, {1}])
@pytest.mark.parametrize("tp", [Mode, Literal["a"]], ids=str)
def test_a_container_is_no_choice_and_no_crash(value: Any, tp: Any) -> None:
    assert structure(value, tp)[1]


@pytest.mark.parametrize(
    ("tp", "value"),
    [
        (dt.time, dt.time(8, 30, tzinfo=ZoneInfo("Europe/Berlin"))),
        (PurePath, PureWindowsPath("a/b")),
    ],
    ids=["time", "path"],
)
def test_a_value_that_its_text_does_not_bring_back_is_refused(tp: Any, value: Any) -> None:
    assert "would come back as another value" in structure(value, tp)[1][0].message


def test_choices_of_one_json_form_are_refused() -> None:
    (offender,) = offenders(Literal[Mode.FAST, "fast"])
    assert offender.why == "has two choices of one JSON form"


@pytest.mark.parametrize(
    ("tp", "value"),
    [
        (Path | None, Path("none")),
        (bytes | None, b"\x9e\xe9e"),
        (int | Decimal, Decimal(5)),
        (Literal["1"] | int, "1"),
        (Literal[1, "1"], "1"),
        (str | list[str], "a"),
        (str | None, '"null"'),
    ],
    ids=str,
)
def test_a_text_that_looks_like_another_value_is_quoted(tp: Any, value: Any) -> None:
    text = reading.text_of_value(value, tp)
    assert same(parse_text(text, tp), (value, [])), text
    assert text.startswith('"')


def test_the_hint_for_a_class_that_holds_itself_ends() -> None:
    assert "for example" in parse_text("garbage", Magnet)[1][0].message
