# ruff: noqa: E501 - a mistake, and what is said of it, in one row
"""``resource_manager``: which members a block becomes, what waits for what, their types, and what is refused."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lume_dsl import resource_manager
from lume_dsl.declare.graph import Edge, Resource
from lume_dsl.errors import DefinitionError, Problem

Problems = Callable[..., list[tuple[str, int, str, str, str]]]

CLUSTER = """
class Plain:
    def __init__(self, workers: int, name: str = "a") -> None:
        self.workers = workers
    def setup(self) -> list[float]:
        return [1.0]
    def cleanup(self, client: list[float]) -> None: ...
Cluster = resource_manager(Plain, name="Cluster")
"""


@pytest.fixture
def flow(define: Callable[..., Any]) -> Callable[..., Any]:
    """Define a module with ``Cluster`` and return the flow ``Scan`` of this body; ``Sub`` inherits it, if given one."""

    def run(body: str, sub: str = "") -> Any:
        source = f"{CLUSTER}\nclass Scan(LumeFlow):\n{_indented(body)}"
        if sub:
            source += f"\nclass Sub(Scan):\n{_indented(sub)}"
        names = define(source)
        return names["Sub" if sub else "Scan"]

    return run


def _indented(body: str) -> str:
    return textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")


def upstream(found: Any) -> dict[str, set[str]]:
    return {name: set(member.upstream) for name, member in found.__lume_graph__.members.items()}


def wrong(flow: Callable[..., Any], body: str, sub: str = "") -> list[Problem]:
    with pytest.raises(DefinitionError) as caught:
        flow(body, sub)
    return list(caught.value.problems)


BODY = """
x: int = 1
with Cluster(x) as client:
    y = anything(client)
    z = add(y)
    w = add(x)
