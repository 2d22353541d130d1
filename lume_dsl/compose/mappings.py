"""What a mapped parameter takes of another flow: what a task returns, the file or record that it saves, or a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

import attrs

from lume_dsl.compose.document import MappedParameter
from lume_dsl.compose.task_names import members_by_task_name
from lume_dsl.declare.assignable import assignable
from lume_dsl.declare.graph import Edge, FileResult, Graph, Member, RecordResult, TaskRun
from lume_dsl.declare.subflows import Call
from lume_dsl.declare.tasks import task, unchecked
from lume_dsl.errors import did_you_mean
from lume_dsl.values.jsontypes import JSON
from lume_dsl.values.names import type_name

__all__ = ["MappingError", "mapped_value"]


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


def mapped_value(mapped: MappedParameter, parent: Call, parameter: Member) -> Any:
    """Return what a parameter takes of a flow that the body has called: a reference.

    Raises:
        MappingError: There is no such task, or it gives no such thing, or one of another type.
    """
    member = _member(mapped, parent)
    value = parent.reference(member.name)
    if mapped.part and mapped.map_type != "db":
        key = "attribute" if mapped.attribute else "attribute_index"
        raise MappingError(
            f"{key} leads into a record, and this is map_type: {mapped.map_type}", "write map_type: db", (key,)
        )
    if mapped.map_type == "file":
        _check_saves(member, mapped, FileResult, "SaveFile", "file")
    if mapped.map_type != "db":
        return _handed_on(value, member, parameter)
    _check_saves(member, mapped, RecordResult, "SaveDBResult", "record")
    if isinstance(member.work, RecordResult):
        return (
            _part(value, mapped, parent.graph, member, parameter)
            if mapped.part
            else _handed_on(value, member, parameter)
        )
    from lume_dsl.tasks import LoadDBResult  # Prefect, which made the parent

    load = task(LoadDBResult(name=f"{parent.label}.{mapped.parent_task_name}.load"))
    return load(result_rep=value, attribute_index=mapped.part)


def _member(mapped: MappedParameter, parent: Call) -> Member:
    """The parent's task."""
    names: Mapping[str, tuple[str, ...]] = members_by_task_name(parent.flow)
    found = names.get(mapped.parent_task_name, ())
    if len(found) == 1:
        return parent.graph.members[found[0]]
    flow, name = mapped.parent_flow_name, mapped.parent_task_name
    if found:
        message = f"{len(found)} tasks of {flow} are named {name!r}"
        raise MappingError(message, "give each a name of its own", ("parent_task_name",))
    message = f"{flow} has no task {name!r}{did_you_mean(name, names)}"
    shown = [one for one in names if one.isidentifier()] or list(names)
    raise MappingError(message, f"its tasks are: {', '.join(shown)}", ("parent_task_name",))


def _check_saves(member: Member, mapped: MappedParameter, result: type, task_class: str, what: str) -> None:
    """Whether a task is a result of ours, or one of our tasks in a flow that was written by hand."""
    classes = type(member.work.function).__mro__ if isinstance(member.work, TaskRun) else ()
    by_hand = any(cls.__name__ == task_class and cls.__module__.startswith("lume_dsl.tasks") for cls in classes)
    if not isinstance(member.work, result) and not by_hand:
        message = f"task {mapped.parent_task_name!r} of {mapped.parent_flow_name} saves no {what}"
        raise MappingError(message, "write map_type: raw for what it returns", ("map_type",))


def _handed_on(value: Any, member: Member, parameter: Member) -> Any:
    """The value as it is; a file or record that a parameter takes as its reference, which is JSON, is that."""
    is_stored = isinstance(member.work, (FileResult, RecordResult))
    takes_json = parameter.type is JSON or dict in (parameter.type, get_origin(parameter.type))
    return unchecked(value) if is_stored and takes_json else value


def _part(value: Any, mapped: MappedParameter, graph: Graph, record: Member, parameter: Member) -> Any:
    """A part of a record that a flow class saves, whose type its output tells."""
    first, *rest = mapped.part
    if not isinstance(first, str):
        raise MappingError(f"{first!r} is no attribute of a record", "begin with outputs", ("attribute_index",))
    if first == "outputs" and rest and rest[0] not in record.inputs:
        message = f"the record has no output {rest[0]!r}{did_you_mean(str(rest[0]), record.inputs)}"
        raise MappingError(message, f"its outputs are: {', '.join(record.inputs)}", ("attribute_index",))
    source = record.inputs.get(str(rest[0])) if first == "outputs" and len(rest) == 1 else None
    given = graph.members[source.upstream].type if isinstance(source, Edge) else Any
    if not assignable(given, parameter.type):
        message = f"expected {type_name(parameter.type)}, got {type_name(given)} from output {rest[0]!r}"
        raise MappingError(message, f"map another output, or change the type of {parameter.name}", ("attribute_index",))
    value = getattr(value, first)
    for step in rest:
        value = value[step]
    return value
