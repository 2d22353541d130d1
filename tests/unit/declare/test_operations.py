"""Operators, items and attributes of references have the type that their values will have; what surely fails is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import operator
import pathlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import NotRequired, Self

from lume_dsl import JSON
from lume_dsl.declare.graph import SYMBOLS
from lume_dsl.declare.operations import binary, unary
from lume_dsl.declare.outcomes import gathered, joined, type_of
from lume_dsl.declare.parts import attribute, item

# ruff: noqa: E501, UP007, UP045 - both spellings of a type are in the tables

Problems = Any
T = TypeVar("T")
Metres = NewType("Metres", float)


class Vector:
    def __add__(self, other: Vector) -> Vector: ...
    def __mul__(self, other: float) -> Vector: ...
    def __rmul__(self, other: float) -> Vector: ...
    def __matmul__(self, other: Vector) -> float: ...
    def __sub__(self, other: Vector) -> Vector | type(NotImplemented): ...  # type: ignore[valid-type]
    def __neg__(self) -> Self: ...
    def __lt__(self, other: Vector) -> bool: ...
    def __eq__(self, other: object) -> bool: ...
    def __getitem__(self, place: int) -> float: ...
    def __or__(self, other): ...  # type: ignore[no-untyped-def]


class Box(Generic[T]):
    content: T
    all: list[T]

    @property
    def first(self) -> T: ...
    def __getitem__(self, key: str) -> T: ...
    def __add__(self, other: Box[T]) -> Box[T]: ...


class Ints(Box[int]):
    pass


class Named:
    pass


@attrs.frozen
class Beam:
    sigma_x: float
    label: str = ""
    limit: ClassVar[int] = 3

    @property
    def area(self) -> float: ...
    def method(self) -> int: ...


@attrs.define(slots=False)
class Loose:
    x: float


class Mode(enum.Enum):
    FAST = "fast"

    @property
    def label(self) -> str:
        return self.name.lower()


@attrs.frozen
class Narrow(Beam):
    width: int = 1


@dataclasses.dataclass
class Data:
    x: int
    others: list[Beam] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int


class Row(NamedTuple):
    a: int
    b: str


class Options(TypedDict):
    a: int
    name: NotRequired[str]


class Dynamic:
    x: int
    lazy = functools.cached_property(lambda self: 1)

    def __getattr__(self, name: str) -> Any: ...


OPERATORS: list[tuple[Any, str, Any, Any]] = [
    # numbers
    (int, "add", int, int), (int, "add", float, float), (bool, "add", bool, int), (int, "truediv", int, float),
    (int, "floordiv", int, int), (int, "mod", float, float), (float, "mul", complex, complex), (int, "pow", int, Any),
    (float, "pow", int, float), (float, "pow", float, Any), (bool, "and", bool, bool), (int, "and", bool, int),
    (int, "lshift", int, int), (Decimal, "add", int, Decimal), (Metres, "add", Metres, float), (float, "lshift", int, Any),
    (Annotated[int, "n"], "sub", Literal[1], int), (Literal["a"], "add", str, str),
    # texts and sequences
    (str, "add", str, str), (str, "mul", int, str), (int, "mul", str, str), (str, "mod", Any, str), (str, "mod", Named, str),
    (list[int], "add", list[int], list[int]), (list[int], "add", list[float], list[float]), (list[int], "add", list[str], list[Any]),
    (list, "add", list[int], list), (list[int], "mul", int, list[int]), (int, "mul", list[str], list[str]),
    (tuple[int, str], "add", tuple[float], tuple[int, str, float]), (tuple[int, ...], "add", tuple[int], tuple[int, ...]),
    (tuple[int, int], "mul", int, tuple[int, ...]), (dict[str, int], "or", dict[str, float], dict[str, float]),
    (set[int], "sub", set[str], set[int]), (set[int], "or", set[int], set[int]),
    # dates and paths
    (dt.datetime, "sub", dt.datetime, dt.timedelta), (dt.datetime, "add", dt.timedelta, dt.datetime),
    (dt.date, "sub", dt.date, dt.timedelta), (dt.timedelta, "truediv", dt.timedelta, float),
    (dt.timedelta, "truediv", int, dt.timedelta), (int, "mul", dt.timedelta, dt.timedelta), (dt.date, "lt", dt.datetime, Any),
    (pathlib.Path, "truediv", str, pathlib.Path), (str, "truediv", pathlib.Path, pathlib.Path),
    (pathlib.Path, "truediv", pathlib.Path, pathlib.Path),
    # comparisons
    (int, "lt", float, bool), (str, "eq", int, bool), (None, "ne", int, bool), (list[int], "lt", list[int], bool),
    # user classes
    (Vector, "add", Vector, Vector), (Vector, "mul", int, Vector), (int, "mul", Vector, Vector), (Vector, "matmul", Vector, float),
    (Vector, "sub", Vector, Vector), (Vector, "lt", Vector, bool), (Vector, "eq", int, bool), (int, "eq", Vector, bool),
    (Vector, "or", Vector, Any), (Vector, "add", str, Any), (Box[int], "add", Box[int], Box[int]), (Ints, "add", Ints, Box[int]),
    (Named, "add", int, Any), (int, "add", Named, Any), (Named, "eq", Named, Any),
    # nothing is known
    (Any, "add", int, Any), (int, "eq", Any, Any), (JSON, "add", int, Any), (np.ndarray, "add", int, Any), (int, "mul", np.ndarray, Any),
    (np.float64, "add", int, Any), (list[int], "add", np.ndarray, Any), (T, "add", int, Any), (object, "add", int, Any),
    # unions
    (Optional[int], "add", int, Any), (Union[int, bool], "add", int, int), (int | float, "truediv", int, float), (int | str, "mul", int, Any),
    (int | str, "sub", int, Any), (int | float, "lt", int | float, bool),
]  # fmt: skip

REFUSED: list[tuple[Any, str, Any, str]] = [
    (str, "sub", int, "expected a number on the left of -, unsupported: str - int"),
    (int, "add", str, "expected a number on the right of +, unsupported: int + str"),
    (list[int], "add", tuple[int], "unsupported: list[int] + tuple[int]"),
    (None, "add", int, "expected a number on the left of +, unsupported: None + int"),
    (str, "lt", int, "expected a number on the left of <, unsupported: str < int"),
    (dict[str, int], "lt", dict[str, int], "unsupported: dict[str, int] < dict[str, int]"),
    (pathlib.Path, "add", str, "unsupported: Path + str"),
    (dt.datetime, "add", dt.datetime, "unsupported: datetime + datetime"),
    (int, "matmul", int, "unsupported: int @ int"),
    (str | bytes, "sub", int, "expected a number on the left of -, unsupported: str - int"),
    (list[int], "mul", str, "unsupported: list[int] * str"),
]


@pytest.mark.parametrize(("left", "symbol", "right", "tp"), OPERATORS, ids=str)
def test_an_operator_has_the_type_of_its_value(left: Any, symbol: str, right: Any, tp: Any) -> None:
    outcome = binary(symbol, left, right)
    assert (outcome.type, outcome.wrong) == (tp, "")


@pytest.mark.parametrize(("left", "symbol", "right", "message"), REFUSED, ids=str)
def test_an_operator_that_surely_fails_is_told(left: Any, symbol: str, right: Any, message: str) -> None:
    outcome = binary(symbol, left, right)
    assert (outcome.type, outcome.wrong) == (Any, message)
    assert outcome.fix


VALUES: list[Any] = [
    True, 3, 2.5, 1j, "a", b"a", None, [1], (1, "a"), {"a": 1}, {1}, dt.date(2020, 1, 2), dt.datetime(2020, 1, 2), dt.timedelta(2),
    pathlib.Path("b"), Decimal(3),
]  # fmt: skip


@given(
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
    st.sampled_from([s for s in SYMBOLS if s not in ("neg", "pos", "abs", "invert")]),
)
def test_the_type_of_an_operator_is_that_of_pythons_own_value(left: Any, right: Any, symbol: str) -> None:
    """Checked against the operator itself, for each pair of builtins."""
    outcome = binary(symbol, type_of(left), type_of(right))
    try:
        value = getattr(operator, f"__{symbol}__")(left, right)
    except Exception:
        return
    assert not outcome.wrong
    cls = getattr(outcome.type, "__origin__", outcome.type)
    assert cls is Any or isinstance(value, cls)


@pytest.mark.parametrize(
    ("symbol", "tp", "found"),
    [
        ("neg", int, int), ("neg", bool, int), ("abs", complex, float), ("invert", int, int), ("neg", dt.timedelta, dt.timedelta),
        ("neg", Vector, Vector), ("abs", Vector, Any), ("neg", Any, Any), ("invert", float, Any), ("neg", np.ndarray, Any), ("neg", int | bool, int),
    ],
)  # fmt: skip
def test_an_operator_of_one_side_has_the_type_of_its_value(symbol: str, tp: Any, found: Any) -> None:
    assert (unary(symbol, tp).type, unary(symbol, tp).wrong) == (found, "")


def test_an_operator_of_one_side_that_surely_fails_is_told() -> None:
    assert unary("neg", str).wrong == "expected a number, unsupported: - of str"


MISSING = object()
ITEMS: list[tuple[Any, Any, Any]] = [
    (list[int], 0, int), (list[int], slice(1, 2), list[int]), (list, 0, Any), (list, slice(1), list), (Sequence[int], 0, int),
    (tuple[int, str], 1, str), (tuple[int, str], -1, str), (tuple[int, str], slice(0, 1), tuple[int]), (tuple[int, ...], 7, int),
    (tuple[int, ...], slice(2), tuple[int, ...]), (Row, 0, int), (Row, 1, str), (tuple, 3, Any), (str, 0, str), (str, slice(1), str),
    (bytes, 0, int), (bytes, slice(1), bytes), (dict[str, float], "a", float), (Mapping[str, int], "a", int), (dict, "a", Any),
    (Options, "a", int), (Options, "name", str), (JSON, "a", JSON), (JSON, 0, JSON), (Vector, 0, float), (Box[int], "a", int),
    (Ints, "a", int), (np.ndarray, 0, Any), (Any, 0, Any), (Named, 0, Any), (Optional[list[int]], 0, Any), (list[int] | tuple[int, ...], 0, int),
]  # fmt: skip


@pytest.mark.parametrize(("container", "key", "tp"), ITEMS, ids=str)
def test_an_item_has_its_type(container: Any, key: Any, tp: Any) -> None:
    outcome = item(container, type_of(key), key)
    assert (outcome.type, outcome.wrong) == (tp, "")


@pytest.mark.parametrize(
    ("container", "key", "tp"),
    [(tuple[int, int], int, int), (tuple[int, str], int, Any), (Options, str, Any), (list[int], Any, Any), (dict[str, int], str, int), (Row, int, Any)],
    ids=str,
)  # fmt: skip
def test_an_item_at_a_place_that_is_not_known_has_the_type_that_all_have(container: Any, key: Any, tp: Any) -> None:
    assert item(container, key).type == tp


@pytest.mark.parametrize(
    ("container", "key", "message", "fix"),
    [
        (tuple[int, str], 2, "tuple[int, str] has 2 items, and none at 2", "write an index from 0 to 1"),
        (Row, -3, "Row has 2 items, and none at -3", "write an index from 0 to 1"),
        (Options, "nane", "Options has no key 'nane'; did you mean 'name'?", "its keys are a, name"),
        (int, 0, "int has no items", "take the item in a task"),
        (None, 0, "None has no items", "take the item in a task"),
        (list[int], "a", "list[int] is indexed by an int, got str", "index it with an int or a slice"),
    ],
    ids=str,
)
def test_an_item_that_is_surely_missing_is_told(container: Any, key: Any, message: str, fix: str) -> None:
    outcome = item(container, type_of(key), key)
    assert (outcome.wrong, outcome.fix) == (message, fix)


@pytest.mark.parametrize(
    ("owner", "name", "tp"),
    [
        (Beam, "sigma_x", float), (Beam, "area", float), (Beam, "limit", int), (Beam, "method", Any), (Narrow, "sigma_x", float),
        (Narrow, "width", int), (Data, "x", int), (Data, "others", list[Beam]), (Row, "b", str), (Row, "count", Any), (Box[int], "content", int),
        (Box[int], "all", list[int]), (Box[int], "first", int), (Ints, "content", int), (Box, "content", Any), (Loose, "y", Any),
        (Dynamic, "y", Any), (Dynamic, "lazy", Any), (Named, "x", Any), (complex, "real", float), (dt.datetime, "year", int), (str, "upper", Any),
        (pathlib.Path, "parent", pathlib.Path), (pathlib.Path, "name", str), (Any, "x", Any), (JSON, "x", Any), (np.ndarray, "shape", Any),
        (Optional[Beam], "sigma_x", Any), (Beam | Narrow, "sigma_x", float), (dt.date, "hour", Any), (Data, "y", Any), (type, "x", Any),
        (Mode, "value", str), (Mode, "label", str), (Mode, "set_later", Any),
    ],
    ids=str,
)  # fmt: skip
def test_an_attribute_has_its_type(owner: Any, name: str, tp: Any) -> None:
    outcome = attribute(owner, name)
    assert (outcome.type, outcome.wrong) == (tp, "")


@pytest.mark.parametrize(
    ("owner", "name", "message"),
    [
        (Beam, "sgima_x", "Beam has no attribute 'sgima_x'; did you mean 'sigma_x'?"),
        (Narrow, "nothing", "Narrow has no attribute 'nothing'"),
        (Row, "c", "Row has no attribute 'c'"),
        (Slotted, "y", "Slotted has no attribute 'y'"),
        (int, "sigma", "int has no attribute 'sigma'; did you mean 'imag'?"),
        (dict[str, int], "kyes", "dict[str, int] has no attribute 'kyes'; did you mean 'keys'?"),
        (Optional[Beam], "sgima_x", "Beam has no attribute 'sgima_x'; did you mean 'sigma_x'?"),
    ],
    ids=str,
)
def test_an_attribute_that_is_surely_missing_is_told(owner: Any, name: str, message: str) -> None:
    outcome = attribute(owner, name)
    assert outcome.wrong == message
    assert outcome.fix


@pytest.mark.parametrize(
    ("kinds", "one"),
    [
        ([int, int], int), ([int, float], float), ([bool, int], int), ([int, str], Any), ([], Any), ([int, Any], Any), ([int, None], Optional[int]),
        ([None], type(None)), ([Narrow, Beam], Beam), ([list[int], list[int]], list[int]), ([list[int], list[float]], Any), ([float, complex], complex),
    ],
    ids=str,
)  # fmt: skip
def test_types_are_joined_to_the_one_that_all_are(kinds: list[Any], one: Any) -> None:
    assert joined(kinds) == one


@pytest.mark.parametrize(
    ("value", "tp"),
    [(1, int), ([1, 2], list[int]), ([1, "a"], list[Any]), ([], list[Any]), ((1, "a"), tuple[int, str]), ({"a": 1.5}, dict[str, float]),
     ([[1]], list[Any]), (None, type(None)), (np.zeros(2), np.ndarray), (dt.date(2020, 1, 1), dt.date)],
    ids=str,
)  # fmt: skip
def test_a_constant_has_the_type_of_its_value(value: Any, tp: Any) -> None:
    assert type_of(value) == tp


def test_a_constant_that_holds_itself_has_a_type() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert type_of(loop) == list[Any]


def test_a_slice_of_references_is_a_slice() -> None:
    assert gathered(slice, [int, type(None), type(None)]) is slice


# in a flow


def types(flow: Any) -> dict[str, Any]:
    return {name: member.type for name, member in flow.__lume_graph__.members.items()}


def test_the_types_of_operations_are_followed_through_a_flow(scan: Any) -> None:
    found = types(
        scan(
            """
        a = add(1)
        b = a + 1
        c = b / 2
        d = readings()
        e = d[0]
        f = d[1:a]
        g = double.map([a, b])
        h = g[0] > c
        i = [a, c, 1]
        j = {'a': greet('')}
        k = [anything(1), a]
        l = -a
        m = -(a + add.map(d2)[0])
        """.replace("add.map(d2)", "add.map([a])")
        )
    )
    assert {name: tp for name, tp in found.items() if len(name) == 1} == {
        "a": int, "b": int, "c": float, "d": list[float], "e": float, "f": list[float], "g": list[float], "h": bool,
        "i": list[float], "j": dict[str, str], "k": list[Any], "l": int, "m": int,
    }  # fmt: skip


def test_an_edge_from_an_operation_is_checked(problems: Problems) -> None:
    told = problems(
        "a = add(1)\nb = greet(a + 1)\nc = add.map([greet(''), 'a'])\nd: str = result(a > 1)\ne = add(a / 2)"
    )
    assert [(kind, line, message) for kind, line, _, message, _ in told] == [
        ("edge-type", 3, "expected str for 'text', got int from a + 1"),
        ("edge-type", 4, "expected list[int] for 'x', got list[str] from [greet, 'a']"),
        ("result-type", 5, "expected str for 'value', got bool from a > 1"),
        ("edge-type", 6, "expected int for 'x', got float from a / 2"),
    ]


def test_all_operations_that_surely_fail_are_told_at_their_lines_once_each(problems: Problems) -> None:
    told = problems(
        "text: str = ''\nshots: int = 1\na = text - shots\n\nb = a - 1\nc = -text\nd = (shots, text)\ne = anything(shots[0])"
    )
    assert told == [
        (
            "operation-type",
            4,
            "Scan.a",
            "expected a number on the left of -, unsupported: str - int (text - shots)",
            "convert one of the two in a task",
        ),
        ("operation-type", 7, "Scan.c", "expected a number, unsupported: - of str (-text)", "convert it in a task"),
        ("operation-type", 9, "Scan.shots[0]", "int has no items (shots[0])", "take the item in a task"),
    ]


LOCAL = """
def make():
    class Spot:
        x: 'Spot'
        def __add__(self, other: 'Spot') -> 'Spot': ...
    @task
    def spot() -> Spot: ...
    class Scan(LumeFlow):
        a = spot()
        b = a + a
        c = a.x
        d = Spot
        e: int = parameter(default=1)
    return Scan, Spot
