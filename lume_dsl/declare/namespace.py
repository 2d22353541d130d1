"""What becomes of a class body: the namespace of the class, once all of it has been built and checked."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from lume_dsl.declare.attributes import Removed
from lume_dsl.declare.body import Body
from lume_dsl.declare.build import Built, build, count_items
from lume_dsl.declare.checks import check
from lume_dsl.declare.composites import holds_subflows
from lume_dsl.declare.descriptors import attribute_of, subflow_attribute
from lume_dsl.declare.graph import Graph
from lume_dsl.declare.hints import Scope
from lume_dsl.declare.inherit import Own
from lume_dsl.declare.references import Draft, Reference
from lume_dsl.errors import DefinitionError, Problem

__all__ = ["RESERVED", "Compiled", "common", "items_so_far", "namespace_of", "problems_so_far"]

RESERVED = ("run", "flow", "flow_run")
"""The names of a flow that are not a user's to give. All else that one asks of a class is the metaclass's."""

_MADE = ("__init__", "__new__", "__slots__", "__setattr__", "__eq__", "__hash__")
"""What a flow class makes of its parameters, or relies on."""


class Compiled:
    """Where the engine keeps what it has built of a class. It does not travel with the class to a worker."""

    def __init__(self) -> None:
        self.flow: Any = None
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, ()


def common(graph: Graph, own: Own, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each flow class has by the same names."""
    return {
        "__lume_graph__": graph,
        "__lume_own__": own,
        "__lume_options__": options,
        "__lume_compiled__": Compiled(),
    }


def namespace_of(body: Body, frame: FrameType) -> dict[str, Any]:
    """Return what the class keeps of its body, which has ended. ``frame``: where the class statement stands.

    Raises:
        DefinitionError: All that is wrong with the body, in source order.
    """
    body.end()
    _check_names(body)
    scope = Scope.of_frame(frame)
    built = build(body, scope)
    problems = body.problems + check(body.name, built.graph, built.annotated, scope.locals)
    if problems:
        raise DefinitionError(tuple(sorted(problems, key=_source_order)))
    return _kept(body, built)


_NOT_YET = {"unknown-name", "annotation", "parameter-name", "foreign-reference"}
"""Kinds of problems that later lines may mend."""


def problems_so_far(body: Body, frame: FrameType) -> list[Problem]:
    """What is wrong with the lines of a body that is about to end by an error, in source order."""
    noted = list(body.problems)
    scope = Scope.of_frame(frame)
    built = build(body, scope)
    found = body.problems[len(noted) :] + check(body.name, built.graph, built.annotated, scope.locals)
    body.problems[:] = noted  # the error may be caught, as by an operand that asks the other one
    return sorted(noted + [problem for problem in found if problem.kind not in _NOT_YET], key=_source_order)


def items_so_far(body: Body, frame: FrameType, draft: Draft) -> int | None:
    """How many items a value of a body that has not ended has by its type, if that is a tuple's or a named tuple's."""
    noted = list(body.problems)
    count = count_items(body, Scope.of_frame(frame), draft)
    body.problems[:] = noted
    return count


def _source_order(problem: Problem) -> tuple[str, int]:
    return (problem.place.file, problem.place.line) if problem.place else ("", 0)


def _check_names(body: Body) -> None:
    for name in (*RESERVED, *_MADE):
        if name in body:
            reserved = name in RESERVED
            message = "is reserved on a flow" if reserved else "is made by LumeFlow from the parameters"
            fix = "choose another name" if reserved else "leave it out"
            body.problems.append(
                Problem("reserved-name", f"{body.name}.{name}", message, fix, body.places.get(name, body.start))
            )


def _kept(body: Body, built: Built) -> dict[str, Any]:
    """Methods and constants as they are, a descriptor for each value."""
    graph = built.graph
    plain = {name: value for name, value in body.items() if not isinstance(value, Reference)}
    namespace = {name: value for name, value in plain.items() if not holds_subflows(value)}
    namespace["__annotations__"] = dict(body.annotations)
    for name in built.own.removed:
        namespace[name] = Removed(built.own.kept.get(name, ""))
    for attribute, name in graph.names.items():
        namespace[attribute] = attribute_of(body.name, name, graph.members[name])
    for attribute, shape in built.held.items():
        namespace[attribute] = subflow_attribute(body.name, attribute, shape)
    return namespace | common(graph, built.own, {})
