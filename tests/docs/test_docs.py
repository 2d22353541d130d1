"""Every code block of README and docs runs, and what they say comes out is what comes out.

Python blocks of a page run in order in one namespace, in a folder of their own that has ``examples/`` and
``flows.py``, which is the first block of README. A block that begins with ``# raises X`` must raise it, and the
``text`` block after it, if one follows, is the error's text. In a ``console`` block, what follows a ``$`` line is its
output; ``...`` stands for any text, and a command with the comment ``# exits with 3`` must, what follows being its
stderr. An ``expression    # value`` line is checked when its comment is a Python value. A ``mermaid`` block is the
picture of README's flow. A block that begins with ``# file: NAME`` is written to a file of that name. The page on
registering has a stand-in for a Prefect server.
"""

from __future__ import annotations

import ast
import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from commands import run_command
from graphql_server import PrefectServer, answering

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "README.md"]
NOT_RUN = ("make ", "python -m pip ", "git ")
"""Commands that set a machine up; .ci/run runs what they stand for."""


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1], found[2], text[: found.start()].count("\n") + 2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows.py").write_text(next(blocks_of(ROOT / "README.md")).text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "flows", raising=False)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that a page's Python blocks are."""
    made = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", made)
    return made


@contextmanager
def server_of(page: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it, the settings name a Prefect server with the project ``beams``, where the page is about that."""
    if page.stem != "registering":
        yield
        return
    with answering(PrefectServer("beams").answer) as address:
        monkeypatch.setenv("LUME_PREFECT__SERVER__HOST", "127.0.0.1")
        monkeypatch.setenv("LUME_PREFECT__SERVER__HOST_PORT", str(urlsplit(address).port))
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_blocks_of_a_page_run(
    page: Path, folder: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_of(page, monkeypatch):
        run_page(page, folder, module, monkeypatch)


def run_page(page: Path, folder: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: BaseException | None = None
    for block in blocks_of(page):
        where = f"{page.name}:{block.line}"
        if named := re.match(r"# file: (\S+)\n", block.text):
            (folder / named[1]).write_text(block.text)
            monkeypatch.delitem(sys.modules, Path(named[1]).stem, raising=False)
        elif block.language == "python":
            raised = run_python(block.text, module)
        elif block.language == "console":
            run_console(block.text, folder, where)
        elif block.language == "text" and raised is not None:
            assert str(raised) == block.text.rstrip(), where
            raised = None
        elif block.language == "mermaid":
            run_console(f"$ python -m lume_dsl graph flows:Greeting\n{block.text}", folder, where)
        else:
            assert block.language in ("text", "json", "toml"), f"{where}: nothing runs a {block.language!r} block"


def run_python(text: str, module: ModuleType) -> BaseException | None:
    expected = re.match(r"# raises (\w+)\n", text)
    try:
        for statement in ast.parse(text).body:
            code = compile(ast.Module([statement], []), "flows.py", "exec", dont_inherit=True)
            exec(code, vars(module))
            check_value(statement, text, module)
    except Exception as error:
        if expected is None or type(error).__name__ != expected[1]:
            raise
        return error
    assert expected is None, f"did not raise {expected}"
    return None


def check_value(statement: ast.stmt, text: str, module: ModuleType) -> None:
    """``expression    # value``: the expression has this value, where the comment begins with one."""
    if not isinstance(statement, ast.Expr):
        return
    source = text.splitlines()[statement.end_lineno - 1 if statement.end_lineno else 0]
    comment = source[statement.end_col_offset :].partition("#")[2].strip()
    value = re.split(r"\s{3,}|: ", comment)[0]
    expression = compile(ast.Expression(statement.value), "flows.py", "eval")
    found = eval(expression, vars(module))
    if "…" in value:
        shown = re.sub(r"(\d+\.\d\d)\d+", r"\1…", repr(found))
        assert shown == value, source
    elif (wanted := literal(value)) is not NOTHING:
        assert found == wanted, source


NOTHING = object()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return NOTHING


def run_console(text: str, folder: Path, where: str) -> None:
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        words = shlex.split(command, comments=True)
        if command.startswith(NOT_RUN):
            continue
        assert words[:3] == ["python", "-m", "lume_dsl"], f"{where}: nothing runs {command!r}"
        done = run_command(*words[3:], cwd=folder)
        code = re.search(r"# exits with (\d+)$", command)
        assert done.returncode == (int(code[1]) if code else 0), f"{where}: {command}\n{done.stderr}"
        if expected:
            output = done.stderr if code else done.stdout
            expected, found = (re.sub(r"\b\d+\.\d s\b", "0.3 s", text) for text in (expected, output))
            matches = doctest.OutputChecker().check_output(expected, found, FLAGS)
            assert matches, f"{where}: {command}\nexpected:\n{expected}\ngot:\n{output}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
