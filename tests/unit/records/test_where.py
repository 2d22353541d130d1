"""Conditions on records: what they say of a stored record, how they read, and what is refused."""

from __future__ import annotations

import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pytest

from lume_dsl import DBResult, RecordError, at
from lume_dsl.records import to_document
from lume_dsl.records.where import Condition

UTC = timezone.utc
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def document(**outputs: Any) -> dict[str, Any]:
    return to_document(DBResult(flow_name="scan", inputs={"a.b": 1, "x": 2}, outputs=outputs, time=NOON))


def holds(condition: Condition, value: Any) -> bool:
    """Whether it holds of a record whose output ``v`` is the value."""
    return condition.holds(document(v=value))


# paths


def test_a_path_leads_to_any_member_of_a_record() -> None:
    record = document(v={"fit": [1, {"s": 2}]})
    for path, value in {
        "flow_name": "scan",
        "project_name": "default",
        "result_name": "",
        "flow_run_id": None,
        "result_type_string": "lume_dsl.records:DBResult",
        "inputs.x": 2,
        "outputs.v.fit[0]": 1,
        "outputs.v.fit[1].s": 2,
        "outputs.v.fit[-1].s": 2,
        "time": NOON,
    }.items():
        assert (at(path) == value).holds(record), path


def test_keys_that_hold_dots_are_given_apart() -> None:
    record = document(v={"a.b": [{"c]": 3}]})
    assert (at("inputs", "a.b") == 1).holds(record)
    assert not at("inputs.a.b").exists().holds(record)
    assert (at("outputs.v", "a.b", 0, "c]") == 3).holds(record)


@pytest.mark.parametrize(
    "path", ["outputs.v.n", "outputs.v[2]", "outputs.v[-3]", "outputs.v.0", "outputs.w", "fields.v"]
)
def test_a_path_that_leads_nowhere_is_missing(path: str) -> None:
    record = document(v=[1, 2])
    assert not at(path).exists().holds(record)
    assert (~at(path).exists()).holds(record)
    for condition in (at(path) == None, at(path) != 1, at(path) == 1, at(path) < 1, at(path).isin([None])):  # noqa: E711
        assert not condition.holds(record)


def test_tuples_dicts_with_any_keys_and_classes_have_parts() -> None:
    assert holds(at("outputs.v[1]") == 2, (1, 2))
    assert holds(at("outputs.v.__lume__") == 1, {"__lume__": 1, "value": 2})
    assert holds(at("outputs.v.value") == 2, {"__lume__": 1, "value": 2})
    assert not at("outputs.v.value").exists().holds(document(v=Decimal(1)))


def test_values_nested_deeply_have_parts() -> None:
    value: Any = {"end": 7}
    for _ in range(90):
        value = [value]
    assert (at("outputs.v", *[0] * 90, "end") == 7).holds(document(v=value))
    assert not (at("outputs.v", *[0] * 91, "end") == 7).holds(document(v=value))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("input.x", "a record has no 'input'; did you mean 'inputs'?"),
        ("machine", r"a record has no 'machine'; .* a field of your own class fields.machine"),
        ("time.year", "'time' of a record has no parts"),
        ("outputs..x", r"'outputs..x' is no path: .* at\('outputs', 'a.b'\)"),
        ("outputs.", "is no path"),
        ("", "is no path"),
        ("outputs[x]", "is no path"),
        ("outputs['x']", "is no path"),
        ("[0]", "is no path|has no 0"),
    ],
)
def test_a_wrong_path_is_an_error_that_says_what_to_write(path: str, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        at(path)


def test_a_key_is_a_text_or_a_place() -> None:
    for key in (1.5, True, None):
        with pytest.raises(TypeError, match="a key of a path"):
            at("outputs", key)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a path is a text"):
        at(3)  # type: ignore[arg-type]


# comparisons


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (1, 2),
        (2.0**53, 2**53 + 1),
        (Decimal("0.1"), 0.1),
        (0.1, Decimal("0.11")),
        (2**64, 1e300),
        (float("-inf"), -(10**400)),
        (10**400, float("inf")),
        (np.float32(0.1), np.float64(0.2)),
        (np.int8(1), 2),
        ("B", "a"),
        ("\uffff", "𝄞"),
        ("", "\0"),
        (NOON, NOON + timedelta(microseconds=1)),
        (NOON.astimezone(timezone(timedelta(hours=14))), NOON + timedelta(seconds=1)),
        (NOON.replace(tzinfo=None), NOON.replace(tzinfo=None, hour=13)),
        (date(1, 1, 1), date(2026, 11, 24)),
        (timedelta(-1), timedelta(microseconds=-1)),
    ],
    ids=repr,
)
def test_values_of_one_kind_have_an_order(less: Any, more: Any) -> None:
    place = at("outputs.v")
    assert holds(place < more, less)
    assert holds(place <= more, less)
    assert holds(place > less, more)
    assert holds(place >= less, more)
    assert not holds(place > more, less)
    assert not holds(place >= more, less)
    assert not holds(place == more, less)
    assert holds(place != more, less)


