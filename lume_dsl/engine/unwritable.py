"""What is said where something below ``LUME_HOME`` could not be written."""

from __future__ import annotations

from pathlib import Path

from lume_dsl.files.atomic import is_full

__all__ = ["unwritable"]


def unwritable(error: OSError, folder: Path) -> str:
    """Return why it could not be, the file, else ``folder``, and how to mend it."""
    why = f"{error.strerror or error}: {error.filename or folder}"
    if is_full(error):
        return f"{why}; make room there, or set LUME_HOME to another folder"
    return f"{why}; set LUME_HOME to a folder that you may write to"
