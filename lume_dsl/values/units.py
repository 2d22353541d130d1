"""Units of parameters: what their text means, and quantities such as ``0.25 nC`` in another unit.

pint reads the units where it is installed (the extra ``units``); without it their text is kept and nothing is
known of it. This module knows nothing of parameters, of flows, or of how a number is checked against a type.
pint and its registry take some 0.5 s to load, so they load on the first question that needs them.
"""

from __future__ import annotations

import decimal
import math
import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

import attrs

from lume_dsl.errors import did_you_mean
from lume_dsl.values.convert import short
from lume_dsl.values.names import is_union

__all__ = ["Unit", "UnitError", "difference", "read_quantity", "unit_in", "unit_problem"]


@attrs.frozen
class Unit:
    """The unit that a number is in: ``Annotated[float, Unit("pC")]``. Its text is not checked here."""

    text: str = attrs.field(validator=attrs.validators.instance_of(str))


class UnitError(ValueError):
    """A quantity cannot be told in the unit that was asked for. Its text says why, and how to mend it."""


def unit_in(tp: Any) -> str:
    """Return the unit that a type declares for its numbers, or ``""`` where it declares none or several.

    It stands on the type itself, on the items of a list or tuple, on the values of a dict or on an arm of a
    union. The places of a tuple must agree: ``tuple[Annotated[float, Unit("mm")], int]`` has no one unit.
    """
    found = set(_declared(tp))
    return found.pop() if len(found) == 1 else ""


def _declared(tp: Any) -> Iterator[str]:
    """Every unit within a type, with ``""`` for a place of a tuple that has none."""
    if type(tp).__name__ == "TypeAliasType":
        tp = tp.__value__
    origin, arguments = get_origin(tp), get_args(tp)
    if origin is Annotated:
        yield from (extra.text for extra in tp.__metadata__ if isinstance(extra, Unit))
        yield from _declared(arguments[0])
    elif origin is tuple:
        yield from (unit_in(item) for item in arguments if item is not ... and item != ())
    elif origin is list or is_union(tp):
        for argument in arguments:
            yield from filter(None, _declared(argument)) if is_union(tp) else _declared(argument)
    elif origin is dict:
        yield from _declared(arguments[1])


USUAL = frozenset(
    """
    m cm mm um µm nm km rad mrad urad deg s ms us ns ps fs min h Hz kHz MHz GHz THz eV keV MeV GeV TeV J mJ uJ W kW MW
    V kV MV MV/m A mA kA C nC pC T mT T/m T/m^2 K kg g Pa mbar % 1/m 1/s
    """.split()  # noqa: SIM905 - a list of 56 quoted texts is harder to read
)
"""Units of this field that are known to be units, so that a flow that has no others is defined without pint."""


def unit_problem(text: str) -> str | None:
    """Return what is wrong with a unit's text, or None: it is a unit, it is ``""``, or pint is not installed."""
    if text in USUAL:
        return None
    return (_parsed(text)[1] or None) if text and _registry() is not None else None


def difference(a: str, b: str) -> str | None:
    """Return how two units differ, or None: they are the same, one is not known, or pint is not installed.

    Units that pint measures alike are the same: ``mrad`` is a number to it, so ``mm*mrad`` is ``um``.
    """
    if a == b or not a or not b or _registry() is None:
        return None
    (unit_a, _), (unit_b, _) = _parsed(a), _parsed(b)
    if unit_a is None or unit_b is None:
        return None
    if unit_a.dimensionality != unit_b.dimensionality:
        return f"{a} and {b} are of different dimensions"
    try:
        zero, one = (_convert(Decimal(number), unit_a, unit_b) for number in (0, 1))
    except Exception:  # a scale that is no factor: dBm and mW
        return None if unit_a == unit_b else f"{a} and {b} are of different scales"
    if zero:
        return f"0 {a} is {float(zero):.10g} {b}"
    return None if one == 1 else f"{a} is {float(one):.10g} {b}"


def read_quantity(text: str, unit: str) -> Decimal | None:
    """Return the number of ``unit`` that ``text`` tells, or None where it is no number followed by a unit.

    ``read_quantity("0.25 nC", "pC") == 250``. A bare number is None too, and so is all where ``unit`` is
    ``""``. The outcome is exact wherever the exact one has at most 80 digits (else rounded to 80), and is
    within the range of a float: ``float(...)`` of it is the float nearest to what was written.

    Raises:
        UnitError: its unit is not known or is of another dimension, its number is out of range or has more
            than 70 digits, or pint, which every other spelling than ``unit``'s own needs, is not installed.
    """
    match = _QUANTITY.fullmatch(text.strip()) if unit and len(text) <= LONGEST_QUANTITY else None
    if match is None:
        return None
    number, written = _number(match[1]), match[2]
    return _finite(number if written == unit else _converted(number, written, unit), text, unit)


LONGEST_UNIT = 64
"""Characters of a unit. pint evaluates the text as arithmetic, so what it is given is bounded."""

LONGEST_QUANTITY = 200

LONGEST_NUMBER = 70
"""Digits of a number with a unit: fewer than DIGITS, so that a large int is refused rather than rounded."""

DIGITS = 80
"""Digits of an outcome. pint divides on its way (by eV in joule, say), so it works with 40 more and is rounded."""

_WIDE, _ROUND = (
    decimal.Context(prec=prec, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow])
    for prec in (DIGITS + 40, DIGITS)
)

_NAME = r"[A-Za-z%°‰µμΩΩÅÅℓ](?:\w|[%°])*"

