"""Whether the units at both ends of an edge are the same. It knows nothing of types, but for the units in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from lume_dsl.declare.edge_checks import crosses
from lume_dsl.declare.expressions import expression_of
from lume_dsl.declare.graph import (
    FLATTEN,
    Argument,
    Collection,
    Edge,
    Graph,
    Member,
    Merge,
    Operation,
    Parameter,
    ValueResult,
)
from lume_dsl.declare.parameters import unit_of
from lume_dsl.declare.subject import Subject
from lume_dsl.errors import Problem
from lume_dsl.values.quantities import may_hold_numbers
from lume_dsl.values.units import difference, unit_in

__all__ = ["units"]

_KEPT = ("getitem", "neg", "pos", "abs", FLATTEN)
"""The operations whose outcome is in the unit of what they are of."""

Units: TypeAlias = dict[str, str]
"""The units of a value's numbers, each with the name of the first member that declares it."""


def units(flow: Subject) -> Iterator[Problem]:
    """Units at both ends of an edge are the same, where both are declared."""
    known: dict[str, Units] | None = None
    for member in flow.graph.members.values():
        if member.subflow and not crosses(member):
            continue
        expects = {"value": member.type} if isinstance(member.work, ValueResult) else member.expects
        for key, expected in expects.items():
            source = member.inputs.get(key)
            wanted = unit_of(member) if isinstance(member.work, Argument) else unit_in(expected)
            if wanted and isinstance(source, Edge) and source.checked:
                known = known or _known_units(flow.graph)
                yield from _compared(flow, member, key, wanted, source.upstream, known[source.upstream])


def _compared(flow: Subject, member: Member, key: str, wanted: str, upstream: str, given: Units) -> Iterator[Problem]:
    for unit, origin in given.items():
        if how := difference(unit, wanted):
            shown = expression_of(flow.graph, upstream)
            found = shown if len(given) == 1 else f"{origin} in {shown}"
            message = f"expected {wanted} for {key!r}, got {unit} from {found}: {how}"
            fix = f"convert it in a task, or declare one unit for both; unchecked({shown}) opts out"
            yield flow.problem("unit", member, message, fix)
            return


def _known_units(graph: Graph) -> dict[str, Units]:
    """The units of each member: of its parameter, its type, or of what it is an item of or is made of.

    Each is looked at once, and on a stack of our own: bodies make long chains, and lists of the same lists.
    """
    known: dict[str, Units] = {}
    opened: set[str] = set()
    todo = list(graph.members)
    while todo:
        name = todo[-1]
        unknown = [] if name in opened else [part for part in _parts(graph.members[name]) if part not in known]
        if name in known or not unknown:
            todo.pop()
            known.setdefault(name, {}).update(_units_of(graph.members[name], known))
        opened.add(name)
        todo += unknown
    return known


def _units_of(member: Member, known: dict[str, Units]) -> Units:
    if isinstance(member.work, (Parameter, Argument)):
        unit = unit_of(member)
        return {unit: member.name} if unit else {}
    if declared := unit_in(member.type):
        return {declared: member.name}
    found = {unit: origin for part in _parts(member) for unit, origin in known.get(part, {}).items()}
    is_one_of_several = isinstance(member.work, Operation) and member.work.symbol == "getitem" and len(found) > 1
    return found if found and not is_one_of_several and may_hold_numbers(member.type) else {}


def _parts(member: Member) -> list[str]:
    """The members whose units are a member's own, if it declares none."""
    is_kept = isinstance(member.work, Operation) and member.work.symbol in _KEPT
    if not is_kept and not isinstance(member.work, (Collection, Merge, ValueResult)):
        return []
    sources = [source for key, source in member.inputs.items() if key != "key"]
    return [source.upstream for source in sources if isinstance(source, Edge) and source.checked]
