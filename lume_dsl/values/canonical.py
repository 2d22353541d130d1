"""One text for values that count as the same, and its hash; it must not know what the values are for.

The canonical form of an encoded document (``lume_dsl.values.encoding``) is JSON in UTF-8:

* without white space, object members sorted by the code points of their names, non-ASCII text unescaped;
* numbers by value: one without a fraction is written as an integer (``1.0`` as ``1``, ``-0.0`` as ``0``), one
  beyond 64 bits as its encoded integer (``{"__lume__":"int","value":"0x..."}``), and one with a fraction as
  the shortest decimal text that reads back as the same double, as Python's ``repr`` writes it;
* bytes by their SHA-256 and size (``{"__lume__":"bytes","value":{"sha256":"...","size":3}}``), wherever they are kept;
* times by their clock, offset and zone, without the name that an offset was given (``[_name=CET]``);
* an Enum's member by its class and name, without its value;
* NumPy's numbers, texts and bytes as those of Python, and what was stored as JSON text as what the text says;
* ``true``, ``1`` and ``"1"`` are three different values, and the order of an array counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import Any

from lume_dsl.errors import RecordError
from lume_dsl.values.encoding import TAG, encode
from lume_dsl.values.times import without_name

__all__ = ["canonical", "digest", "digest_of_pair"]

_TOO_DEEP = "a stored value is nested too deeply for its hash"


def canonical(document: Any) -> bytes:
    """Return the canonical form of an encoded document: equal bytes for values that count as the same.

    >>> canonical({"b": 1.0, "a": [True, "1"]})
    b'{"a":[true,"1"],"b":1}'
    """
    try:
        return _text(document).encode()
    except RecursionError:
        raise RecordError(_TOO_DEEP) from None


def digest(document: Any) -> str:
    """Return the SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def digest_of_pair(name: str, document: Any) -> str:
    """Return the digest of ``[name, document]``, in half the time: each record has one for each of its inputs."""
    try:
        return hashlib.sha256(f"[{_quoted(name)},{_text(document)}]".encode()).hexdigest()
    except RecursionError:
        raise RecordError(_TOO_DEEP) from None


def _text(document: Any) -> str:
    """The canonical form as text. It is not left to json, as that would take another walk through each record."""
    cls = type(document)
    if cls is str:
        return _quoted(document)
    if cls is int:
        return int.__repr__(document)
    if cls is float:
        return _text(encode(int(document))) if document.is_integer() else _fraction(document)
    if cls is dict:
        return _text_of_tagged(document) if TAG in document else _text_of_members(document)
    if cls is list:
        return f"[{','.join(map(_text, document))}]"
    return json.dumps(document)


_quoted = json.encoder.encode_basestring


def _text_of_members(members: dict[str, Any]) -> str:
    items = [
        f"{_quoted(name)}:{_quoted(item) if type(item := members[name]) is str else _text(item)}"
        for name in sorted(members)
    ]
    return f"{{{','.join(items)}}}"


def _fraction(number: float) -> str:
    if not math.isfinite(number):
        raise ValueError(f"{number} has no canonical form")
    return float.__repr__(number)


def _text_of_tagged(document: dict[str, Any]) -> str:
    tag, content = document[TAG], document["value"]
    match tag:
        case "json":
            return _text(json.loads(content))
        case "scalar" if _is_plain(content):
            return _text(content["value"])
        case "bytes":
            data = base64.b64decode(content)
            written = _text_of_members({"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})
        case "blob":
            tag, written = "bytes", _text_of_members(content)
        case "datetime" | "time" if isinstance(content, str):
            written = _text(without_name(content))
        case "dict":
            written = _text_of_members(content)
        case "items":
            written = _text_of_members(dict(content))
        case "object":
            written = f'{{"fields":{_text_of_members(content["fields"])},"type":{_text(content["type"])}}}'
        case "enum":
            written = _text_of_members({"name": content["name"], "type": content["type"]})
        case _:
            written = _text(content)
    return f'{{"{TAG}":{_text(tag)},"value":{written}}}'


def _is_plain(scalar: dict[str, Any]) -> bool:
    """Whether a NumPy scalar equals a number, text or bytes of Python's."""
    name, value = scalar["dtype"], scalar["value"]
    is_other = name == "void" or name.startswith(("datetime64", "timedelta64"))
    beyond_floats = name in ("longdouble", "clongdouble") and isinstance(value, str | list)
    return not is_other and not beyond_floats
