"""Whether the types of the values at both ends of an edge fit."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Number
from types import FunctionType
from typing import Any, get_args, get_origin

import attrs

from lume_dsl.declare.assignable import assignable, element
from lume_dsl.declare.build import Unresolved
from lume_dsl.declare.expressions import expression_of
from lume_dsl.declare.graph import (
    Argument,
    Constant,
    Edge,
    Input,
    Member,
    TaskRun,
)
from lume_dsl.declare.outcomes import type_of
from lume_dsl.declare.references import Reference
from lume_dsl.declare.subject import Subject
from lume_dsl.declare.tasks import Task, function_name
from lume_dsl.errors import Problem
from lume_dsl.values.convert import short
from lume_dsl.values.names import type_name

__all__ = ["SHOWN_AS", "crosses", "edges", "fit", "fits", "found_in", "known_type", "uncalled"]

SHOWN_AS = {"obj": "value", "filesystem_identifier": "filesystem"}
"""Arguments of the tasks that result fields become, by what they are called in the fields."""


def edges(flow: Subject) -> Iterator[Problem]:
    for member in flow.graph.members.values():
        if member.subflow and not crosses(member):  # its own flow, or the call, has been checked
            continue
        yield from _hidden_references(flow, member)
        for key, expected in member.expects.items():
            yield from fit(flow, member, key, expected, "edge-type")


def crosses(member: Member) -> bool:
    """Whether it is a parameter of a subflow that takes another member's value."""
    return isinstance(member.work, Argument) and any(isinstance(source, Edge) for source in member.inputs.values())


def _hidden_references(flow: Subject, member: Member) -> Iterator[Problem]:
    """``Beamline(length, drift)`` in a body makes an object that holds references, which no task can use."""
    for key, source in member.inputs.items():
        if isinstance(source, Constant) and _holds_references(source.value):
            what = type_name(type(source.value))
            message = f"{key!r} is a {what} that holds references, whose values are known only when the flow runs"
            yield flow.problem("reference-value", member, message, f"make the {what} in a task")


def _holds_references(value: Any) -> bool:
    return any(isinstance(held, Reference) for held in getattr(value, "__dict__", {}).values())


def fit(flow: Subject, member: Member, key: str, expected: Any, kind: str) -> Iterator[Problem]:
    source = member.inputs.get(key)
    if source is None or not source.checked or fits(flow, source, expected):
        return
    found, origin = found_in(flow, source)
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
    if source.mapped and fits(flow, attrs.evolve(source, mapped=False), expected):
        return f"write unmapped(...) around {key}, to give it whole to each"
    if is_task and not source.mapped and _items_fit(flow, source, expected):
        return "write .map(...) behind the task, to run it for each item"
    if call := uncalled(source):
        return call
    if isinstance(source, Constant) and isinstance(source.value, FunctionType):
        return "write @step above the method whose value is meant"
    return f"give it a value of the type {whole}, or change the annotation"


def uncalled(source: Input) -> str:
    """What to write where a task stands in the place of its value, else ""."""
    if isinstance(source, Constant) and isinstance(source.value, Task):
        return f"call it: {function_name(source.value.function)}(...)"
    return ""


def _items_fit(flow: Subject, source: Input, expected: Any) -> bool:
    """Whether it has items of a known type that fits. An array or a path may have some that do, as far as is known."""
    if isinstance(source, Edge) and element(flow.graph.members[source.upstream].type) is Any:
        return False
    return fits(flow, attrs.evolve(source, mapped=True), expected)


def fits(flow: Subject, source: Input, expected: Any) -> bool:
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
        return (_has_other_numbers(value) or _names_other_numbers(tp)) and assignable(type_of(value), tp)
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


def _names_other_numbers(tp: Any) -> bool:
    """Whether a type is of such numbers, which typeguard does not take Python's own for."""
    return getattr(tp, "__module__", "") == "numpy" or any(map(_names_other_numbers, get_args(tp)))


def found_in(flow: Subject, source: Input) -> tuple[str, str]:
    if isinstance(source, Constant):
        return short(source.value), "the body"
    upstream = flow.graph.members[source.upstream]
    is_base = upstream.origin and upstream.origin != flow.name
    shown = expression_of(flow.graph, source.upstream)
    return type_name(upstream.type), f"{shown} (of {upstream.origin})" if is_base else shown


def known_type(flow: Subject, name: str) -> Any:
    tp = flow.graph.members[name].type
    return Any if tp is Unresolved else tp
