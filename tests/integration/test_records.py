"""Records of runs hold exactly what the run was given and gave, and say where they come from."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import numpy as np
import prefect
import pytest
from prefect.executors import DaskExecutor, Executor, LocalDaskExecutor, LocalExecutor

import lume_dsl
from lume_dsl import (
    DBResult,
    FlowRunError,
    LumeFlow,
    ParameterError,
    RecordError,
    TextFile,
    at,
    db_result,
    file_result,
    parameter,
    task,
)
from lume_dsl.records.provenance import Provenance
from lume_dsl.services import current, load
from lume_dsl.tasks import SaveDBResult

DAY = datetime(2026, 11, 24, 9, tzinfo=timezone.utc)


class Plane(Enum):
    X = "x"
    Y = "y"


@attrs.frozen
class Magnet:
    name: str
    strength: float


class ImpactResult(DBResult):
    """As the issue's example, but for a file that needs no library."""

    unique_on = ("flow_name", "inputs", "pv_time")

    archive: TextFile
    pv_time: datetime
    image: np.ndarray[Any, Any] | None = None


@task
def measured(pair: tuple[int, float], when: datetime) -> datetime:
    return when + timedelta(seconds=pair[0])


@task
def picture(number: int) -> np.ndarray[Any, Any]:
    return np.arange(20_000.0).reshape(100, 200) * number


class Impact(LumeFlow):
    """A flow with parameters whose JSON form is not what they are."""

    pair: tuple[int, float] = (1, 2.5)
    when: datetime = DAY
    magnets: list[Magnet] = parameter(default=[Magnet("Q1", 1.5)])
    plane: Plane = Plane.X
    path: Path = Path("data/a.txt")
    note: str = "n"
    token: str | None = parameter(default=None, env="LAB_TOKEN", secret=True)
    marker: str = "marker"

    pv_time = measured(pair, when)
    image = picture(2)
    archive: TextFile = file_result("text", filename="archive.txt")
    record: ImpactResult = db_result(archive=archive, pv_time=pv_time, image=image, note=note, plane=plane)


EXACT = {
    "pair": (1, 2.5),
    "when": DAY,
    "magnets": [Magnet("Q1", 1.5)],
    "plane": Plane.X,
    "path": Path("data/a.txt"),
    "note": "n",
    "token": "***",
    "marker": "marker",
}


def test_inputs_and_outputs_come_back_as_what_they_were() -> None:
    record = Impact().run().record
    assert record.inputs == EXACT
    assert {name: type(value) for name, value in record.inputs.items()} == {n: type(v) for n, v in EXACT.items()}
    assert list(record.inputs) == list(EXACT)
    assert record.outputs == {"note": "n", "plane": Plane.X}
    assert isinstance(record, ImpactResult)
    assert record.archive.read() == "text"
    assert record.pv_time == DAY + timedelta(seconds=1)
    assert record.image is not None
    assert record.image.shape == (100, 200)
    assert record.image[99, 199] == 2 * 19_999


def test_records_are_found_by_exact_values_and_by_their_json_form() -> None:
    Impact().run()
    Impact(pair=(2, 2.5), plane=Plane.Y).run()
    for inputs in (
        {"pair": (1, 2.5)},
        {"pair": [1, 2.5]},
        {"plane": Plane.X},
        {"plane": "x"},
        {"magnets": [Magnet("Q1", 1.5)], "pair": (1, 2.5)},
        {"when": "2026-11-24T09:00:00+00:00", "pair": (1, 2.5)},
        {"path": Path("data/a.txt"), "plane": Plane.X},
    ):
        assert Impact.results(**inputs).one().inputs["pair"] == (1, 2.5), inputs
    assert Impact.results().count() == 2
    assert Impact.results(when=DAY + timedelta(days=1)).count() == 0


def test_an_input_of_a_class_in_a_function_is_kept_in_its_json_form_and_found() -> None:
    @attrs.frozen
    class Local:
        when: datetime

    class OfLocal(LumeFlow):
        local: Local = Local(DAY)
        pair: tuple[int, int] = (1, 2)
        record: DBResult = db_result(n=1)

    found = OfLocal().run().record
    assert found.inputs["local"] == {"when": "2026-11-24T09:00:00+00:00"}
    assert found.inputs["pair"] == (1, 2)
    assert OfLocal.results(local=Local(DAY)).one() == found


def test_a_record_as_an_input_is_kept_as_its_reference() -> None:
    class Next(LumeFlow):
        before: DBResult = parameter()
        record: DBResult = db_result(n=1)

    first = Impact().run().record
    found = Next(before=first).run().record
    assert found.inputs["before"] == first.reference()
    assert load(found.inputs["before"]) == first
    assert Next.results(before=first).one() == found


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret of ``Impact``."""
    monkeypatch.setenv("LAB_TOKEN", "s3cret-token")


_ran: list[str] = []


@task
def note_that_it_ran(text: str) -> str:
    _ran.append(text)
    return text


class Fallible(LumeFlow):
    text: str = "a"

    ran = note_that_it_ran(text)
    record: DBResult = db_result(ran=ran)


def test_an_input_that_no_record_can_hold_is_told_before_any_task_runs() -> None:
    class Local(DBResult):
        """A record that has no reference: nothing could find its class again."""

    class Following(LumeFlow):
        before: list[Local] = parameter()

        ran = note_that_it_ran("a")
        record: DBResult = db_result(ran=ran)

    _ran.clear()
    with pytest.raises(ParameterError) as caught:
        Following(before=[Local(flow_name="a", outputs={})]).run()
    assert str(caught.value).startswith("Following.before")
    assert "Local is defined in a function" in str(caught.value)
    assert _ran == []
    assert Following.results().count() == 0


def test_what_the_encoding_refuses_of_an_input_names_the_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters are stricter than records, so that nothing but a later type of parameter can come to this."""

    def refuse(_values: Any) -> Any:
        raise RecordError("inputs['text']: cannot be stored")

    monkeypatch.setattr("lume_dsl.engine.flow.recorded_inputs", refuse)
    _ran.clear()
    with pytest.raises(ParameterError, match=r"Fallible\.text: cannot be recorded: inputs\['text'\]"):
        Fallible().run()
    assert _ran == []


