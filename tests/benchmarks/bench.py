"""``make bench``: what lume_dsl costs, as ratios to the same work by hand, measured in turn in one run.

Each figure is the median of the rounds; the machine's noise is in the last column (smallest to largest). Whole
processes are timed from outside, as a person waits for them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from runner import runner_table
from stores import tables

HERE = Path(__file__).resolve().parent
GREETING = HERE.parents[1] / "examples" / "greeting.py"
DEFINE = f"import sys; sys.path.insert(0, {str(GREETING.parent)!r}); import greeting"

Times = dict[str, list[float]]


def in_turn(work: dict[str, Callable[[], object]], rounds: int) -> Times:
    """The seconds of each piece of work, one after another in each round, after a round that does not count."""
    times: Times = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, do in work.items():
            start = time.perf_counter()
            do()
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def process(*arguments: str) -> Callable[[], None]:
    """Runs Python in an empty folder with a LUME_HOME of its own."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "LUME_HOME": os.path.join(folder, "lume")}
            command = [sys.executable, *arguments]
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)

    return run


def start_up(rounds: int) -> Table:
    times = in_turn(
        {
            "import prefect": process("-c", "import prefect"),
            "python alone": process("-c", "pass"),
            "import lume_dsl and define Greeting": process("-c", DEFINE),
            "check Greeting from the command line": process("-m", "lume_dsl", "check", str(GREETING)),
        },
        rounds,
    )
    return table("Start-up, against import prefect", times, "import prefect")


def cold_run(rounds: int) -> Table:
    times = in_turn(
        {
            "by hand": process(str(HERE / "by_hand.py"), "hey"),
            "python -m lume_dsl run": process("-m", "lume_dsl", "run", f"{GREETING}:Greeting", "--text1", "hey"),
        },
        rounds,
    )
    return table("A cold run of Greeting: file and record, against the same by hand", times, "by hand")


def chain(length: int) -> Callable[[], None]:
    """Defines and compiles a flow of ``length`` tasks, each of which takes the one before."""
    from lume_dsl import LumeFlow, task

    @task
    def following(value: int) -> int:
        return value + 1

    def define() -> None:
        class Chain(LumeFlow):
            start: int = 0
            value = following(start)
            for _ in range(length - 1):
                value = following(value)

        assert len(Chain.flow.tasks) == length + 1

    return define


def chain_by_hand(length: int) -> Callable[[], None]:
    import prefect

    @prefect.task
    def following(value: int) -> int:
        return value + 1

    def define() -> None:
        with prefect.Flow("chain") as flow:
            value = following(prefect.Parameter("start", default=0))
            for _ in range(length - 1):
                value = following(value)
        assert len(flow.tasks) == length + 1

    return define


def definition(rounds: int) -> Table:
    lengths = (250, 500, 1000, 2000, 4000)
    times = in_turn({f"{length} tasks": chain(length) for length in lengths}, rounds)
    times.update(in_turn({"1000 tasks by hand": chain_by_hand(1000)}, 1))
    return table("Defining and compiling a chain of tasks, against 1000 tasks", times, "1000 tasks")


def parameters_and_edges(number: int) -> Callable[[], None]:
    """Defines a flow of ``number`` parameters, each with a bound, and of as many tasks, each of which takes one."""
    from lume_dsl import LumeFlow, parameter, task

    @task
    def doubled(value: float) -> float:
        return 2 * value

    lines = ["class Wide(LumeFlow):"]
    lines += [f"    p{place}: float = parameter(default={place}.0, ge=0)" for place in range(number)]
    lines += [f"    t{place} = doubled(p{place})" for place in range(number)]
    code = compile("\n".join(lines), "wide.py", "exec")

    def define() -> None:
        exec(code, {"LumeFlow": LumeFlow, "parameter": parameter, "doubled": doubled, "__name__": "wide"})

    return define


def wide_definition(rounds: int) -> Table:
    numbers = (250, 500, 1000, 2000, 4000)
    times = in_turn({f"{number} of each": parameters_and_edges(number) for number in numbers}, rounds)
    return table("Defining a flow of parameters and edges, against 1000 of each", times, "1000 of each")


def subflows(number: int, *, run: bool = False) -> Callable[[], object]:
    """Defines and compiles a flow of ``number`` subflows of 100 tasks each; or runs it."""
    from lume_dsl import LumeFlow, task

    @task
    def following(value: int) -> int:
        return value + 1

    class Part(LumeFlow):
        value: int = 0
        last = following(value)
        for _ in range(98):
            last = following(last)

    def define() -> type[LumeFlow]:
        class Whole(LumeFlow):
            part = Part(value=0)
            for _ in range(number - 1):
                part = Part(value=part.last)

        assert len(Whole.flow.tasks) == 100 * number
        return Whole

    def run_whole() -> None:
        whole().run()

    whole = define()
    return run_whole if run else define


def composition(rounds: int) -> Table:
    numbers = (25, 50, 100)
    times = in_turn({f"{number} subflows": subflows(number) for number in numbers}, rounds)
    times.update(in_turn({"1000 tasks by hand": chain_by_hand(1000)}, 1))
    return table("Defining and compiling subflows of 100 tasks each, against 50", times, "50 subflows")


def inlined_run(rounds: int) -> Table:
    """A run of subflows, against a run of as many tasks in one body."""
    from lume_dsl import LumeFlow, task

    @task
    def following(value: int) -> int:
        return value + 1

    class Flat(LumeFlow):
        value: int = 0
        last = following(value)
        for _ in range(4998):
            last = following(last)

    work: dict[str, Callable[[], object]] = {
        "5,000 tasks in one body": lambda: Flat().run(),
        "50 subflows of 100 tasks": subflows(50, run=True),
    }
    return table("Running subflows, against as many tasks in one body", in_turn(work, min(rounds, 3)), next(iter(work)))


def checking(rounds: int) -> Table:
    """The check of a million values, against reading their JSON text."""
    from lume_dsl.values.convert import structure

    floats = [place / 7 for place in range(1_000_000)]
    texts = [str(place) for place in range(1_000_000)]
    rows = [floats[place : place + 1000] for place in range(0, 1_000_000, 1000)]
    values = {
        "list[float]": floats,
        "list[str]": texts,
        "list[list[float]]": rows,
        "list[float], an int last": [*floats[:-1], 1],
    }
    types = {"list[str]": list[str], "list[list[float]]": list[list[float]]}
    document = json.dumps(floats)
    work: dict[str, Callable[[], object]] = {"json.loads of the floats": lambda: json.loads(document)}

    def check(name: str) -> Callable[[], object]:
        return lambda: structure(values[name], types.get(name, list[float]))

    for name in values:
        work[f"check {name}"] = check(name)
    return table(
        "Checking a million values, against json.loads of a million floats", in_turn(work, rounds), next(iter(work))
    )


def table(title: str, times: Times, unit: str) -> Table:
    made = Table(title=title, title_justify="left")
    for column in ("", "median", "ratio", "smallest to largest"):
        made.add_column(column, justify="left" if not column else "right")
    base = statistics.median(times[unit])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        spread = f"{min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f} ms"
        made.add_row(name, f"{median * 1000:.0f} ms", f"{median / base:.2f}", spread)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9, help="how often each piece of work is timed (default: 9)")
    rounds = parser.parse_args().rounds
    console = Console(markup=False, width=140)  # list[float] is a type, and no style
    for measure in (start_up, cold_run, definition, wide_definition, composition, inlined_run, checking):
        console.print(measure(rounds), "")
    console.print(runner_table(rounds), "")
    for found in tables(rounds):
        console.print(found, "")


if __name__ == "__main__":
    main()
