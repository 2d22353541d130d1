"""What a flow class knows of each name of its body, and where instances keep what they know of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.declare.graph import Member
from lume_dsl.errors import NotRunError

if TYPE_CHECKING:
    from lume_dsl.engine.outcome import FlowRun

__all__ = [
    "LOGGER",
    "RUN",
    "FlowAttribute",
    "Held",
    "Removed",
    "SubflowAttribute",
    "is_constant_of",
    "removed",
    "run_of",
    "shaped",
]

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


@attrs.frozen
class Held:
    """A subflow that a name of the body holds: its dotted name, and which run of a mapped one, if not all."""

    path: str
    place: int | None = None


def shaped(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return a list, tuple or dict with what ``leaf`` gives for each value in it; of another value, what it gives."""
    if isinstance(value, dict):
        return {key: leaf(item) for key, item in value.items()}
    return type(value)([leaf(item) for item in value]) if isinstance(value, (list, tuple)) else leaf(value)


@attrs.frozen(eq=False)
class SubflowAttribute:
    """What a class has for a name that holds subflows: where each stands in lists, tuples and dicts."""

    flow: str
    name: str
    shape: Any


def is_constant_of(flow_class: type | None, name: str) -> bool:
    """Whether a name of a flow's body holds a plain value, and has no annotation that says what it is."""
    value = vars(flow_class).get(name) if flow_class is not None and not name.startswith("_") else None
    is_other = (
        callable(value) or hasattr(type(value), "__get__") or isinstance(value, (FlowAttribute, SubflowAttribute))
    )
    return value is not None and not is_other and name not in vars(flow_class).get("__annotations__", {})


class Removed:
    """What a class has in the place of a name that it takes away from what it inherits.

    Attributes:
        now: The name under which the value goes on, or "". Inherited steps find it by the old one.
    """

    def __init__(self, now: str = "") -> None:
        self.now = now
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"

    def __get__(self, instance: object | None, owner: type) -> Any:
        if self.now and instance is not None and LOGGER in instance.__dict__:
            return getattr(instance, self.now)
        hint = f": it is {owner.__name__}.{self.now} now" if self.now else ""
        raise AttributeError(f"{self.name} is removed from what {owner.__name__} inherits{hint}")


def removed() -> Any:
    """Take a name away from what a flow inherits: ``plot_file = removed()``.

    What only it took of other tasks, without a name, goes with it. A value that the body gives another name first,
    ``message: str = Greeting.text1``, goes on under that one, for all that take it.
    """
    return Removed()
