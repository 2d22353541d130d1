"""``Content``: bytes that may be large, given out in pieces. It must not know what they mean or who keeps them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lume_dsl.errors import RecordError

__all__ = ["PIECE", "Content", "pieces_of"]

PIECE = 4 * 2**20
"""Bytes of a piece at most: below what any store takes in one row or message."""


def pieces_of(file: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in order, in pieces of at most ``PIECE``.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


class Content:
    """Bytes of which no second copy is held: they are made, or seen, a piece at a time.

    Attributes:
        size: Their number.
    """

    def __init__(self, size: int, parts: Callable[[], Iterable[bytes | memoryview]], sha256: str = "") -> None:
        """``parts()`` gives the bytes in order, in parts of any length, the same ones at each call.

        ``sha256`` is given where it is known already.
        """
        self.size = size
        self._parts = parts
        self._sha256 = sha256

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Content:
        """Return the content that these bytes are."""
        view = memoryview(data).cast("B")
        return cls(view.nbytes, lambda: (view,))

    @classmethod
    def measured(cls, parts: Callable[[], Iterable[bytes | memoryview]]) -> Content:
        """Return the content of parts whose size only making them tells: they are made once for that."""
        digest, size = hashlib.sha256(), 0
        for part in parts():
            digest.update(part)
            size += memoryview(part).nbytes
        return cls(size, parts, digest.hexdigest())

    @classmethod
    def read_by(cls, read: Callable[[str], Iterable[bytes]], sha256: str, size: int) -> Content:
        """Return the content that ``read(sha256)`` gives, checked while it is read.

        Its pieces raise a ``RecordError`` where there are more or fewer bytes than ``size``, or others.
        """
        return cls(size, lambda: _checked(read(sha256), sha256, size), sha256)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes in order, in pieces of at most ``PIECE``; each is valid until the next one is asked for."""
        for part in self._parts():
            view = memoryview(part).cast("B")
            for start in range(0, view.nbytes, PIECE):
                yield view[start : start + PIECE]

    def whole(self) -> bytes:
        """Return all the bytes as one object, of which no second copy was held either."""
        buffer = io.BytesIO()
        for piece in self.pieces():
            buffer.write(piece)
        return buffer.getvalue()  # shares the buffer's memory, which b"".join(pieces) would hold twice

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes in hexadecimal, computed when it is first asked for."""
        if not self._sha256:
            digest = hashlib.sha256()
            for piece in self.pieces():
                digest.update(piece)
            self._sha256 = digest.hexdigest()
        return self._sha256


def _checked(pieces: Iterable[bytes], sha256: str, size: int) -> Iterator[bytes]:
    from concurrent.futures import Future, ThreadPoolExecutor  # loads logging and more: 10 ms

    digest, found = hashlib.sha256(), 0
    # Hashing takes as long as reading, and lets other threads run: it is done while the next piece is read.
    with ThreadPoolExecutor(1) as beside:
        hashing: Future[None] | None = None
        for piece in pieces:
            found += len(piece)
            if found > size:
                raise RecordError(f"the stored bytes {sha256[:12]}… are more than the {size:,} that were saved")
            if hashing is not None:
                hashing.result()
            hashing = beside.submit(digest.update, piece)
            yield piece
    if found != size:
        raise RecordError(f"of the stored bytes {sha256[:12]}… there are {found:,} of the {size:,} that were saved")
    if digest.hexdigest() != sha256:
        raise RecordError(f"the stored bytes {sha256[:12]}… were altered after they were saved (other SHA-256)")
