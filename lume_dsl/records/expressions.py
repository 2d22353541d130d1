"""Conditions on records written as text, ``inputs.charge > 100 and not exists(outputs.error)``; nothing in it is run.

The text is read by Python's own grammar, of which these parts have a meaning:

=====================================================  ==========================================================
``inputs.charge``, ``outputs['a.b']``, ``values[0]``   a path into a record
``"text"``, ``-1.5``, ``True``, ``None``, ``[1, 2]``   a value
``==  !=  <  <=  >  >=``, chained too                  a path compared with a value
``in (1, 2)``, ``not in (1, 2)``                       a path with one of these values
``exists(outputs.error)``                              whether there is anything at a path
``and  or  not  ( )``                                  conditions put together
=====================================================  ==========================================================

``time``, and whatever is a time in a record, is compared with a date or a date and time in ISO 8601; without an offset
from UTC it is this machine's. A text means other values that are shown so, too: see ``lume_dsl.records.written``.
"""

from __future__ import annotations

import ast
import keyword
from functools import reduce

from lume_dsl.errors import RecordError
from lume_dsl.records.where import DEEPEST, At, Condition, at
from lume_dsl.records.written import Written, instant_of

__all__ = ["read_condition"]

_ALLOWED = (
    "allowed: paths (inputs.charge, outputs['a.b'], outputs.values[0]), values ('text', -1.5, True, None, [1, 2]),\n"
    "    == != < <= > >=, in (1, 2), not in, exists(path), and, or, not, parentheses"
)

WIDEST = 100
"""Characters of a condition that are shown around what is wrong with it."""

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SPELT = {"true": "True", "false": "False", "null": "None", "none": "None"}


def read_condition(text: str) -> Condition:
    """Return the condition that the text writes.

    Raises:
        RecordError: If it writes none, with the part of the text that is wrong and what could stand there.
    """
    return _Reader(text.strip()).read()


