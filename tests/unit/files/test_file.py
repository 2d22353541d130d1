"""A file is what was written, or an error that says what is wrong with it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from lume_dsl.errors import FileError, ServiceError
from lume_dsl.files import File, ImageFile, JSONFile, NumPyFile, TextFile, YAMLFile, file_from_reference
from lume_dsl.settings import Settings, use
from lume_dsl.values.text import parse_text


class LinesSerializer:
    """Lines of text."""

    def dump(self, obj: list[str], _filename: str, /) -> bytes:
        return "\n".join(obj).encode()

    def load(self, data: bytes, _filename: str, /) -> list[str]:
        return data.decode().split("\n")


class Lines(File[list[str]]):
    """A type of a user's own."""

    serializer = LinesSerializer()


class ShortLines(Lines):
    """A type that adds nothing."""


class Stubborn(File[str]):
    """A type whose serializer returns text."""

    class _Serializer:
        def dump(self, obj: str, _filename: str, /) -> Any:
            return obj

        def load(self, data: bytes, _filename: str, /) -> str:
            raise ZeroDivisionError(data)

    serializer = _Serializer()


class Bare(File[str]):
    """A type without a serializer."""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_file_is_read_as_it_was_written() -> None:
    assert TextFile.write("hey", filename="a.txt").read() == "hey"


def test_the_reference_is_json_with_the_absolute_path_and_gives_the_file_back(folder: Path) -> None:
    file = TextFile.write("hey", filename="new/a.txt")
    assert file.reference() == {
        "filename": str(folder / "new/a.txt"),
        "file_type_string": "lume_dsl.files:TextFile",
        "filesystem_identifier": "local",
        "size": 3,
        "sha256": "fa690b82061edfd2852629aeba8a8977b57e40fcb77d1a7a28b26cba62591204",
    }
    assert file_from_reference(file.reference()) == file
    assert type(file_from_reference(file.reference())) is TextFile


def test_a_reference_without_size_and_checksum_is_one_too(folder: Path) -> None:
    (folder / "a.txt").write_text("hey")
    reference = {
        "filename": "a.txt",
        "file_type_string": "lume_dsl.files:TextFile",
        "filesystem_identifier": "local",
    }
    assert file_from_reference(reference).read() == "hey"


def test_a_type_of_a_users_own_is_written_read_and_found_again() -> None:
    file = Lines.write(["a", "b"], filename="lines")
    assert file_from_reference(file.reference()).read() == ["a", "b"]
    assert type(file_from_reference(ShortLines("x").reference())) is ShortLines


def test_paths_are_filenames(folder: Path) -> None:
    assert TextFile.write("hey", filename=Path("a.txt")).filename == str(folder / "a.txt")
    assert TextFile(Path("a.txt")).filename == "a.txt"


def test_files_are_values_that_travel() -> None:
    for file in (TextFile("a", size=1), Lines("a")):
        assert pickle.loads(pickle.dumps(file)) == file
        assert hash(file) == hash(pickle.loads(pickle.dumps(file)))
    files: list[File[Any]] = [TextFile("a"), JSONFile("a")]
    assert files[0] != files[1]
    assert repr(Lines("a")).startswith("Lines(filename='a'")


def test_the_directory_of_the_settings_counts_not_that_of_the_process(tmp_path: Path) -> None:
    there = tmp_path / "there"
    with use(Settings.from_environment()) as settings:
        pass
    elsewhere = Settings(home=settings.home, results_db=settings.results_db, directory=there)
    with use(elsewhere):
        assert TextFile.write("hey", filename="a.txt").filename == str(there / "a.txt")
        assert TextFile("a.txt").read() == "hey"


def test_a_file_that_changed_since_is_refused(folder: Path) -> None:
    file = TextFile.write("hey", filename="a.txt")
    (folder / "a.txt").write_text("hex")
    with pytest.raises(FileError, match="altered after it was written"):
        file.read()
    (folder / "a.txt").write_text("he")
    with pytest.raises(FileError, match="has 2 bytes, had 3 when it was written"):
        file.read()
    assert TextFile(file.filename).read() == "he"


def test_a_missing_file_is_an_error_with_its_full_path(folder: Path) -> None:
    with pytest.raises(FileError, match=f"{folder}/a.txt: there is no such file"):
        TextFile("a.txt").read()


def test_what_is_not_of_the_type_is_named_with_what_was_expected() -> None:
    with pytest.raises(FileError, match=r"a.txt: TextFile cannot store this: expected str, got int"):
        TextFile.write(5, filename="a.txt")  # type: ignore[arg-type]
    assert list(Path().iterdir()) == []


