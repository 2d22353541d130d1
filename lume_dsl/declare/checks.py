"""What must hold of a flow's graph. Each check is a plain function from the graph to problems.

Nothing of the user's tasks runs. File types and record classes are known here only by what they promise:
``stores()`` and ``unique_on``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from types import FunctionType
from typing import Any, get_origin

import attrs

from lume_dsl.declare.assignable import assignable, element
from lume_dsl.declare.body import Unknown
from lume_dsl.declare.build import Unresolved
from lume_dsl.declare.constraints import constraint_problems
from lume_dsl.declare.graph import (
    MISSING,
    Constant,
    Edge,
    FileResult,
    Graph,
    Input,
    Member,
    Operation,
    Parameter,
    RecordResult,
    TaskRun,
    ValueResult,
)
from lume_dsl.declare.operations import Outcomes, written
from lume_dsl.declare.parameters import check_value, spec_of, unit_of
from lume_dsl.declare.references import Reference, draft_of
from lume_dsl.errors import Problem, RecordError, text_of
from lume_dsl.values.convert import short, structure
from lume_dsl.values.encoding import encode
from lume_dsl.values.jsontypes import offenders
from lume_dsl.values.names import type_name
from lume_dsl.values.units import difference, unit_in, unit_problem

__all__ = ["SHOWN_AS", "check", "is_file_type", "is_record_type"]

SHOWN_AS = {"obj": "value", "filesystem_identifier": "filesystem"}
"""Arguments of the tasks that result fields become, by what they are called in the fields."""


@attrs.frozen
class Subject:
    """A flow under check: its class's name, its graph, and the names that its body annotates."""

    name: str
    graph: Graph
    annotated: frozenset[str]
    names: Mapping[str, Any] = attrs.field(factory=dict)
    """Names that annotations may use besides those of their modules: of a function around the class."""

    def problem(self, kind: str, member: Member, message: str, fix: str = "", part: str = "") -> Problem:
        return Problem(kind, f"{self.name}.{member.name}{part}", message, fix, member.place)


def check(name: str, graph: Graph, annotated: frozenset[str], names: Mapping[str, Any] | None = None) -> list[Problem]:
    """Return all problems of a flow's graph."""
    subject = Subject(name, graph, annotated, names or {})
    checks = (
        *(_annotations, _parameter_types, _parameters, _results, _edges, _units, _secrets),
        *(_operations, _names, _paths, _cycles),
    )
    return [problem for one in checks for problem in one(subject)]


def is_file_type(tp: Any) -> bool:
    return isinstance(tp, type) and callable(getattr(tp, "stores", None))


def is_record_type(tp: Any) -> bool:
    return isinstance(tp, type) and hasattr(tp, "unique_on")


# annotations


def _annotations(flow: Subject) -> Iterator[Problem]:
    for member in flow.graph.members.values():
        is_field = member.is_result or isinstance(member.work, Parameter)
        if is_field and not member.visible:
            yield flow.problem("field-name", member, "is not assigned to a name", "write name: Type = ...")
        elif is_field and member.name not in flow.annotated:
            what = "parameter" if isinstance(member.work, Parameter) else "result"
            yield flow.problem("annotation", member, f"a {what} needs a type", f"write {member.name}: <its type> = ...")
        elif not is_field and member.name in flow.annotated:
            yield flow.problem(
                "annotation",
                member,
                "is a task's value, and an annotated name is a parameter or a result",
                f"leave the annotation out, or write {member.name}: {type_name(member.type)} = result(...)",
            )


# parameters


def _parameter_types(flow: Subject) -> Iterator[Problem]:
    for member in _typed_parameters(flow):
        for offender in offenders(member.type, flow.names):
            whole = type_name(member.type)
            path = f"{whole} → {offender.path}: " if offender.path else ""
            message = f"{path}{offender.type} {offender.why}, so it cannot be a parameter's type"
            yield flow.problem("parameter-type", member, message, offender.fix)


def _parameters(flow: Subject) -> Iterator[Problem]:
    """Constraints and options fit the type; default and examples fit type and constraints."""
    for member in _typed_parameters(flow):
        if offenders(member.type, flow.names):
            continue
        spec, sound = spec_of(member), True
        for message, fix in constraint_problems(member.type, spec.constraints):
            yield flow.problem("bound", member, message, fix)
            sound = False
        yield from _parameter_options(flow, member, spec)
        if sound:
            yield from _default(flow, member, spec)
            yield from _examples(flow, member, spec)


