"""``runs clear``: runs are forgotten, after a question."""

from __future__ import annotations

from datetime import datetime
from typing import IO, Any

import click

from lume_dsl.cli.asking import SHOWN, agreed
from lume_dsl.cli.durations import older_than_option
from lume_dsl.cli.runs.chosen import label, number_of, run_options, runs_chosen, tell_nothing
from lume_dsl.cli.streams import write_document
from lume_dsl.history.filing import forget
from lume_dsl.history.find import find_run
from lume_dsl.history.recorded import RUNNING
from lume_dsl.services import current

__all__ = ["command"]


@click.command("clear")
@click.argument("beginnings", metavar="[RUN]...", nargs=-1)
@run_options
@older_than_option
@click.option("--kept-only", is_flag=True, help="Only what is kept to resume them: their records stay.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(
    stdout: IO[str] | None,
    /,
    beginnings: tuple[str, ...],
    before: datetime | None,
    kept_only: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Forget runs: all, those that the options choose, or those with these ids. They cannot be resumed then.

    RUN is a run's id, or what it begins with. Runs that are underway stay; so do the files and records that runs saved.
    """
    if before is not None:
        until = filters["until"]
        filters["until"] = before if until is None else min(before, until.astimezone())
    if beginnings and any(filters.values()):
        raise click.UsageError("say which runs: by their ids, or by --flow, --state and the like, not both")
    services = current()
    runs = runs_chosen(**filters)
    found = [find_run(one, services) for one in beginnings] if beginnings else list(runs)
    chosen = [run for run in found if run.state != RUNNING]
    underway = [run for run in found if run.state == RUNNING]
    if underway:
        verb = "stays" if len(underway) == 1 else "stay"
        click.echo(f"{number_of(len(underway))} underway {verb}: {', '.join(map(label, underway[:SHOWN]))}", err=True)
    what = f"what is kept of {number_of(len(chosen))}" if kept_only else number_of(len(chosen))
    is_agreed = bool(chosen) and (yes or agreed("clear", what, len(chosen), map(label, chosen[:SHOWN])))
    if is_agreed:
        forget([run.id for run in chosen], services.settings.home, None if kept_only else services.runs)
    if stdout is not None:
        write_document(stdout, {"cleared": [run.id for run in chosen] if is_agreed else []})
    elif is_agreed:
        click.echo(f"cleared {what}")
    elif found:
        click.echo("nothing is cleared")
    else:
        tell_nothing(runs)
