"""The values of those parameters of a flow that its command was told of, read in this process and without a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lume_dsl.cli.flags import ParameterOption, read_flags
from lume_dsl.cli.parameter_files import read_parameter_file
from lume_dsl.cli.run import FlowCommand
from lume_dsl.declare.find import find_flow
from lume_dsl.declare.flow import FlowMeta

Values = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def every() -> FlowMeta:
    return find_flow(f"{Path(__file__).parents[2] / 'flows' / 'every.py'}:Every")


@pytest.fixture(scope="session")
def values(every: FlowMeta) -> Values:
    def read(*arguments: str) -> dict[str, Any]:
        command = FlowCommand("every", every)
        command.make_context("every", list(arguments))
        instance = read_flags(every, command.flags, command.given)
        return {name: getattr(instance, name) for name in _told(command)}

    return read


def _told(command: FlowCommand) -> list[str]:
    names: dict[str, None] = {}
    for option, text in command.given:
        told = [option.parameter] if isinstance(option, ParameterOption) else read_parameter_file(text).values
        names.update(dict.fromkeys(told))
    return list(names)
