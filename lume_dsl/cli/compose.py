"""``compose``: the flow that a YAML file composes, as the class that says the same."""

from __future__ import annotations

from contextlib import suppress

import click

from lume_dsl.cli.streams import divert_stdout
from lume_dsl.cli.verbose import verbose_option

__all__ = ["command"]


@click.command("compose")
@click.argument("file", metavar="FILE")
@click.option(
    "--to-python", is_flag=True, required=True, help="Print the Python source of the class that says the same."
)
@verbose_option
def command(file: str, to_python: bool) -> None:
    """Print the flow that a YAML file composes as a Python class. Nothing of it runs.

    Parameters that the file leaves open are called flow1_text1 there.
    """
    from lume_dsl.compose.composition import Composition  # PyYAML and cattrs, which other commands do without
    from lume_dsl.compose.python import to_python as written

    stdout = divert_stdout()  # what the modules print when they are imported is no part of the source
    composition = Composition.of_file(file)
    composition.inlined()  # which tells all that is wrong
    source = written(composition)
    with suppress(BrokenPipeError), stdout:
        stdout.write(source)
