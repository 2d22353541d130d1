"""Every filesystem that needs no server passes the contract."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from lume_dsl.errors import FileError
from lume_dsl.files import Filesystem, open_filesystem
from lume_dsl.files.folders import FolderFilesystem, LocalFilesystem, MountFilesystem
from lume_dsl.files.remote import RemoteFilesystem
from lume_dsl.settings import FilesystemURL, MountedFilesystem, Settings
from lume_dsl.testing import FilesystemContract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    """So that what is not safe among threads shows: in memory, an operation is over before another thread's turn."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class TestLocal(FilesystemContract):
    leaves_by = ["", "a/", "a/.", "a\0b", "\0", "\ud800"]

    @pytest.fixture
    def filesystem(self, folder: Path) -> Filesystem:
        return LocalFilesystem(str(folder))


class TestMounted(FilesystemContract):
    @pytest.fixture
    def filesystem(self, folder: Path) -> Filesystem:
        return MountFilesystem(MountedFilesystem(mount_path=str(folder), mount_alias="/alias"))


class TestMemory(FilesystemContract):
    @pytest.fixture
    def filesystem(self) -> Iterator[Filesystem]:
        import fsspec

        filesystem = open_filesystem("memory")
        fsspec.filesystem("memory").store.clear()
        yield filesystem
        fsspec.filesystem("memory").store.clear()


class TestMemoryBelowAFolder(FilesystemContract):
    @pytest.fixture
    def filesystem(self) -> Filesystem:
        return RemoteFilesystem(FilesystemURL("scratch", f"memory://{uuid4().hex}"))


class TestFileURL(FilesystemContract):
    @pytest.fixture
    def filesystem(self, folder: Path) -> Filesystem:
        settings = Settings.from_environment({"LUME_FILESYSTEMS__ARCHIVE": f"file://{folder}"})
        found = open_filesystem("archive", settings)
        assert isinstance(found, FolderFilesystem)
        return found


class TestByADriverThatMovesFiles(FilesystemContract):
    """The folder through fsspec's driver, as a server's files are: sent under another name, and moved."""

    @pytest.fixture
    def filesystem(self, folder: Path) -> Filesystem:
        return RemoteFilesystem(FilesystemURL("archive", f"file://{folder}"))

    def test_of_writers_at_once_one_wins_whole_and_no_reader_sees_a_part(self, filesystem: Filesystem) -> None:
        """Whole is each, but two may succeed: no driver gives a file its name only where there is none."""
        contents = [bytes([number]) * 300_000 for number in range(4)]

        def write(data: bytes) -> None:
            with suppress(FileError):
                filesystem.write("a", data, overwrite=False)

        threads = [Thread(target=write, args=(data,)) for data in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert filesystem.read("a") in contents
