"""A registered flow that an agent starts, by ``prefect execute flow-run``, tells the server what Prefect's own would.

``graphql_server.FlowRun`` says what the server of these tests stands for, and what not.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from graphql_server import FlowRun, PrefectServer, answering
from prefect.utilities.configuration import set_temporary_config

FLOWS = """
from datetime import timedelta

import prefect
from prefect import Flow, Parameter
from prefect.engine import signals
from prefect.storage import Module
from lume_dsl import LumeFlow, task

tried = []

def told(task, old, new):
    if new.is_running():
        import prefect.engine
        runner = prefect.engine.get_default_flow_runner_class()
        print("RUNNER", runner.__module__, flush=True)

def doubled(x):
    return 2 * x

def numbers(x):
    return [x, x + 1]

def fragile(x):
    tried.append(x)
    if len(tried) < 2:
        raise ValueError("not yet")
    return x

def passed():
    raise signals.SKIP("not today")

retried = {"max_retries": 2, "retry_delay": timedelta(seconds=0)}

class Declared(LumeFlow):
    x: int = 1
    y = task(doubled, state_handlers=[told])(x)
    items = task(numbers)(y)
    each = task(doubled).map(items)
    stubborn = task(fragile, **retried)(y)
    no = task(passed)()

with Flow("Hand", storage=Module(__name__)) as hand:
    x = Parameter("x", default=1)
    y = prefect.task(doubled, name="y", state_handlers=[told])(x)
    items = prefect.task(numbers, name="items")(y)
    prefect.task(doubled, name="each").map(items)
    prefect.task(fragile, name="stubborn", **retried)(y)
    prefect.task(passed, name="no")()
"""


SLUGS = ("x", "y-1", "items-1", "each-1", "stubborn-1", "no-1")


@pytest.fixture(autouse=True)
def flows() -> None:
    Path("agent_flows.py").write_text(FLOWS)


def registered(monkeypatch: pytest.MonkeyPatch) -> PrefectServer:
    """The server that both flows are registered with: one by us, one by Prefect itself."""
    monkeypatch.setattr(sys, "path", [os.getcwd(), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "agent_flows", raising=False)
    flows = import_module("agent_flows")
    server = PrefectServer("injector")
    with answering(server.answer) as address, set_temporary_config({"backend": "server", "cloud.api": address}):
        flows.Declared.register(project="injector")
        with pytest.warns(UserWarning, match="No result handler|do not have result types"):
            flows.hand.register(project_name="injector")
    half = len(server.calls) // 2
    assert server.calls[:half] == server.calls[half:]
    return server


def test_a_declared_flow_tells_the_server_what_the_same_flow_by_hand_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = {}
    for flow in registered(monkeypatch).flows.values():
        ran[flow["name"]] = server = FlowRun.of(flow, x=3)
        assert set(server.slugs) == set(SLUGS)
        printed = server.execute()
        runner = "lume_dsl.engine.runner.cloud" if flow["name"] == "Declared" else "prefect.engine.cloud.flow_runner"
        assert f"RUNNER {runner}" in printed
    declared, hand = ran["Declared"], ran["Hand"]
    assert declared.states[0] == ("flow", "Running", "Running flow.")
    assert declared.states[-1][:2] == ("flow", "Success")
    assert ("stubborn-1", "Retrying", "Retrying Task (after attempt 1 of 3)") in declared.states
    assert ("no-1", "Skipped", "not today") in declared.states
    for whose in {one for one, _, _ in declared.states}:
        assert [one for one in declared.states if one[0] == whose] == [one for one in hand.states if one[0] == whose]
    assert len(declared.states) == len(hand.states)
    assert set(declared.task_runs) == set(hand.task_runs)
    timed = {
        "write_run_logs",
        "update_flow_run_heartbeat",
        "update_task_run_heartbeat",
    }  # sent in batches, or by a clock
    assert declared.calls[:3] == hand.calls[:3]
    assert Counter(one for one in declared.calls if one not in timed) == Counter(
        one for one in hand.calls if one not in timed
    )

    def lines(server: FlowRun) -> list[str]:
        return sorted(line.replace(server.name, "FLOW") for line in server.logs if "Traceback" not in line)

    assert lines(declared) == lines(hand)
    assert any("Task 'each[1]': Finished task run" in line for line in declared.logs)
