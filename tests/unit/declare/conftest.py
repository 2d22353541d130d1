"""Flows defined from text, so that a test knows the line of every statement."""

from __future__ import annotations
import __future__

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from lume_dsl.errors import DefinitionError

PRELUDE = """
import datetime
import math
import typing
from datetime import timedelta
from pathlib import Path
from typing import *
from lume_dsl import *

@task
def double(x: float) -> float:
    return 2 * x

@task
def add(x: int, y: int = 1) -> int:
    return x + y

@task
def expose(shots: int, charge: float = 1.0) -> int:
    return shots

@task
def greet(text: str) -> str:
    return text

@task
def readings() -> list[float]:
    return [1.0]

@task
def anything(a, b=None, c=None):
    return a

@task
def nothing() -> None:
    pass
"""

Define = Callable[..., dict[str, Any]]
Problems = list[tuple[str, int, str, str, str]]


@pytest.fixture
def define() -> Define:
    """Execute a module, ``beam.py``, that has a few tasks, and return its names."""

    def run(source: str, *, future: bool = False) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "beam"}
        exec(compile(PRELUDE, "prelude.py", "exec", dont_inherit=True), names)
        flags = __future__.annotations.compiler_flag if future else 0
        exec(compile(textwrap.dedent(source).lstrip("\n"), "beam.py", "exec", flags, dont_inherit=True), names)
        return names

    return run


@pytest.fixture
def scan(define: Define) -> Callable[..., Any]:
    """Define a flow named ``Scan`` with this body, which begins at line 2, and return it."""

    def run(body: str, *, future: bool = False) -> Any:
        return define(
            "class Scan(LumeFlow):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    "), future=future
        )["Scan"]

    return run


@pytest.fixture
def problems(scan: Callable[..., Any]) -> Callable[..., Problems]:
    """Return what is wrong with a flow of this body: kind, line, subject, message and fix of each problem."""

    def run(body: str, *, future: bool = False) -> Problems:
        with pytest.raises(DefinitionError) as caught:
            scan(body, future=future)
        for problem in caught.value.problems:
            assert problem.place is not None
            assert problem.place.file == "beam.py"
        return [
            (problem.kind, problem.place.line, problem.subject, problem.message, problem.fix)
            for problem in caught.value.problems
            if problem.place
        ]

    return run
