"""NPZ, HDF5, CSV, Parquet and openPMD files: what went in comes out, or is refused by its path."""

from __future__ import annotations

import builtins
import math
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
import pandas as pd
import pytest
from beamphysics import ParticleGroup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dsl.errors import FileError
from lume_dsl.files import CSVFile, File, HDF5File, ImageFile, NPZFile, NumPyFile, OpenPMDFile, ParquetFile

MEMORY = "memory"


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def through(cls: type[File[Any]], value: Any, filename: str = "a") -> Any:
    """The value after it was the content of a file."""
    return cls.write(value, filename=filename, filesystem_identifier=MEMORY, overwrite=True).read()


def same(a: Any, b: Any) -> bool:
    """Whether two values have equal types and content at every level, in the same order; NaN equals NaN."""
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return type(a) is type(b) and repr(a) == repr(b)


def particles(count: int) -> ParticleGroup:
    random = np.random.default_rng(1)
    names = ("x", "px", "y", "py", "z", "pz", "t")
    data = {name: random.normal(size=count) for name in names}
    return ParticleGroup(
        data={**data, "status": np.ones(count, int), "weight": np.full(count, 1e-12), "species": "electron"}
    )


WRITTEN: dict[type[File[Any]], Any] = {
    NumPyFile: np.arange(1000.0),
    NPZFile: {"a": np.arange(1000.0)},
    HDF5File: {"a": {"b": np.arange(1000.0)}},
    CSVFile: pd.DataFrame({"a": np.arange(300), "b": ["x"] * 300}),
    ParquetFile: pd.DataFrame({"a": np.arange(1000.0)}),
    ImageFile: np.zeros((40, 40), "u2"),
    OpenPMDFile: particles(100),
}
each_type = pytest.mark.parametrize("cls", WRITTEN, ids=lambda cls: cls.__name__)


def name_for(cls: type[File[Any]]) -> str:
    return "a.png" if cls is ImageFile else "a"


# every type


@each_type
def test_the_same_value_again_is_the_same_file(cls: type[File[Any]]) -> None:
    first = cls.write(WRITTEN[cls], filename=f"1{name_for(cls)}")
    inode = Path(first.filename).stat().st_ino
    assert cls.write(WRITTEN[cls], filename=f"1{name_for(cls)}") == first
    assert Path(first.filename).stat().st_ino == inode


@each_type
def test_the_digest_is_that_of_the_file(cls: type[File[Any]]) -> None:
    import hashlib

    file = cls.write(WRITTEN[cls], filename=name_for(cls))
    content = Path(file.filename).read_bytes()
    assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@each_type
def test_a_truncated_or_altered_file_is_an_error(cls: type[File[Any]]) -> None:
    file = cls.write(WRITTEN[cls], filename=name_for(cls))
    path = Path(file.filename)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="bytes, had"):
        file.read()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(FileError, match="altered after it was written"):
        file.read()


@pytest.mark.parametrize("cls", [cls for cls in WRITTEN if cls is not CSVFile], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\nPK\x03\x04", b"{}"])
def test_what_is_no_such_file_is_an_error_without_a_digest_too(cls: type[File[Any]], content: bytes) -> None:
    Path(name_for(cls)).write_bytes(content)
    with pytest.raises(FileError, match=f"cannot be read as {cls.__name__}"):
        cls(name_for(cls)).read()
    file = cls.write(WRITTEN[cls], filename=f"1{name_for(cls)}")
    whole = Path(file.filename).read_bytes()
    Path(file.filename).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match=f"cannot be read as {cls.__name__}"):
        cls(file.filename).read()


