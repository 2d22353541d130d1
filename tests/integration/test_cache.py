"""Caching by content: a task of the same source and inputs is not run again, whatever runs it, and never wrongly."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import prefect
import pytest
from prefect.engine.signals import LOOP, SKIP
from prefect.engine.state import Cached, Skipped, Success

from lume_dsl import DBResult, File, LumeFlow, TextFile, case, db_result, file_result, merge, parameter, step, task
from lume_dsl.cache.entries import Cache, Entry
from lume_dsl.errors import FlowRunError

RAN: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The lines of this test's log, since it was asked last."""
    monkeypatch.setattr(logging.getLogger("prefect"), "propagate", True)
    caplog.set_level(logging.INFO, logger="prefect")

    def lines() -> list[str]:
        found = [f"{one.levelname} {one.getMessage()}" for one in caplog.records]
        caplog.clear()
        return [line for line in found if "task run" not in line and "Flow run" not in line]

    return lines


def names_of_states(run: LumeFlow, name: str) -> list[str]:
    state = run.flow_run.tasks[name]
    return [type(one).__name__ for one in (state.map_states if state.is_mapped() else [state])]


@task(cache=True)
def double(x: float) -> float:
    RAN.append(x)
    return 2 * x


@task(cache=True)
def total(values: list[float]) -> float:
    RAN.append("total")
    return sum(values)


class Doubles(LumeFlow):
    x: float = 1.0
    xs: list[float] = [1.0, 2.0]

    one = double(x)
    each = double.map(xs)
    whole = total(each)


class Single(LumeFlow):
    x: float = 1.0

    one = double(x)


class Within(LumeFlow):
    xs: list[float] = [1.0, 5.0]

    inner = Doubles(x=7.0)
    runs = Single.map(x=xs)
    named = double.with_options(name="renamed")(1.0)


def test_the_same_task_with_the_same_inputs_runs_once() -> None:
    first = Doubles().run()
    assert RAN == [1.0, 2.0, "total"]  # each[0] took what one had made in the same run
    assert (first.one, first.each, first.whole) == (2.0, [2.0, 4.0], 6.0)
    second = Doubles().run()
    assert RAN == [1.0, 2.0, "total"]
    assert (second.one, second.each, second.whole) == (2.0, [2.0, 4.0], 6.0)
    assert names_of_states(second, "each") == ["Cached", "Cached"]
    assert names_of_states(second, "whole") == ["Cached"]


def test_the_state_and_the_log_say_so(log: Callable[[], list[str]]) -> None:
    Doubles().run()
    log()
    state = Doubles().run().flow_run.tasks["one"]
    assert isinstance(state, Cached)
    assert state.message is not None
    assert state.message.startswith(f"cached value of {datetime.now(timezone.utc):%Y-%m-%d }")
    assert "of the same source and inputs (entry " in state.message
    assert f"INFO Task 'one': is not run: {state.message}" in log()


def test_maps_subflows_and_renamed_uses_share_what_is_the_same() -> None:
    run = Within().run()
    assert (run.named, run.inner.one, [one.one for one in run.runs]) == (2.0, 14.0, [2.0, 10.0])
    assert sorted(set(RAN) - {"total"}) == [1.0, 2.0, 5.0, 7.0]
    assert len(RAN) == len(set(RAN))


def test_why_a_task_runs_again_is_told(log: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    Doubles().run()
    assert [line for line in log() if "again" in line] == []
    Doubles(x=3.0).run()
    assert "INFO Task 'one': runs again: its inputs differ (x)" in log()
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 3.0)
    assert Scaled().run().value == 3.0
    log()
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 4.0)
    assert Scaled().run().value == 4.0
    assert log() == ["INFO Task 'value': runs again: its source has changed (FACTOR)"]


FACTOR = 1.0


def scaled(x: float) -> float:
    return x * FACTOR


@task(cache=True)
def by_function(x: float) -> float:
    return scaled(x)


class Scaled(LumeFlow):
    value = by_function(1.0)


# time


def lasting(lasts: timedelta) -> type[LumeFlow]:
    class Lasting(LumeFlow):
        value = double.with_options(cache=lasts)(4.0)

    return Lasting


