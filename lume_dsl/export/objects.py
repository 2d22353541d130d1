"""The objects that tasks are, where they are no functions: of Prefect, of ``lume_dsl.tasks``, and of users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import attrs
from prefect.triggers import all_successful, not_all_skipped

from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import Case, Constant, FileResult, Graph, Member, Merge, RecordResult, Resource, TaskRun
from lume_dsl.engine.members import resource_options
from lume_dsl.export.layout import Names, UnwritableError
from lume_dsl.export.source import Sources
from lume_dsl.export.values import Values
from lume_dsl.records import DBResult

__all__ = ["Objects", "Writer", "options_of_class", "own_options"]


@attrs.define(eq=False)
class Writer:
    """What writes a part of a flow's script, with what the whole of it has."""

    flow_class: FlowMeta
    names: Names
    sources: Sources
    values: Values

    @property
    def graph(self) -> Graph:
        found: Graph = self.flow_class.__lume_graph__
        return found


class Objects(Writer):
    """Writes the objects of a flow's tasks."""

    def made(self, member: Member, *, name: bool = True) -> str:
        """The expression of a member's task object."""
        work = member.work
        named = {"name": member.task_name} if name else {}
        if isinstance(work, TaskRun):
            return self._object(work)
        if isinstance(work, Case):
            return f"{self._prefects('conditional', 'CompareValue')}({self._given([self.values(work.value)], named)})"
        if isinstance(work, Merge):
            return f"{self._prefects('conditional', 'Merge')}({self._given([], named | own_options(member))})"
        if isinstance(work, Resource):
            part, options = resource_options(work)
            cls = self.names.imported("prefect.tasks.core.resource_manager", part.__name__)
            first = [self.values(work.resource_class)] if work.part == "init" else []
            return f"{cls}({self._given(first, {**named, **options})})"
        if isinstance(work, FileResult):
            return self._file_task(member, work, named)
        if isinstance(work, RecordResult):
            return self._record_task(member, work, named)
        raise AssertionError(f"{type(work).__name__} is a function in a script")

    def bare(self, member: Member) -> str:
        """The expression of a member's task object without options: that of whoever calls its ``run``."""
        work: Any = member.work
        if hasattr(work, "options") and not isinstance(work, Resource):
            member = attrs.evolve(member, work=attrs.evolve(work, options={}))
        return self.made(member, name=False)

    def task_args(self, member: Member, work: TaskRun) -> dict[str, str]:
        """What a copy of a ``prefect.Task`` object of a user is given."""
        options = {**work.options, "name": member.task_name}
        if "on_failure" in options:
            raise UnwritableError("gives on_failure to a prefect.Task object", "give it state_handlers=[...]")
        if member.given:
            raise UnwritableError("is a SaveDBResult of a subflow", "write db_result(...) there")
        if "tags" in options:
            options["tags"] = set(options["tags"])
        return {key: self.values(value) for key, value in options.items()}

    def _object(self, work: TaskRun) -> str:
        for module in (self.flow_class.__module__, *self._modules()):
            if found := self.sources.named(work.function, module):
                return found
        message = f"is a {type(work.function).__name__} that no module gives a name"
        raise UnwritableError(message, "make the object at the top of the module, and write task(...) of its name")

    def _modules(self) -> list[str]:
        return [subflow.flow.__module__ for subflow in self.graph.subflows.values()]

    def _prefects(self, module: str, name: str) -> str:
        return self.names.imported(f"prefect.tasks.control_flow.{module}", name)

    def _given(self, first: list[str], options: Mapping[str, Any]) -> str:
        return ", ".join([*first, *([self.values.given(options)] if options else [])])

    def _file_task(self, member: Member, work: FileResult, named: Mapping[str, Any]) -> str:
        options = {**named, **({"overwrite": True} if work.overwrite else {}), **own_options(member)}
        filename = member.inputs["filename"]
        if not (isinstance(filename, Constant) and not isinstance(filename.value, str)):
            return f"{self.names.imported('lume_dsl.tasks', 'SaveFile')}({self._given([], options)})"
        if member.subflow:
            options["flow_name"] = self.flow_of(member).__lume_name__
        return f"{self.names.imported('lume_dsl.tasks.files', 'SaveNamedFile')}({self._given([], options)})"

    def _record_task(self, member: Member, work: RecordResult, named: Mapping[str, Any]) -> str:
        if "self" in member.inputs:
            raise UnwritableError("has an output named 'self'", "give it another name")
        record_type = get_args(member.type)[0] if member.each else member.type
        flow = self.flow_of(member)
        project = flow.__lume_options__.get("project") or self.flow_class.__lume_options__.get("project", "")
        options = {
            "record_type": None if record_type is DBResult else record_type,
            "result_name": member.own_name,
            "project_name": project,
            "order": list(member.inputs) if named and len(member.inputs) > 1 else (),
        }
        given = {**named, **{key: value for key, value in options.items() if value}, **own_options(member)}
        return f"{self.names.imported('lume_dsl.tasks', 'SaveDBResult')}({self._given([], given)})"

    def flow_of(self, member: Member) -> FlowMeta:
        return cast(FlowMeta, self.graph.subflows[member.subflow].flow if member.subflow else self.flow_class)


def own_options(member: Member) -> dict[str, Any]:
    """The Task options of a member that is no task of a user's, but for its name."""
    options = getattr(member.work, "options", {})
    found = {key: value for key, value in options.items() if key != "name"}
    if isinstance(member.work, Merge) and any(isinstance(source, Constant) for source in member.inputs.values()):
        found["trigger"] = all_successful  # else Prefect skips it where all branches are, in spite of the constant
    return found


def options_of_class(member: Member) -> dict[str, Any]:
    """The options that the class of a member's task gives it, which a function in its place must be given."""
    if isinstance(member.work, Resource):
        return resource_options(member.work)[1]
    return {"trigger": not_all_skipped, "skip_on_upstream_skip": False} if isinstance(member.work, Merge) else {}
