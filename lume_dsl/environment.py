"""One variable of the environment, for parameters that take their value from it. Settings are not read here."""

from __future__ import annotations

import os

__all__ = ["variable_text"]


def variable_text(name: str) -> str | None:
    """Return the text of an environment variable, or None where it is not set."""
    return os.environ.get(name)
