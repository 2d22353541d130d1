"""HDF5 files as nested dicts, or open for what is too large for that; it must not know any other format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.errors import FileError
from lume_dsl.files.file import File, missing_library
from lume_dsl.files.filesystems import open_filesystem
from lume_dsl.settings import LOCAL
from lume_dsl.values.content import PIECE

if TYPE_CHECKING:
    import os

    import h5py
    import numpy as np
    from typing_extensions import Self

__all__ = ["HDF5File"]

_ARRAY = "lume.array"
"""The attribute of an array without dimensions, which HDF5 does not tell from a number or a text."""

_EXPECTED = "expected a dict, an array, a number, a text or bytes"


def _h5py() -> ModuleType:
    try:
        import h5py  # heavy, and an extra
    except ImportError as error:
        raise missing_library("h5py", extra="hdf5") from error
    library: ModuleType = h5py
    return library


class _HDF5Serializer:
    def check_target(self, _filename: str | None, /) -> None:
        _h5py()

    def write(self, obj: Mapping[str, Any] | Path, stream: BinaryIO, _filename: str, /) -> None:
        library = _h5py()
        if isinstance(obj, Path):
            _copy(library, obj, stream)
        elif isinstance(obj, Mapping):
            with library.File(stream, "w", track_order=True) as file:
                _write_group(library, file, obj, "value")
        else:
            raise TypeError(f"expected a dict, or the Path of an HDF5 file, got {type(obj).__name__}")

    def read(self, stream: BinaryIO, _filename: str, /) -> dict[str, Any]:
        library = _h5py()
        with library.File(stream, "r") as file:
            return _read_group(library, file, frozenset())


class HDF5File(File["dict[str, Any]"]):
    """An HDF5 file. A nested dict goes in, as groups and datasets, and comes out with its order.

    What it may hold, at any depth: arrays (of numbers, booleans, complex numbers, texts, or with named fields), NumPy
    scalars, ``int``, ``float``, ``complex``, ``bool``, ``str`` and ``bytes``, and dicts of them with texts as keys.
    NaN is a number as any other. Arrays keep dtype and shape, those without dimensions too (by an attribute); an array
    of texts comes back as wide as its longest.

    A ``Path`` to an HDF5 file that another program has made may be written as well: its bytes are kept as they are.
    ``read()`` leaves attributes out; ``open()`` gives all that a file has, and reads only what is asked for.
    """

    serializer = _HDF5Serializer()

    @contextmanager
    def open(self) -> Iterator[h5py.File]:
        """Give the file as a read-only ``h5py.File`` inside the block: ``with file.open() as h5: h5["x/px"][:100]``.

        Nothing but what is asked for is in memory. The file is read once for its SHA-256, in pieces, unless that is
        not known: ``attrs.evolve(file, sha256=None).open()`` does without, for a file that is too large for it.

        Raises:
            FileError: If the file is missing, is not what was written (by its size and SHA-256, where they are
                known), or is no HDF5 file.
            ServiceError: If there is no such filesystem.
        """
        library = _h5py()
        filesystem = open_filesystem(self.filesystem_identifier)
        with filesystem.open(self.filename) as stream:
            self._check_unaltered(stream, filesystem)
            try:
                file = library.File(stream, "r")
            except OSError as error:
                place = filesystem.locate(self.filename)
                raise FileError(f"{place}: cannot be read as {type(self).__name__}: {error}") from error
            with file:
                yield file

    if TYPE_CHECKING:

        @classmethod
        def write(
            cls,
            obj: Mapping[str, Any] | Path,
            *,
            filename: str | os.PathLike[str],
            filesystem_identifier: str = LOCAL,
            overwrite: bool = False,
        ) -> Self: ...


def _copy(library: ModuleType, path: Path, stream: BinaryIO) -> None:
    if not path.is_file() or not library.is_hdf5(str(path)):
        raise ValueError(f"{path} is not an HDF5 file")
    import shutil  # heavy: 3 ms, which a definition does not wait for

    with path.open("rb") as source:
        shutil.copyfileobj(source, stream, PIECE)


# writing


def _write_group(library: ModuleType, group: h5py.Group, values: Mapping[Any, Any], path: str) -> None:
    for name, value in values.items():
        place = f"{path}[{name!r}]"
        if not isinstance(name, str) or not name or "/" in name or "\0" in name or name == ".":
            raise TypeError(f"{place}: expected a text without / as a key")
        if isinstance(value, Mapping):
            _write_group(library, group.create_group(name, track_order=True), value, place)
        else:
            _write_dataset(library, group, name, value, place)


def _write_dataset(library: ModuleType, group: h5py.Group, name: str, value: Any, place: str) -> None:
    import numpy as np  # heavy third party

    kind: Any = None
    if isinstance(value, str):
        value, kind = _text(value, place), library.string_dtype()
    elif isinstance(value, (bytes, bytearray)):
        value = np.frombuffer(bytes(value), f"V{len(value)}")[0] if value else library.Empty("V1")
    elif isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray):
        if value.dtype.kind in "UT":
            kind = library.string_dtype()
            texts = [_text(str(text), place) for text in value.flat]
            value = np.array(texts, dtype=object).reshape(value.shape)
        _check_dtype(value.dtype, place, texts=kind is not None)
    elif isinstance(value, np.generic):
        _check_dtype(value.dtype, place)
    elif not isinstance(value, (bool, int, float, complex)):
        advice = "; write np.array(...) around it" if isinstance(value, (list, tuple)) else ""
        raise TypeError(f"{place}: {_EXPECTED}, got {type(value).__name__}{advice}")
    try:
        dataset = group.create_dataset(name, data=value, dtype=kind)
    except (TypeError, OverflowError, ValueError) as error:
        raise TypeError(f"{place}: {error}") from error
    if isinstance(value, np.ndarray) and value.ndim == 0:
        dataset.attrs[_ARRAY] = True


def _text(text: str, place: str) -> str:
    if "\0" in text:
        raise ValueError(f"{place}: HDF5 has no texts with NUL characters; write it as bytes")
    return text


def _check_dtype(dtype: np.dtype[Any], place: str, *, texts: bool = False) -> None:
    if dtype.hasobject and not texts:
        raise TypeError(f"{place}: an array of Python objects; give it a dtype of numbers or texts")
    if dtype.kind in "mM":
        raise TypeError(f"{place}: HDF5 has no times; write them as numbers ({place}.astype('int64')) with their unit")


# reading


def _read_group(library: ModuleType, group: h5py.Group, above: frozenset[int]) -> dict[str, Any]:
    above = above | {library.h5o.get_info(group.id).addr}
    found = {}
    for name in group:
        place = f"{(group.name or '').rstrip('/')}/{name}"
        link = group.get(name, getlink=True)
        if isinstance(link, library.ExternalLink):
            raise ValueError(f"{place} is in another file; use open()")
        member: Any = group[name]
        if isinstance(member, library.Group):
            if library.h5o.get_info(member.id).addr in above:
                raise ValueError(f"{place} is a group that it stands in; use open()")
            found[name] = _read_group(library, member, above)
        elif isinstance(member, library.Dataset):
            found[name] = _read_dataset(library, member, place)
        else:
            raise ValueError(f"{place} is neither a group nor a dataset; use open()")
    return found


def _read_dataset(library: ModuleType, dataset: h5py.Dataset, place: str) -> Any:
    import numpy as np  # heavy third party

    if dataset.is_virtual or dataset.external:
        raise ValueError(f"the data of {place} is in another file; use open()")
    if dataset.shape is None:
        if dataset.dtype.kind == "V" and dataset.dtype.names is None:
            return b""
        raise ValueError(f"{place} has a type and no value; use open()")
    if library.check_string_dtype(dataset.dtype) is not None and dataset.dtype.kind == "O":
        texts = dataset.asstr()[()]
        if isinstance(texts, str):
            return np.array(texts) if _ARRAY in dataset.attrs else texts
        return texts.astype(str)
    if dataset.dtype.hasobject:
        raise ValueError(f"{place} has the type {dataset.dtype}, which no plain array has; use open()")
    value = dataset[()]
    if _ARRAY in dataset.attrs:
        return np.array(value, dataset.dtype)
    if isinstance(value, np.void) and value.dtype.names is None:
        return value.tobytes()
    as_python = isinstance(value, np.generic) and value.dtype.name in ("bool", "int64", "float64", "complex128")
    return value.item() if as_python else value
