"""Classes are found by the text that names them, and nothing else is; looking for one runs nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lume_dsl.files import File, TextFile
from lume_dsl.values.type_names import named_type, type_string


def test_a_class_is_found_by_its_type_string() -> None:
    assert named_type(type_string(TextFile), File) is TextFile


def test_a_class_defined_in_a_function_has_no_type_string() -> None:
    class Inner:
        pass

    with pytest.raises(ValueError, match="at the top of a module"):
        type_string(Inner)


@pytest.mark.parametrize("module", ["quad-scan", "2026scan", "lab..scan", ""])
def test_a_class_of_a_file_that_cannot_be_imported_has_no_type_string(module: str) -> None:
    with pytest.raises(ValueError, match=f"Lines is in '{module}', which is no name of a module; rename its file"):
        type_string(type("Lines", (), {"__module__": module}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not of the form"),
        ("lume_dsl.files", "not of the form"),
        ("lume_dsl.files:", "not of the form"),
        ("../files:TextFile", "not of the form"),
        (".files:TextFile", "not of the form"),
        ("lume_dsl.files:a b", "not of the form"),
        ("lume_dsl.nowhere:TextFile", "there is no module lume_dsl.nowhere"),
        ("nowhere.at.all:TextFile", "there is no module nowhere.at.all"),
        ("lume_dsl.files:Nothing", "'Nothing' is not in lume_dsl.files"),
        ("lume_dsl.files:TextFile.read", "'read' is not in TextFile"),
        ("lume_dsl.files:file.File", "is not a File class"),
        ("os:system", "is not a File class"),
        ("subprocess:Popen", "is not a File class"),
        ("builtins:dict", "is not a File class"),
        ("__main__:Lines", "classes of a script"),
        ("antigravity:Foo", "antigravity, which was not imported, declares no such class"),
        ("turtledemo.__main__:Foo", "declares no such class"),
        ("_testcapi:Foo", "declares no such class|there is no module"),
    ],
)
def test_any_other_text_is_refused_with_the_reason_and_imports_nothing(text: str, why: str) -> None:
    before = set(sys.modules)
    with pytest.raises(ValueError, match=why):
        named_type(text, File)
    assert set(sys.modules) == before


MODULE = """
import pathlib
pathlib.Path({trace!r}).touch()
from collections import namedtuple
from lume_dsl.files import TextFile
import enum, attrs, threading
from typing import NamedTuple
from lume_dsl import LumeFlow
from . import base
if not __name__:
    from nowhere import missing
from .base import Result as Renamed

class Bare: pass

class Lines(TextFile): pass

@attrs.frozen
class Point:
    x: int = 0

    class Unit(enum.Enum):
        M = 1

Pair = namedtuple("Pair", "a b")
Alias = Lines

frozen = attrs.frozen(kw_only=True)

@frozen
class Ours: pass

class Server(threading.Thread): pass

@staticmethod
class Ordered: pass

class Flow(LumeFlow): pass

class Listed(list[int]): pass

if not __name__:
    class Spiral(Loop): pass

class Loop(object): pass

class Derived(Point, Bare): pass

class Elsewhere(base.Kept): pass

class Other(Renamed): pass

class Unknown(missing.Kept if not __name__ else object): pass

class Triple(NamedTuple):
    a: int
"""

BASE = """
import dataclasses as dc
from lume_dsl import DBResult as Stored

@dc.dataclass()
class Kept: pass

class Result(Stored): pass
"""


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that exists once ``kept_lab.parts.shapes``, or a package around it, was imported."""
    trace = tmp_path / "was imported"
    folder = tmp_path / "kept_lab" / "parts"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text(f"import pathlib\npathlib.Path({str(trace)!r}).touch()")
    (folder / "shapes.py").write_text(MODULE.format(trace=str(trace)))
    (folder / "broken.py").write_text("import enum\nclass Lines(enum.Enum): pass\nraise SystemExit(3)")
    (folder / "base.py").write_text(BASE)
    (folder / "no_python.py").write_text("class Lines(int: pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("kept_lab")]:
        monkeypatch.delitem(sys.modules, name)
    return trace


@pytest.mark.parametrize(
    "name",
    [
        *("Bare", "Missing", "Alias", "pathlib", "Point.x", "Point.Missing", "attrs.Factory"),
        *("Server", "Ordered", "Flow", "Listed", "Loop", "Unknown", "frozen", "Renamed"),
    ],
)
def test_a_module_that_declares_no_such_class_is_not_imported(trace: Path, name: str) -> None:
    with pytest.raises(ValueError, match="declares no such class"):
        named_type(f"kept_lab.parts.shapes:{name}", object)
    assert not trace.exists()
    assert not [module for module in sys.modules if module.startswith("kept_lab")]


@pytest.mark.parametrize(
    "name", ["Lines", "Point", "Point.Unit", "Pair", "Ours", "Derived", "Elsewhere", "Other", "Triple"]
)
def test_a_module_that_declares_the_class_is_imported(trace: Path, name: str) -> None:
    found = named_type(f"kept_lab.parts.shapes:{name}", object)
    assert trace.exists()
    assert type_string(found) == f"kept_lab.parts.shapes:{name}"


def test_a_class_that_is_none_of_the_wanted_ones_is_refused(trace: Path) -> None:
    with pytest.raises(ValueError, match="is not a File class"):
        named_type("kept_lab.parts.shapes:Point", File)


def test_a_module_that_fails_is_an_error_with_its_reason(trace: Path) -> None:
    with pytest.raises(ValueError, match=r"importing kept_lab.parts.broken failed \(SystemExit: 3\)"):
        named_type("kept_lab.parts.broken:Lines", object)
    with pytest.raises(ValueError, match="declares no such class"):
        named_type("kept_lab.parts.no_python:Lines", object)


def test_a_lazy_name_of_a_module_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import lume_dsl

    asked: list[str] = []
    monkeypatch.setattr(lume_dsl, "__getattr__", asked.append, raising=False)
    with pytest.raises(ValueError, match="is not in lume_dsl"):
        named_type("lume_dsl:Nothing", object)
    assert asked == []


def test_a_class_of_a_script_is_found_in_that_script() -> None:
    script = """
from lume_dsl.values.type_names import named_type, type_string
class Point: pass
assert type_string(Point) == "__main__:Point" and named_type("__main__:Point", object) is Point
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})
