"""Values of JSON types as a person writes them on a command line. It knows nothing of the commands."""

from __future__ import annotations

import csv
import enum
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from lume_dsl.errors import LumeError
from lume_dsl.values.classes import fields_of, is_named_tuple, is_object
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.document_errors import DocumentError, number_problem
from lume_dsl.values.forms import JSON, arms_of, plain_type, reference_form
from lume_dsl.values.jsontext import read_json
from lume_dsl.values.names import is_enum, type_name
from lume_dsl.values.quantities import takes_quantity, with_numbers
from lume_dsl.values.scalars import Offences, short, without_underscores
from lume_dsl.values.shapes import is_array, item_types
from lume_dsl.values.textforms import text_form, with_format
from lume_dsl.values.units import unit_in

__all__ = ["parse_text", "parse_texts", "text_of_value"]


def parse_text(text: str, tp: Any, unit: str = "") -> tuple[Any, Offences]:
    """Return the value of ``tp`` that a person meant by ``text`` on a command line, and its offences.

    Text for a ``str`` is taken as it stands, as it is for dates, paths and the like. Numbers, ``true``/``false`` and
    ``null`` (``none``) are read as such, an Enum's member by its value or its name. A list or tuple is JSON, or items
    between commas, quoted as in CSV where they hold one; dicts and objects are JSON; a file of this machine is its
    path, too. A union takes an int before a float, numbers before bools, and text last; there a text in JSON's
    quotes is text, whatever it looks like. For ``Any``, of a flow that was written by hand, it is JSON, or else text.

    A quantity (``0.25nC``) stands for a number of ``unit``, the unit of the numbers that ``tp`` holds outside of
    objects, or of the unit that ``tp`` itself declares.
    """
    if tp is Any:
        return _read_any(text), Offences()
    arms, unit = _arms(tp), unit_in(tp) or unit
    quoted = _quoted(text) if any(map(_has_choices, arms)) or len(arms) > 1 else None
    if quoted is not None:  # nothing but a text
        for arm in filter(_is_text, arms):
            value, offences = structure(quoted, arm)
            if not offences:
                return value, offences
    return _parse_arms(text, arms, tp, unit)


def _read_any(text: str) -> Any:
    try:
        return read_json(text, "")
    except (ValueError, RecursionError):
        return text


def _parse_arms(text: str, arms: list[Any], tp: Any, unit: str) -> tuple[Any, Offences]:
    inside = Offences()
    others = [arm for arm in arms if arm is not type(None)]
    for arm in arms:
        try:
            read = _read(text, arm, unit)
        except (ValueError, RecursionError):
            if others == [arm] and (named := _named(text, arm)) is not None:
                return named
            continue
        value, offences = _structure(read, arm, unit)
        if not offences:
            return value, offences
        if not inside and (others == [arm] or len(arms) == 1 or offences.are_close):
            inside = offences
    if not inside:
        fix = without_underscores(text) if any(map(takes_quantity, arms)) else ""
        inside.add(f"expected {_what(tp)}, got {short(text)}{_json_hint(text, tp)}", fix)
    return text, inside


def _named(text: str, tp: Any) -> tuple[Any, Offences] | None:
    """The value that a text names, as a path names a file, and its offences; None where texts name none of ``tp``."""
    form = reference_form(tp)
    if form is None or form.named is None or text.lstrip().startswith(("{", "[")):
        return None
    offences = Offences()
    try:
        return form.named(tp, text), offences
    except LumeError as error:
        offences.add(f"expected {type_name(tp)}: {error}{_json_hint(text, tp)}")
    return text, offences


def _structure(read: Any, tp: Any, unit: str) -> tuple[Any, Offences]:
    value, offences = with_numbers(read, tp, unit)
    return (value, offences) if offences else structure(value, tp)