def test_an_entry_lasts_as_long_as_is_said(log: Callable[[], list[str]], lume_home: Path) -> None:
    lasting(timedelta(days=7))().run()
    state = lasting(timedelta(days=7))().run().flow_run.tasks["value"]
    assert RAN == [4.0]
    assert isinstance(state, Cached)
    assert state.cached_result_expiration is not None
    left = state.cached_result_expiration - datetime.now(timezone.utc)
    assert timedelta(days=6, hours=23) < left < timedelta(days=7)
    log()
    lasting(timedelta(microseconds=1))().run()
    assert RAN == [4.0, 4.0]
    (line,) = log()
    assert "runs again: its entry of 20" in line
    assert line.endswith("UTC has expired, as it lasts 0:00:00.000001")
    (entry,) = Cache(lume_home).entries()  # a new one has taken its place
    assert isinstance(entry, Entry)
    assert datetime.now(timezone.utc) - entry.time < timedelta(seconds=30)


# processes and executors

MODULE = """
import os, sys
from lume_dsl import LumeFlow, flow, step, task

@task(cache=True)
def double(x: float) -> float:
    with open(os.environ.get("RAN") or "ran", "a") as file:
        print("double", x, file=file)
    return 2 * x

class Doubles(LumeFlow):
    xs: list[float] = [1.0, 2.0, 3.0]
    note: str = ""

    each = double.map(xs)

    @step(cache=True)
    def whole(self, each: list[float]) -> float:
        with open(os.environ.get("RAN") or "ran", "a") as file:
            print("whole", file=file)
        return sum(each) + len(self.xs)

if __name__ == "__main__":
    run = Doubles(note=sys.argv[2]).run(executor=sys.argv[1])
    print([type(one).__name__ for one in run.flow_run.tasks["each"].map_states], run.whole)
"""


def run_script(folder: Path, executor: str, note: str = "", **variables: str) -> str:
    command = [sys.executable, str(folder / "doubles.py"), executor, note]
    environment = {**os.environ, "RAN": str(folder / "ran"), **variables}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_another_process_and_another_executor_take_the_same_entries(tmp_path: Path) -> None:
    (tmp_path / "doubles.py").write_text(MODULE)
    assert run_script(tmp_path, "local") == "['Success', 'Success', 'Success'] 15.0"
    ran = (tmp_path / "ran").read_text()
    assert sorted(ran.splitlines()) == ["double 1.0", "double 2.0", "double 3.0", "whole"]
    for executor in ("processes", "threads", "local"):
        assert run_script(tmp_path, executor, note=executor) == "['Cached', 'Cached', 'Cached'] 15.0"
    (tmp_path / "doubles.py").write_text(MODULE.replace("import os, sys", "# Another layout.\nimport os\nimport sys\n"))
    assert run_script(tmp_path, "local") == "['Cached', 'Cached', 'Cached'] 15.0"
    assert (tmp_path / "ran").read_text() == ran
    (tmp_path / "doubles.py").write_text(MODULE.replace("2 * x", "3 * x"))
    assert run_script(tmp_path, "processes") == "['Success', 'Success', 'Success'] 21.0"


def test_workers_of_a_cluster_write_and_read_entries_where_the_run_says(
    tmp_path: Path, dask_cluster: str, lume_home: Path
) -> None:
    """They have another LUME_HOME, and get the script's functions by value."""
    (tmp_path / "doubles.py").write_text(MODULE.replace('os.environ.get("RAN") or "ran"', repr(str(tmp_path / "ran"))))
    address = dask_cluster.replace("tcp://", "dask://")
    assert run_script(tmp_path, address) == "['Success', 'Success', 'Success'] 15.0"
    assert run_script(tmp_path, address) == "['Cached', 'Cached', 'Cached'] 15.0"
    assert run_script(tmp_path, "local") == "['Cached', 'Cached', 'Cached'] 15.0"
    assert len(list(Cache(lume_home).entries())) == 4


