"""The fields of a class have the types that its annotations mean, wherever the class is written."""

from __future__ import annotations

import sys
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import attr
import attrs
import pytest
from typing_extensions import TypedDict

from lume_dsl.values.classes import Field, fields_of, known_fields, known_hints

if TYPE_CHECKING:
    from nowhere import Nowhere


def types_of(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {field.name: field.type for field in fields}


@dataclass
class Inner:
    """Not the one of ``Outer``."""


@dataclass
class Outer:
    @dataclass
    class Inner:
        v: int

    inner: Inner
    many: list[Inner]
    int: int = 3
    text: str = ""

    def str(self) -> None: ...


def test_a_class_may_use_the_classes_in_it_and_no_field_or_method_hides_a_type() -> None:
    assert types_of(fields_of(Outer)) == {
        "inner": Outer.Inner,
        "many": list[Outer.Inner],
        "int": int,
        "text": str,
    }


@attrs.frozen
class Slotted:
    @attrs.frozen
    class Inner:
        v: int

    inner: Inner
    again: Slotted | None = None


def test_a_class_in_a_slotted_class_is_found_too() -> None:
    assert types_of(fields_of(Slotted)) == {"inner": Slotted.Inner, "again": Slotted | None}


@attr.s
class Old:
    x = attr.ib(type=int)
    inner = attr.ib(type="Inner")
    anything = attr.ib()
    z: float = attr.ib(default=0.0)


@attrs.define
class Newer(Old):
    y: float = 1.0


def test_a_field_of_an_attrs_class_without_annotations_has_the_type_it_is_given() -> None:
    assert types_of(fields_of(Old)) == {"x": int, "inner": Inner, "anything": Any, "z": float}
    assert types_of(fields_of(attrs.make_class("Made", {"x": attr.ib(type=int)}))) == {"x": int}


def test_it_is_inherited() -> None:
    assert types_of(fields_of(Newer)) == {"x": int, "inner": Inner, "anything": Any, "z": float, "y": float}


def test_what_is_no_field_need_not_be_known_and_the_rest_is_kept() -> None:
    @dataclass
    class Local:
        v: int

    @dataclass
    class Holder:
        registry: ClassVar[Nowhere]
        count: ClassVar[int]
        local: Local

    assert types_of(fields_of(Holder, {"Local": Local})) == {"local": Local}
    assert types_of(fields_of(Holder)) == {"local": Local}, "without the function's names, as when a run is made"
    assert Holder.__annotations__["registry"] == "ClassVar[Nowhere]"


def test_a_look_at_what_is_known_leaves_the_class_as_it_is() -> None:
    @dataclass
    class Inner:
        v: int

    @dataclass
    class Local:
        inner: Inner

    known_fields(Local)
    assert types_of(fields_of(Local, {"Inner": Inner})) == {"inner": Inner}


def test_what_is_not_known_is_any_and_may_lack() -> None:
    class Options(TypedDict):
        a: int
        b: Nowhere

    class Row(NamedTuple):
        a: int
        b: Nowhere = None

    assert known_fields(Options) == (Field("a", "a", int, True), Field("b", "b", Any, False))
    assert types_of(known_fields(Row)) == {"a": int, "b": Any}
    with pytest.raises(NameError, match="name 'Nowhere' is not defined"):
        fields_of(Row)


class Late:
    x: Final[int] = 3
    y: ClassVar[list[str]]
    z: Later  # type: ignore[name-defined]  # noqa: F821 - another cell of a notebook defines it


def test_the_annotations_of_any_class_are_told_with_what_stands_around_the_type() -> None:
    assert known_hints(Late, {}) == {"x": Final[int], "y": ClassVar[list[str]], "z": Any}


def test_a_name_that_is_defined_later_is_found_then(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("cells")
    monkeypatch.setitem(sys.modules, "cells", module)
    source = "from __future__ import annotations\nclass Spot(T.NamedTuple):\n    x: Later\n"
    vars(module)["T"] = typing
    exec(source, vars(module))
    with pytest.raises(NameError):
        fields_of(module.Spot)
    vars(module)["Later"] = int
    assert types_of(fields_of(module.Spot)) == {"x": int}
