"""One text for values that count as the same, and its hash; it must not know what the values are for.

The canonical form of an encoded document (``lume_dsl.values.encoding``) is JSON in UTF-8:

* without white space, object members sorted by the code points of their names, non-ASCII text unescaped;
* numbers by value: one without a fraction is written as an integer (``1.0`` as ``1``, ``-0.0`` as ``0``), one
  beyond 64 bits as its encoded integer (``{"__lume__":"int","value":"0x..."}``), and one with a fraction as
  the shortest decimal text that reads back as the same double, as Python's ``repr`` writes it;
* bytes by their SHA-256 and size (``{"__lume__":"bytes","value":{"sha256":"...","size":3}}``), wherever they are kept;
* NumPy's numbers, texts and bytes as those of Python, and what was stored as JSON text as what the text says;
* ``true``, ``1`` and ``"1"`` are three different values, and the order of an array counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from lume_dsl.errors import RecordError
from lume_dsl.values.encoding import TAG, encode

__all__ = ["canonical", "digest"]


def canonical(document: Any) -> bytes:
    """Return the canonical form of an encoded document: equal bytes for values that count as the same.

    >>> canonical({"b": 1.0, "a": [True, "1"]})
    b'{"a":[true,"1"],"b":1}'
    """
    try:
        return _text(_by_value(document)).encode()
    except RecursionError:
        raise RecordError("a stored value is nested too deeply for its hash") from None


_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def digest(document: Any) -> str:
    """Return the SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _by_value(document: Any) -> Any:
    cls = type(document)
    if cls is dict:
        return _tagged(document) if TAG in document else _members(document)
    if cls is list:
        return [item if type(item) is str else _by_value(item) for item in document]
    if cls is float and document.is_integer():
        return encode(int(document))
    return document


def _members(members: dict[str, Any]) -> dict[str, Any]:
    return {key: item if type(item) is str else _by_value(item) for key, item in members.items()}


def _tagged(document: dict[str, Any]) -> Any:
    tag, content = document[TAG], document["value"]
    match tag:
        case "json":
            return _by_value(json.loads(content))
        case "scalar" if _is_plain(content):
            return _by_value(content["value"])
        case "bytes":
            data = base64.b64decode(content)
            content = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        case "blob":
            tag = "bytes"
        case "dict":
            content = _members(content)
        case "items":
            content = {key: _by_value(item) for key, item in content}
        case "object":
            content = {"type": content["type"], "fields": _members(content["fields"])}
        case _:
            content = _by_value(content)
    return {TAG: tag, "value": content}


def _is_plain(scalar: dict[str, Any]) -> bool:
    """Whether a NumPy scalar equals a number, text or bytes of Python's."""
    name, value = scalar["dtype"], scalar["value"]
    is_other = name == "void" or name.startswith(("datetime64", "timedelta64"))
    beyond_floats = name in ("longdouble", "clongdouble") and isinstance(value, str | list)
    return not is_other and not beyond_floats
