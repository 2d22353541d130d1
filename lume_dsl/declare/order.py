"""Order without data: what the task of a body waits for without taking its value."""

from __future__ import annotations

from typing import Any

from lume_dsl.declare.body import Body, Unknown
from lume_dsl.declare.composites import Composite
from lume_dsl.declare.references import Draft, Reference, draft_of
from lume_dsl.errors import Problem
from lume_dsl.values.scalars import short

__all__ = ["awaited", "wait_for"]


def wait_for(waiting: Any, body: Body, what: str, after: Any) -> Any:
    """Return a reference whose task, called ``what`` in errors, runs after those of some values, or of one."""
    draft_of(waiting).after += awaited(body, what, after)
    return waiting


def awaited(body: Body, what: str, after: Any) -> list[Draft]:
    """Return the members that what has ``after``, some values or one, waits for; what is no value is a problem."""
    values = after if isinstance(after, (list, tuple)) else [after]
    return [draft for value in values for draft in _drafts(body, what, value)]


def _drafts(body: Body, what: str, value: Any) -> list[Draft]:
    """What is waited for: of a subflow, what nothing else of it waits for."""
    if isinstance(value, Unknown):  # which has its own problem
        return []
    last = value.__lume_last__() if isinstance(value, Composite) else []
    if last and last[0].owner is body:
        return last
    draft = draft_of(value) if isinstance(value, Reference) else None
    if draft is not None and draft.owner is body:
        return [draft]
    shown = short(value) if draft is None else f"{draft.label} of {draft.owner.name}"
    message = f"after= has {shown}, which is no value of this flow"
    fix = "give it values of parameters, tasks, steps or results of the flow, or subflows"
    body.problems.append(Problem("task-option", f"{body.name}: {what}", message, fix, body.place()))
    return []
