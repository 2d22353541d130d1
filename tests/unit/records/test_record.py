"""A record holds what a run was given and gave, and is one of its kind; its class needs no decorator."""

from __future__ import annotations

import copy
import enum
import inspect
import pickle
import sys
import threading
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import attrs
import dateutil.tz
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.files import File, ImageFile, TextFile
from lume_dsl.records import DBResult, Document, Query, from_document, to_document
from lume_dsl.records.provenance import Provenance
from lume_dsl.records.record import input_mark, recorded_inputs
from lume_dsl.values.content import Content

NOON = datetime(2024, 1, 2, 12, tzinfo=timezone.utc)


class Method(enum.Enum):
    FAST = "fast"


@attrs.frozen
class Beam:
    """A part of a record."""

    energy: float
    names: list[str]
    when: date


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


class Astray(DBResult):
    """A record that is unique on a field that it has not."""

    unique_on = ("flow_name", "input")


def _even(_record: Any, _field: Any, value: int) -> None:
    if value % 2:
        raise ValueError(f"{value} is odd")


class Plain(DBResult):
    """A class without a decorator, with all that a field may have."""

    unique_on = ("flow_name", "machine")
    limit: ClassVar[int] = 3

    machine: str
    number: int = attrs.field(default=2, validator=_even)
    path: Path = attrs.field(factory=Path, converter=Path)
    words: list[str] = attrs.field(factory=list)


class Sub(Plain):
    """One that derives from another."""

    more: float = 1.5


@attrs.frozen(kw_only=True)
class Decorated(DBResult):
    """One with attrs' decorator, and slots."""

    machine: str
    number: int = 4


class BelowDecorated(Decorated):
    """One without, below one with."""

    more: float = 1.5


@attrs.frozen(kw_only=True)
class DecoratedBelow(Plain):
    """One with, below one without."""

    more: float = 1.5


class Nothing(Plain):
    """One that adds nothing but a method."""

    def shout(self) -> str:
        return self.machine.upper()


N = TypeVar("N")


class Boxed(DBResult, Generic[N]):
    """A generic one."""

    item: N


class Images(DBResult):
    """One that holds arrays and frames."""

    image: np.ndarray[Any, np.dtype[np.float64]]
    table: pd.DataFrame
    beam: Beam | None = None


PLAIN, DECORATED = ["machine", "number", "path", "words"], ["machine", "number"]
FIELDS = {
    "Plain": PLAIN,
    "Nothing": PLAIN,
    "Sub": [*PLAIN, "more"],
    "DecoratedBelow": [*PLAIN, "more"],
    "Decorated": DECORATED,
    "BelowDecorated": [*DECORATED, "more"],
}
BY_ITSELF = [Plain, Sub, Decorated, BelowDecorated, DecoratedBelow, Nothing]
every_class = pytest.mark.parametrize("cls", BY_ITSELF, ids=lambda cls: cls.__name__)


@every_class
def test_a_record_class_is_an_attrs_class_with_or_without_a_decorator(cls: Any) -> None:
    record = cls(flow_name="a", outputs={"n": 1}, machine="m")
    base = [field.name for field in attrs.fields(DBResult)]
    assert [field.name for field in attrs.fields(cls)] == [*base, *FIELDS[cls.__name__]]
    assert {**BASE_VALUES, "machine": "m"}.items() <= attrs.asdict(record, recurse=False).items()
    assert f"{cls.__name__}(" in repr(record)
    assert "machine='m'" in repr(record)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.machine = "other"
    with pytest.raises(TypeError, match="positional"):
        cls("a", outputs={}, machine="m")
    with pytest.raises(TypeError, match="machine"):
        cls(flow_name="a", outputs={})
    with pytest.raises(TypeError, match="machin"):
        cls(flow_name="a", outputs={}, machine="m", machin="m")


BASE_VALUES = {"flow_name": "a", "outputs": {"n": 1}, "project_name": "default", "result_name": ""}


@every_class
def test_a_record_survives_pickling_copying_changing_and_storing(cls: Any) -> None:
    record = cls(flow_name="a", outputs={"n": [1]}, machine="m", time=NOON)
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.copy(record) == copy.deepcopy(record) == record
    assert copy.deepcopy(record).outputs["n"] is not record.outputs["n"]
    assert attrs.evolve(record, machine="n").machine == "n"
    assert attrs.evolve(record, machine="n") != record
    assert from_document(to_document(record)) == record


def test_the_fields_of_a_class_are_known_before_there_is_a_record_of_it() -> None:
    class Before(Plain):
        extra: int

    assert [field.name for field in attrs.fields(Before)][-2:] == ["words", "extra"]
    assert list(inspect.signature(Before).parameters)[-1] == "extra"


def test_defaults_validators_and_converters_work() -> None:
    record = Sub(flow_name="a", outputs={}, machine="m", path="c")  # type: ignore[arg-type]
    assert (record.number, record.path, record.words, record.more) == (2, Path("c"), [], 1.5)
    assert Plain(flow_name="a", outputs={}, machine="m").words is not record.words
    with pytest.raises(ValueError, match="3 is odd"):
        Sub(flow_name="a", outputs={}, machine="m", number=3)
    assert Sub.limit == 3
    assert Nothing(flow_name="a", outputs={}, machine="m").shout() == "M"
    assert Boxed[int](flow_name="a", outputs={}, item=3).item == 3


