"""NumPy arrays in ``.npy`` and ``.npz`` files; it must not know any other format."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.files.file import File, missing_library

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["NPZFile", "NumPyFile"]


def _numpy() -> ModuleType:
    try:
        import numpy as np  # heavy, and an extra
    except ImportError as error:
        raise missing_library("NumPy", extra="numpy") from error
    return np


def _check_array(obj: Any, path: str = "") -> None:
    library = _numpy()
    # A masked array is an ndarray too, and would lose its mask.
    if not isinstance(obj, library.ndarray) or isinstance(obj, library.ma.MaskedArray):
        raise TypeError(f"{path}expected numpy.ndarray, got {type(obj).__name__}")
    if obj.dtype.hasobject:
        raise TypeError(f"{path}an array of Python objects would need pickle; give it a dtype of numbers or texts")


class _NumPySerializer:
    def check_target(self, filename: str | None, /) -> None:
        _numpy()
        if filename and filename.lower().endswith(".npz"):
            raise ValueError("a .npz file holds several arrays; annotate it with NPZFile, or end the filename in .npy")

    def write(self, obj: Array, stream: BinaryIO, filename: str, /) -> None:
        self.check_target(filename)
        _check_array(obj)
        _numpy().lib.format.write_array(stream, obj, allow_pickle=False)

    def read(self, stream: BinaryIO, _filename: str, /) -> Array:
        array: Array = _numpy().lib.format.read_array(stream, allow_pickle=False)
        return array


class NumPyFile(File["np.ndarray[Any, np.dtype[Any]]"]):
    """A NumPy array with its dtype and shape, in ``.npy`` format, without pickle: no arrays of objects."""

    serializer = _NumPySerializer()


class _NPZSerializer:
    def check_target(self, _filename: str | None, /) -> None:
        _numpy()

    def write(self, obj: Mapping[Any, Array], stream: BinaryIO, _filename: str, /) -> None:
        library = _numpy()
        if not isinstance(obj, Mapping):
            raise TypeError(f"expected a dict of numpy.ndarray by name, got {type(obj).__name__}")
        for name, array in obj.items():
            if not isinstance(name, str) or not name or "\0" in name:
                raise TypeError(f"expected names that are texts, got {name!r}")
            _check_array(array, f"value[{name!r}]: ")
        # Not np.savez: it takes an array called "file" for an argument of its own.
        import zipfile  # 3 ms, which a definition does not wait for

        with zipfile.ZipFile(stream, "w") as archive:
            for name, array in obj.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    library.lib.format.write_array(member, array, allow_pickle=False)

    def read(self, stream: BinaryIO, _filename: str, /) -> dict[str, Array]:
        library = _numpy()
        found: dict[str, Array] = {}
        import zipfile

        with zipfile.ZipFile(stream) as archive:
            for entry in archive.namelist():
                with archive.open(entry) as member:
                    found[entry.removesuffix(".npy")] = library.lib.format.read_array(member, allow_pickle=False)
                    if member.read(1):
                        raise ValueError(f"{entry} holds more than an array")
        return found


class NPZFile(File["dict[str, np.ndarray[Any, np.dtype[Any]]]"]):
    """Several NumPy arrays by name, in order, in ``.npz`` format, without pickle and without compression."""

    serializer = _NPZSerializer()
