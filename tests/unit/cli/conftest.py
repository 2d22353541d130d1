"""Values as the command of a flow reads them, in this process and without a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lume_dsl.cli.flags import read_flags
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
        return read_flags(every, command.flags, command.given)

    return read
