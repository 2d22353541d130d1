"""Lists that are mapped over together must be of one length: Prefect goes as far as the shortest, and says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.engine.state import State

from lume_dsl.declare.graph import Constant, Edge, Graph, Member
from lume_dsl.errors import FlowRunError, ParameterError, Problem, TaskFailure

__all__ = ["check_known_lengths", "check_lengths"]


def check_known_lengths(flow_name: str, graph: Graph, values: Mapping[str, Any]) -> None:
    """Return if lists that are constants or parameters agree.

    Raises:
        ParameterError: Each map whose lists do not.
    """
    problems = tuple(
        Problem("map-lengths", f"{flow_name}.{name}", message, "give lists of one length")
        for name, message in _unequal(graph, values).items()
    )
    if problems:
        raise ParameterError(problems)


def check_lengths(flow_name: str, graph: Graph, tasks: Mapping[str, State]) -> None:
    """Return if all lists that a successful run has mapped over agree.

    Raises:
        FlowRunError: Each map whose lists do not.
    """
    values = {name: state.result for name, state in tasks.items() if state.is_successful()}
    unequal = _unequal(graph, values)
    if unequal:
        raise FlowRunError(
            flow_name, tuple(TaskFailure(name, ValueError(message)) for name, message in unequal.items())
        )


def _unequal(graph: Graph, values: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, member in graph.members.items():
        lengths = _lengths(member, values)
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{length} items of {source}" for source, length in lengths.items())
            found[name] = f"{name} maps over lists of unequal length: {told}"
    return found


def _lengths(member: Member, values: Mapping[str, Any]) -> dict[str, int]:
    """The lengths of what a member maps over, as far as they are known, by where it comes from."""
    lengths = {}
    for key, source in member.inputs.items():
        if source.mapped:
            label = source.upstream if isinstance(source, Edge) else key
            value = source.value if isinstance(source, Constant) else values.get(source.upstream)
            if isinstance(value, (list, tuple)):
                lengths[label] = len(value)
    return lengths
