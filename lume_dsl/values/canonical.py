"""One text for values that count as the same, and its hash; it must not know what the values are for.

The canonical form of an encoded document (``lume_dsl.values.encoding``) is JSON in UTF-8:

* without white space, object members sorted by the code points of their names, non-ASCII text unescaped;
* numbers by value: one without a fraction is written as an integer (``1.0`` as ``1``, ``-0.0`` as ``0``), one
  beyond 64 bits as its encoded integer (``{"__lume__":"int","value":"0x..."}``), and one with a fraction as
  the shortest decimal text that reads back as the same double, as Python's ``repr`` writes it;
* ``true``, ``1`` and ``"1"`` are three different values, and the order of an array counts.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lume_dsl.values.encoding import encode

__all__ = ["canonical", "digest"]


def canonical(document: Any) -> bytes:
    """Return the canonical form of an encoded document: equal bytes for values that count as the same.

    >>> canonical({"b": 1.0, "a": [True, "1"]})
    b'{"a":[true,"1"],"b":1}'
    """
    text = json.dumps(_by_value(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(document: Any) -> str:
    """Return the SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _by_value(document: Any) -> Any:
    if isinstance(document, float) and document.is_integer():
        return encode(int(document))
    if isinstance(document, list):
        return [_by_value(item) for item in document]
    if isinstance(document, dict):
        return {key: _by_value(item) for key, item in document.items()}
    return document