def _default(flow: Subject, member: Member, spec: Parameter) -> Iterator[Problem]:
    if isinstance(spec.default, Reference):
        if not isinstance(spec.default, Unknown):
            message = f"the default is {draft_of(spec.default).label}, whose value is known only when the flow runs"
            yield flow.problem("default", member, message, "a default is a constant")
        return
    value = spec.default
    if spec.factory is not None:
        try:
            value = spec.factory()
        except Exception as error:  # a function of the user's
            message = f"the factory raised {type(error).__name__}: {text_of(error)}"
            yield flow.problem("default", member, message, "give a function that takes nothing and returns a value")
            return
    if value is MISSING or (spec.secret and value is not None):
        return
    what = f"the default {short(value)}" if spec.factory is None else f"the factory's {short(value)}"
    offences = check_value(value, member)[1]
    for offence in offences.shown:
        part = f" at {offence.path}" if offence.path else ""
        fits_type = not structure(value, member.type)[1]
        other = "change the bound" if fits_type else f"annotate {member.name} as {_type_of_value(value)}"
        message = f"{what} does not fit{part}: {offence.message}"
        yield flow.problem("default", member, message, f"change the default, or {other}")
    if offences.count > len(offences.shown):
        message = f"{what} has {offences.count - len(offences.shown):,} more parts that do not fit"
        yield flow.problem("default", member, message, "change the default")


def _examples(flow: Subject, member: Member, spec: Parameter) -> Iterator[Problem]:
    examples: Any = spec.examples  # where no type checker was asked
    if not isinstance(examples, tuple):
        message = f"examples={short(examples)} is no list"
        yield flow.problem("example", member, message, "write examples=[...]")
        return
    for example in examples:
        for offence in check_value(example, member)[1].shown[:1]:
            part = f" at {offence.path}" if offence.path else ""
            message = f"the example {short(example)} does not fit{part}: {offence.message}"
            yield flow.problem("example", member, message, "change the example")


def _parameter_options(flow: Subject, member: Member, spec: Parameter) -> Iterator[Problem]:
    """What of ``parameter(...)`` does not go together."""
    env: Any = spec.env  # where no type checker was asked
    wrong = [
        (spec.factory is not None and spec.default is not MISSING, "has both default and factory", "keep one of them"),
        (spec.factory is not None and not callable(spec.factory), "its factory is not callable", "write factory=list"),
        (
            spec.validator is not None and not callable(spec.validator),
            "its validator is not callable",
            "give a function that takes the value, and raises ValueError where it is wrong",
        ),
        (
            spec.secret and (spec.factory is not None or (spec.default is not MISSING and spec.default is not None)),
            "is secret, and its default stands in the source",
            f'leave the default out, and write env="{member.name.upper()}"',
        ),
        (spec.secret and bool(spec.examples), "is secret, and has examples", "leave the examples out"),
        (
            not isinstance(env, str) or "=" in env or "\0" in env,
            f"env={short(env)} is no variable's name",
            f'write env="{member.name.upper()}"',
        ),
    ]
    for is_wrong, message, fix in wrong:
        if is_wrong:
            yield flow.problem("parameter-option", member, message, fix)
    unit: Any = unit_of(member)
    if not isinstance(unit, str):
        yield flow.problem("unit", member, f"unit={short(unit)} is no text", 'write unit="pC"')
    elif problem := unit_problem(unit):
        yield flow.problem("unit", member, problem, "write a unit such as pC, mm or MeV, or say it in help")


def _typed_parameters(flow: Subject) -> Iterator[Member]:
    for member in flow.graph.parameters.values():
        if member.name in flow.annotated and member.type is not Unresolved:
            yield member


def _type_of_value(value: Any) -> str:
    return type_name(type(value)) if type(value) in (str, int, float, bool) else "a type that holds it"


# results


def _results(flow: Subject) -> Iterator[Problem]:
    for member in flow.graph.results.values():
        if member.name not in flow.annotated or member.type is Unresolved:
            continue
        if isinstance(member.work, FileResult):
            yield from _file_result(flow, member)
        elif isinstance(member.work, RecordResult):
            yield from _record_result(flow, member)
        elif isinstance(member.work, ValueResult):
            yield from _fit(flow, member, "value", member.type, "result-type")


