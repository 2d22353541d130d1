"""``python -m lume_dsl``: commands that parse, call the library and print. One file a command."""

from __future__ import annotations

from lume_dsl.cli.app import main

__all__ = ["main"]
