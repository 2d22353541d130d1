"""Prefect tasks for those members of a graph that Prefect has none for."""

from __future__ import annotations

import operator
from typing import Any

import prefect
from prefect.core.parameter import no_default
from prefect.engine.results import PrefectResult
from prefect.engine.serializers import JSONSerializer
from prefect.tasks.core import operators
from prefect.tasks.core.resource_manager import (
    ResourceCleanupTask,
    ResourceInitTask,
    ResourceSetupTask,
    resource_cleanup_trigger,
)

from lume_dsl.declare.graph import FLATTEN, Collection, Graph, Member, Operation, Resource
from lume_dsl.declare.parameters import FROM_FLOW, bind_values, parameter_of, spec_of
from lume_dsl.tasks.context import ARGUMENTS, run_services
from lume_dsl.values.convert import structure, unstructure

__all__ = [
    "Gather",
    "Keep",
    "Operate",
    "TypedArgument",
    "TypedParameter",
    "operation_task",
    "operator_class",
    "resource_options",
    "resource_task",
]


class TypedParameter(prefect.Parameter):
    """A parameter that checks its value and hands it on as its type holds it, whoever starts the run."""

    def __init__(self, flow_name: str, member: Member) -> None:
        self.flow_name = flow_name
        self.member = member
        spec = spec_of(member)
        default: Any = no_default if spec.required else unstructure(spec.default)
        if spec.factory is not None or spec.env:
            default = FROM_FLOW
        super().__init__(member.name, default=default)
        self.result = PrefectResult(serializer=_TypedJSON(member.type))
        self.checkpoint = not spec.secret

    def run(self) -> Any:
        given = {self.name: super().run()}
        with run_services():  # a record is given as its reference
            return bind_values(self.flow_name, Graph({self.name: self.member}), (), given)[self.name]


class _TypedJSON(JSONSerializer):
    """The JSON form of a parameter's value, which a server keeps with the state of its task."""

    def __init__(self, tp: Any) -> None:
        self.type = tp

    def serialize(self, value: Any) -> bytes:
        return super().serialize(unstructure(value))

    def deserialize(self, value: bytes) -> Any:
        form = super().deserialize(value)
        return form if self.type is Any else structure(form, self.type)[0]


class TypedArgument(prefect.Task):
    """A parameter of a subflow: it checks what it is given, and hands it on as its type holds it."""

    KEY = "value"
    """The argument that takes what it is given: a parameter's own name may be no identifier."""

    def __init__(self, flow_name: str, member: Member, **options: Any) -> None:
        self.flow_name = flow_name
        self.parameter = parameter_of(member)
        super().__init__(**options)
        if spec_of(member).secret:
            self.checkpoint = False

    def run(self, **given: Any) -> Any:
        """Return the value that is given, checked, else the one that the run began with, or its default."""
        name = self.parameter.name
        began = prefect.context.get(ARGUMENTS) or {}
        if not given and self.name in began:
            given = {self.KEY: began[self.name]}
        named = {name: given[self.KEY]} if given else {}
        with run_services():
            return bind_values(self.flow_name, Graph({name: self.parameter}), (), named)[name]


class Keep(prefect.Task):
    """Hands its value on, under a result field's name."""

    def run(self, value: Any) -> Any:  # type: ignore[override]  # as every Prefect task does
        return value


class Gather(prefect.Task):
    """Makes a list, tuple, dict or slice of task values."""

    def __init__(self, collection: Collection, **options: Any) -> None:
        self.collection = collection
        super().__init__(**options)

    def run(self, **items: Any) -> Any:
        values = [items[f"item_{place}"] for place in range(len(items))]
        if self.collection.type is dict:
            return dict(zip(self.collection.keys, values, strict=True))
        if self.collection.type is slice or hasattr(self.collection.type, "_fields"):  # a namedtuple
            return self.collection.type(*values)
        return self.collection.type(values)


class Operate(prefect.Task):
    """A Python operator that Prefect has no task for, or gives another meaning (its ``&`` is a logical and).

    FLATTEN is one.
    """

    def __init__(self, symbol: str, **options: Any) -> None:
        self.symbol = symbol
        super().__init__(**options)

    def run(self, **operands: Any) -> Any:
        if self.symbol == FLATTEN:
            return [item for items in operands["x"] for item in items]
        in_order = [operands[name] for name in sorted(operands)]  # x, then y; Prefect passes them in any order
        return getattr(operator, f"__{self.symbol}__")(*in_order)


_OPERATORS: dict[str, type[prefect.Task]] = {
    "getitem": operators.GetItem,
    "getattr": operators.GetAttr,
    "add": operators.Add,
    "sub": operators.Sub,
    "mul": operators.Mul,
    "truediv": operators.Div,
    "floordiv": operators.FloorDiv,
    "mod": operators.Mod,
    "pow": operators.Pow,
    "lt": operators.LessThan,
    "le": operators.LessThanOrEqual,
    "eq": operators.Equal,
    "ne": operators.NotEqual,
    "gt": operators.GreaterThan,
    "ge": operators.GreaterThanOrEqual,
}


def resource_task(work: Resource, name: str) -> prefect.Task:
    """The task of a part of a resource: Prefect's own, with the options that its ``resource_manager`` gives it."""
    task_class, options = resource_options(work)
    options = {**options, "name": name}
    if work.part == "init":
        return ResourceInitTask(work.resource_class, **options)
    return task_class(**options)


def resource_options(work: Resource) -> tuple[type[prefect.Task], dict[str, Any]]:
    """The class of the task of a part of a resource, and its options."""
    if work.part == "init":
        return ResourceInitTask, dict(work.options)
    if work.part == "setup":
        return ResourceSetupTask, {"checkpoint": False, **work.options}
    defaults = {"trigger": resource_cleanup_trigger, "skip_on_upstream_skip": False, "checkpoint": False}
    return ResourceCleanupTask, {**defaults, **work.options}


def operation_task(operation: Operation, name: str) -> prefect.Task:
    """The task of an operator: Prefect's own where it means what Python means."""
    prefects_own = operator_class(operation.symbol)
    return prefects_own(name=name) if prefects_own else Operate(operation.symbol, name=name)


def operator_class(symbol: str) -> type[prefect.Task] | None:
    """Prefect's own task of an operator, or None where it has none that means what Python means."""
    return _OPERATORS.get(symbol)
