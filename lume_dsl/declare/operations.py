"""The static types of operations and collections. It knows graphs and types, and nothing of class bodies.

Generous, as ``assignable`` is: a type is given where it is sure, ``Any`` elsewhere, and an operation is called
wrong only where it surely fails. What builtins do is asked of Python itself, with one value of each class.
"""

from __future__ import annotations

import functools
import itertools
import operator
import pathlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import GenericAlias
from typing import Any, get_args

import attrs

from lume_dsl.declare.assignable import element, is_open
from lume_dsl.declare.graph import FLATTEN, MISSING, SYMBOLS, Collection, Constant, Input, Operation
from lume_dsl.declare.hints import Scope
from lume_dsl.declare.outcomes import UNKNOWN, Outcome, each_arm, gathered, joined, type_of
from lume_dsl.declare.parts import NOWHERE, SAMPLES, VARIANTS, attribute, item, returned
from lume_dsl.values.classes import class_of
from lume_dsl.values.convert import short
from lume_dsl.values.forms import arms_but_none
from lume_dsl.values.names import type_name

__all__ = ["Outcomes", "binary", "unary", "written"]

_ONE_SIDED = ("neg", "pos", "abs", "invert")
_REFLECTED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}

# operators


def binary(symbol: str, left: Any, right: Any, scope: Scope = NOWHERE) -> Outcome:
    """Return the outcome of an operator of two sides.

    >>> binary("truediv", int, int).type, binary("sub", str, int).wrong
    (<class 'float'>, 'expected a number on the left of -, unsupported: str - int')
    """
    return each_arm(lambda x, y: _binary(symbol, x, y, scope), left, right)


def _binary(symbol: str, left: Any, right: Any, scope: Scope) -> Outcome:
    if symbol == "mod" and class_of(left) in (str, bytes):
        return Outcome(left)  # formatting takes any value
    if is_open(left) or is_open(right):
        return UNKNOWN
    if class_of(left) not in SAMPLES or class_of(right) not in SAMPLES:
        return Outcome(_of_methods(symbol, left, right, scope))
    found = _sampled(symbol, class_of(left), class_of(right))
    if found is None:
        needs = _needs(symbol, left, right)
        wrong = f"{needs}unsupported: {type_name(left)} {SYMBOLS[symbol]} {type_name(right)}"
        return Outcome(wrong=wrong, fix="convert one of the two in a task")
    return Outcome(_with_arguments(symbol, left, right, found))


def unary(symbol: str, operand: Any, scope: Scope = NOWHERE) -> Outcome:
    """Return the outcome of an operator of one side."""
    return each_arm(lambda tp: _unary(symbol, tp, scope), operand)


def _unary(symbol: str, operand: Any, scope: Scope) -> Outcome:
    if is_open(operand):
        return UNKNOWN
    if class_of(operand) not in SAMPLES:
        found = returned(operand, f"__{symbol}__", scope)
        return Outcome(Any if found is None else found)
    found = _sampled(symbol, class_of(operand))
    if found is None:
        wrong = f"expected a number, unsupported: {SYMBOLS[symbol]} of {type_name(operand)}"
        return Outcome(wrong=wrong, fix="convert it in a task")
    return Outcome(found)


_NUMBERS = (bool, int, float, complex, Decimal)


def _needs(symbol: str, left: Any, right: Any) -> str:
    """What was expected, where one side is a number and the other could be one."""
    numbers = [tp in _NUMBERS for tp in (left, right)]
    if sum(numbers) != 1:
        return ""
    return f"expected a number on the {'left' if numbers[1] else 'right'} of {SYMBOLS[symbol]}, "


@functools.lru_cache(maxsize=4096)
def _sampled(symbol: str, *classes: Any) -> Any:
    """The class of the outcome between builtins; Any where it hangs on the values, None where it surely fails."""
    if symbol == "pow" and (classes[1] is float or set(classes) <= {bool, int}):
        return Any  # 2 ** -1 is a float, and (-1) ** 0.5 is complex
    function = getattr(operator, f"__{symbol}__")
    try:
        value = function(*(SAMPLES[cls] for cls in classes))
    except TypeError:
        return Any if _may_work(function, classes) else None
    except Exception:  # whatever hangs on the value
        return Any
    if isinstance(value, pathlib.PurePath):  # a Path makes one of this system
        return next(cls for cls in classes if issubclass(cls, pathlib.PurePath))
    return type(value)


def _may_work(function: Callable[..., Any], classes: Iterable[Any]) -> bool:
    for others in itertools.product(*(VARIANTS.get(cls, (cls,)) for cls in classes)):
        try:
            function(*(SAMPLES[cls] for cls in others))
        except TypeError:
            continue
        except Exception:  # whatever hangs on the value
            return True
        return True
    return False


def _with_arguments(symbol: str, left: Any, right: Any, cls: Any) -> Any:
    """The outcome's class with what it holds, for containers."""
    if cls not in (list, tuple, dict, set, frozenset):
        return cls
    if symbol == "mul":
        return _repeated(left if class_of(left) is cls else right)
    mine, yours = get_args(left), get_args(right)
    if symbol in ("and", "sub"):
        return GenericAlias(cls, mine) if mine else cls
    if not mine or not yours:
        return cls
    if cls is tuple and ... not in (*mine, *yours):
        return GenericAlias(tuple, (*mine, *yours))
    if cls is tuple:
        return GenericAlias(tuple, (joined([part for part in (*mine, *yours) if part is not ...]), ...))
    if len(mine) != len(yours):
        return cls
    return GenericAlias(cls, tuple(joined(two) for two in zip(mine, yours, strict=True)))


