"""Classes and the text by which documents name them; it must not know which classes those are."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, TypeVar

__all__ = ["named_type", "publish", "type_string"]

T = TypeVar("T")


_public_modules: dict[type, str] = {}


def publish(cls: type, module: str) -> None:
    """Documents name ``cls`` by this module, which exports it, wherever below it the class comes to stand."""
    _public_modules[cls] = module


def type_string(cls: type) -> str:
    """Return ``"module:QualName"``.

    Raises:
        ValueError: If the class was defined in a function, so that no other process could find it.
    """
    if "<locals>" in cls.__qualname__:
        raise ValueError(
            f"{cls.__qualname__} is defined in a function, where nothing can find it again; "
            "define it at the top of a module"
        )
    return f"{_public_modules.get(cls, cls.__module__)}:{cls.__qualname__}"


def named_type(text: str, base: type[T]) -> type[T]:
    """Return the class that ``text`` ("module:QualName") names; it is ``base`` or derives from it.

    A module is imported only if its source declares a class of that name, with a base or a decorator: a document
    may name any module there is, and importing one runs it. Nothing that the module holds is called.

    Raises:
        ValueError: Saying why there is no such class.
    """
    module, separator, qualname = text.partition(":")
    names = qualname.split(".")
    if not separator or not all(part.isidentifier() for part in (*module.split("."), *names)):
        raise ValueError(f"{text!r} is not of the form 'module:ClassName'")
    found: Any = _module(module, names, text)
    for name in names:
        # Not getattr, by which a module may import others, and a class may run anything.
        if not isinstance(found, ModuleType | type) or name not in vars(found):
            where = found.__qualname__ if isinstance(found, type) else module
            raise ValueError(f"{text!r} cannot be found: {name!r} is not in {where}{_hint(module)}")
        found = vars(found)[name]
        if isinstance(found, ModuleType):
            break
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{text!r} is not a {base.__name__} class" if base is not object else f"{text!r} is no class")
    return found


def _hint(module: str) -> str:
    if module == "__main__":
        return "; classes of a script are found in that script alone"
    return "; it is gone, or was renamed: give it back its name to load what was saved of it"


def _module(module: str, names: list[str], text: str) -> ModuleType:
    if (loaded := sys.modules.get(module)) is not None:
        return loaded
    source = _source(module)
    if source is None:
        reason = "this script has other classes" if module == "__main__" else f"there is no module {module} in Python"
        raise ValueError(f"{text!r} cannot be found: {reason}")
    if not _declares(source, names):
        raise ValueError(f"{text!r} cannot be found: {module}, which was not imported, declares no such class")
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a module may fail in any way while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{text!r} cannot be found: importing {module} failed ({reason})") from error


def _source(module: str) -> str | None:
    """The source of a module that was not imported, found without importing the packages around it."""
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


_MAKERS = frozenset(
    ("namedtuple", "NamedTuple", "make_class", "make_dataclass", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")
)
"""What a class may be made by in an assignment: ``Point = namedtuple("Point", "x y")``."""


def _declares(source: str, names: list[str]) -> bool:
    try:
        body: list[ast.stmt] = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for name in names[:-1]:
        outer = [one for one in body if isinstance(one, ast.ClassDef) and one.name == name]
        if not outer:
            return False
        body = outer[-1].body
    return any(_is_class(one, names[-1]) for one in body)


def _is_class(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, ast.ClassDef):
        return statement.name == name and bool(statement.bases or statement.decorator_list)
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        maker = statement.value.func
        called = maker.attr if isinstance(maker, ast.Attribute) else getattr(maker, "id", "")
        return called in _MAKERS and any(isinstance(to, ast.Name) and to.id == name for to in statement.targets)
    return False
