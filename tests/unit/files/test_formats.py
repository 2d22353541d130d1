"""Each type of file reads what it wrote, and refuses what it could not read back."""

from __future__ import annotations

import builtins
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from lume_dsl.errors import FileError
from lume_dsl.files import File, ImageFile, JSONFile, NumPyFile, TextFile, YAMLFile

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["no", "1e3", "<<", "=", "~", "2024-01-01", "0x1", "1_0", "\x85", "\ufeff", "a\u2028b", " a"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def through(cls: type[File[Any]], value: Any) -> Any:
    """The value after it was a file's content."""
    return cls.serializer.load(cls.serializer.dump(value, "name"), "name")


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@given(st.text())
def test_any_text_is_read_back(text: str) -> None:
    assert through(TextFile, text) == text


def test_text_is_kept_to_the_byte() -> None:
    file = TextFile.write("a\r\nb\n", filename="a.txt")
    assert Path(file.filename).read_bytes() == b"a\r\nb\n"


@pytest.mark.parametrize("cls", [JSONFile, YAMLFile])
@given(value=JSON_VALUES)
def test_any_json_value_is_read_back_with_its_types(cls: type[File[Any]], value: Any) -> None:
    assert repr(through(cls, value)) == repr(value)


@pytest.mark.parametrize("cls", [JSONFile, YAMLFile])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, math.nan]}, r"value\['a'\]\[1\]: expected a finite float, got nan"),
        ({"a": (1,)}, r"value\['a'\]: expected a JSON value, got \(1,\)"),
        ({"a": {1: 2}}, r"value\['a'\]: expected str as a key, got 1"),
        ([{1}], r"value\[0\]: expected a JSON value"),
        (np.int64(1), "value: expected a JSON value"),
    ],
)
def test_what_is_not_json_is_named_by_its_path(cls: type[File[Any]], value: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        cls.write(value, filename="a")
    assert list(Path().glob("a*")) == []


def test_a_json_file_is_plain_json_in_utf8() -> None:
    file = JSONFile.write({"é": 1}, filename="a.json")
    assert json.loads(Path(file.filename).read_text(encoding="utf-8")) == {"é": 1}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", ""])
def test_what_is_no_json_is_not_read(text: str) -> None:
    Path("a.json").write_text(text)
    with pytest.raises(FileError, match="cannot be read as JSONFile"):
        JSONFile("a.json").read()


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [echo]", "a: [", "!unknown x"])
def test_a_yaml_file_makes_nothing_but_values(text: str) -> None:
    Path("a.yaml").write_text(text)
    with pytest.raises(FileError, match="cannot be read as YAMLFile"):
        YAMLFile("a.yaml").read()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.ones((2, 3), ">f4")),
        np.array(5),
        np.zeros((0, 3), complex),
        np.array(["a", "é"]),
        np.array([True]),
        np.array(["2024-01-01"], "datetime64[ns]"),
        np.array([(1, 2.0)], [("n", "i4"), ("x", "f8")]),
        np.array([math.nan, math.inf, -0.0]),
    ],
)
def test_arrays_keep_values_dtype_and_shape(array: np.ndarray[Any, Any]) -> None:
    read = NumPyFile.write(array, filename="a.npy").read()
    assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([{}], dtype=object), "an array of Python objects would need pickle"),
        ([1, 2], "expected numpy.ndarray, got list"),
        (np.float64(1), "expected numpy.ndarray, got float64"),
        (np.ma.masked_array([1, 2], [False, True]), "expected numpy.ndarray, got MaskedArray"),
    ],
)
def test_what_is_no_plain_array_is_refused(value: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        NumPyFile.write(value, filename="a.npy")


def test_a_pickle_is_not_an_array() -> None:
    np.save("a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match="cannot be read as NumPyFile"):
        NumPyFile("a.npy").read()


@pytest.mark.parametrize("suffix", ["png", "tif", "TIFF"])
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
def test_grey_images_keep_every_value(suffix: str, dtype: str) -> None:
    array = (np.arange(12).reshape(3, 4) * 20).astype(dtype)
    image = ImageFile.write(array, filename=f"a.{suffix}").read()
    assert image.size == (4, 3)
    assert np.array_equal(np.asarray(image), array)


def test_colour_images_keep_every_value() -> None:
    array = np.arange(36, dtype="u1").reshape(3, 4, 3)
    image = ImageFile.write(array, filename="a.png").read()
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), array)


