"""What the tasks of a flow are made of: the source of each, its constants, and whose values it takes.

It is compared when a run is resumed: what was kept of a task counts as long as it is made of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lume_dsl.cache.key import Made
from lume_dsl.cache.values import form_of
from lume_dsl.declare.graph import Constant, FileResult, Input, Member, RecordResult, StepRun, TaskRun, parameter_in
from lume_dsl.engine.cached import run_identity, source_of_run
from lume_dsl.errors import LumeError

if TYPE_CHECKING:
    from lume_dsl.engine.flow import CompiledFlow

__all__ = ["SOURCED", "made_of_document", "made_of_tasks"]

SOURCED = (TaskRun, StepRun, FileResult, RecordResult)
"""Works that a function or a class does, whose source decides what comes of them."""


def made_of_tasks(flow: CompiledFlow) -> dict[str, Any]:
    """Return it as JSON: ``{"tasks": {name: {"root", "source", "inputs"}}, "sources": {source: {part: digest}}}``.

    A source is there once for all tasks that share a function. A task whose source cannot be told is not there.
    """
    sources: dict[str, Mapping[str, str]] = {"": {}}
    roots: dict[tuple[int, ...], tuple[str, str] | None] = {}
    tasks = {}
    for name, member in flow.flow_class.__lume_graph__.members.items():
        found: tuple[str, str] | None = (_without_source(member), "")
        if isinstance(member.work, SOURCED):
            run = flow.members[name].run
            identity = tuple(map(id, run_identity(run)))
            if identity not in roots:
                roots[identity] = _sourced(run, sources)
            found = roots[identity]
        if found is not None:
            tasks[name] = {"root": found[0], "source": found[1], "inputs": _inputs(member)}
    return {"tasks": tasks, "sources": sources}


def _sourced(run: Callable[..., Any], sources: dict[str, Mapping[str, str]]) -> tuple[str, str] | None:
    try:
        root, source, _ = source_of_run(run)
    except Exception:  # a user's object may fail in any way when it is looked at
        return None
    key = str(len(sources))
    sources[key] = source.parts
    return root, key


def _without_source(member: Member) -> str:
    """What stands for a work that is no function of a user's: what it says, but for what is told elsewhere."""
    return type(member.work).__name__ if parameter_in(member.work) else repr(member.work)


def made_of_document(document: Mapping[str, Any]) -> dict[str, Made]:
    """Return what each task of ``made_of_tasks`` is made of."""
    sources = document.get("sources", {})
    return {
        name: Made(one["root"], sources[one["source"]], one["inputs"])
        for name, one in document.get("tasks", {}).items()
    }


def _inputs(member: Member) -> dict[str, str]:
    """What stands for each input: a constant by its digest, a task's value by the task."""
    found = {key: _told(key, source) for key, source in member.inputs.items()}
    found.update({f"parameter {key}": name for key, name in member.given.items()})
    return found if not member.after else {**found, "after": " ".join(member.after)}


def _told(key: str, source: Input) -> str:
    how = f"{' mapped' * source.mapped}"
    if not isinstance(source, Constant):
        return f"value of {source.upstream}{how}{' flattened' * source.flattened}"
    try:
        return f"{form_of(source.value, key).digest}{how}"
    except LumeError:  # it has no stored form: a class, a function
        named = getattr(source.value, "__qualname__", type(source.value).__qualname__)
        return f"{getattr(source.value, '__module__', '')} {named}{how}"
