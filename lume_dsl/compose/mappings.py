"""What a mapped parameter takes of another flow: what a task returns, the file or record that it saves, or a part."""

from __future__ import annotations

from functools import cache
from typing import Any, get_origin

import attrs

from lume_dsl.compose.document import MappedParameter
from lume_dsl.compose.names import members_by_task_name
from lume_dsl.declare.assignable import assignable
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import Edge, FileResult, Graph, Member, RecordResult, TaskRun
from lume_dsl.declare.subflows import Call
from lume_dsl.declare.tasks import task, unchecked, unmapped
from lume_dsl.errors import did_you_mean
from lume_dsl.values.jsontypes import JSON
from lume_dsl.values.names import type_name

__all__ = ["MappedSource", "MappingError", "mapped_value", "source_of_mapping"]


@attrs.define(slots=False, eq=False)
class MappingError(Exception):
    """A parameter cannot be mapped so.

    Attributes:
        message: What is wrong.
        fix: What to write instead.
        steps: The part of the mapping that it is about.
    """

    message: str
    fix: str
    steps: tuple[str | int, ...] = ()


@attrs.frozen
class MappedSource:
    """What a mapped parameter takes.

    Attributes:
        member: The member of the parent flow.
        part: Steps into the record that it saves.
        is_loaded: Whether a task loads that part, as of a flow written by hand; else references lead there.
        is_each: Whether it loads one of each record, as the task saves one of each item.
        is_unchecked: Whether a file or record goes to a parameter that takes the reference to it, which is JSON.
    """

    member: Member
    part: tuple[str | int, ...] = ()
    is_loaded: bool = False
    is_each: bool = False
    is_unchecked: bool = False


def source_of_mapping(mapped: MappedParameter, parent: FlowMeta, parameter: Member) -> MappedSource:
    """Return what a parameter takes of a flow of the file.

    Raises:
        MappingError: There is no such task, or it gives no such thing, or one of another type.
    """
    member = _member(mapped, parent)
    if mapped.part and mapped.map_type != "db":
        key = "attribute" if mapped.attribute else "attribute_index"
        message = f"{key} leads into a record, and this is map_type: {mapped.map_type}"
        raise MappingError(message, "write map_type: db", (key,))
    if mapped.map_type == "file":
        _check_saves(member, mapped, FileResult, "SaveFile", "file")
    if mapped.map_type == "db":
        _check_saves(member, mapped, RecordResult, "SaveDBResult", "record")
        _check_attribute(mapped)
        if not isinstance(member.work, RecordResult):
            is_each = any(source.mapped for source in member.inputs.values())
            return MappedSource(member, tuple(mapped.part), is_loaded=True, is_each=is_each)
        if mapped.part:
            _check_part(mapped, parent.__lume_graph__, member, parameter)
            return MappedSource(member, tuple(mapped.part))
    is_stored = isinstance(member.work, (FileResult, RecordResult))
    takes_json = parameter.type is JSON or dict in (parameter.type, get_origin(parameter.type))
    return MappedSource(member, is_unchecked=is_stored and takes_json)


def mapped_value(source: MappedSource, parent: Call) -> Any:
    """Return the reference to what a parameter takes of a flow that the body has called."""
    value = parent.reference(source.member.name)
    if source.is_loaded:
        load = _load_task(f"{parent.label}.{source.member.task_name}.load")
        if source.is_each:
            return load.map(result_rep=value, attribute_index=unmapped(list(source.part)))
        return load(result_rep=value, attribute_index=list(source.part))
    for place, step in enumerate(source.part):
        value = value[step] if place else getattr(value, str(step))
    return unchecked(value) if source.is_unchecked else value


@cache
def _load_task(name: str) -> Any:
    """The task that loads a part of a record: the same one, so that flows that are composed twice are equal."""
    from lume_dsl.tasks import LoadDBResult  # Prefect, which made the parent

    return task(LoadDBResult(name=name))


def _member(mapped: MappedParameter, parent: FlowMeta) -> Member:
    """The parent's task."""
    names = members_by_task_name(parent)
    found = names.get(mapped.parent_task_name, ())
    if len(found) == 1:
        return parent.__lume_graph__.members[found[0]]
    flow, name = mapped.parent_flow_name, mapped.parent_task_name
    if found:
        message = f"{len(found)} tasks of {flow} are named {name!r}"
        raise MappingError(message, "give each a name of its own", ("parent_task_name",))
    message = f"{flow} has no task {name!r}{did_you_mean(name, names)}"
    shown = [one for one in names if one.isidentifier()] or list(names)
    raise MappingError(message, f"its tasks are: {', '.join(shown)}", ("parent_task_name",))


def _check_saves(member: Member, mapped: MappedParameter, result: type, task_class: str, what: str) -> None:
    """Whether a task is a result of ours, or one of our tasks in a flow that was written by hand."""
    function: Any = member.work.function if isinstance(member.work, TaskRun) else None
    classes = type(function).__mro__
    by_hand = any(cls.__name__ == task_class and cls.__module__.startswith("lume_dsl.tasks") for cls in classes)
    if not isinstance(member.work, result) and not by_hand:
        message = f"task {mapped.parent_task_name!r} of {mapped.parent_flow_name} saves no {what}"
        raise MappingError(message, "write map_type: raw for what it returns", ("map_type",))


def _check_attribute(mapped: MappedParameter) -> None:
    """Whether what leads into a record begins with an attribute."""
    first = mapped.part[0] if mapped.part else "outputs"
    if not isinstance(first, str) or not first.isidentifier() or first.startswith("_"):
        raise MappingError(f"{first!r} is no attribute of a record", "begin with outputs", ("attribute_index",))


def _check_part(mapped: MappedParameter, graph: Graph, record: Member, parameter: Member) -> None:
    """Whether there is such a part of a record that a flow class saves, of a type that fits, as far as outputs tell."""
    first, *rest = mapped.part
    fields = [field.name for field in attrs.fields(record.type)] if attrs.has(record.type) else []
    if first not in fields and not hasattr(record.type, str(first)):
        known = [*fields, *(name for name in dir(record.type) if not name.startswith("_"))]
        message = f"{type_name(record.type)} has no attribute {first!r}{did_you_mean(str(first), known)}"
        raise MappingError(message, "begin with outputs", ("attribute_index",))
    if first == "outputs" and rest and rest[0] not in record.inputs:
        message = f"the record has no output {rest[0]!r}{did_you_mean(str(rest[0]), record.inputs)}"
        raise MappingError(message, f"its outputs are: {', '.join(record.inputs)}", ("attribute_index",))
    source = record.inputs.get(str(rest[0])) if first == "outputs" and len(rest) == 1 else None
    given = graph.members[source.upstream].type if isinstance(source, Edge) else Any
    if not assignable(given, parameter.type):
        message = f"expected {type_name(parameter.type)}, got {type_name(given)} from output {rest[0]!r}"
        raise MappingError(message, f"map another output, or change the type of {parameter.name}", ("attribute_index",))
