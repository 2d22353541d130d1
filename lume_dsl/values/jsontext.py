"""The value of a JSON text, with whatever a plain reader would change or drop refused by its path."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs

from lume_dsl.values.document_errors import (
    DIGITS_HINT,
    FINITE_HINT,
    MOST_LEVELS,
    NUMBER_HINT,
    TOO_DEEP,
    DocumentError,
    brief,
    duplicate,
    number_problem,
    step,
)

__all__ = ["json_path_at", "read_json"]


_MINUS_ZERO = re.compile(r"-0(?![\d.eE])")
"""What may be an int of a sign that Python's ints do not have. (It may stand in a text, too.)"""


@attrs.frozen
class _Refused:
    """Stands in a parsed text for a part that is refused, until its path is found."""

    message: str
    fix: str


def read_json(text: str, name: str) -> Any:
    """Return the value of a JSON text, which errors call ``name``.

    Raises:
        json.JSONDecodeError: It is not JSON.
        DocumentError: A key stands twice, a number is out of range or not finite, or it is nested too deeply.
    """
    refused: list[_Refused] = []
    try:
        value = _parse(text, refused)
    except RecursionError:
        fix = "nest its lists and objects less deeply"
        raise DocumentError(name, TOO_DEEP, fix, path=_deepest_key(text)) from None
    if refused:
        path, first = next(_find_refused(value))
        raise DocumentError(name, first.message, first.fix, path=path)
    return value


def _parse(text: str, refused: list[_Refused]) -> Any:
    """The parsed text, with a ``_Refused`` (of which ``refused`` is not empty then) for each part that is refused."""

    def refuse(message: str, fix: str) -> _Refused:
        refused.append(_Refused(message, fix))
        return refused[-1]

    def constant(text: str) -> _Refused:
        return refuse(f"{text} is not JSON", FINITE_HINT)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any] | _Refused:
        found = dict(items)
        return found if len(found) == len(items) else refuse(*duplicate(_first_twice(items)))

    def in_range(text: str) -> float | _Refused:
        value = float(text)
        if value != 0.0 and -math.inf < value < math.inf:
            return value
        problem = number_problem(text, value)
        return refuse(problem, NUMBER_HINT) if problem else value

    def whole(text: str) -> int | float | _Refused:
        try:
            return -0.0 if text == "-0" else int(text)  # no int has this sign, and a float's would be lost
        except ValueError:
            return refuse(f"{brief(text)} has {len(text.lstrip('-')):,} digits, too many for an int", DIGITS_HINT)

    hooks: dict[str, Any] = {"object_pairs_hook": pairs, "parse_constant": constant, "parse_float": in_range}
    try:
        if not _MINUS_ZERO.search(text):
            return json.loads(text, **hooks)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python reads no int of more than 4,300 digits: once more, slowly, to name the one
        refused.clear()
    return json.loads(text, **hooks, parse_int=whole)


def _find_refused(value: Any) -> Iterator[tuple[str, _Refused]]:
    """Each refused part below a value, with its path, in the text's order."""
    stack = [("", value)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _Refused):
            yield path, value
        elif isinstance(value, dict):
            stack += reversed([(path + step(key, path), item) for key, item in value.items()])
        elif isinstance(value, list):
            containers = (list, dict, _Refused)
            stack += reversed([(f"{path}[{at}]", item) for at, item in enumerate(value) if type(item) in containers])


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*("|\Z)|[\[\]{},:]', re.DOTALL)


def _places(text: str, end: int) -> Iterator[list[str | int | None]]:
    """The keys and places that lead to each part of a text that is JSON up to ``end``; None for a key yet to come."""
    path: list[str | int | None] = []
    latest = ""
    for token in _TOKEN.finditer(text, 0, end):
        match token[0]:
            case "{" | "[":
                path.append(None if token[0] == "{" else 0)
            case "}" | "]":
                path = path[:-1]
            case ",":
                path[-1:] = [place + 1 if isinstance(place, int) else None for place in path[-1:]]
            case ":":
                path[-1:] = [latest]
            case string:
                latest = string
                if not token[1]:  # it is cut off
                    return
        yield path


def _path(places: list[str | int | None]) -> str:
    path = ""
    for place in places:
        if isinstance(place, int):
            path += f"[{place}]"
        elif place is not None:
            path += step(json.loads(place, strict=False), path)
    return path


def json_path_at(text: str, end: int) -> str:
    """Return the part that stands at a character of a JSON text, which is JSON as far as that; ``""`` for the whole."""
    return "".join(map(_path, deque(_places(text, end), maxlen=1)))


def _deepest_key(text: str) -> str:
    """The path of the first value, of an object of many, that is nested more deeply than any may be."""
    for places in _places(text, len(text)):
        if len(places) > MOST_LEVELS + 1:
            return "" if isinstance(places[0], int) else _path(places[:1])
    return ""


def _first_twice(items: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in items:
        if key in seen:
            return key
        seen.add(key)
    raise ValueError("no key stands twice")
