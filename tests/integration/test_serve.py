"""``serve`` runs a flow at the times of its schedule, and ends when it is told to, and not in the middle of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum
import prefect
import pytest
from prefect.schedules import IntervalSchedule, Schedule
from prefect.schedules.clocks import DatesClock
from processes import wait_for

from lume_dsl import LumeFlow, ParameterError, flow, parameter, runs, task
from lume_dsl.engine import serve
from lume_dsl.errors import LumeError, ScheduleError

SECOND = IntervalSchedule(start_date=pendulum.datetime(2026, 1, 1), interval=timedelta(seconds=1))
FLOWS = """
from datetime import timedelta
import multiprocessing
import time

import pendulum
import prefect
from prefect.schedules import IntervalSchedule
from lume_dsl import LumeFlow, flow, result, task

@task
def wait(seconds: float) -> str:
    if seconds < 0:
        raise ValueError("no time is negative")
    with open("begun", "a") as file:
        print("begun", file=file)
    time.sleep(seconds)
    with open("ended", "a") as file:
        print("ended", file=file)
    return str(prefect.context["scheduled_start_time"])

@flow(schedule=IntervalSchedule(start_date=pendulum.datetime(2026, 1, 1), interval=timedelta(seconds=1)))
class EachSecond(LumeFlow):
    seconds: float = 0.0
    at: str = result(wait(seconds))

class Never(LumeFlow):
    seconds: float = 0.0
    at: str = result(wait(seconds))

@task
def fork(seconds: float) -> int:
    with open("begun", "a") as file:
        print("begun", file=file)
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    time.sleep(seconds)
    child.terminate()
    child.join()
    return child.exitcode

@flow(schedule=IntervalSchedule(start_date=pendulum.datetime(2026, 1, 1), interval=timedelta(seconds=1)))
class Forking(LumeFlow):
    seconds: float = 2.0
    exitcode: int = result(fork(seconds))
