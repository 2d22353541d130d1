"""Where the JSON document goes, and where everything else goes meanwhile."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

__all__ = ["divert_stdout", "make_lenient", "readers_may_leave", "write_document"]


def make_lenient(*streams: Any) -> None:
    """Text that a stream's encoding does not have is written as its escapes, instead of ending the command."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")


def divert_stdout() -> IO[str]:
    """From now on whatever writes to stdout, subprocesses and C code too, writes to stderr; return the real stdout."""
    sys.stdout.flush()
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stdout


@contextmanager
def readers_may_leave() -> Iterator[None]:
    """Within it, what is printed reaches whoever still reads stdout; that nobody does is no failure of the command."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def write_document(stdout: IO[str], document: Any) -> None:
    """The one document has been written."""
    stdout.write(json.dumps(document) + "\n")
    stdout.flush()
