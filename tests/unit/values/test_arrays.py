"""NumPy arrays and scalars come back with type, shape and order; none is held twice; no header runs anything."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dsl.errors import RecordError, ServiceError
from lume_dsl.values import arrays, npy
from lume_dsl.values.canonical import digest
from lume_dsl.values.content import PIECE, Content
from lume_dsl.values.encoding import INLINE_BYTES, TAG, decode, encode


def back(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


def assert_same(value: np.ndarray[Any, Any], found: Any) -> None:
    assert type(found) is np.ndarray
    assert found.dtype == value.dtype
    assert found.shape == value.shape
    assert found.flags.f_contiguous == value.flags.f_contiguous or not value.flags.forc
    if value.dtype.kind == "V" or value.dtype.char in "gG":  # what lies between the values is not kept
        assert repr(found.tolist()) == repr(value.tolist())
    else:
        assert found.tobytes() == value.tobytes()
    assert found.flags.writeable


DTYPES = st.one_of(
    hn.scalar_dtypes(),
    hn.array_dtypes(allow_subarrays=True),
    hn.nested_dtypes(max_itemsize=64),
    hn.unicode_string_dtypes(),
).filter(lambda dtype: dtype.subdtype is None)
ARRAYS = DTYPES.flatmap(lambda dtype: hn.arrays(dtype, hn.array_shapes(min_dims=0, min_side=0, max_side=4)))


@settings(deadline=None)
@given(ARRAYS, st.sampled_from(["as it is", "transposed", "every other", "backwards", "fortran"]))
def test_every_array_comes_back_with_its_dtype_shape_and_order(array: Any, layout: str) -> None:
    view = {
        "as it is": lambda: array,
        "transposed": lambda: array.T,
        "every other": lambda: array[..., ::2] if array.ndim else array,
        "backwards": lambda: array[::-1] if array.ndim else array,
        "fortran": lambda: np.asfortranarray(array),
    }[layout]()
    assert_same(view, back(view))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0),
        np.zeros((3, 0, 2), "U5"),
        np.array("2024-01-02", "M8[D]"),
        np.array(["NaT", "2024"], "M8[25s]"),
        np.array([1, 2], "m8"),
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.array([0.1, -0.0, np.nan, np.inf], "f2"),
        np.array([1 + 2j], np.clongdouble),
        np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.zeros(2, [("x", "f4", (2, 2)), ("inner", [("é", "U3"), ("字", "S2")])]),
        np.zeros(2, [(("a title", "a"), "i4")]),
        np.zeros(3, "V5"),
        np.asfortranarray(np.arange(24).reshape(2, 3, 4)),
        np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
        np.broadcast_to(np.arange(3), (4, 3)),
        np.zeros(1, [(f"a field with a long name {number}", "i1") for number in range(3000)]),
    ],
    ids=str,
)  # fmt: skip
def test_arrays_of_special_dtypes_and_layouts_come_back(array: Any) -> None:
    assert_same(array, back(array))


def test_a_memory_mapped_array_comes_back_as_an_array(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "x.bin", dtype="i4", mode="w+", shape=(5, 3))
    mapped[:] = np.arange(15).reshape(5, 3)
    found = back(mapped)
    assert type(found) is np.ndarray
    assert (found == mapped).all()


def test_the_content_is_a_file_that_numpy_loads_without_pickle() -> None:
    for array in (np.arange(6.0).reshape(2, 3).T, np.zeros(2, [("字", "f8")]), np.array(["é"])):
        data = base64.b64decode(encode(array)["value"]["value"])
        found = np.load(io.BytesIO(data), allow_pickle=False)
        assert_same(array, found)
        assert (len(data) - array.nbytes) % 64 == 0


def test_what_numpy_saves_in_any_version_of_the_format_is_read() -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        file = io.BytesIO()
        np.lib.format.write_array(file, np.arange(3), version=version, allow_pickle=False)
        assert (arrays.array_of(Content.of(file.getvalue())) == np.arange(3)).all()


@pytest.mark.parametrize(
    "dtype",
    ["longdouble", "clongdouble", np.dtype([("a", "i1"), ("b", "f8"), ("c", [("d", "g", (2,))])], align=True)],
    ids=str,
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_lies_between_values_does_not_change_the_hash(dtype: Any, order: str) -> None:
    digests = set()
    for filling in (0, 255):
        array = np.empty((3, 2), dtype, order=order)  # type: ignore[call-overload]
        array.T.reshape(-1, order="A").view("u1")[:] = filling
        for name in array.dtype.names or [None]:
            if name != "c":
                (array if name is None else array[name])[...] = [[1, 2], [3, 4], [5, 6]]
            else:
                array["c"]["d"][...] = 7
        assert (back(array) == array).all()
        assert back(array).flags.c_contiguous == array.flags.c_contiguous
        digests.add(digest(encode(array)))
    assert len(digests) == 1


# large arrays


class Store:
    """Keeps blobs as a record store does."""

    def __init__(self, blobs: dict[str, Content]) -> None:
        self.kept = {sha256: [bytes(piece) for piece in content.pieces()] for sha256, content in blobs.items()}

    def read(self, sha256: str) -> list[bytes]:
        return self.kept[sha256]


@pytest.mark.parametrize("layout", ["C", "F", "every other"])
def test_a_large_array_is_kept_apart_and_comes_back(layout: str) -> None:
    array = np.arange(3 * PIECE // 8 * 2, dtype="f8").reshape(2, -1)
    array = {"C": array, "F": np.asfortranarray(array), "every other": array[:, ::2]}[layout]
    blobs: dict[str, Content] = {}
    stored = encode({"a": [array]}, blobs=blobs)
    ((sha256, content),) = blobs.items()
    assert stored == {"a": [{TAG: "array", "value": {TAG: "blob", "value": {"sha256": sha256, "size": content.size}}}]}
    store = Store(blobs)
    assert len(store.kept[sha256]) > 2
    assert_same(array, decode(stored, read=store.read)["a"][0])
    assert digest(stored) == digest(encode({"a": [array]}))


def test_bytes_are_kept_apart_beyond_the_threshold_alone() -> None:
    for size, apart in ((INLINE_BYTES, False), (INLINE_BYTES + 1, True)):
        blobs: dict[str, Content] = {}
        value = bytes(size)
        stored = encode(value, blobs=blobs)
        assert (stored[TAG] == "blob") == bool(blobs) == apart
        assert decode(stored, read=Store(blobs).read) == value
        assert digest(stored) == digest(encode(value))


@pytest.mark.parametrize("layout", ["C", "F", "every other"])
def test_encoding_and_hashing_make_no_second_copy(layout: str) -> None:
    array = np.arange(8 * PIECE // 8, dtype="f8").reshape(2, -1)
    array = {"C": array, "F": np.asfortranarray(array), "every other": np.repeat(array, 2, axis=1)[:, ::2]}[layout]
    tracemalloc.start()
    blobs: dict[str, Content] = {}
    digest(encode([array], blobs=blobs))
    for content in blobs.values():
        for _piece in content.pieces():
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(blobs) == 1
    assert peak < 3 * PIECE


def test_decoding_holds_the_array_and_a_piece() -> None:
    array = np.arange(8 * PIECE // 8, dtype="f8")
    blobs: dict[str, Content] = {}
    stored = encode(array, blobs=blobs)
    (content,) = blobs.values()
    tracemalloc.start()
    found = decode(stored, read=lambda _sha256: (bytes(piece) for piece in content.pieces()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_same(array, found)
    assert peak < 1.4 * array.nbytes


def test_a_blob_that_is_not_what_was_saved_is_a_record_error() -> None:
    array = np.arange(INLINE_BYTES, dtype="u1").reshape(2, -1)
    blobs: dict[str, Content] = {}
    stored = encode(array, blobs=blobs)
    data = next(iter(blobs.values())).whole()
    altered = data[:-1] + b"\xff" if data[-1] != 255 else data[:-1] + b"\0"
    for wrong in (b"", data[:-1], data + b"x", altered, b"x" + data[1:], data[:50]):
        with pytest.raises(RecordError):
            decode(stored, read=lambda _sha256, wrong=wrong: [wrong])  # type: ignore[misc]
    with pytest.raises(RecordError, match="kept apart"):
        decode(stored)


def test_an_error_of_the_store_is_not_hidden() -> None:
    blobs: dict[str, Content] = {}
    stored = encode(np.zeros(INLINE_BYTES), blobs=blobs)

    def lost(_sha256: str) -> list[bytes]:
        raise ServiceError("the store is gone")

    with pytest.raises(ServiceError, match="gone"):
        decode(stored, read=lost)


# hostile contents


def content_of(header: str, data: bytes = b"") -> Any:
    line = header.encode("latin1") + b"\n"
    return {TAG: "array", "value": encode(b"\x93NUMPY\1\0" + len(line).to_bytes(2, "little") + line + data)}


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', 'O')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 1, }",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1, " * 70 + "), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 10000000000000000000000), }",
        "__import__('os').system('touch hacked')",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (exit(),), }",
        "(" * 5000,
        "-" * 60000 + "1",
        "",
    ],
    ids=lambda header: header[:60],
)
def test_a_hostile_header_is_a_record_error_and_runs_nothing(
    header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    with pytest.raises(RecordError, match="'array' cannot be read"):
        decode(content_of(header, bytes(8)))
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_not_read() -> None:
    file = io.BytesIO()
    np.save(file, np.array([print], object), allow_pickle=True)
    with pytest.raises(RecordError, match="are not read"):
        decode({TAG: "array", "value": encode(file.getvalue())})


@given(st.binary(max_size=40), st.integers(0, 200))
def test_damaged_bytes_are_a_record_error_or_an_array(garbage: bytes, at: int) -> None:
    good = base64.b64decode(encode(np.arange(4))["value"]["value"])
    damaged = good[:at] + garbage + good[at + len(garbage) :]
    with suppress(RecordError):
        assert isinstance(decode({TAG: "array", "value": encode(damaged)}), np.ndarray)


def test_a_header_that_never_ends_is_not_collected() -> None:
    with pytest.raises(ValueError, match="longer than"):
        npy.header_of(b"\x93NUMPY\2\0\xff\xff\xff\xff" + b"x" * 100)


# what is refused

OVERLAPPING = np.dtype({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [0, 2]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: np.array([1, None]), "outputs['a']: an array of dtype object cannot be stored; write .tolist()"),
        (lambda: np.zeros(1, [("a", "O")]), "outputs['a']: an array of dtype [('a', 'O')] cannot be stored"),
        (lambda: np.ma.masked_array([1, 2], [0, 1]), "write .filled(...), or its .data and its .mask"),
        (lambda: np.matrix([[1]]), "write numpy.asarray(...)"),
        (lambda: np.rec.array([(1, 2.0)], names="a,b"), "write numpy.asarray(...)"),
        (lambda: np.zeros(1, np.dtype("i4", metadata={"a": 1})), "cannot hold the dtype"),
        (lambda: np.zeros(1, OVERLAPPING), "cannot hold the dtype"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_what_the_format_cannot_hold_is_refused_by_its_path(make: Any, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        encode({"a": make()}, "outputs")
    assert message in str(caught.value)
    assert str(caught.value).startswith("outputs['a']: ")


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2 has it")
def test_an_array_of_strings_of_any_length_is_refused() -> None:
    with pytest.raises(RecordError, match=r"write \.astype\(str\)"):
        encode(np.array(["a"], np.dtypes.StringDType()))


# scalars

SCALARS = hn.scalar_dtypes().flatmap(lambda dtype: hn.arrays(dtype, ()).map(lambda array: array[()]))


@settings(deadline=None)
@given(SCALARS)
def test_every_scalar_comes_back_with_its_type(value: Any) -> None:
    found = back(value)
    assert type(found) is type(value)
    assert found.dtype == value.dtype.newbyteorder("=")
    assert str(found) == str(value)


@pytest.mark.parametrize(
    "value",
    [
        np.longdouble("0.1"),
        np.longdouble("-1e4000"),
        np.nextafter(np.longdouble(0), np.longdouble(1)),
        np.nextafter(np.longdouble(1), np.longdouble(2)),
        np.longdouble("nan"),
        np.clongdouble(1 + 2j) / 3,
        np.longlong(2**63 - 1),
        np.ulonglong(2**64 - 1),
        np.float32(0.1),
        np.float64(-0.0),
        np.str_("é\0"),
        np.bytes_(b"a\0"),
        np.datetime64("NaT"),
        np.datetime64("-30000-01-01"),
        np.datetime64("2024-01-02T03:04:05.123456789123", "ps"),
        np.timedelta64(-7, "25s"),
        np.zeros(1, [("a", "i4"), ("b", "U3")])[0],
        np.void(b"abc"),
    ],
    ids=repr,
)
def test_special_scalars_come_back(value: Any) -> None:
    found = back({"a": value})["a"]
    assert type(found) is type(value)
    assert found.dtype == value.dtype
    assert repr(found) == repr(value)
    assert found == value or found != found


@settings(deadline=None)
@given(
    st.booleans().map(lambda v: (v, np.bool_(v)))
    | st.integers(-(2**63), 2**63 - 1).map(lambda v: (v, np.int64(v)))
    | st.integers(0, 2**64 - 1).map(lambda v: (v, np.uint64(v)))
    | st.floats().map(lambda v: (v, np.float64(v)))
    | st.floats(width=32).map(lambda v: (v, np.float32(v)))
    | st.floats(width=16).map(lambda v: (v, np.float16(v)))
    | st.floats().map(lambda v: (v, np.longdouble(v)))
    | st.complex_numbers().map(lambda v: (v, np.complex128(v)))
    | st.text(st.characters(exclude_categories=["Cs"])).map(lambda v: (v, np.str_(v)))
)
def test_a_scalar_has_the_hash_of_the_number_that_it_equals(pair: tuple[Any, Any]) -> None:
    plain, scalar = pair
    assert digest(encode({"x": [scalar]})) == digest(encode({"x": [plain]}))


def test_scalars_that_equal_no_number_have_hashes_of_their_own() -> None:
    values = [
        np.longdouble("0.1"), 0.1, np.float32(0.1), np.datetime64(1, "s"), np.timedelta64(1, "s"), 1,
        np.datetime64(1, "D"), True, np.array(1), np.void(b"a"), b"a", "a", 1 + 0j,
    ]  # fmt: skip
    assert len({digest(encode(value)) for value in values}) == len(values)


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"dtype": "int8", "value": 300},
        {"dtype": "int8", "value": "3"},
        {"dtype": "int8", "value": True},
        {"dtype": "float32", "value": 0.1},
        {"dtype": "float64", "value": 1},
        {"dtype": "object", "value": 1},
        {"dtype": "O", "value": 1},
        {"dtype": ["f8"], "value": 1.0},
        {"dtype": "complex64", "value": [1, 2, 3]},
        {"dtype": "datetime64[xx]", "value": 1},
        {"dtype": "datetime64[s]", "value": 2**70},
        {"dtype": "datetime64[s]", "value": "now"},
        {"dtype": "void", "value": 1},
        {"dtype": "longdouble", "value": "0x1p" + "9" * 100},
        {"dtype": "longdouble", "value": "0x" + "f" * 50 + "p1"},
        {"dtype": "str", "value": b"x".hex},
    ],
)
def test_a_malformed_scalar_is_a_record_error(content: Any) -> None:
    with pytest.raises(RecordError, match="'scalar' cannot be read"):
        decode({TAG: "scalar", "value": content})


@pytest.mark.parametrize("dtype", ["S0", "U0", "V0"])
@pytest.mark.parametrize("shape", [(3,), (10**12,)])
def test_items_of_no_bytes_are_refused_before_anything_is_allocated(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.zeros(3, dtype=[("none", dtype), ("number", "i4")])["none"]
    with pytest.raises(RecordError, match="whose items have no bytes"):
        encode(array)
    content = base64.b64encode(npy.header_bytes(npy.Header(f"|{dtype}", False, shape))).decode()
    document = {"__lume__": "array", "value": {"__lume__": "bytes", "value": content}}
    with pytest.raises(RecordError, match="are not read"):
        decode(document)
