"""A flow under check, which all checks are asked of. It holds no check itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from lume_dsl.declare.graph import Graph, Member
from lume_dsl.errors import Problem

__all__ = ["Subject"]


@attrs.frozen
class Subject:
    """A flow under check: its class's name, its graph, and the names that its body annotates."""

    name: str
    graph: Graph
    annotated: frozenset[str]
    names: Mapping[str, Any] = attrs.field(factory=dict)
    """Names that annotations may use besides those of their modules: of a function around the class."""

    def problem(self, kind: str, member: Member, message: str, fix: str = "", part: str = "") -> Problem:
        where = f" (of {member.origin})" if member.origin and member.origin != self.name else ""
        return Problem(kind, f"{self.name}.{member.name}{part}{where}", message, fix, member.place)
