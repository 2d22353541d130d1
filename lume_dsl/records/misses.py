"""Why a query finds nothing: names that no record has, and values of kinds that compare with none.

It looks at the newest records alone, as a store may hold any number of them, and must not know who asks.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from lume_dsl.errors import did_you_mean, near_or_all
from lume_dsl.records.kinds import Operand, kind_in_words
from lume_dsl.records.paths import CONTAINERS, MISSING, RecordPath, value_at
from lume_dsl.records.plain import json_text
from lume_dsl.records.query import Query
from lume_dsl.records.store import RecordStore
from lume_dsl.records.where import All, AnyOf, Comparison, Condition, Exists, Not, OneOf
from lume_dsl.values.encoding import plain

__all__ = ["why_nothing"]

LOOKED_AT = 1000
"""How many records are looked at."""

LONGEST = 60
"""Characters of a value that are shown."""

_NAMES = {"flow_name": "a flow", "project_name": "a project", "result_type_string": "a class"}


def why_nothing(store: RecordStore, query: Query) -> list[str]:
    """Return what in a query that finds nothing holds of none of the newest records, for people to mend."""
    return [*_unknown_names(store, query), *_unlike_values(store, query)]


def _unknown_names(store: RecordStore, query: Query) -> Iterator[str]:
    wanted = {member: text for member, text in query.equalities().items() if member in _NAMES}
    if not wanted:
        return
    known: dict[str, set[str]] = {member: set() for member in wanted}
    for document in store.find(Query(limit=LOOKED_AT)):
        for member, names in known.items():
            names.add(str(document[member]))
    for member, text in wanted.items():
        if known[member] and text not in known[member]:
            yield f"no record is of {_NAMES[member]} named {text!r}{near_or_all(text, known[member])}"
            if member == "flow_name" and not did_you_mean(text, known[member]):
                yield "a flow that is called in the body of another has records under its own name"


def _unlike_values(store: RecordStore, query: Query) -> Iterator[str]:
    asked = [_Asked(condition) for condition in _leaves(query.where)]
    if not asked:
        return
    for document in store.find(attrs.evolve(query, where=None, order=(), limit=LOOKED_AT)):
        for one in asked:
            one.look_at(document)
    yield from dict.fromkeys(reason for one in asked if (reason := one.reason()))


def _leaves(condition: Condition | None) -> Iterator[Comparison | OneOf | Exists]:
    match condition:
        case Comparison() | OneOf() | Exists():
            yield condition
        case All() | AnyOf():
            for one in condition.conditions:
                yield from _leaves(one)
        case Not():
            # That nothing is there is what such a condition asks for.
            yield from (one for one in _leaves(condition.condition) if not isinstance(one, Exists))


class _Asked:
    """What records have at the path of a condition."""

    def __init__(self, condition: Comparison | OneOf | Exists) -> None:
        self.condition = condition
        self.path: RecordPath = condition.path
        self.names: set[str] = set()
        self.looked_at = 0
        self.found: object = MISSING
        self.is_met = False

    def look_at(self, document: dict[str, object]) -> None:
        """A record is known."""
        self.looked_at += 1
        member = self.path.steps[0]
        if member in CONTAINERS:
            members = plain(document.get(str(member)))
            self.names |= set(members) if isinstance(members, dict) else set()
        found = value_at(document, self.path)
        if found is not MISSING:
            self.found = found if self.found is MISSING or self.found is None else self.found
            self.is_met = self.is_met or self._is_comparable(found)

    def _is_comparable(self, found: object) -> bool:
        match self.condition:
            case Comparison(sign="==" | "!=", operand=operand):
                return operand.is_like(found)
            case Comparison(operand=operand):
                return operand.compares(found, "<") or operand.compares(found, ">=")
            case OneOf(operands=operands):
                return any(operand.is_like(found) for operand in operands)
        return True

    def reason(self) -> str:
        """Why the condition holds of none of the records, or ``""`` where another might."""
        if not self.looked_at or self.is_met:
            return ""
        if self.found is MISSING:
            step = str(self.path.steps[1]) if len(self.path.steps) > 1 else ""
            return f"no record has {self.path}{did_you_mean(step, self.names - {step})}"
        shown = json_text(plain(self.found))
        shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
        return f"{self.path} is {kind_in_words(self.found)}, such as {shown}, and is compared with {self._operands()}"

    def _operands(self) -> str:
        operands: tuple[Operand, ...] = getattr(self.condition, "operands", ())
        if isinstance(self.condition, Comparison):
            operands = (self.condition.operand,)
        return " or ".join(dict.fromkeys(kind_in_words(operand.encoded) for operand in operands))
