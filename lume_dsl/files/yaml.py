"""YAML files; it must not know any other format than JSON's values."""

from __future__ import annotations

from typing import Any

from lume_dsl.files.file import File
from lume_dsl.files.json import json_value

__all__ = ["YAMLFile"]


class _YAMLSerializer:
    def dump(self, obj: Any, _filename: str, /) -> bytes:
        import yaml  # heavy: 25 ms

        value = json_value(obj)
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        if any(line_break in text for line_break in "\x85\u2028\u2029"):
            # Unescaped, PyYAML writes these in a way that it reads back as blanks.
            text = yaml.safe_dump(value, sort_keys=False)
        return text.encode()

    def load(self, data: bytes, _filename: str, /) -> Any:
        import yaml  # heavy: 25 ms

        return yaml.safe_load(data)


class YAMLFile(File[Any]):
    """A JSON value as YAML, which is read back exactly. No tag in a file makes objects of other types."""

    serializer = _YAMLSerializer()
