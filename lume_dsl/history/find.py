"""The run that somebody means, and whether it can be resumed; it must not know flows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lume_dsl.errors import RunError
from lume_dsl.history.journal import Journal, folder_of, journals
from lume_dsl.history.recorded import RecordedRun
from lume_dsl.history.remembered import Runs
from lume_dsl.history.store import RunQuery

if TYPE_CHECKING:
    from lume_dsl.services import Services

__all__ = ["SHORT", "find_run", "journal_to_resume", "runs_of"]

SHORT = 8
"""Characters of an id that are shown."""

SHOWN = 10
"""How many runs are told of those that a beginning may stand for."""


_ALL = RunQuery()


def runs_of(
    services: Services,
    query: RunQuery = _ALL,
    parameters: Mapping[str, Any] = MappingProxyType({}),
    *,
    flow: str = "",
) -> Runs:
    """Return the runs that a query describes, and that have these JSON forms of parameters, and this flow's class."""
    return Runs(services.settings.home, lambda: services.runs, query, parameters, flow=flow)


def find_run(beginning: str, services: Services) -> RecordedRun:
    """Return the one run whose id begins so.

    Raises:
        RunError: There is none, or more than one.
        ServiceError: The store does not answer.
    """
    found = list(runs_of(services, RunQuery(beginning=beginning)).limit(SHOWN + 1)) if beginning else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise RunError(f"there is no run whose id begins with {beginning!r}; `runs list` shows the runs")
    more = [] if len(found) <= SHOWN else ["and more"]
    lines = [f"{run.id}  {run.flow_name}  {run.state}" for run in found[:SHOWN]]
    raise RunError("\n    ".join([f"the id of more than one run begins with {beginning!r}:", *lines, *more]))


def journal_to_resume(beginning: str, services: Services) -> tuple[Journal, dict[str, Any]]:
    """Return the journal of a run that can go on, and what was known when it last began.

    Raises:
        RunError: There is no such run, or more than one; it is still going, has succeeded, or is of another machine.
    """
    home: Path = services.settings.home
    here = [run_id for run_id in journals(home) if beginning and run_id.startswith(beginning)]
    here = [run_id for run_id in here if run_id == beginning] or here
    if len(here) != 1:
        _explain(find_run(beginning, services), home)  # without the store it can be told no better
    journal = Journal(home, here[0])
    journal.hold()  # tells by whom it is held
    journal.let_go()
    begun = journal.begun()
    if (end := journal.end()) is not None and end["state"] == "Success":
        _explain(RecordedRun(end), home)
    return journal, begun[max(begun)]


def _explain(run: RecordedRun, home: Path) -> None:
    """Raises: RunError, with why a run of which nothing is kept here cannot go on."""
    if run.state == "Success":
        raise RunError(f"the run {run.id} has succeeded, so there is nothing to resume; run {run.flow_name} anew")
    host = run.document.get("host", "another machine")
    raise RunError(
        f"nothing is kept of the run {run.id} in {folder_of(home)}: it was cleared, or it ran on {host} with another "
        f"LUME_HOME; resume it there, or run {run.flow_name} anew"
    )
