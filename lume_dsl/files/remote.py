"""Filesystems that a driver of fsspec reaches: one in memory, object stores, servers. It must not know one by name."""

from __future__ import annotations

import io
import os
import posixpath
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO
from urllib.parse import unquote

import attrs

from lume_dsl.errors import FileError, ServiceError, did_you_mean
from lume_dsl.files.atomic import OccupiedError, is_full
from lume_dsl.files.filesystem import Filesystem, Saved, checked
from lume_dsl.files.streams import Digest, Fill, digest_of, filled
from lume_dsl.secrets import hidden_text, hide
from lume_dsl.settings import MEMORY, FilesystemURL, mask_url, secrets_in

__all__ = ["CHECK_SECONDS", "RemoteFilesystem"]

CHECK_SECONDS = 3.5
"""How long a check takes at most: less than the check of all services, so that this one says what is wrong."""

_in_memory = threading.Lock()
"""fsspec's files in memory share one position among all that read them, and can be seen half written."""


@attrs.frozen
class RemoteFilesystem(Filesystem):
    """The files below a URL, out of which no path leads. References keep paths relative to it.

    A file is first written on this machine. Where the driver moves files by itself, it is then sent under another
    name and moved to its own; else it is sent in one operation, which object stores do wholly or not at all.
    Two that write one path at the same moment may both succeed there, and the later one's file stays; in memory,
    one of them is refused as it is on disk. Saving makes folders and no buckets: a check says that one is missing.
    """

    place: FilesystemURL

    def check(self) -> None:
        if _ended(self._ask, CHECK_SECONDS):
            return
        raise ServiceError(f"{self._named}: does not answer within {CHECK_SECONDS:g} seconds; {self._advice}")

    def _ask(self) -> None:
        fs, root = self._driver()
        with self._translated("cannot be used", ServiceError):
            try:
                fs.info(root)
            except FileNotFoundError:  # it answers, and saving makes folders
                bucket = "" if _mover(fs) else root.partition("/")[0]
                if bucket and not fs.exists(bucket):
                    wrong = f"{self._named}: there is no {bucket!r}, which saving does not make"
                    raise ServiceError(f"{wrong}; make it, or {self._advice}") from None

    def locate(self, path: str) -> str:
        head, separator, tail = mask_url(self.place.url).partition("?")
        root = head if head.endswith("://") else f"{head.rstrip('/')}/"
        return f"{root}{self.keep(path)}{separator}{tail}"

    def keep(self, path: str) -> str:
        normal = posixpath.normpath(checked(path))
        if normal.startswith("/") or normal.split("/")[0] in ("", ".", ".."):
            raise FileError(
                f"{path!r} does not name a file in the filesystem {self.place.identifier!r}; "
                "pass a path relative to its URL"
            )
        return normal

    def check_target(self, path: str) -> None:
        self.keep(path)
        self._driver()

    def save(self, path: str, fill: Fill, *, overwrite: bool) -> Saved:
        kept, where = self.keep(path), self.locate(path)
        with _spool(where) as name:
            digest = _spooled(name, fill, where)
            fs, root = self._driver()
            target = _join(root, kept)
            with self._translated(f"{where}: cannot be written"), self._alone():
                if not self._is_there(fs, target, where, digest, overwrite=overwrite):
                    self._send(fs, name, target, where, digest, overwrite=overwrite)
        return Saved(kept, digest)

    def open(self, path: str) -> BinaryIO:
        kept, where = self.keep(path), self.locate(path)
        fs, root = self._driver()
        with self._translated(f"{where}: cannot be read"), self._alone():
            try:
                return _fetched(fs, _join(root, kept), where)
            except FileNotFoundError as error:
                raise FileError(f"{where}: there is no such file") from error

    # sending and fetching

    def _is_there(self, fs: Any, target: str, where: str, digest: Digest, *, overwrite: bool) -> bool:
        """Whether the file is there with this content.

        Raises:
            FileError: Other content is there and may not be replaced.
        """
        with suppress(FileNotFoundError):
            found = fs.info(target)
            if found.get("type") == "directory":
                raise FileError(f"{where}: is a folder; choose another filename")
            if found.get("size") in (None, digest.size):
                with _fetched(fs, target, where) as stream:
                    if digest_of(stream) == digest:
                        return True
            if not overwrite:
                raise OccupiedError.at(where)
        return False

    def _send(self, fs: Any, name: str, target: str, where: str, digest: Digest, *, overwrite: bool) -> None:
        if _is_memory(fs):
            with open(name, "rb") as stream:
                fs.pipe_file(target, stream.read())
            return
        move = _mover(fs)
        if move is None:
            fs.put_file(name, target)
            return
        temporary = f"{posixpath.dirname(target)}/.lume-{os.urandom(8).hex()}.tmp"
        fs.makedirs(posixpath.dirname(target), exist_ok=True)
        try:
            fs.put_file(name, temporary)
            if not self._is_there(fs, target, where, digest, overwrite=overwrite):  # now, as sending takes time
                move(temporary, target)
        finally:
            with suppress(Exception):  # it has been moved, or what failed before is told
                fs.rm_file(temporary)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread uses files in memory. Other filesystems serve several at once."""
        if not self.place.url.startswith(f"{MEMORY}:"):
            yield
            return
        with _in_memory:
            yield

    # the driver

    def _driver(self) -> tuple[Any, str]:
        """The driver's object, which fsspec keeps, and the path of the root in it. What it lists is not kept.

        Raises:
            ServiceError: If there is no such driver, its package is not installed, or it cannot be set up.
        """
        hide([*_texts(self.place.options), *_passwords(self.place.url), *secrets_in(self.place.url)])
        from fsspec.core import url_to_fs  # heavy third party

        try:
            with self._translated("cannot be used", ServiceError):
                fs, root = url_to_fs(self.place.url, **self.place.options)
        except ImportError as error:
            raise ServiceError(f"{self._named}: {_missing(error)}") from error
        fs.invalidate_cache()
        return fs, str(root)

    @contextmanager
    def _translated(self, what: str, kind: type[FileError | ServiceError] = FileError) -> Iterator[None]:
        """What the driver raises is told as ours, without the options and passwords that it may tell."""
        try:
            yield
        except (FileError, ServiceError, ImportError):
            raise
        except Exception as error:  # drivers raise whatever their libraries do
            said = f"{type(error).__name__}: {error}"
            reason = self._hidden(said)
            cause = error if reason == said else None
            if kind is ServiceError or isinstance(error, (ConnectionError, TimeoutError)):
                raise ServiceError(f"{self._named}: {self._reason(error, reason)}; {self._advice}") from cause
            advice = (
                f"; {self._advice}" if isinstance(error, FileNotFoundError) else ""
            )  # its bucket, as folders are made
            raise FileError(f"{what}: {reason}{advice}") from cause

    def _reason(self, error: Exception, reason: str) -> str:
        if isinstance(error, ValueError) and "Protocol not known" in str(error):
            from fsspec.registry import known_implementations  # heavy third party

            scheme = self.place.url.partition(":")[0]
            return f"no driver of fsspec knows {scheme}://{did_you_mean(scheme, known_implementations)}"
        return f"cannot be used: {reason}"

    def _hidden(self, text: str) -> str:
        return hidden_text(mask_url(text.replace(self.place.url, mask_url(self.place.url))))

    @property
    def _named(self) -> str:
        return f"filesystem {self.place.identifier!r} ({mask_url(self.place.url)})"

    @property
    def _advice(self) -> str:
        return f"correct {self.place.variable}" if self.place.identifier != MEMORY else "try again"


def _is_memory(fs: Any) -> bool:
    return fs.protocol == MEMORY or MEMORY in tuple(fs.protocol)


def _mover(fs: Any) -> Callable[[str, str], None] | None:
    """How the driver moves a file by itself; None where it copies and removes it, so that a reader would see a part."""
    from fsspec.spec import AbstractFileSystem  # heavy third party

    move: Callable[[str, str], None] = getattr(fs, "mv_file", fs.mv)
    return None if move == fs.mv and type(fs).mv is AbstractFileSystem.mv else move


def _join(root: str, kept: str) -> str:
    return f"{root.rstrip('/')}/{kept}"


@contextmanager
def _spool(where: str) -> Iterator[str]:
    """The path of an empty file of this machine's, which is gone after the block."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="lume-")
    except OSError as error:
        raise _no_room(where, error) from error
    os.close(descriptor)
    try:
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _spooled(name: str, fill: Fill, where: str) -> Digest:
    try:
        with open(name, "w+b") as stream:
            return filled(stream, fill)
    except OSError as error:
        raise _no_room(where, error) from error


