"""A flow of flows for a server creates a flow run of each flow, after those whose values it takes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import cloudpickle
import prefect
import pytest
from graphql_server import answering
from prefect.engine.flow_runner import FlowRunner
from prefect.engine.state import Failed, Running
from prefect.serialization.state import StateSchema
from prefect.utilities.configuration import set_temporary_config

from lume_dsl import DefinitionError, results
from lume_dsl.compose import compose

FLOWS = """
from datetime import date
from pathlib import Path
from prefect import Flow, Parameter, task
from prefect.engine.results import LocalResult
from prefect.storage import Module
from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, flow, parameter, step
from lume_dsl.tasks import SaveDBResult

KEPT = LocalResult(dir=str(Path("kept").resolve()))

@flow(name="write a text", project="texts", result=KEPT)
class Write(LumeFlow):
    text1: str
    day: date = date(2026, 11, 26)
    made: str = parameter(factory=lambda: "made")
    key: str = parameter(secret=True, env="KEY_OF_WRITE")
    save_text_file: TextFile = file_result(text1, filename="written.txt")

@flow(result=KEPT)
class Read(LumeFlow):
    file_rep: TextFile
    day: date = date(2026, 11, 26)
    @step
    def content(self, file_rep: TextFile) -> str:
        if file_rep.read() == "fail":
            raise ValueError("no such text")
        return file_rep.read()
    save_db_result: DBResult = db_result(output1=content, day=day)

@task(name="two words")
def joined(one, other):
    return one + other

with Flow("flow3", storage=Module(__name__)) as flow3:
    words = joined(Parameter("text1"), Parameter("other", default="!"))
    record = SaveDBResult(name="save")(output1=words, day=Parameter("day", default=None))
"""

FILE = """
name: flow_of_flows
project_name: test
labels: [lume-services]
composing_flows:
  - name: last
    flow: deployed_flows:Read
    mapped_parameters:
      file_rep: {parent_flow_name: flow1, parent_task_name: save_text_file, map_type: file}
  - name: flow3
    flow: deployed_flows:flow3
    project_name: other
    labels: [gpu]
    mapped_parameters:
      text1:
        parent_flow_name: flow2
        parent_task_name: save_db_result
        map_type: db
        attribute_index: [outputs, output1]
      other: {parent_flow_name: flow2, parent_task_name: content}
      day: {parent_flow_name: flow2, parent_task_name: save_db_result, map_type: db, attribute_index: [outputs, day]}
  - name: flow2
    flow: deployed_flows:Read
    mapped_parameters:
      file_rep: {parent_flow_name: flow1, parent_task_name: save_text_file, map_type: file}
  - name: flow1
    flow: deployed_flows:Write
    parameters: {day: 2026-01-02}
