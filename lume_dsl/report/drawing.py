"""What the picture of a flow shows, as plain data: boxes, arrows, and clusters. It knows no format of pictures.

All texts are one line of printable characters, not too long; what they mean in a format is its writer's to escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from lume_dsl.declare.build import Unresolved
from lume_dsl.declare.graph import (
    Argument,
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
)
from lume_dsl.declare.operations import written
from lume_dsl.declare.parameters import spec_of, unit_of
from lume_dsl.declare.tasks import function_name
from lume_dsl.values.names import type_name
from lume_dsl.values.scalars import short
from lume_dsl.values.visible import visible

__all__ = ["CONFIGURE", "Arrow", "ArrowKind", "Box", "BoxKind", "Cluster", "Drawing", "drawing_of"]

BoxKind: TypeAlias = Literal[
    "parameter", "task", "step", "operation", "case", "merge", "value", "file", "record", "configure"
]
ArrowKind: TypeAlias = Literal["value", "each", "order", "configure"]
"""What an arrow stands for: a value, each of its items, nothing but the order, or that of the configure task."""

CONFIGURE = "configure_services"
"""What the engine, which this must not load, calls the configure task."""

LONGEST = 36
"""How many characters of a text are shown."""

LONGEST_TYPE = 24
"""How long a type may be that is shown with all its arguments."""


@attrs.frozen
class Box:
    """A member of the flow, or its configure task.

    Attributes:
        key: Unique in the drawing.
        title: What it is called.
        detail: A second line, or "".
        hint: All that a reader may ask for: whole lines, and the help of a parameter.
        repeated: Whether it runs once for each item of an input.
    """

    key: str
    kind: BoxKind
    title: str
    detail: str = ""
    hint: str = ""
    repeated: bool = False


@attrs.frozen
class Arrow:
    """From a box to one that waits for it, by their keys."""

    source: str
    target: str
    kind: ArrowKind = "value"


@attrs.frozen
class Cluster:
    """The boxes of a flow, or of a subflow in it, and its own subflows."""

    title: str
    boxes: tuple[Box, ...] = ()
    clusters: tuple[Cluster, ...] = ()

    @property
    def all_boxes(self) -> Iterator[Box]:
        """Its own, and those of all clusters in it."""
        yield from self.boxes
        for cluster in self.clusters:
            yield from cluster.all_boxes


@attrs.frozen
class Drawing:
    """The flow as a cluster, and the arrows between its boxes."""

    flow: Cluster
    arrows: tuple[Arrow, ...] = ()


def drawing_of(name: str, graph: Graph) -> Drawing:
    """Return what the picture of a flow shows, in the order of its body; ``name`` is its title."""
    places: dict[Path, _Place] = {}
    arrows: list[Arrow] = []
    root = _place(places, ())
    configure = _unused(CONFIGURE, graph.members)
    for member in graph.members.values():
        _place(places, _path(member)).boxes.append(_box(graph, member))
        arrows += _arrows(member)
        if member.uses_services:
            arrows.append(Arrow(configure, member.name, "configure"))
    if graph.uses_services:
        root.boxes.append(Box(configure, "configure", CONFIGURE, hint="checks that services answer"))
    return Drawing(_cluster(_one_line(name), root), tuple(arrows))


def _arrows(member: Member) -> Iterator[Arrow]:
    """One from each member that it waits for: a value says more than the order, and each item more than the value.

    None from the parameters that a step or a record knows as those of its flow.
    """
    kinds: dict[str, ArrowKind] = dict.fromkeys(member.after, "order")
    taken = [source for source in member.inputs.values() if isinstance(source, Edge)]
    kinds.update((source.upstream, "value") for source in taken)
    kinds.update((source.upstream, "each") for source in taken if source.mapped)
    for upstream in member.upstream:
        if upstream in kinds:
            yield Arrow(upstream, member.name, kinds[upstream])


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "'"
    return name


# clusters

Path: TypeAlias = tuple[str, ...]


@attrs.define
class _Place:
    """A cluster in the making."""

    boxes: list[Box] = attrs.field(factory=list)
    inner: dict[str, _Place] = attrs.field(factory=dict)


def _path(member: Member) -> Path:
    return tuple(member.subflow.split(".")) if member.subflow else ()


def _place(places: dict[Path, _Place], path: Path) -> _Place:
    """The place of a path, made with those around it where it is new."""
    if path not in places:
        places[path] = _Place()
        if path:
            _place(places, path[:-1]).inner[path[-1]] = places[path]
    return places[path]


def _cluster(title: str, place: _Place) -> Cluster:
    inner = tuple(_cluster(_line(name), inner) for name, inner in place.inner.items())
    return Cluster(title, tuple(place.boxes), inner)


# boxes

_KINDS: dict[type, BoxKind] = {
    Parameter: "parameter",
    Argument: "parameter",
    Resource: "task",
    TaskRun: "task",
    StepRun: "step",
    Operation: "operation",
    Collection: "operation",
    Case: "case",
    Merge: "merge",
    ValueResult: "value",
    FileResult: "file",
    RecordResult: "record",
}


def _box(graph: Graph, member: Member) -> Box:
    title, what = _title(graph, member), _what(graph, member)
    tp = _type(graph, member)
    details = [what, tp] if tp and isinstance(member.work, TaskRun) else [what or tp]
    is_parameter = isinstance(member.work, (Parameter, Argument))
    help = spec_of(member).help if is_parameter else ""
    return Box(
        key=member.name,
        kind=_KINDS[type(member.work)],
        title=_line(title),
        detail=" → ".join(_line(_brief(text) if text == tp else text) for text in details if text),
        hint=_one_line(". ".join(filter(None, [": ".join(filter(None, [title, *details])), help]))),
        repeated=member.mapped and (member.each or isinstance(member.work, (TaskRun, StepRun))),
    )


def _title(graph: Graph, member: Member) -> str:
    """Its name in its flow; of what has none, what it does."""
    return member.own_name if _has_name(graph, member) else _expression(graph, member) or member.own_name


def _has_name(graph: Graph, member: Member) -> bool:
    """Whether the body that it stands in gave it a name: of a subflow, its own flow's body."""
    if member.subflow not in graph.subflows:
        return member.visible
    inner: Mapping[str, Member] = graph.subflows[member.subflow].flow.__lume_graph__.members
    return member.own_name in inner and inner[member.own_name].visible


