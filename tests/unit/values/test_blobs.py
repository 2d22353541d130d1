"""The contents that a stored form names are found wherever they are, and nothing else is taken for one."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.values.blobs import named_blobs
from lume_dsl.values.content import Content
from lume_dsl.values.encoding import INLINE_BYTES, encode
from lume_dsl.values.kinds import tagged

LARGE = [bytes([number]) * (INLINE_BYTES + 1 + number) for number in range(3)]
BLOB = tagged("blob", {"sha256": "0" * 64, "size": 1})


@attrs.frozen
class Shot:
    """A value with a content of its own."""

    raw: Any


def deep(value: Any) -> Any:
    """The value deeper than a document nests."""
    for _ in range(70):
        value = [value]
    return value


_KEYS = st.sampled_from(["a", "__lume__", "value", "sha256", "n\0"])
_VALUES = st.recursive(
    st.sampled_from([*LARGE, b"small", "blob", 1, None]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(_KEYS, inner, max_size=3)
        | st.builds(Shot, inner)
        | inner.map(deep)
    ),
    max_leaves=6,
)


@given(_VALUES)
def test_those_are_named_that_are_kept_apart(value: Any) -> None:
    blobs: dict[str, Content] = {}
    form = encode(value, blobs=blobs)
    assert named_blobs(form) == blobs.keys()


def test_those_of_arrays_are_named() -> None:
    numpy = pytest.importorskip("numpy")
    blobs: dict[str, Content] = {}
    form = encode({"a": (numpy.zeros(INLINE_BYTES),)}, blobs=blobs)
    assert named_blobs(form) == blobs.keys() != set()


@pytest.mark.parametrize("value", [BLOB, [BLOB], Shot(BLOB), {"__lume__": BLOB, "value": 1}])
def test_a_dict_of_a_user_that_looks_like_one_is_none(value: Any) -> None:
    assert named_blobs(encode(value)) == set()


@pytest.mark.parametrize("form", [None, 1, "blob", tagged("json", "{"), tagged("json", 1), {"__lume__": []}])
def test_what_is_no_stored_form_names_none(form: Any) -> None:
    assert named_blobs(form) == set()


def test_all_forms_are_looked_at() -> None:
    other = tagged("blob", {"sha256": "1" * 64, "size": 2})
    assert named_blobs(BLOB, None, [tagged("array", other)]) == {"0" * 64, "1" * 64}
