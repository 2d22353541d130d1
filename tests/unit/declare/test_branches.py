"""``case``, ``switch`` and ``merge``: which members wait for which, their types, and what is refused."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl import case, merge, switch
from lume_dsl.declare.graph import Case, Merge
from lume_dsl.errors import DefinitionError

Problems = Callable[..., list[tuple[str, int, str, str, str]]]


def after(flow: Any) -> dict[str, tuple[str, ...]]:
    """What each visible member waits for without taking it."""
    return {name: member.after for name, member in flow.__lume_graph__.members.items() if member.visible}


def test_what_begins_in_a_block_waits_for_its_case_and_the_rest_for_what_it_takes(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        with case(x > 0, True):
            y = add(x)
            z = add(y)
            total: int = result(x)
            @step
            def seen(self) -> int:
                return 1
        w = add(z)
    """)
    assert after(flow) == {
        "x": (), "y": ("case(True)",), "z": (), "total": ("case(True)",), "seen": ("case(True)",), "w": (),
    }  # fmt: skip
    assert flow.__lume_graph__.members["case(True)"].work == Case(True)
    assert flow.__lume_graph__.members["case(True)"].upstream == ("GreaterThan",)


def test_a_block_in_a_block_waits_for_both(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        with case(x, 1):
            with case(x, 2):
                y = add(x)
            z = add(y)
        w = add(x)
    """)
    assert after(flow) == {"x": (), "y": ("case(2)",), "z": ("case(1)",), "w": ()}
    assert flow.__lume_graph__.members["case(2)"].after == ("case(1)",)


def test_a_parameter_belongs_to_no_block(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        with case(x, 1):
            y: int = 2
            z: int = parameter(default=3)
    """)
    assert after(flow) == {"x": (), "y": (), "z": ()}


def test_a_case_of_which_nothing_is_left_is_no_member(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        with case(x, 1):
            with case(x, 2):
                pass
    """)
    assert list(flow.__lume_graph__.members) == ["x"]


def test_an_attribute_read_in_a_block_is_not_taken_for_that_read_outside(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        beam = anything(x)
        with case(x, 1):
            y = add(beam.size)
        z = add(beam.size)
    """)
    taken = [flow.__lume_graph__.members[name].inputs["x"].upstream for name in "yz"]
    assert taken[0] != taken[1]
    assert [flow.__lume_graph__.members[name].after for name in taken] == [("case(1)",), ()]


