"""A flow runs on every executor that has a name, and what an executor cannot carry is told by task and argument."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
from prefect.executors import DaskExecutor, Executor, LocalDaskExecutor
from prefect.triggers import all_finished
from processes import wait_for

from lume_dsl import (
    DBResult,
    FlowRunError,
    LumeFlow,
    TextFile,
    db_result,
    file_result,
    flatten,
    flow,
    parameter,
    resource_manager,
    step,
    task,
    unmapped,
)
from lume_dsl.engine import executor_of
from lume_dsl.errors import ExecutorError, ServiceError, TaskNotCarriedError

SCAN = """
import os
from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, parameter, result, step, task

def offset(quad: float) -> float:
    return abs(quad - 1.5)

@task
def beam_size(quad: float) -> float:
    return offset(quad) + 0.1

@task
def process() -> int:
    return os.getpid()

class QuadScan(LumeFlow):
    quads: list[float] = parameter(default=[1.0, 1.5, 2.0])
    key: str = parameter(secret=True, env="KEY_OF_SCAN")

    sizes = beam_size.map(quads)
    @step
    def best(self, sizes: list[float]) -> float:
        self.logger.warning("looking at %d sizes", len(sizes))
        assert self.key == "abc-secret"
        return min(sizes)
    smallest: float = result(best)
    pid = process()
    report: TextFile = file_result("done", filename="report.txt", overwrite=True)
    @step
    def words(self, report: TextFile) -> str:
        return report.read()
    record: DBResult = db_result(best=best, words=words, pid=pid)
