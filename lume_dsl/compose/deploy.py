"""A flow of flows for a Prefect server: each of its flows is a flow run of its own, on whatever agent takes it.

The flows are registered already. Their results must be where the process that runs the flow of flows can read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import prefect
from prefect.core.parameter import no_default
from prefect.executors import LocalDaskExecutor
from prefect.run_configs import UniversalRun
from prefect.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run

from lume_dsl.compose.composition import Composition
from lume_dsl.compose.document import ComposingFlow
from lume_dsl.compose.flows import is_prefect_flow
from lume_dsl.compose.mappings import MappedSource, source_of_mapping
from lume_dsl.compose.names import parameter_name
from lume_dsl.declare.graph import MISSING, Member, TaskRun
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.compile import CONFIGURE, compile_flow
from lume_dsl.engine.flow import CompiledFlow
from lume_dsl.errors import DefinitionError, Problem
from lume_dsl.tasks import LoadDBResult, configure_services
from lume_dsl.values.convert import structure, unstructure

__all__ = ["deployed"]

LONGEST = timedelta(days=365)
"""How long a flow run is waited for: Prefect would leave it after 12 hours, and LUME-services after a minute."""


class JSONForm(prefect.Task):
    """Hands a value on in its JSON form, which is how it becomes a parameter of a flow run."""

    def run(self, value: Any) -> Any:  # type: ignore[override]  # as every Prefect task does
        return unstructure(value)


def deployed(composition: Composition) -> prefect.Flow:
    """Return the flow that creates a flow run of each flow, after those whose values it takes have succeeded.

    Raises:
        DefinitionError: A flow has no project; each with its line.
    """
    problems = (*_without_project(composition), *_without_result(composition))
    if problems:
        raise DefinitionError(problems)
    return _Deployer(composition).flow


def _project_of(composition: Composition, flow: ComposingFlow) -> str:
    options = composition.flows[flow.name].__lume_options__
    return flow.project_name or composition.document.content.project_name or str(options.get("project", ""))


def _without_project(composition: Composition) -> Iterator[Problem]:
    for flow in composition.document.content.composing_flows:
        if not _project_of(composition, flow):
            message = "has no project, so no server knows which flow is meant"
            fix = "write project_name: the project that it is registered in"
            place = composition.document.place_in(flow.name)
            yield Problem("composition", flow.name, message, fix, place)


def _without_result(composition: Composition) -> Iterator[Problem]:
    """Tasks whose values other flows take, and that keep none where another process could read it."""
    for flow in composition.document.content.composing_flows:
        for name, mapped in flow.mapped_parameters.items():
            parent = mapped.parent_flow_name
            parameter = composition.flows[flow.name].__lume_graph__.parameters[name]
            member = source_of_mapping(mapped, composition.flows[parent], parameter).member
            registered = _registered(composition, parent)
            message, fix = _what_is_missing(registered, _task_of(registered, member))
            if message:
                message = f"task {mapped.parent_task_name!r} of {parent} {message}, so no server can give it"
                place = composition.document.place_in(flow.name, "mapped_parameters", name)
                yield Problem("composition", f"{flow.name}.{name}", message, fix, place)


def _what_is_missing(flow: Any, task: Any) -> tuple[str, str]:  # whose attributes may be None, against Prefect's types
    """Why Prefect keeps no value of a task, and what to write; else nothing."""
    if task.checkpoint is False:
        return "has checkpoint=False", "leave checkpoint=False out, or map another task"
    if task.result is not None or flow.result is not None or _storage_has_result(flow):
        return "", ""
    fix = "give the task, or its flow, result=LocalResult(...), S3Result(...) or another of Prefect's"
    return "keeps no result", fix


def _storage_has_result(flow: Any) -> bool:
    """Whether registering gives a flow the result of its storage. A script would make the flow anew, without it."""
    storage = flow.storage
    if storage is None:  # registering chooses one: by default Local, which has a result
        return True
    return storage.result is not None and not storage.stored_as_script


def _registered(composition: Composition, name: str) -> prefect.Flow:
    """The flow that a server has of one of the file."""
    found = composition.found[name].flow
    return found if is_prefect_flow(found) else compile_flow(found)


def _task_of(flow: prefect.Flow, member: Member) -> prefect.Task:
    """The task that a member is in the registered flow, of a class or written by hand."""
    if isinstance(flow, CompiledFlow):
        return flow.members[member.name]
    function: Any = member.work.function if isinstance(member.work, TaskRun) else None
    if function in flow.tasks:
        return cast(prefect.Task, function)
    name = member.name if function is None else function.name  # what a parameter of a class of its own gives
    return next(one for one in flow.parameters() if one.name == name)


class _Deployer:
    def __init__(self, composition: Composition) -> None:
        self.composition = composition
        content = composition.document.content
        at_once = len(content.composing_flows) + 1  # each wait holds a thread; one is left for what is to be created
        self.flow = prefect.Flow(content.name, executor=LocalDaskExecutor(scheduler="threads", num_workers=at_once))
        if content.labels:
            self.flow.run_config = UniversalRun(labels=content.labels)
        self.runs: dict[str, prefect.Task] = {}
        self.waits: dict[str, prefect.Task] = {}
        self.taken: dict[tuple[str, str], prefect.Task] = {}
        self.configure: prefect.Task | None = None
        with self.flow:
            parameters = {flow.name: dict(self._open(flow)) for flow in content.composing_flows}
            for name in composition.order:
                self._create(composition.flow(name), parameters[name])

    def _open(self, flow: ComposingFlow) -> Iterator[tuple[str, prefect.Task]]:
        """The parameters of a flow that are this one's. What a factory or a variable gives is the flow's own matter."""
        for name, member in self.composition.flows[flow.name].__lume_graph__.parameters.items():
            spec = spec_of(member)
            if name in flow.mapped_parameters or name in flow.parameters or spec.factory is not None or spec.env:
                continue
            default: Any = no_default if spec.default is MISSING else unstructure(spec.default)
            own = prefect.Parameter(parameter_name(flow.name, name), default=default)
            self.flow.add_task(own)
            yield name, own

    def _create(self, flow: ComposingFlow, parameters: dict[str, Any]) -> None:
        """Add the flow run of a flow, and the task that waits for it."""
        flow_class = self.composition.flows[flow.name]
        for name, member in flow_class.__lume_graph__.parameters.items():
            if name in flow.mapped_parameters:
                parameters[name] = self._mapped(flow, name, member)
            elif name in flow.parameters:
                constant = flow.parameters[name]
                parameters[name] = constant if member.type is Any else unstructure(structure(constant, member.type)[0])
        run = create_flow_run.copy(name=f"{flow.name}.run")(
            flow_name=flow_class.__lume_name__,
            project_name=_project_of(self.composition, flow),
            parameters=parameters,
            labels=flow.labels or None,
        )
        wait = wait_for_flow_run.copy(name=flow.name)
        self.runs[flow.name] = run
        self.waits[flow.name] = wait(run, raise_final_state=True, max_duration=LONGEST)

    def _mapped(self, flow: ComposingFlow, name: str, parameter: Member) -> prefect.Task:
        mapped = flow.mapped_parameters[name]
        parent = mapped.parent_flow_name
        source = source_of_mapping(mapped, self.composition.flows[parent], parameter)
        value = self._result(parent, source)
        if not source.part:
            return value
        load, part, after = LoadDBResult(name=f"{flow.name}.{name}"), list(source.part), self._configured()
        if source.is_each:
            loaded = load.map(value, attribute_index=prefect.unmapped(part), upstream_tasks=[prefect.unmapped(after)])
        else:
            loaded = load(value, attribute_index=part, upstream_tasks=[after])
        return JSONForm(name=f"{flow.name}.{name} as JSON")(loaded)

    def _result(self, parent: str, source: MappedSource) -> prefect.Task:
        """What a task of another flow returned, in its JSON form. It is asked for once."""
        key = parent, source.member.name
        if key not in self.taken:
            take = get_task_run_result.copy(name=f"{parent}.{source.member.task_name}")
            registered = _registered(self.composition, parent)
            slug = registered.slugs[_task_of(registered, source.member)]
            taken = take(self.runs[parent], slug, upstream_tasks=[self.waits[parent]])
            self.taken[key] = JSONForm(name=f"{parent}.{source.member.task_name} as JSON")(taken)
        return self.taken[key]

    def _configured(self) -> prefect.Task:
        """The one configure task, for what is loaded here."""
        if self.configure is None:
            self.configure = configure_services(name=CONFIGURE)()
        return self.configure