after = add(z)
"""


def test_a_block_is_between_its_setup_and_its_cleanup(flow: Callable[..., Any]) -> None:
    assert upstream(flow(BODY)) == {
        "x": set(),
        "Cluster": {"x"},
        "client": {"Cluster"},
        "y": {"client"},
        "z": {"y"},
        "w": {"x", "client"},
        "Cluster.cleanup": {"Cluster", "client", "y", "z", "w"},
        "after": {"z"},
    }


def test_its_parts_take_one_another_and_have_the_types_of_the_class(flow: Callable[..., Any]) -> None:
    members = flow(BODY).__lume_graph__.members
    parts = [members[name].work.part for name in ("Cluster", "client", "Cluster.cleanup")]
    assert parts == ["init", "setup", "cleanup"]
    assert members["Cluster"].type.__name__ == "Plain"
    assert members["client"].type == list[float]
    assert members["Cluster.cleanup"].inputs == {"mgr": Edge("Cluster"), "resource": Edge("client")}
    assert [name for name, member in members.items() if member.visible] == ["x", "client", "y", "z", "w", "after"]


def test_a_block_needs_no_name_and_one_class_may_hold_several(flow: Callable[..., Any]) -> None:
    body = """
    with Cluster(1):
        y = add(1)
    with Cluster(2, name="b"):
        z = add(2)
    """
    found = upstream(flow(body))
    assert found["y"] == {"Cluster.setup"}
    assert found["z"] == {"Cluster.setup_2"}
    assert found["Cluster.cleanup_2"] == {"Cluster_2", "Cluster.setup_2", "z"}


def test_a_block_in_a_block_is_over_before_the_outer_one(flow: Callable[..., Any]) -> None:
    body = """
    with Cluster(1) as outer:
        with Cluster(2) as inner:
            y = add(1)
        z = add(y)
    """
    found = upstream(flow(body))
    assert found["Cluster_2"] == {"outer"}
    assert found["y"] == {"inner"}
    assert found["z"] == {"y", "outer"}
    assert found["Cluster.cleanup"] == {"Cluster_2", "inner", "y"}
    assert found["Cluster.cleanup_2"] == {"Cluster", "outer", "Cluster_2", "inner", "Cluster.cleanup", "z"}


def test_a_case_in_a_block_waits_for_the_setup_and_a_block_in_a_case_for_the_case(flow: Callable[..., Any]) -> None:
    body = """
    x: int = 1
    with Cluster(1) as client:
        with case(x, 1):
            y = add(1)
    with case(x, 2):
        with Cluster(2) as other:
            z = add(1)
        v = add(z)
    """
    found = upstream(flow(body))
    assert found["case(1)"] == {"x", "client"}
    assert found["y"] == {"case(1)"}
    assert found["Cluster.cleanup"] == {"Cluster", "client", "case(1)", "y"}
    assert found["Cluster_2"] == {"case(2)"}
    assert found["z"] == {"other"}
    assert found["v"] == {"z"}


def test_the_cleanup_waits_for_what_takes_the_resource_outside_of_the_block(flow: Callable[..., Any]) -> None:
    body = """
    with Cluster(1) as client:
        pass
    late = anything([client, 1], b=2)
    first = double(client[0])
    of_it = double(first)
    with Cluster(anything(client)) as other:
        pass
    """
    found = upstream(flow(body))
    assert found["Cluster.cleanup"] == {"Cluster", "client", "List", "late", "client[0]", "first", "anything"}


def test_the_cleanup_waits_for_another_resource_that_is_made_of_it(flow: Callable[..., Any]) -> None:
    found = upstream(
        flow("with Cluster(1) as client: pass\nwith Cluster(2, name=unchecked(client)) as other:\n    y = add(1)")
    )
    assert {"Cluster_2", "other", "Cluster.cleanup_2"} <= found["Cluster.cleanup"]


def test_parameters_belong_to_no_block_and_maps_steps_and_results_do(flow: Callable[..., Any]) -> None:
    body = """
    with Cluster(1) as client:
        x: int = 1
        ys = add.map([1, 2])
        kept: list[int] = result(ys)
        @step
        def total(self) -> int: ...
        @step.map(y=ys)
        def each(self, y: int, client: list[float]) -> int: ...
    """
    found = upstream(flow(body))
    assert found["x"] == set()
    assert found["ys"] == {"client"}
    assert found["total"] == {"client"}
    assert found["Cluster.cleanup"] == {"Cluster", "client", "ys", "kept", "total", "each"}


def test_a_body_that_raises_in_a_block_leaves_none_open(flow: Callable[..., Any]) -> None:
    body = """
    try:
        with Cluster(1) as client:
            y = add(1)
            raise KeyError
    except KeyError:
        z = add(1)
    """
    found = upstream(flow(body))
    assert (found["z"], found["Cluster.cleanup"]) == (set(), {"Cluster", "client", "y"})
    with pytest.raises(KeyError):
        flow("with Cluster(1) as client:\n    raise KeyError")
    assert upstream(flow("y = add(1)")) == {"y": set()}


# inheritance


def test_what_redefines_a_task_of_a_block_stands_in_it(flow: Callable[..., Any]) -> None:
    found = upstream(flow(BODY, "y = add(5)\nz = add(Scan.z)"))
    assert found["y"] == {"client"}
    assert found["Scan.z"] == {"y"}
    assert found["z"] == {"Scan.z"}
    assert found["Cluster.cleanup"] == {"Cluster", "client", "y", "z", "w", "Scan.z"}


def test_a_task_that_is_redefined_in_another_block_is_in_that_one(flow: Callable[..., Any]) -> None:
    found = upstream(flow(BODY, "with Cluster(2) as other:\n    w = add(5)"))
    assert found["w"] == {"other"}
    assert found["Cluster.cleanup"] == {"Cluster", "client", "y", "z"}
    assert found["Cluster.cleanup_2"] == {"Cluster_2", "other", "w"}


def test_a_task_of_a_block_may_be_removed_and_the_resource_with_what_takes_it(flow: Callable[..., Any]) -> None:
    assert upstream(flow(BODY, "w = removed()"))["Cluster.cleanup"] == {"Cluster", "client", "y", "z"}
    without = upstream(flow(BODY, "client = removed()\ny = removed()\nz = add(1)"))
    assert without == {"x": set(), "z": set(), "w": {"x"}, "after": {"z"}}
    (problem,) = wrong(flow, BODY, "client = removed()")
    assert (problem.kind, problem.message) == ("inheritance", "takes client, which Sub removes")


def test_another_resource_of_the_name_takes_the_block_over(flow: Callable[..., Any]) -> None:
    found = upstream(flow(BODY, "with Cluster(8) as client:\n    v = add(1)"))
    assert "Cluster" not in found
    assert found["w"] == {"x", "client"}
    assert found["Cluster.cleanup_2"] == {"Cluster_2", "client", "y", "z", "w", "v"}


def test_a_plain_value_of_the_name_has_no_block_and_no_cleanup(flow: Callable[..., Any]) -> None:
    assert upstream(flow(BODY, "client = readings()")) == {
        "x": set(), "client": set(), "y": {"client"}, "z": {"y"}, "w": {"x"}, "after": {"z"},
    }  # fmt: skip


def test_a_resource_goes_on_under_another_name(flow: Callable[..., Any]) -> None:
    found = upstream(flow(BODY, "connection = Scan.client\nclient = removed()"))
    assert found["w"] == {"x", "connection"}
    assert found["Cluster.cleanup"] == {"Cluster", "connection", "y", "z", "w"}


def test_what_is_made_of_a_resource_is_not_cleaned_up_in_its_place(flow: Callable[..., Any]) -> None:
    found = flow(BODY, "client = anything(Scan.client)")
    members = found.__lume_graph__.members
    assert members["Cluster.cleanup"].inputs["resource"] == Edge("Scan.client")
    assert members["y"].inputs["a"] == Edge("client")
    assert {"y", "z", "w", "client"} <= set(members["Cluster.cleanup"].upstream)


# what is refused


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("with Cluster() as client: pass", ("task-arguments", "Scan: Cluster", "missing a required argument: 'workers'", "its arguments are (workers: int, name: str = 'a') -> None")),
        ("with Cluster(1, nam='b') as client: pass", ("task-arguments", "Scan: Cluster", "got an unexpected keyword argument 'nam'; did you mean 'name'?", "its arguments are (workers: int, name: str = 'a') -> None")),
        ("with Cluster('two') as client: pass", ("edge-type", "Scan.Cluster", "expected int for 'workers', got 'two' from the body", "give it a value of the type int, or change the annotation")),
        ("with Cluster(greet('a')) as client: pass", ("edge-type", "Scan.Cluster", "expected int for 'workers', got str from greet", "give it a value of the type int, or change the annotation")),
        ("with Cluster(1) as client:\n    y = greet(client)", ("edge-type", "Scan.y", "expected str for 'text', got list[float] from client", "give it a value of the type str, or change the annotation")),
        ("with Cluster(wokrers) as client: pass", ("unknown-name", "Scan: wokrers", "is not defined here", "define it above this line, or import it")),
        ("cluster = Cluster(1)", ("resource", "Scan: Cluster", "is set up for nothing, as it has no block", "write: with Cluster(...) as ...:")),
        ("cluster = Cluster(1)\nwith cluster: pass\nwith cluster: pass", ("resource", "Scan: Cluster", "is held around a second block, after its cleanup", "write Cluster(...) again, which sets up another")),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)  # fmt: skip
def test_what_is_no_resource_is_told(flow: Callable[..., Any], line: str, expected: tuple[str, ...]) -> None:
    (problem,) = wrong(flow, line)
    assert (problem.kind, problem.subject, problem.message, problem.fix) == expected
    assert problem.place is not None
    assert problem.place.file == "beam.py"


def test_a_cleanup_of_another_type_than_the_setup_is_told(define: Callable[..., Any]) -> None:
    source = """