def test_a_pillow_image_is_written_in_the_format_of_the_suffix() -> None:
    image = ImageFile.write(Image.new("RGB", (4, 3), "red"), filename="a.jpg").read()
    assert (image.format, image.size) == ("JPEG", (4, 3))


@pytest.mark.parametrize(
    ("value", "filename", "message"),
    [
        (np.zeros((2, 2)), "a.png", "got an array of float64 with shape"),
        (np.zeros((2, 2, 4), "u1"), "a.png", r"got an array of uint8 with shape \(2, 2, 4\)"),
        ([[1]], "a.png", "expected a Pillow image, a 2-D array .*, got list"),
        (np.zeros((2, 2), "u1"), "a.xyz", "no image format has the suffix '.xyz'"),
        (np.zeros((2, 2), "u1"), "a", "no image format has the suffix ''"),
        (np.zeros((2, 2), "u2"), "a.jpg", "cannot write mode I;16 as JPEG"),
    ],
)
def test_what_is_no_image_or_no_format_is_refused(value: Any, filename: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        ImageFile.write(value, filename=filename)


def stack(values: list[int]) -> Image.Image:
    """An image of frames of these grey values, as a camera's program writes them."""
    frames = [Image.fromarray(np.full((3, 4), value, "u1")) for value in values]
    frames[0].save("stack.tif", save_all=True, append_images=frames[1:])
    return Image.open("stack.tif")


def values_of(image: Image.Image) -> list[int]:
    return [int(np.asarray(frame).flat[0]) for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_all_frames_of_an_image_come_back(suffix: str) -> None:
    with stack([10, 20, 30]) as image:
        image.seek(1)
        file = ImageFile.write(image, filename=f"a.{suffix}")
        assert image.tell() == 1
    read = file.read()
    assert (getattr(read, "n_frames", 1), read.tell()) == (3, 0)
    assert values_of(read) == [10, 20, 30]


def test_frames_of_a_file_of_another_program_are_read() -> None:
    stack([10, 20, 30]).close()
    assert values_of(ImageFile("stack.tif").read()) == [10, 20, 30]


@pytest.mark.parametrize(
    ("suffix", "values", "message"),
    [
        ("jpg", [10, 20, 30], "the image has 3 frames, of which JPEG would keep 1; end the filename in .tif, or write"),
        ("gif", [10, 10, 30], "the image has 3 frames, of which GIF would keep 2; "),
        ("pdf", [10, 20, 30], "of which PDF would keep 1; "),
    ],
)
def test_a_format_that_would_not_keep_all_frames_is_refused(suffix: str, values: list[int], message: str) -> None:
    with stack(values) as image:
        with pytest.raises(FileError, match=message):
            ImageFile.write(image, filename=f"a.{suffix}")
        assert not Path(f"a.{suffix}").exists()
        image.seek(2)
        assert values_of(ImageFile.write(image.copy(), filename="a.png").read()) == values[2:]


def test_a_file_of_another_format_is_not_an_image() -> None:
    Path("a.png").write_bytes(b"GIF89a")
    with pytest.raises(FileError, match="cannot be read as ImageFile"):
        ImageFile("a.png").read()


@pytest.mark.parametrize(
    ("module", "extra", "write"),
    [
        ("numpy", "numpy", lambda: NumPyFile.write([1], filename="a.npy")),  # type: ignore[arg-type]
        ("PIL", "image", lambda: ImageFile.write([1], filename="a.png")),  # type: ignore[arg-type]
    ],
)
def test_a_missing_library_is_an_error_that_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, extra: str, write: Callable[[], object]
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == module:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FileError, match=rf"is not installed; pip install 'lume-dsl\[{extra}\]'"):
        write()
