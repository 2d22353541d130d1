"""References: what a name of a flow's body is while the body runs.

A reference stands for the value that a member will have when the flow runs. Operators on it make further
members; whatever needs the value itself is refused, with what to write instead. It does not know where members
come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

import attrs

from lume_dsl.declare.attributes import FlowAttribute
from lume_dsl.declare.composites import Composite, Whole
from lume_dsl.declare.graph import MISSING, SYMBOLS, Collection, Constant, Operation, StepRun, TaskRun, Work
from lume_dsl.declare.operator_names import BINARY, COMPARE, LABELS, UFUNCS, UNARY
from lume_dsl.errors import Place, Problem, ReferenceValueError
from lume_dsl.values.scalars import short

if TYPE_CHECKING:
    from lume_dsl.declare.subflows import Inlined

__all__ = [
    "Draft",
    "Link",
    "Owner",
    "Pending",
    "Reference",
    "Source",
    "Unchecked",
    "UncheckedConstant",
    "call_instead",
    "constant_of",
    "draft_of",
    "first_of",
    "has_references",
    "source_of",
]


class Owner(Protocol):
    """The body that a draft belongs to."""

    name: str
    problems: list[Problem]
    block: Draft | None

    def so_far(self) -> list[Problem]: ...

    def add(self, work: Work, inputs: dict[str, Source], *, fallback: str) -> Reference: ...

    def place(self) -> Place: ...

    def count_items(self, draft: Draft) -> int | None: ...


@attrs.define(eq=False)
class Draft:
    """A member whose final name is not known yet; compared by identity.

    Attributes:
        fallback: What it is called where the body gives it no name.
        block: The case, or the setup of the resource, in whose block it stands, if any.
        after: What it waits for without taking its value.
        name: The first name that the body gave it, or "". It may lose it to a later assignment.
        attributes: The references to those of its value's attributes that the body has read, in which block.
        inherited: The name of the inherited member that it stands for, or "".
        is_bare: Whether it is a parameter written without ``parameter(...)``.
        inlined: What it is in a subflow, if it is of one.
    """

    owner: Owner
    work: Work
    inputs: dict[str, Source]
    place: Place
    fallback: str
    block: Draft | None = None
    after: list[Draft] = attrs.field(factory=list)
    name: str = ""
    attributes: dict[tuple[str, Draft | None], Reference] = attrs.field(factory=dict)
    inherited: str = ""
    is_bare: bool = False
    inlined: Inlined | None = None

    @property
    def label(self) -> str:
        return self.inlined.label if self.inlined else self.name or self.fallback


@attrs.frozen
class Link:
    """An edge from a draft; the ``Edge`` of the finished graph names the member instead."""

    draft: Draft
    mapped: bool = False
    checked: bool = True
    flattened: bool = False


@attrs.frozen
class Pending:
    """The value of a name that the body has not given yet, or else ``default``."""

    name: str
    default: Any = MISSING
    mapped: bool = False
    checked: bool = True


@attrs.frozen
class Foreign:
    """A name of another flow's class, which has no value here."""

    label: str
    flow: str
    mapped: bool = False
    checked: bool = True


def call_instead(flow: str, name: str) -> str:
    """What to write for a name of another flow's class."""
    return f"call the flow in this body, {flow}(...).{name}, or use a name of this flow"


Source: TypeAlias = Constant | Link | Pending | Foreign | Whole


def draft_of(reference: Reference) -> Draft:
    """The draft behind a reference. (An attribute would be in the way of the value's own.)"""
    draft: Draft | None = object.__getattribute__(reference, "_lume_draft")
    return _gather(reference) if draft is None else draft


def has_references(value: Any) -> bool:
    """Whether a reference stands in the value, at any depth of lists, tuples, dicts and slices."""
    return first_of(value, (Reference, FlowAttribute, Composite)) is not MISSING


def first_of(value: Any, kinds: tuple[type, ...]) -> Any:
    """The first part of the value that is of these kinds, at any depth; MISSING where there is none."""
    todo, seen = [value], set()
    while todo:
        item = todo.pop()
        if isinstance(item, kinds):
            return item
        if isinstance(item, (list, tuple, dict, slice)) and id(item) not in seen:
            seen.add(id(item))
            todo += _items(item)
    return MISSING


def _items(container: Any) -> list[Any]:
    if isinstance(container, slice):
        return [container.start, container.stop, container.step]
    return list(container.values() if isinstance(container, dict) else container)


