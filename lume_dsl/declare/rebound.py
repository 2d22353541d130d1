"""Names that two branches of a body assign: after both, such a name is the second's value alone."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from lume_dsl.declare.graph import Case
from lume_dsl.declare.references import Draft, Link, Source

__all__ = ["Rebound"]


@attrs.define
class Rebound:
    """The values of a body whose names another branch has assigned before."""

    _names: dict[Draft, str] = attrs.field(factory=dict, init=False)

    def note(self, name: str, before: Draft, value: Draft) -> None:
        """A name that was one draft is another now."""
        if _is_branch(before) and _is_branch(value) and not _within(value.block, before.block):
            self._names[value] = name

    def taken(self, inputs: Iterable[Source], block: Draft | None) -> tuple[str, str] | None:
        """Return what is wrong, and how to mend it, if such a value is taken outside of its branch."""
        for source in inputs:
            draft = source.draft if isinstance(source, Link) else None
            if draft in self._names and not _within(block, draft.block):
                name = self._names.pop(draft)  # told once
                message = f"takes {name}, which two branches assign, and so the second's alone"
                return message, f"give each a name of its own, and write {name} = merge(...) of them"
        return None


def _is_branch(draft: Draft) -> bool:
    return draft.block is not None and isinstance(draft.block.work, Case)


def _within(block: Draft | None, outer: Draft | None) -> bool:
    while block is not None and block is not outer:
        block = block.block
    return block is outer