"""


@pytest.fixture(scope="module")
def separate_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The ``dask://`` address of a scheduler and two workers that were started by themselves, in another folder.

    The workers alone have the module of the flow.
    """
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "scans_there.py").write_text(SCAN)
    told = folder / "scheduler.json"
    environment = {**os.environ, "LUME_HOME": "/nonexistent"}
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    worker = ["dask_worker", "--nthreads", "1", "--no-nanny"]
    begun = []
    for name, *options in (scheduler, worker, worker):
        command = [sys.executable, "-m", f"distributed.cli.{name}", "--scheduler-file", str(told), *options]
        command.append("--no-dashboard")
        has_flow = {"PYTHONPATH": str(folder)} if name == "dask_worker" else {}
        begun.append(subprocess.Popen(command, cwd="/", env={**environment, **has_flow}, stderr=subprocess.DEVNULL))
    try:
        from distributed import Client

        deadline = time.monotonic() + 60
        while not told.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with Client(scheduler_file=str(told), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address.replace("tcp://", "dask://")
    finally:
        for process in reversed(begun):
            process.kill()
            process.wait(30)


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the scan, which the separate workers have too."""
    Path("scans_there.py").write_text(SCAN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("KEY_OF_SCAN", "abc-secret")
    monkeypatch.delitem(sys.modules, "scans_there", raising=False)
    import scans_there  # type: ignore[import-not-found]  # written just now

    return scans_there


@pytest.mark.parametrize("name", ["local", "threads", "processes"])
def test_a_name_stands_for_an_executor(name: str, scans: Any) -> None:
    done = scans.QuadScan().run(executor=name)
    assert done.best == 0.1
    assert (done.pid == os.getpid()) is (name != "processes")
    assert done.record.outputs["words"] == "done"


def test_a_cluster_of_workers_that_were_started_separately_runs_steps_files_and_records(
    scans: Any, separate_cluster: str, capfd: pytest.CaptureFixture[str]
) -> None:
    done = scans.QuadScan().run(executor=separate_cluster)
    assert done.best == 0.1
    assert done.pid != os.getpid()
    assert done.report.read() == done.record.outputs["words"] == "done"
    assert scans.QuadScan.results().one() == done.record
    assert "abc-secret" not in "".join(capfd.readouterr())


def test_the_command_line_takes_an_executor(scans: Any, separate_cluster: str) -> None:
    for arguments in (["--executor", separate_cluster], ["--executor", "processes", "--workers", "2"]):
        command = [sys.executable, "-m", "lume_dsl", "run", "scans_there:QuadScan", "--json", *arguments]
        shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        assert json.loads(shown)["results"]["smallest"] == 0.1


@pytest.mark.parametrize("verbose", [False, True])
def test_workers_of_a_cluster_that_a_command_started_log_to_stderr_as_it_does(scans: Any, verbose: bool) -> None:
    """Stdout has the results alone; how each task went is told on demand."""
    command = [sys.executable, "-m", "lume_dsl", "run", "scans_there:QuadScan", "--executor", "dask", *["-v"][:verbose]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Starting task run" not in done.stdout
    assert done.stdout.startswith("QuadScan succeeded in ")
    assert "best: looking at 3 sizes\n" in done.stderr
    assert ("TaskRunner: Task 'sizes[1]': Starting task run" in done.stderr) == verbose


def test_a_cluster_class_is_started_with_its_arguments_for_the_time_of_the_run(scans: Any) -> None:
    options = ["threads_per_worker=1", "dashboard_address=:0", "silence_logs=50"]
    command = [sys.executable, "-m", "lume_dsl", "run", "scans_there:QuadScan", "--json", "--workers", "1"]
    command += ["--cluster", "distributed.LocalCluster"]
    for option in options:
        command += ["--cluster-option", option]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert json.loads(shown)["results"]["smallest"] == 0.1


@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize("cluster", [["--cluster", "distributed.LocalCluster"], ["--executor", "dask"]])
def test_a_cluster_that_cannot_be_started_is_told_by_its_cause(cluster: list[str]) -> None:
    command = [sys.executable, "-m", "lume_dsl", "run", "scans_there:QuadScan", "--workers", "1"]
    command += [*cluster, "--cluster-option", "foo=3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == ServiceError.exit_code
    said = done.stderr[done.stderr.index("the cluster could not be started: ") :]
    assert "unexpected keyword argument 'foo'\n    correct --cluster-option" in said
    assert "Traceback" not in said
    assert "resume" not in said


def test_an_executor_is_made_with_as_many_workers_as_it_is_told() -> None:
    threads = executor_of("threads", workers=3)
    assert isinstance(threads, LocalDaskExecutor)
    assert threads.dask_config == {"num_workers": 3}
    cluster = executor_of(None, cluster="distributed.SpecCluster", workers=2, cluster_options={"name": "beam"})
    assert isinstance(cluster, DaskExecutor)
    assert cluster.cluster_kwargs == {"name": "beam", "n_workers": 2}
    assert executor_of(None) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": "thread"}, "'thread' is no executor; did you mean 'threads'?"),
        ({"executor": 3}, "3 is no executor"),
        ({"executor": "dask://host"}, "'dask://host' is not of the form dask://HOST:PORT"),
        ({"executor": "dask://host:99999"}, "is not of the form dask://HOST:PORT"),
        ({"executor": "threads", "workers": 0}, "0 workers run nothing"),
        (
            {"executor": "local", "workers": 2},
            "workers=2 goes with 'threads', 'processes' and 'dask', not with 'local'",
        ),
        ({"executor": None, "workers": 2}, "not with the flow's own executor"),
        ({"executor": "threads", "cluster": "distributed.LocalCluster"}, "a cluster is started by the executor 'dask'"),
        ({"executor": None, "cluster": "nope.Cluster"}, "the cluster class 'nope.Cluster' cannot be imported"),
        ({"executor": None, "cluster": "LocalCluster"}, "'LocalCluster' is no cluster class: write module.Class"),
        ({"executor": None, "cluster": "distributed.LocalClustr"}, "cannot be imported"),
        ({"executor": None, "cluster": "os.getpid"}, "'os.getpid' is no cluster class"),
    ],
)
def test_an_executor_that_does_not_exist_is_refused_by_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ExecutorError) as error:
        executor_of(**given)
    assert message in str(error.value)


class Doubled(LumeFlow):
    x: int = 1

    @step
    def y(self) -> int:
        return 2 * self.x


def test_run_and_flow_take_the_name_of_an_executor() -> None:
    assert Doubled(x=2).run(executor="threads").y == 4

    @flow(executor="threads")
    class Threaded(Doubled):
        @step
        def name(self) -> str:
            return threading.current_thread().name

    assert Threaded().run().name != threading.main_thread().name
    assert Threaded().run(executor="local").name == threading.main_thread().name
    with pytest.raises(ExecutorError, match="did you mean 'threads'"):
        Doubled().run(executor="thread")
    state = Doubled.flow.run(x=3, executor="threads")
    assert state is not None
    assert state.is_successful()


def test_a_cluster_that_does_not_answer_ends_the_run_before_anything_runs() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        with pytest.raises(ServiceError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:"):
            Doubled().run(executor=f"dask://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - begun < 20


def test_a_host_that_there_is_not_is_told_so() -> None:
    with pytest.raises(ServiceError, match=r"no Dask scheduler answers at tcp://nowhere\.invalid:8786: .*[Nn]ame"):
        Doubled().run(executor="dask://nowhere.invalid:8786")


def test_a_cluster_without_workers_is_told_so() -> None:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(ServiceError, match=r"has no workers\n    start some with dask worker tcp://"),
    ):
        Doubled().run(executor=cluster.scheduler_address.replace("tcp://", "dask://"))


@task
def lock(x: int) -> object:
    return threading.Lock()


@task
def plus_one(x: int) -> int:
    return x + 1


@task
def use(thing: object) -> int:
    return 1


LOCK = threading.Lock()


@pytest.fixture(params=["processes", "cluster"])
def apart(request: pytest.FixtureRequest) -> str:
    """An executor whose tasks run in other processes."""
    name: str = request.param
    return name if name == "processes" else str(request.getfixturevalue("dask_cluster")).replace("tcp://", "dask://")


def test_a_result_that_cannot_be_carried_fails_its_task_and_no_other(apart: str) -> None:
    class Locked(LumeFlow):
        x: int = 1
        fine = plus_one(x)
        thing = lock(x)
        used = use(thing)

    with pytest.raises(FlowRunError) as error:
        Locked().run(executor=apart)
    (failed,) = error.value.failed
    assert failed.name == "thing"
    assert isinstance(failed.exception, TaskNotCarriedError)
    assert "what it returns, a lock, cannot be carried to another process" in str(error.value)
    assert error.value.not_run == ("used",)
    assert Locked().run(executor="threads").used == 1


def test_an_argument_that_cannot_be_carried_is_told_with_its_task(apart: str) -> None:
    class Given(LumeFlow):
        x: int = 1
        fine = plus_one(x)
        used = use(LOCK)

    with pytest.raises(FlowRunError) as error:
        Given().run(executor=apart)
    (failed,) = error.value.failed
    assert failed.name == "used"
    assert "its argument thing cannot be carried to another process" in str(failed)


def test_what_cannot_be_carried_of_a_map_or_of_the_context_is_told(apart: str) -> None:
    class Given(LumeFlow):
        used = use.map([1, LOCK])

    with pytest.raises(FlowRunError) as error:
        Given().run(executor=apart)
    (failed,) = error.value.failed
    assert failed.name == "used"
    assert "its argument thing cannot be carried to another process" in str(failed)
    with pytest.raises(FlowRunError, match="'mine' of the context cannot be carried to another process"):
        Doubled().run(executor=apart, context={"mine": LOCK})


class DeviceError(Exception):
    def __init__(self, device: str, code: int) -> None:
        super().__init__(f"{device} failed with {code}")


class Odd:
    """Pickles, and does not unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Odd, (1,)


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[str], int]:
    """How often a task has run that notes its name in this test's folder, from whatever process."""
    return lambda name: len(list(tmp_path.glob(f"{name}-*")))


