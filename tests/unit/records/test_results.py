"""``Results``: looking at records, whatever keeps them; on a store that is a list."""

from __future__ import annotations

import functools
import operator
import re
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import attrs
import numpy as np
import pandas as pd
import pytest

from lume_dsl import DBResult, RecordError, at
from lume_dsl.records import Query, Results, to_document
from lume_dsl.records.query import Order
from lume_dsl.records.store import Entry
from lume_dsl.testing.queries import ListStore

UTC = timezone.utc
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Shot(DBResult):
    machine: str


@pytest.fixture
def store() -> ListStore:
    return ListStore()


@pytest.fixture
def results(store: ListStore) -> Results[DBResult]:
    """Ten records, whose output ``n`` is larger the newer they are."""
    store.save_all([record(number) for number in range(10)])
    return Results(store, Query(), DBResult)


def record(number: int, inputs: dict[str, Any] | None = None, **outputs: Any) -> DBResult:
    time = NOON + timedelta(hours=number)
    return DBResult(flow_name="scan", inputs=inputs or {}, outputs={"n": number, **outputs}, time=time)


def numbers(results: Results[Any]) -> list[int]:
    return [one.outputs["n"] for one in results]


def test_conditions_add_up_and_leave_what_they_are_asked_of_as_it_was(results: Results[DBResult]) -> None:
    few = results.where(at("outputs.n") > 3).where(at("outputs.n") < 8, at("outputs.n") != 6)
    assert numbers(few) == [7, 5, 4]
    assert few.count() == len(few) == 3
    assert results.count() == 10
    assert results.where() == results
    assert few == results.where((at("outputs.n") > 3) & (at("outputs.n") < 8) & (at("outputs.n") != 6))


def test_records_come_in_the_order_asked_for(store: ListStore) -> None:
    values = [2, "b", None, 10, True, "a", False, NOON, [1], float("nan"), date(1, 1, 1), timedelta(1), Decimal("2.5")]
    store.save_all([record(number, v=value) for number, value in enumerate(values)] + [record(13)])
    results = Results(store, Query(), DBResult)
    assert numbers(results.order_by("outputs.v")) == [0, 12, 3, 5, 1, 7, 10, 11, 6, 4, 2, 9, 8, 13]
    assert numbers(results.order_by("-outputs.v")) == [3, 12, 0, 1, 5, 7, 10, 11, 4, 6, 2, 9, 8, 13]
    assert numbers(results.order_by("-outputs.v").limit(2)) == [3, 12]
    assert numbers(results.order_by("time").limit(3)) == [0, 1, 2]


