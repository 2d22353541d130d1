"""Streams that know the size and SHA-256 of what is written to them. They must not know whose files they are."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import attrs

from lume_dsl.values.content import PIECE

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Digest", "Fill", "HashingStream", "digest_of", "filled"]

Fill: TypeAlias = Callable[[BinaryIO], None]
"""Writes a file's whole content to a seekable binary stream. It may be called more than once."""


@attrs.frozen
class Digest:
    """What a content is recognised by: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


def digest_of(stream: BinaryIO) -> Digest:
    """Return the digest of all that a seekable stream holds, and leave it at its start."""
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while piece := stream.read(PIECE):
        digest.update(piece)
        size += len(piece)
    stream.seek(0)
    return Digest(size, digest.hexdigest())


class HashingStream(io.BufferedIOBase):
    """A stream to a file that hashes what is written in order, so that the file need not be read again for it.

    Formats that go back to fill something in (zip, HDF5) may: then the file is read once, at the end. It has no
    ``fileno``, by which Pillow would write past it.

    Attributes:
        failure: What the file refused a write by, as a full disk does. Libraries tell it in words of their own.
    """

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._place = 0
        self._in_order = True
        self.failure: OSError | None = None

    def write(self, data: Buffer, /) -> int:
        view = memoryview(data).cast("B")
        try:
            self._inner.write(view)
        except OSError as error:
            self.failure = error
            raise
        if self._place == self._hashed:
            self._hash.update(view)
            self._hashed += view.nbytes
        else:
            self._in_order = False
        self._place += view.nbytes
        return view.nbytes

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._inner.read(-1 if size is None else size)
        self._place += len(data)
        return data

    read1 = read

    def readinto(self, buffer: Buffer, /) -> int:
        count: int = self._inner.readinto(buffer)  # type: ignore[attr-defined]  # it is a buffered file
        self._place += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._place = self._inner.seek(offset, whence)
        return self._place

    def tell(self) -> int:
        return self._place

    def truncate(self, size: int | None = None, /) -> int:
        self._in_order = False
        return self._inner.truncate(self._place if size is None else size)

    def flush(self) -> None:
        if not self._inner.closed:
            try:
                self._inner.flush()
            except OSError as error:
                self.failure = error
                raise

    def close(self) -> None:
        """Nothing: a library that closes what it wrote to must not close the file."""

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def digest(self) -> Digest:
        """Return the digest of the whole file."""
        self.flush()
        end = self._inner.seek(0, os.SEEK_END)
        if self._in_order and end == self._hashed:
            return Digest(end, self._hash.hexdigest())
        return digest_of(self._inner)


def filled(inner: BinaryIO, fill: Fill) -> Digest:
    """``inner`` holds what ``fill`` writes; return its digest.

    Raises:
        OSError: The file could not be written, whatever a library made of that.
    """
    stream = HashingStream(inner)
    target: Any = stream
    try:
        fill(target)
        return stream.digest()
    except Exception as error:
        if stream.failure is not None and stream.failure is not error:
            raise stream.failure from error
        raise
