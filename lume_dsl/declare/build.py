"""From what a body has collected to the graph of its flow: names, edges and types.

It notes names that cannot be resolved; whether the graph is right is for ``checks`` to say.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from types import GenericAlias
from typing import Any, get_args

import attrs

from lume_dsl.declare.attributes import Removed
from lume_dsl.declare.blocks import held, innermost
from lume_dsl.declare.body import Body, Unknown, is_class_variable
from lume_dsl.declare.composites import Composite, Whole
from lume_dsl.declare.filenames import OF_RUN
from lume_dsl.declare.graph import (
    MISSING,
    Case,
    Collection,
    Constant,
    Edge,
    FileResult,
    Graph,
    Input,
    Member,
    Merge,
    Operation,
    Parameter,
    RecordResult,
    Resource,
    StepRun,
    TaskRun,
    ValueResult,
    Work,
)
from lume_dsl.declare.hints import Hints, Scope, function_hints
from lume_dsl.declare.inherit import Own, extended, kept_name, unique_name
from lume_dsl.declare.inherited_names import inherited_problems
from lume_dsl.declare.inline import call_names, inlined_member, subflow_shapes, subflows
from lume_dsl.declare.operations import Outcomes
from lume_dsl.declare.references import Draft, Foreign, Pending, Reference, Source, call_instead, constant_of
from lume_dsl.declare.resources import part_hints
from lume_dsl.declare.tasks import plain_function
from lume_dsl.errors import Problem, did_you_mean
from lume_dsl.values.forms import plain_type
from lume_dsl.values.shapes import lengths

__all__ = ["Built", "Unresolved", "build", "count_items"]


class Unresolved:
    """The type of a name whose annotation cannot be resolved, which has its own problem."""


@attrs.frozen
class Built:
    """What a body comes to.

    Attributes:
        own: What it adds to what its flow inherits.
        graph: The flow's graph.
        annotated: The names whose annotations say what they are. A parameter's says nothing of what took its name.
        held: What the names that hold subflows show: where each stands in lists, tuples and dicts.
    """

    own: Own
    graph: Graph
    annotated: frozenset[str]
    held: Mapping[str, Any]


def build(body: Body, scope: Scope) -> Built:
    """Return what a body that has ended comes to. Further problems are added to ``body.problems``."""
    builder = _Builder(body, scope)
    own = builder.own()
    fields = {*body.base.parameters, *body.base.results}
    annotated = frozenset(body.annotations).union(fields - own.names) - builder.lost
    graph = _retyped(held(extended(body.base, own)), scope) if body.base.members else held(own.graph)
    return Built(own, graph, annotated, subflow_shapes(body, builder.calls))


def count_items(body: Body, scope: Scope, draft: Draft) -> int | None:
    """Return how many items a value of a body that has not ended has, or None where its type does not say.

    Of a task with the option ``nout`` it is that.
    """
    if isinstance(draft.work, (TaskRun, StepRun)) and isinstance(nout := draft.work.options.get("nout"), int):
        return None if _is_mapped(draft) else nout
    most = lengths(plain_type(_type_of_draft(body, scope, draft)))[1]
    return None if most == math.inf else int(most)


def _is_mapped(draft: Draft) -> bool:
    return any(getattr(source, "mapped", False) for source in draft.inputs.values())


def _type_of_draft(body: Body, scope: Scope, draft: Draft) -> Any:
    """The type of a value of a body that has not ended."""
    if draft.inherited:
        return body.base.members[draft.inherited].type
    if draft.inlined:
        return Any if draft.inlined.call.is_mapped else draft.inlined.member.type
    if isinstance(draft.work, (TaskRun, StepRun)):
        return Any if _is_mapped(draft) else function_hints(plain_function(draft.work.function), scope).returns
    builder = _Builder(body, scope)
    builder.own()
    name = builder.names.get(draft)
    return Any if name is None else builder.members[name].type


def _retyped(graph: Graph, scope: Scope) -> Graph:
    """The graph with the types of operations and the like as they are of what they take now."""
    members = dict(graph.members)
    outcomes = Outcomes(lambda name: members[name].type if name in members else Any, scope)
    upstream = {name: [one for one in member.upstream if one in members] for name, member in members.items()}
    try:
        order = list(TopologicalSorter(upstream).static_order())
    except CycleError:  # which has its own problem
        return graph
    for name in order:
        member = members[name]
        if not member.subflow and (tp := outcome_of(outcomes, member.work, member.inputs)) is not None:
            members[name] = attrs.evolve(member, type=tp)
    return attrs.evolve(graph, members={name: members[name] for name in graph.members})


def outcome_of(outcomes: Outcomes, work: Work, inputs: Mapping[str, Input]) -> Any:
    """Return the type of the value of an operation, a collection or a merge, or None for another work's."""
    if isinstance(work, Merge):
        return outcomes.merged(inputs)
    return outcomes.of(work, inputs).type if isinstance(work, (Operation, Collection)) else None


