"""Filesystems that the settings name by a URL: reached, or an error that says what to mend and tells no secret."""

from __future__ import annotations

import pickle
import re
import resource
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest

from lume_dsl.errors import FileError, ServiceError, SettingsError
from lume_dsl.files import Filesystem, TextFile, open_filesystem
from lume_dsl.files.remote import RemoteFilesystem
from lume_dsl.services import Services
from lume_dsl.settings import FilesystemURL, Settings

SECRET = "hunter2/secret"


def named(url: str, **variables: str) -> Filesystem:
    settings = Settings.from_environment({"LUME_FILESYSTEMS__ARCHIVE": url, **variables})
    return open_filesystem("archive", settings)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "lume.toml"


# settings


def test_a_variable_and_a_table_name_filesystems_and_the_variable_wins(config: Path) -> None:
    config.write_text(
        '[filesystems]\narchive = "s3://bucket/lab"\nhot = "memory://hot"\n'
        'cold = {url = "gs://bucket", options = {project = "p", nested = {key = "k"}}}\n'
    )
    variables = {"LUME_CONFIG": str(config), "LUME_FILESYSTEMS__HOT": "memory://other"}
    settings = Settings.from_environment({**variables, "LUME_FILESYSTEMS__ARCHIVE__OPTIONS": '{"anon": true}'})
    found = {one.identifier: (one.url, one.options) for one in settings.filesystems}
    assert found == {
        "archive": ("s3://bucket/lab", {"anon": True}),
        "cold": ("gs://bucket", {"project": "p", "nested": {"key": "k"}}),
        "hot": ("memory://other", {}),
    }
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert hash(settings) == hash(pickle.loads(pickle.dumps(settings)))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"LUME_FILESYSTEMS__LOCAL": "s3://x"}, "LUME_FILESYSTEMS__LOCAL: 'local' is another filesystem already"),
        ({"LUME_FILESYSTEMS__MEMORY": "s3://x"}, "'memory' is another filesystem already"),
        (
            {"LUME_FILESYSTEMS__MOUNTED": "s3://x", "LUME_MOUNTED_FILESYSTEM__MOUNT_PATH": "/data"},
            "'mounted' is another filesystem already",
        ),
        ({"LUME_FILESYSTEMS__X": f"/{SECRET}"}, "LUME_FILESYSTEMS__X: expected a URL such as s3://bucket/folder"),
        ({"LUME_FILESYSTEMS__X__OPTIONS": "{}"}, "LUME_FILESYSTEMS__X: has options, and no URL"),
        (
            {"LUME_FILESYSTEMS__X": "s3://x", "LUME_FILESYSTEMS__X__OPTIONS": SECRET},
            "LUME_FILESYSTEMS__X: expected its options as a JSON object",
        ),
        ({"LUME_FILESYSTEMS__X__KEY": SECRET}, "LUME_FILESYSTEMS__X__KEY: an identifier is lower-case letters"),
        ({"LUME_FILESYSTEMS": SECRET}, "LUME_FILESYSTEMS: expected"),
        ({"LUME_FILESYSTEM__X": "s3://x"}, "LUME_FILESYSTEM__X: no such variable; did you mean LUME_FILESYSTEMS__X"),
        ({"LUME_MOUNTED_FILESYSTEM__IDENTIFIER": "memory", "LUME_MOUNTED_FILESYSTEM__MOUNT_PATH": "/d"}, "in memory"),
    ],
)
def test_what_is_wrong_is_an_error_that_names_the_variable_and_no_value(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)) as caught:
        Settings.from_environment(variables)
    assert SECRET not in str(caught.value)


# reaching them


def test_memory_is_there_without_settings() -> None:
    file = TextFile.write("hey", filename="x/a.txt", filesystem_identifier="memory")
    assert (file.filename, file.read()) == ("x/a.txt", "hey")
    assert open_filesystem("memory").locate("x/a.txt") == "memory://x/a.txt"