_QUANTITY = re.compile(
    rf"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+|(?![eE][-+]?\d|[eE]$|x)))(?:\s*(?=\(|{_NAME})|\s+(?=1\s*/))(\S.*)",
    re.ASCII | re.DOTALL,
)

_PIECE = re.compile(
    rf"{_NAME}"
    r"|(?:\*\*|\^)\s*(?:[-+]?\d{1,2}(?:\.\d{1,2})?|\(\s*[-+]?\d{1,2}(?:[./]\d{1,2})?\s*\))(?!\s*(?:\*\*|\^|\d))"
    r"|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}(?![⁰¹²³⁴⁵⁶⁷⁸⁹])"
    r"|\b1(?=\s*/)"
    r"|[*/().· ]",
    re.ASCII,
)
"""What a unit may be made of. It keeps numbers out but for exponents, and powers of powers such as 9**9**9."""

_COMMON = (
    *("pC", "nC", "C", "mm", "um", "nm", "cm", "km", "mrad", "urad", "rad", "deg", "eV", "keV", "MeV", "GeV", "TeV"),
    *("V", "kV", "MV", "A", "mA", "kA", "T", "mT", "T/m", "MV/m", "s", "ms", "us", "ns", "ps", "fs", "Hz", "kHz"),
    *("MHz", "GHz", "W", "kW", "MW", "J", "mJ", "uJ", "K", "degC", "Pa", "mbar", "kg", "ohm", "percent", "meter"),
    *("second", "coulomb", "ampere", "volt", "tesla", "hertz", "joule", "watt", "kelvin", "radian", "degree"),
)
"""The units of this field, which misspelt ones are compared with. Of pint's thousands, most would mislead."""

_lock = threading.Lock()


def _registry() -> Any:
    """The one registry of this process, or None where pint is not installed."""
    with _lock:  # lru_cache alone may call twice
        return _new_registry()


@lru_cache(maxsize=1)
def _new_registry() -> Any:
    try:
        import pint  # 0.5 s with its registry
    except ImportError:
        return None
    with decimal.localcontext(_WIDE):
        number: Any = Decimal  # pint's annotation knows of float alone
        return pint.UnitRegistry(non_int_type=number)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Any, str]:
    """pint's unit and ``""``, or None and what is wrong with the text. pint is there."""
    if len(text) > LONGEST_UNIT:
        return None, f"{short(text)} is not a unit: it has more than {LONGEST_UNIT} characters"
    if number := re.match(rf"\s*[-+]?[\d.]+\s*(?={_NAME}|$)", text, re.ASCII):
        alone = text[number.end() :] or "dimensionless"
        return None, f"{text!r} has a number, which a unit has not; write {alone!r}"
    if _PIECE.sub("", text) or not text.strip():
        return None, f"{text!r} is not a unit; write names joined by * and /, with powers such as m**-2"
    try:
        with decimal.localcontext(_WIDE):
            unit = _registry().parse_units(text)
            unit.dimensionality  # noqa: B018 - here too, pint raises for what it cannot make sense of
            return unit, ""
    except Exception as error:  # pint's, the tokenizer's and decimal's, of many kinds
        return None, _why(text, error)


def _why(text: str, error: Exception) -> str:
    unknown = getattr(error, "unit_names", None)
    if not unknown:
        return f"{text!r} is not a unit: pint cannot read it"
    name = unknown if isinstance(unknown, str) else next(iter(unknown))
    where = f"{name!r}" if name == text else f"{name!r} in {text!r}"
    return f"{where} is not a unit that pint knows{_suggestion(name)}"


def _suggestion(name: str) -> str:
    """The unit that differs in case alone, else a close one, else for a short name one that shares half of it."""
    same = [known for known in _COMMON if known.lower() == name.lower()]
    if same or (close := did_you_mean(name, _COMMON)) == "":
        half = [known for known in _COMMON if len(known) == len(name) == 2 and known[0] == name[0]]
        return f"; did you mean {(same or half)[0]!r}?" if same or half else ""
    return close


def _number(text: str) -> Decimal:
    if sum(map(str.isdigit, text)) > LONGEST_NUMBER:
        raise UnitError(f"{short(text)} has more than {LONGEST_NUMBER} digits; write the number without a unit")
    try:
        return _WIDE.create_decimal(text)
    except decimal.DecimalException:
        raise UnitError(f"{short(text)} is out of the range of a float") from None


def _converted(number: Decimal, written: str, unit: str) -> Decimal:
    if _registry() is None:
        raise UnitError(f"{short(written)} in {unit} needs pint: pip install 'lume-dsl[units]'")
    (source, problem), (target, declared_problem) = _parsed(written), _parsed(unit)
    if problem or declared_problem:
        raise UnitError(problem or declared_problem)
    if source.dimensionality != target.dimensionality:
        raise UnitError(
            f"{written} is of dimension {source.dimensionality}; expected {unit}, of dimension {target.dimensionality}"
        )
    try:
        return _convert(number, source, target)
    except decimal.DecimalException:
        raise UnitError(f"{number} {written} in {unit} is out of the range of a float") from None
    except Exception as error:  # a logarithmic unit, which pint has for floats alone
        raise UnitError(f"pint does not convert {written} to {unit} exactly; write the number in {unit}") from error


def _convert(number: Decimal, source: Any, target: Any) -> Decimal:
    if source == target:
        return number
    with decimal.localcontext(_WIDE):
        converted: Decimal = _registry().convert(number, source, target)
        return _ROUND.plus(converted).copy_sign(converted)  # plus makes 0 of -0


def _finite(number: Decimal, text: str, unit: str) -> Decimal:
    if not math.isfinite(float(number)) or (number and not float(number)):
        raise UnitError(f"{short(text)} in {unit} is out of the range of a float")
    return number