def test_a_later_path_decides_among_equals_and_then_the_newest_comes_first(store: ListStore) -> None:
    store.save_all([record(number, a=number % 2, b=number // 4) for number in range(8)])
    results = Results(store, Query(), DBResult)
    assert numbers(results.order_by("outputs.a")) == [6, 4, 2, 0, 7, 5, 3, 1]
    assert numbers(results.order_by("-outputs.a", "outputs.b")) == [3, 1, 7, 5, 2, 0, 6, 4]
    assert numbers(results.order_by("-outputs.a", "outputs.b").limit(3)) == [3, 1, 7]
    assert numbers(results.order_by("outputs.a").order_by("time").limit(2)) == [0, 1]


def test_the_least_limit_counts_and_conditions_come_before_it(results: Results[DBResult]) -> None:
    assert numbers(results.limit(3).limit(5)) == numbers(results.limit(5).limit(3)) == [9, 8, 7]
    assert results.order_by("outputs.n").limit(4).count() == 4
    for act in (lambda: results.limit(3).where(at("outputs.n") > 3), lambda: results.limit(3).order_by("time")):
        with pytest.raises(RecordError, match=r"before .limit\("):
            act()


def test_no_more_records_are_read_than_needed(store: ListStore, results: Results[DBResult]) -> None:
    even = at("outputs.n").isin([0, 2, 4, 6, 7])  # of which the store knows nothing
    results.where(even).latest()
    assert store.given == 3
    assert results.where(even)
    assert store.given == 6
    assert list(iter(results.limit(0))) == []
    assert store.given == 6
    found = iter(results)
    assert store.given == 6
    next(found)
    assert store.given == 7


def test_results_are_true_where_there_is_one(results: Results[DBResult]) -> None:
    assert results
    assert results.order_by("outputs.n")
    assert not results.where(at("outputs.n") > 100)
    assert not results.limit(0)


def test_the_latest_and_the_only_one(results: Results[DBResult]) -> None:
    assert results.order_by("outputs.n").latest() == record(9)
    assert results.order_by("outputs.n").limit(3).latest() == record(2)
    assert results.where(at("outputs.n") == 4).one() == record(4)
    assert results.order_by("outputs.n").limit(1).one() == record(0)
    with pytest.raises(RecordError, match=r"expected one record with at\('outputs.n'\) < 4, found 4 records"):
        results.where(at("outputs.n") < 4).one()
    with pytest.raises(RecordError, match="found no record"):
        results.where(at("outputs.n") < 0).one()


def test_deleting_leaves_what_is_not_meant(store: ListStore) -> None:
    store.save_all([record(number) for number in range(250)])
    assert Results(store, Query(), DBResult).where(at("outputs.n") >= 100).delete() == 150
    assert len(store.entries) == 100


def test_a_condition_is_made_with_at(results: Results[DBResult]) -> None:
    for wrong in (True, "inputs.x > 1", {"x": 1}, at("inputs.x")):
        with pytest.raises(TypeError, match="is no condition; write"):
            results.where(wrong)  # type: ignore[arg-type]


def test_a_record_of_another_class_is_not_taken_for_one(store: ListStore) -> None:
    store.save(record(1))
    with pytest.raises(RecordError, match=r"expected records of Shot, found one of lume_dsl.records:DBResult"):
        list(iter(Results(store, Query(), Shot)))


def save_one_of_no_class(store: ListStore, number: int) -> str:
    """A record whose class is gone is stored; return the beginning of its hash."""
    entry = Entry.of(record(number))
    store.insert([attrs.evolve(entry, document=entry.document | {"result_type_string": "q.sub:ScanRecord"})])
    return str(entry.document["unique_hash"])[:12]


def test_a_record_that_cannot_be_loaded_is_named_with_what_to_do(store: ListStore) -> None:
    known = save_one_of_no_class(store, 1)
    with pytest.raises(RecordError) as caught:
        Results(store, Query(), DBResult).latest()
    assert str(caught.value) == (
        f"the record {known} cannot be loaded: result_type_string: 'q.sub:ScanRecord' cannot be found: there is no "
        "module q.sub in Python; start in the folder that has q, or add that to PYTHONPATH; python -m lume_dsl results "
        f"show {known} shows it as it is, and results delete {known} removes it; .loadable() leaves it out"
    )


def test_loadable_leaves_out_with_a_warning_what_cannot_be_loaded(store: ListStore) -> None:
    store.save_all([record(1), record(3)])
    known = [save_one_of_no_class(store, number) for number in (4, 2)]
    results = Results(store, Query(), DBResult).loadable()
    with pytest.warns(UserWarning, match=f"left out: the record ({'|'.join(known)}) cannot be loaded") as told:
        assert numbers(results) == [3, 1]
    assert len(told) == 2
    with pytest.warns(UserWarning, match="left out"):
        assert results.latest() == record(3)
    with pytest.warns(UserWarning, match="left out"):
        assert results.where(at("outputs.n") > 2).one() == record(3)
    with pytest.warns(UserWarning, match="left out"):
        assert results.to_frame()["outputs.n"].tolist() == [3, 1]
    assert results.count() == results.delete() == 4


def test_an_index_is_told_what_to_write_instead(results: Results[DBResult]) -> None:
    with pytest.raises(TypeError, match=r"there is no \[0\]; write .latest\(\) for the newest, .limit\(n\)"):
        results[0]  # type: ignore[index]


# frames

BASE = ["time", "flow_name", "project_name", "result_name", "flow_run_id"]


def frame(*records: DBResult) -> pd.DataFrame:
    store = ListStore()
    store.save_all(records)
    return Results(store, Query(), DBResult).order_by("time").to_frame()


def test_no_records_are_an_empty_frame_with_the_base_columns() -> None:
    assert list(frame().columns) == BASE
    assert len(frame()) == 0
    assert str(frame()["time"].dtype) == "datetime64[us, UTC]"


def test_a_record_is_a_row_and_a_name_a_column() -> None:
    shot = Shot(flow_name="scan", outputs={"y": [1]}, inputs={"x": 2}, machine="linac", time=NOON, flow_run_id="r")
    found = frame(shot, record(1, inputs={"x": 3, "z": "a"}))
    assert list(found.columns) == [*BASE, "inputs.x", "inputs.z", "outputs.y", "outputs.n", "fields.machine"]
    assert found["time"].tolist() == [NOON, NOON + timedelta(hours=1)]
    assert found["flow_run_id"].tolist()[0] == "r"
    assert found["flow_run_id"].isna().tolist() == [False, True]
    assert found["inputs.x"].tolist() == [2, 3]
    assert found["outputs.y"].tolist() == [[1], None]
    assert found["fields.machine"].tolist()[0] == "linac"
    assert found["fields.machine"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "Int64"),
        ([2**62 + 1, None], "Int64"),
        ([2**64, 1], "object"),
        ([1.5, 2], "float64"),
        ([1.5, None], "float64"),
        ([1.5, 2**60 + 1], "object"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        ([True, 1], "object"),
        (["a", "b"], str(pd.Series(["a"], dtype="str").dtype)),
        ([NOON, NOON.astimezone(timezone(timedelta(hours=1)))], "datetime64[us, UTC]"),
        ([NOON, None], "datetime64[us, UTC]"),
        ([datetime(9999, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)], "datetime64[us, UTC]"),
        ([NOON, NOON.replace(tzinfo=None)], "object"),
        ([Decimal(1), Decimal(2)], "object"),
        ([[1, 2], [3, 4]], "object"),
        ([{"a": 1}, {"a": 2}], "object"),
        ([(1, 2), None], "object"),
        ([None, None], "object"),
    ],
    ids=repr,
)
def test_a_column_of_one_kind_has_its_dtype_and_others_hold_values_as_they_are(values: list[Any], dtype: str) -> None:
    column = frame(*(record(number, v=value) for number, value in enumerate(values)))["outputs.v"]
    assert str(column.dtype) == dtype
    for value, found in zip(values, column, strict=True):
        if value is None:
            assert pd.isna(found)
        else:
            assert found == value


def test_arrays_stand_in_a_column_as_they_are() -> None:
    found = frame(record(0, wave=np.arange(3)), record(1, wave=np.arange(3)), record(2))["outputs.wave"]
    assert np.array_equal(found[1], np.arange(3))
    assert found[2] is None


def test_where_pandas_is_missing_the_extra_is_named(store: ListStore) -> None:
    script = (
        "import sys; sys.modules['pandas'] = None\n"
        "from lume_dsl import results, LumeError\n"
        "try: results().to_frame()\n"
        "except LumeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "to_frame() needs pandas, which is not installed; pip install 'lume-dsl[frames]'\n"


# of flows

FLOWS = """
import sys
from lume_dsl import DBResult, LumeFlow, at, db_result, flow, parameter, results, ParameterError

@flow(project="injector", name="scans")
class Scan(LumeFlow):
    where: str = "linac"
    shots: int = 1
    token: str = parameter(secret=True)
    record: DBResult = db_result(x=shots)

class Other(DBResult):
    machine: str
"""


def said_by(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", FLOWS + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_where_is_a_condition_only_where_it_is_one() -> None:
    script = """
for found in (results(Scan, where="hall"), results(Scan, where=at("inputs.shots") > 1), results(flow=Scan), results()):
    print(found.query, "prefect" in sys.modules)
print(Scan.results(where=at("inputs.shots") > 1).query)
print(results(flow="Scan", project="p", record_type=Other, where=at("fields.machine") == "a").query)
"""
    assert said_by(script) == [
        "project_name='injector', flow_name='scans', where='hall' False",
        "project_name='injector', flow_name='scans', at('inputs.shots') > 1 False",
        "project_name='injector', flow_name='scans' False",
        "any False",
        "project_name='injector', flow_name='scans', at('inputs.shots') > 1",
        "project_name='p', flow_name='Scan', result_type_string='__main__:Other', at('fields.machine') == 'a'",
    ]


def test_no_condition_is_on_a_secret() -> None:
    script = """
try: results(Scan, where=(at("inputs.shots") > 1) & ~(at("inputs.token") == "sesame"))
except ParameterError as error: print(error)
"""
    said = said_by(script)
    assert said[0].startswith("Scan.token: is secret")
    assert not any("sesame" in line for line in said)


def test_what_results_does_not_take_is_told() -> None:
    script = """
for ask in (lambda: results(flaw="Scan"), lambda: results("Scan"), lambda: results(record_type=Scan),
            lambda: results(where="inputs.x > 1"), lambda: results(shots=1)):
    try: ask()
    except TypeError as error: print(error)
"""
    said = said_by(script)
    assert said[0].startswith("results() takes no 'flaw'; did you mean 'flow'?")
    assert said[1] == "results('Scan'): give one flow class, or name what you mean: results(flow='Greeting')"
    assert "is no class of records" in said[2]
    assert "is no condition; write where=at('inputs.charge') > 100" in said[3]
    assert said[4].endswith("Inputs follow a flow class: results(Greeting, shots=...)")


def test_the_documents_that_stores_keep_are_what_conditions_read() -> None:
    assert (at("unique_hash") == record(1).unique_hash).holds(to_document(record(1)))


NAMES = {"inputs": ("charge",), "outputs": ("fit",), "fields": ()}


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("inputs.chrage", "'chrage' is none of the inputs of Scan; did you mean 'charge'?"),
        ("outputs.sigma", "'sigma' is none of the outputs of Scan; there is fit"),
        ("fields.machine", "'machine' is none of the fields of Scan; there is none"),
    ],
)
def test_a_condition_or_an_order_on_what_records_do_not_have_is_refused(path: str, hint: str) -> None:
    def known(query: Query) -> Results[DBResult]:
        return Results(ListStore(), query, DBResult, NAMES, "Scan")

    for act in (
        lambda: known(Query(where=(at("inputs.charge") > 1) & ~at(path).exists())),
        lambda: known(Query(order=(Order.read(f"-{path}"),))),
        lambda: known(Query()).where(at("time").exists() | (at(path) == 1)),
        lambda: known(Query()).order_by("time", path),
    ):
        with pytest.raises(RecordError, match=re.escape(f"{path}: {hint}")):
            act()
    Results(ListStore(), Query(where=at(path) > 1), DBResult)


def test_what_records_have_is_taken() -> None:
    query = Query(where=(at("inputs.charge") > 1) & at("outputs.fit.sigma").exists() & at("inputs").exists())
    found = Results(ListStore(), query, DBResult, NAMES, "Scan").order_by("provenance.host", "-inputs.charge")
    assert list(found) == []


def test_a_misspelt_member_of_the_provenance_is_told() -> None:
    with pytest.raises(RecordError, match="provenance of a record; did you mean 'revision'"):
        at("provenance.revison")


def test_conditions_as_many_as_one_likes_are_no_harm() -> None:
    many = functools.reduce(operator.and_, [at("outputs.n") > -number for number in range(5000)])
    marks = functools.reduce(operator.and_, [at("inputs.n") == str(number) for number in range(5000)])
    told = Query(where=many & marks).prefilter()
    assert len(told.numbers) + len(told.marks) <= 200
    assert not many.holds({"outputs": {"n": -10_000}})


def test_conditions_nested_too_deeply_are_told() -> None:
    condition = at("outputs.n") > 1
    for _ in range(199):
        condition = ~condition
    assert condition.holds({"outputs": {"n": 1}})
    with pytest.raises(RecordError, match="nested more than 200 deep"):
        condition.__invert__()


def test_a_text_that_no_database_takes_is_refused() -> None:
    with pytest.raises(RecordError, match="flow_name"):
        Query(flow_name="\ud800")


@pytest.mark.parametrize("number", [2.5, 2.0, True, "2", -1], ids=repr)
def test_a_limit_is_a_whole_number_whatever_the_store(results: Results[DBResult], number: Any) -> None:
    for limited in (results, results.limit(1)):
        with pytest.raises(
            (TypeError, ValueError), match="limit: expected how many records, a whole number from 0 on, got"
        ):
            limited.limit(number)
    assert numbers(results.limit(cast("int", np.int64(2)))) == [9, 8]


def test_a_limit_may_be_as_large_as_one_likes(results: Results[DBResult]) -> None:
    assert results.limit(10**30).count() == 10
    assert results.query.limit is None
    assert Query(limit=10**30).limit == 2**31 - 1


def test_a_frame_holds_times_that_utc_does_not(store: ListStore) -> None:
    time = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    store.save_all([record(0, at=time)])
    assert list(Results(store, Query(), DBResult).to_frame()["outputs.at"]) == [time]
