"""Whether a type is JSON is proved from the type alone, and every offender is named with its path and a fix."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Dict,
    Generic,
    List,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

import numpy as np
import pytest

from lume_dsl.values.jsontypes import JSON, Offender, offenders

# ruff: noqa: UP006, UP007, UP035, UP045 - both spellings of a type are in the tables


class Spot:
    pass


class Text(str):
    pass


@pytest.mark.parametrize(
    "tp",
    [
        str,
        int,
        float,
        bool,
        None,
        type(None),
        JSON,
        list[int],
        List[int],
        list[None],
        dict[str, float],
        Dict[str, float],
        dict[str, JSON],
        tuple[int, float],
        Tuple[int, float],
        tuple[int, ...],
        tuple[()],
        Tuple[()],
        int | None,
        Optional[int],
        Union[int, str, None],
        dict[str, list[tuple[int, float | None, dict[str, JSON]]]],
        Annotated[int, "count"],
        list[Annotated[int | None, "count"]],
        dict[Annotated[str, "key"], int],
    ],
    ids=str,
)
def test_json_types_are_accepted(tp: Any) -> None:
    assert offenders(tp) == ()


def nested(depth: int) -> Any:
    tp: Any = int
    for _ in range(depth):
        tp = list[tp]
    return tp


def test_nesting_a_type_deeply_does_not_matter() -> None:
    assert offenders(nested(100)) == ()


SAY = "say what it holds, or write JSON (from lume_dsl) for any JSON value"
SAY_DICT = "say what it holds: dict[str, float], or dict[str, JSON] for any JSON"
SAY_LIST = "say what it holds: list[float], or list[JSON] for any JSON"
SAY_TUPLE = "say what it holds: tuple[float, float], or tuple[float, ...]"
USE_LIST = "use list: a set has no order"
USE_STR = "use str for the keys"
ARRAY = "use list[float], and make the array in a task"
CLASS = "make it an attrs class or a dataclass, or use dict[str, …], list, tuple, str, int, float, bool or None"
USE = "use dict[str, …], list, tuple, str, int, float, bool, None or unions of them"


@pytest.mark.parametrize(
    ("tp", "path", "name", "fix"),
    [
        (Any, "", "Any", SAY),
        (object, "", "object", SAY),
        (dict, "", "dict", SAY_DICT),
        (Dict, "", "Dict", SAY_DICT),
        (list, "", "list", SAY_LIST),
        (List, "", "List", SAY_LIST),
        (tuple, "", "tuple", SAY_TUPLE),
        (Tuple, "", "Tuple", SAY_TUPLE),
        (set, "", "set", USE_LIST),
        (set[int], "", "set[int]", USE_LIST),
        (frozenset[str], "", "frozenset[str]", USE_LIST),
        (complex, "", "complex", "use tuple[float, float]"),
        (np.ndarray, "", "ndarray", ARRAY),
        (Callable, "", "Callable", USE),
        (Callable[[int], str], "", "Callable[[int], str]", USE),
        (Spot, "", "Spot", CLASS),
        (Text, "", "Text", CLASS),
        (dt.tzinfo, "", "tzinfo", CLASS),
        (Sequence[int], "", "Sequence[int]", USE),
        (Mapping[str, int], "", "Mapping[str, int]", USE),
        (collections.OrderedDict[str, int], "", "OrderedDict[str, int]", USE),
        (type[int], "", "type[int]", USE),
        (TypeVar("T"), "", "T", "say what it is: Box[float] of a class Box[T]"),
        (typing.NoReturn, "", "NoReturn", USE),
        (3, "", "3", USE),
        ("Spot", "", "Spot", "use a class, which may hold itself, or JSON"),
        (Optional[Any], "", "Any", SAY),
        (int | set[int] | None, "", "set[int]", USE_LIST),
        (Annotated[set, "x"], "", "set", USE_LIST),
        (list[Any], "item", "Any", SAY),
        (tuple[set[int], ...], "item", "set[int]", USE_LIST),
        (tuple[int, Any], "item 1", "Any", SAY),
        (dict[str, Callable], "value", "Callable", USE),
        (dict[int, str], "key", "int", USE_STR),
        (dict[str | None, str], "key", "str | None", USE_STR),
        (dict[Text, int], "key", "Text", USE_STR),
        (list[dict[str, tuple[int, Any]]], "item → value → item 1", "Any", SAY),
        (dict[str, int | list[Annotated[set, "x"]]], "value → item", "set", USE_LIST),
    ],
    ids=str,
)
def test_a_type_that_is_not_json_is_refused_with_its_path_and_a_fix(tp: Any, path: str, name: str, fix: str) -> None:
    assert offenders(tp) == (Offender(path, name, fix),)


@pytest.mark.parametrize("tp", [bytearray, range, type, typing.ClassVar[int], collections.deque[int]], ids=str)
def test_whatever_else_is_no_json_either(tp: Any) -> None:
    assert [offender.path for offender in offenders(tp)] == [""]


def test_every_offender_is_told_in_the_order_written() -> None:
    tp = tuple[dict[int, Any], list[set], int, set | complex]
    assert [(offender.path, offender.type) for offender in offenders(tp)] == [
        ("item 0 → key", "int"),
        ("item 0 → value", "Any"),
        ("item 1 → item", "set"),
        ("item 3", "set"),
        ("item 3", "complex"),
    ]


@pytest.mark.parametrize("tp", [dict[str], dict[str, int, int], list[int, int]], ids=str)  # type: ignore[misc, type-arg]
def test_a_type_with_the_wrong_number_of_arguments_is_refused(tp: Any) -> None:
    """Python itself takes ``list[int, int]`` and ``dict[str]`` for types."""
    assert [offender.path for offender in offenders(tp)] == [""]


@pytest.mark.parametrize("tp", [np.float64, np.int64, np.bool_], ids=lambda tp: tp.__name__)
def test_a_numpy_scalar_is_not_told_to_be_a_list(tp: Any) -> None:
    (offender,) = offenders(tp)
    assert not offender.fix.startswith("use list")


Item = TypeVar("Item")


@dataclasses.dataclass
class Growing(Generic[Item]):
    item: Item
    more: Growing[list[Item]] | None = None


def test_a_class_that_holds_itself_with_ever_other_arguments_is_refused() -> None:
    (found,) = offenders(Growing[int])
    assert found.why == "is made of itself with ever other type arguments"