@each_type
@pytest.mark.parametrize("value", [None, "text", 5, [1, 2]])
def test_a_value_of_another_type_is_refused_with_what_was_expected(cls: type[File[Any]], value: Any) -> None:
    with pytest.raises(FileError, match=f"{cls.__name__} cannot store this: expected .*, got {type(value).__name__}"):
        cls.write(value, filename=name_for(cls))
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("cls", "modules", "extra"),
    [
        (NPZFile, ["numpy"], "numpy"),
        (HDF5File, ["h5py"], "hdf5"),
        (CSVFile, ["pandas"], "csv"),
        (ParquetFile, ["pandas"], "parquet"),
        (ParquetFile, ["pyarrow"], "parquet"),
        (OpenPMDFile, ["beamphysics", "pmd_beamphysics"], "openpmd"),
    ],
)
def test_a_missing_library_is_an_error_that_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, cls: type[File[Any]], modules: list[str], extra: str
) -> None:
    file = cls.write(WRITTEN[cls], filename="a")
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for use in (lambda: cls.write(WRITTEN[cls], filename="b"), file.read):
        with pytest.raises(FileError, match=rf"is not installed; pip install 'lume-dsl\[{extra}\]'"):
            use()


# NPZ


ARRAYS = st.sampled_from(
    [
        np.arange(6.0).reshape(2, 3),
        np.array(5),
        np.zeros((0, 3), complex),
        np.array(["a", "é"]),
        np.array(["2024-01-01"], "datetime64[ns]"),
        np.array([(1, 2.0)], [("n", ">i4"), ("x", "f8")]),
        np.array([math.nan, -0.0], "f2"),
    ]
)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=5).filter(lambda name: name.isprintable()), ARRAYS, max_size=4))
def test_arrays_by_name_come_back_in_order(arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    assert same(through(NPZFile, arrays), arrays)


def test_names_that_numpy_takes_for_its_own_are_names(tmp_path: Path) -> None:
    arrays = {name: np.arange(2) for name in ("file", "allow_pickle", "arr_0", "x/y", "..", "a.npy")}
    file = NPZFile.write(arrays, filename="a.npz")
    assert same(file.read(), arrays)
    with np.load(file.filename) as loaded:
        assert np.array_equal(loaded["file"], arrays["file"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": np.array([{}])}, r"value\['a'\]: an array of Python objects would need pickle"),
        ({"a": [1]}, r"value\['a'\]: expected numpy.ndarray, got list"),
        ({1: np.arange(2)}, "expected names that are texts, got 1"),
        ({"": np.arange(2)}, "expected names that are texts, got ''"),
    ],
)
def test_what_is_no_array_by_name_is_refused(value: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        NPZFile.write(value, filename="a.npz")


def test_a_pickle_in_an_archive_is_not_loaded() -> None:
    np.savez("a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(FileError, match="Object arrays cannot be loaded"):
        NPZFile("a.npz").read()
    with zipfile.ZipFile("b.npz", "w") as archive:
        archive.writestr("a.npy", b"\x80\x04N.")
    with pytest.raises(FileError, match="cannot be read as NPZFile"):
        NPZFile("b.npz").read()


def test_several_arrays_in_one_array_file_are_told_apart_by_the_suffix() -> None:
    with pytest.raises(FileError, match=r"annotate it with NPZFile, or end the filename in .npy"):
        NumPyFile.write(np.arange(2), filename="a.npz")


# HDF5


HDF5_VALUES: dict[str, Any] = {
    "z": {"deep": {"x": np.arange(6.0).reshape(2, 3)}, "empty": {}},
    "float": 1.5,
    "nan": math.nan,
    "int": -3,
    "complex": 1 + 2j,
    "bool": True,
    "text": "é☃",
    "no text": "",
    "bytes": b"\0a\0",
    "no bytes": b"",
    "f4": np.float32(1),
    "u8": np.uint8(5),
    "texts": np.array([["a", "éé"]]),
    "byte texts": np.array([b"a", b"bc"]),
    "no rows": np.zeros((0, 3), "f4"),
    "fields": np.array([(1, 2.0)], [("n", "i4"), ("x", "f8")]),
    "booleans": np.array([True, False]),
    "complexes": np.ones(2, "c8"),
    "big endian": np.arange(3, dtype=">f4"),
    "a": 1,
}


def test_a_nested_dict_comes_back_from_hdf5_with_its_types_and_order() -> None:
    assert same(through(HDF5File, HDF5_VALUES), HDF5_VALUES)
    assert through(HDF5File, {}) == {}
    assert through(HDF5File, {"a": 2**63}) == {"a": 2**63}


@pytest.mark.parametrize(
    "array",
    [
        np.array(5.0),
        np.array(3, "i4"),
        np.array(3, ">i2"),
        np.array(True),
        np.array(1j),
        np.array("abc"),
        np.array(""),
        np.array(b"ab"),
        np.array((1, 2.0), [("n", "i4"), ("x", "f8")]),
        np.array(b"a\0", "V2"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_an_array_without_dimensions_comes_back_from_hdf5_as_one(array: np.ndarray[Any, Any]) -> None:
    assert same(through(HDF5File, {"a": {"b": array}}), {"a": {"b": array}})


def test_what_has_no_dimensions_in_a_file_of_another_program_is_a_number_or_a_text() -> None:
    with h5py.File("other.h5", "w") as file:
        file["x"], file["y"], file["z"] = np.array(5.0), "abc", np.array(3, "i4")
    assert same(HDF5File("other.h5").read(), {"x": 5.0, "y": "abc", "z": np.int32(3)})


SCALARS = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.complex_numbers() | st.binary(max_size=9)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=4)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.dictionaries(NAMES.filter(lambda name: name != "."), SCALARS | TEXTS, max_size=3),
        lambda inner: st.dictionaries(NAMES.filter(lambda name: name != "."), inner, max_size=3),
        max_leaves=4,
    )
)
def test_any_dict_of_scalars_comes_back_from_hdf5(value: dict[str, Any]) -> None:
    assert same(through(HDF5File, value), value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": [1]}}, r"value\['a'\]\['b'\]: expected a dict, an array, a number, .*, got list; write np.array"),
        ({"a": None}, r"value\['a'\]: expected .*, got NoneType"),
        ({"a/b": 1}, r"value\['a/b'\]: expected a text without / as a key"),
        ({"": 1}, r"value\[''\]: expected a text"),
        ({1: 2}, r"value\[1\]: expected a text"),
        ({"a": "x\0"}, r"value\['a'\]: HDF5 has no texts with NUL"),
        ({"a": np.array(["2020"], "M8[D]")}, r"value\['a'\]: HDF5 has no times; write them as numbers"),
        ({"a": np.array([None])}, r"value\['a'\]: an array of Python objects"),
        ({"a": np.ma.masked_array([1])}, r"value\['a'\]: .* got MaskedArray"),
        ({"a": 2**70}, r"value\['a'\]: "),
        (Path("nothing.h5"), "nothing.h5 is not an HDF5 file"),
    ],
)
def test_what_hdf5_cannot_hold_is_named_by_its_path(value: Any, message: str) -> None:
    with pytest.raises(FileError, match=message):
        HDF5File.write(value, filename="a.h5")


def test_a_file_of_another_program_is_kept_with_its_attributes() -> None:
    with h5py.File("other.h5", "w") as file:
        file["x"] = np.arange(3)
        file["x"].attrs["unit"] = "m"
    kept = HDF5File.write(Path("other.h5"), filename="kept.h5")
    assert Path("kept.h5").read_bytes() == Path("other.h5").read_bytes()
    assert same(kept.read(), {"x": np.arange(3)})
    with kept.open() as opened:
        assert opened["x"].attrs["unit"] == "m"


def test_an_open_file_is_read_piece_by_piece_and_not_written() -> None:
    file = HDF5File.write({"x": np.arange(10)}, filename="a.h5")
    with file.open() as opened:
        assert list(opened["x"][3:5]) == [3, 4]
        with pytest.raises((OSError, ValueError)):
            opened["y"] = 1
    Path(file.filename).write_bytes(b"short")
    with pytest.raises(FileError, match="has 5 bytes, had"), file.open():
        pass
    with pytest.raises(FileError, match="cannot be read as HDF5File"), HDF5File(file.filename).open():
        pass


def test_an_open_file_is_what_was_written_unless_nobody_asks() -> None:
    file = HDF5File.write({"x": np.arange(10)}, filename="a.h5")
    content = Path(file.filename).read_bytes()
    place = content.index(np.arange(10).tobytes())
    Path(file.filename).write_bytes(content[:place] + b"\7" + content[place + 1 :])
    with pytest.raises(FileError, match=r"was altered after it was written \(other SHA-256\)"), file.open():
        pass
    with attrs.evolve(file, sha256=None).open() as opened:
        assert opened["x"][0] == 7


def test_no_file_reads_another_one_and_no_group_is_read_for_ever() -> None:
    with h5py.File("secret.h5", "w") as file:
        file["x"] = 1
    with h5py.File("link.h5", "w") as file:
        file["out"] = h5py.ExternalLink("secret.h5", "/x")
    with h5py.File("virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((1,), "i8")
        layout[0] = h5py.VirtualSource("secret.h5", "x", (1,))[0]
        file.create_virtual_dataset("out", layout)
    with h5py.File("external.h5", "w") as file:
        file.create_dataset("out", (1,), "i8", external=[("secret.h5", 0, 8)])
    with h5py.File("loop.h5", "w") as file:
        file["a/b"] = 1
        file["a/loop"] = h5py.SoftLink("/a")
    for name in ("link", "virtual", "external", "loop"):
        with pytest.raises(FileError, match=r"(in another file|that it stands in); use open\(\)"):
            HDF5File(f"{name}.h5").read()


# CSV


def test_a_frame_comes_back_from_csv_as_far_as_a_csv_file_can_hold_it() -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, -(2**63)],
            "larger": np.array([1, 2**64 - 1], "u8"),
            "x": [0.1, math.nan],
            "limits": [math.inf, 5e-324],
            "flag": [True, False],
            "text": ['a,"b', "é\nx"],
            "": ["", "x"],
            "words": ["NA", "null"],
        }
    ).rename(columns={"": "empty"})
    assert through(CSVFile, frame).equals(frame)
    changed = pd.DataFrame(
        {
            "f4": np.array([0.1, 2], "f4"),
            "i1": np.array([1, 2], "i1"),
            "some": pd.Series([1, None], dtype="Int64"),
            "time": pd.to_datetime(["2026-03-01", "2026-03-02"], utc=True),
            "kind": pd.Categorical(["u", "v"]),
        }
    )
    read = through(CSVFile, changed)
    assert [str(dtype) for dtype in read.dtypes[:3]] == ["float64", "int64", "float64"]
    assert list(read["f4"]) == [0.1, 2.0]
    assert read["f4"].astype("f4").equals(changed["f4"])
    assert list(read["time"]) == ["2026-03-01 00:00:00+00:00", "2026-03-02 00:00:00+00:00"]
    assert list(read["kind"]) == ["u", "v"]


