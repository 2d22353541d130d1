"""What is wrong with what a body makes of inherited names. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from lume_dsl.declare.body import Body
from lume_dsl.declare.composites import Composite, holds_subflows
from lume_dsl.declare.graph import Parameter, StepRun, root_of
from lume_dsl.declare.references import Reference, first_of
from lume_dsl.declare.subflows import SubflowValue, call_of
from lume_dsl.errors import Problem, did_you_mean
from lume_dsl.values.convert import short
from lume_dsl.values.names import type_name

__all__ = ["inherited_problems"]


def inherited_problems(body: Body, removed: Set[str]) -> list[Problem]:
    """Return the problems of inherited names; ``removed`` are those that the body takes away."""
    found = [*_names(body, removed), *_subflows(body, removed)]
    return [
        Problem("inheritance", f"{body.name}.{name}", message, fix, body.places.get(name, body.start))
        for name, message, fix in found
    ]


def _names(body: Body, removed: Set[str]) -> Iterator[tuple[str, str, str]]:
    """A name that is inherited is redefined as a field, a task or a step, and what is removed is inherited."""
    inherited, held = body.base.names, body.base.held
    for name, value in body.items():
        if name in removed and name not in inherited and name not in held:
            yield name, f"is removed, and not inherited{did_you_mean(name, [*inherited, *held])}", "leave it out"
        elif isinstance(value, Reference) or holds_subflows(value) or name in removed:
            continue
        elif name in held:
            yield name, "is a subflow that is inherited, and a plain attribute here", "give it another name"
        elif name in inherited:
            member = body.base.members[inherited[name]]
            what = {Parameter: "a parameter", StepRun: "a step"}.get(type(member.work), "a value of the flow")
            yield name, f"is {what} of {member.origin}, and a plain attribute here", _instead(name, value, member.work)


def _instead(name: str, value: Any, work: Any) -> str:
    if callable(value):
        return "write @step above it to redefine it, or give it another name"
    if isinstance(work, Parameter):
        return f"write {name}: {type_name(type(value))} = {short(value)} for another default"
    return "give it another name"


def _subflows(body: Body, removed: Set[str]) -> Iterator[tuple[str, str, str]]:
    """An inherited subflow that the body takes values of is not redefined or removed by it, nor has it another name."""
    for name, value in body.items():
        found = first_of(value, (SubflowValue,))
        root = root_of(call_of(found).within) if isinstance(found, SubflowValue) else ""
        if root in removed or (root and name != root and isinstance(body.get(root), Composite)):
            message = f"is the subflow {root}, which goes on under its own name alone"
            yield name, message, f"leave {root} as it is, and read it as {root}"
    for old in body.taken:
        member = body.base.members[old]
        if member.subflow and (member.root in removed or isinstance(body.get(member.root), Composite)):
            message = f"takes {old} of {member.origin}, and {member.root} is another here"
            yield member.root, message, "give the new one another name"
