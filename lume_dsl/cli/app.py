"""The command line as a whole: its commands, loaded when they are called, and its exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from lume_dsl._version import __version__
from lume_dsl.cli.failures import describe, document, usage_document, visible
from lume_dsl.cli.groups import LazyGroup
from lume_dsl.cli.streams import divert_stdout, make_lenient, write_document
from lume_dsl.cli.verbose import is_verbose
from lume_dsl.errors import LumeError

__all__ = ["main"]

PROGRAM = "python -m lume_dsl"

COMMANDS = {
    "run": "Run a flow, and show what it results in.",
    "resume": "Go on with a run that failed, was interrupted or killed.",
    "serve": "Run a flow by its schedule, until it is stopped.",
    "check": "Check the flows of a module without running them.",
    "show": "Show a flow's parameters, tasks and results.",
    "register": "Register the flows of a module with a Prefect server.",
    "compose": "Print the flow of flows of a YAML file as a Python class.",
    "export": "Print a flow as a Prefect script without a flow class.",
    "graph": "Draw a flow: as SVG, PNG, DOT or Mermaid.",
    "schema": "Print the JSON Schema of a flow's parameters and results.",
    "results": "Find, show, export and delete the records of runs.",
    "runs": "Find, show and forget the runs of flows.",
    "cache": "Show and clear the values of tasks that are cached.",
    "config": "Show the settings, and whether services answer.",
    "explain": "Explain a kind of problem that a message names.",
}

INTERRUPTED = 130
"""What a shell reports for a process that Ctrl-C ended: 128 + SIGINT."""


@click.command(
    cls=LazyGroup,
    package="lume_dsl.cli",
    purposes=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="lume_dsl")
def app() -> None:
    """Workflows declared as classes, run as Prefect flows.

    Exit codes: 0 success, 1 the run failed, 2 wrong usage or a bad parameter value, 3 an invalid flow
    definition, 4 settings or a service that does not answer.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit. Only a ``LumeError`` is caught; anything else is a bug and shows its traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    make_lenient(sys.stdout, sys.stderr)
    # Before any module of the user's is imported: what it prints is no part of the document either.
    document_stream = divert_stdout() if "--json" in given else None
    try:
        app.main(given, prog_name=PROGRAM, standalone_mode=False, obj=document_stream)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        if document_stream is not None:
            write_document(document_stream, usage_document(error.format_message()))
        vars(error)["message"] = visible(error.message)
        error.show()
        sys.exit(error.exit_code)
    except LumeError as error:
        if document_stream is not None:
            write_document(document_stream, document(error))
        else:
            click.echo(describe(error, verbose=is_verbose(given)), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(0)
