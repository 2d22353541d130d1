"""A flow is found by where it stands, and what stands in the way is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lume_dsl.declare.find import find_flow, find_flows
from lume_dsl.errors import DefinitionError, FlowNotFoundError

HEAD = "from lume_dsl import LumeFlow, parameter, task\n@task\ndef add(x: int) -> int: return x\n"
ONE = HEAD + "class Scan(LumeFlow):\n    x: int = 1\n    y = add(x)\n"
TWO = ONE + "class Other(LumeFlow):\n    x: int = 2\nAlias = Other\nclass Empty(LumeFlow): pass\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, whose modules are forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


@pytest.mark.parametrize(
    "target", ["beam_a:Scan", "beam_a", "beam_a.py:Scan", "beam_a.py", "./beam_a.py", "{cwd}/beam_a.py:Scan"]
)
def test_a_flow_is_found_by_module_or_by_file(folder: Path, target: str) -> None:
    write("beam_a.py", ONE)
    found = find_flow(target.format(cwd=folder))
    assert found.__name__ == "Scan"
    assert find_flow("beam_a:Scan") is found


def test_a_flow_of_a_package_is_found() -> None:
    write("labflows/__init__.py", "")
    write("labflows/beam.py", ONE)
    assert find_flow("labflows.beam:Scan").__module__ == "labflows.beam"


def test_a_file_may_import_what_is_beside_it() -> None:
    write("sub_b/neighbour_b.py", HEAD)
    write("sub_b/beam_b.py", "from neighbour_b import *\n" + ONE.removeprefix(HEAD))
    assert find_flow("sub_b/beam_b.py:Scan").__name__ == "Scan"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("lab_n/__init__.py", "lab_n"),
        ("lab_n/beam.py", "lab_n.beam"),
        ("lab_n/sub/beam.py", "lab_n.sub.beam"),
        ("lab_n/plain/beam_n.py", "beam_n"),
        ("my-lab/beam_o.py", "beam_o"),
    ],
)
def test_a_file_in_a_package_has_its_dotted_name(file: str, name: str) -> None:
    for package in ("lab_n", "lab_n/sub", "my-lab"):
        write(f"{package}/__init__.py", "")
    write(file, ONE)
    found = find_flow(f"{file}:Scan")
    assert found.__module__ == name
    assert find_flow(f"{name}:Scan") is found


def test_a_file_in_a_package_may_import_what_is_beside_it_and_relatively() -> None:
    write("lab_p/__init__.py", "")
    write("lab_p/neighbour_p.py", HEAD)
    write("lab_p/beam.py", "import neighbour_p\nfrom .neighbour_p import *\n" + ONE.removeprefix(HEAD))
    assert find_flow("lab_p/beam.py:Scan").__module__ == "lab_p.beam"


def test_a_file_in_a_package_whose_name_is_taken_is_refused() -> None:
    write("json/__init__.py", "")
    write("json/beam.py", ONE)
    with pytest.raises(FlowNotFoundError, match="a module named 'json' is loaded already\n    rename the package"):
        find_flow("json/beam.py:Scan")


@pytest.mark.parametrize(
    ("file", "valid"),
    [("quad-scan.py", "quad_scan.py"), ("2026scan.py", "flow_2026scan.py"), ("a/b.c.py", "b_c.py"), ("ü .py", "ü_.py")],
)
def test_a_file_whose_name_is_no_modules_is_refused_with_one_that_is(file: str, valid: str) -> None:
    write(file, ONE)
    for target in (file, f"{file}:Scan"):
        with pytest.raises(FlowNotFoundError, match=f"is no name of a module.*\n    rename the file, as to {valid}$"):
            find_flows(target)


def test_the_flows_of_a_module_are_those_that_it_defines() -> None:
    write("beam_c.py", TWO)
    write("beam_d.py", "from beam_c import Scan\n" + TWO.replace("Scan", "Mine"))
    assert {"Scan", "Other"} <= set(find_flows("beam_c")) <= {"Scan", "Other", "Alias"}
    assert "Scan" not in find_flows("beam_d")
    assert list(find_flows("beam_c:Other")) == ["Other"]


def test_an_abstract_flow_is_not_the_one_that_a_module_means() -> None:
    base = "from lume_dsl import LumeFlow, parameter\nclass Base(LumeFlow):\n    x: int = parameter(abstract=True)\n"
    write("beam_abstract.py", base)
    assert find_flow("beam_abstract").__name__ == "Base"
    write("beam_whole.py", base + "class Scan(Base):\n    x: int = 3\n")
    assert find_flow("beam_whole").__name__ == "Scan"
    assert find_flow("beam_whole:Base").__name__ == "Base"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("beam_e:Scn", "beam_e has no flow named 'Scn'; did you mean 'Scan'?"),
        ("beam_e:add", "beam_e has no flow named 'add'"),
        ("beam_e", "flows: say which"),
        ("beam_f", "there is no module named 'beam_f'; did you mean 'beam_e'?"),
        ("beam_e.sub", "there is no module named 'beam_e.sub'"),
        ("beam_f.py:Scan", "there is no file beam_f.py; did you mean 'beam_e.py'?"),
        ("nowhere/beam.py", "there is no file nowhere/beam.py"),
        ("empty_e", "empty_e defines no flow"),
        ("", "names no module"),
        (":Scan", "names no module"),
        (".", "'.' is no module\n    name a dotted module that can be imported from here, or the path of a .py file"),
        ("..", "'..' is no module"),
        (".:Scan", "'.' is no module"),
        (".beam_e", "'.beam_e' is no module"),
        ("./", ". is a folder\n    name a .py file in it"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(target: str, message: str) -> None:
    write("beam_e.py", TWO)
    write("empty_e.py", "x = 1\n")
    with pytest.raises(FlowNotFoundError) as caught:
        find_flow(target)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("x = 1\nimport nowhere_at_all\n", 2, "does not import: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("x = 1\n\n1 / 0\n", 3, "does not import: ZeroDivisionError: division by zero"),
        ("x = (\n", 1, "does not import: SyntaxError: '(' was never closed"),
    ],
)
@pytest.mark.parametrize("target", ["broken_g", "broken_g.py"])
def test_a_module_that_raises_is_told_with_the_line_that_does(
    source: str, line: int, message: str, target: str
) -> None:
    write("broken_g.py", source)
    with pytest.raises(DefinitionError) as caught:
        find_flows(target)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (Path(problem.place.file).name, problem.place.line) == ("broken_g.py", line)
    assert problem.message == message


def test_a_file_is_suggested_for_its_name_and_not_for_its_folder_or_ending() -> None:
    write("laboratory/g.py", ONE)
    with pytest.raises(FlowNotFoundError) as caught:
        find_flow("laboratory/nope.py")
    assert str(caught.value) == "there is no file laboratory/nope.py"


IN_PYTHON = "from enum import Enum\n\nclass Mode(Enum):\n    FAST = 'fast'\n\n\n"


@pytest.mark.parametrize(
    ("source", "file", "line"),
    [
        (IN_PYTHON + "Mode.FASt\n", "broken_k.py", 7),
        ("import json\njson.loads('[')\n", "broken_k.py", 2),
        ("import ast\nast.literal_eval('(')\n", "broken_k.py", 2),
        ("exec('1 / 0')\n", "broken_k.py", 1),
        ("import beside_k\n\nbeside_k.fall()\n", "beside_k.py", 4),
        ("import my_importlib_k\n", "my_importlib_k.py", 2),
        ("import installed_k\n\ninstalled_k.fall()\n", "broken_k.py", 3),
        ("from lume_dsl import LumeFlow, parameter\nparameter(no_option=1)\n", "broken_k.py", 2),
    ],
)
@pytest.mark.parametrize("target", ["broken_k", "broken_k.py"])
def test_the_place_of_an_import_error_is_the_last_line_of_the_users_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, file: str, line: int, target: str
) -> None:
    monkeypatch.syspath_prepend(str(folder / "site-packages"))
    write("site-packages/installed_k.py", "def fall():\n    return 1 / 0\n")
    write("beside_k.py", "import json\n\ndef fall():\n    json.loads('[')\n")
    write("my_importlib_k.py", "x = 1\n1 / 0\n")
    write("broken_k.py", source)
    with pytest.raises(DefinitionError) as caught:
        find_flows(target)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (Path(problem.place.file).name, problem.place.line) == (file, line)


def test_the_place_of_an_import_error_that_no_line_of_the_users_is_in_is_the_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder / "site-packages"))
    write("site-packages/installed_l.py", "x = 1\n1 / 0\n")
    with pytest.raises(DefinitionError, match=r"installed_l.py:2: installed_l: does not import: ZeroDivisionError"):
        find_flows("installed_l")


def test_a_wrong_flow_is_told_as_where_it_is_defined() -> None:
    write("broken_h.py", HEAD + "class Scan(LumeFlow):\n    y = add(xx)\n")
    with pytest.raises(DefinitionError, match=r"^broken_h.py:5: Scan: xx: is not defined here"):
        find_flow("broken_h:Scan")


def test_a_comprehension_that_does_not_see_a_name_of_its_class_is_explained() -> None:
    write("broken_i.py", HEAD + "class Scan(LumeFlow):\n    x: int = 1\n    y = [add(x) for i in range(3)]\n")
    with pytest.raises(DefinitionError) as caught:
        find_flow("broken_i:Scan")
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert problem.place.line == 6
    assert "NameError" in problem.message
    assert "use a for loop, or map the task" in problem.fix


@pytest.mark.parametrize("line", ["z = [add(x) for i in range(3)]", "1 / 0", "raise SystemExit"])
def test_an_exception_that_ends_a_body_comes_with_what_is_wrong_above_it(line: str) -> None:
    write("broken_m.py", HEAD + f"class Scan(LumeFlow):\n    x: str = 1\n    y = add('a')\n    {line}\n")
    with pytest.raises(DefinitionError) as caught:
        find_flow("broken_m:Scan")
    told = [(problem.kind, problem.place.line) for problem in caught.value.problems if problem.place]
    assert told[:2] == [("default", 5), ("edge-type", 6)]
    assert told[2:] == [("import", 7)]


def test_a_module_that_was_broken_can_be_loaded_when_it_is_mended() -> None:
    write("broken_j.py", "1 / 0\n")
    with pytest.raises(DefinitionError):
        find_flow("broken_j.py")
    write("broken_j.py", ONE)
    assert find_flow("broken_j.py").__name__ == "Scan"


def test_a_file_whose_name_is_that_of_another_module_is_refused() -> None:
    write("json.py", ONE)
    with pytest.raises(FlowNotFoundError, match="a module named 'json' is loaded already\n    rename the file"):
        find_flow("json.py:Scan")
