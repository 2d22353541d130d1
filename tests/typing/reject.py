"""What type checkers must reject: each line below that is wrong carries the comment that says so.

``warn_unused_ignores`` and ``reportUnnecessaryTypeIgnoreComment`` fail the line that a change makes acceptable.
"""

from __future__ import annotations

from prefect.run_configs import DockerRun, KubernetesRun, LocalRun

from lume_dsl import (
    DBResult,
    LumeFlow,
    TextFile,
    case,
    db_result,
    file_result,
    flow,
    merge,
    parameter,
    register,
    resource_manager,
    result,
    step,
    switch,
    task,
)
from lume_dsl.report import visualize


@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2


@task
def length(text: str) -> int:
    return len(text)


class Greeting(LumeFlow):
    text1: str = parameter(help="the left part")
    text2: str = parameter(default=" you")
    shots: int = 3

    text = append_text(text1, text2)
    size = length(text)

    @step
    def total(self, size: int) -> float:
        return size + self.text1  # type: ignore[operator]

    text_file: TextFile = file_result(text, filename="a.txt")
    record: DBResult = db_result(text=text)


# constructor arguments: of a wrong type, missing, unknown, by position, or a result
Greeting(text1=5)  # type: ignore[arg-type]
Greeting(text1="a", shots="three")  # type: ignore[arg-type]
Greeting()  # type: ignore[call-arg]
Greeting(text1="a", text3="b")  # type: ignore[call-arg]
Greeting("a")  # type: ignore[call-arg]
Greeting(text1="a", text_file=TextFile("a.txt"))  # type: ignore[call-arg]
Greeting(text1="a", record=None)  # type: ignore[call-arg]

# attributes of a run: unknown, or taken for another type
done = Greeting(text1="a").run()
done.txet  # type: ignore[attr-defined]
done.text.no_method()  # type: ignore[attr-defined]
wrong: int = done.text  # type: ignore[assignment]
done.text1 = "b"  # type: ignore[misc]
number: int = done.text_file.read()  # type: ignore[assignment]


class Wrong(LumeFlow):
    shots: int = parameter(default="three")  # type: ignore[assignment]
    other: str = 5  # type: ignore[assignment]
    limited: int = parameter(default=1, ge="0")  # type: ignore[call-overload]
    made: list[int] = parameter(factory=dict)  # type: ignore[arg-type]
    longer: str = parameter(default="a", min_length="2")  # type: ignore[call-overload]
    matched: str = parameter(default="a", pattern=5)  # type: ignore[call-overload]
    hidden: str = parameter(secret="yes")  # type: ignore[call-overload]
    valid: int = parameter(default=1, validator=5)  # type: ignore[call-overload]
    missing: str = parameter(hlep="the left part")  # type: ignore[call-overload]

    # edges: of a wrong type, too few, too many, unknown
    text = append_text(shots, "a")  # type: ignore[arg-type]
    few = append_text("a")  # type: ignore[call-arg]
    many = append_text("a", "b", "c")  # type: ignore[call-arg]
    unknown = append_text(text1="a", text3="b")  # type: ignore[call-arg]
    attribute = text.sigma_x  # type: ignore[attr-defined]
    undefined = append_text(text, nowhere)  # type: ignore[name-defined]

    # results: annotated with another type, or with wrong options
    kept: int = result(text)  # type: ignore[assignment]
    text_file: TextFile = file_result(text)  # type: ignore[call-arg]
    retried: TextFile = file_result(text, filename="a.txt", max_retrys=3)  # type: ignore[call-arg]
    overwritten: TextFile = file_result(text, filename="a.txt", overwrite="yes")  # type: ignore[arg-type]


# options of tasks, steps and flows: misspelt, or of a wrong type
@task(max_retrys=3)  # type: ignore[call-overload, untyped-decorator]
def misspelt(text: str) -> str:
    return text


@task(timeout="long")  # type: ignore[call-overload, untyped-decorator]
def slow(text: str) -> str:
    return text


append_text.with_options(max_retry=3)  # type: ignore[call-arg]
append_text.with_options(cache="long")  # type: ignore[arg-type]


