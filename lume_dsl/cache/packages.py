"""Whose a module is: the user's own, of which the source counts, or a package's, of which the version does.

It must not know what is asked for.
"""

from __future__ import annotations

import sys
import sysconfig
from functools import lru_cache
from importlib import metadata

from lume_dsl._version import __version__

__all__ = ["package_of", "version_of"]

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = tuple(filter(None, (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))))


def package_of(module_name: str | None) -> str | None:
    """Return the name of the package that a module is of; ``"python"`` for Python's own, None for the user's own.

    The user's own are those that lie in no folder of installed packages, as a package that is installed for editing
    and a notebook, and those of which nothing is known here, as the script that a worker runs a task of.
    """
    top = (module_name or "").partition(".")[0]
    if top == "lume_dsl":
        return top
    if top in ("", "__main__", "__mp_main__"):
        return None
    module = sys.modules.get(module_name or "") or sys.modules.get(top)
    file = getattr(module, "__file__", None) or getattr(sys.modules.get(top), "__file__", None)
    if file is None:
        return "python" if top in sys.stdlib_module_names or top in sys.builtin_module_names else None
    if any(f"/{folder}/" in file.replace("\\", "/") for folder in _INSTALLED):
        return top
    return "python" if file.startswith(_STANDARD) else None


def version_of(package: str) -> str:
    """Return the version of a package by the name that it is imported by; ``""`` where it tells none."""
    if package == "python":
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    return __version__ if package == "lume_dsl" else _installed_version(package)


@lru_cache(maxsize=256)
def _installed_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        told = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(told, str):
        return told
    found = metadata.packages_distributions().get(package, [])  # looks through all that is installed
    return metadata.version(found[0]) if found else ""
