"""Blocks of a flow's body: which one a draft stands in, and what waits for what because of a resource's block.

Members name the block that they stand in, so that what redefines one in a subclass stands in it too. What that comes
to is worked out of the finished graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import attrs

from lume_dsl.declare.graph import Collection, Edge, Graph, Member, Merge, Operation, Resource
from lume_dsl.declare.references import Draft

__all__ = ["cleaned_up", "held", "innermost"]


def innermost(draft: Draft, kind: type) -> Draft | None:
    """The draft of the innermost block of a kind, ``Case`` or ``Resource``, that a draft stands in."""
    block = draft.block
    while block is not None and not isinstance(block.work, kind):
        block = block.block
    return block


def cleaned_up(member: Member) -> str:
    """The name of the setup whose value a member cleans up, or ``""``."""
    source = member.inputs.get("resource")
    is_cleanup = isinstance(member.work, Resource) and member.work.part == "cleanup"
    return source.upstream if is_cleanup and isinstance(source, Edge) else ""


def held(graph: Graph) -> Graph:
    """Return the graph in which the tasks of a resource's block are between its setup and its cleanup.

    As in Prefect, a task waits for the setup unless it takes something of the block. The cleanup waits for all tasks
    of the block, and for those outside of it that take the resource, which Prefect does not see to.
    """
    inside: dict[str, set[str]] = defaultdict(set)
    for name, member in graph.members.items():
        if _is_setup(graph, member.block):
            inside[member.block].add(name)
    cleanups = [member for member in graph.members.values() if cleaned_up(member)]
    if not cleanups and not inside:
        return graph
    members = {
        name: _after(member, [member.block]) if _begins(member, inside) else member
        for name, member in graph.members.items()
    }
    takers, order = _takers(graph), {name: place for place, name in enumerate(graph.members)}
    for cleanup in cleanups:
        setup = cleaned_up(cleanup)
        waited = {*inside[setup], *_using(graph, takers, setup)} - {cleanup.name}
        members[cleanup.name] = _after(members[cleanup.name], sorted(waited, key=order.__getitem__))
    return attrs.evolve(graph, members=members)


def _is_setup(graph: Graph, name: str) -> bool:
    work = graph.members[name].work if name in graph.members else None
    return isinstance(work, Resource) and work.part == "setup"


def _begins(member: Member, inside: Mapping[str, set[str]]) -> bool:
    """Whether a member stands in a block, and takes and waits for nothing of it."""
    return member.block in inside and inside[member.block].union([member.block]).isdisjoint(member.upstream)


def _after(member: Member, names: list[str]) -> Member:
    return attrs.evolve(member, after=tuple(dict.fromkeys([*member.after, *names])))


def _takers(graph: Graph) -> Mapping[str, list[str]]:
    """The members that take the value of each."""
    takers: dict[str, list[str]] = defaultdict(list)
    for name, member in graph.members.items():
        for source in member.inputs.values():
            if isinstance(source, Edge):
                takers[source.upstream].append(name)
    return takers


def _using(graph: Graph, takers: Mapping[str, list[str]], setup: str) -> Iterator[str]:
    """The members that take a resource, also as part of another value, or as what another resource is made of."""
    todo, seen = [setup], {setup}
    while todo:
        for name in takers.get(todo.pop(), ()):
            work = graph.members[name].work
            if name in seen:
                continue
            seen.add(name)
            yield name
            if isinstance(work, (Collection, Merge, Operation)) or (isinstance(work, Resource) and work.part == "init"):
                todo.append(name)
