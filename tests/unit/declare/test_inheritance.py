# ruff: noqa: E501 - a mistake, and what is said of it, in one row
"""A flow that inherits is the flow that its parts, written in one body, would be; what is wrong names its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.declare.graph import Graph
from lume_dsl.errors import DefinitionError, NotRunError

Define = Callable[..., dict[str, Any]]

BASE = """
from abc import abstractmethod
from lume_dsl import removed

class Base(LumeFlow):
    charge: float = parameter(default=100.0, ge=0, unit="pC", help="the charge")
    shots: int = 4
    reading = double(charge)
    total: float = result(double(reading))

    @step
    def report(self, total: float) -> str:
        return "base"
"""


def shape(graph: Graph) -> dict[str, tuple[Any, ...]]:
    """What a graph is but for where it was written."""
    return {
        name: (type(member.work), member.type, dict(member.inputs), dict(member.expects), member.after, member.visible)
        for name, member in graph.members.items()
    }


def shapes(define: Define, derived: str, flat: str) -> tuple[dict[str, Any], dict[str, Any]]:
    names = define(f"{BASE}\n{derived}\n{flat}")
    one, other = names["Derived"].__lume_graph__, names["Flat"].__lume_graph__
    assert one.aliases == other.aliases
    return shape(one), shape(other)


def refusal(define: Define, derived: str, base: str = BASE) -> list[tuple[str, str, str, str]]:
    with pytest.raises(DefinitionError) as caught:
        define(f"{base}\n{derived}")
    for problem in caught.value.problems:
        assert problem.place is not None
    return [(problem.kind, problem.subject, problem.message, problem.fix) for problem in caught.value.problems]


FLAT_BASE = """
    charge: float = parameter(default=100.0, ge=0, unit="pC", help="the charge")
    shots: int = 4
    reading = double(charge)
    total: float = result(double(reading))
    @step
    def report(self, total: float) -> str: return "base"
