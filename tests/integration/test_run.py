"""Running a flow from Python: values, results, failures, and executors."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import prefect
import pytest
from prefect.executors import DaskExecutor, Executor, LocalDaskExecutor, LocalExecutor
from prefect.utilities.edges import mapped

from lume_dsl import (
    CSVFile,
    DBResult,
    DefinitionError,
    FileError,
    FlowRunError,
    ImageFile,
    LumeFlow,
    ParameterError,
    ServiceError,
    TextFile,
    db_result,
    file_result,
    flatten,
    from_prefect,
    load,
    parameter,
    result,
    results,
    secrets,
    step,
    task,
    unmapped,
)
from lume_dsl.errors import ExecutorError, NotRunError, SettingsError
from lume_dsl.tasks import LoadFile


def test_a_run_gives_a_new_instance_that_holds_values(lab: ModuleType, tmp_path: Path) -> None:
    greeting = lab.Greeting(text1="hey")
    done = greeting.run()
    assert done is not greeting
    assert (done.text1, done.text2, done.text) == ("hey", " you", "hey you")
    assert isinstance(done.text_file, TextFile)
    assert done.text_file.read() == "hey you"
    assert (tmp_path / "greeting.txt").read_text() == "hey you"
    assert isinstance(done.record, DBResult)
    assert done.record.outputs == {"text": "hey you"}
    assert list(done.record.inputs.items()) == [("text1", "hey"), ("text2", " you"), ("filename", "greeting.txt")]
    with pytest.raises(NotRunError):
        _ = greeting.text


def test_steps_maps_operators_files_and_records_together(lab: ModuleType) -> None:
    done = lab.Steps(by=3, pair=(2, "two")).run()
    assert done.scaled == [3.0, 6.0, 9.0]
    assert done.shifted == [6.0, 9.0, 12.0]
    assert (done.total, done.kept, done.difference) == (27.5, 27.5, 24.5)
    assert done.both == [27.5, 24.5]
    assert done.pair_seen == (2, "two")
    assert done.summary.read() == {"total": 27.5, "scaled": [3.0, 6.0, 9.0]}
    assert done.record.outputs["summary"].read() == done.summary.read()
    assert (done.record.project_name, done.record.flow_name) == ("injector", "steps-and-maps")


def test_two_records_of_one_flow_do_not_shadow_one_another(lab: ModuleType) -> None:
    done = lab.Steps().run()
    assert (done.record.result_name, done.second.result_name) == ("record", "second")
    assert set(done.second.outputs) == {"total"}
    assert len(lab.Steps.results()) == 2


def test_the_run_is_told_in_flow_run(lab: ModuleType) -> None:
    before = datetime.now(timezone.utc)
    run = lab.Greeting(text1="hey").run().flow_run
    assert before <= run.start_time <= run.end_time <= datetime.now(timezone.utc)
    assert run.flow_name == "Greeting"
    assert run.state.is_successful()
    assert list(run.tasks) == ["text1", "text2", "filename", "text", "text_file", "record"]
    assert all(state.is_successful() for state in run.tasks.values())


def test_the_record_names_the_flow_run(lab: ModuleType) -> None:
    done = lab.Greeting(text1="hey").run()
    assert done.record.flow_run_id == done.flow_run.id


def test_the_same_run_twice_stores_one_record_and_says_so(lab: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    first = lab.Greeting(text1="hey").run()
    assert "stored already" not in caplog.text
    second = lab.Greeting(text1="hey").run()
    assert "stored already" in caplog.text
    assert len(lab.Greeting.results()) == 1
    assert second.record == first.record


def test_records_are_found_by_their_inputs(lab: ModuleType) -> None:
    for text in ("hey", "you"):
        lab.Greeting(text1=text, filename=f"{text}.txt").run()
    assert lab.Greeting.results(text1="hey").one().outputs == {"text": "hey you"}
    assert [record.inputs["text1"] for record in lab.Greeting.results()] == ["you", "hey"]
    assert results(lab.Greeting, text1="you").latest().outputs == {"text": "you you"}
    assert list(lab.Greeting.results(text1="nobody")) == []


def test_references_load_back_in_any_process(lab: ModuleType) -> None:
    done = lab.Greeting(text1="hey").run()
    references = json.loads(json.dumps([done.text_file.reference(), done.record.reference()]))
    file, record = map(load, references)
    assert file.read() == "hey you"
    assert record == done.record


def test_a_run_survives_pickling(lab: ModuleType) -> None:
    done = pickle.loads(pickle.dumps(lab.Steps().run()))
    assert done.total == 12.5 + 6.0
    assert done.record.outputs["total"] == done.total


def test_parameters_may_have_any_name(lab: ModuleType) -> None:
    assert lab.AnyName(state=20).run().total == 1 + 20 + 3 + 4 + 5 + 6 + 7 + 8
    assert lab.AnyName.flow.run(parameters={"executor": 50}).result


def test_values_of_parameters_reach_steps_as_their_types_hold_them(lab: ModuleType) -> None:
    assert lab.Steps(pair=[2, "two"]).run().pair_seen == (2, "two")  # a JSON array is a tuple
    state = lab.Steps.flow.run(pair=[3, "three"])
    assert state.result[lab.Steps.flow.members["pair_seen"]].result == (3, "three")


def test_none_and_empty_values_are_values() -> None:
    @task
    def nothing() -> None:
        return None

    @task
    def empty() -> str:
        return ""

    class Empty(LumeFlow):
        none = nothing()
        text = empty()
        kept: None = result(none)
        file: TextFile = file_result(text, filename="empty.txt")
        record: DBResult = db_result(none=none, text=text)

    done = Empty().run()
    assert (done.none, done.kept, done.file.read()) == (None, None, "")
    assert done.record.outputs == {"none": None, "text": ""}


def test_a_task_that_takes_a_file_or_record_result_gets_the_file_or_record(lab: ModuleType) -> None:
    @task
    def read(file: TextFile, record: DBResult) -> str:
        assert isinstance(file, TextFile)
        assert isinstance(record, DBResult)
        return file.read() + record.outputs["text"]

    class Chained(LumeFlow):
        text: str = "a"
        file: TextFile = file_result(text, filename="a.txt")
        record: DBResult = db_result(text=text)
        both = read(file, record)

        @step
        def stepped(self, file: TextFile, record: DBResult) -> str:
            return file.read() + record.outputs["text"]

    done = Chained().run()
    assert done.both == done.stepped == "aa"


# failures


def test_a_failure_names_the_tasks_and_has_the_first_original_exception_as_its_cause(lab: ModuleType) -> None:
    with pytest.raises(FlowRunError) as caught:
        lab.Failing().run()
    error = caught.value
    assert [failure.name for failure in error.failed] == ["bad"]
    assert isinstance(error.__cause__, ValueError)
    assert str(error) == "Failing: 1 task failed\n    bad: ValueError: no beam today\n    not run: after, kept"
    assert "raise ValueError" in "".join(traceback.format_exception(error))


def test_a_failure_survives_pickling(lab: ModuleType) -> None:
    with pytest.raises(FlowRunError) as caught:
        lab.Failing().run()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_map_of_which_no_item_has_run_is_told_as_such() -> None:
    @task
    def fails(x: int) -> int:
        raise ValueError("no")

    class Pairs(LumeFlow):
        xs: list[int] = parameter(default=[1, 2])
        first = fails.map(xs)
        second = fails.map(first)
        third = fails.map(second)

    with pytest.raises(FlowRunError) as caught:
        Pairs().run()
    assert caught.value.not_run == ("second", "third")


def test_a_map_over_what_failed_has_not_run() -> None:
    @task
    def images() -> list[int]:
        raise OSError("no camera")

    @task
    def peak(image: int) -> int:
        return image

    class Peaks(LumeFlow):
        taken = images()
        peaks = peak.map(taken)
        doubled = peak.map(peaks)
        last = peak.map(flatten([doubled]))

    with pytest.raises(FlowRunError) as caught:
        Peaks().run()
    assert str(caught.value).splitlines()[1:] == [
        "    taken: OSError: no camera",
        "    not run: peaks, doubled, List, flatten, last",
    ]


def test_a_failure_in_a_map_names_its_index() -> None:
    @task
    def positive(x: int) -> int:
        if x < 0:
            raise ValueError(x)
        return x

    @task
    def added(x: int, y: int, z: int) -> int:
        return positive.run(x + y + z)

    class Mapped(LumeFlow):
        ys: list[int] = parameter(default=[1, -2])
        many = positive.map([1, -1, 2, -2])
        sums = added.map(positive.map([0, 1]), ys, unmapped(0))

    with pytest.raises(FlowRunError) as caught:
        Mapped().run()
    failed = {failure.name: failure for failure in caught.value.failed}
    assert list(failed) == ["many[1]", "many[3]", "sums[1]"]
    assert [failure.given for failure in failed.values()] == ["x=-1", "x=-2", "x=1, y=-2"]
    assert "\n    sums[1] (x=1, y=-2): ValueError: -1" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("executor", [None, LocalDaskExecutor(scheduler="threads")], ids=repr)
def test_a_map_of_lists_is_flattened_and_mapped_again(executor: Any) -> None:
    @task
    def repeated(x: int) -> list[int]:
        return [x] * x

    @task
    def doubled(x: int) -> int:
        return 2 * x

    class Flattening(LumeFlow):
        xs: list[int] = parameter(default=[1, 2, 0, 3])
        many = doubled.map(flatten(repeated.map(xs)))

    assert Flattening().run(executor=executor).many == [2, 4, 4, 6, 6, 6]
    assert Flattening(xs=[]).run(executor=executor).many == []
    assert Flattening(xs=[0]).run(executor=executor).many == []


def test_a_signal_is_a_failure_too() -> None:
    @task
    def gives_up() -> int:
        raise prefect.engine.signals.FAIL("no beam")

    class Signals(LumeFlow):
        value = gives_up()

    with pytest.raises(FlowRunError, match="value: FAIL: no beam"):
        Signals().run()


def test_a_state_handler_that_fails_the_run_is_told() -> None:
    def refuse(_flow: Any, state: Any, _states: Any) -> Any:
        return prefect.engine.state.Failed("refused by the operator")

    @task
    def work() -> int:
        return 1

    from lume_dsl import flow

    @flow(terminal_state_handler=refuse)
    class Refused(LumeFlow):
        value = work()

    with pytest.raises(FlowRunError, match="refused by the operator"):
        Refused().run()


def test_a_task_that_failed_in_a_successful_run_has_no_value() -> None:
    @task
    def fails() -> int:
        raise ValueError

    @task(trigger=prefect.triggers.any_failed)
    def cleans_up(value: int) -> str:
        return "clean"

    class Cleaned(LumeFlow):
        broken = fails()
        cleaned = cleans_up(broken)

    done = Cleaned().run()
    assert done.cleaned == "clean"
    with pytest.raises(NotRunError, match="broken has no value: broken failed in this run"):
        _ = done.broken


def test_retries_work(lab: ModuleType, tmp_path: Path) -> None:
    assert lab.Retried(path=str(tmp_path / "calls")).run().calls == 3


def test_a_step_that_reads_a_task_attribute_is_told_to_take_it_as_an_argument() -> None:
    @task
    def one() -> int:
        return 1

    class Reads(LumeFlow):
        value = one()

        @step
        def doubled(self) -> int:
            return 2 * self.value

    with pytest.raises(FlowRunError, match="take it as an argument of the step, named value"):
        Reads().run()


def test_parameters_are_checked_before_any_task_starts_however_the_flow_is_started(
    lab: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError) as caught:
        lab.MarkedThenSaved.flow.run(marker=5, other=1)
    assert [problem.subject for problem in caught.value.problems] == ["MarkedThenSaved.marker", "MarkedThenSaved.other"]
    with pytest.raises(ParameterError, match=r"MarkedThenSaved\.marker: is required"):
        lab.MarkedThenSaved.flow.run()


def test_values_of_a_server_are_checked_before_any_task(lab: ModuleType) -> None:
    runner = prefect.engine.FlowRunner(lab.Greeting.flow)  # what an agent's process does: no Flow.run
    state = runner.run(parameters={"text1": 5}, return_tasks=lab.Greeting.flow.tasks)
    assert state.is_failed()
    assert isinstance(state.result, ParameterError)
    assert "Greeting.text1: expected str, got 5" in str(state.result)


def test_a_parameter_task_checks_its_value_by_itself(lab: ModuleType) -> None:
    task = lab.Greeting.flow.members["text1"]
    with prefect.context(parameters={"text1": 5}), pytest.raises(ParameterError, match="expected str, got 5"):
        task.run()


def test_values_of_every_kind_arrive_as_their_types_hold_them(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TOKEN", "s3cret")
    given = {"mode": "slow", "day": "2026-11-24", "magnets": [{"name": "QUAD:1", "current": 2}], "path": "a.txt"}
    here = lab.Typed(**given).run()
    assert here.seen == {
        "mode": lab.Mode.SLOW,
        "day": date(2026, 11, 24),
        "magnets": [lab.Magnet("QUAD:1", 2.0)],
        "path": Path("a.txt"),
        "token": "s3cret",
        "stamp": here.stamp,
    }
    assert here.in_step == here.stamp
    assert here.record.inputs["token"] == "***"
    assert here.record.inputs["magnets"] == [lab.Magnet("QUAD:1", 2.0)]
    assert here.record.inputs["day"] == date(2026, 11, 24)
    assert lab.Typed.results(mode=lab.Mode.SLOW, day=date(2026, 11, 24)).count() == 1
    assert "s3cret" not in repr(here)


def test_a_server_leaves_a_factory_and_a_variable_to_the_process_that_runs_the_flow(
    lab: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_TOKEN", "s3cret")
    flow = lab.Typed.flow
    assert {parameter.name for parameter in flow.parameters() if parameter.required} == {"mode"}
    state = prefect.engine.FlowRunner(flow).run(parameters={"mode": "slow"}, return_tasks=flow.tasks)
    assert state.is_successful(), state.message
    found = {name: state.result[flow.members[name]].result for name in ("stamp", "in_step", "seen")}
    assert found["seen"]["token"] == "s3cret"
    assert found["seen"]["stamp"] == found["stamp"] == found["in_step"]
    monkeypatch.delenv("LAB_TOKEN")
    state = prefect.engine.FlowRunner(flow).run(parameters={"mode": "slow"}, return_tasks=flow.tasks)
    assert "Typed.token: is required (str)" in str(state.result)


def test_the_record_and_the_file_of_one_flow_are_parameters_of_the_next(lab: ModuleType) -> None:
    first = lab.Greeting(text1="hey").run()
    for record, file in (
        (first.record, first.text_file),
        (first.record.reference(), first.text_file.reference()),
    ):
        assert lab.Next(record=record, file=file).run().both == "hey youhey you"
    missing = {**first.record.reference(), "query": {"unique_hash": "0" * 64}}
    with pytest.raises(ParameterError, match=r"Next\.record: no record with"):
        lab.Next(record=missing, file=first.text_file)


# services


def test_a_dead_mongod_fails_within_five_seconds_before_any_task(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", f"mongodb://user:s3cret@127.0.0.1:{unused_port}/lume")
    marker = tmp_path / "marker"
    start = datetime.now(timezone.utc)
    with pytest.raises(ServiceError) as caught:
        lab.MarkedThenSaved(marker=str(marker)).run()
    assert (datetime.now(timezone.utc) - start).total_seconds() < 5
    assert not marker.exists()
    assert "LUME_RESULTS_DB__URL" in str(caught.value)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_wrong_settings_fail_before_any_task(lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", "oracle://somewhere")
    with pytest.raises(SettingsError, match="LUME_RESULTS_DB__URL"):
        lab.MarkedThenSaved(marker=str(tmp_path / "marker")).run()
    assert not (tmp_path / "marker").exists()


def test_an_unknown_filesystem_fails_before_any_task(lab: ModuleType, tmp_path: Path) -> None:
    class Nowhere(LumeFlow):
        where: str = "lokal"
        calls = lab.count_up(str(tmp_path / "marker"))
        constant: TextFile = file_result("a", filename="a.txt", filesystem="lokal")

    class Given(LumeFlow):
        where: str = "lokal"
        calls = lab.count_up(str(tmp_path / "marker"))
        file: TextFile = file_result("a", filename="b.txt", filesystem=where)

    for flow_class in (Nowhere, Given):
        with pytest.raises(ServiceError, match="no filesystem 'lokal'; known: local, memory; did you mean 'local'"):
            flow_class().run()
    assert not (tmp_path / "marker").exists()


def test_an_unwritable_folder_is_told_before_any_task(lab: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    class Unwritable(LumeFlow):
        folder: str = parameter()
        calls = lab.count_up(str(tmp_path / "marker"))
        first: TextFile = file_result("a", filename=tmp_path / "file" / "a.txt")
        second: TextFile = file_result("a", filename=folder)

    with pytest.raises(FileError) as caught:
        Unwritable(folder=str(tmp_path)).run()
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"first: {tmp_path}/file/a.txt: {tmp_path}/file is not a folder")
    assert second == f"second: {tmp_path}: is a folder; choose another filename"
    assert not (tmp_path / "marker").exists()
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_library_or_a_format_that_is_not_there_is_told_before_any_task(
    lab: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Image(LumeFlow):
        filename: str = parameter()
        image: ImageFile = file_result("x", filename=filename)

    class Images(LumeFlow):
        names: list[str] = parameter()
        calls = lab.count_up(str(tmp_path / "marker"))
        table: CSVFile = file_result(calls, filename="a.csv")
        images = Image.map(filename=names)

    with pytest.raises(FileError) as wrong:
        Images(names=["a.png", "b.img"]).run()
    assert str(wrong.value) == (
        "images.image[1]: b.img: ImageFile cannot store this: no image format has the suffix '.img'; end the filename "
        "in .png, .tif or .jpg"
    )
    for library in ("pandas", "PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ServiceError) as missing:
        Images(names=["a.png"]).run()
    assert str(missing.value) == (
        "table: pandas is not installed; pip install 'lume-dsl[csv]'\n"
        "images.image: Pillow is not installed; pip install 'lume-dsl[image]'"
    )
    assert not (tmp_path / "marker").exists()


def test_another_text_does_not_replace_the_file_of_an_earlier_run(lab: ModuleType, tmp_path: Path) -> None:
    lab.Greeting(text1="hey").run()
    with pytest.raises(FlowRunError, match="overwrite=True"):
        lab.Greeting(text1="you").run()
    assert (tmp_path / "greeting.txt").read_text() == "hey you"


def test_records_go_to_mongodb_when_the_settings_say_so(
    lab: ModuleType, monkeypatch: pytest.MonkeyPatch, mongodb_url: str
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", mongodb_url)
    first, second = (lab.Steps().run() for _ in range(2))
    assert first.record == second.record
    assert first.record.outputs["total"] == first.total
    assert len(lab.Steps.results()) == 2


# executors


@pytest.fixture(params=["local", "threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "dask":
        return DaskExecutor(address=request.getfixturevalue("dask_cluster"))
    if request.param == "local":
        return LocalExecutor()
    return LocalDaskExecutor(scheduler=request.param, num_workers=2)


def test_a_flow_gives_the_same_on_every_executor(lab: ModuleType, executor: Executor) -> None:
    done = lab.Steps().run(executor=executor)
    assert done.scaled == [2.0, 4.0, 6.0]
    assert done.total == 18.5
    assert done.summary.read() == {"total": 18.5, "scaled": [2.0, 4.0, 6.0]}
    assert done.record.outputs["total"] == 18.5
    in_this_process = isinstance(executor, LocalExecutor) or getattr(executor, "scheduler", "") == "threads"
    assert (set(done.workers) == {os.getpid()}) == in_this_process


def test_a_failure_on_a_worker_has_its_original_exception(lab: ModuleType, executor: Executor) -> None:
    with pytest.raises(FlowRunError) as caught:
        lab.Failing().run(executor=executor)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_step_that_has_references_as_defaults_runs_on_workers(executor: Executor) -> None:
    class Summed(LumeFlow):
        numbers: list[int] = parameter(default=[1, 2])

        @step.map(number=numbers)
        def squares(self, number: int) -> int:
            return number**2

        @step
        def total(self, values: list[int] = squares, *, ends: list[int] = [squares[0], squares[1]]) -> int:  # noqa: B006  # references
            return sum(values) + sum(ends)

    class Doubled(Summed):
        @step
        def total(self, values: list[int] = Summed.squares) -> int:
            return 2 * super().total(values, ends=[0])  # type: ignore[operator]  # to a checker it is its value

    assert Summed().run(executor=executor).total == 10
    assert Doubled().run(executor=executor).total == 10


def test_a_flow_of_a_local_class_runs_on_workers(executor: Executor) -> None:
    @task
    def one() -> int:
        return 1

    class Local(LumeFlow):
        gain: int = 3
        value = one()

        @step
        def gained(self, value: int) -> int:
            return self.helper(value)

        def helper(self, value: int) -> int:
            return value * self.gain

    assert Local().run(executor=executor).gained == 3


# what the first reviewers found


@pytest.mark.parametrize("kind", ["case", "resource"])
def test_a_branch_of_prefects_in_a_body_is_refused_and_not_left_out(lab: ModuleType, kind: str) -> None:
    block = prefect.case(prefect.Parameter("x"), True) if kind == "case" else None
    with pytest.raises(DefinitionError, match="branch"):

        class Branch(LumeFlow):
            x: bool = True
            with block or prefect.context(resource=object()):
                y = lab.append_text("a", "b")

    class Right(LumeFlow):
        y = lab.append_text("a", "b")


def test_a_prefect_task_called_in_a_body_is_told_to_be_wrapped() -> None:
    namespace: dict[str, Any] = {"LumeFlow": LumeFlow, "task": task, "plain": prefect.task(lambda x: x, name="plain")}
    with pytest.raises(DefinitionError, match=r"write task\(plain\)\(...\)"):
        exec("class Migrating(LumeFlow):\n    y = plain(1)", namespace)
    exec("class Migrated(LumeFlow):\n    y = task(plain)(1)", namespace)
    assert namespace["Migrated"]().run().y == 1


@pytest.mark.parametrize(
    ("argument", "message", "fix"),
    [
        (prefect.unmapped(2), "'y' is Prefect's unmapped(...), which knows", "from lume_dsl import unmapped"),
        (prefect.flatten([[2]]), "'y' is Prefect's flatten(...), which knows", "from lume_dsl import flatten"),
        (mapped([2]), "'y' is Prefect's mapped(...), which knows", "write .map(...) behind the task"),
        (prefect.Parameter("n"), "'y' is a prefect.Task, which knows", "write n: <its type> = parameter()"),
        (prefect.Task(), "'y' is a prefect.Task, which knows", "write task(...)(...) of it"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_is_prefect_s_own_in_a_body_is_told_what_to_write(argument: Any, message: str, fix: str) -> None:
    @task
    def add(x: int, y: int) -> int:
        return x + y

    with pytest.raises(DefinitionError) as caught:

        class Sums(LumeFlow):
            sums = add.map([1], argument)

    (problem,) = caught.value.problems
    assert (problem.kind, problem.subject, problem.fix) == ("prefect-task", "Sums: add", fix)
    assert problem.message.startswith(message)


def test_a_step_with_a_timeout_runs_in_threads() -> None:
    class Timed(LumeFlow):
        gain: int = 2

        @step(timeout=60)
        def total(self) -> int:
            return self.gain

    assert Timed().run(executor=LocalDaskExecutor(scheduler="threads", num_workers=2)).total == 2


def test_outputs_may_have_any_name() -> None:
    @task
    def nothing() -> None:
        return None

    class AnyOutput(LumeFlow):
        none = nothing()
        record: DBResult = db_result(result=none, self=none, other=1)

    assert AnyOutput().run().record.outputs == {"result": None, "self": None, "other": 1}


def test_the_tasks_that_use_services_are_known_as_such_in_a_body() -> None:
    load_file = task(LoadFile())

    class Loads(LumeFlow):
        text: str = "a"
        file: TextFile = file_result(text, filename="a.txt")
        again = load_file(file)

    assert {edge.downstream_task.name for edge in Loads.flow.edges if edge.upstream_task is Loads.flow.configure} == {
        "file",
        "again",
    }
    assert Loads().run().again == "a"


def test_running_a_flow_does_nothing_while_prefect_loads_its_module(lab: ModuleType, tmp_path: Path) -> None:
    with prefect.context(loading_flow=True), pytest.warns(UserWarning, match="while Prefect loads"):
        lab.Greeting(text1="hey").run()
    assert not (tmp_path / "greeting.txt").exists()


def test_a_run_that_an_agent_starts_carries_its_settings_to_workers(lab: ModuleType, dask_cluster: str) -> None:
    compiled = lab.Greeting.flow
    runner = prefect.engine.FlowRunner(compiled)
    state = runner.run(
        parameters={"text1": "hey"}, return_tasks=compiled.tasks, executor=DaskExecutor(address=dask_cluster)
    )
    assert state.is_successful()
    assert len(lab.Greeting.results(text1="hey")) == 1  # in this process's store, not in the workers'


def test_a_map_with_failures_has_no_value(lab: ModuleType) -> None:
    @task
    def positive(x: int) -> int:
        if x < 0:
            raise ValueError(x)
        return x

    @task(trigger=prefect.triggers.all_finished)
    def after(xs: list[int]) -> str:
        return "done"

    class Mapped(LumeFlow):
        many = positive.map([1, -1])
        ended = after(many)

    done = Mapped().run()
    assert done.ended == "done"
    with pytest.raises(NotRunError, match=r"many\[1\] failed"):
        _ = done.many


def test_results_are_asked_for_with_names_and_values_that_runs_can_have(lab: ModuleType) -> None:
    with pytest.raises(ParameterError) as caught:
        lab.Greeting.results(txet1="hey", text2=5)
    assert [problem.subject for problem in caught.value.problems] == ["Greeting.text2", "Greeting.txet1"]


def test_records_are_not_looked_for_by_a_secret() -> None:
    class Secretive(LumeFlow):
        token: str = parameter(secret=True)
        shots: int = 1

        record: DBResult = db_result(shots=shots)

    Secretive(token="aaaa").run()
    with pytest.raises(ParameterError, match=r"Secretive\.token: is secret: records do not hold it"):
        Secretive.results(token="never")
    assert Secretive.results(shots=1).count() == 1


def test_a_run_does_none_of_the_checks_of_the_definition(lab: ModuleType) -> None:
    instance = lab.Greeting(text1="hey")
    called = set()

    def note(frame: FrameType, _event: str, _argument: Any) -> None:
        called.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        instance.run()
    finally:
        sys.setprofile(None)
    ours = {Path(name).stem for name in called if f"{os.sep}lume_dsl{os.sep}" in name}
    assert "flow" in ours
    definition = {
        "assignable",
        "build",
        "checks",
        "jsontypes",
        "operations",
        "outcomes",
        "overlap",
        "parameter_checks",
        "parts",
    }
    assert ours & definition == set()


def test_threads_that_ask_for_the_flow_get_one_and_run_it_at_once() -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    class Shared(LumeFlow):
        x: int = 1
        doubled = double(x)

    with ThreadPoolExecutor(4) as pool:
        assert len({id(flow) for flow in pool.map(lambda _: Shared.flow, range(8))}) == 1
        Shared().run()  # loads what Prefect loads late, in which CPython 3.11 trips when threads do it at once
        assert list(pool.map(lambda x: Shared(x=x).run().doubled, range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_a_run_equals_its_pickled_self(lab: ModuleType) -> None:
    done = lab.NoServices().run()
    assert pickle.loads(pickle.dumps(done)) == done
    assert lab.NoServices().run() != done
    assert lab.NoServices() != done


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def upto(n: int) -> list[int]:
    return list(range(n))


def test_a_map_over_lists_of_unequal_length_is_no_success() -> None:
    class Known(LumeFlow):
        xs: list[int] = parameter(default=[1, 2, 3])
        sums = add.map(xs, [1, 2])

    summed = []

    @task
    def total(sums: list[int]) -> int:
        summed.append(sums)
        return sum(sums)

    class Computed(LumeFlow):
        xs = upto(3)
        sums = add.map(xs, [1, 2])
        of_sums = total(sums)

    with pytest.raises(ParameterError, match="sums maps over lists of unequal length: 3 items of xs, 2 items of y"):
        Known().run()
    with pytest.raises(FlowRunError, match="sums maps over lists of unequal length: 3 items of xs, 2 items of y") as no:
        Computed().run()
    assert [failure.name for failure in no.value.failed] == ["sums"]
    assert no.value.not_run == ("of_sums",)
    assert summed == []
    (run,) = Computed.runs()
    assert (run.state, [error["task"] for error in run.errors]) == ("Failed", ["sums"])


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
def test_a_map_takes_what_was_flattened_and_what_was_mapped_by_their_own_lengths(executor: str) -> None:
    class Ragged(LumeFlow):
        ys: list[int] = parameter()
        lists = upto.map([1, 2])
        flat = flatten(lists)
        sums = add.map(flat, ys)
        again = add.map(sums, flat)

    assert Ragged(ys=[1, 2, 3]).run(executor=executor).again == [1, 2, 5]
    with pytest.raises(FlowRunError, match="sums maps over lists of unequal length: 3 items of flat, 2 items of ys"):
        Ragged(ys=[1, 2]).run(executor=executor)


def test_a_flow_written_by_hand_flattens_before_lengths_are_compared() -> None:
    @prefect.task
    def add(x: int, y: int) -> int:
        return x + y

    with prefect.Flow("by hand") as flow:
        ys = prefect.Parameter("ys")
        sums = add.map(prefect.flatten(prefect.Parameter("lists", default=[[1, 2], [3]])), ys)
        lists = add.copy(name="lists").map([[1], [2, 3]], prefect.unmapped([9]))
        last = add.copy(name="last").map(prefect.flatten(lists), prefect.flatten([[1], [2, 3, 4]]))
    state: Any = flow.run(ys=[1, 2, 3])
    done = from_prefect(flow)(ys=[1, 2, 3]).run()
    assert done.add == state.result[sums].result == [2, 4, 6]
    assert done.last == state.result[last].result == [2, 11, 5, 7]


def test_an_executor_that_is_none_is_told_before_any_task(lab: ModuleType) -> None:
    for wrong in ("thread", LocalDaskExecutor):
        with pytest.raises(ExecutorError, match="is no executor"):
            lab.NoServices().run(executor=wrong)


def test_a_task_that_leaves_by_sys_exit_has_failed() -> None:
    @task
    def leaves() -> int:
        raise SystemExit(0)

    class Leaving(LumeFlow):
        value = leaves()

    with pytest.raises(FlowRunError) as caught:
        Leaving().run()
    assert [failure.name for failure in caught.value.failed] == ["value"]


def test_a_reader_of_a_result_that_failed_gets_what_prefect_gives_it() -> None:
    @task(trigger=prefect.triggers.any_failed)
    def cleans_up(file: TextFile) -> str:
        return type(file).__name__

    class Cleaned(LumeFlow):
        taken: TextFile = file_result("new", filename="taken.txt")
        cleaned = cleans_up(taken)

    Path("taken.txt").write_text("old")
    done = Cleaned().run()
    assert done.cleaned == "OccupiedError"


def test_a_value_of_a_skipped_task_is_none() -> None:
    @task
    def skips() -> int:
        raise prefect.engine.signals.SKIP("no beam")

    class Skipping(LumeFlow):
        value = skips()
        file: TextFile = file_result("a", filename="a.txt")
        record: DBResult = db_result(value=value)

    done = Skipping().run()
    assert (done.value, done.record) == (None, None)
    assert done.file.read() == "a"


def test_a_failure_whose_exception_does_not_pickle_survives_as_text() -> None:
    class Awkward(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} and {b}")

    @task
    def fails() -> int:
        raise Awkward(1, 2)

    class Awkwardly(LumeFlow):
        value = fails()

    with pytest.raises(FlowRunError) as caught:
        Awkwardly().run()
    assert isinstance(caught.value.__cause__, Awkward)
    (failure,) = pickle.loads(pickle.dumps(caught.value.failed))
    assert str(failure) == "value: RuntimeError: Awkward: 1 and 2"


@pytest.mark.parametrize("executor", [None, LocalDaskExecutor(scheduler="processes", num_workers=2)], ids=repr)
def test_a_failure_that_tells_a_secret_is_told_without_it(
    lab: ModuleType, executor: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_seen", set())  # those of other tests may be words
    monkeypatch.setenv("LAB_TOKEN", "s3cret-token")
    with pytest.raises(FlowRunError) as caught:
        lab.LoggingIn().run(executor=executor)
    told = "".join(traceback.format_exception(caught.value))
    assert "RefusedLogin: no user has ***" in told
    assert "s3cret" not in told
    assert isinstance(caught.value.__cause__, ConnectionError)
    state = lab.LoggingIn.flow.run(executor=executor)
    assert state.result[lab.LoggingIn.flow.get_tasks("session")[0]].message.endswith("RefusedLogin()")
    assert "s3cret" not in "".join(capfd.readouterr())


SENDING = """
import sys
from prefect.executors import DaskExecutor, LocalDaskExecutor
from lab import Sending

if __name__ == "__main__":
    if sys.argv[1] == "dask":
        executor = DaskExecutor(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"})
    else:
        executor = LocalDaskExecutor(scheduler="processes", num_workers=2)
    Sending().run(executor=executor)
"""


@pytest.mark.parametrize("kind", ["dask", "processes"])
def test_plain_tasks_on_workers_log_no_secret(kind: str, tmp_path: Path) -> None:
    (tmp_path / "sending.py").write_text(SENDING)
    environment = {
        **os.environ,
        "LAB_TOKEN": "s3cret-token",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1] / "flows"), *sys.path]),
        "PREFECT__LOGGING__LEVEL": "DEBUG",
    }
    command = [sys.executable, "sending.py", kind]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    said = done.stdout + done.stderr
    workers = set(re.findall(r"worker (\d+) uses \*\*\*", said))
    assert "sending {'Authorization': 'Bearer ***', 'number': '1'}" in said
    assert "sent {'Authorization': 'Bearer ***', 'number': '1'}" in said
    assert "the server refused {'Authorization': 'Bearer ***', 'number': '2'}" in said
    assert "s3cret" not in said
    assert len(workers) == 2