def note(folder: str, name: str) -> None:
    Path(folder, f"{name}-{uuid.uuid4()}").touch()


@task
def noted(folder: str, x: int) -> int:
    note(folder, "noted")
    return x + 1


@task
def odd(folder: str) -> object:
    note(folder, "odd")
    return Odd()


@task
def refuses(folder: str) -> int:
    note(folder, "refuses")
    raise DeviceError("magnet", 3)


def test_what_does_not_unpickle_fails_its_task_and_nothing_runs_twice(
    apart: str, tmp_path: Path, ran: Callable[[str], int]
) -> None:
    class Unpacked(LumeFlow):
        folder: str = parameter()
        first = noted(folder, 0)
        second = noted(folder, first)
        thing = odd(folder)
        refused = refuses(folder)
        last = noted(folder, second)

    with pytest.raises(FlowRunError) as error:
        Unpacked(folder=str(tmp_path)).run(executor=apart)
    thing, refused = error.value.failed
    assert (thing.name, refused.name) == ("thing", "refused")
    assert "what it returns, a Odd, cannot be carried to another process: TypeError" in str(thing)
    assert "DeviceError: magnet failed with 3" in str(refused)
    if not isinstance(refused.exception, DeviceError):  # which Dask's pools carry by means of their own
        assert "DeviceError itself cannot be carried to another process: TypeError" in str(refused)
    assert error.value.not_run == ()
    assert (ran("noted"), ran("odd"), ran("refuses")) == (3, 1, 1)


