"""Whether a value of one type may stand where another is expected. It knows types, and nothing of flows.

Generous on purpose: only what is surely wrong is refused, since a false alarm is worse than a miss. Whatever
is not understood here fits.
"""

from __future__ import annotations

import collections.abc
import io
import numbers
from collections.abc import Iterator, Mapping
from types import GenericAlias
from typing import IO, Any, BinaryIO, Generic, Literal, Protocol, TextIO, TypeAlias, TypeVar, get_args, get_origin

from lume_dsl.values.classes import class_of, is_named_tuple, known_fields
from lume_dsl.values.forms import plain_type
from lume_dsl.values.names import is_union

__all__ = [
    "assignable",
    "element",
    "filled",
    "generic_bases",
    "is_open",
    "is_typed_dict",
    "is_unpacked",
    "keys_of",
    "known_view",
    "plain",
    "variables_of",
]

_TOWER: dict[type, tuple[type, ...]] = {
    int: (numbers.Integral,),
    float: (numbers.Real,),
    complex: (numbers.Complex,),
    bytes: (bytearray, memoryview),
}
"""These may stand where the key is expected (PEP 484), and so may numbers registered as such, as numpy's are."""

_FILES = (IO, TextIO, BinaryIO)
"""Classes that nothing inherits from at run time. To a type checker those of ``io`` do, and many wrappers of files."""

_Pairs: TypeAlias = tuple[tuple[Any, Any], ...]
"""Pairs of types with fields that are being compared, so that one that holds itself ends."""


def assignable(source: Any, target: Any) -> bool:
    """Return False only where no value of ``source`` fits ``target`` (or, for a union, some arm surely fails).

    >>> assignable(int, float), assignable(str, float), assignable(list[int], list[str])
    (True, False, False)
    """
    return _fits(source, target, ())


def _fits(source: Any, target: Any, within: _Pairs) -> bool:
    source, target = plain(source), plain(target)
    if source is target or is_open(source) or is_open(target):
        return True
    if is_union(source):
        # An Optional value may well never be None here, so one arm that fits is enough.
        return any(_fits(arm, target, within) for arm in get_args(source))
    if is_union(target):
        return any(_fits(source, arm, within) for arm in get_args(target))
    if get_origin(source) is Literal:
        return any(_literal_fits(value, target, within) for value in get_args(source))
    if get_origin(target) is Literal:
        return any(_fits(source, type(value), within) for value in get_args(target))
    if any(source is one and target is other for one, other in within):
        return True
    if is_typed_dict(source) or is_typed_dict(target):
        return _typed_dict_fits(source, target, (*within, (source, target)))
    return _classes_fit(source, target) and _arguments_fit(source, target, within)


def plain(tp: Any) -> Any:
    """The type itself, out of ``Annotated``, ``NewType`` and a named alias."""
    tp = plain_type(tp)
    return type(None) if tp is None else tp


def is_open(tp: Any) -> bool:
    """Whether nothing is known of it: Any, object, a type variable, text, a protocol, or no class at all."""
    if tp is Any or tp is object or isinstance(tp, (str, TypeVar)) or getattr(tp, "_is_protocol", False):
        return True
    if getattr(tp, "__name__", "") == "Buffer":  # which C code has, and issubclass does not see before Python 3.12
        return True
    return not (is_union(tp) or get_origin(tp) or isinstance(tp, type))


def _literal_fits(value: Any, target: Any, within: _Pairs) -> bool:
    if get_origin(target) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(target))
    return _fits(type(value), target, within)


def _classes_fit(source: Any, target: Any) -> bool:
    given, wanted = class_of(source), class_of(target)
    if not (isinstance(given, type) and isinstance(wanted, type)):
        return True
    try:
        if issubclass(given, wanted) or issubclass(given, _TOWER.get(wanted, ())):
            return True
        if "numpy" in (given.__module__, wanted.__module__) and (
            _is_bool(given, wanted) or _width(given) <= _width(wanted) < _NO_NUMBER
        ):
            return True  # whatever its precision is, it is used as one
        if wanted in _FILES or given in _FILES:
            return (_may_be_file(given) and _may_be_file(wanted)) or issubclass(io.IOBase, wanted)
        # A base class may hold the very value that is wanted, but a number is never a text.
        return issubclass(wanted, given) and given not in (int, float, complex)
    except Exception:  # a class that refuses issubclass, in whatever way
        return True


_WIDER = (numbers.Integral, numbers.Real, numbers.Complex, numbers.Number)

_NO_NUMBER = len(_WIDER)


def _width(cls: type) -> int:
    """Of a class of numbers, which kinds it holds: whole ones, those and reals, and so on."""
    return next((place for place, kind in enumerate(_WIDER) if issubclass(cls, kind)), _NO_NUMBER)


def _is_bool(*classes: type) -> bool:
    """Whether they are classes of true and false. Of NumPy's, no registry tells it."""
    return all(cls is bool or (cls.__module__ == "numpy" and cls.__name__ in ("bool", "bool_")) for cls in classes)


def _may_be_file(cls: type) -> bool:
    return any(hasattr(cls, name) for name in ("read", "write", "__getattr__"))


# type arguments

_ONE_ITEM = (
    list, set, frozenset, collections.deque,
    collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection, collections.abc.Set,
    collections.abc.MutableSequence, collections.abc.Iterator, collections.abc.Container,
)  # fmt: skip

_MAPPINGS = (
    dict, collections.defaultdict, collections.OrderedDict,
    collections.abc.Mapping, collections.abc.MutableMapping,
)  # fmt: skip

_KNOWN = (tuple, *_ONE_ITEM, *_MAPPINGS)
"""The classes whose type arguments are known to be those of their items."""