def test_an_output_that_no_record_can_hold_is_named_by_its_path() -> None:
    @task
    def refused() -> dict[str, Any]:
        return {"a": [1, object()]}

    class Refused(LumeFlow):
        out = refused()
        record: DBResult = db_result(out=out)

    with pytest.raises(FlowRunError) as caught:
        Refused().run()
    assert isinstance(caught.value.__cause__, RecordError)
    assert "outputs['out']['a'][1]: object cannot be stored" in str(caught.value)


# -- provenance --------------------------------------------------------------------------------------------------


def check_provenance(found: Provenance | None, started: datetime) -> None:
    assert found is not None
    assert found.start_time is not None
    assert found.end_time is not None
    assert started <= found.start_time <= found.end_time <= datetime.now(timezone.utc)
    assert (found.lume_dsl, found.python) == (lume_dsl.__version__, platform.python_version())
    assert (found.prefect, found.host) == (prefect.__version__, platform.node())


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    from distributed import LocalCluster

    cluster_of: Any = LocalCluster
    with cluster_of(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["local", "threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "dask":
        return DaskExecutor(address=request.getfixturevalue("dask"))
    if request.param == "local":
        return LocalExecutor()
    return LocalDaskExecutor(scheduler=request.param, num_workers=2)


def test_a_record_says_which_source_made_it_whatever_the_executor(lab: ModuleType, executor: Executor) -> None:
    started = datetime.now(timezone.utc)
    record = lab.Steps().run(executor=executor).record
    check_provenance(record.provenance, started)
    assert record.provenance.flow == "lab:Steps"
    assert record.provenance.source_sha256 == hashlib.sha256(Path(lab.__file__ or "").read_bytes()).hexdigest()
    git = ["git", "-C", str(Path(lab.__file__ or "").parent), "rev-parse", "HEAD"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    head = done.stdout.strip() if done.returncode == 0 else None
    assert (record.provenance.revision or "").removesuffix("-dirty") == (head or "")
    assert record.inputs["pair"] == (1, "one")


def test_a_run_that_an_agent_starts_has_provenance_and_exact_inputs() -> None:
    started = datetime.now(timezone.utc)
    flow: Any = Impact.flow
    state = prefect.engine.FlowRunner(flow).run(return_tasks=flow.tasks)
    assert state.is_successful(), state.message
    record = load(state.result[flow.members["record"]].result)
    check_provenance(record.provenance, started)
    assert record.provenance.flow == f"{__name__}:Impact"
    assert record.inputs == EXACT


def test_a_flow_by_hand_has_what_is_known() -> None:
    started = datetime.now(timezone.utc)
    save = SaveDBResult(name="save")
    given = DBResult(flow_name="f", outputs={"n": 2})
    with prefect.Flow("by-hand") as flow:
        made = save(n=1)
        kept = save(result=given)
    state: Any = flow.run()
    for bound in (made, kept):
        record = load(state.result[bound].result)
        check_provenance(record.provenance, started)
        assert (record.provenance.flow, record.provenance.source_sha256) == (None, None)
    assert given.provenance is None
    assert load(state.result[kept].result) == given


def test_the_provenance_that_a_record_has_is_kept() -> None:
    given = DBResult(flow_name="f", outputs={}, provenance=Provenance(host="elsewhere"))
    with prefect.Flow("by-hand") as flow:
        kept = SaveDBResult()(result=given)
    state: Any = flow.run()
    record = load(state.result[kept].result)
    assert record.provenance == Provenance(host="elsewhere")


def test_records_are_found_by_their_provenance() -> None:
    started = datetime.now(timezone.utc)
    record = Fallible().run().record
    assert Fallible.results(where=at("provenance.host") == platform.node()).one() == record
    assert Fallible.results(where=at("provenance.start_time") >= started).one() == record
    assert Fallible.results(where=at("provenance.end_time") < started).count() == 0


def test_the_same_run_twice_is_one_record_though_its_provenance_differs() -> None:
    first, second = Fallible().run().record, Fallible().run().record
    assert first == second
    assert Fallible.results().count() == 1


def test_a_run_without_records_asks_git_nothing(lab: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("lume_dsl.engine.flow.Underway", refuse)
    assert lab.NoServices().run().kept == "aa"


# -- many at once ------------------------------------------------------------------------------------------------


def test_many_records_are_saved_at_once_and_each_once() -> None:
    records = [DBResult(flow_name="bulk", outputs={"n": number // 2}) for number in range(2_500)]
    saved = current().save_records(iter(records))
    assert len(saved) == 2_500
    assert [is_new for _, is_new in saved] == [True, False] * 1_250
    assert [reference for reference, _ in saved[:50]] == [record.reference() for record in records[:50]]
    assert lume_dsl.results(flow="bulk").count() == 1_250
    assert current().save_records([]) == []


def test_a_record_that_cannot_be_stored_is_named_among_many() -> None:
    records = [DBResult(flow_name="bulk", outputs={"n": value}) for value in (1, object())]
    with pytest.raises(RecordError, match=r"outputs\['n'\]: object"):
        current().save_records(records)


def test_the_classes_of_this_module_can_be_found() -> None:
    assert sys.modules[__name__].ImpactResult is ImpactResult
