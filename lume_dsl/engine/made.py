"""What the tasks of a flow are made of: the source of each, its constants, and whose values it takes.

It is compared when a run is resumed: what was kept of a task counts as long as it is made of the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lume_dsl.cache.key import Made
from lume_dsl.cache.packages import package_of
from lume_dsl.cache.source import Source, digest_of_parts
from lume_dsl.cache.values import form_of
from lume_dsl.declare.graph import (
    Constant,
    FileResult,
    Graph,
    Input,
    Member,
    Parameter,
    RecordResult,
    StepRun,
    TaskRun,
    parameter_in,
)
from lume_dsl.engine.cached import run_identity, source_of_run
from lume_dsl.errors import LumeError

if TYPE_CHECKING:
    from lume_dsl.engine.flow import CompiledFlow

__all__ = ["SOURCED", "made_of_document", "made_of_tasks"]

SOURCED = (TaskRun, StepRun, FileResult, RecordResult)
"""Works that a function or a class does, whose source decides what comes of them."""


def made_of_tasks(flow: CompiledFlow, run_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return it as JSON: ``{"tasks": {name: {"root", "source", "inputs"}}, "sources": {source: {part: digest}}}``.

    A source is there once for all tasks that share a function and the classes of what they take. A task whose source
    cannot be told is not there. Of parameters, by their JSON forms, files are there by their content, and secrets by
    what only tells whether another one is the same.
    """
    sources: dict[str, Mapping[str, str]] = {"": {}}
    roots: dict[tuple[int, ...], tuple[str, str] | None] = {}
    classes_of: dict[int, tuple[type, ...]] = {}
    tasks = {}
    graph = flow.flow_class.__lume_graph__
    for name, member in graph.members.items():
        found: tuple[str, str] | None = None
        if isinstance(member.work, Parameter):
            value = parameters.get(name)
            told = _secret(value, run_id) if member.work.secret else _files_of(value)
            found = (told, "") if told else None
        elif not isinstance(member.work, SOURCED):
            found = (_without_source(member), "")
        else:
            run, classes = flow.members[name].run, _classes_taken(graph, member, classes_of)
            identity = (*map(id, run_identity(run)), *map(id, classes))
            if identity not in roots:
                roots[identity] = _sourced(run, classes, sources)
            found = roots[identity]
        if found is not None:
            tasks[name] = {"root": found[0], "source": found[1], "inputs": _inputs(member)}
    return {"tasks": tasks, "sources": sources}


def _secret(value: Any, run_id: str) -> str:
    """As passwords are kept (scrypt, RFC 7914), with the run's id as salt: nobody reads it, nor tries many quickly."""
    text = json.dumps(value).encode()
    return hashlib.scrypt(text, salt=run_id.encode(), n=2**14, r=8, p=1, dklen=32).hex()


def _files_of(value: Any) -> str:
    """What stands for the contents of the files whose references a JSON form holds; nothing where it holds none."""
    if isinstance(value, list):
        return " ".join(filter(None, map(_files_of, value)))
    if not isinstance(value, dict):
        return ""
    if "file_type_string" not in value:
        return _files_of(list(value.values()))
    try:
        return form_of(value, is_reference=True).digest
    except LumeError:  # it is not there, or cannot be read
        return "none"


def _classes_taken(graph: Graph, member: Member, known: dict[int, tuple[type, ...]]) -> tuple[type, ...]:
    """The user's own classes that the types of what a task takes name: it may call their methods.

    ``known`` are those of types that were looked at before, by their ids.
    """
    own = list(graph.parameters) if isinstance(member.work, StepRun) else []
    found: dict[type, None] = {}
    types = (graph.members[name].type for name in (*member.taken, *member.given.values(), *own))
    for tp in (*types, *member.expects.values()):
        if id(tp) not in known:
            known[id(tp)] = tuple(_classes_in(tp))
        found.update(dict.fromkeys(known[id(tp)]))
    return tuple(sorted(found, key=lambda cls: f"{cls.__module__} {cls.__qualname__}"))


def _classes_in(tp: Any) -> Iterator[type]:
    cls = get_origin(tp) or tp
    if isinstance(cls, type) and package_of(cls.__module__) is None:
        yield cls
    for argument in get_args(tp):
        yield from _classes_in(argument)


def _sourced(
    run: Callable[..., Any], classes: tuple[type, ...], sources: dict[str, Mapping[str, str]]
) -> tuple[str, str] | None:
    try:
        root, source, _ = source_of_run(run)
        for cls in classes:
            source.add(cls, cls.__qualname__)
    except Exception:  # a user's object may fail in any way when it is looked at
        return None
    key = str(len(sources))
    sources[key] = source.parts
    return root, key


def _without_source(member: Member) -> str:
    """What stands for a work that is no function of a user's: what it says, but for what is told elsewhere."""
    parameter = parameter_in(member.work)
    if parameter is None:
        return hashlib.sha256(repr(member.work).encode("utf-8", "surrogatepass")).hexdigest()
    if parameter.secret or member.inputs:
        return type(member.work).__name__
    return f"{type(member.work).__name__} {_told_value('default', parameter.factory or parameter.default)}"


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
    return f"{_told_value(key, source.value)}{how}"


def _told_value(key: str, value: Any) -> str:
    """The digest of a value, and of the source of the functions and classes that it consists of."""
    with suppress(LumeError):
        form = form_of(value, key)
        if not form.classes:
            return form.digest
    source = Source()
    told = source.add(value, key)
    return f"{digest_of_parts(source.parts)} {told}"
