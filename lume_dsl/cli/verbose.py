"""``-v``, which each command has that loads a user's module: its tracebacks are shown whole."""

from __future__ import annotations

from collections.abc import Sequence

import click

__all__ = ["is_verbose", "verbose_option"]

FLAGS = ("-v", "--verbose")

verbose_option = click.option(*FLAGS, is_flag=True, expose_value=False, help="Show whole tracebacks.")
"""Says that the command takes it. ``is_verbose`` reads it: a module may fail before its command has options."""


def is_verbose(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for whole tracebacks."""
    return any(flag in arguments for flag in FLAGS)