EQUAL: list[tuple[Any, Any]] = [
    (1, 1.0),
    (0.0, -0.0),
    (1, Decimal("1.0")),
    (1.5, Decimal("1.50")),
    (2**70, 2.0**70),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    ("é", "é"),
    (True, True),
    (None, None),
    (NOON, NOON.astimezone(ZoneInfo("Europe/Berlin"))),
    (float("nan"), float("nan")),
    ([1, {"a": 2}], [1.0, {"a": 2.0}]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ((1, 2), (1, 2)),
    (b"ab", b"ab"),
    (np.arange(3), np.arange(3)),
    (np.zeros(100_000), np.zeros(100_000)),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=lambda value: repr(value)[:20])
def test_equal_values_are_equal_both_ways(one: Any, other: Any) -> None:
    for a, b in ((one, other), (other, one)):
        assert holds(at("outputs.v") == b, a)
        assert not holds(at("outputs.v") != b, a)
        assert holds(at("outputs.v").isin(["no", b]), a)


DIFFERENT: list[tuple[Any, Any]] = [
    (1, True),
    (0, False),
    (1, "1"),
    (0, None),
    ("", None),
    (False, None),
    ([1], (1,)),
    ([], {}),
    ([True], [1]),
    ("a", b"a"),
    ("2026-11-24", date(2026, 11, 24)),
    (date(2026, 11, 24), datetime(2026, 11, 24)),
    (NOON, NOON.replace(tzinfo=None)),
    (np.arange(3), [0, 1, 2]),
    (np.arange(3), np.arange(3.0)),
    (float("nan"), 1.0),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=lambda value: repr(value)[:20])
def test_values_of_different_kinds_are_different_and_have_no_order(one: Any, other: Any) -> None:
    place = at("outputs.v")
    for a, b in ((one, other), (other, one)):
        assert not holds(place == b, a)
        assert holds(place != b, a)
        if isinstance(b, (str, int, float, date)) and not isinstance(b, bool) and b == b:
            assert not holds(place < b, a)
            assert not holds(place >= b, a)
            assert holds(~(place >= b), a)


def test_one_instant_shown_twice_by_a_clock_is_two() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1))
    assert holds(at("outputs.v") < second, first)
    assert not holds(at("outputs.v") == second, first)


def test_a_datetime_in_any_zone_is_an_instant() -> None:
    """Whatever library its zone is of: it is compared, and not stored."""
    noon = NOON.astimezone(dateutil.tz.gettz("America/New_York"))
    assert (at("time") == noon).holds(document())
    assert not (at("time") > noon).holds(document())
    assert holds(at("outputs.v") == noon, NOON)


def test_datetimes_at_the_ends_of_what_there_is_compare() -> None:
    early = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))
    assert holds(at("outputs.v") < late, early)
    assert holds(at("outputs.v") == early, early)


def test_nan_has_no_order() -> None:
    assert not holds(at("outputs.v") < 1, float("nan"))
    assert not holds(at("outputs.v") >= 1, float("nan"))
    with pytest.raises(TypeError, match="float nan is not before or after"):
        _ = at("outputs.v") < float("nan")


def test_conditions_are_joined() -> None:
    small, large = at("outputs.v") < 3, at("outputs.v") > 1
    assert [holds(small & large, value) for value in (1, 2, 3)] == [False, True, False]
    assert [holds(small | large, value) for value in (1, 2, 3)] == [True, True, True]
    assert [holds(~small | ~large, value) for value in (1, 2, 3)] == [True, False, True]
    assert [holds(~(small & large), value) for value in (1, 2, 3)] == [True, False, True]


def test_a_value_on_the_left_compares_too() -> None:
    assert holds(1 < at("outputs.v"), 2)  # noqa: SIM300 - the promise
    assert holds(np.float64(1) < at("outputs.v"), 2)
    assert repr(np.float64(3) >= at("outputs.v")).startswith("at('outputs.v') <= ")


def test_a_condition_does_not_change_with_the_list_that_it_was_given() -> None:
    wanted = [1]
    condition = at("outputs.v") == wanted
    wanted.append(2)
    assert holds(condition, [1])


