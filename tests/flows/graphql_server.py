"""A GraphQL server on a free port, which answers what Prefect's client asks as a test says.

No server of Prefect 1 runs without containers. ``PrefectServer`` answers what Prefect's client asks when it registers a
flow, and ``FlowRun`` what it asks while ``prefect execute flow-run`` runs one, as the client's code and Prefect's
documentation of its API say. They stand for the order and content of these calls over real HTTP, for the versions and
idempotency keys of flows, and for what is stored of them: a flow run loads what was registered. They do not stand for
what a server does besides: there is no database, no schedule begins a run, nothing is queued, cancelled or retried, no
version lock is checked, tenants and API keys are not, and a query's fields are not held to a schema. What is asked out
of order, or is not known here, fails the test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from prefect.utilities.graphql import decompress

BATCH = 500
"""How many tasks, or edges, Prefect's client sends at once."""


class Refusal(Exception):
    """What a server answers instead: an HTTP status, or with 200 an error of GraphQL."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Within it, a server on loopback answers as the handler does; yields its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        # It looks every 10 ms whether it is to end, and by default every half second: tests start a hundred and more.
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield listening.server_port
        listening.shutdown()


@contextmanager
def answering(answer: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Iterator[str]:
    """Within it, a server gives what ``answer`` does of a query and its variables; yields the server's address.

    It answers one after another, however many ask at once: what ``answer`` keeps needs no lock. What ``answer`` raises,
    but for a ``Refusal``, is raised at the end.
    """
    failures: list[Exception] = []
    one_after_another = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            variables = json.loads(asked["variables"] or "null") or {}
            status, document = 200, {}
            try:
                with one_after_another:
                    document = {"data": answer(asked["query"], variables)}
            except Refusal as refusal:
                status, document = refusal.status, {"errors": [{"message": str(refusal)}]}
            except Exception as error:
                failures.append(error)
                status, document = 400, {"errors": [{"message": f"the test's server failed: {error!r}"}]}
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"
    for failure in failures:
        raise failure


def field_of(query: str) -> str:
    """The first field that a query or mutation asks for."""
    (field,) = re.findall(r"^\s*(?:query|mutation(?:\(.*?\))?)\s*\{\s*(\w+)", query)
    return str(field)


_AFTER = {
    "": {"project"},
    "project": {"create_flow_from_compressed_string", "project_names"},  # the latter to tell which there are
    "project_names": {"project"},
    "create_flow_from_compressed_string": {"register_tasks"},
    "register_tasks": {"register_tasks", "register_edges"},
    "register_edges": {"register_edges", "set_schedule_active", "flow_by_pk"},
    "set_schedule_active": {"flow_by_pk"},
    "flow_by_pk": {"tenant"},
    "tenant": {"tenant", "project"},
}
"""What may follow each call."""


class PrefectServer:
    """The flows that are registered, as a server has them.

    Attributes:
        projects: The ids of the projects, by name.
        flows: What is stored of each version of each flow, by its id, in order.
        calls: The calls that were made, in order.
        received: All that was sent, as text, what was compressed included.
        refusals: What a call is answered instead, by its name.
    """

    def __init__(self, *projects: str) -> None:
        self.projects = {name: str(uuid4()) for name in projects}
        self.tenant_id = str(uuid4())
        self.flows: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.received: list[str] = []
        self.refusals: dict[str, Refusal] = {}
        self.sizes: list[int] = []
        self.was_refused = False

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        given = variables.get("input") or {}
        sent = dict(given)
        if "serialized_flow" in sent:
            sent["serialized_flow"] = decompress(sent["serialized_flow"])
        self.received += [query, json.dumps(sent)]
        call = self.name_of(query)
        last = self.calls[-1] if self.calls else ""
        begins = self.was_refused and call == "project"
        assert begins or call in _AFTER[last], f"{call} after {last or 'nothing'}"
        if call in self.refusals:  # after which it may be asked again, or all
            self.was_refused = True
            raise self.refusals[call]
        if call != last:
            assert begins or last not in ("register_tasks", "register_edges") or self.sizes[-1] < BATCH, "a batch lacks"
            self.sizes = []
        self.was_refused = False
        self.calls.append(call)
        return {call.removesuffix("_names"): getattr(self, call)(query, sent), **self.last_version(query)}

    def name_of(self, query: str) -> str:
        field = field_of(query)
        return "project_names" if field == "project" and "where" not in query else field

    # what is answered

    def project(self, query: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        (name,) = re.findall(r'project\(where: \{ name: \{ _eq: "([^"]*)" \} \}\)', query)
        return [{"id": self.projects[name]}] if name in self.projects else []

    def project_names(self, query: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"name": name} for name in self.projects]

    def last_version(self, query: str) -> dict[str, Any]:
        """Which version there is, if a question for the project asks for that too."""
        found = re.search(r'\bflow\(where: \{ name: \{ _eq: "([^"]*)" \}, project: \{ name: \{ _eq: "([^"]*)"', query)
        if found is None:
            return {}
        have = [one for one in self.flows.values() if (one["name"], one["project"]) == found.groups()]
        return {"flow": [{"id": one["id"], "version": one["version"]} for one in have[-1:]]}

    def create_flow_from_compressed_string(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        flow = given["serialized_flow"]
        assert not {"tasks", "edges"} & set(flow)
        assert given["set_schedule_active"] is False  # until all tasks are there
        project = next(name for name, id in self.projects.items() if id == given["project_id"])
        have = [one for one in self.flows.values() if (one["name"], one["project"]) == (flow["name"], project)]
        key = given.get("idempotency_key")
        if have and key and have[-1]["key"] == key:
            return {"id": have[-1]["id"]}
        id, group = str(uuid4()), have[-1]["group"] if have else str(uuid4())
        self.flows[id] = {
            "id": id, "group": group, "name": flow["name"], "project": project, "version": len(have) + 1, "key": key,
            "flow": flow, "tasks": {}, "edges": set(), "is_schedule_active": False,
        }  # fmt: skip
        return {"id": id}

    def take_batch(self, batch: list[Any]) -> None:
        """All batches but the last are full."""
        assert all(size == BATCH for size in self.sizes), self.sizes
        assert len(batch) <= BATCH
        self.sizes.append(len(batch))

    def register_tasks(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        self.take_batch(given["serialized_tasks"])
        self.flows[given["flow_id"]]["tasks"].update({one["slug"]: one for one in given["serialized_tasks"]})
        return {"success": True}

    def register_edges(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        self.take_batch(given["serialized_edges"])
        flow = self.flows[given["flow_id"]]
        for one in given["serialized_edges"]:
            ends = one["upstream_task"]["slug"], one["downstream_task"]["slug"]
            assert set(ends) <= set(flow["tasks"])
            flow["edges"].add((*ends, one["key"], one["mapped"]))
        return {"success": True}

    def set_schedule_active(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        self.flows[given["flow_id"]]["is_schedule_active"] = True
        return {"success": True}

    def flow_by_pk(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        (id,) = re.findall(r'flow_by_pk\(id: "([^"]*)"\)', query)
        return {"flow_group_id": self.flows[id]["group"], "version": self.flows[id]["version"]}

    def tenant(self, query: str, given: dict[str, Any]) -> Any:
        return [{"id": self.tenant_id, "slug": "laboratory"}]


class FlowRun:
    """One flow run, as the server knows it.

    Attributes:
        states: The states that were set, with whose they are, in order: ``("y-1", "Running", "Starting task run.")``.
        logs: The log lines that were written.
        calls: The calls that were made, in order, by the names of their fields.
    """

    def __init__(
        self, name: str, storage: Mapping[str, Any], parameters: Mapping[str, Any], slugs: tuple[str, ...]
    ) -> None:
        self.name, self.storage, self.parameters = name, storage, parameters
        self.slugs = slugs
        """Of the tasks, which are their ids as well: the server makes a task run of each when it makes the flow run."""
        self.id, self.tenant = str(uuid4()), str(uuid4())
        self.states: list[tuple[str, str, str]] = []
        self.logs: list[str] = []
        self.task_runs: dict[tuple[str, int], dict[str, Any]] = {}
        self.calls: list[str] = []
        self.env: dict[str, str] = {}

    @classmethod
    def of(cls, registered: Mapping[str, Any], **parameters: Any) -> FlowRun:
        """A run of a flow as ``PrefectServer`` has it, whose run config's variables an agent gives it."""
        flow = registered["flow"]
        made = cls(flow["name"], flow["storage"], parameters, tuple(registered["tasks"]))
        made.env = flow["run_config"]["env"] or {}
        return made

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(field_of(query))
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

        begun = [{**self.task_run(slug, -1), "task": {"id": slug, "slug": slug}} for slug in self.slugs]
        return {
            "id": self.id, "name": "a run", "flow_id": str(uuid4()), "parameters": self.parameters, "context": {},
            "version": 1, "scheduled_start_time": "2026-11-30T08:00:00+00:00", "task_runs": begun,
            "serialized_state": Running().serialize() if self.states else None,
            "flow": {"project": {"id": str(uuid4()), "name": "injector"}, "settings": {"heartbeat_enabled": False}},
        }  # fmt: skip

    def execute(self, **variables: str) -> str:
        """Run it as an agent with these variables does, in a process of its own; return what that printed."""
        with answering(self.answer) as address:
            environment = {
                **os.environ,
                **variables,
                **self.env,
                "PYTHONPATH": variables.get("PYTHONPATH", os.getcwd()),
                "PREFECT__BACKEND": "server",
                "PREFECT__CLOUD__API": address,
                "PREFECT__CLOUD__TENANT_ID": self.tenant,
                "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
                "PREFECT__CONTEXT__FLOW_RUN_ID": self.id,
                "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
                "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
            }
            command = [sys.executable, "-m", "prefect", "execute", "flow-run"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
