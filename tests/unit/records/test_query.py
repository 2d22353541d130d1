"""A query: what of it a store is asked to tell, and what is decided after it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest

from lume_dsl import DBResult, RecordError, at
from lume_dsl.records import Query, to_document
from lume_dsl.records.query import NumberBound, Order, Prefilter
from lume_dsl.records.record import input_mark
from lume_dsl.records.where import Condition

UTC = timezone.utc
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def prefilter(where: Condition | None, **parts: Any) -> Prefilter:
    return Query(where=where, **parts).prefilter()


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (at("flow_name") == "a", Prefilter(equal={"flow_name": "a"})),
        (
            (at("project_name") == "p") & (at("result_type_string") == "m:T"),
            Prefilter(equal={"project_name": "p", "result_type_string": "m:T"}),
        ),
        (at("time") >= NOON, Prefilter(since="2026-11-24T12:00:00.000000+00:00")),
        (at("time") > NOON, Prefilter(since="2026-11-24T12:00:00.000001+00:00")),
        (at("time") < NOON, Prefilter(until="2026-11-24T11:59:59.999999+00:00")),
        (
            at("time") == NOON.astimezone(timezone(timedelta(hours=5))),
            Prefilter(since="2026-11-24T12:00:00.000000+00:00", until="2026-11-24T12:00:00.000000+00:00"),
        ),
        (
            (at("time") >= NOON) & (at("time") >= NOON - timedelta(1)) & (at("time") <= NOON + timedelta(1)),
            Prefilter(since="2026-11-24T12:00:00.000000+00:00", until="2026-11-25T12:00:00.000000+00:00"),
        ),
        (at("inputs.x") == "a", Prefilter(marks=(input_mark("x", "a"),))),
        (at("inputs", "a.b") == [1, {"c": None}], Prefilter(marks=(input_mark("a.b", [1, {"c": None}]),))),
        (at("inputs.x") == True, Prefilter(marks=(input_mark("x", True),))),  # noqa: E712
        (at("inputs.x") == None, Prefilter(marks=(input_mark("x", None),))),  # noqa: E711
    ],
)
def test_what_a_store_tells_exactly_is_left_to_it_with_the_limit(where: Condition, told: Prefilter) -> None:
    assert prefilter(where, limit=3) == attrs.evolve(told, limit=3)
    assert Query(where=where).is_told()


@pytest.mark.parametrize(
    "where",
    [
        at("inputs.x") == 1,  # a Decimal is marked otherwise
        at("inputs.x") == NOON,
        at("inputs.x.y") == "a",
        at("outputs.x") == "a",
        at("inputs.x") != "a",
        at("inputs.x") > "a",
        at("flow_name") != "a",
        at("flow_name") > "a",
        at("flow_name") == "a\0b",
        at("flow_run_id") == None,  # noqa: E711
        at("flow_run_id") == "a",
        at("flow_name") == None,  # noqa: E711
        at("time") != NOON,
        at("time") < datetime.min.replace(tzinfo=UTC),
        at("inputs.x").exists(),
        (at("flow_name") == "a") | (at("flow_name") == "b"),
        ~(at("flow_name") == "a"),
    ],
    ids=repr,
)
def test_what_a_store_cannot_tell_keeps_the_limit_back(where: Condition) -> None:
    told = prefilter(where, limit=3)
    assert attrs.evolve(told, numbers=()) == Prefilter()
    assert not Query(where=where).is_told()


def test_of_two_texts_for_one_member_none_is_lost() -> None:
    query = Query(flow_name="a", where=at("flow_name") == "b")
    assert query.prefilter().equal == {"flow_name": "a"}
    assert list(query.select([to_document(DBResult(flow_name="a", outputs={}))])) == []


def test_an_order_keeps_the_limit_back() -> None:
    assert prefilter(None, limit=3, order=(Order.read("time"),)).limit is None
    assert Query(order=(Order.read("time"),)).is_told()


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=="])
def test_comparisons_with_numbers_are_hints(sign: str) -> None:
    where = eval(f"at('outputs.fit.sigma') {sign} 1.5")
    assert prefilter(where & at("inputs.y").exists()).numbers == (NumberBound(("outputs", "fit", "sigma"), sign, 1.5),)


@pytest.mark.parametrize(
    "where",
    [
        at("outputs.x") != 1,
        at("outputs.x[0]") > 1,
        at("outputs.x.value.y") > 1,
        at("outputs.__lume__") > 1,
        at("fields.x") > 1,
        at("provenance.host") > 1,
        at("outputs.x") > 2**63,
        at("outputs.x") > float("inf"),
        at("outputs.x") > Decimal(1),
        at("outputs.x") > "1",
        (at("outputs.x") > 1) | (at("outputs.y") > 1),
        ~(at("outputs.x") > 1),
    ],
    ids=repr,
)
def test_no_hint_leaves_out_what_is_meant(where: Condition) -> None:
    assert prefilter(where).numbers == ()


def test_a_query_tells_what_it_asks_for() -> None:
    query = Query(flow_name="a", inputs={"x": 1}, where=at("inputs.y") > 2)
    assert str(query) == "flow_name='a', x=1, at('inputs.y') > 2"


@pytest.mark.parametrize("text", ["time", "-time", "inputs.x", "-outputs.fit[0].sigma"])
def test_an_order_reads_as_it_was_written(text: str) -> None:
    assert str(Order.read(text)) == text


def test_an_order_by_a_wrong_path_is_refused() -> None:
    with pytest.raises(RecordError, match="did you mean 'inputs'"):
        Order.read("-input.x")
