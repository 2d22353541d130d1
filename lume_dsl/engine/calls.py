"""What Prefect tasks of a compiled flow call. Each pickles small, by reference where its class can be imported."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import prefect
from prefect.engine.state import Skipped, State

from lume_dsl.declare.attributes import LOGGER
from lume_dsl.declare.flow import with_values
from lume_dsl.declare.graph import StepRun
from lume_dsl.declare.parameters import bind_values
from lume_dsl.secrets import hidden_text, hide, hide_in
from lume_dsl.services import load
from lume_dsl.tasks.context import ARGUMENTS, parted, run_services

if TYPE_CHECKING:
    from lume_dsl.declare.flow import FlowMeta

__all__ = ["RunCall", "ServiceCall", "StepCall", "hide_secrets", "skip_without_items"]


@attrs.frozen
class RunCall:
    """What stands around a task's ``run``, and looks like it to Prefect.

    Attributes:
        run: What to call.
    """

    run: Callable[..., Any]
    __signature__: inspect.Signature = attrs.field(init=False, repr=False, eq=False)
    __name__: str = attrs.field(init=False, repr=False, eq=False)  # Prefect's timeouts ask for it

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "__signature__", inspect.signature(self.run))
        object.__setattr__(self, "__name__", getattr(self.run, "__name__", "run"))


@attrs.frozen
class ServiceCall(RunCall):
    """A task's ``run`` with this run's services, which gets files and records in place of their references.

    Attributes:
        loads: The arguments that are references.
    """

    loads: frozenset[str]

    def __call__(self, **values: Any) -> Any:
        with run_services():
            return self.run(**{name: self._loaded(name, value) for name, value in values.items()})

    def _loaded(self, name: str, value: Any) -> Any:
        if name not in self.loads:
            return value
        if isinstance(value, list):  # of a mapped subflow
            return [self._loaded(name, item) for item in value]
        # Anything but a reference: the result task failed or was skipped, and its reader runs all the same
        return load(value) if isinstance(value, dict) else value


@attrs.frozen
class StepCall:
    """A step: a method called with the flow that holds this run's parameters.

    Those of a subflow come with the arguments, under names that begin with ``PARAMETER``.
    """

    flow_class: FlowMeta
    name: str
    of_subflow: bool = False
    __signature__: inspect.Signature = attrs.field(init=False, repr=False, eq=False)
    __name__: str = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        signature = inspect.signature(self.function)
        arguments = list(signature.parameters.values())[1:]
        if self.of_subflow:
            arguments.append(inspect.Parameter("parameters", inspect.Parameter.VAR_KEYWORD))
        object.__setattr__(self, "__signature__", signature.replace(parameters=arguments))
        object.__setattr__(self, "__name__", self.name)

    @property
    def function(self) -> Callable[..., Any]:
        """The method."""
        work = self.flow_class.__lume_graph__.members[self.name].work
        if not isinstance(work, StepRun):
            raise TypeError(f"{self.name} of {self.flow_class.__name__} is not a step")
        return work.function

    def __call__(self, **values: Any) -> Any:
        arguments = parted(values)[1] if self.of_subflow else values
        instance = with_values(self.flow_class, self.given(values))
        vars(instance)[LOGGER] = prefect.context.get("logger")
        return self.function(instance, **arguments)

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of its flow, where these are the arguments of a run."""
        return parted(values)[0] if self.of_subflow else _bound_values(self.flow_class)


_latest: tuple[FlowMeta, str, dict[str, Any]] | None = None
"""The bound values of the run of which this process last ran a step. A map of steps binds them once."""


def _bound_values(flow_class: FlowMeta) -> dict[str, Any]:
    global _latest
    run_id = prefect.context.get("flow_run_id") or ""
    latest = _latest
    if run_id and latest is not None and latest[0] is flow_class and latest[1] == run_id:
        return latest[2]
    given = prefect.context.get("parameters") or {}
    graph = flow_class.__lume_graph__
    own = {name: given[name] for name in graph.parameters if name in given}
    values = bind_values(flow_class.__name__, graph, (), own)
    _latest = (flow_class, run_id, values)
    return values


def hide_secrets(names: Sequence[str], _task: prefect.Task, _old: State, new: State) -> State:
    """A state handler: the process that runs a task hides the run's secrets, which only the flow's own has seen yet.

    They are parameters of the flow, and of its subflows.

    A task's failure, which the run's error, a Prefect server and a traceback show, tells none.
    """
    if new.is_running():
        given = {**(prefect.context.get(ARGUMENTS) or {}), **(prefect.context.get("parameters") or {})}
        for name in names:
            hide(given.get(name))
    elif new.is_failed():
        new.message = hidden_text(str(new.message))
        if isinstance(new.result, BaseException):
            new.result = hide_in(new.result)
    return new


def skip_without_items(_task: prefect.Task, _old: State, new: State) -> State:
    """A state handler of what runs in spite of skips, in a subflow that is mapped over: it has no items to run for.

    All that it maps over is of the subflow, and has either items or been skipped with the whole of it.
    """
    if new.is_failed() and new.message == "At least one upstream state has an unmappable result.":
        return Skipped("The subflow was skipped.")
    return new
