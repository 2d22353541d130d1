"""NumPy arrays as ``.npy`` contents and NumPy scalars as numbers; it must not know the stored form around them.

NumPy is imported in functions, as it is heavy: who has one of its values has loaded it.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lume_dsl.values.content import PIECE, Content
from lume_dsl.values.kinds import Unstorable, full_name
from lume_dsl.values.npy import Header, header_bytes, header_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["array_content", "array_of", "array_or_scalar", "scalar_of", "scalar_parts"]


def array_or_scalar(value: Any) -> str:
    """Return ``"array"`` or ``"scalar"`` for a value of NumPy's, ``""`` for any other. Loads nothing."""
    numpy: Any = sys.modules.get("numpy")
    if not hasattr(numpy, "ndarray") or not hasattr(numpy, "generic"):  # not loaded, or not to its end
        return ""
    if isinstance(value, numpy.ndarray):
        return "array"
    return "scalar" if isinstance(value, numpy.generic) else ""


# arrays


def array_content(array: np.ndarray[Any, Any]) -> Content:
    """Return the array as the content of a ``.npy`` file.

    Its pieces are views of the array's own memory where that is contiguous, in C or in Fortran order; else they
    are copied, one at a time. So the array must stay as it is until the content was read.

    Raises:
        Unstorable: If the format cannot hold it exactly.
    """
    import numpy as np

    if type(array) not in (np.ndarray, np.memmap):
        raise Unstorable(f"{full_name(type(array))} cannot be stored; {_instead(array)}")
    fortran_order = array.flags.f_contiguous and not array.flags.c_contiguous
    header = header_bytes(Header(_descr(array.dtype), fortran_order, tuple(map(int, array.shape))))
    holes = _holes(array.dtype)

    def parts() -> Iterator[bytes | memoryview]:
        yield header
        if array.nbytes == 0:
            return
        if array.flags.forc and not holes:
            yield _bytes_of(array).data
        else:
            yield from _copied(array.T if fortran_order else array, holes)

    return Content(len(header) + array.nbytes, parts)


def _instead(array: np.ndarray[Any, Any]) -> str:
    if "MaskedArray" in [cls.__name__ for cls in type(array).__mro__]:
        return "write .filled(...), or its .data and its .mask"
    return "write numpy.asarray(...)"


def _descr(dtype: np.dtype[Any]) -> Any:
    """The dtype as ``.npy`` writes it, from which the same dtype is read."""
    import numpy as np

    if dtype.hasobject:
        text = dtype.kind == "T"
        instead = "write .astype(str)" if text else "write .tolist(), or an array of numbers or texts"
        raise Unstorable(f"an array of dtype {dtype} cannot be stored; {instead}")
    if not dtype.itemsize:
        raise Unstorable(f"an array of dtype {dtype!r}, whose items have no bytes, cannot be stored; write .tolist()")
    descr: Any = None
    try:
        descr = np.lib.format.dtype_to_descr(dtype) if dtype.metadata is None else None
        back = np.lib.format.descr_to_dtype(descr)
        same = dtype.kind != "T" and back == dtype and back.type is dtype.type
    except (ValueError, TypeError):
        same = False
    if not same:
        raise Unstorable(
            f"the .npy format cannot hold the dtype {dtype!r} exactly; write an array of plain fields and no metadata"
        )
    return descr


