"""Every kind of problem has a page, which its message names and ``explain`` prints; cells have their numbers."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

import lume_dsl
from lume_dsl.cli.explain import command, kinds
from lume_dsl.errors import DefinitionError, Place

PACKAGE = Path(lume_dsl.__file__).parent
PAGES = PACKAGE.parent / "docs" / "problems"


# kinds and pages


@attrs.frozen
class Call:
    """A call in the source, with the arguments of the functions that it stands in."""

    where: str
    node: ast.Call
    enclosing: tuple[ast.FunctionDef, ...]

    @property
    def name(self) -> str:
        function = self.node.func
        return getattr(function, "id", "") or getattr(function, "attr", "")


def calls(path: Path) -> list[Call]:
    return list(_calls(ast.parse(path.read_text(encoding="utf-8")), path.name, ()))


def _calls(node: ast.AST, file: str, enclosing: tuple[ast.FunctionDef, ...]) -> Iterator[Call]:
    if isinstance(node, ast.FunctionDef):
        enclosing = (*enclosing, node)
    if isinstance(node, ast.Call):
        yield Call(f"{file}:{node.lineno}", node, enclosing)
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, file, enclosing)


def kinds_in(every: list[Call]) -> dict[str, str]:
    """The kinds that the calls can give, each with a place that gives it.

    A function that hands an argument of its own on as the kind is followed to those who call it.
    """
    found: dict[str, str] = {}
    makers = {"Problem": 0}
    waiting = ["Problem"]
    while waiting:
        maker = waiting.pop()
        for call in (call for call in every if call.name == maker):
            for kind in _literals(_kind_argument(call, makers[maker])):
                if isinstance(kind, str):
                    found[kind] = call.where
                    continue
                function, position = _hands_on(call, kind)
                if makers.setdefault(function, position) != position:
                    raise AssertionError(f"{call.where}: two functions named {function} take the kind at two places")
                if function not in waiting and function != maker:
                    waiting.append(function)
    return found


def _kind_argument(call: Call, position: int) -> ast.expr:
    named = [keyword.value for keyword in call.node.keywords if keyword.arg == "kind"]
    positional = call.node.args[position : position + 1]
    assert named or positional, f"{call.where}: {ast.unparse(call.node)} names no kind"
    return (named or positional)[0]


def _literals(kind: ast.expr) -> list[str | ast.expr]:
    if isinstance(kind, ast.IfExp):
        return _literals(kind.body) + _literals(kind.orelse)
    return [kind.value if isinstance(kind, ast.Constant) and isinstance(kind.value, str) else kind]


def _hands_on(call: Call, kind: str | ast.expr) -> tuple[str, int]:
    """The function whose argument the kind is, and the argument's place in a call of it."""
    for function in reversed(call.enclosing):
        arguments = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        if isinstance(kind, ast.Name) and kind.id in arguments:
            return function.name, arguments.index(kind.id) - (arguments[0] in ("self", "cls"))
    shown = kind if isinstance(kind, str) else ast.unparse(kind)
    raise AssertionError(f"{call.where}: the kind {shown} is no literal, so that nobody can say whether it has a page")


SOURCE_KINDS = kinds_in([call for path in sorted(PACKAGE.rglob("*.py")) for call in calls(path)])
NAMED_PAGES = {path.stem for path in PAGES.glob("*.md")} - {"README"}


def test_every_kind_that_the_source_gives_has_its_page() -> None:
    assert {kind: where for kind, where in SOURCE_KINDS.items() if kind not in NAMED_PAGES} == {}


def test_no_page_is_about_a_kind_that_the_source_does_not_give() -> None:
    assert NAMED_PAGES - SOURCE_KINDS.keys() == set()


def test_the_list_has_every_page_in_the_order_of_the_alphabet() -> None:
    assert list(kinds()) == sorted(NAMED_PAGES)
    assert all(kinds().values())


@pytest.mark.parametrize("kind", sorted(NAMED_PAGES))
def test_a_page_is_about_its_kind_and_shows_its_message_and_how_to_mend_it(kind: str) -> None:
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {kind}\n\n")
    assert f"  [{kind}]\n" in text
    assert "\n## How to mend it\n\n" in text


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    Problem(x.kind, '', '')",
        "KIND = 'default'\nProblem(KIND, '', '')",
        "Problem(*problem)",
        "Problem('a' + 'b', '', '')",
    ],
)
def test_a_kind_that_is_no_literal_is_found_out(tmp_path: Path, source: str) -> None:
    (tmp_path / "checks.py").write_text(source)
    with pytest.raises(AssertionError, match=r"checks\.py:\d: "):
        kinds_in(calls(tmp_path / "checks.py"))


