"""``at``: conditions on what records hold, as ``at("inputs.charge") > 100``; it must not know how stores find records.

What a condition says of a record is decided here, on the stored form and for every store alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NoReturn

import attrs

from lume_dsl.errors import RecordError
from lume_dsl.records.kinds import Operand
from lume_dsl.records.paths import MISSING, RecordPath, read_path, value_at
from lume_dsl.records.written import Written, WrittenOperand
from lume_dsl.values.encoding import encode
from lume_dsl.values.times import with_offset

__all__ = ["DEEPEST", "All", "AnyOf", "At", "Comparison", "Condition", "Exists", "Not", "OneOf", "at"]

_HOW = (
    "write & for `and`, | for `or`, ~ for `not`, .isin([...]) for `in`, two comparisons for a range, and parentheses "
    "around each comparison: (at('inputs.x') > 1) & (at('inputs.x') < 3)"
)


DEEPEST = 200
"""How many conditions are one within the other; Python's own parser takes less than that in parentheses."""


class Condition(ABC):
    """What holds of a record or does not. Made by comparing ``at(...)``, and joined by ``&``, ``|`` and ``~``."""

    __slots__ = ()

    @abstractmethod
    def holds(self, document: dict[str, Any]) -> bool:
        """Whether it holds of a stored record."""

    @abstractmethod
    def paths(self) -> Iterator[RecordPath]:
        """Yield the paths that it looks at."""

    def __and__(self, other: Condition) -> Condition:
        return All((*_parts(self, All), *_parts(_condition(other), All)))

    def __or__(self, other: Condition) -> Condition:
        return AnyOf((*_parts(self, AnyOf), *_parts(_condition(other), AnyOf)))

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} is true or false of a record, not by itself; {_HOW}")


def _condition(other: object) -> Condition:
    if not isinstance(other, Condition):
        raise TypeError(f"{other!r} is no condition, so it cannot be joined with one; {_HOW}")
    return other


def _parts(condition: Condition, join: type[All] | type[AnyOf]) -> tuple[Condition, ...]:
    return condition.conditions if isinstance(condition, join) else (condition,)


def _depth(joined: All | AnyOf | Not) -> int:
    """How many conditions are one within the other; a RecordError where Python could not follow them."""
    inner = (joined.condition,) if isinstance(joined, Not) else joined.conditions
    depth = 1 + max((getattr(one, "depth", 1) for one in inner), default=0)
    if depth > DEEPEST:
        raise RecordError(f"conditions are nested more than {DEEPEST} deep; join many by & or | alone, or use .isin")
    return depth


def _shown(condition: Condition) -> str:
    """The condition as an operand of ``&``, ``|`` or ``~``."""
    return f"({condition!r})" if isinstance(condition, (Comparison, All, AnyOf)) else repr(condition)


def _canonical(operand: Operand) -> bytes:
    return operand.canonical


def _compared(comparison: Comparison) -> Operand:
    operand = _operand(comparison.path, comparison.value)
    if comparison.sign not in ("==", "!=") and operand.key is None:
        raise TypeError(
            f"{comparison.path}: {_a(comparison.value)} is not before or after another; compare a number, a text, a "
            "date, a datetime or a timedelta, or write == or !="
        )
    return operand


def _each_compared(one_of: OneOf) -> tuple[Operand, ...]:
    return tuple(_operand(one_of.path, value) for value in one_of.values)


@attrs.frozen(repr=False)
class Comparison(Condition):
    """The value at a path, compared with another.

    ``!=`` holds exactly where something is there that is not equal. The others but ``==`` hold among values of one
    kind alone (``lume_dsl.records.kinds``).

    Attributes:
        path: Where the one value is.
        sign: ``"=="``, ``"!="``, ``"<"``, ``"<="``, ``">"`` or ``">="``.
        value: The other value.
        operand: The other value as it is compared.
    """

    path: RecordPath
    sign: str
    value: Any = attrs.field(eq=False)
    operand: Operand = attrs.field(init=False, eq=_canonical, default=attrs.Factory(_compared, takes_self=True))

    def holds(self, document: dict[str, Any]) -> bool:
        found = value_at(document, self.path)
        if self.sign == "==":
            return self.operand.equals(found)
        if self.sign == "!=":
            return found is not MISSING and not self.operand.equals(found)
        return self.operand.compares(found, self.sign)

    def paths(self) -> Iterator[RecordPath]:
        yield self.path

    def __repr__(self) -> str:
        return f"{self.path!r} {self.sign} {self.value!r}"


@attrs.frozen(repr=False)
class OneOf(Condition):
    """The value at a path equals one of these.

    Attributes:
        path: Where the value is.
        values: The others.
        operands: The others as they are compared.
    """

    path: RecordPath
    values: tuple[Any, ...] = attrs.field(eq=False)
    operands: tuple[Operand, ...] = attrs.field(
        init=False,
        eq=lambda operands: tuple(map(_canonical, operands)),
        default=attrs.Factory(_each_compared, takes_self=True),
    )

    def holds(self, document: dict[str, Any]) -> bool:
        found = value_at(document, self.path)
        return any(operand.equals(found) for operand in self.operands)

    def paths(self) -> Iterator[RecordPath]:
        yield self.path

    def __repr__(self) -> str:
        return f"{self.path!r}.isin({list(self.values)!r})"


