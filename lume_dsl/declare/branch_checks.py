"""Whether the branches of a flow can be taken. It knows graphs, and nothing of class bodies."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from numbers import Number
from typing import Any, TypeAlias

from lume_dsl.declare.edge_checks import fits, known_type
from lume_dsl.declare.expressions import expression_of
from lume_dsl.declare.graph import Argument, Case, Constant, Edge, Graph, Member, Merge, Operation, Resource, TaskRun
from lume_dsl.declare.subject import Subject
from lume_dsl.errors import Problem
from lume_dsl.values.classes import class_of
from lume_dsl.values.convert import short
from lume_dsl.values.forms import arms_of
from lume_dsl.values.names import type_name

__all__ = ["cases", "exclusive_branches"]


def cases(flow: Subject) -> Iterator[Problem]:
    """No case compares with a constant that its condition surely never equals."""
    for member in flow.graph.own.values():
        source = member.inputs.get("value")
        if not isinstance(member.work, Case) or not isinstance(source, Edge) or not source.checked:
            continue
        value, tp = member.work.value, known_type(flow, source.upstream)
        if not fits(flow, Constant(value), tp) and not _both_numbers(value, tp):
            message = f"never holds: {source.upstream} is {type_name(tp)}, which does not equal {short(value)}"
            is_map = flow.graph.members[source.upstream].mapped
            fix = f"decide for each item in a task that is mapped: a branch takes {source.upstream} whole"
            yield flow.problem("branch", member, message, fix if is_map else "compare with a value that it may have")


def _both_numbers(value: Any, tp: Any) -> bool:
    """Whether they may be equal though their types differ, as ``True``, ``1`` and ``1.0`` are."""
    return isinstance(value, Number) and any(class_of(arm) in (bool, int, float, complex) for arm in arms_of(tp))


def exclusive_branches(flow: Subject) -> Iterator[Problem]:
    """Nothing takes values of two branches of which only one runs. What takes such a one has no problem of its own."""
    needs = _needs(flow.graph)
    for name, needed in needs.items():
        member = flow.graph.members[name]
        if isinstance(member.work, Case) or not _contradicts(_of_body(member, needed)):
            continue
        if not any(_contradicts(needs.get(one, _NOTHING)) for one in member.upstream):
            yield from itertools.islice(_clash(flow, member, needs), 1)


Condition: TypeAlias = Any
"""A condition's key: equal for conditions that have one value."""

Need: TypeAlias = tuple[Condition, Any, str]
"""A condition, the constant that it must equal, or else a member is skipped, and the subflow whose case says so."""

Needs: TypeAlias = frozenset[Need]

_NOTHING: Needs = frozenset()

_PLAIN = (str, bytes, int, float, enum.Enum, type(None))
"""Constants of which unequal ones equal no third value."""


def _needs(graph: Graph) -> Mapping[str, Needs]:
    """What each member that may be skipped needs, where there are cases at all and no circles."""
    if not any(isinstance(member.work, Case) for member in graph.members.values()):
        return {}
    members = graph.members
    upstream = {name: [one for one in member.upstream if one in members] for name, member in members.items()}
    try:
        order = list(TopologicalSorter(upstream).static_order())
    except CycleError:  # which has its own problem
        return {}
    found: dict[str, Needs] = {}
    for name in order:
        member = members[name]
        taken = [found.get(one, _NOTHING) for one in upstream[name]]
        if isinstance(member.work, Merge):
            has_constant = any(isinstance(source, Constant) for source in member.inputs.values())
            needed = _NOTHING if has_constant or not taken else taken[0].intersection(*taken[1:])
        else:
            needed = _NOTHING if _runs_anyway(member) else _NOTHING.union(*taken, _own(graph, member))
        if needed:
            found[name] = needed
    return {name: found[name] for name in members if name in found}


def _own(graph: Graph, member: Member) -> Needs:
    source = member.inputs.get("value")
    if not isinstance(member.work, Case) or not isinstance(source, Edge) or not isinstance(member.work.value, _PLAIN):
        return _NOTHING
    return frozenset([(_condition(graph, source.upstream), member.work.value, member.subflow)])


def _of_body(member: Member, needed: Needs) -> Needs:
    """What a member needs but for what its own flow says, which may be written by hand and is not for it to mend."""
    if not member.subflow:
        return needed
    return frozenset(one for one in needed if not f"{one[2]}.".startswith(f"{member.subflow}."))


def _condition(graph: Graph, name: str) -> Condition:
    """The member's name, or of an operator without one what it computes: ``x > 1`` is the same wherever it stands."""
    member = graph.members[name]
    if member.visible or not isinstance(member.work, Operation):
        return name
    inputs = (
        repr(source.value) if isinstance(source, Constant) else (_condition(graph, source.upstream),)
        for source in member.inputs.values()
    )
    return (member.work.symbol, *inputs)


def _runs_anyway(member: Member) -> bool:
    """Whether it is not skipped where something that it waits for is."""
    if isinstance(member.work, Resource) and member.work.part == "cleanup":
        return True
    function = member.work.function if isinstance(member.work, TaskRun) else None
    default = getattr(function, "skip_on_upstream_skip", True)
    return getattr(member.work, "options", {}).get("skip_on_upstream_skip", default) is False


def _contradicts(needed: Needs) -> bool:
    return any(_exclude(one, other) for one, other in itertools.combinations(needed, 2))


def _exclude(one: Need, other: Need) -> bool:
    return bool(one[0] == other[0] and one[1] != other[1])


def _clash(flow: Subject, member: Member, needs: Mapping[str, Needs]) -> Iterator[Problem]:
    for first, second in itertools.combinations(member.upstream, 2):
        for one, other in itertools.product(*(_of_body(member, needs.get(name, _NOTHING)) for name in (first, second))):
            if _exclude(one, other):
                a, b = (_given(flow.graph, name) for name in (first, second))
                needed = f"{a} needs {_shown(one[0])} to be {short(one[1])}, and {b} needs it to be {short(other[1])}"
                is_case = isinstance(flow.graph.members[second].work, Case)
                elsewhere = f"take {a} in its own block, or outside of any by merge()"
                fix = elsewhere if is_case else f"write merge({a}, {b})"
                yield flow.problem("branch", member, f"never runs: {needed}", fix)


def _shown(condition: Condition) -> str:
    return condition if isinstance(condition, str) else "the condition"


def _given(graph: Graph, name: str) -> str:
    """A value as the body has it: what a subflow's parameter is given, for that."""
    member = graph.members[name]
    given = member.taken
    return expression_of(graph, given[0] if isinstance(member.work, Argument) and given else name)