class _Reader:
    """Makes a condition of one text, each method of a part of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")

    def read(self) -> Condition:
        if not self.text:
            raise RecordError(f"the condition is empty\n    {_ALLOWED}")
        if "\0" in self.text:
            raise self._refusal_at(self.text.index("\0"), 0, "this character stands in no condition")
        try:
            # In parentheses, where the end of a line means nothing.
            tree = ast.parse(f"({self.text}\n)", mode="eval")
            return self._condition(tree.body, 0)
        except SyntaxError as error:
            start = self._place(error.lineno or 1, max((error.offset or 1) - 1, 0))
            end = self._place(error.end_lineno or 1, max((error.end_offset or 1) - 1, 0))
            raise self._refusal_at(start, end, self._syntax_reason(error.msg, start, end)) from None
        except (RecursionError, MemoryError):
            raise RecordError("the condition is nested too deeply; write several, which must all hold") from None

    def _place(self, line: int, column: int) -> int:
        """The place in the text of a column of a line of what was parsed, which begins with a parenthesis of ours."""
        before = sum(len(one) + 1 for one in self.lines[: line - 1])
        return min(max(before + column - (line == 1), 0), len(self.text))

    def _syntax_reason(self, said: str, start: int, end: int) -> str:
        found = self.text[start:end]
        if found == "=" or "'=='" in said:
            return "write == to compare"
        if keyword.iskeyword(found) and self.text[:start].endswith("."):
            return f"a key that is a word of Python stands in brackets: ['{found}']"
        return f"this is no expression: {said.partition(';')[0]}"

    def _condition(self, part: ast.expr, depth: int) -> Condition:
        if depth > DEEPEST:
            raise RecursionError
        match part:
            case ast.BoolOp():
                conditions = [self._condition(value, depth + 1) for value in part.values]
                if isinstance(part.op, ast.And):
                    return reduce(lambda one, other: one & other, conditions)
                return reduce(lambda one, other: one | other, conditions)
            case ast.UnaryOp(op=ast.Not()):
                return ~self._condition(part.operand, depth + 1)
            case ast.Compare():
                return self._comparison(part)
            case ast.Call():
                return self._exists(part)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                path = ast.unparse(part)
                raise self._refusal(
                    part, f"a path alone is no condition; write exists({path}), or compare it: {path} == True"
                )
        raise self._refusal(part, f"{_what(part)} is no condition")

    def _comparison(self, part: ast.Compare) -> Condition:
        sides = [part.left, *part.comparators]
        found = [self._pair(sides[place], sign, sides[place + 1]) for place, sign in enumerate(part.ops)]
        return reduce(lambda one, other: one & other, found)

    def _pair(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(sign, (ast.In, ast.NotIn)):
            return self._membership(left, right, negated=isinstance(sign, ast.NotIn))
        if type(sign) not in _SIGNS:
            raise self._refusal(right, "is, is not: write == or !=")
        shown = _SIGNS[type(sign)]
        if _is_path(left) and _is_path(right):
            raise self._refusal(right, "a path is compared with a value, not with another path")
        if _is_path(right):
            left, right, shown = right, left, _FLIPPED.get(shown, shown)
        if not _is_path(left):
            raise self._refusal(left, f"{_what(left)} is compared with a value; on one side there must be a path")
        return self._compared(left, shown, right)

    def _compared(self, left: ast.expr, sign: str, value: ast.expr) -> Condition:
        path, operand = self._path(left), self._operand(left, value)
        try:
            match sign:
                case "==":
                    return path == operand
                case "!=":
                    return path != operand
                case "<":
                    return path < operand
                case "<=":
                    return path <= operand
                case ">":
                    return path > operand
                case _:
                    return path >= operand
        except (RecordError, TypeError) as error:
            raise self._refusal(value, str(error)) from error

    def _membership(self, left: ast.expr, right: ast.expr, *, negated: bool) -> Condition:
        if not _is_path(left):
            raise self._refusal(
                left, f"{_what(left)} stands where a path must: in asks whether a path has one of some values"
            )
        if not isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            raise self._refusal(right, "what follows in are values in parentheses: in ('fast', 'slow')")
        found = self._path(left).isin([self._operand(left, value) for value in right.elts])
        return ~found if negated else found

    def _exists(self, part: ast.Call) -> Condition:
        if not (isinstance(part.func, ast.Name) and part.func.id == "exists"):
            raise self._refusal(part, "the one call that means something is exists(path)")
        if len(part.args) != 1 or part.keywords or not _is_path(part.args[0]):
            raise self._refusal(part, "exists takes one path: exists(outputs.error)")
        return self._path(part.args[0]).exists()

    def _path(self, part: ast.expr) -> At:
        steps: list[str | int] = []
        inner = part
        while not isinstance(inner, ast.Name):
            match inner:
                case ast.Attribute():
                    steps.append(inner.attr)
                case ast.Subscript():
                    steps.append(self._step(inner.slice))
                case _:
                    raise self._refusal(inner, f"{_what(inner)} stands where a path must begin")
            inner = inner.value
        try:
            return at(inner.id, *reversed(steps))
        except RecordError as error:
            raise self._refusal(part, str(error)) from error

    def _step(self, part: ast.expr) -> str | int:
        value = self._literal(part)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return value
        raise self._refusal(part, "in brackets stands a key, ['a.b'], or the place of an item, [0]")

    def _operand(self, path: ast.expr, part: ast.expr) -> object:
        value = self._literal(part)
        if not isinstance(path, ast.Name):
            return Written(value)
        if path.id != "time":
            return value
        if not isinstance(value, str):
            raise self._refusal(part, "a time is text: '2026-11-24', '2026-11-24T08:30' or '2026-11-24T08:30+01:00'")
        try:
            return instant_of(value)
        except ValueError:
            raise self._refusal(
                part, f"{value!r} is no date and time; write '2026-11-24' or '2026-11-24T08:30'"
            ) from None

    def _literal(self, part: ast.expr) -> object:
        match part:
            case ast.Constant(value=str() | int() | float() | None):
                return part.value
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as number)):
                if not isinstance(number, bool):
                    return -number if isinstance(sign, ast.USub) else number
            case ast.List():
                return [self._literal(item) for item in part.elts]
            case ast.Tuple():
                return tuple(self._literal(item) for item in part.elts)
            case ast.Dict(keys=keys) if all(
                isinstance(key, ast.Constant) and isinstance(key.value, str) for key in keys
            ):
                names = [key.value for key in keys if isinstance(key, ast.Constant)]
                return dict(zip(names, map(self._literal, part.values), strict=True))
            case ast.Name(id=name) if name.lower() in _SPELT:
                raise self._refusal(part, f"{name} is written {_SPELT[name.lower()]}")
            case ast.Name(id=name):
                raise self._refusal(part, f"{name} is no value; a text stands in quotes: '{name}'")
            case ast.Constant():
                raise self._refusal(part, "this is no value of JSON")
        raise self._refusal(part, f"{_what(part)} is no value")

    def _refusal(self, part: ast.expr, reason: str) -> RecordError:
        end_line, end = part.end_lineno or part.lineno, part.end_col_offset or part.col_offset
        return self._refusal_at(self._column(part.lineno, part.col_offset), self._column(end_line, end), reason)

    def _column(self, line: int, column: int) -> int:
        """The place in the text of a column that is told in bytes of UTF-8, as those of expressions are."""
        parsed = ("(" + self.lines[0], *self.lines[1:], ")")[line - 1]
        return self._place(line, len(parsed.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")))

    def _refusal_at(self, start: int, end: int, reason: str) -> RecordError:
        first = max(0, start - WIDEST // 2)
        shown = "".join(char if char.isprintable() else " " for char in self.text[first : first + WIDEST])
        marks = " " * (start - first) + "^" * max(1, min(end - first, len(shown)) - (start - first))
        return RecordError(f"{reason}\n    {shown}\n    {marks}\n    {_ALLOWED}")


def _is_path(part: ast.expr) -> bool:
    if isinstance(part, ast.Name):
        return part.id.lower() not in _SPELT
    return isinstance(part, (ast.Attribute, ast.Subscript))


_KINDS = {
    ast.Call: "a call",
    ast.Lambda: "a function",
    ast.BinOp: "arithmetic",
    ast.UnaryOp: "arithmetic",
    ast.Constant: "a value",
    ast.List: "a value",
    ast.Tuple: "a value",
    ast.Dict: "a value",
    ast.JoinedStr: "a text with parts to be worked out",
    ast.IfExp: "a choice",
    ast.Compare: "a comparison",
    ast.BoolOp: "a condition",
    ast.NamedExpr: "an assignment",
    ast.Starred: "a star",
    ast.Await: "await",
}


def _what(part: ast.expr) -> str:
    """What an expression is, for people."""
    return _KINDS.get(type(part), "this")
