"""A flow of flows as one flow class: its flows are subflows, each with the others' values or parameters of its own.

Each line of the file is a line of the class's body, so that all that the language checks is told with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Union

import attrs

from lume_dsl.compose.document import ComposingFlow, Document, read_flow_of_flows
from lume_dsl.compose.flows import FoundFlow, find_composing_flows, is_prefect_flow
from lume_dsl.compose.mappings import MappingError, mapped_value, source_of_mapping
from lume_dsl.compose.names import attribute_name, parameter_name
from lume_dsl.declare.body import Body, Unknown
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import MISSING, Member
from lume_dsl.declare.made import flow_of_lines
from lume_dsl.declare.parameters import spec_of
from lume_dsl.declare.subflows import call_of, called
from lume_dsl.errors import DefinitionError, Place, Problem, did_you_mean
from lume_dsl.records.provenance import FILE
from lume_dsl.values.forms import JSON

__all__ = ["UNTYPED", "Composition"]

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
        flows: dict[str, FlowMeta] = {}
        for name, one in found.items():
            try:
                flows[name] = _flow_class(one.flow)
            except DefinitionError as error:  # of a flow written by hand
                place = document.place_in(name, "flow" if _listed(document, name).flow else "name")
                problems += [attrs.evolve(problem, subject=name, place=place) for problem in error.problems]
        problems += (*_unknown_parents(document), *_same_attributes(document))
        order, cycles = _order(document)
        return cls(document, found, flows, order, (*document.problems, *problems, *cycles))

    def flow(self, name: str) -> ComposingFlow:
        """Return one of the flows as the file has it."""
        return _listed(self.document, name)

    def inlined(self) -> FlowMeta:
        """Return the flow class whose body calls the flows, each line at its place in the file.

        Raises:
            DefinitionError: All that is wrong with the file and the flow that it describes.
        """
        content = self.document.content
        given = {"name": content.name, "project": content.project_name, "labels": content.labels}
        options = {key: value for key, value in given.items() if value}
        lines = [*_parameter_lines(self), *_call_lines(self)]
        made = flow_of_lines(content.name, lines, options, start=self.document.place(), problems=self.problems)
        setattr(made, FILE, str(Path(self.document.path).resolve()))
        return made


def _listed(document: Document, name: str) -> ComposingFlow:
    return next(flow for flow in document.content.composing_flows if flow.name == name)


def _flow_class(flow: Any) -> FlowMeta:
    if not is_prefect_flow(flow):
        found: FlowMeta = flow
        return found
    from lume_dsl.compose.by_hand import part_of_composition  # Prefect, which made the flow

    return part_of_composition(flow)


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


def _same_attributes(document: Document) -> Iterator[Problem]:
    names: dict[str, str] = {}
    for flow in document.content.composing_flows:
        first = names.setdefault(attribute_name(flow.name), flow.name)
        if first != flow.name:
            message = f"becomes the subflow {attribute_name(flow.name)!r}, as {first!r} does"
            place = document.place_in(flow.name, "name")
            yield Problem("composition", flow.name, message, "give one of the two another name", place)


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
        given = {*flow.mapped_parameters, *flow.parameters, *composition.document.unread.get(flow.name, ())}
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
    flow, place_in = composition.flow(name), composition.document.place_in
    places = {key: place_in(name, "parameters", key) for key in flow.parameters}
    mapped = [*flow.mapped_parameters, *composition.document.unread.get(name, ())]
    places |= {key: place_in(name, "mapped_parameters", key) for key in mapped}
    _check_names(composition, flow, places, body)
    values = dict(_values(composition, flow, body))
    body[attribute_name(name)] = called(body, composition.flows[name], (), values, places=places)


def _check_names(composition: Composition, flow: ComposingFlow, places: Mapping[str, Place], body: Body) -> None:
    """Note what is given that is no parameter, or twice."""
    known = composition.flows[flow.name].__lume_graph__.parameters
    for name, place in places.items():
        message, fix = "", ""
        if name not in known:
            message = f"is no parameter of {flow.name}{did_you_mean(name, known)}"
            fix = f"the parameters are: {', '.join(known) or 'none'}"
        elif name in flow.parameters and name in flow.mapped_parameters:
            message, fix = "is mapped, and a constant too", "leave one of the two out"
        if message:
            body.problems.append(Problem("composition", f"{flow.name}.{name}", message, fix, place))


def _values(composition: Composition, flow: ComposingFlow, body: Body) -> Iterator[tuple[str, Any]]:
    """The values of a flow's parameters. What is wrong with a mapping is noted, and then its value unknown."""
    for name, member in composition.flows[flow.name].__lume_graph__.parameters.items():
        if name in flow.mapped_parameters:
            yield name, _mapped(composition, flow, member, body)
        elif name in flow.parameters:
            yield name, flow.parameters[name]
        elif name in composition.document.unread.get(flow.name, ()):
            yield name, body.unknown(name)
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
