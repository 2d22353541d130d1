"""What must hold of a flow's graph. Each check is a plain function from the graph to problems.

Nothing of the user's tasks runs. File types and record classes are known here only by what they promise:
``stores()`` and ``unique_on``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from numbers import Number
from types import FunctionType
from typing import Any, get_origin

import attrs

from lume_dsl.declare.assignable import assignable, element
from lume_dsl.declare.build import Unresolved
from lume_dsl.declare.filenames import VALUE, FilenameTemplate, InFilename, format_value
from lume_dsl.declare.graph import (
    Collection,
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
from lume_dsl.declare.outcomes import type_of
from lume_dsl.declare.parameter_checks import parameters
from lume_dsl.declare.parameters import unit_of
from lume_dsl.declare.references import Reference
from lume_dsl.declare.subject import Subject
from lume_dsl.errors import Problem, RecordError
from lume_dsl.values.convert import short
from lume_dsl.values.encoding import encode
from lume_dsl.values.names import type_name
from lume_dsl.values.units import difference, unit_in

__all__ = ["SHOWN_AS", "check", "is_file_type", "is_record_type"]

SHOWN_AS = {"obj": "value", "filesystem_identifier": "filesystem"}
"""Arguments of the tasks that result fields become, by what they are called in the fields."""


def check(name: str, graph: Graph, annotated: frozenset[str], names: Mapping[str, Any] | None = None) -> list[Problem]:
    """Return all problems of a flow's graph."""
    subject = Subject(name, graph, annotated, names or {})
    checks = (
        *(_annotations, parameters, _results, _edges, _units, _secrets),
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
    filename = member.inputs.get("filename")
    if isinstance(filename, Constant) and isinstance(filename.value, FilenameTemplate):
        yield from _template(flow, member, filename.value)
    else:
        yield from _fit(flow, member, "filename", str | os.PathLike, "edge-type")
    yield from _fit(flow, member, "filesystem_identifier", str, "edge-type")


_SAMPLES: dict[Any, Any] = {
    str: "a", int: 1, float: 1.0, Decimal: Decimal(1),
    date: date(2000, 1, 1), datetime: datetime(2000, 1, 1), time: time(),
}  # fmt: skip
"""A value of each type of which every value has the same formats."""


def _template(flow: Subject, member: Member, template: FilenameTemplate) -> Iterator[Problem]:
    """The values of a filename are texts, numbers or dates, and have the formats that it asks for."""
    for name, spec in template.formats:
        source = member.inputs.get(VALUE + name)
        if source is None or not source.checked:  # of the run, or with its own problem
            continue
        found, origin = _found(flow, source)
        if not _fits(flow, source, InFilename):
            message = f"{{{name}}} in its filename takes a text, a number or a date, got {found} from {origin}"
            yield flow.problem("edge-type", member, message, "make a text of it in a task, and name that")
            continue
        sample = _SAMPLES.get(_known_type(flow, source.upstream)) if isinstance(source, Edge) else source.value
        try:
            if sample is not None:
                format_value(sample, spec)
        except (TypeError, ValueError) as error:
            message = f"{{{name}:{spec}}} in its filename is no format of {found}: {error}"
            yield flow.problem(
                "edge-type", member, message, "write {n:04d} for an int, {x:.3f} for a float, {day:%Y%m%d}"
            )


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
    if is_task and not source.mapped and _items_fit(flow, source, expected):
        return "write .map(...) behind the task, to run it for each item"
    if isinstance(source, Constant) and isinstance(source.value, FunctionType):
        return "write @step above the method whose value is meant"
    return f"give it a value of the type {whole}, or change the annotation"


def _items_fit(flow: Subject, source: Input, expected: Any) -> bool:
    """Whether it has items of a known type that fits. An array or a path may have some that do, as far as is known."""
    if isinstance(source, Edge) and element(flow.graph.members[source.upstream].type) is Any:
        return False
    return _fits(flow, attrs.evolve(source, mapped=True), expected)


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
    is_row = not isinstance(items, (str, bytes, dict)) and hasattr(items, "__len__") and hasattr(items, "__getitem__")
    return is_row and all(_is_instance(item, expected) for item in items)


def _is_instance(value: Any, tp: Any) -> bool:
    if not assignable(type(value), tp):
        return False
    if isinstance(tp, type) and get_origin(tp) is None:  # list[int] is a type, on Python 3.10
        return True
    import typeguard  # heavy third party, and only constants of a composed type need it

    try:
        typeguard.check_type(value, tp, collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS)
    except typeguard.TypeCheckError:
        return _has_other_numbers(value) and assignable(type_of(value), tp)
    except Exception:  # a type that typeguard does not understand: nothing is known of it
        return True
    return True


def _has_other_numbers(value: Any) -> bool:
    """Whether there are numbers in a constant that are none of Python's own, as NumPy's, which typeguard refuses."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_has_other_numbers, value))
    if isinstance(value, dict):
        return any(map(_has_other_numbers, value.values()))
    return isinstance(value, Number) and type(value).__module__ != "builtins"


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
    """No result is, or holds, a secret parameter or a part of one, which would be shown and kept.

    What a task, a step or an operator has made of a secret is the author's own matter.
    """
    for member in flow.graph.results.values():
        for key, source in member.inputs.items():
            if isinstance(source, Edge) and (secret := _secret_in(flow.graph, source.upstream)):
                what = "is a secret parameter" if secret == source.upstream else f"holds the secret parameter {secret}"
                message = f"{SHOWN_AS.get(key, key)!r} {what}, which a result would show"
                yield flow.problem("parameter-option", member, message, "leave it out")


def _secret_in(graph: Graph, name: str) -> str:
    """The first secret parameter that stands in a member's value, whole or in part, as it was given, or ``""``."""
    todo, seen = [name], set()
    while todo:
        member = graph.members[todo.pop()]
        if isinstance(member.work, Parameter) and member.work.secret:
            return member.name
        if member.name not in seen:
            seen.add(member.name)
            todo += [source.upstream for source in reversed(_parts(member)) if isinstance(source, Edge)]
    return ""


def _parts(member: Member) -> list[Input]:
    """Where a member's value has its parts from: the items of a collection; what an item or attribute is read from."""
    if isinstance(member.work, Collection):
        return list(member.inputs.values())
    is_read = isinstance(member.work, Operation) and member.work.symbol in ("getattr", "getitem")
    return [source for key, source in member.inputs.items() if is_read and key == "task_result"]  # not the key


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
        filename, filesystem = (_where(member, key) for key in ("filename", "filesystem_identifier"))
        if not isinstance(member.work, FileResult) or filename is None or filesystem is None:
            continue
        taken = first.setdefault((filename, filesystem), member.name)
        if taken != member.name:
            message = f"saves to the same file as {taken}"
            yield flow.problem("path-taken", member, message, "give it another filename")


def _where(member: Member, key: str) -> Any:
    """A file name or filesystem, spelt in one way; None where it is none, which is another problem."""
    source = member.inputs.get(key)
    if isinstance(source, Edge):
        return source
    value = source.value if source else None
    if isinstance(value, FilenameTemplate):
        return os.path.normpath(value.text), *(member.inputs.get(VALUE + name) for name in value.names)
    return os.path.normpath(value) if isinstance(value, str) else None


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
