"""The parameters of a run that goes on: those that it had, and those that are recorded nowhere, given again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.parameters import check_value, spec_of
from lume_dsl.environment import variable_text
from lume_dsl.errors import RunError
from lume_dsl.history.journal import Journal
from lume_dsl.values.convert import short, unstructure

__all__ = ["parameters_to_resume"]


def parameters_to_resume(
    flow_class: FlowMeta, journal: Journal, begin: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values to make the flow with.

    Args:
        flow_class: The flow.
        journal: The journal of the run.
        begin: What was known when the run began.
        given: Values that are given again.

    Raises:
        RunError: The run is another flow's; a value differs from the run's, or is recorded nowhere and not given.
    """
    name, run_id = flow_class.__lume_name__, journal.run_id
    if begin["flow_name"] != name:
        raise RunError(f"the run {run_id} is of {begin['flow_name']} ({begin['flow']}), not of {name}")
    members = flow_class.__lume_graph__.parameters
    recorded = {one: value for one, value in begin["parameters"].items() if one not in begin["unrecorded"]}
    if gone := [one for one in recorded if one not in members]:
        raise RunError(f"the run {run_id} has the parameter {gone[0]!r}, which {name} has no more; run {name} anew")
    hidden = {one for one in recorded if spec_of(members[one]).secret}  # which had their defaults
    values = {
        one: journal.value(value) if members[one].type is Any else value
        for one, value in recorded.items()
        if one not in hidden
    }
    for one, value in given.items():
        if one in values and not _is_same(value, values[one], members[one]):
            raise RunError(
                f"the run {run_id} is of {one}={short(values[one])}, and cannot go on with {one}={short(value)}: run "
                f"{name}({one}=...) anew"
            )
    for one in begin["unrecorded"]:
        if (
            one in members
            and one not in given
            and not (spec_of(members[one]).env and variable_text(spec_of(members[one]).env))
        ):
            why = "is secret" if spec_of(members[one]).secret else "has no stored form"
            raise RunError(
                f"what the run {run_id} had for {one} is recorded nowhere, as it {why}: give it again, by "
                f"parameters={{{one!r}: ...}}, or --{one.replace('_', '-')} on the command line"
            )
    return {**values, **given}


def _is_same(value: Any, recorded: Any, member: Any) -> bool:
    found, offences = check_value(value, member)
    return bool(offences) or unstructure(found) == recorded  # what does not fit is told where it is bound
