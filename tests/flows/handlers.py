"""What state handlers may do in a flow's run, each as a flow of a class that is given: Prefect's or ours."""

from __future__ import annotations

from typing import Any

import prefect
from behaviours import AT_ONCE, OwnError, add, fails, first_fails
from histories import Build, note
from prefect import task
from prefect.engine import signals
from prefect.engine.state import Failed, Running, Success

BEHAVIOURS: list[Build] = []


def behaviour(build: Build) -> Build:
    """This is one of the flows to run."""
    BEHAVIOURS.append(build)
    return build


@behaviour
def tells_failures(flow_class: type) -> Any:
    def told_failure(what: Any, state: Any) -> None:
        note("on_failure", str(what.name), state)

    def raises(what: Any, state: Any) -> None:
        raise OwnError("handler of failures")

    with flow_class("failures", on_failure=told_failure) as flow:
        task(fails, name="told", on_failure=told_failure, max_retries=1, retry_delay=AT_ONCE)(1)
        task(fails, name="untold", on_failure=raises)(2)
        task(add, name="good", on_failure=told_failure)()
        task(fails, name="mapped", on_failure=told_failure).map([1, 2])
    return flow


@behaviour
def has_a_terminal_state_handler(flow_class: type) -> Any:
    def changes(flow: Any, state: Any, reference: Any) -> Any:
        note("terminal", flow.name, state.message, sorted(str(one) for one in reference))
        return Failed("because I say so", result=state.result)

    with flow_class("terminal", terminal_state_handler=changes) as flow:
        task(add)(1, 2)
    return flow


@behaviour
def has_a_failing_terminal_state_handler(flow_class: type) -> Any:
    with flow_class("terminal", terminal_state_handler=lambda *_: 1 / 0) as flow:
        task(add)(1, 2)
    return flow


def _handlers() -> dict[str, Any]:
    def keeps(what: Any, old: Any, new: Any) -> None:
        note("keeps", old, new)

    def changes(what: Any, old: Any, new: Any) -> Any:
        return Success("changed", result=7) if new.is_failed() else new

    def fails_it(what: Any, old: Any, new: Any) -> Any:
        return Failed("failed by a handler", result=old) if isinstance(new, Success) else None

    def returns_same(what: Any, old: Any, new: Any) -> Any:
        return old if isinstance(new, Running) else new

    def raises(what: Any, old: Any, new: Any) -> Any:
        if not isinstance(new, Running):
            raise OwnError("handler")

    def raises_always(what: Any, old: Any, new: Any) -> Any:
        raise OwnError("handler")

    def signals_skip(what: Any, old: Any, new: Any) -> Any:
        if isinstance(new, Running):
            raise signals.SKIP("skipped by a handler")

    def signals_success(what: Any, old: Any, new: Any) -> Any:
        if isinstance(new, Failed):
            raise signals.SUCCESS("well, yes", result=3)

    def ends(what: Any, old: Any, new: Any) -> Any:
        raise signals.ENDRUN(Failed("ended by a handler"))

    def puts_in_context(what: Any, old: Any, new: Any) -> Any:
        prefect.context.put_by_handler = prefect.context.get("put_by_handler", 0) + 1
        prefect.context.config.put_by_handler = "here"

    each = [keeps, changes, fails_it, returns_same, raises, raises_always, signals_skip, signals_success, ends]
    return {one.__name__: one for one in [*each, puts_in_context]}


@behaviour
def has_state_handlers(flow_class: type) -> Any:
    with flow_class("handlers") as flow:
        for name, handler in _handlers().items():
            good = task(add, name=f"good {name}", state_handlers=[handler])(1)
            task(fails, name=f"bad {name}", state_handlers=[handler])(1)
            retried = task(
                first_fails, name=f"retried {name}", state_handlers=[handler], max_retries=1, retry_delay=AT_ONCE
            )
            retried(good)
            task(add, name=f"mapped {name}", state_handlers=[handler]).map([1, 2])
            task(add, name=f"after {name}")(good)
    return flow, {"by_runner": True}


def _with_flow_handler(name: str) -> Build:
    def build(flow_class: type) -> Any:
        with flow_class("handled", state_handlers=[_handlers()[name]]) as flow:
            task(add, name="after")(task(add)())
            task(fails)(1)
        return flow

    build.__name__ = f"has_flow_handler_{name}"
    return build


def _with_runner_handler(name: str) -> Build:
    def build(flow_class: type) -> Any:
        with flow_class("handled") as flow:
            task(add, name="after")(task(add)())
            task(fails, name="retried", max_retries=1, retry_delay=AT_ONCE)(1)
            task(add, name="mapped").map([1, 2])
        return flow, {"task_runner_state_handlers": [_handlers()[name]], "by_runner": True}

    build.__name__ = f"has_runner_handler_{name}"
    return build


for _name in _handlers():
    if _name != "ends":
        behaviour(_with_flow_handler(_name))
    behaviour(_with_runner_handler(_name))
