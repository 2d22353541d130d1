"""Stored values as a person or a table wants to see them; it must not load a class, NumPy or pandas for that."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from lume_dsl.values.kinds import TAG
from lume_dsl.values.npy import header_of

__all__ = ["plain"]


def plain(document: Any) -> Any:
    """Return JSON values that tell what was stored: numbers, texts, and for what is large its kind and size.

    An object is its fields, an enum member its value or, where that is no scalar of JSON, its name, a file its
    reference, a time its text, NaN ``"nan"``, bytes ``"bytes (5)"`` and an array ``"array float64 (3, 4)"``. What is
    no stored value is given back as it is.

    >>> plain({"__lume__": "tuple", "value": [1, {"__lume__": "bytes", "value": "AP8="}]})
    [1, 'bytes (2)']
    """
    if isinstance(document, list):
        return [plain(item) for item in document]
    if not isinstance(document, dict):
        return document
    if TAG not in document:
        return _members(document)
    content = document.get("value")
    try:
        return _FORMS.get(str(document[TAG]), plain)(content)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        return content if isinstance(content, str) else f"{document[TAG]} that cannot be read"


def _members(members: Any) -> dict[str, Any]:
    return {key: plain(item) for key, item in members.items()}


def _data(content: Any) -> bytes | None:
    """Bytes that are in the document itself, else None."""
    return base64.b64decode(content["value"]) if content[TAG] == "bytes" else None


def _bytes(content: Any) -> str:
    return f"bytes ({len(base64.b64decode(content))})"


def _blob(content: Any) -> str:
    return f"bytes ({content['size']})"


def _sized(word: str) -> Callable[[Any], str]:
    def told(content: Any) -> str:
        data = _data(content)
        size = content["value"]["size"] if data is None else len(data)
        return f"{word} ({size} bytes)"

    return told


def _array(content: Any) -> str:
    data = _data(content)
    header = None if data is None else header_of(data)
    if header is None:
        return _sized("array")(content)
    return f"array {_dtype(header.descr)} {header.shape}"


_MOST_BITS = 14_000
"""Of an int that is shown by its digits. Python makes a text of 4,300 digits at most."""

_NAMES = {"f": "float", "i": "int", "u": "uint", "c": "complex"}


def _dtype(descr: Any) -> str:
    if not isinstance(descr, str):
        return "structured"
    text = descr.lstrip("<>|=")
    if text == "b1":
        return "bool"
    if text[:1] in _NAMES and text[1:].isdecimal():
        return f"{_NAMES[text[0]]}{8 * int(text[1:])}"
    return text.replace("M8", "datetime64").replace("m8", "timedelta64")


def _scalar(content: Any) -> Any:
    name, value = content["dtype"], content["value"]
    kind, _, unit = name.rstrip("]").partition("[")
    if kind == "datetime64":
        return "NaT" if value is None else _instant(value, unit)
    if kind == "timedelta64":
        return "NaT" if value is None else f"{value} {unit}".rstrip()
    return plain(value)


_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DATES = {"h": 3600, "m": 60, "D": 86400, "W": 7 * 86400}


def _instant(count: int, unit: str) -> str:
    """A count of a unit since 1970 as ISO 8601, with as many decimals as the unit has; else the count and the unit."""
    digits = len(str(_PER_SECOND.get(unit, 1))) - 1
    if unit in _DATES:
        count, unit = count * _DATES[unit], "s"
    if unit not in _PER_SECOND:
        return f"{count} {unit}".rstrip()
    seconds, fraction = divmod(count, _PER_SECOND[unit])
    try:
        text = (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return f"{count} {unit}"
    return f"{text}.{fraction:0{digits}d}" if digits else text


def _timestamp(content: Any) -> str:
    text = _instant(content["count"], content["unit"])
    return f"{text}+00:00" if content["zone"] is not None else text


def _int(text: str) -> int | str:
    number = int(text, 16)
    return number if number.bit_length() < _MOST_BITS else f"int ({number.bit_length()} bits)"


def _complex(content: Any) -> str:
    real, imaginary = (float(plain(part)) for part in content)
    return str(complex(real, imaginary))


_FORMS: dict[str, Callable[[Any], Any]] = {
    "tuple": plain,
    "dict": _members,
    "items": lambda pairs: {key: plain(item) for key, item in pairs},
    "json": lambda text: plain(json.loads(text)),
    "int": _int,
    "bytes": _bytes,
    "blob": _blob,
    "array": _array,
    "frame": _sized("frame"),
    "series": _sized("series"),
    "index": _sized("index"),
    "scalar": _scalar,
    "complex": _complex,
    "timestamp": _timestamp,
    "duration": lambda content: f"{content['count']} {content['unit']}",
    "object": lambda content: _members(content["fields"]),
    "enum": lambda content: plain(content.get("value", content["name"])),
    "file": lambda content: content if isinstance(content, dict) else plain(content),
}
