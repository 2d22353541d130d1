"""Classes and the text by which documents name them; it must not know which classes those are."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, TypeVar

from lume_dsl.values.declarations import declares, source_of_module

__all__ = ["named_type", "publish", "type_string"]

T = TypeVar("T")


_public_modules: dict[type, str] = {}


def publish(cls: type, module: str) -> None:
    """Documents name ``cls`` by this module, which exports it, wherever below it the class comes to stand."""
    _public_modules[cls] = module


def type_string(cls: type) -> str:
    """Return ``"module:QualName"``.

    Raises:
        ValueError: If the class was defined in a function, or in a file that cannot be imported by its name, so that
            no other process could find it.
    """
    if "<locals>" in cls.__qualname__:
        raise ValueError(
            f"{cls.__qualname__} is defined in a function, where nothing can find it again; "
            "define it at the top of a module"
        )
    module = _public_modules.get(cls, cls.__module__)
    if not _is_dotted(module):
        raise ValueError(f"{cls.__qualname__} is in {module!r}, which is no name of a module; rename its file")
    return f"{module}:{cls.__qualname__}"


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def named_type(text: str, base: type[T]) -> type[T]:
    """Return the class that ``text`` ("module:QualName") names; it is ``base`` or derives from it.

    A module is imported only if its source declares such a class (``lume_dsl.values.declarations``), as importing
    one runs it. Nothing that the module holds is called.

    Raises:
        ValueError: Saying why there is no such class.
    """
    module, separator, qualname = text.partition(":")
    names = qualname.split(".")
    if not separator or not _is_dotted(module) or not _is_dotted(qualname):
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


def _how_to_find(module: str) -> str:
    first = module.partition(".")[0]
    return f"there is no module {module} in Python; start in the folder that has {first}, or add that to PYTHONPATH"


def _module(module: str, names: list[str], text: str) -> ModuleType:
    if (loaded := sys.modules.get(module)) is not None:
        return loaded
    if source_of_module(module) is None:
        reason = "this script has other classes" if module == "__main__" else _how_to_find(module)
        raise ValueError(f"{text!r} cannot be found: {reason}")
    if not declares(module, names):
        reason = "declares no such class: no attrs class, dataclass, Enum, NamedTuple, record or file"
        raise ValueError(f"{text!r} cannot be found: {module}, which was not imported, {reason}")
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a module may fail in any way while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{text!r} cannot be found: importing {module} failed ({reason})") from error
