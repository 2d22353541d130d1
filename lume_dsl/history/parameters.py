"""The parameters of a run that goes on: those that it had, and those that are recorded nowhere, given again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.parameters import check_value, spec_of
from lume_dsl.environment import variable_text
from lume_dsl.errors import RunError
from lume_dsl.history.documents import working_folder
from lume_dsl.history.find import SHORT
from lume_dsl.history.journal import Journal
from lume_dsl.records.provenance import flow_path, flow_source
from lume_dsl.secrets import HIDDEN
from lume_dsl.values.convert import short, unstructure

__all__ = ["other_value", "parameters_to_resume", "recorded_parameters"]


def recorded_parameters(flow_class: FlowMeta, journal: Journal, begin: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a run as far as they are recorded: their JSON forms.

    A secret that had its default is left to that.

    Args:
        flow_class: The flow.
        journal: The journal of the run.
        begin: What was known when the run began.

    Raises:
        RunError: The run is another flow's, or the flow has one of its parameters no more.
    """
    name, run_id = flow_class.__lume_name__, journal.run_id
    if begin["flow_name"] != name:
        raise RunError(f"the run {run_id} is of {begin['flow_name']} ({begin['flow']}), not of {name}")
    _check_file(flow_class, run_id, begin)
    members = flow_class.__lume_graph__.parameters
    values = {one: value for one, value in begin["parameters"].items() if one not in begin["unrecorded"]}
    if gone := [one for one in values if one not in members]:
        raise RunError(f"the run {run_id} has the parameter {gone[0]!r}, which {name} has no more; run {name} anew")
    return {
        one: journal.value(value) if members[one].type is Any else value
        for one, value in values.items()
        if not spec_of(members[one]).secret
    }


def _check_file(flow_class: FlowMeta, run_id: str, begin: Mapping[str, Any]) -> None:
    """Raises: RunError, where the run is of a flow of the same name in another file, which is still there."""
    before, (now, _) = begin.get("file"), flow_source(flow_class)
    if before and now and os.path.exists(before) and not os.path.samefile(before, now):
        folder = begin.get("folder")
        there = "resume it with that flow"
        if folder and folder != working_folder():
            command = f"cd {shlex.quote(folder)} && python -m lume_dsl resume {run_id[:SHORT]}"
            there = f"go on with it where it was run: {command}"
        raise RunError(
            f"the run {run_id} is of {begin['flow']} in {before}, not of {flow_path(flow_class)} in {now}\n"
            f"    {there}\n    if the flow has moved, remove {before}"
        )


def parameters_to_resume(
    flow_class: FlowMeta, journal: Journal, begin: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values to make the flow with: those of a run, and those that are ``given`` again.

    Raises:
        RunError: As ``recorded_parameters``; or a value differs from the run's, or is recorded nowhere and not given.
    """
    name, run_id = flow_class.__lume_name__, journal.run_id
    members = flow_class.__lume_graph__.parameters
    values = recorded_parameters(flow_class, journal, begin)
    if (found := other_value(flow_class, run_id, values, given)) is not None:
        one, message = found
        raise RunError(f"{message}\n    run {name}({one}=...) anew")
    for one in begin["unrecorded"]:
        env = spec_of(members[one]).env if one in members else ""
        if one in members and one not in given and not (env and variable_text(env)):
            is_hidden = spec_of(members[one]).secret or begin["parameters"].get(one) == HIDDEN
            why = "is secret, or holds one" if is_hidden else "has no stored form"
            fix = f"give it again: {name}.resume(run, parameters={{{one!r}: ...}})"
            raise RunError(f"what the run {run_id} had for {one} is recorded nowhere, as it {why}\n    {fix}")
    return {**values, **given}


def other_value(
    flow_class: FlowMeta, run_id: str, recorded: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Return the first parameter that is given another value than the run had, and the words for it; None of none."""
    members = flow_class.__lume_graph__.parameters
    for one, value in given.items():
        if one in recorded and not _is_same(value, recorded[one], members[one]):
            had = f"the run {run_id} is of {one}={short(recorded[one])}"
            return one, f"{had}, and cannot go on with {one}={short(value)}"
    return None


def _is_same(value: Any, recorded: Any, member: Any) -> bool:
    found, offences = check_value(value, member)
    return bool(offences) or unstructure(found) == recorded  # what does not fit is told where it is bound
