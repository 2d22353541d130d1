"""Records in a collection of a MongoDB database, large contents in its GridFS; it must not know what records mean.

A document is stored as it is but for this: keys that begin with ``$`` get a backslash before it, because MongoDB and
its driver give them a meaning of their own (``{"$ref": ...}`` comes back as another type); the member ``_blobs`` names
the files of its large contents; and the values of a document beyond MongoDB's 16 MB are one more such file, as JSON.
Files are there before the document that names them.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Any, TypeVar

import bson
import gridfs
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from gridfs.errors import NoFile
from pymongo import errors
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.records.mongo_clients import DUPLICATE_KEY, OfMongo, said
from lume_dsl.records.query import NumberBound, Prefilter
from lume_dsl.records.store import Document, Entry, RecordStore
from lume_dsl.values.content import Content

__all__ = ["MongoStore"]

T = TypeVar("T")
R = TypeVar("R")

VERSION = 2
"""Of how records are stored; the first release named none."""

_SCHEMA = "records"
"""The ``_id`` of the document that has the version."""

_AT_ONCE = 1000
"""Documents in one call, of which each is waited for until it is in the journal."""

_BYTES_AT_ONCE = 16 * 2**20
"""Of the documents in one call."""

_AHEAD = 2
"""How many calls are encoded and not answered yet."""

_CHUNK = 2 * 2**20
"""Bytes of a chunk of a large content. In chunks of 4 MB the same bytes take a third longer, here and in the server."""

_AT_A_TIME = 2
"""Chunks of a content that are sent, or asked for, at a time."""

_LARGEST = 16 * 2**20 - 2**14
"""Bytes of a document: what MongoDB takes, less what it may add."""

_VALUES = ("inputs", "outputs", "fields", "provenance")
_FILES = "_blobs"
_REST = "_values"
"""The member of ``_blobs`` that names the file with what ``_VALUES`` are, where the document is too large for them."""

_OPPOSITE = {"<": "$gte", "<=": "$gt", ">": "$lte", ">=": "$lt", "==": "$ne"}


class MongoStore(OfMongo, RecordStore):
    """Records in the collection ``records`` of the database that a MongoDB URL names, else of ``lume``."""

    def _use(self, database: Database[Document]) -> None:
        self._records = database["records"]
        self._files = gridfs.GridFSBucket(database, bucket_name="blobs")
        self._chunks = database["blobs"]["chunks"]
        self._file_list = database["blobs"]["files"]
        self._schema = database["lume_schema"]

    def check(self) -> None:
        with self._translated():
            self._prepare()
            self._records.find_one({}, {"_id": True})
            # Is there already, so changes nothing, and is refused before that where nothing may be inserted.
            with suppress(errors.DuplicateKeyError):
                self._schema.insert_one({"_id": _SCHEMA})

    def insert(self, entries: Iterable[Entry]) -> list[bool]:
        with self._translated(), ThreadPoolExecutor(1) as sender:  # which waits while the next ones are encoded
            self._prepare()
            sent: list[Future[list[bool]]] = []
            together: list[RawBSONDocument] = []
            size = 0
            for entry in entries:
                stored = None if entry.blobs else _stored(entry.document)
                if stored is not None:
                    together.append(stored)
                    size += len(stored.raw)
                if stored is None or len(together) == _AT_ONCE or size > _BYTES_AT_ONCE:
                    sent.append(sender.submit(self._insert_many, together))
                    together, size = [], 0
                if stored is None:
                    sent.append(sender.submit(self._insert_with_files, entry.document, dict(entry.blobs)))
                if len(sent) > _AHEAD:
                    sent[-_AHEAD - 1].result()  # no more is held encoded
            are_new = [is_new for one in sent for is_new in one.result()]
            return are_new + self._insert_many(together)

    def scan(self, wanted: Prefilter) -> Iterator[Document]:
        if wanted.limit == 0:  # which MongoDB takes for "no limit"
            return
        with self._translated():
            self._refuse_newer()
            found = self._records.find(_filter(wanted, hints=True), {"_id": False}, limit=wanted.limit or 0)
            with found.sort([("time", -1), ("_id", -1)]).allow_disk_use(True) as documents:
                for stored in documents:
                    if (document := self._whole(stored)) is not None:
                        yield document

    def count_scanned(self, wanted: Prefilter) -> int:
        if wanted.limit == 0:
            return 0
        limit: dict[str, Any] = {} if wanted.limit is None else {"limit": wanted.limit}
        with self._translated():
            self._refuse_newer()
            return self._records.count_documents(_filter(wanted, hints=False), **limit)

    def read_blob(self, unique_hash: str, sha256: str) -> Iterator[bytes]:
        with self._translated():
            found = self._records.find_one({"unique_hash": unique_hash}, {_FILES: True})
            file = (found or {}).get(_FILES, {}).get(sha256)
            if file is None:
                raise RecordError(f"the record {unique_hash} at {self._shown} has no content {sha256}")
            yield from self._read(file, f"the bytes {sha256} of the record {unique_hash}")

    def delete(self, unique_hashes: Sequence[str]) -> int:
        number = 0
        with self._translated():
            self._prepare()
            for start in range(0, len(unique_hashes), _AT_ONCE):
                these = {"unique_hash": {"$in": list(unique_hashes[start : start + _AT_ONCE])}}
                found = list(self._records.find(these, {_FILES: True}))
                number += self._records.delete_many({"_id": {"$in": [one["_id"] for one in found]}}).deleted_count
                self._remove([file for one in found for file in one.get(_FILES, {}).values()])
        return number

    def _insert_many(self, stored: Sequence[RawBSONDocument]) -> list[bool]:
        if len(stored) < 2:
            return [self._insert_one(one) for one in stored]
        try:
            self._records.insert_many(stored, ordered=False)
        except errors.BulkWriteError as error:
            failures = error.details["writeErrors"]
            if any(one["code"] != DUPLICATE_KEY for one in failures):
                raise
            for unsure in error.details["writeConcernErrors"]:  # stored less durably than the URL asks for
                raise errors.WriteConcernError(unsure["errmsg"], unsure.get("code"), unsure) from error
            old = {one["index"] for one in failures}
            return [index not in old for index in range(len(stored))]
        return [True] * len(stored)

    def _insert_one(self, stored: Any) -> bool:
        try:
            self._records.insert_one(stored)
        except errors.DuplicateKeyError:
            return False
        return True

    def _insert_with_files(self, document: Document, contents: dict[str, Content]) -> list[bool]:
        """Whether the document is new; its files are there before it, and gone again if it is not."""
        if self._records.find_one({"unique_hash": document["unique_hash"]}, {"_id": True}):
            return [False]
        if _stored(document) is None:
            contents[_REST] = Content.of(_text({name: document.get(name) for name in _VALUES}).encode())
            document = {name: value for name, value in document.items() if name not in _VALUES}
        files = {name: ObjectId() for name in contents}
        try:
            for name, content in contents.items():
                self._upload(files[name], name, content)
            stored = _stored(document, files)
            if stored is None:
                raise RecordError(f"the names of the record and its inputs are too many for {self._shown}")
        except BaseException:
            with suppress(errors.PyMongoError):
                self._remove(files.values())
            raise
        # If this fails otherwise than by a duplicate, the document may be there: its files must stay.
        is_new = self._insert_one(stored)
        if not is_new:
            self._remove(files.values())
        return [is_new]

    def _upload(self, file: ObjectId, name: str, content: Content) -> None:
        # By hand: the driver's own way gathers 100 MB of chunks before it sends them, in two copies.
        chunks = self._chunks.with_options(write_concern=WriteConcern(w=1))  # the last of the writes is for them all
        made = ({"files_id": file, "n": number, "data": chunk} for number, chunk in enumerate(_chunks(content)))
        for _ in _side_by_side(chunks.insert_one, made):  # one encodes while the server is busy with that of another
            pass
        described = {"filename": name, "chunkSize": _CHUNK, "length": content.size}
        self._file_list.insert_one({"_id": file, **described, "uploadDate": datetime.now(timezone.utc)})

    def _read(self, file: ObjectId, what: str) -> Iterator[bytes]:
        """Yield the bytes of a file, in pieces.

        Raises:
            RecordError: If it is not there or not whole, saying so of ``what``.
        """
        mend = f"at {self._shown}: restore its files, or delete it"
        not_whole = RecordError(f"{what} are not whole any more {mend}")
        described = self._file_list.find_one({"_id": file})
        if described is None:
            raise RecordError(f"{what} are not there any more {mend}")
        length, chunk_size = described.get("length"), described.get("chunkSize")
        if not (isinstance(length, int) and isinstance(chunk_size, int) and chunk_size > 0):
            raise not_whole
        numbers = range(-(-length // chunk_size))
        for number, chunk in zip(numbers, self._chunks_of(file, numbers), strict=True):
            if len(chunk) != min(chunk_size, length - number * chunk_size):
                raise not_whole
            yield chunk

    def _chunks_of(self, file: ObjectId, numbers: range) -> Iterator[bytes]:
        """Return these chunks, each empty if it is not there; the driver's own way asks for one when it has another."""

        def read(number: int) -> bytes:
            found = self._chunks.find_one({"files_id": file, "n": number}, {"data": True})
            data = (found or {}).get("data")
            return data if isinstance(data, bytes) else b""

        return _side_by_side(read, numbers) if len(numbers) > 1 else map(read, numbers)

    def _remove(self, files: Iterable[ObjectId]) -> None:
        for file in files:
            with suppress(NoFile):
                self._files.delete(file)

    def _whole(self, stored: dict[str, Any]) -> Document | None:
        """The document whose stored form this is; None where it has been deleted since that was read."""
        files = stored.pop(_FILES, {})
        document: Document = _unescaped(stored)
        if _REST in files:
            what = f"the values of the record {document['unique_hash']}"
            try:
                document.update(json.loads(b"".join(self._read(files[_REST], what))))
            except RecordError:
                this = {"unique_hash": document["unique_hash"], f"{_FILES}.{_REST}": files[_REST]}
                if self._records.find_one(this, {"_id": True}):
                    raise
                return None
        document.setdefault("provenance", None)  # which the first release did not have
        return document

    def _prepare(self) -> None:
        """The collections are as this version has them."""
        if self._is_ready:
            return
        if not self._refuse_newer():
            self._records.create_index("unique_hash", unique=True)
            self._records.create_index([("flow_name", 1), ("project_name", 1), ("time", -1)])
            self._records.create_index([("time", -1), ("_id", -1)])
            # As GridFS has them.
            self._file_list.create_index([("filename", 1), ("uploadDate", 1)])
            self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
            self._schema.update_one({"_id": _SCHEMA}, {"$set": {"version": VERSION}}, upsert=True)
        self._is_ready = True

    def _refuse_newer(self) -> bool:
        """Whether the collections are as this version has them already."""
        if self._is_ready:
            return True
        found = (self._schema.find_one({"_id": _SCHEMA}) or {}).get("version")
        if found is not None and not (isinstance(found, int) and found <= VERSION):
            raise ServiceError(
                f"the records at {self._shown} are of version {found}, which a later lume_dsl has written; this one "
                f"knows version {VERSION}: pip install --upgrade lume_dsl"
            )
        self._is_ready = found == VERSION
        return self._is_ready

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with super()._translated():
            try:
                yield
            except errors.WriteError as error:
                raise RecordError(f"{self._shown} refuses the record: {said(error)}") from error


