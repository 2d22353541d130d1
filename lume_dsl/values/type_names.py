"""Classes and the text by which documents name them; it must not know which classes those are."""

from __future__ import annotations

import importlib
from typing import TypeVar

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

    Imports the module; nothing that it holds is called or instantiated.

    Raises:
        ValueError: Saying why there is no such class.
    """
    module, separator, qualname = text.partition(":")
    if not separator or not qualname or not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"{text!r} is not of the form 'module:ClassName'")
    found: object = _imported(module, text)
    for name in qualname.split("."):
        if not hasattr(found, name):
            raise ValueError(f"{text!r} cannot be found: {name!r} is not in {module}{_hint(module)}")
        found = getattr(found, name)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{text!r} is not a {base.__name__} class")
    return found


def _imported(module: str, text: str) -> object:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a module may fail in any way while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{text!r} cannot be found: importing {module} failed ({reason})") from error


def _hint(module: str) -> str:
    return "; classes of a script are found in that script alone" if module == "__main__" else ""
