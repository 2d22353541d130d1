"""What tasks may do in a flow's run, each as a flow of a class that is given: Prefect's or ours."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pendulum
import prefect
from histories import KEPT, Build, note
from prefect import task, triggers, unmapped
from prefect.engine import signals
from prefect.engine.cache_validators import all_inputs, all_parameters, partial_inputs_only
from prefect.engine.results import LocalResult, PrefectResult
from prefect.engine.state import (
    Cached,
    Failed,
    Mapped,
    Paused,
    Pending,
    Resume,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    Submitted,
    Success,
)
from prefect.exceptions import TaskTimeoutSignal

BEHAVIOURS: list[Build] = []

AT_ONCE = timedelta(0)


def behaviour(build: Build) -> Build:
    """This is one of the flows to run."""
    BEHAVIOURS.append(build)
    return build


class OwnError(Exception):
    """One that a task raises."""


def add(x: Any = 1, y: Any = 1) -> Any:
    return x + y


def items(n: int = 3) -> list[int]:
    return list(range(n))


def total(xs: Any) -> Any:
    return sum(xs)


def fails(x: Any = None) -> None:
    raise ValueError(f"fails with {x}")


def first_fails(x: Any = None, times: int = 1) -> Any:
    """Fails as often as told, and then gives what it got."""
    if prefect.context.task_run_count <= times:
        raise OwnError(f"attempt {prefect.context.task_run_count}")
    return x


def loops(x: Any = 0, until: int = 3, fail_at: int = -1) -> Any:
    """Comes round until it has counted so far."""
    count = prefect.context.get("task_loop_count", 1)
    result = prefect.context.get("task_loop_result", x)
    if count == fail_at and prefect.context.task_run_count == 1:
        raise OwnError(f"loop {count}")
    if count < until:
        raise signals.LOOP(message="round" if count == 1 else None, result=(result or 0) + 1)
    return result


@behaviour
def retries(flow_class: type) -> Any:
    with flow_class("retries") as flow:
        once = task(first_fails, name="once", max_retries=2, retry_delay=AT_ONCE)(add())
        task(first_fails, name="never", max_retries=1, retry_delay=AT_ONCE)(once, times=5)
        task(first_fails, name="on", max_retries=1, retry_delay=AT_ONCE, retry_on=OwnError)(1)
        task(fails, name="not on", max_retries=1, retry_delay=AT_ONCE, retry_on=[OwnError, KeyError])(1)
        task(add, name="after")(once, 2)
        task(first_fails, name="mapped", max_retries=1, retry_delay=AT_ONCE).map(task(items)(), times=unmapped(1))
    return flow


@behaviour
def waits_for_a_retry(flow_class: type) -> Any:
    with flow_class("waits") as flow:
        task(first_fails, max_retries=1, retry_delay=timedelta(milliseconds=150))(1)
    return flow


@behaviour
def loops_and_retries(flow_class: type) -> Any:
    with flow_class("loops") as flow:
        counted = task(loops, name="loops")()
        task(add, name="after")(counted)
        task(loops, name="retried", max_retries=2, retry_delay=AT_ONCE)(fail_at=2)
        task(loops, name="fails", max_retries=0)(fail_at=2)
        task(loops, name="mapped").map(task(items)(2))
        looped = task(loops, name="mapped retried", max_retries=1, retry_delay=AT_ONCE)
        task(total, name="reduced")(looped.map([0, 10], fail_at=unmapped(2)))
    return flow


@behaviour
def ends_by_signal(flow_class: type) -> Any:
    def raises(which: Any, result: Any = None) -> None:
        raise which("because", result=result)

    ends = [signals.FAIL, signals.SUCCESS, signals.SKIP, signals.TRIGGERFAIL, signals.VALIDATIONFAIL]
    with flow_class("signals") as flow:
        for end in ends:
            ended = task(raises, name=end.__name__)(task(lambda end=end: end, name=f"which {end.__name__}")(), 5)
            task(add, name=f"after {end.__name__}")(ended)
            task(lambda x: x, name=f"whatever {end.__name__}", trigger=triggers.all_finished)(ended)
        task(raises, name="mapped").map(task(lambda: ends, name="ends")(), [1, 2, 3, 4, 5])
        task(raises, name="retried fail", max_retries=1, retry_delay=AT_ONCE)(task(lambda: signals.FAIL, name="fail")())
    return flow


@behaviour
def asks_for_retry_by_signal(flow_class: type) -> Any:
    def retry(x: Any = 1) -> Any:
        if not prefect.context.task_run_count > 1:
            raise signals.RETRY("again", run_count=1, start_time=pendulum.now("utc"))
        return x

    with flow_class("retry") as flow:
        task(add, name="after")(task(retry)())
        task(retry, name="mapped").map(task(items)(2))
    return flow


@behaviour
def pauses(flow_class: type) -> Any:
    def pause(x: Any = 1) -> Any:
        if not prefect.context.get("resume"):
            raise signals.PAUSE("wait", start_time=pendulum.now("utc") if x == 2 else None)
        return x

    with flow_class("pauses") as flow:
        task(add, name="after")(task(pause)(task(add)()))
        task(add, name="by hand", trigger=triggers.manual_only)()
    return flow, {"by_runner": True}, {}


@behaviour
def triggered(flow_class: type) -> Any:
    def raises(upstream: Any) -> bool:
        note("trigger", upstream)
        raise OwnError("trigger")

    def skips(upstream: Any) -> bool:
        raise signals.SKIP("trigger skips", result=3)

    each: list[Any] = [triggers.all_finished, triggers.all_successful, triggers.all_failed, triggers.any_successful]
    each += [triggers.any_failed, triggers.some_failed(at_least=1), triggers.some_failed(at_least=0.4, at_most=0.6)]
    each += [triggers.some_failed(at_least=3), triggers.some_successful(at_least=1), triggers.not_all_skipped]
    each += [triggers.always_run, raises, skips, lambda upstream: False, lambda upstream: note("t", upstream) or True]
    with flow_class("triggers") as flow:
        good, bad, odd = task(add, name="good")(), task(fails, name="bad")(), task(skipped, name="odd")()
        some = task(first_fails, name="some").map(task(items)(2), times=[0, 3])
        for number, trigger in enumerate(each):
            for name, upstream in {"all": [good, bad, odd], "good": [good], "bad": [bad], "some": [some, good]}.items():
                chosen = task(
                    lambda: 1, name=f"{name} {number}", trigger=trigger, skip_on_upstream_skip=number % 2 == 0
                )
                chosen(upstream_tasks=upstream)
    return flow


def skipped(x: Any = None) -> None:
    raise signals.SKIP("not now", result=x)


@behaviour
def skips(flow_class: type) -> Any:
    with flow_class("skips") as flow:
        odd = task(skipped)(5)
        first = task(add, name="first")(odd)
        task(add, name="second")(first)
        task(lambda x: x, name="runs", skip_on_upstream_skip=False)(odd)
        task(lambda x: x, name="mapped").map(odd)
        some = task(lambda x: skipped(x) if x == 1 else x, name="some").map(task(items)())
        task(add, name="each").map(some)
        task(lambda x: x, name="all", skip_on_upstream_skip=False)(some)
        task(lambda x: x, name="none")(some)
        task(lambda x: x, name="all skipped", trigger=triggers.not_all_skipped, skip_on_upstream_skip=False)(odd)
    return flow


@behaviour
def runs_out_of_time(flow_class: type) -> Any:
    def timed_out() -> None:
        raise TaskTimeoutSignal("too long")

    with flow_class("timeouts") as flow:
        task(add, name="after")(task(timed_out)())
        task(timed_out, name="retried", max_retries=1, retry_delay=AT_ONCE)()
        task(add, name="in time", timeout=60)()
    return flow


@behaviour
def keeps_in_cache(flow_class: type) -> Any:
    hour = timedelta(hours=1)
    with flow_class("cached") as flow:
        n = prefect.Parameter("n", default=1)
        task(add, name="always", cache_for=hour)(n)
        task(add, name="inputs", cache_for=hour, cache_validator=all_inputs)(n)
        task(add, name="parameters", cache_for=hour, cache_validator=all_parameters)()
        task(add, name="partial", cache_for=hour, cache_validator=partial_inputs_only(validate_on=["y"]))(n, 2)
        task(add, name="key", cache_for=hour, cache_key="shared")(n)
        task(add, name="same key", cache_for=hour, cache_key="shared")(n, 5)
        task(add, name="raises", cache_for=hour, cache_validator=lambda *_: 1 / 0)(n)
        task(add, name="mapped", cache_for=hour, cache_validator=all_inputs).map(task(items)(n))
        task(fails, name="fails", cache_for=hour)()
        task(skipped, name="skips", cache_for=hour)()
        task(loops, name="loops", cache_for=hour)()
    return flow, {}, {}, {"parameters": {"n": 2}}, {"parameters": {"n": 2}}


CHECKPOINTING = {"config": {"flows": {"checkpointing": True}}}


@behaviour
def keeps_results(flow_class: type) -> Any:
    def where(**values: Any) -> str:
        return f"{values['task_full_name']}.by-function"

    with flow_class("results", result=LocalResult(dir=str(KEPT), location="{task_full_name}-{x}.kept")) as flow:
        n = prefect.Parameter("n", default=1)
        one = task(add, name="flow's")(n)
        task(add, name="target", target="{task_name}.target")(one)
        task(add, name="by function", target=where)(one, 1)
        task(add, name="mapped", target="{task_name}-{map_index}-{x}.target").map([1, 2])
        task(add, name="not", checkpoint=False)(one)
        task(add, name="own", result=PrefectResult())(one)
        task(lambda x: None, name="nothing")(one)
        task(add, name="no such key", target="{nothing}")(one)
        task(lambda: lambda: 1, name="not to be pickled")()
        task(loops, name="loops", max_retries=1, retry_delay=AT_ONCE)(1, fail_at=2)
        task(lambda: {"a": 1}, name="nout", nout=2)()
    return flow, {"context": CHECKPOINTING}, {"context": CHECKPOINTING}, {}


@behaviour
def has_names_of_runs(flow_class: type) -> Any:
    def named(**values: Any) -> str:
        return f"{values['task_name']} of {values['x']} on {values['today'][:2]}"

    with flow_class("names") as flow:
        n = prefect.Parameter("n", default=1)
        task(add, name="text", task_run_name="{task_full_name}: {x} {n} {flow_name}")(n)
        task(add, name="callable", task_run_name=named)(n)
        task(add, name="mapped", task_run_name="{map_index}").map([1, 2])
        task(add, name="wrong", task_run_name="{nothing}")(n)
        task(add, name="raises", task_run_name=lambda **_: 1 / 0, max_retries=1, retry_delay=AT_ONCE)(n)
    return flow


@behaviour
def prints(flow_class: type) -> Any:
    def says(x: Any = "a word") -> None:
        print("out:", x)
        prefect.context.logger.info("logged %s", x)
        prefect.context.logger.debug("unseen %s", x)

    with flow_class("prints") as flow:
        task(says, log_stdout=True)()
        task(says, name="mapped", log_stdout=True, tags=["loud", "two words"]).map([1, 2])
        task(lambda: (1, 2), name="two", nout=2)()
        first, second = task(lambda: (1, 2), name="pair", nout=2)()
        task(add)(first, second)
    return flow


def _raising(name: str, run: Any) -> Build:
    def build(flow_class: type) -> Any:
        with flow_class(name) as flow:
            task(add, name="after")(task(run, name="raises", max_retries=1, retry_delay=AT_ONCE)())
            task(run, name="mapped").map([1, 2])
        return flow, {"context": {"raise_on_exception": True}}, {}

    build.__name__ = f"raises_{name}"
    return build


def _interrupted(x: Any = None) -> None:
    raise KeyboardInterrupt


def _exits(x: Any = None) -> None:
    raise SystemExit(3)


for _name, _run in {"error": fails, "skip": skipped, "interrupt": _interrupted, "exit": _exits, "loop": loops}.items():
    behaviour(_raising(_name, _run))


def _timeouts(flow_class: type) -> Any:
    with flow_class("timeouts") as flow:
        task(lambda: time.sleep(3), name="sleeps", timeout=1)()
    return flow


TIMEOUTS: Build = _timeouts
"""One that takes a second."""


@behaviour
def begins_with_states(flow_class: type) -> Any:
    now, later = pendulum.now("utc"), pendulum.now("utc").add(hours=3)
    states = {
        "success": Success("was", result=41),
        "failed": Failed("was"),
        "skipped": Skipped("was"),
        "pending": Pending("was"),
        "running": Running("was"),
        "retrying": Retrying("was", start_time=now, run_count=2),
        "retrying later": Retrying("was", start_time=later, run_count=2),
        "scheduled": Scheduled("was", start_time=now),
        "scheduled without": Scheduled("was", start_time=None),
        "paused": Paused("was"),
        "paused till": Paused("was", start_time=now),
        "resumed": Resume("was", start_time=now),
        "submitted": Submitted("was", state=Retrying("within", start_time=now, run_count=4)),
        "cached": Cached("was", result=12),
        "counted": Pending("was", context={"task_run_count": 7, "other": 1}),
        "looped": Pending("was", context={"_loop_count": 2}, result=5),
        "mapped": Mapped("was", map_states=[Success("one", result=1), Failed("two")], n_map_states=2),
        "mapped short": Mapped("was", map_states=[Success("one", result=1)], n_map_states=1),
        "mapped unknown": Mapped("was", n_map_states=2),
    }
    with flow_class("states", result=LocalResult(dir=str(KEPT))) as flow:
        for name in states:
            begun = task(add, name=name, max_retries=1, retry_delay=AT_ONCE)
            one = begun.map([3, 4]) if name.startswith("mapped") else begun(3)
            task(lambda x: x, name=f"after {name}")(one)
            if name.startswith("mapped"):
                task(add, name=f"each {name}").map(one)
    given = {one: states[one.name] for one in flow.tasks if one.name in states}
    return flow, {"task_states": given, "by_runner": True}


@behaviour
def has_contexts(flow_class: type) -> Any:
    with flow_class("contexts") as flow:
        one = task(add, name="one")(1)
        each = task(add, name="each").map([1, 2])
        three = task(add, name="three")(1)
        task(add, name="four", target="{put}.target", result=LocalResult(dir=str(KEPT)))(1)
    contexts = {
        one: {"put": 1, "config": {"put": {"deep": 1}}},
        each: {"put": 2, "task_name": "other"},
        three: {"config": {}},
    }
    context = {"whole": "run", "date": "2020-02-03T04:05:06+00:00", "config": {"flows": {"put": 5}}}
    wrong = {"date": "no date", "map_index": 4}
    given = [{"task_contexts": contexts, "context": one} for one in (context, wrong)]
    return flow, *given, {"task_contexts": contexts, "by_runner": True, "context": context}
