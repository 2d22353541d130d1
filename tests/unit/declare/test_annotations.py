# This module has no "from __future__ import annotations", so that its annotations are types; see ``future`` for text.
"""Annotations mean what they mean where the class is written, as types and as text."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from lume_dsl import LumeFlow, TextFile, file_result, parameter, result, task
from lume_dsl.errors import DefinitionError

if TYPE_CHECKING:
    from nowhere import Spot

Scan = Callable[..., Any]
Count = int


def types(flow: Any) -> dict[str, Any]:
    return {name: member.type for name, member in flow.__lume_graph__.members.items()}


@pytest.mark.parametrize("future", [False, True], ids=["types", "text"])
def test_every_way_to_write_a_type_means_the_same(scan: Scan, future: bool) -> None:
    flow = scan(
        """
        a: int = parameter()
        b: "int" = parameter()
        c: Optional[int] = None
        d: "int | None" = None
        e: list["int"] = parameter()
        f: Annotated[int, "count"] = 3
        g: dict[str, tuple[int, ...]] = parameter()
        h: "TextFile" = file_result("a", filename="a")
        """,
        future=future,
    )
    found = types(flow)
    assert (found["a"], found["b"], found["c"], found["d"]) == (int, int, int | None, int | None)
    assert (found["e"], found["f"], found["h"]) == (list[int], Annotated[int, "count"], TextFile)
    assert found["g"] == dict[str, tuple[int, ...]]


def test_names_of_the_function_around_the_class_are_found() -> None:
    class Local(TextFile):
        pass

    number = float

    class Flow(LumeFlow):
        a: number = parameter(default=1)
        b: "number" = parameter(default=2)
        c: "Local" = file_result("text", filename="c")

    assert types(Flow) == {"a": float, "b": float, "c": Local}
    assert Flow().b == 2.0


def test_names_of_the_class_itself_are_found(scan: Scan) -> None:
    for future in (False, True):
        flow = scan("Number = float\na: Number = parameter()\nb: 'Number' = 1", future=future)
        assert types(flow) == {"a": float, "b": float}


def test_a_parameter_that_bears_a_type_s_name_does_not_hide_the_type(scan: Scan) -> None:
    flow = scan("str: str = parameter(default='a')\nint: int = 3\nother: int = 4", future=True)
    assert types(flow) == {"str": str, "int": int, "other": int}


def test_types_of_tasks_are_looked_up_where_the_task_is_written(define: Any) -> None:
    elsewhere: dict[str, Any] = {}
    source = "from lume_dsl import task\nNumber = str\n@task\ndef spell(x: 'Number') -> 'Number': ...\n"
    exec(compile(source, "tasks.py", "exec"), elsewhere)
    names = define("Number = int\nclass Scan(LumeFlow):\n    pass\n")

    class Flow(LumeFlow):
        x: str = parameter()
        y = elsewhere["spell"](x)

    assert types(Flow)["y"] is str
    assert names["Number"] is int


def test_types_of_a_task_made_in_a_function_are_found_in_its_closure() -> None:
    def make() -> Any:
        number = int

        @task
        def count(x: "number") -> "list[number]":
            return [number(x)]

        return count

    count = make()
    with pytest.raises(DefinitionError, match="expected int for 'x', got 'a'"):

        class Flow(LumeFlow):
            y = count("a")


def test_an_annotation_of_a_task_that_only_type_checkers_know_fits_anything() -> None:
    @task
    def locate(image: "Spot", n: int) -> "Spot": ...

    class Flow(LumeFlow):
        spot = locate("anything", 1)
        again = locate(spot, 2)

    assert types(Flow)["spot"] is Any
    with pytest.raises(DefinitionError, match="expected int for 'n', got 'a'"):

        class Wrong(LumeFlow):
            spot = locate("anything", "a")


ENCLOSING = """
import attrs
Inner = float

def outer():
    @attrs.define
    class Inner:
        v: int

    class Between:
        def inner(self):
            @attrs.define
            class Spot:
                inner: Inner

            class Flow(LumeFlow):
                spot: Spot
                inner: Inner
                both: list[Inner] = parameter(default=[])
            return Flow

    return Inner, Between().inner()

def not_around():
    Other = int
    return outside()

def outside():
    class Flow(LumeFlow):
        x: Other
    return Flow
"""


def test_names_of_every_function_around_the_class_are_found_as_text(define: Any) -> None:
    inner, flow = define(ENCLOSING, future=True)["outer"]()
    assert types(flow)["inner"] is inner
    bound = flow(spot={"inner": {"v": 1}}, inner={"v": 2}, both=[{"v": 3}])
    assert (bound.spot.inner, bound.inner, bound.both) == (inner(1), inner(2), [inner(3)])


def test_names_of_a_function_that_merely_calls_are_not_found(define: Any) -> None:
    with pytest.raises(DefinitionError, match="the annotation 'Other' cannot be resolved"):
        define(ENCLOSING, future=True)["not_around"]()


CLASS_VARIABLE = """
import attrs
def make():
    @attrs.define
    class Inner:
        v: int

    @attrs.define
    class Outer:
        registry: ClassVar[Nope]
        inner: Inner

    class Flow(LumeFlow):
        o: Outer
    return Flow
"""


def test_a_class_of_a_function_may_have_an_annotation_that_only_type_checkers_know(define: Any) -> None:
    flow = define(CLASS_VARIABLE, future=True)["make"]()
    assert flow(o={"inner": {"v": 1}}).o.inner.v == 1


FACTORY = """
import attrs
def make():
    @attrs.define
    class Inner:
        v: int

    @attrs.define
    class Outer:
        inner: Inner

    return Outer

Outer = make()

class Flow(LumeFlow):
    o: Outer
"""


def test_a_class_whose_function_has_returned_keeps_its_types_and_loses_its_text(define: Any) -> None:
    flow = define(FACTORY)["Flow"]
    assert flow(o={"inner": {"v": 1}}).o.inner.v == 1
    with pytest.raises(DefinitionError, match="Outer has annotations that cannot be resolved: name 'Inner'"):
        define(FACTORY, future=True)


def test_a_step_may_name_types_of_the_function_around_its_class() -> None:
    from lume_dsl import step

    class Part:
        pass

    class Flow(LumeFlow):
        @step
        def part(self) -> "Part": ...

        @step
        def count(self, part: "Part") -> Count: ...

    assert types(Flow) == {"part": Part, "count": int}


def test_a_mapped_step_s_type_is_a_list_of_what_it_returns(scan: Scan) -> None:
    flow = scan("xs: list[int]\n@step.map(x=xs)\ndef each(self, x: int) -> str: ...\nr: list[str] = result(each)")
    assert types(flow)["each"] == list[str]


def test_annotations_stay_on_the_class() -> None:
    class Flow(LumeFlow):
        a: int = parameter()
        b: int = result(3)

    assert Flow.__annotations__ == {"a": int, "b": int}
