"""Filesystems that are folders of this machine, by the operating system; it must not know other ones."""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import PurePath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import attrs

from lume_dsl.errors import FileError, ServiceError
from lume_dsl.files.atomic import check_writable, open_whole, refusal, write_whole
from lume_dsl.files.filesystem import Filesystem, Saved, checked
from lume_dsl.files.streams import Fill
from lume_dsl.settings import FilesystemURL, MountedFilesystem, variable

__all__ = ["FolderFilesystem", "LocalFilesystem", "MountFilesystem"]


class _OnDisk(Filesystem):
    """Files that the operating system reaches at the path that ``locate`` gives."""

    def check_target(self, path: str) -> None:
        check_writable(self.locate(path))

    def save(self, path: str, fill: Fill, *, overwrite: bool) -> Saved:
        digest = write_whole(self.locate(path), fill, overwrite=overwrite)
        return Saved(self.keep(path), digest)

    def open(self, path: str) -> BinaryIO:
        return open_whole(self.locate(path))


@attrs.frozen
class LocalFilesystem(_OnDisk):
    """This machine's files. Relative paths resolve against ``directory``, ``~`` is the home folder.

    Always there, as far as a check can tell: which folders are used is seen when they are.
    """

    directory: str

    def check(self) -> None:
        return

    def locate(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.directory, os.path.expanduser(checked(path))))

    def keep(self, path: str) -> str:
        return self.locate(path)


class _Rooted(_OnDisk):
    """The files below one folder, out of which no path leads. References keep paths relative to it.

    A check makes a file in it and removes it: who only reads, from a folder that takes no files, asks for no check.
    """

    def check(self) -> None:
        root = self._root()
        if reason := refusal(root):
            identifier, where = self._origin()
            raise ServiceError(
                f"the filesystem {identifier!r} takes no files: none can be made in {root}: {reason}; those that are "
                f"there can be read; make it a folder that you may write to, or correct {where}"
            )

    def locate(self, path: str) -> str:
        root = os.path.realpath(self._root())
        full = os.path.join(root, self.keep(path))
        if not PurePath(os.path.realpath(full)).is_relative_to(root):
            raise self._leaves(path)  # through a symbolic link
        return full

    def keep(self, path: str) -> str:
        normal = PurePath(os.path.normpath(checked(path)))
        if normal.is_absolute():
            normal = self._relative(normal, path)
        if normal.parts[:1] in ((), ("..",)):
            raise self._leaves(path)
        return normal.as_posix()

    @abstractmethod
    def _relative(self, normal: PurePath, path: str) -> PurePath:
        """An absolute path as seen from the root."""

    @abstractmethod
    def _root(self) -> str:
        """The root's path on this machine, which exists.

        Raises:
            ServiceError: If it does not.
        """

    @abstractmethod
    def _origin(self) -> tuple[str, str]:
        """The identifier, and the variable that names the root."""

    @abstractmethod
    def _leaves(self, path: str) -> FileError:
        """The error of a path that names no file in this filesystem."""


@attrs.frozen
class MountFilesystem(_Rooted):
    """A shared folder, which host and containers know by different paths.

    Paths are relative to the mount, or begin with either of its two absolute paths. References keep the
    relative one, on which host and container agree.
    """

    mount: MountedFilesystem

    def _relative(self, normal: PurePath, path: str) -> PurePath:
        # The longer one first: one of the two may lie inside the other.
        for prefix in sorted((self.mount.mount_path, self.mount.mount_alias), key=len, reverse=True):
            if normal.is_relative_to(os.path.normpath(prefix)):
                return normal.relative_to(os.path.normpath(prefix))
        raise self._leaves(path)

    def _root(self) -> str:
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

    def _origin(self) -> tuple[str, str]:
        return self.mount.identifier, variable("mounted_filesystem.mount_path")

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


@attrs.frozen
class FolderFilesystem(_Rooted):
    """The folder of a ``file://`` URL. It must be there, unless its option ``auto_mkdir`` is true."""

    place: FilesystemURL

    def _relative(self, normal: PurePath, path: str) -> PurePath:
        raise self._leaves(path)

    def _root(self) -> str:
        root = unquote(urlsplit(self.place.url).path)
        if not os.path.isdir(root) and self.place.options.get("auto_mkdir") is True:
            try:
                os.makedirs(root, exist_ok=True)
            except OSError as error:
                raise self._missing(f"{root} cannot be made: {error.strerror}") from error
        if not os.path.isdir(root):
            raise self._missing(f"{root} is not a folder")
        return root

    def _origin(self) -> tuple[str, str]:
        return self.place.identifier, self.place.variable

    def _missing(self, reason: str) -> ServiceError:
        return ServiceError(
            f"the filesystem {self.place.identifier!r} is not there: {reason}; make the folder, or correct "
            f"{self.place.variable}"
        )

    def _leaves(self, path: str) -> FileError:
        return FileError(
            f"{path!r} does not name a file in the filesystem {self.place.identifier!r}; pass a path relative to it"
        )
