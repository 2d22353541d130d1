"""Flows that inherit run: what is redefined is redefined for all, and steps reach those that they redefine."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import pytest
from prefect.executors import LocalDaskExecutor

from lume_dsl import (
    DBResult,
    DefinitionError,
    LumeFlow,
    TextFile,
    db_result,
    file_result,
    parameter,
    removed,
    result,
    step,
    task,
)


@task
def read(charge: float, shots: int) -> list[float]:
    return [charge / shots] * shots


@task
def amplified(signal: list[float]) -> list[float]:
    return [2 * value for value in signal]


class Scan(LumeFlow):
    charge: float = parameter(default=100.0, ge=0)
    shots: int = 4
    signal = read(charge, shots)

    @step
    def total(self, signal: list[float]) -> float:
        return sum(signal) + self.offset()

    def offset(self) -> float:
        return 1.0

    total_signal: float = result(total)
    text: TextFile = file_result("scan", filename="scan.txt")
    record: DBResult = db_result(total=total)


class Bright(Scan):
    charge: float = 200.0
    signal = amplified(Scan.signal)

    def offset(self) -> float:
        return 2.0

    @step
    def total(self, signal: list[float]) -> float:
        return super().total(signal) * 10  # type: ignore[operator]  # to a checker it is its value


class Renamed(Bright):
    bunch_charge: float = Bright.charge
    charge = removed()
    text = removed()
    record = removed()

    @step
    def charge_of_step(self) -> float:
        return self.bunch_charge


class Loud(LumeFlow):
    volume: int = 11

    @step
    def loudness(self) -> int:
        return self.volume


class Both(Loud, Renamed):
    volume: int = 3


class Sensor(LumeFlow):
    @step
    @abstractmethod
    def measure(self) -> float: ...

    twice = read(measure, 1)


class Camera(Sensor):
    @step
    def measure(self) -> float:
        return 3.0


@pytest.mark.parametrize("executor", [None, LocalDaskExecutor(scheduler="processes", num_workers=2)], ids=repr)
def test_a_flow_that_inherits_runs_on_every_executor(executor: LocalDaskExecutor | None) -> None:
    done = Bright(shots=2).run(executor=executor)
    assert done.signal == [200.0, 200.0]
    assert done.total_signal == (400.0 + 2.0) * 10
    assert done.text.read() == "scan"
    assert done.record.outputs == {"total": 4020.0}
    assert done.record.inputs == {"charge": 200.0, "shots": 2}
    assert done.record.flow_name == "Bright"
    assert Scan().run(executor=executor).total_signal == 101.0


def test_an_inherited_step_finds_a_parameter_under_its_new_name() -> None:
    done = Both(bunch_charge=8).run()
    assert (done.total_signal, done.charge_of_step, done.loudness) == ((16.0 + 2.0) * 10, 8.0, 3)
    with pytest.raises(AttributeError, match=r"Renamed\.charge is removed from what Both inherits: it is Both\."):
        _ = done.charge


def test_prefect_s_own_flow_has_the_tasks_of_all_classes() -> None:
    assert {task.name for task in Bright.flow.tasks} == {
        *("charge", "shots", "Scan.signal", "signal", "total", "total_signal", "text", "record", "configure_services")
    }
    state = Bright.flow.run(charge=4.0)
    assert state.result[Bright.flow.get_tasks("total")[0]].result == 100.0


def test_an_abstract_flow_has_no_prefect_flow() -> None:
    with pytest.raises(DefinitionError, match=r"Sensor\.measure: is left to a subclass"):
        _ = Sensor.flow
    assert Camera().run().twice == [3.0]


def test_the_command_line_has_inherited_parameters(tmp_path: Path) -> None:
    assert Bright.schema()["properties"]["parameters"]["properties"]["charge"]["minimum"] == 0
    assert str(Renamed.__signature__) == "(*, bunch_charge: float = 200.0, shots: int = 4)"


@task
def upper(text: TextFile) -> str:
    return text.read().upper()


def test_results_may_take_those_that_they_redefine() -> None:
    class Louder(Scan):
        total_signal: float = result(Scan.total_signal * 2.0)
        text: TextFile = file_result(upper(Scan.text), filename="loud.txt")
        record: DBResult = db_result(total=Scan.total_signal)

    done = Louder().run()
    assert (done.total_signal, done.text.read(), done.record.outputs) == (202.0, "SCAN", {"total": 101.0})
    assert Louder.results().count() == 1
    assert set(Louder.schema()["properties"]["results"]["properties"]) == {"total_signal", "text", "record"}
