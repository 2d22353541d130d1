"""The graph of a flow from what its classes add, the base first. Plain data: it knows neither classes nor bodies.

Members refer to one another by name, so what takes a name takes whatever the name is in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from lume_dsl.declare.blocks import cleaned_up
from lume_dsl.declare.graph import Edge, Graph, Input, Member, Parameter, root_of

__all__ = ["Own", "extended", "kept_name", "unique_name"]


@attrs.frozen
class Own:
    """What one class adds to the graph that it inherits.

    Attributes:
        graph: Its own members. They may take inherited ones by name.
        removed: The names that it takes away.
        kept: The names under which inherited members go on whose own names are removed or redefined.
        types: What the body says of the types of those that it names anew.
    """

    graph: Graph = attrs.field(factory=Graph)
    removed: frozenset[str] = frozenset()
    kept: Mapping[str, str] = attrs.field(factory=dict)
    types: Mapping[str, object] = attrs.field(factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names that it redefines or removes."""
        return self.removed.union(self.graph.names, self.graph.held)


def extended(base: Graph, own: Own) -> Graph:
    """Return the graph of a flow that inherits ``base``: a name of ``own`` is redefined for all that takes it.

    Members without a name are told apart. What only a redefined member took, without a name, goes with it.
    """
    own = _kept_by_origin(own, base)
    names = own.names
    before = _told_apart(base, own)
    base = _kept(before, own)
    own_graph = _renamed(own.graph, _fresh(own.graph, base))
    own_members = {name: _in_block(member, before, own) for name, member in own_graph.members.items()}
    gone = {name for name, m in base.members.items() if name in names or m.root in names or cleaned_up(m) in names}
    dropped = [member for name, member in base.members.items() if name in gone]
    members: dict[str, Member] = {}
    for name, member in base.members.items():
        if name not in gone:
            members[name] = member
        elif name in own_members:
            members[name] = own_members[name]
    members.update({name: member for name, member in own_members.items() if name not in members})
    members = _without_orphans(members, dropped)
    redefined = {alias: name for alias, name in own_graph.aliases.items() if alias in base.members}
    members = {name: _rewired(member, redefined) for name, member in members.items()}
    aliases = {alias: name for alias, name in base.aliases.items() if alias not in names and name in members}
    subflows = {path: subflow for path, subflow in base.subflows.items() if root_of(path) not in names}
    return Graph(members, {**aliases, **own_graph.aliases}, {**subflows, **own_graph.subflows})


def kept_name(base: Graph, name: str) -> str:
    """What an inherited member is called that goes on without a name of its own: ``Scan.signal``."""
    return unique_name(f"{base.members[name].origin}.{name}", base.members, Counter())


def _kept_by_origin(own: Own, base: Graph) -> Own:
    """What a class adds, where what it wraps is another class's than it was in that class's own body.

    With several bases it is what ``super()`` would find.
    """
    unnamed = {old: new for old, new in own.kept.items() if old in base.members and not new.isidentifier()}
    names = {new: kept_name(base, old) for old, new in unnamed.items()}
    kept = {old: names.get(new, new) for old, new in own.kept.items()}
    return attrs.evolve(own, graph=_renamed(own.graph, names), kept=kept)


def _in_block(member: Member, base: Graph, own: Own) -> Member:
    """The class's own member, which stands in the resource's block in which the one that it redefines does."""
    if member.block or isinstance(member.work, Parameter) or member.name not in base.members:
        return member
    block = base.members[member.name].block
    return attrs.evolve(member, block=own.kept.get(block, block))


def _told_apart(base: Graph, own: Own) -> Graph:
    """The base with other names for those members without one that the class's own names are in the way of."""
    names = own.names
    in_the_way = {name: base.members[name] for name in names & base.members.keys()}
    hidden = [name for name, member in in_the_way.items() if not member.visible]
    taken = {*base.members, *names, *own.graph.members}
    return _renamed(base, {name: unique_name(name, taken, Counter()) for name in hidden})