def test_the_traceback_of_a_task_names_its_file_wherever_it_ran(apart: str) -> None:
    @task
    def divides(x: int) -> list[int]:
        return [x // zero for zero in (0,)]

    class Dividing(LumeFlow):
        x: int = 1
        divided = divides(x)

    with pytest.raises(FlowRunError) as error:
        Dividing().run(executor=apart)
    (failed,) = error.value.failed
    *_, outer, inner = traceback.extract_tb(failed.exception.__traceback__)
    assert (outer.filename, inner.filename) == (__file__, __file__)
    assert inner.line == "return [x // zero for zero in (0,)]"


@task
def dies(folder: str, x: int) -> int:
    note(folder, "dies")
    if x == 2:
        time.sleep(0.5)  # the others have ended
        os._exit(1)
    return x


@task
def total(values: list[int]) -> int:
    return sum(values)


@task(trigger=all_finished)
def report(folder: str, value: int) -> str:
    note(folder, "report")
    return "told"


class Held:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def setup(self) -> str:
        note(self.folder, "setup")
        return "held"

    def cleanup(self, held: str) -> None:
        note(self.folder, "cleanup")


held = resource_manager(Held)


def a_small_cluster() -> DaskExecutor:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    return DaskExecutor(cluster_class="distributed.LocalCluster", cluster_kwargs=options)


@pytest.mark.parametrize("name", ["processes", "cluster"])
def test_a_worker_that_dies_fails_the_task_that_it_ran_and_no_other(
    name: str, tmp_path: Path, ran: Callable[[str], int]
) -> None:
    class Dying(LumeFlow):
        folder: str = parameter()
        xs: list[int] = parameter(default=[1, 2, 3])
        with held(folder) as thing:
            dead = dies.map(unmapped(folder), xs)
            after = noted.map(unmapped(folder), dead)
            whole = total(after)
        told = report(folder, whole)
        twice = noted(folder, whole)
        beside = noted(folder, 7)
        further = noted(folder, beside)

    executor = "processes" if name == "processes" else a_small_cluster()
    with pytest.raises(FlowRunError) as error:
        Dying(folder=str(tmp_path)).run(executor=executor)
    assert [failure.name for failure in error.value.failed] == ["dead[1]"]
    (failed,) = error.value.failed
    assert ("BrokenProcessPool" if name == "processes" else "KilledWorker") in type(failed.exception).__name__
    assert error.value.not_run == ("whole", "twice")
    assert (ran("report"), ran("cleanup")) == (1, 1)
    if name == "processes":  # a cluster runs again what a worker that died had, and has a task begin four times
        assert (ran("dies"), ran("noted"), ran("setup")) == (3, 4, 1)


@pytest.mark.parametrize("name", ["processes", "cluster"])
def test_a_map_of_a_map_that_a_worker_broke_off_is_taken_as_far_as_it_is(name: str, tmp_path: Path) -> None:
    @task
    def pair(x: int) -> list[int]:
        if x == 2:
            time.sleep(0.5)  # the other has ended
            os._exit(1)
        return [x, x]

    class Flattened(LumeFlow):
        folder: str = parameter()
        xs: list[int] = parameter(default=[1, 2])
        pairs = pair.map(xs)
        one_by_one = noted.map(unmapped(folder), flatten(pairs))
        whole = total(one_by_one)

    executor = "processes" if name == "processes" else a_small_cluster()
    with pytest.raises(FlowRunError) as error:
        Flattened(folder=str(tmp_path)).run(executor=executor)
    assert [failure.name for failure in error.value.failed] == ["pairs[1]"]


LONG = """
import os, time
from pathlib import Path
from lume_dsl import LumeFlow, task

@task
def long(x: int) -> int:
    Path(f"{os.getpid()}.pid").touch()
    time.sleep(600)
    return x

class Long(LumeFlow):
    longs = long.map([1, 2])
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(LONG)
    command = [sys.executable, "-m", "lume_dsl", "run", "long:Long", "--executor", "processes", "--workers", "2"]
    run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    finally:
        run.kill()
        run.wait()
    workers = [int(file.stem) for file in tmp_path.glob("*.pid")]
    wait_for(lambda: not any(map(is_running, workers)))


def is_running(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_what_travels_with_a_task_is_small() -> None:
    """Neither the module nor the whole flow goes with each task, and the configuration goes compressed."""
    sizes: list[int] = []

    class Measuring(Executor):  # type: ignore[misc]  # Prefect's, which has no types
        def submit(self, fn: Any, *args: Any, extra_context: Any = None, **kwargs: Any) -> Any:
            sizes.append(len(cloudpickle.dumps((fn, args, kwargs))))
            return fn(*args, **kwargs)

        def wait(self, futures: Any) -> Any:
            return futures

    class Long(LumeFlow):
        """A class whose text would show: %s"""

        x: int = parameter(default=1, help="a help text " * 400)
        value = plus_one(x)
        for _ in range(50):
            value = plus_one(value)
        report: TextFile = file_result("done", filename="long.txt")
        record: DBResult = db_result(value=value)

    Long().run(executor=Measuring(), context={"caches": {}})  # what this process has cached in other tests travels too
    assert len(sizes) > 50
    assert sorted(sizes)[len(sizes) // 2] < 8_000
