"""A record holds what a run was given and gave, and is one of its kind."""

from __future__ import annotations

import enum
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.files import File, ImageFile, TextFile
from lume_dsl.records import DBResult, Document, Query, from_document, to_document
from lume_dsl.records.record import input_mark

NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)


class Method(enum.Enum):
    FAST = "fast"


@attrs.frozen
class Beam:
    """A part of a record."""

    energy: float
    names: list[str]
    when: date


@attrs.frozen(kw_only=True)
class FitResult(DBResult):
    """A record with typed fields."""

    unique_on = ("flow_name", "inputs", "method")

    method: Method = Method.FAST
    plot: ImageFile | None = None
    text: TextFile | None = None
    files: list[File[Any]] = attrs.field(factory=list)
    beam: Beam | None = None
    mixed: list[int | str | None] = attrs.field(factory=list)
    pair: tuple[int, float] = (1, 2.0)
    path: Path = Path()
    when: datetime | None = None
    wait: timedelta = timedelta(0)
    anything: Any = None
    table: dict[str, Any] = attrs.field(factory=dict)
    bare: dict = attrs.field(factory=dict)  # type: ignore[type-arg]


@attrs.frozen(kw_only=True)
class Astray(DBResult):
    """A record that is unique on a field that it has not."""

    unique_on = ("flow_name", "input")


def test_a_record_needs_a_flow_and_outputs_and_is_made_now() -> None:
    before = datetime.now(timezone.utc)
    record = DBResult(flow_name="scan", outputs={"n": 1})
    assert before <= record.time <= datetime.now(timezone.utc)
    assert (record.project_name, record.result_name, record.inputs, record.flow_run_id) == ("default", "", {}, None)


def test_records_are_values() -> None:
    assert DBResult(flow_name="a", outputs={}, time=NOON) == DBResult(flow_name="a", outputs={}, time=NOON)
    assert DBResult(flow_name="a", outputs={}, time=NOON) != FitResult(flow_name="a", outputs={}, time=NOON)


def test_times_are_kept_in_utc() -> None:
    local = datetime(2024, 1, 2, 13, tzinfo=timezone(timedelta(hours=1)))
    record = DBResult(flow_name="a", outputs={}, time=local)
    assert (record.time, record.time.utcoffset()) == (NOON, timedelta(0))


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(RecordError, match="has no time zone; write datetime"):
        DBResult(flow_name="a", outputs={}, time=datetime(2024, 1, 2))


def test_the_reference_names_project_type_and_hash() -> None:
    record = DBResult(flow_name="a", outputs={}, project_name="p")
    assert record.reference() == {
        "project_name": "p",
        "result_type_string": "lume_dsl.records:DBResult",
        "query": {"unique_hash": record.unique_hash},
    }


BASE: dict[str, Any] = {"flow_name": "a", "inputs": {"x": 1, "y": 2}, "outputs": {"n": 1}, "time": NOON}


@pytest.mark.parametrize(
    "change",
    [
        {"time": NOON + timedelta(days=1)},
        {"flow_run_id": "other"},
        {"inputs": {"y": 2, "x": 1}},
        {"inputs": {"x": 1.0, "y": 2}},
    ],
)
def test_what_does_not_make_a_record_another_one(change: dict[str, Any]) -> None:
    assert DBResult(**(BASE | change)).unique_hash == DBResult(**BASE).unique_hash


@pytest.mark.parametrize(
    "change",
    [
        {"flow_name": "b"},
        {"project_name": "p"},
        {"result_name": "r"},
        {"inputs": {"x": True, "y": 2}},
        {"inputs": {"x": "1", "y": 2}},
        {"outputs": {}},
    ],
)
def test_what_makes_a_record_another_one(change: dict[str, Any]) -> None:
    assert DBResult(**(BASE | change)).unique_hash != DBResult(**BASE).unique_hash


def test_a_class_chooses_what_makes_its_records_unique() -> None:
    one = FitResult(flow_name="a", outputs={"n": 1}, mixed=[1])
    assert one.unique_hash == FitResult(flow_name="a", outputs={"n": 2}, mixed=[2]).unique_hash
    assert one.unique_hash != FitResult(flow_name="b", outputs={"n": 1}, mixed=[1]).unique_hash
    assert to_document(one)["unique_hash"] == one.unique_hash


