"""Groups of commands of which each is loaded when it is called. It knows none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from lume_dsl.errors import did_you_mean
from lume_dsl.values.visible import visible

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Commands of a package: each is ``command`` of the module of its name."""

    def __init__(self, *args: Any, package: str, purposes: Mapping[str, str], **options: Any) -> None:
        """``purposes`` tells of each command, by name, what it is for."""
        super().__init__(*args, **options)
        self._package, self._purposes = package, purposes

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._purposes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._purposes:
            return None
        found: click.Command = importlib.import_module(f"{self._package}.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._purposes and not name.startswith("-"):
            wrong = f"there is no command {visible(name)!r}{did_you_mean(name, self._purposes)}"
            raise click.UsageError(f"{wrong}\n    the commands are: {', '.join(self._purposes)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._purposes.items()))
