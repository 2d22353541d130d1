"""What ``run MODULE:FLOW --help`` tells of parameters: their facts, and the flags of their parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from lume_dsl.cli.failures import visible
from lume_dsl.declare.constraints import shown_constraints
from lume_dsl.declare.graph import Member
from lume_dsl.declare.parameters import spec_of, unit_of
from lume_dsl.secrets import HIDDEN
from lume_dsl.values.classes import fields_of, is_object
from lume_dsl.values.convert import unstructure
from lume_dsl.values.forms import arms_of, reference_form
from lume_dsl.values.names import is_enum, type_name
from lume_dsl.values.text import text_of_value
from lume_dsl.values.units import unit_in

__all__ = ["help_of", "part_rows", "shown_type"]

LONGEST_TYPE = 32
"""Characters of a type in the first column."""

LONGEST_FACT = 60
"""Characters of a default, of an example or of a pattern."""

LONGEST_LIST = 400
"""Characters of a type, or of choices, as all of them are wanted."""

MOST_LEVELS = 4
"""How deep the parts of a parameter are listed."""


def help_of(member: Member, shown: str) -> str:
    """Return a parameter's help, then in brackets what is known of its values; its type, unless it is ``shown``."""
    spec = spec_of(member)
    unit = unit_of(member)
    facts = _whole_type(member.type, shown)
    facts += [f"unit: {unit}"] if unit else []
    if not spec.secret:
        facts += _choices(member.type) if "choices" not in spec.constraints else []
        facts += [
            _brief(fact, LONGEST_LIST if name == "choices" else LONGEST_FACT)
            for name, limit in spec.constraints.items()
            for fact in shown_constraints({name: limit})
        ]
        facts += [f"e.g. {', '.join(_text(example) for example in spec.examples)}"] if spec.examples else []
    facts += [f"env: {spec.env}"] if spec.env else []
    facts.append(_default(member))
    return f"{_visible(spec.help)}  [{'; '.join(facts)}]".strip()


def _default(member: Member) -> str:
    spec = spec_of(member)
    if spec.required:
        return "required"
    if spec.factory is not None:
        return "default: made for each run"
    return f"default: {HIDDEN if spec.secret and spec.default is not None else _text(spec.default)}"


def _whole_type(tp: Any, shown: str) -> list[str]:
    """A type that is not shown as a whole, unless its choices are told."""
    if shown == type_name(tp) or _choices(tp):
        return []
    return [f"type: {_brief(type_name(tp), LONGEST_LIST)}"]


def _choices(tp: Any) -> list[str]:
    """The values of an Enum or ``Literal``, as one writes them."""
    texts = [text_of_value(choice) for arm in arms_of(tp) for choice in _chosen_from(arm)]
    return [f"one of {_brief(', '.join(texts), LONGEST_LIST)}"] if texts else []


def _chosen_from(arm: Any) -> tuple[Any, ...]:
    if get_origin(arm) is Literal:
        return get_args(arm)
    return tuple(arm) if is_enum(arm) else ()


def _text(value: Any) -> str:
    """A value as one would write it after its flag; a text with quotes, which show where it ends."""
    try:
        return _brief(repr(value) if isinstance(value, str) else text_of_value(unstructure(value)))
    except ValueError:  # an int of more than 4,300 digits
        return "..."


def _brief(text: str, longest: int = LONGEST_FACT) -> str:
    text = _visible(text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _visible(text: str) -> str:
    return visible(text.replace("\n", " "))


def shown_type(tp: Any) -> str:
    """Return a type's name, without its arguments where it is long."""
    name = type_name(tp)
    if len(name) <= LONGEST_TYPE:
        return name
    arms = [_outline(arm) for arm in arms_of(tp)]
    name = " | ".join(dict.fromkeys(arms))
    return name if len(name) <= LONGEST_TYPE else f"{name[: LONGEST_TYPE - 3]}..."


def _outline(tp: Any) -> str:
    if get_origin(tp) is Literal:
        return "Literal"
    return f"{type_name(get_origin(tp))}[...]" if get_args(tp) else type_name(tp)


def part_rows(flag: str, member: Member) -> list[tuple[str, str]]:
    """Return the flags of the fields in a parameter, with their types, and what is known of their values."""
    rows = _rows(flag, member.type, (), unit_of(member)) if _has_objects(member.type) else ()
    return list(dict.fromkeys(rows))


def _rows(path: str, tp: Any, seen: tuple[Any, ...], unit: str) -> Iterator[tuple[str, str]]:
    if not _has_objects(tp) or len(seen) == MOST_LEVELS:
        yield _row(path, tp, unit)
        return
    for arm in arms_of(tp):
        if arm in seen:
            yield _row(path, arm, "")
        elif _is_class(arm):
            for field in fields_of(arm):
                yield from _rows(f"{path}.{field.name}", field.type, (*seen, arm), unit_in(field.type))
        elif get_origin(arm) is dict:
            yield from _rows(f"{path}.KEY", get_args(arm)[1], seen, unit)
        elif get_origin(arm) in (list, tuple):
            yield from _item_rows(path, arm, seen, unit)


def _item_rows(path: str, tp: Any, seen: tuple[Any, ...], unit: str) -> Iterator[tuple[str, str]]:
    arguments = [argument for argument in get_args(tp) if argument not in (..., ())]
    if get_origin(tp) is list or ... in get_args(tp):
        yield from _rows(f"{path}.N", arguments[0], seen, unit)
        return
    for place, argument in enumerate(arguments):
        yield from _rows(f"{path}.{place}", argument, seen, unit_in(argument))


def _row(path: str, tp: Any, unit: str) -> tuple[str, str]:
    facts = _whole_type(tp, shown_type(tp))
    facts += [f"unit: {unit}"] if unit else []
    facts += _choices(tp)
    return f"{path} {shown_type(tp)}", f"[{'; '.join(facts)}]" if facts else ""


def _has_objects(tp: Any) -> bool:
    """Whether a type is of classes with fields, or holds some without a class between."""
    return any(
        _is_class(arm)
        or (
            get_origin(arm) in (list, tuple, dict)
            and any(_has_objects(argument) for argument in get_args(arm) if argument not in (..., ()))
        )
        for arm in arms_of(tp)
    )


def _is_class(tp: Any) -> bool:
    return is_object(tp) and reference_form(tp) is None
