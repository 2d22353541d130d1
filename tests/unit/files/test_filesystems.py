"""Filesystems keep whole files where they belong, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from lume_dsl.errors import FileError, ServiceError
from lume_dsl.files import Filesystem, open_filesystem
from lume_dsl.files.folders import LocalFilesystem, MountFilesystem
from lume_dsl.settings import MountedFilesystem, Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def mount(folder: Path) -> MountFilesystem:
    return MountFilesystem(MountedFilesystem(mount_path=str(folder), mount_alias="/alias"))


@pytest.fixture(params=["local", "mounted"])
def filesystem(request: pytest.FixtureRequest, folder: Path, mount: MountFilesystem) -> Filesystem:
    return mount if request.param == "mounted" else LocalFilesystem(str(folder))


class TestEveryFilesystem:
    def test_bytes_come_back_by_the_path_that_was_kept(self, filesystem: Filesystem) -> None:
        for data in (b"", b"\0\xff\n"):
            kept = filesystem.write("new/folder/a", data, overwrite=True)
            assert filesystem.read(kept) == filesystem.read("new/folder/a") == data

    def test_the_located_path_is_where_the_file_is(self, filesystem: Filesystem, folder: Path) -> None:
        filesystem.write("new/../a", b"x", overwrite=False)
        assert filesystem.locate("a") == str(folder / "a")
        assert (folder / "a").read_bytes() == b"x"

    def test_the_same_content_again_touches_nothing(self, filesystem: Filesystem, folder: Path) -> None:
        filesystem.write("a", b"x", overwrite=False)
        before = (folder / "a").stat()
        for overwrite in (False, True):
            filesystem.write("a", b"x", overwrite=overwrite)
        after = (folder / "a").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_other_content_is_kept_unless_it_may_be_overwritten(self, filesystem: Filesystem, folder: Path) -> None:
        filesystem.write("a", b"old", overwrite=False)
        with pytest.raises(FileError, match="write overwrite=True in the flow, or choose another filename"):
            filesystem.write("a", b"new", overwrite=False)
        assert filesystem.read("a") == b"old"
        filesystem.write("a", b"new", overwrite=True)
        assert filesystem.read("a") == b"new"
        assert os.listdir(folder) == ["a"]

    def test_a_folder_that_is_a_file_is_an_error_that_names_it(self, filesystem: Filesystem, folder: Path) -> None:
        filesystem.write("a", b"", overwrite=False)
        with pytest.raises(FileError, match=f"cannot write in {folder}/a: .*; make it a folder that you may write to"):
            filesystem.write("a/b", b"x", overwrite=False)
        assert os.listdir(folder) == ["a"]

    def test_a_folder_is_not_a_file(self, filesystem: Filesystem, folder: Path) -> None:
        (folder / "a").mkdir()
        with pytest.raises(FileError, match="is a folder; choose another filename"):
            filesystem.write("a", b"x", overwrite=True)
        with pytest.raises(FileError, match="cannot be read: Is a directory"):
            filesystem.read("a")

    def test_a_missing_file_is_named_in_full(self, filesystem: Filesystem, folder: Path) -> None:
        with pytest.raises(FileError, match=f"{folder}/a: there is no such file"):
            filesystem.read("a")

    @pytest.mark.parametrize("path", ["", "a\0b"])
    def test_what_cannot_be_a_path_is_refused(self, filesystem: Filesystem, path: str) -> None:
        with pytest.raises(FileError, match="is not a filename"):
            filesystem.write(path, b"x", overwrite=False)

    def test_of_writers_at_once_one_wins_whole_and_the_others_are_told(self, filesystem: Filesystem) -> None:
        contents = [bytes([number]) * 100_000 for number in range(8)]
        refused: list[FileError] = []

        def write(data: bytes) -> None:
            try:
                filesystem.write("a", data, overwrite=False)
            except FileError as error:
                refused.append(error)

        threads = [Thread(target=write, args=(data,)) for data in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert filesystem.read("a") in contents
        assert len(refused) == 7

    def test_the_file_has_the_permissions_of_any_new_file(self, filesystem: Filesystem, folder: Path) -> None:
        (folder / "usual").write_bytes(b"")
        filesystem.write("a", b"x", overwrite=False)
        assert (folder / "a").stat().st_mode == (folder / "usual").stat().st_mode
        (folder / "a").chmod(0o600)
        filesystem.write("a", b"y", overwrite=True)
        assert (folder / "a").stat().st_mode & 0o777 == 0o600

    def test_its_check_passes(self, filesystem: Filesystem) -> None:
        filesystem.check()


class TestLocal:
    def test_the_kept_path_is_absolute(self, folder: Path) -> None:
        local = LocalFilesystem(str(folder))
        assert local.write("a", b"", overwrite=False) == str(folder / "a")
        assert local.locate("/x/y") == "/x/y"
        assert local.locate("~/y") == str(Path.home() / "y")

    def test_a_place_where_nothing_can_be_made_is_an_error(self, folder: Path) -> None:
        with pytest.raises(FileError, match="/proc/x/a: cannot write in /proc/x: "):
            LocalFilesystem(str(folder)).write("/proc/x/a", b"", overwrite=False)
        with pytest.raises(FileError, match="/proc/a: cannot write in /proc: "):
            LocalFilesystem(str(folder)).write("/proc/a", b"", overwrite=False)

    def test_a_symbolic_link_stays_one(self, folder: Path) -> None:
        (folder / "link").symlink_to("target")
        LocalFilesystem(str(folder)).write("link", b"x", overwrite=True)
        assert (folder / "link").is_symlink()
        assert (folder / "target").read_bytes() == b"x"

    def test_without_hard_links_files_are_written_all_the_same(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def link(*_paths: str) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", link)
        local = LocalFilesystem(str(folder))
        local.write("a", b"x", overwrite=False)
        with pytest.raises(FileError, match="exists with other content"):
            local.write("a", b"y", overwrite=False)
        assert os.listdir(folder) == ["a"]
        assert local.read("a") == b"x"

    def test_a_directory_of_another_machine_is_made_when_it_is_written(self, folder: Path) -> None:
        local = LocalFilesystem(str(folder / "other"))
        local.check()
        local.write("a", b"x", overwrite=False)
        assert (folder / "other/a").read_bytes() == b"x"


class TestMounted:
    @pytest.mark.parametrize("path", ["sub/a", "{root}/sub/a", "/alias/sub/a", "/alias/./x/../sub/a"])
    def test_host_and_container_keep_the_same_path(self, mount: MountFilesystem, folder: Path, path: str) -> None:
        assert mount.write(path.format(root=folder), b"x", overwrite=False) == "sub/a"
        assert (folder / "sub/a").read_bytes() == b"x"

    @pytest.mark.parametrize(
        "path", ["../a", "x/../../a", "/alias/../a", "{root}2/a", "/alias2/a", "/etc/passwd", "{root}", ".", "/alias/"]
    )
    def test_no_path_leaves_the_mount(self, mount: MountFilesystem, folder: Path, path: str) -> None:
        path = path.format(root=folder)
        for use in (lambda: mount.write(path, b"x", overwrite=True), lambda: mount.read(path)):
            with pytest.raises(FileError, match=r"does not name a file in the filesystem 'mounted'|is not a filename"):
                use()

    def test_no_symbolic_link_leads_out(self, mount: MountFilesystem, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"x")
        (folder / "out").symlink_to(tmp_path)
        (folder / "file").symlink_to(tmp_path / "secret")
        for path in ("out/secret", "out/new", "file"):
            with pytest.raises(FileError, match="does not name a file"):
                mount.read(path)
            with pytest.raises(FileError, match="does not name a file"):
                mount.write(path, b"y", overwrite=True)

    def test_a_mount_that_is_itself_a_link_works(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(folder)
        mount = MountFilesystem(MountedFilesystem(mount_path=f"{tmp_path}/link", mount_alias="/alias"))
        assert mount.write(f"{tmp_path}/link/a", b"x", overwrite=False) == "a"
        assert (folder / "a").read_bytes() == b"x"

    def test_where_the_path_is_not_there_the_alias_is_the_root(self, folder: Path) -> None:
        mount = MountFilesystem(
            MountedFilesystem(mount_path="/nowhere", mount_alias=str(folder), mount_type="Directory")
        )
        mount.check()
        assert mount.write("/nowhere/a", b"x", overwrite=False) == "a"
        assert (folder / "a").read_bytes() == b"x"

    def test_an_alias_below_the_path_is_the_closer_one(self, folder: Path) -> None:
        mount = MountFilesystem(MountedFilesystem(mount_path=str(folder), mount_alias=f"{folder}/inner"))
        assert mount.keep(f"{folder}/inner/a") == "a"
        assert mount.keep(f"{folder}/a") == "a"

    def test_a_directory_must_exist(self, folder: Path) -> None:
        mount = MountFilesystem(
            MountedFilesystem(mount_path=f"{folder}/x", mount_alias="/alias", mount_type="Directory")
        )
        for use in (mount.check, lambda: mount.write("a", b"", overwrite=False), lambda: mount.read("a")):
            with pytest.raises(ServiceError, match=r"not mounted: neither \S+/x nor /alias is a folder; mount it"):
                use()

    def test_a_directory_is_made_where_it_may_be(self, folder: Path) -> None:
        settings = MountedFilesystem(mount_path=f"{folder}/x/y", mount_alias="/alias")
        MountFilesystem(settings).check()
        assert (folder / "x/y").is_dir()

    def test_a_directory_that_cannot_be_made_is_an_error(self) -> None:
        settings = MountedFilesystem(mount_path="/proc/x", mount_alias="/alias")
        with pytest.raises(ServiceError, match=r"/proc/x .* cannot be made: .*_MOUNT_PATH"):
            MountFilesystem(settings).check()


def test_filesystems_are_opened_by_identifier(folder: Path) -> None:
    variables = {
        "LUME_MOUNTED_FILESYSTEM__IDENTIFIER": "shared",
        "LUME_MOUNTED_FILESYSTEM__MOUNT_PATH": str(folder),
    }
    settings = Settings.from_environment(variables)
    assert open_filesystem("local", settings) == LocalFilesystem(os.getcwd())
    assert isinstance(open_filesystem("shared", settings), MountFilesystem)
    with pytest.raises(ServiceError, match="no filesystem 'mounted'; known: local, memory, shared"):
        open_filesystem("mounted", settings)


@pytest.mark.parametrize(
    "use",
    [
        lambda filesystem, path: filesystem.write(path, b"", overwrite=True),
        lambda filesystem, path: filesystem.check_target(path),
        lambda filesystem, path: filesystem.read(path),
    ],
    ids=["write", "check_target", "read"],
)
def test_a_pipe_or_a_device_is_no_file(tmp_path: Path, use: Callable[[Filesystem, str], object]) -> None:
    """As root, replacing one would break the machine; opening one may never end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is a device, pipe or socket, not a file"):
        use(open_filesystem("local"), str(tmp_path / "pipe"))
    assert (tmp_path / "pipe").is_fifo()
