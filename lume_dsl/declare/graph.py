"""The graph of one flow, as plain data. It knows nothing of class bodies, of checks or of Prefect.

A ``Graph`` is a mapping from names to ``Member``s. What a member does is its ``work``, one of the classes below;
where its inputs come from is a mapping from its arguments to ``Constant`` or ``Edge``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from lume_dsl.errors import Place

__all__ = [
    "FLATTEN",
    "MISSING",
    "SYMBOLS",
    "Argument",
    "Case",
    "Collection",
    "Constant",
    "Edge",
    "FileResult",
    "Graph",
    "Input",
    "Member",
    "Merge",
    "Missing",
    "Operation",
    "Parameter",
    "Part",
    "RecordResult",
    "Resource",
    "StepRun",
    "Subflow",
    "TaskRun",
    "ValueResult",
    "Work",
    "parameter_in",
    "root_of",
]


class Missing(enum.Enum):
    """The absence of a value where None is one."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing.MISSING


@attrs.frozen
class Parameter:
    """An input of the flow. ``default`` is ``MISSING`` for one without."""

    default: Any = MISSING
    factory: Callable[[], Any] | None = None
    """What gives the default of each run."""
    help: str = ""
    unit: str = ""
    constraints: Mapping[str, Any] = attrs.field(factory=dict)
    """Those of ``declare.constraints`` that are given: bounds, lengths, a pattern, choices."""
    validator: Callable[[Any], Any] | None = None
    secret: bool = False
    env: str = ""
    """The environment variable that supplies its value, or ``""``."""
    examples: tuple[Any, ...] = ()
    abstract: bool = False
    """Whether a subclass must redefine it."""

    @property
    def required(self) -> bool:
        """Whether a value must be given, or be in the environment."""
        return self.default is MISSING and self.factory is None


@attrs.frozen
class Argument:
    """A parameter of a subflow: what the body gives for it, which is its one input, else what it has by itself."""

    parameter: Parameter


@attrs.frozen
class TaskRun:
    """One use of a task. ``function`` is a plain function, or any ``prefect.Task`` object.

    Where it uses services, ``records`` says whether the record store must answer before it, and ``filesystems`` which
    filesystems must.
    """

    function: Callable[..., Any]
    options: Mapping[str, Any]
    services: bool = False
    records: bool = True
    filesystems: tuple[str, ...] = ()


@attrs.frozen
class StepRun:
    """A method of the flow as a task."""

    function: Callable[..., Any]
    options: Mapping[str, Any]

    @property
    def abstract(self) -> bool:
        """Whether a subclass must redefine it: it is an ``abc.abstractmethod``."""
        return getattr(self.function, "__isabstractmethod__", False) is True


@attrs.frozen
class Operation:
    """``x <symbol> y``, ``<symbol> x``, ``x[y]`` or ``x.y``: ``symbol`` names a function of ``operator``.

    Or it is FLATTEN.
    """

    symbol: str


SYMBOLS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
    "lt": "<", "le": "<=", "eq": "==", "ne": "!=", "gt": ">", "ge": ">=",
    "neg": "-", "pos": "+", "abs": "abs", "invert": "~",
}  # fmt: skip
"""The operators as they are written, by their functions in ``operator``."""


FLATTEN = "flatten"
"""The symbol of the operation that makes one list of the items of a list's lists."""


@attrs.frozen
class Collection:
    """A ``list``, ``tuple``, ``dict`` or ``slice`` with references among its items.

    Inputs are named by their place (``"item_0"``, ``"item_1"``…). A dict's keys stand in ``keys``, in that order.
    """

    type: type
    keys: tuple[Any, ...] = ()


@attrs.frozen
class ValueResult:
    """A value that the flow results in, under a name of its own."""

    options: Mapping[str, Any]


@attrs.frozen
class FileResult:
    """A value saved as a file; the member's type is its file type."""

    options: Mapping[str, Any]
    overwrite: bool = False


