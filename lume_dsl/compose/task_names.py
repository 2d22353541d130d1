"""The tasks of a flow by the names that they have in Prefect, as files of flows of flows name them."""

from __future__ import annotations

from collections.abc import Mapping

from lume_dsl.declare.flow import FlowMeta

__all__ = ["TASK_NAMES", "members_by_task_name"]

TASK_NAMES = "__lume_task_names__"
"""Where the class of a flow that was written by hand keeps the names that the tasks of its members have in it."""


def members_by_task_name(flow_class: FlowMeta) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the members that become a task of each name; of a flow written by hand, that were one."""
    given: Mapping[str, str] = vars(flow_class).get(TASK_NAMES, {})
    names: dict[str, list[str]] = {}
    for name, member in flow_class.__lume_graph__.members.items():
        names.setdefault(given.get(name, member.task_name), []).append(name)
    return {name: tuple(members) for name, members in names.items()}
