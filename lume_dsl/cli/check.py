"""``check``: whether a module's flows are valid."""

from __future__ import annotations

import click

from lume_dsl.cli.streams import readers_may_leave
from lume_dsl.cli.targets import flows_of
from lume_dsl.cli.verbose import verbose_option
from lume_dsl.declare.graph import Argument, Parameter

__all__ = ["command"]


@click.command("check")
@click.argument("target", metavar="MODULE[:FLOW]")
@verbose_option
def command(target: str) -> None:
    """Check the flows of a module, or one of them, without running anything.

    MODULE is a dotted module or the path of a .py file; the path of a .yaml file stands for the flow that it composes.
    An invalid flow is told with all its problems, and the exit code is 3.
    """
    for name, flow in flows_of(target).items():
        graph = flow.__lume_graph__
        results = graph.all_results
        tasks = [
            n for n, m in graph.members.items() if n not in results and not isinstance(m.work, (Parameter, Argument))
        ]
        counts = [(len(graph.parameters), "parameter"), (len(tasks), "task"), (len(results), "result")]
        told = ", ".join(f"{number} {what}" + "s" * (number != 1) for number, what in counts)
        with readers_may_leave():
            print(f"{name}: ok ({told})")
