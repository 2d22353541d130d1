"""Branches of a flow's body: ``case``, ``switch`` and ``merge``. It does not know what runs them.

What stands in a ``with case(...)`` runs only where its condition equals a value; else it is skipped, and so is what
takes a value of it. ``merge`` goes on with the branch that ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lume_dsl.declare.body import Body, Unknown, open_body
from lume_dsl.declare.composites import Valueless
from lume_dsl.declare.graph import MISSING, Case, Merge, Parameter
from lume_dsl.declare.references import Draft, Reference, draft_of, has_references, source_of
from lume_dsl.errors import Problem
from lume_dsl.values.scalars import short

__all__ = ["case", "merge", "switch"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")

_OUTSIDE = "branches are written in a flow's body: class Flow(LumeFlow): ..."


class case:  # as Prefect's, which it stands for
    """A block of a flow's body that runs only where a value equals another, when the flow runs.

    ``with case(charge > 100.0, True): ...``. Else what stands in it is skipped, and so is what takes a value of it
    (``merge`` does not). A result in it that is skipped is None. Blocks may be nested; a parameter belongs to none.

    Args:
        condition: A value of the flow.
        value: The constant that it must equal.
    """

    _body: Body
    _draft: Draft
    _around: Draft | None = None

    if TYPE_CHECKING:

        def __init__(self, condition: Any, value: Any, /) -> None: ...

    else:  # a constant that is forgotten is a problem of the flow like others

        def __init__(self, condition: Any, value: Any = MISSING, /) -> None:
            self._begin(condition, value)

    def _begin(self, condition: Any, value: Any) -> None:
        self._body = open_body("case()", _OUTSIDE)
        self._draft = _case(self._body, "case()", condition, value)
        message, fix = "decides nothing, as it has no block", "write: with case(...):"
        place = self._body.place()
        self._body.unentered[self._draft] = Problem("branch", f"{self._body.name}: case()", message, fix, place)

    def __enter__(self) -> None:
        self._body.unentered.pop(self._draft, None)
        self._around = self._body.block
        self._body.block = self._draft

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._body.block = self._around


def switch(condition: Any, cases: Mapping[Any, Any], /) -> None:
    """Run of several values of the flow only that whose key the condition equals; the others are skipped.

    ``switch(mode, {"fast": coarse, "slow": fine})``. What the tasks take is computed in any case: to skip that too,
    write ``with case(mode, "fast"):`` around it.

    Args:
        condition: A value of the flow.
        cases: What must run where the condition equals a constant: the value of a task, a step or a result.
    """
    body = open_body("switch()", _OUTSIDE)
    for value, chosen in cases.items():
        if isinstance(chosen, Unknown):
            continue
        draft = draft_of(chosen) if isinstance(chosen, Reference) else None
        if draft is None or draft.owner is not body or isinstance(draft.work, Parameter):
            shown = short(chosen) if draft is None else draft.label
            message = f"has {shown} for {short(value)}, which is no task of the flow"
            _note(body, "switch()", message, "give it the value of a task, a step or a result")
            continue
        draft.after.append(_case(body, "switch()", condition, value))
    message, fix = "has no value: it decides which of the tasks run", "write merge(...) of its tasks, below it"
    problem = Problem("branch", f"{body.name}: switch()", message, fix, body.place())
    return Valueless(problem)  # type: ignore[return-value]  # to a type checker nothing, which is given no name


@overload
def merge(first: T1, second: T2, /) -> T1 | T2: ...
@overload
def merge(first: T1, second: T2, third: T3, /) -> T1 | T2 | T3: ...
@overload
def merge(first: T1, second: T2, third: T3, fourth: T4, /) -> T1 | T2 | T3 | T4: ...
@overload
def merge(*branches: T) -> T: ...
def merge(*branches: Any) -> Any:
    """Return the first of these values whose branch ran and that is not None; None where there is none.

    It is skipped where all of them are.
    """
    body = open_body("merge()", _OUTSIDE)
    if len(branches) < 2 or not any(map(has_references, branches)):
        _note(body, "merge()", "has no branches to join", "give it two values of the flow or more")
        return body.unknown("merge")
    drafts = [draft_of(value) for value in branches if isinstance(value, Reference)]
    if twice := next((draft.label for place, draft in enumerate(drafts) if draft in drafts[:place]), ""):
        fix = "a name that is assigned again holds the last value: give each branch a name of its own"
        _note(body, "merge()", f"joins {twice} with itself", fix)
    digits = len(str(len(branches)))
    sources = {f"branch_{place:0{digits}d}": source_of(value, body) for place, value in enumerate(branches, 1)}
    return body.add(Merge(), sources, fallback="merge")


def _case(body: Body, what: str, condition: Any, value: Any) -> Draft:
    """The draft that goes on where the condition equals the value; one of no flow where that has its own problem."""
    problems = list(_wrong_with(condition, value))
    for message, fix in problems:
        _note(body, what, message, fix)
    if problems:
        return draft_of(body.unknown(what))
    return draft_of(body.add(Case(value), {"value": source_of(condition, body)}, fallback=f"case({short(value)})"))


def _wrong_with(condition: Any, value: Any) -> Iterator[tuple[str, str]]:
    if not has_references(condition):
        message = f"has the condition {short(condition)}, which is known now and not when the flow runs"
        yield message, "write a plain if, or give it a value of the flow"
    if has_references(value):
        shown = draft_of(value).label if isinstance(value, Reference) else "a value"
        yield f"compares with {shown} of the flow", "compare with a constant: case(a == b, True)"
    if value is MISSING:
        yield "has no constant to compare with", "write: with case(..., True):"


def _note(body: Body, what: str, message: str, fix: str) -> None:
    body.problems.append(Problem("branch", f"{body.name}: {what}", message, fix, body.place()))