def _arguments_fit(source: Any, target: Any, within: _Pairs) -> bool:
    pair = (source, target)
    source, target = known_view(source), known_view(target)
    if (source, target) != pair:  # fields may lead back to their own class
        within = (*within, pair)
    given, wanted = get_args(source), get_args(target)
    if not given or not wanted or not all(isinstance(class_of(tp), type) for tp in (source, target)):
        return True
    if class_of(source) is tuple:
        return _tuple_fits(given, class_of(target), wanted, within)
    same_kind = any(all(class_of(tp) in kind for tp in (source, target)) for kind in (_MAPPINGS, _ONE_ITEM))
    if same_kind and len(given) == len(wanted):
        return all(_fits(one, other, within) for one, other in zip(given, wanted, strict=True))
    return True


def _tuple_fits(given: tuple[Any, ...], target_class: Any, wanted: tuple[Any, ...], within: _Pairs) -> bool:
    if any(map(is_unpacked, (*given, *wanted))):
        return True
    variadic = len(given) == 2 and given[1] is ...
    items = given[:1] if variadic else given
    if target_class is not tuple:
        return target_class not in _ONE_ITEM or all(_fits(item, wanted[0], within) for item in items)
    if len(wanted) == 2 and wanted[1] is ...:
        return all(_fits(item, wanted[0], within) for item in items)
    if variadic:
        return all(_fits(given[0], item, within) for item in wanted)
    return len(given) == len(wanted) and all(
        _fits(one, other, within) for one, other in zip(given, wanted, strict=True)
    )


def is_unpacked(argument: Any) -> bool:
    """Whether it stands for several places of a tuple, as ``*Ts`` and ``*tuple[int, ...]`` do."""
    return getattr(argument, "__unpacked__", False) is True or getattr(get_origin(argument), "_name", "") == "Unpack"


def known_view(tp: Any) -> Any:
    """``tp`` as the list, tuple or mapping that it is: ``list[str]`` for ``class Texts(list[str])``."""
    cls = class_of(tp)
    if cls in _KNOWN or not isinstance(cls, type) or is_union(tp):
        return tp
    if is_named_tuple(cls):
        return GenericAlias(tuple, tuple(filled(field.type, variables_of(tp)) for field in known_fields(cls)))
    return next((base for base in generic_bases(tp) if get_origin(base) in _KNOWN), tp)


def generic_bases(tp: Any) -> Iterator[Any]:
    """``tp`` and all that it inherits from, type arguments filled in, the nearest first.

    >>> class Texts(list[str]): ...
    >>> list(generic_bases(Texts))[1]
    list[str]
    """
    yield tp
    cls = class_of(tp)
    if isinstance(cls, type):
        filling = variables_of(tp)
        for base in vars(cls).get("__orig_bases__", cls.__bases__):
            if class_of(base) not in (Generic, Protocol, object):
                yield from generic_bases(filled(base, filling))


def variables_of(tp: Any) -> dict[Any, Any]:
    """The type arguments by the type variables of its class."""
    cls, arguments = class_of(tp), get_args(tp)
    variables = getattr(cls, "__parameters__", ())
    if not variables and arguments:  # class Items(list[T]) is generic, and has no __parameters__
        bases = getattr(cls, "__orig_bases__", ())
        variables = tuple(dict.fromkeys(one for base in bases for one in getattr(base, "__parameters__", ())))
    return dict(zip(variables, arguments, strict=True)) if len(variables) == len(arguments) else {}


def filled(tp: Any, filling: Mapping[Any, Any]) -> Any:
    """``tp`` with its type variables replaced; ``Any`` for one that is not in ``filling``."""
    if isinstance(tp, TypeVar):
        return filling.get(tp, Any)
    variables = getattr(tp, "__parameters__", ())
    if not variables or get_origin(tp) is None:  # a generic class itself has variables too
        return tp
    try:
        return tp[tuple(filling.get(variable, Any) for variable in variables)]
    except TypeError:  # a ParamSpec or a TypeVarTuple
        return Any


# types with fields


def is_typed_dict(tp: Any) -> bool:
    """Whether it is a ``TypedDict``, of typing or of typing_extensions."""
    return isinstance(tp, type) and hasattr(tp, "__required_keys__") and hasattr(tp, "__total__")


def keys_of(typed_dict: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each key of a ``TypedDict``, and whether it is surely there."""
    return {field.name: (field.type, field.required) for field in known_fields(typed_dict)}


def _typed_dict_fits(source: Any, target: Any, within: _Pairs) -> bool:
    if not is_typed_dict(source):
        return _classes_fit(source, dict)  # which keys it has is not known
    given = keys_of(source)
    if is_typed_dict(target):
        wanted = keys_of(target)
        if any(required and key not in given for key, (_, required) in wanted.items()):
            return False
        both = (key for key, (_, required) in given.items() if required and key in wanted)
        return all(_fits(given[key][0], wanted[key][0], within) for key in both)
    if not _classes_fit(dict, target):
        return False
    arguments = get_args(target)
    if class_of(target) not in _MAPPINGS or len(arguments) != 2:
        return True
    values = (tp for tp, required in given.values() if required)
    return _fits(str, arguments[0], within) and all(_fits(tp, arguments[1], within) for tp in values)


def element(tp: Any) -> Any:
    """The type of one item of ``tp``: of a list, tuple, set or other iterable; Any where it is not known."""
    view = known_view(plain(tp))
    arguments = get_args(view)
    if any(map(is_unpacked, arguments)):
        return Any
    if arguments and get_origin(view) is tuple:
        kinds = arguments[:1] if arguments[1:] == (...,) else arguments
        return kinds[0] if all(kind == kinds[0] for kind in kinds) else Any
    return arguments[0] if arguments and get_origin(view) in _ONE_ITEM else Any
