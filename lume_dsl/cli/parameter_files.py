"""Files of parameter values, as ``--params`` names them. It knows nothing of flows."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Container

import attrs

from lume_dsl.cli.assignments import Document
from lume_dsl.errors import ParameterError, Problem, did_you_mean
from lume_dsl.values.documents import DocumentError, format_of, read_document

__all__ = ["STDIN", "read_parameter_file"]

STDIN = "-"
_FIX = "name a YAML or JSON file after --params, or - for stdin"


def read_parameter_file(filename: str, secrets: Container[str] = ()) -> Document:
    """Return the document of a file, or of stdin for ``-``. Its ending says JSON or YAML; another one is looked into.

    What is wrong with a value of one of the ``secrets`` is told without the value.

    Raises:
        ParameterError: It is not there, cannot be read, or is no document.
    """
    name = "stdin" if filename == STDIN else filename
    try:
        content = _stdin() if filename == STDIN else _content(filename)
        return Document(name, read_document(content, name=name, format=format_of(filename)))
    except DocumentError as error:
        place = f"{name}:{error.line}:{error.column}" if error.line else name
        path = error.path if len(error.path) <= 80 else f"{error.path[:40]}…{error.path[-39:]}"
        subject = f"{place}: {path}" if path else place
        if re.split(r"[.\[]", error.path)[0] in secrets:
            subject = f"{place}: {re.split(r'[.[]', error.path)[0]}"
            error = attrs.evolve(error, message="cannot be read; its value is secret", fix="write it as text in quotes")
        raise ParameterError((Problem("parameter-value", subject, error.message, error.fix),)) from None
    except (OSError, ValueError) as error:  # the latter: a null character in the name
        raise ParameterError((_unread(filename, error),)) from None


def _content(filename: str) -> bytes:
    with open(filename, "rb") as file:
        return file.read()


def _stdin() -> bytes:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "is closed")
    return sys.stdin.buffer.read()


def _unread(filename: str, error: OSError | ValueError) -> Problem:
    name = "stdin" if filename == STDIN else filename or "''"
    if isinstance(error, FileNotFoundError):
        return Problem("parameter-value", name, f"there is no such file{_near(filename)}", _FIX)
    if isinstance(error, IsADirectoryError):
        return Problem("parameter-value", name, "is a folder", "write the name of a file in it")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Problem("parameter-value", name, f"cannot be read: {reason}", _FIX)


def _near(filename: str) -> str:
    """The file beside it whose name is close; that endings are alike makes no names close."""
    folder, name = os.path.split(filename)
    try:
        beside = os.listdir(folder or ".")
    except OSError:
        return f"; there is no folder {folder!r}"
    return did_you_mean(name, [other for other in beside if did_you_mean(_stem(name), [_stem(other)])])


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]
