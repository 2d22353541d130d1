"""Checks of lists, tuples, dicts, unions and of objects with named fields, made of the checks of what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from typing import Any, cast, get_args

from lume_dsl.errors import LumeError, ServiceError, did_you_mean, text_of
from lume_dsl.values.classes import Field, class_of, fields_of, is_named_tuple, is_typed_dict
from lume_dsl.values.forms import SCALARS, ReferenceForm, arms_of
from lume_dsl.values.names import is_enum, type_name
from lume_dsl.values.scalars import BULK, Check, Offences, check_float, check_int, check_str, is_full, one_of, short
from lume_dsl.values.tags import Tag, tag_of
from lume_dsl.values.textforms import with_format

__all__ = ["any_json", "check_of_class", "dict_of", "list_of", "reference", "tuple_of", "union"]

CheckOf = Callable[[Any], Check]
"""The check of a type."""


def _inside(check: Check, value: Any, step: str, offences: Offences) -> Any:
    """The outcome of a check of a part of a value, whose offences are told by their path."""
    before = offences.count
    outcome = check(value, offences)
    if offences.count != before:
        offences.inside(step, before)
    return outcome


def _items(checks: Iterable[Check], values: Iterable[Any], offences: Offences) -> list[Any]:
    """The outcomes of checks of items in a row. No path is written unless there is an offence: lists may be long."""
    offences.go_in()
    outcome = []
    for place, (check, item) in enumerate(zip(checks, values, strict=False)):
        before = offences.count
        outcome.append(check(item, offences))
        if offences.count != before and not is_full(before):
            offences.inside(f"[{place}]", before)
    offences.level -= 1
    return outcome


def any_json(value: Any, offences: Offences) -> Any:
    """The check of ``JSON``: any JSON value, all of it."""
    if type(value) is list:
        return _items(repeat(any_json), value, offences)
    if type(value) is dict:
        return _dict_items(value, any_json, offences)
    if isinstance(value, float):
        return check_float(value, offences)
    if type(value) is str:
        return check_str(value, offences)
    if type(value) is int:
        return check_int(value, offences)
    if value is None or type(value) is bool:
        return value
    return offences.expected("a JSON value", value)


def list_of(item_type: Any, check_of: CheckOf) -> Check:
    """The check of ``list[item_type]``."""
    item_check = check_of(item_type)
    name = type_name(list[item_type])
    is_plain = BULK.get(item_type)

    def check(value: Any, offences: Offences) -> Any:
        if type(value) is not list:
            return offences.expected(name, value, "write list(...)" if isinstance(value, tuple) else "")
        if is_plain is not None and value and is_plain(value):
            offences.go_in()
            offences.level -= 1
            return value.copy()
        return _items(repeat(item_check), value, offences)

    return check


def dict_of(value_type: Any, check_of: CheckOf) -> Check:
    """The check of ``dict[str, value_type]``."""
    value_check = check_of(value_type)
    name = type_name(dict[str, value_type])

    def check(value: Any, offences: Offences) -> Any:
        if type(value) is not dict:
            return offences.expected(name, value)
        return _dict_items(value, value_check, offences)

    return check


def _dict_items(value: dict[Any, Any], check: Check, offences: Offences) -> dict[str, Any]:
    offences.go_in()
    items = {}
    for key, item in value.items():
        if type(key) is not str:
            offences.add(f"expected str as a key, got {short(key)}")
            continue
        if not key.isascii():
            found = Offences()
            check_str(key, found)
            for offence in found.shown:
                offences.add(f"has a key that {offence.message}")
        before = offences.count
        items[key] = check(item, offences)
        if offences.count != before and not is_full(before):
            offences.inside(f"[{short(key)}]", before)
    offences.level -= 1
    return items


def tuple_of(arguments: tuple[Any, ...], check_of: CheckOf) -> Check:
    """The check of ``tuple[A, B]``, or of ``tuple[A, ...]``; a JSON array becomes the tuple."""
    if len(arguments) == 2 and arguments[1] is ...:
        return _variadic_tuple(arguments[0], check_of)
    places = tuple(argument for argument in arguments if argument != ())
    checks = [check_of(place) for place in places]
    name = f"tuple[{', '.join(map(type_name, places)) or '()'}]"

    def check(value: Any, offences: Offences) -> Any:
        if type(value) not in (tuple, list):
            return offences.expected(name, value)
        if len(value) != len(checks):
            return offences.expected(f"{name} of {len(checks)} items", value, close=True)
        return tuple(_items(checks, value, offences))

    return check


def _variadic_tuple(item_type: Any, check_of: CheckOf) -> Check:
    as_list = list_of(item_type, check_of)
    name = f"tuple[{type_name(item_type)}, ...]"

    def check(value: Any, offences: Offences) -> Any:
        if type(value) not in (tuple, list):
            return offences.expected(name, value)
        return tuple(as_list(list(value), offences))

    return check


def union(tp: Any, check_of: CheckOf) -> Check:
    """The check of a union: the arm that takes the value as it is, else the first that converts it.

    Where none does, the reason of the one arm that is close is told, else what all of them would have mended.
    """
    arms = [check_of(arm) for arm in get_args(tp)]
    name = _union_name(tp)
    never_taken = _never_taken(arms_of(tp))

    def check(value: Any, offences: Offences) -> Any:
        if type(value) in never_taken and is_full(offences.count):
            offences.count += 1
            return value
        converted: list[Any] = []
        inside: list[Offences] = []
        fixes: set[str] = set()
        for arm in arms:
            found = offences.apart()
            outcome = arm(value, found)
            if found:
                inside += [found] if found.are_close else []
                fixes |= {offence.fix for offence in found.shown if offence.fix and not offence.path}
            elif _same_types(outcome, value):
                return outcome
            else:
                converted.append(outcome)
        if converted:
            return converted[0]
        if len(inside) == 1:
            offences.take(inside[0])
            return value
        if type(value) is dict and (tag := tag_of(arms_of(tp))):
            return _tagged(tag, value, name, check_of, offences)
        return offences.expected(name, value, fixes.pop() if len(fixes) == 1 else "")

    return check


def _never_taken(arms: list[Any]) -> set[type]:
    """The plain types of which no value fits an arm of a union, so that one of many needs no closer look."""
    if not all(arm is None or arm in SCALARS for arm in arms):
        return set()
    taken: set[Any] = {type(None) if arm is None else arm for arm in arms} | ({int} if float in arms else set())
    plain: tuple[type, ...] = (*SCALARS, list, dict)
    return {tp for tp in plain if tp not in taken}


def _tagged(tag: Tag, value: dict[Any, Any], name: str, check_of: CheckOf, offences: Offences) -> Any:
    """Note what is wrong with an object that fits none of a union's classes, of which its tag chooses one."""
    if (arm := tag.arm_of(value)) is not None:
        check_of(arm)(value, offences)
    elif tag.field in value:
        _inside(check_of(tag.type), value[tag.field], f".{tag.field}", offences)
    else:
        offences.add(f"lacks {tag.field!r}, which tells what it is: {name}", close=True)
    return value


