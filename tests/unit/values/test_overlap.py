"""Which unions JSON cannot tell apart, in a table."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import attrs
import pytest
from typing_extensions import NotRequired, TypedDict

from lume_dsl import JSON
from lume_dsl.values.overlap import confused


class Pair(NamedTuple):
    x: float
    y: float


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Mode(enum.Enum):
    FAST = "fast"


class Level(enum.Enum):
    LOW = 1


class Gain(enum.Enum):
    ONE = 1.0


@attrs.frozen
class Beam:
    charge: float


@attrs.frozen
class Magnet:
    current: float
    name: str = ""


@attrs.frozen
class Circle:
    size: float = 1.0
    kind: Literal["circle", "disc"] = "circle"


@attrs.frozen
class Square:
    size: float = 1.0
    kind: Literal["square"] = "square"


@attrs.frozen
class Round:
    size: float = 1.0
    kind: Literal["disc", "ball"] = "ball"


@attrs.frozen
class Named:
    size: str = ""
    kind: str = ""


class Keyed(TypedDict):
    size: float
    kind: NotRequired[Literal["square"]]


@pytest.mark.parametrize(
    "union",
    [
        int | float | str | None,
        list[int] | list[float],
        date | UUID,
        Mode | Literal["slow"],
        int | Gain,
        int | Decimal,
        float | Literal[1],
        Pair | tuple[int],
        tuple[int, int] | tuple[int, int, int],
        tuple[int, int] | tuple[str, str],
        tuple[str, Path] | tuple[float, Path],
        tuple[Path, Literal["a"]] | tuple[Path, Literal["b"]],
        list[str] | tuple[int, int],
        list[str] | Point,
        tuple[str, ...] | Point,
        Pair | tuple[None, None],
        tuple[list[int], int] | tuple[list[str], str],
        Beam | Magnet,
        Beam | str,
        Circle | Square,
        Square | Round | None,
        list[Circle] | list[Square],
        Circle | Named,  # by their sizes
    ],
    ids=str,
)
def test_these_are_told_apart(union: Any) -> None:
    assert confused(union) is None


@pytest.mark.parametrize(
    "union",
    [
        str | Path,
        bytes | str,
        Decimal | str,
        Mode | Literal["fast"],
        float | Level,
        Decimal | Level,
        Level | Gain,
        Point | tuple[float],
        list[int] | tuple[int, ...],
        list[int] | tuple[str, ...],  # []
        tuple[int, int] | tuple[float, float],  # [1, 1]
        tuple[int, Path] | tuple[int, str],
        tuple[bool, JSON] | tuple[bool, int],
        tuple[list[int], int] | tuple[list[str], int],  # [[], 1]
        list[float] | Point,
        list[str] | list[Path],
        dict[str, float] | Beam,
        JSON | Path,
        Circle | Round,  # both may be a disc
        Circle | Keyed,  # which may have no kind
    ],
    ids=str,
)
def test_these_are_not(union: Any) -> None:
    assert confused(union) is not None
