"""A constant in a body is checked against the type that its task declares, all of it, and never by its looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.errors import DefinitionError

# ruff: noqa: E501 - tables
TASK = "@task\ndef take(x: {}) -> int: ...\n"


@pytest.fixture
def take(define: Any) -> Callable[[str, str], Any]:
    """Define a flow that gives this constant to a task whose argument has this type."""
    imports = "import collections.abc as abc, numpy as np, numpy.typing as npt\n"
    classes = "class Base: pass\nclass Derived(Base): pass\nclass Options(TypedDict):\n    a: int\n"

    def run(tp: str, value: str) -> Any:
        body = f"class Scan(LumeFlow):\n    y = take({value})\n"
        return define(imports + classes + TASK.format(tp) + body)["Scan"]

    return run


@pytest.mark.parametrize(
    ("tp", "value"),
    [
        ("int", "3"), ("float", "3"), ("int", "True"), ("complex", "1.5"), ("Any", "object()"), ("object", "3"),
        ("int | None", "None"), ("Optional[str]", "'a'"), ("Literal['a', 'b']", "'a'"), ("'int'", "3"),
        ("list[int]", "[1, 2]"), ("list[float]", "[1, 2.5]"), ("list[int]", "[]"), ("abc.Sequence[int]", "(1, 2)"),
        ("abc.Sequence[int]", "range(3)"), ("tuple[int, str]", "(1, 'a')"), ("tuple[float, ...]", "(1, 2)"),
        ("dict[str, int]", "{'a': 1}"), ("abc.Mapping[str, float]", "{'a': 1}"), ("Options", "{'a': 1}"),
        ("Base", "Derived()"), ("type[Base]", "Derived"), ("Callable[[float], float]", "abs"),
        ("Callable[..., Any]", "lambda x: x"), ("np.ndarray", "np.zeros(3)"), ("npt.NDArray[np.float64]", "np.zeros(3)"),
        ("npt.ArrayLike", "[1, 2]"), ("Path", "Path('a')"), ("str | Path", "Path('a')"), ("timedelta", "timedelta(1)"),
        ("np.float64", "1.5"), ("list[np.float64]", "[1.5, 2]"), ("dict[str, np.int32]", "{'a': 1}"), ("npt.NDArray[np.float64] | None", "None"),
        ("Annotated[int, 'count']", "3"), ("JSON", "{'a': [1, None]}"), ("'NoSuchType'", "3"),
    ],
)  # fmt: skip
def test_a_constant_that_fits_is_taken(take: Callable[[str, str], Any], tp: str, value: str) -> None:
    assert list(take(tp, value).__lume_graph__.members) == ["y"]


@pytest.mark.parametrize(
    ("tp", "value", "shown"),
    [
        ("int", "3.0", "3.0"),
        ("int", "None", "None"),
        ("bool", "1", "1"),
        ("str", "3", "3"),
        ("str", "b'a'", "b'a' (bytes)"),
        ("Optional[int]", "'a'", "'a'"),
        ("Literal['a', 'b']", "'c'", "'c'"),
        ("list[int]", "[1, 'a']", "[1, 'a'] (list)"),
        ("list[int]", "(1, 2)", "(1, 2) (tuple)"),
        ("list[list[int]]", "[[1], ['a']]", "[[1], ['a']] (list)"),
        ("tuple[int, str]", "(1, 2)", "(1, 2) (tuple)"),
        ("tuple[int, str]", "(1,)", "(1,) (tuple)"),
        ("dict[str, int]", "{'a': 'b'}", "{'a': 'b'} (dict)"),
        ("dict[str, int]", "{1: 1}", "{1: 1} (dict)"),
        ("list[np.int64]", "['a']", "['a'] (list)"),
        ("list[np.int64]", "[1.5]", "[1.5] (list)"),
        ("np.ndarray", "[1, 2]", "[1, 2] (list)"),
        ("Path", "'a'", "'a'"),
        ("timedelta", "5", "5"),
    ],
)
def test_a_constant_that_does_not_fit_is_told_as_it_stands(
    take: Callable[[str, str], Any], tp: str, value: str, shown: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        take(tp, value)
    (problem,) = caught.value.problems
    assert (problem.kind, problem.subject) == ("edge-type", "Scan.y")
    assert f"for 'x', got {shown} from the body" in problem.message


def test_all_of_a_long_constant_is_checked(take: Callable[[str, str], Any]) -> None:
    with pytest.raises(DefinitionError, match="expected list"):
        take("list[int]", "[0] * 10_000 + ['a']")


def test_a_constant_is_never_run_or_compared(take: Callable[[str, str], Any]) -> None:
    hostile = "type('Hostile', (), {'__eq__': lambda *_: 1 / 0, '__bool__': lambda *_: 1 / 0, '__hash__': None})()"
    assert take("Any", hostile)
