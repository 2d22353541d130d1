"""What a flow inherits of its bases, in the order in which Python looks for a name."""

from __future__ import annotations

from lume_dsl.declare.graph import Graph
from lume_dsl.declare.inherit import extended

__all__ = ["inherited_graph"]


def inherited_graph(bases: tuple[type, ...]) -> Graph:
    """Return the graph that a flow of these bases has before its own body.

    It is made of what each class adds: the graph of a base has waits for blocks that a subclass may change.
    """
    graph = Graph()
    for cls in reversed(_linearized(bases)):
        own = vars(cls).get("__lume_own__")
        graph = graph if own is None else extended(graph, own)
    return graph


def _linearized(bases: tuple[type, ...]) -> list[type]:
    """The method resolution order (C3) of a class of these bases, without itself; as far as there is one."""
    left = [list(base.__mro__) for base in bases] + [list(bases)]
    found: list[type] = []
    while left := [row for row in left if row]:
        heads = (row[0] for row in left if not any(row[0] in other[1:] for other in left))
        if (head := next(heads, None)) is None:  # Python refuses such bases when the class is made
            return found
        found.append(head)
        left = [row[1:] if row[0] is head else row for row in left]
    return found
