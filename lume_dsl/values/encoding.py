"""The stored form of values: exact, and readable in any language; it must not know who stores them.

``None``, booleans, texts, finite floats, integers of 64 bits, lists, and dicts whose keys are texts are stored as
the JSON values that they are. Every other value is an object with two members, its kind and its content:
``{"__lume__": kind, "value": content}``. All kinds are told, with examples, in docs/stored-form.md:

==============================================  ============================================================
kinds                                           what they are
==============================================  ============================================================
tuple, dict, items, json                        containers: an array; a dict that has a key ``__lume__``; one
                                                that has a null character in a key; the JSON text of what is
                                                nested deeper than databases take
float, int, complex, decimal                    numbers that JSON does not have
datetime, date, time, timedelta, path, uuid     texts
bytes, blob                                     base64; or the SHA-256 and size of bytes kept apart
scalar, array                                   NumPy's: a number with its dtype; the bytes of a ``.npy`` file
frame, series, index                            pandas': the bytes of an Arrow IPC stream
timestamp, duration, missing                    pandas' scalars
object, enum                                    a class by its name, and its fields, or the member's name and value
file                                            the file's reference (added by ``lume_dsl.files``)
==============================================  ============================================================

A value of a subclass of a built-in type (``OrderedDict``, ``pendulum.DateTime``) is stored as a value of its base
and comes back as that.
"""

from __future__ import annotations

import base64
import enum
import json
import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.values import arrays, frames, objects
from lume_dsl.values.content import Content
from lume_dsl.values.forms import SCALARS
from lume_dsl.values.kinds import TAG, Kind, Unstorable, full_name, kind_of, kind_tagged, register, tagged
from lume_dsl.values.plain import plain
from lume_dsl.values.storable import INSTEAD_OF, INSTEAD_OF_OTHERS
from lume_dsl.values.times import datetime_of, datetime_text, duration_text, time_of, time_text, timedelta_of

__all__ = ["INLINE_BYTES", "MAX_DEPTH", "TAG", "Kind", "decode", "encode", "plain", "register"]

MAX_DEPTH = 60
"""How many containers are nested in a document; what is deeper is stored as JSON text, as MongoDB takes 100 levels."""

INLINE_BYTES = 64 * 1024
"""The most bytes that are stored within a document where they can be kept apart from it."""

_NEVER = -(10**9)
"""The depth of what is in a JSON text: no depth is too much there."""

T = TypeVar("T")
Blobs = dict[str, Content]
Read = Callable[[str], Iterable[bytes]]

# datetime comes before date, whose subclass it is: the first match counts.
for _kind in (
    Kind("datetime", datetime, datetime_text, datetime_of),
    Kind("date", date, date.isoformat, date.fromisoformat),
    Kind("time", time, time_text, time_of),
    Kind("timedelta", timedelta, duration_text, timedelta_of),
    Kind("path", Path, str, Path),
    Kind("uuid", UUID, str, UUID),
    Kind("decimal", Decimal, str, Decimal),
):
    register(_kind)


def encode(value: Any, path: str = "value", *, blobs: Blobs | None = None) -> Any:
    """Return the stored form of ``value``, as this module's documentation describes it.

    Args:
        value: The value. It is not changed, and no container of it is shared with what is returned.
        path: What to call the value in errors: ``outputs`` gives ``outputs['fit']['n']``.
        blobs: Gets bytes of more than ``INLINE_BYTES`` by their SHA-256, which are not in the document then. They
            may be an array's own memory, so the value must stay as it is until they were read.

    Raises:
        RecordError: If something in it cannot be stored, naming it by its path.
    """
    try:
        return _encode(value, 0, blobs)
    except Unstorable as problem:
        raise RecordError(f"{path}{_shortened(problem.steps[::-1])}: {problem.reason}") from None
    except RecursionError:
        raise RecordError(f"{path}: contains itself or is nested too deeply") from None


def _shortened(steps: list[str]) -> str:
    return "".join(steps if len(steps) <= 20 else [*steps[:10], "...", *steps[-5:]])


