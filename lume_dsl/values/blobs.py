"""The contents that stored forms name and do not hold; it must not know who keeps those."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from lume_dsl.values.kinds import TAG

__all__ = ["named_blobs"]


def named_blobs(*forms: Any) -> set[str]:
    """Return the SHA-256 of all blobs in stored forms (``lume_dsl.values.encoding``).

    What is no stored form names none: whether it can be read is told when it is.

    >>> named_blobs({"a": [{"__lume__": "blob", "value": {"sha256": "ab", "size": 7}}]})
    {'ab'}
    """
    found: set[str] = set()
    left = list(forms)  # not by calls: what is nested deeply is no trouble
    while left:
        form = left.pop()
        members = form.values() if type(form) is dict else form if type(form) is list else ()
        if type(form) is dict and TAG in form:
            tag, content = form[TAG], form.get("value")
            if tag == "blob" and isinstance(content, dict):
                found.add(str(content.get("sha256")))
            members = _within(tag, content)
        left += [member for member in members if type(member) in (dict, list)]
    return found


def _within(tag: Any, content: Any) -> list[Any]:
    """The stored forms in the content of a kind: members of a user's dict and fields may have names like ours."""
    match tag, content:
        case "json", str():
            with suppress(ValueError):
                return [json.loads(content)]
        case "dict", dict():
            return list(content.values())
        case "object", {"fields": dict(fields)}:
            return list(fields.values())
        case _:
            return [content]
    return []
