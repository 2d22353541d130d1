"""Entries of the cache: read back exactly, whole or not at all, whoever writes and whatever happens to them."""

from __future__ import annotations

import json
import multiprocessing
from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dsl import TextFile
from lume_dsl.cache.entries import Cache, Entry
from lume_dsl.cache.key import forms_of, made_of, why_again
from lume_dsl.cache.source import Source
from lume_dsl.errors import RecordError
from lume_dsl.secrets import hide
from lume_dsl.values.exact import inexact

KEY = "ab" * 32


@attrs.frozen
class Twiss:
    beta: float = 1.0
    data: Any = None


class Point(NamedTuple):
    x: float
    y: Any = 0.0


def entry(key: str = KEY, **changed: Any) -> Entry:
    known: dict[str, Any] = {"flow": "Scan", "task": "fit", "function": "lab:fit", "source": {"fit": "1"}}
    return Entry(key=key, **{**known, "inputs": {"x": "2"}, **changed})


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "home")


def file_of(cache: Cache) -> Path:
    (found,) = cache.folder.glob("??/*.entry")
    return found


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.binary(),
        st.datetimes(), st.timedeltas(), st.decimals(allow_nan=False), st.just(Twiss(2.0, [1])),
        st.just(Point(1.0, "a")),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(values)
