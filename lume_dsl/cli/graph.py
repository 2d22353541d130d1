"""``graph``: the picture of a flow."""

from __future__ import annotations

from contextlib import suppress

import click

from lume_dsl.cli.streams import divert_stdout
from lume_dsl.cli.targets import flow_of
from lume_dsl.cli.verbose import verbose_option
from lume_dsl.errors import FileError
from lume_dsl.report.picture import check_filename, visualize

__all__ = ["command"]


@click.command("graph")
@click.argument("target", metavar="MODULE:FLOW")
@click.option(
    "-o", "--output", metavar="FILE", help="Where it goes: a .svg, .png, .dot or .mmd (Mermaid) file. It is replaced."
)
@verbose_option
def command(target: str, output: str | None) -> None:
    """Draw a flow: its parameters, tasks and results, and what each waits for. Nothing of it runs.

    Without -o the picture is printed as Mermaid, the text that GitHub, GitLab and notebooks draw. SVG and PNG need
    the extra lume-dsl[graph].

    MODULE is a dotted module or the path of a .py file; FLOW may be left out where the module has only one. The path
    of a .yaml file stands for the flow that it composes.
    """
    if output is not None:
        _save(target, output)
        return
    stdout = divert_stdout()  # what the module prints when it is imported is no part of the picture
    with suppress(BrokenPipeError), stdout:  # whoever reads may leave
        stdout.write(visualize(flow_of(target)).mermaid)


def _save(target: str, output: str) -> None:
    try:
        check_filename(output)  # before the module is imported
    except FileError as error:
        raise click.BadParameter(str(error), param_hint="'-o'") from error
    visualize(flow_of(target), output)
