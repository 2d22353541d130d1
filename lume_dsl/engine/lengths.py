"""Lists that are mapped over together must be of one length: Prefect goes as far as the shortest, and says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.graph import Constant, Edge, Graph, Member
from lume_dsl.errors import ParameterError, Problem

__all__ = ["check_known_lengths", "unequal_lengths"]


def check_known_lengths(flow_name: str, graph: Graph, values: Mapping[str, Any]) -> None:
    """Return if lists that are constants or parameters agree.

    Raises:
        ParameterError: Each map whose lists do not.
    """
    mapping = {name: member for name, member in graph.members.items() if member.mapped_over}
    told = {name: unequal_lengths(name, _lengths(member, values)) for name, member in mapping.items()}
    problems = tuple(
        Problem("map-lengths", f"{flow_name}.{name}", message, "give lists of one length")
        for name, message in told.items()
        if message
    )
    if problems:
        raise ParameterError(problems)


def unequal_lengths(name: str, lengths: Mapping[str, int]) -> str:
    """Return what is wrong with the lengths of what a task is to be mapped over; nothing where they are the same."""
    if len(set(lengths.values())) < 2:
        return ""
    told = ", ".join(f"{length} items of {source}" for source, length in lengths.items())
    return f"{name} maps over lists of unequal length: {told}"


def _lengths(member: Member, values: Mapping[str, Any]) -> dict[str, int]:
    """The lengths of what a member maps over, as far as they are known, by where it comes from."""
    lengths = {}
    for key, source in member.inputs.items():
        if source.mapped and not (isinstance(source, Edge) and source.flattened):
            label = source.upstream if isinstance(source, Edge) else key
            value = source.value if isinstance(source, Constant) else values.get(source.upstream)
            if isinstance(value, (list, tuple)):
                lengths[label] = len(value)
    return lengths
