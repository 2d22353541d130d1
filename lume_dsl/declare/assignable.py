"""Whether a value of one type may stand where another is expected. It knows types, and nothing of flows.

Generous on purpose: only what is surely wrong is refused, since a false alarm is worse than a miss. Whatever
is not understood here fits.
"""

from __future__ import annotations

import collections.abc
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, is_typeddict

from lume_dsl.values.names import is_union

__all__ = ["assignable", "element"]

_TOWER: dict[type, tuple[type, ...]] = {float: (int,), complex: (int, float), bytes: (bytearray, memoryview)}
"""PEP 484: these may stand where the key is expected."""


def assignable(source: Any, target: Any) -> bool:
    """Return False only where no value of ``source`` fits ``target`` (or, for a union, some arm surely fails).

    >>> assignable(int, float), assignable(str, float), assignable(list[int], list[str])
    (True, False, False)
    """
    source, target = _plain(source), _plain(target)
    if _is_open(source) or _is_open(target):
        return True
    if is_union(source):
        # An Optional value may well never be None here, so one arm that fits is enough.
        return any(assignable(arm, target) for arm in get_args(source))
    if is_union(target):
        return any(assignable(source, arm) for arm in get_args(target))
    if get_origin(source) is Literal:
        return any(_literal_fits(value, target) for value in get_args(source))
    if get_origin(target) is Literal:
        return any(assignable(source, type(value)) for value in get_args(target))
    return _classes_fit(source, target) and _arguments_fit(source, target)


def _plain(tp: Any) -> Any:
    if tp is None:
        return type(None)
    while get_origin(tp) is Annotated:
        tp = get_args(tp)[0]
    while hasattr(tp, "__supertype__"):  # NewType
        tp = tp.__supertype__
    return tp


def _is_open(tp: Any) -> bool:
    """Whether nothing is known of it: Any, object, a type variable, text, a protocol, or no class at all."""
    if tp is Any or tp is object or isinstance(tp, (str, TypeVar)) or getattr(tp, "_is_protocol", False):
        return True
    return is_typeddict(tp) or not (is_union(tp) or get_origin(tp) or isinstance(tp, type))


def _literal_fits(value: Any, target: Any) -> bool:
    if get_origin(target) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(target))
    return assignable(type(value), target)


def _class_of(tp: Any) -> Any:
    return get_origin(tp) or tp


def _classes_fit(source: Any, target: Any) -> bool:
    given, wanted = _class_of(source), _class_of(target)
    if not (isinstance(given, type) and isinstance(wanted, type)):
        return True
    try:
        if issubclass(given, wanted) or issubclass(given, _TOWER.get(wanted, ())):
            return True
    except TypeError:  # a class that refuses issubclass
        return True
    # A base class may hold the very value that is wanted, but a number is never a text.
    return issubclass(wanted, given) and given not in (int, float, complex)


_ONE_ITEM = (
    list, set, frozenset, collections.deque,
    collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection, collections.abc.Set,
    collections.abc.MutableSequence, collections.abc.Iterator, collections.abc.Container,
)  # fmt: skip


def _arguments_fit(source: Any, target: Any) -> bool:
    given, wanted = get_args(source), get_args(target)
    if not given or not wanted or not all(isinstance(_class_of(tp), type) for tp in (source, target)):
        return True
    if _class_of(source) is tuple:
        return _tuple_fits(given, _class_of(target), wanted)
    if _class_of(target) is tuple:
        return True
    is_mapping = all(issubclass(_class_of(tp), collections.abc.Mapping) for tp in (source, target))
    one_item = _class_of(source) in _ONE_ITEM and _class_of(target) in _ONE_ITEM
    if (is_mapping or one_item) and len(given) == len(wanted):
        return all(map(assignable, given, wanted))
    return True


def _tuple_fits(given: tuple[Any, ...], target_class: Any, wanted: tuple[Any, ...]) -> bool:
    variadic = len(given) == 2 and given[1] is ...
    items = given[:1] if variadic else given
    if target_class is not tuple:
        return target_class not in _ONE_ITEM or all(assignable(item, wanted[0]) for item in items)
    if len(wanted) == 2 and wanted[1] is ...:
        return all(assignable(item, wanted[0]) for item in items)
    if variadic:
        return all(assignable(given[0], item) for item in wanted)
    return len(given) == len(wanted) and all(map(assignable, given, wanted))


def element(tp: Any) -> Any:
    """The type of one item of ``tp``: of a list, tuple, set or other iterable; Any where it is not known."""
    tp = _plain(tp)
    arguments = get_args(tp)
    if arguments and get_origin(tp) is tuple:
        return arguments[0] if len(arguments) == 2 and arguments[1] is ... else Any
    return arguments[0] if arguments and get_origin(tp) in _ONE_ITEM else Any
