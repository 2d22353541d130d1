"""The digest of a value: its stored form, in which a file counts by its content and a record by its hash.

It must not know whose values they are.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs

from lume_dsl.cache.packages import package_of
from lume_dsl.errors import FileError, LumeError, RecordError
from lume_dsl.files import File, file_from_reference, open_filesystem
from lume_dsl.files.streams import digest_of
from lume_dsl.records import DBResult
from lume_dsl.values.content import Content
from lume_dsl.values.encoding import TAG, encode
from lume_dsl.values.type_names import named_type

__all__ = ["Form", "form_of", "lost_file", "named_class"]


@attrs.frozen
class Form:
    """What a value is recognised by.

    Attributes:
        digest: The SHA-256 of its stored form, in hexadecimal. Other than the hash of records it tells ``1`` from
            ``1.0``: a task may give another value for each.
        classes: The classes whose instances it holds, by name.
    """

    digest: str
    classes: frozenset[str]


def form_of(value: Any, path: str = "value", *, is_reference: bool = False) -> Form:
    """Return what a value is recognised by; ``path`` is what errors call it.

    ``is_reference``: it is the reference of a file or record, or a list of some.

    Raises:
        RecordError: If something in it has no stored form, or is a file that cannot be read.
    """
    blobs: dict[str, Content] = {}
    try:
        found = _of_reference(value) if is_reference else _with_marks(value)
        document = encode(found, path, blobs=blobs)
    except RecordError:
        raise
    except (LumeError, RecursionError) as error:
        raise RecordError(f"{path}: {str(error) or 'is nested too deeply'}") from error
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Form(digest, frozenset([*_classes(document), *_based_classes(value)]))


@attrs.frozen
class _Mark:
    """Stands for a file or a record: its type, and its SHA-256 or hash."""

    type: str
    digest: str


def _with_marks(value: Any) -> Any:
    """A value in which marks stand for the files and records in its lists, tuples and dicts."""
    if isinstance(value, File):
        return _file_mark(value)
    if isinstance(value, DBResult):
        return _Mark(value.result_type_string, value.unique_hash)
    cls: Any = type(value)
    if cls in (list, tuple):
        return cls(map(_with_marks, value))
    return {key: _with_marks(item) for key, item in value.items()} if cls is dict else value


def _file_mark(file: File[Any]) -> _Mark:
    return _Mark(str(file.reference()["file_type_string"]), file.sha256 or _read_digest(file))


def _read_digest(file: File[Any]) -> str:
    with open_filesystem(file.filesystem_identifier).open(file.filename) as stream:
        try:
            return digest_of(stream).sha256
        except OSError as error:
            raise FileError(f"{file.filename}: cannot be read: {error.strerror or error}") from error


def lost_file(value: Any) -> str | None:
    """Return the name of a file that a value names in its lists, tuples and dicts, and that is not there as it was."""
    if isinstance(value, File):
        try:
            is_there = value.sha256 in (None, _read_digest(value))
        except LumeError:
            is_there = False
        return None if is_there else value.filename
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
    return next((found for item in items if (found := lost_file(item)) is not None), None)


def _of_reference(value: Any) -> Any:
    if isinstance(value, list):
        return [_of_reference(item) for item in value]
    if isinstance(value, dict) and "file_type_string" in value:
        return _file_mark(file_from_reference(value))
    if isinstance(value, dict) and "result_type_string" in value:
        return _Mark(str(value["result_type_string"]), str(value["query"]["unique_hash"]))
    return value


def _classes(document: Any) -> set[str]:
    """The names of the classes whose instances, and members, a stored form holds."""
    found: set[str] = set()
    left = [document]
    while left:
        form = left.pop()
        if isinstance(form, dict):
            content = form.get("value")
            if form.get(TAG) in ("object", "enum") and isinstance(content, dict):
                found.add(str(content["type"]))
            left += form.values()
        elif isinstance(form, list):
            left += form
    return {name for name in found if not name.startswith("lume_dsl.")}


_BASES = (str, int, float, list, dict, tuple)

_LEAVES = frozenset({str, int, float, bool, complex, bytes, type(None)})


def _based_classes(value: Any) -> set[str]:
    """The names of the user's own classes that derive from Python's: a stored form tells of them the base alone."""
    found: set[str] = set()
    left = [value]
    while left:
        one = left.pop()
        cls = type(one)
        if cls not in _BASES and isinstance(one, _BASES) and package_of(cls.__module__) is None:
            found.add(f"{cls.__module__}:{cls.__qualname__}")
        for items in (one, one.values()) if isinstance(one, dict) else (one,) if isinstance(one, (list, tuple)) else ():
            if not _LEAVES.issuperset(map(type, items)):  # a million numbers are seen at once
                left += items
    return found


def named_class(name: str) -> type | None:
    """Return the class of a name, ``"lab.optics:Twiss"``, or None where there is none."""
    try:
        return named_type(name, object)
    except Exception:  # importing a module of a user's may raise anything
        return None