@resource_manager
class Cluster:
    def setup(self) -> int: ...
    def cleanup(self, client: str) -> None: ...
class Scan(LumeFlow):
    with Cluster() as client:
        y = add(client)
"""
    with pytest.raises(DefinitionError, match="expected str for 'resource', got int from client"):
        define(source)


@pytest.mark.parametrize("decorated", ["@attrs.frozen", "@dataclasses.dataclass"])
@pytest.mark.parametrize("future", [True, False])
def test_the_arguments_of_attrs_classes_and_dataclasses_are_checked(
    define: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, decorated: str, future: bool
) -> None:
    monkeypatch.setitem(sys.modules, "beam", ModuleType("beam"))  # where a dataclass looks for itself
    source = f"""
import attrs, dataclasses
@resource_manager
{decorated}
class Cluster:
    workers: int
    def setup(self) -> int: ...
    def cleanup(self, client: int) -> None: ...
class Scan(LumeFlow):
    with Cluster("two") as client:
        y = add(client)
"""
    with pytest.raises(DefinitionError, match="expected int for 'workers', got 'two'"):
        define(source, future=future)


SETUP = "def setup(self): ..."
CLEANUP = "def cleanup(self, resource): ..."


@pytest.mark.parametrize(
    ("body", "message", "fix"),
    [
        ([SETUP], "has no cleanup", "write def cleanup(self, resource): ..."),
        ([CLEANUP, "def setUp(self): ..."], "has no setup; did you mean 'setUp'?", "write def setup(self): ..."),
        ([SETUP, "def cleanup(self): ..."], "cleanup takes other arguments: (self)", "write def cleanup(self, resource): ..."),
        ([CLEANUP, "def setup(self, x): ..."], "setup takes other arguments: (self, x)", "write def setup(self): ..."),
        ([CLEANUP, "async def setup(self): ..."], "setup is a coroutine, which Prefect 1 does not await", "write def, and asyncio.run(...) in it"),
        ([SETUP, CLEANUP, "def __init__(self, *xs): ..."], "takes *args or positional-only arguments, but a task's are passed by name", "give each a name"),
    ],
)  # fmt: skip
def test_what_is_no_resource_manager_is_told_at_its_line(body: list[str], message: str, fix: str) -> None:
    names: dict[str, Any] = {"resource_manager": resource_manager}
    source = "\n@resource_manager\nclass Shutter:\n" + "".join(f"    {line}\n" for line in body)
    with pytest.raises(DefinitionError) as caught:
        exec(compile(source, "beam.py", "exec"), names)
    (problem,) = caught.value.problems
    assert (problem.kind, problem.subject) == ("resource", "resource manager Shutter")
    assert (problem.message, problem.fix) == (message, fix)
    assert problem.place is not None
    assert (problem.place.file, problem.place.line) in (("beam.py", 2), ("beam.py", 3))


class Shutter:
    def setup(self) -> str:
        return "open"

    def cleanup(self, state: str) -> None:
        pass


def test_what_is_no_class_and_wrong_options_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"does not tell its arguments' names  \[resource\]"):
        resource_manager(type("Shutter", (Shutter, dict), {}))
    with pytest.raises(DefinitionError, match=r"resource manager print: is no class  \[resource\]"):
        resource_manager(print)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match=r"setup_task_kwargs of Shutter: .*did you mean 'max_retries'"):
        resource_manager(setup_task_kwargs={"max_retrys": 3})(Shutter)  # type: ignore[typeddict-unknown-key]


def test_outside_a_body_it_says_what_to_write() -> None:
    with pytest.raises(DefinitionError) as caught:
        resource_manager(Shutter)()
    (problem,) = caught.value.problems
    assert (problem.kind, problem.subject) == ("outside-flow", "resource manager Shutter")
    assert problem.fix == "write with Shutter.run(...) as ...: to set it up and clean it up in plain Python"
    assert problem.place is not None
    assert problem.place.file == __file__


def test_a_manager_looks_like_its_class_and_may_be_subclassed() -> None:
    """A subclass is one of the plain class, as type checkers do not follow."""
    manager = resource_manager(Shutter)
    assert (manager.__name__, manager.__module__, repr(manager)) == ("Shutter", __name__, "<resource manager Shutter>")
    names: dict[str, Any] = {"manager": manager}
    exec("class Other(manager): pass", names)
    assert names["Other"].__bases__ == (Shutter,)
    assert Resource("setup", names["Other"], {}) != Resource("setup", Shutter, {})
