"""A record that a store did not take is kept, whole and private, until it does."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.records import DBResult, to_document
from lume_dsl.records.aside import discard, keep, read, unsaved_folder, waiting
from lume_dsl.records.store import Entry
from lume_dsl.values.content import PIECE, Content
from lume_dsl.values.kinds import tagged


def entry(number: int, *contents: bytes) -> Entry:
    """A record with large contents."""
    made = [Content.of(content) for content in contents]
    document = to_document(DBResult(flow_name="a", outputs={"n": number, "text": "é"}))
    document["outputs"]["contents"] = [tagged("blob", {"sha256": one.sha256, "size": one.size}) for one in made]
    return Entry(document, {content.sha256: content for content in made})


def content_of(entry: Entry) -> dict[str, bytes]:
    return {sha256: b"".join(map(bytes, content.pieces())) for sha256, content in entry.blobs.items()}


def kept(home: Path) -> list[Entry]:
    entries = [read(folder) for folder in waiting(home)]
    return [entry for entry in entries if entry is not None]


def test_a_record_comes_back_with_its_contents(tmp_path: Path) -> None:
    one = entry(1, b"x" * (PIECE + 3), b"")
    folder = keep(tmp_path, one)
    assert folder == tmp_path / "unsaved" / one.document["unique_hash"]
    (found,) = kept(tmp_path)
    assert found.document == one.document
    assert content_of(found) == content_of(one)
    assert [content.size for content in found.blobs.values()] == [content.size for content in found.blobs.values()]


def test_nothing_is_kept_at_first(tmp_path: Path) -> None:
    assert waiting(tmp_path) == []
    unsaved_folder(tmp_path).mkdir()
    assert waiting(tmp_path) == []


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep(tmp_path / "home", entry(1, b"x"))
    finally:
        os.umask(before)
    for path in (unsaved_folder(tmp_path / "home"), *unsaved_folder(tmp_path / "home").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_record_is_kept_once(tmp_path: Path) -> None:
    one = entry(1, b"x")
    assert keep(tmp_path, one) == keep(tmp_path, one)
    assert len(kept(tmp_path)) == 1
    assert len(os.listdir(unsaved_folder(tmp_path))) == 1


def test_records_are_given_back_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        os.utime(keep(tmp_path, entry(number)), (number, number))
    assert [found.document["outputs"]["n"] for found in kept(tmp_path)] == [1, 2, 3]


class _Torn(Content):
    """A content that is lost half way."""

    def pieces(self) -> Any:
        yield b"half"
        raise OSError(28, "No space left on device")


def test_a_record_is_whole_or_absent(tmp_path: Path) -> None:
    torn = Entry(entry(1).document, {"0" * 64: _Torn(8, list)})
    with pytest.raises(ServiceError, match=r"nor can it be kept aside: .*: No space left on device"):
        keep(tmp_path, torn)
    assert os.listdir(unsaved_folder(tmp_path)) == []


def test_what_a_killed_process_left_half_written_is_no_record(tmp_path: Path) -> None:
    (unsaved_folder(tmp_path) / ".1f").mkdir(parents=True)
    assert waiting(tmp_path) == []


def test_a_home_that_takes_no_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "unsaved").write_text("")
    with pytest.raises(ServiceError, match="nor can it be kept aside"):
        keep(tmp_path, entry(1))


def test_what_was_discarded_is_gone_however_many_do_it(tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1, b"x"))
    discard(folder)
    discard(folder)
    assert read(folder) is None
    assert os.listdir(unsaved_folder(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unique_hash": "another"}'])
def test_a_folder_that_is_no_record_is_named(text: str, tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1))
    (folder / "document.json").write_text(text)
    with pytest.raises(RecordError, match=f"{folder} is no record"):
        read(folder)


def test_a_folder_without_a_document_is_named(tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1))
    (folder / "document.json").unlink()
    with pytest.raises(RecordError, match=r"is no record: it has no document\.json"):
        read(folder)


def test_a_content_that_was_changed_is_named(tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1, b"abc"))
    (blob,) = (folder / "blobs").iterdir()
    blob.write_bytes(b"abd")
    with pytest.raises(RecordError, match=rf"is no record: blobs/{blob.name} was changed"):
        read(folder)


def test_a_content_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1, b"abc", b"def"))
    blob = min((folder / "blobs").iterdir())
    blob.unlink()
    with pytest.raises(RecordError, match=rf"is no record: blobs/{blob.name} is missing, which document\.json names"):
        read(folder)


def test_a_content_that_the_document_does_not_name_is_named(tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1, b"abc"))
    name = hashlib.sha256(b"def").hexdigest()
    (folder / "blobs" / name).write_bytes(b"def")
    with pytest.raises(RecordError, match=rf"is no record: blobs/{name} is not named by document\.json"):
        read(folder)


def test_a_document_that_was_changed_is_named(tmp_path: Path) -> None:
    """Valid JSON, and another value: nothing else would tell."""
    folder = keep(tmp_path, entry(1))
    file = folder / "document.json"
    file.write_text(file.read_text().replace('"n": 1', '"n": 2'))
    with pytest.raises(RecordError, match=r"is no record: document\.json was changed"):
        read(folder)


def test_the_checksum_is_as_other_programs_take_it(tmp_path: Path) -> None:
    folder = keep(tmp_path, entry(1, b"abc"))
    subprocess.run(["sha256sum", "--check", "--strict", "document.json.sha256"], cwd=folder, check=True)


def test_what_an_earlier_version_kept_without_a_checksum_is_read(tmp_path: Path) -> None:
    one = entry(1, b"abc")
    folder = keep(tmp_path, one)
    (folder / "document.json.sha256").unlink()
    (found,) = kept(tmp_path)
    assert found.document == one.document
    document = json.loads((folder / "document.json").read_text())
    document["outputs"]["contents"].append(tagged("blob", {"sha256": "0" * 64, "size": 1}))
    (folder / "document.json").write_text(json.dumps(document))
    with pytest.raises(RecordError, match=f"blobs/{'0' * 64} is missing"):
        read(folder)


@pytest.mark.parametrize("name", sorted(to_document(DBResult(flow_name="a", outputs={}))))
def test_a_document_without_one_of_its_members_is_named(name: str, tmp_path: Path) -> None:
    """But for ``provenance``, which the first release did not write."""
    folder = keep(tmp_path, entry(1))
    (folder / "document.json.sha256").unlink()
    document = json.loads((folder / "document.json").read_text())
    del document[name]
    (folder / "document.json").write_text(json.dumps(document))
    if name == "provenance":
        assert read(folder) == Entry(document)
        return
    with pytest.raises(RecordError, match=f"{folder} is no record: document.json (has no {name}$|is another one's)"):
        read(folder)
