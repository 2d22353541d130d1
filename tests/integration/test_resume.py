"""Runs are remembered, and what is left of one runs, on whatever executor, and nothing else of it."""

from __future__ import annotations

import logging
import os
import random
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import numpy as np
import pandas as pd
import pendulum
import prefect
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect.engine.signals import SKIP
from prefect.engine.state import Failed, State
from prefect.triggers import all_finished
from processes import wait_for

from lume_dsl import (
    DBResult,
    LumeFlow,
    TextFile,
    case,
    db_result,
    file_result,
    flatten,
    merge,
    parameter,
    resource_manager,
    result,
    results,
    resume,
    runs,
    step,
    task,
    unmapped,
)
from lume_dsl.errors import FlowRunError, NotRunError, ParameterError, RunError
from lume_dsl.history.journal import Journal, folder_of, journals
from lume_dsl.services import current
from tests.flows.resumed import Briefs, Squares, Stages, mend, traced

RAN: list[Any] = []
BROKEN: set[str] = set()


@pytest.fixture(autouse=True)
def all_is_well() -> None:
    well()


def well() -> None:
    """Nothing has run, and nothing is broken."""
    RAN.clear()
    BROKEN.clear()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The lines of this test's log that tell what runs again, since it was asked last."""
    monkeypatch.setattr(logging.getLogger("prefect"), "propagate", True)
    caplog.set_level(logging.INFO, logger="prefect")

    def lines() -> list[str]:
        found = [one.getMessage() for one in caplog.records]
        caplog.clear()
        return [line for line in found if "runs again" in line or "not recorded" in line or "not stored" in line]

    return lines


def ran(what: Any) -> None:
    RAN.append(what)
    if is_broken(f"Ctrl-C in {what}"):
        raise KeyboardInterrupt
    if is_broken(what):
        raise ValueError(f"{what} is broken")


def is_broken(what: Any) -> bool:
    BROKEN.discard("")  # what code itself changes is no part of its source
    return what in BROKEN


def took() -> list[Any]:
    """What has run since this was asked last."""
    found = list(RAN)
    RAN.clear()
    return found


def failed(flow: LumeFlow, **options: Any) -> str:
    """The id of a run that fails."""
    with pytest.raises(FlowRunError) as info:
        flow.run(**options)
    return info.value.flow_run_id


def home() -> Path:
    return current().settings.home


def kept() -> list[str]:
    """The ids of runs of which anything is kept to go on with."""
    folder = folder_of(home())
    return sorted(one.name for one in folder.iterdir()) if folder.exists() else []


@task
def counted(name: str, before: int = 0) -> int:
    ran(name)
    return before + 1


class Chain(LumeFlow):
    first = counted("first")
    second = counted("second", first)
    third = counted("third", second)
    fourth = counted("fourth", third)


# what runs


