"""YAML as plain Python, a plain scalar by YAML 1.2's core schema. It knows nothing of parameters or files.

YAML is read through the events of PyYAML's parser and composed here, on a stack of our own: libyaml's own
composer recurses in C and kills the process at some 100,000 levels, and PyYAML reads scalars by the rules of
YAML 1.1 (``on`` is true, ``12:30:00`` is 45000).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import attrs
import yaml

from lume_dsl.values.document_errors import (
    DIGITS_HINT,
    FINITE_HINT,
    MOST_LEVELS,
    NUMBER_HINT,
    TOO_DEEP,
    DocumentError,
    brief,
    duplicate,
    kind_of,
    number_problem,
    step,
    top_level,
)

__all__ = ["MOST_YAML_CHARACTERS", "MOST_YAML_LEVELS", "MOST_YAML_VALUES", "lines_of", "path_at", "read_yaml"]

MOST_YAML_VALUES = 1_000_000
"""How many values and keys a YAML document may hold, aliases written out; a text counts one more per 64 characters."""

MOST_YAML_CHARACTERS = 32_000_000
"""As many as a million values need. With the limit above, reading takes some seconds with libyaml."""

MOST_YAML_LEVELS = MOST_LEVELS + 1
"""Those of a value, and the mapping of all values by parameter."""

_ANCHOR_HINT = "write the part out, without the alias"
_YAML_HINT = "indent with spaces, and quote text that starts with a special character or holds ': ' or ' #'"

_TAGS = "tag:yaml.org,2002:"
_MERGE: Final = object()
"""Stands in the place of a key while the value of a merge key is read."""

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

# The last three are line breaks to PyYAML, as in YAML 1.1, and would turn into spaces without a word.
_UNREADABLE = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x85\u2028\u2029]")


@attrs.define(slots=False, eq=False)
class _Problem(Exception):
    """What is wrong with a part, on its way to where the part's place is known."""

    message: str
    fix: str


@attrs.frozen
class _Node:
    """A value, how many values it holds with all aliases written out, and how many levels."""

    value: Any
    size: int
    levels: int = 0


@attrs.define
class _Open:
    """A list or mapping of which not all is read yet."""

    items: Any
    anchor: str | None
    size: int = 1
    levels: int = 1
    key: Any = None
    merged: list[dict[str, Any]] = attrs.Factory(list)

    def awaits_key(self) -> bool:
        return self.key is None and isinstance(self.items, dict)

    def count(self, node: _Node) -> None:
        self.size += node.size
        self.levels = max(self.levels, node.levels + 1)

    def add(self, node: _Node) -> None:
        """The node is an item, or the value of the last key."""
        self.count(node)
        if isinstance(self.items, list):
            self.items.append(node.value)
        elif self.key is _MERGE:
            self.merged = _mappings(node.value)
            self.key = None
        else:
            self.items[self.key] = node.value
            self.key = None

    def close(self) -> _Node:
        if self.merged:
            own = self.items.copy()
            self.items.clear()  # in place: it is what anchors and parents hold
            for mapping in reversed(self.merged):  # the first of several wins
                self.items.update(mapping)
            self.items.update(own)
        return _Node(self.items, self.size, self.levels)


def _mappings(value: Any) -> list[dict[str, Any]]:
    mappings = value if isinstance(value, list) else [value]
    for mapping in mappings:
        if not isinstance(mapping, dict):
            raise _Problem(f"<< merges {kind_of(mapping)}", "merge a mapping or a list of mappings, or quote the key")
    return mappings


def read_yaml(
    text: str, name: str, *, what: str = "values by parameter are", example: str = "parameter: value"
) -> dict[str, Any]:
    """Return the mapping that a YAML document holds; the values that an alias names are shared.

    ``what`` and ``example`` say, where it is something else, what is read.

    Raises:
        DocumentError: for whatever cannot be read.
    """
    if len(text) > MOST_YAML_CHARACTERS:
        message = f"has {len(text):,} characters, where YAML is read up to {MOST_YAML_CHARACTERS:,}"
        raise DocumentError(name, message, "write it as JSON, which has no such limit")
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        line, start = text.count("\n", 0, unreadable.start()) + 1, text.rfind("\n", 0, unreadable.start())
        message = f"the character U+{ord(unreadable[0]):04X} cannot stand in YAML as it is"
        fix = f'write it as "{ascii(unreadable[0])[1:-1]}" in double quotes, or leave it out'
        column = unreadable.start() - start
        raise DocumentError(name, message, fix, line, column, path_at(_UNREADABLE.sub("?", text), line, column))
    composer = _Composer(name)
    if _PAIR.search(text):
        text = _without_pairs(text)
    try:
        for event in _events(text):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        if "Unicode character escape" in (error.problem or ""):
            raise _half_character(error, name, text) from None
        raise _broken(error, name, composer.path()) from None
    except OverflowError:  # PyYAML's own scanner, at an escape such as "\UFFFFFFFF"
        message = "is not YAML: an escape in it names no character"
        raise DocumentError(name, message, _YAML_HINT, path=composer.path()) from None
    return top_level({} if composer.top is None else composer.top.value, name, example, what=what)


