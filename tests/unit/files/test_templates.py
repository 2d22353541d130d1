"""Names of files with values in them: checked at definition, rendered when the flow runs, never leaving a folder."""

from __future__ import annotations

import os
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl import (
    DefinitionError,
    FileError,
    FlowRunError,
    LumeFlow,
    TextFile,
    file_result,
    parameter,
    result,
    step,
    task,
)
from lume_dsl.declare.filenames import FilenameTemplate, TemplateError, filename_or_template
from lume_dsl.errors import FilenameError


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def template(text: str) -> FilenameTemplate:
    found = filename_or_template(text)
    assert isinstance(found, FilenameTemplate)
    return found


# rendering


@pytest.mark.parametrize(
    ("text", "value", "rendered"),
    [
        ("shot-{x}.png", 5, "shot-5.png"),
        ("shot-{x:04d}.png", 5, "shot-0005.png"),
        ("{x}", 0.1, "0.1"),
        ("{x:.3f}/{x}", 0.1, "0.100/0.1"),
        ("{x}", Decimal("1.10"), "1.10"),
        ("{x}", True, "True"),
        ("{x:03d}", np.int64(7), "007"),
        ("{x:.1f}", np.float32(0.25), "0.2"),
        ("{x}", date(2026, 3, 1), "2026-03-01"),
        ("{x:%Y}/{x:%m}", date(2026, 3, 1), "2026/03"),
        ("{x}", datetime(2026, 3, 1, 10, tzinfo=timezone.utc), "2026-03-01T10:00:00+00:00"),
        ("{x}", time(10, 30), "10:30:00"),
        ("{x}", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("{{x}}-{x}", "é☃", "{x}-é☃"),
        ("../{x}", "a", "../a"),
        ("~/{x}", "a", "~/a"),
        ("a{x}", "..b", "a..b"),
    ],
)
def test_values_stand_in_names(text: str, value: Any, rendered: str) -> None:
    assert template(text).render({"x": value}) == rendered


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        ("a/{x}.txt", "b/c", "the value of x has '/' in it, got 'b/c'; a value names no folder"),
        ("{x}", "/etc/passwd", "has '/' in it"),
        ("{x}", "a\\b", r"has '\\\\' in it"),
        ("{x}", "a\0b", r"has '\\x00' in it"),
        ("{x}.txt", "", "is empty"),
        ("{x}/a", "..", r"is '\.\.'"),
        ("{x}/a", ".", r"is '\.'"),
        (".{x}/a", ".", r"is '\.'"),
        ("{x}/a", "~root", "its values make '~root/a' of it, which is in a home folder"),
        ("{x}", None, "expected a text, a number or a date, got NoneType"),
        ("{x}", [1], "got list"),
        ("{x:d}", 0.5, "Unknown format code 'd'"),
    ],
)
def test_a_value_that_would_lead_elsewhere_is_refused_by_its_name(text: str, value: Any, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        template(text).render({"x": value})
    assert str(caught.value).startswith(f"{text}: ")


@given(values=st.tuples(st.text(max_size=4), st.text(max_size=4)))
@pytest.mark.parametrize(
    "text", ["{a}", "{a}{b}", "d/{a}{b}", "d/{a}/{b}", "{a}/d", ".{a}", "d/.{a}./x", "~{a}", "{a}."]
)
def test_no_values_leave_the_folder_that_the_template_names(text: str, values: tuple[str, str]) -> None:
    try:
        rendered = template(text).render({"a": values[0], "b": values[1]})
    except FileError:
        return
    assert "\0" not in rendered
    assert rendered.count("/") == text.count("/")
    assert not {".", "..", ""} & set(rendered.split("/"))
    assert os.path.normpath(rendered) == rendered
    assert rendered.startswith("~") == text.startswith("~")


@pytest.mark.parametrize(
    "text", ["{", "}", "a{x", "{}", "{0}", "{x.y}", "{x[0]}", "{x!r}", "{x:{y}}", "{x:%Y/%m}", "{a b}"]
)
def test_other_braces_are_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        filename_or_template(text)
    assert len(caught.value.args) == 2


def test_escaped_braces_alone_are_a_plain_name() -> None:
    assert filename_or_template("a{{b}}.txt") == "a{b}.txt"


# in a flow


@task
def greet(number: int) -> str:
    return f"hey {number}"


@task
def day_of(number: int) -> date:
    return date(2026, 3, number)


@task
def label_of(number: int) -> str:
    return "a/b" if number else "ab"


class Shots(LumeFlow):
    """Every kind of name that a template may have."""

    shot: int = parameter(default=3)
    place = "injector"
    text = greet(shot)
    day = day_of(shot)

    by_values: TextFile = file_result(text, filename="{place}/{day:%Y}/shot-{shot:04d}-{text}.txt")
    by_run: TextFile = file_result(text, filename=Path("runs") / "{flow_name}-{flow_run_id}-{{}}.txt")
    by_later: TextFile = file_result(text, filename="{total}.txt", filesystem="memory", overwrite=True)

    @step
    def total(self, text: str) -> int:
        return len(text) + self.shot


def test_parameters_task_values_and_the_run_are_in_the_names(folder: Path) -> None:
    done = Shots(shot=5).run()
    assert done.by_values.filename == str(folder / "injector/2026/shot-0005-hey 5.txt")
    assert done.by_run.filename == str(folder / f"runs/Shots-{done.flow_run.id}-{{}}.txt")
    assert done.by_later.filename == "10.txt"
    assert [file.read() for file in (done.by_values, done.by_run, done.by_later)] == ["hey 5"] * 3


def test_the_prefect_flow_runs_by_itself_with_the_same_names(folder: Path) -> None:
    state = Shots.flow.run(shot=7)
    assert state is not None
    assert state.is_successful(), state
    assert (folder / "injector/2026/shot-0007-hey 7.txt").read_text() == "hey 7"


class Labelled(LumeFlow):
    label: str = parameter(default="ab")
    number: int = parameter(default=0)
    made = label_of(number)
    by_parameter: TextFile = file_result("x", filename="{label}.txt")
    by_task: TextFile = file_result("x", filename="made-{made}.txt")


def test_a_parameter_that_would_lead_elsewhere_fails_before_anything_runs(folder: Path) -> None:
    with pytest.raises(FilenameError, match=r"by_parameter: {label}.txt: the value of label has '/' in it, got '../x'"):
        Labelled(label="../x").run()
    assert os.listdir(folder) == []


def test_a_task_value_that_would_lead_elsewhere_fails_its_task(folder: Path) -> None:
    with pytest.raises(FlowRunError, match=r"by_task: FileError: made-{made}.txt: the value of made has '/' in it"):
        Labelled(number=1).run()
    assert os.listdir(folder) == ["ab.txt"]


def test_two_results_that_come_to_one_file_fail_before_anything_runs(folder: Path) -> None:
    class Pair(LumeFlow):
        a: str
        b: str
        first: TextFile = file_result("x", filename="{a}.txt")
        second: TextFile = file_result("y", filename="{b}.txt", overwrite=True)

    done = Pair(a="p", b="q").run()
    assert (done.first.read(), done.second.read()) == ("x", "y")
    with pytest.raises(
        FilenameError, match=r"second: saves to the same file as first, p.txt; give it another filename"
    ):
        Pair(a="p", b="p").run()


# what a definition refuses


def problems(body: str) -> list[tuple[str, str, str]]:
    source = "class Scan(LumeFlow):\n" + dedent(body).replace("\n", "\n    ").join(["    ", "\n"])
    with pytest.raises(DefinitionError) as caught:
        exec(compile(source, "scan.py", "exec", dont_inherit=True), {**globals(), "__name__": "scan"})
    return [(one.kind, one.message, one.fix) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("body", "kind", "message", "fix"),
    [
        (
            "shot: int = 1\nr: TextFile = file_result('a', filename='{shto}.txt')",
            "unknown-name",
            "its filename has {shto}, which is not a name of this flow; did you mean 'shot'?",
            "there are shot, flow_run_id, flow_name; write {{ and }} for braces",
        ),
        (
            "r: TextFile = file_result('a', filename='{flow_run}.txt')",
            "unknown-name",
            "its filename has {flow_run}, which is not a name of this flow; did you mean 'flow_run_id'?",
            "there are flow_run_id, flow_name; write {{ and }} for braces",
        ),
        (
            "xs: list[int] = parameter()\nr: TextFile = file_result('a', filename='{xs}.txt')",
            "edge-type",
            "{xs} in its filename takes a text, a number or a date, got list[int] from xs",
            "make a text of it in a task, and name that",
        ),
        (
            "import enum\nclass Plane(enum.Enum):\n    X = 'x'\n"
            "plane: Plane = Plane.X\nr: TextFile = file_result('a', filename='{plane}.txt')",
            "edge-type",
            "{plane} in its filename takes a text, a number or a date, got Plane from plane",
            "write plane_value = plane.value above it, and {plane_value} in the filename",
        ),
        (
            "n: int = parameter()\nr: TextFile = file_result('a', filename='{n:%Y}.txt')",
            "edge-type",
            "{n:%Y} in its filename is no format of int: Invalid format specifier",
            "write {n:04d} for an int, {x:.3f} for a float, {day:%Y%m%d}",
        ),
        (
            "r: TextFile = file_result('a', filename='{n.txt')",
            "field-arguments",
            "'{n.txt' is no template: expected '}' before end of string",
            "write {{ and }} for braces",
        ),
        (
            "a: TextFile = file_result('a', filename='a')\nr: TextFile = file_result('a', filename='{a}.txt')",
            "edge-type",
            "{a} in its filename takes a text, a number or a date, got TextFile from a",
            "make a text of it in a task, and name that",
        ),
        (
            "n: int = parameter()\na: TextFile = file_result('a', filename='{n}')\n"
            "r: TextFile = file_result('b', filename='./{n}')",
            "path-taken",
            "saves to the same file as a",
            "give it another filename",
        ),
        (
            "key: str = parameter(secret=True)\nr: TextFile = file_result('a', filename='{key}.txt')",
            "parameter-option",
            "is a secret parameter, which a result would show",
            "leave it out",
        ),
        (
            "r: TextFile = file_result('a', filename='{r}.txt')",
            "cycle",
            "waits for itself",
            "break the circle",
        ),
    ],
)
def test_a_wrong_template_is_told_when_the_flow_is_defined(body: str, kind: str, message: str, fix: str) -> None:
    found = problems(body)
    assert any(one[0] == kind and message in one[1] and fix in one[2] for one in found), found


def test_names_of_values_of_unknown_or_fitting_types_are_fine() -> None:
    @task
    def untyped(x: Any) -> Any:
        return x

    @task
    def optional(x: int) -> int | None:
        return x

    @task
    def numpy_number(x: int) -> np.int64:
        return np.int64(x)

    class Fine(LumeFlow):
        n: int = parameter(default=1)
        a = untyped(n)
        b = optional(n)
        c = numpy_number(n)
        d = n + 1
        kept: int = result(d)
        file: TextFile = file_result("x", filename="{a}-{b}-{c}-{d}-{kept}.txt")

    assert Path(Fine().run().file.filename).name == "1-1-1-2-2.txt"


def test_a_rebound_name_is_another_value(folder: Path) -> None:
    class Rebound(LumeFlow):
        n: int = parameter(default=1)
        text = greet(n)
        first: TextFile = file_result(text, filename="{text}.txt")
        text = greet(2)
        second: TextFile = file_result(text, filename="{text}.txt")

    Rebound().run()
    assert sorted(os.listdir(folder)) == ["hey 1.txt", "hey 2.txt"]
