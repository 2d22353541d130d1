"""The parameters of subflows, as far as the start of a run knows them: checked before any task runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from lume_dsl.declare.graph import MISSING, Argument, Constant, Graph, Member
from lume_dsl.declare.parameters import bind_values, parameter_of, spec_of
from lume_dsl.environment import variable_text
from lume_dsl.errors import ParameterError, Problem
from lume_dsl.values.convert import unstructure

__all__ = ["Arguments", "arguments_of"]


@attrs.frozen
class Arguments:
    """What is known of the parameters of subflows when a run begins, by the names of their tasks.

    Attributes:
        known: The values of those that come straight from parameters, constants or defaults. Of a mapped subflow it is
            the list of those of its runs, as far as that is given.
        begun: The JSON forms of those that a variable or a factory gave, which is asked once a run; each run of a
            mapped subflow asks a factory of its own.
    """

    known: dict[str, Any]
    begun: dict[str, Any]


def arguments_of(flow_name: str, graph: Graph, values: Mapping[str, Any]) -> Arguments:
    """Return what is known of the parameters of subflows in a run with these parameters.

    Raises:
        ParameterError: All that do not fit, or are missing.
    """
    known, begun = dict(values), dict[str, Any]()
    same: dict[str, Any] = {}  # for all runs of a mapped subflow
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
            continue
        if found is not MISSING and not member.inputs and (spec_of(member).factory or spec_of(member).env):
            begun[name] = unstructure(found)
        if found is not MISSING:
            (same if member.each and not member.mapped_over else known)[name] = found
    if problems:
        raise ParameterError(tuple(problems), count)
    for name, value in same.items():
        over = next((other for other in graph.members[name].after if other in known), None)
        if over is not None:
            known[name] = [value] * len(known[over])
    return Arguments({name: value for name, value in known.items() if name not in values}, begun)


def _bound(subject: str, member: Member, known: Mapping[str, Any]) -> Any:
    """The value of a subflow's parameter, or MISSING where only a task will say."""
    source, spec = member.inputs.get(member.own_name), spec_of(member)
    if source is None:
        is_made = spec.factory is not None and not (spec.env and variable_text(spec.env) is not None)
        return MISSING if member.each and is_made else _checked(subject, member, {})
    if not isinstance(source, Constant) and source.upstream not in known:
        return MISSING
    value = source.value if isinstance(source, Constant) else known[source.upstream]
    if not source.mapped:
        return _checked(subject, member, {member.own_name: value})
    if not isinstance(value, (list, tuple)):
        return MISSING
    return [_checked(f"{subject}[{place}]", member, {member.own_name: item}) for place, item in enumerate(value)]


def _checked(subject: str, member: Member, given: Mapping[str, Any]) -> Any:
    return bind_values(subject, Graph({member.own_name: parameter_of(member)}), (), given)[member.own_name]
