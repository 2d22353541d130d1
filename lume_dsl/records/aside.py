"""Records that a store did not take, kept in a folder until it does; it must not know any store.

Each is a folder of its own, ``<unique hash>/``, with ``document.json``, its SHA-256 in ``document.json.sha256``, as
``sha256sum -c`` takes it, and a file ``blobs/<sha256>`` for each large content. It is whole or absent, and only its
owner may read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.files.atomic import sync_folder
from lume_dsl.records.store import Entry, contents_of
from lume_dsl.values.content import Content, pieces_of

__all__ = ["Recovered", "discard", "keep", "read", "unsaved_folder", "waiting"]

_TEMPORARY = "."
"""What the names of folders begin with that are being written or removed."""

_DOCUMENT = "document.json"
_CHECKSUM = "document.json.sha256"
"""Folders that earlier versions kept have none."""

_MEMBERS = (
    *("unique_hash", "result_type_string", "project_name", "flow_name", "result_name", "flow_run_id", "time"),
    *("inputs", "outputs", "fields", "input_marks"),
)
"""What every document has; ``provenance`` those of the first release have not."""


@attrs.frozen
class Recovered:
    """What became of a record that had been kept aside.

    Attributes:
        unique_hash: The record's hash.
        folder: Where it was kept; it is still there if there is a problem.
        reference: The JSON object that stands for the record, or None if there is a problem.
        is_new: Whether the store has it from now on, and did not before.
        problem: Why it could not be saved, or ``""``.
    """

    unique_hash: str
    folder: Path
    reference: dict[str, Any] | None = None
    is_new: bool = False
    problem: str = ""


def unsaved_folder(home: Path) -> Path:
    """Where records are kept that a store did not take."""
    return home / "unsaved"


def keep(home: Path, entry: Entry) -> Path:
    """The record is on disk, whole, readable by its owner alone; return its folder.

    One that is there already, with the same hash, stays as it is.

    Raises:
        ServiceError: If it cannot be written.
    """
    parent = unsaved_folder(home)
    folder = parent / str(entry.document["unique_hash"])
    temporary = parent / f"{_TEMPORARY}{os.urandom(8).hex()}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        try:
            _write_entry(temporary, entry)
            _publish(temporary, folder)
        finally:
            _remove(temporary)
        sync_folder(parent)
    except OSError as error:
        reason = error.strerror or error
        raise ServiceError(f"nor can it be kept aside: {folder} cannot be written: {reason}") from error
    return folder


def _publish(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # another process has kept the same record
            raise


def _write_entry(folder: Path, entry: Entry) -> None:
    blobs = folder / "blobs"
    blobs.mkdir(mode=0o700)
    for name, content in entry.blobs.items():
        _write(blobs / name, content.pieces())
    text = json.dumps(entry.document, ensure_ascii=False).encode()
    _write(folder / _DOCUMENT, [text])
    _write(folder / _CHECKSUM, [f"{sha256(text).hexdigest()}  {_DOCUMENT}\n".encode()])
    sync_folder(blobs)
    sync_folder(folder)


def _write(path: Path, pieces: Any) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())


def waiting(home: Path) -> list[Path]:
    """Return the folders of the records that are kept aside, the oldest first."""
    try:
        folders = [folder for folder in unsaved_folder(home).iterdir() if not folder.name.startswith(_TEMPORARY)]
    except FileNotFoundError:
        return []
    return [folder for _, folder in sorted((_time_of(folder), folder) for folder in folders)]


def _time_of(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # another process has saved it since
        return 0.0


def read(folder: Path) -> Entry | None:
    """Return the record that is kept in a folder, or None if another process has saved it since.

    Its large contents are read when they are asked for.

    Raises:
        RecordError: If it is not what was written there.
    """
    try:
        checksum = _checksum(folder)
        text = (folder / _DOCUMENT).read_bytes()
        document = json.loads(text)
        sizes = {file.name: file.stat().st_size for file in (folder / "blobs").iterdir()}
    except FileNotFoundError as error:
        if not folder.exists():
            return None
        raise RecordError(f"{folder} is no record: it has no {Path(error.filename).name}") from error
    except (OSError, ValueError) as error:
        raise RecordError(f"{folder} is no record: {error}") from error
    if not isinstance(document, dict) or document.get("unique_hash") != folder.name:
        raise RecordError(f"{folder} is no record: {_DOCUMENT} is another one's")
    if checksum not in (None, sha256(text).hexdigest()):
        raise RecordError(f"{folder} is no record: {_DOCUMENT} was changed")
    if missing := [name for name in _MEMBERS if name not in document]:
        raise RecordError(f"{folder} is no record: {_DOCUMENT} has no {', '.join(missing)}")
    _check_names(folder, contents_of(document), sizes)
    blobs = {name: Content(size, partial(pieces_of, folder / "blobs" / name)) for name, size in sizes.items()}
    for name, content in blobs.items():
        if content.sha256 != name:
            raise RecordError(f"{folder} is no record: blobs/{name} was changed")
    return Entry(document, blobs)


def _checksum(folder: Path) -> str | None:
    try:
        return (folder / _CHECKSUM).read_text().partition(" ")[0]
    except FileNotFoundError:
        return None


def _check_names(folder: Path, named: Collection[str], present: Collection[str]) -> None:
    """The large contents that are there are those that the document names.

    Raises:
        RecordError: If one of them is not, or the document names others.
    """
    for name in sorted({*named, *present}):
        if name not in present:
            raise RecordError(f"{folder} is no record: blobs/{name} is missing, which {_DOCUMENT} names")
        if name not in named:
            raise RecordError(f"{folder} is no record: blobs/{name} is not named by {_DOCUMENT}")


def discard(folder: Path) -> None:
    """The record is no longer kept aside, in whatever process two do this at once."""
    gone = folder.with_name(f"{_TEMPORARY}{os.urandom(8).hex()}")
    with suppress(FileNotFoundError):
        folder.rename(gone)  # at once: nobody takes a half of it for a record
        _remove(gone)


def _remove(folder: Path) -> None:
    import shutil  # with what it compresses by 3 ms, which a definition does not wait for

    shutil.rmtree(folder, ignore_errors=True)
