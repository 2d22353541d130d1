"""``export``: a flow as the Prefect script that a person would write by hand."""

from __future__ import annotations

from contextlib import suppress

import click

from lume_dsl.cli.streams import divert_stdout
from lume_dsl.cli.targets import flow_of
from lume_dsl.cli.verbose import verbose_option

__all__ = ["command"]


@click.command("export")
@click.argument("target", metavar="MODULE:FLOW")
@verbose_option
def command(target: str) -> None:
    """Print a flow as a Prefect script that has no flow class. Nothing of it runs.

    The script builds the same flow, as `flow`, and runs it: python script.py '{"text1": "hey"}'. What it cannot say is
    refused, each with its line. MODULE is a dotted module or the path of a .py file; FLOW may be left out where the
    module has only one.
    """
    stdout = divert_stdout()  # what the module prints when it is imported is no part of the script
    flow = flow_of(target)
    from lume_dsl.export import to_prefect  # Prefect, which other commands do without

    source = to_prefect(flow)
    with suppress(BrokenPipeError), stdout:
        stdout.write(source)