def _bytes_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The memory of a contiguous array, in its order, as bytes."""
    import numpy as np

    flat = (array if array.flags.c_contiguous else array.T).reshape(-1)
    return flat.view(np.ndarray).view(np.uint8)


def _copied(array: np.ndarray[Any, Any], holes: list[int]) -> Iterator[memoryview]:
    import numpy as np

    count = max(1, PIECE // array.itemsize)
    chunk: Any
    for chunk in np.nditer(array, flags=["external_loop", "buffered"], buffersize=count, order="C"):
        copy = np.array(chunk, order="C").view(np.uint8)
        if holes:
            copy.reshape(-1, array.itemsize)[:, holes] = 0
        yield copy.data


def _holes(dtype: np.dtype[Any]) -> list[int]:
    """The bytes of an item that are no part of its value, in which anything may stand: they are stored as zeros."""
    import numpy as np

    if dtype.subdtype is not None:
        inner, shape = dtype.subdtype
        places = range(0, math.prod(shape) * inner.itemsize, inner.itemsize)
        return [place + hole for place in places for hole in _holes(inner)]
    if dtype.names is not None:
        members: Any = dtype.fields
        fields = [members[name][:2] for name in dtype.names]
        held = {offset + at for field, offset in fields for at in range(field.itemsize)}
        inside = [offset + hole for field, offset in fields for hole in _holes(field)]
        return sorted({*inside, *(set(range(dtype.itemsize)) - held)})
    if dtype.char not in "gG" or np.finfo(np.longdouble).nmant != 63:  # numbers of 80 bits in more bytes
        return []
    size = np.dtype(np.longdouble).itemsize
    holes = range(10, size) if dtype.isnative == (sys.byteorder == "little") else range(size - 10)
    return [place + hole for place in range(0, dtype.itemsize, size) for hole in holes]


def array_of(content: Content) -> np.ndarray[Any, Any]:
    """Return the array of a ``.npy`` content: allocated once, and filled from the pieces.

    Nothing that the header says is executed, and nothing is allocated before it fits the content's size.

    Raises:
        ValueError: If it is no such content.
    """
    import numpy as np

    pieces = content.pieces()
    head, header = _head(pieces)
    dtype = _dtype(header.descr)
    size = header.size + math.prod(header.shape) * dtype.itemsize
    if size != content.size:
        raise ValueError(f"an array of {header.shape} {dtype} takes {size:,} bytes, the content has {content.size:,}")
    array: np.ndarray[Any, Any] = np.empty(header.shape, dtype, order="F" if header.fortran_order else "C")
    target = _bytes_of(array) if array.nbytes else np.empty(0, np.uint8)
    at = len(head) - header.size
    target[:at] = np.frombuffer(head, np.uint8)[header.size :]
    for piece in pieces:
        target[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
        at += len(piece)
    return array


def _head(pieces: Iterator[bytes | memoryview]) -> tuple[bytes | memoryview, Header]:
    """The first pieces, until the header is whole in them; mostly it is in the first one, which is not copied."""
    head: bytes | memoryview = next(pieces, b"")
    while (header := header_of(head)) is None:
        piece = next(pieces, None)
        if piece is None:
            raise ValueError("the content ends within its .npy header")
        head = bytes(head) + bytes(piece)
    return head, header


def _dtype(descr: Any) -> np.dtype[Any]:
    import numpy as np

    try:
        dtype = np.lib.format.descr_to_dtype(descr)
    except Exception as error:  # of a text that anybody may have written
        raise ValueError(f"the .npy header has no dtype: {error}") from error
    # NumPy allocates a byte or more for items of none, which nothing would fill.
    if dtype.hasobject or dtype.subdtype is not None or not dtype.itemsize:
        raise ValueError(f"arrays of dtype {dtype} are not read")
    return dtype


# scalars

_DATETIME = re.compile(r"(datetime64|timedelta64)(\[\d*[A-Za-zμ]+\])?")
_NUMBERS = re.compile(r"bool|u?int\d+|float\d+|complex\d+|u?longlong|u?intc|u?int|c?longdouble|str|bytes")


def scalar_parts(value: np.generic) -> dict[str, Any]:
    """Return the ``dtype`` of a scalar by name, and its ``value``, which can be encoded.

    The value is the Python number, text or bytes that it equals; of a date and time the count of its unit, from
    1970 on, or None for NaT; of a structured one the array without dimensions.
    """
    import numpy as np

    kind, name = value.dtype.kind, _name(value)
    if kind in "mM":
        return {"dtype": name, "value": None if np.isnat(value) else int(value.view(np.int64))}
    if kind == "V":
        if type(value) is not np.void:
            raise Unstorable(f"{full_name(type(value))} cannot be stored; write .item()")
        return {"dtype": "void", "value": np.array(value)}
    if kind == "f":
        return {"dtype": name, "value": _real(value)}
    if kind == "c":
        real, imaginary = _real(value.real), _real(value.imag)
        if isinstance(real, str) or isinstance(imaginary, str):
            return {"dtype": name, "value": [real, imaginary]}
        return {"dtype": name, "value": complex(real, imaginary)}
    plain: dict[str, Callable[[Any], Any]] = {"b": bool, "i": int, "u": int, "U": str.__str__, "S": bytes}
    if kind not in plain:
        raise Unstorable(f"{full_name(type(value))} cannot be stored; write .item()")
    return {"dtype": name, "value": plain[kind](value)}


def _name(value: np.generic) -> str:
    """The name by which ``numpy.dtype`` gives back a dtype of the scalar's type: ``"float64"``, ``"longlong"``."""
    import numpy as np

    dtype = value.dtype
    if dtype.kind in "US":
        return "str" if dtype.kind == "U" else "bytes"
    if dtype.char in "gG":
        return "longdouble" if dtype.char == "g" else "clongdouble"
    if dtype.kind in "V":
        return "void"
    return dtype.name if np.dtype(dtype.name).type is dtype.type else dtype.type.__name__