def _events(text: str) -> Iterator[Any]:
    # the parser of libyaml, whose events need no recursion, where PyYAML was built with it: it is 20 times as fast
    yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


_NO_CHARACTER = re.compile(
    r"\\(?:u([dD][89a-fA-F][0-9a-fA-F]{2})|U(?:(?!000|0010)|(?=0000[dD][89a-fA-F]))[0-9a-fA-F]{8})"
)
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
"""A character beyond U+FFFF as JSON escapes it, which YAML's parsers do not take though YAML 1.2 holds all of JSON."""


def _with_plain_escapes(text: str) -> str:
    """The text with other escapes, as long, for those that name no character by themselves."""
    return _NO_CHARACTER.sub(lambda found: r"\u003f" if found[1] else r"\U0000003f", text)


def _without_pairs(text: str) -> str:
    """The text with such characters escaped as YAML escapes them, in double quotes, where alone escapes are any."""
    parts, done = [], 0
    try:
        for event in _events(_with_plain_escapes(text)):
            if isinstance(event, yaml.ScalarEvent) and event.style == '"':
                start, end = (mark.index for mark in (event.start_mark, event.end_mark) if mark)
                parts += [text[done:start], _ESCAPE.sub(_yaml_escape, text[start:end])]
                done = end
    except (yaml.YAMLError, OverflowError):
        pass  # which is found again, and told
    return "".join([*parts, text[done:]])


_ESCAPE = re.compile(rf"{_PAIR.pattern}|\\.", re.DOTALL)
"""An escape, whole: the backslash that another one escapes begins none."""


def _yaml_escape(found: re.Match[str]) -> str:
    if not found[1]:
        return found[0]
    pair = chr(int(found[1], 16)) + chr(int(found[2], 16))
    return f"\\U{ord(pair.encode('utf-16-le', 'surrogatepass').decode('utf-16-le')):08X}"


def _half_character(error: yaml.MarkedYAMLError, name: str, text: str) -> DocumentError:
    mark: Any = error.problem_mark
    line, column = mark.line + 1, mark.column + 1
    message = "is not YAML: an escape in it names no character, or half of one"
    fix = 'write the character itself, or its number as "\\U0001F600"'
    return DocumentError(name, message, fix, line, column, path_at(_with_plain_escapes(text), line, column))


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """Return the lines (from 1) on which the parts of a document begin that ``read_yaml`` has read, by their steps.

    A part that an alias or a merge key stands for has none.
    """
    composer = _Composer("")
    lines: dict[tuple[str | int, ...], int] = {}
    for event in _events(_without_pairs(text)):
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.CollectionEndEvent):
            lines.setdefault(composer.steps(), line)
        composer.take(event)
        if (steps := composer.steps()) and isinstance(steps[-1], str):  # a key: its value begins with it
            lines.setdefault(steps, line)
    return lines


def path_at(text: str, line: int, column: int) -> str:
    """Return the part of a YAML or JSON document that stands at a place, or "" where it cannot be told."""
    composer = _Composer("")
    try:
        for event in _events(text):
            if (event.end_mark.line, event.end_mark.column) >= (line - 1, column):
                return composer.path()
            composer.take(event)
    except (yaml.YAMLError, OverflowError, DocumentError):
        return ""
    return ""


def _broken(error: yaml.MarkedYAMLError, name: str, path: str) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    if "nesting depth" in (error.problem or ""):  # which some versions of libyaml find before we do
        found = _too_deep()
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return DocumentError(name, found.message, found.fix, *place, path)
    message = ", ".join(" ".join(part.split()) for part in (error.context, error.problem) if part)
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return DocumentError(name, f"is not YAML: {message}", _YAML_HINT, line, column, path)