def test_a_missing_driver_is_an_error_that_names_its_package() -> None:
    filesystem = named("dropbox://x")
    with pytest.raises(
        ServiceError, match=r"'archive' \(dropbox://x\): its driver is not installed .*pip install drop"
    ):
        filesystem.check()


def test_an_unknown_scheme_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(ServiceError, match=r"knows memry://; did you mean 'memory'\?; correct LUME_FILESYSTEMS__ARCH"):
        named("memry://x").check()


def test_one_that_does_not_answer_is_told_within_four_seconds(silent_port: int) -> None:
    variables = {"LUME_FILESYSTEMS__ARCHIVE": f"ftp://user:hunter2@127.0.0.1:{silent_port}/x"}
    start = time.monotonic()
    with pytest.raises(ServiceError, match=r"does not answer within 3.5 seconds; correct LUME_FILESYS") as caught:
        Services(Settings.from_environment(variables)).check(filesystems=["archive"], records=False)
    assert time.monotonic() - start < 4.5
    assert "hunter2" not in str(caught.value)


def test_no_secret_is_in_an_error_its_traceback_or_a_repr(unused_port: int) -> None:
    options = f'{{"username": "user", "password": "{SECRET}"}}'
    variables = {"LUME_FILESYSTEMS__ARCHIVE__OPTIONS": options}
    urls = [f"{scheme}://user:{{}}@127.0.0.1:{unused_port}/x" for scheme in ("ftp", "dropbox", "memry")]
    for url in [url.format(secret) for url in urls for secret in (SECRET, "hunter2")]:
        filesystem = named(url, **variables)
        uses = (
            filesystem.check,
            lambda filesystem=filesystem: filesystem.read("a"),
            lambda filesystem=filesystem: filesystem.write("a", b"x", overwrite=True),
            lambda filesystem=filesystem: filesystem.check_target("a"),
        )
        for use in uses:
            with pytest.raises((ServiceError, FileError)) as caught:
                use()
            told = "".join(traceback.format_exception(caught.value)) + repr(filesystem) + filesystem.locate("a")
            assert "hunter2" not in told


def test_the_signature_of_a_url_is_in_no_error_nor_in_a_place() -> None:
    files = named("nosuch://account/c?sv=2024&sig=TOPSECRETSIG")
    with pytest.raises(ServiceError, match=r"nosuch://account/c\?sv=2024&sig=\*\*\*") as caught:
        files.check()
    assert "TOPSECRETSIG" not in "".join(traceback.format_exception(caught.value))
    assert files.locate("a.txt") == "nosuch://account/c/a.txt?sv=2024&sig=***"


