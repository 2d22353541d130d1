"""What is there stays whole: a full disk, a read-only folder, a writer that is killed, names that no disk takes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lume_dsl
from lume_dsl.errors import FileError, ServiceError
from lume_dsl.files import Filesystem, NumPyFile, TextFile, open_filesystem
from lume_dsl.settings import Settings

PACKAGE = Path(lume_dsl.__file__).parents[1]
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


def script(text: str, *arguments: str, command: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    line = [*command, sys.executable, "-c", text, *arguments]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=120, check=False)


FULL = """
import os, resource, sys
import numpy as np
from lume_dsl.errors import FileError
from lume_dsl.files import CSVFile, HDF5File, ImageFile, NPZFile, NumPyFile, ParquetFile, TextFile
import pandas as pd
folder, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.chdir(folder)
large = np.random.default_rng(1).random(500_000)
values = [
    (TextFile, "x" * 4_000_000, "a.txt"), (NumPyFile, large, "a.npy"), (NPZFile, {"a": large}, "a.npz"),
    (HDF5File, {"a": large}, "a.h5"), (ParquetFile, pd.DataFrame({"a": large}), "a.parquet"),
    (CSVFile, pd.DataFrame({"a": large}), "a.csv"),
    (ImageFile, (large[:490_000].reshape(700, 700) * 65535).astype("u2"), "a.tif"),
]
for cls, value, name in values:
    with open(name, "w") as old:
        old.write("old")
    if cls is ImageFile and not limit:
        value = np.concatenate([value] * 3)
    try:
        cls.write(value, filename=name, overwrite=True)
    except FileError as error:
        assert "cannot write in" in str(error) and "make room" in str(error), error
    else:
        raise SystemExit(f"{name} was written")
    assert open(name).read() == "old", name
