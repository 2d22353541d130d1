"""A mapped task: what each of its runs takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any

import prefect
from prefect.core.edge import Edge
from prefect.engine.result import Result
from prefect.engine.results import ConstantResult, PrefectResult
from prefect.engine.state import Mapped, State, Success
from prefect.executors import Executor
from prefect.utilities.executors import prepare_upstream_states_for_mapping

__all__ = ["states_of_runs"]

States = Mapping[Edge, Any]


def states_of_runs(
    state: State, upstream_states: dict[Edge, State], children: dict[prefect.Task, list[Any]], executor: Executor
) -> Iterable[States]:
    """Return the upstream states of each run of a mapped task; ``children`` has those of the runs of earlier ones.

    They are made as they are asked for: those of a run that has ended are gone.

    What is mapped over item by item, lists and earlier maps, takes no search for the end of each for each item, and no
    copies by ``copy.copy``, which asks how the state would be pickled. All else is Prefect's own.
    """
    if not _is_first(state) or not all(_is_plain(edge, one) for edge, one in upstream_states.items() if edge.mapped):
        states: list[States] = prepare_upstream_states_for_mapping(state, upstream_states, children, executor=executor)
        return states
    columns = [_column(edge, one, children) for edge, one in upstream_states.items()]
    return (dict(zip(upstream_states, row, strict=True)) for row in zip(*columns, strict=False))


def _is_first(state: State) -> bool:
    """Whether it is a map that has not run yet, not even in part."""
    return isinstance(state, Mapped) and not state.map_states and not state.cached_inputs


def _is_plain(edge: Edge, state: State) -> bool:
    if isinstance(state, Mapped):
        return not edge.flattened
    result = state._result
    return type(state) is Success and type(result) in _RESULTS and type(result.value) in (list, tuple)


_RESULTS = (Result, ConstantResult, PrefectResult)
"""Results that are no more than their attributes."""


def _column(edge: Edge, state: State, children: Mapping[prefect.Task, list[Any]]) -> Iterable[Any]:
    """What each run takes of one edge, in order."""
    if not edge.mapped:
        return repeat(state)
    if isinstance(state, Mapped):
        return children[edge.upstream_task]
    return (_with_value(state, value) for value in state._result.value)


def _with_value(state: State, value: Any) -> State:
    """A copy of a state with another value."""
    copied, result = object.__new__(type(state)), object.__new__(type(state._result))
    result.__dict__.update(state._result.__dict__, value=value, location=None)
    copied.__dict__.update(state.__dict__, _result=result)
    return copied
