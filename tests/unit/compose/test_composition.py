# ruff: noqa: E501 - a mistake, and what is said of it, in one row
"""A flow of flows in a YAML file is the flow whose body says the same; what is wrong with it is told at once, by line."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dsl.compose import compose
from lume_dsl.declare.graph import Constant, Edge, Graph
from lume_dsl.errors import DefinitionError, FlowNotFoundError

STAGES = """
from __future__ import annotations
from lume_dsl import *

@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2

class Write(LumeFlow):
    text1: str = parameter(max_length=20, help="the left part")
    text2: str = " you"
    filename: str = "written.txt"
    text = append_text(text1, text2)
    save_text_file: TextFile = file_result(text, filename=filename)

class Read(LumeFlow):
    file_rep: TextFile
    @step
    def content(self, file_rep: TextFile) -> str:
        return file_rep.read()
    save_db_result: DBResult = db_result(output1=content, size=3)

class Repeat(LumeFlow):
    text1: str
    times: int = parameter(default=2, ge=1)
    tag: str = parameter(secret=True, env="TAG_OF_REPEAT")
    @step
    def repeated(self) -> str:
        return self.text1 * self.times

@flow(name="a flow of its own")
class Named(LumeFlow):
    reference: dict[str, JSON]
    kept: dict[str, JSON] = result(reference)

NOT_A_FLOW = 3
"""

FILE = """
name: flow_of_flows
project_name: test
labels: [lume-services]
composing_flows:
  - name: flow1
    flow: stages:Write
  - name: flow2
    flow: stages:Read
    mapped_parameters:
      file_rep:
        parent_flow_name: flow1
        parent_task_name: save_text_file
        map_type: file
  - name: flow3
    flow: stages:Repeat
    project_name: other
    mapped_parameters:
      text1:
        parent_flow_name: flow2
        parent_task_name: save_db_result
        map_type: db
        attribute_index: [outputs, output1]
    parameters:
      times: 3
"""

Composed = Callable[[str], Any]


@pytest.fixture
def composed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Composed:
    """Composes the flow of a text, in a folder that has ``stages.py``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "stages", raising=False)
    (tmp_path / "stages.py").write_text(STAGES)

    def run(text: str) -> Any:
        Path("flows.yaml").write_text(textwrap.dedent(text).lstrip("\n"))
        return compose("flows.yaml")

    return run


@pytest.fixture
def refused(composed: Composed) -> Callable[[str], list[tuple[int, str, str, str]]]:
    """What is wrong with a file: the line, the subject, the message and the fix of each problem."""

    def run(text: str) -> list[tuple[int, str, str, str]]:
        with pytest.raises(DefinitionError) as caught:
            composed(text)
        for problem in caught.value.problems:
            assert problem.place is None or problem.place.file == "flows.yaml"
        return [(p.place.line if p.place else 0, p.subject, p.message, p.fix) for p in caught.value.problems]

    return run


def test_a_file_is_the_flow_whose_body_says_the_same(composed: Composed) -> None:
    flow = composed(FILE)
    stages = sys.modules["stages"]
    names: dict[str, Any] = {**vars(stages), "__name__": "other"}
    body = """
class Same(LumeFlow):
    text1: str = parameter(max_length=20, help="the left part")
    text2: str = " you"
    filename: str = "written.txt"
    tag: str = parameter(secret=True, env="TAG_OF_REPEAT")
    flow1 = Write(text1=text1, text2=text2, filename=filename)
    flow2 = Read(file_rep=flow1.save_text_file)
    flow3 = Repeat(text1=flow2.save_db_result.outputs["output1"], times=3, tag=tag)
"""
    exec(body, names)
    renamed = {"flow1-text1": "text1", "flow1-text2": "text2", "flow1-filename": "filename", "flow3-tag": "tag"}
    assert shape(flow.__lume_graph__, renamed) == shape(names["Same"].__lume_graph__, {})
    assert flow.__lume_options__ == {"name": "flow_of_flows", "project": "test", "labels": ["lume-services"]}


