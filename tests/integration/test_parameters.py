"""Values of every type pass through Prefect's ``Parameter``, as JSON, and arrive as what they were."""

from __future__ import annotations

import datetime as dt
import enum
import json
from decimal import Decimal
from operator import methodcaller
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import attrs
import prefect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dsl.declare.graph import Member, Parameter
from lume_dsl.engine.members import TypedParameter
from lume_dsl.errors import Place
from lume_dsl.values.convert import unstructure


class Mode(enum.Enum):
    FAST = "fast"
    NUMBER = 5


@attrs.frozen
class Magnet:
    current: float
    since: dt.datetime | None = None
    parts: list[Magnet] = attrs.field(factory=list)


class Row(NamedTuple):
    number: int
    day: dt.date


UNFOLDED = methodcaller("replace", fold=0)  # the second of two equal times of a day is refused
TEXT = st.text(st.characters(codec="utf-8"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MAGNETS = st.builds(
    Magnet, FLOATS, st.none() | st.datetimes(timezones=st.just(dt.timezone.utc)), st.lists(st.builds(Magnet, FLOATS))
)

TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, TEXT),
    (int, st.integers(-(2**200), 2**200)),
    (float, FLOATS),
    (bool | None, st.booleans() | st.none()),
    (dict[str, list[float]], st.dictionaries(TEXT, st.lists(FLOATS, max_size=3), max_size=3)),
    (tuple[int, str], st.tuples(st.integers(-9, 9), TEXT)),
    (dt.datetime | dt.date, st.datetimes().map(UNFOLDED) | st.dates()),
    (dt.time, st.times().map(UNFOLDED)),
    (dt.timedelta, st.timedeltas()),
    (Path, TEXT.map(Path)),
    (UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (bytes, st.binary()),
    (Mode, st.sampled_from(Mode)),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (Row, st.builds(Row, st.integers(-9, 9), st.dates())),
    (list[Magnet], st.lists(MAGNETS, max_size=2)),
]


@pytest.mark.parametrize(("tp", "values"), TYPES, ids=lambda one: str(one)[:40])
def test_a_value_passes_through_prefect_and_back(tp: Any, values: st.SearchStrategy[Any]) -> None:
    task = TypedParameter("Scan", Member("x", Parameter(), tp, {}, Place("scan.py", 1)))

    @settings(deadline=None, max_examples=30)
    @given(values)
    def check(value: Any) -> None:
        given = json.loads(json.dumps(unstructure(value)))  # as a server keeps it
        with prefect.context(parameters={"x": given}):
            arrived = task.run()
        assert arrived == value
        assert type(arrived) is type(value)

    check()


@pytest.mark.parametrize(("tp", "values"), TYPES, ids=lambda one: str(one)[:40])
def test_a_default_is_json_for_prefect(tp: Any, values: st.SearchStrategy[Any]) -> None:
    @settings(deadline=None, max_examples=10)
    @given(values)
    def check(value: Any) -> None:
        task = TypedParameter("Scan", Member("x", Parameter(value), tp, {}, Place("scan.py", 1)))
        assert json.loads(json.dumps(task.default)) == task.default
        with prefect.context(parameters={}):
            assert task.run() == value

    check()