@attrs.frozen
class RecordResult:
    """Values saved as a record; the member's type is its record type, its inputs are the outputs."""

    options: Mapping[str, Any]


@attrs.frozen
class Case:
    """What is after it goes on where its input equals ``value``, and is skipped elsewhere."""

    value: Any


@attrs.frozen
class Merge:
    """The first of its inputs whose branch ran and that is not None, in the order of their names."""


Part: TypeAlias = Literal["init", "setup", "cleanup"]


@attrs.frozen
class Resource:
    """A part of what is held around a block of tasks: its manager is made, sets it up, and cleans it up.

    The setup's input ``mgr`` is the manager, the cleanup's are ``mgr`` and ``resource``, the setup's value.
    """

    part: Part
    resource_class: type
    options: Mapping[str, Any]


Work: TypeAlias = (
    Parameter
    | Argument
    | TaskRun
    | StepRun
    | Operation
    | Collection
    | Case
    | Merge
    | Resource
    | ValueResult
    | FileResult
    | RecordResult
)


def parameter_in(work: Work) -> Parameter | None:
    """Return the parameter that a work is, of the flow or of a subflow, if it is one."""
    parameter = work.parameter if isinstance(work, Argument) else work
    return parameter if isinstance(parameter, Parameter) else None


@attrs.frozen
class Constant:
    """A value that stands in the body. ``checked`` is as of an ``Edge``."""

    value: Any
    mapped: bool = False
    checked: bool = attrs.field(default=True, eq=False)


@attrs.frozen
class Edge:
    """The value of another member, named; ``mapped``: each of its items in turn.

    ``checked``: whether its type must fit, which says nothing of what runs, so that it does not count in comparisons.
    ``flattened``: as Prefect's, in a flow that was written by hand; ours is an operation.
    """

    upstream: str
    mapped: bool = False
    checked: bool = attrs.field(default=True, eq=False)
    flattened: bool = False


Input: TypeAlias = Constant | Edge

_NOTHING: Mapping[str, Any] = {}
"""Shared by all members that have nothing there, which nobody adds to. (A mapping proxy would not pickle.)"""


@attrs.frozen
class Member:
    """One named value of a flow.

    Attributes:
        name: Unique in the flow; also the Prefect task's name and the attribute of a run.
        work: What produces the value.
        type: The static type of the value, ``Any`` where none is declared.
        inputs: Where each argument comes from, in the order of the arguments.
        expects: The static types of those arguments that declare one.
        place: The line of the body.
        after: Names of the members that it waits for without taking their values.
        visible: Whether the body gave it a name, so that a run has an attribute for it.
        origin: The class whose body it stands in.
        subflow: The subflow that it is of, dotted where that is nested: ``inner``, ``inner.deep``, or "".
        given: Of a step or a record of a subflow, that flow's parameters, with the names of the members that hold them.
        each: Whether it is of a subflow that runs once for each item of what it is given.
        block: The name of the setup of the resource in whose block it stands, or "".
    """

    name: str
    work: Work
    type: Any
    inputs: Mapping[str, Input]
    place: Place
    expects: Mapping[str, Any] = _NOTHING
    after: tuple[str, ...] = ()
    visible: bool = True
    origin: str = ""
    subflow: str = ""
    given: Mapping[str, str] = _NOTHING
    each: bool = False
    block: str = ""

    @property
    def mapped(self) -> bool:
        """Whether it runs once for each item of an input, or of one of its subflow."""
        return self.each or self.mapped_over

    @property
    def mapped_over(self) -> bool:
        """Whether an input of its own is a list, each of whose items it takes in turn."""
        return any(source.mapped for source in self.inputs.values())

    @property
    def taken(self) -> list[str]:
        """Names of the members whose values its arguments are, in their order."""
        return [source.upstream for source in self.inputs.values() if isinstance(source, Edge)]

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the members that it waits for, each once: whose values it takes, then those it is ``after``."""
        return tuple(dict.fromkeys([*self.taken, *self.given.values(), *self.after]))

    @property
    def own_name(self) -> str:
        """Its name in the flow that it is of: without that of the subflow."""
        return self.name.removeprefix(f"{self.subflow}.") if self.subflow else self.name

    @property
    def root(self) -> str:
        """The name in the body that it stands or falls with: its own, or that of its subflow."""
        return root_of(self.subflow) or self.name

    @property
    def is_result(self) -> bool:
        return isinstance(self.work, (ValueResult, FileResult, RecordResult))

    @property
    def task_name(self) -> str:
        """The Prefect task's name: the member's own, or the ``name`` option of a result field."""
        if isinstance(self.work, (ValueResult, FileResult, RecordResult)):
            own = str(self.work.options.get("name", self.own_name))
            return f"{self.subflow}.{own}" if self.subflow else own
        return self.name

    @property
    def uses_services(self) -> bool:
        """Whether it reads or writes files or records, or may: a step, or a task that says so."""
        return isinstance(self.work, (StepRun, FileResult, RecordResult)) or (
            isinstance(self.work, TaskRun) and self.work.services
        )


def root_of(subflow: str) -> str:
    """The name of the body that a subflow's dotted name begins with: ``runs`` of ``runs[0].deep``."""
    return subflow.partition(".")[0].partition("[")[0]


