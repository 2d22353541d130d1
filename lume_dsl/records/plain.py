"""A stored record as plain JSON and as cells of a table, for people and other programs; no class of it is imported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lume_dsl.records.record import ALTERED, Document
from lume_dsl.values.encoding import TAG, plain

__all__ = ["GROUPS", "MEMBERS", "cells", "json_text", "plain_record"]

MEMBERS = (
    "unique_hash",
    "time",
    "project_name",
    "flow_name",
    "result_name",
    "flow_run_id",
    "result_type_string",
)
"""The members of a record that are texts, in the order in which they are shown."""

GROUPS = ("inputs", "outputs", "fields", "provenance")
"""The members that have members themselves."""


def plain_record(document: Document) -> dict[str, Any]:
    """Return a stored record as plain JSON: its texts as they are, and its values as ``plain`` gives them."""
    texts = {name: _text(document.get(name)) for name in MEMBERS}
    return {**texts, **{group: plain(_members(document.get(group))) for group in GROUPS}}


def cells(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the name of each column that a stored record has, with its plain value there: ``inputs.charge``, 250.

    NaN and infinities, which JSON does not have, are the floats.
    """
    for name in MEMBERS:
        yield name, _text(document.get(name))
    for group in GROUPS:
        for name, encoded in _members(document.get(group)).items():
            yield f"{group}.{name}", _cell(encoded)


def _text(member: Any) -> str | None:
    return None if member is None else str(member)  # whatever a stranger has put into the database


def _cell(encoded: Any) -> Any:
    value = plain(encoded)
    is_number = isinstance(encoded, dict) and encoded.get(TAG) in ("float", "scalar")
    return float(value) if is_number and value in ("nan", "inf", "-inf") else value


def _members(encoded: Any) -> dict[str, Any]:
    """The encoded members of an encoded dict; none of None, which is the provenance of records without one."""
    match encoded:
        case {"__lume__": "dict", "value": dict(content)}:
            return content
        case {"__lume__": "items", "value": list(pairs)}:
            return dict(pairs)
        case {"__lume__": "altered", "value": str(why)}:
            return {ALTERED: why}
        case {"__lume__": "json", "value": str(text)}:
            return _members(json.loads(text))
        case dict():
            return encoded
    return {}


def json_text(value: Any) -> str:
    """Return a plain value as JSON text that is to be read."""
    return json.dumps(value, ensure_ascii=False)
