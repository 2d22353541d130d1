"""The header of the ``.npy`` format, versions 1.0 to 3.0, as text; it must not load NumPy.

The header is written here and not by NumPy because NumPy's differs between its versions, and a record's hash must
not. It is a Python literal, which is read as one and never evaluated.
"""

from __future__ import annotations

import ast
from typing import Any

import attrs

__all__ = ["Header", "header_bytes", "header_of"]

_MAGIC = b"\x93NUMPY"
_ALIGNED_TO = 64
_LONGEST = 2**20
"""Bytes of a header: far more than one with a thousand fields has."""


@attrs.frozen
class Header:
    """What a ``.npy`` header says.

    Attributes:
        descr: The dtype: a text such as ``"<f8"``, or a list of fields.
        fortran_order: Whether the first index varies fastest.
        shape: The lengths of the dimensions.
        size: Bytes of the header itself.
    """

    descr: Any
    fortran_order: bool
    shape: tuple[int, ...]
    size: int = 0


def header_bytes(header: Header) -> bytes:
    """Return the header in the lowest version of the format that can hold it, padded to 64 bytes."""
    text = f"{{'descr': {header.descr!r}, 'fortran_order': {header.fortran_order}, 'shape': {header.shape!r}, }}"
    if text.isascii() or _is_latin1(text):
        line, version, width = text.encode("latin1"), 1, 2
        if len(line) + _ALIGNED_TO > 0xFFFF:
            version, width = 2, 4
    else:
        line, version, width = text.encode(), 3, 4
    padding = -(len(_MAGIC) + 2 + width + len(line) + 1) % _ALIGNED_TO
    line += b" " * padding + b"\n"
    return _MAGIC + bytes((version, 0)) + len(line).to_bytes(width, "little") + line


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin1")
    except UnicodeEncodeError:
        return False
    return True


def header_of(data: bytes | bytearray | memoryview) -> Header | None:
    """Return the header that the bytes begin with, or None where they are too few to hold it.

    Raises:
        ValueError: If they do not begin with one.
    """
    start = bytes(data[:12])
    if start[:6] != _MAGIC[: len(start)]:
        raise ValueError("these bytes are not in the .npy format")
    if len(start) < 12:
        return None
    if start[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError(f".npy format {start[6]}.{start[7]} is not known; 1.0 to 3.0 are")
    width = 2 if start[6] == 1 else 4
    size = 8 + width + int.from_bytes(start[8 : 8 + width], "little")
    if size > _LONGEST:
        raise ValueError(f"the .npy header is longer than {_LONGEST:,} bytes")
    if len(data) < size:
        return None
    return _parsed(bytes(data[8 + width : size]).decode("utf-8" if start[6] == 3 else "latin1"), size)


def _parsed(text: str, size: int) -> Header:
    try:
        members = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("the .npy header is not a Python literal") from error
    if not isinstance(members, dict) or set(members) != {"descr", "fortran_order", "shape"}:
        raise ValueError("the .npy header has other members than descr, fortran_order and shape")
    shape, fortran_order = members["shape"], members["fortran_order"]
    lengths = isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)
    if not lengths or not isinstance(fortran_order, bool):
        raise ValueError("the .npy header has a wrong shape or fortran_order")
    return Header(members["descr"], fortran_order, shape, size)