"""


@pytest.fixture(autouse=True)
def flows(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("deployed_flows.py").write_text(FLOWS)
    Path("flows.yaml").write_text(FILE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "deployed_flows", raising=False)


def task_of(flow: prefect.Flow, name: str) -> prefect.Task:
    (found,) = flow.get_tasks(name=name)
    return found


def upstream(flow: prefect.Flow, name: str) -> set[str]:
    """The tasks that one waits for, at any distance."""
    todo, found = [task_of(flow, name)], set()
    while todo:
        new = flow.upstream_tasks(todo.pop()) - found
        found |= new
        todo += new
    return {one.name for one in found}


def given(flow: prefect.Flow, name: str) -> dict[str, Any]:
    """What a task is given: constants, and the names of the tasks whose values it takes."""
    task = task_of(flow, name)
    taken = {edge.key: edge.upstream_task.name for edge in flow.edges_to(task) if edge.key}
    return {**flow.constants[task], **taken}


def test_each_flow_has_one_run_after_those_whose_values_it_takes() -> None:
    flow = compose("flows.yaml", deploy=True)
    runs = ["flow1.run", "flow2.run", "flow3.run", "last.run"]
    after = {name: upstream(flow, name) for name in runs}
    assert {name: {"flow1", "flow2", "flow3", "last"} & names for name, names in after.items()} == {
        "flow1.run": set(), "flow2.run": {"flow1"}, "flow3.run": {"flow1", "flow2"}, "last.run": {"flow1"},
    }  # fmt: skip
    assert all(f"{name}.run" in upstream(flow, name) for name in ("flow1", "flow2", "flow3", "last"))


def test_runs_are_of_registered_flows_with_their_projects_and_labels() -> None:
    flow = compose("flows.yaml", deploy=True)
    assert given(flow, "flow1.run").items() >= {"flow_name": "write a text", "project_name": "test"}.items()
    assert given(flow, "flow3.run")["project_name"] == "other"
    assert given(flow, "flow3.run")["flow_name"] == "flow3"
    assert flow.run_config.labels == {"lume-services"}
    assert given(flow, "flow2")["raise_final_state"] is True
    assert given(flow, "flow2")["max_duration"] > timedelta(hours=12)


def test_what_is_open_is_a_parameter_with_its_default_as_json_but_what_the_flow_finds_itself() -> None:
    flow = compose("flows.yaml", deploy=True)
    assert {one.name for one in flow.parameters() if one.required} == {"flow1-text1"}
    assert {one.name: one.default for one in flow.parameters() if not one.required} == {
        "flow2-day": "2026-11-26", "last-day": "2026-11-26",
    }  # fmt: skip


def test_results_are_asked_for_by_the_slugs_of_the_registered_flows_once() -> None:
    flow = compose("flows.yaml", deploy=True)
    assert given(flow, "flow1.save_text_file") == {"flow_run_id": "flow1.run", "task_slug": "save_text_file-1"}
    assert given(flow, "flow2.save_db_result")["task_slug"] == "save_db_result-1"
    assert given(flow, "flow2.content")["task_slug"] == "content-1"
    assert given(flow, "flow3.text1") == {
        "result_rep": "flow2.save_db_result as JSON",
        "attribute_index": ["outputs", "output1"],
    }
    for loaded in ("flow3.text1", "flow3.day"):
        assert task_of(flow, "configure_services") in flow.upstream_tasks(task_of(flow, loaded))


def test_it_serialises_and_pickles() -> None:
    flow = compose("flows.yaml", deploy=True)
    assert flow.serialize()["name"] == "flow_of_flows"
    assert cloudpickle.loads(cloudpickle.dumps(flow)).name == "flow_of_flows"


def test_a_file_is_checked_as_for_a_flow_that_runs_here() -> None:
    Path("flows.yaml").write_text(FILE.replace("save_text_file,", "save_text,"))
    with pytest.raises(DefinitionError, match=r"flow1 has no task 'save_text'; did you mean 'save_text_file'\?"):
        compose("flows.yaml", deploy=True)


def test_a_flow_without_a_project_is_told_with_its_line() -> None:
    Path("flows.yaml").write_text(FILE.replace("project_name: test\n", ""))
    with pytest.raises(DefinitionError) as caught:
        compose("flows.yaml", deploy=True)
    assert [(p.subject, p.place.line if p.place else 0) for p in caught.value.problems] == [("last", 5), ("flow2", 21)]


def test_a_task_that_keeps_no_result_is_told_with_its_line() -> None:
    text = Path("deployed_flows.py").read_text().replace("@flow(result=KEPT)\n", "")
    Path("deployed_flows.py").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        compose("flows.yaml", deploy=True)
    found = [(problem.subject, problem.message) for problem in caught.value.problems]
    assert found == [
        ("flow3.text1", "task 'save_db_result' of flow2 keeps no result, so no server can give it"),
        ("flow3.other", "task 'content' of flow2 keeps no result, so no server can give it"),
        ("flow3.day", "task 'save_db_result' of flow2 keeps no result, so no server can give it"),
    ]


KEEPING = """
from prefect import Flow, Parameter, task
from prefect.engine.results import LocalResult
from prefect.storage import Local, Module

