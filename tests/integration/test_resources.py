"""Resources are set up, held and cleaned up as Prefect's own are, whatever fails or is skipped, on every executor."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import Any

import attrs
import prefect
import pytest
from prefect.engine.state import State
from prefect.executors import LocalDaskExecutor, LocalExecutor
from prefect.tasks.control_flow import case
from prefect.tasks.core.resource_manager import resource_manager as prefects_own
from prefect.triggers import all_finished

from lume_dsl import DefinitionError, FlowRunError, LumeFlow, parameter, resource_manager, result, step, task, unmapped
from lume_dsl import case as lume_case

done: list[str] = []
"""What tasks of this process have done, in order."""


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def note(what: str, failing: str) -> str:
    done.append(what)
    if what == failing:
        raise ValueError(f"no {what}")
    return what


class Plain:
    """Fails where it is told to."""

    def __init__(self, failing: str, name: str = "camera") -> None:
        self.failing = failing
        self.name = note(name, failing)

    def setup(self) -> str:
        return note(f"{self.name}.setup", self.failing)

    def cleanup(self, resource: str) -> None:
        assert resource == f"{self.name}.setup"
        note(f"{self.name}.cleanup", self.failing)


Camera = resource_manager(Plain, name="Camera")
Outer = resource_manager(Plain, name="Outer")


@task
def take(name: str, failing: str, camera: str = "") -> str:
    return note(name, failing)


@task
def numbers() -> list[str]:
    return ["a", "b"]


class Held(LumeFlow):
    """A resource in a block of another, and branches in it and around it."""

    failing: str = ""
    wanted: bool = True
    inner: bool = True

    before = take("before", failing)
    with lume_case(wanted, True), Outer(failing, name="outer") as outer:
        first = take("first", failing, outer)
        with Camera(failing) as camera:
            image = take("image", failing, camera)
            images = take.map(["image 1", "image 2"], unmapped(failing))
            with lume_case(inner, True):
                bright = take("bright", failing)
                brighter = take(bright, failing)
        last = take("last", failing)
    after = take(image, failing)


def by_hand() -> prefect.Flow:
    """The same in plain Prefect."""
    run = prefect.task(take.function)
    outer_camera, inner_camera = prefects_own(Plain, name="Outer"), prefects_own(Plain, name="Camera")

    def named(name: str, *args: Any) -> prefect.Task:
        return run(*args, task_args={"name": name})

    with prefect.Flow("by hand") as flow:
        failing = prefect.Parameter("failing", default="")
        wanted, inner = prefect.Parameter("wanted", default=True), prefect.Parameter("inner", default=True)
        named("before", "before", failing)
        with case(wanted, True), outer_camera(failing, name="outer") as outer:
            named("first", "first", failing, outer)
            with inner_camera(failing) as camera:
                image = named("image", "image", failing, camera)
                run.map(["image 1", "image 2"], prefect.unmapped(failing), task_args={"name": "images"})
                with case(inner, True):
                    bright = named("bright", "bright", failing)
                    named("brighter", bright, failing)
            named("last", "last", failing)
        named("after", image, failing)
    return flow


NAMES = {"outer": "Outer.setup", "camera": "Camera.setup"}
"""What Prefect calls those tasks that are called by a name of the body here."""

PARTS = ("Outer", "outer", "Outer.cleanup", "Camera", "camera", "Camera.cleanup")
TASKS = (*PARTS, "before", "first", "image", "images", "bright", "brighter", "last", "after")

FAILING = (
    *("", "outer", "outer.setup", "outer.cleanup", "camera", "camera.setup", "camera.cleanup"),
    *("before", "first", "image", "image 2", "bright", "last"),
)


def told(state: State, name: str) -> tuple[Any, ...]:
    """The state of a task of this name in a run: its kind, its message and its result, and those of a map's items."""
    (found,) = (one for task_, one in state.result.items() if task_.name == name)
    children = getattr(found, "map_states", None) or []
    shown = [(type(one).__name__, one.message, str(one.result)) for one in (found, *children)]
    # Prefect looks at a cleanup's upstream states in the order of a set, and tells of the first.
    shown = [[re.sub("manager (init|setup)", "manager", part) for part in one] for one in shown]
    return tuple((*one[:2], "an instance" if "Plain object" in one[2] else one[2]) for one in shown)


