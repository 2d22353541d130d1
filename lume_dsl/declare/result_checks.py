"""What must hold of a flow's results: their annotations, what they store, and where.

File types and record classes are known here only by what they promise: ``stores()`` and ``unique_on``.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import attrs

from lume_dsl.declare.build import Unresolved
from lume_dsl.declare.edge_checks import SHOWN_AS, fit, fits, found_in, known_type, uncalled
from lume_dsl.declare.filenames import VALUE, FilenameTemplate, InFilename, format_value
from lume_dsl.declare.graph import (
    Argument,
    Collection,
    Constant,
    Edge,
    FileResult,
    Graph,
    Input,
    Member,
    Merge,
    Operation,
    RecordResult,
    ValueResult,
    parameter_in,
)
from lume_dsl.declare.subject import Subject
from lume_dsl.errors import Problem, RecordError, did_you_mean
from lume_dsl.values.classes import Field, fields_of
from lume_dsl.values.encoding import encode
from lume_dsl.values.names import type_name
from lume_dsl.values.storable import unstorable
from lume_dsl.values.type_names import type_string

__all__ = ["paths", "results", "secrets"]


def _is_file_type(tp: Any) -> bool:
    return isinstance(tp, type) and callable(getattr(tp, "stores", None))


def _is_record_type(tp: Any) -> bool:
    return isinstance(tp, type) and hasattr(tp, "unique_on")


def results(flow: Subject) -> Iterator[Problem]:
    for member in flow.graph.results.values():
        if member.name not in flow.annotated or member.type is Unresolved:
            continue
        if isinstance(member.work, FileResult):
            yield from _file_result(flow, member)
        elif isinstance(member.work, RecordResult):
            yield from _record_result(flow, member)
        elif isinstance(member.work, ValueResult):
            yield from fit(flow, member, "value", member.type, "result-type")


def _file_result(flow: Subject, member: Member) -> Iterator[Problem]:
    if not _is_file_type(member.type):
        message = f"{type_name(member.type)} is not a file type"
        yield flow.problem("result-type", member, message, "annotate it with TextFile, JSONFile or another File type")
        return
    yield from fit(flow, member, "obj", member.type.stores(), "result-type")
    filename = member.inputs.get("filename")
    if isinstance(filename, Constant) and isinstance(filename.value, FilenameTemplate):
        yield from _template(flow, member, filename.value)
    else:
        yield from fit(flow, member, "filename", str | os.PathLike, "edge-type")
    yield from fit(flow, member, "filesystem_identifier", str, "edge-type")


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
        found, origin = found_in(flow, source)
        if not fits(flow, source, InFilename):
            message = f"{{{name}}} in its filename takes a text, a number or a date, got {found} from {origin}"
            is_enum = isinstance(source, Edge) and issubclass(_class(known_type(flow, source.upstream)), enum.Enum)
            of_value = f"write {name}_value = {name}.value above it, and {{{name}_value}} in the filename"
            fix = of_value if is_enum else "make a text of it in a task, and name that"
            yield flow.problem("edge-type", member, message, fix)
            continue
        sample = _SAMPLES.get(known_type(flow, source.upstream)) if isinstance(source, Edge) else source.value
        try:
            if sample is not None:
                format_value(sample, spec)
        except (TypeError, ValueError) as error:
            message = f"{{{name}:{spec}}} in its filename is no format of {found}: {error}"
            yield flow.problem(
                "edge-type", member, message, "write {n:04d} for an int, {x:.3f} for a float, {day:%Y%m%d}"
            )


def _class(tp: Any) -> type:
    return tp if isinstance(tp, type) else object


def _record_result(flow: Subject, member: Member) -> Iterator[Problem]:
    if not _is_record_type(member.type):
        message = f"{type_name(member.type)} is not a record class"
        yield flow.problem("result-type", member, message, "annotate it with DBResult or a subclass of it")
        return
    try:
        own = _own_fields(flow, member.type)
    except RecordError as error:  # it has fields without a type
        message, _, fix = str(error).partition(": write ")
        yield flow.problem("result-type", member, message, f"write {fix}")
        return
    except (NameError, TypeError) as error:
        message = f"the fields of {type_name(member.type)} cannot be told: {error}"
        yield flow.problem("result-type", member, message, "mend their annotations")
        return
    for message, fix in _record_class_problems(member.type):
        yield flow.problem("result-type", member, message, fix)
    for field in own.values():
        if field.name in member.inputs:
            yield from fit(flow, member, field.name, field.type, "result-type")
        elif field.required:
            yield _missing_field(flow, member, field, own)
    yield from _outputs(flow, member)


def _record_class_problems(cls: Any) -> Iterator[tuple[str, str]]:
    try:
        type_string(cls)
    except ValueError as error:
        yield tuple(str(error).split("; ", 1))  # type: ignore[misc]  # what is wrong, and what to do
    if not isinstance(cls.unique_on, tuple) or not all(isinstance(name, str) for name in cls.unique_on):
        yield f"{cls.__name__}.unique_on is no tuple of names", 'write unique_on = ("flow_name", "inputs")'
        return
    known = [field.name for field in attrs.fields(cls)]
    for name in cls.unique_on:
        if name not in known:
            wrong = f"{cls.__name__}.unique_on names {name!r}, which is no field of it{did_you_mean(name, known)}"
            yield wrong, f"name some of {', '.join(known)}"


def _own_fields(flow: Subject, cls: Any) -> dict[str, Field]:
    """The fields that a record class adds to those of every record, which the run fills.

    Of a field with a converter, which may take anything, the type is left open.
    """
    base = [one for one in cls.__mro__ if _is_record_type(one)][-1]
    converted = {field.name: field.converter is not None for field in attrs.fields(cls)}
    every = {field.name for field in attrs.fields(base)}
    return {
        field.name: attrs.evolve(field, type=Any) if converted[field.attribute] else field
        for field in fields_of(cls, flow.names)
        if field.attribute not in every
    }


def _missing_field(flow: Subject, member: Member, field: Field, own: dict[str, Field]) -> Problem:
    near = did_you_mean(field.name, [name for name in member.inputs if name not in own])
    message = f"{type_name(member.type)} needs {field.name}: {type_name(field.type)}, which no output fills{near}"
    fix = f"write db_result({field.name}=...), or give the field a default"
    if field.name in getattr(member.work, "options", ()):
        fix = f"a constant {field.name}= is a task option: give the field the value of a parameter or a task"
    return flow.problem("result-type", member, message, fix)


def _outputs(flow: Subject, member: Member) -> Iterator[Problem]:
    """All outputs can be stored, as far as their types tell."""
    for key, source in member.inputs.items():
        if isinstance(source, Constant):
            try:
                encode(source.value, f"output {key!r}")
            except RecordError as error:
                yield flow.problem("result-type", member, str(error), uncalled(source) or "record what can be stored")
        elif source.checked and (wrong := unstorable(known_type(flow, source.upstream))):
            yield flow.problem("result-type", member, f"output {key!r}: {wrong[0]} ({source.upstream})", wrong[1])


def paths(flow: Subject) -> Iterator[Problem]:
    """No two file results name one constant path on one filesystem."""
    first: dict[tuple[Any, Any], str] = {}
    for member in flow.graph.members.values():
        filename, filesystem = (_where(flow, member, key) for key in ("filename", "filesystem_identifier"))
        if not isinstance(member.work, FileResult) or filename is None or filesystem is None:
            continue
        if member.each and not _varies(flow, member):
            message = f"saves each run of {member.subflow} to the same file"
            yield flow.problem(
                "path-taken", member, message, f"name in it what the runs differ in{_differing(flow, member)}"
            )
        taken = first.setdefault((filename, filesystem), member.name)
        if taken != member.name:
            message = f"saves to the same file as {taken}"
            yield flow.problem("path-taken", member, message, "give it another filename")


def _passed_on(flow: Subject, source: Input | None) -> Input | None:
    """Where a value comes from that subflows only pass on."""
    while isinstance(source, Edge) and isinstance(work := flow.graph.members[source.upstream].work, Argument):
        parameter = flow.graph.members[source.upstream]
        given = next(iter(parameter.inputs.values()), None)
        if given is None and (work.parameter.factory or work.parameter.env):
            return source
        source = Constant(work.parameter.default) if given is None else given
    return source


def _varies(flow: Subject, member: Member) -> bool:
    """Whether the runs of a mapped subflow may differ in the filename, in more than parameters that all have."""
    sources = [source for key, source in member.inputs.items() if key == "filename" or key.startswith(VALUE)]
    upstream = [flow.graph.members[source.upstream] for source in sources if isinstance(source, Edge)]
    return any(
        not isinstance(one.work, Argument) or one.work.parameter.factory is not None or one.mapped_over
        for one in upstream
    )


def _differing(flow: Subject, member: Member) -> str:
    """The parameters of a mapped subflow that its runs differ in, as a filename names them."""
    siblings = [one for one in flow.graph.members.values() if one.subflow == member.subflow and one.mapped_over]
    names = [f"{{{one.own_name}}}" for one in siblings if isinstance(one.work, Argument)]
    return f": {', '.join(names)}" if names else ""


def _where(flow: Subject, member: Member, key: str) -> Any:
    """A file name or filesystem, spelt in one way; None where it is none, which is another problem."""
    source = _passed_on(flow, member.inputs.get(key))
    if isinstance(source, Edge):
        return source
    value = source.value if source else None
    if isinstance(value, FilenameTemplate):
        return os.path.normpath(value.text), *(member.inputs.get(VALUE + name) for name in value.names)
    return os.path.normpath(value) if isinstance(value, str) else None


def secrets(flow: Subject) -> Iterator[Problem]:
    """No result is, or holds, a secret parameter or a part of one, which would be shown and kept.

    Nor is a parameter of a subflow, which is none itself. What a task, a step or an operator has made of a secret is
    the author's own matter.
    """
    results = flow.graph.results
    for member in flow.graph.members.values():
        is_open = isinstance(member.work, Argument) and not member.work.parameter.secret
        for key, source in member.inputs.items() if is_open or member.name in results else ():
            if isinstance(source, Edge) and (secret := _secret_in(flow.graph, source.upstream)):
                what = "is a secret parameter" if secret == source.upstream else f"holds the secret parameter {secret}"
                if is_open:
                    message = f"{what}, and {member.own_name} of the flow is none"
                    fix = f"declare {member.own_name} with parameter(secret=True), or leave it out"
                    yield flow.problem("parameter-option", member, message, fix)
                    continue
                message = f"{SHOWN_AS.get(key, key)!r} {what}, which a result would show"
                yield flow.problem("parameter-option", member, message, "leave it out")


def _secret_in(graph: Graph, name: str) -> str:
    """The first secret parameter that stands in a member's value, whole or in part, as it was given, or ``""``."""
    todo, seen = [name], set()
    while todo:
        member = graph.members[todo.pop()]
        if (parameter := parameter_in(member.work)) and parameter.secret:
            return member.name
        if member.name not in seen:
            seen.add(member.name)
            todo += [source.upstream for source in reversed(_parts(member)) if isinstance(source, Edge)]
    return ""


def _parts(member: Member) -> list[Input]:
    """Where a member's value has its parts from: the items of a collection; what an item or attribute is read from."""
    if isinstance(member.work, (Collection, Merge)):
        return list(member.inputs.values())
    is_read = isinstance(member.work, Operation) and member.work.symbol in ("getattr", "getitem")
    return [source for key, source in member.inputs.items() if is_read and key == "task_result"]  # not the key
