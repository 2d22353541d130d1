"""The same chain of trivial tasks in other workflow packages: processor time a task, of those that this Python has.

Each is written as its own documentation writes a chain, run in this process, without a server. ``make bench-others``
installs them in two environments of their own, as they do not all go beside Prefect 1, nor redun beside the others.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

LENGTH, ROUNDS = 300, 5


def lume_dsl() -> Callable[[], Any]:
    from lume_dsl import LumeFlow, task

    @task
    def following(value: int) -> int:
        return value + 1

    class Chain(LumeFlow):
        value = following(0)
        for _ in range(LENGTH - 1):
            value = following(value)

    return lambda: Chain().run().value


def prefect() -> Callable[[], Any]:
    from prefect import Flow, task

    @task
    def following(value: int) -> int:
        return value + 1

    with Flow("chain") as flow:
        value = following(0)
        for _ in range(LENGTH - 1):
            value = following(value)
    return lambda: flow.run().result[value].result


def dask() -> Callable[[], Any]:
    from dask import delayed

    @delayed
    def following(value: int) -> int:
        return value + 1

    def run() -> Any:
        value: Any = 0
        for _ in range(LENGTH):
            value = following(value)
        return value.compute(scheduler="synchronous")

    return run


def luigi() -> Callable[[], Any]:
    import luigi
    from luigi.mock import MockTarget

    class Following(luigi.Task):  # type: ignore[misc, name-defined]  # untyped, and itself
        place = luigi.IntParameter()
        round = luigi.IntParameter()

        def requires(self) -> Any:
            return [Following(place=self.place - 1, round=self.round)] if self.place else []

        def output(self) -> Any:
            return MockTarget(f"{self.round}-{self.place}")

        def run(self) -> None:
            value = int(self.input()[0].open().read()) if self.place else 0
            with self.output().open("w") as file:
                file.write(str(value + 1))

    rounds = iter(range(1000))

    def run() -> int:
        last = Following(place=LENGTH - 1, round=next(rounds))
        luigi.build([last], local_scheduler=True, workers=1, log_level="ERROR")
        return int(last.output().open().read())

    return run


def dagster() -> Callable[[], Any]:
    from dagster import job, op

    @op
    def first() -> int:
        return 1

    @op
    def following(value: int) -> int:
        return value + 1

    @job
    def chain() -> None:
        value = first()
        for place in range(LENGTH - 1):
            value = following.alias(f"following_{place}")(value)

    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}  # as the others
    return lambda: chain.execute_in_process(run_config=quiet).output_for_node(f"following_{LENGTH - 2}")


def jobflow() -> Callable[[], Any]:
    from jobflow import Flow, JobStore, job, run_locally
    from maggma.stores import MemoryStore

    @job
    def following(value: int) -> int:
        return value + 1

    def run() -> Any:
        jobs: list[Any] = [following(0)]
        for _ in range(LENGTH - 1):
            jobs.append(following(jobs[-1].output))
        responses = run_locally(Flow(jobs), store=JobStore(MemoryStore()), log=False)
        return responses[jobs[-1].uuid][1].output

    return run


def hamilton() -> Callable[[], Any]:
    from hamilton import ad_hoc_utils, driver

    lines = ["def value_0() -> int:\n    return 1"]
    lines += [f"def value_{n}(value_{n - 1}: int) -> int:\n    return value_{n - 1} + 1" for n in range(1, LENGTH)]
    names: dict[str, Any] = {"__name__": "chain"}
    exec("\n\n".join(lines), names)
    functions = [names[f"value_{n}"] for n in range(LENGTH)]
    chain = driver.Builder().with_modules(ad_hoc_utils.create_temporary_module(*functions)).build()
    return lambda: chain.execute([f"value_{LENGTH - 1}"])[f"value_{LENGTH - 1}"]


def redun() -> Callable[[], Any]:
    import redun

    logging.getLogger("redun").setLevel(logging.ERROR)
    sys.setrecursionlimit(100_000)  # it goes down an expression by recursion, several calls for each task

    @redun.task(namespace="bench")
    def following(value: int) -> int:
        return value + 1

    def run() -> Any:
        value: Any = 0
        for _ in range(LENGTH):
            value = following(value)
        scheduler = redun.Scheduler()  # with a database in memory, which knows of no run before
        scheduler.load()
        return scheduler.run(value)

    return run


PACKAGES: dict[str, Callable[[], Callable[[], Any]]] = {
    "lume-dsl": lume_dsl,
    "prefect": prefect,
    "luigi": luigi,
    "dagster": dagster,
    "jobflow": jobflow,
    "apache-hamilton": hamilton,
    "dask": dask,
    "redun": redun,
}


def main() -> None:
    os.environ.setdefault("PREFECT__LOGGING__LEVEL", "ERROR")
    os.environ.setdefault("LUME_HOME", tempfile.mkdtemp())
    for package, make in PACKAGES.items():
        if importlib.util.find_spec(make.__name__) is None:
            continue
        run = make()
        assert run() == LENGTH, package
        seconds = []
        for _ in range(ROUNDS):
            begun = time.process_time()
            run()
            seconds.append(time.process_time() - begun)
        each = statistics.median(seconds) / LENGTH * 1000
        print(f"{package} {importlib.metadata.version(package)}\t{each:.3f} ms a task")


if __name__ == "__main__":
    main()
