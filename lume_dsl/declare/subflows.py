"""Subflows: a flow that is called in the body of another, whose members become members of that one.

While the body runs, the call gives what has the flow's values as attributes: references. It does not know what runs
them, nor what the members are called in the end.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from lume_dsl.declare.attributes import FlowAttribute, SubflowAttribute, shaped
from lume_dsl.declare.body import Unknown, open_body
from lume_dsl.declare.composites import Composite, Whole, holds_subflows
from lume_dsl.declare.graph import Argument, Constant, Graph, Input, Member, Parameter, parameter_in
from lume_dsl.declare.order import awaited
from lume_dsl.declare.parameters import abstract_problems, call_problems, check_value, spec_of, value_problems
from lume_dsl.declare.references import Draft, Link, Reference, Source, draft_of, source_of
from lume_dsl.declare.tasks import Unmapped
from lume_dsl.errors import Place, Problem, ReferenceValueError, did_you_mean

if TYPE_CHECKING:
    from lume_dsl.declare.body import Body

__all__ = ["Call", "Inlined", "SubflowRun", "SubflowValue", "WaitingFlow", "call_of", "called", "inherited_subflows"]


@attrs.define(eq=False)
class Call:
    """One call of a flow class in a body, or a subflow that is there by inheritance or within another.

    Compared by identity.

    Attributes:
        owner: The body.
        flow: The flow class.
        place: The line of the call.
        is_mapped: Whether the flow runs once for each item of what it is given.
        drafts: Its members as members of the body, by their names in the flow's graph, if the body calls it.
        name: The first name that the body gave it, or "". It may lose it to a later assignment.
        within: Its name in the flow that the body inherits, or in ``outer``.
        outer: The subflow that it is of.
        places: The lines of those arguments that stand in others than the call.
    """

    owner: Body
    flow: Any
    place: Place
    is_mapped: bool = False
    drafts: dict[str, Draft] = attrs.field(factory=dict)
    name: str = ""
    within: str = ""
    outer: Call | None = None
    places: Mapping[str, Place] = types.MappingProxyType({})

    def place_of(self, argument: str) -> Place:
        """The line of an argument."""
        return self.places.get(argument, self.place)

    @property
    def label(self) -> str:
        if self.outer is not None:
            return f"{self.outer.label}.{self.within}"
        return self.within or self.name or str(self.flow.__name__)

    @property
    def graph(self) -> Graph:
        found: Graph = self.flow.__lume_graph__
        return found

    def reference(self, name: str) -> Any:
        """The value of one of its members."""
        if self.outer is not None:
            return self.outer.reference(f"{self.within}.{name}")
        return self.owner.inherited(f"{self.within}.{name}") if self.within else Reference(self.drafts[name])


@attrs.frozen(eq=False)
class Inlined:
    """What a draft is in a subflow."""

    call: Call
    member: Member

    @property
    def label(self) -> str:
        return f"{self.call.label}.{self.member.name}"


def called(
    body: Body,
    flow_class: Any,
    args: tuple[Any, ...],
    values: Mapping[str, Any],
    *,
    is_mapped: bool = False,
    places: Mapping[str, Place] = types.MappingProxyType({}),
    after: Any = (),
) -> Any:
    """Add the members of a flow that is called with these values to a body, and return what stands for them.

    Those that wait for nothing of the flow wait for what it is ``after``. What is wrong with the call is noted in the
    body's problems, at the ``places`` of the arguments that have their own.
    """
    call = Call(body, flow_class, body.place(), is_mapped, places=places)
    parameters = call.graph.parameters
    name = flow_class.__name__
    found = abstract_problems(name, call.graph) or call_problems(name, call.graph, args, values, flow_class=flow_class)
    problems = [attrs.evolve(one, place=call.place) for one in found]
    sources = {key: _given(call, value) for key, value in values.items() if key in parameters}
    for key, source in sources.items():
        problems += _wrong_with(call, parameters[key], source)
    problems += _not_to_be_mapped(call, sources)
    body.problems += [attrs.evolve(one, subject=f"{body.name}: {one.subject}") for one in problems]
    if problems and is_mapped:
        return body.unknown(name)
    _inline(call, sources)
    waited = awaited(body, name, after)
    for key, member in call.graph.members.items():
        if not member.upstream:
            call.drafts[key].after += waited
    return SubflowValue(call)


@attrs.frozen
class WaitingFlow:
    """What ``Flow.with_options(after=...)`` gives: the flow class, as far as a body calls and maps it."""

    flow: Any
    after: Any

    def __call__(self, /, *args: Any, **values: Any) -> Any:
        name = self.flow.__name__
        body = open_body(f"{name}.with_options", f"write {name}(...).run()")
        return called(body, self.flow, args, values, after=self.after)

    def map(self, /, **values: Any) -> Any:
        name = self.flow.__name__
        body = open_body(f"{name}.with_options", f"write [{name}(...).run() for item in items]")
        return called(body, self.flow, (), values, is_mapped=True, after=self.after)


def _given(call: Call, value: Any) -> Source:
    is_whole = isinstance(value, Unmapped)
    return source_of(value.value if is_whole else value, call.owner, mapped=call.is_mapped and not is_whole)


def _wrong_with(call: Call, parameter: Member, source: Source) -> list[Problem]:
    """What is wrong with what a parameter is given: a constant that does not fit, or for a secret what is none."""
    name, place = call.flow.__name__, call.place_of(parameter.name)
    if isinstance(source, Constant):
        if source.mapped and not isinstance(source.value, (list, tuple)):
            message, fix = "is given no list to map over", "give it a list, or write unmapped(...) around it"
            return [Problem("map-arguments", f"{name}.{parameter.name}", message, fix, place)]
        items = source.value if source.mapped else [source.value]
        checked = (check_value(item, parameter)[1] for item in items)
        wrong: list[Problem] = next((value_problems(name, parameter, one) for one in checked if one), [])
        return [attrs.evolve(one, place=place) for one in wrong]
    given = parameter_in(source.draft.work) if isinstance(source, Link) else None
    if spec_of(parameter).secret and isinstance(source, Link) and not (given and given.secret):
        message = f"is secret, and {source.draft.label}, which it is given, is not"
        fix = f"declare {source.draft.label} with parameter(secret=True)"
        return [Problem("parameter-option", f"{name}.{parameter.name}", message, fix, place)]
    return []


def _not_to_be_mapped(call: Call, sources: Mapping[str, Source]) -> list[Problem]:
    """What keeps a flow from running once for each item."""
    name = f"{call.flow.__name__}.map"
    if call.is_mapped and not any(source.mapped for source in sources.values()):
        fix = f"give it a list that is not in unmapped(...), or write {call.flow.__name__}(...)"
        return [Problem("map-arguments", name, "has no argument to map over", fix, call.place)]
    if call.is_mapped and (inner := next((n for n, m in call.graph.members.items() if m.mapped), "")):
        message = f"runs the flow once for each item, and {inner} of it is a map already"
        fix = "let a task of that flow loop over its items"
        return [Problem("map-arguments", name, message, fix, call.place)]
    return []


def _inline(call: Call, sources: Mapping[str, Source]) -> None:
    """Make a draft of each member of the subflow's graph."""
    body, members = call.owner, call.graph.members
    for name, member in members.items():
        work = Argument(spec_of(member)) if isinstance(member.work, Parameter) else member.work
        draft = Draft(body, work, {}, call.place_of(name), f"{call.flow.__name__}.{name}", body.block)
        draft.inlined = Inlined(call, member)
        call.drafts[name] = draft
    over = next((call.drafts[name] for name, source in sources.items() if source.mapped), None)
    for name, draft in call.drafts.items():
        inputs = {key: _source(call, source) for key, source in members[name].inputs.items()}
        draft.inputs = {name: sources[name]} if name in sources else inputs
        draft.after = [call.drafts[other] for other in members[name].after]
        if over is not None and not any(source.mapped for source in draft.inputs.values()):
            draft.after.append(over)
    body.take(call)