@flow(projekt="injector")  # type: ignore[call-arg]
class Misspelt(LumeFlow):
    @step(max_retrys=3)  # type: ignore[call-overload, untyped-decorator]
    def total(self) -> float:
        return 1.0

    @step(timeout="long").map(size=[1, 2])  # type: ignore[call-overload, untyped-decorator]
    def sizes(self, size: int) -> float:
        return 1.0

    @step(timeout=3).map(size=[1, 2])
    def rows(self, size: int) -> float:
        return 1.0

    first: str = result(rows[0])  # type: ignore[assignment]


# branches: a merge taken for one of its branches, cases that are no mapping, a case without a value
class Branching(LumeFlow):
    text1: str = parameter(default="a")

    with case(text1):  # type: ignore[call-arg]
        size = length(text1)
    either = length(merge(text1, size))  # type: ignore[arg-type]
    switch(text1, [size])  # type: ignore[arg-type]


# subflows: a wrong, a missing and an unknown parameter; a wrong and an unknown value; a flow for a value
class Part(LumeFlow):
    text1: str = parameter()
    times: int = 1

    size = length(text1)


class Nesting(LumeFlow):
    number: int = 3

    wrong = Part(text1=number)  # type: ignore[arg-type]
    missing = Part(times=number)  # type: ignore[call-arg]
    unknown = Part(text1="a", time=number)  # type: ignore[call-arg]
    part = Part(text1="a")
    edge = length(part.size)  # type: ignore[arg-type]
    attribute = part.sizes  # type: ignore[attr-defined]
    whole = length(part)  # type: ignore[arg-type]
    runs = Part.map(text1=["a"])
    one = length(runs)  # type: ignore[arg-type]
    later = Part.with_options(after=[part])(text1=number)  # type: ignore[arg-type]
    option = Part.with_options(max_retries=3)(text1="a")  # type: ignore[call-arg]
    all_runs = [run.sizes for run in runs]  # type: ignore[attr-defined]


# pictures: of a name that is no path, of an instance
Greeting.visualize(3)  # type: ignore[arg-type]
visualize(Greeting(text1="a"))  # type: ignore[arg-type]


# resource managers: without a cleanup, or one of another type than the setup; with wrong options and arguments
class CameraManager:
    def __init__(self, device: str) -> None:
        self.device = device

    def setup(self) -> list[float]:
        return []

    def cleanup(self, camera: list[float]) -> None: ...


class Unclean:
    def setup(self) -> str:
        return "a"


class Other(Unclean):
    def cleanup(self, number: int) -> None: ...


Camera = resource_manager(CameraManager)
resource_manager(Unclean)  # type: ignore[arg-type]
resource_manager(Other)  # type: ignore[misc]
resource_manager(CameraManager, setup_task_kwargs={"max_retrys": 3})  # type: ignore[call-overload]


class Holding(LumeFlow):
    device: str = parameter(default="a")
    shots: int = 1

    with Camera(device) as camera:
        first = length(camera)  # type: ignore[arg-type]
        camera.sigma_x  # type: ignore[attr-defined]
    with Camera(shots) as wrong_device:  # type: ignore[arg-type]
        pass
    with Camera() as no_device:  # type: ignore[call-arg]
        pass
    with Camera(device, exposure=1.0) as unknown:  # type: ignore[call-arg]
        pass
    with Camera.run(5):  # type: ignore[arg-type]
        pass


# registering: options that are misspelt or of another type, of the call and of the run configs
Greeting.register(projekt="beams")  # type: ignore[call-arg]
Greeting.register(labels=3)  # type: ignore[arg-type]
Greeting.register(run_config="docker")  # type: ignore[arg-type]
Greeting.register("beams")  # type: ignore[call-arg]
register(Greeting, projekt="beams")  # type: ignore[call-arg]
register("flows:Greeting")  # type: ignore[arg-type]
flow_id: int = Greeting.register()  # type: ignore[assignment]
DockerRun(imgae="lab:1")  # type: ignore[call-arg]
DockerRun(ports=8080)  # type: ignore[arg-type]
LocalRun(working_dir=3)  # type: ignore[arg-type]
KubernetesRun(cpu_limit=[1])  # type: ignore[arg-type]


@flow(run_config="docker")  # type: ignore[arg-type]
class Unclear(LumeFlow):
    text: str = "a"
