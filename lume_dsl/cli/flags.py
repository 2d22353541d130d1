"""A flow's parameters as flags of the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import Member, Parameter
from lume_dsl.declare.parameters import BOUND_SIGNS, bind_values, spec_of
from lume_dsl.errors import ParameterError, Problem
from lume_dsl.values.convert import unstructure
from lume_dsl.values.names import type_name
from lume_dsl.values.text import parse_text

__all__ = ["parameter_options", "read_flags"]


def parameter_options(flow: FlowMeta, *, taken: set[str]) -> dict[str, click.Option]:
    """Return an option for each parameter: ``--charge-limit`` (``--charge_limit`` too) for ``charge_limit``.

    A parameter whose flag is one of ``taken`` gets ``--parameter-json`` for ``--json``.
    """
    parameters = flow.__lume_graph__.parameters
    flags = taken | {f"--{name.replace('_', '-')}" for name in parameters if name.startswith("no_")}
    return {
        name: _option(name, member, taken if name.startswith("no_") else flags) for name, member in parameters.items()
    }


def _option(name: str, member: Member, taken: set[str]) -> click.Option:
    spec = spec_of(member)
    flag = f"--{name.replace('_', '-')}"
    flag = f"--parameter{flag[1:]}" if flag in taken else flag
    spellings = [flag] if "_" not in name else [flag, f"--{name}"]
    if member.type is bool:
        has_off = f"--no-{flag[2:]}" not in taken  # else it is another parameter's flag
        switches = [f"{on}/--no-{on[2:]}" if has_off else on for on in spellings]
        return _Switch([*switches, _variable(name)], is_flag=True, default=None, help=_help(spec))
    return _TextOption([*spellings, _variable(name)], metavar=type_name(member.type), help=_help(spec))


class _Switch(click.Option):
    """A flag for a bool; its help shows one spelling."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return " / ".join([self.opts[0], *self.secondary_opts[:1]]), self.help or ""


class _TextOption(click.Option):
    """An option whose text is read by us; its help shows one spelling."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return f"{self.opts[0]} {self.metavar}", self.help or ""


def _variable(name: str) -> str:
    return f"parameter_{name}"


def _help(spec: Parameter) -> str:
    facts = [f"{sign} {spec.bounds[key]}" for key, sign in BOUND_SIGNS.items() if key in spec.bounds]
    if spec.unit:
        facts.insert(0, f"unit: {spec.unit}")
    facts.append("required" if spec.required else f"default: {_text(spec.default)}")
    return f"{spec.help}  [{'; '.join(facts)}]".strip()


def _text(default: Any) -> str:
    """A default as one would write it after its flag."""
    return repr(default) if isinstance(default, str) else json.dumps(unstructure(default))


def read_flags(flow: FlowMeta, flags: Mapping[str, click.Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all parameters that flags were given for.

    Raises:
        ParameterError: All values that are missing or do not fit.
    """
    graph = flow.__lume_graph__
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, member in graph.parameters.items():
        found = given.get(_variable(name))
        if isinstance(found, str):
            found, offences = parse_text(found, member.type)
            subject = f"{flow.__name__}.{name}"
            problems += [Problem("parameter-value", subject + offence.path, offence.message) for offence in offences]
        if found is not None or given.get(_variable(name)) is not None:
            values[name] = found
    problems += _unbound(flow, values, {problem.subject.partition("[")[0] for problem in problems})
    if problems:
        order = {f"{flow.__name__}.{name}": place for place, name in enumerate(graph.parameters)}
        raise ParameterError(tuple(sorted(problems, key=lambda p: order.get(p.subject.partition("[")[0], 0))))
    return values


def _unbound(flow: FlowMeta, values: Mapping[str, Any], told: set[str]) -> list[Problem]:
    """The problems that binding finds with values that could be read."""
    try:
        bind_values(flow.__name__, flow.__lume_graph__, (), values)
    except ParameterError as error:
        return [problem for problem in error.problems if problem.subject.partition("[")[0] not in told]
    return []
