"""What compiled code does, apart from how its text is laid out; it must not know what the names in it stand for."""

from __future__ import annotations

import bisect
import dis
import sys
from collections.abc import Collection, Iterator
from types import CodeType
from typing import Any

import attrs

__all__ = ["Reads", "attributes_of", "changed_of", "reads_of", "shape_of"]

_LEFT_OUT = frozenset({"NOP", "CACHE", "EXTENDED_ARG", "RESUME"})
"""Instructions that do nothing: some stand for lines of the text."""

_ALWAYS = frozenset({"JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})

_FLAGS = 0x3EC
"""Of a code's flags: variable arguments, generators and coroutines."""

_JUMPS = frozenset({*dis.hasjabs, *dis.hasjrel})
_NAMES = frozenset({*dis.hasname, *dis.haslocal, *dis.hasfree})

_CHANGES = frozenset(
    {"append", "extend", "insert", "pop", "popitem", "remove", "discard", "clear", "add", "update", "setdefault",
     "sort", "reverse", "appendleft", "popleft", "write"}
)  # fmt: skip
"""Methods that change a list, dict, set or deque."""


def shape_of(code: CodeType) -> list[Any]:
    """Return what a code does, as JSON: the same for the same statements, however they are laid out or commented.

    Docstrings, annotations of arguments, line numbers and the name of the file are no part of it. Constants, names,
    nested functions and the arguments' names are.
    """
    arguments = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS]
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    kept = [one for one in dis.get_instructions(code) if one.opname not in _LEFT_OUT]
    places = _Places(code, kept)
    body = [[_operation(one), _argument(one, places)] for one in kept]
    return [arguments, list(code.co_varnames[:count]), body, places.handlers()]


class _Places:
    """Where jumps lead, as the number of an instruction among those that do something."""

    def __init__(self, code: CodeType, kept: list[dis.Instruction]) -> None:
        self._code = code
        self._kept = kept
        self._offsets = [one.offset for one in kept]

    def _number(self, offset: int) -> int:
        return bisect.bisect_left(self._offsets, offset)

    def target(self, offset: int) -> int:
        """A jump to a jump leads where that one does: whether Python makes one of the two depends on the lines."""
        number = self._number(offset)
        for _ in self._kept:
            if number >= len(self._kept) or self._kept[number].opname not in _ALWAYS:
                break
            number = self._number(self._kept[number].argval)
        return number

    def handlers(self) -> list[Any]:
        """The table of what is done where an exception arises, which Python 3.11 has beside the instructions."""
        if sys.version_info < (3, 11):
            return []
        entries: list[Any] = getattr(dis.Bytecode(self._code), "exception_entries", [])
        found = [
            [self._number(one.start), self._number(one.end), self._number(one.target), one.depth, one.lasti]
            for one in entries
        ]
        return _joined([one for one in found if one[0] < one[1]])


def _joined(handlers: list[list[Any]]) -> list[list[Any]]:
    """Neighbours of one handler are one: an instruction that does nothing may have been between them."""
    joined: list[list[Any]] = []
    for one in handlers:
        if joined and joined[-1][1] == one[0] and joined[-1][2:] == one[2:]:
            joined[-1][1] = one[1]
        else:
            joined.append(one)
    return joined


def _operation(one: dis.Instruction) -> str:
    """Which way a conditional jump leads follows from its target."""
    return one.opname.replace("JUMP_FORWARD_IF", "JUMP_IF").replace("JUMP_BACKWARD_IF", "JUMP_IF")


def _argument(one: dis.Instruction, places: _Places) -> Any:
    if one.opcode in dis.hasconst:
        return _constant(one.argval)
    if one.opcode in _JUMPS:
        return places.target(one.argval)
    if one.opcode in _NAMES:
        return one.argrepr
    return one.arg


def _constant(value: Any) -> Any:
    """A constant with its type: ``1``, ``1.0``, ``True`` and ``"1"`` are four."""
    if isinstance(value, CodeType):
        return ["code", value.co_name, shape_of(value)]
    if isinstance(value, tuple):
        return ["tuple", *map(_constant, value)]
    if isinstance(value, frozenset):
        return ["frozenset", *sorted(map(repr, value))]
    return [type(value).__name__, repr(value)]


@attrs.frozen
class Reads:
    """The names that a code takes from outside of it, with those in it.

    Attributes:
        names: Each name with the attributes that are read of it next: ``["optics", "fit"]``.
        imports: Modules that are imported in it: the name, how many packages up it is counted from, and the names
            that are taken of it, none for the module itself.
        changed: Names whose values the code changes by itself: a list that it appends to, a global that it sets.
    """

    names: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, int, tuple[str, ...]], ...]
    changed: frozenset[str]


