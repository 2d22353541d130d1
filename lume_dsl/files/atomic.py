"""Whole files on a POSIX filesystem: written completely or not at all; it must not know whose files they are."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from typing import BinaryIO

from lume_dsl.errors import FileError
from lume_dsl.files.streams import Digest, Fill, digest_of, filled

__all__ = [
    "STALE_SECONDS",
    "OccupiedError",
    "check_writable",
    "is_full",
    "open_whole",
    "refusal",
    "sync_folder",
    "write_whole",
]

STALE_SECONDS = 3600.0
"""A temporary file this old, which no living writer holds, was left by one that was killed."""

_EFFECTIVE = os.access in os.supports_effective_ids

_PREFIX, _SUFFIX = ".lume-", ".tmp"


def open_whole(path: str) -> BinaryIO:
    """Return the file at ``path``, open for reading. It stays the same one when another takes its place.

    Raises:
        FileError: If it is missing or cannot be read.
    """
    _refuse_special(path, path)
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise FileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error


def write_whole(path: str, fill: Fill, *, overwrite: bool) -> Digest:
    """What ``fill`` writes is the content of the file at ``path``, on disk; its folder is made where it is missing.

    It is written to a temporary file beside it first, so that no reader sees a part of it and a failure changes
    nothing. A file with the same content is not touched. A symbolic link stays one. What writers that were killed
    left in the folder is removed.

    Raises:
        FileError: If it cannot be written, or if other content is there and ``overwrite`` is false.
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise FileError(f"{path}: is a folder; choose another filename")
    _refuse_special(target, path)
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder, exist_ok=True)
        _remove_stale(folder)
        temporary, stream = _open_temporary(folder)
    except OSError as error:
        if (same := _same_without_writing(target, fill)) is not None:  # a read-only folder
            return same
        raise _unwritable(path, folder, error) from error
    try:
        with stream:
            digest = _on_disk(stream, fill, path, folder)
            _publish(temporary, target, path, digest, overwrite=overwrite)
    finally:
        with suppress(OSError):
            os.unlink(temporary)
    return digest


def check_writable(path: str) -> None:
    """Return if a file could be written at ``path``: its folder, or the nearest one above that exists, takes files.

    Raises:
        FileError: If it does not, or if ``path`` is a folder or too long.
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise FileError(f"{path}: is a folder; choose another filename")
    _refuse_special(target, path)
    folder = os.path.dirname(target)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)):
        reason = "may not be written to" if os.path.isdir(folder) else "is not a folder"
        raise FileError(f"{path}: {folder} {reason}; {_ADVICE}")


def refusal(folder: str) -> str:
    """Return why no file can be written in the folder or below it, ``""`` where one can or that cannot be told.

    One is made there and removed: what a folder's mode grants, and to root always, its filesystem may refuse.
    """
    try:
        temporary, stream = _open_temporary(folder)
    except PermissionError as error:
        # Often a shared folder's top is not the user's, and one below it is: what is told of that is told by its files.
        return "" if _has_inner_folder(folder) else str(error.strerror or error)
    except OSError as error:
        return str(error.strerror or error)
    stream.close()
    with suppress(OSError):
        os.unlink(temporary)
    return ""


def _has_inner_folder(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.is_dir() and os.access(entry.path, os.X_OK, effective_ids=_EFFECTIVE) for entry in entries)
    except OSError:  # it may be entered all the same, and what is in it not listed
        return True


def _refuse_special(target: str, path: str) -> None:
    """A device, pipe or socket is no place for a file: reading one may never end, and replacing one breaks it."""
    try:
        mode = os.stat(target).st_mode
    except OSError as error:  # not there, or not to be seen: opening it will tell
        if error.errno == errno.ENAMETOOLONG:
            raise FileError(f"{path}: the name is too long; choose a shorter filename") from error
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileError(f"{path}: is a device, pipe or socket, not a file; choose another filename")


_ADVICE = "make it a folder that you may write to, or choose another filename"


def is_full(error: OSError) -> bool:
    """Return if an error says that a disk, a quota or a file has no room for more."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _unwritable(path: str, folder: str, error: OSError) -> FileError:
    advice = "make room, or choose another place; what was there is unchanged" if is_full(error) else _ADVICE
    return FileError(f"{path}: cannot write in {folder}: {error.strerror or error}; {advice}")


class OccupiedError(FileError):
    """A file is there with other content, and is not to be replaced."""

    @classmethod
    def at(cls, path: str) -> OccupiedError:
        """Return the error of a file at ``path``."""
        advice = "write overwrite=True in the flow, or choose another filename"
        return cls(f"{path}: exists with other content; {advice}")


def _holds(path: str, digest: Digest) -> bool:
    try:
        if os.stat(path).st_size != digest.size:
            return False
        with open(path, "rb") as stream:
            return digest_of(stream) == digest
    except OSError:
        return False


def _same_without_writing(target: str, fill: Fill) -> Digest | None:
    """The digest of what ``fill`` writes, where the file is there with that content already."""
    if not os.path.isfile(target):
        return None
    import tempfile  # 3 ms, which a definition does not wait for

    try:
        with tempfile.TemporaryFile() as stream:
            digest = filled(stream, fill)
    except OSError:  # it cannot be told without a place for it: what is told is that the folder cannot be written
        return None
    return digest if _holds(target, digest) else None


def _open_temporary(folder: str) -> tuple[str, BinaryIO]:
    # Not tempfile: it makes files that nobody else may read, and this one becomes the user's.
    temporary = os.path.join(folder, f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    with suppress(OSError):  # a filesystem without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that its writer lives
    return temporary, open(descriptor, "w+b")


def _on_disk(stream: BinaryIO, fill: Fill, path: str, folder: str) -> Digest:
    try:
        digest = filled(stream, fill)
        os.fsync(stream.fileno())
    except OSError as error:
        with suppress(OSError):  # the rest of what could not be written
            stream.close()
        raise _unwritable(path, folder, error) from error
    return digest


def _publish(temporary: str, target: str, path: str, digest: Digest, *, overwrite: bool) -> None:
    """Give the temporary file its name, unless the file is there with the same content."""
    if _holds(target, digest):
        return
    try:
        if overwrite:
            with suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(temporary, target)
        else:
            _name_new(temporary, target)
        sync_folder(os.path.dirname(target))
    except FileExistsError as error:
        if not _holds(target, digest):  # another writer was first
            raise OccupiedError.at(path) from error
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}; choose another filename") from error


def _name_new(temporary: str, target: str) -> None:
    """Give the temporary file a name that no file has. FileExistsError: one has it."""
    try:
        os.link(temporary, target)  # unlike a rename, never replaces what is there
    except FileExistsError:
        raise
    except OSError:  # a filesystem without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.replace(temporary, target)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """The names in the folder outlast a crash of the machine too, where the filesystem can say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# what killed writers left

_looked: dict[str, float] = {}
"""When this process last looked through a folder: a long one takes time, and it is written to again and again."""


def _remove_stale(folder: str) -> None:
    """No temporary file is left in the folder that is old and that nobody holds. Looked for once in a while."""
    now = time.time()
    if now - _looked.get(folder, 0.0) < STALE_SECONDS:
        return
    _looked[folder] = now
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
                _remove_if_stale(entry, now)


def _remove_if_stale(entry: os.DirEntry[str], now: float) -> None:
    with suppress(OSError):
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or now - status.st_mtime < STALE_SECONDS:
            return
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its writer lives
            os.unlink(entry.path)
        finally:
            os.close(descriptor)
