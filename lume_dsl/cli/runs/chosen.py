"""The options by which commands choose runs, and how a run is told in a line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import reduce
from typing import Any, TypeVar

import click

from lume_dsl.cli.failures import visible
from lume_dsl.cli.results.filters import local_time
from lume_dsl.history.find import SHORT, runs_of
from lume_dsl.history.misses import why_no_runs
from lume_dsl.history.recorded import ENDED, RUNNING, RecordedRun
from lume_dsl.history.remembered import Runs
from lume_dsl.history.store import RunQuery
from lume_dsl.services import current

__all__ = ["COLUMNS", "label", "number_of", "row_of", "run_options", "runs_chosen", "tell_nothing"]

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = ("run", "flow", "state", "start", "took", "failed")

_TIMES = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
)

_time = click.DateTime(_TIMES)


def run_options(command: F) -> F:
    """Give a command the options of which ``runs_chosen`` makes runs."""
    options = [
        click.option("--flow", "flow_name", metavar="NAME", help="Only runs of this flow: its name, or MODULE:CLASS."),
        click.option("--project", "project_name", metavar="NAME", help="Only those of this project."),
        click.option(
            "--state",
            "states",
            multiple=True,
            type=click.Choice((RUNNING, *ENDED), case_sensitive=False),
            help="Only those in this state. May be repeated.",
        ),
        click.option(
            "--since", type=_time, metavar="TIME", help="Only those that began then or later: 2026-11-30 08:15."
        ),
        click.option("--until", type=_time, metavar="TIME", help="Only those that began then or earlier."),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)


def runs_chosen(
    *,
    states: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    flow_name: str | None,
    project_name: str | None,
) -> Runs:
    """Return the runs that the values of ``run_options`` say."""
    is_class = ":" in (flow_name or "")
    query = RunQuery(flow_name=None if is_class else flow_name, project_name=project_name, states=states or None)
    flow = str(flow_name) if is_class else ""
    return runs_of(current(), query, flow=flow).started(since=since, until=until)


def tell_nothing(runs: Runs) -> None:
    """That there are no such runs is told on stderr, and what is asked of them that none has."""
    click.echo("\n    ".join(["no runs", *map(visible, why_no_runs(runs))]), err=True)


def row_of(run: RecordedRun) -> tuple[str, ...]:
    """Return the cells of the table."""
    took = "" if run.seconds is None else f"{run.seconds:.1f} s"
    failed = list(dict.fromkeys(error["task"].partition("[")[0] for error in run.errors))
    told = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
    return run.id[:SHORT], run.flow_name, run.state, local_time(str(run.document["start_time"])), took, told


def label(run: RecordedRun) -> str:
    """Return what tells a run from others, in a line."""
    return visible("  ".join(row_of(run)[:4]))


def number_of(count: int) -> str:
    """Return so many runs, in words."""
    return f"{count:,} run{'s' if count != 1 else ''}"
