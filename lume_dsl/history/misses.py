"""Why no run is found: names that no run has. It looks at the newest runs alone, as a store may hold any number."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from lume_dsl.errors import near_or_all
from lume_dsl.history.remembered import Runs
from lume_dsl.history.store import RunQuery

__all__ = ["why_no_runs"]

LOOKED_AT = 1000
"""How many runs are looked at."""


def why_no_runs(runs: Runs) -> list[str]:
    """Return what is asked of runs that none of the newest has: a flow or a project by its name, for people to mend."""
    return list(_unknown_names(runs))


def _unknown_names(runs: Runs) -> Iterator[str]:
    query = runs.query
    wanted = {"flow": runs.flow, "flow_name": query.flow_name, "project_name": query.project_name}
    known: dict[str, set[str]] = {member: set() for member, text in wanted.items() if text}
    if not known:
        return
    newest = attrs.evolve(runs, query=RunQuery(), parameters={}, flow="", limit=LOOKED_AT)
    for run in newest:
        for member, names in known.items():
            names.add(str(run.document[member]))
    for member, names in known.items():
        text = str(wanted[member])
        if names and text not in names:
            what = "project" if member == "project_name" else "flow"
            yield f"no run is of a {what} named {text!r}{near_or_all(text, names - {''})}"