def _kept(base: Graph, own: Own) -> Graph:
    """The base with members under other names. What takes one follows it, unless its name is another's now."""
    moved = {old: new for old, new in own.kept.items() if old in base.members}
    followed = {old: new for old, new in moved.items() if old in own.removed}
    members = {}
    for name, member in base.members.items():
        new = moved.get(name, name)
        if name not in moved and name in moved.values():  # another base's, which the new name hides
            continue
        visible = member.visible if new == name else new.isidentifier()
        tp = own.types.get(new, member.type) if new != name else member.type
        block = moved.get(member.block, member.block)  # a resource is cleaned up itself, and not what is made of it
        member = _rewired(member, moved if cleaned_up(member) else followed)
        members[new] = attrs.evolve(member, name=new, visible=visible, type=tp, block=block)
    aliases = {alias: followed.get(name, name) for alias, name in base.aliases.items()}
    return Graph(members, aliases, base.subflows)


def _fresh(graph: Graph, base: Graph) -> dict[str, str]:
    """Other names for the members and subflows without one whose names are taken by others of the base."""
    all_taken, counts = {*base.members, *graph.members, *base.subflows, *graph.subflows}, Counter[str]()
    found = {}
    hidden = [name for name, m in graph.members.items() if not m.visible and not m.subflow and name in base.members]
    hidden += [
        path for path, one in graph.subflows.items() if not one.names and "." not in path and path in base.subflows
    ]
    for name in hidden:
        found[name] = unique_name(name, all_taken, counts)
        all_taken.add(found[name])
    for name, member in graph.members.items():
        if member.root in found and member.subflow:
            found[name] = found[member.root] + name.removeprefix(member.root)
    return found


def _renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    if not names:
        return graph
    members = {names.get(m.name, m.name): _rewired(m, names) for m in graph.members.values()}
    aliases = {alias: names.get(name, name) for alias, name in graph.aliases.items()}
    moved = {
        name: attrs.evolve(member, name=name, subflow=_moved(member.subflow, names)) for name, member in members.items()
    }
    return Graph(moved, aliases, {_moved(path, names): subflow for path, subflow in graph.subflows.items()})


def _moved(path: str, names: Mapping[str, str]) -> str:
    """The dotted name of a subflow whose root has another name."""
    root = root_of(path)
    return names.get(root, root) + path.removeprefix(root)


def _rewired(member: Member, names: Mapping[str, str]) -> Member:
    """The member, which takes under other names what it takes."""
    if not names or names.keys().isdisjoint({*member.upstream, member.block}):
        return member

    def moved(source: Input) -> Input:
        if isinstance(source, Edge) and source.upstream in names:
            return attrs.evolve(source, upstream=names[source.upstream])
        return source

    return attrs.evolve(
        member,
        inputs={key: moved(source) for key, source in member.inputs.items()},
        given={key: names.get(name, name) for key, name in member.given.items()},
        after=tuple(names.get(name, name) for name in member.after),
        block=names.get(member.block, member.block),
    )


def _without_orphans(members: dict[str, Member], dropped: Iterable[Member]) -> dict[str, Member]:
    """The members but those without a name that only ``dropped`` ones took."""
    takers = Counter(name for member in members.values() for name in member.upstream)
    todo = [name for member in dropped for name in member.upstream]
    while todo:
        name = todo.pop()
        member = members.get(name)
        if member is not None and not member.visible and not member.subflow and not takers[name]:
            del members[name]
            takers.subtract(member.upstream)
            todo += member.upstream
    return members


def unique_name(name: str, taken: Iterable[str], counts: Counter[str]) -> str:
    """Return ``name``, or ``name_2``, ``name_3``…; ``counts`` remembers how far each name has come."""
    unique = name
    while unique in taken:
        counts[name] += 1
        unique = f"{name}_{counts[name] + 1}"
    return unique