def test_processes_that_run_the_same_at_once_all_have_the_value(tmp_path: Path) -> None:
    (tmp_path / "doubles.py").write_text(MODULE)
    command = [sys.executable, "doubles.py", "local", ""]
    started = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [one.communicate()[0].splitlines()[-1].split("] ")[1] for one in started] == ["15.0"] * 3
    assert run_script(tmp_path, "local") == "['Cached', 'Cached', 'Cached'] 15.0"


# what is not cached


@task(cache=True, max_retries=2, retry_delay=timedelta(0))
def flaky(x: float) -> float:
    RAN.append(x)
    if len(RAN) < 3:
        raise ValueError("not yet")
    return x


@task(cache=True)
def fails(x: float) -> float:
    RAN.append(x)
    raise ValueError("never")


@task(cache=True)
def skips(x: float) -> float:
    RAN.append(x)
    raise SKIP("not today")


@task(cache=True)
def loops(x: float) -> float:
    RAN.append(x)
    loop = prefect.context.get("task_loop_count", 1)
    if loop < 3:
        raise LOOP(result=loop)
    return x + loop


class Flaky(LumeFlow):
    value = flaky(1.0)


class Fails(LumeFlow):
    value = fails(1.0)


class Skips(LumeFlow):
    value = skips(1.0)


class Loops(LumeFlow):
    value = loops(1.0)


def test_a_task_that_succeeds_at_last_is_cached_then() -> None:
    assert Flaky().run().value == 1.0
    assert len(RAN) == 3
    assert Flaky().run().value == 1.0
    assert len(RAN) == 3


@pytest.mark.parametrize(("flow", "times", "kind"), [(Skips, 1, Skipped), (Loops, 3, Success)])
def test_skips_and_loops_are_not_cached(flow: type[LumeFlow], times: int, kind: type, lume_home: Path) -> None:
    for number in (1, 2):
        assert type(flow().run().flow_run.tasks["value"]) is kind
        assert len(RAN) == times * number
    assert list(Cache(lume_home).entries()) == []


def test_failures_are_not_cached(lume_home: Path) -> None:
    for number in (1, 2):
        with pytest.raises(FlowRunError, match="never"):
            Fails().run()
        assert len(RAN) == number
    assert list(Cache(lume_home).entries()) == []


@task
def a_set(x: float) -> Any:
    return {x}


@task(cache=True)
def of_set(numbers: Any, x: float = 1.0) -> float:
    RAN.append(x)
    return float(len(numbers))


@task(cache=True)
def to_set(x: float) -> Any:
    RAN.append(x)
    return [{x}]


class Sets(LumeFlow):
    taken = of_set(a_set(1.0))
    given = to_set(2.0)


def test_what_has_no_stored_form_is_run_and_named(log: Callable[[], list[str]]) -> None:
    for _ in range(2):
        run = Sets().run()
        assert (run.taken, run.given) == (1.0, [{2.0}])
        assert sorted(line for line in log() if line.startswith("WARN")) == [
            "WARNING Task 'given': what it returns is not cached: value[0]: set cannot be stored; write sorted(...)",
            "WARNING Task 'taken': is not cached: numbers: set cannot be stored; write sorted(...)",
        ]
    assert RAN == [1.0, 2.0, 1.0, 2.0]


@task(cache=True)
def login(token: str) -> str:
    RAN.append("login")
    return token.upper()


class Secrets(LumeFlow):
    token: str = parameter(secret=True, env="TEST_TOKEN")
    x: float = 1.0

    direct = login(token)
    within = login(token + "!")

    @step(cache=True)
    def reads(self) -> int:
        RAN.append("reads")
        return len(self.token)

    @step(cache=True)
    def reads_not(self) -> float:
        RAN.append("reads_not")
        return self.x


class OuterSecrets(LumeFlow):
    secret: str = parameter(secret=True)

    inner = Secrets(token=secret)


