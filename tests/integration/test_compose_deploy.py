"""A flow of flows for a server creates a flow run of each flow, after those whose values it takes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cloudpickle
import prefect
import pytest

from lume_dsl import DefinitionError
from lume_dsl.compose import compose

FLOWS = """
from datetime import date
from prefect import Flow, Parameter, task
from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, flow, parameter, step
from lume_dsl.tasks import SaveDBResult

@flow(name="write a text", project="texts")
class Write(LumeFlow):
    text1: str
    day: date = date(2026, 11, 26)
    made: str = parameter(factory=lambda: "made")
    key: str = parameter(secret=True, env="KEY_OF_WRITE")
    save_text_file: TextFile = file_result(text1, filename="written.txt")

class Read(LumeFlow):
    file_rep: TextFile
    @step
    def content(self, file_rep: TextFile) -> str:
        return file_rep.read()
    save_db_result: DBResult = db_result(output1=content)

@task(name="two words")
def joined(one, other):
    return one + other

with Flow("flow3") as flow3:
    record = SaveDBResult(name="save")(output1=joined(Parameter("text1"), Parameter("other", default="!")))
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


def test_what_is_open_is_a_parameter_but_what_the_flow_finds_itself() -> None:
    flow = compose("flows.yaml", deploy=True)
    found = {one.name: (one.required, one.default) for one in flow.parameters()}
    assert list(found) == ["flow1-text1"]
    assert found["flow1-text1"][0] is True


def test_results_are_asked_for_by_the_slugs_of_the_registered_flows_once() -> None:
    flow = compose("flows.yaml", deploy=True)
    assert given(flow, "flow1.save_text_file") == {"flow_run_id": "flow1.run", "task_slug": "save_text_file-1"}
    assert given(flow, "flow2.save_db_result")["task_slug"] == "save_db_result-1"
    assert given(flow, "flow2.content")["task_slug"] == "content-1"
    assert given(flow, "flow3.text1") == {
        "result_rep": "flow2.save_db_result as JSON",
        "attribute_index": ["outputs", "output1"],
    }
    assert "configure_services" in upstream(flow, "flow3.text1")


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
    assert [(p.subject, p.place.line if p.place else 0) for p in caught.value.problems] == [("last", 5), ("flow2", 20)]
