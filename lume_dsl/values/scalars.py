"""Checks of values that hold no others, and what a check notes. It knows nothing of containers."""

from __future__ import annotations

import enum
import math
import re
import reprlib
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from typing import Any, get_args

import attrs

from lume_dsl.values.document_errors import MOST_LEVELS
from lume_dsl.values.names import type_name
from lume_dsl.values.textforms import TEXT_FORMS, TextForm

__all__ = [
    "BULK",
    "LARGEST_EXACT_INT",
    "SCALAR_CHECKS",
    "Check",
    "Offence",
    "Offences",
    "check_float",
    "check_int",
    "check_str",
    "choice_check",
    "enum_check",
    "is_full",
    "one_of",
    "short",
    "without_underscores",
]

LARGEST_EXACT_INT = 2**53
"""Up to this, every int is a float (IEEE 754 binary64)."""

LONGEST_INT_BITS = 8192
"""Python writes an int of more than 4,300 digits as text only when told to, so JSON cannot carry it."""

SHOWN = 10
"""How many offences are told; the rest are counted."""


@attrs.frozen
class Offence:
    """A part of a value that does not fit.

    Attributes:
        path: Where it is: ``".magnets[3].current"``.
        message: What is wrong.
        fix: How to mend it.
        close: Whether the part is of the right kind, so that of a union's arms this one was meant.
    """

    path: str
    message: str
    fix: str = ""
    close: bool = False


@attrs.define
class Offences:
    """What is wrong with a value: the first ten offences, and how many there are.

    Attributes:
        made: The objects that checks of this value have made, each with its check, by their ids: they fit.
        level: How many lists, dicts and objects the part holds that is being checked, the whole one included.
    """

    shown: list[Offence] = attrs.field(factory=list)
    count: int = 0
    made: dict[int, tuple[Any, Any]] = attrs.field(factory=dict, repr=False, eq=False)
    level: int = attrs.field(default=0, repr=False, eq=False)

    def apart(self) -> Offences:
        """Return none yet, for a look at the value that may not count."""
        return Offences(made=self.made, level=self.level)

    def go_in(self) -> None:
        """What is checked from now on is one level further in, until ``level`` is taken back.

        Raises:
            RecursionError: It is too deep.
        """
        self.level += 1
        if self.level > MOST_LEVELS:
            raise RecursionError

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def are_close(self) -> bool:
        """Whether the value is of the right kind, and what is wrong is within it."""
        return all(offence.path or offence.close for offence in self.shown)

    def add(self, message: str, fix: str = "", *, close: bool = False) -> None:
        """Note an offence of the value that is being checked."""
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(Offence("", message, fix, close))

    def expected(self, what: str, value: Any, fix: str = "", *, close: bool = False) -> Any:
        """Note that ``what`` was expected, and return the value as it is."""
        if is_full(self.count):  # of a long list, so that no text is made that nobody reads
            self.count += 1
            return value
        self.add(f"expected {what}, got {short(value)}", fix or _mended(value), close=close)
        return value

    def inside(self, step: str, before: int) -> None:
        """The offences after the first ``before`` are of the part of the value that ``step`` leads to."""
        for place in range(before, len(self.shown)):
            offence = self.shown[place]
            self.shown[place] = attrs.evolve(offence, path=step + offence.path)

    def say_source(self, source: str) -> None:
        """Each message tells where the value is from."""
        self.shown = [attrs.evolve(offence, message=f"{offence.message} (from {source})") for offence in self.shown]

    def take(self, other: Offences) -> None:
        """Note those of another look at the same value."""
        self.count += other.count
        self.shown += other.shown[: SHOWN - len(self.shown)]


def is_full(count: int) -> bool:
    """Whether after so many offences further ones are counted alone."""
    return count >= SHOWN


Check = Callable[[Any, Offences], Any]
"""Takes a value and notes its offences; returns the value as its type holds it."""