def _no_room(where: str, error: OSError) -> FileError:
    folder = tempfile.tempdir or "the folder for temporary files"
    reason = f"a temporary file of this machine cannot be written in {folder}: {error.strerror or error}"
    return FileError(f"{where}: {reason}; make room there, or set TMPDIR to a folder that has some")


def _fetched(fs: Any, target: str, where: str) -> BinaryIO:
    """A copy of the file, which takes no room once it is closed."""
    if fs.isdir(target):
        raise FileError(f"{where}: cannot be read: is a folder")
    if _is_memory(fs):
        return io.BytesIO(fs.cat_file(target))
    with _spool(where) as name:
        try:
            fs.get_file(target, name)
        except OSError as error:
            if is_full(error):  # nothing is written but the copy
                raise _no_room(where, error) from error
            raise
        return open(name, "rb")  # stays readable when the name is gone


def _missing(error: ImportError) -> str:
    """What to install: fsspec says it in words, and its cause has the module's name."""
    module = (getattr(error.__cause__, "name", None) or error.name or "").partition(".")[0]
    package = {"smbclient": "smbprotocol", "git": "pygit2"}.get(module, module)
    return f"its driver is not installed ({error}); pip install {package or 'it'}"


def _passwords(url: str) -> list[str]:
    """The password in a URL; with its pieces, as which URL parsers tell one that is not escaped."""
    found = re.search(r"://[^:]*:(.*)@", url, flags=re.DOTALL)
    return [found[1], unquote(found[1]), *re.split(r"[/?#@:]", found[1])] if found else []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _ended(action: Callable[[], None], seconds: float) -> bool:
    """Whether the action has ended in time; what it raises is raised.

    In a daemon: one that hangs must not keep the process from ending, as a thread pool's would.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    return not thread.is_alive()