@pytest.mark.parametrize("failing", FAILING)
@pytest.mark.parametrize(("wanted", "inner"), itertools.product([True, False], [True, False]))
def test_each_task_ends_in_the_state_that_it_has_by_hand(failing: str, wanted: bool, inner: bool) -> None:
    chosen = {"failing": failing, "wanted": wanted, "inner": inner}
    ours = Held.flow.run(**chosen)
    did = list(done)
    done.clear()
    hand = by_hand().run(**chosen)
    assert (type(ours), ours.message) == (type(hand), hand.message)
    for name in TASKS:
        assert told(ours, name) == told(hand, NAMES.get(name, name)), name
    assert sorted(did) == sorted(done)


@pytest.mark.parametrize("failing", FAILING)
def test_a_cleanup_is_after_all_of_its_block_and_is_left_out_where_nothing_was_set_up(failing: str) -> None:
    Held.flow.run(failing=failing)
    of_camera = {"image", "image 1", "image 2", "bright"}
    for name, held in {"camera": of_camera, "outer": {"first", "last", "camera.cleanup", *of_camera}}.items():
        set_up = f"{name}.setup" in done and failing != f"{name}.setup"
        assert (f"{name}.cleanup" in done) == set_up
        if set_up:
            begin, end = done.index(f"{name}.setup"), done.index(f"{name}.cleanup")
            assert [what for what in held if what in done and not begin < done.index(what) < end] == []


def test_the_reference_tasks_are_those_that_prefect_chooses() -> None:
    ours = {NAMES.get(one.name, one.name) for one in Held.flow.reference_tasks()}
    assert ours == {one.name for one in by_hand().reference_tasks()}
    assert ours == {"before", "first", "images", "brighter", "last", "after"}


def test_a_failure_in_the_block_fails_the_run_after_the_cleanup() -> None:
    with pytest.raises(FlowRunError, match="first: ValueError: no first"):
        Held(failing="first").run()
    assert "outer.cleanup" in done
    with pytest.raises(FlowRunError, match=r"Held: 1 task failed\n    camera: ValueError: no camera.setup"):
        Held(failing="camera.setup").run()


def test_a_failing_cleanup_has_its_state_and_does_not_fail_the_run() -> None:
    run = Held(failing="camera.cleanup").run()
    assert run.image == "image"
    assert run.flow_run.tasks["Camera.cleanup"].is_failed()
    assert run.flow_run.tasks["Outer.cleanup"].is_successful()


def test_what_is_skipped_with_its_block_is_none() -> None:
    run = Held(wanted=False).run()
    assert (run.outer, run.camera, run.image, run.images, run.after) == (None, None, None, None, None)
    assert done == ["before"]


@attrs.frozen
class Counter:
    """A resource that may travel to another process."""

    start: int

    def setup(self) -> list[int]:
        return [self.start]

    def cleanup(self, values: list[int]) -> None:
        assert values == [self.start]


Counting = resource_manager(Counter)


@task
def count_on(values: list[int], step_size: int) -> int:
    return values[0] + step_size


class Counts(LumeFlow):
    start: int = parameter(default=1)
    sizes: list[int] = parameter(default=[1, 2])

    with Counting(start) as values:
        counts = count_on.map(unmapped(values), sizes)

        @step
        def total(self, counts: list[int], values: list[int]) -> int:
            return sum(counts) + values[0] + self.start

        kept: int = result(total)


@pytest.mark.parametrize(
    "executor",
    [
        LocalExecutor(),
        LocalDaskExecutor(scheduler="threads", num_workers=4),
        LocalDaskExecutor(scheduler="processes", num_workers=2),
    ],
    ids=["local", "threads", "processes"],
)
def test_steps_maps_and_results_stand_in_a_block_on_every_executor(executor: Any) -> None:
    run = Counts(start=2).run(executor=executor)
    assert (run.counts, run.total, run.kept, run.values) == ([3, 4], 11, 11, [2])
    assert run.flow_run.tasks["Counter.cleanup"].is_successful()