def short(value: Any) -> str:
    """The value in at most some 80 characters, with its type where the text does not show it."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 60
    try:
        text = brief.repr(value)
    except Exception:  # an int of more than 4,300 digits, or a repr of a user's that fails
        if type(value) is int:
            return f"an int of {value.bit_length():,} bits"
        text = "a value that cannot be shown"
    return text if type(value) in (str, int, float, bool, type(None)) else f"{text} ({type_name(type(value))})"


def _mended(value: Any) -> str:
    """What to write instead of a value that is no JSON value, where that is known."""
    if type(value).__module__ == "numpy":
        return "write .item() behind it" if getattr(value, "ndim", None) == 0 else "write .tolist() behind it"
    return "write sorted(...), as a set has no order" if isinstance(value, (set, frozenset)) else ""


def _as_number(value: Any, read: Callable[[str], Any]) -> str:
    """How to mend a text that stands where a number is expected."""
    if not isinstance(value, str) or not value.isascii():
        return ""
    if re.match(r"\s*[-+]?[\d.]+\s*[a-zA-Z%]", value) and not re.match(r"\s*[-+]?[\d.]+e[-+\d]", value):
        return "write the number alone: a quantity is read on the command line and in files, where the unit is known"
    try:
        read(value)
    except ValueError:
        return ""
    return without_underscores(value) or "write it as a number, without quotes"


def without_underscores(text: str) -> str:
    """How to mend a number written as Python's code may have it, ``1_000``; ``""`` for another text."""
    return f"write {text.replace('_', '')}" if re.fullmatch(r"\s*[-+]?[\d._]*_[\d._]*(e[-+]?\d+)?\s*", text) else ""


def _exactly(tp: type) -> Check:
    def check(value: Any, offences: Offences) -> Any:
        return value if type(value) is tp else offences.expected(type_name(tp), value)

    return check


