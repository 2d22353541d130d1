"""``runs`` and ``resume`` of a flow class. It knows flows, and not Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from lume_dsl import services
from lume_dsl.declare.flow import FlowMeta, LumeFlow
from lume_dsl.declare.parameters import check_given, json_values
from lume_dsl.history.find import runs_of
from lume_dsl.history.recorded import RecordedRun
from lume_dsl.history.remembered import Runs
from lume_dsl.history.store import RunQuery

if TYPE_CHECKING:
    from prefect.executors import Executor

__all__ = ["resume", "runs"]

F = TypeVar("F", bound=LumeFlow)


def runs(flow_class: FlowMeta | None = None, /, **parameters: Any) -> Runs:
    """Return the runs that are remembered, the newest first: of a flow by its parameters, or of all flows.

    ``runs(Greeting, text1="hey")`` is ``Greeting.runs(text1="hey")``, for flows that have a parameter called ``runs``.

    Raises:
        ParameterError: All names that are no parameters, and values that no run can have had.
    """
    if flow_class is None and not parameters:
        return runs_of(services.current())
    if not isinstance(flow_class, FlowMeta):
        raise TypeError(f"runs({flow_class!r}): give a flow class before its parameters, or nothing for all runs")
    graph = flow_class.__lume_graph__
    values = json_values(check_given(flow_class.__name__, graph, parameters))
    query = RunQuery(flow_name=flow_class.__lume_name__, project_name=flow_class.__lume_options__.get("project"))
    return runs_of(services.current(), query, values)


def resume(
    flow_class: type[F],
    run: RecordedRun | str,
    /,
    *,
    parameters: Mapping[str, Any] | None = None,
    executor: Executor | str | None = None,
) -> F:
    """Go on with a run of a flow. As ``flow_class.resume(run)``, for flows that have a parameter called ``resume``."""
    return FlowMeta.resume(flow_class, run, parameters=parameters, executor=executor)
