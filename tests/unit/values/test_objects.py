"""Instances of attrs classes, dataclasses and NamedTuples and enum members come back; no code of theirs is run."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import numpy as np
import pytest

from lume_dsl.errors import RecordError
from lume_dsl.values.canonical import digest
from lume_dsl.values.encoding import TAG, decode, encode, plain

T = TypeVar("T")
HERE = __name__
ran: list[str] = []
"""What ran while something was loaded."""


def back(value: Any) -> Any:
    stored = json.loads(json.dumps(encode(value), allow_nan=False))
    ran.clear()
    found = decode(stored)
    assert ran == []
    return found


@attrs.frozen
class Point:
    x: float
    y: float = 0.0


@attrs.define(slots=False, on_setattr=attrs.setters.NO_OP)
class Loud:
    """Everything that may run, runs."""

    x: int = attrs.field(converter=lambda value: ran.append("converter") or int(value))
    _hidden: list[int] = attrs.field(factory=list)

    @x.validator
    def _check(self, _attribute: Any, _value: Any) -> None:
        ran.append("validator")

    def __attrs_post_init__(self) -> None:
        ran.append("post_init")

    def __setattr__(self, name: str, value: Any) -> None:
        ran.append("setattr")
        object.__setattr__(self, name, value)


@dataclass
class Magnet:
    name: str
    k: dict[str, Any] = field(default_factory=dict)
    computed: int = field(init=False, default=3)

    def __post_init__(self) -> None:
        ran.append("post_init")


@dataclass(frozen=True, slots=True)
class Slotted:
    a: int
    b: tuple[int, ...] = ()

    def __new__(cls, *_: Any, **__: Any) -> Any:
        ran.append("new")
        return object.__new__(cls)


class Twiss(NamedTuple):
    beta: float
    alpha: float = 0.0


class Pair(namedtuple("PairBase", "first second")):
    __slots__ = ()

    def __new__(cls, first: Any, second: Any) -> Any:
        ran.append("new")
        return super().__new__(cls, first, second)


class Colour(str, enum.Enum):
    RED = "red"
    ROUGE = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Mode(enum.Flag):
    A = 1
    B = 2


class Outer:
    @attrs.define
    class Inner:
        unit: Colour


@attrs.define
class Box(Generic[T]):
    held: T


@attrs.frozen(cache_hash=True)
class Hashed:
    x: int


@attrs.frozen(cache_hash=True, slots=False)
class HashedOpen:
    x: int


@attrs.define
class Lazy:
    x: int

    @cached_property
    def double(self) -> int:
        return 2 * self.x


@dataclass
class LazyOpen:
    x: int

    @cached_property
    def double(self) -> int:
        return 2 * self.x


VALUES = [
    Point(1, float("inf")),
    Loud("3"),
    Magnet("q", {"a": (1, np.float32(2))}),
    Slotted(1, (2, 3)),
    Twiss(1.5),
    Pair(1, [2]),
    Colour.RED,
    Colour.ROUGE,
    Level.HIGH,
    Mode.B,
    Outer.Inner(Colour.RED),
    Box(Box([1])),
    Box[int](3),
    Hashed(1),
    HashedOpen(1),
    Lazy(2),
    LazyOpen(2),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_instance_comes_back_and_nothing_of_its_class_runs(value: Any) -> None:
    for _ in range(2):
        found = back([{"a": value}])[0]["a"]
        assert type(found) is type(value)
        assert found == value
        assert repr(found) == repr(value)
        assert getattr(found, "double", None) == getattr(value, "double", None)  # kept from the second time on
        if isinstance(value, Hashed | HashedOpen):
            assert hash(found) == hash(value)


def test_the_documented_form() -> None:
    assert encode(Point(1.5)) == {TAG: "object", "value": {"type": f"{HERE}:Point", "fields": {"x": 1.5, "y": 0.0}}}
    assert encode(Twiss(1.5))["value"] == {"type": f"{HERE}:Twiss", "fields": {"beta": 1.5, "alpha": 0.0}}
    assert encode(Colour.RED) == {
        TAG: "enum",
        "value": {"type": f"{HERE}:Colour", "name": "RED", "value": Colour.RED.value},
    }
    assert plain(encode([Point(1.5), Colour.RED])) == [{"x": 1.5, "y": 0.0}, "red"]


def test_the_value_of_a_member_is_no_part_of_its_hash() -> None:
    without = {TAG: "enum", "value": {"type": f"{HERE}:Colour", "name": "RED"}}
    assert digest(encode(Colour.RED)) == digest(without)
    assert (decode(without), plain(without)) == (Colour.RED, "RED")


def test_instances_of_different_classes_have_different_hashes() -> None:
    values = [Point(1), Twiss(1), {"x": 1, "y": 0}, (1, 0), Colour.RED, "red", Level.HIGH, 3, Point(1, 1)]
    assert len({digest(encode(value)) for value in values}) == len(values)
    assert digest(encode(Point(1))) == digest(encode(Point(np.float32(1), False + 0)))


# classes that have changed since


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the stored form of a Point whose class is replaced, as a later version of its module has it."""

    def of(value: Any, later: Any) -> Any:
        document = encode(value)
        monkeypatch.setattr(sys.modules[HERE], type(value).__name__, later, raising=False)
        if later is None:
            monkeypatch.delattr(sys.modules[HERE], type(value).__name__)
        return document

    return of


