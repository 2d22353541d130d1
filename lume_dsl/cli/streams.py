"""Where the JSON document goes, and where everything else goes meanwhile."""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

__all__ = ["divert_stdout", "write_document"]


def divert_stdout() -> IO[str]:
    """From now on whatever writes to stdout, subprocesses and C code too, writes to stderr; return the real stdout."""
    sys.stdout.flush()
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stdout


def write_document(stdout: IO[str], document: Any) -> None:
    """The one document has been written."""
    stdout.write(json.dumps(document) + "\n")
    stdout.flush()
