"""``runs show``: all of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

import click

from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.cli.results.filters import local_time
from lume_dsl.cli.runs.task_rows import error_rows, task_rows
from lume_dsl.cli.streams import write_document
from lume_dsl.history.find import SHORT, find_run, runs_of
from lume_dsl.history.recorded import RUNNING, RecordedRun
from lume_dsl.records.plain import json_text
from lume_dsl.services import current

__all__ = ["command"]

_ABOUT = ("id", "flow", "project_name", "state", "message", "start_time", "end_time", "source_sha256", "host")
_TIMES = ("start_time", "end_time")


@click.command("show")
@click.argument("run", metavar="RUN")
@click.option("--all", "each", is_flag=True, help="Show each item of a map, not only those that failed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, run: str, each: bool, as_json: bool) -> None:
    """Show a run: what became of it and of each task, its parameters, its results, and whether it can be resumed.

    RUN is a run's id, or what it begins with. A map is one line, and one for each item that failed.
    """
    found = find_run(run, current())
    can_resume = runs_of(current()).can_resume(found)
    if stdout is not None:
        write_document(stdout, {**found.document, "can_resume": can_resume})
        return
    about = Table(("member", "value"), list(_about(found)), whole=("member", "value"))
    tasks = Table(("task", "state", "start", "took"), list(task_rows(found, each=each)), whole=("task",))
    print_tables("", about, tasks)
    if can_resume:
        click.echo(f"go on with it: python -m lume_dsl resume {found.id[:SHORT]}", err=True)


def _about(run: RecordedRun) -> Iterator[tuple[str, str]]:
    for name in _ABOUT:
        value = run.document.get(name)
        if value:
            yield name, local_time(value) if name in _TIMES else str(value)
    for name, parameter in run.parameters.items():
        yield f"parameters.{name}", json_text(parameter)
    for name, reference in run.results.items():
        yield f"results.{name}", json_text(reference)
    yield from error_rows(run.errors)
    attempts: list[Any] = run.document["attempts"]
    if run.state == RUNNING:
        ended = len(run.tasks)
        so_far = f"{ended:,} task run{'s' if ended != 1 else ''} ended so far"
        yield "process", f"{attempts[-1]['process']} on {attempts[-1]['host']}; {so_far}"
    for number, attempt in enumerate(attempts if len(attempts) > 1 else (), 1):
        yield f"attempt {number}", _attempt(attempt)


def _attempt(attempt: Mapping[str, Any]) -> str:
    is_over = attempt["end_time"] is not None
    when = f"at {local_time(attempt['end_time'])}" if is_over else f"since {local_time(attempt['start_time'])}"
    return f"{attempt['state']} {when}, on {attempt['host']}"
