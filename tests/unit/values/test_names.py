"""Types are written as a person would write them."""

from __future__ import annotations

import collections.abc
import typing
from typing import Annotated, Any, Dict, List, Literal, NewType, Optional, Tuple, TypeVar, Union

import numpy as np
import pytest

from lume_dsl.values.jsontypes import JSON
from lume_dsl.values.names import is_union, type_name

# ruff: noqa: UP006, UP007, UP035, UP045 - both spellings of a type are in the tables


class Spot:
    pass


@pytest.mark.parametrize(
    ("tp", "text"),
    [
        (int, "int"),
        (None, "None"),
        (type(None), "None"),
        (Any, "Any"),
        (JSON, "JSON"),
        (Spot, "Spot"),
        (np.ndarray, "ndarray"),
        ("Spot", "Spot"),
        (int | None, "int | None"),
        (Optional[int], "int | None"),
        (Union[str, List[int]], "str | list[int]"),
        (list[int], "list[int]"),
        (Dict[str, Any], "dict[str, Any]"),
        (List, "List"),
        (dict[str, list[tuple[int, float | None]]], "dict[str, list[tuple[int, float | None]]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Tuple[int, str], "tuple[int, str]"),
        (Annotated[int, "unit"], "int"),
        (list[Annotated[int, "unit"]], "list[int]"),
        (Literal["a", 1, None], "Literal['a', 1, None]"),
        (typing.Callable[[int, Spot], str], "Callable[[int, Spot], str]"),
        (collections.abc.Callable[..., int], "Callable[..., int]"),
        (type[int], "type[int]"),
        (TypeVar("T"), "T"),
        (NewType("UserId", int), "UserId"),
        (..., "..."),
    ],
)
def test_a_type_is_named_as_in_an_annotation(tp: Any, text: str) -> None:
    assert type_name(tp) == text


@pytest.mark.parametrize(
    ("tp", "expected"),
    [
        (int | None, True),
        (Optional[int], True),
        (Union[int, str], True),
        (int, False),
        (list[int | None], False),
        (Annotated[int | None, ""], False),
        (None, False),
        (Any, False),
    ],
)
def test_both_spellings_of_a_union_are_unions(tp: Any, expected: bool) -> None:
    assert is_union(tp) is expected
