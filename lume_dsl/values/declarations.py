"""Whether a module that was not imported declares a class that documents may hold; it is read, and never run.

A document may name any module there is, and importing one runs it. So its source must say first that the class is an
attrs class or a dataclass, an Enum, a NamedTuple, or derives from one of this package's (a record, a file), be it by
way of other modules.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

import attrs

from lume_dsl.values.classes import is_named_tuple, is_record_class

__all__ = ["declares", "source_of_module"]

_DECORATE = ("attr", "attrs", "dataclasses")
"""The packages whose decorators make such classes."""

_BASES = ("enum", "lume_dsl")
"""The packages whose classes are such bases."""

_NAMED_TUPLES = ("typing.NamedTuple", "typing_extensions.NamedTuple", "collections.namedtuple")

_MAKERS = ("attr.make_class", "attrs.make_class", "dataclasses.make_dataclass", *_NAMED_TUPLES)
"""What makes such a class when it is called: ``Point = namedtuple("Point", "x y")``; an Enum does, too."""

_MOST_MODULES = 10
"""How many modules are followed from a class to its bases."""


def declares(module: str, names: Sequence[str]) -> bool:
    """Return whether the source of ``module`` declares such a class, which is in others if there are more names."""
    return _declares(module, names, _MOST_MODULES)


def _declares(module: str, names: Sequence[str], depth: int) -> bool:
    source = source_of_module(module)
    if source is None or depth == 0:
        return False
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for name in names[:-1]:
        outer = [one for one in body if isinstance(one, ast.ClassDef) and one.name == name]
        if not outer:
            return False
        body = [*body, *outer[-1].body]
    return _Source(module, body, depth).declares(names[-1])


@attrs.define(slots=False)
class _Source:
    """Statements of a module: its own, and those of the classes around what is looked for."""

    module: str
    body: list[ast.stmt]
    depth: int

    def declares(self, name: str) -> bool:
        for statement in reversed(self.body):
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                self.body = [one for one in self.body if one is not statement]  # it is no base of itself
                is_decorated = any(self._is_of(one, _DECORATE) for one in statement.decorator_list)
                return is_decorated or any(map(self._is_base, statement.bases))
            if (value := _assigned(statement, name)) is not None:
                makes = self._is_of(value, ("enum",)) or self._meaning(value) in _MAKERS
                return isinstance(value, ast.Call) and makes
        return False

    def _is_of(self, expression: ast.expr, packages: Sequence[str]) -> bool:
        return self._meaning(expression).partition(".")[0] in packages

    def _is_base(self, expression: ast.expr) -> bool:
        meaning = self._meaning(expression)
        if "." not in meaning:
            return self.declares(meaning)
        if meaning.partition(".")[0] in _BASES or meaning in _NAMED_TUPLES:
            return not meaning.endswith(".LumeFlow")
        module, _, name = meaning.rpartition(".")
        if module in sys.modules:
            found = vars(sys.modules[module]).get(name)
            return isinstance(found, type) and _is_such(found)
        return _declares(module, [name], self.depth - 1)

    def _meaning(self, expression: ast.expr) -> str:
        """The dotted name of what an expression calls, subscripts or names, from the module that has it."""
        head, dot, rest = _dotted(expression).partition(".")
        if head in self._imported:
            return f"{self._imported[head]}{dot}{rest}"
        for statement in self.body:  # frozen = attrs.frozen(kw_only=True)
            if (value := _assigned(statement, head)) is not None and _dotted(value) != head:
                return f"{self._meaning(value)}{dot}{rest}"
        return f"{head}{dot}{rest}"

    @cached_property
    def _imported(self) -> dict[str, str]:
        """What each imported name means."""
        found: dict[str, str] = {}
        for node in (node for statement in self.body for node in ast.walk(statement)):
            if isinstance(node, ast.Import):
                found |= {one.asname or one.name.partition(".")[0]: _bound(one) for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                above = self.module.split(".")[: -node.level] if node.level else []
                module = ".".join([*above, *([node.module] if node.module else [])])
                found |= {one.asname or one.name: f"{module}.{one.name}" for one in node.names}
        return found


def _bound(one: ast.alias) -> str:
    return one.name if one.asname else one.name.partition(".")[0]


def _dotted(expression: ast.expr) -> str:
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        return f"{_dotted(expression.value)}.{expression.attr}"
    if isinstance(expression, ast.Call):
        return _dotted(expression.func)
    return _dotted(expression.value) if isinstance(expression, ast.Subscript) else ""


def _assigned(statement: ast.stmt, name: str) -> ast.expr | None:
    if isinstance(statement, ast.Assign) and any(
        isinstance(to, ast.Name) and to.id == name for to in statement.targets
    ):
        return statement.value
    return None


def _is_such(cls: type) -> bool:
    is_ours = any(base.__module__.partition(".")[0] in _BASES for base in cls.__mro__)
    return is_ours or is_record_class(cls) or is_named_tuple(cls)


def source_of_module(module: str) -> str | None:
    """Return the source of a module, found without importing it or the packages around it; None where it has none."""
    folders: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        package = sys.modules.get(name)
        if package is not None:
            folders = getattr(package, "__path__", ())
            continue
        try:
            spec = _spec(name, folders)
        except KeyError:  # a folder without __init__, whose finder asks what was imported around it
            folders = [os.path.join(folder, part) for folder in folders or ()]
            continue
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or ())
    try:
        loader: Any = spec and spec.loader
        source: str | None = loader.get_source(module)
    except (AttributeError, ImportError, ValueError, OSError):  # a module that is no source, or no readable one
        return None
    return source


def _spec(name: str, folders: Sequence[str] | None) -> ModuleSpec | None:
    """Where a module is. Besides the path, projects that were installed to be edited are looked through."""
    finders: list[Any] = [one for one in sys.meta_path if "editable" in str(getattr(one, "__module__", ""))]
    for finder in (PathFinder, *finders):
        spec: ModuleSpec | None = finder.find_spec(name, folders)
        if spec is not None:
            return spec
    return None