@pytest.fixture(params=["local", "threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return f"dask://{request.getfixturevalue('dask_cluster').removeprefix('tcp://')}" if name == "dask" else name


def test_only_what_failed_or_has_not_run_runs_whatever_the_executor(executor: str, tmp_path: Path) -> None:
    run_id = failed(Squares(folder=str(tmp_path)), executor=executor)
    assert traced(tmp_path) == ["prepared", "squared 0", "squared 1", "squared 2", "squared 3"]
    mend(tmp_path)
    done = Squares.resume(run_id, executor=executor)
    assert traced(tmp_path) == ["squared 2", "total"]
    assert (done.values, done.squares, done.whole) == ([0, 1, 2, 3], [0, 1, 4, 9], 14)
    assert done.flow_run.id == run_id
    assert done.record.flow_run_id == run_id
    assert done.text.read() == "squares"
    assert kept() == []


def started(folder: Path, executor: str) -> subprocess.Popen[bytes]:
    """A process that runs ``Stages`` and waits in its third."""
    default = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # not so in the background
    run = f"from tests.flows.resumed import Stages; Stages(folder={str(folder)!r}).run(executor={executor!r})"
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__': {default}; {run}"],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    trace = folder / "trace.txt"
    wait_for(lambda: process.poll() is not None or (trace.exists() and "waits" in trace.read_text()))
    assert process.poll() is None
    time.sleep(0.6)  # what has ended is written a quarter of a second later
    return process


def end(process: subprocess.Popen[bytes], number: int) -> None:
    """The process has ended by this signal, and what it started is gone."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.wait(30)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, 10)


@pytest.mark.parametrize(
    ("begun", "resumed"), [("local", "threads"), ("threads", "processes"), ("processes", "dask"), ("dask", "local")]
)
def test_a_run_that_was_killed_goes_on_on_another_executor(
    begun: str, resumed: str, tmp_path: Path, dask_cluster: str
) -> None:
    process = started(tmp_path, begun)
    (underway,) = runs()
    assert underway.state == "Running"
    end(process, signal.SIGKILL)
    assert [line.partition(" ")[0] for line in traced(tmp_path)] == ["first", "second", "third", "waits"]
    (found,) = Stages.runs()
    assert (found.state, found.message) == ("Interrupted", "its process was killed, or its machine failed")
    assert [(one.name, one.state) for one in found.tasks if one.name != "configure_services"][-2:] == [
        ("first", "Success"),
        ("second", "Success"),
    ]
    mend(tmp_path)
    where = f"dask://{dask_cluster.removeprefix('tcp://')}" if resumed == "dask" else resumed
    done = Stages.resume(found, executor=where)
    assert traced(tmp_path) == ["fourth", "third"]
    assert done.fourth == 4
    (found,) = runs()
    assert found.state == "Success"
    assert [one["state"] for one in found.document["attempts"]] == ["Interrupted", "Success"]


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    process = started(tmp_path, "local")
    end(process, signal.SIGINT)
    traced(tmp_path)
    (found,) = runs()
    assert (found.state, found.message) == ("Interrupted", "by Ctrl-C")
    assert found.end_time is not None
    assert datetime.now(timezone.utc) - found.end_time < timedelta(seconds=30)
    assert found.seconds is not None
    assert found.seconds > 0.6  # its third stage had not ended
    mend(tmp_path)
    assert Stages.resume(found.id[:8]).fourth == 4
    assert traced(tmp_path) == ["fourth", "third"]


def test_a_run_that_is_killed_at_any_moments_comes_to_its_end(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    script = """
import sys
from tests.flows.resumed import Briefs
folder, run_id = sys.argv[1:]
Briefs.resume(run_id) if run_id else Briefs(folder=folder).run()
"""
    chance = random.Random(7)
    run_id, is_done, kills = "", False, 0
    while not is_done:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), run_id],
            env={**os.environ, "PYTHONPATH": root, "PREFECT__LOGGING__LEVEL": "CRITICAL"},
        )
        while process.poll() is None and not any(Journal(home(), one).is_held for one in kept()):
            time.sleep(0.02)
        try:
            is_done = process.wait(chance.uniform(0.3, 0.7)) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        run_id = runs().latest().id
    assert kills > 1
    assert runs().latest().state == "Success"
    assert len(runs()) == 1
    assert Briefs(folder=str(tmp_path)).run().value == list(range(30))
    trace = traced(tmp_path)
    assert len(trace) < 2 * 30 + 20 * kills  # of each attempt the last quarter of a second or so is lost


@task
def upto(length: int) -> list[int]:
    return list(range(length))


@task
def numbered(item: int, name: str) -> int:
    ran(f"{name} {item}")
    return item


class Maps(LumeFlow):
    given: list[int] = parameter(default=[0, 1, 2, 3, 4])
    of_parameter = numbered.map(given, unmapped("parameter"))
    of_task = numbered.map(upto(5), unmapped("task"))
    of_constant = numbered.map([0, 1, 2, 3, 4], unmapped("constant"))
    of_lists = numbered.map(flatten([[0, 1], [2], [], [3, 4]]), unmapped("lists"))
    of_map = numbered.map(of_parameter, unmapped("map"))
    of_flat_maps = numbered.map(flatten(upto.map([2, 0, 3])), unmapped("flat maps"))

    @step.map(item=given)
    def of_step(self, item: int) -> int:
        ran(f"step {item}")
        return item

    whole: list[list[int]] = result([of_parameter, of_task, of_constant, of_lists, of_map, of_flat_maps, of_step])


@pytest.mark.parametrize("name", ["parameter", "task", "constant", "lists", "map", "flat maps", "step"])
def test_no_item_is_lost_of_a_map_that_was_broken_off(name: str) -> None:
    expected = Maps().run().whole
    everything = Counter(took())
    BROKEN.add(f"Ctrl-C in {name} 2")
    with pytest.raises(KeyboardInterrupt):
        Maps().run()
    before = Counter(took())
    done = resumed_well(Maps, *kept())
    assert done.whole == expected
    assert Counter(took()) == everything - before + Counter([f"{name} 2"])


@task
def kind_of(value: Any, name: str) -> str:
    ran(f"{name} {value if isinstance(value, int) else type(value).__name__}")
    return type(value).__name__


@task
def summed(value: int, values: list[int]) -> int:
    ran(f"sum {value}")
    return value + sum(values)


class MapsOfMaps(LumeFlow):
    firsts = numbered.map([0, 1, 2, 3], unmapped("first"))
    seconds = numbered.map(firsts, unmapped("second"))
    thirds = kind_of.map(seconds, unmapped("third"))
    sums = summed.map(seconds, unmapped(firsts))
    flat = numbered.map(flatten(upto.map(firsts)), unmapped("flat"))
    waits = numbered.with_options(after=[firsts]).map([7, 8], unmapped("waits"))


class FailuresToo(LumeFlow):
    firsts = numbered.map([0, 1, 2, 3], unmapped("first"))
    kinds = kind_of.with_options(trigger=all_finished).map(firsts, unmapped("kind"))
    whole = kind_of(kinds, "whole")


def test_of_a_map_over_a_map_those_runs_run_again_whose_item_does() -> None:
    BROKEN.add("first 2")
    run_id = failed(MapsOfMaps())
    took()
    done = resumed_well(MapsOfMaps, run_id)
    assert done.seconds == [0, 1, 2, 3]
    assert sorted(took()) == [
        "first 2", "flat 0", "flat 0", "flat 0", "flat 1", "flat 1", "flat 2", "second 2", "sum 0", "sum 1", "sum 2",
        "sum 3", "third 2", "waits 7", "waits 8",
    ]  # fmt: skip


def test_a_run_of_a_map_that_has_taken_a_failure_runs_again() -> None:
    BROKEN.update({"first 2", "whole list"})
    run_id = failed(FailuresToo())
    assert "kind ValueError" in took()
    BROKEN.remove("first 2")
    with pytest.raises(FlowRunError):
        FailuresToo.resume(run_id)
    took()
    assert resumed_well(FailuresToo, run_id).kinds == ["int"] * 4


def test_what_is_downstream_of_what_runs_again_does_so_too() -> None:
    BROKEN.add("third")
    run_id = failed(Chain())
    assert took() == ["first", "second", "third"]
    assert failed_again(Chain, run_id) == ["third"]
    BROKEN.clear()
    assert Chain.resume(run_id).fourth == 4
    assert took() == ["third", "fourth"]


def failed_again(flow: Any, run_id: str) -> list[Any]:
    with pytest.raises(FlowRunError) as info:
        flow.resume(run_id)
    assert info.value.flow_run_id == run_id
    return took()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_fails_each_task_that_succeeded_has_run_once(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 7))
    edges = {n: data.draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set() for n in range(count)}

    @task
    def node(name: str, before: list[int]) -> int:
        ran(name)
        return 1 + sum(before)

    class Graph(LumeFlow):
        value = node("0", [])
        nodes = [value]
        for place in range(1, count):
            before = []
            for one in sorted(edges[place]):  # a comprehension would not see the names of the class
                before += [nodes[one]]
            value = node(str(place), before)
            nodes += [value]

    broken = data.draw(st.lists(st.sets(st.sampled_from([str(n) for n in range(count)]), min_size=1), max_size=3))
    well()
    expected = Graph().run().value
    took()
    succeeded: set[str] = set()
    run_id = ""
    for some in [*broken, set[str]()]:
        BROKEN.update(some)
        try:
            done = Graph.resume(run_id) if run_id else Graph().run()
        except FlowRunError as error:
            run_id = error.flow_run_id
        now = took()
        assert len(now) == len(set(now))
        assert succeeded.isdisjoint(now)
        succeeded |= set(now) - BROKEN
        BROKEN.clear()
        if len(succeeded) == count:
            break
    assert done.value == expected


def test_workers_that_do_not_see_the_folder_lose_nothing_of_a_run_that_ends(
    dask_cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUME_HOME", "/proc/self/cwd/home")  # another folder for each process
    run_id = failed(Squares(folder=str(tmp_path)), executor=f"dask://{dask_cluster.removeprefix('tcp://')}")
    assert (tmp_path / "home" / "runs" / run_id).is_dir()
    traced(tmp_path)
    mend(tmp_path)
    assert Squares.resume(run_id).whole == 14
    assert traced(tmp_path) == ["squared 2", "total"]


@task
def counted_up(values: list[int]) -> int:
    ran("summed")
    return sum(values)


def test_a_task_that_ends_its_process_has_failed() -> None:
    @task
    def leaving() -> int:
        ran("leaving")
        if "leaves" in BROKEN:
            raise SystemExit(3)
        return 1

    class Leaving(LumeFlow):
        first = counted("first")
        second = leaving.with_options(after=[first])()

    BROKEN.add("leaves")
    run_id = failed(Leaving())
    assert runs().one().errors == ({"task": "second", "type": "SystemExit", "message": "3"},)
    took()
    assert resumed_well(Leaving, run_id).second == 1
    assert took() == ["leaving"]


# what has changed


@task
def leaves_at_two(item: int) -> int:
    ran(item)
    if item == 2 and is_broken("leaves"):
        sys.exit(4)
    return item


def test_an_item_that_ends_its_process_is_named_with_what_did_not_run() -> None:
    class Leaving(LumeFlow):
        items: list[int] = parameter(default=[1, 2, 3])

        each = leaves_at_two.map(items)
        whole = counted_up(each)

    BROKEN.add("leaves")
    with pytest.raises(FlowRunError) as info:
        Leaving().run()
    (failure,) = info.value.failed
    assert (failure.label, str(failure.exception), info.value.not_run) == ("each[1] (item=2)", "4", ("whole",))
    assert took() == [1, 2, 3]
    (found,) = runs()
    assert [one["task"] for one in found.errors] == ["each[1]"]
    assert ("each[1]", "Failed") in [(one.name, one.state) for one in found.tasks]
    assert resumed_well(Leaving, found.id).whole == 6
    assert took() == [2, "summed"]


def test_a_task_that_ends_its_process_is_tried_again() -> None:
    @task(max_retries=1, retry_delay=timedelta(0))
    def leaving() -> int:
        RAN.append("leaving")
        if len(RAN) < 2:
            sys.exit()
        return len(RAN)

    class Leaving(LumeFlow):
        count = leaving()

    assert Leaving().run().count == 2


def flow_of_source(source: str, folder: Path, name: str = "changing") -> Any:
    """The flow of a module with this source, which takes the place of the one before."""
    (folder / f"{name}.py").write_text(source)
    sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        return __import__(name).Changing
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before


CHANGING = """
from lume_dsl import LumeFlow, task
from tests.integration.test_resume import ran

GAIN = 2.0


@task
def measured(shots: int) -> list[float]:
    ran("measured")
    return [1.0] * shots


@task
def mean(values: list[float], power: int = 1) -> float:
    ran("mean")
    return GAIN * sum(values) / len(values)


@task
def other(shots: int) -> int:
    ran("other")
    return shots


@task
def reported(value: float, number: int) -> str:
    ran("reported")
    return f"{value} {number}"


class Changing(LumeFlow):
    shots: int = 4

    values = measured(shots)
    level = mean(values, 2)
    number = other(shots)
    report = reported(level + 1.0, number)
"""


@pytest.mark.parametrize(
    ("old", "new", "ran_again", "reasons"),
    [
        ("GAIN = 2.0", "GAIN = 3.0", ["mean", "reported"], ["level: its source has changed (GAIN)"]),
        (
            "[1.0] *",
            "[2.0] *",
            ["measured", "mean", "reported"],
            ["values: its source has changed (measured)", "level: values runs, which it waits for"],
        ),
        ("mean(values, 2)", "mean(values, 3)", ["mean", "reported"], ["level: its inputs differ (power)"]),
        ("other(shots)\n", "other(3)\n", ["other", "reported"], ["number: its inputs differ (shots)"]),
        ("level + 1.0", "level + 2.0", ["reported"], []),
        ("level + 1.0", "level - 1.0", ["reported"], []),
        ('    ran("other")', '    # as before\n    ran("other")', ["reported"], []),
    ],
)
def test_what_has_changed_runs_again_and_the_reason_is_told(
    old: str, new: str, ran_again: list[str], reasons: list[str], tmp_path: Path, log: Callable[[], list[str]]
) -> None:
    BROKEN.add("reported")
    run_id = failed(flow_of_source(CHANGING, tmp_path)())
    took()
    log()
    BROKEN.clear()
    assert old in CHANGING
    flow_of_source(CHANGING.replace(old, new), tmp_path).resume(run_id)
    assert took() == ran_again
    told = [reason.partition(": ") for reason in reasons]
    assert log() == [f"Task '{name}': runs again: {reason}" for name, _, reason in told]


UNNAMED = """
from lume_dsl import LumeFlow, step, task
from tests.integration.test_resume import ran

@task
def sent(x: int) -> int:
    return x

@task
def summed(xs: list[int], more: list[list[int]] = []) -> int:
    return sum(xs)

@task
def reported(*, value: int, each: list[int]) -> int:
    ran("reported")
    return value

class Changing(LumeFlow):
    shots: int = 4

    a = sent(shots)
    b = sent(5)
    each = sent.map([a, b, 7])
    whole = summed([a, b + 8, 9])
    nested = summed([a], [[b - 2], [a]])
    report = reported(value=whole, each=each)
"""


@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        ("[a, b, 7]", "[a, b, 8]", ["each: its inputs differ (x)"]),
        ("[a, b, 7]", "[b, a, 7]", ["each: its inputs differ (x)"]),
        ("b + 8, 9", "b + 8, 10", ["whole: its inputs differ (xs)"]),
        ("b + 8, 9", "b + 7, 9", ["whole: its inputs differ (xs)"]),
        ("[b - 2]", "[b - 3]", ["nested: its inputs differ (more)"]),
        (
            "sent(5)",
            "sent(6)",
            [
                "b: its inputs differ (x)",
                "each: b runs, which it waits for",
                "whole: b runs, which it waits for",
                "nested: b runs, which it waits for",
            ],
        ),
    ],
)
def test_the_reason_names_nothing_that_the_user_has_not_written(
    old: str, new: str, reasons: list[str], tmp_path: Path, log: Callable[[], list[str]]
) -> None:
    BROKEN.add("reported")
    run_id = failed(flow_of_source(UNNAMED, tmp_path)())
    log()
    BROKEN.clear()
    assert old in UNNAMED
    flow_of_source(UNNAMED.replace(old, new), tmp_path).resume(run_id)
    told = [reason.partition(": ") for reason in reasons]
    assert sorted(log()) == sorted(f"Task '{name}': runs again: {reason}" for name, _, reason in told)


WHATEVER = """
import attrs, functools
from lume_dsl import LumeFlow, flow, parameter, step, task
from tests.integration.test_resume import ran

TABLE = {1: 2}

def model(x):
    return x + 1

class Times:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function, self.factor = function, 2
    def __call__(self, x):
        return self.factor * self.function(x)

@Times
def twice(x):
    return x

@functools.singledispatch
def told(x):
    return "any"

@told.register
def _(x: int):
    return "int 1"

@attrs.frozen
class Twiss:
    beta: float = 2.0

    def size(self):
        return self.beta + 1

@task
def anything(x: object, of: object = None) -> object:
    return sum(x) if isinstance(x, (set, range)) else x(of) if callable(x) else x

@task
def looked_up(x: int) -> object:
    return [TABLE[x], twice(x), told(x)]

@task
def twiss(beta: float) -> Twiss:
    return Twiss(beta)

@task
def size(optics: Twiss) -> float:
    return optics.size()

@task
def sizes(optics: list[Twiss]) -> list[float]:
    return [one.size() for one in optics]

@task
def sent(x: int) -> int:
    return x

class Inner(LumeFlow):
    n: int = 1
    out = sent(n)

class Changing(LumeFlow):
    optics: Twiss = parameter(default=Twiss())

    a_set = anything({1, 2})
    a_range = anything(range(3))
    a_function = anything(model, 1)
    a_lambda = anything(lambda x: x - 1, 1)
    read = looked_up(1)
    of_parameter = size(optics)
    of_constant = size(Twiss(4.0))
    of_task = size(twiss(1.0))
    of_list = sizes([twiss(1.0), twiss(2.0)])
    inner = Inner()
    inner_out = sent(inner.out)

    @step
    def own(self) -> float:
        return self.optics.size()

    @step
    def last(self, a_set: object, of_list: list[float], inner_out: int) -> object:
        ran("last")
        return [a_set, of_list, inner_out]

ALL = ["a_set", "a_range", "a_function", "a_lambda", "read", "of_parameter", "of_constant", "of_task", "of_list",
       "inner_out", "own"]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("anything({1, 2})", "anything({1, 3})"),
        ("range(3)", "range(4)"),
        ("return x + 1", "return x + 2"),
        ("lambda x: x - 1", "lambda x: x - 2"),
        ("TABLE = {1: 2}", "TABLE = {1: 3}"),
        ("self.function, self.factor = function, 2", "self.function, self.factor = function, 3"),
        ('"int 1"', '"int 2"'),
        ("self.beta + 1", "self.beta + 10"),
        ("n: int = 1", "n: int = 2"),
    ],
)
def test_a_resumed_run_is_that_of_the_source_as_it_is_now(
    old: str, new: str, tmp_path: Path, log: Callable[[], list[str]]
) -> None:
    def values(flow: Any) -> list[Any]:
        return [getattr(flow, name) for name in sys.modules[type(flow).__module__].ALL]

    assert WHATEVER.count(old) == 1
    BROKEN.add("last")
    run_id = failed(flow_of_source(WHATEVER, tmp_path)())
    log()
    failed_again(flow_of_source(WHATEVER, tmp_path), run_id)
    assert log() == []  # nothing runs again while nothing has changed
    changed = flow_of_source(WHATEVER.replace(old, new), tmp_path)
    done = resumed_well(changed, run_id)
    assert values(done) == values(changed().run())
    assert values(done) != values(flow_of_source(WHATEVER, tmp_path)().run())