"""


def test_all_that_a_flow_has_is_inherited(define: Define) -> None:
    one, other = shapes(define, "class Derived(Base): pass", f"class Flat(LumeFlow):{FLAT_BASE}")
    assert one == other


def test_more_may_be_added_and_take_what_is_inherited(define: Define) -> None:
    added = """
        more = add(1, {}shots)
        half = {}total / 2
        brighter = {}charge > 2.0
        texts = greet.map(["a", "b"])
        list_of = [{}total, half]
    """
    one, other = shapes(
        define,
        "class Derived(Base):" + added.replace("{}", "Base.").replace("        ", "    "),
        f"class Flat(LumeFlow):{FLAT_BASE}" + added.replace("{}", "").replace("        ", "    "),
    )
    assert one == other


def test_a_name_is_redefined_for_all_that_takes_it(define: Define) -> None:
    one, other = shapes(
        define,
        "class Derived(Base):\n    reading = double(Base.shots)\n",
        "class Flat(LumeFlow):" + FLAT_BASE.replace("double(charge)", "double(shots)"),
    )
    assert one == other


def test_a_redefinition_may_take_what_it_redefines(define: Define) -> None:
    graph = define(f"{BASE}\nclass Derived(Base):\n    reading = double(Base.reading)\n")["Derived"].__lume_graph__
    assert list(graph.members) == ["charge", "shots", "Base.reading", "double", "total", "report", "reading"]
    assert graph.members["reading"].inputs["x"].upstream == "Base.reading"
    assert graph.members["double"].inputs["x"].upstream == "reading"
    assert graph.members["Base.reading"].inputs["x"].upstream == "charge"
    assert not graph.members["Base.reading"].visible


def test_a_result_may_take_what_it_redefines(define: Define) -> None:
    derived = "class Derived(Base):\n    total: float = result(Base.total * 2.0)\nclass Third(Derived): pass\n"
    graph = define(f"{BASE}\n{derived}")["Third"].__lume_graph__
    assert list(graph.results) == ["total"]
    assert graph.members["Mul"].inputs["x"].upstream == "Base.total"
    assert graph.members["report"].inputs["total"].upstream == "total"


def test_a_parameter_that_its_redefinition_takes_needs_a_name(define: Define) -> None:
    assert refusal(define, "class Derived(Base):\n    charge = double(Base.charge)\n") == [
        (
            "field-name",
            "Derived.Base.charge (of Base)",
            "is a parameter that goes on without a name, as Derived redefines charge and takes it",
            "give it another name: <name>: float = Base.charge",
        )
    ]


def test_a_redefinition_is_wrapped_again_by_a_further_class(define: Define) -> None:
    source = """
        class Derived(Base):
            reading = double(Base.reading)
        class Third(Derived):
            reading = double(Derived.reading)
    """
    graph = define(f"{BASE}\n" + source.replace("        ", "", 1).replace("\n        ", "\n"))["Third"].__lume_graph__
    assert [graph.members[name].inputs["x"].upstream for name in ("double", "reading", "Derived.reading")] == [
        "reading",
        "Derived.reading",
        "Base.reading",
    ]


def test_a_bare_redefinition_of_a_parameter_changes_its_default_and_type_alone(define: Define) -> None:
    names = define(f"{BASE}\nclass Derived(Base):\n    charge: int = 7\nclass Bare(Base):\n    charge: float\n")
    work = names["Derived"].__lume_graph__.members["charge"].work
    assert (work.default, work.unit, work.help, dict(work.constraints)) == (7, "pC", "the charge", {"ge": 0})
    assert names["Derived"].__lume_graph__.members["charge"].type is int
    assert list(names["Derived"].__lume_graph__.parameters) == ["charge", "shots"]
    assert names["Bare"].__lume_graph__.members["charge"].work.required
    names = define(f"{BASE}\nclass Derived(Base):\n    charge: float = parameter(default=7.0)\n")
    work = names["Derived"].__lume_graph__.members["charge"].work
    assert (work.default, work.unit, work.help, dict(work.constraints)) == (7.0, "", "", {})


def test_a_parameter_may_become_the_value_of_a_task_and_back(define: Define) -> None:
    names = define(
        f"{BASE}\nclass Derived(Base):\n    charge = double(2.0)\nclass Back(Derived):\n    charge: float = 3\n"
    )
    assert list(names["Derived"].__lume_graph__.parameters) == ["shots"]
    assert list(names["Back"].__lume_graph__.parameters) == ["charge", "shots"]
    assert set(names["Back"].__lume_graph__.members) == set(names["Base"].__lume_graph__.members)


def test_types_are_followed_through_what_is_redefined(define: Define) -> None:
    base = "class Base(LumeFlow):\n    x: int = 1\n    doubled = x * 2\n    both = [doubled, x]\n    y = add(doubled)\n"
    told = refusal(define, "class Derived(Base):\n    x: str = 'a'\n", base)
    assert told == [
        (
            "edge-type",
            "Derived.y (of Base)",
            "expected int for 'x', got str from doubled (of Base)",
            "give it a value of the type int, or change the annotation",
        )
    ]


# removing and renaming


def test_what_is_removed_goes_with_what_only_it_took(define: Define) -> None:
    names = define(f"{BASE}\nclass Derived(Base):\n    total = removed()\n    report = removed()\n")
    assert set(names["Derived"].__lume_graph__.members) == {"charge", "shots", "reading"}
    assert not hasattr(names["Derived"], "total")
    assert hasattr(names["Base"], "total")
    with pytest.raises(AttributeError, match=r"^Derived\.total is removed from what Derived inherits$"):
        _ = names["Derived"]().total


def test_what_takes_a_removed_value_is_told_with_its_class_and_line(define: Define) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(f"{BASE}\nclass Derived(Base):\n    reading = removed()\n")
    (problem,) = caught.value.problems
    assert (problem.kind, problem.subject) == ("inheritance", "Derived.double (of Base)")
    assert problem.message == "takes reading, which Derived removes"
    assert problem.place is not None
    assert problem.place.line == BASE.strip("\n").split("\n").index("    total: float = result(double(reading))") + 1


def test_a_value_with_another_name_goes_on_under_that_one(define: Define) -> None:
    one, other = shapes(
        define,
        "class Derived(Base):\n    q: float = Base.charge\n    charge = removed()\n    signal = Base.reading\n    reading = removed()\n",
        "class Flat(LumeFlow):"
        + FLAT_BASE.replace("charge: ", "q: ").replace("reading", "signal").replace("(charge)", "(q)"),
    )
    assert one == other


def test_a_renamed_value_may_be_taken_by_what_has_its_old_name(define: Define) -> None:
    derived = "class Derived(Base):\n    raw: float = Base.charge\n    charge = double(raw)\n"
    graph = define(f"{BASE}\n{derived}")["Derived"].__lume_graph__
    assert list(graph.parameters) == ["raw", "shots"]
    assert graph.members["charge"].inputs["x"].upstream == "raw"
    assert graph.members["reading"].inputs["x"].upstream == "charge"


def test_another_name_for_an_inherited_value_is_an_alias(define: Define) -> None:
    names = define(
        f"{BASE}\nclass Derived(Base):\n    signal = Base.reading\nclass Third(Derived):\n    x = add(1, Derived.shots)\n    y = double(Derived.signal)\n"
    )
    assert names["Derived"].__lume_graph__.aliases == {"signal": "reading"}
    assert names["Third"].__lume_graph__.members["y"].inputs["x"].upstream == "reading"


def test_a_name_may_be_redefined_as_another_value_that_is_inherited(define: Define) -> None:
    graph = define(f"{BASE}\nclass Derived(Base):\n    reading = Base.charge\n")["Derived"].__lume_graph__
    assert graph.members["double"].inputs["x"].upstream == "charge"
    assert graph.aliases == {"reading": "charge"}
    assert "reading" not in graph.members


# several bases


MIXINS = """
class Left(LumeFlow):
    x: float = 1.0
    y = double(x)
    z: float = result(double(double(y)))