def _source(call: Call, source: Input) -> Source:
    if isinstance(source, Constant):
        return source
    is_mapped = source.mapped or call.is_mapped
    return Link(call.drafts[source.upstream], is_mapped, source.checked, source.flattened)


class SubflowValue(Composite):
    """What a call of a flow gives in the body of another: its names are references.

    Of ``Flow.map(...)`` it is a list: ``[run.text for run in runs]`` is the list of these values, ``runs[0].text`` one.
    """

    __slots__ = ("_lume_call",)

    def __init__(self, call: Call) -> None:
        object.__setattr__(self, "_lume_call", call)

    def __repr__(self) -> str:
        return f"<subflow {call_of(self).label} of {call_of(self).owner.name}>"

    def __lume_named__(self, name: str) -> None:
        call = call_of(self)
        call.name = call.name or name

    def __lume_whole__(self) -> Whole:
        return Whole(call_of(self).label, f"take one of its values: {_example(call_of(self))}")

    def __lume_last__(self) -> list[Draft]:
        call = call_of(self)
        waited = {name for member in call.graph.members.values() for name in member.upstream}
        return [draft_of(call.reference(name)) for name in call.graph.members if name not in waited]

    def __getattr__(self, name: str) -> Any:
        call = call_of(self)
        if call.is_mapped and not name.startswith("__"):
            _refuse(call, f"reading .{name} of all runs at once", f"write {_example(call, name)}")
        return _attribute(call, name)

    def __iter__(self) -> Iterator[Any]:
        call = call_of(self)
        if not call.is_mapped:
            _refuse(call, "iterating or unpacking", f"take its values by name: {_example(call)}")
        return iter([SubflowRun(call, None)])

    def __getitem__(self, place: Any) -> Any:
        call = call_of(self)
        if not call.is_mapped or not isinstance(place, int):
            _refuse(call, "taking an item", f"write {_example(call)}")
        return SubflowRun(call, place)


