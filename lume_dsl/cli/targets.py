"""What a command's target names: flows of a module, or the one that a YAML file composes."""

from __future__ import annotations

from collections.abc import Mapping

from lume_dsl.declare.find import find_flow, find_flows
from lume_dsl.declare.flow import FlowMeta

__all__ = ["flow_of", "flows_of"]


def flow_of(target: str) -> FlowMeta:
    """Return the flow that a target names, as ``find_flow``, or as ``compose`` where it is a YAML file."""
    return _composed(target) if _is_yaml(target) else find_flow(target)


def flows_of(target: str) -> Mapping[str, FlowMeta]:
    """Return all flows that a target names."""
    if not _is_yaml(target):
        return find_flows(target)
    flow = _composed(target)
    return {flow.__name__: flow}


def _is_yaml(target: str) -> bool:
    return target.lower().endswith((".yaml", ".yml"))


def _composed(target: str) -> FlowMeta:
    from lume_dsl.compose import compose  # PyYAML and cattrs, which other targets do without

    return compose(target)