def shape(graph: Graph, renamed: dict[str, str]) -> dict[str, tuple[Any, ...]]:
    """What a graph is, but for where it was written and the names of its parameters."""

    def moved(source: Any) -> Any:
        return Edge(renamed.get(source.upstream, source.upstream)) if isinstance(source, Edge) else source

    return {
        renamed.get(name, name): (
            member.work, member.type, {key: moved(source) for key, source in member.inputs.items()}, member.subflow,
        )
        for name, member in graph.members.items()
    }  # fmt: skip


def test_what_is_open_is_a_parameter_with_all_that_is_said_of_it(composed: Composed) -> None:
    graph = composed(FILE).__lume_graph__
    assert list(graph.parameters) == ["flow1-text1", "flow1-text2", "flow1-filename", "flow3-tag"]
    assert graph.parameters["flow1-text1"].work == graph.members["flow1.text1"].work.parameter
    assert graph.members["flow1.text1"].inputs == {"text1": Edge("flow1-text1")}
    assert graph.members["flow3.times"].inputs == {"times": Constant(3)}


def test_flows_may_stand_in_any_order(composed: Composed) -> None:
    head, *flows = FILE.split("  - name: ")
    graphs = [
        composed(head + "".join(f"  - name: {flows[place]}" for place in order)).__lume_graph__
        for order in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]
    ]
    assert [set(graph.members) for graph in graphs] == [set(graphs[0].members)] * 3
    assert list(graphs[1].parameters) == ["flow3-tag", "flow1-text1", "flow1-text2", "flow1-filename"]


def test_composing_twice_gives_equal_flows_and_leaves_the_flows_as_they_were(composed: Composed) -> None:
    first = composed(FILE)
    before = {name: dict(sys.modules["stages"].__dict__[name].__lume_graph__.members) for name in ("Write", "Read")}
    second = compose("flows.yaml")
    assert first.__lume_graph__ == second.__lume_graph__
    after = {name: dict(sys.modules["stages"].__dict__[name].__lume_graph__.members) for name in ("Write", "Read")}
    assert before == after


def test_a_flow_without_a_place_is_looked_for_under_its_name(composed: Composed) -> None:
    Path("lonely.py").write_text("from lume_dsl import LumeFlow\nclass Lonely(LumeFlow):\n    x: int = 1\n")
    Path("several.py").write_text(
        "from lume_dsl import LumeFlow, flow\nclass Other(LumeFlow):\n    x: int = 1\n"
        "@flow(name='several')\nclass Several(LumeFlow):\n    y: int = 1\n"
    )
    flow = composed(
        "name: a\ncomposing_flows:\n- name: lonely\n- name: several\n- name: file\n  flow: lonely.py:Lonely"
    )
    assert list(flow.__lume_graph__.parameters) == ["lonely-x", "several-y", "file-x"]


def test_a_reference_goes_to_a_parameter_that_is_json(composed: Composed) -> None:
    file = FILE.replace("stages:Read", "stages:Named").replace("file_rep", "reference").split("  - name: flow3")[0]
    assert (
        composed(file).__lume_graph__.members["flow2.reference"].inputs["reference"].upstream == "flow1.save_text_file"
    )


def test_a_name_that_is_no_identifier_is_a_name(composed: Composed) -> None:
    graph = composed(
        "name: my flow, v1.0\ncomposing_flows:\n- {name: 'stage 1.0', flow: 'stages:Repeat'}"
    ).__lume_graph__
    assert list(graph.parameters) == ["stage 1.0-text1", "stage 1.0-times", "stage 1.0-tag"]
    assert list(graph.subflows) == ["stage 1_0"]


