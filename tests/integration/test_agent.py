"""A registered flow that an agent starts, by ``prefect execute flow-run``, tells the server what Prefect's own would.

``graphql_server.FlowRun`` says what the server of these tests stands for, and what not.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql_server import FlowRun

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


def test_a_declared_flow_tells_the_server_what_the_same_flow_by_hand_does() -> None:
    ran = {}
    for name, path in (("Declared", "agent_flows:Declared.flow"), ("Hand", "agent_flows:hand")):
        module, _, attribute = path.partition(":")
        storage = {"type": "Module", "module": path if name == "Declared" else module, "flows": {name: attribute}}
        storage |= {"secrets": [], "labels": [], "__version__": "1.4.1"}
        server = FlowRun(name, storage, {"x": 3}, SLUGS)
        printed = server.execute()
        ran[name] = server
        runner = "lume_dsl.engine.runner.cloud" if name == "Declared" else "prefect.engine.cloud.flow_runner"
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

    def lines(server: FlowRun) -> list[str]:
        return sorted(line.replace(server.name, "FLOW") for line in server.logs if "Traceback" not in line)

    assert lines(declared) == lines(hand)
    assert any("Task 'each[1]': Finished task run" in line for line in declared.logs)
