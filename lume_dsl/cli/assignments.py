"""What a command line says of parameters, applied in its order: flags, their parts, and documents.

It knows nothing of click, nor of how flags are spelt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from lume_dsl.declare.graph import MISSING, Graph
from lume_dsl.declare.parameters import (
    bind_values,
    in_field_order,
    unit_of,
    unsaid,
    value_problems,
)
from lume_dsl.errors import ParameterError, Problem
from lume_dsl.values.convert import unstructure
from lume_dsl.values.forms import JSON
from lume_dsl.values.paths import with_part
from lume_dsl.values.quantities import with_numbers
from lume_dsl.values.scalars import Offences
from lume_dsl.values.text import parse_texts

__all__ = ["Assignment", "Document", "Given", "assembled", "gathered"]


@attrs.frozen
class Assignment:
    """Texts for a parameter, or for the part of it that ``steps`` lead to. A list takes the items of all texts."""

    name: str
    texts: tuple[str, ...]
    steps: tuple[str, ...] = ()


@attrs.frozen
class Document:
    """Values by parameter, of a file that errors call ``name``."""

    name: str
    values: Mapping[str, Any]


Given: TypeAlias = Assignment | Document


def assembled(flow_name: str, graph: Graph, given: Iterable[Given]) -> dict[str, Any]:
    """Return the values of all parameters, in field order: what was given for each, the later over the earlier.

    Raises:
        ParameterError: All values that are missing, unknown, or do not fit.
    """
    assembly = _Assembly(flow_name, graph)
    for one in gathered(given):
        assembly.take(one)
    return assembly.finished()


def gathered(given: Iterable[Given]) -> list[Given]:
    """Return the same with the texts of a flag that stands several times together, where it stands first.

    A document between them, or another flag for the same part, for one in it or for what holds it, parts them.
    """
    outcome: list[tuple[Given, list[str]]] = []
    extended: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in given:
        if isinstance(one, Document):
            extended.clear()
            outcome.append((one, []))
            continue
        key = (one.name, one.steps)
        for other in [other for other in extended if other != key and _meet(other, key)]:
            del extended[other]
        if key not in extended:
            extended[key] = []
            outcome.append((one, extended[key]))
        extended[key] += one.texts
    return [attrs.evolve(one, texts=tuple(texts)) if isinstance(one, Assignment) else one for one, texts in outcome]


def _meet(one: tuple[str, tuple[str, ...]], other: tuple[str, tuple[str, ...]]) -> bool:
    return one[0] == other[0] and all(a == b for a, b in zip(one[1], other[1], strict=False))


@attrs.define
class _Assembly:
    """The values so far; the problems, by parameter and steps; and the documents that values are of."""

    flow_name: str
    graph: Graph
    values: dict[str, Any] = attrs.field(factory=dict)
    problems: dict[tuple[str, tuple[str, ...]], list[Problem]] = attrs.field(factory=dict)
    sources: dict[str, str] = attrs.field(factory=dict)

    def take(self, given: Given) -> None:
        """What is given holds now."""
        if isinstance(given, Document):
            for name, value in given.values.items():
                self._forget(name, ())
                self.sources[name] = given.name
                self._take_value(name, value)
        else:
            self._forget(given.name, given.steps)
            self._assign(given)

    def _forget(self, name: str, steps: tuple[str, ...]) -> None:
        """The problems of what is overridden are none."""
        for key in list(self.problems):
            if key[0] == name and key[1][: len(steps)] == steps:
                del self.problems[key]

    def _assign(self, given: Assignment) -> None:
        name, member = given.name, self.graph.parameters[given.name]
        texts = list(given.texts)
        self.sources.pop(name, None)
        if not given.steps:
            self._keep(name, (), *parse_texts(texts, member.type, unit_of(member)))
            return
        if name not in self.values and (name, ()) not in self.problems:
            value, offences = unsaid(member, whole=False)
            self._keep(name, (), None if value is MISSING else value, offences)
        if (name, ()) in self.problems:
            return  # there is no telling what the part would be of

        def read(tp: Any, unit: str) -> tuple[Any, Offences]:
            return parse_texts(texts, tp, unit)

        so_far, tp = unstructure(self.values[name]), JSON if member.type is Any else member.type
        self._keep(name, given.steps, *with_part(so_far, tp, given.steps, read, unit_of(member)))

    def _keep(self, name: str, steps: tuple[str, ...], value: Any, offences: Offences) -> None:
        if offences:
            problems = value_problems(self.flow_name, self.graph.parameters[name], offences)
            self.problems[name, steps] = problems
        else:
            self.values[name] = value

    def _take_value(self, name: str, value: Any) -> None:
        """A document's value, its quantities as numbers, holds now. Whether it fits is asked at the end."""
        if name not in self.graph.parameters:
            self.values[name] = value
            return
        member = self.graph.parameters[name]
        read, offences = with_numbers(value, member.type, unit_of(member))
        offences.say_source(self.sources[name])
        self._keep(name, (), read, offences)

    def finished(self) -> dict[str, Any]:
        """The values of all parameters, which fit."""
        told = {name for name, _ in self.problems}
        values = {name: value for name, value in self.values.items() if name not in told}
        own = [problem for problems in self.problems.values() for problem in problems]
        try:
            bound = bind_values(self.flow_name, self.graph, (), values)
        except ParameterError as error:
            found = [self._with_source(problem) for problem in error.problems if self._name(problem) not in told]
            count = max(error.count, len(error.problems)) - len(error.problems) + len(found) + len(own)
            raise ParameterError(in_field_order(self.flow_name, self.graph, [*own, *found]), count) from None
        if own:
            raise ParameterError(in_field_order(self.flow_name, self.graph, own))
        return bound

    def _with_source(self, problem: Problem) -> Problem:
        source = self.sources.get(self._name(problem))
        return attrs.evolve(problem, message=f"{problem.message} (from {source})") if source else problem

    def _name(self, problem: Problem) -> str:
        rest = problem.subject.removeprefix(f"{self.flow_name}.")
        return rest if problem.kind == "parameter-unknown" else rest.partition(".")[0].partition("[")[0]
