"""NumPy arrays in ``.npy`` files; it must not know any other format."""

from __future__ import annotations

import io
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lume_dsl.files.file import File, missing_library

if TYPE_CHECKING:
    import numpy as np

__all__ = ["NumPyFile"]


def _numpy() -> ModuleType:
    try:
        import numpy as np  # heavy, and an extra
    except ImportError as error:
        raise missing_library("NumPy", extra="numpy") from error
    return np


class _NumPySerializer:
    def dump(self, obj: np.ndarray[Any, np.dtype[Any]], _filename: str, /) -> bytes:
        library = _numpy()
        # A masked array is an ndarray too, and would lose its mask.
        if not isinstance(obj, library.ndarray) or isinstance(obj, library.ma.MaskedArray):
            raise TypeError(f"expected numpy.ndarray, got {type(obj).__name__}")
        stream = io.BytesIO()
        library.save(stream, obj, allow_pickle=False)
        return stream.getvalue()

    def load(self, data: bytes, _filename: str, /) -> np.ndarray[Any, np.dtype[Any]]:
        array: np.ndarray[Any, np.dtype[Any]] = _numpy().load(io.BytesIO(data), allow_pickle=False)
        return array


class NumPyFile(File["np.ndarray[Any, np.dtype[Any]]"]):
    """A NumPy array with its dtype and shape, in ``.npy`` format, without pickle: no arrays of objects."""

    serializer = _NumPySerializer()
