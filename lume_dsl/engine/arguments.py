"""The parameters of subflows, as far as the start of a run knows them: checked before any task runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.graph import MISSING, Argument, Constant, Graph, Member
from lume_dsl.declare.parameters import bind_values, parameter_of, spec_of
from lume_dsl.errors import ParameterError, Problem
from lume_dsl.values.convert import unstructure

__all__ = ["begun_arguments", "known_arguments"]


def known_arguments(flow_name: str, graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of those parameters of subflows that come straight from parameters, constants or defaults.

    Of a mapped subflow's it is the list of those of its runs, as far as that is given.

    Raises:
        ParameterError: All that do not fit, or are missing.
    """
    known = dict(values)
    problems: list[Problem] = []
    count = 0
    for name, member in graph.members.items():
        if not isinstance(member.work, Argument):
            continue
        try:
            found = _bound(f"{flow_name}.{member.subflow}", member, known)
        except ParameterError as error:
            problems += error.problems
            count += error.count
        else:
            if found is not MISSING:
                known[name] = found
    if problems:
        raise ParameterError(tuple(problems), count)
    return {name: value for name, value in known.items() if name not in values}


def _bound(subject: str, member: Member, known: Mapping[str, Any]) -> Any:
    """The value of a subflow's parameter, or MISSING where only a task will say."""
    source = member.inputs.get(member.own_name)
    if source is None:
        return MISSING if member.each else _checked(subject, member, {})
    if not isinstance(source, Constant) and source.upstream not in known:
        return MISSING
    value = source.value if isinstance(source, Constant) else known[source.upstream]
    if not source.mapped:
        found = _checked(subject, member, {member.own_name: value})
        return MISSING if member.each else found
    if not isinstance(value, (list, tuple)):
        return MISSING
    return [_checked(f"{subject}[{place}]", member, {member.own_name: item}) for place, item in enumerate(value)]


def _checked(subject: str, member: Member, given: Mapping[str, Any]) -> Any:
    return bind_values(subject, Graph({member.own_name: parameter_of(member)}), (), given)[member.own_name]


def begun_arguments(graph: Graph, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON forms of those that a factory or a variable gave, which is asked once a run."""
    found = {}
    for name, value in known.items():
        member = graph.members[name]
        if not member.inputs and (spec_of(member).factory is not None or spec_of(member).env):
            found[name] = unstructure(value)
    return found