def source_of(value: Any, owner: Owner, *, mapped: bool = False) -> Source:
    """Return where an argument of a task comes from. Collections with references become members."""
    if isinstance(value, Unchecked):
        return attrs.evolve(source_of(_marked(value), owner, mapped=mapped), checked=False)
    if isinstance(value, Reference):
        return Link(draft_of(value), mapped)
    if isinstance(value, FlowAttribute):
        return Foreign(value.name, value.flow, mapped)
    if isinstance(value, Composite):
        return value.__lume_whole__()
    if type(value) is list and len(value) == 1 and isinstance(value[0], Composite):
        draft = value[0].__lume_items__()
        return Link(draft, mapped) if draft else value[0].__lume_whole__()
    if not has_references(value):
        return constant_of(value, mapped=mapped)
    keys = tuple(value) if isinstance(value, dict) else ()
    inputs = {f"item_{place}": source_of(item, owner) for place, item in enumerate(_items(value))}
    kind = next(kind for kind in (dict, list, tuple, slice) if isinstance(value, kind))
    if hasattr(value, "_fields"):  # a namedtuple
        kind = type(value)
    gathered = owner.add(Collection(kind, keys), inputs, fallback=kind.__name__.title())
    return source_of(gathered, owner, mapped=mapped)


@attrs.frozen
class UncheckedConstant:
    """A value without references whose type need not fit; what takes it has the value itself."""

    value: Any


def constant_of(value: Any, *, mapped: bool = False) -> Constant:
    """Return a value without references as a constant. It is not checked where a part of it is marked so."""
    is_marked = first_of(value, (UncheckedConstant,)) is not MISSING
    return Constant(_without_marks(value), mapped, checked=False) if is_marked else Constant(value, mapped)


