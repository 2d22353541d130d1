"""``run``: a flow with its parameters as flags."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import click

from lume_dsl.cli.flags import parameter_options, read_flags
from lume_dsl.cli.progress import log_to_stderr, progress_of
from lume_dsl.cli.streams import write_document
from lume_dsl.cli.tables import results_document, show_run
from lume_dsl.declare.find import find_flow
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.values.names import type_name

__all__ = ["command"]


class _Flows(click.Group):
    """Makes a command of the flow that its name names."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return _FlowCommand(cmd_name, find_flow(cmd_name))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []


@click.command("run", cls=_Flows, subcommand_metavar="MODULE:FLOW [PARAMETERS]...")
def command() -> None:
    """Run a flow, and show what it results in.

    MODULE is a dotted module or the path of a .py file; FLOW may be left out where the module has only one.
    `run MODULE:FLOW --help` tells a flow's parameters and results.
    """


class _FlowCommand(click.Command):
    def __init__(self, name: str, flow: FlowMeta) -> None:
        self.flow = flow
        options = [
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document and nothing else."),
            click.Option(["-v", "--verbose"], is_flag=True, help="Show Prefect's log and whole tracebacks."),
        ]
        self.flags = parameter_options(flow, taken={"--json", "--verbose", "--help"})
        super().__init__(
            name,
            params=[*self.flags.values(), *options],
            callback=self._run,
            help=flow.__doc__ or "",
            no_args_is_help=False,
        )

    def _run(self, as_json: bool, verbose: bool, **texts: Any) -> None:
        values = read_flags(self.flow, self.flags, texts)
        if as_json:
            _run_as_json(self.flow, values, verbose=verbose)
        else:
            _run_for_people(self.flow, values, verbose=verbose)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        flags = list(self.flags.values())
        others = [option for option in self.get_params(ctx) if option not in flags]
        for title, options in (("Parameters", flags), ("Options", others)):
            if rows := [row for option in options if (row := option.get_help_record(ctx))]:
                with formatter.section(title):
                    formatter.write_dl(rows)
        if results := self.flow.__lume_graph__.results:
            with formatter.section("Results"):
                formatter.write_dl([(name, type_name(member.type)) for name, member in results.items()])


def _run_for_people(flow: FlowMeta, values: Mapping[str, Any], *, verbose: bool) -> None:
    instance = flow(**values)  # all parameter problems, before Prefect is loaded
    _load_engine(flow)
    with progress_of(flow, verbose=verbose) as handlers:
        done = instance.run(task_runner_state_handlers=handlers)
    show_run(done)


def _run_as_json(flow: FlowMeta, values: Mapping[str, Any], *, verbose: bool) -> None:
    instance = flow(**values)
    _load_engine(flow)
    with log_to_stderr(verbose=verbose):
        done = instance.run()
    write_document(click.get_current_context().obj, results_document(done))


def _load_engine(flow: FlowMeta) -> None:
    """All that a run of the flow needs is loaded, without the garbage collector.

    It would go through the hundreds of thousands of objects that modules are made of again and again, for a tenth
    of the time of a small run; frozen, it never looks at them.
    """
    gc.disable()
    try:
        from lume_dsl.engine import prepare  # Prefect

        prepare(flow)
    finally:
        gc.enable()
        gc.freeze()
