"""Flows run on our runners as on Prefect's: the same states, contexts, changes of state and log records."""

from __future__ import annotations

import logging
from typing import Any

import prefect
import pytest
from behaviours import BEHAVIOURS
from histories import Build, answer, assert_same, built, history

from lume_dsl.engine.runner import Flow

by_name = pytest.mark.parametrize("build", BEHAVIOURS, ids=lambda build: build.__name__)

StockRunner = prefect.engine.FlowRunner


@pytest.fixture(autouse=True)
def somebody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is asked whether a paused task may go on does answer."""
    monkeypatch.setattr("builtins.input", answer)


@by_name
def test_a_flow_of_ours_does_what_one_of_prefects_does(build: Build) -> None:
    stock, ours = (history(*built(build, flow_class)).by_task() for flow_class in (prefect.Flow, Flow))
    assert_same(stock, ours)


@by_name
def test_a_flow_of_ours_does_the_same_in_the_same_order_on_either_runner(build: Build) -> None:
    flow, runs = built(build, Flow)
    stock, ours = history(flow, runs, runner_cls=StockRunner), history(flow, runs)
    assert_same(stock.told(), ours.told())


@by_name
def test_what_nobody_watches_is_the_same(build: Build) -> None:
    """Without handlers of states, and without records below a warning, most steps are passed by."""
    flow, runs = built(build, Flow, handled=False)
    quiet: dict[str, Any] = {"handled": False, "level": logging.WARNING}
    stock, ours = history(flow, runs, runner_cls=StockRunner, **quiet), history(flow, runs, **quiet)
    assert_same(stock.told(), ours.told())