def parse_texts(texts: list[str], tp: Any, unit: str = "") -> tuple[Any, Offences]:
    """Return the value that a person meant by a flag that was given several times: a list takes the items of each."""
    lists = [arm for arm in _arms(tp) if is_array(arm)]
    if len(texts) == 1 or not lists:
        return parse_text(texts[-1], tp, unit)
    unit = unit_in(tp) or unit
    items: list[Any] = []
    for text in texts:
        try:
            items += _read_items(text, lists[0], unit, place=len(items))
        except (ValueError, RecursionError):
            return parse_text(text, lists[0], unit)
    return _structure(items, tp, unit)


def _arms(tp: Any) -> list[Any]:
    """The arms of a union in the order in which text is read as them."""
    return sorted(arms_of(tp), key=_turn)


def _turn(arm: Any) -> float:
    """How early text is read as a type where several could: ``5`` as an int, ``1`` as a number, text last."""
    if is_enum(arm):
        return -1
    if (form := text_form(arm)) is not None and not form.pattern:  # any text is one
        return len(_READ_FIRST)
    return _READ_FIRST.index(arm) if arm in _READ_FIRST else len(_READ_FIRST) - 1.5


_READ_FIRST = [int, float, bool, type(None), str]


def _has_choices(tp: Any) -> bool:
    return get_origin(tp) is Literal or is_enum(tp)


def _is_text(tp: Any) -> bool:
    return tp is str or _has_choices(tp) or text_form(tp) is not None


def _read(text: str, tp: Any, unit: str) -> Any:
    """The JSON form, the value, or the quantity that a text means for a type that is no union.

    Raises:
        ValueError: It means none.
    """
    try:
        return _read_plain(text, tp, unit)
    except ValueError:
        if unit and takes_quantity(tp):
            return text
        raise


def _read_plain(text: str, tp: Any, unit: str) -> Any:
    if tp is str or text_form(tp) is not None:
        return text
    if tp in _SCALARS:
        return _SCALARS[tp](text)
    if get_origin(tp) is Literal:
        return _read_choice(text, get_args(tp))
    if is_enum(tp):
        return _read_choice(text, tuple(tp), tp.__members__)
    return _read_items(text, tp, unit, place=0) if is_array(tp) else read_json(text, "")


def _quoted(text: str) -> str | None:
    """The text in JSON's quotes, or None where it has none."""
    if len(text) < 2 or not text[0] == text[-1] == '"':
        return None
    try:
        return str(json.loads(text))
    except ValueError:
        return None


def _read_choice(text: str, choices: tuple[Any, ...], members: Mapping[str, Any] | None = None) -> Any:
    """The choice whose JSON form is written so, else the member of an Enum that has this name, in any case.

    ``members`` are an Enum's by name, aliases included.
    """
    for choice in choices:
        if _plain_text(choice) == text:
            return choice
    names = members or {choice.name: choice for choice in choices if isinstance(choice, enum.Enum)}
    if text in names:
        return names[text]
    named = {id(member): member for name, member in names.items() if name.lower() == text.lower()}
    if len(named) != 1:
        raise ValueError(text)
    return next(iter(named.values()))


def _read_items(text: str, tp: Any, unit: str, *, place: int) -> Any:
    if text.lstrip().startswith("[") or (is_named_tuple(tp) and text.lstrip().startswith("{")):
        return read_json(text, "")
    try:
        items = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise ValueError(text) from error
    types = [*item_types(tp, place + len(items))[place:], *[JSON] * len(items)]  # too many are refused elsewhere
    return [_read_item(item, item_type, unit) for item, item_type in zip(items, types, strict=False)]


def _read_item(text: str, tp: Any, unit: str) -> Any:
    value, offences = parse_text(text, tp, unit)
    if offences and plain_type(tp) is JSON:
        raise ValueError(text)  # as it stands it would be a str, which nobody wrote
    return text if offences else value