def test_what_takes_the_resource_outside_of_the_block_is_before_the_cleanup() -> None:
    """By hand it may come after it."""

    class Late(LumeFlow):
        with Camera("") as camera:
            pass
        pair = [camera, "a"]
        late = take.map(pair, unmapped(""))
        with Outer("", name=camera) as outer:
            last = take("last", "")

    Late().run()
    assert done.index("camera.cleanup") > max(done.index(what) for what in ("a", "last"))
    assert done[-1] == "camera.cleanup"


class Wrapped(Held):
    image = take("new", Held.failing)
    camera = take("wrapped", Held.failing, Held.camera)


def test_what_redefines_a_task_of_a_block_stands_in_it() -> None:
    Wrapped().run()
    begin, end = done.index("camera.setup"), done.index("camera.cleanup")
    assert "image" not in done
    assert begin < done.index("new") < end
    assert begin < done.index("wrapped") < end  # and the cleanup was given what the setup returned
    done.clear()
    with pytest.raises(FlowRunError, match=r"camera\.setup"):
        Wrapped(failing="camera.setup").run()
    assert "new" not in done


def test_options_reach_the_tasks_and_the_cleanups_trigger_may_be_another() -> None:
    manager = resource_manager(
        init_task_kwargs={"tags": ["a"]},
        setup_task_kwargs={"timeout": 5, "checkpoint": True},
        cleanup_task_kwargs={"trigger": all_finished, "name": "tidy"},
    )(Plain)

    class Options(LumeFlow):
        with manager("") as camera:
            pass

    tasks = Options.flow.members
    assert list(tasks) == ["Plain", "camera", "tidy"]
    assert (tasks["Plain"].tags, tasks["camera"].timeout, tasks["camera"].checkpoint) == ({"a"}, 5, True)
    assert (tasks["tidy"].trigger, tasks["tidy"].checkpoint, tasks["tidy"].skip_on_upstream_skip) == (
        all_finished,
        False,
        False,
    )


def test_a_manager_of_prefects_is_told_to_be_one_of_lume_dsl() -> None:
    namespace: dict[str, Any] = {"LumeFlow": LumeFlow, "Camera": prefects_own(Plain)}
    with pytest.raises(DefinitionError, match="from lume_dsl import resource_manager") as caught:
        exec("class Migrating(LumeFlow):\n    with Camera('') as camera:\n        pass", namespace)
    assert [problem.kind for problem in caught.value.problems] == ["resource"]


@task(max_retries=1, retry_delay=timedelta(seconds=0))
def twice(camera: str) -> int:
    """Fails the first time."""
    note("try", "" if "try" in done else "try")
    return done.count("try")


def test_a_cleanup_waits_for_the_retries_of_its_block_which_set_up_again_as_by_hand() -> None:
    class Retried(LumeFlow):
        with Camera("") as camera:
            tries = twice(camera)

    with prefect.Flow("by hand") as flow, prefects_own(Plain)("") as camera:
        prefect.task(twice.function, **twice.options)(camera)
    assert Retried().run().tries == 2
    assert done == ["camera", "camera.setup", "try", "camera.setup", "try", "camera.cleanup"]
    did = list(done)
    done.clear()
    flow.run()
    assert done == did


def test_a_loop_holds_a_resource_for_each_turn() -> None:
    class Loop(LumeFlow):
        for name in ("a", "b"):
            with Camera("", name=name) as camera:
                image = take("image", "", camera)
        del name

    assert Loop().run().camera == "b.setup"
    assert sorted(done) == sorted([*("a", "a.setup", "a.cleanup", "b", "b.setup", "b.cleanup"), "image", "image"])
    assert list(Loop.flow.members) == [
        *("Camera", "Camera.setup", "take", "Camera.cleanup"),
        *("Camera_2", "camera", "image", "Camera.cleanup_2"),
    ]


def test_a_resource_is_held_in_plain_python_too() -> None:
    with Camera.run("", name="plain") as camera:
        assert camera == "plain.setup"
        assert done == ["plain", "plain.setup"]
    assert done[-1] == "plain.cleanup"
    with pytest.raises(KeyError), Camera.run("", name="plain"):
        raise KeyError
    assert done[-1] == "plain.cleanup"
