"""``run``: a flow with its parameters as flags."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import click

from lume_dsl.cli.executor_flags import executor_flags, executor_said
from lume_dsl.cli.failures import visible
from lume_dsl.cli.flag_help import part_rows
from lume_dsl.cli.flags import FileOption, ParameterOption, parameter_options, part_options, read_flags, said
from lume_dsl.cli.logs import log_to_stderr
from lume_dsl.cli.progress import progress_of
from lume_dsl.cli.streams import write_document
from lume_dsl.cli.tables import results_document, show_run
from lume_dsl.cli.targets import flow_of
from lume_dsl.cli.wide import WideContext
from lume_dsl.declare.flow import FlowMeta, LumeFlow
from lume_dsl.declare.parameters import spec_of
from lume_dsl.values.convert import short
from lume_dsl.values.names import type_name

__all__ = ["FlowCommand", "FlowGroup", "before_flow", "command", "load_engine"]

JSON_HELP = "Print one JSON document and nothing else."
VERBOSE_HELP = "Show Prefect's log and whole tracebacks."


def before_flow(function: Callable[..., None]) -> Callable[..., None]:
    """Give a group of flows the options that may stand before the flow as well as behind it."""
    verbose = click.option("-v", "--verbose", is_flag=True, help=VERBOSE_HELP)
    return click.option("--json", "as_json", is_flag=True, help=JSON_HELP)(verbose(function))


class FlowGroup(click.Group):
    """Makes a command of the flow that its name names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:  # it is misspelt
                raise
            first, _, _ = self.subcommand_metavar.partition(" ")
            message = f"{visible(error.option_name)!r} stands before {first}: options and parameters stand behind it"
            raise click.UsageError(message, ctx) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return FlowCommand(cmd_name, flow_of(cmd_name))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []


@click.command("run", cls=FlowGroup, subcommand_metavar="MODULE:FLOW [PARAMETERS]...")
@before_flow
def command(as_json: bool, verbose: bool) -> None:
    """Run a flow, and show what it results in.

    MODULE is a dotted module or the path of a .py file; FLOW may be left out where the module has only one. The path
    of a .yaml file stands for the flow that it composes.
    `run MODULE:FLOW --help` tells a flow's parameters and results.
    """


class FlowCommand(click.Command):
    """The command that runs one flow. ``given`` is what was said of its parameters, in the order in which it was."""

    context_class = WideContext

    def __init__(self, name: str, flow: FlowMeta) -> None:
        self.flow = flow
        options = self.own_options()
        taken = {flag for option in options for flag in option.opts if flag.startswith("--")}
        self.flags = parameter_options(flow, taken={*taken, "--help"})
        self.given: list[tuple[click.Parameter, str]] = []
        super().__init__(
            name,
            params=[*self.flags, *options],
            callback=self.run,
            help=flow.__doc__ or "",
            no_args_is_help=False,
        )

    def own_options(self) -> list[click.Parameter]:
        """What goes with every flow."""
        return [
            FileOption(),
            *executor_flags(),
            click.Option(["--json", "as_json"], is_flag=True, help=JSON_HELP),
            click.Option(["-v", "--verbose"], is_flag=True, help=VERBOSE_HELP),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        self.params += part_options(self.flags, args)
        ctx.allow_extra_args = True  # they are refused here, in words of ours
        try:
            texts, extra, order = self.make_parser(ctx).parse_args(args=list(args))
            self.given = said(order, texts)
            super().parse_args(ctx, args)
            if extra:
                raise click.UsageError(_refused(extra, self.given, self.flow, self.params), ctx)
        except click.UsageError as error:
            message = visible(error.format_message()) + _meant(args, self.params)
            raise click.UsageError(message, error.ctx or ctx) from None
        return []

    def invoke(self, ctx: click.Context) -> Any:
        before = ctx.parent.params if ctx.parent is not None else {}
        ctx.params |= {name: ctx.params[name] or said for name, said in before.items() if name in ctx.params}
        return super().invoke(ctx)

    def run(self, as_json: bool, verbose: bool, **where: Any) -> None:
        """Run the flow with what was said of its parameters."""
        instance = read_flags(self.flow, self.flags, self.given)  # all parameter problems, before Prefect is loaded
        load_engine(self.flow)
        run = _run_as_json if as_json else _run_for_people
        run(instance, executor_said(**where), verbose=verbose)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        graph = self.flow.__lume_graph__
        whole = {option.parameter: option for option in reversed(self.flags) if not option.hidden}
        sections: dict[str, list[click.Parameter]] = {
            "Parameters": list(self.flags),
            "Options": [option for option in self.get_params(ctx) if not isinstance(option, ParameterOption)],
        }
        for title, options in sections.items():
            _write(formatter, title, [row for option in options if (row := option.get_help_record(ctx))])
            if title == "Parameters":
                parts = [row for n, member in graph.parameters.items() for row in part_rows(whole[n].opts[0], member)]
                _write(formatter, "Parts of parameters", parts)
        _write(formatter, "Results", [(name, type_name(member.type)) for name, member in graph.all_results.items()])


def _write(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _meant(arguments: list[str], options: Sequence[click.Parameter]) -> str:
    """The flag that was meant by one that was written with a single dash, which click reads letter by letter."""
    flags = {flag for option in options for flag in option.opts}
    written = [argument.partition("=")[0] for argument in arguments if not argument.startswith("--")]
    found = next((f"-{one}" for one in written if len(one) > 2 and f"-{one}" in flags), None)
    return f"; did you mean {found!r}?" if found else ""


def _refused(
    extra: list[str],
    given: Sequence[tuple[click.Parameter, str]],
    flow: FlowMeta,
    options: Sequence[click.Parameter],
) -> str:
    """What is wrong with arguments that belong to no flag. It may be a secret's second word, which is not shown."""
    flags = {flag for option in options for flag in option.opts}
    for option, text in given:
        if text in flags:
            return f"Option {option.opts[0]!r} requires an argument; {text!r} was read as that"
    if extra[0].lower() in ("true", "false", "yes", "no", "on", "off"):
        return f"Got {extra[0]!r}, which follows no flag; a bool has no value: write --flag or --no-flag"
    parameters = flow.__lume_graph__.parameters
    is_secret = any(isinstance(o, ParameterOption) and spec_of(parameters[o.parameter]).secret for o, _ in given)
    shown = "" if is_secret else f" ({' '.join(map(short, extra))})"
    plural = "s" * (len(extra) > 1)
    return (
        f"Got {len(extra)} unexpected extra argument{plural}{shown}; a value follows its flag, quoted where it has "
        "spaces, and a list is one value, as in 1,2,3"
    )


def _run_for_people(instance: LumeFlow, executor: Any, *, verbose: bool) -> None:
    with progress_of(type(instance), verbose=verbose) as handlers:
        done = instance.run(executor=executor, task_runner_state_handlers=handlers)
    show_run(done)


def _run_as_json(instance: LumeFlow, executor: Any, *, verbose: bool) -> None:
    with log_to_stderr(verbose=verbose):
        done = instance.run(executor=executor)
    write_document(click.get_current_context().obj, results_document(done))


def load_engine(flow: FlowMeta) -> None:
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
