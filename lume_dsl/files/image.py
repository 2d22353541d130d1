"""Images in whatever format the filename's suffix names; it must not know any other format."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from lume_dsl.files.file import File, missing_library
from lume_dsl.settings import LOCAL

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from typing_extensions import Self

__all__ = ["ImageFile"]


def _check_pillow() -> None:
    try:
        import PIL.Image  # noqa: F401 - heavy, and an extra
    except ImportError as error:
        raise missing_library("Pillow", extra="image") from error


def _format(filename: str) -> str:
    """Pillow's name of the format that the filename's suffix names."""
    from PIL import Image

    suffix = os.path.splitext(filename)[1].lower()
    known = Image.registered_extensions()
    if suffix not in known:
        raise ValueError(f"no image format has the suffix {suffix!r}; end the filename in .png, .tif or .jpg")
    return known[suffix]


def _image(obj: Any) -> Image:
    from PIL import Image

    if isinstance(obj, Image.Image):
        return obj
    dtype = getattr(obj, "dtype", None)
    kind = (getattr(dtype, "name", None), getattr(obj, "ndim", 0))
    if kind in (("uint8", 2), ("uint16", 2)) or (kind == ("uint8", 3) and obj.shape[2] == 3):
        return Image.fromarray(obj.astype(obj.dtype.newbyteorder("=")))
    found = type(obj).__name__ if dtype is None else f"an array of {dtype} with shape {obj.shape}"
    raise TypeError(
        "expected a Pillow image, a 2-D array of uint8 or uint16, or a uint8 array of shape (height, width, 3), "
        f"got {found}{_advice(dtype)}"
    )


def _advice(dtype: Any) -> str:
    """How to make an image of numbers that no format keeps as they are."""
    kind = getattr(dtype, "kind", "")
    if kind and kind in "iuf":
        scaled = "(array / array.max() * 65535).astype('uint16')"
        return f"; scale it, as {scaled}, or keep the numbers themselves in a NumPyFile"
    return "; write array.astype('uint8') * 255" if kind == "b" else ""


class _ImageSerializer:
    def check_target(self, filename: str | None, /) -> None:
        _check_pillow()
        if filename is not None:
            _format(filename)

    def write(self, obj: Any, stream: BinaryIO, filename: str, /) -> None:
        _check_pillow()
        image, kind = _image(obj), _format(filename)
        if getattr(image, "n_frames", 1) > 1:
            _write_frames(image, stream, kind)
        else:
            image.save(stream, format=kind)

    def read(self, stream: BinaryIO, filename: str, /) -> Image:
        _check_pillow()
        from PIL import Image

        # A copy: where there are several frames, Pillow reads each when it is asked for, and the stream is closed then.
        image = Image.open(io.BytesIO(stream.read()), formats=[_format(filename)])
        image.load()
        return image


def _write_frames(image: Image, stream: BinaryIO, kind: str) -> None:
    """All frames are written, and are there when they are counted again: some formats make one of equal ones."""
    from PIL import Image

    count, place, found = getattr(image, "n_frames", 1), image.tell(), 1
    if kind in Image.SAVE_ALL and kind in Image.OPEN:
        try:
            image.save(stream, format=kind, save_all=True)
        finally:
            image.seek(place)
        stream.seek(0)
        found = getattr(Image.open(stream, formats=[kind]), "n_frames", 1)
    if found != count:
        advice = "end the filename in .tif, or write image.copy(), which is the one that the image is at"
        raise ValueError(f"the image has {count} frames, of which {kind} would keep {found}; {advice}")


class ImageFile(File["Image"]):
    """An image: a Pillow image or an array goes in, a Pillow image comes out.

    The suffix of the filename chooses the format. An array holds grey values of 8 or 16 bits by row and column,
    or red, green and blue of 8 bits as its last axis. An image of several frames keeps them all, as in ``.tif``; a
    format that would not is refused.
    """

    serializer = _ImageSerializer()

    if TYPE_CHECKING:

        @classmethod
        def write(
            cls,
            obj: Image | np.ndarray[Any, Any],
            *,
            filename: str | os.PathLike[str],
            filesystem_identifier: str = LOCAL,
            overwrite: bool = False,
        ) -> Self: ...
