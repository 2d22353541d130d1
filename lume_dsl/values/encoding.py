"""The stored form of values: exact, and readable in any language; it must not know who stores them.

``None``, booleans, texts, finite floats, integers of 64 bits, lists, and dicts whose keys are texts are stored as
the JSON values that they are. Every other value is an object with two members, its kind and its content:
``{"__lume__": kind, "value": content}``.

==========  ==================================================================================
kind        content
==========  ==================================================================================
tuple       array of the encoded items
dict        object whose members are encoded: a dict that itself has a key ``__lume__``
float       ``"nan"``, ``"inf"`` or ``"-inf"``
int         hexadecimal text such as ``"-0x8000000000000001"``: beyond 64 bits
datetime    ISO 8601, with its offset from UTC where it has one
date        ISO 8601
time        ISO 8601
timedelta   ISO 8601 duration in seconds: ``"PT90.500000S"``, ``"-PT0.000001S"``
bytes       base64
path        text
uuid        text
decimal     text
file        the file's reference (added by ``lume_dsl.files``)
==========  ==================================================================================

A value of a subclass (``numpy.float64``, an ``IntEnum``, ``OrderedDict``, ``pendulum.DateTime``) is stored as a value
of its base and comes back as that. A time zone comes back as its offset from UTC, without ``fold``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import attrs

from lume_dsl.errors import RecordError

__all__ = ["MAX_DEPTH", "TAG", "Kind", "decode", "encode", "register"]

T = TypeVar("T")

TAG = "__lume__"
"""The member that marks an object as something other than a dict."""

MAX_DEPTH = 80
"""How many arrays and objects may be nested in a document; MongoDB takes 100 with its own and ours around."""


@attrs.frozen
class Kind(Generic[T]):
    """How values of one type are stored: ``dump`` gives a value that is encoded, ``load`` gets it back decoded."""

    tag: str
    type: type[T]
    dump: Callable[[T], Any]
    load: Callable[[Any], T]


_by_tag: dict[str, Kind[Any]] = {}


def register(kind: Kind[Any]) -> None:
    """Values of ``kind.type`` and its subclasses are stored as ``kind`` says from now on."""
    _by_tag[kind.tag] = kind


def _duration(value: timedelta) -> str:
    microseconds = value // timedelta(microseconds=1)
    sign = "-" if microseconds < 0 else ""
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    return f"{sign}PT{seconds}.{fraction:06d}S"


def _timedelta(text: str) -> timedelta:
    sign, _, number = text.removesuffix("S").partition("PT")
    microseconds = int(Decimal(number) * 1_000_000)
    return timedelta(microseconds=-microseconds if sign else microseconds)


# datetime comes before date, whose subclass it is: the first match counts.
for _kind in (
    Kind("datetime", datetime, datetime.isoformat, datetime.fromisoformat),
    Kind("date", date, date.isoformat, date.fromisoformat),
    Kind("time", time, time.isoformat, time.fromisoformat),
    Kind("timedelta", timedelta, _duration, _timedelta),
    Kind("bytes", bytes, lambda v: base64.b64encode(v).decode(), lambda v: base64.b64decode(v, validate=True)),
    Kind("path", Path, str, Path),
    Kind("uuid", UUID, str, UUID),
    Kind("decimal", Decimal, str, Decimal),
):
    register(_kind)


class _Unstorable(Exception):
    """Why a value cannot be stored; each container on the way out puts its step before ``steps``."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.steps: list[str] = []


def encode(value: Any, path: str = "value") -> Any:
    """Return the stored form of ``value``, as this module's documentation describes it.

    Args:
        value: The value. It is not changed, and no container of it is shared with what is returned.
        path: What to call the value in errors: ``outputs`` gives ``outputs['fit']['n']``.

    Raises:
        RecordError: If something in it cannot be stored, naming it by its path.
    """
    try:
        return _encode(value, 0)
    except _Unstorable as problem:
        raise RecordError(f"{path}{_shortened(problem.steps[::-1])}: {problem.reason}") from None


