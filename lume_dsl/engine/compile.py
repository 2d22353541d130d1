"""From the graph of a flow class to the equivalent ``prefect.Flow``, in time linear in its members."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, cast, get_args

import prefect
from prefect.core.edge import Edge as PrefectEdge
from prefect.run_configs import UniversalRun
from prefect.storage import Module
from prefect.tasks.control_flow.conditional import CompareValue
from prefect.tasks.control_flow.conditional import Merge as PrefectMerge
from prefect.tasks.core.constants import Constant as PrefectConstant
from prefect.tasks.core.function import FunctionTask
from prefect.triggers import all_successful
from prefect.utilities.logging import get_logger
from prefect.utilities.notifications import callback_factory

from lume_dsl.declare.body import is_prefect_task
from lume_dsl.declare.filenames import FilenameTemplate
from lume_dsl.declare.flow import check_whole
from lume_dsl.declare.graph import (
    Argument,
    Case,
    Collection,
    Constant,
    FileResult,
    Graph,
    Member,
    Merge,
    Operation,
    Parameter,
    RecordResult,
    Resource,
    StepRun,
    TaskRun,
    ValueResult,
    parameter_in,
)
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.cached import CachedCall
from lume_dsl.engine.calls import ServiceCall, StepCall, hide_secrets, skip_without_items
from lume_dsl.engine.executors import executor_of
from lume_dsl.engine.flow import CompiledFlow
from lume_dsl.engine.members import Gather, Keep, TypedArgument, TypedParameter, operation_task, resource_task
from lume_dsl.engine.runner import choose_for_agent
from lume_dsl.records.provenance import flow_path
from lume_dsl.tasks import SaveFile, configure_services
from lume_dsl.tasks.context import PARAMETER
from lume_dsl.tasks.files import SaveNamedFile
from lume_dsl.tasks.records import SaveDBResult, SaveOutputs

if TYPE_CHECKING:
    from lume_dsl.declare.flow import FlowMeta

__all__ = ["CONFIGURE", "compile_flow"]

CONFIGURE = "configure_services"
"""The name of the configure task."""


def compile_flow(flow_class: FlowMeta) -> CompiledFlow:
    """Return the ``prefect.Flow`` of a flow class, built once, whichever thread asks first."""
    check_whole(flow_class)
    choose_for_agent()
    compiled = flow_class.__lume_compiled__
    with compiled.lock:
        if compiled.flow is None:
            compiled.flow = _Compiler(flow_class).flow()
        found: CompiledFlow = compiled.flow
    return found


class _Compiler:
    def __init__(self, flow_class: FlowMeta) -> None:
        self.flow_class = flow_class
        self.graph: Graph = flow_class.__lume_graph__
        self.stored = self.graph.stored
        parameters = {name: parameter_in(member.work) for name, member in self.graph.members.items()}
        self.secrets = [name for name, parameter in parameters.items() if parameter and parameter.secret]
        self.options: Mapping[str, Any] = flow_class.__lume_options__
        self.name = flow_class.__lume_name__
        self.function_tasks: dict[tuple[int, int], prefect.Task] = {}

    def flow(self) -> CompiledFlow:
        flow = CompiledFlow(self.flow_class, name=self.name, **self._flow_options())
        flow.members = {name: self._task(member) for name, member in self.graph.members.items()}
        edges: list[PrefectEdge] = []
        for name, member in self.graph.members.items():
            edges += self._edges(flow, member, flow.members[name])
        if self.graph.uses_services:
            edges += self._configure(flow)
        flow.fill(edges)
        return flow

    def _flow_options(self) -> dict[str, Any]:
        options = {key: value for key, value in self.options.items() if key not in ("name", "project", "labels")}
        if isinstance(options.get("executor"), str):
            options["executor"] = executor_of(options["executor"])
        options.setdefault("storage", Module(f"{flow_path(self.flow_class)}.flow"))
        if "labels" in self.options:
            run_config = copy(options.get("run_config") or UniversalRun())  # the user's may serve other flows
            run_config.labels = {*run_config.labels, *self.options["labels"]}
            options["run_config"] = run_config
        return options

    # tasks

    def _task(self, member: Member) -> prefect.Task:
        """The task of a member. Where it takes file or record results, or uses services, its call sees to them."""
        task = self._plain_task(member)
        takes_references = isinstance(member.work, Argument)
        loads = frozenset(
            key
            for key, source in member.inputs.items()
            if not isinstance(source, Constant) and source.upstream in self.stored and not takes_references
        )
        if loads or isinstance(member.work, StepRun) or (isinstance(member.work, TaskRun) and member.work.services):
            vars(task)["run"] = ServiceCall(task.run, loads)
        if isinstance(member.work, (TaskRun, StepRun)) and (cache := member.work.options.get("cache")):
            lasts = None if cache is True else cache
            vars(task)["run"] = CachedCall(task.run, self.name, member.name, lasts, loads, self._secrets_in(member))
        if member.each and not task.skip_on_upstream_skip:
            task.state_handlers = [skip_without_items, *task.state_handlers]
        if self.secrets:
            task.state_handlers = [partial(hide_secrets, self.secrets), *task.state_handlers]
        return task

    def _secrets_in(self, member: Member) -> dict[str, str]:
        """The inputs of a member that a secret parameter gives, by itself or in a list or an expression."""
        found = {}
        for key, source in member.inputs.items() if self.secrets else ():
            left = [] if isinstance(source, Constant) else [source.upstream]
            for name in left:
                upstream = self.graph.members[name]
                if name in self.secrets:
                    found[key] = name
                elif isinstance(upstream.work, _HANDING_ON):
                    left += [one for one in upstream.upstream if one not in left]
        return found

    def _plain_task(self, member: Member) -> prefect.Task:
        work = member.work
        if isinstance(work, Parameter):
            return TypedParameter(self.name, member)
        if isinstance(work, Argument):
            return TypedArgument(f"{self.name}.{member.subflow}", member, name=member.name)
        if isinstance(work, StepRun):
            call = StepCall(self._flow_of(member), member.own_name, of_subflow=bool(member.subflow))
            return FunctionTask(call, **_options(work, member))
        if isinstance(work, TaskRun):
            options = _options(work, member)
            if is_prefect_task(work.function):
                copied = _copy_with(cast(prefect.Task, work.function), options)
                return self._of_subflow(copied, member) if isinstance(copied, SaveDBResult) and member.given else copied
            return self._function_task(work, options)
        if isinstance(work, Operation):
            return operation_task(work, member.name)
        if isinstance(work, Resource):
            return resource_task(work, member.name)
        if isinstance(work, Collection):
            return Gather(work, name=member.name)
        if isinstance(work, Case):
            return CompareValue(work.value, name=member.name)
        if isinstance(work, Merge):
            # Prefect skips a merge whose branches are all skipped, though it may have a constant to go on with.
            has_constant = any(isinstance(source, Constant) for source in member.inputs.values())
            return PrefectMerge(name=member.name, **({"trigger": all_successful} if has_constant else {}))
        return self._result_task(member, work)

    def _function_task(self, work: TaskRun, options: Mapping[str, Any]) -> prefect.Task:
        """A task of a plain function: a copy of the first of the same function and options, as Prefect makes in a flow.

        It shares the signature, which takes longer and more memory than all else of it.
        """
        key = id(work.function), id(work.options)  # the graph keeps both
        if key not in self.function_tasks:
            self.function_tasks[key] = FunctionTask(work.function, **options)
        first = self.function_tasks[key]
        copied = object.__new__(FunctionTask)
        own = {"name": options["name"], "logger": get_logger(options["name"])}
        own |= {"tags": set(first.tags), "state_handlers": list(first.state_handlers)}
        for name, value in (vars(first) | own).items():
            setattr(copied, name, value)  # its __dict__.update() would make a dict for the collector to go through
        return copied

    def _result_task(self, member: Member, work: ValueResult | FileResult | RecordResult) -> prefect.Task:
        options: dict[str, Any] = {**work.options, "name": member.task_name}
        if isinstance(work, FileResult):
            filename = member.inputs["filename"]
            if isinstance(filename, Constant) and isinstance(filename.value, FilenameTemplate):
                flow_name = self._flow_of(member).__lume_name__ if member.subflow else ""
                return SaveNamedFile(flow_name=flow_name, overwrite=work.overwrite, **options)
            return SaveFile(overwrite=work.overwrite, **options)
        return self._record_task(member, options) if isinstance(work, RecordResult) else Keep(**options)

    def _record_task(self, member: Member, options: dict[str, Any]) -> prefect.Task:
        flow = self._flow_of(member)
        parameters = flow.__lume_graph__.parameters
        task = SaveOutputs(
            record_type=get_args(member.type)[0] if member.each else member.type,
            result_name=member.own_name,
            project_name=self._project_of(flow),
            order=member.inputs,
            hidden=[name for name, parameter in parameters.items() if spec_of(parameter).secret],
            **options,
        )
        return self._of_subflow(task, member) if member.subflow else task

    def _of_subflow(self, task: SaveDBResult, member: Member) -> SaveDBResult:
        """The task, whose records are of the subflow: as if that had run by itself."""
        flow = self._flow_of(member)
        task.flow_name, task.flow = flow.__lume_name__, flow_path(flow)
        task.parameters = tuple(flow.__lume_graph__.parameters)
        task.project_name = task.project_name or self._project_of(flow)
        return task

    def _project_of(self, flow: FlowMeta) -> str:
        """What records are filed under: the project that a subflow says, or else its outer flow's."""
        return str(flow.__lume_options__.get("project") or self.options.get("project", ""))

    def _flow_of(self, member: Member) -> FlowMeta:
        """The flow class whose member it is: of the subflow, if it is of one."""
        found: FlowMeta = self.graph.subflows[member.subflow].flow if member.subflow else self.flow_class
        return found

    # edges

    def _edges(self, flow: CompiledFlow, member: Member, task: prefect.Task) -> list[PrefectEdge]:
        edges = []
        for name, source in member.inputs.items():
            key = TypedArgument.KEY if isinstance(member.work, Argument) else name
            if not isinstance(source, Constant):
                upstream, flattened = flow.members[source.upstream], source.flattened
                edges.append(PrefectEdge(upstream, task, key=key, mapped=source.mapped, flattened=flattened))
            elif source.mapped:
                edges.append(PrefectEdge(PrefectConstant(source.value), task, key=key, mapped=True))
            else:
                flow.constants[task][key] = source.value
        edges += [self._edge(flow, member, name, key=PARAMETER + key) for key, name in member.given.items()]
        edges += [self._edge(flow, member, name) for name in member.after]
        if isinstance(member.work, FileResult):
            flow.constants[task]["file_type"] = get_args(member.type)[0] if member.each else member.type
        return edges

    def _edge(self, flow: CompiledFlow, member: Member, upstream: str, key: str | None = None) -> PrefectEdge:
        """An edge within a subflow. Where that is mapped, each run of the one waits for the same of the other."""
        mapped = member.each and self.graph.members[upstream].each
        return PrefectEdge(flow.members[upstream], flow.members[member.name], mapped=mapped, key=key)  # type: ignore[arg-type]  # None is its default

    def _configure(self, flow: CompiledFlow) -> list[PrefectEdge]:
        """The configure task, upstream of every task that uses a service, and what it has to check."""
        works = [member.work for member in self.graph.members.values()]
        identifiers = [
            member.inputs["filesystem_identifier"]
            for member in self.graph.members.values()
            if isinstance(member.work, FileResult)
        ]
        using = [work for work in works if isinstance(work, TaskRun) and work.services]
        filesystems = [source.value for source in identifiers if isinstance(source, Constant)]
        configure = configure_services(
            name=CONFIGURE,
            filesystems=dict.fromkeys([*filesystems, *chain.from_iterable(work.filesystems for work in using)]),
            records=any(isinstance(work, RecordResult) for work in works) or any(work.records for work in using),
        )
        flow.configure = configure
        return [
            PrefectEdge(configure, flow.members[name])
            for name, member in self.graph.members.items()
            if member.uses_services
        ]


_HANDING_ON = (Argument, Operation, Collection, Merge, ValueResult)
"""Works whose value is, or has in it, what they are given."""


def _options(work: TaskRun | StepRun, member: Member) -> dict[str, Any]:
    """The options that Prefect has, of which caching by content is none."""
    return {**{key: value for key, value in work.options.items() if key != "cache"}, "name": member.name}


def _copy_with(task: prefect.Task, options: Mapping[str, Any]) -> prefect.Task:
    """A copy of a user's ``prefect.Task`` object with options changed."""
    attributes = dict(options)
    on_failure = attributes.pop("on_failure", None)
    if "tags" in attributes:
        attributes["tags"] = set(attributes["tags"])
    copied = task.copy(**attributes)
    if on_failure is not None:
        handler = callback_factory(on_failure, check=lambda state: state.is_failed())
        copied.state_handlers = [*copied.state_handlers, handler]
    return copied