def _file_result(flow: Subject, member: Member) -> Iterator[Problem]:
    if not is_file_type(member.type):
        message = f"{type_name(member.type)} is not a file type"
        yield flow.problem("result-type", member, message, "annotate it with TextFile, JSONFile or another File type")
        return
    yield from _fit(flow, member, "obj", member.type.stores(), "result-type")
    yield from _fit(flow, member, "filename", str | os.PathLike, "edge-type")
    yield from _fit(flow, member, "filesystem_identifier", str, "edge-type")


def _record_result(flow: Subject, member: Member) -> Iterator[Problem]:
    if not is_record_type(member.type):
        message = f"{type_name(member.type)} is not a record class"
        yield flow.problem("result-type", member, message, "annotate it with DBResult or a subclass of it")
    for key, source in member.inputs.items():
        if isinstance(source, Constant):
            try:
                encode(source.value, f"output {key!r}")
            except RecordError as error:
                yield flow.problem("result-type", member, str(error), "record what can be stored")


# edges


def _edges(flow: Subject) -> Iterator[Problem]:
    for member in flow.graph.members.values():
        yield from _hidden_references(flow, member)
        for key, expected in member.expects.items():
            yield from _fit(flow, member, key, expected, "edge-type")


def _hidden_references(flow: Subject, member: Member) -> Iterator[Problem]:
    """``Beamline(length, drift)`` in a body makes an object that holds references, which no task can use."""
    for key, source in member.inputs.items():
        if isinstance(source, Constant) and _holds_references(source.value):
            what = type_name(type(source.value))
            message = f"{key!r} is a {what} that holds references, whose values are known only when the flow runs"
            yield flow.problem("reference-value", member, message, f"make the {what} in a task")


def _holds_references(value: Any) -> bool:
    return any(isinstance(held, Reference) for held in getattr(value, "__dict__", {}).values())


def _fit(flow: Subject, member: Member, key: str, expected: Any, kind: str) -> Iterator[Problem]:
    source = member.inputs.get(key)
    if source is None or not source.checked or _fits(flow, source, expected):
        return
    found, origin = _found(flow, source)
    whole = f"list[{type_name(expected)}]" if source.mapped else type_name(expected)
    yield flow.problem(
        kind,
        member,
        f"expected {whole} for {SHOWN_AS.get(key, key)!r}, got {found} from {origin}",
        _edge_fix(flow, member, key, expected, whole),
    )


def _edge_fix(flow: Subject, member: Member, key: str, expected: Any, whole: str) -> str:
    """What to write instead: another value, or ``.map`` and ``unmapped`` where that is what was forgotten."""
    source = member.inputs[key]
    is_task = isinstance(member.work, TaskRun)
    if source.mapped and _fits(flow, attrs.evolve(source, mapped=False), expected):
        return f"write unmapped(...) around {key}, to give it whole to each"
    if is_task and not source.mapped and _fits(flow, attrs.evolve(source, mapped=True), expected):
        return "write .map(...) behind the task, to run it for each item"
    if isinstance(source, Constant) and isinstance(source.value, FunctionType):
        return "write @step above the method whose value is meant"
    return f"give it a value of the type {whole}, or change the annotation"


def _fits(flow: Subject, source: Input, expected: Any) -> bool:
    if isinstance(source, Constant):
        return _constant_fits(source, expected)
    given = flow.graph.members[source.upstream].type
    if given is Unresolved:
        return True
    return _mappable(given) and assignable(element(given), expected) if source.mapped else assignable(given, expected)


_NOT_MAPPABLE = (int, float, bool, complex, type(None), None, str, bytes, dict, set, frozenset)


def _mappable(tp: Any) -> bool:
    """Whether it has items in an order, as far as is known."""
    return not any((get_origin(tp) or tp) is other for other in _NOT_MAPPABLE)


def _constant_fits(source: Constant, expected: Any) -> bool:
    if not source.mapped:
        return _is_instance(source.value, expected)
    items = source.value
    return isinstance(items, (list, tuple, range)) and all(_is_instance(item, expected) for item in items)