def _read_bool(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _read_none(text: str) -> None:
    if text.lower() not in ("null", "none"):
        raise ValueError(text)


_NUMBER_TEXT = re.compile(r"\s*[-+]?[a-zA-Z0-9.]+(?:[eE][-+]?\d+)?\s*", re.ASCII)
"""Whatever of what Python reads as a number JSON and YAML could have too: no digits of other scripts, no ``1_000``."""


def _read_int(text: str) -> int | float:
    if not _NUMBER_TEXT.fullmatch(text):
        raise ValueError(text)
    return int(text) or (-0.0 if "-" in text else 0)  # no int has this sign, in a file neither


def _read_float(text: str) -> float:
    """A number; one without a fraction as an int, so that it is not rounded unawares, but for ``-0``."""
    if not _NUMBER_TEXT.fullmatch(text):
        raise ValueError(text)
    value = float(text)
    if value == 0 and number_problem(text.strip(), value):
        raise ValueError(text)
    try:
        return int(text) or value
    except ValueError:
        return value


_SCALARS: dict[Any, Any] = {
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    type(None): _read_none,
    None: _read_none,
}


def text_of_value(value: Any, tp: Any = None) -> str:
    """Return a text that ``parse_text`` reads as this value of ``tp``, as short as a person would write it.

    Without ``tp``, as for a type that is the value's own.
    """
    plain = _plain_text(value)
    if tp is None or not isinstance(unstructure(value), str):
        return plain
    read, offences = parse_text(plain, tp)
    return plain if not offences and type(read) is type(value) and read == value else json.dumps(unstructure(value))


def _plain_text(value: Any) -> str:
    plain = unstructure(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _what(tp: Any) -> str:
    arms = [arm for arm in _arms(tp) if arm is not type(None)]
    if len(arms) == 1 and is_enum(arms[0]):
        return f"{type_name(tp)}, one of {', '.join(text_of_value(member) for member in arms[0])}"
    return with_format(tp, arms)


def _json_hint(text: str, tp: Any) -> str:
    shown = [arm for arm in _arms(tp) if is_array(arm) or get_origin(arm) is dict or arm is JSON or is_object(arm)]
    if not shown:
        return ""
    example = _example(shown[0])
    try:
        read_json(text, "")
    except json.JSONDecodeError as error:
        if text.lstrip().startswith(("{", "[")) and (len(text) > 40 or not example):
            return f" (as JSON: {error.msg} at character {error.pos + 1})"
    except DocumentError as error:
        return f" (as JSON: {f'{error.path}: ' if error.path else ''}{error.message})"
    return f" (write JSON, for example '{json.dumps(example)}')"


def _example(tp: Any, number: int = 0, outer: tuple[Any, ...] = ()) -> Any:
    """A JSON value of a type, and another one. What is within a class that holds itself is left empty."""
    tp = next((arm for arm in _arms(tp) if arm not in outer), None)
    outer = (*outer, tp)
    arguments = [argument for argument in get_args(tp) if argument not in (..., ())]
    if get_origin(tp) is list:
        return [_example(arguments[0], number, outer) for number in (0, 1) if arguments[0] not in outer]
    if get_origin(tp) is dict:
        return {"a": _example(arguments[1], 0, outer)}
    if get_origin(tp) is tuple:
        return [_example(argument, place, outer) for place, argument in enumerate(arguments)]
    if is_named_tuple(tp):
        return [_example(field.type, place, outer) for place, field in enumerate(fields_of(tp))]
    if (reference := reference_form(tp)) is not None:
        return reference.example(tp)
    if is_object(tp):
        return {field.name: _example(field.type, 0, outer) for field in fields_of(tp) if field.required}
    if (form := text_form(tp)) is not None:
        return form.example
    if is_enum(tp):
        return unstructure(list(tp)[number % len(tp)])
    examples = {int: (1, 2), float: (1.5, 2.5), bool: (True, False), str: ("a", "b"), JSON: ("a", 1)}
    return examples[tp][number % 2] if tp in examples else None