def _real(value: Any) -> float | str:
    """The float that a number equals; beyond what floats hold ``"0x1fp-3"``, which is 31 times 2 to the power -3."""
    import numpy as np

    plain = float(value)
    if plain == value or not np.isfinite(value):
        return plain
    numerator, denominator = value.as_integer_ratio()
    zeros = (numerator & -numerator).bit_length() - 1
    return f"{hex(numerator >> zeros)}p{zeros - (denominator.bit_length() - 1)}"


def scalar_of(parts: Any) -> np.generic:
    """Return the scalar of such parts, decoded.

    Raises:
        ValueError: If they are none, or if numbers of this precision are not held here.
    """
    import numpy as np

    name, value = parts["dtype"], parts["value"]
    if name == "void":
        if not isinstance(value, np.ndarray) or value.shape != () or value.dtype.kind != "V":
            raise ValueError("it is not a structured scalar")
        return _item(value)
    if _DATETIME.fullmatch(name):
        count = np.iinfo(np.int64).min if value is None else value
        return _item(np.array(_typed(count, int), np.int64).view(np.dtype(name)))
    if not _NUMBERS.fullmatch(name):
        raise ValueError(f"it has the unknown dtype {name!r}")
    scalar = _built(np.dtype(name), value)
    held = scalar_parts(scalar)["value"]
    if repr(held) != repr(value):
        raise ValueError(f"{value!r} is not a number that {name} holds here")
    return scalar


def _item(array: Any) -> np.generic:
    """The one item of an array without dimensions."""
    item: np.generic = array[()]
    return item


def _built(dtype: np.dtype[Any], value: Any) -> np.generic:
    import numpy as np

    cls: Any = dtype.type
    plain: dict[str, type] = {"b": bool, "i": int, "u": int, "U": str, "S": bytes}
    if dtype.kind in plain:
        scalar: np.generic = cls(_typed(value, plain[dtype.kind]))
    elif dtype.kind == "f":
        scalar = _extended(value) if isinstance(value, str) else cls(_typed(value, float))
    else:
        real, imaginary = value if isinstance(value, list) else (value.real, value.imag)
        made: Any = np.empty((), dtype)
        made.real, made.imag = ((_extended(part) if isinstance(part, str) else part) for part in (real, imaginary))
        scalar = made[()]
    return scalar


def _extended(text: str) -> np.longdouble:
    import numpy as np

    mantissa, _, exponent = text.partition("p")
    if len(text) > 60:  # a mantissa has 113 bits at most
        raise ValueError("it has too many digits")
    number = int(mantissa, 16)
    low = np.longdouble(abs(number) & 0xFFFFFFFF)
    for shift in (32, 64, 96):  # in parts that every longdouble holds exactly
        low += np.ldexp(np.longdouble((abs(number) >> shift) & 0xFFFFFFFF), shift)
    scaled: np.longdouble = np.ldexp(-low if number < 0 else low, int(exponent))
    return scaled


def _typed(value: Any, tp: type) -> Any:
    if type(value) is not tp:
        raise ValueError(f"expected {tp.__name__}, got {type(value).__name__}")
    return value