def _is_instance(value: Any, tp: Any) -> bool:
    if not assignable(type(value), tp):
        return False
    if isinstance(tp, type) and get_origin(tp) is None:  # list[int] is a type, on Python 3.10
        return True
    import typeguard  # heavy third party, and only constants of a composed type need it

    try:
        typeguard.check_type(value, tp, collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS)
    except typeguard.TypeCheckError:
        return False
    except Exception:  # a type that typeguard does not understand: nothing is known of it
        return True
    return True


def _found(flow: Subject, source: Input) -> tuple[str, str]:
    if isinstance(source, Constant):
        return short(source.value), "the body"
    return type_name(flow.graph.members[source.upstream].type), source.upstream


# operations


def _operations(flow: Subject) -> Iterator[Problem]:
    """No operator, item or attribute surely fails for the types of its values."""
    outcomes = Outcomes(lambda name: _known_type(flow, name))
    for member in flow.graph.members.values():
        if isinstance(member.work, Operation) and (outcome := outcomes.of(member.work, member.inputs)).wrong:
            message = f"{outcome.wrong} ({written(member.work.symbol, member.inputs)})"
            yield flow.problem("operation-type", member, message, outcome.fix)


def _known_type(flow: Subject, name: str) -> Any:
    tp = flow.graph.members[name].type
    return Any if tp is Unresolved else tp


def _units(flow: Subject) -> Iterator[Problem]:
    """Units at both ends of an edge are the same, where both are declared."""
    for member in flow.graph.members.values():
        for key, expected in member.expects.items():
            source, wanted = member.inputs.get(key), unit_in(expected)
            if not wanted or not isinstance(source, Edge) or not source.checked:
                continue
            upstream = flow.graph.members[source.upstream]
            given = unit_of(upstream) if isinstance(upstream.work, Parameter) else unit_in(upstream.type)
            if how := difference(given, wanted):
                message = f"expected {wanted} for {key!r}, got {given} from {source.upstream}: {how}"
                fix = f"convert it in a task, or declare one unit for both; unchecked({source.upstream}) opts out"
                yield flow.problem("unit", member, message, fix)


def _secrets(flow: Subject) -> Iterator[Problem]:
    """No result is a secret parameter itself, which would be shown and kept."""
    for member in flow.graph.results.values():
        for key, source in member.inputs.items():
            upstream = flow.graph.members[source.upstream].work if isinstance(source, Edge) else None
            if isinstance(upstream, Parameter) and upstream.secret:
                message = f"{SHOWN_AS.get(key, key)!r} is a secret parameter, which a result would show"
                yield flow.problem("parameter-option", member, message, "leave it out")


# names, paths, cycles


def _names(flow: Subject) -> Iterator[Problem]:
    """No two members become Prefect tasks of one name."""
    first: dict[str, str] = {}
    for member in flow.graph.members.values():
        if member.task_name in first:
            message = f"its task is named {member.task_name!r}, as is that of {first[member.task_name]!r}"
            yield flow.problem("name-taken", member, message, "give it another name=...")
        first.setdefault(member.task_name, member.name)


def _paths(flow: Subject) -> Iterator[Problem]:
    """No two file results name one constant path on one filesystem."""
    first: dict[tuple[Any, Any], str] = {}
    for member in flow.graph.results.values():
        filename, filesystem = (_where(member.inputs.get(key)) for key in ("filename", "filesystem_identifier"))
        if not isinstance(member.work, FileResult) or filename is None or filesystem is None:
            continue
        taken = first.setdefault((filename, filesystem), member.name)
        if taken != member.name:
            message = f"saves to the same file as {taken}"
            yield flow.problem("path-taken", member, message, "give it another filename")


def _where(source: Input | None) -> Edge | str | None:
    """A file name or filesystem, spelt in one way; None where it is none, which is another problem."""
    if isinstance(source, Edge):
        return source
    return os.path.normpath(source.value) if source and isinstance(source.value, str) else None


def _cycles(flow: Subject) -> Iterator[Problem]:
    upstream = {name: set(member.upstream) for name, member in flow.graph.members.items()}
    while circle := _circle(upstream):
        member = flow.graph.members[circle[0]]
        yield flow.problem("cycle", member, f"waits for itself: {' → '.join(circle)}", "break the circle")
        for name in circle:
            upstream.pop(name, None)


def _circle(upstream: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(upstream).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