def test_a_content_of_another_type_is_an_error(folder: Path) -> None:
    (folder / "a").write_bytes(b"\xff")
    with pytest.raises(FileError, match="/a: cannot be read as TextFile: UnicodeDecodeError"):
        TextFile("a").read()


def test_failures_of_a_users_serializer_are_file_errors_with_their_cause() -> None:
    with pytest.raises(FileError, match="its serializer gave str, expected bytes"):
        Stubborn.write("x", filename="a")
    TextFile.write("x", filename="a")
    with pytest.raises(FileError, match="cannot be read as Stubborn: ZeroDivisionError") as caught:
        Stubborn("a").read()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_type_without_serializer_says_so() -> None:
    with pytest.raises(FileError, match="Bare has no serializer; set serializer ="):
        Bare.write("x", filename="a")


def test_a_type_defined_in_a_function_has_no_reference() -> None:
    class Inner(Lines):
        pass

    with pytest.raises(FileError, match="define it at the top of a module"):
        Inner("a").reference()


def test_an_unknown_filesystem_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ServiceError, match="no filesystem 'lcal'; known: local, memory; did you mean 'local'"):
        TextFile.write("x", filename="a", filesystem_identifier="lcal")
    with pytest.raises(ServiceError, match="LUME_MOUNTED_FILESYSTEM__IDENTIFIER"):
        TextFile("a", filesystem_identifier="mounted").read()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file_type_string": "os:system"}, "'os:system' is not a File class"),
        ({"file_type_string": "builtins:str"}, "is not a File class"),
        ({"file_type_string": "TextFile"}, "not of the form"),
        ({"file_type_string": None}, "expected file_type_string as str, got None"),
        ({"filename": 5}, "expected filename as str, got 5"),
        ({"size": "5"}, "expected size as int or None, got '5'"),
    ],
)
def test_any_other_object_is_no_reference(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FileError, match=message):
        file_from_reference(TextFile("a").reference() | change)


@pytest.mark.parametrize("reference", [None, "a.txt", ["a"], {}])
def test_what_is_no_object_is_no_reference(reference: Any) -> None:
    with pytest.raises(FileError, match="not a file reference"):
        file_from_reference(reference)


@pytest.mark.parametrize(
    ("cls", "stored"),
    [
        (TextFile, str),
        (Lines, list[str]),
        (ShortLines, list[str]),
        (JSONFile, Any),
        (YAMLFile, Any),
        (ImageFile, Any),
        (NumPyFile, Any),
        (File, Any),
    ],
)
def test_a_type_says_what_it_stores_as_far_as_is_known_without_its_library(cls: type[File[Any]], stored: Any) -> None:
    assert cls.stores() == stored


# files on a command line


def test_the_path_of_a_local_file_is_a_file(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("hey")
    for tp in (TextFile, TextFile | None):
        for text in ("sub/a.txt", str(folder / "sub" / "a.txt")):
            file, offences = parse_text(text, tp)
            assert (file, offences.shown) == (TextFile(str(folder / "sub" / "a.txt")), [])
            assert file.read() == "hey"
    assert parse_text("sub/a.txt,sub/a.txt", list[TextFile])[0] == [TextFile(str(folder / "sub" / "a.txt"))] * 2
    assert parse_text("null", TextFile | None)[0] is None
    assert parse_text("sub/a.txt", str | TextFile)[0] == "sub/a.txt"


@pytest.mark.parametrize(
    ("text", "tp", "reason"),
    [
        ("b.txt", TextFile, "there is no file 'b.txt' on this machine"),
        ("", TextFile, "is not a filename"),
        ("a.txt", File, "a path does not say of which type the file is"),
    ],
)
def test_a_path_that_is_no_file_is_told_with_how_a_reference_is_written(
    folder: Path, text: str, tp: type, reason: str
) -> None:
    (offence,) = parse_text(text, tp)[1].shown
    name = "lume_dsl.files:TextFile" if tp is TextFile else "module:Class"
    assert reason in offence.message
    assert offence.message.endswith(
        f"""(write JSON, for example '{{"filename": "path/to/file", "file_type_string": "{name}"}}')"""
    )


def test_reading_a_class_is_told_as_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"not of a class; write NPZFile\('scan.npz'\).read\(\), say"):
        TextFile.read("scan.npz")  # type: ignore[arg-type]
