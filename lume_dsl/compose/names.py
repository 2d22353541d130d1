"""What flows, parameters and tasks are called in a flow of flows and in Python."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping

from lume_dsl.declare.flow import FlowMeta

__all__ = ["TASK_NAMES", "attribute_name", "identifier_of", "members_by_task_name", "parameter_name"]

TASK_NAMES = "__lume_task_names__"
"""Where the class of a flow that was written by hand keeps the names that the tasks of its members have in it."""


def parameter_name(flow: str, parameter: str) -> str:
    """What a parameter of a flow that nothing gives is called in the flow of flows: as in LUME-services."""
    return f"{flow}-{parameter}"


def attribute_name(flow: str) -> str:
    """The name of a subflow: that of the flow, where no dots and brackets lead on."""
    return re.sub(r"[.\[\]]", "_", flow)


def identifier_of(name: str) -> str:
    """The name that stands for a text in Python: ``flow1_text1`` for ``flow1-text1``."""
    found = re.sub(r"\W", "_", name)
    return found if found.isidentifier() and not keyword.iskeyword(found) else f"flow_{found}"


def members_by_task_name(flow_class: FlowMeta) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the members that become a task of each name; of a flow written by hand, that were one."""
    given: Mapping[str, str] = vars(flow_class).get(TASK_NAMES, {})
    names: dict[str, list[str]] = {}
    for name, member in flow_class.__lume_graph__.members.items():
        names.setdefault(given.get(name, member.task_name), []).append(name)
    return {name: tuple(members) for name, members in names.items()}
