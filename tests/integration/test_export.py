"""The Prefect script of a flow class: the same graph, the same outcome, and nothing left out without a word."""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import prefect
import pytest

import lume_dsl
from lume_dsl import DefinitionError
from lume_dsl.compose import compose
from lume_dsl.compose.by_hand import from_prefect
from lume_dsl.declare.find import find_flow, find_flows
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import Argument, StepRun
from lume_dsl.export import to_prefect
from lume_dsl.tasks.context import PARAMETER
from lume_dsl.values.convert import unstructure

ROOT = Path(__file__).parents[2]

OPTIONS = (
    "max_retries", "retry_delay", "retry_on", "timeout", "trigger", "skip_on_upstream_skip", "cache_for",
    "cache_validator", "cache_key", "tags", "log_stdout", "task_run_name", "target", "checkpoint", "state_handlers",
)  # fmt: skip


@pytest.fixture(scope="session")
def language(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flows of docs/language.md, as a module."""
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    kept = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
    parts = [ast.unparse(one) for block in blocks for one in ast.parse(block).body if isinstance(one, kept)]
    folder = tmp_path_factory.mktemp("language")
    (folder / "language.py").write_text("\n".join(parts))
    return str(folder / "language.py")


def load(source: str, name: str, folder: Path) -> ModuleType:
    file = folder / f"{name}.py"
    file.write_text(source)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def edges_of(flow: prefect.Flow) -> Counter[Any]:
    return Counter(
        (edge.upstream_task.name, edge.downstream_task.name, edge.key, edge.mapped, edge.flattened)
        for edge in flow.edges
    )


def expected_edges(flow_class: FlowMeta) -> Counter[Any]:
    """Those of the compiled flow, where a step is given what it reads of ``self`` in place of all its parameters."""
    return Counter(
        {edge: count for edge, count in edges_of(flow_class.flow).items() if not (edge[2] or "").startswith(PARAMETER)}
    )


def without_what_steps_read(flow_class: FlowMeta, edges: Counter[Any]) -> Counter[Any]:
    """The edges of the script but those from a flow's parameters to its steps, each of which is seen to be one."""
    graph = flow_class.__lume_graph__
    steps = {member.task_name: member for member in graph.members.values() if isinstance(member.work, StepRun)}
    found = Counter(edges)
    for edge in edges:
        upstream, downstream, key, mapped, _ = edge
        if downstream in steps and key and key not in steps[downstream].inputs:
            member = steps[downstream]
            own = key.removesuffix("_parameter")
            assert upstream == (member.given[own] if member.subflow else own)
            assert mapped == (member.each and graph.members[upstream].each)
            del found[edge]
        elif (key or "").startswith(PARAMETER):
            del found[edge]
    return found


def constants_of(flow: prefect.Flow) -> dict[Any, Any]:
    found = {}
    for task_, values in flow.constants.items():
        for key, value in values.items():
            found[task_.name, key] = value if isinstance(value, type) else forms(value)
    return found


def forms(value: Any) -> Any:
    try:
        return unstructure(value)
    except Exception:  # it has no JSON form: then it is compared as it is
        return value


def options_of(flow: prefect.Flow) -> dict[str, Any]:
    parameters = {one.name for one in flow.parameters()}
    return {
        one.name: {name: by_name(getattr(one, name)) for name in OPTIONS}
        for one in flow.tasks
        if one.name not in parameters
    }


def by_name(value: Any) -> Any:
    """A function of the script is another than that of the module; both have one name."""
    if isinstance(value, list):
        return [by_name(item) for item in value]
    return getattr(value, "__name__", value)


def assert_same_graph(flow_class: FlowMeta, flow: prefect.Flow) -> None:
    compiled = flow_class.flow
    assert type(flow) is prefect.Flow
    assert flow.name == compiled.name
    assert Counter(one.name for one in flow.tasks) == Counter(one.name for one in compiled.tasks)
    assert without_what_steps_read(flow_class, edges_of(flow)) == expected_edges(flow_class)
    assert constants_of(flow) == constants_of(compiled)
    assert {one.name: (one.required, forms(one.default)) for one in flow.parameters()} == {
        one.name: (one.required, one.default) for one in compiled.parameters()
    }
    wanted = options_of(compiled)
    of_subflows = {m.task_name for m in flow_class.__lume_graph__.members.values() if isinstance(m.work, Argument)}
    assert {n: o for n, o in options_of(flow).items() if n not in of_subflows} == {
        n: o for n, o in wanted.items() if n not in of_subflows
    }


def outcomes(flow: prefect.Flow, parameters: Mapping[str, Any]) -> dict[str, Any]:
    state = flow.run(parameters=dict(parameters))
    found: dict[str, list[Any]] = {}
    for one, ended in sorted(state.result.items(), key=lambda item: (item[0].name, repr(item[1].result))):
        found.setdefault(one.name, []).append((type(ended).__name__, ended.result))
    return found


def assert_same(left: Any, right: Any) -> None:
    if isinstance(left, np.ndarray):
        assert np.array_equal(left, right)
    elif isinstance(left, BaseException):
        assert type(left) is type(right)
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif hasattr(left, "__dict__") and not isinstance(left, type):
        assert type(left).__name__ == type(right).__name__
        assert_same(vars(left), vars(right))
    else:
        assert left == right or left is right or repr(left) == repr(right)


REQUIRED = {
    "Scan": {"magnet": "QUAD:1"},
    "Greeting": {"text1": "hey"},
    "MarkedThenSaved": {"marker": "marker.txt"},
}

REFUSED = {
    "Settings": ("magnets", "token"),
    "CleanScan": ("peak",),
    "Renamed": ("peak",),
    "Typed": ("magnets", "token", "stamp"),
    "Sending": ("token",),
    "LoggingIn": ("token",),
    "Telling": ("token",),
    "ManyFailures": ("fits",),
    "Every": ("charge", "password"),
    "Need": ("shots",),
}
"""What of these flows cannot be said in a script, by their names; nothing else is refused."""

GRAPHS_ALONE = {"Retried", "Screen", "EmittanceFit", "Matching", "Report", "Next", "Chatty", "AnyName"}
"""Flows that ask for values of other flows, count the runs that there were, or tell of processes."""


def check(flow_class: FlowMeta, folder: Path) -> None:
    name = flow_class.__name__
    if name in REFUSED:
        with pytest.raises(DefinitionError) as caught:
            to_prefect(flow_class)
        problems = caught.value.problems
        assert tuple(problem.subject.partition(".")[2] for problem in problems) == REFUSED[name]
        assert all(problem.kind == "export" and problem.place and problem.fix for problem in problems)
        return
    source = to_prefect(flow_class)
    assert "LumeFlow" not in source
    module = load(source, f"script_of_{name.lower()}", folder)
    assert_same_graph(flow_class, module.flow)
    if name not in GRAPHS_ALONE:
        parameters = REQUIRED.get(name, {})
        wanted, found = outcomes(flow_class.flow, parameters), outcomes(module.flow, parameters)
        for one, outcome in wanted.items():
            assert_same(outcome, found[one])


SOURCES = [
    *((ROOT / "examples" / f"{name}.py") for name in ("greeting", "beam_size", "laboratory")),
    *((ROOT / "tests" / "flows" / f"{name}.py") for name in ("lab", "letters", "every", "exported")),
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_script_has_the_same_graph_and_the_same_outcome(path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for flow_class in find_flows(str(path)).values():
        check(flow_class, tmp_path)


def test_the_flows_of_the_language_have_the_same_graph_and_outcome(
    language: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    flows = find_flows(language)
    assert len(flows) > 15
    for flow_class in flows.values():
        check(flow_class, tmp_path)


def test_python_runs_a_script_with_parameters_in_json(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(to_prefect(find_flow(str(ROOT / "examples" / "greeting.py"))))
    command = [sys.executable, "script.py"]
    environment = {**os.environ, "LUME_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    run = functools.partial(subprocess.run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    done = run([*command, json.dumps({"text1": "hey", "filename": "said.txt"})])
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "said.txt").read_text() == "hey you"
    assert run(command).returncode == 1  # text1 is required


def test_export_prints_the_script_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text("print('noise')\n" + (ROOT / "examples" / "greeting.py").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "lume_dsl", "export", "noisy:Greeting"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == to_prefect(find_flow(str(ROOT / "examples" / "greeting.py")))


def test_a_script_is_laid_out_as_ruff_lays_it_out(tmp_path: Path) -> None:
    for number, flow_class in enumerate(find_flows(str(ROOT / "tests" / "flows" / "letters.py")).values()):
        (tmp_path / f"script_{number}.py").write_text(to_prefect(flow_class))
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "--diff", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def written(folder: Path, name: str, source: str, monkeypatch: Any) -> FlowMeta:
    (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    return list(find_flows(str(folder / f"{name}.py")).values())[-1]


def test_modules_without_flows_are_imported_and_others_are_not(tmp_path: Path, monkeypatch: Any) -> None:
    plain = "from lume_dsl import task\n\n@task\ndef twice(x: float) -> float:\n    return 2 * x\n"
    (tmp_path / "export_plain.py").write_text(plain)
    (tmp_path / "export_flows.py").write_text(
        "from lume_dsl import LumeFlow, task\nfrom export_plain import twice\n\nFACTOR = 3\n\n"
        "@task\ndef thrice(x: float) -> float:\n    return FACTOR * x\n\n"
        "class Inner(LumeFlow):\n    x: float = 1.0\n    y = twice(x)\n"
    )
    flow_class = written(
        tmp_path,
        "export_outer",
        "from lume_dsl import LumeFlow\nfrom export_flows import Inner, thrice\n\n"
        "class Outer(LumeFlow):\n    x: float = 2.0\n    z = thrice(x)\n    inner = Inner(x=z)\n",
        monkeypatch,
    )
    source = to_prefect(flow_class)
    assert "from export_plain import twice" in source
    assert "export_flows" not in source
    assert "FACTOR = 3" in source
    module = load(source, "script_of_modules", tmp_path)
    assert_same_graph(flow_class, module.flow)
    assert outcomes(module.flow, {})["inner.y"] == [("Success", 12.0)]


def test_all_that_a_script_cannot_say_is_told_at_once_in_the_order_of_the_source(
    tmp_path: Path, monkeypatch: Any
) -> None:
    flow_class = written(
        tmp_path,
        "export_wrong",
        """\
from typing import Any
from prefect.tasks.shell import ShellTask
from lume_dsl import File, LumeFlow, file_result, parameter, step, task
from lume_dsl.files import TextFile

class Own(TextFile):
    pass

class Other(LumeFlow):
    x: int = 1

@task
def other(x: int) -> int:
    return Other(x=x).run().x

def made() -> Any:
    offset = 2
    @task
    def local(x: int) -> int:
        return x + offset
    return local

local = made()
shorten = task(lambda text: text[:3])

@task
def given(value: Any) -> str:
    return str(value)

class Wrong(LumeFlow):
    x: int = 1
    secret: str | None = parameter(default=None, secret=True)
    variable: str = parameter(default="", env="LUME_TEST_VARIABLE")
    made: list[int] = parameter(factory=list)
    a = other(x)
    b = local(x)
    c = shorten("text")
    d = task(ShellTask())(command="pwd")
    e = given(object())
    @step
    def f(self) -> str:
        return self.helped(self.x)
    @step
    def g(self) -> str:
        return repr(self)
    def helped(self, x: int) -> str:
        return str(x)
    h: Own = file_result(e, filename="own.txt")
""",
        monkeypatch,
    )
    with pytest.raises(DefinitionError) as caught:
        to_prefect(flow_class)
    problems = caught.value.problems
    assert all(problem.place and problem.kind == "export" and problem.fix for problem in problems)
    told = [(problem.subject.partition(".")[2], problem.message) for problem in problems]
    assert told == [
        ("secret", "is secret, and a parameter of Prefect's is not: its value would stand in logs and records"),
        ("variable", "takes its value of a variable of the environment"),
        ("made", "has a default that is made for each run"),
        ("a", "needs the flow class Other"),
        ("b", "its function takes offset of the function that it stands in"),
        ("c", "its function is a lambda, which has no name"),
        ("d", "is a ShellTask that no module gives a name"),
        ("e", told[7][1]),
        ("f", "uses self.helped, which a function has not"),
        ("g", "uses self as a whole, which a function has not"),
        ("h", "needs Own, by whose name files and records are found again"),
    ]
    assert re.fullmatch(r"the value <object .*> .* has no expression that a script can hold", told[7][1])


def test_the_options_of_a_flow_are_those_of_the_script(tmp_path: Path) -> None:
    flow_class = find_flows(str(ROOT / "tests" / "flows" / "exported.py"))["Optioned"]
    flow = load(to_prefect(flow_class), "script_of_options", tmp_path).flow
    assert (flow.executor.scheduler, flow.executor.dask_config) == ("threads", {"num_workers": 2})
    assert (flow.run_config.labels, flow.run_config.working_dir) == ({"lab"}, "/tmp")
    assert flow.result.dir == "/tmp/kept"
    assert [handler.__name__ for handler in flow.state_handlers] == ["told"]
    assert flow.storage.module == "script_of_options"


def test_objects_of_prefect_are_made_again_with_what_they_were_given(tmp_path: Path, monkeypatch: Any) -> None:
    flow_class = written(
        tmp_path,
        "export_objects",
        """\
from datetime import timedelta
import pendulum
from prefect.engine.results import LocalResult
from prefect.executors import DaskExecutor
from prefect.run_configs import DockerRun
from prefect.schedules import CronSchedule
from prefect.storage import Local
from lume_dsl import LumeFlow, flow, task

def failed(task, state):
    pass

@task(
    result=LocalResult(dir="/tmp/kept"), target="{task_name}.txt", cache_for=timedelta(hours=1), on_failure=failed,
    retry_on=[ValueError], max_retries=1, retry_delay=timedelta(0),
)
def fit(x: int) -> int:
    return x

@flow(
    schedule=CronSchedule("0 * * * *", start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin")),
    executor=DaskExecutor("tcp://localhost:8786", adapt_kwargs={"maximum": 3}),
    run_config=DockerRun(image="lab", env={"A": "b"}),
    storage=Local(directory="/tmp/stored"),
)
class Fitted(LumeFlow):
    x: int = 1
    y = fit(x)
""",
        monkeypatch,
    )
    source = to_prefect(flow_class)
    assert 'executor=DaskExecutor(address="tcp://localhost:8786", adapt_kwargs={"maximum": 3})' in source
    assert 'run_config=DockerRun(image="lab", env={"A": "b"})' in source
    assert 'storage=Local(directory="/tmp/stored")' in source
    flow = load(source, "script_of_objects", tmp_path).flow
    assert_same_graph(flow_class, flow)
    assert 'start_date=parse("2026-01-01T00:00:00", tz="Europe/Berlin")' in source
    assert flow.schedule.next(3) == flow_class.flow.schedule.next(3)
    (fitted,) = flow.get_tasks("y")
    assert fitted.result.dir == "/tmp/kept"
    assert len(fitted.state_handlers) == 1


def test_a_task_of_a_block_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    flow_class = written(
        tmp_path,
        "export_block",
        "from lume_dsl import LumeFlow, task\n\nif True:\n    @task\n    def fit(x: int) -> int:\n        return x\n\n"
        "class Fitted(LumeFlow):\n    x: int = 1\n    y = fit(x)\n",
        monkeypatch,
    )
    with pytest.raises(DefinitionError, match="needs fit, which is defined in a block"):
        to_prefect(flow_class)


def test_from_prefect_is_a_name_of_the_package() -> None:
    assert lume_dsl.from_prefect is from_prefect


def test_a_flow_of_flows_has_a_script(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "export_stages.py").write_text(
        "from lume_dsl import LumeFlow, task\n\n@task\ndef double(x: float) -> float:\n    return 2 * x\n\n"
        "class Doubled(LumeFlow):\n    x: float\n    y = double(x)\n"
    )
    (tmp_path / "chain.yaml").write_text(
        "name: chain\ncomposing_flows:\n  - {name: one, flow: 'export_stages:Doubled'}\n"
        "  - name: two\n    flow: export_stages:Doubled\n"
        "    mapped_parameters: {x: {parent_flow_name: one, parent_task_name: y}}\n"
    )
    flow_class = compose("chain.yaml")
    module = load(to_prefect(flow_class), "script_of_chain", tmp_path)
    assert_same_graph(flow_class, module.flow)
    assert outcomes(module.flow, {"one-x": 1.5})["two.y"] == [("Success", 6.0)]


def test_a_flow_with_a_part_written_by_hand_is_refused_once(tmp_path: Path, monkeypatch: Any) -> None:
    flow_class = written(
        tmp_path,
        "export_by_hand",
        "from prefect import Flow, Parameter, task\nfrom lume_dsl import LumeFlow, from_prefect\n\n"
        "@task\ndef add(a, b):\n    return a + b\n\n"
        "with Flow('sum') as by_hand:\n    c = add(Parameter('a'), 1)\n\n"
        "class Outer(LumeFlow):\n    x: int = 1\n    part = from_prefect(by_hand)(a=x)\n",
        monkeypatch,
    )
    with pytest.raises(DefinitionError, match="is of a flow that is written by hand already") as caught:
        to_prefect(flow_class)
    assert len(caught.value.problems) == 1


def test_one_module_under_two_names_is_imported_under_both(tmp_path: Path, monkeypatch: Any) -> None:
    flow_class = written(
        tmp_path,
        "export_names",
        "import math\nimport math as m\nfrom prefect import task as by_hand\nfrom lume_dsl import LumeFlow, task\n\n"
        "@by_hand\ndef plain(x):\n    return m.floor(x)\n\n"
        "@task\ndef root(x: float) -> float:\n    return math.sqrt(x) + plain.run(x)\n\n"
        "class Root(LumeFlow):\n    x: float = 4.0\n    y = root(x)\n",
        monkeypatch,
    )
    module = load(to_prefect(flow_class), "script_of_names", tmp_path)
    assert_same_graph(flow_class, module.flow)
    assert outcomes(module.flow, {})["y"] == [("Success", 6.0)]
