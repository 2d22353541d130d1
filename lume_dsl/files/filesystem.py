"""``Filesystem``: the contract of a place that keeps files by path; it must not know what their bytes mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import BinaryIO

import attrs

from lume_dsl.errors import FileError
from lume_dsl.files.streams import Digest, Fill

__all__ = ["Filesystem", "Saved", "checked"]


@attrs.frozen
class Saved:
    """A file that was saved: its path as a reference keeps it, and what it is recognised by."""

    path: str
    digest: Digest


class Filesystem(ABC):
    """The contract of a place that keeps files by path. ``lume_dsl.testing.FilesystemContract`` tests it."""

    @abstractmethod
    def check(self) -> None:
        """Return if files can be saved in the filesystem, as far as can be told within 4 seconds.

        Asked for what is saved, before anything computes. Reading needs no check.

        Raises:
            ServiceError: Saying what is missing and how to mend it.
        """

    @abstractmethod
    def locate(self, path: str) -> str:
        """Return the full path, or URL, by which a person finds the file, whether or not it exists.

        Raises:
            FileError: If the path is no path of a file, or leads out of this filesystem.
        """

    @abstractmethod
    def keep(self, path: str) -> str:
        """Return ``path`` as a reference keeps it: every process that reads it finds the same file."""

    @abstractmethod
    def check_target(self, path: str) -> None:
        """Return if a file could be written at ``path``, as far as can be told without writing it.

        Raises:
            FileError: If the path leads out of this filesystem, or into what is no folder or may not be written.
        """

    @abstractmethod
    def save(self, path: str, fill: Fill, *, overwrite: bool) -> Saved:
        """What ``fill`` writes to the stream that it gets is the whole content of the file at ``path``.

        Missing folders are made. No reader ever sees a part of the file, and a failure leaves an older one as it
        was. Where the file is there with the same content, nothing happens. What ``fill`` raises is passed on.

        Raises:
            FileError: If it cannot be written, or if other content is there and ``overwrite`` is false.
        """

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Return the file at ``path`` as a seekable stream, which the caller closes.

        Raises:
            FileError: If it is missing or cannot be read.
        """

    def write(self, path: str, data: bytes, *, overwrite: bool) -> str:
        """``data`` is the whole content of the file at ``path``; returns ``keep(path)``. As ``save`` otherwise."""

        def fill(stream: BinaryIO) -> None:
            stream.write(data)

        return self.save(path, fill, overwrite=overwrite).path

    def read(self, path: str) -> bytes:
        """Return the whole content of the file at ``path``. As ``open`` otherwise."""
        with self.open(path) as stream:
            try:
                return stream.read()
            except OSError as error:
                raise FileError(f"{self.locate(path)}: cannot be read: {error.strerror or error}") from error


def checked(path: str) -> str:
    """Return ``path``.

    Raises:
        FileError: If no filesystem could have a file of this path.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        is_text = False
    else:
        is_text = True
    if not path or "\0" in path or path.endswith(("/", "/.", "/..")) or not is_text:
        raise FileError(f"{path!r} is not a filename; pass one such as filename='results/fit.json'")
    return path
