"""Prefect flows that were written by hand, as flow classes: so that they can be parts of other flows.

The tasks are the flow's own, copied when the class is compiled; neither the flow nor its tasks are changed.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from itertools import chain
from types import GenericAlias
from typing import Any

import attrs
import prefect
from prefect.core.edge import Edge as PrefectEdge
from prefect.core.parameter import Parameter as PrefectParameter
from prefect.core.parameter import no_default

from lume_dsl.compose.names import TASK_NAMES, identifier_of
from lume_dsl.declare.body import caller_module, caller_place
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import (
    MISSING,
    Constant,
    Edge,
    Graph,
    Input,
    Member,
    Parameter,
    TaskRun,
)
from lume_dsl.declare.hints import function_hints
from lume_dsl.declare.made import flow_of_graph
from lume_dsl.declare.namespace import RESERVED
from lume_dsl.declare.parts import NOWHERE
from lume_dsl.engine.flow import CompiledFlow
from lume_dsl.errors import DefinitionError, Place, Problem
from lume_dsl.tasks.configure import configure_services
from lume_dsl.tasks.context import ServiceTask

__all__ = ["from_prefect", "part_of_composition"]


def from_prefect(flow: Any) -> FlowMeta:
    """Return a flow class of a flow that was written by hand: ``Flow1 = from_prefect(flow1)``.

    Its parameters take any value, as in Prefect. Each task is an attribute, of the second of a name ``add-2``.
    What its ``configure_services`` checks is left to the task of the flow that it is a part of. Its reference tasks,
    state handlers, schedule and executor are those of the flow itself, and not of its class. Of the ``flow`` of a
    class, return the class.

    Raises:
        DefinitionError: It is no ``prefect.Flow``, or has what a class cannot say.
    """
    place = caller_place()
    if isinstance(flow, CompiledFlow):
        return flow.flow_class
    if not isinstance(flow, prefect.Flow):
        message, fix = _no_flow(flow)
        raise DefinitionError((Problem("composition", "from_prefect()", message, fix, place),))
    made = _made(flow, place)
    made.__module__ = caller_module()  # where it is bound, and found again
    return made


def part_of_composition(flow: prefect.Flow) -> FlowMeta:
    """Return the class of a flow written by hand, as ``from_prefect`` does: the same one while the flow is the same.

    So flows that are composed of it twice are equal.

    Raises:
        DefinitionError: It has what a class cannot say.
    """
    if isinstance(flow, CompiledFlow):
        return flow.flow_class
    key = id(flow)
    known = _KNOWN.get(key)
    if known is not None and known.flow() is flow:
        made = _made(flow, known.place)
        if made.__lume_graph__ == known.made.__lume_graph__ and made.__lume_options__ == known.made.__lume_options__:
            return known.made
    place = caller_place()
    made = _made(flow, place)
    _KNOWN[key] = _Known(weakref.ref(flow, lambda _: _KNOWN.pop(key, None)), place, made)
    return made


@attrs.frozen
class _Known:
    flow: weakref.ref[prefect.Flow]
    place: Place
    made: FlowMeta


_KNOWN: dict[int, _Known] = {}
"""The classes of flows that compositions have asked for, by the identities of the flows, which have no hash."""


def _made(flow: prefect.Flow, place: Place) -> FlowMeta:
    for name in sorted({parameter.name for parameter in flow.parameters()}.intersection(RESERVED)):
        message = f"has a parameter named {name!r}, which every flow class has for itself"
        problem = Problem("composition", f"from_prefect(): {flow.name}", message, "give it another name", place)
        raise DefinitionError((problem,))
    reader = _Reader(flow, place)
    options = {"name": flow.name, **({"result": flow.result} if flow.result is not None else {})}
    made = flow_of_graph(identifier_of(flow.name), reader.graph(), options)
    setattr(made, TASK_NAMES, reader.task_names())
    return made


def _no_flow(value: Any) -> tuple[str, str]:
    """What else a value is, and what to write instead."""
    flow_class = value if isinstance(value, FlowMeta) else type(value)
    if isinstance(flow_class, FlowMeta):
        name = flow_class.__name__
        what = "a flow class already" if flow_class is value else f"an instance of the flow class {name}"
        return f"is {what}, and no prefect.Flow", f"call the class in the body: {name}(...)"
    return f"is a {type(value).__name__}, and no prefect.Flow", "give it a flow that was written by hand"


@attrs.frozen
class _ParameterValue:
    """What a parameter of a class of its own, as ``DateTimeParameter``, makes of the value that is given."""

    task: PrefectParameter

    @property
    def name(self) -> str:
        return str(self.task.name)

    def __call__(self, value: Any) -> Any:
        given = {**(prefect.context.get("parameters") or {}), self.name: value}
        with prefect.context(parameters=given):
            return self.task.run()


class _Reader:
    def __init__(self, flow: prefect.Flow, place: Place) -> None:
        self.flow = flow
        self.place = place
        self.tasks = _in_order(flow)
        self.names = _names(self.tasks)
        self.edges: dict[prefect.Task, list[PrefectEdge]] = {task: [] for task in self.tasks}
        for edge in flow.edges:
            self.edges[edge.downstream_task].append(edge)
        self.members: dict[str, Member] = {}
        self.configures = [task for task in self.tasks if isinstance(task, configure_services)]

    def graph(self) -> Graph:
        for task in self.tasks:
            if not isinstance(task, configure_services):
                for member in self._members(task):
                    self.members[member.name] = member
        return Graph(self.members)

    def task_names(self) -> dict[str, str]:
        """The tasks' names of members that have others; what a parameter of a class of its own gives has the name."""
        found = {name: task.name for task, name in self.names.items() if name != task.name}
        parameters = {task.name for task in self.tasks if isinstance(task, PrefectParameter)}
        given = {name: f"{name} as given" for name in found.values() if name in parameters}
        return given | found

    def _members(self, task: prefect.Task) -> Iterator[Member]:
        name = self.names[task]
        if isinstance(task, PrefectParameter):
            default: Any = task.default
            if task.required:
                default = MISSING
            elif default is no_default:
                default = None
            yield Member(task.name, Parameter(default=default), Any, {}, self.place, visible=_is_attribute(task.name))
            if _is_special(task):
                run = TaskRun(_ParameterValue(task), {})
                yield Member(name, run, Any, {"value": Edge(task.name)}, self.place, visible=False)
            return
        inputs: dict[str, Input] = {key: Constant(value) for key, value in self.flow.constants.get(task, {}).items()}
        after = []
        for edge in sorted(self.edges[task], key=lambda edge: (edge.key or "", self.names[edge.upstream_task])):
            if isinstance(edge.upstream_task, configure_services):
                inputs |= {edge.key: Constant(None)} if edge.key else {}
                continue
            if not edge.key:
                after.append(self._waited(edge))
                continue
            upstream = self.names[edge.upstream_task]
            inputs[edge.key] = Edge(upstream, mapped=edge.mapped, flattened=edge.flattened)
        yield self._task(task, name, inputs, tuple(after))

    def _task(self, task: prefect.Task, name: str, inputs: Mapping[str, Input], after: tuple[str, ...]) -> Member:
        hints = function_hints(task.run, NOWHERE)
        is_mapped = any(source.mapped for source in inputs.values())
        tp = Any if isinstance(task, ServiceTask) else hints.returns  # a reference, which other types stand for
        is_configured = any(isinstance(edge.upstream_task, configure_services) for edge in self.edges[task])
        own: Any = task.result
        kept: Any = self.flow.result if own is None else None  # a part has no result of its flow's
        options: dict[str, Any] = {} if kept is None else {"result": kept}
        return Member(
            name=name,
            work=self._work(task, options, uses_services=is_configured or isinstance(task, ServiceTask)),
            type=GenericAlias(list, (tp,)) if is_mapped else tp,
            inputs=inputs,
            place=self.place,
            expects={key: tp for key, tp in hints.arguments.items() if key in inputs},
            after=after,
            visible=_is_attribute(name),
            origin=identifier_of(self.flow.name),
        )

    def _work(self, task: prefect.Task, options: Mapping[str, Any], *, uses_services: bool) -> TaskRun:
        """What a task does; if it uses services, those are checked before it that the flow's configure task checks."""
        if not uses_services or not self.configures:
            return TaskRun(task, options, services=uses_services)
        records = any(configure.records for configure in self.configures)
        filesystems = dict.fromkeys(chain.from_iterable(configure.filesystems for configure in self.configures))
        return TaskRun(task, options, services=True, records=records, filesystems=tuple(filesystems))

    def _waited(self, edge: PrefectEdge) -> str:
        if edge.mapped:
            message = f"waits for each run of {edge.upstream_task.name!r} without taking its value"
            subject = f"{self.flow.name}: {edge.downstream_task.name}"
            fix = "let it take the value, or wait for all: set_upstream(task) without mapped=True"
            raise DefinitionError((Problem("composition", subject, message, fix, self.place),))
        return self.names[edge.upstream_task]


