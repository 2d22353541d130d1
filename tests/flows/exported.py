"""Flows that have of everything what a script of Prefect must say."""

from __future__ import annotations

import functools
from datetime import date, datetime, timedelta
from enum import Enum
from math import pi
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from prefect.engine.results import LocalResult
from prefect.executors import LocalDaskExecutor
from prefect.run_configs import LocalRun
from prefect.tasks.shell import ShellTask
from prefect.triggers import all_finished

from lume_dsl import (
    DBResult,
    JSONFile,
    LumeFlow,
    TextFile,
    case,
    db_result,
    file_result,
    flatten,
    flow,
    merge,
    parameter,
    result,
    step,
    task,
    unmapped,
)
from lume_dsl.tasks import LoadDBResult

SCALE = 2 * pi
OFFSETS = [0.5, 1.5]


class Plane(Enum):
    X = "x"
    Y = "y"


class Point(NamedTuple):
    x: float
    y: float


def scaled(value: float) -> float:
    return value * SCALE


def told(task: Any, old: Any, new: Any) -> Any:
    return new


def named(**parameters: Any) -> str:
    return f"at {parameters['x']}"


def counted(function: Any) -> Any:
    @functools.wraps(function)
    def count(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return count


# task is said twice, and only the first is ours
@task(max_retries=2, retry_delay=timedelta(seconds=1, microseconds=5), tags=["fast"], state_handlers=[told])
@counted
def turned(x: float, by: float = 1.0) -> float:
    # a comment that stays
    return scaled(x) + by


@task(trigger=all_finished, skip_on_upstream_skip=False, task_run_name=named, log_stdout=True, timeout=60)
def finished(x: float) -> float:
    return turned.run(x, by=OFFSETS[0])


@task
def rows(count: int) -> list[int]:
    return list(range(count))


@task
def squared(number: int) -> int:
    return number**2


@task
def day_of(day: date, plane: Plane, after: timedelta) -> str:
    return f"{(day + after).isoformat()} {plane.value}"


@task
def hour_of(when: datetime) -> str:
    return f"{when:%H} {when.tzname()}"


@task
def corner(point: Point) -> float:
    return point.x + point.y


@task(checkpoint=False, nout=2)
def both(x: float) -> tuple[float, float]:
    return x, -x


listing = task(ShellTask(helper_script="cd /", return_all=True))
load_record: Any = task(LoadDBResult())


class Everything(LumeFlow):
    """Operators, collections, options and constants.

    In two paragraphs, with "quotes".
    """

    x: float = parameter(default=1.5, help="a length", unit="mm")
    flags: int = 6
    words: dict[str, list[int]] = {"a": [1, 2]}
    flow_name: str = "a name that the script could want"
    task: str = "another"

    angle = turned(x)
    again = turned.with_options(max_retries=5, retry_delay=timedelta(0))(angle, by=0.25)
    ended = finished(again)
    masked = (flags & 3) | 8
    inverted = ~flags
    size = abs(-x)
    second = words["a"][1]
    spread = flatten(rows.map([1, 2, 3]))
    squares = squared.map(spread)
    some = squares[0:2]
    days = day_of(date(2026, 11, 24), Plane.Y, timedelta(days=1))
    summer = hour_of(datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    far = corner(Point(x, 2.0))
    positive, negative = both(x)
    listed: list[Any] = result([positive, (negative, 1), {"far": far, 2: days}])
    told_twice: str = result(days, name="told")
    shell = listing.with_options(name="never used")(command="pwd")

    @step(max_retries=1, retry_delay=timedelta(seconds=1))
    def summed(self, angle: float, listed: list[Any], x: float = far) -> str:
        """What is known."""
        # of self.x, which an argument hides
        values = [self.x * number for number in range(self.flags)]
        text = f"{angle:.2f} at {self.x + x!r}, {self.flow_name}"
        return "\n".join(
            [
                text,
                str(sum(values)),
                str(listed),
                f"""
  indented, as {self.task}""",
            ]
        )


class Stored(LumeFlow):
    """Files and records that other tasks take."""

    name: str = "Ada"
    count: int = 2
    save: bool = True

    @step
    def text(self) -> str:
        return f"hello {self.name}"

    page: TextFile = file_result(text, filename="{name}-{flow_name}.txt", overwrite=True)
    data: JSONFile = file_result([count, name], filename="{name}-data.json", overwrite=True)

    @step
    def read(self, page: TextFile) -> str:
        """What the file holds."""
        return page.read() * self.count

    filename = page.filename
    pair: list[Any] = result([page, data])
    kept: TextFile = result(page)
    content: JSONFile = result(data)
    with case(save, True):
        second: TextFile = file_result(read, filename="{name}-second.txt", overwrite=True)
    with case(save, False):
        third: TextFile = file_result(read, filename="{name}-third.txt", overwrite=True)
    either = merge(second, third)
    record: DBResult = db_result(read=read, count=count, page=page, max_retries=1, retry_delay=timedelta(seconds=1))
    outputs = load_record(record, attribute_index=["outputs", "count"])


class Outer(LumeFlow):
    names: list[str] = ["Ada", "Bob"]
    go: bool = True

    inner = Stored(name="Eve", count=1)
    first = Everything(x=2.5)
    with case(go, True):
        other = Stored(name=inner.read)
    total = turned.map(unmapped(first.angle), by=OFFSETS)


@flow(
    name="with options",
    project="injector",
    executor=LocalDaskExecutor(scheduler="threads", num_workers=2),
    run_config=LocalRun(env={"A": "1"}, working_dir="/tmp"),
    labels=["lab"],
    result=LocalResult(dir="/tmp/kept"),
    state_handlers=[told],
)
class Optioned(LumeFlow):
    x: float = 1.0

    y = turned(x)
    record: DBResult = db_result(y=y)


@task
def context(x: int) -> int:
    return x * 2


@task
def load(x: int) -> int:
    return x * 3


@task
def Flow(x: int) -> int:
    return x


@task
def json(x: int) -> int:
    return x


class Names(LumeFlow):
    """Names that the script wants for itself, as it says "here"."""

    x: int = 1
    sys: int = 2
    parameters: int = 3
    configure: int = 4
    lambda_: int = 5

    a = context(x)
    b = load(a)
    c = Flow(b)
    d = json(c)
    json(d)

    @step
    def identity(self) -> int:
        self.logger.info("adding")
        return self.x + self.sys + self.parameters + self.configure

    named: int = result(identity)


class Each(LumeFlow):
    n: int = 1
    k: int = 2

    @step
    def told(self, n: int) -> str:
        return f"{n}-{self.k}"

    page: TextFile = file_result(told, filename="each-{n}.txt", overwrite=True)

    @step
    def back(self, page: TextFile) -> str:
        return page.read()

    record: DBResult = db_result(back=back, page=page)


class All(LumeFlow):
    """A flow that is mapped over."""

    numbers: list[int] = [1, 2]

    each = Each.map(n=numbers)
    texts: list[str] = result([one.back for one in each])
    pages: list[TextFile] = result([one.page for one in each])


def local() -> type[LumeFlow]:
    @task
    def longer(x: int) -> int:
        return x + len(OFFSETS)

    class Local(LumeFlow):
        x: int = 1
        y = longer(x)

        @step
        def product(self, y: int) -> int:
            return y * self.x

    return Local


Local = local()
