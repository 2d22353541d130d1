"""JSON files; it must not know any other format."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from lume_dsl.files.file import File
from lume_dsl.values.convert import structure
from lume_dsl.values.jsontypes import JSON

__all__ = ["JSONFile", "json_value"]


def json_value(obj: Any) -> Any:
    """Return ``obj``, a JSON value through and through.

    Raises:
        TypeError: If a part of it is not, naming each such part by its path.
    """
    value, offences = structure(obj, JSON)
    if offences:
        raise TypeError("; ".join(f"value{offence.path}: {offence.message}" for offence in offences.shown))
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


class _JSONSerializer:
    def dump(self, obj: Any, _filename: str, /) -> bytes:
        return json.dumps(json_value(obj), ensure_ascii=False, allow_nan=False).encode()

    def load(self, data: bytes, _filename: str, /) -> Any:
        return json.loads(data, parse_constant=_refuse)


class JSONFile(File[Any]):
    """A JSON value, which is read back exactly. NaN, tuples, and keys that are not text are refused."""

    serializer = _JSONSerializer()