def test_empty_frames_are_frames() -> None:
    assert through(CSVFile, pd.DataFrame()).shape == (0, 0)
    assert list(through(CSVFile, pd.DataFrame({"a": [], "b": []})).columns) == ["a", "b"]
    for frame in (pd.DataFrame(), pd.DataFrame({"a": np.zeros(0, "i4")})):
        pd.testing.assert_frame_equal(through(ParquetFile, frame), frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"a": ["007", "1"]}), r"value\['a'\]: its texts, such as '007', would come back as int64"),
        (pd.DataFrame({"a": ["", ""]}), r"value\['a'\]: its texts, such as '', would come back as"),
        (pd.DataFrame({"a": ["True", "False"]}), "would come back as bool"),
        (
            pd.DataFrame({"a": ["x", None]}),
            r"value\['a'\]: row 1 is missing, and would come back as ''; use ParquetFile",
        ),
        (pd.DataFrame({"a": pd.Series([True, None], dtype="boolean")}), r"value\['a'\]: row 1 is missing"),
        (pd.DataFrame({"a": pd.Series(["x", 1], dtype=object)}), r"value\['a'\]: row 1 is no text but int"),
        (pd.DataFrame({"a": ["a\rb"]}), "carriage return"),
        (pd.DataFrame({"a": [1j]}), r"value\['a'\]: a CSV file has no complex numbers"),
        (pd.DataFrame({"a": [1]}, index=["x"]), r"a CSV file has no index; write frame.reset_index\(\)"),
        (pd.DataFrame({1: [1]}), "expected texts as names of columns, got 1"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the column 'a' is there twice"),
        (pd.DataFrame({("a", "b"): [1]}), "expected texts as names of columns"),
        (
            pd.DataFrame({"a": pd.Series([1, -(2**53) - 1, None], dtype="Int64")}),
            r"value\['a'\]: one is missing, and -9007199254740993 would come back as a float or a text; use Parq",
        ),
        (
            pd.DataFrame({"a": pd.Series([2**63, None], dtype="UInt64")}),
            "is missing, and 9223372036854775808 would",
        ),
        (
            pd.DataFrame({"a\rb": [1, 2]}),
            r"the column 'a\\rb' would come back as 'a'; choose another name, or",
        ),
        (pd.DataFrame({"\ufeffa": [1]}), r"the column '\\ufeffa' would come back as 'a'; choose another name"),
        (pd.DataFrame(index=range(3)), "its 3 rows have no columns, and would be lost; add a column"),
        (pd.DataFrame({"a": range(3)})[1:], r"a CSV file has no index; .*, or frame.reset_index\(drop=True\)"),
        (pd.DataFrame({"a": np.ones(1, "g") / 3}), r"value\['a'\]: numbers of float128 lose digits; convert it by .as"),
    ],
)
def test_what_would_come_back_from_csv_as_something_else_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(FileError, match=message):
        CSVFile.write(frame, filename="a.csv")
    assert list(Path().iterdir()) == []


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=4))
def test_texts_come_back_from_csv_or_are_refused(texts: list[str]) -> None:
    frame = pd.DataFrame({"n": range(len(texts)), "text": pd.Series(texts, dtype=object)})
    try:
        read = through(CSVFile, frame)
    except FileError:
        return
    assert list(read["text"]) == texts


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=4), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_come_back_from_csv_to_the_last_digit(floats: list[float], whole: list[int]) -> None:
    for column in (pd.Series(floats), pd.Series(whole, dtype="int64")):
        read = through(CSVFile, pd.DataFrame({"x": column}))["x"]
        assert np.array_equal(read.astype(float), column.astype(float), equal_nan=True)