def _encode(value: Any, depth: int, blobs: Blobs | None) -> Any:
    cls = type(value)
    if cls is str:
        return value if value.isascii() else _text(value)
    if cls is float:
        return value if math.isfinite(value) else tagged("float", repr(value))
    if value is None or cls is bool:
        return value
    if cls is int:
        return value if -(2**63) <= value < 2**63 else tagged("int", hex(value))
    if depth > MAX_DEPTH:
        text = json.dumps(_encode(value, _NEVER, blobs), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return tagged("json", text)
    if cls is list:
        return _items(value, depth + 1, blobs)
    if cls is dict:
        return _dict(value, depth, blobs)
    if cls is tuple:
        return tagged("tuple", _items(value, depth + 2, blobs))
    return _special(value, depth, blobs)


def _special(value: Any, depth: int, blobs: Blobs | None) -> Any:
    """The stored form of what is neither a JSON value nor a tuple."""
    if isinstance(value, enum.Enum):
        type_name, name = objects.member_name(value)
        content = {"type": type_name, "name": name}
        if type(value._value_) in SCALARS:
            content["value"] = _encode(value._value_, depth, blobs)
        return tagged("enum", content)
    match arrays.array_or_scalar(value) or frames.pandas_kind(value):
        case "array":
            return tagged("array", _content(arrays.array_content(value), blobs))
        case "scalar":
            parts = arrays.scalar_parts(value)
            return tagged("scalar", {"dtype": parts["dtype"], "value": _encode(parts["value"], depth + 2, blobs)})
        case "frame" | "series" | "index" as tag:
            return tagged(tag, _content(frames.frame_content(value, _in_text, decode), blobs))
        case "timestamp" | "duration" | "missing" as tag:
            return tagged(tag, frames.scalar_parts(value))
    if isinstance(value, bytes):
        return _content(Content.of(value), blobs)
    if isinstance(value, complex):
        return tagged("complex", [_encode(value.real, depth, blobs), _encode(value.imag, depth, blobs)])
    if (kind := kind_of(value)) is not None:
        try:
            content = kind.dump(value)
        except ValueError as error:
            raise Unstorable(str(error)) from None
        return tagged(kind.tag, _encode(content, depth + 1, blobs))
    if objects.is_instance(value):
        return _object(value, depth + 3, blobs)
    return _based(value, depth, blobs)


def _in_text(value: Any) -> Any:
    """The stored form of a value that stands within a text or a content of its own."""
    return _encode(value, _NEVER, None)


def _object(value: Any, depth: int, blobs: Blobs | None) -> Any:
    type_name, parts = objects.parts_of(value)
    fields = {}
    for name, part in parts.items():
        try:
            fields[name] = _encode(part, depth, blobs)
        except Unstorable as problem:
            problem.steps.append(f".{name}")
            raise
    return tagged("object", {"type": type_name, "fields": fields})


def _based(value: Any, depth: int, blobs: Blobs | None) -> Any:
    """The stored form of a value of a subclass: that of the value of its base."""
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, float):
        return _encode(float.__float__(value), depth, blobs)
    if isinstance(value, int):
        return _encode(int.__int__(value), depth, blobs)
    if isinstance(value, list):
        return _items(value, depth + 1, blobs)
    if isinstance(value, dict):
        return _dict(value, depth, blobs)
    if isinstance(value, tuple):
        return tagged("tuple", _items(value, depth + 2, blobs))
    raise Unstorable(f"{full_name(type(value))} cannot be stored; {_instead(value)}")


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unstorable(f"{value!r} is not valid Unicode text; write .encode() as bytes") from None
    return value


def _content(content: Content, blobs: Blobs | None) -> dict[str, Any]:
    if blobs is not None and content.size > INLINE_BYTES:
        blobs[content.sha256] = content
        return tagged("blob", {"sha256": content.sha256, "size": content.size})
    return tagged("bytes", base64.b64encode(content.whole()).decode())


def _items(values: list[Any] | tuple[Any, ...], depth: int, blobs: Blobs | None) -> list[Any]:
    encoded: list[Any] = []
    try:
        for item in values:
            encoded.append(_encode(item, depth, blobs))  # noqa: PERF401 - its length tells where an error arose
    except Unstorable as problem:
        problem.steps.append(f"[{len(encoded)}]")
        raise
    return encoded


def _dict(values: dict[Any, Any], depth: int, blobs: Blobs | None) -> Any:
    is_tagged = TAG in values
    in_pairs = _has_null(values)
    inner = depth + 3 if in_pairs else depth + 2 if is_tagged else depth + 1
    members: dict[str, Any] = {}
    for key, item in values.items():
        try:
            name = key if type(key) is str and key.isascii() else _key(key)
            members[name] = _encode(item, inner, blobs)
        except Unstorable as problem:
            problem.steps.append(f"[{key!r}]")
            raise
    if in_pairs:
        return tagged("items", [[key, item] for key, item in members.items()])
    return tagged("dict", members) if is_tagged else members


