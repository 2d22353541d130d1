"""The source of a class, or of a value, is the same after it was used: what Python keeps in it then is none of it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import pickle
import sys
import typing
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import attrs
import cattrs
import pytest
import typeguard

from lume_dsl.cache.source import Source
from lume_dsl.values.convert import unstructure
from tests.unit.cache.test_source import module

TEXT = """
import abc, attrs, dataclasses, enum, functools, typing

T = typing.TypeVar("T")

@dataclasses.dataclass(order=True)
class Spot:
    x: "int" = 1
    @functools.cached_property
    def width(self): return self.x
    @functools.lru_cache(maxsize=2)
    def kept(self): return 1
    @functools.singledispatchmethod
    def told(self, x): return 0
    @told.register
    def _(self, x: int): return 1

@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    x: "int" = 1

@attrs.define(order=True)
class Twiss:
    x: "int" = 1
    of: "list[Twiss]" = attrs.field(factory=list)
    @functools.cached_property
    def width(self): return self.x

@attrs.frozen(slots=False, cache_hash=True)
class Frozen:
    x: "int" = 1
    @functools.cached_property
    def width(self): return self.x

class Plain:
    def __init__(self, x=1): self.x, self.f = x, lambda: x
    @functools.cached_property
    def width(self): return self.x

class Abstract(abc.ABC):
    @abc.abstractmethod
    def kept(self): ...

class Concrete(Abstract):
    def __init__(self, x=1): self.x = x
    def kept(self): return 1

class Generic(typing.Generic[T]):
    def __init__(self, x=1): self.x = x

class OfInt(Generic[int]): pass

@typing.runtime_checkable
class Keeps(typing.Protocol):
    def kept(self): ...

class Kept(Keeps):
    def kept(self): return 1

class Plane(enum.Enum):
    X = 1
    @classmethod
    def _missing_(cls, value): return cls.X

class Flags(enum.Flag):
    A = 1
    B = 2

class Named(typing.NamedTuple):
    x: "int" = 1

class Meta(type):
    def __call__(cls, *given): return super().__call__(*given)

class WithMeta(metaclass=Meta):
    def __init__(self, x=1): self.x = x

class Failure(Exception): pass

PLAIN = Plain()

@functools.singledispatch
def told(x): return 0

@told.register
def _(x: Abstract): return 1

@functools.cache
def kept(x): return x

def remembers(x, seen={}, *, also=[]):
    seen[x] = x
    also.append(x)
    return x
"""
CLASSES = [
    *("Spot", "Slotted", "Twiss", "Frozen", "Plain", "Abstract", "Concrete", "Generic", "OfInt", "Keeps", "Kept"),
    *("Plane", "Flags", "Named", "WithMeta", "Failure"),
]
NAMES = [*CLASSES, "PLAIN", "told", "kept", "remembers"]


def parts_of(own: ModuleType, name: str) -> dict[str, str]:
    source = Source()
    source.add(getattr(own, name), name)
    return source.parts


def uses_of(own: ModuleType, cls: Any, one: Any) -> list[Callable[[], Any]]:
    """Many ways to use a class and an instance of it, of which each class has some only."""
    return [
        *(functools.partial(lambda protocol: pickle.loads(pickle.dumps(one, protocol)), each) for each in range(6)),
        lambda: copy.copy(one),
        lambda: copy.deepcopy(one),
        lambda: repr(one),
        lambda: hash(one),
        lambda: one < one,
        lambda: isinstance(one, own.Abstract),
        lambda: isinstance(one, own.Keeps),
        lambda: issubclass(int, cls),
        lambda: one.width,
        lambda: one.kept(),
        lambda: one.told(1),
        lambda: own.told(one),
        lambda: attrs.asdict(one),
        lambda: dataclasses.asdict(one),
        lambda: cattrs.structure(cattrs.unstructure(one), cls),
        lambda: attrs.resolve_types(cls),
        lambda: typeguard.check_type(one, cls),
        lambda: unstructure(one),
        lambda: inspect.signature(cls),
        lambda: inspect.get_annotations(cls, eval_str=True),
        lambda: inspect.getmembers(cls),
        lambda: typing.get_type_hints(cls),
        lambda: cls[int],
        lambda: cls.register(int),
        lambda: type("Sub", (cls,), {}),
    ]


def use(own: ModuleType) -> None:
    for cls in (getattr(own, name) for name in CLASSES):
        for one in (cls(1) if cls not in (own.Abstract, own.Keeps, own.Kept) else own.Kept(), own.PLAIN):
            for go in uses_of(own, cls, one):
                with suppress(Exception):  # no class can be used in each way
                    go()
    own.told(1), own.kept(1), own.remembers(1)
    assert [own.Flags(3), own.Plane(9)] == [own.Flags.A | own.Flags.B, own.Plane.X]


@pytest.fixture(scope="module")
def before_and_after() -> tuple[dict[str, Any], dict[str, Any]]:
    own = module(TEXT)
    before = {name: parts_of(own, name) for name in NAMES}
    use(own)
    assert "__slotnames__" in vars(own.Spot)
    assert "__attrs_types_resolved__" in vars(own.Twiss)
    after = {name: parts_of(own, name) for name in NAMES}
    del sys.modules[own.__name__]
    return before, after


@pytest.mark.parametrize("name", NAMES)
def test_use_leaves_the_source(name: str, before_and_after: tuple[dict[str, Any], dict[str, Any]]) -> None:
    before, after = (each[name] for each in before_and_after)
    assert {part for part in {**before, **after} if before.get(part) != after.get(part)} == set()


def test_a_default_that_the_function_only_reads_counts() -> None:
    text = "def f(x, table={1: 60}, seen=None):\n    seen.append(x)\n    table = table or {}\n    return table[x]\n"
    one, other = (module(each) for each in (text, text.replace("60", "61")))
    assert parts_of(one, "f") != parts_of(other, "f")
