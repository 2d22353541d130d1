"""``resume``: go on with a run that failed, was interrupted or killed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from lume_dsl.cli.assignments import Document
from lume_dsl.cli.executor_flags import executor_said
from lume_dsl.cli.flags import read_flags
from lume_dsl.cli.logs import log_to_stderr
from lume_dsl.cli.progress import progress_of
from lume_dsl.cli.run import FlowCommand, FlowGroup, before_flow, load_engine
from lume_dsl.cli.streams import write_document
from lume_dsl.cli.tables import results_document, show_run
from lume_dsl.cli.targets import flow_of
from lume_dsl.declare.flow import FlowMeta, parameters_of
from lume_dsl.errors import FlowNotFoundError, RunError
from lume_dsl.history.find import journal_to_resume
from lume_dsl.history.parameters import other_value, recorded_parameters
from lume_dsl.services import current

__all__ = ["command"]


class _Runs(FlowGroup):
    """Makes a command of the run that its name begins the id of."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        journal, begin = journal_to_resume(cmd_name, current())
        flow, target = _flow_of_run(journal.run_id, begin)
        recorded = recorded_parameters(flow, journal, begin)
        return _ResumeCommand(cmd_name, flow, target, journal.run_id, recorded)


@click.command("resume", cls=_Runs, subcommand_metavar="RUN [OPTIONS]...")
@before_flow
def command(as_json: bool, verbose: bool) -> None:
    """Go on with a run that failed, was interrupted or killed: only what is left of it runs.

    RUN is a run's id, or what it begins with; `runs list` shows them. Parameters are those of the run; flags give those
    that are recorded nowhere, as secrets are. `resume RUN --help` tells them.
    """


class _ResumeCommand(FlowCommand):
    """The command that goes on with one run."""

    def __init__(self, name: str, flow: FlowMeta, target: str, run_id: str, recorded: Mapping[str, Any]) -> None:
        self.target = target
        self.run_id = run_id
        self.recorded = Document(f"the run {run_id}", recorded)
        super().__init__(name, flow)

    def run(self, as_json: bool, verbose: bool, **where: Any) -> None:
        """Resume the run with what was said of its parameters."""
        instance = read_flags(self.flow, self.flags, self.given, before=self.recorded)
        if (found := other_value(self.flow, self.run_id, self.recorded.values, parameters_of(instance))) is not None:
            parameter, message = found
            flag = next(option.opts[0] for option in self.flags if option.parameter == parameter)
            raise RunError(f"{message}\n    run it anew: python -m lume_dsl run {self.target} {flag} ...")
        flow: Any = self.flow
        load_engine(flow)
        said = {"parameters": parameters_of(instance), "executor": executor_said(**where)}
        if as_json:
            with log_to_stderr(verbose=verbose):
                done = flow.resume(self.run_id, **said)
            write_document(click.get_current_context().obj, results_document(done))
            return
        with progress_of(self.flow, verbose=verbose) as handlers:
            done = flow.resume(self.run_id, task_runner_state_handlers=handlers, **said)
        show_run(done)


def _flow_of_run(run_id: str, begin: Mapping[str, Any]) -> tuple[FlowMeta, str]:
    """The flow of a run, by its module, else by its file, and the target that names it."""
    module, _, name = str(begin["flow"]).partition(":")
    file = begin.get("file")
    if file and not file.endswith(".py"):
        targets = [file]  # of which it was composed
    else:
        targets = [begin["flow"]] if module != "__main__" else []
        targets += [f"{file}:{name}"] if file and os.path.exists(file) else []
    why = ""
    for target in targets:
        try:
            return flow_of(target), target
        except FlowNotFoundError as error:
            why = str(error)
    what = f"the flow of the run {run_id}, {begin['flow']},"
    if file and os.path.exists(file):
        raise RunError(f"{what} is not where it was: {why}\n    name the class {name} again to go on with it")
    where = f", nor in {file}" if file else ""
    folder = f", in {begin['folder']}" if begin.get("folder") else ""
    raise RunError(
        f"{what} cannot be found from here{where}\n"
        f"    run this where it was run{folder}, or write {name}.resume({run_id!r}) where the class is"
    )
