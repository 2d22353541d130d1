"""The tasks of ``lume_dsl.tasks`` in flows written by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import prefect
import pytest
from prefect import Flow, Parameter, task
from prefect.storage import Module

import lume_dsl
from lume_dsl import DBResult, DefinitionError, FileError, LumeFlow, RecordError, load
from lume_dsl.files import JSONFile, TextFile
from lume_dsl.tasks import LoadDBResult, LoadFile, SaveDBResult, SaveFile, configure_services

TASKS = [configure_services, SaveFile, LoadFile, SaveDBResult, LoadDBResult]


@pytest.fixture
def reference_flow() -> tuple[Flow, prefect.Task]:
    """The reference example of the field, unchanged but for its imports."""

    @task
    def append_text(text1: str, text2: str) -> str:
        return text1 + text2

    save_file = SaveFile(name="save_text_file")

    with Flow("flow1", storage=Module(__name__)) as flow1:
        text1 = Parameter("text1")
        text2 = Parameter("text2")
        filename = Parameter("filename")
        filesystem_identifier = Parameter("filesystem_identifier")
        configure = configure_services()
        new_text = append_text(text1, text2)
        file = save_file(
            obj=new_text, file_type=TextFile, filename=filename, filesystem_identifier=filesystem_identifier
        )
        file.set_upstream(configure)
    return flow1, file


def test_the_reference_flow_saves_its_file(reference_flow: tuple[Flow, prefect.Task], tmp_path: Path) -> None:
    flow1, file = reference_flow
    path = tmp_path / "new" / "text.txt"
    state = flow1.run(text1="hey", text2=" you", filename=str(path), filesystem_identifier="local")
    assert state.is_successful()
    assert path.read_text() == "hey you"
    assert load(state.result[file].result).read() == "hey you"
    assert {each.name for each in flow1.tasks} == {
        "text1",
        "text2",
        "filename",
        "filesystem_identifier",
        "configure_services",
        "append_text",
        "save_text_file",
    }


@pytest.mark.parametrize("task_class", TASKS)
def test_each_is_a_prefect_task_that_accepts_every_task_argument(task_class: type[prefect.Task]) -> None:
    def handler(_task: Any, _old: Any, new: Any) -> Any:
        return new

    options: dict[str, Any] = {
        "name": "named",
        "slug": "slug",
        "tags": ["tag"],
        "max_retries": 2,
        "retry_delay": timedelta(seconds=1),
        "retry_on": ValueError,
        "timeout": 3,
        "trigger": prefect.triggers.all_finished,
        "skip_on_upstream_skip": False,
        "cache_for": timedelta(days=1),
        "cache_validator": prefect.engine.cache_validators.all_inputs,
        "cache_key": "key",
        "checkpoint": True,
        "state_handlers": [handler],
        "on_failure": handler,
        "log_stdout": True,
        "result": prefect.engine.results.LocalResult(),
        "target": "target",
        "task_run_name": "run",
        "nout": 1,
    }
    assert options.keys() == inspect.signature(prefect.Task.__init__).parameters.keys() - {"self"}
    made = task_class(**options)
    assert isinstance(made, prefect.Task)
    assert (made.name, made.tags, made.max_retries, made.timeout) == ("named", {"tag"}, 2, 3)
    assert (made.trigger, made.cache_key, made.nout) == (prefect.triggers.all_finished, "key", 1)


def run_alone(made: prefect.Task, **inputs: Any) -> Any:
    with Flow("alone") as flow:
        bound = made(**inputs)
    state = flow.run()
    result = state.result[bound].result
    if isinstance(result, Exception):
        raise result
    return result


def test_a_record_that_is_given_is_saved_as_it_is(tmp_path: Path) -> None:
    record = DBResult(flow_name="f", inputs={"a": 1}, outputs={"b": [1, {"c": 2.5}]})
    reference = run_alone(SaveDBResult(), result=record)
    assert set(reference) == {"project_name", "result_type_string", "query"}
    assert load(reference) == record


def test_a_record_is_made_of_named_outputs_and_the_flows_parameters() -> None:
    with Flow("made") as flow:
        x = Parameter("x", default=3)
        saved = SaveDBResult(result_name="kept", project_name="injector")(doubled=x, result=x)
    record = load(flow.run().result[saved].result)
    assert (record.flow_name, record.result_name, record.project_name) == ("made", "kept", "injector")
    assert record.inputs == {"x": 3}
    assert record.outputs == {"doubled": 3, "result": 3}


def test_files_load_back() -> None:
    reference = run_alone(
        SaveFile(), obj={"a": [1, None]}, file_type=JSONFile, filename="a.json", filesystem_identifier="local"
    )
    assert run_alone(LoadFile(), file_rep=reference) == {"a": [1, None]}


def test_parts_of_records_load_back() -> None:
    record = DBResult(flow_name="f", outputs={"fit": {"sizes": [1, 2, 3]}})
    reference = run_alone(SaveDBResult(), result=record)
    load_record = LoadDBResult()
    assert run_alone(load_record, result_rep=reference) == record
    assert run_alone(load_record, result_rep=reference, attribute_index=["outputs", "fit", "sizes", 1]) == 2
    with pytest.raises(RecordError, match=r"\['outputs'\] has no 'fits'"):
        run_alone(load_record, result_rep=reference, attribute_index=["outputs", "fits"])


@pytest.mark.parametrize("nonsense", [{}, {"filename": "a"}, "text", None, {"file_type_string": "os:system"}])
def test_nonsense_is_no_reference(nonsense: Any) -> None:
    with pytest.raises((FileError, RecordError)):
        run_alone(LoadFile(), file_rep=nonsense)


def test_a_compiled_flow_hands_its_results_to_a_flow_by_hand(lab: ModuleType) -> None:
    compiled = lab.Greeting.flow
    states = compiled.run(text1="hey").result
    references = {name: states[compiled.members[name]].result for name in ("text_file", "record")}
    assert run_alone(LoadFile(), file_rep=references["text_file"]) == "hey you"
    assert run_alone(LoadDBResult(), result_rep=references["record"], attribute_index=["outputs", "text"]) == "hey you"


@lume_dsl.task
def double(x: float) -> float:
    return 2 * x


class Doubled(LumeFlow):
    x: float = 1.0
    y = double(x)


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (lambda: double(1.0), "a flow of Prefect's takes prefect.task, and ours are written class A(LumeFlow): ..."),
        (lambda: Doubled(x=2.0), "or take Doubled.flow, the prefect.Flow that it is"),
    ],
)
def test_what_belongs_in_a_flow_class_is_told_so_in_a_flow_written_by_hand(call: Callable[[], Any], fix: str) -> None:
    with Flow("f"), pytest.raises(DefinitionError) as caught:
        call()
    assert caught.value.problems[0].fix.endswith(fix)
    assert Doubled(x=2.0).run().y == 4.0