assert sorted(os.listdir()) == sorted(name for _, _, name in values), os.listdir()
print("whole")
"""


def test_where_files_may_not_grow_older_ones_stay_whole(tmp_path: Path) -> None:
    done = script(FULL, str(tmp_path), "500000")
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stdout + done.stderr


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        line = [*UNSHARE, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        return subprocess.run(line, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="this machine lets nobody mount a small filesystem; see the test above")
def test_on_a_full_disk_older_files_stay_whole(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=2m tmpfs {tmp_path} && exec "
    line = (*UNSHARE, "sh", "-c", mount + '"$0" "$@"')
    done = script(FULL, str(tmp_path), "0", command=line)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stdout + done.stderr


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without the rights of root, whom no permission holds."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)


@pytest.fixture
def readonly() -> Iterator[Path]:
    """A folder that may be read and not written, with a file in it. (Not tmp_path, which only its owner enters.)"""
    folder = Path(tempfile.mkdtemp())
    (folder / "a.txt").write_text("old")
    (folder / "a.txt").chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder_is_told_and_its_files_are_as_they_were(readonly: Path) -> None:
    with _as_nobody():
        local = open_filesystem("local")
        for name in ("a.txt", "new.txt", "new/a.txt"):
            with pytest.raises(FileError, match="may not be written to; make it a folder that you may write to"):
                local.check_target(f"{readonly}/{name}")
            with pytest.raises(FileError, match=r"cannot write in .*; make it a folder that you may write to"):
                local.write(f"{readonly}/{name}", b"new", overwrite=True)
        assert TextFile(f"{readonly}/a.txt").read() == "old"


def test_the_same_content_needs_no_right_to_write(readonly: Path) -> None:
    with _as_nobody():
        assert TextFile.write("old", filename=readonly / "a.txt").read() == "old"


def rooted(folder: Path | str) -> list[Filesystem]:
    """The folder as a mount, and as a URL."""
    variables = {"LUME_MOUNTED_FILESYSTEM__MOUNT_PATH": str(folder), "LUME_FILESYSTEMS__ARCHIVE": f"file://{folder}"}
    settings = Settings.from_environment(variables)
    return [open_filesystem(identifier, settings) for identifier in ("mounted", "archive")]


VARIABLES = ["LUME_MOUNTED_FILESYSTEM__MOUNT_PATH", "LUME_FILESYSTEMS__ARCHIVE"]


def test_a_check_tells_a_root_that_takes_no_files_by_its_variable_and_reading_needs_none(readonly: Path) -> None:
    with _as_nobody():
        for filesystem, variable in zip(rooted(readonly), VARIABLES, strict=True):
            with pytest.raises(
                ServiceError, match=f"none can be made in {readonly}: Permission denied; .*or correct {variable}"
            ):
                filesystem.check()
            assert filesystem.read("a.txt") == b"old"


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not write there: it is what the mode grants that is refused")
def test_a_check_tells_a_root_that_takes_no_files_whatever_its_mode_grants() -> None:
    for filesystem in rooted("/proc/self"):
        with pytest.raises(ServiceError, match="takes no files: none can be made in /proc/self: No such file"):
            filesystem.check()
        assert filesystem.read("comm")


def test_a_root_that_is_not_the_users_may_have_folders_that_are(readonly: Path) -> None:
    readonly.chmod(0o755)
    (readonly / "own").mkdir()
    (readonly / "own").chmod(0o777)
    readonly.chmod(0o555)
    with _as_nobody():
        for filesystem in rooted(readonly):
            filesystem.check()
            filesystem.write("own/a", b"x", overwrite=True)
            with pytest.raises(FileError, match="may not be written to"):
                filesystem.check_target("a")


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    for filesystem in rooted(tmp_path):
        filesystem.check()
    assert os.listdir(tmp_path) == []


def test_without_a_place_for_temporary_files_a_read_only_folder_is_told(
    readonly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", f"{readonly}/nowhere")
    with _as_nobody(), pytest.raises(FileError, match=r"a.txt: cannot write in .*; make it a folder that you may"):
        TextFile.write("old", filename=readonly / "a.txt")


WRITER = """
import os, sys
import numpy as np
from lume_dsl.files import NumPyFile
os.chdir(sys.argv[1])
arrays = [np.full(400_000, float(number)) for number in range(4)]
print("begin", flush=True)
while True:
    for array in arrays:
        NumPyFile.write(array, filename="a.npy", overwrite=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    NumPyFile.write(__import__("numpy").full(400_000, 0.0), filename=tmp_path / "a.npy")
    for number in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )
        assert writer.stdout is not None
        with writer.stdout:
            writer.stdout.readline()
            time.sleep(0.003 * number)
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        array = NumPyFile(tmp_path / "a.npy").read()
        assert array.shape == (400_000,)
        assert (array == array[0]).all()


def test_what_killed_writers_left_is_removed_and_what_living_ones_write_is_not(tmp_path: Path) -> None:
    import fcntl

    old = time.time() - 2 * 3600
    names = [".lume-0.tmp", ".lume-1.tmp", ".lume-2.tmp", ".lume-3.tmp", "lume-4.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"part")
        os.utime(tmp_path / name, (old, old))
    os.utime(tmp_path / names[1])  # an hour has not gone by
    (tmp_path / names[3]).unlink()
    (tmp_path / names[3]).symlink_to(names[4])
    with open(tmp_path / names[2], "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        TextFile.write("hey", filename=tmp_path / "a.txt")
    assert sorted(os.listdir(tmp_path)) == sorted([*names[1:], "a.txt"])


def test_a_living_writer_holds_its_temporary_file(tmp_path: Path) -> None:
    import fcntl

    def fill(stream: object) -> None:
        (temporary,) = tmp_path.glob(".lume-*.tmp")
        with open(temporary, "rb") as other, pytest.raises(OSError, match="temporarily unavailable"):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    open_filesystem("local").save(str(tmp_path / "a"), fill, overwrite=False)


def test_a_name_that_no_disk_takes_is_told_before_and_when_it_is_written(tmp_path: Path) -> None:
    local, path = open_filesystem("local"), str(tmp_path / ("n" * 256))
    for use in (lambda: local.check_target(path), lambda: local.write(path, b"", overwrite=True)):
        with pytest.raises(FileError, match="the name is too long; choose a shorter filename"):
            use()
    assert os.listdir(tmp_path) == []