def test_a_csv_file_of_another_program_is_read_as_tables_usually_are() -> None:
    Path("a.csv").write_text("shot,note,flag\n1,,True\n2,ok,\n")
    frame = CSVFile("a.csv").read()
    assert frame.to_dict("list") == {"shot": [1, 2], "note": ["", "ok"], "flag": ["True", ""]}
    Path("a.csv").write_bytes(b"a,b\n\xff\n")
    with pytest.raises(FileError, match="cannot be read as CSVFile"):
        CSVFile("a.csv").read()
    Path("a.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(FileError, match="cannot be read as CSVFile"):
        CSVFile("a.csv").read()


# Parquet


FRAMES = {
    "kinds": pd.DataFrame(
        {
            "f4": np.array([1, math.nan], "f4"),
            "u1": np.array([1, 2], "u1"),
            "text": ["", None],
            "flag": [True, False],
            "some": pd.Series([1, None], dtype="Int64"),
            "kind": pd.Categorical(["b", "a"], ["b", "a", "c"], ordered=True),
            "time": pd.to_datetime(["2026-03-01 10:00", None]).tz_localize("Europe/Berlin"),
            "took": pd.to_timedelta([1, 2], unit="s"),
            "bytes": pd.Series([b"\0", None], dtype=object),
            "decimal": pd.Series([Decimal("1.10"), Decimal("2.00")], dtype=object),
            "maybe": pd.Series([True, None], dtype=object),
        }
    ),
    "index": pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="key")),
    "levels": pd.DataFrame({"x": [1.0, 2.0]}, index=pd.MultiIndex.from_product([[1], ["a", "b"]], names=["n", None])),
    "range": pd.DataFrame({"x": [1.0, 2.0]}, index=pd.RangeIndex(5, 9, 2)),
    "numbers": pd.DataFrame({1: [1], 2: [2]}),
    "pairs": pd.DataFrame({("a", "b"): [1], ("a", "c"): [2]}),
    "named labels": pd.DataFrame([[1, 2]], columns=pd.Index([1.5, 2.0], name=5)),
    "no labels": pd.DataFrame(index=["a", "b"]),
    "frequency": pd.DataFrame({"x": [1, 2]}, index=pd.date_range("2026-03-01", periods=2, freq="2D", tz="UTC")),
    "categories in the index": pd.DataFrame({"x": [1]}, index=pd.CategoricalIndex(["b"], ["c", "b"])),
    "one name twice": pd.DataFrame({"x": [1]}, index=pd.Index(["a"], name="x")),
    "periods": pd.DataFrame({"x": [1, 2]}, index=pd.period_range("2026", periods=2, freq="M")),
    "an index like a column": pd.DataFrame({"__index_level_0__": [1]}, index=["a"]),
    "a label like an attribute": pd.DataFrame({"freq": [1.0], "dtype": [2.0]}, index=["freq"]),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_comes_back_from_parquet_exactly(frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(through(ParquetFile, frame), frame, check_exact=True)


def test_what_a_frame_says_of_itself_comes_back_from_parquet() -> None:
    frame = pd.DataFrame({"x": [1.0]})
    frame.attrs = {"unit": "m", "steps": [1, 2]}
    assert through(ParquetFile, frame).attrs == frame.attrs


def test_categories_come_back_in_order_of_many_rows_and_of_many_categories() -> None:
    """A file has them by groups of rows, and in pages; a value in the first row need not be there."""
    names = [f"category {number:06}" for number in range(100_000, 0, -1)]
    codes = np.append(-1, np.arange(1_200_000) % 5)
    frame = pd.DataFrame({"many": pd.Categorical.from_codes(codes, pd.Index(names)), "x": 1.0})
    pd.testing.assert_frame_equal(through(ParquetFile, frame), frame, check_exact=True)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pd.DataFrame({"a": pd.Series([1, 2], dtype=object)}),
            r"value\['a'\]: .* would come back as int64; .*infer_obj",
        ),
        (pd.DataFrame({"a": [[1], [2]]}), r"value\['a'\]: a column of Python objects would come back as list"),
        (pd.DataFrame({"a": [{"x": 1}]}), r"value\['a'\]: a column of Python objects would come back as struct"),
        (pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}), "ParquetFile cannot store this"),
        (pd.DataFrame({"a": [1j]}), "column a with type complex128"),
        (
            pd.DataFrame({1: [1], "b": [2]}),
            "labels of int, str as those of its columns do not come back; make them texts",
        ),
        (pd.DataFrame([[1, 2]], columns=[True, False]), "the label False of its columns would come back as True; make"),
        (
            pd.DataFrame([[1]], columns=pd.Index([None], dtype=object)),
            "labels of NoneType as those of its columns do not come back",
        ),
        (pd.DataFrame([[1]], columns=pd.CategoricalIndex(["a"])), "could not be read again: .*; make the labels"),
        (
            pd.DataFrame([[1]], columns=pd.MultiIndex.from_arrays([["a"]])),
            r"label \('a',\) of its columns would come back",
        ),
        (
            pd.DataFrame([[1]], columns=pd.Index(["a"], name=("n", 1))),
            r"the name \('n', 1\) of its columns would come back as .*; give a text, by value.rename_axis\(columns=",
        ),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the column 'a' is there twice"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "ParquetFile cannot store this"),
        (
            pd.DataFrame({"a": pd.Categorical([3, 1], [3, 1, 2], ordered=True)}),
            r"value\['a'\]: a column of 3 categories of int64 would come back as int64; .*astype\('int64'\)",
        ),
        (pd.DataFrame({"a": pd.Categorical([True])}), "a column of 1 categories of bool would come back as bool"),
        (pd.DataFrame({"a": pd.Categorical(pd.to_datetime(["2026"]))}), "1 categories of datetime64.* come back as"),
        (
            pd.DataFrame({"a": pd.Categorical([], ["x"])}),
            r"value\['a'\]: .* 1 categories of \w+ would come back as 0 categories",
        ),
        (
            pd.DataFrame({"a": np.zeros(2, "M8[s]")}),
            r"a column of datetime64\[s\] would .*\[ms\]; convert",
        ),
        (
            pd.DataFrame({"a": pd.Series([math.nan], dtype=object)}),
            "has nan in row 0, which is None then; write ",
        ),
        (pd.DataFrame({"a": pd.Series([b"x", bytearray(b"y")], dtype=object)}), "in row 1, which is b'y' then"),
        (pd.DataFrame(index=range(3)), "its 3 rows have neither columns nor an index, and would be lost; add a column"),
        (
            pd.DataFrame({"a": [1, 2]}, index=pd.Index([2**53 + 1, None], dtype="Int64", name="n")),
            r"its index 'n' of Int64 would come back as int64; keep it as a column, by value.reset_index\(\)",
        ),
        (pd.DataFrame({"a": [1]}, index=pd.Index([True], dtype="boolean")), "its index of boolean would come back as"),
        (pd.DataFrame({"a": [1]}, index=np.zeros(1, "M8[s]")), r"its index of datetime64\[s\] would come back as"),
        (
            pd.DataFrame({"a": [1]}, index=pd.CategoricalIndex([3], [3, 1])),
            "its index of 2 categories of int64 would come back as int64",
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.Index([math.nan], dtype=object)),
            "its index of Python objects has nan",
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_arrays([[1], pd.Series([1], dtype="Int64")])),
            "its index of Int64 would come back as int64",
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_arrays([["a"]])),
            "a MultiIndex .* come back as Index",
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.Index([7], name=5)),
            r"the name 5 of its index would come back as '5'; give a text, by value.rename_axis",
        ),
        (pd.DataFrame({"a": [1]}, index=pd.RangeIndex(1, name=("a", 1))), r"the name \('a', 1\) of its index would"),
        (
            pd.DataFrame([[1, 2]], columns=pd.date_range("2026", periods=2)),
            "the frequency <.*Day> of its columns would be lost; write value.columns.freq = None",
        ),
        (pd.DataFrame({"a": [1]}).rename_axis("__index_level_0__").rename(index=str), "with the names .* come back as"),
    ],
)
def test_what_would_come_back_from_parquet_as_something_else_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(FileError, match=message):
        ParquetFile.write(frame, filename="a.parquet")
    assert list(Path().iterdir()) == []