def reads_of(code: CodeType) -> Reads:
    """Return what a code, with the functions and classes in it, takes from outside."""
    names: dict[tuple[str, ...], None] = {}
    imports: list[tuple[str, int, tuple[str, ...]]] = []
    changed: set[str] = set()
    for one in _each_code(code):
        steps = _steps(one)
        outside = [step if _is_outside(step, code) else None for step in steps]
        names.update(dict.fromkeys(_chains(steps, outside)))
        imports += _imports(steps)
        changed |= _changed(steps, outside)
    if any(chain[0] == "super" for chain in names):
        names["__class__",] = None  # which super() takes without being given it
    return Reads(tuple(names), tuple(imports), frozenset(changed))


def _each_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _each_code(value)


def _steps(code: CodeType) -> list[dis.Instruction]:
    return [step for step in dis.get_instructions(code) if step.opname not in _LEFT_OUT]


_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})
_CELLS = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "STORE_DEREF"})
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_OF_MODULE = frozenset(
    {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__path__"}
)
"""Names of a module that tell only where it is."""


def _is_outside(step: dis.Instruction, code: CodeType) -> bool:
    """Whether it takes or sets a name from outside of a code: what is of its own functions in one another is not."""
    if step.opname in _GLOBALS:
        return step.argval not in _OF_MODULE
    return step.opname in _CELLS and step.argval in code.co_freevars


Outside = list[dis.Instruction | None]


def _chains(steps: list[dis.Instruction], outside: Outside) -> Iterator[tuple[str, ...]]:
    for place, step in enumerate(outside):
        if step is not None and step.opname in _LOADS:
            chain = [str(step.argval)]
            for following in steps[place + 1 :]:
                if following.opname not in _ATTRIBUTES:
                    break
                chain.append(str(following.argval))
            yield tuple(chain)


def _imports(steps: list[dis.Instruction]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for place, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            level = steps[place - 2].argval if place >= 2 else 0
            taken = steps[place - 1].argval if place >= 1 else None
            names = taken if isinstance(taken, tuple) else ()
            yield str(step.argval), level if isinstance(level, int) else 0, names


_SIMPLE = frozenset({"LOAD_FAST", "LOAD_CONST", *_LOADS})


def _changed(steps: list[dis.Instruction], outside: Outside) -> set[str]:
    """Names that are set, or whose methods or items show that the code changes what they hold."""
    found: set[str] = set()
    for place, step in enumerate(outside):
        if step is None:
            continue
        following = [one.opname for one in steps[place + 1 : place + 4]]
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF"):
            found.add(str(step.argval))
        elif following:
            after = steps[place + 1]
            is_method = following[0] in _ATTRIBUTES and after.argval in _CHANGES
            is_item = following[0] in _SIMPLE and (
                following[1:2] in (["STORE_SUBSCR"], ["DELETE_SUBSCR"], ["DUP_TOP_TWO"])
                or (following[1:3] == ["COPY", "COPY"] and steps[place + 2].arg == 2)
            )
            if is_method or is_item:
                found.add(str(step.argval))
    return found


def changed_of(code: CodeType, names: Collection[str]) -> frozenset[str]:
    """Return which of its arguments a code changes what they hold of, as by an item that it sets."""
    found: set[str] = set()
    for one in _each_code(code):
        own = {name for name in names if one is code or name in one.co_freevars}
        steps = _steps(one)
        found |= _changed(steps, [step if step.opname in _TAKES and step.argval in own else None for step in steps])
    return frozenset(found)


_TAKES = frozenset({"LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF"})


def attributes_of(code: CodeType, name: str) -> frozenset[str] | None:
    """Return the attributes that a code reads of its argument ``name``; None where it does more with it.

    As handing it on, or setting one: then nobody can tell what is read of it.
    """
    found: set[str] = set()
    for one in _each_code(code):
        if one is not code and name not in one.co_freevars:
            continue
        steps = _steps(one)
        if any(step.opname in _GLOBALS and step.argval in _UNSEEN for step in steps):
            return None
        for place, step in enumerate(steps):
            if step.opname in _PASSED_ON or step.argval != name or step.opcode not in _VARIABLES:
                continue
            after = steps[place + 1] if place + 1 < len(steps) else step
            if step.opname not in _TAKES or after.opname not in _ATTRIBUTES:
                return None
            found.add(str(after.argval))
    return frozenset(found)


_UNSEEN = frozenset({"super", "locals", "eval", "exec"})
"""Functions that take an argument without being given it."""

_VARIABLES = frozenset({*dis.haslocal, *dis.hasfree})
_PASSED_ON = frozenset({"MAKE_CELL", "LOAD_CLOSURE", "COPY_FREE_VARS"})
"""What gives a variable to a function in the code, which is looked at too."""
