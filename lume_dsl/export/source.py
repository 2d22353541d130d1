"""What a script takes of the users' modules: imports where it can, else the source of what it needs there."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import attrs

from lume_dsl.declare.body import is_prefect_task
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.resources import ResourceManager, resource_manager
from lume_dsl.declare.tasks import Task, task
from lume_dsl.export.layout import Names, UnwritableError
from lume_dsl.export.modules import ModuleSource, absolute, is_importable
from lume_dsl.files import File
from lume_dsl.records import DBResult

__all__ = ["Piece", "Sources"]


@attrs.define(eq=False)
class Piece:
    """A statement of a user's module that the script has.

    Attributes:
        text: Its source, without decorators of ours.
        function: The plain function that it defines as a task, else None.
    """

    text: str
    function: Callable[..., Any] | None = None
    order: tuple[int, int] = (0, 0)


class Sources:
    """The statements and imports that a script takes of users' modules, each once."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.pieces: list[Piece] = []
        self._files: dict[str, ModuleSource | None] = {}
        self._taken: set[tuple[str, int]] = set()
        self._bound: dict[str, Any] = {}
        """Where each name comes from that the script has from users' modules."""

    def in_order(self) -> list[Piece]:
        """The pieces, those of a module in its order."""
        return sorted(self.pieces, key=lambda piece: piece.order)

    def source_of(self, function: Callable[..., Any]) -> ModuleSource:
        """Return the source of the module that a function is of.

        Raises:
            UnwritableError: There is none.
        """
        plain: Any = inspect.unwrap(function)
        if not inspect.isfunction(plain):
            raise UnwritableError(f"{function!r:.80} is no function that has a source", "write def ...: above the flow")
        return self._module(plain.__code__.co_filename, plain.__globals__)

    def function(self, function: Callable[..., Any]) -> tuple[str, str]:
        """Return the name of a task's function in the script, and what it is there: ``"task"`` or ``"plain"``.

        Of a task that is imported as ours, the name is that of its function, ``fit.function``.

        Raises:
            UnwritableError: It has no source that the script could take.
        """
        name = getattr(function, "__name__", "")
        if name == "<lambda>":
            raise UnwritableError("its function is a lambda, which has no name", "write def ...: above the flow")
        if imported := self._importable(function):
            return imported, "plain"
        module = getattr(function, "__module__", "") or ""
        holder = vars(sys.modules[module]).get(name) if module in sys.modules else None
        if isinstance(holder, Task) and holder.function is function and is_importable(module):
            return f"{self.names.imported(module, name)}.function", "plain"
        source = self.source_of(function)
        if "<locals>" in getattr(function, "__qualname__", ""):
            return self._local(function, source), "task"
        held = source.globals.get(name)
        if held is not function and not (isinstance(held, Task) and held.function is function):
            message = f"its function {name!r} is not what its module has of this name"
            raise UnwritableError(message, "give the function a name of its own")
        self.need(source, name)
        return name, "task" if isinstance(held, Task) else "plain"

    def object(self, value: Any) -> str | None:
        """Return the name by which the script has an object of a module, or None where no module names it.

        Raises:
            UnwritableError: It is something that the script must not have a copy of.
        """
        if isinstance(value, FlowMeta):
            raise UnwritableError(f"needs the flow class {value.__name__}", "let the task do without it")
        if imported := self._importable(value):
            return imported
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if not isinstance(module, str) or "." in name or not name:
            return None
        holder = sys.modules.get(module)
        held = getattr(holder, name, None)
        is_held = held is value or (isinstance(held, ResourceManager) and held.resource_class is value)
        if holder is None or not is_held:
            return None
        if isinstance(held, ResourceManager) and is_importable(module):
            return f"{self.names.imported(module, name)}.resource_class"
        file = inspect.getsourcefile(value) if isinstance(value, type) else value.__code__.co_filename
        self.need(self._module(file or "", vars(holder)), name)
        return name

    def named(self, value: Any, module: str) -> str | None:
        """Return the name that a module gives an object, which the script has too, or None."""
        holder = sys.modules.get(module)
        for name, held in vars(holder).items() if holder else ():
            is_task = isinstance(held, Task) and held.function is value
            if held is not value and not is_task:
                continue
            if is_importable(module):
                found = self.names.imported(module, name)
                return f"{found}.function" if is_task else found
            self.need(self._module(str(getattr(holder, "__file__", "")), vars(holder)), name)
            return name
        return None

    def need_all(self, text: str, source: ModuleSource) -> None:
        """Take what a piece of source of a module reads of it."""
        for name in sorted(_read(text)):
            self.need(source, name)

    def need(self, source: ModuleSource, name: str) -> None:
        """Have a name of a module in the script, with what it needs itself.

        Raises:
            UnwritableError: It cannot be had, or another module has another of this name.
        """
        statements = source.bindings(name)
        value = source.globals.get(name)
        if not statements and name not in source.globals:
            return  # a builtin
        if isinstance(value, FlowMeta):
            raise UnwritableError(f"needs the flow class {name}", "let the task do without it")
        if not statements:
            found = self._importable(value) or (isinstance(value, ModuleType) and self._module_name(value, name))
            if not found:
                raise UnwritableError(f"needs {name!r}, of which {source.file} has no source", "put it in the module")
            return
        for statement in statements:
            self._need(source, name, statement)

    def _need(self, source: ModuleSource, name: str, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            self._import(source, name, statement)
            return
        self._claim(name, source.file)
        if (source.file, statement.lineno) in self._taken:
            return
        self._taken.add((source.file, statement.lineno))
        if isinstance(value := source.globals.get(name), type) and issubclass(value, (File, DBResult)):
            message = f"needs {name}, by whose name files and records are found again"
            raise UnwritableError(message, f"put {name} in a module of its own")
        piece = Piece("", None, (len(self._files), statement.lineno))
        piece.text, piece.function = _without_ours(source, name, statement)
        self.pieces.append(piece)
        self.postpone(source)
        self.need_all(piece.text, source)

    def _claim(self, name: str, origin: Any) -> bool:
        """Whether a name of the script is new. What it stands for is of one module, and has its name there."""
        known = self._bound.get(name)
        if known is None and name in self.names.taken and not hasattr(builtins, name):
            known = "the script"
        if known is not None and known != origin:
            message = f"needs {name!r}, a name that stands for two things in the script"
            raise UnwritableError(message, "give one of them another name")
        self._bound[name] = origin
        self.names.taken.add(name)
        return known is None

    def _import(self, source: ModuleSource, name: str, statement: ast.Import | ast.ImportFrom) -> None:
        (alias,) = [one for one in statement.names if (one.asname or one.name.partition(".")[0]) == name]
        if isinstance(statement, ast.Import):
            self._claim(name, ("import", alias.name if alias.asname else name))
            self.names.modules.add((alias.name, name))
            return
        module = absolute(statement, str(source.globals.get("__package__") or ""))
        if module == "__future__":
            return
        if module not in sys.modules or is_importable(module):
            aliases = self.names.imports.setdefault(module, {})
            if aliases.get(name) != alias.name:
                self._claim(name, ("from", module, alias.name))
                aliases[name] = alias.name
            return
        if name != alias.name:
            raise UnwritableError(f"needs {alias.name!r} of {module}, as {name!r}", "import it under its own name")
        inner = sys.modules[module]
        self.need(self._module(str(inner.__file__), vars(inner)), name)

    def _local(self, function: Any, source: ModuleSource) -> str:
        """Take a function that is defined in another, if it needs nothing of that."""
        plain = inspect.unwrap(function)
        node = source.function(plain.__name__, plain.__code__.co_firstlineno)
        if node is None:
            raise UnwritableError(f"its function {plain.__name__!r} has no source", "write it above the flow")
        if plain.__code__.co_freevars:
            needs = ", ".join(plain.__code__.co_freevars)
            message = f"its function takes {needs} of the function that it stands in"
            raise UnwritableError(message, "write it at the top of the module, with these as arguments")
        self._claim(node.name, (source.file, node.lineno))
        if (source.file, node.lineno) not in self._taken:
            self._taken.add((source.file, node.lineno))
            text = textwrap.dedent(source.text(node, decorators=False))
            self.pieces.append(Piece(text, function, (len(self._files), node.lineno)))
            self.postpone(source)
            self.need_all(text, source)
        return node.name

    def postpone(self, source: ModuleSource) -> None:
        """Have annotations be texts in the script if they are in a module."""
        for one in source.tree.body:
            if isinstance(one, ast.ImportFrom) and one.module == "__future__":
                self.names.postponed = self.names.postponed or any(a.name == "annotations" for a in one.names)

    def _module(self, file: str, names: dict[str, Any]) -> ModuleSource:
        if file not in self._files:
            self._files[file] = ModuleSource.of(file, names)
        found = self._files[file]
        if found is None:
            raise UnwritableError(f"its source, {file}, is not there", "put it in a file")
        return found

    def _module_name(self, module: ModuleType, name: str) -> str:
        self.names.modules.add((module.__name__, name))
        return name

    def _importable(self, value: Any) -> str | None:
        """The name that an object of a module has in the script, where that can be imported."""
        module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if not isinstance(module, str) or not isinstance(path, str) or not path or "<" in path:
            return None
        found: Any = sys.modules.get(module)
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not value or not (module in sys.modules and is_importable(module)):
            return None
        first, _, rest = path.partition(".")
        if module == "builtins":
            return path
        name = self.names.imported(module, first)
        return f"{name}.{rest}" if rest else name


def _without_ours(source: ModuleSource, name: str, statement: ast.stmt) -> tuple[str, Any]:
    """The text of a statement with nothing of ours in it, and the function that it defines as a task."""
    value = source.globals.get(name)
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) and isinstance(value, (Task, ResourceManager)):
        kept = [one for one in statement.decorator_list if not _is_ours(one, source)]
        if len(kept) == len(statement.decorator_list):
            raise UnwritableError(f"the decorators of {name} cannot be told from @task", "write @task above it")
        lines = [f"@{source.text(one)}" for one in kept]
        text = "\n".join([*lines, source.text(statement, decorators=False)])
        return text, value.function if isinstance(value, Task) else None
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(value, (Task, ResourceManager)):
        call = statement.value
        if not (isinstance(call, ast.Call) and call.args and _is_ours(call, source)):
            raise UnwritableError(f"needs {name}, which is made of another task", f"write {name} = task(...)")
        if isinstance(value, Task) and not is_prefect_task(value.function):
            raise UnwritableError(f"needs the task {name}, which is not written with @task", "write @task above it")
        return f"{name} = {source.text(call.args[0])}", None
    if isinstance(value, (Task, ResourceManager)):
        raise UnwritableError(f"needs {name}, which is defined in a block", "define it at the top of the module")
    return source.text(statement), None


def _is_ours(decorator: ast.expr, source: ModuleSource) -> bool:
    """Whether a decorator is ``task`` or ``resource_manager``, called or not, or a partial of one."""
    callee = decorator.func if isinstance(decorator, ast.Call) else decorator
    first, *rest = ast.unparse(callee).split(".")
    found: Any = source.globals.get(first)
    for part in rest:
        found = getattr(found, part, None)
    found = found.func if isinstance(found, functools.partial) else found
    return found in (task, resource_manager) if callable(found) else False


def _read(text: str) -> set[str]:
    """The names of its module that a piece of source reads."""
    return set(_global_reads(symtable.symtable(text, "<source>", "exec")))


def _global_reads(table: symtable.SymbolTable) -> Iterator[str]:
    is_module = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (is_module or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _global_reads(inner)