def test_what_of_a_frame_is_no_json_is_refused() -> None:
    frame = pd.DataFrame({"x": [1.0]})
    frame.attrs = {"size": (1, 2)}
    with pytest.raises(FileError, match=r"its attrs would come back as \{'size': \[1, 2\]\}"):
        ParquetFile.write(frame, filename="a.parquet")


# openPMD


@pytest.mark.parametrize("count", [1, 1000])
def test_particles_come_back_exactly(count: int) -> None:
    group = particles(count)
    read = through(OpenPMDFile, group)
    assert read.species == "electron"
    for name in ("x", "px", "y", "py", "z", "pz", "t", "weight", "status"):
        assert np.array_equal(read[name], group[name]), name


def test_an_openpmd_file_is_one_that_the_library_reads_by_itself() -> None:
    file = OpenPMDFile.write(particles(10), filename="p.h5")
    assert ParticleGroup(file.filename) == particles(10)
    particles(10).write("own.h5")
    assert OpenPMDFile("own.h5").read() == particles(10)


# images


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u4"])
def test_numbers_that_no_image_keeps_are_refused_with_what_to_do(dtype: str) -> None:
    with pytest.raises(FileError, match=r"scale it, as \(array / array.max\(\) \* 65535\).*, or keep the numbers"):
        ImageFile.write(np.ones((2, 2), dtype), filename="a.png")
    with pytest.raises(FileError, match=r"write array.astype\('uint8'\) \* 255"):
        ImageFile.write(np.ones((2, 2), bool), filename="a.png")


# large ones


LARGE = """
import resource, sys
import numpy as np, pandas as pd
from lume_dsl.files import HDF5File, NPZFile, NumPyFile, ParquetFile
cls = {one.__name__: one for one in (HDF5File, NPZFile, NumPyFile)}[sys.argv[1]]
wrap = (lambda array: array) if cls is NumPyFile else (lambda array: {"a": array})
cls.write(wrap(np.ones(1000)), filename="small")  # loads the libraries
cls("small").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
array = np.ones(16 * 2**20)  # 128 MiB
cls.write(wrap(array), filename="large")
del array
cls("large").read()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10 / 128)
"""


@pytest.mark.parametrize("cls", ["NumPyFile", "NPZFile", "HDF5File"])
def test_no_second_copy_is_held_of_a_large_array(cls: str, tmp_path: Path) -> None:
    import os

    import lume_dsl

    path = str(Path(lume_dsl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", LARGE, cls],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.5
