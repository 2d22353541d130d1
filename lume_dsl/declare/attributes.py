"""What a flow class and its instances show for each name of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.declare.graph import Member
from lume_dsl.errors import NotRunError
from lume_dsl.values.names import type_name

if TYPE_CHECKING:
    from lume_dsl.engine.outcome import FlowRun

__all__ = ["LOGGER", "RUN", "FlowAttribute", "ParameterAttribute", "RunAttribute", "run_of"]

RUN = "__lume_run__"
"""Where an instance that has run keeps its run, under a name that no user gives."""

LOGGER = "__lume_logger__"
"""Where the instance that a step gets keeps the task's logger."""


def run_of(instance: object, name: str) -> FlowRun:
    """Return the run that gave an instance its values.

    Raises:
        NotRunError: The instance has not run; the message names what was read.
    """
    run: FlowRun | None = instance.__dict__.get(RUN)
    if run is not None:
        return run
    flow = type(instance).__name__
    if LOGGER in instance.__dict__:
        raise NotRunError(f"{flow}.{name} was read in a step: take it as an argument of the step, named {name}")
    raise NotRunError(f"{flow}.{name} is known only after a run: write {flow}(...).run().{name}")


@attrs.frozen(eq=False)
class FlowAttribute:
    """What a class shows for a name of its body: its flow, its name, and its member."""

    flow: str
    name: str
    member: Member


class ParameterAttribute(FlowAttribute):
    """A parameter. On an instance its value takes precedence; another name of it comes here."""

    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else instance.__dict__[self.name]

    def __repr__(self) -> str:
        return f"<parameter {self.name}: {type_name(self.member.type)}>"


class RunAttribute(FlowAttribute):
    """A task's or result's value: itself on the class, the value on an instance that has run."""

    def __repr__(self) -> str:
        what = "result" if self.member.is_result else "task"
        return f"<{what} {self.name}: {type_name(self.member.type)}>"

    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else run_of(instance, self.name).value(self.name)