def test_a_file_that_is_given_and_has_changed_is_read_again(log: Callable[[], list[str]]) -> None:
    Path("given.txt").write_text("before")
    BROKEN.add("last")
    run_id = failed(Given(file=TextFile("given.txt")))
    took()
    assert failed_again(Given, run_id) == ["last"]
    Path("given.txt").write_text("after")
    log()
    done = resumed_well(Given, run_id)
    assert (done.text, done.last) == ("after", 1)
    assert "Task 'text': runs again: a file of file has another content" in log()


@task
def length_of(token: str) -> int:
    ran("length")
    return len(token)


class Signed(LumeFlow):
    token: str = parameter(secret=True, env="LAB_TOKEN")

    length = length_of(token)
    first = counted("first")
    last = counted("last", first)


def test_what_takes_a_secret_runs_again_with_another_one(
    log: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_TOKEN", "hunter2-is-long")
    BROKEN.add("last")
    run_id = failed(Signed())
    took()
    assert failed_again(Signed, run_id) == ["last"]
    monkeypatch.setenv("LAB_TOKEN", "hunter2")
    log()
    assert resumed_well(Signed, run_id).length == 7
    assert took() == ["length", "last"]
    assert log() == ["Task 'length': runs again: token is another one"]


def test_a_flow_of_the_same_name_in_another_file_is_another_flow(tmp_path: Path) -> None:
    BROKEN.add("last")
    run_id = failed(flow_of_source(WHATEVER, tmp_path)())
    copy = flow_of_source(WHATEVER, tmp_path, "copied")
    with pytest.raises(RunError, match=r"is of changing:Changing in .*changing\.py, not of copied:Changing in"):
        copy.resume(run_id)
    (tmp_path / "changing.py").unlink()
    assert resumed_well(copy, run_id).flow_run.id == run_id


@task
def content_of(file: TextFile) -> str:
    return file.read()


class Given(LumeFlow):
    file: TextFile = parameter()

    text = content_of(file)
    last = counted("last", 0)


def test_what_changed_and_was_not_reached_again_is_still_changed(tmp_path: Path) -> None:
    BROKEN.add("reported")
    run_id = failed(flow_of_source(CHANGING, tmp_path)())
    changed = CHANGING.replace("[1.0] *", "[2.0] *")
    BROKEN.add("Ctrl-C in mean")
    took()
    with pytest.raises(KeyboardInterrupt):
        flow_of_source(changed, tmp_path).resume(run_id)
    assert took() == ["measured", "mean"]
    BROKEN.clear()
    assert flow_of_source(changed, tmp_path).resume(run_id).report == "5.0 4"
    assert took() == ["mean", "reported"]


# values


@attrs.frozen
class Twiss:
    alpha: float
    beta: float


@task
def made(kind: str) -> Any:
    ran(kind)
    return {
        "array": np.arange(40_000, dtype=">f4").reshape(200, 200),
        "frame": pd.DataFrame({"t": pd.date_range("2026-01-01", periods=2, tz="UTC")}),
        "class": [Twiss(1.0, -0.0)],
        "none": None,
        "tuple": (1, (2.0, b"\0")),
        "text": "",
        "set": {1, 2},
    }[kind]


@task
def took_all(values: list[Any]) -> list[str]:
    ran("took")
    return [type(value).__name__ for value in values]


class Values(LumeFlow):
    array = made("array")
    frame = made("frame")
    twiss = made("class")
    nothing = made("none")
    pair = made("tuple")
    text = made("text")
    names = took_all([array, frame, twiss, nothing, pair, text])


def test_values_come_back_as_what_they_were() -> None:
    BROKEN.add("took")
    run_id = failed(Values())
    took()
    BROKEN.clear()
    done = Values.resume(run_id)
    assert took() == ["took"]
    assert done.names == ["ndarray", "DataFrame", "list", "NoneType", "tuple", "str"]
    assert done.array.dtype == np.dtype(">f4")
    np.testing.assert_array_equal(done.array, np.arange(40_000).reshape(200, 200))
    pd.testing.assert_frame_equal(done.frame, pd.DataFrame({"t": pd.date_range("2026-01-01", periods=2, tz="UTC")}))
    assert (done.twiss, done.pair, done.text, done.nothing) == ([Twiss(1.0, -0.0)], (1, (2.0, b"\0")), "", None)


def test_a_value_is_what_the_task_returned_and_not_what_the_next_made_of_it() -> None:
    @task
    def listed() -> list[int]:
        ran("listed")
        return [1]

    @task
    def appended(values: list[int]) -> int:
        ran("appended")
        values.append(2)
        return len(values)

    class Appending(LumeFlow):
        values = listed()
        length = appended(values)
        last = counted("last", length)

    BROKEN.add("last")
    run_id = failed(Appending())
    BROKEN.clear()
    assert Appending.resume(run_id).values == [1]


class Unkept(LumeFlow):
    chosen = made("set")
    first = counted("first", 0)
    names = took_all([chosen])
    last = counted("last", first)
    names_again: list[str] = result(names)


def test_what_could_not_be_kept_is_made_again_only_where_it_is_taken(log: Callable[[], list[str]]) -> None:
    BROKEN.add("last")
    run_id = failed(Unkept())
    took()
    done = resumed_well(Unkept, run_id)
    assert took() == ["last"]
    assert done.names_again == ["set"]
    with pytest.raises(NotRunError, match=r"Unkept\.chosen has no value: it ran before .* set cannot be stored"):
        _ = done.chosen
    BROKEN.add("took")
    run_id = failed(Unkept())
    took()
    log()
    assert resumed_well(Unkept, run_id).names == ["set"]
    assert took() == ["set", "took"]
    (told,) = log()
    assert told.startswith("Task 'chosen': runs again: what it returned could not be kept: ")


def resumed_well(flow: Any, run_id: str) -> Any:
    BROKEN.clear()
    return flow.resume(run_id)


@task
def drawn() -> Any:
    ran("drawn")
    return {random.random()}


@task
def largest(numbers: Any) -> float:
    ran("largest")
    return max(numbers)


@task
def agree(numbers: Any, number: float) -> bool:
    ran("agree")
    return bool(max(numbers) == number)


@task
def three_objects() -> list[Any]:
    return [{random.random()} for _ in range(3)]


class Drawn(LumeFlow):
    numbers = drawn()
    number = largest(numbers)
    same = agree(numbers, number)


class DrawnMap(LumeFlow):
    sets = three_objects()
    numbers = largest.map(sets)
    same = agree.map(sets, numbers)


def test_nothing_is_made_of_a_value_that_is_made_again_and_of_what_came_of_the_one_before() -> None:
    for flow in (Drawn, DrawnMap):
        for broken in ("agree", "largest"):
            BROKEN.add(broken)
            run_id = failed(flow())
            assert resumed_well(flow, run_id).same in (True, [True, True, True])
    took()
    BROKEN.add("agree")
    run_id = failed(Drawn())
    took()
    resumed_well(Drawn, run_id)
    assert took() == ["drawn", "largest", "agree"]


@task(checkpoint=False)
def mode() -> str:
    return "b"


@task
def breaks() -> int:
    ran("breaks")
    return 1


class Branches(LumeFlow):
    chosen = mode()
    before = breaks()
    with case(chosen, "a"):
        a = counted("a", before)
    with case(chosen, "b"):
        b = counted("b", before)
    out = merge(a, b)


def test_of_branches_whose_condition_is_not_kept_one_runs() -> None:
    BROKEN.add("Ctrl-C in breaks")
    with pytest.raises(KeyboardInterrupt):
        Branches().run()
    took()
    done = resumed_well(Branches, *kept())
    assert (done.a, done.b, done.out) == (None, 2, 2)
    assert took() == ["breaks", "b"]


@task(skip_on_upstream_skip=False)
def seen(value: Any) -> str:
    ran("seen")
    return f"{type(value).__name__} {value!r:.4}"


@task
def skips(result: bool) -> Any:
    raise SKIP("low", result=5) if result else SKIP("low")


class Skipping(LumeFlow):
    given = skips(result=True)
    plain = skips(result=False)
    each = skips.map([True, False])
    seen_given = seen(given)
    seen_plain = seen(plain)
    seen_each = seen.map(each)


def test_what_a_skip_gives_is_kept() -> None:
    expected = ("int 5", "SKIP SKIP", ["int 5", "SKIP SKIP"])
    done = Skipping().run()
    assert (done.seen_given, done.seen_plain, done.seen_each) == expected
    BROKEN.add("seen")
    done = resumed_well(Skipping, failed(Skipping()))
    assert (done.seen_given, done.seen_plain, done.seen_each) == expected


class SkippedMap(LumeFlow):
    chosen = counted("chosen")
    with case(chosen, 7):
        items = numbered.map([1, 2], unmapped("item"))
        first = items[0]
    other = counted("other")
    got = merge(first, other)
    heavy = counted("heavy", got)
    last = counted("last", heavy)


def test_a_map_in_a_branch_that_was_not_taken_is_left_alone() -> None:
    BROKEN.add("last")
    run_id = failed(SkippedMap())
    took()
    assert resumed_well(SkippedMap, run_id).last == 3
    assert took() == ["last"]


class Worded(LumeFlow):
    token: str = parameter(secret=True)
    year: str = parameter(default="shots-2026.h5")
    number: int = parameter(default=20261)

    first = counted("first")
    last = counted("last", first)

    @step
    def told(self, last: int) -> list[Any]:
        return [self.year, self.number, last]


@pytest.mark.parametrize("token", ["2026", "name", "state", "Success", "lume", "first", "start_time", "0000"])
def test_a_secret_that_is_a_word_takes_no_file_of_a_run_apart(token: str) -> None:
    BROKEN.add("last")
    run_id = failed(Worded(token=token))
    BROKEN.clear()
    again = {"token": token} | ({"year": "shots-2026.h5", "number": 20261} if token == "2026" else {})
    if token == "2026":
        with pytest.raises(RunError, match="had for year is recorded nowhere, as it is secret, or holds one"):
            Worded.resume(run_id, parameters={"token": token})
    took()
    assert Worded.resume(run_id, parameters=again).told == ["shots-2026.h5", 20261, 2]
    assert runs().one().state == "Success"
    if token != "first":
        assert took() == ["last"]


@task
def wrapped_token(token: str, how: str) -> Any:
    forms: dict[str, Any] = {
        "bytes": f"Bearer {token}".encode(),
        "array": np.array([token, "x"]),
        "codes": np.frombuffer(token.encode(), "u1"),
        "frame": pd.DataFrame({"token": [token]}),
        "address": f"https://host/?token={quote(token, safe='')}",
        "large": np.array([token] * 5000),
    }
    return forms[how]


class Wrapped(LumeFlow):
    token: str = parameter(secret=True)
    how: str = parameter()

    wrapped = wrapped_token(token, how)
    last = counted("last")


@pytest.mark.parametrize("how", ["bytes", "array", "codes", "frame", "address", "large"])
def test_a_secret_is_not_kept_whatever_holds_it(how: str) -> None:
    token = "hunter2/ is=long"
    BROKEN.add("last")
    run_id = failed(Wrapped(token=token, how=how))
    files = [path.read_bytes() for path in (folder_of(home()) / run_id).rglob("*") if path.is_file()]
    assert any(b'"unkept":"' in content for content in files)
    forms = [token.encode(), quote(token).encode(), token.encode("utf-32-le"), b"aHVudGVy", b"h1bnRlc", b"odW50ZX"]
    assert not [form for form in forms for content in files if form in content]


def test_a_task_may_say_that_its_value_is_not_kept() -> None:
    class Own(LumeFlow):
        first = counted.with_options(checkpoint=False)("first")
        second = counted("second", first)

    BROKEN.add("second")
    run_id = failed(Own())
    took()
    assert resumed_well(Own, run_id).second == 2
    assert took() == ["first", "second"]


def test_damaged_lines_and_contents_count_for_nothing() -> None:
    BROKEN.add("took")
    run_id = failed(Values())
    took()
    folder = folder_of(home()) / run_id
    (lines,) = folder.glob("1.*.tasks")
    text = lines.read_bytes()
    lines.write_bytes(text.replace(b'"Success"', b'"Skipped"') + b"torn")  # in each line, however many there are
    run_again = resumed_well(Values, run_id)
    assert sorted(took()) == ["array", "class", "frame", "none", "text", "took", "tuple"]
    assert run_again.text == ""
    BROKEN.add("took")
    run_id = failed(Values())
    took()
    for content in (folder_of(home()) / run_id / "contents").iterdir():
        content.write_bytes(content.read_bytes()[:-1])
    resumed_well(Values, run_id)
    assert took() == ["array", "took"]


def test_a_file_or_record_that_is_gone_is_saved_again(tmp_path: Path, log: Callable[[], list[str]]) -> None:
    mend(tmp_path)

    class Both(LumeFlow):
        first = counted("first")
        text: TextFile = file_result("text", filename="text.txt")
        record: DBResult = db_result(first=first)
        last = counted("last", first)

    BROKEN.add("last")
    run_id = failed(Both())
    took()
    Path("text.txt").unlink()
    assert results(flow="Both").delete() == 1
    log()
    done = resumed_well(Both, run_id)
    assert took() == ["last"]
    assert [line.partition(", which")[0].rpartition(" ")[0] for line in log()] == [
        "Task 'text': runs again: the file",
        "Task 'record': runs again: the record",
    ]
    assert done.text.read() == "text"
    assert done.record.outputs == {"first": 1}


# the shapes of flows


def test_branches_steps_and_subflows_go_on() -> None:
    class Inner(LumeFlow):
        start: int = 1
        one = counted("inner one", start)
        two = counted("inner two", one)

    class Outer(LumeFlow):
        flag: bool = True
        starts: list[int] = parameter(default=[1, 2])

        with case(flag, True):
            yes = counted("yes")
        with case(flag, False):
            no = counted("no")
        chosen = merge(yes, no)
        inner = Inner(start=chosen)
        each = Inner.map(start=starts)

        @step
        def summed(self, chosen: int, inner: Any = inner.two) -> int:
            ran("summed")
            return chosen + int(inner) + len(self.starts)

        last = counted("last", summed)

    BROKEN.add("summed")
    run_id = failed(Outer())
    assert took().count("inner two") == 3
    done = resumed_well(Outer, run_id)
    assert took() == ["summed", "last"]
    assert done.last == 7
    assert done.no is None
    assert type(done.flow_run.tasks["no"]).__name__ == "Skipped"
    assert (done.inner.two, [one.two for one in done.each]) == (3, [3, 4])


def test_resources_are_set_up_and_cleaned_up_again() -> None:
    @resource_manager
    class Opened:
        def setup(self) -> int:
            ran("setup")
            return 5

        def cleanup(self, resource: int) -> None:
            ran("cleanup")

    class Held(LumeFlow):
        with Opened() as number:
            first = counted("first", number)
            second = counted("second", first)

    BROKEN.add("second")
    run_id = failed(Held())
    assert took() == ["setup", "first", "second", "cleanup"]
    assert resumed_well(Held, run_id).second == 7
    assert took() == ["setup", "second", "cleanup"]


def test_options_of_tasks_count_as_ever() -> None:
    class Retried(LumeFlow):
        first = counted("first")
        second = counted.with_options(max_retries=2, retry_delay=timedelta(0))("second", first)

    BROKEN.add("second")
    run_id = failed(Retried())
    assert took() == ["first", "second", "second", "second"]
    assert resumed_well(Retried, run_id).second == 2
    assert took() == ["second"]


def test_a_part_of_a_map_runs_and_those_of_its_runs_that_succeeded_do_not() -> None:
    @task
    def each(i: int) -> int:
        ran(f"each {i}")
        return i

    class Maps(LumeFlow):
        n: list[int] = parameter(default=[0, 1, 2, 3])
        one = each.map(n)
        two = each.map(one)

    BROKEN.add("each 1")
    run_id = failed(Maps())
    assert took() == ["each 0", "each 1", "each 2", "each 3", "each 0", "each 2", "each 3"]
    assert resumed_well(Maps, run_id).two == [0, 1, 2, 3]
    assert took().count("each 1") == 2


def test_a_map_of_values_that_could_not_be_kept_is_made_again_where_it_is_taken() -> None:
    @task
    def sets(i: int) -> Any:
        ran(f"set {i}")
        return {i} if i % 2 else i

    class Sets(LumeFlow):
        n: list[int] = parameter(default=[0, 1, 2, 3])
        made_sets = sets.map(n)
        names = took_all(made_sets)
        last = counted("last")

    BROKEN.update(["set 2", "last"])
    run_id = failed(Sets())
    took()
    BROKEN.remove("set 2")
    BROKEN.add("took")
    assert sorted(failed_again(Sets, run_id)) == ["last", "set 1", "set 2", "set 3", "took"]
    BROKEN.remove("took")
    assert sorted(failed_again(Sets, run_id)) == ["last", "set 1", "set 3", "took"]
    done = resumed_well(Sets, run_id)
    assert took() == ["last"]
    assert done.names == ["int", "set", "int", "set"]
    with pytest.raises(NotRunError, match="set cannot be stored"):
        _ = done.made_sets


def test_a_file_of_a_map_that_is_gone_is_saved_again_and_no_other() -> None:
    @task
    def told(i: int) -> str:
        ran(f"told {i}")
        return f"text {i}"

    class Letter(LumeFlow):
        i: int = 0
        text = told(i)
        file: TextFile = file_result(text, filename="{i}.txt")

    class Letters(LumeFlow):
        n: list[int] = parameter(default=[0, 1])
        letters = Letter.map(i=n)
        last = counted("last")

    BROKEN.add("last")
    run_id = failed(Letters())
    took()
    Path("1.txt").unlink()
    kept_file = Path("0.txt").stat().st_mtime_ns
    done = resumed_well(Letters, run_id)
    assert took() == ["last"]
    assert [one.file.read() for one in done.letters] == ["text 0", "text 1"]
    assert Path("0.txt").stat().st_mtime_ns == kept_file


# parameters


@task
def logged_in(password: str) -> bool:
    ran("logged in")
    return len(password) > 4


class Secretive(LumeFlow):
    password: str = parameter(secret=True)
    pin: str | None = parameter(secret=True, default=None)
    charge: float = 250.0

    ok = logged_in(password)
    last = counted("last")


def test_secrets_are_written_nowhere_and_given_again() -> None:
    BROKEN.add("last")
    run_id = failed(Secretive(password="hunter2-is-long"))
    for path in home().rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()
    with pytest.raises(RunError, match=r"what the run .* had for password is recorded nowhere, as it is secret"):
        Secretive.resume(run_id)
    BROKEN.clear()
    assert Secretive.resume(run_id, parameters={"password": "hunter2-is-long"}).ok
    assert runs().latest().parameters == {"password": "***", "pin": "***", "charge": 250.0}


def test_a_value_that_holds_a_secret_is_not_kept() -> None:
    @task
    def token(password: str) -> list[str]:
        ran("token")
        return [f"bearer {password}"]

    class Tokens(LumeFlow):
        password: str = parameter(secret=True)
        found = token(password)
        last = counted("last")
        length = took_all(found)

    BROKEN.update(["last", "took"])
    run_id = failed(Tokens(password="hunter2-is-long"))
    took()
    for path in home().rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()
    BROKEN.clear()
    Tokens.resume(run_id, parameters={"password": "hunter2-is-long"})
    assert sorted(took()) == ["last", "token", "took"]


def test_a_large_content_that_holds_a_secret_is_not_kept() -> None:
    @task
    def large(password: str) -> bytes:
        ran("large")
        return b"0" * 5_000_000 + password.encode() + b"0" * 100

    class Large(LumeFlow):
        password: str = parameter(secret=True)
        found = large(password)
        last = counted("last")

    BROKEN.add("last")
    failed(Large(password="hunter2-is-long"))
    assert b"hunter2" not in b"".join(path.read_bytes() for path in home().rglob("*") if path.is_file())


def test_parameters_are_the_runs() -> None:
    BROKEN.add("last")
    run_id = failed(Secretive(password="hunter2-is-long", charge=100))
    again = {"password": "hunter2-is-long"}
    with pytest.raises(RunError, match=r"is of charge=100\.0, and cannot go on with charge=99"):
        Secretive.resume(run_id, parameters={**again, "charge": 99})
    with pytest.raises(ParameterError, match="chrage: is not a parameter; did you mean 'charge'"):
        Secretive.resume(run_id, parameters={**again, "chrage": 99})
    BROKEN.clear()
    done = Secretive.resume(run_id, parameters={**again, "charge": 100})
    assert done.charge == 100.0


def test_a_parameter_that_is_gone_is_told_and_a_new_one_has_its_default(tmp_path: Path) -> None:
    BROKEN.add("reported")
    run_id = failed(flow_of_source(CHANGING, tmp_path)())
    renamed = CHANGING.replace("shots: int = 4", "shot_count: int = 4").replace("(shots)\n", "(shot_count)\n")
    with pytest.raises(RunError, match="has the parameter 'shots', which Changing has no more; run Changing anew"):
        flow_of_source(renamed, tmp_path).resume(run_id)
    BROKEN.clear()
    more = CHANGING.replace("    shots: int = 4\n", "    shots: int = 4\n    more: int = 1\n")
    assert flow_of_source(more, tmp_path).resume(run_id).more == 1


# what cannot be resumed


def test_a_run_of_another_flow_is_refused() -> None:
    BROKEN.add("third")
    run_id = failed(Chain())
    with pytest.raises(RunError, match=rf"the run {run_id} is of Chain \(.*test_resume:Chain\), not of Values"):
        Values.resume(run_id)


def test_a_run_that_is_not_there_has_succeeded_or_was_cleared_is_told() -> None:
    with pytest.raises(RunError, match="there is no run whose id begins with '00000000'"):
        Chain.resume("00000000")
    with pytest.raises(RunError, match="there is no run whose id begins with ''"):
        Chain.resume("")
    with pytest.raises(TypeError, match=r"resume\(5\): give a run's id, or what it begins with, or a run of runs"):
        Chain.resume(5)  # type: ignore[arg-type]  # as who asks no type checker
    Chain().run()
    with pytest.raises(RunError, match="has succeeded, so there is nothing to resume; run Chain anew"):
        Chain.resume(runs().latest())
    BROKEN.add("third")
    run_id = failed(Chain())
    Journal(home(), run_id).remove()
    with pytest.raises(RunError, match=f"nothing is kept of the run {run_id} in .*: it was cleared, or it ran on"):
        Chain.resume(run_id)


def test_a_run_that_is_still_going_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    process = started(tmp_path, "local")
    (found,) = runs()
    with pytest.raises(RunError, match=f"the run {found.id} is still going: process {process.pid} on .* has it"):
        Stages.resume(found)
    end(process, signal.SIGKILL)


def test_a_resume_waits_for_whoever_files_the_run(tmp_path: Path) -> None:
    end(started(tmp_path, "local"), signal.SIGKILL)
    mend(tmp_path)
    (run_id,) = journals(home())
    filing = Journal(home(), run_id)
    filing.keep_still()
    assert not Journal(home(), run_id).is_held  # it is not going
    waiting = threading.Timer(1.0, filing.let_go)
    waiting.start()
    assert Stages.resume(run_id).flow_run.state.is_successful()
    waiting.join()


def test_looking_at_runs_keeps_nobody_from_resuming_one(tmp_path: Path) -> None:
    end(started(tmp_path, "local"), signal.SIGKILL)
    mend(tmp_path)
    runs().count()
    (run_id,) = journals(home())
    journal, over = Journal(home(), run_id), threading.Event()

    def look() -> None:
        while not over.is_set():
            _ = journal.is_held

    looking = [threading.Thread(target=look) for _ in range(2)]
    for one in looking:
        one.start()
    try:
        for _ in range(50):
            held = Journal(home(), run_id)
            held.hold()
            held.let_go()
    finally:
        over.set()
        for one in looking:
            one.join()


def test_what_a_handler_makes_of_a_run_is_what_is_recorded() -> None:
    class Handled(LumeFlow):
        first = counted("first")

    def failing(_flow: Any, _old: State, new: State) -> State:
        return Failed("it was a Sunday") if new.is_successful() else new

    Handled.flow.state_handlers.append(failing)
    run_id = failed(Handled())
    assert (runs().one().state, runs().one().message) == ("Failed", "it was a Sunday")
    Handled.flow.state_handlers.remove(failing)
    took()
    assert Handled.resume(run_id).first == 1
    assert took() == []


def test_a_run_that_was_killed_is_not_held_by_processes_that_it_has_forked(tmp_path: Path) -> None:
    process = started(tmp_path, "processes")
    children = psutil.Process(process.pid).children(recursive=True)
    for child in children:
        child.suspend()  # so that it does not end with its parent
    process.kill()
    process.wait(30)
    try:
        assert any(child.is_running() for child in children)
        assert runs().latest().state == "Interrupted"
        mend(tmp_path)
        assert Stages.resume(runs().latest()).flow_run.state.is_successful()
    finally:
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()


@pytest.mark.parametrize("place", ["put", "rename", "unlink"])
def test_a_run_that_succeeded_has_so_wherever_its_process_is_killed(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    where: Any = {"put": (Journal, "remove"), "rename": (os, "listdir"), "unlink": (os, "rmdir")}[place]
    with monkeypatch.context() as patched:
        patched.setattr(*where, killed)
        with pytest.raises(FlowRunError):
            Chain().run()
    assert runs().one().state == "Success"
    assert list(folder_of(home()).iterdir()) == []


def test_a_resume_that_comes_too_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    BROKEN.add("third")
    run_id = failed(Chain())
    journal = Journal(home(), run_id)
    resumed_well(Chain, run_id)
    with pytest.raises(RunError, match=f"the run {run_id} has just succeeded or been cleared by another process"):
        journal.hold()


def test_of_two_resumes_at_once_one_goes_on(tmp_path: Path) -> None:
    end(started(tmp_path, "local"), signal.SIGKILL)
    traced(tmp_path)
    mend(tmp_path)
    run_id = runs().latest().id
    script = f"from tests.flows.resumed import Stages; Stages.resume({run_id!r})"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PREFECT__LOGGING__LEVEL": "CRITICAL"}
    processes = [
        subprocess.Popen([sys.executable, "-c", script], env=env, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1, 1]
    for one in told:
        assert not one or "still going" in one or "has succeeded" in one or "there is no run" in one, one
    assert traced(tmp_path) == ["fourth", "third"]


@pytest.mark.parametrize("name", ["1.begin", "1.made", "end"])
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1}'])
def test_a_damaged_file_of_a_run_is_told_and_others_are_listed(name: str, text: str) -> None:
    BROKEN.add("third")
    run_id, other = failed(Chain()), failed(Chain())
    (folder_of(home()) / run_id / name).write_text(text)
    (folder_of(home()) / run_id / "filed").unlink()
    assert other in [one.id for one in runs()]
    with pytest.raises(RunError, match=rf"{run_id}/{name} cannot be read: "):
        Chain.resume(run_id)
    assert not Journal(home(), run_id).is_held


def test_a_missing_begin_is_told_and_others_are_listed() -> None:
    BROKEN.add("third")
    run_id, other = failed(Chain()), failed(Chain())
    for _ in range(2):
        failed_again(Chain, run_id)
    (folder_of(home()) / run_id / "2.begin").unlink()
    (folder_of(home()) / run_id / "filed").unlink()
    assert other in [one.id for one in runs()]
    with pytest.raises(RunError, match=rf"{run_id}/2\.begin cannot be read: "):
        Chain.resume(run_id)


def test_a_value_that_fails_without_a_word_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise MemoryError

    BROKEN.add("took")
    with monkeypatch.context() as patch:
        patch.setattr("lume_dsl.engine.recorder.exact_form", fails)
        run_id = failed(Unkept())
    took()
    assert resumed_well(Unkept, run_id).names == ["set"]


def test_a_folder_of_another_name_is_no_run() -> None:
    (folder_of(home()) / "a name").mkdir(parents=True)
    (folder_of(home()) / "a name" / "1.begin").write_text("{}")
    assert list(runs()) == []
    for run_id in ("../x", "a name", "\0", "x" * 1000):
        with pytest.raises(RunError):
            Chain.resume(run_id)


def test_a_run_is_not_held_by_a_resume_that_was_refused() -> None:
    BROKEN.add("last")
    run_id = failed(Secretive(password="hunter2-is-long"))
    for _ in range(2):
        with pytest.raises(RunError, match="is recorded nowhere"):
            Secretive.resume(run_id)
    assert not Journal(home(), run_id).is_held


# what is recorded


def test_every_run_is_recorded_with_what_became_of_it() -> None:
    before = datetime.now(timezone.utc)
    done = Chain().run()
    BROKEN.add("third")
    run_id = failed(Chain())
    Chain.flow.run()
    newest, second, first = runs()
    assert (newest.state, second.state, first.state) == ("Failed", "Failed", "Success")
    assert first.id == done.flow_run.id
    assert second.id == run_id
    assert before <= first.start_time <= first.tasks[0].start_time <= first.end_time  # type: ignore[operator]
    assert [(one.name, one.state) for one in second.tasks] == [
        ("first", "Success"),
        ("second", "Success"),
        ("third", "Failed"),
        ("fourth", "TriggerFailed"),
    ]
    assert second.errors == ({"task": "third", "type": "ValueError", "message": "third is broken"},)
    assert second.flow == f"{__name__}:Chain"
    assert second.source_sha256 is not None


def test_a_run_takes_as_long_as_its_attempts() -> None:
    BROKEN.add("third")
    run_id = failed(Chain())
    time.sleep(1.0)
    resumed_well(Chain, run_id)
    (found,) = runs()
    assert found.end_time is not None
    assert found.end_time - found.start_time > timedelta(seconds=1)
    assert found.seconds is not None
    assert 0 < found.seconds < (found.end_time - found.start_time).total_seconds() - 1
    assert list(runs().to_frame()["seconds"]) == [found.seconds]


def test_results_are_recorded_by_reference(tmp_path: Path) -> None:
    mend(tmp_path)
    done = Squares(folder=str(tmp_path)).run()
    (found,) = runs()
    assert found.results == {"text": done.text.reference(), "record": done.record.reference()}
    assert [one.name for one in found.tasks if one.name.startswith("squares")] == [f"squares[{n}]" for n in range(4)]


@pytest.mark.parametrize("server", ["postgresql_url", "mongodb_url"])
def test_the_configured_store_has_the_runs(
    server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", request.getfixturevalue(server))
    BROKEN.add("third")
    run_id = failed(Chain())
    assert not (home() / "results.db").exists()
    assert Chain.runs().one().state == "Failed"
    resumed_well(Chain, run_id)
    assert Chain.runs().one().state == "Success"


def test_a_store_that_does_not_answer_holds_no_run_up(
    unused_port: int, monkeypatch: pytest.MonkeyPatch, log: Callable[[], list[str]]
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("LUME_RESULTS_DB__URL", f"postgresql://user:secret@127.0.0.1:{unused_port}/lume")
        assert Chain().run().fourth == 4
        assert Chain().run().fourth == 4
        first, second = log()
        assert first.startswith("the record of this run is not stored: no database answers at ")
        assert re.search(r"the store did not answer \d+ s ago; ", second)
        assert "secret" not in first + second
    assert runs().count() == 2  # in the store that is there now
    assert kept() == []


def test_a_home_that_cannot_be_written_is_told_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Callable[[], list[str]]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LUME_HOME", str(tmp_path / "file" / "home"))
    assert Chain().run().fourth == 4
    (told,) = log()
    assert told.startswith("this run is not recorded: Not a directory: ")
    assert told.endswith("; set LUME_HOME to a folder that you may write to")


def test_what_is_kept_is_its_owners_alone() -> None:
    BROKEN.add("took")
    failed(Values())
    folder = folder_of(home()) / kept()[0]
    for path in [folder, *folder.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or path.parent.name == "contents", path


def test_runs_are_found_by_parameters_state_and_time() -> None:
    BROKEN.add("last")
    for charge in (1.0, 2.0):
        failed(Secretive(password="hunter2-is-long", charge=charge))
    BROKEN.clear()
    Secretive(password="hunter2-is-long", charge=2.0).run()
    Chain().run()
    assert [one.flow_name for one in runs()] == ["Chain", "Secretive", "Secretive", "Secretive"]
    assert runs(Secretive, charge=2).count() == Secretive.runs(charge=2.0).count() == 2
    assert len(Secretive.runs().in_state("Failed")) == 2
    assert Secretive.runs(charge=2.0).in_state("Success").one().parameters["charge"] == 2.0
    now = datetime.now(timezone.utc)
    assert runs().started(since=now - timedelta(minutes=1), until=now).count() == 4
    assert not runs().started(since=now)
    assert [one.flow_name for one in runs().limit(1)] == ["Chain"]
    assert list(Secretive.runs().to_frame()["parameters.charge"]) == [2.0, 2.0, 1.0]
    assert runs().in_state("failed").count() == 2
    assert repr(runs()) == "Runs()"
    assert repr(Secretive.runs(charge=2).in_state("failed").limit(3)) == (
        "Runs(flow_name='Secretive', states=('Failed',), charge=2.0, limit=3)"
    )
    assert repr(runs().started(since=datetime(2026, 1, 1, tzinfo=timezone.utc))) == (
        "Runs(since='2026-01-01T00:00:00+00:00')"
    )
    with pytest.raises(RunError, match="no run is ever 'faild'; did you mean 'Failed'"):
        runs().in_state("faild")
    today, tomorrow = datetime.now().date(), datetime.now().date() + timedelta(days=1)
    assert runs().started(since=str(today - timedelta(days=1)), until=f"{tomorrow} 08:15").count() == 4
    for wrong in ("yesterday", today, 5):
        with pytest.raises(RunError, match=r"is no time: write '2026-11-30', '2026-11-30 08:15', or a datetime"):
            runs().started(since=wrong)  # type: ignore[arg-type]  # as who asks no type checker
    with pytest.raises(ParameterError, match="chrage: is not a parameter"):
        Secretive.runs(chrage=1.0)
    with pytest.raises(RunError, match="there is no run with flow_name='Values'"):
        Values.runs().latest()
    with pytest.raises(RunError, match="expected one run with flow_name='Secretive', found 3"):
        Secretive.runs().one()
    with pytest.raises(TypeError, match=r"write \.latest\(\) for the newest"):
        runs()[0]  # type: ignore[index]


def test_a_flow_may_have_parameters_of_these_names() -> None:
    class Named(LumeFlow):
        runs: int = 1
        resume: str = "x"
        last = counted("last")

    BROKEN.add("last")
    run_id = failed(Named(runs=2))
    BROKEN.clear()
    assert resume(Named, run_id).runs == 2
    assert runs(Named, runs=2).one().id == run_id


def test_runs_by_a_schedule_are_recorded_each() -> None:
    from prefect.schedules import Schedule
    from prefect.schedules.clocks import DatesClock

    from lume_dsl import flow

    now = datetime.now(timezone.utc)

    @flow(schedule=Schedule(clocks=[DatesClock([now + timedelta(seconds=s) for s in (0.5, 1.0)])]))
    class Scheduled(LumeFlow):
        last = counted("last")

    Scheduled.flow.run()
    assert took() == ["last", "last"]
    assert [one.state for one in Scheduled.runs()] == ["Success", "Success"]


@task
def scheduled() -> str:
    ran("scheduled")
    return str(prefect.context["scheduled_start_time"])


BERLIN = pendulum.datetime(2026, 7, 1, 12, tz="Europe/Berlin")


@pytest.mark.parametrize("time_of", [BERLIN, pendulum.datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone.utc)])
def test_a_run_that_goes_on_has_the_time_of_its_schedule(time_of: datetime) -> None:
    class Timed(LumeFlow):
        at: str = result(scheduled())

    BROKEN.add("scheduled")
    run_id = failed(Timed(), context={"scheduled_start_time": time_of})
    assert failed_again(Timed, run_id)
    assert resumed_well(Timed, run_id).at == str(pendulum.instance(time_of))


def test_a_run_by_prefects_schedule_goes_on_with_its_time() -> None:
    from prefect.schedules import Schedule
    from prefect.schedules.clocks import DatesClock

    from lume_dsl import flow

    soon = pendulum.now("utc").add(seconds=1)

    @flow(schedule=Schedule(clocks=[DatesClock([soon])]))
    class Timed(LumeFlow):
        at: str = result(scheduled())

    BROKEN.add("scheduled")
    Timed.flow.run()
    assert resumed_well(Timed, runs().one().id).at == str(soon)
    BROKEN.add("scheduled")
    failed(Timed())
    assert "scheduled_start_time" not in runs().latest().document


def test_prefects_own_runner_is_recorded_too() -> None:
    from prefect.engine import FlowRunner

    Chain.flow.run(runner_cls=FlowRunner)
    (found,) = runs()
    assert (found.tasks[0].name, found.tasks[0].seconds) == ("first", None)


def test_a_flow_by_hand_as_a_class_goes_on() -> None:
    from lume_dsl import from_prefect

    @prefect.task
    def one() -> int:
        ran("one")
        return 1

    @prefect.task
    def two(x: int) -> int:
        ran("two")
        return x + 1

    with prefect.Flow("ByHand") as by_hand:
        two(one())
    flow = from_prefect(by_hand)
    BROKEN.add("two")
    run_id = failed(flow())
    took()
    resumed_well(flow, run_id)
    assert took() == ["two"]


def test_a_handler_that_fails_leaves_a_run_that_is_recorded() -> None:
    from lume_dsl import flow

    def refuse(_flow: Any, _old: Any, new: Any) -> Any:
        if new.is_finished():
            raise ValueError("no")
        return new

    @flow(state_handlers=[refuse])
    class Handled(LumeFlow):
        last = counted("last")

    with pytest.raises(FlowRunError):
        Handled().run()
    assert runs().one().state == "Failed"
    assert not Journal(home(), runs().one().id).is_held


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process can be larger than 200 kB, as where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files", "log")
def test_what_could_not_be_written_is_told_when_it_happens_and_once_a_task(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def noise(size: int) -> np.ndarray[Any, Any]:
        return np.random.default_rng(size).random(size)

    @task
    def data(size: int) -> bytes:
        return os.urandom(size)  # which nothing changes, and is written later

    class Large(LumeFlow):
        sizes: list[int] = parameter(factory=lambda: [200_000, 200_001, 3])
        arrays = noise.map(sizes)
        packed = data(1_000_000)
        short = data(3)
        last = counted("last")

    BROKEN.add("last")
    failed(Large())
    told = [one.getMessage() for one in caplog.records if "could not be written" in one.getMessage()]
    why = "would run again, as what it returned could not be written: File too large"
    assert sorted(one.partition(": File too large")[0] + ": File too large" for one in told) == [
        f"should this run fail, arrays {why}",
        f"should this run fail, packed {why}",
    ]
    assert all(str(home()) in one for one in told)
    assert all(one.endswith("; make room there, or set LUME_HOME to another folder") for one in told)
