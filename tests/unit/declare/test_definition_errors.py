"""Each mistake in a class is told with its line, what is wrong and what to write instead; all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.errors import DefinitionError

Problems = Callable[..., list[tuple[str, int, str, str, str]]]

DEFINE = "define it above this line, or import it"
SUBCLASS = "choose another name"

ONE_MISTAKE: list[Any] = [
    # parameters
    pytest.param(
        "x: dict[str, Callable] = parameter()",
        ("parameter-type", 2, "Scan.x", "dict[str, Callable] → value: Callable is not JSON-serialisable, so it cannot be a parameter's type", "use dict[str, …], list, tuple, str, int, float, bool, None or unions of them"),
        id="a parameter of a type that is not JSON",
    ),
    pytest.param(
        "x: list",
        ("parameter-type", 2, "Scan.x", "list is not JSON-serialisable, so it cannot be a parameter's type", "say what it holds: list[float], or list[JSON] for any JSON"),
        id="a bare list",
    ),
    pytest.param(
        "x: int = parameter(default='three')",
        ("default", 2, "Scan.x", "the default 'three' does not fit: expected int, got 'three'", "change the default, or annotate x as str"),
        id="a default of another type",
    ),
    pytest.param(
        "x: list[int] = [1, 2.5]",
        ("default", 2, "Scan.x", "the default [1, 2.5] (list) does not fit at [1]: expected int, got 2.5", "change the default, or annotate x as a type that holds it"),
        id="a plain default with a wrong item",
    ),
    pytest.param(
        "x: float = math.nan",
        ("default", 2, "Scan.x", "the default nan does not fit: expected a finite float, got nan, which is not JSON", "change the default, or annotate x as float"),
        id="a default that is not JSON",
    ),
    pytest.param(
        "x: int = parameter(default=3, ge=5)",
        ("default", 2, "Scan.x", "the default 3 does not fit: expected >= 5, got 3", "change the default, or what parameter() asks of it"),
        id="a default out of bounds",
    ),
    pytest.param(
        "x: str = parameter(default='a', ge=5)",
        ("bound", 2, "Scan.x", "the bound ge=5 does not go with str", "bounds are numbers, on an int or a float"),
        id="a bound of a text",
    ),
    pytest.param(
        "x: int = parameter(ge='5')",
        ("bound", 2, "Scan.x", "the bound ge='5' does not go with int", "bounds are numbers, on an int or a float"),
        id="a bound that is a text",
    ),
    pytest.param(
        "x: int = parameter(default=3, ge='5')",
        ("bound", 2, "Scan.x", "the bound ge='5' does not go with int", "bounds are numbers, on an int or a float"),
        id="a bound that is a text, with a default",
    ),
    pytest.param(
        "x: bool = parameter(le=1)",
        ("bound", 2, "Scan.x", "the bound le=1 does not go with bool", "bounds are numbers, on an int or a float"),
        id="a bound of a bool",
    ),
    pytest.param(
        "x = parameter()",
        ("annotation", 2, "Scan.x", "a parameter needs a type", "write x: <its type> = ..."),
        id="a parameter without a type",
    ),
    pytest.param(
        "parameter()",
        ("parameter-name", 2, "Scan.parameter()", "is not assigned to a name", "write x: float = parameter(...)"),
        id="a parameter without a name",
    ),
    pytest.param(
        "x: int = parameter()\nx: int = parameter(default=3)",
        ("parameter-name", 3, "Scan.x", "is a parameter and is assigned again", "give the second value another name"),
        id="a parameter declared twice",
    ),
    pytest.param(
        "x: int = parameter()\nx = add(x)",
        ("parameter-name", 3, "Scan.x", "is a parameter and is assigned again", "give the second value another name"),
        id="a parameter rebound to a task's value",
    ),
    pytest.param(
        "x: int = parameter()\nx += 1",
        ("parameter-name", 3, "Scan.x", "is a parameter and is assigned again", "give the second value another name"),
        id="a parameter that is added to",
    ),
    # annotations
    pytest.param(
        "y = add(1)\nz: int = add(y)",
        ("annotation", 3, "Scan.z", "is a task's value, and an annotated name is a parameter or a result", "leave the annotation out, or write z: int = result(...)"),
        id="an annotated task run",
    ),
    # names
    pytest.param(
        "shots: int = parameter()\ny = add(shot)",
        ("unknown-name", 3, "Scan: shot", "is not defined here; did you mean 'shots'?", DEFINE),
        id="a misspelt name",
    ),
    pytest.param(
        "y = dobule(1.0)",
        ("unknown-name", 2, "Scan: dobule", "is not defined here; did you mean 'double'?", DEFINE),
        id="a misspelt task",
    ),
    pytest.param(
        "y = add(xyzzy)",
        ("unknown-name", 2, "Scan: xyzzy", "is not defined here", DEFINE),
        id="a name with none like it",
    ),
    pytest.param(
        "x: int = 1\ny = Scan.x",
        ("unknown-name", 3, "Scan: Scan", "is not defined here", DEFINE),
        id="the class in its own body",
    ),
    pytest.param(
        "run: int = parameter()",
        ("reserved-name", 2, "Scan.run", "is reserved on a flow", SUBCLASS),
        id="a reserved name as a parameter",
    ),
    pytest.param(
        "flow = add(1)",
        ("reserved-name", 2, "Scan.flow", "is reserved on a flow", SUBCLASS),
        id="a reserved name as a task's value",
    ),
    pytest.param(
        "@step\ndef run(self) -> int: ...",
        ("reserved-name", 2, "Scan.run", "is reserved on a flow", SUBCLASS),
        id="a reserved name as a step",
    ),
    pytest.param(
        "flow_run = 3",
        ("reserved-name", 2, "Scan.flow_run", "is reserved on a flow", SUBCLASS),
        id="a reserved name as a constant",
    ),
    pytest.param(
        "def __init__(self, x): ...",
        ("reserved-name", 2, "Scan.__init__", "is made by LumeFlow from the parameters", "leave it out"),
        id="an initialiser",
    ),
    # edges
    pytest.param(
        "x: str = parameter()\ny = add(x)",
        ("edge-type", 3, "Scan.y", "expected int for 'x', got str from x", "give it a value of the type int, or change the annotation"),
        id="a wrong edge from a parameter",
    ),
    pytest.param(
        "a = greet('a')\nadd(1, y=a)",
        ("edge-type", 3, "Scan.add", "expected int for 'y', got str from a", "give it a value of the type int, or change the annotation"),
        id="a wrong edge of a task run without a name",
    ),
    pytest.param(
        "y = add('a')",
        ("edge-type", 2, "Scan.y", "expected int for 'x', got 'a' from the body", "give it a value of the type int, or change the annotation"),
        id="a constant of a wrong type",
    ),
    pytest.param(
        "a = nothing()\ny = add(a)",
        ("edge-type", 3, "Scan.y", "expected int for 'x', got None from a", "give it a value of the type int, or change the annotation"),
        id="the value of a task that returns nothing",
    ),
    pytest.param(
        "x: float = parameter()\n@step\ndef total(self, x: str) -> str: ...",
        ("edge-type", 3, "Scan.total", "expected str for 'x', got float from x", "give it a value of the type str, or change the annotation"),
        id="a wrong edge to a step",
    ),
    pytest.param(
        "y = add()",
        ("task-arguments", 2, "Scan: add", "missing a required argument: 'x'", "the task is add(x: int, y: int = 1) -> int"),
        id="a missing argument",
    ),
    pytest.param(
        "y = add(1, 2, 3)",
        ("task-arguments", 2, "Scan: add", "too many positional arguments", "the task is add(x: int, y: int = 1) -> int"),
        id="an argument too many",
    ),
    pytest.param(
        "y = add(1, self=2)",
        ("task-arguments", 2, "Scan: add", "got an unexpected keyword argument 'self'", "the task is add(x: int, y: int = 1) -> int"),
        id="an unknown argument that methods have",
    ),
    pytest.param(
        "y = add(1, z=2)",
        ("task-arguments", 2, "Scan: add", "got an unexpected keyword argument 'z'", "the task is add(x: int, y: int = 1) -> int"),
        id="an unknown argument",
    ),
    pytest.param(
        "shots: int = parameter()\ny = expose(shot=shots)",
        ("task-arguments", 3, "Scan: expose", "got an unexpected keyword argument 'shot'; did you mean 'shots'?", "the task is expose(shots: int, charge: float = 1.0) -> int"),
        id="a misspelt argument that is required",
    ),
    pytest.param(
        "shots: int = parameter()\ny = expose(shots, charges=2.0)",
        ("task-arguments", 3, "Scan: expose", "got an unexpected keyword argument 'charges'; did you mean 'charge'?", "the task is expose(shots: int, charge: float = 1.0) -> int"),
        id="a misspelt argument",
    ),
    pytest.param(
        "x: str = parameter()\nfile: TextFile = file_result(x, file_name='a.txt')",
        ("field-arguments", 3, "Scan: file_result()", "got an unexpected keyword argument 'file_name'; did you mean 'filename'?", "write file_result(value=..., filename=..., filesystem=..., overwrite=...)"),
        id="a misspelt filename",
    ),
    pytest.param(
        "shots: list[int] = parameter()\n@step.map(shot=shots)\ndef total(self, shots: list[int]) -> int: ...",
        ("map-arguments", 3, "Scan.total", "@step.map maps over 'shot', which the method does not take; did you mean 'shots'?", "its arguments are shots"),
        id="a step mapped over a misspelt argument",
    ),
    pytest.param(
        "y = add(1, x=2)",
        ("task-arguments", 2, "Scan: add", "multiple values for argument 'x'", "the task is add(x: int, y: int = 1) -> int"),
        id="an argument given twice",
    ),
    pytest.param(
        "xs: list[str] = parameter()\ny = add.map(xs)",
        ("edge-type", 3, "Scan.y", "expected list[int] for 'x', got list[str] from xs", "give it a value of the type list[int], or change the annotation"),
        id="a list of wrong items to map over",
    ),
    pytest.param(
        "x: int = parameter()\ny = add.map(x)",
        ("edge-type", 3, "Scan.y", "expected list[int] for 'x', got int from x", "write unmapped(...) around x, to give it whole to each"),
        id="a number to map over",
    ),
    pytest.param(
        "y = add.map([1, 'a'])",
        ("edge-type", 2, "Scan.y", "expected list[int] for 'x', got [1, 'a'] (list) from the body", "give it a value of the type list[int], or change the annotation"),
        id="constants to map over, one of them wrong",
    ),
    pytest.param(
        "x: int = parameter()\ny = add.map(unmapped(x))",
        ("map-arguments", 3, "Scan: add.map", "has no argument to map over", "give it a list that is not in unmapped(...), or call the task without .map"),
        id="nothing to map over",
    ),
    # steps
    pytest.param(
        "shots: int = parameter()\n@step\ndef total(self, shot: int) -> int: ...",
        ("unknown-name", 3, "Scan.total", "takes 'shot', which is not a name of this flow; did you mean 'shots'?", "rename the argument, or give it a reference as its default: shot=..."),
        id="an argument of a step that names nothing",
    ),
    pytest.param(
        "@step\ndef total(self, *values): ...",
        ("step-signature", 2, "Scan.total", "needs self and then arguments that have names", "write def total(self, ...) without *args, **kwargs and /"),
        id="a step with *args",
    ),
    pytest.param(
        "@step\ndef total(): ...",
        ("step-signature", 2, "Scan.total", "needs self and then arguments that have names", "write def total(self, ...) without *args, **kwargs and /"),
        id="a step without self and arguments",
    ),
    pytest.param(
        "shots: int = parameter()\n@step\ndef total(shots: int) -> int: ...",
        ("step-signature", 3, "Scan.total", "needs self and then arguments that have names", "write def total(self, ...) without *args, **kwargs and /"),
        id="a step that forgets self",
    ),
    pytest.param(
        "xs: list[int] = parameter()\n@step.map(y=xs)\ndef total(self, x: int) -> int: ...\nx = 1",
        ("map-arguments", 3, "Scan.total", "@step.map maps over 'y', which the method does not take", "its arguments are x"),
        id="a step mapped over an argument that it does not take",
    ),
    pytest.param(
        "xs: list[int] = parameter()\n@step.map(x=xs, max_retries=3)\ndef total(self, x: int) -> int: ...",
        ("map-arguments", 3, "Scan.total", "@step.map maps over 'max_retries', which the method does not take", "write @step(max_retries=...).map(...)"),
        id="an option among what a step is mapped over",
    ),
    pytest.param(
        "xs: list[int] = parameter()\ny = add.map(xs, timeout=3)",
        ("task-arguments", 3, "Scan: add", "got an unexpected keyword argument 'timeout'", "write add.with_options(timeout=...)"),
        id="an option among what a task is mapped over",
    ),
    pytest.param(
        "xs: list[int] = parameter()\n@step(max_retrys=3).map(x=xs)\ndef total(self, x: int) -> int: ...",
        ("task-option", 3, "step", "'max_retrys' is not a task option; did you mean 'max_retries'?", "use the options of prefect.Task"),
        id="a misspelt option of a mapped step",
    ),
    pytest.param(
        "@step(timeout=3).map\ndef total(self, x: int) -> int: ...",
        ("map-arguments", 2, "Scan.total", "@step.map is not told what to map over", "write @step.map(argument=values)"),
        id="a map with options that is not told what to map over",
    ),
    # results
    pytest.param(
        "x: int = 1\nr = result(x)",
        ("annotation", 3, "Scan.r", "a result needs a type", "write r: <its type> = ..."),
        id="a result without a type",
    ),
    pytest.param(
        "x: int = 1\nr: str = result(x)",
        ("result-type", 3, "Scan.r", "expected str for 'value', got int from x", "give it a value of the type str, or change the annotation"),
        id="a result of another type",
    ),
    pytest.param(
        "x: str = ''\nfile_result(x, filename='a')",
        ("field-name", 3, "Scan.file_result()", "is not assigned to a name", "write name: Type = ..."),
        id="a result without a name",
    ),
    pytest.param(
        "x: str = ''\nr: TextFile = file_result(x, filename='a')\nr: TextFile = file_result(x, filename='b')",
        ("field-name", 4, "Scan.r", "is a result and is assigned again", "give the second value another name"),
        id="a result whose name is another's",
    ),
    pytest.param(
        "x: int = 1\ntotal: int = result(x)\ntotal = add(total)",
        ("field-name", 4, "Scan.total", "is a result and is assigned again", "give the second value another name"),
        id="a result whose name is a task's value",
    ),
    pytest.param(
        "x: str = ''\nr: str = file_result(x, filename='a')",
        ("result-type", 3, "Scan.r", "str is not a file type", "annotate it with TextFile, JSONFile or another File type"),
        id="a file that is no file type",
    ),
    pytest.param(
        "x: int = 1\nr: TextFile = file_result(x, filename='a')",
        ("result-type", 3, "Scan.r", "expected str for 'value', got int from x", "give it a value of the type str, or change the annotation"),
        id="a value that the file type does not store",
    ),
    pytest.param(
        "r: TextFile = file_result('a', filename=3)",
        ("edge-type", 2, "Scan.r", "expected str | PathLike for 'filename', got 3 from the body", "give it a value of the type str | PathLike, or change the annotation"),
        id="a filename that is no text",
    ),
    pytest.param(
        "x: str = ''\nr: dict[str, int] = db_result(x=x)",
        ("result-type", 3, "Scan.r", "dict[str, int] is not a record class", "annotate it with DBResult or a subclass of it"),
        id="a record that is no record class",
    ),
    pytest.param(
        "a: TextFile = file_result('a', filename='a.txt')\nb: TextFile = file_result('b', filename=Path('a.txt'))",
        ("path-taken", 3, "Scan.b", "saves to the same file as a", "give it another filename"),
        id="two files at one path",
    ),
    pytest.param(
        "a: TextFile = file_result('a', filename='a.txt')\nb: TextFile = file_result('b', filename='./a.txt')",
        ("path-taken", 3, "Scan.b", "saves to the same file as a", "give it another filename"),
        id="two files at one path, spelt in two ways",
    ),
    pytest.param(
        "n: str = ''\na: TextFile = file_result('a', filename=n)\nb: TextFile = file_result('b', filename=n)",
        ("path-taken", 4, "Scan.b", "saves to the same file as a", "give it another filename"),
        id="two files at the path that one parameter gives",
    ),
    pytest.param(
        "a: TextFile = file_result('a', filename='a', name='save')\nb: TextFile = file_result('b', filename='b', name='save')",
        ("name-taken", 3, "Scan.b", "its task is named 'save', as is that of 'a'", "give it another name=..."),
        id="two results of one task name",
    ),
    pytest.param(
        "a: TextFile = file_result('a', filename='a', max_retries=3)",
        ("task-option", 2, "Scan: file_result()", "max_retries=3 needs a retry_delay", "add retry_delay=timedelta(seconds=10)"),
        id="retries of a result without a delay",
    ),
    pytest.param(
        "a: int = result(1, timout=3)",
        ("task-option", 2, "Scan: result()", "'timout' is not a task option; did you mean 'timeout'?", "use the options of prefect.Task"),
        id="a misspelt option of a result",
    ),
    # the shape of the graph
    pytest.param(
        "@step\ndef a(self, b: int) -> int: ...\n@step\ndef b(self, a: int) -> int: ...",
        ("cycle", 2, "Scan.a", "waits for itself: a → b → a", "break the circle"),
        id="a circle of steps",
    ),
    pytest.param(
        "@step\ndef a(self, a: int) -> int: ...",
        ("cycle", 2, "Scan.a", "waits for itself: a → a", "break the circle"),
        id="a step that takes its own value",
    ),
]  # fmt: skip
# ruff: noqa: E501 - a message is easier to read on one line


@pytest.mark.parametrize("future", [False, True], ids=["annotations", "text"])
@pytest.mark.parametrize(("body", "problem"), ONE_MISTAKE)
def test_a_mistake_is_told_with_its_line_and_how_to_mend_it(
    problems: Problems, body: str, problem: Any, future: bool
) -> None:
    ((kind, line, *texts),) = problems(body, future=future)
    assert (kind, *texts) == (problem[0], *problem[2:])
    assert line == problem[1] or ("@step" in body and line == problem[1] + 1)  # the decorator's line, or the def's


@pytest.mark.parametrize(
    ("annotation", "future", "shown"),
    [("'Spot'", False, "'Spot'"), ("Spot", True, "'Spot'"), ("list[Spot]", True, "'list[Spot]'")],
)
def test_an_annotation_as_text_that_names_nothing_is_told(
    problems: Problems, annotation: str, future: bool, shown: str
) -> None:
    message = f"the annotation {shown} cannot be resolved: name 'Spot' is not defined"
    assert problems(f"x: {annotation} = parameter()", future=future) == [
        ("annotation", 2, "Scan.x", message, "import or define its names where the class is written")
    ]


def test_all_problems_of_a_class_are_told_at_once_in_the_order_of_its_lines(problems: Problems) -> None:
    body = """
        run: int = 1
        shots: int = parameter(default='a')
        a = add(shot)
        b = add('b')
        c: Callable = parameter()
        d = parameter()
        e: int = add(1)
        f = double.map(e, 3)
        g: TextFile = file_result(1, filename='g')
        h: int = db_result(x=1)

        i = step(lambda self, nowhere: 1)
        j: 'Spot' = parameter()
    """
    told = problems(body)
    assert [(kind, line) for kind, line, *_ in told] == [
        ("reserved-name", 2),
        ("default", 3),
        ("unknown-name", 4),
        ("edge-type", 5),
        ("parameter-type", 6),
        ("annotation", 7),
        ("annotation", 8),
        ("task-arguments", 9),
        ("result-type", 10),
        ("result-type", 11),
        ("unknown-name", 13),
        ("annotation", 14),
    ]


def test_all_of_several_mistakes_on_one_line_are_told(problems: Problems) -> None:
    told = problems("y = add(shto, ohter) + thrid")
    assert [subject for _, _, subject, _, _ in told] == ["Scan: shto", "Scan: ohter", "Scan: thrid"]


def test_a_parameter_of_several_wrong_parts_is_told_with_each(problems: Problems) -> None:
    told = problems("x: tuple[set, dict[int, Any]] = parameter()")
    assert [message.split(":")[0] for *_, message, _ in told] == [
        "tuple[set, dict[int, Any]] → item 0",
        "tuple[set, dict[int, Any]] → item 1 → key",
        "tuple[set, dict[int, Any]] → item 1 → value",
    ]


def test_every_circle_is_told(problems: Problems) -> None:
    body = "".join(f"@step\ndef {name}(self, {other}: int) -> int: ...\n" for name, other in ["ab", "ba", "cd", "dc"])
    assert [subject for _, _, subject, _, _ in problems(body)] == ["Scan.a", "Scan.c"]


@pytest.mark.parametrize(
    "use",
    [
        "y = add({})",
        "y = add(1) + {}",
        "y = {}[0]",
        "y = {}.attribute",
        "y = {}(1)",
        "y: int = result({})",
        "y: DBResult = db_result(y={})",
        "y: int = parameter(default={})",
        "y: int = {}",
        "y = step(lambda self, x=shost: 1)",
        "y = [{}, 1]",
        "y = add.map({})",
        "if {}: pass",
        "for y in {}: add(y)",
        "y, z = {}",
        "y = add(*{})",
        "y = f'{{{}}}'",
        "y = len({})",
        "y = int({})",
        "{}.attribute = 1",
        "{}[0] = 1",
        "with {}: pass",
        "y = {}(lambda self: 1)",
        "y: {} = parameter()",
        "y: list[{}] = parameter()",
        "y: Optional[{}] = parameter()",
        "y: {} | None = parameter()",
        "y: {}.ndarray = parameter()",
        "y: dict[str, {}]",
    ],
)
def test_a_misspelt_name_is_told_as_such_wherever_it_is_used(problems: Problems, use: str) -> None:
    told = problems("shots: list[int] = [1]\n" + use.replace("{}", "shost").replace("{{", "{").replace("}}", "}"))
    assert [(kind, line, message) for kind, line, _, message, _ in told] == [
        ("unknown-name", 3, "is not defined here; did you mean 'shots'?")
    ]


def test_a_use_that_is_refused_does_not_hide_the_mistakes_above_it(problems: Problems) -> None:
    told = problems("x: int = 1\ny = add(xx)\nif x: pass")
    assert [(kind, line) for kind, line, *_ in told] == [("unknown-name", 3), ("reference-value", 4)]


OTHER = """
    kept = {}
    class Other(LumeFlow):
        x: int = parameter()
        y = add(x)
        kept.update(x=x, y=y)
    class Scan(LumeFlow):
