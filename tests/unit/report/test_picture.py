"""The picture of a flow: saved, in a notebook, and drawn in a process that may die."""

from __future__ import annotations

import os
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lume_dsl import LumeFlow, TextFile, file_result, parameter, task
from lume_dsl.errors import FileError
from lume_dsl.report import Picture, picture, visualize
from lume_dsl.report.render import render


@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2


class Greeting(LumeFlow):
    text1: str = parameter()
    text2: str = parameter(default=" you")

    text = append_text(text1, text2)
    text_file: TextFile = file_result(text, filename="greeting.txt")


class Named(LumeFlow):
    """Its parameters bear the names of what one asks of a class."""

    visualize: str = "mine"
    dot: str = parameter(default="a")

    text = append_text(visualize, dot)


PNG = b"\x89PNG\r\n\x1a\n"


def test_the_ending_says_what_a_picture_becomes(tmp_path: Path) -> None:
    shown = Greeting.visualize()
    for name in ("a.svg", "a.png", "a.dot", "new/a.MMD"):
        shown.save(tmp_path / name)
    assert ET.fromstring((tmp_path / "a.svg").read_text()).tag.endswith("svg")
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert (tmp_path / "a.dot").read_text() == shown.dot
    assert (tmp_path / "new" / "a.MMD").read_text() == shown.mermaid


def test_visualize_saves_where_it_is_told_to_and_replaces_what_is_there(tmp_path: Path) -> None:
    target = tmp_path / "a.mmd"
    target.write_text("older")
    assert Greeting.visualize(str(target)) == Greeting.visualize()
    assert target.read_text() == Greeting.visualize().mermaid
    assert os.listdir(tmp_path) == ["a.mmd"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.pdf", "a.pdf: a picture's name ends in .svg, .png, .dot, .mmd, got .pdf"),
        ("a", "a: a picture's name ends in .svg, .png, .dot, .mmd, got no ending"),
        ("a.svgz", "a.svgz: a picture's name ends in .svg, .png, .dot, .mmd, got .svgz; did you mean '.svg'?"),
    ],
)
def test_another_ending_is_refused(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError) as caught:
        Greeting.visualize(name)
    assert str(caught.value) == said
    assert os.listdir(tmp_path) == []


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.dot").mkdir()
    with pytest.raises(FileError, match=r"a\.dot: is a folder"):
        Greeting.visualize(tmp_path / "a.dot")


def test_names_that_users_want_stay_theirs() -> None:
    assert Named().visualize == "mine"
    assert {box.title for box in visualize(Named).drawing.flow.boxes} == {"visualize", "dot", "text"}


def test_the_repr_of_a_picture_is_short() -> None:
    assert repr(Greeting.visualize()) == "<picture of Greeting: 5 boxes, 4 arrows>"


# notebooks


def displayed(value: Any) -> dict[str, Any]:
    """What IPython sends to a notebook for a value."""
    formatter = InteractiveShell().display_formatter
    assert formatter is not None
    formatter.active_types = ["text/plain", "image/svg+xml"]
    data: dict[str, Any] = formatter.format(value)[0]
    return data


def test_a_notebook_shows_a_flow_class_as_its_picture() -> None:
    data = displayed(Greeting)
    assert data["image/svg+xml"] == Greeting.visualize().svg
    assert data["text/plain"] == f"{__name__}.Greeting"


def test_a_notebook_shows_an_instance_and_the_base_class_as_text() -> None:
    assert displayed(Greeting(text1="hey")) == {"text/plain": "Greeting(text1='hey', text2=' you')"}
    assert displayed(LumeFlow) == {"text/plain": "lume_dsl.declare.flow.LumeFlow"}


def test_a_notebook_shows_an_instance_as_its_class_says() -> None:
    class Shown(LumeFlow):
        charge: float = 1.0

        def _repr_svg_(self) -> str:
            return f"<svg>{self.charge}</svg>"

    assert displayed(Shown(charge=2.0))["image/svg+xml"] == "<svg>2.0</svg>"
    assert "image/svg+xml" not in displayed(Shown)


def test_a_notebook_shows_a_picture() -> None:
    assert displayed(Greeting.visualize())["image/svg+xml"] == Greeting.visualize().svg


def test_without_pygraphviz_a_notebook_gets_mermaid_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    shown = Greeting.visualize()
    assert shown._repr_mimebundle_() == {
        "text/vnd.mermaid": shown.mermaid,
        "text/plain": f"{shown!r}\npygraphviz is not installed; pip install 'lume-dsl[graph]'",
    }
    assert displayed(Greeting) == {"text/plain": f"{__name__}.Greeting"}
    with pytest.raises(FileError, match=r"lume-dsl\[graph\]"):
        shown.save("a.svg")


# in a process of its own


@pytest.fixture
def graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another library in the place of pygraphviz, which does this when it is imported."""

    def install(body: str) -> None:
        (tmp_path / "pygraphviz.py").write_text(body)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)

    return install


def test_a_crash_of_graphviz_is_an_error_and_not_the_end(graphviz: Any) -> None:
    graphviz("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(FileError) as caught:
        Greeting.visualize().save("a.svg")
    crashed = "the picture cannot be drawn: Graphviz crashed (signal 11)"
    assert str(caught.value) == f"{crashed}; save it as .dot or .mmd, for another program to draw"
    assert not Path("a.svg").exists()
    assert "image/svg+xml" not in displayed(Greeting)


def test_a_failure_of_graphviz_is_told(graphviz: Any) -> None:
    graphviz("raise ImportError('libgvc.so.6: cannot open shared object file')")
    with pytest.raises(FileError, match=r"cannot be drawn: ImportError: libgvc\.so\.6: cannot open"):
        render("digraph {}", "png")


def test_a_layout_without_end_is_stopped_and_what_to_do_is_told(graphviz: Any) -> None:
    graphviz("import time\ntime.sleep(60)")
    start = time.monotonic()
    with pytest.raises(FileError) as caught:
        render("digraph {}", "svg", seconds=0.5)
    assert time.monotonic() - start < 10
    slow = "the picture is too large: Graphviz did not draw it in 0.5 s"
    assert str(caught.value) == f"{slow}; save it as .dot or .mmd, for another program to draw"


def test_a_notebook_waits_for_a_class_only_so_long(graphviz: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graphviz("import time\ntime.sleep(60)")
    monkeypatch.setattr(picture, "SOON", 0.5)
    assert displayed(Greeting) == {"text/plain": f"{__name__}.Greeting"}


def test_modules_of_the_folder_and_programs_on_the_path_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("html.py", "dot.py", "subprocess.py", "warnings.py"):
        Path(name).write_text("raise SystemExit(3)")
    assert isinstance(Greeting.visualize(), Picture)
    assert "append_text" in Greeting.visualize().svg