class Right(LumeFlow):
    x: float = 2.0
    w: float = result(double(double(x)))
"""


def test_of_several_bases_the_first_counts_as_for_methods(define: Define) -> None:
    names = define(f"{MIXINS}\nclass Derived(Left, Right): pass\nclass Other(Right, Left): pass\n")
    assert names["Derived"]().x == 1.0
    assert names["Other"]().x == 2.0
    graph = names["Derived"].__lume_graph__
    assert len(graph.members) == 8
    for result in ("z", "w"):  # each has its own tasks without a name
        first = graph.members[graph.members[result].inputs["value"].upstream]
        second = graph.members[first.inputs["x"].upstream]
        assert second.inputs["x"].upstream == {"z": "y", "w": "x"}[result]


def test_a_base_in_common_counts_once_and_last(define: Define) -> None:
    source = """
        class Top(LumeFlow):
            x: float = 1.0
            y = double(x)
            z: float = result(y)
        class Left(Top):
            x: float = 2.0
        class Right(Top):
            x: float = 3.0
            y = double(Top.y)
        class Derived(Left, Right): pass
    """
    graph = define(source)["Derived"].__lume_graph__
    assert graph.members["x"].work.default == 2.0
    assert graph.members["y"].inputs["x"].upstream == "Top.y"
    assert graph.members["Top.y"].inputs["x"].upstream == "x"


DIAMOND = """
class Top(LumeFlow):
    x: float = 1.0
    y = double(x)
class Left(Top):
    y = double(Top.y)
class Right(Top):
    y = double(Top.y)
"""


def wrapped(graph: Graph, name: str) -> list[str]:
    """The names that a task's value comes through, the last first."""
    found = [name]
    while graph.members[found[-1]].inputs:
        found.append(graph.members[found[-1]].inputs["x"].upstream)
    return found


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("pass", ["y", "Right.y", "Top.y", "x"]),
        ("y = double(Left.y)", ["y", "Left.y", "Right.y", "Top.y", "x"]),
        ("y = double(Right.y)", ["y", "Right.y", "Top.y", "x"]),
        ("y = double(Top.y)", ["y", "Top.y", "x"]),
        ("left = Left.y\n    y = removed()", ["left", "Right.y", "Top.y", "x"]),
    ],
)
def test_what_several_bases_wrap_is_wrapped_in_the_order_of_super(define: Define, body: str, names: list[str]) -> None:
    graph = define(f"{DIAMOND}\nclass Derived(Left, Right):\n    {body}\n")["Derived"].__lume_graph__
    assert wrapped(graph, names[0]) == names
    assert len(graph.members) == len(names)


