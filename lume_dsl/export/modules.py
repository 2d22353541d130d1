"""The users' modules as their source has them: what binds a name, and whether importing one defines flows."""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs

from lume_dsl.declare.flow import LumeFlow

__all__ = ["ModuleSource", "is_importable"]

_OWN = str(Path(__file__).parents[1]) + os.sep
_PYTHON = str(Path(os.__file__).parent) + os.sep


@attrs.frozen(eq=False)
class ModuleSource:
    """The source of a module, or of a notebook's cell.

    Attributes:
        lines: Its lines.
        tree: What they say.
        globals: The values of its names.
    """

    file: str
    lines: list[str]
    tree: ast.Module
    globals: dict[str, Any]

    @classmethod
    def of(cls, file: str, names: dict[str, Any]) -> ModuleSource | None:
        """Return the source of a file with the names of its module, or None where there is none."""
        lines = linecache.getlines(file, names)
        return cls(file, lines, ast.parse("".join(lines)), names) if lines else None

    def text(self, node: ast.stmt | ast.expr, *, decorators: bool = True) -> str:
        """The lines of a statement, or the text of an expression."""
        if isinstance(node, ast.expr):
            return ast.get_source_segment("".join(self.lines), node) or ast.unparse(node)
        first = node.lineno
        if decorators:
            first = min([first, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        return "".join(self.lines[first - 1 : node.end_lineno]).rstrip()

    def bindings(self, name: str) -> list[ast.stmt]:
        """The statements at the top of the module that bind a name, in order."""
        return [one for one in _statements(self.tree.body) if name in _bound(one)]

    def function(self, name: str, line: int) -> ast.FunctionDef | None:
        """The definition of a function, wherever it stands, whose code begins in a line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                if line in (first, node.lineno):
                    return node
        return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module; imports for type checkers alone stand for themselves."""
    for one in body:
        if isinstance(one, ast.If) and ast.unparse(one.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from one.body
        else:
            yield one


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement binds in its own scope."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((one.asname or one.name.partition(".")[0]) for one in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
    return found


def is_importable(name: str) -> bool:
    """Whether a script can import a module: by this name, and without a flow class being defined there."""
    return name in sys.modules and name != "__main__" and not (_reached(name) & _modules_of_flows())


def _modules_of_flows() -> set[str]:
    found: set[str] = set()
    waiting: list[type] = [LumeFlow]
    while waiting:
        subclasses: list[type] = type.__subclasses__(waiting.pop())
        for cls in subclasses:
            waiting.append(cls)
            found.add(cls.__module__)
    return {name for name in found if name.partition(".")[0] != "lume_dsl"}


def _reached(name: str) -> set[str]:
    """The modules of users that are imported with one: itself, its packages, and what all these import."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in found or not _is_of_users(module):
            continue
        found.add(module)
        waiting += [module.rpartition(".")[0], *_imports_of(str(sys.modules[module].__file__), module)]
    return found


def _is_of_users(name: str) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    is_library = "site-packages" in file or "dist-packages" in file or file.startswith((_OWN, _PYTHON))
    return file.endswith(".py") and not is_library


@lru_cache(maxsize=256)
def _imports_of(file: str, module: str) -> tuple[str, ...]:
    found = []
    package = getattr(sys.modules[module], "__package__", "") or ""
    for node in ast.walk(ast.parse("".join(linecache.getlines(file)))):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, package)
            found += [origin, *(f"{origin}.{one.name}" for one in node.names)]
    return tuple(found)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that ``from .x import y`` names, in a package."""
    if not node.level:
        return node.module or ""
    outer = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*outer, *([node.module] if node.module else [])])
