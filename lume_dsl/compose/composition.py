"""A flow of flows as one flow class: its flows are subflows, each with the others' values or parameters of its own.

Each line of the file is a line of the class's body, so that all that the language checks is told with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, overload

import attrs

from lume_dsl.compose.document import ComposingFlow, Document, read_flow_of_flows
from lume_dsl.compose.flows import FoundFlow, find_composing_flows, is_prefect_flow
from lume_dsl.compose.mappings import MappingError, mapped_value, source_of_mapping
from lume_dsl.declare.body import Body, Unknown
from lume_dsl.declare.flow import FlowMeta, flow_of_lines
from lume_dsl.declare.graph import MISSING, Member
from lume_dsl.declare.parameters import spec_of
from lume_dsl.declare.subflows import call_of, called
from lume_dsl.errors import Place, Problem, did_you_mean
from lume_dsl.values.forms import JSON

if TYPE_CHECKING:
    import prefect

__all__ = ["Composition", "attribute_name", "compose", "parameter_name"]

Line = tuple[Place, Callable[[Body], None]]

UNTYPED = Union[JSON, str]  # noqa: UP007 - JSON is no class on every Python
"""The type of a parameter that says none, as in a flow written by hand: JSON, and a text that is none is a text."""


@attrs.frozen
class Composition:
    """A file with its flows, as found and as classes, by their names in it, and the order in which they are called."""

    document: Document
    found: dict[str, FoundFlow]
    flows: dict[str, FlowMeta]
    order: tuple[str, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def of_file(cls, path: str | Path) -> Composition:
        """Read a file, and find its flows.

        Raises:
            FlowNotFoundError: There is no such file.
            DefinitionError: It is no flow of flows at all. What else is wrong is in ``problems``.
        """
        document = read_flow_of_flows(path)
        found, problems = find_composing_flows(document)
        flows = {name: _flow_class(one.flow) for name, one in found.items()}
        problems += _unknown_parents(document)
        order, cycles = _order(document)
        return cls(document, found, flows, order, (*document.problems, *problems, *cycles))

    def flow(self, name: str) -> ComposingFlow:
        """Return one of the flows as the file has it."""
        return self.document.content.composing_flows[self._places[name]]

    @property
    def _places(self) -> dict[str, int]:
        return {flow.name: place for place, flow in enumerate(self.document.content.composing_flows)}


@overload
def compose(path: str | Path, *, deploy: Literal[False] = False) -> FlowMeta: ...
@overload
def compose(path: str | Path, *, deploy: Literal[True]) -> prefect.Flow: ...
def compose(path: str | Path, *, deploy: bool = False) -> Any:
    """Return the flow class that a YAML file of composing flows describes; it is a flow like any other.

    Each flow of the file becomes a subflow of its name. What is not mapped and no constant becomes a parameter,
    ``flow1-text1``.

    Args:
        path: The file.
        deploy: Return a ``prefect.Flow`` instead that has a Prefect server run the flows, which are registered there.

    Raises:
        FlowNotFoundError: There is no such file.
        DefinitionError: All that is wrong with the file and the flow that it describes, each with its line.
    """
    composition = Composition.of_file(path)
    flow_class = _inlined(composition)
    if not deploy:
        return flow_class
    from lume_dsl.compose.deploy import deployed  # Prefect

    return deployed(composition)


def _inlined(composition: Composition) -> FlowMeta:
    content = composition.document.content
    options: dict[str, Any] = {"name": content.name}
    if content.project_name:
        options["project"] = content.project_name
    if content.labels:
        options["labels"] = content.labels
    lines = [*_parameter_lines(composition), *_call_lines(composition)]
    return flow_of_lines(
        content.name, lines, options, start=composition.document.place(), problems=composition.problems
    )


def _flow_class(flow: Any) -> FlowMeta:
    if not is_prefect_flow(flow):
        found: FlowMeta = flow
        return found
    from lume_dsl.compose.by_hand import from_prefect  # Prefect, which made the flow

    return from_prefect(flow)


def parameter_name(flow: str, parameter: str) -> str:
    """What a parameter of a flow that nothing gives is called in the flow of flows: as in LUME-services."""
    return f"{flow}-{parameter}"


def attribute_name(flow: str) -> str:
    """The name of a subflow: that of the flow, where no dots and brackets lead on."""
    return re.sub(r"[.\[\]]", "_", flow)


# what is wrong with the file as a whole


def _unknown_parents(document: Document) -> Iterator[Problem]:
    names = [flow.name for flow in document.content.composing_flows]
    for flow in document.content.composing_flows:
        for parameter, mapped in flow.mapped_parameters.items():
            parent = mapped.parent_flow_name
            if parent not in names and parent not in document.broken:
                steps = ("mapped_parameters", parameter, "parent_flow_name")
                message = f"{parent!r} is no flow of this file{did_you_mean(parent, names)}"
                fix = f"the flows are: {', '.join(names)}"
                subject = f"{flow.name}.{parameter}"
                yield Problem("composition", subject, message, fix, document.place_in(flow.name, *steps))


def _order(document: Document) -> tuple[tuple[str, ...], list[Problem]]:
    """The flows, each after those whose values it takes; of circles, what is wrong with each."""
    names = [flow.name for flow in document.content.composing_flows]
    parents = {
        flow.name: [one.parent_flow_name for one in flow.mapped_parameters.values() if one.parent_flow_name in names]
        for flow in document.content.composing_flows
    }
    problems: list[Problem] = []
    while True:
        try:
            return tuple(TopologicalSorter(parents).static_order()), problems
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            message = f"waits for itself: {' → '.join(circle)}"
            place = document.place_in(circle[0], "mapped_parameters")
            problems.append(Problem("composition", circle[0], message, "break the circle", place))
            for name in circle:
                parents[name] = []


# the lines of the body


def _parameter_lines(composition: Composition) -> Iterator[Line]:
    for flow in composition.document.content.composing_flows:
        given = {*flow.mapped_parameters, *flow.parameters}
        if flow.name not in composition.flows:
            continue
        for name, member in composition.flows[flow.name].__lume_graph__.parameters.items():
            if name not in given:
                place = composition.document.place_in(flow.name)
                yield place, partial(_add_parameter, parameter_name(flow.name, name), member)


def _add_parameter(name: str, member: Member, body: Body) -> None:
    body[name] = body.add(spec_of(member), {}, fallback=name)
    body.annotations[name] = UNTYPED if member.type is Any else member.type


def _call_lines(composition: Composition) -> Iterator[Line]:
    for name in composition.order:
        if name in composition.flows:
            yield composition.document.place_in(name), partial(_call, composition, name)


def _call(composition: Composition, name: str, body: Body) -> None:
    flow, flow_class = composition.flow(name), composition.flows[name]
    document, count = composition.document, len(body.problems)
    values = dict(_values(composition, flow, body))
    subflow = called(body, flow_class, (), values)
    body[attribute_name(name)] = subflow
    body.problems[count:] = [_at_constant(document, flow, problem) for problem in body.problems[count:]]
    for parameter in flow.mapped_parameters:
        if parameter in values and not isinstance(subflow, Unknown):
            call_of(subflow).drafts[parameter].place = document.place_in(name, "mapped_parameters", parameter)


def _values(composition: Composition, flow: ComposingFlow, body: Body) -> Iterator[tuple[str, Any]]:
    """The values of a flow's parameters. What is wrong with a mapping is noted, and then its value unknown."""
    known = composition.flows[flow.name].__lume_graph__.parameters
    for name in flow.mapped_parameters | flow.parameters:
        where = "mapped_parameters" if name in flow.mapped_parameters else "parameters"
        place = composition.document.place_in(flow.name, where, name)
        message, fix = "", ""
        if name not in known:
            message = f"is no parameter of {flow.name}{did_you_mean(name, known)}"
            fix = f"the parameters are: {', '.join(known) or 'none'}"
        elif where == "mapped_parameters" and name in flow.parameters:
            message, fix = "is mapped, and a constant too", "leave one of the two out"
        if message:
            body.problems.append(Problem("composition", f"{flow.name}.{name}", message, fix, place))
    for name, member in known.items():
        if name in flow.mapped_parameters:
            yield name, _mapped(composition, flow, member, body)
        elif name in flow.parameters:
            yield name, flow.parameters[name]
        else:
            yield name, body[parameter_name(flow.name, name)]


def _mapped(composition: Composition, flow: ComposingFlow, parameter: Member, body: Body) -> Any:
    mapped = flow.mapped_parameters[parameter.name]
    parent = mapped.parent_flow_name
    subflow = body.get(attribute_name(parent), MISSING)
    if subflow is MISSING or isinstance(subflow, Unknown):  # which has its own problem
        return body.unknown(parent)
    try:
        source = source_of_mapping(mapped, composition.flows[parent], parameter)
    except MappingError as error:
        steps = ("mapped_parameters", parameter.name, *error.steps)
        place = composition.document.place_in(flow.name, *steps)
        body.problems.append(Problem("composition", f"{flow.name}.{parameter.name}", error.message, error.fix, place))
        return body.unknown(parent)
    return mapped_value(source, call_of(subflow))


def _at_constant(document: Document, flow: ComposingFlow, problem: Problem) -> Problem:
    """The problem, at the line of the constant that it is of, if it is of one."""
    _, _, path = problem.subject.partition(".")
    name = re.split(r"[.\[]", path)[0]
    if problem.kind != "parameter-value" or name not in flow.parameters:
        return problem
    return attrs.evolve(problem, place=document.place_in(flow.name, "parameters", name))
