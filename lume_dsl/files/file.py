"""``File``: what one file holds, where it is kept and how it is recognised; it must not know any format."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    ClassVar,
    ForwardRef,
    Generic,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    runtime_checkable,
)

import attrs

from lume_dsl.errors import FileError
from lume_dsl.files.filesystem import Filesystem
from lume_dsl.files.filesystems import open_filesystem
from lume_dsl.files.streams import Fill, digest_of
from lume_dsl.settings import LOCAL
from lume_dsl.values.classes import class_of
from lume_dsl.values.encoding import Kind, register
from lume_dsl.values.forms import ReferenceForm, register_reference
from lume_dsl.values.type_names import named_type, type_string

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["File", "Serializer", "StreamSerializer", "file_from_reference", "missing_library"]

T = TypeVar("T")
S = TypeVar("S")


def _text(filename: str | os.PathLike[str]) -> str:
    return os.fspath(filename)


class Serializer(Protocol[S]):
    """How objects of one type become the bytes of a file, and back.

    Any exception is reported as a ``FileError`` that names the file and has it as its cause. A serializer may have
    a third method, ``check_target(filename)``, which is asked before a run and raises where no file of this name can be
    written, or, for None, no file at all, as a library is missing.
    """

    def dump(self, obj: S, filename: str, /) -> bytes:
        """Return the content of the file that holds ``obj``."""
        ...

    def load(self, data: bytes, filename: str, /) -> S:
        """Return the object that a file with this content holds."""
        ...


class StreamSerializer(Protocol[S]):
    """How objects that may be large are written to a file and read from it, without their bytes in memory as well.

    Errors are reported as those of a ``Serializer`` are.
    """

    def write(self, obj: S, stream: BinaryIO, filename: str, /) -> None:
        """The stream, which is seekable and has no ``fileno``, holds the content of the file that holds ``obj``."""
        ...

    def read(self, stream: BinaryIO, filename: str, /) -> S:
        """Return the object that a file with this content holds. The stream, which is seekable, is closed then."""
        ...


@runtime_checkable
class _Checking(Protocol):
    def check_target(self, filename: str | None, /) -> None: ...


@runtime_checkable
class _Streaming(Protocol):
    def write(self, obj: Any, stream: BinaryIO, filename: str, /) -> None: ...

    def read(self, stream: BinaryIO, filename: str, /) -> Any: ...


@attrs.frozen
class File(Generic[T]):
    """A file that holds a ``T``, by its name. Its content is read with ``read()``, each time from its filesystem.

    A type of your own is a subclass at the top of a module; it needs a serializer and nothing else (one of
    ``StreamSerializer``'s two methods, where files are large):

    >>> class LinesSerializer:
    ...     def dump(self, obj: list[str], filename: str) -> bytes:
    ...         return "\\n".join(obj).encode()
    ...     def load(self, data: bytes, filename: str) -> list[str]:
    ...         return data.decode().split("\\n")
    >>> class Lines(File[list[str]]):
    ...     serializer = LinesSerializer()

    Attributes:
        filename: The path in its filesystem, as ``write`` decided to keep it.
        filesystem_identifier: ``local``, ``memory``, or the identifier of a filesystem of the settings.
        size: The length in bytes, or None where it is not known.
        sha256: The SHA-256 of the content in hexadecimal, or None where it is not known.
    """

    serializer: ClassVar[Serializer[Any] | StreamSerializer[Any]]

    filename: str = attrs.field(converter=_text)
    filesystem_identifier: str = attrs.field(default=LOCAL, kw_only=True)
    size: int | None = attrs.field(default=None, kw_only=True)
    sha256: str | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def write(
        cls,
        obj: T,
        *,
        filename: str | os.PathLike[str],
        filesystem_identifier: str = LOCAL,
        overwrite: bool = False,
    ) -> Self:
        """Keep ``obj`` in a file, whole or not at all, and return the file. Missing folders are made.

        A file that is there with the same content is left as it is.

        Raises:
            FileError: If ``obj`` is not what this type stores, the place cannot be written, or a file with
                other content is there and ``overwrite`` is false.
            ServiceError: If there is no such filesystem.
        """
        name = os.fspath(filename)
        fill = cls._fill(obj, name)
        saved = open_filesystem(filesystem_identifier).save(name, fill, overwrite=overwrite)
        digest = saved.digest
        return cls(saved.path, filesystem_identifier=filesystem_identifier, size=digest.size, sha256=digest.sha256)

    @classmethod
    def check_target(cls, filename: str | None = None) -> None:
        """Return if files of this type can be written here, under this name where one is given, as far as is known.

        Raises:
            FileError: A library is missing, or the name is none for this type.
        """
        serializer = cls._serializer()
        if isinstance(serializer, _Checking):
            cls._told(filename or cls.__name__, lambda: serializer.check_target(filename))

    def read(self) -> T:
        """Return the object that the file holds.

        Raises:
            FileError: If the file is missing, is not what was written (by its size and SHA-256, where they
                are known), or is not of this type.
            ServiceError: If there is no such filesystem.
        """
        if not isinstance(self, File):  # NPZFile.read("scan.npz")
            raise TypeError(f"read() is asked of a file, not of a class; write NPZFile({self!r}).read(), say")
        filesystem = open_filesystem(self.filesystem_identifier)
        with filesystem.open(self.filename) as stream:
            self._check_unaltered(stream, filesystem)
            try:
                return self._loaded(stream)
            except FileError:
                raise
            except Exception as error:  # a user's serializer may fail in any way
                place = filesystem.locate(self.filename)
                raise FileError(f"{place}: cannot be read as {type(self).__name__}: {_reason(error)}") from error

    def _loaded(self, stream: BinaryIO) -> T:
        serializer: Any = self._serializer()
        is_streaming = isinstance(serializer, _Streaming)
        found: T = (
            serializer.read(stream, self.filename) if is_streaming else serializer.load(stream.read(), self.filename)
        )
        return found

    def reference(self) -> dict[str, Any]:
        """Return the JSON object that stands for this file wherever it crosses a flow's border.

        Raises:
            FileError: If the type is defined in a function, so that nothing could load the file again.
        """
        return {
            "filename": self.filename,
            "file_type_string": self._type_string(),
            "filesystem_identifier": self.filesystem_identifier,
            "size": self.size,
            "sha256": self.sha256,
        }

    @classmethod
    def stores(cls) -> Any:
        """Return the type that this type of file stores: the ``T`` of ``File[T]``, ``Any`` where unknown."""
        for base in cls.__mro__:
            for parent in vars(base).get("__orig_bases__", ()):
                if isinstance(get_origin(parent), type) and issubclass(get_origin(parent), File):
                    (stored,) = get_args(parent)
                    # A type whose library is heavy is written as text, and nothing is imported to resolve it.
                    return Any if isinstance(stored, TypeVar | ForwardRef) else stored
        return Any

    @classmethod
    def _serializer(cls) -> Serializer[Any] | StreamSerializer[Any]:
        if not hasattr(cls, "serializer"):
            raise FileError(f"{cls.__name__} has no serializer; set serializer = ... in its class body")
        return cls.serializer

    @classmethod
    def _type_string(cls) -> str:
        try:
            return type_string(cls)
        except ValueError as error:
            raise FileError(str(error)) from error

    @classmethod
    def _fill(cls, obj: Any, filename: str) -> Fill:
        """What writes the content to a stream. Where the bytes are made at once, they are made now."""
        serializer: Any = cls._serializer()
        if isinstance(serializer, _Streaming):
            return lambda stream: cls._told(filename, lambda: serializer.write(obj, stream, filename))
        data: Any = cls._told(filename, lambda: serializer.dump(obj, filename))
        if not isinstance(data, bytes):
            wrong = f"its serializer gave {type(data).__name__}, expected bytes"
            raise FileError(f"{filename}: {cls.__name__} cannot store this: {wrong}")

        def fill(stream: BinaryIO) -> None:
            stream.write(data)

        return fill

    @classmethod
    def _told(cls, filename: str, action: Callable[[], S]) -> S:
        """What the action gives; its failure is told as a value's that this type cannot store."""
        try:
            return action()
        except FileError:
            raise
        except Exception as error:  # a user's serializer may fail in any way
            raise FileError(f"{filename}: {cls.__name__} cannot store this: {_reason(error)}") from error

    def _check_unaltered(self, stream: BinaryIO, filesystem: Filesystem) -> None:
        """The stream has the size and SHA-256 of the file, where they are known, and is at its start."""
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if self.size is not None and size != self.size:
            raise self._altered(f"has {size} bytes, had {self.size} when it was written", filesystem)
        if self.sha256 is not None and self._digest(stream, filesystem) != self.sha256:
            raise self._altered("was altered after it was written (other SHA-256)", filesystem)

    def _digest(self, stream: BinaryIO, filesystem: Filesystem) -> str:
        try:
            return digest_of(stream).sha256
        except OSError as error:
            place = filesystem.locate(self.filename)
            raise FileError(f"{place}: cannot be read: {error.strerror or error}") from error

    def _altered(self, how: str, filesystem: Filesystem) -> FileError:
        advice = "write the file again, or read it as it is: attrs.evolve(file, size=None, sha256=None).read()"
        return FileError(f"{filesystem.locate(self.filename)}: {how}; {advice}")


def _reason(error: Exception) -> str:
    plain = isinstance(error, TypeError | ValueError) and not isinstance(error, UnicodeError)
    return str(error) if plain else f"{type(error).__name__}: {error}"


def missing_library(library: str, *, extra: str) -> FileError:
    """Return the error that says which extra brings a library that is not installed."""
    return FileError(f"{library} is not installed; pip install 'lume-dsl[{extra}]'")


_EXPECTED: dict[str, tuple[type, ...]] = {
    "filename": (str,),
    "file_type_string": (str,),
    "filesystem_identifier": (str,),
    "size": (int, type(None)),
    "sha256": (str, type(None)),
}
_OPTIONAL = {"filesystem_identifier": LOCAL, "size": None, "sha256": None}


def file_from_reference(reference: Any) -> File[Any]:
    """Return the file that ``reference`` stands for, of the type that it names. Nothing is read yet.

    Raises:
        FileError: If it is no such reference, or if the type that it names is not a ``File`` type.
    """
    if not isinstance(reference, dict):
        raise FileError(f"not a file reference: expected an object, got {type(reference).__name__}")
    parts = {**_OPTIONAL, **reference}
    for name, types in _EXPECTED.items():
        if name not in parts or not isinstance(parts[name], types):
            expected = " or ".join("None" if tp is type(None) else tp.__name__ for tp in types)
            raise FileError(f"not a file reference: expected {name} as {expected}, got {parts.get(name)!r}")
    try:
        cls: type[File[Any]] = named_type(parts["file_type_string"], File)
    except ValueError as error:
        raise FileError(f"file_type_string: {error}") from error
    return cls(**{name: parts[name] for name in _EXPECTED if name != "file_type_string"})


def _schema_of(_tp: Any) -> dict[str, Any]:
    text, null = {"type": "string"}, "null"
    properties = {
        "filename": text,
        "file_type_string": {**text, "pattern": "^[^:]+:[^:]+$"},
        "filesystem_identifier": text,
        "size": {"type": ["integer", null]},
        "sha256": {"type": ["string", null]},
    }
    required = [name for name in properties if name not in _OPTIONAL]
    return {"type": "object", "properties": properties, "required": required}


def _example_of(tp: Any) -> dict[str, Any]:
    return {"filename": "path/to/file", "file_type_string": _shown_type(class_of(tp))}


def _shown_type(cls: type[File[Any]]) -> str:
    """The type's name in references, or what stands for it where it has none."""
    return cls._type_string() if hasattr(cls, "serializer") and "<" not in cls.__qualname__ else "module:Class"


def _at_path(tp: Any, path: str) -> File[Any]:
    """The file of this machine that is there."""
    cls: type[File[Any]] = class_of(tp)
    if not hasattr(cls, "serializer"):
        raise FileError("a path does not say of which type the file is")
    filesystem = open_filesystem(LOCAL)
    if not os.path.isfile(filesystem.locate(path)):
        raise FileError(f"there is no file {path!r} on this machine")
    return cls(filesystem.keep(path))


register(Kind("file", File, File.reference, file_from_reference))
register_reference(ReferenceForm(File, file_from_reference, File.reference, _schema_of, _example_of, _at_path))