def _has_null(values: dict[Any, Any]) -> bool:
    """Whether a key has a null character, which not every database takes in the name of a member."""
    try:
        return "\0" in "".join(values)
    except TypeError:  # a key is no text, which is told when it comes to it
        return False


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise Unstorable(f"a key of type {full_name(type(key))} cannot be stored; write str(...)")
    return _text(str.__str__(key))


def _instead(value: Any) -> str:
    """What to write instead of a value of a type that is not stored."""
    for base, instead in INSTEAD_OF.items():
        if isinstance(value, base):
            return instead
    if type(value).__module__.partition(".")[0] == "pandas":
        return "write pandas.Series(...), or str(...)"
    return INSTEAD_OF_OTHERS


def decode(document: Any, *, read: Read | None = None) -> Any:
    """Return the value whose stored form is ``document``: of the same type and value as what was encoded.

    No code of a class that the document names is run, and no module is imported that does not declare it.

    Args:
        document: The stored form.
        read: Gives the bytes kept apart under a SHA-256, in pieces, in order.

    Raises:
        RecordError: If the document has an unknown kind, or a content that does not fit its kind.
    """
    try:
        return _decode(document, read)
    except RecursionError:
        raise RecordError("a stored value is nested too deeply to be read") from None


def _decode(document: Any, read: Read | None) -> Any:
    if isinstance(document, list):
        return [_decode(item, read) for item in document]
    if not isinstance(document, dict):
        return document
    if TAG not in document:
        return {key: _decode(item, read) for key, item in document.items()}
    tag = document[TAG]
    try:
        return _decode_tagged(tag, document["value"], read)
    except (RecordError, ServiceError, RecursionError):
        raise
    except Exception as error:  # a document may hold anything, and libraries that read it fail in any way
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise RecordError(f"a stored value of kind {tag!r} cannot be read: {reason}") from error


def _decode_tagged(tag: Any, content: Any, read: Read | None) -> Any:
    match tag:
        case "tuple":
            return tuple(_decode(item, read) for item in _of_type(content, list))
        case "dict":
            return {key: _decode(item, read) for key, item in content.items()}
        case "items":
            return {_of_type(key, str): _decode(item, read) for key, item in content}
        case "json":
            return _decode(json.loads(content), read)
        case "float":
            return float(_of_type(content, str))
        case "int":
            return int(content, 16)
        case "complex":
            real, imaginary = (_of_type(_decode(part, read), float) for part in content)
            return complex(real, imaginary)
        case "bytes":
            return _inline(content)
        case "blob":
            return _stored(tagged(tag, content), read).whole()
        case "object":
            fields = {name: _decode(field, read) for name, field in content["fields"].items()}
            return objects.instance_of(_of_type(content["type"], str), fields)
        case "enum":
            return objects.member_of(_of_type(content["type"], str), content["name"])
        case "array":
            return arrays.array_of(_stored(content, read))
        case "scalar":
            return arrays.scalar_of({"dtype": content["dtype"], "value": _decode(content["value"], read)})
        case "frame" | "series" | "index":
            return frames.frame_of(tag, _stored(content, read), decode)
        case "timestamp" | "duration" | "missing":
            return frames.scalar_of(tag, content)
    kind = kind_tagged(tag) if isinstance(tag, str) else None
    if kind is None:
        raise RecordError(f"a stored value has the unknown kind {tag!r}; a later lume_dsl may know it")
    return kind.load(_decode(content, read))


def _of_type(content: Any, tp: type[T]) -> T:
    if not isinstance(content, tp):
        raise ValueError(f"expected {tp.__name__}, got {type(content).__name__}")
    return content


def _inline(text: Any) -> bytes:
    return base64.b64decode(_of_type(text, str), validate=True)


def _stored(document: Any, read: Read | None) -> Content:
    """The content that is stored in the document, or apart from it."""
    if document[TAG] == "bytes":
        return Content.of(_inline(document["value"]))
    if document[TAG] != "blob":
        raise ValueError("its content is neither bytes nor a blob")
    sha256, size = (document["value"][name] for name in ("sha256", "size"))
    if read is None:
        raise RecordError(f"the stored bytes {sha256!r} are kept apart from the record; load it from its store")
    return Content.read_by(read, _of_type(sha256, str), _of_type(size, int))