def test_a_class_of_the_name_of_its_base_wraps_what_that_wraps(define: Define) -> None:
    """As where a cell of a notebook, ``class Scan(Scan)``, is run twice."""
    again = "class Top(Top):\n    y = double(Top.y)\n"
    graph = define(f"{DIAMOND}\n{again}{again}{again}")["Top"].__lume_graph__
    assert wrapped(graph, "y") == ["y", "Top.y_3", "Top.y_2", "Top.y", "x"]


def test_of_several_bases_that_give_one_new_name_the_first_counts(define: Define) -> None:
    source = f"""{DIAMOND}
class Named(Top):
    first = Top.y
    y = removed()
class Other(Top):
    first = double(7.0)
    last = double(first)
class Derived(Named, Other): pass
"""
    graph = define(source)["Derived"].__lume_graph__
    assert wrapped(graph, "last") == ["last", "first", "x"]


def test_bases_without_an_order_are_refused_as_python_does(define: Define) -> None:
    with pytest.raises(TypeError, match="MRO"):
        define("class A(LumeFlow):\n    x: int = 1\nclass B(A): pass\nclass C(A, B): pass\n")


def test_names_without_meaning_do_not_meet(define: Define) -> None:
    """A name that a subclass gives is never that of a task without one in its base."""
    source = (
        BASE
        + "\nclass Derived(Base):\n    double = greet('a')\n    more = add(1)\n    add(2)\n    double_2 = greet('b')\n"
    )
    graph = define(source)["Derived"].__lume_graph__
    assert graph.members["double"].type is str
    inner = graph.members["total"].inputs["value"].upstream
    assert graph.members[inner].inputs["x"].upstream == "reading"
    assert graph.members["double_2"].type is str


# mistakes


@pytest.mark.parametrize(
    ("derived", "told"),
    [
        (
            "charge = 5.0",
            ("inheritance", "Derived.charge", "is a parameter of Base, and a plain attribute here", "write charge: float = 5.0 for another default"),
        ),
        (
            "def report(self) -> str: ...",
            ("inheritance", "Derived.report", "is a step of Base, and a plain attribute here", "write @step above it to redefine it, or give it another name"),
        ),
        (
            "reading = 3",
            ("inheritance", "Derived.reading", "is a value of the flow of Base, and a plain attribute here", "give it another name"),
        ),
        (
            "totl = removed()",
            ("inheritance", "Derived.totl", "is removed, and not inherited; did you mean 'total'?", "leave it out"),
        ),
        (
            "more = double(charge)",
            ("unknown-name", "Derived: charge", "is inherited", "write Base.charge: a body does not see what its flow inherits"),
        ),
        (
            "charge: float = -1.0",
            ("default", "Derived.charge", "the default -1.0 does not fit: expected >= 0 pC, got -1.0", "change the default, or what parameter() asks of it"),
        ),
        (
            "reading = greet('a')",
            ("edge-type", "Derived.double (of Base)", "expected float for 'x', got str from reading", "give it a value of the type float, or change the annotation"),
        ),
        (
            "@step\ndef report(self, totl: float) -> str: ...",
            ("unknown-name", "Derived.report", "takes 'totl', which is not a name of this flow; did you mean 'total'?", "rename the argument, or give it a reference as its default: totl=..."),
        ),
        (
            "kept = Base.charge\ncharge = removed()",
            ("annotation", "Derived.kept (of Base)", "a parameter needs a type", "write kept: <its type> = ..."),
        ),
        (
            "reading = double(Base.total)",
            ("cycle", "Derived.reading", "waits for itself: reading → double → total → reading", "break the circle"),
        ),
    ],
    ids=lambda part: part.split("\n")[0] if isinstance(part, str) else part[0],
)  # fmt: skip
def test_a_mistake_is_told(define: Define, derived: str, told: tuple[str, ...]) -> None:
    body = "".join(f"    {line}\n" for line in derived.split("\n"))
    (found,) = refusal(define, f"class Derived(Base):\n{body}")
    assert found[0] == told[0]
    if told[0] != "cycle":
        assert found == told


