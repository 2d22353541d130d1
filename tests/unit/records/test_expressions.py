"""A condition written as text means what the same condition written in Python means, and anything else is refused."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lume_dsl.errors import RecordError
from lume_dsl.records.expressions import read_condition
from lume_dsl.records.where import Condition, at


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def refusal(text: str) -> str:
    with pytest.raises(RecordError) as caught:
        read_condition(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("flow_name == 'Scan'", at("flow_name") == "Scan"),
        ("inputs.mode in ('fast', 'slow')", at("inputs.mode").isin(["fast", "slow"])),
        ("inputs.mode not in ['fast']", ~at("inputs.mode").isin(["fast"])),
        ("inputs['a.b'] == 1", at("inputs", "a.b") == 1),
        ("inputs.class_['class'] != None", at("inputs", "class_", "class") != None),  # noqa: E711
        ("outputs.values[0] > 2", at("outputs.values[0]") > 2),
        ("outputs.values[-1] > -2.5", at("outputs.values[-1]") > -2.5),
        ("outputs.v == [1, 'a', {'b': True}]", at("outputs.v") == [1, "a", {"b": True}]),
        ("3 < inputs.x", at("inputs.x") > 3),
        ("1 < inputs.x <= 3", (at("inputs.x") > 1) & (at("inputs.x") <= 3)),
        ("not exists(outputs.error)", ~at("outputs.error").exists()),
        ("inputs.é == 'ß'", at("inputs.é") == "ß"),
        (
            "inputs.a > 1 and inputs.b < 2 or not exists(outputs.c)",
            ((at("inputs.a") > 1) & (at("inputs.b") < 2)) | ~at("outputs.c").exists(),
        ),
        (
            "inputs.a == 1\n  and (inputs.b == 2\n or inputs.c == 3)  # why",
            (at("inputs.a") == 1) & ((at("inputs.b") == 2) | (at("inputs.c") == 3)),
        ),
        (
            "provenance.host == 'lab' and fields.machine == 'x'",
            (at("provenance.host") == "lab") & (at("fields.machine") == "x"),
        ),
    ],
)
def test_a_text_means_the_condition_that_python_writes(text: str, meant: Condition) -> None:
    assert read_condition(text) == meant


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-11-01", -1),
        ("2026-11-01T00:00", -1),
        ("2026-11-01 00:00:00", -1),
        ("2026-11-01T00:00Z", 0),
        ("2026-11-01T00:00+02:00", -2),
    ],
)
def test_a_time_without_an_offset_is_this_machines(text: str, hours: int) -> None:
    instant = datetime(2026, 11, 1, tzinfo=timezone.utc) + timedelta(hours=hours)
    assert repr(read_condition(f"time >= {text!r}")) == repr(at("time") >= instant.astimezone())
    assert repr(read_condition(f"{text!r} <= time")) == repr(at("time") >= instant.astimezone())


REFUSED = [
    ("inputs.x > f(3)", "f(3)", "a call is no value"),
    ("f(inputs.x) > 3", "f(inputs.x)", "a call is compared with a value; on one side there must be a path"),
    ("__import__('os').system('x')", "__import__('os').system('x')", "the one call that means something is exists"),
    ("inputs.x > 1 + 2", "1 + 2", "arithmetic is no value"),
    ("-inputs.x > 1", "-inputs.x", "on one side there must be a path"),
    ("lambda: 1", "lambda: 1", "a function is no condition"),
    ("[y for y in inputs.x]", "[y for y in inputs.x]", "is no condition"),
    ("inputs.x = 3", "", "write == to compare"),
    ("inputs.x", "inputs.x", "a path alone is no condition; write exists(inputs.x), or compare it"),
    ("inputs.é == 1 and inputs.y == fast", "fast", "a path is compared with a value"),
    ("inputs.x in (fast, 'slow')", "fast", "fast is no value; a text stands in quotes: 'fast'"),
    ("inputs.x == true", "true", "true is written True"),
    ("1 < 2", "1", "on one side there must be a path"),
    ("inputs.x < outputs.y", "outputs.y", "a path is compared with a value, not with another path"),
    ("input.x == 1", "input.x", "a record has no 'input'; did you mean 'inputs'?"),
    ("inputs.class == 1", "class", "a key that is a word of Python stands in brackets: ['class']"),
    ("inputs.x is None", "None", "write == or !="),
    ("'a' in inputs.x", "'a'", "stands where a path must"),
    ("inputs.x in 'abc'", "'abc'", "what follows in are values in parentheses"),
    ("inputs.x < None", "None", "is not before or after another"),
    ("inputs.x == 1j", "1j", "this is no value of JSON"),
    ("inputs.x == f'{inputs.y}'", "f'{inputs.y}'", "a text with parts to be worked out is no value"),
    ("inputs[1.5] == 1", "1.5", "in brackets stands a key"),
    ("inputs[1:2] == 1", "1:2", "is no value"),
    ("exists('x')", "exists('x')", "exists takes one path"),
    ("time >= 'monday'", "'monday'", "'monday' is no date and time"),
    ("time >= 3", "3", "a time is text"),
    ("time in ('monday',)", "'monday'", "'monday' is no date and time"),
    ("inputs.x == 'a", "", "unterminated string literal"),
    ("inputs.x == 1\nand f(2)", "f(2)", "the one call that means something"),
    ("inputs.x == 1 \0", "", "stands in no condition"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "marked", "reason"), REFUSED, ids=[text.replace("\0", "NUL") for text, _, _ in REFUSED]
)
def test_anything_else_is_refused_with_its_place_and_what_is_allowed(text: str, marked: str, reason: str) -> None:
    first, shown, marks, *allowed = refusal(text).split("\n")
    assert reason in first
    assert shown[4:] == text.replace("\n", " ").replace("\0", " ").rstrip(" ") or "\0" in text
    if marked:
        assert marks.strip("^ ") == ""
        assert "".join(char for char, mark in zip(shown, marks, strict=False) if mark == "^") == marked
    assert "allowed: paths" in allowed[0]


def test_a_path_that_is_none_is_told_in_the_words_of_conditions() -> None:
    said = refusal("charge > 0.3").split("\n")[0]
    assert "a flow's parameter is inputs.charge, what it recorded outputs.charge" in said
    assert "at(" not in said + refusal("inputs.x < None")


def test_an_empty_condition_and_one_nested_too_deeply_are_refused() -> None:
    assert refusal(" \n").startswith("the condition is empty")
    assert "nest" in refusal("(" * 500 + "inputs.x == 1" + ")" * 500)
    assert "nested too deeply" in refusal("not " * 3000 + "inputs.x == 1")


def test_of_a_long_condition_the_part_around_the_mistake_is_shown() -> None:
    lines = refusal("inputs.x == 1 and " * 200 + "f(2)").split("\n")
    assert all(len(line) < 130 for line in lines)
    assert "f(2)" in lines[1]


def test_what_would_act_on_a_terminal_is_not_shown() -> None:
    assert "\x1b" not in refusal("inputs.x == '\x1b[31m' and y")


@example("#")
@example("a, b")
@given(st.text(max_size=30))
def test_any_text_is_a_condition_or_is_refused_by_a_record_error(text: str) -> None:
    with suppress(RecordError):
        assert isinstance(read_condition(text), Condition)


@given(
    st.recursive(
        st.sampled_from(["inputs.x", "1", "'a'", "exists(inputs.x)", "f", "lambda: 0"]),
        lambda inner: st.builds(
            "({} {} {})".format, inner, st.sampled_from(["and", "or", "==", "<", "in", "+", "if 1 else", "is"]), inner
        ),
        max_leaves=6,
    )
)
def test_no_expression_of_python_does_anything_but_that(text: str) -> None:
    with suppress(RecordError, SyntaxError):
        ast.parse(text, mode="eval")
        assert isinstance(read_condition(text), Condition)


def test_nothing_in_a_condition_is_run(tmp_path: object) -> None:
    refusal("[os.mkdir('made') for os in inputs.x]")
    assert not os.path.exists("made")