def test_a_kind_is_found_through_the_functions_that_hand_it_on(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text(
        "class A:\n"
        "    def problem(self, kind, message): return Problem(kind, '', message)\n"
        "    def fit(self, a, kind): self.problem(kind, 'b')\n"
        "    def all(self): self.fit(1, 'c' if self else 'd'); self.fit(1, kind='e'); Problem('f', '', '')\n"
    )
    assert set(kinds_in(calls(tmp_path / "checks.py"))) == {"c", "d", "e", "f"}


# explain


def test_explain_prints_the_page() -> None:
    for asked in ("default", "[default]"):
        done = CliRunner().invoke(command, [asked])
        assert (done.exit_code, done.output) == (0, (PAGES / "default.md").read_text(encoding="utf-8"))


def test_explain_without_a_name_lists_all_kinds() -> None:
    done = CliRunner().invoke(command, [])
    assert [line.split()[0] for line in done.output.splitlines()] == sorted(NAMED_PAGES)


@pytest.mark.parametrize(("asked", "near"), [("defualt", "; did you mean 'default'?"), ("xyzzy", ""), ("../x", "")])
def test_an_unknown_kind_is_wrong_usage(asked: str, near: str) -> None:
    done = CliRunner().invoke(command, [asked])
    assert done.exit_code == 2
    assert f"there is no kind of problem named {asked!r}{near}\n" in done.output


def test_explain_loads_neither_prefect_nor_a_driver() -> None:
    run = "import sys\nfrom lume_dsl.cli import main\ntry: main(['explain', 'cycle'])\nexcept SystemExit: pass\n"
    heavy = "print({'prefect', 'sqlalchemy', 'pymongo', 'numpy', 'IPython'} & set(sys.modules))"
    assert python(f"{run}{heavy}").endswith("\nset()\n")


def python(source: str) -> str:
    """What a process that runs this source says on stdout."""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# places in notebooks and in typed code

WRONG = """
from lume_dsl import LumeFlow, parameter
class Scan(LumeFlow):
    shots: set[int] = parameter()
"""
RIGHT = WRONG.replace("set[int]", "int")
TOLD = "Scan.shots: set[int] is not JSON-serialisable, so it cannot be a parameter's type  [parameter-type]"


def test_a_cell_of_a_terminal_is_told_by_its_number() -> None:
    place = Place("<ipython-input-3-0123abcdef>", 2)
    assert str(place) == "In[3]:2"
    assert place.file == "<ipython-input-3-0123abcdef>"


@pytest.mark.parametrize("file", ["<stdin>", "<string>", "<ipython-input>", "/tmp/ipykernel_1/2.py"])
def test_other_code_is_told_by_the_name_that_it_was_compiled_under(file: str) -> None:
    assert str(Place(file, 2)) == f"{file}:2"


SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from {compiler} import {compiler_class}
import pickle

class Shell(InteractiveShell):
    compiler_class = {compiler_class}

shell = Shell.instance(cache_size=0)
shell.showtraceback = lambda *args, **kwargs: None

def cell(text):
    error = shell.run_cell(text, store_history=True).error_in_exec
    if error is not None:
        print(str(error).splitlines()[0])
        return pickle.dumps(error)
"""


@pytest.fixture(params=["terminal", "kernel"])
def shell(request: pytest.FixtureRequest) -> str:
    """The source of a process with an IPython shell that compiles cells as in a terminal, or as in a notebook."""
    compilers = {
        "terminal": ("IPython.core.compilerop", "CachingCompiler"),
        "kernel": ("ipykernel.compiler", "XCachingCompiler"),
    }
    compiler, compiler_class = compilers[request.param]
    return SHELL.format(compiler=compiler, compiler_class=compiler_class)


def test_a_wrong_flow_of_a_cell_is_told_with_the_cell_as_people_see_it(shell: str) -> None:
    said = python(f"{shell}\ncell('x = 1')\ncell({WRONG.lstrip()!r})")
    assert said == f"In[2]:3: {TOLD}\n"


def test_a_flow_that_is_defined_again_is_told_with_the_cell_of_its_last_definition(shell: str) -> None:
    """A kernel gives cells of one text one file name, so that the number is that of the time."""
    wrong, right = WRONG.lstrip(), RIGHT.lstrip()
    said = python(f"{shell}\ncell({wrong!r})\ncell({right!r})\ncell({wrong!r})\ncell({wrong!r} + '\\n')")
    assert said.splitlines() == [f"In[{number}]:3: {TOLD}" for number in (1, 3, 4)]


def test_a_misuse_of_a_flow_of_another_cell_is_told_with_the_cell_that_misuses_it(shell: str) -> None:
    right = RIGHT.lstrip() + "    doubled = shots * 2\n"
    wrong = "class Other(LumeFlow):\n    x = 1\n    y = [Scan.doubled, 1]\n"
    (line,) = python(f"{shell}\ncell({right!r})\ncell({wrong!r})").splitlines()
    assert line.startswith("In[2]:3: Other")
    assert line.endswith("  [foreign-reference]")


def test_the_number_of_a_cell_survives_the_way_to_another_process(shell: str) -> None:
    send = f"error = cell({WRONG.lstrip()!r})\ncell('x = 1')\nprint(error.hex())"
    told, sent = python(f"{shell}\n{send}").splitlines()
    error = pickle.loads(bytes.fromhex(sent))
    assert isinstance(error, DefinitionError)
    assert str(error).splitlines()[0] == told == f"In[1]:3: {TOLD}"


@pytest.mark.parametrize(("arguments", "line"), [(["-i"], 2), (["-"], 4)], ids=["typed", "piped"])
def test_typed_code_is_told_as_stdin_with_the_line_that_python_counts(arguments: list[str], line: int) -> None:
    """At a prompt Python counts the lines of each statement, of a piped text those of the whole."""
    done = subprocess.run(
        [sys.executable, *arguments], input=f"{WRONG}\n", capture_output=True, text=True, timeout=60, check=False
    )
    assert f"DefinitionError: <stdin>:{line}: {TOLD}\n" in done.stderr
