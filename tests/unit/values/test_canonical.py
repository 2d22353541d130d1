"""Values that count as the same have one canonical form, and others do not."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.values.canonical import canonical, digest
from lume_dsl.values.encoding import encode

SHA256 = hashlib.sha256(b"\0\xff").hexdigest()
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
        ({"__lume__": "bytes", "value": "AP8="}, f'{{"__lume__":"bytes","value":{{"sha256":"{SHA256}","size":2}}}}'),
        ({"__lume__": "items", "value": [["b", 1.0], ["a\0", 2]]}, '{"__lume__":"items","value":{"a\\u0000":2,"b":1}}'),
        ({"__lume__": "scalar", "value": {"dtype": "float32", "value": 1.0}}, "1"),
        ({"__lume__": "json", "value": "[1.0]"}, "[1]"),
        ({"__lume__": "time", "value": "10:00:00+01:00[_name=A]"}, '{"__lume__":"time","value":"10:00:00+01:00"}'),
    ],
)
def test_the_documented_form(document: Any, form: str) -> None:
    assert canonical(document).decode() == form


def test_what_differs_has_different_digests() -> None:
    values: list[Any] = [1, True, "1", None, "", [], {}, [1, 2], [2, 1], (1, 2), {"a": None}, 1.5, b"1", "true"]
    values += [
        Decimal(1),
        Decimal("1.0"),
        1 + 0j,
        np.array([1, 2]),
        np.array([1.0, 2.0]),
        np.array([[1, 2]]),
        np.array(1),
    ]
    values += [
        {"__lume__": "bytes", "value": "MQ=="},
        {"a\0": None},
        date(2024, 1, 1),
        "2024-01-01",
        Path("1"),
        math.nan,
        "nan",
    ]
    values += [pd.Series([1, 2]), pd.DataFrame({"a": [1, 2]}), pd.Index([1, 2]), pd.NaT, pd.NA]
    digests = {digest(encode(value)) for value in values}
    assert len(digests) == len(values)


def test_a_dict_that_looks_like_a_kind_does_not_have_the_hash_of_that_kind() -> None:
    for value in (b"abc", np.float32(1), (1,), {"a\0": 1}, 1j, np.zeros(2)):
        assert digest(encode(encode(value))) != digest(encode(value))
    texts = [{"__lume__": "json", "value": "[1.0]"}, {"__lume__": "json", "value": "[1]"}, {"__lume__": 1}]
    assert len({digest(encode(text)) for text in texts}) == len(texts)


def test_the_digest_of_every_kind_is_the_same_in_every_process() -> None:
    script = """
import datetime, decimal, numpy as np, pandas as pd, zoneinfo
from lume_dsl.errors import Place
from lume_dsl.values.canonical import digest
from lume_dsl.values.encoding import encode
frame = pd.DataFrame({"t": ["a", "b"], "c": pd.Categorical(["x", "y"]), "o": [{"b": 1}, None]}, index=pd.Index([1, 2]))
value = {"z": [1j, b"x", np.zeros((2, 2), order="F"), np.float32(1), {"\\0": 1}, frame, frame.t, Place("a", 1)],
         "a": [datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo")), decimal.Decimal(1), pd.NaT]}
print(digest(encode(value)))
"""
    digests = set()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        outcome = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        )
        digests.add(outcome.stdout)
    assert len(digests) == 1


def test_the_digest_is_the_same_in_every_process() -> None:
    document = {"z": [1.0, {"b": "é", "a": None}], "a": 0.1}
    script = f"from lume_dsl.values.canonical import digest; print(digest({document!r}))"
    for seed in ("1", "2"):
        command = [sys.executable, "-c", script]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        outcome = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert outcome.stdout.strip() == digest(document)
    assert digest(document) == "7f9bd8dfd556af1093e2239562225c5b019b6646b63da4a2dad4abbbfa6b211b"