def _in_order(flow: prefect.Flow) -> list[prefect.Task]:
    """The tasks, each after those that it waits for, and else in the order in which the flow was given them."""
    upstream: dict[prefect.Task, list[prefect.Task]] = {task: [] for task in flow.slugs}
    for edge in flow.edges:
        upstream[edge.downstream_task].append(edge.upstream_task)
    place = {task: number for number, task in enumerate(upstream)}
    sorter = TopologicalSorter({task: sorted(before, key=place.__getitem__) for task, before in upstream.items()})
    return list(sorter.static_order())


def _names(tasks: Iterable[prefect.Task]) -> dict[prefect.Task, str]:
    """The members' names: the tasks', of which the second of a name is told from the first."""
    names: dict[prefect.Task, str] = {}
    taken: set[str] = {task.name for task in tasks if isinstance(task, PrefectParameter)}
    for task in tasks:
        is_parameter = isinstance(task, PrefectParameter)
        name, number = f"{task.name} of {type(task).__name__}" if _is_special(task) else task.name, 1
        while name in taken and (_is_special(task) or not is_parameter):
            number += 1
            name = f"{task.name}-{number}"
        taken.add(name)
        names[task] = name
    return names


def _is_special(task: prefect.Task) -> bool:
    """Whether it is a parameter of a class of its own, which makes something else of what is given."""
    return isinstance(task, PrefectParameter) and type(task).run is not PrefectParameter.run


def _is_attribute(name: str) -> bool:
    return name not in RESERVED and not name.startswith("_")
