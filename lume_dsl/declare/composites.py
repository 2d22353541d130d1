"""What a name of a body holds that stands for several values: a subflow. It knows nothing of what those are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.errors import Problem

if TYPE_CHECKING:
    from lume_dsl.declare.references import Draft

__all__ = ["Composite", "Valueless", "Whole", "holds_subflows"]


@attrs.frozen
class Whole:
    """What stands for several values, where one is taken; ``fix`` says what to write instead."""

    label: str
    fix: str
    mapped: bool = False
    checked: bool = True


@attrs.frozen
class Valueless:
    """What a line of a body gives that has no value; ``problem`` is what is wrong where a name is given to it."""

    problem: Problem


class Composite:
    """What a name of a body is that stands for the values of several members: a subflow."""

    __slots__ = ()

    __lume_whole__: Callable[[], Whole]
    """What it is where one value is taken."""

    __lume_held__ = True
    """Whether a name of a body may hold it."""

    def __lume_named__(self, name: str) -> None:
        """The body has given it a name."""

    def __lume_last__(self) -> list[Draft]:
        """The members that nothing else of it waits for."""
        return []

    def __lume_items__(self) -> Draft | None:
        """The member whose value is the list that ``[self]`` stands for, if it stands for one."""
        return None


def holds_subflows(value: Any) -> bool:
    """Whether it is a subflow, or a list, tuple or dict of subflows alone."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
    return bool(items) and all(isinstance(item, Composite) and item.__lume_held__ for item in items)
