"""The folder tree is the architecture: who imports whom, who loads Prefect, and who reads the environment."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import lume_dsl

PACKAGE = Path(lume_dsl.__file__).parent

LAYERS = (
    {"_version", "environment", "errors", "secrets"},
    {"values"},
    {"declare"},
    {"settings", "files", "records", "services", "cache", "history"},
    {"tasks", "engine"},
    {"compose", "export"},
    {"report", "cli", "testing", "__main__", ""},
)
"""From the first to the last; "" is the package itself. A module imports from its own and those before."""

EXCEPTIONS = {("declare/flow.py", "lume_dsl.engine"), ("declare/flow.py", "lume_dsl.report")}
"""Within a function: what needs Prefect is asked of the engine, and pictures of the report, when they are needed."""

MODULES = sorted(PACKAGE.rglob("*.py"))
each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())


@attrs.frozen
class Import:
    """An import statement: the module, its line, and where it stands."""

    module: str
    line: int
    in_function: bool
    for_types: bool


def imports(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text()), in_function=False, for_types=False))


def _imports(member: ast.AST, *, in_function: bool, for_types: bool) -> Iterator[Import]:
    if isinstance(member, ast.Import):
        for alias in member.names:
            yield Import(alias.name, member.lineno, in_function, for_types)
    elif isinstance(member, ast.ImportFrom):
        assert member.level == 0, f"line {member.lineno}: a relative import"
        for alias in member.names:
            yield Import(_module_of(member.module or "", alias.name), member.lineno, in_function, for_types)
    elif isinstance(member, ast.If) and _is_type_checking(member.test):
        for part in member.body:
            yield from _imports(part, in_function=in_function, for_types=True)
        for part in member.orelse:
            yield from _imports(part, in_function=in_function, for_types=for_types)
    else:
        inside = in_function or isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(member):
            yield from _imports(child, in_function=inside, for_types=for_types)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _module_of(module: str, name: str) -> str:
    """``from lume_dsl import engine`` imports the module, ``from lume_dsl.errors import Place`` what is in it."""
    if module.split(".")[0] != "lume_dsl":
        return module
    inner = PACKAGE.joinpath(*module.split(".")[1:], name)
    return f"{module}.{name}" if inner.is_dir() or inner.with_suffix(".py").is_file() else module


def layer(part: str) -> int:
    """The place in ``LAYERS`` of a module or subpackage directly below ``lume_dsl``."""
    (found,) = [place for place, parts in enumerate(LAYERS) if part in parts]
    return found


def own_part(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if part == "__init__" else part


@each_module
def test_a_module_imports_only_from_layers_above_it(path: Path) -> None:
    own, name = own_part(path), path.relative_to(PACKAGE).as_posix()
    wrong = [
        f"line {one.line}: {one.module}"
        for one in imports(path)
        if not one.for_types
        and one.module.split(".")[0] == "lume_dsl"
        and layer([*one.module.split("."), ""][1]) > layer(own)
        and not (one.in_function and (name, one.module) in EXCEPTIONS)
    ]
    assert wrong == []


def test_the_exceptions_are_still_needed() -> None:
    found = {(name, one.module) for name, _ in EXCEPTIONS for one in imports(PACKAGE / name) if one.in_function}
    assert found == EXCEPTIONS


@each_module
def test_prefect_is_imported_only_where_it_is_used(path: Path) -> None:
    wrong = [
        f"line {one.line}: {one.module}"
        for one in imports(path)
        if one.module.split(".")[0] == "prefect"
        and not one.for_types
        and own_part(path) not in ("engine", "tasks")
        and path.relative_to(PACKAGE).as_posix() not in ("compose/by_hand.py", "compose/deploy.py", "export/objects.py")
        and not (own_part(path) == "cli" and one.in_function)
    ]
    assert wrong == []


def _reads_the_environment(member: ast.AST) -> bool:
    if isinstance(member, ast.ImportFrom) and member.module == "os":
        return any(alias.name in ("environ", "environb", "getenv") for alias in member.names)
    return isinstance(member, ast.Attribute) and ast.unparse(member) in ("os.environ", "os.environb", "os.getenv")


@each_module
def test_only_settings_and_environment_read_the_environment(path: Path) -> None:
    lines = [member.lineno for member in ast.walk(ast.parse(path.read_text())) if _reads_the_environment(member)]  # type: ignore[attr-defined]
    assert lines == [] or own_part(path) in ("settings", "environment")


@each_module
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@each_module
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert not {"utils", "helpers", "common", "manager", "misc"} & {path.stem, *path.relative_to(PACKAGE).parts}


def test_every_public_name_is_there_and_documented() -> None:
    assert (
        len(lume_dsl.__all__) <= 44
    )  # docs/decisions.md: the design names more than 40, and resource_manager came later
    assert sorted(lume_dsl.__all__) == sorted(set(lume_dsl.__all__))
    undocumented = [
        name
        for name in lume_dsl.__all__
        if name not in ("JSON", "__version__") and not getattr(getattr(lume_dsl, name), "__doc__", None)
    ]
    assert undocumented == []


# what is loaded

HEAVY = (
    "prefect", "sqlalchemy", "alembic", "pymongo", "numpy", "PIL", "distributed", "pandas", "pyarrow", "h5py", "cattrs",
    "fsspec", "tenacity", "pygraphviz",
)  # fmt: skip

FLOW = """
from lume_dsl import DBResult, ImageFile, LumeFlow, NumPyFile, TextFile, db_result, file_result, parameter, step, task