@task
def same(x):
    return x

def made(storage, used=same):
    with Flow("parent", storage=storage) as flow:
        used(Parameter("x", default=1))
    return flow

default, local, module = made(None), made(Local("kept")), made(Module(__name__))
script = made(Local("kept", path="keeping.py", stored_as_script=True))
unkept = made(None, task(name="same", checkpoint=False, result=LocalResult("kept"))(lambda x: x))
"""

CHAIN = """
name: chain
project_name: test
composing_flows:
  - {name: parent, flow: "keeping:PARENT"}
  - name: child
    flow: keeping:default
    mapped_parameters:
      x: {parent_flow_name: parent, parent_task_name: same}
"""


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("kept").mkdir()
    Path("keeping.py").write_text(KEEPING)
    monkeypatch.delitem(sys.modules, "keeping", raising=False)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("parent", ["default", "local"])
def test_a_storage_that_keeps_results_is_enough(parent: str) -> None:
    Path("flows.yaml").write_text(CHAIN.replace("PARENT", parent))
    assert given(compose("flows.yaml", deploy=True), "parent.same")["task_slug"] == "same-1"


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize(
    ("parent", "message"),
    [("module", "keeps no result"), ("script", "keeps no result"), ("unkept", "has checkpoint=False")],
)
def test_what_prefect_would_not_keep_is_told(parent: str, message: str) -> None:
    Path("flows.yaml").write_text(CHAIN.replace("PARENT", parent))
    with pytest.raises(DefinitionError) as caught:
        compose("flows.yaml", deploy=True)
    (problem,) = caught.value.problems
    assert problem.message == f"task 'same' of parent {message}, so no server can give it"
    assert problem.place is not None
    assert problem.place.line == 9


# a run

TENANT = str(uuid4())


class Server:
    """What Prefect's tasks ask of its server, which cannot run here. Flow runs are run at once, by Prefect's runner.

    Attributes:
        created: The input of each flow run that was created, with the flow's name, in order.
        together: The number of flow runs that must have been created before any has finished. Until then they are
            shown as running, and one that has been asked for often enough as failed.
    """

    def __init__(self, flows: dict[tuple[str, str], prefect.Flow]) -> None:
        self.flows = {str(uuid4()): (key, flow) for key, flow in flows.items()}
        self.created: list[tuple[str, dict[str, Any]]] = []
        self.runs: dict[str, dict[str, Any]] = {}
        self.together = 0

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "create_flow_run(" in query:
            return {"create_flow_run": {"id": self.create(variables["input"])}}
        if "tenant" in query:
            return {"tenant": [{"id": TENANT, "slug": "laboratory"}]}
        wanted = re.findall(r'_eq: "([^"]*)"', query)
        if "task_run(" in query:
            return {
                "task_run": [task for run in self.runs.values() for task in run["tasks"] if self.is_of(task, wanted)]
            }
        if "flow_run(" in query:
            return {"flow_run": [self.seen(run) for id, run in self.runs.items() if id in wanted]}
        found = [(id, key, flow) for id, (key, flow) in self.flows.items() if set(key) <= set(wanted)]
        return {"flow": [self.shown(*one) for one in found]}

    def is_of(self, task: dict[str, Any], wanted: list[str]) -> bool:
        return task["flow_run_id"] in wanted and task["task"]["slug"] in wanted

    def seen(self, run: dict[str, Any]) -> dict[str, Any]:
        """A flow run as it is shown, which waits for those that are to be created too."""
        run["asked"] += 1
        if len(self.created) >= self.together:
            return cast(dict[str, Any], run["run"])
        state = Running() if run["asked"] < 4 else Failed("the others were not created")
        return {**run["run"], "serialized_state": StateSchema().dump(state)}

    def shown(self, id: str, key: tuple[str, str], flow: prefect.Flow) -> dict[str, Any]:
        serialized = flow.serialize()
        return {
            "id": id, "settings": {}, "run_config": None, "serialized_flow": serialized, "name": flow.name,
            "archived": False, "project": {"name": key[1]}, "core_version": prefect.__version__,
            "storage": serialized["storage"], "flow_group": {"labels": []},
        }  # fmt: skip

    def create(self, given: dict[str, Any]) -> str:
        key, flow = self.flows[given["flow_id"]]
        id, parameters = str(uuid4()), json.loads(json.dumps(given.get("parameters") or {}))
        self.created.append((flow.name, given))
        state = FlowRunner(flow=flow).run(
            parameters=parameters, return_tasks=flow.tasks, context={"flow_run_id": id, "project_name": key[1]}
        )
        tasks = [
            {
                "id": str(uuid4()), "name": task.name, "task": {"id": "1", "slug": flow.slugs[task]}, "map_index": -1,
                "serialized_state": StateSchema().dump(task_state), "flow_run_id": id,
            }
            for task, task_state in (state.result or {}).items()
        ]  # fmt: skip
        run = {
            "id": id, "name": f"run of {flow.name}", "flow_id": given["flow_id"], "states": [], "labels": [],
            "parameters": parameters, "context": {}, "updated": "2026-11-26T08:00:00+00:00", "run_config": None,
            "serialized_state": StateSchema().dump(type(state)(message=state.message)),
        }  # fmt: skip
        self.runs[id] = {"run": run, "tasks": tasks, "asked": 0}
        return id


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of the flows of the file, on a free port."""
    monkeypatch.setenv("KEY_OF_WRITE", "open sesame")
    compose("flows.yaml")
    module = sys.modules["deployed_flows"]
    made = Server(
        {
            ("write a text", "test"): module.Write.flow,
            ("Read", "test"): module.Read.flow,
            ("flow3", "other"): module.flow3,
        }
    )
    with answering(made.answer) as url:
        config = {"backend": "server", "cloud.api": url, "cloud.tenant_id": TENANT, "flows.checkpointing": True}
        with set_temporary_config(config):
            yield made