def _without_marks(value: Any) -> Any:
    if isinstance(value, UncheckedConstant):
        return _without_marks(value.value)
    if isinstance(value, dict):
        return {key: _without_marks(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_without_marks, value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a namedtuple
        return type(value)(*map(_without_marks, value))
    return value


class Reference:
    """The value that a member of the flow will have when the flow runs."""

    __slots__ = ("_lume_draft",)

    def __init__(self, draft: Draft) -> None:
        object.__setattr__(self, "_lume_draft", draft)

    def __repr__(self) -> str:
        draft = draft_of(self)
        return f"<reference to {draft.label} of {draft.owner.name}>"

    # its attributes and items are members of the flow

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what Python, notebooks and debuggers ask of any object
            raise AttributeError(name)
        draft = draft_of(self)
        key = name, draft.owner.block
        if key not in draft.attributes:  # read twice, it is one value; one of another block may be skipped
            inputs = {"task_result": source_of(self, draft.owner), "attr": Constant(name)}
            label = f"{draft.label}.{name}"
            draft.attributes[key] = draft.owner.add(Operation("getattr"), inputs, fallback=label)
        return draft.attributes[key]

    def __getitem__(self, key: Any) -> Any:
        draft = draft_of(self)
        inputs = {"task_result": source_of(self, draft.owner), "key": source_of(key, draft.owner)}
        label = draft_of(key).label if isinstance(key, Reference) else repr(key)
        return draft.owner.add(Operation("getitem"), inputs, fallback=f"{draft.label}[{label}]")

    def __iter__(self) -> Iterator[Any]:
        """Its items, where its type tells how many it has: a tuple's or a named tuple's."""
        draft = draft_of(self)
        count = draft.owner.count_items(draft)
        if count is None:
            is_map = any(getattr(source, "mapped", False) for source in draft.inputs.values())
            parts = "map a step over it that takes its parts" if is_map else "annotate its task tuple[A, B]"
            refuse(self, "iterating or unpacking", f"{_LOOP}; to unpack it, {parts}")
        return iter([self[place] for place in range(count)])

    # what needs the value itself is refused

    def __setattr__(self, name: str, value: object) -> NoReturn:
        refuse(self, f"setting .{name}", "make the changed value in a task")

    def __delattr__(self, name: str) -> NoReturn:
        refuse(self, f"deleting .{name}", "make the changed value in a task")

    def __copy__(self) -> Reference:
        return self

    def __deepcopy__(self, memo: Any) -> Reference:
        return self

    def __call__(self, *_: object, **__: object) -> Any:
        refuse(self, "calling it", _instead_of_call(draft_of(self)))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """What NumPy asks for an operator with an array on its left side, and in its other functions of numbers."""
        symbol = UFUNCS.get(ufunc.__name__) if method == "__call__" and not options else None
        if symbol is None:
            refuse(self, f"numpy.{ufunc.__name__}()", "call it in a task")
        return _operated(draft_of(self).owner, symbol, *inputs)


class Unchecked(Reference):
    """A reference, or a collection of some, whose type need not fit where it is taken."""

    __slots__ = ("_lume_value",)

    def __init__(self, value: Any) -> None:
        object.__setattr__(self, "_lume_value", value)
        object.__setattr__(self, "_lume_draft", draft_of(value) if isinstance(value, Reference) else None)


def _marked(reference: Reference) -> Any:
    """What an ``Unchecked`` was made of."""
    return object.__getattribute__(reference, "_lume_value")


def _gather(reference: Reference) -> Draft:
    """Make a member of a marked collection that is used as a value by itself, and not as an argument.

    Not before, as it would then have another place among the tasks than the same collection without the mark.
    """
    value = _marked(reference)
    link = source_of(value, draft_of(first_of(value, (Reference,))).owner)
    assert isinstance(link, Link)
    object.__setattr__(reference, "_lume_draft", link.draft)
    return link.draft


_LOOP = "map a task over its items, task.map(values), take one with values[0], or loop in a task"

_DECIDE = "decide in a task, or write: with case(..., True): (conditions are joined by & and |)"

_FIXES = {
    "if, and, or, not": (("__bool__",), _DECIDE),
    "iterating or unpacking": (
        ("__next__", "__reversed__"),
        _LOOP,
    ),
    "text formatting": (("__format__",), "build the text in a task that takes it; in a filename=, leave out the f"),
    "str() or print()": (("__str__", "__bytes__"), "build the text in a task that takes it"),
    "len()": (("__len__", "__length_hint__"), "count in a task"),
    "in": (("__contains__",), "look for it in a task"),
    "use as an index, in range() or int(),": (("__index__", "__int__", "__trunc__"), "use it in a task"),
    "float(), complex(), round() or a function of math": (
        ("__float__", "__complex__", "__round__"),
        "call it in a task",
    ),
    "assigning or deleting an item": (("__setitem__", "__delitem__"), "make the changed value in a task"),
    "with": (("__enter__", "__exit__"), "open it in a task"),
    "a set, or the key of a dict,": (("__hash__",), "use a list, or look it up in a task"),
    "divmod()": (("__divmod__", "__rdivmod__"), "divide in a task"),
    "a path": (("__fspath__",), "make the path in a task"),
    "an array": (("__array__",), "make the array in a task"),
    "pickling": (("__reduce_ex__",), "pass it to a task as an argument"),
    "await": (("__await__",), "await it in a task"),
}


def refuse(reference: Reference, what: str, fix: str) -> NoReturn:
    """Raise the error that says that a value is known only when the flow runs, with what else is wrong so far."""
    draft = draft_of(reference)
    subject = f"{draft.owner.name}.{_written(draft)}"
    message = f"{what} needs its value, which is known only when the flow runs"
    problem = Problem("reference-value", subject, message, fix, draft.owner.place())
    raise ReferenceValueError((*draft.owner.so_far(), problem))


def _instead_of_call(draft: Draft) -> str:
    if isinstance(draft.work, StepRun):
        return "leave out the call: a step takes its arguments by their names, or as defaults"
    if isinstance(draft.work, TaskRun) and draft.name == draft.fallback:
        return f"{draft.name} is a value since line {draft.place.line}, and no task: give the value another name"
    name = getattr(draft.inputs.get("attr"), "value", "")
    if name in ("set_upstream", "set_downstream", "set_dependencies"):
        return "write task.with_options(after=[...])(...) where the task that waits is used"
    return "call it in a task"


def _written(draft: Draft) -> str:
    """A value as the body writes it: its name, else ``charge > 100.0`` for an operator's."""
    if draft.name or draft.inherited or not isinstance(draft.work, Operation) or draft.work.symbol not in SYMBOLS:
        return draft.label
    operands = [
        source.draft.label if isinstance(source, Link) else short(getattr(source, "value", ...))
        for source in draft.inputs.values()
    ]
    sign = SYMBOLS[draft.work.symbol]
    return f" {sign} ".join(operands) if len(operands) == 2 else f"{sign}({operands[0]})"


def _refusal(what: str, fix: str) -> Callable[..., NoReturn]:
    def method(self: Reference, *_: object, **__: object) -> NoReturn:
        refuse(self, what, fix)

    return method


def _operated(owner: Owner, symbol: str, x: Any, y: Any) -> Any:
    inputs = {"x": source_of(x, owner), "y": source_of(y, owner)}
    return owner.add(Operation(symbol), inputs, fallback=LABELS[symbol])


def _binary(symbol: str, *, reflected: bool = False) -> Callable[..., Any]:
    def method(self: Reference, other: Any) -> Any:
        owner = draft_of(self).owner
        return _operated(owner, symbol, other, self) if reflected else _operated(owner, symbol, self, other)

    return method


def _unary(symbol: str, label: str) -> Callable[..., Any]:
    def method(self: Reference) -> Any:
        owner = draft_of(self).owner
        return owner.add(Operation(symbol), {"x": source_of(self, owner)}, fallback=label)

    return method


for _symbol in (*BINARY, *COMPARE):
    setattr(Reference, f"__{_symbol}__", _binary(_symbol))
for _symbol in BINARY:
    setattr(Reference, f"__r{_symbol}__", _binary(_symbol, reflected=True))
for _symbol, _label in UNARY.items():
    setattr(Reference, f"__{_symbol}__", _unary(_symbol, _label))
for _what, (_methods, _fix) in _FIXES.items():
    for _method in _methods:
        setattr(Reference, _method, _refusal(_what, _fix))
