"""The tasks of a flow by the names that they have in Prefect, as files of flows of flows name them."""

from __future__ import annotations

from collections.abc import Mapping

from lume_dsl.declare.flow import FlowMeta

__all__ = ["members_by_task_name"]


def members_by_task_name(flow_class: FlowMeta) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the members that become a task of each name."""
    names: dict[str, list[str]] = {}
    for name, member in flow_class.__lume_graph__.members.items():
        names.setdefault(member.task_name, []).append(name)
    return {name: tuple(members) for name, members in names.items()}
