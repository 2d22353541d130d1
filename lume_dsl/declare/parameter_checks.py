"""What must hold of a flow's parameters when it is defined: of their types, options, defaults and examples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lume_dsl.declare.body import Unknown
from lume_dsl.declare.build import Unresolved
from lume_dsl.declare.constraint_checks import constraint_problems
from lume_dsl.declare.graph import MISSING, Member, Parameter
from lume_dsl.declare.parameters import check_value, spec_of
from lume_dsl.declare.references import Reference, draft_of
from lume_dsl.declare.subject import Subject
from lume_dsl.errors import Problem, text_of
from lume_dsl.values.convert import Offence, short, structure
from lume_dsl.values.jsontypes import Offender, offenders
from lume_dsl.values.names import type_name
from lume_dsl.values.quantities import all_units, may_hold_numbers
from lume_dsl.values.units import unit_in, unit_problem

__all__ = ["parameters"]


def parameters(flow: Subject) -> Iterator[Problem]:
    """Types are JSON; constraints and options fit the type; default and examples fit type and constraints."""
    for member in flow.graph.parameters.values():
        if member.name not in flow.annotated or member.type is Unresolved:
            continue
        if wrong := offenders(member.type, flow.names):
            yield from _type_problems(flow, member, wrong)
            continue
        spec = spec_of(member)
        limits = list(constraint_problems(member.type, spec.constraints))
        for message, fix in limits:
            yield flow.problem("bound", member, message, fix)
        options = list(_options(member, spec))
        for message, fix in options:
            yield flow.problem("parameter-option", member, message, fix)
        yield from _units(flow, member, spec)
        if not limits and not options:
            yield from _default(flow, member, spec)
            yield from _examples(flow, member, spec)


def _type_problems(flow: Subject, member: Member, wrong: Iterable[Offender]) -> Iterator[Problem]:
    whole = type_name(member.type)
    for offender in wrong:
        path = f"{whole} → {offender.path}: " if offender.path else ""
        message = f"{path}{offender.type} {offender.why}, so it cannot be a parameter's type"
        yield flow.problem("parameter-type", member, message, offender.fix)


def _default(flow: Subject, member: Member, spec: Parameter) -> Iterator[Problem]:
    if isinstance(spec.default, Reference):
        if not isinstance(spec.default, Unknown):
            message = f"the default is {draft_of(spec.default).label}, whose value is known only when the flow runs"
            yield flow.problem("default", member, message, "a default is a constant")
        return
    value = spec.default
    if spec.factory is not None:
        try:
            value = spec.factory()
        except (Exception, SystemExit) as error:  # a function of the user's
            message = f"the factory raised {type(error).__name__}: {text_of(error)}"
            yield flow.problem("default", member, message, "give a function that takes nothing and returns a value")
            return
    if value is MISSING or (spec.secret and value is not None):
        return
    what = f"the default {short(value)}" if spec.factory is None else f"the factory's {short(value)}"
    offences = check_value(value, member)[1]
    if not offences:
        return
    fits_type = not structure(value, member.type)[1]
    other = "what parameter() asks of it" if fits_type else f"annotate {member.name} as {_type_of_value(value)}"
    for offence in offences.shown:
        message = f"{what} does not fit{_at(offence)}: {offence.message}"
        yield flow.problem("default", member, message, f"change the default, or {other}")
    if offences.count > len(offences.shown):
        message = f"{what} has {offences.count - len(offences.shown):,} more parts that do not fit"
        yield flow.problem("default", member, message, "change the default")


def _examples(flow: Subject, member: Member, spec: Parameter) -> Iterator[Problem]:
    examples: Any = spec.examples  # where no type checker was asked
    if not isinstance(examples, tuple):
        message = f"examples={short(examples)} is no list"
        yield flow.problem("example", member, message, "write examples=[...]")
        return
    for example in examples:
        for offence in check_value(example, member)[1].shown[:1]:
            message = f"the example {short(example)} does not fit{_at(offence)}: {offence.message}"
            yield flow.problem("example", member, message, "change the example")


def _options(member: Member, spec: Parameter) -> Iterator[tuple[str, str]]:
    """What of ``parameter(...)`` does not go together, and how to mend it."""
    env: Any = spec.env  # where no type checker was asked
    help: Any = spec.help
    wrong = [
        (not isinstance(help, str), f"help={short(help)} is no text", 'write help="..."'),
        (spec.factory is not None and spec.default is not MISSING, "has both default and factory", "keep one of them"),
        (spec.factory is not None and not callable(spec.factory), "its factory is not callable", "write factory=list"),
        (
            spec.validator is not None and not callable(spec.validator),
            "its validator is not callable",
            "give a function that takes the value, and raises ValueError where it is wrong",
        ),
        (
            not _takes_one(spec.validator),
            f"its validator is called with the value alone, and takes {_signature(spec.validator)}",
            "give a function of one argument: functools.partial, or a lambda, gives it the others",
        ),
        (
            spec.secret and (spec.factory is not None or (spec.default is not MISSING and spec.default is not None)),
            "is secret, and its default stands in the source",
            f'leave the default out, and write env="{member.name.upper()}"',
        ),
        (spec.secret and bool(spec.examples), "is secret, and has examples", "leave the examples out"),
        (
            not isinstance(env, str) or re.search(r"[=\0\s]", env) is not None,
            f"env={short(env)} is no variable's name",
            f'write env="{member.name.upper()}"',
        ),
    ]
    yield from ((message, fix) for is_wrong, message, fix in wrong if is_wrong)


def _takes_one(function: Any) -> bool:
    """Whether it may be called with one value, as far as it tells."""
    try:
        inspect.signature(function).bind(None)
    except ValueError:  # a builtin that does not tell
        return True
    except TypeError:  # not callable, which is another problem
        return not callable(function)
    return True


def _signature(function: Any) -> str:
    return "" if _takes_one(function) else str(inspect.signature(function))


def _units(flow: Subject, member: Member, spec: Parameter) -> Iterator[Problem]:
    """Units are units, of numbers, and of a parameter there is one."""
    unit: Any = spec.unit  # where no type checker was asked
    declared = unit_in(member.type)
    if not isinstance(unit, str):
        yield flow.problem("unit", member, f"unit={short(unit)} is no text", 'write unit="pC"')
        return
    if unit and not may_hold_numbers(member.type):
        message = f"unit={unit!r} does not go with {type_name(member.type)}, which holds no numbers"
        yield flow.problem("unit", member, message, "leave the unit out")
    elif unit and declared and unit != declared:
        message = f"unit={unit!r} is another than that of its annotation, {declared!r}"
        yield flow.problem("unit", member, message, "keep one of them")
    for text in dict.fromkeys([*filter(None, [unit]), *all_units(member.type)]):
        if problem := unit_problem(text):
            yield flow.problem("unit", member, problem, "write a unit such as pC, mm or MeV, or say it in help")


def _type_of_value(value: Any) -> str:
    return type_name(type(value)) if type(value) in (str, int, float, bool) else "a type that holds it"


def _at(offence: Offence) -> str:
    return f" at {offence.path}" if offence.path else ""