def test_raw_file_and_db_values_arrive_in_the_runs_of_a_server(server: Server) -> None:
    state = compose("flows.yaml", deploy=True).run(parameters={"flow1-text1": "hey"})
    assert state.is_successful(), state
    names = [name for name, _ in server.created]
    assert sorted(names) == ["Read", "Read", "flow3", "write a text"]
    assert names[0] == "write a text"
    inputs = dict(server.created)
    assert inputs["write a text"]["parameters"] == {"text1": "hey", "day": "2026-01-02"}
    assert inputs["flow3"]["parameters"] == {"text1": "hey", "other": "hey", "day": "2026-11-26"}
    assert inputs["flow3"]["labels"] == ["gpu"]
    assert inputs["Read"]["parameters"]["file_rep"]["filename"].endswith("written.txt")
    assert results(flow="flow3").one().outputs == {"output1": "heyhey", "day": "2026-11-26"}


def test_a_flow_run_that_fails_fails_the_flow_of_flows(server: Server) -> None:
    flow = compose("flows.yaml", deploy=True)
    state = flow.run(parameters={"flow1-text1": "fail"})
    assert state.is_failed()
    assert state.result[task_of(flow, "flow2")].is_failed()
    assert state.result[task_of(flow, "flow1")].is_successful()
    assert "flow3" not in [name for name, _ in server.created]


def test_runs_that_need_nothing_of_one_another_are_created_before_any_has_finished(server: Server) -> None:
    entries = "".join(
        f"  - {{name: run{n}, flow: 'deployed_flows:flow3', parameters: {{text1: a}}}}\n" for n in range(6)
    )
    Path("flows.yaml").write_text(f"name: side_by_side\nproject_name: other\ncomposing_flows:\n{entries}")
    server.together = 6
    state = cloudpickle.loads(cloudpickle.dumps(compose("flows.yaml", deploy=True))).run()  # as an agent loads it
    assert state.is_successful(), state
    assert [name for name, _ in server.created] == ["flow3"] * 6