@attrs.frozen(repr=False)
class Exists(Condition):
    """Something is at a path, be it None."""

    path: RecordPath

    def holds(self, document: dict[str, Any]) -> bool:
        return value_at(document, self.path) is not MISSING

    def paths(self) -> Iterator[RecordPath]:
        yield self.path

    def __repr__(self) -> str:
        return f"{self.path!r}.exists()"


@attrs.frozen(repr=False)
class All(Condition):
    """Every one of these holds."""

    conditions: tuple[Condition, ...]
    depth: int = attrs.field(init=False, eq=False, default=attrs.Factory(_depth, takes_self=True))

    def holds(self, document: dict[str, Any]) -> bool:
        return all(condition.holds(document) for condition in self.conditions)

    def paths(self) -> Iterator[RecordPath]:
        for condition in self.conditions:
            yield from condition.paths()

    def __repr__(self) -> str:
        return " & ".join(map(_shown, self.conditions))


@attrs.frozen(repr=False)
class AnyOf(Condition):
    """One of these holds, or more."""

    conditions: tuple[Condition, ...]
    depth: int = attrs.field(init=False, eq=False, default=attrs.Factory(_depth, takes_self=True))

    def holds(self, document: dict[str, Any]) -> bool:
        return any(condition.holds(document) for condition in self.conditions)

    def paths(self) -> Iterator[RecordPath]:
        for condition in self.conditions:
            yield from condition.paths()

    def __repr__(self) -> str:
        return " | ".join(map(_shown, self.conditions))


@attrs.frozen(repr=False)
class Not(Condition):
    """This does not hold."""

    condition: Condition
    depth: int = attrs.field(init=False, eq=False, default=attrs.Factory(_depth, takes_self=True))

    def holds(self, document: dict[str, Any]) -> bool:
        return not self.condition.holds(document)

    def paths(self) -> Iterator[RecordPath]:
        yield from self.condition.paths()

    def __repr__(self) -> str:
        return f"~{_shown(self.condition)}"


def _operand(path: RecordPath, value: Any) -> Operand:
    if isinstance(value, (At, Condition)):
        raise TypeError(f"{path!r} is compared with a value, not with {value!r}; {_HOW}")
    if path.steps == ("time",) and not (isinstance(value, datetime) and value.tzinfo is not None):
        raise TypeError(
            f"the time of a record is an instant, and {value!r} is none; "
            "write datetime(2026, 11, 24, tzinfo=timezone.utc), or give one without a zone .astimezone()"
        )
    if isinstance(value, Written):
        return WrittenOperand(encode(value.value, f"the value for {path}"))
    given = with_offset(value) if isinstance(value, datetime) else value  # whose instant counts
    return Operand(encode(given, f"the value for {path}"))


def _a(value: Any) -> str:
    value = value.value if isinstance(value, Written) else value
    return "None" if value is None else f"{type(value).__name__} {value!r:.80}"


class At:
    """The place of a value in records; see ``at``. Compared with a value it gives a ``Condition``."""

    __slots__ = ("_path",)
    # As == makes a condition, no place has a hash, and the two do not return the bool that object's do.
    __hash__ = None  # type: ignore[assignment]  # see above

    def __init__(self, path: RecordPath) -> None:
        self._path = path

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]  # see above
        return Comparison(self._path, "==", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]  # see above
        return Comparison(self._path, "!=", other)

    def __lt__(self, other: Any) -> Condition:
        return Comparison(self._path, "<", other)

    def __le__(self, other: Any) -> Condition:
        return Comparison(self._path, "<=", other)

    def __gt__(self, other: Any) -> Condition:
        return Comparison(self._path, ">", other)

    def __ge__(self, other: Any) -> Condition:
        return Comparison(self._path, ">=", other)

    def isin(self, values: Iterable[Any]) -> Condition:
        """Return the condition that the value equals one of these."""
        if isinstance(values, (str, bytes, At, Condition)):
            raise TypeError(f"isin({values!r}): give a list of values, isin([{values!r}])")
        return OneOf(self._path, tuple(values))

    def exists(self) -> Condition:
        """Return the condition that a value is there; None is one."""
        return Exists(self._path)

    def __repr__(self) -> str:
        return repr(self._path)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(f"{self!r} is no condition: compare it, or write {self!r}.exists(); {_HOW}")

    # 1 & at(...) is what Python reads in `at(...) > 1 & at(...) < 3`.
    __bool__ = __and__ = __rand__ = __or__ = __ror__ = __invert__ = __contains__ = _refuse
    __array_ufunc__ = None  # so that a numpy scalar on the left leaves the comparison to this class


def at(path: str, /, *keys: str | int) -> At:
    """Return the place of a value in records, to be compared.

    >>> (at("inputs.charge") > 100) & ~at("outputs.fit.failed").exists()
    (at('inputs.charge') > 100) & ~at('outputs.fit.failed').exists()

    Args:
        path: Members of a record, keys and places of items: ``"outputs.fit.sigma"``, ``"outputs.values[0]"``,
            ``"provenance.revision"``, ``"fields.machine"``, ``"time"``.
        keys: Further keys and places as they are, for keys that hold dots: ``at("inputs", "a.b")``.

    Raises:
        RecordError: If it is no path, or does not begin with a member of a record.
    """
    return At(read_path(path, *keys))
