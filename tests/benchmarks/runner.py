"""What a run costs beside its tasks: a declared flow, against the same flow by hand on Prefect's own runners.

Each graph is run in processes of its own, one of either kind after the other. Their processor time counts, divided by
the tasks, and the most memory that they held, with Python, Prefect and all that is imported; and what a run takes of
it, in one more process. ``python runner.py ours chain 1000 local 5`` is five rounds of one; with ``0`` it is that one.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.table import Table

__all__ = ["runner_table"]

GRAPHS = (
    ("chain", 100, "local", "ERROR"),
    ("chain", 1000, "local", "ERROR"),
    ("map", 1000, "local", "ERROR"),
    ("map", 1000, "local", "INFO"),
    ("fan", 1000, "local", "ERROR"),
    ("chain", 100, "threads", "ERROR"),
    ("map", 1000, "threads", "ERROR"),
)
LONG = (("chain", 1000, "local", "ERROR"), ("chain", 10_000, "local", "ERROR"))
TITLE = "Running trivial tasks, processor time a task, against the same flow by hand on Prefect's own runners"


def runner_table(rounds: int) -> Table:
    made = Table(title=TITLE, title_justify="left")
    for column in ("", "by hand", "lume_dsl", "times less", "a run's memory", "", "the process's", ""):
        made.add_column(column, justify="left" if not column else "right")
    for graph in GRAPHS:
        hand, ours = _measured("hand", graph, rounds), _measured("ours", graph, rounds)
        cells = [f"{hand['ms']:.2f} ms", f"{ours['ms']:.3f} ms", f"{hand['ms'] / ours['ms']:.0f}"]
        runs = [f"{who['run']:.2f} MB" for who in (hand, ours)]
        made.add_row(_name(graph), *cells, *runs, f"{hand['mb']:.0f} MB", f"{ours['mb']:.0f} MB")
    short, long = (_measured("ours", graph, rounds)["ms"] * graph[1] for graph in LONG)
    made.add_row("10,000 tasks against 1,000, in a chain", "", f"{long:.0f} ms", f"{long / short:.1f} times")
    return made


def _name(graph: tuple[str, int, str, str]) -> str:
    kind, length, executor, level = graph
    what = {"chain": "chain of", "map": "map over", "fan": "fan-out and reduce of"}[kind]
    return f"{what} {length:,}{'' if executor == 'local' else ', threads'}{' at INFO' if level == 'INFO' else ''}"


def _measured(who: str, graph: tuple[str, int, str, str], rounds: int) -> dict[str, float]:
    kind, length, executor, level = graph
    found = []
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LUME_")}
    with tempfile.TemporaryDirectory() as home:  # where runs are remembered
        for number in (max(1, rounds // 2),) * 2 + (0,):  # processes: each has its own luck with memory
            command = [sys.executable, __file__, who, kind, str(length), executor, str(number)]
            environment = {**plain, "HOME": home, "PREFECT__LOGGING__LEVEL": level}
            told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            found.append(json.loads(told.splitlines()[-1]))
    *timed, alone = found
    seconds = [one for times in timed for one in times["seconds"]]
    most = max(times["mb"] for times in timed)
    return {"ms": statistics.median(seconds) / length * 1000, "mb": most, "run": alone["run"]}


def _declared(kind: str, length: int) -> Any:
    from lume_dsl import LumeFlow, task

    @task
    def following(value: int) -> int:
        return value + 1

    @task
    def numbers() -> list[int]:
        return list(range(length))

    @task
    def total(values: list[int]) -> int:
        return sum(values)

    if kind == "chain":

        class Chain(LumeFlow):
            start: int = 0
            value = following(start)
            for _ in range(length - 1):
                value = following(value)

        return Chain.flow
    if kind == "map":

        class Map(LumeFlow):
            values = following.map(numbers())

        return Map.flow

    class Fan(LumeFlow):
        start: int = 0
        values = []
        for _ in range(length):
            values += [following(start)]  # a comprehension would not see the names of the class
        whole = total(values)

    return Fan.flow


def _by_hand(kind: str, length: int) -> Any:
    import prefect

    @prefect.task
    def following(value: int) -> int:
        return value + 1

    @prefect.task
    def numbers() -> list[int]:
        return list(range(length))

    @prefect.task
    def total(values: list[int]) -> int:
        return sum(values)

    with prefect.Flow(kind) as flow:
        if kind == "map":
            following.map(numbers())
            return flow
        start = prefect.Parameter("start", default=0)
        if kind == "chain":
            value = following(start)
            for _ in range(length - 1):
                value = following(value)
            return flow
        total([following(start) for _ in range(length)])
    return flow


def _work(who: str, kind: str, length: int, executor: str, rounds: int) -> dict[str, Any]:
    from prefect.executors import LocalDaskExecutor, LocalExecutor

    make: Callable[[str, int], Any] = _declared if who == "ours" else _by_hand
    where = LocalExecutor() if executor == "local" else LocalDaskExecutor(scheduler="threads", num_workers=2)
    if not rounds:
        return {"run": _memory_of_a_run(make, kind, length, where)}
    seconds = []
    for _ in range(rounds):
        flow = None
        gc.collect()  # the flow of the round before, which is no work of this one
        flow = make(kind, length)  # anew: Prefect sorts a flow in its first run, and keeps the order for the next
        begun = time.process_time()
        state = flow.run(executor=where)
        seconds.append(time.process_time() - begun)
        assert state.is_successful()
    return {"seconds": seconds, "mb": _megabytes("VmHWM")}


def _memory_of_a_run(make: Callable[[str, int], Any], kind: str, length: int, where: Any) -> float:
    """The most that a run takes beside what the process has before it, in MB; the first in a process imports, too."""
    make(kind, 10).run(executor=where)
    flow = make(kind, length)
    gc.collect()
    held = _megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most is what there is now: proc(5)
    flow.run(executor=where)
    return _megabytes("VmHWM") - held


def _megabytes(name: str) -> float:
    """What Linux tells of this process: VmRSS, what it has now, or VmHWM, the most that it had."""
    told = Path("/proc/self/status").read_text().split(f"{name}:")[1]
    return int(told.split()[0]) / 1024


if __name__ == "__main__":
    asked = sys.argv[1:]
    sys.path[0] = str(Path(__file__).resolve().parent)
    print(json.dumps(_work(asked[0], asked[1], int(asked[2]), asked[3], int(asked[4]))))
