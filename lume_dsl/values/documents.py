"""Documents of parameter values, JSON or YAML, as plain Python. It knows nothing of flows, types or files."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from lume_dsl.values.document_errors import DocumentError, top_level
from lume_dsl.values.jsontext import json_path_at, read_json
from lume_dsl.values.yaml12 import path_at, read_yaml

__all__ = ["DocumentError", "format_of", "read_document", "text_of_document"]

_JSON_HINT = "write text in double quotes, no comma after the last item, and no comments"


def format_of(filename: str) -> str:
    """Return ``"json"``, ``"yaml"`` or, for an ending that tells neither, ``""``.

    >>> format_of("scan.yml")
    'yaml'
    """
    ending = filename.lower().rpartition(".")[2] if "." in filename else ""
    return {"json": "json", "yaml": "yaml", "yml": "yaml"}.get(ending, "")


def read_document(text_or_bytes: str | bytes, *, name: str, format: str) -> dict[str, Any]:
    """Return the values that a document holds by parameter: plain dict, list, str, int, float, bool and None.

    ``name`` is what errors call the document. ``format`` is ``"json"``, ``"yaml"`` or ``""``: JSON if it
    parses as that, else YAML. An empty document holds nothing; as JSON it is none. Parts that a
    YAML alias names are shared.

    Raises:
        DocumentError: for whatever cannot be read.
    """
    text = text_of_document(text_or_bytes, name)
    if format == "yaml":
        return read_yaml(text, name)
    if not text.strip(" \t\r\n"):
        if format == "json":
            raise DocumentError(name, "is empty, which is not JSON", "write {} where no value is given")
        return {}
    try:
        return top_level(read_json(text, name), name, '{"parameter": value}')
    except json.JSONDecodeError as error:
        path = json_path_at(text, error.pos)
        problem = DocumentError(name, f"is not JSON: {error.msg}", _JSON_HINT, error.lineno, error.colno, path)
    if format == "json":
        raise problem
    try:
        return read_yaml(text, name)
    except DocumentError:
        if re.match(r'\s*\{\s*"', text):  # meant as JSON
            raise problem from None
        raise


# Text


def text_of_document(source: str | bytes, name: str) -> str:
    """Return a document's text, without a byte order mark, for sure encodable.

    Raises:
        DocumentError: It is not UTF-8.
    """
    if isinstance(source, str):
        return (source if source.isascii() else _decoded(source.encode("utf-8", "surrogatepass"), name)).removeprefix(
            "\ufeff"
        )
    _refuse_utf_16(source, name)
    return _decoded(source, name).removeprefix("\ufeff")


def _decoded(source: bytes, name: str) -> str:
    try:
        return source.decode()
    except UnicodeDecodeError as error:
        line, start = source.count(b"\n", 0, error.start) + 1, source.rfind(b"\n", 0, error.start) + 1
        column = len(source[start : error.start].decode()) + 1
        message = f"is not UTF-8: byte 0x{source[error.start]:02x} at offset {error.start} ({error.reason})"
        path = path_at(source.decode(errors="replace"), line, column)
        raise DocumentError(name, message, "save it as UTF-8", line, column, path) from None


def _refuse_utf_16(source: bytes, name: str) -> None:
    encoding = json.detect_encoding(source)
    if encoding.startswith("utf-8"):
        return
    try:
        source.decode(encoding)
    except UnicodeDecodeError:
        if not source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return  # a stray NUL, which the parser names better
    raise DocumentError(name, f"is {encoding[:6].upper()} text, where UTF-8 is read", "save it as UTF-8")
