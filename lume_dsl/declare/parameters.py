"""Values of a flow's parameters: each against its type and constraints, all of a call at once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from lume_dsl.declare.attributes import is_constant_of
from lume_dsl.declare.body import caller_place
from lume_dsl.declare.constraints import broken, shown_constraints
from lume_dsl.declare.graph import MISSING, Graph, Member, Parameter, parameter_in
from lume_dsl.declare.references import has_references
from lume_dsl.environment import variable_text
from lume_dsl.errors import DefinitionError, ParameterError, Problem, did_you_mean, text_of
from lume_dsl.secrets import HIDDEN, hide
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.names import type_name
from lume_dsl.values.scalars import Offence, Offences
from lume_dsl.values.text import parse_text
from lume_dsl.values.units import unit_in

__all__ = [
    "FROM_FLOW",
    "abstract_problems",
    "bind_values",
    "call_problems",
    "check_given",
    "check_value",
    "json_values",
    "parameter_of",
    "parse_value",
    "shown_values",
    "spec_of",
    "unit_of",
    "unsaid",
    "value_problems",
    "without_defaults",
]

FROM_FLOW = {"__lume__": "default"}
"""The default that Prefect has of a parameter whose default only a run knows: of a factory, or of a variable."""


def spec_of(member: Member) -> Parameter:
    """The parameter that a member of ``Graph.parameters`` is, or of a subflow."""
    parameter = parameter_in(member.work)
    if parameter is None:
        raise TypeError(f"{member.name} is not a parameter")
    return parameter


def parameter_of(member: Member) -> Member:
    """A parameter of a subflow as it is in that flow's own graph, as far as its value goes."""
    own = member.own_name
    items = get_args(member.type)[0] if member.each else member.type
    return Member(own, spec_of(member), items, {}, member.place)


def unit_of(member: Member) -> str:
    """The unit of a parameter: of ``parameter(unit=...)``, or of its annotation."""
    return spec_of(member).unit or unit_in(member.type)


def check_value(value: Any, member: Member) -> tuple[Any, Offences]:
    """Return the value as the parameter's type holds it, and its offences: of its type, else of its constraints."""
    spec = spec_of(member)
    if member.type is Any:  # of a flow that was written by hand, where it takes any value
        return value, Offences()
    converted, offences = structure(value, member.type)
    if not offences:
        for message in broken(converted, spec.constraints, unit_of(member)):
            offences.add(message)
        if not offences and spec.validator is not None:
            _validate(spec.validator, converted, offences)
    return (value, offences) if offences else (converted, offences)


def _validate(validator: Any, value: Any, offences: Offences) -> None:
    name = getattr(validator, "__name__", type(validator).__name__)
    try:
        verdict = validator(copy.deepcopy(value))  # its own, which it may change
        is_right = verdict is not False and not (type(verdict).__name__ == "bool_" and not verdict)  # numpy's
    except (Exception, SystemExit) as error:  # how a validator says no
        offences.add(f"is refused by {name}: {text_of(error) or type(error).__name__}")
    else:
        if not is_right:
            offences.add(f"is refused by {name}")


def parse_value(text: str, member: Member) -> tuple[Any, Offences]:
    """Return the value that a person meant by a text, and its offences."""
    return parse_text(text, member.type, unit_of(member))


def value_problems(name: str, member: Member, offences: Offences) -> list[Problem]:
    """Return the problems that offences are; those of a secret do not show it."""
    subject = f"{name}.{member.name}"
    shown = offences.shown
    if shown and spec_of(member).secret:
        limits = {name: limit for name, limit in spec_of(member).constraints.items() if name != "choices"}
        about = ", ".join([type_name(member.type), *shown_constraints(limits)])
        shown = [Offence("", f"does not fit: expected {about}; its value is secret")]
    return [Problem("parameter-value", subject + offence.path, offence.message, offence.fix) for offence in shown]