def test_a_driver_that_only_reads_says_so(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/a.txt", "hey")
    filesystem = named(f"zip://::file://{tmp_path}/a.zip")
    filesystem.check()
    assert filesystem.read("x/a.txt") == b"hey"
    with pytest.raises(FileError, match="b: cannot be written: "):
        filesystem.write("b", b"x", overwrite=False)


# buckets


class Buckets(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files in the one bucket ``there``, as a driver of an object store gives them. An empty bucket has no entry."""

    protocol = "buckets"
    cachable = False
    files: dict[str, bytes] = {}

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path in self.files:
            return {"name": path, "type": "file", "size": len(self.files[path])}
        if any(name.startswith(f"{path}/") for name in self.files):
            return {"name": path, "type": "directory", "size": 0}
        raise FileNotFoundError(path)

    def exists(self, path: str, **_: Any) -> bool:
        return bool(self._strip_protocol(path) == "there" or super().exists(path))

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        if not rpath.startswith("there/"):
            raise FileNotFoundError("The specified bucket does not exist")
        self.files[rpath] = Path(lpath).read_bytes()

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        self.info(rpath)
        Path(lpath).write_bytes(self.files[rpath])


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Buckets, "files", {})
    fsspec.register_implementation("buckets", Buckets, clobber=True)


@pytest.mark.usefixtures("buckets")
def test_a_folder_of_a_bucket_need_not_be_there_and_the_bucket_must_be() -> None:
    for url in ("buckets://there", "buckets://there/lab/new"):
        filesystem = named(url)
        filesystem.check()
        assert filesystem.read(filesystem.write("a", b"x", overwrite=False)) == b"x"
    for url in ("buckets://elsewhere", "buckets://elsewhere/lab"):
        with pytest.raises(ServiceError, match=r"there is no 'elsewhere', .*; make it, or correct LUME_FILESYSTEMS__A"):
            named(url).check()
    for url in ("memory://not/yet", "memory://"):
        named(url).check()


@pytest.mark.usefixtures("buckets")
def test_a_file_that_finds_no_bucket_is_told_with_its_name() -> None:
    filesystem = named("buckets://elsewhere")
    message = r"^buckets://elsewhere/a: cannot be written: .*bucket does not exist; correct LUME_FILESYSTEMS__ARCHIVE$"
    with pytest.raises(FileError, match=message):
        filesystem.write("a", b"x", overwrite=False)
    with pytest.raises(FileError, match=r"^buckets://elsewhere/a: there is no such file$"):
        filesystem.read("a")


# this machine's temporary files


@contextmanager
def _files_no_longer_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("buckets")
def test_where_temporary_files_have_no_room_the_file_and_their_folder_are_told() -> None:
    filesystem = named("buckets://there")
    filesystem.write("a", b"x" * 100_000, overwrite=False)
    message = f"^buckets://there/a: .* cannot be written in {tempfile.gettempdir()}: File too large; .* set TMPDIR to"
    for use in (lambda: filesystem.write("a", b"y" * 100_000, overwrite=True), lambda: filesystem.read("a")):
        with pytest.raises(FileError, match=message), _files_no_longer_than(50_000):
            use()
    assert filesystem.read("a") == b"x" * 100_000


@pytest.mark.usefixtures("buckets")
def test_where_temporary_files_have_no_folder_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    filesystem = named("buckets://there")
    filesystem.write("a", b"x", overwrite=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    for use in (lambda: filesystem.write("a", b"y", overwrite=True), lambda: filesystem.read("a")):
        with pytest.raises(FileError, match=r"^buckets://there/a: .*/nowhere: No such file or directory; make room"):
            use()


# folders by URL


def test_a_folder_must_be_there_unless_it_may_be_made(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/new%20one"
    with pytest.raises(ServiceError, match=r"'archive' is not there: .*/new one is not a folder; make the folder, or"):
        named(url).check()
    filesystem = named(url, LUME_FILESYSTEMS__ARCHIVE__OPTIONS='{"auto_mkdir": true}')
    filesystem.check()
    assert (tmp_path / "new one").is_dir()


def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (root / "out").symlink_to(tmp_path)
    (root / "up").symlink_to("..")
    (root / "file").symlink_to("../secret")
    (root / "loop").symlink_to("loop")
    (root / "inner").symlink_to("in")
    (root / "in").mkdir()
    filesystem = named(f"file://{root}")
    for path in ("out/secret", "up/secret", "file", "up/root/../secret", str(root / "a"), f"{root}/../secret"):
        for use in (
            filesystem.read,
            filesystem.check_target,
            lambda path: filesystem.write(path, b"y", overwrite=True),
        ):
            with pytest.raises(FileError, match="does not name a file"):
                use(path)
    with pytest.raises(FileError):
        filesystem.write("loop", b"y", overwrite=True)
    assert filesystem.write("inner/a", b"z", overwrite=False) == "inner/a"
    assert (root / "in/a").read_bytes() == b"z"
    assert (tmp_path / "secret").read_bytes() == b"x"


def test_what_a_driver_left_is_removed_when_sending_fails(tmp_path: Path) -> None:
    filesystem = RemoteFilesystem(FilesystemURL("archive", f"file://{tmp_path}/root"))
    (tmp_path / "root").mkdir()
    (tmp_path / "root/b").write_bytes(b"")
    with pytest.raises(FileError, match="cannot be written"):
        filesystem.write("b/a", b"x", overwrite=False)
    with pytest.raises(FileError):
        filesystem.write("n" * 300, b"x", overwrite=False)
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["b"]