def test_unique_on_a_field_that_is_not_there_is_an_error() -> None:
    message = r"Astray.unique_on names 'input', which is no field of it; did you mean 'inputs'\?"
    record = Astray(flow_name="a", outputs={})
    with pytest.raises(RecordError, match=message):
        _ = record.unique_hash
    with pytest.raises(RecordError, match=message):
        to_document(record)


def test_typed_fields_come_back_with_their_types() -> None:
    record = FitResult(
        flow_name="a",
        outputs={},
        plot=ImageFile("a.png"),
        text=TextFile("a.txt", size=3),
        files=[TextFile("b"), ImageFile("c.png")],
        beam=Beam(5.0, ["a"], date(2024, 1, 2)),
        mixed=[1, "1", None],
        pair=(3, 4.0),
        path=Path("a/b"),
        when=NOON,
        wait=timedelta(seconds=1),
        anything={"deep": (1, b"x")},
        table={"deep": [(1,)]},
        bare={"deep": (1, [2])},
    )
    assert from_document(to_document(record)) == record


@given(st.datetimes(timezones=st.just(timezone.utc)), st.dictionaries(st.text("ab\u00e9$."), st.integers()))
def test_a_document_gives_the_record_back(time: datetime, values: dict[str, Any]) -> None:
    record = DBResult(flow_name="a", inputs=values, outputs=values, time=time)
    assert from_document(to_document(record)) == record


def test_times_as_text_are_ordered_as_times() -> None:
    times = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(seconds=1), NOON.replace(year=999)]
    texts = [to_document(DBResult(flow_name="a", outputs={}, time=time))["time"] for time in times]
    assert sorted(texts) == [texts[3], *texts[:3]]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"outputs": {"a": {1}}}, "outputs['a']: set"),
        ({"inputs": {"a": [object()]}}, "inputs['a'][0]: object"),
        ({"flow_name": "\ud800"}, "flow_name: "),
    ],
)
def test_what_cannot_be_stored_is_named(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(RecordError) as caught:
        to_document(DBResult(**(BASE | fields)))
    assert str(caught.value).startswith(path)


def test_a_field_that_cannot_be_stored_is_named() -> None:
    with pytest.raises(RecordError, match=r"anything\['a'\]: set cannot be stored"):
        to_document(FitResult(flow_name="a", outputs={}, anything={"a": {1}}))


def test_a_class_defined_in_a_function_has_no_records() -> None:
    @attrs.frozen(kw_only=True)
    class Inner(DBResult):
        pass

    with pytest.raises(RecordError, match="define it at the top of a module"):
        to_document(Inner(flow_name="a", outputs={}))


def document(**changes: Any) -> Document:
    """A stored record with some members changed."""
    return to_document(FitResult(flow_name="a", outputs={})) | changes


@pytest.mark.parametrize(
    "type_string", ["os:system", "builtins:dict", "lume_dsl.files:TextFile", "nowhere:X", "DBResult", ""]
)
def test_nothing_but_a_record_is_made_from_a_document(type_string: str) -> None:
    with pytest.raises(RecordError, match="result_type_string: "):
        from_document(document(result_type_string=type_string))


def test_a_stored_field_that_does_not_fit_its_type_is_named() -> None:
    fields = document()["fields"]
    with pytest.raises(RecordError, match="the stored method does not fit FitResult"):
        from_document(document(fields=fields | {"method": "slow"}))


def test_a_field_that_the_class_no_longer_has_is_left_out() -> None:
    fields = document()["fields"]
    assert from_document(document(fields=fields | {"gone": 1})).flow_name == "a"


def test_a_query_tells_what_it_asks_for() -> None:
    assert str(Query(flow_name="a", inputs={"x": 1})) == "flow_name='a', x=1"
    assert str(Query()) == "any"
    with pytest.raises(RecordError, match=r"inputs\['x'\]: set cannot be stored"):
        Query(inputs={"x": {1}}).input_marks()
    with pytest.raises(ValueError, match="limit"):
        Query(limit=-1)


def test_inputs_are_marked_by_name_and_value() -> None:
    marks = document(inputs={})["input_marks"]
    assert marks == []
    assert to_document(DBResult(**BASE))["input_marks"] == [input_mark("x", 1.0), input_mark("y", 2)]
    tagged = to_document(DBResult(flow_name="a", outputs={}, inputs={"__lume__": 1}))
    assert tagged["input_marks"] == [input_mark("__lume__", 1)]


def test_the_classes_of_this_module_can_be_found() -> None:
    assert sys.modules[FitResult.__module__].FitResult is FitResult