def _repeated(tp: Any) -> Any:
    parts = get_args(tp)
    if class_of(tp) is tuple and parts and ... not in parts:
        return GenericAlias(tuple, (joined(parts), ...))
    return tp


# operators of user classes


def _of_methods(symbol: str, left: Any, right: Any, scope: Scope) -> Any:
    """The type that a class's own ``__add__``, or the other side's ``__radd__``, declares; Any if none does."""
    direct = None if class_of(left) in SAMPLES else returned(left, f"__{symbol}__", scope, right)
    name = f"__{_REFLECTED.get(symbol, 'r' + symbol)}__"
    reflected = None if class_of(right) in SAMPLES else returned(right, name, scope, left)
    if direct is None or reflected is None or direct == reflected:
        return next((tp for tp in (direct, reflected) if tp is not None), Any)
    # A subclass on the right goes first, and so does a reflected method that the left one leaves it to.
    return direct if class_of(left) is class_of(right) else Any


# members


@attrs.define
class Outcomes:
    """The outcomes of a graph's operations and collections, each worked out once for the same types.

    Attributes:
        type_of_member: The static type of a member by its name.
        scope: The names that annotations may use beside those of their modules.
    """

    type_of_member: Callable[[str], Any]
    scope: Scope = NOWHERE
    _known: dict[Any, Outcome] = attrs.field(factory=dict, init=False)

    def of(self, work: Operation | Collection, inputs: Mapping[str, Input]) -> Outcome:
        """Return the outcome of a member. Of an operation without an input, a problem itself, nothing is known."""
        given = {key: self._type(source) for key, source in inputs.items()}
        if isinstance(work, Collection):
            return Outcome(gathered(work.type, list(given.values()), work.keys))
        constants = {key: source.value for key, source in inputs.items() if isinstance(source, Constant)}
        constant = constants.get("key", constants.get("attr", MISSING))
        try:
            # 1, True and 1.0 are one key of a dict, and the type's arguments in the order in which they are written.
            case = (work.symbol, *given.items(), type(constant), constant, *map(str, given.values()))
            if case not in self._known:
                self._known[case] = _outcome(work.symbol, given, constant, self.scope)
            return self._known[case]
        except TypeError:  # a slice, or a type with an unhashable note
            return _outcome(work.symbol, given, constant, self.scope)

    def merged(self, inputs: Mapping[str, Input]) -> Any:
        """Return the type of the value of a merge: the union of its branches', Any where one's is not known."""
        types = [self._type(source) for source in inputs.values()]
        try:
            return Any if Any in types else functools.reduce(operator.or_, types)
        except TypeError:  # a type that goes into no union
            return Any

    def _type(self, source: Input) -> Any:
        if not source.checked:
            return Any
        return type_of(source.value) if isinstance(source, Constant) else self.type_of_member(source.upstream)


def _outcome(symbol: str, given: Mapping[str, Any], constant: Any, scope: Scope) -> Outcome:
    if symbol == "getattr" and "task_result" in given:
        return attribute(given["task_result"], str(constant), scope)
    if symbol == "getitem" and {"task_result", "key"} <= given.keys():
        return item(given["task_result"], given["key"], constant, scope)
    if symbol == FLATTEN:
        return each_arm(_flattened, given["x"]) if "x" in given else UNKNOWN
    if {"x", "y"} <= given.keys():
        return binary(symbol, given["x"], given["y"], scope)
    return unary(symbol, given["x"], scope) if symbol in _ONE_SIDED and "x" in given else UNKNOWN


def _flattened(tp: Any) -> Outcome:
    """The list of the items of the lists that a value holds."""
    if _is_no_row(tp) or any(map(_is_no_row, arms_but_none(element(tp)))):
        wrong = f"expected a list of lists to flatten, got {type_name(tp)}"
        return Outcome(wrong=wrong, fix="give it a list of lists, as a map of a task that returns lists has")
    found = element(element(tp))
    return Outcome(list if found is Any else GenericAlias(list, (found,)))


def _is_no_row(tp: Any) -> bool:
    return class_of(tp) in (int, float, complex, bool, str, bytes, dict, type(None))


def written(symbol: str, inputs: Mapping[str, Input]) -> str:
    """The operation as the body has it: ``text - shots``.

    >>> from lume_dsl.declare.graph import Edge
    >>> written("sub", {"x": Edge("text"), "y": Constant(1)})
    'text - 1'
    """
    names = [_shown(source.value) if isinstance(source, Constant) else source.upstream for source in inputs.values()]
    if symbol == "getattr":
        return f"{names[0]}.{names[1][1:-1]}"
    if symbol == "getitem":
        return f"{names[0]}[{names[1]}]"
    if symbol in ("abs", FLATTEN):
        return f"{symbol}({names[0]})"
    return f"{names[0]} {SYMBOLS[symbol]} {names[1]}" if len(names) == 2 else f"{SYMBOLS[symbol]}{names[0]}"


def _shown(value: Any) -> str:
    if not isinstance(value, slice):
        return short(value)
    parts = [value.start, value.stop, *([] if value.step is None else [value.step])]
    return ":".join("" if part is None else short(part) for part in parts)