def _name_in(subflow: str, member: Member) -> str:
    """The name of a member as a subflow knows it: of what is outside of it, the whole."""
    return member.name.removeprefix(f"{subflow}.") if subflow else member.name


def _what(graph: Graph, member: Member) -> str:
    """What it does, where its title does not tell."""
    if isinstance(member.work, TaskRun):
        name = function_name(member.work.function)
        return name if name != member.own_name else ""
    return _expression(graph, member) if _has_name(graph, member) else ""


def _type(graph: Graph, member: Member) -> str:
    """The type of its value and the unit of a parameter; "" where none is known, or its title is an expression."""
    is_expression = isinstance(member.work, (Operation, Collection, Case, Merge)) and not _has_name(graph, member)
    if is_expression or member.type is Any or member.type is Unresolved:
        return ""
    unit = unit_of(member) if isinstance(member.work, (Parameter, Argument)) else ""
    return f"{type_name(member.type)}, {unit}" if unit else type_name(member.type)


def _expression(graph: Graph, member: Member) -> str:
    """What an operation, a collection or a case is in the body, or "" for other works."""
    work = member.work
    if isinstance(work, Operation):
        return written(work.symbol, {key: _named(graph, member, source) for key, source in member.inputs.items()})
    if isinstance(work, Collection):
        return {list: "[…]", tuple: "(…)", dict: "{…}", slice: "…:…"}.get(work.type) or f"{work.type.__name__}(…)"
    return f"is {short(work.value)}" if isinstance(work, Case) else ""


def _named(graph: Graph, member: Member, source: Input) -> Input:
    """The input by the name that a reader knows: that of the body, or "…" where it has none."""
    if isinstance(source, Constant):
        return source
    upstream = graph.members[source.upstream]
    is_part = isinstance(upstream.work, Operation) and upstream.work.symbol in ("getattr", "getitem")
    if not _has_name(graph, upstream) and not is_part:  # of which the name says what it is: beam.sigma_x, images[0]
        return Edge("…")
    return Edge(_name_in(member.subflow, upstream))


# texts


def _one_line(text: str) -> str:
    return visible(text).replace("\n", " ")


def _line(text: str) -> str:
    """The text on one line of at most LONGEST characters."""
    text = _one_line(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _brief(tp: str) -> str:
    """A type without the arguments that make it long, the inmost first: ``list[ndarray[…]]``."""
    found = 1
    while found and len(tp.replace("\0", "[…]")) > LONGEST_TYPE:
        tp, found = re.subn(r"\[[^\[\]]*\]", "\0", tp)
    return tp.replace("\0", "[…]")
