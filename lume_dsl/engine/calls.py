"""What Prefect tasks of a compiled flow call. Each pickles small, by reference where its class can be imported."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import prefect

from lume_dsl.declare.attributes import LOGGER
from lume_dsl.declare.graph import StepRun
from lume_dsl.services import load
from lume_dsl.tasks.context import run_services

if TYPE_CHECKING:
    from lume_dsl.declare.flow import FlowMeta

__all__ = ["ServiceCall", "StepCall", "instance_of_run"]


@attrs.frozen
class ServiceCall:
    """A task's ``run`` with this run's services, which gets files and records in place of their references.

    Attributes:
        run: What to call.
        loads: The arguments that are references.
    """

    run: Callable[..., Any]
    loads: frozenset[str]
    __signature__: inspect.Signature = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "__signature__", inspect.signature(self.run))

    def __call__(self, **values: Any) -> Any:
        with run_services():
            return self.run(**{name: load(v) if name in self.loads else v for name, v in values.items()})


@attrs.frozen
class StepCall:
    """A step: a method called with the flow that holds this run's parameters."""

    flow_class: FlowMeta
    name: str
    __signature__: inspect.Signature = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        signature = inspect.signature(self._function)
        without_self = list(signature.parameters.values())[1:]
        object.__setattr__(self, "__signature__", signature.replace(parameters=without_self))

    @property
    def _function(self) -> Callable[..., Any]:
        work = self.flow_class.__lume_graph__.nodes[self.name].work
        if not isinstance(work, StepRun):
            raise TypeError(f"{self.name} of {self.flow_class.__name__} is not a step")
        return work.function

    def __call__(self, **values: Any) -> Any:
        return self._function(instance_of_run(self.flow_class), **values)


def instance_of_run(flow_class: FlowMeta) -> Any:
    """The flow with the parameter values of the run that this process takes part in, and the task's logger."""
    given = prefect.context.get("parameters") or {}
    values = {name: given[name] for name in flow_class.__lume_graph__.parameters if name in given}
    instance = flow_class(**values)
    instance.__dict__[LOGGER] = prefect.context.get("logger")
    return instance