def _filter(wanted: Prefilter, *, hints: bool) -> dict[str, Any]:
    times = {"$gte": wanted.since, "$lte": wanted.until}
    found: dict[str, Any] = {name: {"$eq": text} for name, text in wanted.equal.items()}
    if wanted.marks:
        found["input_marks"] = {"$all": list(wanted.marks)}
    if bounds := {sign: time for sign, time in times.items() if time is not None}:
        found["time"] = bounds
    if wanted.beginning:
        found.setdefault("unique_hash", {}).update({"$gte": wanted.beginning, "$lt": f"{wanted.beginning}g"})  # after f
    if hints and (parts := [part for bound in wanted.numbers if (part := _hint(bound)) is not None]):
        found["$and"] = parts
    return found


def _hint(bound: NumberBound) -> dict[str, Any] | None:
    """What does not hold only where there is a number for which ``bound`` does not; None where MongoDB cannot tell."""
    names_nothing = any(not key or "." in key or key[0] in "$\\" or "\0" in key for key in bound.path)
    if names_nothing or not -(2**63) <= bound.number < 2**63:
        return None
    steps = [".".join(bound.path[: length + 1]) for length in range(len(bound.path))]
    # MongoDB looks into arrays, too, which are something else here.
    in_dicts = [{step: {"$not": {"$type": "array"}}} for step in steps]
    return {"$nor": [{"$and": [{steps[-1]: {_OPPOSITE[bound.sign]: bound.number, "$type": "number"}}, *in_dicts]}]}


