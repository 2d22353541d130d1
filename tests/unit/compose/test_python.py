"""The Python source of a flow of flows is a class that says the same, and is formatted and typed as people's is."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dsl.compose import compose
from lume_dsl.compose.composition import Composition
from lume_dsl.compose.python import to_python
from lume_dsl.declare.graph import Edge, Graph
from lume_dsl.errors import DefinitionError

STAGES = """
from __future__ import annotations
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Optional
from uuid import UUID
import attrs
from lume_dsl import *

class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"

@attrs.frozen
class Magnet:
    name: str
    current: float = 1.0

@dataclass(frozen=True)
class Beam:
    charge: float
    class Inner(NamedTuple):
        x: int
        y: int = 2

def now() -> float:
    return 1.0

def positive(value: float) -> bool:
    return value > 0

@task
def told(**values: object) -> str:
    return repr(values)

class Every(LumeFlow):
    number: int = parameter(default=3, ge=1, le=10, multiple_of=1, help="how many \\"shots\\"", examples=[2])
    ratio: float = parameter(factory=now, unit="pC", validator=positive)
    text: str = parameter(min_length=1, max_length=50, pattern=".*")
    mode: Mode = Mode.FAST
    kind: Literal["a", 1] = "a"
    maybe: Optional[float] = None
    day: date = date(2026, 11, 26)
    moment: datetime = datetime(2026, 11, 26, 8, 30, tzinfo=timezone.utc)
    clock: time = time(8, 30)
    span: timedelta = timedelta(hours=1.5)
    path: Path = Path("data/shot.h5")
    ident: UUID = UUID("12345678-1234-5678-1234-567812345678")
    exact: Decimal = Decimal("1.50")
    raw: bytes = b"abc"
    magnets: dict[str, list[Magnet]] = parameter(default={"q1": [Magnet("a"), Magnet("b", 2.0)]})
    beam: Beam = Beam(250.0)
    point: Beam.Inner = Beam.Inner(1)
    pair: tuple[int, ...] = (1,)
    empty: tuple[()] = ()
    length: Annotated[float, Unit("mm")] = 2.0
    anything: JSON = parameter(default="it's")
    password: str = parameter(secret=True, env="PASSWORD_OF_EVERY")
    shown = told(number=number, ratio=ratio, text=text, mode=mode, day=day, magnets=magnets)

class Local(LumeFlow):
    made: float = parameter(factory=lambda: 1.0)

class Write(LumeFlow):
    text1: str = parameter()
    flow_name: str = "x"
    told(a=text1)
    save_text_file: TextFile = file_result(text1, filename="{flow_name}.txt")
    record: DBResult = db_result(text=text1, size=3)

class Read(LumeFlow):
    file_rep: TextFile = parameter()
    text: str = parameter()
    size: int = parameter(default=1)
    reference: dict[str, JSON] = parameter(default={})
    shown = told(file_rep=file_rep, text=text)
"""


@pytest.fixture(autouse=True)
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that has ``stages.py``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "stages", raising=False)
    (tmp_path / "stages.py").write_text(STAGES)


def written(text: str) -> str:
    Path("flows.yaml").write_text(textwrap.dedent(text))
    return to_python(Composition.of_file("flows.yaml"))


def defined(source: str) -> Any:
    """The flow class that a source defines."""
    names: dict[str, Any] = {"__name__": "written"}
    exec(compile(source, "written.py", "exec", dont_inherit=True), names)
    return next(value for value in names.values() if getattr(value, "__module__", "") == "written")


def shape(graph: Graph, renamed: Callable[[str], str]) -> dict[str, tuple[Any, ...]]:
    def moved(source: Any) -> Any:
        return Edge(renamed(source.upstream), source.mapped) if isinstance(source, Edge) else source

    return {
        renamed(name): (member.work, member.type, {key: moved(source) for key, source in member.inputs.items()})
        for name, member in graph.members.items()
    }


def same(source: str) -> None:
    """The class of a source is the flow of the file, but for the names of its parameters."""
    flow, file = defined(source), compose("flows.yaml")
    graph, wanted = flow.__lume_graph__, file.__lume_graph__
    known = dict(zip(wanted.parameters, graph.parameters, strict=True))
    assert shape(wanted, lambda name: known.get(name, name)) == shape(graph, lambda name: name)
    options = {**file.__lume_options__}
    assert flow.__lume_name__ == options.pop("name")
    assert {key: value for key, value in flow.__lume_options__.items() if key != "name"} == options


CHAIN = """
name: flow_of_flows
project_name: test
labels: [lume-services, "b"]
composing_flows:
  - name: read
    flow: stages:Read
    mapped_parameters:
      file_rep: {parent_flow_name: write, parent_task_name: save_text_file, map_type: file}
      text: {parent_flow_name: write, parent_task_name: record, map_type: db, attribute_index: [outputs, text]}
      reference: {parent_flow_name: write, parent_task_name: record}
  - name: write
    flow: stages:Write
    parameters: {text1: "it's"}