def test_a_value_comes_back_as_what_it_was(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    cache = Cache(tmp_path_factory.mktemp("home"))
    written = entry()
    cache.write(written, value)
    found = cache.value(KEY)
    assert repr(found) == repr(value)
    assert type(found) is type(value)
    assert cache.find(KEY) == written


def test_large_arrays_and_frames_come_back(cache: Cache) -> None:
    array = np.random.default_rng(1).normal(size=(300, 1000)).astype("f4")
    frame = pd.DataFrame({"a": np.arange(100_000), "b": ["x"] * 100_000})
    cache.write(entry(), {"array": array, "twice": [array, array[:5]], "frame": frame})
    found = cache.value(KEY)
    for one in (found["array"], found["twice"][0]):
        assert one.dtype == array.dtype
        np.testing.assert_array_equal(one, array)
    pd.testing.assert_frame_equal(found["frame"], frame)
    found["array"][0] = 1.0  # whoever takes it may change it
    assert cache.value(KEY)["array"][0, 0] == array[0, 0]


class Shouted(str):
    pass


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (OrderedDict(a=1), "value: a collections.OrderedDict comes back as a dict"),
        ({"a": [Shouted("x")]}, r"value\['a'\]\[0\]: a .*Shouted comes back as a str"),
        (Twiss(1.0, OrderedDict()), "value.data: a collections.OrderedDict comes back as a dict"),
        (Point(1.0, OrderedDict()), "value.y: a collections.OrderedDict comes back as a dict"),
        ({1, 2}, "value: set cannot be stored"),
        ([lambda: 1], r"value\[0\]: .*cannot be stored"),
        ({1: 2}, "a key of type int cannot be stored"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused(cache: Cache, value: Any, told: str) -> None:
    with pytest.raises(RecordError, match=told):
        cache.write(entry(), value)
    assert cache.find(KEY) is None


@pytest.mark.parametrize(
    "value", [1, 1.5, "a", b"a", None, True, Decimal(1), Path("a"), datetime(2026, 1, 1), 2j, [()]]
)
def test_what_comes_back_as_it_is_is_told_so(value: Any) -> None:
    assert inexact(value) is None


def test_a_value_that_holds_a_secret_is_refused(cache: Cache) -> None:
    hide("vErY-s3cret")
    with pytest.raises(RecordError, match="holds the text of a secret"):
        cache.write(entry(), {"url": "https://ada:vErY-s3cret@lab"})
    assert not list(cache.folder.rglob("*.entry"))


@pytest.mark.parametrize("size", [3, 200_000])
def test_no_damage_gives_a_wrong_value(cache: Cache, size: int) -> None:
    """Each cut and each changed byte, of a small entry and in places of a large one, is seen."""
    value = np.arange(size, dtype="i4")
    cache.write(entry(), value)
    file = file_of(cache)
    whole = file.read_bytes()
    places = range(len(whole)) if size == 3 else [0, 10, 70, 300, len(whole) // 2, len(whole) - 1]
    for place in places:
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            file.write_bytes(damaged)
            with pytest.raises(RecordError, match=str(file)):
                cache.value(KEY)
    file.write_bytes(whole + b"x")
    with pytest.raises(RecordError, match="more bytes than were written"):
        cache.find(KEY)
    file.write_bytes(whole)
    np.testing.assert_array_equal(cache.value(KEY), value)


def test_an_entry_under_another_ones_name_is_refused(cache: Cache) -> None:
    cache.write(entry(), 1)
    other = "ab" + "0" * 62
    file_of(cache).rename(cache.folder / "ab" / f"{other}.entry")
    with pytest.raises(RecordError, match="is another one's"):
        cache.find(other)


def test_an_entry_is_readable_without_this_package(cache: Cache) -> None:
    """Two lines, the second of them JSON, and then the contents: docs/stored-form.md."""
    array = np.arange(100_000)
    cache.write(entry(), [array, 1])
    _, line, rest = file_of(cache).read_bytes().split(b"\n", 2)
    document = json.loads(line)
    (content,) = document["contents"]
    assert document["value"][1] == 1
    assert (document["flow"], document["task"], document["inputs"]) == ("Scan", "fit", {"x": "2"})
    assert len(rest) == content["size"]
    assert rest[:6] == b"\x93NUMPY"


def write_often(home: Path, number: int) -> None:
    for _ in range(30):
        Cache(home).write(entry(), [number] * 20_000 + [np.full(50_000, number)])


def test_processes_that_write_one_entry_at_once_leave_one_of_theirs_whole(cache: Cache) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(cache.home, number)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers):
        if cache.find(KEY) is not None:
            *numbers, array = cache.value(KEY)
            assert set(numbers) == set(array.tolist())
            reads += 1
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert reads > 3
    assert [one.name for one in cache.folder.rglob("*") if one.is_file()] == [f"{KEY}.entry"]


def test_the_latest_entry_of_a_task_is_known_until_it_is_gone(cache: Cache) -> None:
    assert cache.latest("Scan fit") is None
    for key in (KEY, "cd" * 32):
        cache.write(entry(key), 1)
        cache.note("Scan fit", key)
        assert cache.latest("Scan fit") == cache.find(key)
    cache.remove(entry("cd" * 32))
    assert cache.latest("Scan fit") is None
    cache.clean()
    assert list((cache.folder / "latest").iterdir()) == []
    assert [one.key for one in cache.entries() if isinstance(one, Entry)] == [KEY]


# keys


def key_of(values: dict[str, Any], references: tuple[str, ...] = ()) -> str:
    source = Source()
    return made_of("part f", source, forms_of(values, references)).key


def test_inputs_that_differ_in_anything_have_keys_of_their_own() -> None:
    time = datetime(2026, 1, 1, tzinfo=timezone.utc)
    inputs: list[Any] = [
        1, 1.0, True, "1", Decimal(1), None, [1], (1,), {"a": 1}, {"b": 1}, np.float32(1), np.int64(1), np.array([1]),
        np.array([1.0]), np.array([[1]]), pd.Series([1]), pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), b"1", 0.0,
        -0.0, Twiss(1.0), Twiss(2.0), Point(1.0), time, time + timedelta(microseconds=1), Path("1"),
    ]  # fmt: skip
    keys = [key_of({"x": value}) for value in inputs]
    assert len(set(keys)) == len(inputs)
    assert key_of({"y": 1}) != key_of({"x": 1})
    assert key_of({"x": 1, "y": 2}) != key_of({"x": 2, "y": 1})


@settings(deadline=None, max_examples=60)
@given(values)
def test_equal_inputs_have_one_key(value: Any) -> None:
    assert key_of({"x": value, "y": 1}) == key_of({"y": 1, "x": value})


def test_the_order_of_a_dict_is_no_part_of_the_key() -> None:
    assert key_of({"x": {"a": 1, "b": [2]}}) == key_of({"x": {"b": [2], "a": 1}})


def test_files_count_by_type_and_content() -> None:
    one = TextFile.write("a", filename="memory-a.txt", filesystem_identifier="memory")
    same = TextFile.write("a", filename="memory-b.txt", filesystem_identifier="memory")
    other = TextFile.write("b", filename="memory-c.txt", filesystem_identifier="memory")
    unknown = TextFile("memory-a.txt", filesystem_identifier="memory")
    assert key_of({"x": [one]}) == key_of({"x": [same]}) == key_of({"x": [unknown]}) != key_of({"x": [other]})
    assert key_of({"x": one}) == key_of({"x": same.reference()}, ("x",)) != key_of({"x": other.reference()}, ("x",))
    with pytest.raises(RecordError, match=r"^x: .*no such file"):
        key_of({"x": TextFile("memory-none.txt", filesystem_identifier="memory")})


def test_inputs_without_a_stored_form_are_named() -> None:
    with pytest.raises(RecordError, match=r"^image\['a'\]: set cannot be stored; write sorted"):
        forms_of({"a": 1, "image": {"a": {1}}})


def test_what_differs_is_told_by_name() -> None:
    made = made_of("f", Source({"fit": "1", "GAIN": "2"}), forms_of({"x": 1, "y": 2}))
    before = entry(source=made.source, inputs=made.inputs)
    changed = {**before.inputs, "y": "0"}
    assert why_again(made, attrs.evolve(before, inputs=changed)) == "its inputs differ (y)"
    assert why_again(made, attrs.evolve(before, source={"fit": "1"})).startswith("its source has changed (GAIN")
    both = attrs.evolve(before, inputs=changed, source={**made.source, "GAIN": "3"})
    assert why_again(made, both) == "its inputs differ (y), and its source has changed (GAIN)"
