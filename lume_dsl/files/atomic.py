"""Whole files on a POSIX filesystem: written completely or not at all; it must not know whose files they are."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from lume_dsl.errors import FileError

__all__ = ["check_writable", "read_whole", "write_whole"]


def read_whole(path: str) -> bytes:
    """Return the content of the file at ``path``.

    Raises:
        FileError: If it is missing or cannot be read.
    """
    _refuse_special(path, path)
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError as error:
        raise FileError(f"{path}: there is no such file") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error


def write_whole(path: str, data: bytes, *, overwrite: bool) -> None:
    """``data`` is the content of the file at ``path``, on disk; its folder is made where it is missing.

    It is written to a temporary file beside it first, so that no reader sees a part of it and a failure changes
    nothing. A file with the same content is not touched. A symbolic link stays one.

    Raises:
        FileError: If it cannot be written, or if other content is there and ``overwrite`` is false.
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise FileError(f"{path}: is a folder; choose another filename")
    _refuse_special(target, path)
    if _holds(target, data):
        return
    if not overwrite and os.path.lexists(target):
        raise _occupied(path)
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder, exist_ok=True)
        temporary = _write_temporary(folder, data)
    except OSError as error:
        raise FileError(f"{path}: cannot write in {folder}: {error.strerror or error}; {_ADVICE}") from error
    try:
        _publish(temporary, target, data, overwrite=overwrite)
    except FileExistsError as error:
        raise _occupied(path) from error
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}; choose another filename") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def check_writable(path: str) -> None:
    """Return if a file could be written at ``path``: its folder, or the nearest one above that exists, takes files.

    Raises:
        FileError: If it does not, or if ``path`` is a folder.
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise FileError(f"{path}: is a folder; choose another filename")
    _refuse_special(target, path)
    folder = os.path.dirname(target)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)):
        reason = "may not be written to" if os.path.isdir(folder) else "is not a folder"
        raise FileError(f"{path}: {folder} {reason}; {_ADVICE}")


def _refuse_special(target: str, path: str) -> None:
    """A device, pipe or socket is no place for a file: reading one may never end, and replacing one breaks it."""
    try:
        mode = os.stat(target).st_mode
    except OSError:  # not there, or not to be seen: opening it will tell
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileError(f"{path}: is a device, pipe or socket, not a file; choose another filename")


_ADVICE = "make it a folder that you may write to, or choose another filename"


def _occupied(path: str) -> FileError:
    return FileError(f"{path}: exists with other content; write overwrite=True in the flow, or choose another filename")


def _holds(path: str, data: bytes) -> bool:
    try:
        if os.stat(path).st_size != len(data):
            return False
        with open(path, "rb") as stream:
            return stream.read() == data
    except OSError:
        return False


def _write_temporary(folder: str, data: bytes) -> str:
    # Not tempfile: it makes files that nobody else may read, and this one becomes the user's.
    temporary = os.path.join(folder, f".lume-{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _publish(temporary: str, target: str, data: bytes, *, overwrite: bool) -> None:
    """Give the temporary file its name. FileExistsError: another writer was first, with other content."""
    if overwrite:
        with suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)  # unlike a rename, never replaces what is there
    except FileExistsError:
        if not _holds(target, data):
            raise
    except OSError:  # a filesystem without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.replace(temporary, target)