"""

CHAIN_AS_CLASS = '''\
from __future__ import annotations

from stages import Read, Write
from lume_dsl import LumeFlow, flow, parameter, unchecked


@flow(name="flow_of_flows", project="test", labels=["lume-services", "b"])
class FlowOfFlows(LumeFlow):
    """The flow of flows of flows.yaml."""

    read_size: int = parameter(default=1)
    write_flow_name: str = parameter(default="x")

    write = Write(text1="it's", flow_name=write_flow_name)
    read = Read(
        file_rep=write.save_text_file,
        text=write.record.outputs["text"],
        size=read_size,
        reference=unchecked(write.record),
    )
'''


def test_a_chain_is_the_class_that_one_would_write() -> None:
    source = written(CHAIN)
    assert source == CHAIN_AS_CLASS
    same(source)


def test_all_types_and_options_of_parameters_are_written() -> None:
    source = written("name: every\ncomposing_flows:\n- name: e\n  flow: stages:Every\n")
    same(source)
    assert "e_mode: Mode = parameter(default=Mode.FAST)" in source
    assert 'e_password: str = parameter(secret=True, env="PASSWORD_OF_EVERY")' in source


def test_constants_of_all_types_are_written() -> None:
    text = """
    name: every
    composing_flows:
    - name: e
      flow: stages:Every
      parameters: {mode: slow, day: 2020-01-01, span: PT1M, magnets: {a: [{name: b}]}, point: [3, 4], exact: "2.5"}
    """
    source = written(text)
    assert "span=timedelta(seconds=60)" in source
    assert "point=Beam.Inner(x=3, y=4)" in source
    flow = defined(source)
    constants = {name: member.inputs for name, member in flow.__lume_graph__.members.items() if member.subflow}
    assert constants["e.mode"]["mode"].value is sys.modules["stages"].Mode.SLOW


@pytest.mark.parametrize("text", [CHAIN, "name: every\ncomposing_flows:\n- name: e\n  flow: stages:Every\n"])
def test_the_source_is_formatted_and_typed(text: str, mypy: Callable[[str], str]) -> None:
    Path("written.py").write_text(written(text))
    command = ["ruff", "format", "--check", "--isolated", "--line-length", "120", "written.py"]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mypy("written.py") == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {name: l, flow: 'stages:Local'}", "function Local.<lambda>"),
        (
            "- {name: w, flow: 'stages:Write', parameters: {text1: a}}\n- name: r\n  flow: stages:Read\n"
            "  mapped_parameters: {text: {parent_flow_name: w, parent_task_name: told}}",
            "task 'told' of w, which has no name in it,",
        ),
    ],
)
def test_what_cannot_be_written_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        written(f"name: a\ncomposing_flows:\n{text}")
    (problem,) = caught.value.problems
    assert problem.message.startswith(told)
    assert problem.place is not None
    assert problem.place.file == "flows.yaml"


def test_flows_of_other_folders_are_told_with_what_to_write_and_their_lines() -> None:
    for folder in (Path("inner"), Path("deep/er")):
        folder.mkdir(parents=True)
        (folder / f"{folder.name}_flows.py").write_text(
            "from lume_dsl import LumeFlow\nclass Lonely(LumeFlow):\n    x: int = 1\n"
        )
    with pytest.raises(DefinitionError) as caught:
        written(
            "name: a\ncomposing_flows:\n- {name: i, flow: inner/inner_flows.py}\n- {name: w, flow: 'stages.py:Write'}\n"
            f"- {{name: d, flow: '{Path('deep/er').resolve()}/er_flows.py:Lonely'}}\n"
        )
    assert [(one.place.line if one.place else 0, one.subject, one.fix) for one in caught.value.problems] == [
        (3, "i", "write flow: inner.inner_flows:Lonely"),
        (5, "d", "write flow: deep.er.er_flows:Lonely"),
    ]


NAMES = st.sampled_from(
    ["a", "run", "flow", "class", "Write", "task", "parameter", "flow 1", "1", "a-b", "ä", "print", "LumeFlow", "x.y"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=5, unique=True),
    mapped=st.lists(st.booleans(), min_size=5, max_size=5),
    own=NAMES,
)
def test_whatever_flows_are_called_the_source_says_the_same(names: list[str], mapped: list[bool], own: str) -> None:
    flows = []
    for place, name in enumerate(names):
        flows.append(f"- name: {name!r}\n  flow: stages:Write\n  parameters: {{flow_name: 'f{place}'}}")
        if place and mapped[place]:
            mapping = f"{{parent_flow_name: {names[place - 1]!r}, parent_task_name: text1}}"
            flows[-1] += f"\n  mapped_parameters: {{text1: {mapping}}}"
    text = "\n".join([f"name: {own!r}", "composing_flows:", *flows])
    Path("flows.yaml").write_text(text)
    try:
        compose("flows.yaml")
    except DefinitionError:  # two names that are one as attributes
        return
    source = to_python(Composition.of_file("flows.yaml"))
    graph, wanted = defined(source).__lume_graph__, compose("flows.yaml").__lume_graph__
    assert len(graph.members) == len(wanted.members)
    if list(graph.subflows) == list(wanted.subflows):  # no name had to be another
        same(source)
