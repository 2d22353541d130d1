"""Flow classes that no class statement makes: of lines that stand elsewhere, as in a YAML file, and of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lume_dsl.declare.body import Body
from lume_dsl.declare.descriptors import attribute_of
from lume_dsl.declare.flow import FlowMeta, LumeFlow
from lume_dsl.declare.graph import Graph
from lume_dsl.declare.inherit import Own
from lume_dsl.declare.namespace import common, items_so_far, problems_so_far
from lume_dsl.errors import Place, Problem

__all__ = ["flow_of_graph", "flow_of_lines"]


def flow_of_lines(
    name: str,
    lines: Iterable[tuple[Place, Callable[[Body], None]]],
    options: Mapping[str, Any],
    *,
    start: Place,
    problems: Iterable[Problem] = (),
) -> FlowMeta:
    """Return the flow whose body does these things, each as if it stood at its place; ``problems`` are wrong already.

    Raises:
        DefinitionError: All that is wrong with it.
    """
    body = Body(name, start, problems_so_far, items_so_far, (LumeFlow,), Graph())
    body.problems += problems
    for place, act in lines:
        # A line of code at the place, which runs in the body, is how a body knows where it is.
        code = compile("\n" * (place.line - 1) + "act(body)", place.file, "exec")
        exec(code, {"act": act, "body": body}, body)
    made = FlowMeta(name, (LumeFlow,), body)
    made.__lume_options__ = options
    return made


def flow_of_graph(name: str, graph: Graph, options: Mapping[str, Any]) -> FlowMeta:
    """Return a flow class of a graph that no body has made, and that is right."""
    values = {attribute: attribute_of(name, member, graph.members[member]) for attribute, member in graph.names.items()}
    return type.__new__(FlowMeta, name, (LumeFlow,), {**values, **common(graph, Own(graph), dict(options))})
