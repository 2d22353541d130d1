"""Values of a flow's parameters: each against its type and bounds, all of a call at once."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.body import caller_place
from lume_dsl.declare.graph import MISSING, Graph, Member, Parameter
from lume_dsl.declare.references import has_references
from lume_dsl.errors import DefinitionError, ParameterError, Problem, did_you_mean
from lume_dsl.values.convert import structure
from lume_dsl.values.names import type_name

__all__ = ["BOUND_SIGNS", "bind_values", "check_given", "check_value", "spec_of"]


def spec_of(member: Member) -> Parameter:
    """The parameter that a member of ``Graph.parameters`` is."""
    if not isinstance(member.work, Parameter):
        raise TypeError(f"{member.name} is not a parameter")
    return member.work


def check_value(value: Any, tp: Any, spec: Parameter) -> tuple[Any, list[str]]:
    """Return the value as ``tp`` holds it, and what is wrong with it: its type, else its bounds.

    Each message says where in the value (``[3]: expected float, got 'high'``).
    """
    converted, offences = structure(value, tp)
    if offences:
        return value, [
            f"{offence.path}: {offence.message}" if offence.path else offence.message for offence in offences
        ]
    return converted, _bound_problems(converted, spec)


BOUND_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
"""How a person reads the names of bounds."""


def _bound_problems(value: Any, spec: Parameter) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return []
    unit = f" {spec.unit}" if spec.unit else ""
    return [
        f"expected {BOUND_SIGNS[name]} {bound}{unit}, got {value}"
        for name, bound in spec.bounds.items()
        if isinstance(bound, (int, float)) and not getattr(operator, name)(value, bound)
    ]


def bind_values(name: str, graph: Graph, args: tuple[Any, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every parameter, in field order, defaults filled in.

    Raises:
        ParameterError: All values that are missing, unknown, or do not fit.
        DefinitionError: A value is a reference of a flow's body.
    """
    problems = [_positional(name, graph)] if args else []
    missing = [member for key, member in graph.parameters.items() if key not in values and spec_of(member).required]
    problems += [_missing(name, member, spec_of(member)) for member in missing]
    filled = {key: values.get(key, spec_of(member).default) for key, member in graph.parameters.items()}
    bound, wrong = _check_all(name, graph, {key: value for key, value in filled.items() if value is not MISSING})
    problems += wrong + _all_unknown(name, graph, values)
    if problems:
        order = [f"{name}.{key}" for key in graph.parameters]
        raise ParameterError(tuple(sorted(problems, key=lambda problem: _place_of(problem, order))))
    return bound


def check_given(name: str, graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that are given, as their types hold them; none is required.

    Raises:
        ParameterError: All values that are unknown or do not fit.
    """
    bound, wrong = _check_all(name, graph, {key: value for key, value in values.items() if key in graph.parameters})
    if problems := wrong + _all_unknown(name, graph, values):
        raise ParameterError(tuple(problems))
    return bound


def _check_all(name: str, graph: Graph, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    bound: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in values.items():
        member = graph.parameters[key]
        bound[key], messages = check_value(value, member.type, spec_of(member))
        if messages and has_references(value):
            raise DefinitionError((_subflow(name, key),))
        problems += [Problem("parameter-value", *_at(f"{name}.{key}", message)) for message in messages]
    return bound, problems


def _all_unknown(name: str, graph: Graph, values: Mapping[str, Any]) -> list[Problem]:
    return [_unknown(name, key, graph) for key in values if key not in graph.parameters]


def _place_of(problem: Problem, order: list[str]) -> int:
    """The call as a whole, then the fields in their order, then what is about no field of the flow."""
    subject = problem.subject.partition("[")[0]
    if "." not in subject:
        return -1
    return order.index(subject) if subject in order else len(order)


def _at(subject: str, message: str) -> tuple[str, str]:
    """Move the path that a message begins with into the subject: ``Scan.magnets[3]``."""
    if message.startswith("["):
        path, _, rest = message.partition("]: ")
        return f"{subject}{path}]", rest
    return subject, message


def _missing(name: str, member: Member, spec: Parameter) -> Problem:
    about = f", {spec.help}" if spec.help else ""
    message = f"is required ({type_name(member.type)}{about})"
    return Problem("parameter-missing", f"{name}.{member.name}", message, f"give it: {member.name}=...")


def _unknown(name: str, key: str, graph: Graph) -> Problem:
    if key in graph.members:
        message = f"is a result of {name}, not a parameter"
        return Problem("parameter-unknown", f"{name}.{key}", message, f"read it after a run: {name}(...).run().{key}")
    known = ", ".join(graph.parameters) or "none"
    message = f"is not a parameter{did_you_mean(key, graph.parameters)}"
    return Problem("parameter-unknown", f"{name}.{key}", message, f"the parameters are: {known}")


def _positional(name: str, graph: Graph) -> Problem:
    first = next(iter(graph.parameters), "x")
    return Problem("parameter-positional", name, "takes its parameters by name", f"write {name}({first}=...)")


def _subflow(name: str, key: str) -> Problem:
    message = "was given a reference, but this version does not run a flow inside another flow's body"
    return Problem("subflow", f"{name}.{key}", message, "call the tasks themselves in the body", caller_place())
