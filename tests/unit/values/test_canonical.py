"""Values that count as the same have one canonical form, and others do not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.values.canonical import canonical, digest
from lume_dsl.values.encoding import encode

NUMBERS = st.integers() | st.floats(allow_nan=False)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: "\0" not in key), inner),
).map(encode)


def reordered(document: Any) -> Any:
    """The same document with the members of every object in the opposite order."""
    if isinstance(document, dict):
        return {key: reordered(document[key]) for key in reversed(document)}
    return [reordered(item) for item in document] if isinstance(document, list) else document


@given(DOCUMENTS)
def test_the_order_of_members_does_not_count(document: Any) -> None:
    assert canonical(reordered(document)) == canonical(document)


@given(NUMBERS, NUMBERS)
def test_two_numbers_have_one_form_exactly_if_they_are_equal(a: Any, b: Any) -> None:
    assert (canonical(encode(a)) == canonical(encode(b))) == (a == b)


@given(st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False).map(round))
def test_an_integer_equals_the_float_of_its_value(number: int) -> None:
    if float(number) == number:
        assert canonical(encode(number)) == canonical(encode(float(number)))


@given(DOCUMENTS)
def test_the_form_is_json_whose_form_is_itself(document: Any) -> None:
    text = canonical(document)
    assert canonical(json.loads(text)) == text


@pytest.mark.parametrize(
    ("document", "form"),
    [
        ({"b": 1.0, "a": [True, "1"]}, '{"a":[true,"1"],"b":1}'),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e22, '{"__lume__":"int","value":"0x21e19e0c9bab2400000"}'),
        (2.0**62, "4611686018427387904"),
        ("é\n", '"é\\n"'),
        ({"é": 1, "z": 2, "Z": 3, "𝄞": 4, "\uffff": 5}, '{"Z":3,"z":2,"é":1,"\uffff":5,"𝄞":4}'),
        (None, "null"),
    ],
)
def test_the_documented_form(document: Any, form: str) -> None:
    assert canonical(document).decode() == form


def test_what_differs_has_different_digests() -> None:
    values: list[Any] = [1, True, "1", None, "", [], {}, [1, 2], [2, 1], (1, 2), {"a": None}, 1.5, b"1", "true"]
    digests = {digest(encode(value)) for value in values}
    assert len(digests) == len(values)


def test_the_digest_is_the_same_in_every_process() -> None:
    document = {"z": [1.0, {"b": "é", "a": None}], "a": 0.1}
    script = f"from lume_dsl.values.canonical import digest; print(digest({document!r}))"
    for seed in ("1", "2"):
        command = [sys.executable, "-c", script]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        outcome = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert outcome.stdout.strip() == digest(document)
    assert digest(document) == "7f9bd8dfd556af1093e2239562225c5b019b6646b63da4a2dad4abbbfa6b211b"