made = make()
"""


@pytest.mark.parametrize("future", [False, True])
def test_annotations_of_classes_in_functions_are_found(define: Any, future: bool) -> None:
    flow, spot = define(LOCAL, future=future)["made"]
    assert {types(flow)[name] for name in "abc"} == {spot}


def test_a_field_s_default_does_not_hide_the_type_of_the_same_name(define: Any) -> None:
    source = """
    from datetime import date
    class Day:
        date: Optional[date] = None
    @task
    def day() -> Day: ...
    class Scan(LumeFlow):
        a = day()
        b = a.date
    """
    assert types(define(source, future=True)["Scan"])["b"] == Optional[dt.date]


def test_an_annotation_that_cannot_be_resolved_leaves_operations_open(problems: Problems) -> None:
    told = problems(
        "x: 'Nowhere' = parameter()\na = add([x, x][0])\nb = add(x + 1)\nc = x[0].y - 'a'\nd = add.map([x])"
    )
    assert [kind for kind, *_ in told] == ["annotation"]


def test_a_misspelt_name_in_an_operation_is_told_alone(problems: Problems) -> None:
    told = problems("x: str = ''\na = x - shost\nb = [shost, x]\nc = add.map(b)\nd = x[shost]")
    assert {kind for kind, *_ in told} == {"unknown-name"}


ODD: list[Any] = [
    3, ..., "int", [int], object(), type, type[int], Any, None, T, JSON, ClassVar[int], Options, Row, Box[int], Ints, Vector, Dynamic, Beam,
    list[Any], tuple[()], tuple[int, ...], dict[str, T], Literal[1, "a"], Literal[None], Annotated[int, []], Sequence, np.ndarray, slice, Self,
    Optional[Beam], Metres, Exception, dt.datetime, Mapping[str, int], staticmethod, functools.partial, property, pathlib.PurePath,
]  # fmt: skip


@given(
    st.sampled_from(ODD),
    st.sampled_from(ODD),
    st.sampled_from(list(SYMBOLS)),
    st.sampled_from(["x", "real", "args", "append"]),
)
def test_no_type_makes_it_crash(left: Any, right: Any, symbol: str, name: str) -> None:
    if symbol in ("neg", "pos", "abs", "invert"):
        assert unary(symbol, left)
    else:
        assert binary(symbol, left, right)
    for constant in (0, -9, "x", None, slice("a"), object(), [1]):
        assert item(left, type_of(constant), constant)
    assert item(left, right)
    assert attribute(left, name)
    assert gathered(list, [left, right])
    assert gathered(tuple, [left, right])
    assert gathered(dict, [left, right], ["a", 1])


class Plane(enum.Enum):
    X = "x"
    Y = "y"


class Level(enum.IntEnum):
    LOW = 1


class Mixed(enum.Enum):
    A = 1
    B = "b"


class Own(enum.Enum):
    A = 1

    @property
    def value(self) -> float: ...  # type: ignore[override]


@pytest.mark.parametrize(
    ("owner", "name", "tp"),
    [
        (Plane, "value", str), (Plane, "name", str), (Level, "value", int), (Mixed, "value", Any), (Own, "value", float),
        (enum.Enum, "value", Any), (Optional[Plane], "value", Any),
    ],
)  # fmt: skip
def test_the_value_of_an_enum_is_of_the_type_of_its_members_values(owner: Any, name: str, tp: Any) -> None:
    assert attribute(owner, name).type == tp