@pytest.mark.parametrize("flow", [lambda: Secrets(token="vErY-s3cret"), lambda: OuterSecrets(secret="vErY-s3cret")])
def test_what_takes_a_secret_is_never_written(
    flow: Callable[[], LumeFlow], log: Callable[[], list[str]], lume_home: Path
) -> None:
    for _ in range(2):
        flow().run()
        warned = [line for line in log() if line.startswith("WARNING")]
        assert len(warned) == 3
        assert all("is not cached: it takes the secret" in line for line in warned)
    assert sorted(RAN) == sorted(["login", "login", "reads"] * 2 + ["reads_not"])
    written = b"".join(file.read_bytes() for file in lume_home.rglob("cache/**/*") if file.is_file())
    assert b"reads_not" in written
    assert b"s3cret" not in written.lower()


# damage


def test_a_damaged_entry_is_a_miss_with_a_warning(log: Callable[[], list[str]], lume_home: Path) -> None:
    Scaled().run()
    (file,) = (lume_home / "cache").glob("??/*.entry")
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole.replace(b'"value": 1.0', b'"value": 9.0'), b"\0" * 100):
        file.write_bytes(damaged)
        log()
        assert Scaled().run().value == FACTOR
        (line,) = log()
        assert line.startswith(f"WARNING Task 'value': runs again: the entry {file}: ")
        assert names_of_states(Scaled().run(), "value") == ["Cached"]  # it was written anew


def test_a_folder_that_cannot_be_written_costs_the_entry_alone(log: Callable[[], list[str]], lume_home: Path) -> None:
    lume_home.mkdir()
    (lume_home / "cache").write_text("no folder")
    assert Scaled().run().value == FACTOR
    (line,) = [line for line in log() if line.startswith("WARNING")]
    assert line.startswith(
        f"WARNING Task 'value': what it returns is not cached: Not a directory: {lume_home / 'cache'}/"
    )
    assert line.endswith("; set LUME_HOME to a folder that you may write to")


# values


@task(cache=True)
def spectrum(count: int) -> Any:
    RAN.append(count)
    return {"data": np.arange(count, dtype="f4"), "unit": "pC", "pair": (1, 2.0)}


@task
def changed(values: dict[str, Any]) -> float:
    values["data"] += 1
    return float(values["data"].sum())


class Spectra(LumeFlow):
    made = spectrum(50_000)
    after = changed(made)


def test_arrays_come_back_and_may_be_changed_by_whoever_takes_them() -> None:
    sums = {Spectra().run().after for _ in range(3)}
    assert RAN == [50_000]
    assert len(sums) == 1


@task(cache=True)
def read_text(file: File[str]) -> str:
    RAN.append(file.filename)
    return file.read()


@task(cache=True)
def size_of(record: DBResult) -> int:
    RAN.append(record.unique_hash)
    return len(record.outputs["text"])


class Files(LumeFlow):
    text: str = "hey"
    name: str = "a.txt"

    file: TextFile = file_result(text, filename=name)
    again = read_text(file)
    record: DBResult = db_result(text=text)
    size = size_of(record)

    @step(cache=True)
    def both(self, file: TextFile, record: DBResult) -> str:
        RAN.append("both")
        return file.read() + str(record.outputs["text"])


def test_files_count_by_content_and_records_by_their_hash() -> None:
    assert Files().run().both == "heyhey"
    assert len(RAN) == 3
    assert Files().run().both == "heyhey"
    assert len(RAN) == 3
    again = Files(name="b.txt").run()
    assert names_of_states(again, "again") == ["Cached"]  # of the same content, though another file
    assert Files(text="you", name="c.txt").run().both == "youyou"


@task(cache=True)
def written(text: str) -> list[TextFile]:
    RAN.append(text)
    return [TextFile.write(text, filename="written.txt", overwrite=True)]


class Written(LumeFlow):
    files = written("hey")


def test_a_file_that_is_gone_or_altered_is_made_again(log: Callable[[], list[str]]) -> None:
    for number, content in enumerate(["hey", "hey", None, "hey", "you"]):
        if content is None:
            os.unlink("written.txt")
        elif number:
            Path("written.txt").write_text(content)
        log()
        (file,) = Written().run().files
        assert file.read() == "hey"
        told = [line for line in log() if "again" in line]
        assert told == (
            ["INFO " + f"Task 'files': runs again: the file {file.filename}, which it gave, is gone or was altered"]
            if content != "hey"
            else []
        )
    assert RAN == ["hey"] * 3


