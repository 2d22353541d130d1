"""What an operation gives, as a static type, and the types of unions and collections. It knows nothing of flows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from types import GenericAlias
from typing import Any, Literal, get_args, get_origin

import attrs

from lume_dsl.values.forms import arms_of

__all__ = ["UNKNOWN", "Outcome", "each_arm", "gathered", "joined", "type_of"]


@attrs.frozen
class Outcome:
    """The static type of an operation's value, and what surely fails in it, or ``""``."""

    type: Any = Any
    wrong: str = ""
    fix: str = ""


UNKNOWN = Outcome()


def each_arm(find: Callable[..., Outcome], *operands: Any) -> Outcome:
    """Return the outcome on which all arms of the operands' unions agree; wrong only where every arm fails."""
    arms = [_arms(tp) for tp in operands]
    if all(len(some) == 1 for some in arms):
        return find(*(some[0] for some in arms))
    outcomes = [find(*some) for some in itertools.islice(itertools.product(*arms), 64)]
    if all(outcome.wrong for outcome in outcomes):
        return outcomes[0]
    agree = all(outcome == outcomes[0] for outcome in outcomes) and len(outcomes) < 64
    return outcomes[0] if agree else UNKNOWN


def _arms(tp: Any) -> list[Any]:
    return [kind for arm in arms_of(tp) for kind in _kinds(arm)]


def _kinds(arm: Any) -> list[Any]:
    """The classes of a ``Literal``'s choices; of another type, itself."""
    if get_origin(arm) is Literal:
        return list(dict.fromkeys(type(choice) for choice in get_args(arm)))
    return [type(None) if arm is None else arm]


# collections


def type_of(value: Any) -> Any:
    """Return the static type of a constant: ``list[int]`` of ``[1, 2]``."""
    if type(value) in (list, set, frozenset):
        return GenericAlias(type(value), (_joined_values(value),))
    if type(value) is dict:
        return GenericAlias(dict, (_joined_values(value), _joined_values(value.values())))
    if type(value) is tuple and 0 < len(value) < 64:
        return GenericAlias(tuple, tuple(map(_shallow, value)))
    return type(value)


def _joined_values(values: Iterable[Any]) -> Any:
    return joined([_shallow(value) for value in values])


def _shallow(value: Any) -> Any:
    # A collection in a constant may hold itself, and what it holds is for the check of the whole constant.
    return Any if isinstance(value, (list, tuple, dict, set, frozenset)) else type(value)


def gathered(kind: type, items: Sequence[Any], keys: Sequence[Any] = ()) -> Any:
    """Return the type of a list, tuple, dict or slice of values of these types.

    >>> gathered(list, [int, float]), gathered(tuple, [int, str]), gathered(dict, [int, str], ["a", "b"])
    (list[float], tuple[int, str], dict[str, typing.Any])
    """
    if kind is dict:
        return GenericAlias(dict, (_joined_values(keys), joined(items)))
    if kind is list:
        return GenericAlias(list, (joined(items),))
    return GenericAlias(tuple, tuple(items)) if kind is tuple else kind


def joined(some: Iterable[Any]) -> Any:
    """Return the one type that all of these are: the widest of them, with None if that is one; else ``Any``."""
    kinds: list[Any] = []
    for tp in some:
        if tp is Any:
            return Any
        if not any(tp is kind for kind in kinds) and tp not in kinds:
            kinds.append(tp)
        if len(kinds) > 8:
            return Any
    others = [kind for kind in kinds if kind not in (None, type(None))]
    widest = next((tp for tp in others if all(_is_sub(kind, tp) for kind in others)), Any)
    if len(others) == len(kinds) or widest is Any:
        return widest if others or not kinds else type(None)
    try:
        return widest | None
    except TypeError:  # text, or another thing that is no class
        return Any


def _is_sub(tp: Any, other: Any) -> bool:
    if tp is other or tp == other:
        return True
    if not all(isinstance(one, type) and get_origin(one) is None for one in (tp, other)) or other is object:
        return False
    if other in (float, complex):
        return tp in (int, bool, float) or issubclass(tp, other)
    try:
        return issubclass(tp, other)
    except TypeError:  # a class that refuses it
        return False