def _side_by_side(do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield what is done with each item, in their order, while the next ones are being done in threads."""
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        underway: deque[Future[R]] = deque()
        for item in items:
            underway.append(threads.submit(do, item))
            if len(underway) > _AT_A_TIME:
                yield underway.popleft().result()
        for one in underway:
            yield one.result()


def _chunks(content: Content) -> Iterator[bytes]:
    """The bytes in chunks of which all but the last have the full length, as GridFS wants them."""
    rest = b""
    for piece in content.pieces():
        view = memoryview(piece)
        if rest:
            rest, view = rest + bytes(view[: _CHUNK - len(rest)]), view[_CHUNK - len(rest) :]
            if len(rest) < _CHUNK:
                continue
            yield rest
        whole = len(view) - len(view) % _CHUNK
        yield from (bytes(view[start : start + _CHUNK]) for start in range(0, whole, _CHUNK))
        rest = bytes(view[whole:])
    if rest:
        yield rest


_text = json.JSONEncoder(ensure_ascii=False).encode


def _stored(document: Document, files: Mapping[str, ObjectId] | None = None) -> RawBSONDocument | None:
    """What MongoDB is given for the document, None if it is too large. Encoded once, and that tells its size."""
    whole = {**document, _FILES: dict(files)} if files else document
    encoded = bson.encode(whole)
    if (b"$" in encoded or b"\\" in encoded) and _may_be_in_key(encoded):
        encoded = bson.encode(_escaped(whole))
    return RawBSONDocument(encoded) if len(encoded) <= _LARGEST else None


_may_be_in_key = re.compile(rb"[\x01-\x13\x7f\xff][$\\]").search
"""Whether what would be escaped follows a byte that is a type in BSON, as keys do. It is slow to ask always."""

_HOLD = (dict, list)


def _escaped(value: Any) -> Any:
    if type(value) is dict:
        return {
            (f"\\{k}" if k[:1] in ("$", "\\") else k): _escaped(item) if type(item) in _HOLD else item
            for k, item in value.items()
        }
    return [_escaped(item) if type(item) in _HOLD else item for item in value]


def _unescaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {(k[1:] if k[:1] == "\\" else k): _unescaped(item) for k, item in value.items()}
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    # The driver gives integers beyond 32 bits as a type of its own.
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