def check_str(value: Any, offences: Offences) -> Any:
    if type(value) is not str:
        return offences.expected("str", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8 text, so no JSON document, can hold it
            offences.add(f"is not valid Unicode text: {ascii(value)[:60]}", close=True)
    return value


def check_int(value: Any, offences: Offences) -> Any:
    if type(value) is not int:
        if is_full(offences.count):
            return offences.expected("int", value)
        is_minus_zero = type(value) is float and value == 0 and math.copysign(1, value) < 0
        return offences.expected("int", value, "write 0" if is_minus_zero else _as_number(value, int))
    if value.bit_length() > LONGEST_INT_BITS:
        offences.add(f"expected an int of at most {LONGEST_INT_BITS} bits", close=True)
    return value


def check_float(value: Any, offences: Offences) -> Any:
    if type(value) is int:
        return _float_of_int(value, offences)
    if not isinstance(value, float):
        return offences.expected("float", value, "" if is_full(offences.count) else _as_number(value, float))
    if not math.isfinite(value):
        offences.add(f"expected a finite float, got {value}, which is not JSON", close=True)
    return float(value)  # numpy.float64 is a float that holds the same


def _float_of_int(value: int, offences: Offences) -> Any:
    if -LARGEST_EXACT_INT <= value <= LARGEST_EXACT_INT:
        return float(value)
    try:
        if int(float(value)) == value:
            return float(value)
    except OverflowError:
        pass
    return offences.expected("float", value) if value.bit_length() > 1024 else _inexact(value, offences)


def _inexact(value: int, offences: Offences) -> int:
    offences.add(f"expected float, got {short(value)}, an int that no float equals", close=True)
    return value


def _differs(read: Any, value: Any) -> bool:
    """Whether a text brings back another value: another system's path, a time whose zone depends on the day, a fold."""
    if not isinstance(value, (datetime, time)):
        return bool(read != value)
    if value.tzinfo is None:
        return bool(read != value or value.fold)
    # To Python no two times of different zones are equal where the offset depends on fold, on the days of a change.
    clocks = (one.replace(tzinfo=None) for one in (read, value))
    return next(clocks) != next(clocks) or read.tzinfo is None or read.utcoffset() != value.utcoffset()


def _kept_as(value: Any) -> str:
    """What to write instead of a time that a text brings back as another."""
    if isinstance(value, time) and value.tzinfo is not None:
        return "give it an offset in place of its zone, which needs a date"
    if not getattr(value, "fold", 0):
        return ""
    return f"leave its fold out, or give it {'an offset' if isinstance(value, time) else 'a time zone'}"


def text_check(form: TextForm) -> Check:
    """The check of a type whose JSON form is a text: a value of it, or the text."""
    name = type_name(form.type)

    def check(value: Any, offences: Offences) -> Any:
        if form.holds(value):
            text = form.write(value)
            check_str(text, offences)  # a path may hold what is no text
            if not form.matches(text):
                return offences.expected(f"{name} ({form.what})", value)
            if _differs(form.read(text), value):
                message = f"would come back as another value: {short(value)}, in JSON {text!r}"
                offences.add(message, _kept_as(value), close=True)
            return value
        if form.type is Decimal and type(value) is int:
            return Decimal(value)
        if type(value) is not str or not form.matches(value):
            is_number = form.type is Decimal and type(value) is float
            fix = f"write it as text, in quotes: {str(value)!r}" if is_number else ""
            return offences.expected(f"{name} ({form.what}, as {form.example!r})", value, fix)
        check_str(value, offences)
        return form.read(value)

    return check


def choice_check(tp: Any, structured: Callable[[Any, Any, Offences], Any]) -> Check:
    """The check of ``Literal[...]``: one of its values, or its JSON form. ``structured`` converts to a value's type."""
    choices = get_args(tp)
    plain = {(type(choice), choice): choice for choice in choices}
    types = set(map(type, choices))
    name = type_name(tp)

    def check(value: Any, offences: Offences) -> Any:
        if type(value) in types and (type(value), value) in plain:
            return plain[type(value), value]
        for choice in choices:
            if isinstance(choice, (bytes, enum.Enum)):
                found = Offences()
                if structured(value, type(choice), found) == choice and not found:
                    return choice
        return offences.expected(name, value)

    return check


def one_of(tp: type[enum.Enum]) -> str:
    """Return how the name of an Enum goes on in an error: ``", one of 'fast', 'slow'"``."""
    return f", one of {', '.join(repr(member.value) for member in tp)}"


def enum_check(tp: type[enum.Enum]) -> Check:
    """The check of an Enum: a member, or its value."""
    by_value = {(type(member.value), member.value): member for member in tp}
    types = {type(member.value) for member in tp}
    floats = {member.value: member for member in tp if type(member.value) is float}
    name = f"{tp.__name__}{one_of(tp)}"

    def check(value: Any, offences: Offences) -> Any:
        if isinstance(value, tp):
            return value
        if type(value) in types and (type(value), value) in by_value:
            return by_value[type(value), value]
        if type(value) is int and value in floats:  # as an int is a valid float
            return floats[value]
        return offences.expected(name, value)

    return check


SCALAR_CHECKS: dict[Any, Check] = {
    str: check_str,
    int: check_int,
    float: check_float,
    bool: _exactly(bool),
    None: _exactly(type(None)),
    type(None): _exactly(type(None)),
    **{tp: text_check(form) for tp, form in TEXT_FORMS.items()},
}
"""The checks of the types that hold no others, by type."""

LARGEST_INT = 2**LONGEST_INT_BITS

BULK: dict[Any, Callable[[list[Any]], bool]] = {
    float: lambda items: set(map(type, items)) <= {float} and all(map(math.isfinite, items)),
    int: lambda items: set(map(type, items)) <= {int} and -LARGEST_INT < min(items) <= max(items) < LARGEST_INT,
    str: lambda items: set(map(type, items)) <= {str} and all(map(str.isascii, items)),
    bool: lambda items: set(map(type, items)) <= {bool},
}
"""Whether all items of a list (not empty) are surely values of a type and need no conversion, at the speed of C."""
