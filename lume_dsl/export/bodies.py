"""The bodies of small functions that stand for operators and collections, and that load what references name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lume_dsl.declare.graph import FLATTEN, SYMBOLS, Collection
from lume_dsl.export.layout import Names

__all__ = ["collection_text", "loaded_text", "operation_text"]


def operation_text(symbol: str, values: Mapping[str, str]) -> str:
    """Return the expression of an operation of these operands.

    >>> operation_text("sub", {"x": "text", "y": "1"})
    'text - 1'
    """
    first, *others = values.values()
    if symbol == FLATTEN:
        return f"[item for items in {first} for item in items]"
    if symbol == "getitem":
        return f"{first}[{others[0]}]"
    if symbol == "getattr":
        return f"getattr({first}, {others[0]})"
    if symbol == "abs":
        return f"abs({first})"
    return f"{first} {SYMBOLS[symbol]} {others[0]}" if others else f"{SYMBOLS[symbol]}{first}"


def collection_text(work: Collection, values: Mapping[str, str], write: Callable[[Any], str]) -> str:
    """Return the expression of a list, tuple, dict or slice of these items; ``write`` gives that of a constant."""
    items = list(values.values())
    if work.type is dict:
        pairs = zip(work.keys, items, strict=True)
        return "{" + ", ".join(f"{write(key)}: {item}" for key, item in pairs) + "}"
    if work.type is list:
        return f"[{', '.join(items)}]"
    if work.type is tuple:
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    is_spread = work.type is slice or hasattr(work.type, "_fields")
    return f"{write(work.type)}({', '.join(items) if is_spread else '[' + ', '.join(items) + ']'})"


def loaded_text(names: Names, name: str) -> str:
    """Return the function that loads references, wherever they stand in a list, and leaves all else as it is."""
    load = names.imported("lume_dsl", "load")
    return "\n".join(
        [
            f"def {name}(value):",
            '    """The files or records of references; anything else, as after a skip, as it is."""',
            "    if isinstance(value, list):",
            f"        return [{name}(item) for item in value]",
            f"    return {load}(value) if isinstance(value, dict) else value",
        ]
    )
