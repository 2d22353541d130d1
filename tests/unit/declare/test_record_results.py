"""A record class, its fields and the outputs are checked when the flow is defined, not when all has been computed."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.errors import DefinitionError

Define = Callable[..., dict[str, Any]]

NOT_FOUND_AGAIN = "is defined in a function, where nothing can find it again"

CLASSES = """
import attrs, collections.abc, enum, io, types
from datetime import datetime

class Fit(DBResult):
    sigma: float
    archive: TextFile
    when: datetime | None = None

class Converted(DBResult):
    sigma: float = attrs.field(converter=float)

class Target(DBResult):
    target: str

class Wrong(DBResult):
    unique_on = ("flow_name", "inputz")

class NoTuple(DBResult):
    unique_on = "inputs"

class NoType(DBResult):
    x = attrs.field(default=1)

class NoSuchType(DBResult):
    x: "Nowhere"

class Kept(DBResult):
    names: dict[str, list[float]] | None = None

def local_classes():
    class Local(DBResult):
        pass

    @attrs.frozen
    class Point:
        x: int = 1

    class Colour(enum.Enum):
        RED = 1

    return Local, Point, Colour

Local, Point, Colour = local_classes()
"""


@pytest.fixture
def told(define: Define) -> Callable[[str, str], list[tuple[str, str]]]:
    """What is wrong with a flow of this body, where a task ``made`` gives a value of a type: messages and fixes."""

    def run(body: str, made: str = "int") -> list[tuple[str, str]]:
        task = f"@task\ndef make(n: int) -> {made}: ...\n"
        lines = textwrap.indent(
            f"n: int = 1\nmade = make(n)\nfile: TextFile = file_result('a', filename='b')\n{body}", "    "
        )
        try:
            define(f"{CLASSES}\n{task}\nclass Scan(LumeFlow):\n{lines}\n")
        except DefinitionError as error:
            return [(p.message, p.fix) for p in error.problems if p.kind == "result-type" and p.place is not None]
        return []

    return run


Told = Callable[..., list[tuple[str, str]]]


@pytest.mark.parametrize(
    "body",
    [
        "r: Fit = db_result(sigma=made, archive=file, when=None, more=made)",
        "r: Fit = db_result(sigma=1, archive=file)",
        "r: Converted = db_result(sigma='1.5')",
        "r: Kept = db_result()",
        "r: Target = db_result(target=unchecked(made))",
        "r: DBResult = db_result(sigma=made)",
    ],
)
def test_a_record_whose_outputs_fit_its_fields_is_defined(told: Told, body: str) -> None:
    assert told(body) == []


@pytest.mark.parametrize(
    ("body", "message", "fix"),
    [
        (
            "r: Fit = db_result(sigma='a', archive=file)",
            "expected float for 'sigma', got 'a' from the body",
            "give it a value of the type float, or change the annotation",
        ),
        (
            "r: Fit = db_result(sigma=made, archive=made)",
            "expected TextFile for 'archive', got int from made",
            "give it a value of the type TextFile, or change the annotation",
        ),
        (
            "r: Fit = db_result(sigma=made, archive=file, when=n)",
            "expected datetime | None for 'when', got int from n",
            "give it a value of the type datetime | None, or change the annotation",
        ),
        (
            "r: Fit = db_result(sigma=made, archve=file)",
            "Fit needs archive: TextFile, which no output fills; did you mean 'archve'?",
            "write db_result(archive=...), or give the field a default",
        ),
        (
            "r: Target = db_result(target='a')",
            "Target needs target: str, which no output fills",
            "a constant target= is a task option: give the field the value of a parameter or a task",
        ),
        (
            "r: Wrong = db_result()",
            "Wrong.unique_on names 'inputz', which is no field of it; did you mean 'inputs'?",
            "name some of flow_name, outputs, inputs, project_name, result_name, flow_run_id, time, provenance",
        ),
        (
            "r: NoTuple = db_result()",
            "NoTuple.unique_on is no tuple of names",
            'write unique_on = ("flow_name", "inputs")',
        ),
        (
            "r: NoType = db_result()",
            "NoType: The following `attr.ib`s lack a type annotation: x.",
            "write its type, x: float = attrs.field()",
        ),
        (
            "r: NoSuchType = db_result(x=1)",
            "the fields of NoSuchType cannot be told: name 'Nowhere' is not defined",
            "mend their annotations",
        ),
        (
            "r: Local = db_result()",
            f"local_classes.<locals>.Local {NOT_FOUND_AGAIN}",
            "define it at the top of a module",
        ),
    ],
)
def test_what_is_wrong_with_a_record_is_told(told: Told, body: str, message: str, fix: str) -> None:
    assert told(body) == [(message, fix)]


@pytest.mark.parametrize(
    ("made", "reason", "fix"),
    [
        ("set[int]", "set[int] cannot be stored", "write sorted(...)"),
        ("list[frozenset[str]]", "frozenset[str] cannot be stored", "write sorted(...)"),
        ("dict[str, set[int]]", "set[int] cannot be stored", "write sorted(...)"),
        ("tuple[int, bytearray]", "bytearray cannot be stored", "write bytes(...)"),
        ("set[int] | bytearray", "set[int] cannot be stored", "write sorted(...)"),
        ("io.BytesIO", "BytesIO cannot be stored", "write it as JSON values, or save it as a file"),
        ("types.ModuleType", "module cannot be stored", "write it as JSON values, or save it as a file"),
        (
            "collections.abc.Iterator[int]",
            "Iterator[int] cannot be stored",
            "write it as JSON values, or save it as a file",
        ),
        (
            "dict[int, str]",
            "dict[int, str] cannot be stored, as its keys are no texts",
            "write str(...) for the keys",
        ),
        (
            "Point",
            f"it cannot be stored: local_classes.<locals>.Point {NOT_FOUND_AGAIN}",
            "define it at the top of a module",
        ),
        (
            "Colour",
            f"it cannot be stored: local_classes.<locals>.Colour {NOT_FOUND_AGAIN}",
            "define it at the top of a module",
        ),
    ],
)
def test_an_output_of_a_type_that_is_never_stored_is_told(told: Told, made: str, reason: str, fix: str) -> None:
    assert told("r: DBResult = db_result(x=made)", made) == [(f"output 'x': {reason} (made)", fix)]
    assert told("r: DBResult = db_result(x=unchecked(made))", made) == []


@pytest.mark.parametrize("made", ["set[int] | None", "object", "Any", "dict", "list", "Mapping[str, int]", "DBResult"])
def test_a_type_of_which_some_values_are_stored_is_no_problem(told: Told, made: str) -> None:
    assert told("r: DBResult = db_result(x=made)", made) == []
