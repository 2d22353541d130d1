"""Values of a body without a name as the body has them, for messages. It knows nothing of what is wrong."""

from __future__ import annotations

from lume_dsl.declare.graph import FLATTEN, SYMBOLS, Collection, Constant, Graph, Operation
from lume_dsl.values.convert import short

__all__ = ["expression_of"]

LONGEST = 40
"""Characters of an expression."""

MOST_LEVELS = 5
"""How deep it is told."""


def expression_of(graph: Graph, name: str) -> str:
    """Return a value as the body has it: its name, or else ``-charge``, ``[charge, 1.0]``, cut where it is long."""
    text = _expression(graph, name, MOST_LEVELS)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _expression(graph: Graph, name: str, levels: int) -> str:
    member = graph.members[name]
    if member.visible or not levels:
        return name if member.visible else "…"
    inputs = [
        short(source.value) if isinstance(source, Constant) else _expression(graph, source.upstream, levels - 1)
        for source in member.inputs.values()
    ]
    if isinstance(member.work, Collection):
        return _collection(member.work, inputs)
    if isinstance(member.work, Operation) and member.work.symbol in (*SYMBOLS, FLATTEN):
        return _operation(SYMBOLS.get(member.work.symbol, FLATTEN), inputs)
    return name


def _operation(sign: str, inputs: list[str]) -> str:
    if sign.isalpha():
        return f"{sign}({inputs[0]})"
    sides = [f"({side})" if " " in side and side[0] not in "[({'" else side for side in inputs]
    return f"{sides[0]} {sign} {sides[1]}" if len(sides) == 2 else f"{sign}{sides[0]}"


def _collection(work: Collection, items: list[str]) -> str:
    if work.keys:
        return "{" + ", ".join(f"{key!r}: {item}" for key, item in zip(work.keys, items, strict=True)) + "}"
    return f"[{', '.join(items)}]" if work.type is list else f"({', '.join(items)})"