def test_a_value_that_no_lume_dsl_has_stored_compares_with_nothing() -> None:
    record = document(v=0)
    for broken in ({"__lume__": "decimal", "value": "x"}, {"__lume__": "datetime"}, {"__lume__": ["no"], "value": 1}):
        record["outputs"]["v"] = broken
        assert not (at("outputs.v") > 0).holds(record)
        assert not (at("outputs.v") == 0).holds(record)
        assert not at("outputs.v.x").exists().holds(record)


# how they read


@pytest.mark.parametrize(
    "text",
    [
        "at('inputs.charge') > 100",
        "at('outputs.values[0]') == 'a'",
        "at('outputs', 'a.b', 0) != None",
        "at('outputs', '')  <= 1.5".replace("  ", " "),
        "at('outputs', '[0]') >= -1",
        "at('inputs.x').isin([1, 'a'])",
        "at('inputs.x').exists()",
        "(at('inputs.x') > 1) & ~at('outputs.y').exists()",
        "(at('inputs.x') > 1) & (at('inputs.x') < 3) & at('inputs.y').exists()",
        "((at('inputs.x') > 1) & (at('inputs.x') < 3)) | ~(at('inputs.y') == True)",
        "~~at('inputs.x').exists()",
        "~(at('inputs.x').exists() | at('inputs.y').exists())",
    ],
)
def test_a_condition_reads_as_it_was_written(text: str) -> None:
    condition = eval(text)
    assert repr(condition) == text
    assert eval(repr(condition)) == condition


def test_conditions_are_values() -> None:
    one, other = (at("inputs.x") == np.arange(3), at("inputs.x") == np.arange(3))
    assert one == other
    assert hash(one) == hash(other)
    assert (at("inputs.x") == 1) != (at("inputs.x") == True)  # noqa: E712
    assert (at("inputs.x").isin([1])) != (at("inputs.x").isin([2]))
    again = pickle.loads(pickle.dumps((at("inputs.x") > 1) & ~at("inputs.y").exists()))
    assert again == (at("inputs.x") > 1) & ~at("inputs.y").exists()
    with pytest.raises(AttributeError):
        one.sign = "!="  # type: ignore[attr-defined]


# what is refused


def _and() -> Any:
    return at("inputs.x") > 1 and at("inputs.x") < 3


def _or() -> Any:
    return at("inputs.x") > 1 or at("inputs.x") < 3


def _not() -> Any:
    return not at("inputs.x").exists()


def _chained() -> Any:
    return 1 < at("inputs.x") < 3


def _in() -> Any:
    return at("inputs.x") in [1, 2]


def _if() -> Any:
    return 1 if at("inputs.x") else 2


def _without_parentheses() -> Any:
    return at("inputs.x") > 1 & at("inputs.x") < 3  # type: ignore[operator]


def _without_parentheses_or() -> Any:
    return at("inputs.x") == 1 | at("inputs.y") == 3  # type: ignore[operator]


def _negated_place() -> Any:
    return ~at("inputs.x")  # type: ignore[operator]


@pytest.mark.parametrize(
    "written",
    [_and, _or, _not, _chained, _in, _if, _without_parentheses, _without_parentheses_or, _negated_place],
)
def test_what_python_reads_otherwise_is_refused_with_what_to_write(written: Any) -> None:
    with pytest.raises(TypeError, match=r"write & for `and`, .* parentheses"):
        written()


def test_two_places_are_not_compared() -> None:
    with pytest.raises(TypeError, match=r"at\('inputs.x'\) is compared with a value"):
        _ = at("inputs.x") == at("inputs.y")


@pytest.mark.parametrize("value", [None, True, [1], {}, b"a", 1j], ids=repr)
def test_a_value_without_an_order_is_not_asked_for_one(value: Any) -> None:
    with pytest.raises(TypeError, match="is not before or after another"):
        _ = at("inputs.x") < value


def test_a_value_that_cannot_be_stored_is_named_by_its_path() -> None:
    with pytest.raises(RecordError, match=r"the value for inputs.x\['a'\]: set cannot be stored"):
        _ = at("inputs.x") == {"a": {1}}


@pytest.mark.parametrize("value", [date(2026, 11, 24), datetime(2026, 11, 24), "2026-11-24", 5], ids=repr)
def test_the_time_of_a_record_is_compared_with_an_instant(value: Any) -> None:
    for compare in (lambda: at("time") >= value, lambda: at("time") == value, lambda: at("time").isin([value])):
        with pytest.raises(TypeError, match="the time of a record is an instant"):
            compare()


@pytest.mark.parametrize("values", ["abc", b"abc"], ids=repr)
def test_isin_takes_no_text_for_a_list(values: Any) -> None:
    with pytest.raises(TypeError, match="give a list of values"):
        at("inputs.x").isin(values)