def _union_name(tp: Any) -> str:
    others = [arm for arm in arms_of(tp) if arm is not type(None)]
    if len(others) == 1 and is_enum(others[0]):
        return f"{type_name(tp)}{one_of(others[0])}"
    return with_format(tp, others)


def _same_types(outcome: Any, value: Any) -> bool:
    if type(outcome) is not type(value):
        return False
    if isinstance(value, (list, tuple)):
        return all(map(_same_types, outcome, value))
    if isinstance(value, dict):
        return all(_same_types(outcome[key], item) for key, item in value.items())
    return True


# objects


class _Fields:
    """The checks of a class's fields, built at the first value: a class may hold itself."""

    def __init__(self, tp: Any, check_of: CheckOf) -> None:
        self.name = type_name(tp)
        self._type = tp
        self._check_of = check_of
        self._checks: list[tuple[Field, Check]] | None = None

    @property
    def checks(self) -> list[tuple[Field, Check]]:
        if self._checks is None:
            self._checks = [(field, self._check_of(field.type)) for field in fields_of(self._type)]
        return self._checks

    def structure(self, given: Mapping[Any, Any], offences: Offences) -> dict[str, Any]:
        """The value of each field that is given; missing and unknown ones are noted."""
        offences.go_in()
        outcome = {}
        for field, check in self.checks:
            if field.name in given:
                outcome[field.name] = _inside(check, given[field.name], f".{field.name}", offences)
            elif field.required:
                offences.add(f"lacks {field.name!r}, which {self.name} requires", close=True)
        if len(outcome) < len(given):
            self._note_unknown(given, offences)
        offences.level -= 1
        return outcome

    def _note_unknown(self, given: Mapping[Any, Any], offences: Offences) -> None:
        names = [field.name for field, _ in self.checks]
        for key in given:
            if key not in names:
                near = did_you_mean(key, names) if isinstance(key, str) else ""
                offences.add(f"has {short(key)}, which is no field of {self.name}{near}", close=True)


def _typed_dict(tp: Any, check_of: CheckOf) -> Check:
    """The check of a TypedDict: a dict with its keys and no others."""
    fields = _Fields(tp, check_of)

    def check(value: Any, offences: Offences) -> Any:
        return fields.structure(value, offences) if type(value) is dict else offences.expected(fields.name, value)

    return check


