"""How tasks may be joined in a flow, and what a run is given, each as a flow of a class: Prefect's or ours."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pendulum
import prefect
from behaviours import AT_ONCE, add, fails, first_fails, items, loops, skipped, total
from histories import KEPT, Build, note
from prefect import apply_map, flatten, task, triggers, unmapped
from prefect.core.parameter import DateTimeParameter
from prefect.engine.results import LocalResult
from prefect.engine.state import Failed, Mapped, Success
from prefect.schedules import Schedule
from prefect.schedules.clocks import DatesClock
from prefect.tasks.control_flow import case, merge, switch
from prefect.tasks.core.resource_manager import ResourceManager
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret

BEHAVIOURS: list[Build] = []


def shape(build: Build) -> Build:
    """This is one of the flows to run."""
    BEHAVIOURS.append(build)
    return build


def same(x: Any = None) -> Any:
    return x


@shape
def maps(flow_class: type) -> Any:
    with flow_class("maps") as flow:
        numbers = task(items, name="numbers")()
        first = task(add, name="first").map(numbers)
        second = task(add, name="second").map(first, y=unmapped(numbers))
        third = task(add, name="third").map(x=[1, 2], y=first)
        task(total, name="reduced")(second)
        task(add, name="with reduced").map(numbers, y=unmapped(task(total, name="total")(third)))
        task(add, name="with whole map").map(task(same, name="whole")(third), y=unmapped(first))
        task(same, name="tuple").map(task(lambda: (1, 2), name="pair")())
        task(same, name="text").map(task(lambda: "abc", name="letters")())
        task(same, name="range").map(task(lambda: range(2), name="a range")())
        task(same, name="of one list").map([numbers, first])
        task(same, name="waits").map(numbers, upstream_tasks=[first])
        task(same, name="waits for whole").map(numbers, upstream_tasks=[unmapped(first)])
        apply_map(lambda n: task(add, name="applied")(n, 2), numbers)
    return flow


@shape
def maps_over_a_dict(flow_class: type) -> Any:
    with flow_class("dict") as flow:
        task(same, name="dict").map(task(lambda: {0: "a", 1: "b"}, name="a dict")())
    return flow


@shape
def maps_in_part(flow_class: type) -> Any:
    some = task(first_fails, name="some", max_retries=1, retry_delay=AT_ONCE)
    with flow_class("in part") as flow:
        part = some.map([1, 2, 3], times=[0, 1, 5])
        task(same, name="of part")(part)
        task(same, name="of part, whatever", trigger=triggers.all_finished)(part)
    return flow


@shape
def maps_that_cannot_be(flow_class: type) -> Any:
    some = task(first_fails, name="some", max_retries=1, retry_delay=AT_ONCE)
    with flow_class("failing maps") as flow:
        nothing = task(lambda: [], name="nothing")()
        empty = task(add, name="empty").map(nothing)
        task(total, name="of empty")(empty)
        task(add, name="upon empty").map(empty)
        task(add, name="upon empty and more").map(empty, [1, 2])
        for name, value in {"none": None, "number": 5, "set": {1, 2}, "iterator": iter([1])}.items():
            task(same, name=f"over {name}").map(task(lambda value=value: value, name=name)())
        task(same, name="over failed").map(task(fails)())
        task(same, name="over failed, whatever", trigger=triggers.all_finished).map(task(fails, name="failed")())
        part = some.map([1, 2, 3], times=[0, 1, 5])
        task(same, name="over part").map(part)
        task(same, name="over part, whatever", trigger=triggers.all_finished).map(part)
        task(add, name="over skipped").map(task(skipped, name="odd")())
        task(add, name="over both").map(task(lambda: [1, 2], name="both")(), y=task(fails, name="none of it")())
    return flow


@shape
def flattens(flow_class: type) -> Any:
    deep = task(lambda n=3: [list(range(n)), [7, 8]], name="deep")
    with flow_class("flattens") as flow:
        lists = deep()
        task(add, name="each").map(flatten(lists))
        task(total, name="all")(flatten(lists))
        made = task(items, name="made").map([1, 2, 0])
        task(add, name="each of made").map(flatten(made))
        task(total, name="all of made")(flatten(made))
        nested = task(lambda n: [[n], [n, n]], name="nested").map([1, 2])
        task(same, name="each of nested").map(flatten(nested))
        task(add, name="two").map(flatten(made), y=flatten(lists))
        task(same, name="flat number")(flatten(task(add, name="number")()))
        task(same, name="each of number").map(flatten(task(add, name="another")()))
        task(same, name="each of numbers").map(flatten(task(add, name="numbers").map([1, 2])))
        task(same, name="of none")(flatten(task(fails)()))
        bad = task(lambda n: items(n) if n != 1 else fails(n), name="bad").map([2, 1])
        task(same, name="each of bad").map(flatten(bad))
        task(same, name="each of odd").map(flatten(task(lambda n: skipped(n) if n else [1], name="odd").map([0, 1])))
    return flow


@shape
def has_constants(flow_class: type) -> Any:
    with flow_class("constants") as flow:
        task(same, name="list")([1, 2, {"a": (3,)}])
        task(same, name="task in list")([1, task(add)(), {"a": task(add, name="other")()}])
        task(same, name="dict")({"a": 1, "b": [None]})
        task(same, name="tasks")([prefect.tasks.core.constants.Constant(4), 5])
        task(same, name="class")(int)
        task(add, name="two")(x="a", y="b")
        task(same, name="mapped").map([1, 2])
        task(add, name="unmapped").map([1, 2], y=unmapped(3))
        task(add)(1, 2) * 3 + 4
    return flow, {}, {}


@shape
def branches(flow_class: type) -> Any:
    with flow_class("branches") as flow:
        mode = prefect.Parameter("mode", default="a")
        with case(mode, "a"):
            first = task(add, name="first")()
            after = task(same, name="after")(first)
        with case(mode, "b"):
            second = task(fails, name="second")()
            task(same, name="mapped").map([1, 2])
        merged = merge(after, second)
        task(same, name="then")(merged)
        chosen = {name: task(same, name=f"chosen {name}")(name) for name in "abc"}
        switch(mode, chosen)
        merge(*chosen.values())
    return flow, *({"parameters": {"mode": mode}} for mode in "abd")


class Device(ResourceManager):
    """One that tells when it is set up and cleaned up, and fails at a part of that if told."""

    def __init__(self, name: str = "a", fails_at: str = "") -> None:
        self.name, self.fails_at = name, fails_at
        if fails_at == "init":
            raise ValueError("no init")

    def setup(self) -> str:
        if self.fails_at == "setup":
            raise ValueError("no setup")
        note("setup", self.name)
        return f"resource {self.name}"

    def cleanup(self, resource: str) -> None:
        note("cleanup", resource)
        if self.fails_at == "cleanup":
            raise ValueError("no cleanup")


@shape
def has_resources(flow_class: type) -> Any:
    with flow_class("resources") as flow:
        for part in ("", "init", "setup", "cleanup"):
            with prefect.resource_manager(Device, name=f"{part} device")(part, fails_at=part) as resource:
                used = task(same, name=f"used {part}")(resource)
                task(fails, name=f"fails {part}")(used)
            task(same, name=f"outside {part}")(used)
    return flow, {}


@shape
def has_reference_tasks(flow_class: type) -> Any:
    with flow_class("reference") as flow:
        good = task(add)()
        task(fails)(good)
        each = task(first_fails, name="each").map([1, 2], times=[0, 2])
    flow.set_reference_tasks([good])
    flow.add_task(task(fails, name="added"))
    return flow, {"context": {"each": str(each)}}


@shape
def has_parameters_and_secrets(flow_class: type) -> Any:
    with flow_class("parameters") as flow:
        needed, day = prefect.Parameter("needed"), DateTimeParameter("day", required=False)
        other = prefect.Parameter("other", default={"a": [1]}, tags=["x"])
        task(add, name="sum")(needed, needed)
        task(same, name="deep")(other["a"][0])
        task(same, name="day")(day)
        task(same, name="secret")(PrefectSecret("WORD"))
        task(same, name="no secret")(PrefectSecret("NONE"))
        task(same, name="environment")(EnvVarSecret("LUME_NOT_THERE", raise_if_missing=True))
        task(same, name="path")(EnvVarSecret("PATH", cast=type))
    context = {"secrets": {"WORD": "said"}, "parameters": {"needed": 5, "extra": 1}}
    given = {"needed": 2, "day": "2020-01-02T03:04:05"}
    some = [{"context": context, "parameters": given}, {"needed": 3, "other": None, "context": {"secrets": {}}}]
    return flow, *some, {}, {"parameters": {"needed": 1, "unknown": 2}}, {"needed": 1, "day": "no date"}


@shape
def changes_the_context(flow_class: type) -> Any:
    def changes(x: Any = 0) -> Any:
        context = prefect.context
        context.config.flows.checkpointing = "changed"
        context.config.added = {"in": "config"}
        context.config.logging["level"] = "NONE"
        context.parameters["n"] = "changed"
        context["put"] = x
        context.task_name = "changed"
        del context["today"]
        if prefect.context.get("task_loop_count", 1) < 3:
            raise prefect.engine.signals.LOOP(result=x)
        context.config = None if x == 5 else prefect.context.config
        return x

    with flow_class("changes") as flow:
        one = task(changes, name="one")(prefect.Parameter("n", default=1))
        two = task(changes, name="two", state_handlers=[lambda *_: None])(one)
        three = task(changes, name="three").map([5, 2], upstream_tasks=[unmapped(two)])
        task(first_fails, name="four", max_retries=1, retry_delay=AT_ONCE)(three)
    return flow, {}, {"context": {"config": {"added": 1}}}


@shape
def runs_a_flow_within(flow_class: type) -> Any:
    def within(x: Any = 1) -> Any:
        recorder, config = prefect.context.recorder, prefect.context.config
        config.flows.put = "outer"
        with flow_class("inner") as inner:
            task(add, name="inner add")(task(loops, name="inner loops")(x))
        handlers = [lambda runner, old, new: note("inner", old, new)]
        context = {"recorder": recorder, "config": {"inner": True}}
        state = inner.run(context=context, task_runner_state_handlers=handlers, run_on_schedule=False)
        note("after inner", prefect.context.config, prefect.context.task_name)
        if prefect.context.get("task_loop_count", 1) < 3:
            raise prefect.engine.signals.LOOP(result=x)
        return len(state.result)

    with flow_class("outer") as flow:
        one = task(within, name="one")()
        task(within, name="each").map([1, 2], upstream_tasks=[unmapped(one)])
        task(add, name="last")(one)
    return flow


@shape
def goes_on_where_it_ended(flow_class: type) -> Any:
    with flow_class("resumed") as flow:
        numbers = task(items, name="numbers")()
        one = task(first_fails, name="one").map(numbers, times=[0, 2, 0])
        two = task(add, name="two").map(one, y=unmapped(numbers))
        task(total, name="three")(two)
        task(same, name="secret")(PrefectSecret("WORD"))
    was = [Success("one", result=10), Failed("two"), Success("three", result=30)]
    begun = {
        flow.get_tasks("numbers")[0]: Success("numbers", result=[0, 1, 2]),
        flow.get_tasks("one")[0]: Mapped("was", map_states=was, n_map_states=3),
        flow.get_tasks("WORD")[0]: Success("was", result="old"),
    }
    short = {**begun, flow.get_tasks("one")[0]: Mapped("was", map_states=was[:2], n_map_states=2)}
    inputs = Mapped("was", n_map_states=2, cached_inputs={"x": prefect.engine.result.Result([5, 6])})
    known = {flow.get_tasks("one")[0]: inputs}
    secrets = {"secrets": {"WORD": "said"}}
    return flow, *({"task_states": states, "context": secrets} for states in (begun, short, known))


@shape
def is_asked_for_some_tasks(flow_class: type) -> Any:
    with flow_class("some") as flow:
        one = task(add, name="one")()
        task(add, name="two")(one)
    other = task(add, name="other")
    given = [[], None, [one], [other], (one, one)]
    return flow, *({"by_runner": True, "return_tasks": tasks} for tasks in given)


@shape
def is_in_a_state_before(flow_class: type) -> Any:
    from prefect.engine import state

    later, now = pendulum.now("utc").add(hours=2), pendulum.now("utc")
    with flow_class("begun") as flow:
        task(add)()
    states = [state.Success("was"), state.Failed("was"), state.Running("was"), state.Pending("was")]
    states += [state.Scheduled("was", start_time=later), state.Scheduled("was", start_time=now), state.Paused("was")]
    states += [state.Submitted("was", state=state.Running("within")), state.Cancelling("was"), state.Queued("was")]
    return flow, *({"by_runner": True, "state": one} for one in states)


@shape
def has_an_item_of_its_own_lists(flow_class: type) -> Any:
    class Odd(list):  # type: ignore[type-arg]  # of anything
        def __getitem__(self, index: Any) -> Any:
            return ("odd", super().__getitem__(index))

    with flow_class("odd lists") as flow:
        task(same, name="each").map(task(lambda: Odd([1, 2]), name="odd")())
        kept = task(lambda: [1, 2], name="kept", result=LocalResult(dir=str(KEPT)), target="kept.list")()
        task(same, name="each kept").map(kept)
    return flow, {"context": {"config": {"flows": {"checkpointing": True}}}}, {}


def _schedule(flow_class: type) -> Any:
    now = pendulum.now("utc")
    clock = DatesClock([now.add(seconds=0.7), now.add(seconds=1.2)], parameter_defaults={"n": 7})
    with flow_class("scheduled", schedule=Schedule(clocks=[clock])) as flow:
        task(add)(prefect.Parameter("n", default=1))
    return flow, {"run_on_schedule": True}


SCHEDULED: Build = _schedule
"""One that waits for its times."""


def _everything(flow_class: type) -> Any:
    """What can differ by where a task runs."""
    with flow_class("everything") as flow:
        numbers = task(items, name="numbers")(prefect.Parameter("n", default=3))
        some = task(first_fails, name="some", max_retries=1, retry_delay=AT_ONCE).map(numbers, times=[0, 1, 5])
        task(total, name="of some", trigger=triggers.all_finished, skip_on_upstream_skip=False)(some)
        each = task(add, name="each", task_run_name="{x}").map(numbers, y=unmapped(task(add, name="one")(1)))
        task(total, name="reduced", tags=["tag"])(each)
        task(total, name="flat")(flatten(task(items, name="lists").map(numbers)))
        task(same, name="each flat").map(flatten(task(lambda: [[1], [2, 3]], name="deep")()))
        task(add, name="after loop")(task(loops, name="loops", max_retries=1, retry_delay=AT_ONCE)(fail_at=2))
        task(same, name="after skip")(task(skipped)(1))
        task(lambda: print("said"), name="says", log_stdout=True)()
        task(lambda: sys.modules["prefect"].context.logger.warning("told"), name="tells")()
        task(add, name="cached", cache_for=timedelta(hours=1))(1)
        with case(task(same, name="mode")("a"), "a"):
            task(fails, name="fails")(1)
        with case(task(same, name="other mode")("b"), "a"):
            task(fails, name="never")(1)
        changed = task(lambda: setattr(prefect.context.config.flows, "put", 1), name="changes")()
        task(same, name="unchanged")(upstream_tasks=[changed])
        with prefect.resource_manager(Device)("device") as resource:
            task(same, name="used")(resource)
    return flow, {"context": {"config": {"flows": {"checkpointing": True, "given": 4}}}}


EVERYTHING: Build = _everything
"""One with some of it all, for each executor."""