class Inner(LumeFlow):
    gain: float = 2.0
    note: str = ""

    @step(cache=True)
    def value(self, x: float = 3.0) -> float:
        RAN.append(self.gain)
        return self.gain * x


class OuterSteps(LumeFlow):
    notes: list[str] = ["a", "b"]
    gain: float = 5.0

    once = Inner(gain=gain)
    runs = Inner.map(note=notes)


@pytest.mark.parametrize("stock", [False, True])
def test_steps_of_subflows_count_the_parameters_of_their_flow(stock: bool) -> None:
    for gain in (5.0, 5.0, 6.0):
        if stock:  # as an agent runs a flow whose configuration names Prefect's own classes
            state = OuterSteps.flow.run(gain=gain, runner_cls=prefect.engine.FlowRunner)
            found = state.result[OuterSteps.flow.get_tasks(name="once.value")[0]].result
        else:
            found = OuterSteps(gain=gain).run().once.value
        assert found == gain * 3
    assert RAN == [5.0, 2.0, 6.0]


class Chosen(LumeFlow):
    x: float = 1.0

    with case(x > 0.0, True):
        up = double(x)
    with case(x > 0.0, False):
        down = double(0.0)
    value = merge(up, down)


def test_branches_skip_and_cache() -> None:
    assert [Chosen(x=x).run().value for x in (1.0, 1.0, -1.0, -1.0)] == [2.0, 2.0, 0.0, 0.0]
    assert RAN == [1.0, 0.0]


class Stepped(LumeFlow):
    gain: float = 2.0
    note: str = ""

    @step(cache=True)
    def value(self, x: float = 3.0) -> float:
        RAN.append(x)
        return self.gain * x

    @step(cache=True).map(value=[1.0, 2.0])
    def each(self, value: float) -> float:
        RAN.append(value)
        return value + self.gain


def test_a_step_depends_on_the_parameters_that_it_reads() -> None:
    assert [Stepped(gain=2.0, note=note).run().value for note in "ab"] == [6.0, 6.0]
    assert RAN == [3.0, 1.0, 2.0]
    run = Stepped(gain=3.0).run()
    assert (run.value, run.each) == (9.0, [4.0, 5.0])
    assert len(RAN) == 6


class Shout(prefect.Task):
    def __init__(self, mark: str, *, twice: bool = False, **options: Any) -> None:
        self.mark = mark
        self.twice = twice
        super().__init__(**options)

    def run(self, text: str) -> str:  # type: ignore[override]  # as every Prefect task does
        RAN.append(text)
        return (text + self.mark) * (2 if self.twice else 1)


@prefect.task
def hand_made(x: float) -> float:
    RAN.append(x)
    return x + 1


class ByHand(LumeFlow):
    low = task(Shout("."), cache=True)("a")
    high = task(Shout("!"), cache=True)("a")
    again = task(Shout("!", name="other"), cache=True)("a")
    twice = task(Shout("!", twice=True), cache=True)("a")
    plain = task(hand_made, cache=True)(1.0)


def test_prefects_own_tasks_count_by_class_and_attributes() -> None:
    for _ in range(2):
        run = ByHand().run()
        assert (run.low, run.high, run.again, run.twice, run.plain) == ("a.", "a!", "a!", "a!a!", 2.0)
    assert RAN == ["a", "a", "a", 1.0]


def test_with_a_timeout_it_is_the_same() -> None:
    class Timed(LumeFlow):
        value = double.with_options(timeout=20)(8.0)

    assert [Timed().run().value for _ in range(2)] == [16.0, 16.0]
    assert RAN == [8.0]
    run = Timed().run(executor="threads")
    assert (run.value, names_of_states(run, "value")) == (16.0, ["Cached"])


def test_cache_false_runs_each_time(lume_home: Path) -> None:
    class Each(LumeFlow):
        value = double.with_options(cache=False)(8.0)

    for _ in range(2):
        Each().run()
    assert RAN == [8.0, 8.0]
    assert not (lume_home / "cache").exists()
    assert double.run(8.0) == 16.0
