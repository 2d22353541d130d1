"""``show``: what a flow consists of."""

from __future__ import annotations

import click

from lume_dsl.cli.tables import show_flow
from lume_dsl.cli.targets import flow_of
from lume_dsl.cli.verbose import verbose_option

__all__ = ["command"]


@click.command("show")
@click.argument("target", metavar="MODULE:FLOW")
@verbose_option
def command(target: str) -> None:
    """Show a flow's parameters, tasks and results, without running anything.

    MODULE is a dotted module or the path of a .py file; FLOW may be left out where the module has only one. The path
    of a .yaml file stands for the flow that it composes.
    """
    show_flow(flow_of(target))
