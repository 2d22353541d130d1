"""What type checkers must accept, and the types that they must see. ``test_typing`` runs them over this file."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

import attrs
from prefect.run_configs import DockerRun, KubernetesRun, LocalRun
from prefect.tasks.shell import ShellTask
from typing_extensions import assert_type

from lume_dsl import (
    JSON,
    DBResult,
    File,
    LumeFlow,
    TextFile,
    Unit,
    at,
    case,
    db_result,
    file_result,
    flatten,
    flow,
    load,
    merge,
    parameter,
    register,
    removed,
    resource_manager,
    result,
    results,
    schema,
    step,
    switch,
    task,
    unchecked,
    unmapped,
)
from lume_dsl.records import Results
from lume_dsl.records.where import Condition
from lume_dsl.report import Picture, visualize


@attrs.frozen
class Spot:
    sigma_x: float
    sigma_y: float


@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2


class Mode(Enum):
    FAST = "fast"


@attrs.frozen
class Magnet:
    current: float


class Row(NamedTuple):
    number: int


class Keys(TypedDict):
    a: int


@task
def per_shot(charge: Annotated[float, Unit("pC")], shots: int) -> float:
    return charge / shots


@task(max_retries=3, retry_delay=timedelta(seconds=1), tags=["slow"], services=True)
def fit(image: list[float], background: float) -> Spot:
    return Spot(image[0] - background, background)


assert_type(append_text.run("a", "b"), str)
assert_type(append_text.with_options(cache=timedelta(days=7)).run("a", "b"), str)
assert_type(append_text.with_options(max_retries=2, retry_delay=timedelta(1)).run("a", "b"), str)
shell = task(ShellTask())


@flow(name="everything", project="injector", labels=["lab"])
class Everything(LumeFlow):
    """A flow that uses each piece once."""

    text1: str = parameter(help="the left part")
    text2: str = parameter(default=" you")
    charge: float = parameter(default=250.0, unit="pC", ge=0)
    shots: int = 3
    pair: tuple[int, float] = (1, 2.0)
    settings: dict[str, JSON] = parameter(default={"a": [1, None]})
    maybe: int | None = None
    images: list[list[float]] = parameter(default=[[1.0]])
    mode: Mode = parameter(default=Mode.FAST, choices=[Mode.FAST])
    magnets: list[Magnet] = parameter(factory=list, min_length=0, max_length=5)
    row: Row = parameter(default=Row(1), validator=lambda row: row.number > 0)
    keys: Keys = parameter(default=Keys(a=1), examples=[{"a": 2}])
    day: date | None = parameter(default=None)
    path: Path = Path("a")
    device: str = parameter(default="CAM:1", pattern="[A-Z]+:[0-9]+", env="LAB_DEVICE")
    token: str | None = parameter(default=None, secret=True, env="LAB_TOKEN")
    step_size: float = parameter(default=0.5, multiple_of=0.5)
    before: TextFile | None = parameter(default=None)

    text = append_text(text1, text2)
    opted_out = append_text(unchecked(shots), text2)
    density = per_shot(charge, shots)
    spots = fit.map(images, unmapped(charge))
    first = spots[0]
    size = first.sigma_x * 2

    @step
    def total(self, spots: list[Spot]) -> float:
        self.logger.info("%s", self.text1)
        return sum(spot.sigma_x for spot in spots) + self.charge

    @step(max_retries=2, retry_delay=timedelta(seconds=1))
    def doubled(self, value: float = total) -> float:
        return 2 * value

    @step(max_retries=2, retry_delay=timedelta(seconds=1)).map(spot=spots)
    def widths(self, spot: Spot) -> float:
        return spot.sigma_x

    assert_type(fit.with_options(timeout=3).map(images, unmapped(charge)), list[Spot])

    @step.map(spot=spots)
    def areas(self, spot: Spot) -> float:
        return spot.sigma_x * spot.sigma_y

    kept: float = result(doubled)
    text_file: TextFile = file_result(text, filename=Path("a.txt"), filesystem="local", max_retries=1)
    record: DBResult = db_result(text=text, total=total)


assert_type(Everything(text1="a").text1, str)
done = Everything(text1="a", charge=2, shots=4, maybe=None).run()
assert_type(done, Everything)
assert_type(done.text, str)
assert_type(done.spots, list[Spot])
assert_type(done.first, Spot)
assert_type(done.size, float)
assert_type(done.total, float)
assert_type(done.doubled, float)
assert_type(done.areas, list[float])
assert_type(done.widths, list[float])
assert_type(done.kept, float)
assert_type(done.text_file, TextFile)
assert_type(done.text_file.read(), str)
assert_type(done.record, DBResult)
assert_type(done.record.outputs, dict[str, Any])
assert_type(done.flow_run.id, str)
assert_type(done.pair, tuple[int, float])
assert_type(done.mode, Mode)
assert_type(done.magnets, list[Magnet])
assert_type(done.row, Row)
assert_type(done.day, date | None)
assert_type(done.path, Path)
assert_type(done.density, float)
assert_type(done.opted_out, str)
assert_type(Everything.schema(), dict[str, Any])
assert_type(schema(Everything), dict[str, Any])
assert_type(Everything.visualize(), Picture)
assert_type(Everything.visualize("everything.svg").dot, str)
assert_type(visualize(Everything, Path("everything.mmd")), Picture)
assert_type(Everything.results(text1="a").latest(), DBResult)
assert_type(results(Everything, text1="a").count(), int)
assert_type(Everything.flow.name, str)
assert_type(done.flow.name, str)
loaded = load(done.record.reference())
assert_type(loaded, Any)


class Orbit(DBResult):
    """A record class without a decorator."""

    machine: str
    pv_time: datetime
    turns: int = attrs.field(default=1)


orbit = Orbit(flow_name="scan", outputs={}, machine="injector", pv_time=datetime.now(timezone.utc))
assert_type(orbit.machine, str)
assert_type(orbit.turns, int)
assert_type(load(orbit.reference(), Orbit), Orbit)
assert_type(load(done.text_file.reference(), TextFile), TextFile)
assert_type(load(done.text_file.reference(), TextFile).read(), str)
assert_type(results(record_type=Orbit), Results[Orbit])
assert_type(results(flow="Scan", record_type=Orbit, where=at("fields.machine") == "a").latest().machine, str)
assert_type(results(flow=Everything), Results[DBResult])
assert_type(Everything.results(where=at("time") >= orbit.time).where(at("inputs.charge") > 1).limit(3).one(), DBResult)
assert_type((at("inputs.x") > 1) & ~at("inputs", "a.b").exists() | at("inputs.x").isin([1]), Condition)


class LinesSerializer:
    def dump(self, obj: list[str], filename: str, /) -> bytes:
        return "\n".join(obj).encode()

    def load(self, data: bytes, filename: str, /) -> list[str]:
        return data.decode().split("\n")


class Lines(File[list[str]]):
    serializer = LinesSerializer()


assert_type(Lines.write(["a"], filename="a.txt").read(), list[str])


@task
def count(text: str) -> int:
    return len(text)


class Branching(LumeFlow):
    text: str = parameter(default="a")
    wanted: bool = parameter(default=True)

    with case(wanted, True):
        longer = append_text(text, "b")
        long_file: TextFile = file_result(longer, filename="long.txt")
    with case(text == "a", True):
        number = count(text)
    assert_type(longer, str)
    either = merge(longer, number)
    assert_type(either, str | int)
    always = merge(number, None)
    assert_type(always, int | None)
    switch(wanted, {True: longer, False: number})


assert_type(Branching().run().either, str | int)
assert_type(Branching().run().long_file, TextFile)


class Longer(Branching):
    text: str = "longer"
    longer = append_text(Branching.longer, "c")
    number = removed()
    either = merge(longer, 3)
    always = removed()


assert_type(Longer(wanted=False).run().longer, str)
assert_type(Longer().run().long_file, TextFile)


@task
def two_of(text: str) -> tuple[str, int]:
    return text, 1


class Unpacking(LumeFlow):
    first, second = two_of("a")
    assert_type(first, str)
    assert_type(second, int)
    longer = append_text.with_options(after=[second])(first, "b")
    assert_type(longer, str)


assert_type(Unpacking().run().second, int)


class Flattening(LumeFlow):
    rows: list[list[str]] = parameter(default=[["a"]])
    texts = flatten(rows)
    assert_type(texts, list[str])
    numbers = count.map(flatten([texts, texts]))


assert_type(Flattening().run().numbers, list[int])


class Nesting(LumeFlow):
    part: str = parameter(default="a")

    greeting = Unpacking()
    branch = Branching(text=part, wanted=False)
    assert_type(branch, Branching)
    assert_type(branch.either, str | int)
    assert_type(branch.long_file, TextFile)
    longer = append_text(greeting.first, branch.longer)
    runs = Branching.map(text=[part, longer])
    assert_type(runs, list[Branching])
    numbers = [run.number for run in runs]
    assert_type(numbers, list[int])
    both = append_text.map([run.longer for run in runs], unmapped(runs[0].text))
    assert_type(both, list[str])
    later = Branching.with_options(after=[branch, longer])(text=part)
    assert_type(later, Branching)
    assert_type(Branching.with_options(after=branch).map(text=[part]), list[Branching])


assert_type(Nesting().run().branch.long_file.read(), str)
assert_type(Nesting().run().runs[1].number, int)


class CameraManager:
    def __init__(self, device: str, exposure: float = 1.0) -> None:
        self.device = device

    def setup(self) -> Spot:
        return Spot(1.0, 2.0)

    def cleanup(self, spot: Spot | None) -> None: ...


@attrs.frozen
class LampManager:
    power: float

    def setup(self) -> None: ...

    def cleanup(self, nothing: None) -> None: ...


Camera = resource_manager(CameraManager)
Lamp = resource_manager(name="lamp", setup_task_kwargs={"max_retries": 2, "retry_delay": timedelta(seconds=1)})(
    LampManager
)


@task
def look(spot: Spot, text: str) -> list[float]:
    return [spot.sigma_x]


class Holding(LumeFlow):
    device: str = parameter(default="a")
    power: float = 1.0

    with Camera(device, exposure=power) as camera, Lamp(power):
        assert_type(camera, Spot)
        seen = look(camera, device)
        with case(power > 1.0, True), Camera(device) as other:
            more = look(other, device)

        @step
        def total(self, seen: list[float], camera: Spot) -> float:
            return sum(seen) + camera.sigma_x

    kept: list[float] = result(seen)


assert_type(Holding().run().seen, list[float])
assert_type(Holding().run().camera, Spot)
assert_type(Holding().run().total, float)
with Camera.run("a") as held:
    assert_type(held, Spot)


# registering
@flow(project="injector", run_config=KubernetesRun(image="lab:1", cpu_request=0.5, memory_request="2Gi"))
class Registered(LumeFlow):
    text: str = "a"

    twice = append_text(text, text)


assert_type(Registered.register(), str)
assert_type(Registered.register(project="beams", labels=["lcls"], run_config=LocalRun(working_dir="/lab")), str)
assert_type(Registered.register(run_config=KubernetesRun(job_template={}), secret_name="lume", force=True), str)
docker = DockerRun(image="lab:1", env={"OMP_NUM_THREADS": "4"}, host_config={"shm_size": 1})
assert_type(register(Registered, project="beams", run_config=docker, set_schedule_active=False), str)