def _named_tuple(tp: Any, check_of: CheckOf) -> Check:
    """The check of a NamedTuple: one, or a JSON array of its values, of which those with a default may lack."""
    fields, cls = _Fields(tp, check_of), class_of(tp)

    def check(value: Any, offences: Offences) -> Any:
        if type(value) is not cls and type(value) is not list:
            names = ", ".join(field.name for field, _ in fields.checks)
            return offences.expected(f"{fields.name} or an array of its fields, [{names}]", value)
        least = sum(field.required for field, _ in fields.checks)
        if not least <= len(value) <= len(fields.checks):
            number = _number(least, len(fields.checks))
            return offences.expected(f"{fields.name} of {number} items", value, close=True)
        before = offences.count
        offences.go_in()
        items = [
            _inside(item_check, item, f".{field.name}", offences)
            for item, (field, item_check) in zip(value, fields.checks, strict=False)
        ]
        offences.level -= 1
        return _made(cls, items, {}, offences) if offences.count == before else value

    return check


def _number(least: int, most: int) -> str:
    return str(most) if least == most else f"{least} to {most}"


def _record(tp: Any, check_of: CheckOf) -> Check:
    """The check of an attrs class or dataclass: an instance, each of its fields, or a JSON object of them.

    The outcome is a new instance, so that what a run gets is what would arrive from JSON.
    """
    fields, cls = _Fields(tp, check_of), class_of(tp)

    def check(value: Any, offences: Offences) -> Any:
        before = offences.count
        if offences.made.get(id(value)) == (value, fields):  # else a chain of objects takes 2**length checks
            return value
        if type(value) is cls:
            given = _held(value, fields, offences)
        elif type(value) is dict:
            given = value
        else:
            return offences.expected(fields.name, value)
        arguments = fields.structure(given, offences)
        if offences.count != before:
            return value
        made = _made(cls, (), arguments, offences)
        if offences.count == before:
            _check_made(made, value, fields, offences)
            offences.made[id(made)] = (made, fields)
        return made

    return check


def _check_made(made: Any, value: Any, fields: _Fields, offences: Offences) -> None:
    """Note what a class's own code makes of its fields that JSON would not bring back."""
    before = offences.count
    held = fields.structure(_held(made, fields, offences), offences)
    if offences.count != before:
        return
    again = _made(type(made), (), held, offences)
    if offences.count == before and _held(again, fields, offences) != held:
        offences.add(f"is another {fields.name} each time that it is made of its fields")
    elif type(value) is type(made) and (held != _held(value, fields, offences) or _differs(made, value)):
        offences.add(f"would not be the same {fields.name} again when it is made of its fields")


def _held(instance: Any, fields: _Fields, offences: Offences) -> dict[str, Any]:
    held = {}
    for field, _ in fields.checks:
        try:
            held[field.name] = getattr(instance, field.attribute)
        except Exception as error:  # a field that was deleted, or a property of a user's
            offences.add(f"has no value of its field {field.name!r}: {type(error).__name__}")
    return held


def _made(cls: Any, args: Any, arguments: Mapping[str, Any], offences: Offences) -> Any:
    try:
        return cls(*args, **arguments)
    except (Exception, SystemExit) as error:  # a validator of the user's may raise anything
        reason = error.args[0] if error.args and isinstance(error.args[0], str) else text_of(error)
        offences.add(f"is refused by {cls.__name__}: {reason or type(error).__name__}", close=True)
    return None


def _differs(made: Any, value: Any) -> bool:
    if type(value).__eq__ is cast(Any, object.__eq__):
        return False  # compared by identity, so there is no telling
    try:
        return bool(made != value)
    except Exception:  # an __eq__ of a user's
        return False


def reference(tp: Any, form: ReferenceForm) -> Check:
    """The check of a class whose values are references in JSON: a value of it or of a subclass, or its reference.

    Either is read from its reference, so that a value that no reference stands for does not fit. That a service does
    not answer is no offence of the value, and is raised.
    """
    cls = class_of(tp)

    def check(value: Any, offences: Offences) -> Any:
        if not isinstance(value, (form.base, dict)):
            return offences.expected(f"{cls.__name__} or its reference", value)
        try:
            found = form.read(value if isinstance(value, dict) else form.write(value))
        except ServiceError:
            raise
        except LumeError as error:
            offences.add(str(error), close=True)
            return value
        return found if isinstance(found, cls) else offences.expected(cls.__name__, found)

    return check


def check_of_class(tp: Any, check_of: CheckOf) -> Check:
    """The check of a class of named fields."""
    if is_named_tuple(tp):
        return _named_tuple(tp, check_of)
    return _typed_dict(tp, check_of) if is_typed_dict(tp) else _record(tp, check_of)
