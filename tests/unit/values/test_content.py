"""A content gives its bytes in pieces, holds none twice, and says when what is read is not what was saved."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.values.content import PIECE, Content


@given(st.lists(st.binary(max_size=50)))
def test_size_hash_and_pieces_are_those_of_the_bytes(parts: list[bytes]) -> None:
    data = b"".join(parts)
    for content in (Content.of(data), Content(len(data), lambda: parts), Content.measured(lambda: parts)):
        assert content.size == len(data)
        assert content.sha256 == hashlib.sha256(data).hexdigest()
        assert b"".join(content.pieces()) == content.whole() == data


def test_no_piece_is_longer_than_a_piece() -> None:
    sizes = [len(piece) for piece in Content.of(bytes(2 * PIECE + 5)).pieces()]
    assert sizes == [PIECE, PIECE, 5]


def test_all_bytes_are_never_held_twice() -> None:
    count = 8

    def parts() -> Iterator[bytes]:
        for number in range(count):
            yield bytes([number]) * PIECE

    tracemalloc.start()
    data = Content(count * PIECE, parts).whole()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) == count * PIECE
    assert peak < 1.5 * len(data)


def test_what_is_read_must_be_what_was_saved() -> None:
    sha256 = hashlib.sha256(b"abcdef").hexdigest()
    good = Content.read_by(lambda _: [b"abc", b"def"], sha256, 6)
    assert good.whole() == b"abcdef"
    assert good.sha256 == sha256
    for stored, reason in (
        ([b"abc"], "there are 3 of the 6"),
        ([], "there are 0 of the 6"),
        ([b"abcdef", b"g"], "more than the 6"),
        ([b"abcxyz"], "were altered"),
    ):
        with pytest.raises(RecordError, match=reason):
            Content.read_by(lambda _, stored=stored: stored, sha256, 6).whole()  # type: ignore[misc]
