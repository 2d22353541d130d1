"""The tests that every filesystem passes; it must not know any filesystem.

A filesystem's tests inherit them and give it, empty, as the fixture ``filesystem``:

    class TestMyFilesystem(FilesystemContract):
        @pytest.fixture
        def filesystem(self, tmp_path):
            return MyFilesystem(tmp_path)
"""

from __future__ import annotations

import hashlib
from threading import Barrier, Thread
from typing import BinaryIO

import pytest

from lume_dsl.errors import FileError
from lume_dsl.files import Filesystem
from lume_dsl.values.content import PIECE

__all__ = ["FilesystemContract"]

NAMES = ["a", "new/folder/a.txt", "é☃𝄞 x", "a.", ".hidden", "a*b[0]?#%20", "n" * 200, "x\\y", "~", "...", "line\nbreak"]

NOT_IN_IT = [
    "..",
    "../x",
    "a/../../x",
    "a/../..",
    ".",
    "./",
    "",
    "a/",
    "a/.",
    "a\0b",
    "\0",
    "\ud800",
    "/..",
    "a/b/../../..",
]


class FilesystemContract:
    """What ``Filesystem`` promises, one test a promise."""

    leaves_by = NOT_IN_IT
    """Paths that name no file in it. ``local`` has all of this machine, and so fewer."""

    def test_its_check_passes(self, filesystem: Filesystem) -> None:
        filesystem.check()

    @pytest.mark.parametrize("data", [b"", b"\0\xff\r\n", b"x" * (2 * PIECE + 1)], ids=["empty", "bytes", "large"])
    def test_bytes_come_back(self, filesystem: Filesystem, data: bytes) -> None:
        kept = filesystem.write("a", data, overwrite=False)
        assert filesystem.read(kept) == filesystem.read("a") == data

    @pytest.mark.parametrize("name", NAMES)
    def test_any_name_is_one(self, filesystem: Filesystem, name: str) -> None:
        name = f"x{name}" if name == "~" else name
        kept = filesystem.write(name, b"1", overwrite=False)
        other = filesystem.write(f"{name}2", b"2", overwrite=False)
        assert kept != other
        assert (filesystem.read(kept), filesystem.read(other)) == (b"1", b"2")

    def test_one_file_has_one_kept_path(self, filesystem: Filesystem) -> None:
        filesystem.write("b/a", b"1", overwrite=False)
        for spelling in ("b/a", "./b/a", "b//a", "c/../b/a"):
            assert filesystem.keep(spelling) == filesystem.keep("b/a")
            assert filesystem.read(spelling) == b"1"

    def test_what_is_kept_is_where_it_is_kept(self, filesystem: Filesystem) -> None:
        kept = filesystem.keep("b/a")
        assert filesystem.keep(kept) == kept
        assert filesystem.locate(kept) == filesystem.locate("b/a")

    def test_a_digest_is_that_of_the_content(self, filesystem: Filesystem) -> None:
        def fill(stream: BinaryIO) -> None:
            stream.write(b"0000")
            stream.write(b"56")
            stream.seek(1)
            stream.write(b"12")
            stream.seek(0, 2)
            stream.write(b"7")

        saved = filesystem.save("a", fill, overwrite=False)
        assert filesystem.read("a") == b"0120567"
        assert (saved.digest.size, saved.digest.sha256) == (7, hashlib.sha256(b"0120567").hexdigest())

    def test_a_stream_is_read_from_any_place(self, filesystem: Filesystem) -> None:
        filesystem.write("a", b"0123456789", overwrite=False)
        with filesystem.open("a") as one, filesystem.open("a") as other:
            assert (one.seek(-2, 2), one.read(), one.seek(1), one.read(2)) == (8, b"89", 1, b"12")
            assert other.read() == b"0123456789"

    def test_the_same_content_again_is_fine(self, filesystem: Filesystem) -> None:
        for overwrite in (False, False, True):
            filesystem.write("a", b"x", overwrite=overwrite)
        assert filesystem.read("a") == b"x"

    @pytest.mark.parametrize("new", [b"new", b"NEW content", b""])
    def test_other_content_is_refused_unless_it_may_be_replaced(self, filesystem: Filesystem, new: bytes) -> None:
        filesystem.write("a", b"old", overwrite=False)
        with pytest.raises(FileError, match=r"a: exists with other content; write overwrite=True in the flow"):
            filesystem.write("a", new, overwrite=False)
        assert filesystem.read("a") == b"old"
        filesystem.write("a", new, overwrite=True)
        assert filesystem.read("a") == new

    def test_a_reader_keeps_the_file_that_it_has_opened(self, filesystem: Filesystem) -> None:
        filesystem.write("a", b"old", overwrite=False)
        with filesystem.open("a") as stream:
            filesystem.write("a", b"new content", overwrite=True)
            assert stream.read() == b"old"

    def test_a_failure_leaves_the_older_file_whole(self, filesystem: Filesystem) -> None:
        def fill(stream: BinaryIO) -> None:
            stream.write(b"half")
            raise ZeroDivisionError

        filesystem.write("a", b"old", overwrite=False)
        for path in ("a", "b"):
            with pytest.raises(ZeroDivisionError):
                filesystem.save(path, fill, overwrite=True)
        assert filesystem.read("a") == b"old"
        with pytest.raises(FileError):
            filesystem.read("b")

    def test_a_missing_file_is_named_in_full(self, filesystem: Filesystem) -> None:
        for path in ("a", "b/a"):
            with pytest.raises(FileError, match="there is no such file") as caught:
                filesystem.read(path)
            assert filesystem.locate(path) in str(caught.value)

    def test_a_folder_is_no_file(self, filesystem: Filesystem) -> None:
        filesystem.write("b/a", b"", overwrite=False)
        with pytest.raises(FileError, match=r"is a folder; choose another filename"):
            filesystem.write("b", b"x", overwrite=True)
        with pytest.raises(FileError, match=r"cannot be read: ([Ii]s a [fd])"):
            filesystem.read("b")
        assert filesystem.read("b/a") == b""

    def test_a_path_that_names_no_file_in_it_is_refused(self, filesystem: Filesystem) -> None:
        for path in self.leaves_by:
            uses = (
                lambda path=path: filesystem.locate(path),
                lambda path=path: filesystem.check_target(path),
                lambda path=path: filesystem.read(path),
                lambda path=path: filesystem.write(path, b"x", overwrite=True),
            )
            for use in uses:
                with pytest.raises(FileError, match=r"does not name a file|is not a filename"):
                    use()

    def test_a_target_is_checked_without_a_trace(self, filesystem: Filesystem) -> None:
        filesystem.check_target("new/a")
        with pytest.raises(FileError, match="there is no such file"):
            filesystem.read("new/a")

    def test_of_writers_at_once_one_wins_whole_and_no_reader_sees_a_part(self, filesystem: Filesystem) -> None:
        contents = [bytes([number]) * 300_000 for number in range(6)]
        seen: list[bytes] = []
        refused: list[FileError] = []
        ready = Barrier(len(contents))

        def write(data: bytes) -> None:
            def fill(stream: BinaryIO) -> None:
                stream.write(data)
                ready.wait(60)

            try:
                filesystem.save("a", fill, overwrite=False)
            except FileError as error:
                refused.append(error)

        def read() -> None:
            for _ in range(20):
                try:
                    seen.append(filesystem.read("a"))
                except FileError:  # not there yet
                    continue

        threads = [Thread(target=write, args=(data,)) for data in contents] + [Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winner = filesystem.read("a")
        assert winner in contents
        assert set(seen) <= {winner}
        assert len(refused) == 5

    def test_of_writers_that_replace_the_file_is_always_whole(self, filesystem: Filesystem) -> None:
        contents = [bytes([number]) * 300_000 for number in range(4)]
        filesystem.write("a", contents[0], overwrite=False)
        seen: list[bytes] = []

        def write(data: bytes) -> None:
            for _ in range(5):
                filesystem.write("a", data, overwrite=True)

        threads = [Thread(target=write, args=(data,)) for data in contents]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen.append(filesystem.read("a"))
        assert set(seen) <= set(contents)