"""


class Notes:
    """What was told of the runs."""

    def __init__(self) -> None:
        self.waited: list[datetime] = []
        self.missed: list[datetime] = []
        self.begun = 0
        self.has_ended = False
        self.done: list[Any] = []
        self.errors: list[LumeError] = []

    def waits(self, start_time: datetime, seconds: float) -> None:
        self.waited.append(start_time)

    def skipped(self, start_times: list[datetime]) -> None:
        self.missed += start_times

    def ended(self) -> None:
        self.has_ended = True

    def begins(self) -> None:
        self.begun += 1

    def ran(self, done: LumeFlow) -> None:
        self.done.append(done)

    def failed(self, error: LumeError) -> None:
        self.errors.append(error)


@task
def scheduled() -> datetime:
    time_of: datetime = prefect.context["scheduled_start_time"]
    return time_of


@task
def take(seconds: float, time_of: datetime) -> float:
    time.sleep(seconds)
    return seconds


@flow(schedule=SECOND)
class EachSecond(LumeFlow):
    seconds: float = parameter(default=0.0, ge=0)
    at = scheduled()
    took = take(seconds, at)


def served(flow_class: Any, **options: Any) -> Notes:
    notes = Notes()
    values = options.pop("values", {"seconds": 0.0})
    serve(flow_class, values, listener=notes, stop=options.pop("stop", threading.Event()), **options)
    return notes


def test_runs_come_at_the_times_of_the_schedule_and_know_them() -> None:
    notes = served(EachSecond, runs=2)
    times = [one.at for one in notes.done]
    assert times == notes.waited
    assert notes.begun == 2
    assert not notes.has_ended
    assert times[1] - times[0] == timedelta(seconds=1)
    assert all(one.microsecond == 0 for one in times)
    assert abs(notes.done[0].flow_run.start_time - times[0]) < timedelta(seconds=5)


def test_times_that_a_long_run_has_missed_are_skipped_and_told() -> None:
    notes = served(EachSecond, runs=2, values={"seconds": 2.2})
    first, second = (one.at for one in notes.done)
    assert second - first >= timedelta(seconds=3)
    assert notes.missed == [first + timedelta(seconds=n) for n in range(1, int((second - first).total_seconds()))]


def test_times_that_were_missed_are_caught_up_with() -> None:
    notes = served(EachSecond, runs=3, values={"seconds": 1.5}, catch_up=True)
    first = notes.done[0].at
    assert [one.at for one in notes.done] == [first + timedelta(seconds=n) for n in range(3)]
    assert notes.missed == []


def test_a_schedule_that_has_ended_ends_it_and_its_values_go_first() -> None:
    soon = pendulum.now("utc").add(seconds=1)

    @flow(schedule=Schedule(clocks=[DatesClock([soon], parameter_defaults={"seconds": 0.25})]))
    class Once(EachSecond):
        pass

    notes = served(Once, values={"seconds": 0.1})
    assert [one.took for one in notes.done] == [0.25]
    assert notes.has_ended


def test_a_run_that_fails_is_told_and_the_next_one_comes() -> None:
    @task
    def fail() -> int:
        raise ValueError("no beam")

    @flow(schedule=SECOND)
    class Failing(LumeFlow):
        number = fail()

    notes = served(Failing, runs=2, values={})
    assert [str(error).splitlines()[1].strip() for error in notes.errors] == ["number: ValueError: no beam"] * 2


def test_values_of_clocks_are_checked_before_the_first_run() -> None:
    clock = DatesClock([pendulum.datetime(2126, 1, 1)], parameter_defaults={"seconds": -1.0})

    @flow(schedule=Schedule(clocks=[clock]))
    class Wrong(EachSecond):
        pass

    with pytest.raises(ParameterError, match="seconds"):
        served(Wrong)


def test_a_flow_without_a_schedule_is_told_what_to_write() -> None:
    class Never(LumeFlow):
        x: int = 1

    with pytest.raises(ScheduleError, match=r"Never has no schedule\n    write @flow\(schedule=CronSchedule"):
        served(Never, values={})


def test_it_ends_at_once_while_it_waits() -> None:
    @flow(schedule=IntervalSchedule(start_date=pendulum.datetime(2026, 1, 1), interval=timedelta(days=300)))
    class Seldom(EachSecond):
        pass

    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    assert served(Seldom, stop=stop).done == []
    assert time.monotonic() - begun < 5


@pytest.fixture
def serving() -> Callable[..., subprocess.Popen[str]]:
    Path("flows.py").write_text(FLOWS)

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lume_dsl", "serve", *arguments]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
            start_new_session=True,  # a group of its own, which a test can send signals to
        )

    return start


def test_the_command_prints_a_document_for_each_run(serving: Callable[..., subprocess.Popen[str]]) -> None:
    out, err = serving("flows:EachSecond", "--runs", "2", "--json").communicate(timeout=60)
    times = [datetime.fromisoformat(json.loads(line)["results"]["at"]) for line in out.splitlines()]
    assert times[1] - times[0] == timedelta(seconds=1)
    assert err.count("EachSecond runs next at ") == 2


def test_a_failed_run_is_told_and_the_command_goes_on(serving: Callable[..., subprocess.Popen[str]]) -> None:
    process = serving("flows:EachSecond", "--seconds", "-1", "--runs", "2")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err.count("ValueError: no time is negative") == 2


def until_a_run_has_begun() -> None:
    wait_for(Path("begun").exists, seconds=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_underway_is_finished(
    number: signal.Signals, serving: Callable[..., subprocess.Popen[str]]
) -> None:
    process = serving("flows:EachSecond", "--seconds", "2", "--json")
    assert process.stderr is not None
    assert "runs next at" in process.stderr.readline()
    until_a_run_has_begun()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopping; the run that is underway is finished first" in err
    assert len(out.splitlines()) == len(Path("ended").read_text().splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("executor", ["local", "threads", "processes", "dask"])
def test_a_run_that_is_underway_is_finished_where_its_workers_get_the_signal_too(
    executor: str, number: signal.Signals, serving: Callable[..., subprocess.Popen[str]]
) -> None:
    """As a terminal sends Ctrl-C, and a service manager SIGTERM."""
    workers = () if executor == "local" else ("--workers", "2")
    process = serving("flows:EachSecond", "--seconds", "2", "--json", "--executor", executor, *workers)
    until_a_run_has_begun()
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err.count("stopping; the run that is underway is finished first") == 1
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["Success"]
    assert len(Path("begun").read_text().splitlines()) == len(Path("ended").read_text().splitlines()) == 1
    assert is_gone(process.pid)


def is_gone(group: int) -> bool:
    """No process of a group is left, soon."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_processes_that_a_task_forks_end_as_usual(
    number: signal.Signals, serving: Callable[..., subprocess.Popen[str]]
) -> None:
    process = serving("flows:Forking", "--json", "--runs", "1")
    until_a_run_has_begun()
    time.sleep(0.5)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert err.count("stopping") == 1
    assert json.loads(out)["results"]["exitcode"] == -signal.SIGTERM


