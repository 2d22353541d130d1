"""``schema``: a flow's parameters and results as JSON Schema."""

from __future__ import annotations

import json

import click

from lume_dsl.cli.streams import divert_stdout
from lume_dsl.cli.targets import flow_of
from lume_dsl.cli.verbose import verbose_option
from lume_dsl.declare.flow import schema

__all__ = ["command"]


@click.command("schema")
@click.argument("target", metavar="MODULE:FLOW")
@verbose_option
def command(target: str) -> None:
    """Print the JSON Schema of a flow's parameters and results, and nothing else.

    MODULE is a dotted module or the path of a .py file; FLOW may be left out where the module has only one. The path
    of a .yaml file stands for the flow that it composes.
    """
    stdout = divert_stdout()  # what the module prints when it is imported is no part of the document
    document = json.dumps(schema(flow_of(target)), indent=2)
    stdout.write(document + "\n")
    stdout.flush()