def without_defaults(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that Prefect gives for parameters but ``FROM_FLOW``, which stands for those not given."""
    return {key: value for key, value in values.items() if not _is_from_flow(value, graph.parameters.get(key))}


def bind_values(
    name: str, graph: Graph, args: tuple[Any, ...], given: Mapping[str, Any], *, flow_class: type | None = None
) -> dict[str, Any]:
    """Return the value of every parameter, in field order: what is given, else its variable's, else its default.

    ``flow_class`` has the attributes that are none of its graph.

    Raises:
        ParameterError: All values that are missing, unknown, or do not fit.
        DefinitionError: A value is a reference of a flow's body.
    """
    problems = [_positional(name, graph)] if args else []
    bound: dict[str, Any] = {}
    wrong: list[Problem] = []
    count = 0
    for key, member in graph.parameters.items():
        bound[key], offences = _checked(name, member, given[key]) if key in given else unsaid(member)
        if bound[key] is MISSING and not args:
            problems.append(_missing(name, member, spec_of(member)))
        wrong += value_problems(name, member, offences)
        count += offences.count
    unknown = _all_unknown(name, graph, given, flow_class)
    if problems or wrong or unknown:
        count += len(problems) + len(unknown)
        raise ParameterError(in_field_order(name, graph, [*problems, *wrong, *unknown]), count)
    for key, member in graph.parameters.items():
        if spec_of(member).secret and bound[key] is not None:
            hide(unstructure(bound[key]))
    return bound


def abstract_problems(name: str, graph: Graph) -> list[Problem]:
    """Return what a flow leaves to a subclass."""
    message = "is left to a subclass, so there is no flow to run"
    fix = "redefine it in a class that inherits this one"
    return [Problem("abstract", f"{name}.{key}", message, fix, member.place) for key, member in graph.abstract.items()]


def call_problems(
    name: str, graph: Graph, args: tuple[Any, ...], given: Iterable[str], *, flow_class: type | None = None
) -> list[Problem]:
    """Return what is wrong with a call but for the values: what is missing, and what is no parameter."""
    problems = [_positional(name, graph)] if args else []
    for key, member in graph.parameters.items():
        spec = spec_of(member)
        if key not in given and spec.required and not spec.env and not args:
            problems.append(_missing(name, member, spec))
    return [*problems, *_all_unknown(name, graph, given, flow_class)]


def _is_from_flow(value: Any, member: Member | None) -> bool:
    """Whether it is what Prefect gives for a parameter whose default only a run knows."""
    if type(value) is not dict or value != FROM_FLOW or member is None:
        return False
    return spec_of(member).factory is not None or bool(spec_of(member).env)


def unsaid(member: Member, *, whole: bool = True) -> tuple[Any, Offences]:
    """Return the value of a parameter that is not given, and its offences: its variable's, its factory's or default.

    ``MISSING`` where it has none. Unless it is ``whole``, and parts of it are still to come, it need not fit yet.
    """
    spec, source = spec_of(member), ""
    value, offences = spec.default, Offences()
    text = variable_text(spec.env) if spec.env else None
    if text is not None:
        value, offences = parse_value(text, member)
        source = f"${spec.env}"
    elif spec.factory is not None:
        try:
            value = spec.factory()
        except (Exception, SystemExit) as error:  # a function of the user's
            offences.add(f"its factory raised {type(error).__name__}: {text_of(error)}", f"give it: {member.name}=...")
            return None, offences
    if whole and not offences and value is not MISSING:
        value, offences = check_value(value, member)
    if source:
        offences.say_source(source)
    return value, offences


def check_given(name: str, graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that are given to find records by, as their types hold them; none is required.

    Raises:
        ParameterError: All values that are unknown, secret or do not fit.
    """
    bound: dict[str, Any] = {}
    problems: list[Problem] = []
    count = 0
    for key, value in values.items():
        if key in graph.parameters and spec_of(graph.parameters[key]).secret:
            problems.append(_hidden(name, key))
            count += 1
        elif key in graph.parameters:
            bound[key], offences = _checked(name, graph.parameters[key], value)
            problems += value_problems(name, graph.parameters[key], offences)
            count += offences.count
    unknown = _all_unknown(name, graph, values)
    if problems or unknown:
        raise ParameterError(tuple(problems + unknown), count + len(unknown))
    return bound


def _checked(name: str, member: Member, value: Any) -> tuple[Any, Offences]:
    """The value as the parameter holds it, and its offences.

    Raises:
        DefinitionError: It is a reference of a flow's body.
    """
    bound, offences = check_value(value, member)
    if offences and has_references(value):
        raise DefinitionError((_subflow(name, member.name),))
    return bound, offences


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON forms of parameter values, in their order."""
    return {name: unstructure(value) for name, value in values.items()}


def shown_values(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameter values as they may be shown and recorded: secrets are hidden."""
    return {
        name: HIDDEN if name in graph.parameters and spec_of(graph.parameters[name]).secret else value
        for name, value in values.items()
    }


def _all_unknown(name: str, graph: Graph, values: Iterable[str], flow_class: type | None = None) -> list[Problem]:
    return [_unknown(name, key, graph, flow_class) for key in values if key not in graph.parameters]


def in_field_order(name: str, graph: Graph, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in order: of the call as a whole, of the fields in theirs, then of no field of the flow."""
    order = {key: place for place, key in enumerate(graph.parameters)}

    def place(problem: Problem) -> int:
        _, dot, rest = problem.subject.removeprefix(name).partition(".")
        key = rest.partition(".")[0].partition("[")[0]
        return order.get(key, len(order)) if dot else -1

    return tuple(sorted(problems, key=place))


def _missing(name: str, member: Member, spec: Parameter) -> Problem:
    about = f", {spec.help}" if spec.help else ""
    message = f"is required ({type_name(member.type)}{about})"
    fix = f"give it: {member.name}=..." + (f", or set ${spec.env}" if spec.env else "")
    return Problem("parameter-missing", f"{name}.{member.name}", message, fix)


LONGEST_NAME = 80
"""Characters of a name that is no parameter's, which may be anything."""


def _unknown(name: str, key: str, graph: Graph, flow_class: type | None) -> Problem:
    if is_constant_of(flow_class, key):
        message = "is a plain attribute of the class, as it has no annotation"
        return Problem("parameter-unknown", f"{name}.{key}", message, f"annotate it: {key}: <its type> = ...")
    if key in graph.members:
        message = f"is a result of {name}, not a parameter"
        return Problem("parameter-unknown", f"{name}.{key}", message, f"read it after a run: {name}(...).run().{key}")
    known = ", ".join(graph.parameters) or "none"
    message = f"is not a parameter{did_you_mean(key, graph.parameters)}"
    shown = key if len(key) <= LONGEST_NAME else f"{key[:LONGEST_NAME]}…"
    return Problem("parameter-unknown", f"{name}.{shown}", message, f"the parameters are: {known}")


def _hidden(name: str, key: str) -> Problem:
    message = "is secret: records do not hold it, so none is found by it"
    return Problem("parameter-value", f"{name}.{key}", message, "leave it out")


def _positional(name: str, graph: Graph) -> Problem:
    first = next(iter(graph.parameters), "x")
    return Problem("parameter-positional", name, "takes its parameters by name", f"write {name}({first}=...)")


def _subflow(name: str, key: str) -> Problem:
    message = "was given a reference outside of the body that it belongs to, where it has no value"
    return Problem("subflow", f"{name}.{key}", message, "call the flow in that body", caller_place())