def _shortened(steps: list[str]) -> str:
    return "".join(steps if len(steps) <= 20 else [*steps[:10], "...", *steps[-5:]])


def _encode(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _tagged("float", repr(float(value)))
    if isinstance(value, int):
        number = int(value)
        return number if -(2**63) <= number < 2**63 else _tagged("int", hex(number))
    if isinstance(value, list):
        return _items(value, depth + 1)
    if isinstance(value, tuple):
        return _tagged("tuple", _items(value, depth + 2))
    if isinstance(value, dict):
        return _tagged("dict", _members(value, depth + 2)) if TAG in value else _members(value, depth + 1)
    for kind in _by_tag.values():
        if isinstance(value, kind.type):
            return _tagged(kind.tag, _encode(kind.dump(value), depth + 1))
    raise _Unstorable(_why_not(value))


def _tagged(tag: str, content: Any) -> dict[str, Any]:
    return {TAG: tag, "value": content}


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Unstorable(f"{str(value)!r} is not valid Unicode text; write .encode() as bytes") from None
    return str.__str__(value)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _Unstorable(f"nested more than {MAX_DEPTH} levels deep, or contains itself")


def _items(values: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    _check_depth(depth)
    encoded: list[Any] = []
    try:
        for item in values:
            encoded.append(_encode(item, depth))  # noqa: PERF401 - its length tells where an error arose
    except _Unstorable as problem:
        problem.steps.append(f"[{len(encoded)}]")
        raise
    return encoded


def _members(values: dict[Any, Any], depth: int) -> dict[str, Any]:
    _check_depth(depth)
    encoded: dict[str, Any] = {}
    for key, item in values.items():
        try:
            encoded[_key(key)] = _encode(item, depth)
        except _Unstorable as problem:
            problem.steps.append(f"[{key!r}]")
            raise
    return encoded


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise _Unstorable(f"a key of type {_name(type(key))} cannot be stored; write str(...)")
    if "\0" in key:
        raise _Unstorable("a key with a null character cannot be stored")
    return _text(key)


def _name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _why_not(value: Any) -> str:
    return f"{_name(type(value))} cannot be stored; {_instead(value)}"


def _instead(value: Any) -> str:
    """What to write instead of a value of a type that is not stored."""
    if isinstance(value, set | frozenset):
        return "write sorted(...)"
    if isinstance(value, bytearray | memoryview):
        return "write bytes(...)"
    if isinstance(value, complex):
        return "write (z.real, z.imag)"
    if type(value).__module__.partition(".")[0] == "numpy":
        scalar = getattr(value, "ndim", None) == 0
        return f"write {type(value.item()).__name__}(...)" if scalar else "write .tolist(), or save a file"
    if attrs.has(type(value)):
        return "write attrs.asdict(...)"
    return "write it as JSON values, or save it as a file"


def decode(document: Any) -> Any:
    """Return the value whose stored form is ``document``: of the same type and value as what was encoded.

    Raises:
        RecordError: If the document has an unknown kind, or a content that does not fit its kind.
    """
    if isinstance(document, list):
        return [decode(item) for item in document]
    if not isinstance(document, dict):
        return document
    if TAG not in document:
        return {key: decode(item) for key, item in document.items()}
    tag, content = document[TAG], document.get("value")
    try:
        return _decode_tagged(tag, content)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        raise RecordError(f"a stored value of kind {tag!r} cannot be read: {error}") from error


def _decode_tagged(tag: Any, content: Any) -> Any:
    match tag:
        case "tuple":
            return tuple(decode(item) for item in content)
        case "dict":
            return {key: decode(item) for key, item in content.items()}
        case "float":
            return float(content)
        case "int":
            return int(content, 16)
    if tag not in _by_tag:
        raise RecordError(f"a stored value has the unknown kind {tag!r}; a later lume_dsl may know it")
    return _by_tag[tag].load(decode(content))