def test_a_field_without_a_type_is_an_error_that_says_what_to_write() -> None:
    class Untyped(DBResult):
        x = attrs.field()

    with pytest.raises(RecordError, match=r"Untyped: .*\(\'x\',\)|Untyped: .*x.*: write its type, x: float"):
        Untyped(flow_name="a", outputs={})


def test_threads_that_make_the_first_records_of_a_class_at_once_agree() -> None:
    for _ in range(50):

        class Fresh(Plain):
            extra: int = attrs.field(default=2, validator=_even)

        made: list[Any] = []
        start = threading.Barrier(4)

        def make(cls: Any = Fresh, made: list[Any] = made, start: threading.Barrier = start) -> None:
            start.wait()
            made.append(cls(flow_name="a", outputs={}, machine="m", time=NOON).extra)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [2] * 4


def images(number: float) -> Images:
    array, table = np.array([[number, np.nan]]), pd.DataFrame({"a": [number]})
    return Images(flow_name="a", outputs={"deep": [{"array": array}]}, image=array, table=table, time=NOON)


def test_records_of_arrays_and_frames_are_equal_by_value() -> None:
    assert images(1.0) == images(1.0)
    assert images(1.0) != images(2.0)
    one = images(1.0)
    changed: Any = attrs.evolve  # mypy takes classes for attrs classes that have a decorator
    assert one != changed(one, image=one.image.reshape(2, 1))
    assert one != changed(one, image=one.image.astype(np.float32))
    assert one != changed(one, outputs={"deep": [{"array": [1.0]}]})
    assert one == changed(one, provenance=Provenance(host="elsewhere"))
    assert DBResult(flow_name="a", outputs={"x": np.arange(3)}, time=NOON) == DBResult(
        flow_name="a", outputs={"x": np.arange(3)}, time=NOON
    )


def test_arrays_and_frames_come_back_as_the_fields_that_they_were() -> None:
    record = images(3.5)
    found = from_document(to_document(record))
    assert found == record
    assert isinstance(found, Images)
    assert found.image.dtype == np.float64


def test_large_contents_are_beside_the_document_and_the_hash_is_the_same() -> None:
    record = Images(flow_name="a", outputs={}, image=np.arange(100_000.0), table=pd.DataFrame(), time=NOON)
    blobs: dict[str, Content] = {}
    document = to_document(record, blobs)
    assert len(blobs) == 1
    assert len(str(document)) < 10_000
    found = from_document(document, lambda sha256: map(bytes, blobs[sha256].pieces()))
    assert found == record
    assert document["unique_hash"] == record.unique_hash == to_document(record)["unique_hash"]


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


def test_a_value_of_another_type_than_its_field_is_refused_before_it_is_stored() -> None:
    wrong: Any = 3
    with pytest.raises(RecordError, match=r"machine does not fit Plain: expected str; int is not"):
        to_document(Plain(flow_name="a", outputs={}, machine=wrong))


def test_provenance_is_stored_and_makes_no_record_another_one() -> None:
    made_by = Provenance(flow="a:B", host="c", start_time=NOON, end_time=NOON)
    record = DBResult(**BASE, provenance=made_by)
    document = to_document(record)
    assert document["provenance"]["flow"] == "a:B"
    assert "__lume__" not in document["provenance"]
    assert from_document(document).provenance == made_by
    assert document["unique_hash"] == DBResult(**BASE).unique_hash
    assert "host" not in repr(record)
    assert to_document(DBResult(**BASE))["provenance"] is None
    assert from_document(to_document(DBResult(**BASE))).provenance is None


def test_inputs_are_recorded_exactly_or_else_in_their_json_form() -> None:
    @attrs.frozen
    class Local:
        when: date

    exact = {
        "pair": (1, 2.0),
        "when": NOON,
        "beam": Beam(1.0, ["a"], date(2024, 1, 2)),
        "method": Method.FAST,
        "path": Path("a"),
        "plain": {"a": [1, None]},
    }
    assert recorded_inputs(exact) == exact
    day = date(2024, 1, 2)
    assert recorded_inputs({"x": [Local(day)], "y": 1}) == {"x": [{"when": "2024-01-02"}], "y": 1}
    zoned = datetime(2026, 1, 2, tzinfo=dateutil.tz.gettz("America/New_York"))  # whose JSON form has its offset
    assert repr(recorded_inputs({"x": zoned})["x"].tzinfo) == repr(timezone(timedelta(hours=-5)))
    record = DBResult(**BASE)
    assert recorded_inputs({"x": {"deep": [record]}}) == {"x": {"deep": [record.reference()]}}
    with pytest.raises(RecordError, match=r"inputs\['x'\]\['a'\]: "):
        recorded_inputs({"x": {"a": "\ud800"}})


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
    with pytest.raises(RecordError, match="the stored method does not fit FitResult: expected Method; str is not"):
        from_document(document(fields=fields | {"method": "slow"}))


def test_a_stored_record_that_the_class_no_longer_takes_is_named() -> None:
    stored = to_document(Plain(flow_name="a", outputs={}, machine="m"))
    without = {name: value for name, value in stored["fields"].items() if name != "machine"}
    for fields in (stored["fields"] | {"number": 3}, without):
        with pytest.raises(RecordError, match="a stored record does not fit Plain: "):
            from_document(stored | {"fields": fields})
    without = {name: value for name, value in stored["fields"].items() if name != "number"}
    found = from_document(stored | {"fields": without})
    assert isinstance(found, Plain)
    assert found.number == 2


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
