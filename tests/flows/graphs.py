"""Flows of a generated graph: tasks that do this or that, joined in any way that Prefect lets them be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import prefect
from behaviours import AT_ONCE, OwnError, fails, first_fails, loops, skipped
from hypothesis import strategies as st
from prefect import task, triggers
from prefect.engine import signals


def gives(x: Any = None, y: Any = None) -> Any:
    return [x, y] if x is not None else [1, 2]


def gives_lists(x: Any = None, y: Any = None) -> Any:
    return [[1], [2, y]]


def gives_none(x: Any = None, y: Any = None) -> None:
    return None


def gives_one(x: Any = None, y: Any = None) -> int:
    return 1


def gives_nothing(x: Any = None, y: Any = None) -> list[Any]:
    return []


def fails_always(x: Any = None, y: Any = None) -> None:
    fails(x)


def fails_first(x: Any = None, y: Any = None) -> Any:
    return first_fails([x, 2])


def loops_twice(x: Any = None, y: Any = None) -> Any:
    return [loops(until=2), 1]


def skips(x: Any = None, y: Any = None) -> None:
    skipped(x)


def fails_by_index(x: Any = None, y: Any = None) -> Any:
    if prefect.context.map_index in (None, 1):
        raise OwnError(f"at {prefect.context.map_index}")
    return [x]


def succeeds_by_signal(x: Any = None, y: Any = None) -> None:
    raise signals.SUCCESS("well", result=[y, 3])


def raises(upstream: Any) -> bool:
    raise OwnError("trigger")


_DO: list[Callable[..., Any]] = [gives, gives, gives_lists, gives_none, gives_one, gives_nothing, fails_always]
_DO += [fails_first, loops_twice, skips, fails_by_index, succeeds_by_signal]

_TRIGGERS: list[Any] = [triggers.all_successful] * 4
_TRIGGERS += [triggers.all_finished, triggers.all_failed, triggers.any_failed, triggers.any_successful]
_TRIGGERS += [triggers.not_all_skipped, triggers.some_failed(at_most=1), triggers.some_successful(at_least=0.5), raises]


@attrs.frozen
class Drawn:
    """A task of a generated flow.

    Attributes:
        edges: From which task before, to which argument if to one, and how: whole, mapped or flattened and mapped.
    """

    does: Callable[..., Any]
    trigger: Any
    skips: bool
    retries: int
    edges: list[tuple[int, str | None, str]]


@st.composite
def drawings(draw: st.DrawFn, most: int = 12) -> list[Drawn]:
    """The tasks of a flow, each after those that it takes from."""
    found = []
    for place in range(draw(st.integers(1, most))):
        edges = []
        keys = draw(st.lists(st.sampled_from(["x", "y", None]), max_size=3, unique=True)) if place else []
        for key in keys:
            kinds = ["whole", "whole", "mapped", "mapped", "flat", "flat mapped"]
            edges.append((draw(st.integers(max(0, place - 5), place - 1)), key, draw(st.sampled_from(kinds))))
        found.append(
            Drawn(
                does=draw(st.sampled_from(_DO)),
                trigger=draw(st.sampled_from(_TRIGGERS)),
                skips=draw(st.booleans()),
                retries=draw(st.sampled_from([0, 0, 1, 2])),
                edges=edges,
            )
        )
    return found


def drawn_flow(flow_class: type, drawing: list[Drawn]) -> prefect.Flow:
    """A flow of a class as drawn."""
    flow: prefect.Flow = flow_class("drawn")
    made: list[prefect.Task] = []
    for place, one in enumerate(drawing):
        delay = {"max_retries": one.retries, "retry_delay": AT_ONCE} if one.retries else {}
        options = {"trigger": one.trigger, "skip_on_upstream_skip": one.skips, **delay}
        made.append(task(one.does, name=f"{one.does.__name__} {place}", **options))
        added(flow, made, one)
    return flow


def added(flow: prefect.Flow, made: list[prefect.Task], one: Drawn) -> None:
    """The last of the tasks made is in the flow, with its edges."""
    flow.add_task(made[-1])
    for place, key, kind in one.edges:
        options = {"mapped": "mapped" in kind, "flattened": "flat" in kind and key is not None}
        flow.add_edge(made[place], made[-1], key=key, **options)
