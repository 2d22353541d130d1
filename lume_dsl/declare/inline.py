"""From the calls of a body to members and subflows of its flow's graph: what they are called, and what they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import GenericAlias
from typing import Any

import attrs

from lume_dsl.declare.attributes import Held, shaped
from lume_dsl.declare.body import Body
from lume_dsl.declare.composites import holds_subflows
from lume_dsl.declare.graph import Input, Member, Parameter, RecordResult, StepRun, Subflow, TaskRun, root_of
from lume_dsl.declare.inherit import unique_name
from lume_dsl.declare.references import Draft
from lume_dsl.declare.subflows import Call, SubflowRun, SubflowValue, call_of, place_of_run

__all__ = ["call_names", "inlined_member", "subflow_shapes", "subflows"]


def call_names(body: Body) -> dict[Call, str]:
    """Return what the flows that a body calls are called: as the first name that holds each, ``runs[0]`` in a list.

    A call that no name holds is called as its flow's class.
    """
    names: dict[Call, str] = {}
    own = set(body.calls)
    for label, value in _held_values(body):
        if isinstance(value, SubflowValue) and call_of(value) in own:
            names.setdefault(call_of(value), label)
    taken = {*body, *names.values(), *map(root_of, body.base.subflows)}
    counts: Counter[str] = Counter()
    for call in body.calls:
        if call not in names:
            names[call] = unique_name(str(call.flow.__name__), taken, counts)
            taken.add(names[call])
    return names


def _held_values(body: Body) -> Iterator[tuple[str, Any]]:
    """The subflows that names hold, each with where it stands: ``runs[0]``."""
    for name, value in body.items():
        if isinstance(value, (list, tuple, dict)) and holds_subflows(value):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            yield from ((f"{name}[{key!r}]", item) for key, item in items)
        elif holds_subflows(value):
            yield name, value


def subflow_shapes(body: Body, names: Mapping[Call, str]) -> dict[str, Any]:
    """Return what a class shows for the names that hold subflows: where they stand in lists, tuples and dicts."""

    def held(value: Any) -> Held:
        return Held(_path(call_of(value), names), place_of_run(value) if isinstance(value, SubflowRun) else None)

    return {name: shaped(value, held) for name, value in body.items() if holds_subflows(value)}


def _path(call: Call, names: Mapping[Call, str]) -> str:
    if call.outer is not None:
        return f"{_path(call.outer, names)}.{call.within}"
    return call.within or names[call]


def subflows(body: Body, names: Mapping[Call, str]) -> dict[str, Subflow]:
    """Return the subflows that a body calls, and those within them, by their dotted names."""
    held: dict[Call, list[str]] = {}
    for label, value in _held_values(body):
        held.setdefault(call_of(value), []).append(root_of(label))
    found = {}
    for call, path in names.items():
        found[path] = Subflow(call.flow, call.is_mapped, tuple(dict.fromkeys(held.get(call, ()))))
        for within, inner in call.graph.subflows.items():
            found[f"{path}.{within}"] = Subflow(inner.flow, inner.mapped or call.is_mapped)
    return found


def _knows_parameters(member: Member) -> bool:
    """Whether it is a step or saves records, also by a task of a flow that was written by hand."""
    work = member.work
    saves = isinstance(work, TaskRun) and getattr(work.function, "saves_records", False)
    return isinstance(work, (StepRun, RecordResult)) or saves


def inlined_member(
    draft: Draft, path: str, inputs: Mapping[str, Input], after: tuple[str, ...], block: str, origin: str
) -> Member:
    """Return the member that a draft of a subflow becomes; ``path`` is the subflow's dotted name.

    ``block`` is the resource's that the call stands in, and ``origin`` the class.
    """
    assert draft.inlined is not None
    call, member = draft.inlined.call, draft.inlined.member
    is_argument = isinstance(member.work, Parameter)
    given = member.given
    if not member.subflow and _knows_parameters(member):
        given = {name: name for name in call.graph.parameters}
    return attrs.evolve(
        member,
        name=f"{path}.{member.name}",
        work=draft.work,
        type=GenericAlias(list, (member.type,)) if call.is_mapped else member.type,
        inputs=inputs,
        place=draft.place,
        expects=dict.fromkeys(inputs, member.type) if is_argument else member.expects,
        after=after,
        visible=False,
        origin=origin,
        subflow=f"{path}.{member.subflow}" if member.subflow else path,
        given={name: f"{path}.{holder}" for name, holder in given.items()},
        each=call.is_mapped or member.each,
        block=f"{path}.{member.block}" if member.block else block,
    )