def test_it_says_nothing_of_a_run_while_it_waits(serving: Callable[..., subprocess.Popen[str]]) -> None:
    with open("flows.py", "a") as file:
        file.write(
            "@flow(schedule=IntervalSchedule(start_date=pendulum.datetime(2026, 1, 1), interval=timedelta(days=300)))\n"
            "class Seldom(Never):\n    pass\n"
        )
    process = serving("flows:Seldom")
    assert process.stderr is not None
    assert "runs next at" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "stopping\n")


def test_a_second_interrupt_ends_the_run(serving: Callable[..., subprocess.Popen[str]]) -> None:
    process = serving("flows:EachSecond", "--seconds", "50")
    assert process.stderr is not None
    assert "runs next at" in process.stderr.readline()
    until_a_run_has_begun()
    process.send_signal(signal.SIGINT)
    assert "stopping" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Interrupted; go on with it: python -m lume_dsl resume {runs().one().id[:8]}\n" in err
    assert not Path("ended").exists()


@pytest.mark.parametrize("send", [os.kill, os.killpg])
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_a_second_interrupt_ends_workers_at_once(
    executor: str, send: Callable[[int, int], None], serving: Callable[..., subprocess.Popen[str]]
) -> None:
    process = serving("flows:EachSecond", "--seconds", "50", "--executor", executor, "--workers", "2")
    until_a_run_has_begun()
    send(process.pid, signal.SIGINT)
    time.sleep(0.5)
    send(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert not Path("ended").exists()
    assert is_gone(process.pid)


CLOCKS = """
from prefect.schedules import Schedule
from prefect.schedules.clocks import DatesClock

SOON, LATER = (pendulum.now("utc").add(seconds=seconds) for seconds in (5, 6))

@task
def add(x: int, y: int) -> int:
    return x + y

def clocks(*values):
    return Schedule(clocks=[DatesClock([time], parameter_defaults=one) for time, one in zip((SOON, LATER), values)])

class Sum(LumeFlow):
    x: int
    y: int = 1
    total: int = result(add(x, y))

@flow(schedule=clocks({"x": 10}, {"x": 20}))
class Given(Sum):
    pass

@flow(schedule=clocks({"x": 10, "y": 5}, None))
class GivenOnce(Sum):
    pass

@flow(schedule=clocks({"x": 10}, {"x": "text"}))
class Wrong(Sum):
    pass

@flow(schedule=clocks({"x": 10}, {"x": 20, "z": 3}))
class Unknown(Sum):
    pass

@flow(schedule=Schedule(clocks=[DatesClock([pendulum.datetime(2020, 1, 1)])]))
class Past(LumeFlow):
    y: int = 1
    total: int = result(add(y, y))
"""


@pytest.mark.parametrize(
    ("arguments", "totals"),
    [
        (("Given",), [11, 21]),
        (("Given", "--y", "2"), [12, 22]),
        (("Given", "--x", "3"), [11, 21]),
        (("GivenOnce", "--x", "3"), [15, 4]),
    ],
)
def test_what_each_clock_gives_needs_no_flag(
    arguments: tuple[str, ...], totals: list[int], serving: Callable[..., subprocess.Popen[str]]
) -> None:
    Path("flows.py").write_text(FLOWS + CLOCKS)
    out, err = serving(f"flows:{arguments[0]}", *arguments[1:], "--json").communicate(timeout=60)
    assert [json.loads(line)["results"]["total"] for line in out.splitlines()] == totals, err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GivenOnce", "GivenOnce.x: is required (int); clock 2 of its schedule does not give it  [parameter-missing]"),
        ("Wrong", "(from clock 2 of its schedule)  [parameter-value]"),
        ("Unknown", "Unknown.z: is not a parameter (from clock 2 of its schedule)  [parameter-unknown]"),
    ],
)
def test_a_clock_whose_values_are_wrong_is_named_before_anything_waits(
    name: str, told: str, serving: Callable[..., subprocess.Popen[str]]
) -> None:
    Path("flows.py").write_text(FLOWS + CLOCKS)
    process = serving(f"flows:{name}")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told in err
    assert "runs next" not in err


def test_a_schedule_without_further_times_is_told(serving: Callable[..., subprocess.Popen[str]]) -> None:
    Path("flows.py").write_text(FLOWS + CLOCKS)
    process = serving("flows:Past")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "the schedule of Past has no more times\n")


def test_a_command_for_a_flow_without_a_schedule_is_wrong_usage(
    serving: Callable[..., subprocess.Popen[str]],
) -> None:
    process = serving("flows:Never")
    assert "Never has no schedule" in process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert not Path("ended").exists()