def test_a_block_that_raises_leaves_none_open(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        try:
            with case(x, 1):
                raise KeyError
        except KeyError:
            y = add(x)
    """)
    assert after(flow) == {"x": (), "y": ()}


def test_a_mapped_task_and_a_list_of_values_may_stand_in_a_block(scan: Callable[..., Any]) -> None:
    flow = scan("""
        x: int = 1
        xs: list[int] = [1, 2]
        with case(x, 1):
            ys = add.map(xs)
            both = anything([x, ys])
    """)
    assert after(flow)["ys"] == ("case(1)",)
    assert after(flow)["both"] == ()


def test_a_branch_may_compare_the_whole_list_of_a_map_or_an_item_of_it(scan: Callable[..., Any]) -> None:
    flow = scan("""
        xs: list[int] = [1, 2]
        flags = add.map(xs)
        with case(flags, [2, 3]):
            y = add(1)
        with case(flags[0], 2):
            z = add(1)
        with case(unchecked(flags), 5):
            w = add(1)
    """)
    assert after(flow)["y"] == ("case([2, 3] (list))",)
    assert flow.__lume_graph__.members["case(2)"].upstream == ("flags[0]",)


def test_maps_are_merged_and_mapped_over_with_their_items_types(scan: Callable[..., Any], problems: Problems) -> None:
    body = """
x: int = 1
xs: list[int] = [1, 2]
with case(x, 1):
    ys = add.map(xs)
with case(x, 2):
    texts = greet.map(['a'])
    more = add.map([5])
both = merge(ys, texts)
"""
    assert scan(body).__lume_graph__.members["both"].type == list[int] | list[str]
    scan(f"{body}\nz = anything.map(both)\nonly = add.map(merge(ys, [1]))")
    ((kind, *_),) = problems(f"{body}\nz = greet.map(merge(ys, more))")
    assert kind == "edge-type"


def test_a_switch_makes_a_case_for_each(scan: Callable[..., Any]) -> None:
    flow = scan("""
        mode: Literal["fast", "slow"] = "fast"
        fast = add(1)
        slow = add(2)
        switch(mode, {"fast": fast, "slow": slow})
    """)
    assert after(flow) == {"mode": (), "fast": ("case('fast')",), "slow": ("case('slow')",)}


def test_a_merge_takes_its_branches_in_their_order(scan: Callable[..., Any]) -> None:
    names = [f"y{number}" for number in range(12)]
    lines = "\n".join(f"{name} = add({number})" for number, name in enumerate(names))
    flow = scan(f"{lines}\nboth = merge({', '.join(names)})")
    member = flow.__lume_graph__.members["both"]
    assert member.work == Merge()
    assert [source.upstream for _, source in sorted(member.inputs.items())] == names


@pytest.mark.parametrize(
    ("branches", "tp"),
    [
        ("greet('a'), add(1)", str | int),
        ("add(1), None", int | None),
        ("add(1), add(2)", int),
        ("anything(1), add(2)", Any),
        ("readings(), greet('a')", list[float] | str),
    ],
)
def test_a_merge_is_of_the_types_of_its_branches(scan: Callable[..., Any], branches: str, tp: Any) -> None:
    assert scan(f"both = merge({branches})").__lume_graph__.members["both"].type == tp


def test_a_merge_is_checked_where_it_is_taken(problems: Problems) -> None:
    ((kind, line, subject, message, _),) = problems("both = merge(readings(), add(1))\nz = greet(both)")
    assert (kind, line, subject) == ("edge-type", 3, "Scan.z")
    assert message == "expected str for 'text', got list[float] | int from both"


@pytest.mark.parametrize(
    "condition",
    [
        "case(x, 1)", "case(x, True)", "case(x, 1.0)", "case(x > 1, True)", "case(s, 'a')", "case(c, Colour.RED)",
        "case(m, 'fast')", "case(o, None)", "case(anything(x), object())", "case(unchecked(s), 5)", "case(xs, [1])",
    ],
)  # fmt: skip
def test_a_condition_that_may_hold_is_taken(define: Callable[..., Any], condition: str) -> None:
    body = "x: int = 1; s: str = 'a'; c: Colour = Colour.RED; m: Literal['fast'] = 'fast'; o: int | None = 1"
    define(f"""
from enum import Enum
class Colour(Enum):
    RED = 1
class Scan(LumeFlow):
    {body}; xs: list[int] = [1]
    with {condition}:
        y = add(x)
""")


@pytest.mark.parametrize(
    ("body", "message", "fix"),
    [
        (
            "with case(x, 'a'):\n    y = add(x)",
            "never holds: x is int, which does not equal 'a'",
            "compare with a value that it may have",
        ),
        (
            "m: Literal['fast', 'slow'] = 'fast'\nwith case(m, 'quick'):\n    y = add(x)",
            "never holds: m is Literal['fast', 'slow'], which does not equal 'quick'",
            "compare with a value that it may have",
        ),
        (
            "with case(3 > 2, True):\n    y = add(x)",
            "has the condition True, which is known now and not when the flow runs",
            "write a plain if, or give it a value of the flow",
        ),
        (
            "with case(x, x):\n    y = add(x)",
            "compares with x of the flow",
            "compare with a constant: case(a == b, True)",
        ),
        (
            "switch(x, {1: 5})",
            "has 5 for 1, which is no task of the flow",
            "give it the value of a task, a step or a result",
        ),
        (
            "switch(x, {1: x})",
            "has x for 1, which is no task of the flow",
            "give it the value of a task, a step or a result",
        ),
        (
            "xs: list[int] = [1]\nflags = add.map(xs)\nwith case(flags, 1):\n    y = add(x)",
            "never holds: flags is list[int], which does not equal 1",
            "decide for each item in a task that is mapped: a branch takes flags whole",
        ),
        (
            "xs: list[int] = [1]\ny = add(1)\nflags = anything.map(xs)\nswitch(flags, {'a': y})",
            "never holds: flags is list[Any], which does not equal 'a'",
            "decide for each item in a task that is mapped: a branch takes flags whole",
        ),
        ("with case(x > 1):\n    y = add(x)", "has no constant to compare with", "write: with case(..., True):"),
        (
            "y = add(1)\nz = add(2)\nout = switch(x, {1: y, 2: z})\nw = add(out)",
            "has no value: it decides which of the tasks run",
            "write merge(...) of its tasks, below it",
        ),
        ("case(x, 1)\ny = add(x)", "decides nothing, as it has no block", "write: with case(...):"),
        (
            "y = add(x)\nz = merge(y, y)",
            "joins y with itself",
            "a name that is assigned again holds the last value: give each branch a name of its own",
        ),
        ("merge(x)", "has no branches to join", "give it two values of the flow or more"),
        ("merge(1, 2)", "has no branches to join", "give it two values of the flow or more"),
    ],
)
def test_what_is_no_branch_is_told(problems: Problems, body: str, message: str, fix: str) -> None:
    ((kind, _, _, found, mend),) = problems(f"x: int = 1\n{body}")
    assert (kind, found, mend) == ("branch", message, fix)


def test_a_value_of_another_flow_is_no_condition(problems: Problems, define: Callable[..., Any]) -> None:
    source = """
class Other(LumeFlow):
    x: int = 1
class Scan(LumeFlow):
    with case(Other.x, 1):
        y = add(1)
"""
    with pytest.raises(DefinitionError, match="belongs to Other"):
        define(source)


@pytest.mark.parametrize("use", [lambda: case(1, 2), lambda: switch(1, {}), lambda: merge(1, 2)])
def test_branches_belong_in_a_body(use: Callable[[], object]) -> None:
    with pytest.raises(DefinitionError, match="outside a flow's body"):
        use()


def test_an_unknown_name_in_a_branch_is_one_problem(problems: Problems) -> None:
    found = problems(
        "x: int = 1\nwith case(nowhere, 1):\n    y = add(x)\nswitch(x, {1: nothere})\nz = merge(nowhere, y)"
    )
    assert [kind for kind, *_ in found] == ["unknown-name"] * 3


def test_a_secret_in_a_merge_is_told(problems: Problems) -> None:
    body = "token: str = parameter(secret=True, env='T')\nboth = merge(token, greet('a'))\nkept: str = result(both)"
    ((kind, _, subject, message, _),) = problems(body)
    assert (kind, subject) == ("parameter-option", "Scan.kept")
    assert "holds the secret parameter token" in message


EXCLUSIVE = """
x: float = 1.0
big = x > 1.0
with case(big, True):
    y = double(x)
with case(big, False):
    z = double(x)
"""


@pytest.mark.parametrize(
    "line",
    [
        "rec: DBResult = db_result(y=y, z=z)",
        "w = anything(y, z)",
        "w = y + z",
        "w = double(y + z)",
        "both = [y, z]",
        "@step\ndef both(self, y: float, z: float) -> float:\n    return y + z",
        "done = add.with_options(after=[y, z])(1)",
    ],
)
def test_what_takes_values_of_two_exclusive_branches_is_told_once(problems: Problems, line: str) -> None:
    ((kind, at, _, message, fix),) = problems(f"{EXCLUSIVE}{line}")
    assert (kind, fix) == ("branch", "write merge(y, z)")
    assert at in (8, 9)
    assert message == "never runs: y needs big to be True, and z needs it to be False"


@pytest.mark.parametrize(
    ("body", "fix"),
    [
        ("with case(big, False):\n    w = double(y)", "take y in its own block, or outside of any by merge()"),
        ("with case(big, 0):\n    w = double(1.0)\nv = anything(y, w)", "write merge(y, w)"),
        (
            "with case(x > 2, True):\n    v = double(x)\nwith case(x > 2, False):\n    w = double(x)\nu = v + w",
            "write merge(v, w)",
        ),
        ("v = double(x)\nw = double(x)\nswitch(x, {1: v, 2: w})\nu = v + w", "write merge(v, w)"),
    ],
)
def test_exclusive_branches_are_told_of_whatever_makes_them(problems: Problems, body: str, fix: str) -> None:
    ((kind, _, _, _, mend),) = problems(f"{EXCLUSIVE}{body}")
    assert (kind, mend) == ("branch", fix)


def test_a_subflow_that_takes_values_of_exclusive_branches_is_told(define: Callable[..., Any]) -> None:
    inner = "class Inner(LumeFlow):\n    a: float = 1.0\n    b: float = 2.0\n    c = a + b\n"
    outer = f"class Outer(LumeFlow):\n{textwrap.indent(EXCLUSIVE, '    ')}    inner = Inner(a=y, b=z)\n"
    with pytest.raises(DefinitionError, match=r"Outer\.inner\.c: never runs.*\n    write merge\(y, z\)$"):
        define(inner + outer)


def test_branches_of_a_subflow_are_told_where_they_are_taken_and_not_in_it(define: Callable[..., Any]) -> None:
    inner = f"class Inner(LumeFlow):\n{textwrap.indent(EXCLUSIVE, '    ')}\n"
    define(f"{inner}class Outer(LumeFlow):\n    inner = Inner()\n    w = anything(merge(inner.y, inner.z))\n")
    with pytest.raises(DefinitionError, match=r"Outer\.w: never runs.*\n    write merge\(inner\.y, inner\.z\)$"):
        define(f"{inner}class Outer(LumeFlow):\n    inner = Inner()\n    w = anything(inner.y, inner.z)\n")


@pytest.mark.parametrize(
    "line",
    [
        "w = anything(merge(y, z), 1)",
        "w = anything(merge(y, 0.0), z)",
        "w = anything.with_options(skip_on_upstream_skip=False)(y, z)",
        "rec: DBResult = db_result(y=y, z=z, skip_on_upstream_skip=False)",
        "@step(skip_on_upstream_skip=False)\ndef both(self, y: float, z: float) -> float:\n    return y or z",
        "with case(big, 1):\n    w = double(y)",
        "with case(x, 2):\n    w = y + x",
        "with case(big, True):\n    w = double(y)\nv = y + w",
    ],
)
def test_what_may_run_is_taken(scan: Callable[..., Any], line: str) -> None:
    scan(f"{EXCLUSIVE}{line}")


def test_a_name_of_two_branches_is_not_taken_outside_of_both(scan: Callable[..., Any]) -> None:
    with pytest.raises(DefinitionError) as error:
        scan("""
            x: int = 1
            with case(x, 1):
                y = add(x)
            with case(x, 2):
                y = add(x)
                own = add(y)
            total: int = result(y)
            other = add(y)
        """)
    (problem,) = error.value.problems
    assert problem.kind == "branch"
    assert "takes y, which two branches assign, and so the second's alone" in problem.message
    assert problem.fix == "give each a name of its own, and write y = merge(...) of them"


def test_a_name_may_be_used_again_within_another_branch_or_after_both_with_a_value_of_none(
    scan: Callable[..., Any],
) -> None:
    flow = scan("""
        x: int = 1
        y = add(x)
        with case(x, 1):
            y = add(y)
            a = add(y)
            with case(x > 0, True):
                y = add(y)
            b = add(y)
        with case(x, 2):
            y = add(x)
            c = add(y)
        y = add(x)
        z = add(y)
    """)
    assert flow.__lume_graph__.members["z"].inputs["x"].upstream == "y"
