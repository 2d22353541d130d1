"""Flows of flows in YAML run in one command, with raw, file and db values arriving, as classes and written by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import prefect
import pytest
from commands import run_command
from prefect.engine.results import LocalResult

from lume_dsl import DefinitionError, FlowRunError, results
from lume_dsl.compose import compose
from lume_dsl.compose.composition import Composition
from lume_dsl.compose.python import to_python

CLASSES = """
from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, parameter, result, step, task

@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2

class Write(LumeFlow):
    text1: str
    text2: str = " you"
    filename: str = "written.txt"
    text = append_text(text1, text2)
    save_text_file: TextFile = file_result(text, filename=filename)

class Read(LumeFlow):
    file_rep: TextFile
    text: str
    @step
    def content(self, file_rep: TextFile, text: str) -> str:
        if text == "fail you":
            raise ValueError("no such text")
        return f"{file_rep.read()} {text}"
    save_db_result: DBResult = db_result(output1=content)

class Repeat(LumeFlow):
    text1: str
    times: int = parameter(default=2, ge=1)
    repeated = append_text(text1, text1)
"""

BY_HAND = """
from prefect import Flow, Parameter, task
from prefect.storage import Module

from lume_dsl import TextFile
from lume_dsl.tasks import LoadFile, SaveDBResult, SaveFile, configure_services

@task
def repeat(text, times):
    return text * times

@task(name="text")
def append(text1, text2):
    return text1 + text2

@task
def joined(one, other):
    if other == "fail you":
        raise ValueError("no such text")
    return f"{one} {other}"

save_file = SaveFile(name="save_text_file")
load_file = LoadFile(name="load_file")
save_db_result = SaveDBResult(name="save_db_result")

with Flow("flow1", storage=Module(__name__)) as flow1:
    text1 = Parameter("text1")
    text2 = Parameter("text2", default=" you")
    filename = Parameter("filename", default="written.txt")
    configure = configure_services()
    new_text = append(text1, text2)
    file = save_file(obj=new_text, file_type=TextFile, filename=filename)
    file.set_upstream(configure)

with Flow("flow2", storage=Module(__name__)) as flow2:
    file_rep = Parameter("file_rep")
    text = Parameter("text")
    configure = configure_services()
    content = load_file(file_rep)
    content.set_upstream(configure)
    record = save_db_result(output1=joined(content, text))
    record.set_upstream(configure)

with Flow("flow3", storage=Module(__name__)) as flow3:
    text1 = Parameter("text1")
    times = Parameter("times", default=2)
    repeated = repeat(text1, times, task_args={"name": "repeated"})
"""

FILE = """
name: flow_of_flows
project_name: test
labels: [lume-services]
composing_flows:
  - name: flow1
    flow: {flow1}
    project_name: test
  - name: flow2
    flow: {flow2}
    project_name: test
    mapped_parameters:
      file_rep:
        parent_flow_name: flow1
        parent_task_name: save_text_file     # must match the task's name
        map_type: file                       # raw | file | db
      text:
        parent_flow_name: flow1
        parent_task_name: text
        map_type: raw
  - name: flow3
    flow: {flow3}
    project_name: test
    mapped_parameters:
      text1:
        parent_flow_name: flow2
        parent_task_name: save_db_result
        map_type: db
        attribute_index: [outputs, output1]
"""

KINDS = {
    "classes": ("classes:Write", "classes:Read", "classes:Repeat"),
    "by hand": ("by_hand_flows:flow1", "by_hand_flows:flow2", "by_hand_flows:flow3"),
    "mixed": ("classes:Write", "by_hand_flows:flow2", "classes:Repeat"),
    "mixed the other way": ("by_hand_flows:flow1", "classes:Read", "by_hand_flows:flow3"),
}


@pytest.fixture(params=list(KINDS))
def file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, with its flows as classes, written by hand, and one feeding the other."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, text in (("classes", CLASSES), ("by_hand_flows", BY_HAND)):
        Path(f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    places = dict(zip(("flow1", "flow2", "flow3"), KINDS[request.param], strict=True))
    Path("flows.yaml").write_text(FILE.format(**places))
    return Path("flows.yaml")


def test_raw_file_and_db_values_arrive(file: Path) -> None:
    done = compose(file)(**{"flow1-text1": "hey"}).run()
    assert done.flow3.repeated == "hey you hey you" * 2
    assert Path("written.txt").read_text() == "hey you"
    (record,) = results(flow="Read" if "classes:Read" in file.read_text() else "flow2")
    assert record.outputs == {"output1": "hey you hey you"}
    assert record.project_name == "test"


def test_composing_twice_gives_equal_flows_and_changes_no_input(file: Path) -> None:
    first = compose(file)
    by_hand = sys.modules.get("by_hand_flows")
    flows = [one for one in vars(by_hand).values() if isinstance(one, prefect.Flow)] if by_hand else []
    before = [(set(one.tasks), set(one.edges), sorted(task.name for task in one.tasks)) for one in flows]
    assert compose(file).__lume_graph__ == first.__lume_graph__
    assert [(set(one.tasks), set(one.edges), sorted(task.name for task in one.tasks)) for one in flows] == before


def test_a_flow_written_by_hand_is_read_as_it_is_each_time(file: Path) -> None:
    text = file.read_text()
    before = compose(file).__lume_graph__
    if "by_hand_flows:flow3" in text:
        sys.modules["by_hand_flows"].flow3.add_task(prefect.Parameter("added", default=1))
        assert {*compose(file).__lume_graph__.parameters} == {*before.parameters, "flow3-added"}


MAPPED = """
from prefect import Flow, Parameter, task, unmapped
from lume_dsl import DBResult, LumeFlow, step
from lume_dsl.tasks import SaveDBResult, configure_services