def test_a_value_of_a_class_that_another_redefines_is_told(define: Define) -> None:
    derived = (
        "class Derived(Base):\n    reading = double(2.0)\nclass Third(Derived):\n    more = double(Base.reading)\n"
    )
    assert refusal(define, derived) == [
        ("inheritance", "Third", "takes Base.reading, which Derived redefines", "write Derived.reading")
    ]


def test_a_value_of_a_flow_that_is_no_base_stays_foreign(define: Define) -> None:
    ((kind, _, message, _),) = refusal(define, "class Other(LumeFlow):\n    more = double(Base.charge)\n")
    assert (kind, message) == ("foreign-reference", "takes charge, which belongs to Base")


@pytest.mark.parametrize(
    "use",
    ["Base.total + 1", "2 * Base.charge", "Base.total[0]", "Base.charge > 3", "-Base.charge", "double(Base.total)"],
)
def test_a_use_of_a_value_of_another_flow_is_told_to_call_the_flow(define: Define, use: str) -> None:
    name = "total" if "total" in use else "charge"
    ((kind, _, message, fix),) = refusal(define, f"class Other(LumeFlow):\n    more = {use}\n")
    assert (kind, message) == ("foreign-reference", f"takes {name}, which belongs to Base")
    assert fix == f"call the flow in this body, Base(...).{name}, or use a name of this flow"


def test_a_use_of_a_value_of_a_class_outside_of_a_body_is_told_to_run_it(define: Define) -> None:
    base = define(BASE)["Base"]
    with pytest.raises(NotRunError, match=r"write Base\(\.\.\.\)\.run\(\)\.total"):
        base.total + 1


def test_a_body_that_ends_by_an_error_tells_what_is_wrong_with_what_it_inherits(define: Define) -> None:
    derived = "class Derived(Base):\n    reading = greet('a')\n    if Base.charge: pass\n"
    assert [kind for kind, *_ in refusal(define, derived)] == ["edge-type", "reference-value"]


# abstract flows

ABSTRACT = """
from abc import abstractmethod

class Base(LumeFlow):
    device: str = parameter(abstract=True)

    @step
    @abstractmethod
    def measure(self, device: str) -> float: ...

    twice: float = result(double(measure))
"""


def test_what_is_left_to_subclasses_is_told_when_the_flow_is_made(define: Define) -> None:
    names = define(f"{ABSTRACT}\nclass Half(Base):\n    device: str = 'a'\n")
    for name, left in {"Base": ["device", "measure"], "Half": ["measure"]}.items():
        with pytest.raises(DefinitionError) as caught:
            names[name](device="a")
        assert [problem.subject for problem in caught.value.problems] == [f"{name}.{one}" for one in left]
        assert {problem.kind for problem in caught.value.problems} == {"abstract"}


@pytest.mark.parametrize(
    "given",
    [
        "device: str = 'a'\n    @step\n    def measure(self, device: str) -> float: ...",
        "device = greet('a')\n    measure = double(1.0)",
        "device: str = parameter()\n    measure: float = 3.0",
    ],
)
def test_what_is_left_may_be_given_in_any_way(define: Define, given: str) -> None:
    flow = define(f"{ABSTRACT}\nclass Whole(Base):\n    {given}\n")["Whole"]
    assert flow.__lume_graph__.abstract == {}
    assert flow(**({"device": "a"} if "device: str = parameter()" in given else {}))


def test_an_abstract_flow_is_checked_like_any_other(define: Define) -> None:
    told = refusal(define, "", ABSTRACT.replace("-> float: ...", "-> str: ..."))
    assert [kind for kind, *_ in told] == ["edge-type"]