"""


@pytest.mark.parametrize("task", ["add", "anything"])
@pytest.mark.parametrize("value", ["kept['y']", "kept['x']", "Other.y", "Other.x"])
def test_a_value_of_another_flow_is_refused(define: Any, task: str, value: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(f"{OTHER}        z = {task}({value})\n")
    name = "y" if "y" in value else "x"
    instead = f"call the flow in this body, Other(...).{name}, or " if value.startswith("Other") else ""
    assert [str(problem) for problem in caught.value.problems] == [
        f"beam.py:7: Scan.z: takes {name}, which belongs to Other  [foreign-reference]\n"
        f"    {instead}use a name of this flow"
    ]


@pytest.mark.parametrize("use", ["kept['y']", "kept['y'] + 1", "anything([kept['y']])", "[kept['y']]"])
def test_another_use_of_a_value_of_another_flow_is_told_too(define: Any, use: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(f"{OTHER}        z = {use}\n")
    (problem,) = caught.value.problems
    assert problem.kind == "foreign-reference"
    assert problem.subject.startswith("Scan.")
    assert "belongs to Other" in problem.message
    assert problem.fix


def test_a_parameter_whose_default_is_another_one_is_told_that_defaults_are_constants(problems: Problems) -> None:
    ((kind, line, subject, message, _),) = problems("x: int = 3\ny: int = parameter(default=x)")
    assert (kind, line, subject) == ("default", 3, "Scan.y")
    assert "known only when the flow runs" in message


def test_an_annotated_name_for_a_parameter_is_told(problems: Problems) -> None:
    """``y: int = x`` is meant as a default, and would make an alias that cannot be given a value."""
    ((_, line, subject, *_),) = problems("x: int = 3\ny: int = x")
    assert (line, subject) == (3, "Scan.y")


def test_outputs_that_cannot_be_stored_are_told(problems: Problems) -> None:
    ((kind, line, subject, *_),) = problems("record: DBResult = db_result(x=lambda: 1)")
    assert (kind, line, subject) == ("result-type", 2, "Scan.record")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("x: int = parameter(3)", "default="),
        ("x: int = parameter(defualt=3)", "'default'"),
        ("a: TextFile = file_result('a')", "filename"),
        ("x: int = 1\nrecord: DBResult = db_result(x)", "="),
    ],
)
def test_a_field_called_wrongly_is_told_what_to_write(problems: Problems, body: str, names: str) -> None:
    ((_, line, _, message, fix),) = problems(body)
    assert line == 1 + len(body.splitlines())
    assert names in message + fix


def test_a_task_decorator_on_a_method_is_told_to_be_a_step(problems: Problems) -> None:
    told = problems("x: int = 1\n@task\ndef total(self, x: int) -> int: ...\ny = total(x)")
    assert any("@step" in message + fix for *_, message, fix in told)


def test_a_constant_that_is_marked_final_is_told_to_be_a_class_variable(problems: Problems) -> None:
    ((_, line, subject, message, fix),) = problems("LIMIT: Final[int] = 3")
    assert (line, subject) == (2, "Scan.LIMIT")
    assert "ClassVar" in message + fix or "annotation" in fix


def test_a_deleted_parameter_is_not_said_to_be_assigned(problems: Problems) -> None:
    ((kind, _, subject, message, _),) = problems("x: int = 1\ndel x")
    assert (kind, subject) == ("parameter-name", "Scan.x")
    assert "assigned again" not in message


def test_a_dict_or_a_set_cannot_be_mapped_over(problems: Problems) -> None:
    told = problems("d: dict[str, int] = parameter()\na = add.map(d)\nb = add.map({1, 2})\nc = add.map({'a': 1})")
    assert [(kind, line) for kind, line, *_ in told] == [("edge-type", 3), ("edge-type", 4), ("edge-type", 5)]


@pytest.mark.parametrize("future", [False, True], ids=["annotations", "text"])
@pytest.mark.parametrize(
    "annotation", ["3", "[int]", "(int, str)", "'int |'", "''", "dict[str]", "list[int, int]", "tuple[1, 2]"]
)
def test_an_annotation_that_is_no_type_is_told_and_no_crash(problems: Problems, annotation: str, future: bool) -> None:
    told = problems(f"x: {annotation} = parameter()", future=future)
    assert {(line, subject) for _, line, subject, *_ in told} == {(2, "Scan.x")}


@pytest.mark.parametrize("default", ["{'a': 10 ** 5000}", "10 ** 5000", "(lambda a: a.append(a) or a)([])"])
def test_a_default_that_cannot_even_be_shown_is_told_and_no_crash(problems: Problems, default: str) -> None:
    ((kind, *_),) = problems(f"x: dict[str, JSON] = parameter(default={default})")
    assert kind == "default"


def test_a_constant_that_holds_itself_is_told_or_taken_and_no_crash(scan: Any) -> None:
    """Whether it can be run is for the executor to say."""
    assert scan("loop = []\nloop.append(loop)\ny = anything(loop)").__lume_graph__.members["y"]


@pytest.mark.parametrize("line", ["z: int = result(add)", "z: DBResult = db_result(z=add)", "z = greet(add)"])
def test_a_task_without_its_parentheses_is_told_to_be_called(problems: Problems, line: str) -> None:
    ((_, at, _, _, fix),) = problems(f"y = add(1)\n{line}")
    assert (at, fix) == (3, "call it: add(...)")
