"""How the script is laid out: lines of a width, names that are free, import statements. It knows no flow."""

from __future__ import annotations

import builtins
import importlib
import io
import keyword
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import attrs

from lume_dsl.declare.inherit import unique_name

__all__ = ["Names", "UnwritableError", "called", "laid_out", "quoted"]

WIDTH = 100
"""Characters of a line."""


@attrs.define(slots=False, eq=False)
class UnwritableError(Exception):
    """Something has no equivalent in a script: what is wrong, and what to write instead."""

    message: str
    fix: str = ""


class Names:
    """The names that a script's module holds, and its imports."""

    def __init__(self) -> None:
        self.taken: set[str] = {*dir(builtins), *keyword.kwlist}
        self.imports: dict[str, dict[str, str]] = {}
        """Of each module, the names there by their names in the script."""
        self.modules: set[tuple[str, str]] = set()
        self.postponed = False
        """Whether annotations are texts there, as in the modules that it takes source of."""

    def unique(self, name: str) -> str:
        """Return the name, or the first of ``name_2``, ``name_3``… that is free; it is taken from now on."""
        if not name.isidentifier():
            name = re.sub(r"\W+", "_", name).strip("_") or "value"
        name = f"{name}_" if keyword.iskeyword(name) else name if name.isidentifier() else f"_{name}"
        found = unique_name(name, self.taken, Counter())
        self.taken.add(found)
        return found

    def imported(self, module: str, name: str) -> str:
        """Return what ``from module import name`` is called in the script: the name, or another where that is taken."""
        aliases = self.imports.setdefault(_public(module, name), {})
        found = next((alias for alias, known in aliases.items() if known == name), None)
        if found is None:
            found = self.unique(name)
            aliases[found] = name
        return found

    def module(self, name: str) -> str:
        """Return what ``import name`` is called in the script."""
        known = next((alias for module, alias in self.modules if module == name), None)
        alias = known or self.unique(name)
        self.modules.add((name, alias))
        return alias

    def lines(self) -> Iterator[str]:
        """The import statements: Python's own, then others, as ruff sorts them."""
        if self.postponed:
            yield from ("from __future__ import annotations", "")
        groups = ([], [])  # type: tuple[list[str], list[str]]
        for name, alias in sorted(self.modules):
            line = f"import {name}" if alias == name.partition(".")[0] else f"import {name} as {alias}"
            groups[_is_library(name)].append(line)
        for module, names in sorted(self.imports.items(), key=lambda one: one[0].lower()):
            ordered = sorted(names.items(), key=lambda one: _kind(one[1]))
            shown = [name if name == alias else f"{name} as {alias}" for alias, name in ordered]
            whole = f"from {module} import {', '.join(shown)}"
            line = (
                whole
                if len(whole) <= WIDTH
                else "\n".join([f"from {module} import (", *(f"    {one}," for one in shown), ")"])
            )
            groups[_is_library(module)].append(line)
        yield "\n\n".join("\n".join(group) for group in groups if group)


def _kind(name: str) -> tuple[int, str]:
    """Constants before classes before the rest, each in the order of the alphabet."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _is_library(module: str) -> bool:
    return module.partition(".")[0] not in sys.stdlib_module_names


def _public(module: str, name: str) -> str:
    """The module that people import a name from: ``prefect`` for ``prefect.core.flow``."""
    value = getattr(importlib.import_module(module), name, None)
    parts = module.split(".")
    for count in range(1, len(parts)):
        outer = ".".join(parts[:count])
        if value is not None and getattr(importlib.import_module(outer), name, None) is value:
            return outer
    return module


def called(start: str, arguments: Sequence[str], *, indent: int = 0, end: str = "") -> str:
    """Return ``start(arguments)end``, in several lines where one is too long."""
    return laid_out(f"{start}({', '.join(arguments)}){end}", indent)


def laid_out(line: str, indent: int = 0) -> str:
    """Return a line as black lays it out: what its last brackets hold in lines of its own, if it is too long.

    >>> print(laid_out(f"text = join({'a' * 60}, {'b' * 60})"))
    text = join(
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,
        bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,
    )
    """
    if indent + len(line) <= WIDTH:
        return line
    chain = _brackets(line)
    if not chain:
        return line
    # the last brackets of a chain of calls, or those before where what is in front of the last is too long itself
    first, last, commas = next((one for one in chain if indent + one[0] < WIDTH), chain[-1])
    held = line[first + 1 : last]
    places = [first, *commas, last]
    items = [line[left + 1 : right].strip() for left, right in pairwise(places)]
    items = [item for item in items if item]
    if indent + 4 + len(held) <= WIDTH:
        body = [held.strip()]
    else:
        is_one = len(items) == 1 and (" for " in held or (not commas and line[first] != "("))
        body = [f"{laid_out(item, indent + 5)}{'' if is_one else ','}" for item in items]
    inner = "\n".join(body).replace("\n", "\n    ")
    tail = laid_out(f"_{line[last + 1 :]}", indent)[1:]
    return f"{line[: first + 1]}\n    {inner}\n{line[last]}{tail}"


def _brackets(line: str) -> list[tuple[int, int, list[int]]]:
    """The places of the outermost brackets that hold anything, the last first, and of the commas in each."""
    stack: list[tuple[int, list[int]]] = []
    found: list[tuple[int, int, list[int]]] = []
    for token in tokenize.generate_tokens(io.StringIO(line).readline):
        place = token.start[1]
        if token.type != tokenize.OP or token.start[0] != 1:
            continue
        if token.string in "([{":
            stack.append((place, []))
        elif token.string in ")]}":
            first, commas = stack.pop()
            if not stack and place > first + 1:
                found.insert(0, (first, place, commas))
        elif token.string == "," and stack:
            stack[-1][1].append(place)
    return found


def quoted(value: object) -> str:
    """As ``repr``, with a text in double quotes where that needs no escapes."""
    text = repr(value)
    prefix = "b" if isinstance(value, bytes) else ""
    is_text = isinstance(value, (str, bytes)) and text.startswith(f"{prefix}'")
    return f'{prefix}"{text[len(prefix) + 1 : -1]}"' if is_text and '"' not in text and "\\'" not in text else text