@task
def joined(texts):  # type: ignore[no-untyped-def]
    return "+".join(texts)

with Flow("saves") as saves:
    configure = configure_services()
    saved = SaveDBResult(name="saved").map(text=Parameter("texts"), upstream_tasks=[unmapped(configure)])

with Flow("joins") as joins:
    joined(Parameter("texts"))

class Reads(LumeFlow):
    records: list[DBResult]
    @step
    def read(self, records: list[DBResult]) -> str:
        return "+".join(record.outputs["text"] for record in records)
"""

EACH = """
name: each
composing_flows:
  - {name: saves, flow: mapped_flows:saves}
  - name: reads
    flow: mapped_flows:Reads
    mapped_parameters: {records: {parent_flow_name: saves, parent_task_name: saved, map_type: db}}
  - name: joins
    flow: mapped_flows:joins
    mapped_parameters:
      texts: {parent_flow_name: saves, parent_task_name: saved, map_type: db, attribute_index: [outputs, text]}
"""


@pytest.fixture
def each(monkeypatch: pytest.MonkeyPatch) -> None:
    """``each.yaml``, with its flows."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mapped_flows", raising=False)
    Path("mapped_flows.py").write_text(MAPPED)
    Path("each.yaml").write_text(EACH)


@pytest.mark.usefixtures("each")
def test_the_records_of_a_mapped_task_are_each_loaded() -> None:
    flow = compose("each.yaml")
    written: dict[str, Any] = {}
    exec(to_python(Composition.of_file("each.yaml")), written)
    for done in (flow(**{"saves-texts": ["a", "b"]}).run(), written["Each"](saves_texts=["a", "b"]).run()):
        assert (done.reads.read, done.joins.joined) == ("a+b", "a+b")
    sys.modules["mapped_flows"].saves.result = LocalResult()
    Path("each.yaml").write_text(f"project_name: test\n{EACH}")
    deployed = compose("each.yaml", deploy=True)
    (load,) = deployed.get_tasks(name="joins.texts")
    assert {edge.key: edge.mapped for edge in deployed.edges_to(load)} == {"result_rep": True, None: False}


@pytest.mark.usefixtures("each")
def test_the_source_that_loads_a_part_of_a_record_is_typed(mypy: Callable[[str], str]) -> None:
    Path("written.py").write_text(to_python(Composition.of_file("each.yaml")))
    assert mypy("written.py") == ""


def test_a_flow_that_no_class_can_say_is_told_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "odd", raising=False)
    Path("odd.py").write_text(
        "from prefect import Flow, Parameter\nwith Flow('odd') as odd:\n    odd.add_task(Parameter('run'))\n"
    )
    Path("odd.yaml").write_text("name: a\ncomposing_flows:\n- name: odd\n- name: nowhere\n")
    with pytest.raises(DefinitionError) as caught:
        compose("odd.yaml")
    assert [(one.place.line if one.place else 0, one.subject) for one in caught.value.problems] == [
        (3, "odd"),
        (4, "nowhere"),
    ]


def test_it_is_one_prefect_flow_with_one_configure_task(file: Path) -> None:
    flow = compose(file).flow
    assert [task.name for task in flow.tasks].count("configure_services") == 1
    assert {parameter.name for parameter in flow.parameters()} == {
        "flow1-text1", "flow1-text2", "flow1-filename", "flow3-times",
    }  # fmt: skip
    state = flow.run(parameters={"flow1-text1": "hey"})
    assert state.is_successful()


def test_a_failure_names_the_flow_and_its_task(file: Path) -> None:
    with pytest.raises(FlowRunError, match=r"flow2\.(content|joined): ValueError: no such text"):
        compose(file)(**{"flow1-text1": "fail"}).run()


def test_a_task_name_that_two_tasks_share_is_told_with_its_line(file: Path) -> None:
    if "by_hand_flows:flow1" not in file.read_text():
        file.write_text(file.read_text().replace("classes:Write", "by_hand_flows:flow1"))
    text = Path("by_hand_flows.py").read_text()
    Path("by_hand_flows.py").write_text(
        text.replace("    file = save_file(", "    append(new_text, text2)\n    file = save_file(")
    )
    with pytest.raises(DefinitionError) as caught:
        compose(file)
    (problem,) = caught.value.problems
    assert problem.message == "2 tasks of flow1 are named 'text'"
    assert problem.place is not None
    assert Path(file).read_text().splitlines()[problem.place.line - 1].strip() == "parent_task_name: text"


def test_it_runs_in_one_command(file: Path) -> None:
    done = run_command("run", str(file), "--flow1-text1", "hey", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["flow"] == "flow_of_flows"
    assert document["parameters"]["flow1-text1"] == "hey"


@pytest.mark.parametrize("name", ["check", "show", "schema", "graph"])
def test_other_commands_take_the_file(file: Path, name: str) -> None:
    done = run_command(name, str(file))
    assert done.returncode == 0, done.stderr
    assert "flow1" in done.stdout or "ok (" in done.stdout
