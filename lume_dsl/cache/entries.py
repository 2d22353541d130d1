"""Entries: values of tasks in files of their own, each written whole and checked when it is read.

It must not know what a key is made of. An entry is ``cache/<first two digits>/<key>.entry`` below ``LUME_HOME``: the
SHA-256 of its document on a line, the document, JSON, on a line, and the large contents that it names, one after
another (docs/stored-form.md). ``cache/latest`` has a symbolic link for each task of a flow, which names the key of the
entry that it wrote last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from lume_dsl.errors import FileError, RecordError, text_of
from lume_dsl.files.atomic import open_whole, write_whole
from lume_dsl.secrets import shows_secret
from lume_dsl.values.blobs import named_blobs
from lume_dsl.values.content import PIECE, Content
from lume_dsl.values.encoding import decode
from lume_dsl.values.exact import exact_form

__all__ = ["Cache", "Entry"]

_SUFFIX = ".entry"
_FORMAT = 1


@attrs.frozen(kw_only=True)
class Entry:
    """What a run of a task gave, and what of.

    Attributes:
        key: The SHA-256 that it is found by.
        flow: The name of the flow that ran.
        task: The name of the task in it, with its index where it is one of a map.
        function: What ran, as ``module:name``.
        time: When it was written (UTC).
        source: The digests of the source's parts.
        inputs: The digests of the inputs.
        size: The bytes of its file; 0 before it is written.
    """

    key: str
    flow: str
    task: str
    function: str
    source: Mapping[str, str]
    inputs: Mapping[str, str]
    time: datetime = attrs.field(factory=lambda: datetime.now(timezone.utc))
    size: int = attrs.field(default=0, eq=False)

    def document(self) -> dict[str, Any]:
        """Return it as JSON, without its size."""
        names = [field.name for field in attrs.fields(Entry) if field.name != "size"]
        members = {name: getattr(self, name) for name in names}
        return {**members, "time": self.time.isoformat(), "source": dict(self.source), "inputs": dict(self.inputs)}


@attrs.frozen
class Cache:
    """The entries below a ``LUME_HOME``. Any number of processes may read and write them at once."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.home / "cache"

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def find(self, key: str) -> Entry | None:
        """Return the entry of a key, or None where there is none. Its value is not read.

        Raises:
            RecordError: If it is damaged.
        """
        path = self._path(key)
        try:
            is_there = path.exists()
        except OSError as error:
            raise RecordError(f"the entry {path}: {error.strerror or error}") from error
        return _read(path, _entry_of) if is_there else None

    def value(self, key: str) -> Any:
        """Return the value of an entry, of the same type and value as what was written.

        Raises:
            RecordError: If it is damaged, or gone.
        """
        return _read(self._path(key), _value_of)

    def write(self, entry: Entry, value: Any) -> None:
        """The value is on disk, whole, in the place of an older one of the same key.

        Raises:
            RecordError: If it cannot be stored so that it comes back as the same, naming what of it.
            FileError: If the file cannot be written.
        """
        blobs: dict[str, Content] = {}
        stored = exact_form(value, blobs)
        contents = [{"sha256": name, "size": content.size} for name, content in blobs.items()]
        document = {"format": _FORMAT, **entry.document(), "contents": contents, "value": stored}
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        if shows_secret(text):
            raise RecordError("value: holds the text of a secret")
        fill = partial(_fill, line=text.encode(), contents=list(blobs.values()))
        write_whole(str(self._path(entry.key)), fill, overwrite=True)

    # what a task wrote last

    def latest(self, task_id: str) -> Entry | None:
        """Return the entry that was last noted of a task, or None where there is none that can be read."""
        with suppress(OSError, RecordError):
            return self.find(os.readlink(self._link(task_id)))
        return None

    def note(self, task_id: str, key: str) -> None:
        """The entry of this key is the latest of the task. Where that cannot be noted, nothing happens."""
        link = self._link(task_id)
        temporary = link.with_name(f".{os.urandom(8).hex()}")
        with suppress(OSError):
            link.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(key, temporary)
            os.replace(temporary, link)

    def _link(self, task_id: str) -> Path:
        return self.folder / "latest" / hashlib.sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()

    # all of them

    def entries(self) -> Iterator[Entry | Path]:
        """Yield all entries, in no order; of one that is damaged, its file."""
        for path in self.folder.glob(f"??/*{_SUFFIX}"):
            try:
                yield _read(path, _entry_of)
            except RecordError:
                if path.exists():
                    yield path

    def remove(self, entry: Entry | Path) -> None:
        """An entry is gone, whoever else removes it."""
        path = entry if isinstance(entry, Path) else self._path(entry.key)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # another entry is in it
            path.parent.rmdir()

    def clean(self) -> None:
        """What names entries that are gone is gone."""
        with suppress(OSError):
            for link in (self.folder / "latest").iterdir():
                if link.is_symlink() and not self._path(os.readlink(link)).exists():
                    link.unlink(missing_ok=True)


def _fill(stream: BinaryIO, *, line: bytes, contents: list[Content]) -> None:
    stream.write(hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n")
    for content in contents:
        for piece in content.pieces():
            stream.write(piece)


def _read(path: Path, take: Any) -> Any:
    """What ``take`` makes of the document, its file, and where in it the contents begin."""
    try:
        with open_whole(str(path)) as stream:
            digest, line = stream.readline().rstrip(b"\n").decode(), stream.readline()
            if not line.endswith(b"\n") or hashlib.sha256(line[:-1]).hexdigest() != digest:
                raise RecordError("was changed or cut off")
            document = json.loads(line)
            if document["format"] != _FORMAT:
                raise RecordError(f"has the format {document['format']}; a later lume_dsl may know it")
            if f"{document['key']}{_SUFFIX}" != path.name:
                raise RecordError("is another one's")
            begin = stream.tell()
            size = begin + sum(one["size"] for one in document["contents"])
            if os.fstat(stream.fileno()).st_size != size:
                raise RecordError("was cut off, or has more bytes than were written")
            return take(document, stream, begin)
    except (RecordError, FileError, OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"the entry {path}: {text_of(error)}") from error


def _entry_of(document: dict[str, Any], stream: BinaryIO, _begin: int) -> Entry:
    names = {field.name for field in attrs.fields(Entry)} - {"size", "time"}
    time = datetime.fromisoformat(document["time"])
    return Entry(**{name: document[name] for name in names}, time=time, size=os.fstat(stream.fileno()).st_size)


def _value_of(document: dict[str, Any], stream: BinaryIO, begin: int) -> Any:
    places: dict[str, tuple[int, int]] = {}
    for one in document["contents"]:
        places[one["sha256"]] = (begin, one["size"])
        begin += one["size"]
    if named_blobs(document["value"]) - places.keys():
        raise RecordError("has not all contents that it names")
    return decode(document["value"], read=lambda name: _pieces(stream, *places[name]))


def _pieces(stream: BinaryIO, begin: int, size: int) -> Iterator[bytes]:
    stream.seek(begin)
    while size > 0 and (piece := stream.read(min(size, PIECE))):
        size -= len(piece)
        yield piece
