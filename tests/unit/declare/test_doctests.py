"""The examples in the docstrings of the foundation run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import lume_dsl.declare
import lume_dsl.values

NAMES = ["lume_dsl.errors"] + [
    f"{package.__name__}.{found.name}"
    for package in (lume_dsl.values, lume_dsl.declare)
    for found in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_some_module_has_an_example() -> None:
    finder = doctest.DocTestFinder()
    assert any(test.examples for name in NAMES for test in finder.find(importlib.import_module(name)))
