"""Values of JSON types as a person writes them on a command line. It knows nothing of the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_args, get_origin

from lume_dsl.values.convert import Offence, short, structure
from lume_dsl.values.jsontypes import JSON
from lume_dsl.values.names import is_union, type_name

__all__ = ["parse_text"]


def parse_text(text: str, tp: Any) -> tuple[Any, list[Offence]]:
    """Return the value of ``tp`` that a person meant by ``text`` on a command line, and every offence.

    Text for a ``str`` is taken as it stands. Numbers, ``true``/``false`` and ``null`` (``none``) are read as
    such, lists, tuples and dicts as JSON. A union takes an
    int before a float, numbers before bools, and a str last.
    """
    arms = list(_arms(tp))
    inside: list[Offence] = []
    for arm in arms:
        try:
            value, offences = structure(_PARSERS.get(arm, _parse_json)(text), arm)
        except (ValueError, RecursionError):
            continue
        if not offences:
            return value, []
        if len(arms) == 1 or offences[0].path:  # the right shape, with a wrong part
            inside = inside or offences
    if inside:
        return text, inside
    return text, [Offence("", f"expected {type_name(tp)}, got {short(text)}{_json_hint(tp)}")]


def _arms(tp: Any) -> Iterator[Any]:
    tp = _unannotated(tp)
    arms = map(_unannotated, get_args(tp)) if is_union(tp) else (tp,)
    yield from sorted(arms, key=lambda arm: _READ_FIRST.index(arm) if arm in _READ_FIRST else len(_READ_FIRST) - 1.5)


_READ_FIRST = [int, float, bool, type(None), str]
"""How text is read where several arms could: ``5`` as an int, ``1`` as a number, anything else before a str."""


def _unannotated(tp: Any) -> Any:
    return get_args(tp)[0] if get_origin(tp) is Annotated else tp


def _parse_json(text: str) -> Any:
    return json.loads(text)


def _parse_bool(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _parse_none(text: str) -> None:
    if text.lower() not in ("null", "none"):
        raise ValueError(text)


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _parse_bool,
    type(None): _parse_none,
    None: _parse_none,
}


def _json_hint(tp: Any) -> str:
    shown = [arm for arm in _arms(tp) if get_origin(arm) in (list, tuple, dict) or arm is JSON]
    return f" (write JSON, for example '{json.dumps(_example(shown[0]))}')" if shown else ""


def _example(tp: Any, number: int = 0) -> Any:
    """A JSON value of a type, and another one."""
    tp = next(_arms(tp))
    arguments = get_args(tp)
    if get_origin(tp) is list:
        return [_example(arguments[0], 0), _example(arguments[0], 1)]
    if get_origin(tp) is dict:
        return {"a": _example(arguments[1])}
    if get_origin(tp) is tuple:
        return [_example(argument, place) for place, argument in enumerate(arguments) if argument is not ...]
    examples = {int: (1, 2), float: (1.5, 2.5), bool: (True, False), str: ("a", "b"), JSON: ("a", 1)}
    return examples[tp][number % 2] if tp in examples else None
