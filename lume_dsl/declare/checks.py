"""What must hold of a flow's graph. Each check is a plain function from the graph to problems.

Nothing of the user's tasks runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lume_dsl.declare.branch_checks import cases, exclusive_branches
from lume_dsl.declare.edge_checks import edges, known_type
from lume_dsl.declare.graph import Graph, Member, Operation, Parameter
from lume_dsl.declare.operations import Outcomes, written
from lume_dsl.declare.parameter_checks import parameters
from lume_dsl.declare.result_checks import paths, results, secrets
from lume_dsl.declare.subject import Subject
from lume_dsl.declare.unit_checks import units
from lume_dsl.errors import Problem
from lume_dsl.values.names import type_name

__all__ = ["check"]


def check(name: str, graph: Graph, annotated: frozenset[str], names: Mapping[str, Any] | None = None) -> list[Problem]:
    """Return all problems of a flow's graph."""
    subject = Subject(name, graph, annotated, names or {})
    checks = (
        *(_annotations, parameters, results, edges, units, secrets),
        *(_operations, cases, exclusive_branches, _names, paths, _cycles),
    )
    missing = list(_taken_away(subject))
    return missing or [problem for one in checks for problem in one(subject)]


# inherited names


def _taken_away(flow: Subject) -> Iterator[Problem]:
    """Nothing takes what a subclass has removed."""
    for member in flow.graph.members.values():
        for name in member.upstream:
            if name not in flow.graph.members:
                message = f"takes {name}, which {flow.name} removes"
                yield flow.problem("inheritance", member, message, f"remove {member.name} too, or redefine it")


# annotations


def _annotations(flow: Subject) -> Iterator[Problem]:
    for member in flow.graph.own.values():
        is_field = member.is_result or isinstance(member.work, Parameter)
        if is_field and not member.visible:
            yield from _unnamed(flow, member)
        elif is_field and member.name not in flow.annotated:
            what = "parameter" if isinstance(member.work, Parameter) else "result"
            yield flow.problem("annotation", member, f"a {what} needs a type", f"write {member.name}: <its type> = ...")
        elif not is_field and member.name in flow.annotated:
            yield flow.problem(
                "annotation",
                member,
                "is a task's value, and an annotated name is a parameter or a result",
                f"leave the annotation out, or write {member.name}: {type_name(member.type)} = result(...)",
            )


def _unnamed(flow: Subject, member: Member) -> Iterator[Problem]:
    """A field has a name, but for a result that the one which redefines it takes: ``Scan.total``."""
    inherited = member.name.removeprefix(f"{member.origin}.")
    if inherited == member.name:
        yield flow.problem("field-name", member, "is not assigned to a name", "write name: Type = ...")
    elif isinstance(member.work, Parameter):
        message = f"is a parameter that goes on without a name, as {flow.name} redefines {inherited} and takes it"
        fix = f"give it another name: <name>: {type_name(member.type)} = {member.name}"
        yield flow.problem("field-name", member, message, fix)


# operations


def _operations(flow: Subject) -> Iterator[Problem]:
    """No operator, item or attribute surely fails for the types of its values."""
    outcomes = Outcomes(lambda name: known_type(flow, name))
    for member in flow.graph.own.values():
        if isinstance(member.work, Operation) and (outcome := outcomes.of(member.work, member.inputs)).wrong:
            message = f"{outcome.wrong} ({written(member.work.symbol, member.inputs)})"
            yield flow.problem("operation-type", member, message, outcome.fix)


# names and cycles


def _names(flow: Subject) -> Iterator[Problem]:
    """No two members become Prefect tasks of one name."""
    first: dict[str, str] = {}
    for member in flow.graph.members.values():
        if member.task_name in first:
            message = f"its task is named {member.task_name!r}, as is that of {first[member.task_name]!r}"
            yield flow.problem("name-taken", member, message, "give it another name=...")
        first.setdefault(member.task_name, member.name)


def _cycles(flow: Subject) -> Iterator[Problem]:
    upstream = {name: set(member.upstream) for name, member in flow.graph.members.items()}
    while circle := _circle(upstream):
        member = flow.graph.members[circle[0]]
        yield flow.problem("cycle", member, f"waits for itself: {' → '.join(circle)}", "break the circle")
        for name in circle:
            upstream.pop(name, None)


def _circle(upstream: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(upstream).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
