"""``serve``: a flow by its schedule, until somebody stops it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import click

from lume_dsl.cli.assignments import Document
from lume_dsl.cli.executor_flags import executor_said
from lume_dsl.cli.failures import describe, document, visible
from lume_dsl.cli.flags import read_flags
from lume_dsl.cli.logs import log_to_stderr
from lume_dsl.cli.run import FlowCommand, FlowGroup, before_flow, load_engine
from lume_dsl.cli.streams import write_document
from lume_dsl.cli.tables import results_document, show_run
from lume_dsl.cli.targets import flow_of
from lume_dsl.declare.flow import LumeFlow, parameters_of
from lume_dsl.errors import LumeError, ParameterError, Problem

__all__ = ["command"]


class _ServedFlows(FlowGroup):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return _ServeCommand(cmd_name, flow_of(cmd_name))


@click.command("serve", cls=_ServedFlows, subcommand_metavar="MODULE:FLOW [PARAMETERS]...")
@before_flow
def command(as_json: bool, verbose: bool) -> None:
    """Run a flow by its schedule, until Ctrl-C or SIGTERM.

    The flow has a schedule of Prefect's: @flow(schedule=...). A run that fails is told, and the next comes at its time.
    `serve MODULE:FLOW --help` tells a flow's parameters and results.
    """


class _ServeCommand(FlowCommand):
    def own_options(self) -> list[click.Parameter]:
        return [
            *super().own_options(),
            click.Option(["--catch-up"], is_flag=True, help="Run also for times that passed while a run was underway."),
            click.Option(["--runs"], metavar="N", type=click.IntRange(1), help="End after so many runs."),
        ]

    def run(  # type: ignore[override]  # what its own options say
        self, *, as_json: bool, verbose: bool, catch_up: bool, runs: int | None, **where: Any
    ) -> None:
        """Serve the flow with what was said of its parameters."""
        load_engine(self.flow)
        from lume_dsl.engine import leaving_signals, serve  # Prefect
        from lume_dsl.engine.serve import values_of_clocks

        instance = self._read_flags(values_of_clocks(self.flow))
        told = _Told(self.flow.__name__, as_json=as_json, verbose=verbose)
        with log_to_stderr(verbose=verbose), leaving_signals() as end, _stopped_by_signals(told, end) as stop:
            serve(
                self.flow,
                parameters_of(instance),
                stop=stop,
                listener=told,
                catch_up=catch_up,
                runs=runs,
                executor=executor_said(**where),
            )

    def _read_flags(self, clocks: Sequence[Mapping[str, Any]]) -> LumeFlow:
        """The flow with what flags give; what they do not and each clock does is the first clock's, until its time."""
        parameters = self.flow.__lume_graph__.parameters
        first = clocks[0] if clocks else {}
        before = {name: first[name] for name in parameters if clocks and all(name in given for given in clocks)}
        try:
            return read_flags(self.flow, self.flags, self.given, before=Document("clock 1 of its schedule", before))
        except ParameterError as error:
            told = tuple(_told_of_clocks(problem, self.flow.__name__, clocks) for problem in error.problems)
            raise ParameterError(told, error.count) from None


def _told_of_clocks(problem: Problem, flow_name: str, clocks: Sequence[Mapping[str, Any]]) -> Problem:
    """A problem; of a parameter that some clocks give, it names those that do not."""
    name = problem.subject.removeprefix(f"{flow_name}.")
    without = [str(number) for number, given in enumerate(clocks, 1) if name not in given]
    if problem.kind != "parameter-missing" or len(without) == len(clocks):
        return problem
    named = f"clock {without[0]}" if len(without) == 1 else f"clocks {', '.join(without)}"
    gives = "does" if len(without) == 1 else "do"
    return attrs.evolve(problem, message=f"{problem.message}; {named} of its schedule {gives} not give it")


class _Told:
    """What is said of each run: people read it as tables, programs as one document a line.

    Attributes:
        is_underway: Whether there is a run at this moment.
    """

    def __init__(self, name: str, *, as_json: bool, verbose: bool) -> None:
        self.name, self.as_json, self.verbose = name, as_json, verbose
        self.is_underway = False

    def waits(self, start_time: datetime, seconds: float) -> None:
        self._say(f"{self.name} runs next at {start_time.isoformat()}, in {_in_words(seconds)}")

    def skipped(self, start_times: list[datetime]) -> None:
        times = f"{len(start_times)} times of its schedule" if len(start_times) > 1 else "a time of its schedule"
        self._say(
            f"{self.name} did not run at {times}, as the run before took longer; write --catch-up to run for each"
        )

    def ended(self) -> None:
        self._say(f"the schedule of {self.name} has no more times")

    def begins(self) -> None:
        self.is_underway = True

    def ran(self, done: LumeFlow) -> None:
        self.is_underway = False
        if self.as_json:
            write_document(click.get_current_context().obj, results_document(done))
        else:
            show_run(done)
            sys.stdout.flush()  # to a file or a service manager's log, now and not at the end

    def failed(self, error: LumeError) -> None:
        self.is_underway = False
        if self.as_json:
            write_document(click.get_current_context().obj, document(error))
        else:
            self._say(describe(error, verbose=self.verbose))

    def _say(self, text: str) -> None:
        click.echo(visible(text), err=True)


def _in_words(seconds: float) -> str:
    hours, left = divmod(int(seconds), 3600)
    minutes, left = divmod(left, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{seconds:.1f} s"


@contextmanager
def _stopped_by_signals(listener: _Told, end_workers: Callable[[], None]) -> Iterator[threading.Event]:
    """Within it, SIGTERM and the first Ctrl-C set an event; the second Ctrl-C interrupts, and ends the workers."""
    stop, process = threading.Event(), os.getpid()

    def told(number: int, _frame: object) -> None:
        if os.getpid() != process:  # forked by a task, which ends it by SIGTERM; Ctrl-C is told by the parent
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            return
        if stop.is_set():
            if number == signal.SIGINT:
                end_workers()
                raise KeyboardInterrupt
            return
        stop.set()  # before it is told: the next may come at once
        waits = "; the run that is underway is finished first" if listener.is_underway else ""
        click.echo(f"stopping{waits}", err=True)

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