class SubflowRun(Composite):
    """One run of a mapped subflow: ``runs[0]``, or without a place each of them, as in a comprehension."""

    __slots__ = ("_lume_call", "_lume_place")

    def __init__(self, call: Call, place: int | None) -> None:
        object.__setattr__(self, "_lume_call", call)
        object.__setattr__(self, "_lume_place", place)

    @property
    def __lume_held__(self) -> bool:  # type: ignore[override]  # of a class in Composite
        return place_of_run(self) is not None

    def __lume_whole__(self) -> Whole:
        return Whole(f"a run of {call_of(self).label}", f"take one of its values: {_example(call_of(self))}")

    def __getattr__(self, name: str) -> Any:
        found, place = _attribute(call_of(self), name), place_of_run(self)
        if holds_subflows(found):  # of each run, or of this one
            return shaped(found, lambda inner: SubflowRun(call_of(inner), place))
        if not isinstance(found, Reference) or isinstance(found, Unknown):
            return found
        return _EachValue(call_of(self), name, draft_of(found)) if place is None else found[place]


class _EachValue(Composite):
    """A value of each run of a mapped subflow, which a list of it alone stands for."""

    __slots__ = ("_draft", "_lume_call", "_name")
    __lume_held__ = False
    _draft: Draft
    _name: str

    def __init__(self, call: Call, name: str, draft: Draft) -> None:
        object.__setattr__(self, "_lume_call", call)
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_draft", draft)

    def __lume_items__(self) -> Draft | None:
        return self._draft

    def __lume_whole__(self) -> Whole:
        return Whole(f"the {self._name} of each run", f"write [run.{self._name} for run in {call_of(self).label}]")


def call_of(value: Any) -> Call:
    """The call behind a subflow's name. (An attribute would be in the way of the flow's own.)"""
    call: Call = object.__getattribute__(value, "_lume_call")
    return call


def place_of_run(run: SubflowRun) -> int | None:
    """Which run of a mapped subflow it is; None for each of them."""
    place: int | None = object.__getattribute__(run, "_lume_place")
    return place


def _refusal(what: str) -> Callable[..., NoReturn]:
    def method(self: Any, *_: object, **__: object) -> NoReturn:
        _refuse(call_of(self), what, self.__lume_whole__().fix)

    return method


_REFUSED = {
    "if, and, or, not": ("__bool__",),
    "an operator": (
        *(f"__{sign}__" for sign in ("lt", "le", "gt", "ge", "neg", "pos", "abs", "invert")),
        *(f"__{side}{sign}__" for sign in ("add", "sub", "mul", "truediv", "mod", "pow") for side in ("", "r")),
    ),
    "text formatting": ("__format__", "__str__"),
    "setting or deleting": ("__setattr__", "__delattr__", "__setitem__", "__delitem__"),
    "calling it": ("__call__",),
    "len(), in": ("__len__", "__contains__"),
}
for _cls in (SubflowValue, SubflowRun, _EachValue):
    for _what, _methods in _REFUSED.items():
        for _method in _methods:
            setattr(_cls, _method, _refusal(_what))


def _refuse(call: Call, what: str, fix: str) -> NoReturn:
    body = call.owner
    message = f"{what} needs what is known only when the flow runs"
    problem = Problem("subflow", f"{body.name}.{call.label}", message, fix, body.place())
    raise ReferenceValueError((*body.so_far(), problem))


def _example(call: Call, name: str = "") -> str:
    """How a value of a subflow is taken: that of a name, or of one that there is."""
    values = [one for one, member in call.graph.names.items() if member not in call.graph.parameters]
    name = name or next(iter([*values, *call.graph.names]), "value")
    return f"[run.{name} for run in {call.label}]" if call.is_mapped else f"{call.label}.{name}"


def _attribute(call: Call, name: str) -> Any:
    """What a name of a flow is in the body that calls it: a reference, a subflow of its own, or a constant."""
    names = call.graph.names
    if name in names:
        return call.reference(names[name])
    if name.startswith("__"):
        raise AttributeError(name)
    found = inspect.getattr_static(call.flow, name, call)
    if isinstance(found, SubflowAttribute):
        return shaped(found.shape, lambda held: _held(held.path, held.place, call.owner, call.graph, call.place, call))
    if found is not call and not callable(found) and not isinstance(found, (FlowAttribute, property, classmethod)):
        return found
    body = call.owner
    message = f"is no value of {call.flow.__name__}{did_you_mean(name, names)}"
    fix = f"its values are {', '.join(names) or 'none'}"
    if name == "run":
        fix = f"leave out .run(): {call.flow.__name__}(...) is a part of this flow, and runs with it"
    body.problems.append(Problem("unknown-name", f"{body.name}: {call.label}.{name}", message, fix, body.place()))
    return body.unknown(name)


def inherited_subflows(body: Body, shape: Any) -> Any:
    """What a body sees of subflows that its flow inherits."""
    return shaped(shape, lambda held: _held(held.path, held.place, body, body.base, body.place(), None))


def _held(path: str, place: int | None, body: Body, graph: Graph, line: Place, outer: Call | None) -> Any:
    subflow = graph.subflows[path]
    call = Call(body, subflow.flow, line, subflow.mapped, within=path, outer=outer)
    return SubflowValue(call) if place is None else SubflowRun(call, place)
