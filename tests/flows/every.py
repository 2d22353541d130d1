"""A flow that has a parameter of every type, and one that requires some."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypedDict
from uuid import UUID

import attrs

from lume_dsl import JSON, LumeFlow, parameter, result, step
from lume_dsl.values.units import Unit


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


@attrs.frozen
class Magnet:
    name: str
    current: Annotated[float, Unit("A")] = 0.0
    _hidden: int = 3


@dataclass
class Settings:
    magnets: list[Magnet] = field(default_factory=list)
    by_name: dict[str, Magnet] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    inner: Settings | None = None
    mode: Mode = Mode.FAST


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Opts(TypedDict, total=False):
    depth: int
    label: str | None


class Every(LumeFlow):
    """Every type that there is."""

    shots: int = parameter(default=3, ge=1, le=100, help="how many shots to take at each of the positions of the scan")
    charge: float = parameter(default=250.0, unit="pC", ge=0, env="LUME_TEST_CHARGE", examples=[100.0])
    name: str = parameter(default="a", min_length=1, max_length=8, pattern="[a-z]+")
    note: str = ""
    fast_mode: bool = False
    shutter: bool | None = None
    maybe: int | None = None
    mode: Mode = Mode.FAST
    level: Literal["low", "high", 3] = "low"
    when: datetime | None = None
    day: date = date(2026, 1, 2)
    pause: timedelta = timedelta(seconds=5)
    where: Path = Path("out")
    ident: UUID | None = None
    amount: Decimal = Decimal("1.5")
    blob: bytes = b"ab"
    numbers: list[float] = parameter(default=[1.0], max_length=4)
    charges: list[float] = parameter(default=[], unit="pC")
    words: list[str] = parameter(default=[])
    pair: tuple[int, str] = (1, "one")
    many: tuple[int, ...] = ()
    point: Point = Point(1.0, 2.0)
    extra: dict[str, JSON] = parameter(default={})
    anything: JSON = None
    settings: Settings = Settings(magnets=[Magnet("q1", 1.0)])
    opts: Opts = parameter(default=Opts())
    magnets: dict[str, list[Magnet]] = parameter(default={})
    mixed: int | float | str | list[int] = 1
    password: str | None = parameter(default=None, secret=True, env="LUME_TEST_PASSWORD", max_length=20)
    json: int = 8
    params: int = 9

    @step
    def one(self) -> int:
        return 1

    kept: int = result(one)


class Need(LumeFlow):
    shots: int = parameter(help="how many", env="LUME_TEST_SHOTS")
    params: int = parameter()
    flag: bool = parameter()
    settings: Settings

    @step
    def one(self) -> int:
        return 1

    kept: int = result(one)
