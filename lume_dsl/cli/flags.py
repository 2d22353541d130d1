"""A flow's parameters as flags of the command line, and what flags say in the order in which they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import click

from lume_dsl.cli.assignments import Assignment, Document, Given, assembled
from lume_dsl.cli.flag_help import help_of, shown_type
from lume_dsl.cli.parameter_files import read_parameter_file
from lume_dsl.declare.flow import FlowMeta, LumeFlow, with_values
from lume_dsl.declare.graph import Member
from lume_dsl.declare.parameters import spec_of
from lume_dsl.errors import ParameterError, Problem
from lume_dsl.values.forms import arms_of

__all__ = ["FileOption", "ParameterOption", "parameter_options", "part_options", "read_flags", "said"]

TAKES_FILE = "--params"

WITHOUT_VALUE = "true"
"""What the flag of a bool stands for."""


class ParameterOption(click.Option):
    """An option for a parameter, or for the part of it that ``steps`` lead to.

    Its text is read by us. A flag without a value stands for ``stands_for``. Its help shows one spelling.
    """

    parameter: str
    steps: tuple[str, ...] = ()
    stands_for: str = ""
    opposite: str = ""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if self.hidden:
            return None
        shown = [self.opts[0], *filter(None, [self.metavar]), *(["/", self.opposite] if self.opposite else [])]
        return " ".join(shown), self.help or ""


class FileOption(click.Option):
    """``--params FILE``: values of several parameters."""

    def __init__(self) -> None:
        super().__init__(
            [TAKES_FILE, "parameter_files"],
            multiple=True,
            expose_value=False,
            metavar="FILE",
            help="Read values from a YAML or JSON file, or from stdin (-).",
        )

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return f"{TAKES_FILE} FILE", self.help or ""


def parameter_options(flow: FlowMeta, *, taken: set[str]) -> list[ParameterOption]:
    """Return the options of all parameters: ``--charge-limit`` (``--charge_limit`` too) for ``charge_limit``.

    A bool has two, ``--flag`` and ``--no-flag``; of a ``bool | None`` the first may have a value. A parameter whose
    flag is one of ``taken`` gets ``--parameter-json`` for ``--json``.
    """
    parameters = flow.__lume_graph__.parameters
    flags = _flags(parameters, taken)
    others = taken | set(flags.values())
    options: list[ParameterOption] = []
    for name, member in parameters.items():
        options += _options(flags[name], member, others, len(options))
    return options


def _flags(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    own = {name: f"--{name.replace('_', '-')}" for name in names}
    flags = {}
    for name, flag in own.items():
        while flag in taken or (flag != own[name] and flag in own.values()):
            flag = f"--parameter{flag[1:]}"
        flags[name] = flag
    return flags


def _options(flag: str, member: Member, taken: set[str], number: int) -> Iterator[ParameterOption]:
    name = member.name
    spellings = [flag] if "_" not in name else [flag, f"--{name}"]
    variable = f"parameter_{number}"  # not the name, whose variable might be another's
    negatives = [f"--no-{on[2:]}" for on in spellings]
    is_switch = bool in arms_of(member.type) and set(arms_of(member.type)) <= {bool, None, type(None)}
    has_off = is_switch and negatives[0] not in taken  # else it is another parameter's flag
    yield _option(member, [*spellings, variable], is_switch=is_switch, opposite=negatives[0] if has_off else "")
    if has_off:
        off = ParameterOption([*negatives, f"{variable}_off"], is_flag=True, expose_value=False, hidden=True)
        off.parameter, off.stands_for = name, "false"
        yield off


def _option(member: Member, declared: list[str], *, is_switch: bool, opposite: str) -> ParameterOption:
    shown = shown_type(member.type)
    help = help_of(member, shown)
    if member.type is bool:
        option = ParameterOption(declared, is_flag=True, expose_value=False, help=help)
    else:
        without: dict[str, Any] = {"is_flag": False, "flag_value": WITHOUT_VALUE} if is_switch else {}
        metavar = f"[{shown}]" if is_switch else shown
        option = ParameterOption(declared, multiple=True, expose_value=False, metavar=metavar, help=help, **without)
    option.parameter, option.opposite = member.name, opposite
    option.stands_for = WITHOUT_VALUE if member.type is bool else ""
    return option


def part_options(options: Iterable[ParameterOption], arguments: Iterable[str]) -> list[ParameterOption]:
    """Return an option for each argument such as ``--settings.magnets.0.current``, with or without ``=value``."""
    whole = {flag: option for option in options if not option.stands_for for flag in option.opts}
    flags = dict.fromkeys(argument.partition("=")[0] for argument in arguments if argument.startswith("--"))
    return [
        _part_option(whole[first], flag, tuple(rest.split(".")), number)
        for number, flag in enumerate(flags)
        for first, dot, rest in [flag.partition(".")]
        if dot and first in whole
    ]


def _part_option(whole: ParameterOption, flag: str, steps: tuple[str, ...], number: int) -> ParameterOption:
    option = ParameterOption([f"--part-{number}"], multiple=True, expose_value=False, hidden=True)
    option.opts = [flag]  # not as a declaration, in which a slash has a meaning
    option.parameter, option.steps = whole.parameter, steps
    return option


def said(order: Iterable[click.Parameter], texts: Mapping[str, Any]) -> list[tuple[click.Parameter, str]]:
    """Return each option of ours with its text, in the order of the command line.

    Args:
        order: The options as the parser met them.
        texts: The texts that it found, by variable.
    """
    met: Counter[str] = Counter()
    found: list[tuple[click.Parameter, str]] = []
    for option in order:
        if isinstance(option, ParameterOption) and option.stands_for:
            found.append((option, option.stands_for))
        elif isinstance(option, (ParameterOption, FileOption)) and option.name is not None:
            text = texts[option.name][met[option.name]]
            found.append((option, text if isinstance(text, str) else WITHOUT_VALUE))
            met[option.name] += 1
    return found


def read_flags(
    flow: FlowMeta,
    options: Sequence[ParameterOption],
    given: Iterable[tuple[click.Parameter, str]],
    *,
    before: Document | None = None,
) -> LumeFlow:
    """Return the flow with the parameters that flags and files give, else ``before``.

    ``options`` are those of whole parameters.

    Raises:
        ParameterError: All files that cannot be read, else all values that are missing, unknown, or do not fit.
    """
    parts: list[Given] = [] if before is None else [before]
    problems: list[Problem] = []
    secrets = {name for name, member in flow.__lume_graph__.parameters.items() if spec_of(member).secret}
    for option, text in given:
        if isinstance(option, ParameterOption):
            parts.append(Assignment(option.parameter, (text,), option.steps))
            continue
        try:
            parts.append(read_parameter_file(text, secrets))
        except ParameterError as error:
            problems += error.problems
    if problems:
        raise ParameterError(tuple(problems))
    try:
        instance: LumeFlow = with_values(flow, assembled(flow.__name__, flow.__lume_graph__, parts))
    except ParameterError as error:
        raise ParameterError(
            tuple(_told_as_flag(problem, flow, options) for problem in error.problems), error.count
        ) from None
    return instance


def _told_as_flag(problem: Problem, flow: FlowMeta, options: Sequence[ParameterOption]) -> Problem:
    """A problem, mended by a flag instead of a keyword argument."""
    if problem.kind != "parameter-missing":
        return problem
    name = problem.subject.removeprefix(f"{flow.__name__}.")
    option = next(option for option in options if option.parameter == name)
    flag = option.opts[0]
    wanted = f"{flag} or {option.opposite}" if option.opposite else flag if option.stands_for else f"{flag} VALUE"
    env = spec_of(flow.__lume_graph__.parameters[name]).env
    return attrs.evolve(problem, fix=f"give it: {wanted}{f', or set ${env}' if env else ''}")