def test_a_field_that_the_class_has_gained_has_its_constant_default(stored: Any) -> None:
    @attrs.frozen
    class Later:
        x: float
        z: str = "new"
        items: list[int] = attrs.Factory(list)
        y: float = 0

    document = stored(Point(1), Later)
    first, second = decode(document), decode(document)
    assert (first.z, first.items, first.y) == ("new", [], 0.0)
    assert first.items is not second.items

    class LaterTwiss(NamedTuple):
        beta: float
        alpha: float
        gamma: str = "new"

    assert decode(stored(Twiss(1), LaterTwiss)) == LaterTwiss(1, 0.0, "new")


@attrs.frozen
class Needs:
    x: float
    y: float
    z: str


@attrs.frozen
class Makes:
    x: float
    y: float
    z: str = attrs.Factory(lambda: ran.append("factory"))


@dataclasses.dataclass
class Computes:
    x: float
    y: float

    @property
    def z(self) -> int:
        return 1


class Holds(dict):  # type: ignore[type-arg]
    pass


class Ends:
    def __del__(self) -> None:
        ran.append("del")


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (None, "'Point' is not in .*; it is gone, or was renamed"),
        (Needs, "has gained the field 'z'; give it a default"),
        (Makes, "has gained the field 'z'; give it a default"),
        (attrs.make_class("Less", ["x"]), "has no field 'y' any more"),
        (OrderedDict, "neither an attrs class"),
        (dataclass(type("D", (dict,), {"__annotations__": {"x": int, "y": int}})), "derives from dict"),
        (dataclass(type("E", (Exception,), {"__annotations__": {"x": int, "y": int}})), "derives from Exception"),
        (attrs.make_class("F", ["x", "y"], bases=(Ends,)), "has __del__"),
        (print, "is no class"),
    ],
)  # fmt: skip
def test_a_class_that_does_not_fit_any_more_is_a_record_error(stored: Any, later: Any, message: str) -> None:
    document = stored(Point(1), later)
    ran.clear()
    with pytest.raises(RecordError, match=f"'object' cannot be read: .*{message}"):
        decode(document)
    assert ran == []


def test_a_member_that_is_gone_is_a_record_error() -> None:
    for content in (
        {"type": f"{HERE}:Colour", "name": "BLUE"},
        {"type": f"{HERE}:Colour", "name": "__class__"},
        {"type": f"{HERE}:Point", "name": "RED"},
        {"type": "os:system", "name": "RED"},
        {"type": 3, "name": "RED"},
        None,
    ):
        with pytest.raises(RecordError, match="'enum' cannot be read"):
            decode({TAG: "enum", "value": content})


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"type": f"{HERE}:Point"},
        {"type": f"{HERE}:Point", "fields": []},
        {"type": f"{HERE}:Point", "fields": {"x": 1, "__class__": 2}},
        {"type": f"{HERE}:Point", "fields": {"x": 1, "__init__": 2}},
        {"type": "subprocess:Popen", "fields": {"args": "touch hacked"}},
        {"type": "antigravity:Foo", "fields": {}},
        {"type": "builtins:list", "fields": {}},
        {"type": ["x"], "fields": {}},
    ],
)
def test_a_malformed_object_is_a_record_error(content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError, match="'object' cannot be read"):
        decode({TAG: "object", "value": content})
    assert list(tmp_path.iterdir()) == []
    assert "antigravity" not in sys.modules


# what is refused


def local() -> Any:
    @attrs.frozen
    class Local:
        x: int = 1

    return Local()


def local_enum() -> Any:
    return enum.Enum("Made", "A B", module=HERE, qualname="local.<locals>.Made").A  # type: ignore[attr-defined]


def unset() -> Any:
    return object.__new__(Point)


def more() -> Any:
    magnet = Magnet("q")
    magnet.extra = 1  # type: ignore[attr-defined]
    return magnet


@dataclass
class WithProperty:
    x: int

    def _get(self) -> int:
        return 1

    x = property(_get, lambda self, value: ran.append("property"))  # type: ignore[assignment]


@dataclass
class Failure(Exception):
    reason: str


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (local, "local.<locals>.Local is defined in a function, .*; define it at the top of a module"),
        (local_enum, "is defined in a function"),
        (lambda: namedtuple("Elsewhere", "a")(1), "not found again as .*:Elsewhere; give it that name"),
        (lambda: Mode.A | Mode.B, "not one member; write its .value"),
        (unset, "its field x was never set"),
        (more, "its attribute extra is none of its fields; make it one"),
        (lambda: WithProperty(1), "its field x is computed"),
        (lambda: Failure("x"), "derives from Exception"),
        (lambda: Point({1}), r"outputs\[0\]\.x: set cannot be stored"),
        (lambda: Point(Box([{"a": {1: 2}}])), r"outputs\[0\]\.x\.held\[0\]\['a'\]\[1\]: a key of type int"),
        (lambda: Point, "type cannot be stored"),
    ],
)  # fmt: skip
def test_what_would_not_come_back_is_refused_by_its_path(make: Any, message: str) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        encode([make()], "outputs")
    assert str(caught.value).startswith("outputs[0]")


def test_a_type_of_another_module_is_not_imported_for_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "was_here", ModuleType("was_here"))
    document = {TAG: "object", "value": {"type": "was_here:Point", "fields": {}}}
    with pytest.raises(RecordError, match="'Point' is not in was_here"):
        decode(document)
