"""A use that needs the value is refused, with what to write instead, and leaves nothing open behind it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl import LumeFlow, parameter, task
from lume_dsl.declare.graph import SYMBOLS, Edge, Operation
from lume_dsl.errors import DefinitionError

Scan = Callable[..., Any]
Problems = Callable[..., list[tuple[str, int, str, str, str]]]

DECIDE = "decide in a task, or write: with case(..., True): (conditions are joined by & and |)"
MAP = "map a task over its items, task.map(values), take one with values[0], or loop in a task"
ITERATE = f"{MAP}; to unpack it, annotate its task tuple[A, B]"
TEXT = "build the text in a task that takes it"
FORMAT = f"{TEXT}; in a filename=, leave out the f"
CHANGE = "make the changed value in a task"

REFUSED = [
    ("if x: pass", "x", "if, and, or, not", DECIDE),
    ("while x: pass", "x", "if, and, or, not", DECIDE),
    ("y = 1 if x else 2", "x", "if, and, or, not", DECIDE),
    ("y = x and 1", "x", "if, and, or, not", DECIDE),
    ("y = not x", "x", "if, and, or, not", DECIDE),
    ("assert x", "x", "if, and, or, not", DECIDE),
    ("if x == 3: pass", "x == 3", "if, and, or, not", DECIDE),
    ("y = 1 < x < 3", "x > 1", "if, and, or, not", DECIDE),
    ("y = x in [1, 2]", "x == 1", "if, and, or, not", DECIDE),
    ("y = max(x, 1)", "x < 1", "if, and, or, not", DECIDE),
    ("y = sorted([x, 1])", "x > 1", "if, and, or, not", DECIDE),
    ("for y in x: pass", "x", "iterating or unpacking", ITERATE),
    ("y, z = x", "x", "iterating or unpacking", ITERATE),
    ("y = add(*x)", "x", "iterating or unpacking", ITERATE),
    ("y = [add(i) for i in x]", "x", "iterating or unpacking", ITERATE),
    ("y = sum(x)", "x", "iterating or unpacking", ITERATE),
    ("y = list(x)", "x", "iterating or unpacking", ITERATE),
    ("y = next(x)", "x", "iterating or unpacking", MAP),
    ("y = reversed(x)", "x", "iterating or unpacking", MAP),
    ("y = f'{x}'", "x", "text formatting", FORMAT),
    ("y = f'{x:.2f}'", "x", "text formatting", FORMAT),
    ("y = '%s' % x", "x", "str() or print()", TEXT),
    ("y = '{}'.format(x)", "x", "text formatting", FORMAT),
    ("y = str(x)", "x", "str() or print()", TEXT),
    ("print(x)", "x", "str() or print()", TEXT),
    ("y = len(x)", "x", "len()", "count in a task"),
    ("y = 1 in x", "x", "in", "look for it in a task"),
    ("y = int(x)", "x", "use as an index", "use it in a task"),
    ("for i in range(x): pass", "x", "use as an index", "use it in a task"),
    ("y = [1, 2][x]", "x", "use as an index", "use it in a task"),
    ("y = float(x)", "x", "float(), complex(), round()", "call it in a task"),
    ("y = math.sqrt(x)", "x", "float(), complex(), round()", "call it in a task"),
    ("y = round(x, 2)", "x", "float(), complex(), round()", "call it in a task"),
    ("y = x()", "x", "calling it", "call it in a task"),
    ("y = x.upper()", "x.upper", "calling it", "call it in a task"),
    ("x[0] = 1", "x", "assigning or deleting an item", CHANGE),
    ("del x[0]", "x", "assigning or deleting an item", CHANGE),
    ("x[0] += 1", "x", "assigning or deleting an item", CHANGE),
    ("x.a = 1", "x", "setting .a", CHANGE),
    ("del x.a", "x", "deleting .a", CHANGE),
    ("with x: pass", "x", "with", "open it in a task"),
]


def defines() -> list[str]:
    """The members of a correct flow, defined here and now."""

    class Right(LumeFlow):
        x: int = parameter(default=1)
        y = plus(x)

    return list(Right.__lume_graph__.members)


@task
def plus(x: int) -> int:
    return x + 1


@pytest.mark.parametrize(("use", "name", "what", "fix"), REFUSED)
def test_a_use_that_needs_the_value_is_refused_with_what_to_write(
    problems: Problems, use: str, name: str, what: str, fix: str
) -> None:
    ((kind, line, subject, message, told),) = problems(f"x: JSON = parameter()\n{use}")
    assert (kind, line, subject) == ("reference-value", 3, f"Scan.{name}")
    assert message.startswith(what.split(",")[0].split(" and ")[0])
    assert message.endswith("its value, which is known only when the flow runs")
    assert told == fix


@pytest.mark.parametrize(
    "use",
    [
        "y = divmod(x, 2)",
        "y = Path(x)",
        "y = open(x)",
        "y = x in {1, 2}",
        "y = {'a': 1}[x]",
        "y = {'a': 1}.get(x)",
        "y = anything({x: 1})",
        "y = math.floor(x)",
        "y = math.ceil(x)",
        "y = complex(x)",
        "y = bytes(x)",
        "y = pickle.dumps(x)",
        "y = numpy.array(x)",
        "y = numpy.array([x, x])",
        "y = numpy.sqrt(x)",
        "y = numpy.maximum(1.0, x)",
        "y = numpy.add.reduce(x)",
        "y = numpy.add(x, 1.0, where=False)",
        "y = numpy.arange(3.0)\ny += x",
        "y = anything(**x)",
    ],
)
def test_no_use_that_needs_the_value_goes_on_without_it_or_crashes(problems: Problems, use: str) -> None:
    ((kind, line, *_),) = problems(f"import numpy, pickle\nx: JSON = parameter()\n{use}")
    assert (kind, line) == ("reference-value", 4 + use.count("\n"))


def test_a_refused_use_names_the_line_of_the_body_though_a_function_makes_it(problems: Problems) -> None:
    told = problems("def helper(value):\n    if value: pass\nx: int = 1\nhelper(x)")
    assert [(kind, line) for kind, line, *_ in told] == [("reference-value", 5)]


@pytest.mark.parametrize("use", [use for use, *_ in REFUSED])
def test_a_refused_use_leaves_nothing_open(scan: Scan, use: str) -> None:
    with pytest.raises(DefinitionError):
        scan(f"x: JSON = parameter()\ny = add(x)\n{use}")
    with pytest.raises(DefinitionError, match="outside a flow's body"):
        plus(1)
    assert defines() == ["x", "y"]


@pytest.mark.parametrize("error", ["1 / 0", "raise KeyboardInterrupt", "undefined_function_attribute = {}['k']"])
def test_a_body_that_raises_leaves_nothing_open(scan: Scan, error: str) -> None:
    with pytest.raises((ZeroDivisionError, KeyboardInterrupt, KeyError)):
        scan(f"x: int = 1\ny = add(x)\n{error}")
    with pytest.raises(DefinitionError, match="outside a flow's body"):
        plus(1)
    assert defines() == ["x", "y"]
    assert list(scan("z: int = 1").__lume_graph__.members) == ["z"]


def test_a_body_that_raises_does_not_disturb_another_thread(scan: Scan) -> None:
    with pytest.raises(ZeroDivisionError):
        scan("y = add(1)\n1 / 0")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(defines()))
    thread.start()
    thread.join()
    assert found == [["x", "y"]]


def test_threads_that_define_flows_at_once_do_not_see_each_other() -> None:
    meet = threading.Barrier(4)
    found: dict[int, list[str]] = {}

    def run(count: int) -> None:
        class Mine(LumeFlow):
            x: int = parameter(default=1)
            meet.wait()
            for _ in range(count):
                y = plus(x)
                meet.wait() if _ < 3 else None

        found[count] = list(Mine.__lume_graph__.members)

    threads = [threading.Thread(target=run, args=(count,)) for count in (4, 5, 6, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for count in (4, 5, 6, 7):
        assert found[count] == ["x", "plus", *(f"plus_{n}" for n in range(2, count)), "y"]


def test_another_flow_defined_in_a_body_takes_only_what_is_in_its_own(scan: Scan) -> None:
    outer = scan("x: int = 1\nclass Inner(LumeFlow):\n    z: int = 2\n    w = add(z)\ny = add(x)")
    assert list(outer.__lume_graph__.members) == ["x", "y"]
    assert list(outer.Inner.__lume_graph__.members) == ["z", "w"]


def test_a_reference_shows_what_it_stands_for(scan: Scan) -> None:
    flow = scan("x: int = parameter()\ny = add(x)\nseen = (repr(x), repr(y), repr([y.a]))")
    assert flow.seen[0] == "<reference to x of Scan>"
    assert flow.seen[1] == "<reference to y of Scan>"


def test_a_parameter_is_shown_by_its_own_name_when_it_has_another_too(scan: Scan) -> None:
    assert scan("x: int = 1\nz = x\nseen = repr(x)").seen == "<reference to x of Scan>"


def test_asking_a_reference_what_python_asks_of_any_object_makes_no_member(scan: Scan) -> None:
    flow = scan("x: int = 1\na = hasattr(x, '__wrapped__')\nb = hasattr(x, '_repr_html_')\nc = callable(x)\nd = dir(x)")
    assert list(flow.__lume_graph__.members) == ["x"]
    assert (flow.a, flow.b) == (False, False)


@pytest.mark.parametrize("copied", ["copy.copy(x)", "copy.deepcopy(x)", "copy.deepcopy([x])[0]"])
def test_a_copy_of_a_reference_is_the_reference(scan: Scan, copied: str) -> None:
    flow = scan(f"import copy\nx: int = 1\ny = add({copied})")
    assert flow.__lume_graph__.members["y"].inputs["x"] == Edge("x")


BINARY = {
    "x + 1": "add", "x - 1": "sub", "x * 1": "mul", "x / 1": "truediv", "x // 1": "floordiv", "x % 1": "mod",
    "x ** 1": "pow", "x @ 1": "matmul", "x & 1": "and", "x | 1": "or", "x ^ 1": "xor", "x << 1": "lshift",
    "x >> 1": "rshift", "x < 1": "lt", "x <= 1": "le", "x == 1": "eq", "x != 1": "ne", "x > 1": "gt", "x >= 1": "ge",
}  # fmt: skip
MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@pytest.mark.parametrize(("text", "symbol"), BINARY.items())
def test_an_operator_makes_a_member(scan: Scan, text: str, symbol: str) -> None:
    member = scan(f"x: JSON = 1\ny = {text}").__lume_graph__.members["y"]
    assert member.work == Operation(symbol)
    assert member.inputs["x"] == Edge("x")
    assert member.inputs["y"].value == 1


@pytest.mark.parametrize(("text", "symbol"), BINARY.items())
def test_an_operator_with_the_reference_on_its_right_keeps_the_order(scan: Scan, text: str, symbol: str) -> None:
    mirrored = "1" + text[1:-1] + "x"
    member = scan(f"x: JSON = 1\ny = {mirrored}").__lume_graph__.members["y"]
    comparison = symbol in ("eq", "ne", *MIRRORED)
    constant, edge = ("y", "x") if comparison else ("x", "y")
    assert member.work == Operation(MIRRORED.get(symbol, symbol))
    assert member.inputs[constant].value == 1
    assert member.inputs[edge] == Edge("x")


@pytest.mark.parametrize(("text", "symbol"), [("-x", "neg"), ("+x", "pos"), ("abs(x)", "abs"), ("~x", "invert")])
def test_an_operator_of_one_operand_makes_a_member(scan: Scan, text: str, symbol: str) -> None:
    member = scan(f"x: int = 1\ny = {text}").__lume_graph__.members["y"]
    assert (member.work, member.inputs) == (Operation(symbol), {"x": Edge("x")})


def test_items_and_attributes_are_members_named_as_they_are_written(scan: Scan) -> None:
    graph = scan("x: JSON\ni: int\ny = add(x['k'], x.a[i])").__lume_graph__
    assert list(graph.members) == ["x", "i", "x['k']", "x.a", "x.a[i]", "y"]
    assert graph.members["x['k']"].work == Operation("getitem")
    assert graph.members["x['k']"].inputs["key"].value == "k"
    assert graph.members["x.a[i]"].inputs == {"task_result": Edge("x.a"), "key": Edge("i")}
    assert [name for name, member in graph.members.items() if member.visible] == ["x", "i", "y"]


def test_a_slice_with_a_reference_is_taken_when_the_flow_runs(scan: Scan) -> None:
    graph = scan("x: list[int]\nn: int\ny = x[1:n]").__lume_graph__
    assert "n" in _all_upstream(graph, "y")


def test_what_is_called_is_told_what_to_write_for_what_it_is(problems: Problems) -> None:
    step_called = "@step\ndef total(self, x: int) -> int: ...\ny = total(x)"
    waiting = "y = add(x)\nz = add(y)\ny.set_upstream(z)"
    told = [problems(f"x: int = 1\n{body}")[0] for body in (step_called, waiting)]
    assert [(line, subject, fix) for _, line, subject, _, fix in told] == [
        (5, "Scan.total", "leave out the call: a step takes its arguments by their names, or as defaults"),
        (5, "Scan.y.set_upstream", "write task.with_options(after=[...])(...) where the task that waits is used"),
    ]


def test_a_refused_use_of_an_inherited_operation_names_it(define: Callable[..., Any]) -> None:
    with pytest.raises(DefinitionError, match=r"beam\.py:5: More\.y: text formatting needs its value"):
        define("class Scan(LumeFlow):\n    x: int = 1\n    y = x + 1\nclass More(Scan):\n    z = f'{Scan.y}'\n")


def test_numpy_names_functions_that_need_the_value(problems: Problems) -> None:
    ((_, _, _, message, fix),) = problems("import numpy\nx: float = 1.0\ny = numpy.sqrt(x)")
    assert message == "numpy.sqrt() needs its value, which is known only when the flow runs"
    assert fix == "call it in a task"


@pytest.mark.parametrize(
    "sign", ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>", "<", "<=", "==", "!=", ">", ">="]
)
def test_an_array_on_the_left_of_an_operator_stays_there(scan: Scan, sign: str) -> None:
    graph = scan(f"import numpy\nx: JSON = 1\ny = numpy.array([1, 2]) {sign} x").__lume_graph__
    assert SYMBOLS[graph.members["y"].work.symbol] == sign
    assert graph.members["y"].inputs["y"] == Edge("x")


@pytest.mark.parametrize("side", ["numpy.array([1.0, 2.0]) * x", "x * numpy.array([1.0, 2.0])", "numpy.float64(2) * x"])
def test_an_operator_with_an_array_makes_one_member(scan: Scan, side: str) -> None:
    graph = scan(f"import numpy\nx: float = 1.0\ny = {side}").__lume_graph__
    assert list(graph.members) == ["x", "y"]
    assert graph.members["y"].work == Operation("mul")


def test_a_path_and_a_text_can_be_joined_to_a_reference(scan: Scan) -> None:
    graph = scan("x: JSON = ''\na = Path('folder') / x\nb = 'pre' + x\nc = [1] + x\nd = x + 'post'").__lume_graph__
    symbols = [member.work.symbol for member in graph.members.values() if isinstance(member.work, Operation)]
    assert symbols == ["truediv", "add", "add", "add"]


def test_adding_to_a_value_makes_another_of_its_name(scan: Scan) -> None:
    graph = scan("y = add(1)\ny += 1\nz = add(y)").__lume_graph__
    assert list(graph.members) == ["add", "y", "z"]
    assert graph.members["y"].inputs["x"] == Edge("add")
    assert graph.members["z"].inputs["x"] == Edge("y")


def test_a_reference_kept_after_its_body_cannot_be_sent_to_a_worker(scan: Scan) -> None:
    kept: list[Any] = []

    class Keeping(LumeFlow):
        x: int = parameter()
        kept.append(x)

    with pytest.raises(DefinitionError, match="known only when the flow runs"):
        pickle.dumps(kept[0])


def _all_upstream(graph: Any, name: str) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        for upstream in graph.members[todo.pop()].upstream:
            if upstream not in found:
                found.add(upstream)
                todo.append(upstream)
    return found


def test_an_attribute_that_is_read_twice_is_one_value(scan: Scan) -> None:
    graph = scan("x: JSON = parameter()\na = add(x.n, x.n)\nb = add(x.n, x.m)").__lume_graph__
    assert list(graph.members) == ["x", "x.n", "a", "x.m", "b"]


def test_an_object_that_holds_references_is_told_to_be_made_in_a_task(problems: Problems) -> None:
    body = """
        class Line:
            def __init__(self, length): self.length = length
        x: float = 1.0
        y = anything(Line(x))
    """
    ((kind, line, subject, message, fix),) = problems(body)
    assert (kind, line, subject, fix) == ("reference-value", 5, "Scan.y", "make the Line in a task")
    assert "holds references" in message


def test_a_refused_use_tells_what_else_is_wrong_further_up(problems: Callable[..., Any]) -> None:
    found = problems(
        """
        charge: float = parameter(default=-1.0, ge=0)

        @step
        def later(self, total: float) -> float:
            return total

        title = greet(charge)
        if charge > 3:
            pass
        total = charge * 2
        """
    )
    assert [problem[:3] for problem in found] == [
        ("default", 2, "Scan.charge"),
        ("edge-type", 8, "Scan.title"),
        ("reference-value", 9, "Scan.charge > 3"),
    ]


def test_a_value_that_has_the_name_of_its_task_is_told_to_be_no_task(problems: Problems) -> None:
    ((kind, line, _, _, fix),) = problems("x: int = 1\nadd = add(x)\ny = add(2)")
    assert (kind, line) == ("reference-value", 4)
    assert fix == "add is a value since line 3, and no task: give the value another name"