@attrs.frozen
class Subflow:
    """A flow that is called in the body of another.

    Attributes:
        flow: Its class.
        mapped: Whether it runs once for each item of what it is given.
        names: The names of the body that hold it, themselves or in a list, tuple or dict.
    """

    flow: Any
    mapped: bool = False
    names: tuple[str, ...] = ()


@attrs.frozen
class Graph:
    """All members of a flow by name, in the order of the body. Those of its subflows are among them."""

    members: Mapping[str, Member] = attrs.field(factory=dict)
    aliases: Mapping[str, str] = attrs.field(factory=dict)
    """Further names that the body gave to a member."""
    subflows: Mapping[str, Subflow] = attrs.field(factory=dict)
    """The flows within it, by their dotted names."""

    @property
    def names(self) -> dict[str, str]:
        """The members that have a name in the body, by all names that they have there."""
        return {name: name for name, member in self.members.items() if member.visible} | dict(self.aliases)

    @property
    def own(self) -> dict[str, Member]:
        """The members but those of subflows."""
        return {name: member for name, member in self.members.items() if not member.subflow}

    @property
    def held(self) -> frozenset[str]:
        """The names of the body that hold subflows."""
        return frozenset(name for subflow in self.subflows.values() for name in subflow.names)

    def members_of(self, path: str) -> list[str]:
        """The names of the members of a subflow, and of those within it."""
        return [name for name, m in self.members.items() if m.subflow == path or m.subflow.startswith(f"{path}.")]

    @property
    def parameters(self) -> dict[str, Member]:
        return {name: member for name, member in self.members.items() if isinstance(member.work, Parameter)}

    @property
    def results(self) -> dict[str, Member]:
        """The flow's own result fields, but those that redefinitions took and that have no name any more."""
        return {name: member for name, member in self.own.items() if member.is_result and member.visible}

    @property
    def all_results(self) -> dict[str, Member]:
        """The flow's own result fields, then those of its subflows by their dotted names."""
        inner = {name: member for name, member in self.members.items() if member.is_result and member.subflow}
        return {**self.results, **inner}

    @property
    def abstract(self) -> dict[str, Member]:
        """What a subclass must redefine before there is a flow to run."""
        works = {name: member.work for name, member in self.members.items()}
        return {
            n: self.members[n] for n, work in works.items() if isinstance(work, (Parameter, StepRun)) and work.abstract
        }

    @property
    def uses_services(self) -> bool:
        return any(member.uses_services for member in self.members.values())

    @property
    def stored(self) -> frozenset[str]:
        """The members whose tasks return a JSON reference, in place of which readers take the file or record."""
        return frozenset(
            name for name, member in self.members.items() if isinstance(member.work, (FileResult, RecordResult))
        )
