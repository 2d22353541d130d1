"""Text files in UTF-8; it must not know any other format."""

from __future__ import annotations

from lume_dsl.files.file import File

__all__ = ["TextFile"]


class _TextSerializer:
    def dump(self, obj: str, _filename: str, /) -> bytes:
        if not isinstance(obj, str):
            raise TypeError(f"expected str, got {type(obj).__name__}")
        return obj.encode()

    def load(self, data: bytes, _filename: str, /) -> str:
        return data.decode()


class TextFile(File[str]):
    """A text in UTF-8, exactly as it is: line endings are not converted, and the empty text is one."""

    serializer = _TextSerializer()