ONE = "name: a\ncomposing_flows:\n- name: w\n  flow: stages:Write\n"
TWO = f"{ONE}- name: r\n  flow: stages:Repeat\n  mapped_parameters:\n    text1: "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # the file
        ("", [(1, "name", "is missing", ""), (1, "composing_flows", "is missing", "list the flows: composing_flows: [{name: flow1}, ...]")]),
        ("- a\n", [(0, "flows.yaml", "holds a list at its top level, where a flow of flows is read", "write name: ... and composing_flows: ...")]),
        ("name: a\ncomposing_flows: []\n", [(2, "composing_flows", "expected a list of flows, got an empty list", "write - name: flow1 below it")]),
        ("name: a\ncomposing_flows: {w: 1}\n", [(2, "composing_flows", "expected a list of flows, got a mapping", "write - name: flow1 below it")]),
        ("name: 5\nlabels: x\ncomposing_flows:\n- name: w\n  flow: stages:Write", [(1, "name", "expected text, got 5", ""), (2, "labels", "expected a list, got 'x'", "")]),
        (f"nam: b\n{ONE}", [(1, "'nam'", "is no key of this; did you mean 'name'?", "the keys are: name, project_name, labels, composing_flows")]),
        (f"{ONE}- name: w\n  flow: stages:Read", [(5, "'w'", "is listed twice", "give one of the two another name, and say flow: module:Flow")]),
        (f"{ONE}- 3", [(5, "composing_flows[1]", "expected a mapping, got 3", "")]),
        (f"{ONE}- flow: stages:Read", [(5, "composing_flows[1].name", "is missing", "")]),
        (f"{ONE}  mapped_parameters: [text1]", [(5, "composing_flows[0].mapped_parameters", "expected a mapping, got ['text1'] (list)", "")]),
        (f"{ONE}  labels: [1]", [(5, "composing_flows[0].labels[0]", "expected text, got 1", "")]),
        # where flows are
        ("name: a\ncomposing_flows:\n- name: nowhere", [(3, "nowhere", "is found in no module of that name", "say where the flow is: flow: module:Flow")]),
        ("name: a\ncomposing_flows:\n- name: w\n  flow: stage:Write", [(4, "stage:Write", "there is no module named 'stage'; did you mean 'stages'?", "name a dotted module that can be imported from here, or the path of a .py file")]),
        ("name: a\ncomposing_flows:\n- name: w\n  flow: stages:Writ", [(4, "stages:Writ", "Writ is not there; did you mean 'Write'?", "the flows of stages are: Write, Read, Repeat, Named")]),
        ("name: a\ncomposing_flows:\n- name: w\n  flow: stages:NOT_A_FLOW", [(4, "stages:NOT_A_FLOW", "NOT_A_FLOW is a int, and no flow", "the flows of stages are: Write, Read, Repeat, Named")]),
        ("name: a\ncomposing_flows:\n- name: stages", [(3, "stages", "module stages has 4 flows: Write, Read, Repeat, Named", "say where the flow is: flow: module:Flow")]),
        ("name: a\ncomposing_flows:\n- {name: w, flow: ':Write'}", [(3, ":Write", "names no module", "say where the flow is: flow: module:Flow")]),
        # names
        ("name: ''\ncomposing_flows:\n- {name: '', flow: 'stages:Write'}", [(1, "name", "expected a name, got ''", ""), (3, "composing_flows[0].name", "expected a name, got ''", "")]),
        (f"{ONE}- {{name: w.1, flow: 'stages:Write'}}\n- {{name: w_1, flow: 'stages:Write'}}", [(6, "w_1", "becomes the subflow 'w_1', as 'w.1' does", "give one of the two another name")]),
        # parameters
        (f"{ONE}  parameters: {{txt1: b, text2: 5}}", [(5, "w.txt1", "is no parameter of w; did you mean 'text1'?", "the parameters are: text1, text2, filename"), (5, "a: Write.text2", "expected str, got 5", "")]),
        (f"{ONE}  parameters:\n    text1: aaaaaaaaaaaaaaaaaaaaaaaaa", [(6, "a: Write.text1", "expected at most 20 characters, got 25", "")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: text}}\n  parameters: {{text1: a}}", [(8, "r.text1", "is mapped, and a constant too", "leave one of the two out")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: text}}\n    text1: {{}}", [(9, "composing_flows[1].mapped_parameters", "the key 'text1' stands twice", "keep one of the two")]),
        # mappings
        (f"{TWO}{{parent_flow_name: ww, parent_task_name: text}}", [(8, "r.text1", "'ww' is no flow of this file; did you mean 'w'?", "the flows are: w, r")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: tex}}", [(8, "r.text1", "w has no task 'tex'; did you mean 'text'?", "its tasks are: text1, text2, filename, text, save_text_file")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: text, map_type: fil}}", [(8, "composing_flows[1].mapped_parameters.text1.map_type", "expected one of raw, file, db, got 'fil'; did you mean 'file'?", "")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: text, map_type: file}}", [(8, "r.text1", "task 'text' of w saves no file", "write map_type: raw for what it returns")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: text, map_type: db}}", [(8, "r.text1", "task 'text' of w saves no record", "write map_type: raw for what it returns")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: text, attribute_index: [a]}}", [(8, "r.text1", "attribute_index leads into a record, and this is map_type: raw", "write map_type: db")]),
        (f"{TWO}{{parent_flow_name: w, parent_task_name: save_text_file, map_type: file}}", [(8, "a.r.text1", "expected str for 'text1', got TextFile from w.save_text_file", "give it a value of the type str, or change the annotation")]),
        (f"{TWO}{{parent_flow_name: r, parent_task_name: text1}}", [(7, "r", "waits for itself: r → r", "break the circle")]),
        (f"{TWO}{{parent_flow_nam: w, parent_task_name: text}}", [(8, "'parent_flow_nam'", "is no key of this; did you mean 'parent_flow_name'?", "the keys are: parent_flow_name, parent_task_name, map_type, attribute, attribute_index"), (8, "composing_flows[1].mapped_parameters.text1.parent_flow_name", "is missing", "")]),
        (FILE.replace("output1]", "output2]"), [(22, "flow3.text1", "the record has no output 'output2'; did you mean 'output1'?", "its outputs are: output1, size")]),
        (FILE.replace("output1]", "size]").replace("text1:\n", "times:\n").replace("times: 3", "text1: a"), []),
        (FILE.replace("[outputs, output1]", "[outputs]"), [(18, "flow_of_flows.flow3.text1", "expected str for 'text1', got dict[str, Any] from flow2.save_db_result.outputs", "give it a value of the type str, or change the annotation")]),
        (FILE.replace("[outputs,", "[otputs,"), [(22, "flow3.text1", "DBResult has no attribute 'otputs'; did you mean 'outputs'?", "begin with outputs")]),
        (FILE.replace("[outputs,", "[__class__,"), [(22, "flow3.text1", "'__class__' is no attribute of a record", "begin with outputs")]),
        (FILE.replace("[outputs, output1]", "[flow_name]"), []),
        (FILE.replace("[outputs, output1]", "[0]"), [(22, "flow3.text1", "0 is no attribute of a record", "begin with outputs")]),
        (FILE.replace("text1:\n", "times:\n").replace("times: 3", "text1: a"), [(22, "flow3.times", "expected int, got str from output 'output1'", "map another output, or change the type of times")]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_a_file_is_told_with_its_lines(
    composed: Composed, refused: Callable[[str], Any], text: str, told: list[tuple[int, str, str, str]]
) -> None:
    if told:
        assert refused(text.lstrip("\n")) == told
    else:
        composed(text)


def test_problems_of_many_kinds_are_told_at_once(refused: Callable[[str], Any]) -> None:
    found = refused(
        f"{TWO}{{parent_flow_name: w, parent_task_name: tex}}\n  labls: a\n"
        "- name: nowhere\n- name: z\n  flow: stages:Repeat\n  parameters: {times: 0, text1: a}\n  labels: 3\n"
    )
    assert [(line, message) for line, _, message, _ in found] == [
        (8, "w has no task 'tex'; did you mean 'text'?"),
        (9, "is no key of this; did you mean 'labels'?"),
        (10, "is found in no module of that name"),
        (13, "expected >= 1, got 0"),
        (14, "expected a list, got 3"),
    ]


def test_what_is_wrong_with_one_mapping_hides_no_other(refused: Callable[[str], Any]) -> None:
    found = refused(
        f"{TWO}{{parent_flow_name: ww, parent_task_name: text}}\n    times: {{parent_flow_name: w}}\n"
        "    tga: {parent_task_name: text}\n  parameters: {text2: a}\n"
    )
    assert [(line, subject, message) for line, subject, message, _ in found] == [
        (8, "r.text1", "'ww' is no flow of this file; did you mean 'w'?"),
        (9, "composing_flows[1].mapped_parameters.times.parent_task_name", "is missing"),
        (10, "composing_flows[1].mapped_parameters.tga.parent_flow_name", "is missing"),
        (10, "r.tga", "is no parameter of r; did you mean 'tag'?"),
        (11, "r.text2", "is no parameter of r; did you mean 'text1'?"),
    ]


def test_lists_and_mappings_may_be_left_empty(composed: Composed) -> None:
    empty = composed(f"labels:\n{ONE}  mapped_parameters:   # none yet\n  parameters:\n  labels:\n")
    assert list(empty.__lume_graph__.parameters) == ["w-text1", "w-text2", "w-filename"]


def test_a_file_that_is_no_utf_8_is_told_with_the_line(composed: Composed) -> None:
    composed(ONE)
    Path("flows.yaml").write_bytes(f"{ONE}  labels: [é]\n".encode("latin-1"))
    with pytest.raises(DefinitionError, match=r"(?s)flows\.yaml:5: .*: is not UTF-8: byte 0xe9 .*save it as UTF-8"):
        compose("flows.yaml")


def test_a_module_of_another_folder_does_not_stand_for_the_one_beside_the_file(composed: Composed) -> None:
    composed(ONE)
    Path("other").mkdir()
    Path("other/stages.py").write_text(STAGES)
    Path("other/flows.yaml").write_text(ONE)
    with pytest.raises(
        DefinitionError, match=r"(?s)other/flows\.yaml:4: .*module stages is loaded already, from .*rename"
    ):
        compose("other/flows.yaml")


def test_the_flow_of_a_class_is_no_second_flow_of_its_module(composed: Composed) -> None:
    Path("alone.py").write_text(f"{STAGES.partition('class Read')[0]}\nwrite = Write.flow\n")
    assert list(composed("name: a\ncomposing_flows: [{name: alone}]").__lume_graph__.subflows) == ["alone"]


def test_a_circle_of_several_flows_is_told_once(refused: Callable[[str], Any]) -> None:
    text = "name: a\ncomposing_flows:\n"
    for name, parent in (("x", "y"), ("y", "z"), ("z", "x")):
        text += (
            f"- name: {name}\n  flow: stages:Repeat\n"
            f"  mapped_parameters: {{text1: {{parent_flow_name: {parent}, parent_task_name: repeated}}}}\n"
        )
    assert [message for *_, message, _ in refused(text)] == ["waits for itself: x → z → y → x"] or [
        message for *_, message, _ in refused(text)
    ] == ["waits for itself: x → y → z → x"]


def test_a_file_that_is_not_there_is_told_with_those_that_are(composed: Composed) -> None:
    composed(FILE)
    with pytest.raises(FlowNotFoundError, match=r"there is no file flow\.yaml; did you mean 'flows\.yaml'\?"):
        compose("flow.yaml")


def test_aliases_and_merge_keys_are_read(composed: Composed) -> None:
    text = "name: a\ncomposing_flows:\n- &w {name: w, flow: 'stages:Write'}\n- {<<: *w, name: v, parameters: {filename: b}}"
    assert list(composed(text).__lume_graph__.subflows) == ["w", "v"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=60) | st.sampled_from([FILE[:place] for place in range(0, len(FILE), 9)]))
def test_whatever_a_file_holds_it_is_composed_or_refused(composed: Composed, text: str) -> None:
    Path("flows.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(DefinitionError):
        assert compose("flows.yaml").__lume_graph__.members