@task(max_retries=3, retry_delay=__import__("datetime").timedelta(seconds=1))
def append_text(text1: str, text2: str) -> str:
    return text1 + text2

class Greeting(LumeFlow):
    text1: str = parameter(help="the left part")
    text2: str = parameter(default=" you")
    words: list[str] = parameter(default=["a"])

    text = append_text(text1, text2)
    all_words = append_text.map(words, ["b"])

    @step
    def total(self, all_words: list[str]) -> int:
        return len(all_words)

    text_file: TextFile = file_result(text, filename="greeting.txt")
    record: DBResult = db_result(text=text, total=total)
"""


def loaded_after(script: str, folder: Path) -> set[str]:
    """The top-level modules that a fresh process has loaded at its end; it must succeed."""
    report = "import atexit, sys; atexit.register(lambda: print('LOADED', *sys.modules))\n"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    process = subprocess.run(
        [sys.executable, "-c", report + script],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    (line,) = [line for line in process.stdout.splitlines() if line.startswith("LOADED ")]
    return {name.split(".")[0] for name in line.split()[1:]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "greetings.py").write_text(FLOW)
    return tmp_path


def command(*arguments: str) -> str:
    return f"from lume_dsl.cli import main; main({list(arguments)!r})"


USES = {
    "import": "import lume_dsl",
    "star": "from lume_dsl import *",
    "define": FLOW,
    "instance": f"{FLOW}\nprint(Greeting(text1='hey'), __import__('inspect').signature(Greeting))",
    "plain function": f"{FLOW}\nassert append_text.run('a', 'b') == 'ab'",
    "--help": command("--help"),
    "--version": command("--version"),
    "run --help": command("run", "greetings:Greeting", "--help"),
    "check": command("check", "greetings"),
    "show": command("show", "greetings:Greeting"),
    "register --help": command("register", "--help"),
    "graph": command("graph", "greetings:Greeting", "-o", "a.svg"),
}


@pytest.mark.parametrize("script", USES.values(), ids=USES.keys())
def test_prefect_the_drivers_and_numpy_stay_unloaded(script: str, folder: Path) -> None:
    loaded = loaded_after(script, folder)
    assert "lume_dsl" in loaded
    assert loaded & set(HEAVY) == set()


def test_python_m_lume_dsl_is_the_command_line(folder: Path) -> None:
    for arguments in (["--help"], ["check", "greetings"], ["show", "greetings"]):
        process = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "lume_dsl", *arguments],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
            check=False,
        )
        assert process.returncode == 0, process.stderr[-2000:]
        loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in process.stderr.splitlines()}
        assert loaded & set(HEAVY) == set()


def test_what_loads_prefect_is_seen_by_these_tests(folder: Path) -> None:
    assert "prefect" in loaded_after(f"{FLOW}\nGreeting.flow", folder)
