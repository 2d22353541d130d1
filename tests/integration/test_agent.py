"""A registered flow that an agent starts, by ``prefect execute flow-run``, tells the server what Prefect's own would.

No server of Prefect 1 runs without containers. ``StandIn`` answers what its client asks during a flow run, as the
client's code and Prefect's documentation of its API say; it stands for the order and content of these calls, and not
for what a server does besides: it checks no version lock, queues nothing and never cancels.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

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
"""Of the tasks, which are their ids as well: the server makes a task run of each when it makes the flow run."""


class StandIn:
    """One flow run, as the server knows it.

    Attributes:
        states: The states that were set, with whose they are, in order: ``("y-1", "Running", "Starting task run.")``.
        logs: The log lines that were written.
    """

    def __init__(self, name: str, storage: dict[str, Any], parameters: dict[str, Any]) -> None:
        self.name, self.storage, self.parameters = name, storage, parameters
        self.id, self.tenant = str(uuid4()), str(uuid4())
        self.states: list[tuple[str, str, str]] = []
        self.logs: list[str] = []
        self.task_runs: dict[tuple[str, int], dict[str, Any]] = {}
        self.lock = threading.Lock()

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            if "write_run_logs" in query:
                self.logs += [one["message"] for one in variables["input"]["logs"]]
                return {"write_run_logs": {"success": True}}
            if "set_flow_run_states" in query:
                return {"set_flow_run_states": {"states": [self.take("flow", variables["input"]["states"][0])]}}
            if "set_task_run_states" in query:
                (given,) = variables["input"]["states"]
                (key,) = [key for key, run in self.task_runs.items() if run["id"] == given["task_run_id"]]
                whose = key[0] if key[1] < 0 else f"{key[0]}[{key[1]}]"
                return {"set_task_run_states": {"states": [self.take(whose, given)]}}
            if "get_or_create_task_run_info" in query:
                (slug,) = re.findall(r'task_id: "([^"]*)"', query)
                (index,) = re.findall(r"map_index: (-?\d+)", query)
                return {"get_or_create_task_run_info": self.task_run(slug, int(index))}
            if "heartbeat" in query:
                return {"update_flow_run_heartbeat": {"success": True}}
            if "flow_run_by_pk" in query:
                return {"flow_run_by_pk": self.flow_run()}
            if "flow_run(" in query:
                flow = {
                    "name": self.name,
                    "storage": self.storage,
                    "run_config": {"type": "UniversalRun", "labels": []},
                }
                return {"flow_run": [{"flow": flow, "version": 1}]}
            assert "tenant" in query, query
            return {"tenant": [{"id": self.tenant, "slug": "laboratory"}]}

    def take(self, whose: str, given: dict[str, Any]) -> dict[str, Any]:
        state = given["state"]
        self.states.append((whose, state["type"], state["message"]))
        return {"id": str(uuid4()), "status": "SUCCESS", "message": None}

    def task_run(self, slug: str, index: int) -> dict[str, Any]:
        made = {"id": str(uuid4()), "version": 0, "serialized_state": None}
        return self.task_runs.setdefault((slug, index), made)

    def flow_run(self) -> dict[str, Any]:
        from prefect.engine.state import Running

        begun = [{**self.task_run(slug, -1), "task": {"id": slug, "slug": slug}} for slug in SLUGS]
        return {
            "id": self.id, "name": "a run", "flow_id": str(uuid4()), "parameters": self.parameters, "context": {},
            "version": 1, "scheduled_start_time": "2026-11-30T08:00:00+00:00", "task_runs": begun,
            "serialized_state": Running().serialize() if self.states else None,
            "flow": {"project": {"id": str(uuid4()), "name": "injector"}, "settings": {"heartbeat_enabled": False}},
        }  # fmt: skip


def executed(server: StandIn) -> str:
    """Run the flow run of a server as an agent does, in a process of its own, and return what that printed."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            variables = json.loads(asked["variables"] or "null") or {}
            content = json.dumps({"data": server.answer(asked["query"], variables)}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        environment = {
            **os.environ,
            "PYTHONPATH": os.getcwd(),
            "PREFECT__BACKEND": "server",
            "PREFECT__CLOUD__API": f"http://127.0.0.1:{listening.server_port}",
            "PREFECT__CLOUD__TENANT_ID": server.tenant,
            "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
            "PREFECT__CONTEXT__FLOW_RUN_ID": server.id,
            "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
            "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
        }
        command = [sys.executable, "-m", "prefect", "execute", "flow-run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        listening.shutdown()
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def flows() -> None:
    Path("agent_flows.py").write_text(FLOWS)


def test_a_declared_flow_tells_the_server_what_the_same_flow_by_hand_does() -> None:
    ran = {}
    for name, path in (("Declared", "agent_flows:Declared.flow"), ("Hand", "agent_flows:hand")):
        module, _, attribute = path.partition(":")
        storage = {"type": "Module", "module": path if name == "Declared" else module, "flows": {name: attribute}}
        storage |= {"secrets": [], "labels": [], "__version__": "1.4.1"}
        server = StandIn(name, storage, {"x": 3})
        printed = executed(server)
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

    def lines(server: StandIn) -> list[str]:
        return sorted(line.replace(server.name, "FLOW") for line in server.logs if "Traceback" not in line)

    assert lines(declared) == lines(hand)
    assert any("Task 'each[1]': Finished task run" in line for line in declared.logs)
