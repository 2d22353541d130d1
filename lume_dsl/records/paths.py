"""Paths to what a record holds, as ``outputs.fit.sigma`` writes them; it must not import the classes of values.

A path leads through encoded documents (``lume_dsl.values.encoding``) as they are stored: by keys into dicts, fields of
attrs classes, dataclasses and named tuples and members of a file's reference, by numbers into lists and tuples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

import attrs

from lume_dsl.errors import RecordError, did_you_mean
from lume_dsl.values.encoding import TAG

__all__ = ["MEMBERS", "MISSING", "Names", "RecordPath", "check_known", "read_path", "value_at"]

CONTAINERS = ("inputs", "outputs", "fields", "provenance")
TEXTS = ("flow_name", "project_name", "result_name", "flow_run_id", "result_type_string", "unique_hash")
MEMBERS = (*CONTAINERS, "time", *TEXTS)
"""With what a path begins."""

PROVENANCE = ("flow", "source_sha256", "revision", "lume_dsl", "python", "prefect", "host", "start_time", "end_time")
"""What is known of how a record was made."""

Names: TypeAlias = Mapping[str, Collection[str]]
"""Names of inputs, outputs and fields that records may have, where they are known: ``{"inputs": ("charge",)}``."""

MISSING: Final = object()
"""What is where a path leads nowhere."""

_STEP = re.compile(r"\.([^.\[\]]+)|\[(-?[0-9]{1,9})\]")


@attrs.frozen(repr=False)
class RecordPath:
    """The steps to a value of a record: a member's name, then keys and places of items; -1 is the last item."""

    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        return self._dotted() or ", ".join(map(repr, self.steps))

    def __repr__(self) -> str:
        """The ``at`` that gives this path."""
        dotted = self._dotted()
        return f"at({dotted!r})" if dotted else f"at({', '.join(map(repr, self.steps))})"

    def _dotted(self) -> str:
        """The path as one text, or ``""`` where a key holds what separates steps."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)[1:]
        return text if _steps(text) == list(self.steps) else ""


def read_path(text: str, *keys: str | int) -> RecordPath:
    """Return the path that a text writes, followed by these keys as they are.

    Raises:
        RecordError: If it is no path, or does not begin with a member of a record.
        TypeError: If a key is neither a text nor an int.
    """
    if not isinstance(text, str):
        raise TypeError(f"a path is a text, got {text!r}; write at('inputs.charge')")
    for key in keys:
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            raise TypeError(f"a key of a path is a text or the place of an item, got {key!r}")
    steps = _steps(text)
    if steps is None:
        raise RecordError(
            f"{text!r} is no path: write keys with dots and places of items in brackets, 'outputs.values[0]'; "
            "for a key that itself holds one of these, at('outputs', 'a.b')"
        )
    path = RecordPath((*steps, *keys))
    _check_start(path)
    return path


def _steps(text: str) -> list[str | int] | None:
    steps: list[str | int] = []
    end, text = 0, f".{text}"
    for found in _STEP.finditer(text):
        if found.start() != end:
            return None
        steps.append(int(found[2]) if found[2] else found[1])
        end = found.end()
    return steps if end == len(text) else None


def _check_start(path: RecordPath) -> None:
    member, *rest = path.steps
    if member not in MEMBERS:
        hint = did_you_mean(str(member), MEMBERS) or (
            f"; a path begins with {', '.join(MEMBERS)}: a flow's parameter is inputs.{member}, what it recorded "
            f"outputs.{member}, a field of your own class fields.{member}"
        )
        raise RecordError(f"a record has no {member!r}{hint}")
    if rest and member not in CONTAINERS:
        raise RecordError(f"{member!r} of a record has no parts, so there is no {rest[0]!r} in it")
    check_known(path, {"provenance": PROVENANCE}, "a record")


def check_known(path: RecordPath, names: Names, whose: str) -> None:
    """Return if what follows the path's first step is one of these names, or nothing is known of them.

    Raises:
        RecordError: If it is none of them. Without this nothing would be found there, and nobody told.
    """
    member, *rest = path.steps
    known = names.get(str(member))
    if rest and known is not None and rest[0] not in known:
        hint = did_you_mean(str(rest[0]), known) or f"; there is {', '.join(known) or 'none'}"
        raise RecordError(f"{path}: {rest[0]!r} is none of the {member} of {whose}{hint}")


def value_at(document: dict[str, Any], path: RecordPath) -> Any:
    """Return the encoded value to which the path leads in a stored record, or ``MISSING``. Nothing is imported."""
    member, *steps = path.steps
    found = document.get(str(member), MISSING)
    if member == "time":
        return {TAG: "datetime", "value": found}
    for step in steps:
        found = _part(found, step)
        if found is MISSING:
            break
    return found


def _part(encoded: Any, step: str | int) -> Any:
    try:
        content = _opened(encoded)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return MISSING  # no value that lume_dsl has stored
    if isinstance(content, dict) and isinstance(step, str):
        return content.get(step, MISSING)
    if isinstance(content, list) and isinstance(step, int) and -len(content) <= step < len(content):
        return content[step]
    return MISSING


def _opened(encoded: Any) -> Any:
    """The object or array whose parts are those of the encoded value; anything else where it has none."""
    if not isinstance(encoded, dict) or TAG not in encoded:
        return encoded
    tag: Any = encoded[TAG]
    content: Any = encoded.get("value")
    if tag == "json":
        return _opened(json.loads(content))
    if tag == "items":
        return dict(content)
    if tag == "object":
        content = content.get("fields")
    elif tag not in ("tuple", "dict", "file"):
        return None
    # Of what is nested deeply the content itself is JSON text.
    return json.loads(content["value"]) if isinstance(content, dict) and content.get(TAG) == "json" else content