@attrs.define
class _Composer:
    """Makes values of the events of one document; refuses what is not JSON, and what aliases make too large."""

    name: str
    top: _Node | None = None
    stack: list[_Open] = attrs.Factory(list)
    anchors: dict[str, _Node | None] = attrs.Factory(dict)
    total: int = 0
    documents: int = 0

    def take(self, event: Any) -> None:
        try:
            self._take(event)
        except _Problem as problem:
            mark = event.start_mark
            place = mark.line + 1, mark.column + 1
            raise DocumentError(self.name, problem.message, problem.fix, *place, self.path()) from None

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self.stack[-1]
            self._place(closed.close(), closed.anchor, closing=True)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _Problem("a second document starts here", "write one document, without a further '---'")

    def _scalar(self, event: Any) -> None:
        is_key = bool(self.stack) and self.stack[-1].awaits_key()
        if is_key and event.value == "<<" and event.implicit[0]:
            self._key(_MERGE, "<<")
            return
        node = _Node(_scalar_value(event), 1 + len(event.value) // 64)
        if not self.stack and node.value is None and not event.value:
            node = _Node({}, 1)  # the document is empty but for '---'
        self._count(node.size, "")
        if not is_key:
            self._place(node, event.anchor)
            return
        if event.anchor:
            self.anchors[event.anchor] = node
        self.stack[-1].count(node)
        self._key(node.value, event.value)

    def _key(self, key: Any, text: str) -> None:
        mapping = self.stack[-1]
        if key is not _MERGE and not isinstance(key, str):
            shown = brief(text) or "(empty)"
            raise _Problem(f"the key {shown} is {kind_of(key)}, not text", f'write "{brief(text)}" in quotes')
        if key in mapping.items or (key is _MERGE and mapping.merged):
            raise _Problem(*duplicate(text))
        mapping.key = key

    def _start(self, event: Any) -> None:
        items: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        if self.stack and self.stack[-1].awaits_key():
            raise _Problem(f"{kind_of(items)} is a key", "write text as the key")
        if event.tag not in (None, "!", _TAGS + ("seq" if items == [] else "map")):
            raise _wrong_tag(event.tag, kind_of(items))
        if len(self.stack) == MOST_YAML_LEVELS:
            raise _too_deep()
        self._count(1, "")
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(items, event.anchor))

    def _alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise _Problem(f"the alias *{event.anchor} has no anchor before it", f"write &{event.anchor} where it is")
        node = self.anchors[event.anchor]
        if node is None:
            raise _Problem(f"the alias *{event.anchor} stands inside what it names", _ANCHOR_HINT)
        self._count(node.size, " with its aliases written out")
        if len(self.stack) + node.levels > MOST_YAML_LEVELS:
            raise _too_deep()
        if not (self.stack and self.stack[-1].awaits_key()):
            self._place(node, None)
            return
        self.stack[-1].count(node)
        self._key(node.value, f"*{event.anchor}")

    def _place(self, node: _Node, anchor: str | None, *, closing: bool = False) -> None:
        """The node is part of what holds it, or the top."""
        if anchor:
            self.anchors[anchor] = node
        if closing:
            self.stack.pop()
        if self.stack:
            self.stack[-1].add(node)
        else:
            self.top = node

    def _count(self, size: int, how: str) -> None:
        self.total += size
        if self.total > MOST_YAML_VALUES:
            fix = "write it as JSON, which has no such limit" if not how else _ANCHOR_HINT
            raise _Problem(f"the document{how} holds more than {MOST_YAML_VALUES:,} values", fix)

    def path(self) -> str:
        """Where the next value stands, as far as it is known."""
        path = ""
        for part in self.steps():
            path += f"[{part}]" if isinstance(part, int) else step(part, path)
        return path

    def steps(self) -> tuple[str | int, ...]:
        """The keys and places that lead to the next value, as far as they are known."""
        open_parts = [part for part in self.stack if isinstance(part.items, list) or part.key is not None]
        return tuple(
            len(part.items) if isinstance(part.items, list) else "<<" if part.key is _MERGE else part.key
            for part in open_parts
        )


def _too_deep() -> _Problem:
    return _Problem(TOO_DEEP, "nest its lists and mappings less deeply")


def _scalar_value(event: Any) -> Any:
    if event.tag is None:
        return _plain(event.value) if event.implicit[0] else event.value
    if event.tag == "!" or event.tag == _TAGS + "str":
        return event.value
    kinds: dict[str, Any] = {"int": int, "float": (float, int), "bool": bool, "null": type(None)}
    kind = kinds.get(event.tag.removeprefix(_TAGS)) if event.tag.startswith(_TAGS) else None
    if kind is None:
        raise _wrong_tag(event.tag, "text")
    value = _plain(event.value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _Problem(f"{brief(repr(event.value))} is not what its tag {_short_tag(event.tag)} says", "drop the tag")
    return _float(event.value) if event.tag == _TAGS + "float" else value


def _plain(text: str) -> Any:
    """What a plain scalar means by the core schema of YAML 1.2 (its section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return _int(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NOT_FINITE.fullmatch(text):
        raise _Problem(f"{text} is not JSON", FINITE_HINT)
    return text


def _int(text: str) -> int | float:
    if text[0] == "-" and not text.strip("-0"):
        return -0.0  # no int has this sign, and a float's would be lost
    if text[:2] in ("0o", "0x"):
        return int(text, 0)
    try:
        return int(text)
    except ValueError:  # more than 4,300 digits
        digits = len(text.lstrip("+-"))
        raise _Problem(f"{brief(text)} has {digits:,} digits, too many for an int", DIGITS_HINT) from None


def _float(text: str) -> float:
    value = float(text)
    if problem := number_problem(text, value):
        raise _Problem(problem, NUMBER_HINT)
    return value


def _short_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAGS)}" if tag.startswith(_TAGS) else tag


def _wrong_tag(tag: str, what: str) -> _Problem:
    return _Problem(f"the tag {_short_tag(tag)} on {what} is refused", "write plain JSON values, without the tag")
