"""Filesystems: where the bytes of files go, by identifier; it must not know what the bytes mean."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import PurePath

import attrs

from lume_dsl.errors import FileError, ServiceError, did_you_mean
from lume_dsl.files.atomic import check_writable, read_whole, write_whole
from lume_dsl.settings import LOCAL, MountedFilesystem, Settings, current_settings, variable

__all__ = ["Filesystem", "LocalFilesystem", "MountFilesystem", "open_filesystem"]


class Filesystem(ABC):
    """The contract of a place that keeps files by path."""

    @abstractmethod
    def check(self) -> None:
        """Return if the filesystem can be used.

        Raises:
            ServiceError: Saying what is missing and how to mend it.
        """

    @abstractmethod
    def locate(self, path: str) -> str:
        """Return the full path by which a person on this machine finds the file, whether or not it exists.

        Raises:
            FileError: If the path is empty, or leads out of this filesystem.
        """

    @abstractmethod
    def keep(self, path: str) -> str:
        """Return ``path`` as a reference keeps it: every process that reads it finds the same file."""

    def write(self, path: str, data: bytes, *, overwrite: bool) -> str:
        """``data`` is the whole content of the file at ``path``; returns ``keep(path)``.

        Missing folders are made. No reader ever sees a part of it, and a failure leaves things as they were.

        Raises:
            FileError: If it cannot be written, or if other content is there and ``overwrite`` is false.
        """
        write_whole(self.locate(path), data, overwrite=overwrite)
        return self.keep(path)

    def check_target(self, path: str) -> None:
        """Return if a file could be written at ``path``, as far as can be told without writing it.

        Raises:
            FileError: If the path leads out of this filesystem, or into what is no folder or may not be written.
        """
        check_writable(self.locate(path))

    def read(self, path: str) -> bytes:
        """Return the whole content of the file at ``path``.

        Raises:
            FileError: If it is missing or cannot be read.
        """
        return read_whole(self.locate(path))


def _checked(path: str) -> str:
    if not path or "\0" in path:
        raise FileError(f"{path!r} is not a filename; pass one such as filename='results/fit.json'")
    return path


@attrs.frozen
class LocalFilesystem(Filesystem):
    """This machine's files. Relative paths resolve against ``directory``, ``~`` is the home folder.

    Always there, as far as a check can tell: which folders are used is seen when they are.
    """

    directory: str

    def check(self) -> None:
        return

    def locate(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.directory, os.path.expanduser(_checked(path))))

    def keep(self, path: str) -> str:
        return self.locate(path)


@attrs.frozen
class MountFilesystem(Filesystem):
    """A shared folder, which host and containers know by different paths. No path leads out of it.

    Paths are relative to the mount, or begin with either of its two absolute paths. References keep the
    relative one, on which host and container agree.
    """

    mount: MountedFilesystem

    def check(self) -> None:
        self._root()

    def locate(self, path: str) -> str:
        root = os.path.realpath(self._root())
        full = os.path.join(root, self.keep(path))
        if not PurePath(os.path.realpath(full)).is_relative_to(root):
            raise self._leaves(path)  # through a symbolic link
        return full

    def keep(self, path: str) -> str:
        normal = PurePath(os.path.normpath(_checked(path)))
        if normal.is_absolute():
            normal = self._relative(normal, path)
        if normal.parts[:1] in ((), ("..",)):
            raise self._leaves(path)
        return normal.as_posix()

    def _relative(self, normal: PurePath, path: str) -> PurePath:
        # The longer one first: one of the two may lie inside the other.
        for prefix in sorted((self.mount.mount_path, self.mount.mount_alias), key=len, reverse=True):
            if normal.is_relative_to(os.path.normpath(prefix)):
                return normal.relative_to(os.path.normpath(prefix))
        raise self._leaves(path)

    def _root(self) -> str:
        """The mount's path on this machine, which exists.

        Raises:
            ServiceError: If neither of its paths does, and it must not or cannot be made.
        """
        for root in (self.mount.mount_path, self.mount.mount_alias):
            if os.path.isdir(root):
                return root
        if self.mount.mount_type == "DirectoryOrCreate":
            return self._made()
        raise ServiceError(
            f"the filesystem {self.mount.identifier!r} is not mounted: neither {self.mount.mount_path} nor "
            f"{self.mount.mount_alias} is a folder; mount it, correct "
            f"{variable('mounted_filesystem.mount_path')}, or set "
            f"{variable('mounted_filesystem.mount_type')}=DirectoryOrCreate"
        )

    def _made(self) -> str:
        root = self.mount.mount_path
        try:
            os.makedirs(root, exist_ok=True)
        except OSError as error:
            raise ServiceError(
                f"the folder {root} of the filesystem {self.mount.identifier!r} cannot be made: "
                f"{error.strerror}; correct {variable('mounted_filesystem.mount_path')}"
            ) from error
        return root

    def _leaves(self, path: str) -> FileError:
        return FileError(
            f"{path!r} does not name a file in the filesystem {self.mount.identifier!r}; pass a path relative to "
            f"it, or one below {self.mount.mount_path} or {self.mount.mount_alias}"
        )


def open_filesystem(identifier: str, settings: Settings | None = None) -> Filesystem:
    """Return the filesystem that ``settings`` (default: the current ones) know by ``identifier``.

    Raises:
        ServiceError: If there is none, naming those that there are.
    """
    settings = current_settings() if settings is None else settings
    if identifier == LOCAL:
        return LocalFilesystem(str(settings.directory))
    mount = settings.mounted_filesystem
    if mount is not None and identifier == mount.identifier:
        return MountFilesystem(mount)
    known = [LOCAL] if mount is None else [LOCAL, mount.identifier]
    raise ServiceError(
        f"no filesystem {identifier!r}; known: {', '.join(known)}{did_you_mean(identifier, known)} "
        f"({variable('mounted_filesystem.identifier')} and {variable('mounted_filesystem.mount_path')} "
        "define one)"
    )