_RESULTS = (ValueResult, FileResult, RecordResult)


class _Builder:
    def __init__(self, body: Body, scope: Scope) -> None:
        self.body = body
        self.scope = scope
        self.references = body.references  # computed at each look
        self.hints: dict[int, Hints] = {}
        self.aliases: dict[str, str] = {}
        self.removed = frozenset(name for name, value in body.items() if type(value) is Removed)
        self.kept: dict[str, str] = {}
        self.lost: set[str] = set()
        self.members: dict[str, Member] = {}
        self.outcomes = Outcomes(self._type_of, scope)
        self.calls = call_names(body)
        self.names = self._names()
        self.inherited = {self.kept.get(name, name): member for name, member in body.base.members.items()}
        self.blocks: dict[Draft, set[str]] = {}
        for draft, name in self.names.items():
            if (block := innermost(draft, Case)) is not None:
                self.blocks.setdefault(block, set()).add(name)
        self.annotations = dict(self._annotations())

    def own(self) -> Own:
        for draft in self.body.drafts:
            if draft in self.names:
                member = self._member(draft)
                self.members[member.name] = member
        types = {name: self.annotations[name] for name in self.kept.values() if name in self.annotations}
        graph = Graph(_used(self.members), self.aliases, subflows(self.body, self.calls))
        return Own(graph, self.removed, self.kept, types)

    def _after(self, draft: Draft, inputs: Mapping[str, Input]) -> tuple[str, ...]:
        """What a member waits for besides its inputs: the case of its block, unless an input is of the block itself.

        As in Prefect: of what is skipped, what takes its value is skipped too. ``held`` sees to a resource's block.
        """
        waited = [self.names[one] for one in draft.after if one in self.names]
        if draft.block is not None and isinstance(draft.block.work, Case) and draft.block in self.names:
            taken = {source.upstream for source in inputs.values() if isinstance(source, Edge)}
            if not taken & self.blocks[draft.block]:
                waited.append(self.names[draft.block])
        return tuple(dict.fromkeys(waited))

    # names

    def _names(self) -> dict[Draft, str]:
        """The final names: the first that still holds the draft, else its fallback, made unique."""
        names: dict[Draft, str] = self._inherited_names()
        own = set(self.body.drafts)
        for draft in self.body.drafts:
            if draft.inlined:
                names[draft] = f"{self.calls[draft.inlined.call]}.{draft.inlined.member.name}"
        for name, draft in self.references.items():
            if draft.inherited and draft in names:
                continue
            if draft not in own:
                fix = "use a name of this flow"
                self._problem("foreign-reference", name, f"belongs to {draft.owner.name}", draft, fix)
            elif draft in names:
                self.aliases[name] = names[draft]
            else:
                names[draft] = name
        taken = {*self.references, *names.values()}
        counts: Counter[str] = Counter()
        for draft in self.body.drafts:
            if draft in names:
                continue
            if isinstance(draft.work, Parameter) or (draft.name and isinstance(draft.work, _RESULTS)):
                self._lost_field(draft)
            else:
                names[draft] = unique_name(draft.fallback, taken, counts)
                taken.add(names[draft])
        return names

    def _inherited_names(self) -> dict[Draft, str]:
        """The names of inherited members: their own, or where those are redefined or removed, others of the body."""
        self.body.problems += inherited_problems(self.body, self.removed)
        names = {}
        holders: dict[Draft, list[str]] = {}
        for name, draft in self.references.items():
            holders.setdefault(draft, []).append(name)
        for old, draft in self.body.taken.items():
            others = [name for name in holders.get(draft, ()) if name != old]
            names[draft] = old
            if old in self.removed or self.references.get(old, draft) is not draft:
                self.kept[old] = names[draft] = others[0] if others else kept_name(self.body.base, old)
                others = others[1:]
            for name in others:
                self.aliases[name] = names[draft]
        return names

    def _lost_field(self, draft: Draft) -> None:
        is_result, taker = isinstance(draft.work, _RESULTS), self.references.get(draft.name)
        what = "result" if is_result else "parameter"
        if taker is not None and not isinstance(taker.work, (Parameter, *(_RESULTS * is_result))):
            self.lost.add(draft.name)
        if draft.name in self.body:
            message, fix = f"is a {what} and is assigned again", "give the second value another name"
        elif draft.name:
            message, fix = f"is a {what} and is deleted", f"leave out the del, or the {what}"
        else:
            message, fix = "is not assigned to a name", "write x: float = parameter(...)"
        self._problem("field-name" if is_result else "parameter-name", draft.label, message, draft, fix)

    def _problem(self, kind: str, name: str, message: str, draft: Draft, fix: str = "") -> None:
        place = self.body.places.get(name, draft.place)
        self.body.problems.append(Problem(kind, f"{self.body.name}.{name}", message, fix, place))

    # edges

    def _member(self, draft: Draft) -> Member:
        name = self.names[draft]
        inputs = {key: value for key, source in draft.inputs.items() if (value := self._input(draft, source))}
        if draft.inlined:
            path = self.calls[draft.inlined.call]
            block = self._block(draft)
            return inlined_member(draft, path, inputs, self._after(draft, inputs), block, self.body.name)
        hints = self._hints_of(draft)
        member = Member(
            name=name,
            work=self._work(draft, name),
            type=self.annotations.get(name, self._outcome(draft, inputs) or hints.returns),
            inputs=inputs,
            place=self.body.places.get(name, draft.place) if isinstance(draft.work, Parameter) else draft.place,
            expects=_given_of(hints.arguments, inputs),
            after=self._after(draft, inputs),
            visible=name in self.references,
            origin=self.body.name,
            block=self._block(draft),
        )
        runs_mapped = member.mapped and isinstance(draft.work, (TaskRun, StepRun))
        return attrs.evolve(member, type=GenericAlias(list, member.type)) if runs_mapped else member

    def _block(self, draft: Draft) -> str:
        """The name of the setup of the resource in whose block a draft stands, or ""."""
        block = innermost(draft, Resource)
        return "" if block is None else self.names.get(block, "")

    def _work(self, draft: Draft, name: str) -> Work:
        """What a draft does. An inherited parameter that is written again without ``parameter()`` has a new default."""
        base = self.body.base.members.get(name)
        if not draft.is_bare or base is None or not isinstance(base.work, Parameter):
            return draft.work
        default = draft.work.default if isinstance(draft.work, Parameter) else MISSING
        return attrs.evolve(base.work, default=default, factory=None, abstract=False)

    def _input(self, draft: Draft, source: Source) -> Input | None:
        if isinstance(source, Constant):
            return source
        if isinstance(source, Pending):
            return self._pending(draft, source)
        if isinstance(source, Foreign):
            self._foreign(draft, source.label, source.flow, call_instead(source.flow, source.label))
            return None
        if isinstance(source, Whole):
            self._whole(draft, source)
            return None
        if source.draft in self.names:
            return Edge(self.names[source.draft], source.mapped, source.checked, source.flattened)
        if source.draft.owner is not self.body:
            self._foreign(draft, source.draft.label, source.draft.owner.name)
        return None  # an unknown name or a lost parameter, which has its own problem

    def _foreign(self, draft: Draft, label: str, flow: str, fix: str = "use a name of this flow") -> None:
        message = f"takes {label}, which belongs to {flow}"
        self._problem("foreign-reference", self.names[draft], message, draft, fix)

    def _whole(self, draft: Draft, whole: Whole) -> None:
        message = f"takes {whole.label}, which stands for several values"
        self._problem("subflow", self.names[draft], message, draft, whole.fix)

    def _pending(self, draft: Draft, pending: Pending) -> Input | None:
        found = self.references.get(pending.name)
        if found is not None and found in self.names:
            return Edge(self.names[found], pending.mapped, pending.checked)
        if pending.name in self.body.base.names and pending.name not in self.body:
            return Edge(self.body.base.names[pending.name], pending.mapped, pending.checked)
        if pending.default is not MISSING:
            return constant_of(pending.default)
        value = self.body.get(pending.name, MISSING)
        if isinstance(value, Composite):
            self._whole(draft, value.__lume_whole__())
            return None
        if value is MISSING:
            if isinstance(draft.work, FileResult):  # of its filename
                message, fix = self._unknown_in_filename(pending.name)
            else:
                near = did_you_mean(pending.name, [*self.references, *self.body.base.names])
                message = f"takes {pending.name!r}, which is not a name of this flow{near}"
                fix = f"rename the argument, or give it a reference as its default: {pending.name}=..."
            self._problem("unknown-name", self.names[draft], message, draft, fix)
        return None if isinstance(value, Reference) or value is MISSING else constant_of(value)

    def _unknown_in_filename(self, name: str) -> tuple[str, str]:
        known = [one for one, draft in self.references.items() if not isinstance(draft.work, FileResult)]
        known += [one for one, name in self.body.base.names.items() if name not in self.body.base.stored]
        known += OF_RUN
        message = f"its filename has {{{name}}}, which is not a name of this flow{did_you_mean(name, known)}"
        return message, f"there are {', '.join(known)}; write {{{{ and }}}} for braces"

    # types

    def _annotations(self) -> Iterator[tuple[str, Any]]:
        own = {name: value for name, value in self.body.items() if not isinstance(value, Reference)}
        for name, annotation in self.body.annotations.items():
            if is_class_variable(annotation):
                continue
            if _has_unknown(annotation) or isinstance(self.body.get(name), Unknown):
                yield name, Unresolved
                continue
            try:
                yield name, self.scope.resolve(annotation, own)
            except Exception as error:  # whatever the text raises when it is evaluated
                place = self.body.places[name]
                message = f"the annotation {annotation!r} cannot be resolved: {error}"
                fix = "import or define its names where the class is written"
                self.body.problems.append(Problem("annotation", f"{self.body.name}.{name}", message, fix, place))
                yield name, Unresolved

    def _hints_of(self, draft: Draft) -> Hints:
        if isinstance(draft.work, (TaskRun, StepRun)):
            function: Callable[..., Any] = plain_function(draft.work.function)
            if id(function) not in self.hints:
                self.hints[id(function)] = function_hints(function, self.scope)
            return self.hints[id(function)]
        return part_hints(draft.work, self.scope) if isinstance(draft.work, Resource) else Hints({})

    def _outcome(self, draft: Draft, inputs: Mapping[str, Input]) -> Any:
        """The type of the value of an operation, a collection or a merge, or None."""
        if isinstance(draft.work, (Operation, Collection)) and len(inputs) < len(draft.inputs):
            return draft.work.type if isinstance(draft.work, Collection) else Any  # one has its own problem
        return outcome_of(self.outcomes, draft.work, inputs)

    def _type_of(self, name: str) -> Any:
        """The type of a member that stands further up; of a value that has its own problem, nothing is known."""
        members = self.members if name in self.members else self.inherited
        found = members[name].type if name in members else Any
        return Any if found is Unresolved else found


def _given_of(types: Mapping[str, Any], inputs: Mapping[str, Input]) -> Mapping[str, Any]:
    """The types of those arguments that are given: mostly all, of which the runs of a function share one mapping."""
    return types if types.keys() <= inputs.keys() else {key: tp for key, tp in types.items() if key in inputs}


def _used(members: dict[str, Member]) -> dict[str, Member]:
    """All but what nothing keeps or takes of: attributes and items (``hasattr(beam, "x")`` asks for one), and cases."""
    # A switch's cases stand behind what waits for them.
    taken = {name for member in members.values() if not isinstance(member.work, Case) for name in member.after}
    kept: list[Member] = []
    for member in reversed(members.values()):
        is_part = isinstance(member.work, Operation) and member.work.symbol in ("getattr", "getitem")
        if member.visible or member.subflow or member.name in taken or not (is_part or isinstance(member.work, Case)):
            taken.update(member.upstream)
            kept.append(member)
    return {member.name: member for member in reversed(kept)}


def _has_unknown(annotation: Any) -> bool:
    return isinstance(annotation, Unknown) or any(map(_has_unknown, get_args(annotation)))
