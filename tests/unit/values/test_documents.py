"""Documents come back as the plain values they hold, or are refused with the place and how to mend it."""

from __future__ import annotations

import json
import math
import pickle
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from calls import calls_of
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dsl.values import yaml12
from lume_dsl.values.documents import DocumentError, format_of, read_document

FINITE_HINT = "write a finite number, or null where the parameter takes None"
JSON_HINT = "write text in double quotes, no comma after the last item, and no comments"
YAML_HINT = "indent with spaces, and quote text that starts with a special character or holds ': ' or ' #'"
NUMBER_HINT = "write a number that a float can hold (some 5e-324 to 1.8e308, or 0), or quote it as text"
DIGITS_HINT = "write it as text, or as a float such as 1e30"
TAG_HINT = "write plain JSON values, without the tag"
ALIAS_HINT = "write the part out, without the alias"


def unreadable(place: str, character: str, escape: str) -> str:
    fix = f'write it as "{escape}" in double quotes, or leave it out'
    return f"p:{place}: the character {character} cannot stand in YAML as it is\n    {fix}"


def read(source: str | bytes, format: str) -> dict[str, Any]:
    return read_document(source, name="p", format=format)


def refusal(source: str | bytes, format: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(source, format)
    return str(caught.value)


@pytest.fixture(params=["libyaml", "PyYAML's own parser"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "libyaml":
        assert yaml.__with_libyaml__, "the wheels of PyYAML carry libyaml"
    else:
        monkeypatch.delattr(yaml, "CSafeLoader")
    return str(request.param)


@pytest.mark.parametrize(
    ("filename", "format"),
    [
        ("a.json", "json"),
        ("a.yaml", "yaml"),
        ("A.YML", "yaml"),
        ("a.b.json", "json"),
        ("a.toml", ""),
        ("json", ""),
        ("-", ""),
    ],
)
def test_a_file_s_ending_tells_its_format(filename: str, format: str) -> None:
    assert format_of(filename) == format


# what is read


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('\ufeff{"a": 1}', {"a": 1}),
        ('{"a": [1, 2.5, true, null, "x", {"b": {}}]}', {"a": [1, 2.5, True, None, "x", {"b": {}}]}),
        ('{"a": 9007199254740993}', {"a": 2**53 + 1}),
        ('{"a": -0.0}', {"a": -0.0}),
        ('{"a": [-0, -1, 0, "-0", 7]}', {"a": [-0.0, -1, 0, "-0", 7]}),
        ('{"a": 0e-400}', {"a": 0.0}),
        (f'{{"a": {10**4299}}}', {"a": 10**4299}),
        ('{"a": "\\u0000\\u0007\\u202e\\ud83c\\udf89"}', {"a": "\0\x07\u202e🎉"}),
        ('{"a": "\u202e\u200f🎉\x7f\x85\u2028"}', {"a": "\u202e\u200f🎉\x7f\x85\u2028"}),
        ('{"a": "\\ud800"}', {"a": "\ud800"}),
        ('{"": 1}', {"": 1}),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_json_is_read_as_it_is(source: str | bytes, expected: dict[str, Any]) -> None:
    for format in ("json", ""):
        found = read(source, format)
        assert found == expected
        assert repr(found) == repr(expected)  # with its types and the sign of its zeros


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        *[(text, None) for text in ("", "~", "null", "Null", "NULL", "!!null ''")],
        *[(text, True) for text in ("true", "True", "TRUE", "!!bool true")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[(text, text) for text in ("on", "off", "yes", "no", "y", "tRue", "nULL", "nan", "inf", "Infinity", "=")],
        *[(text, text) for text in ("12:30:00", "2024-01-01", "2024-01-01 10:00:00", "1_000", "0b1", "0o9", "0xg")],
        *[(text, text) for text in ("1e", "e1", ".", "+", "1.2.3", "+0x1", "-.", ".e1", "\u0661")],
        *[("0", 0), ("-0", -0.0), ("-00", -0.0), ("+1", 1), ("0123", 123), ("089", 89), ("0o17", 15), ("0x1F", 31)],
        ("9007199254740993", 2**53 + 1),
        *[
            ("1e-3", 0.001),
            ("1E3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-1.5e+3", -1500.0),
            ("-0.0", -0.0),
            ("-0.0e-400", -0.0),
        ],
        *[("'1'", "1"), ('"null"', "null"), ("! 1", "1"), ("!!str 1", "1"), ('!!int "1"', 1), ("!!float 1", 1.0)],
        *[("[]", []), ("{}", {}), ("!!seq [1]", [1]), ("!!map {b: 1}", {"b": 1}), ("! [1]", [1]), ("!!map {}", {})],
        ('"\\0\\a\\N\\L\\U0001F389"', "\0\x07\x85\u2028🎉"),
        ("x\u202e\u200f🎉", "x\u202e\u200f🎉"),
        ("|\n  b\n  c\n", "b\nc\n"),
        (">-\n  b\n  c\n", "b c"),
    ],
    ids=ascii,
)
def test_a_yaml_scalar_means_what_the_core_schema_of_yaml_1_2_says(
    scalar: str, expected: Any, either_parser: str
) -> None:
    assert repr(read(f"a: {scalar}", "yaml")) == repr({"a": expected})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ("---\n", {}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("%YAML 1.2\n---\na: yes", {"a": "yes"}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        ("a: &x 1\nb: *x", {"a": 1, "b": 1}),
        ("a: &x {b: [1]}\nc: [*x, *x]", {"a": {"b": [1]}, "c": [{"b": [1]}, {"b": [1]}]}),
        ("&k a: *k", {"a": "a"}),
        ("a: &k t\n*k : 2", {"a": "t", "t": 2}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("a: &x {b: 1}\nd: &y {c: 3, <<: *x}\ne: *y", {"a": {"b": 1}, "d": {"b": 1, "c": 3}, "e": {"b": 1, "c": 3}}),
        ("a: {<<: [{b: 1}, {b: 2, c: 3}]}", {"a": {"b": 1, "c": 3}}),
        ('"<<": 1', {"<<": 1}),
        ('"1": 2', {"1": 2}),
    ],
)
def test_yaml_is_read_with_its_anchors_and_merge_keys(
    source: str | bytes, expected: dict[str, Any], either_parser: str
) -> None:
    assert read(source, "yaml") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [('{"a": "\x7f"}', {"a": "\x7f"}), ("a: 1", {"a": 1}), ("{a: 1}", {"a": 1}), ('{"a": 1,}', {"a": 1})],
)
def test_what_has_no_format_is_json_if_it_parses_as_json_else_yaml(source: str, expected: dict[str, Any]) -> None:
    assert read(source, "") == expected


def test_a_character_that_json_escapes_as_two_is_one_in_yaml_too(either_parser: str) -> None:
    source = (
        'a: "x\\ud83c\\uDF89\\ud83c\\udf89y"\n'
        "b: '\\ud83c\\udf89'\n"
        'c: \\ud83c\\udf89 "\\ud83c\\udf89"\n'
        'd: "\\\\ud83c\\\\udf89 \\\\\\ud83c\\udf89"\n'
        'e: {"\\ud83c\\udf89": "\\ud83c\\udf89"}\n'
    )
    literal = "\\ud83c\\udf89"
    expected = {"a": "x🎉🎉y", "b": literal, "c": f'{literal} "{literal}"', "d": f"{literal} \\🎉", "e": {"🎉": "🎉"}}
    assert read(source, "yaml") == expected
    assert read(f'a: |\n  "{literal}"\nb: "{literal}"', "yaml") == {"a": f'"{literal}"\n', "b": "🎉"}


@pytest.mark.parametrize("escape", ["\\ud800", "\\udf89\\ud83c", "\\ud83c\\ud83c\\udf89", "\\U0000d800", "\\UFFFFFFFF"])
def test_half_a_character_is_refused_in_yaml_and_its_part_named(escape: str) -> None:
    told = refusal(f'a: "\\ud83c\\udf89"\nb: {{"c": ["{escape}"]}}', "yaml")
    assert "b.c[0]: is not YAML: an escape in it names no character, or half of one" in told


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ('{"a": {"b": [1, {"c d": tru}]}}', "a.b[1]['c d']"),
        ('{"a": 1, "b": [1, 2,]}', "b[2]"),
        ('{"a": 1 "b": 2}', "a"),
        ('{"a": ["x, [{", "y\x01[{"]}', "a[1]"),
        ('{"a": {"b": 1}, "c": "x\\"', "c"),
        ('{"a\\n": "\\x"}', r"['a\n']"),
        ("[1, [2, }", "[1][1]"),
    ],
)
def test_what_is_not_json_is_told_with_its_part(source: str, path: str) -> None:
    assert f": {path}: is not JSON: " in refusal(source, "json")


def test_an_escape_of_no_character_is_refused_by_either_parser(either_parser: str) -> None:
    assert "a: is not YAML: an escape in it names no character" in refusal('a: "\\UFFFFFFFF"', "yaml")


def test_an_empty_document_is_no_json() -> None:
    for source in ("", " \n", b"\xef\xbb\xbf"):
        assert read(source, "") == {}
        assert read(source, "yaml") == {}
        assert refusal(source, "json") == "p: is empty, which is not JSON\n    write {} where no value is given"


# what is refused


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"a": NaN}', f"p: a: NaN is not JSON\n    {FINITE_HINT}"),
        ('{"m": [1, {"c d": -Infinity}]}', f"p: m[1]['c d']: -Infinity is not JSON\n    {FINITE_HINT}"),
        ('{"a": [Infinity, NaN]}', f"p: a[0]: Infinity is not JSON\n    {FINITE_HINT}"),
        ('{"a": -1e400}', f"p: a: -1e400 overflows a float\n    {NUMBER_HINT}"),
        ('{"a": 1e-400}', f"p: a: 1e-400 is nearer to 0 than a float can be\n    {NUMBER_HINT}"),
        (
            f'{{"a": 0, "b": [-{"1" * 5000}]}}',
            f"p: b[0]: -{'1' * 29}… has 5,000 digits, too many for an int\n    {DIGITS_HINT}",
        ),
        ('{"a": {"b": 1, "b": 1}}', "p: a: the key 'b' stands twice\n    keep one of the two"),
        ('{"a": 1, "a": 1}', "p: the key 'a' stands twice\n    keep one of the two"),
        ("[1]", 'p: holds a list at its top level, where values by parameter are read\n    write {"parameter": value}'),
        ("null", 'p: holds null at its top level, where values by parameter are read\n    write {"parameter": value}'),
        ('{"a": 1,\n "b" 2}', f"p:2:6: is not JSON: Expecting ':' delimiter\n    {JSON_HINT}"),
        ('{"a": "\0"}', f"p:1:8: a: is not JSON: Invalid control character at\n    {JSON_HINT}"),
        ('{"a": 1} {}', f"p:1:10: is not JSON: Extra data\n    {JSON_HINT}"),
        (
            b'{"a": 1,\n"b\xc3\xa9": "\xff"}',
            "p:2:8: bé: is not UTF-8: byte 0xff at offset 17 (invalid start byte)\n    save it as UTF-8",
        ),
        (
            '{"\udcff": 1}',
            "p:1:3: is not UTF-8: byte 0xed at offset 2 (invalid continuation byte)\n    save it as UTF-8",
        ),
        ('{"a": 1}'.encode("utf-16"), "p: is UTF-16 text, where UTF-8 is read\n    save it as UTF-8"),
        ('{"a": 1}'.encode("utf-16-be"), "p: is UTF-16 text, where UTF-8 is read\n    save it as UTF-8"),
        ('{"a": 1}'.encode("utf-32"), "p: is UTF-32 text, where UTF-8 is read\n    save it as UTF-8"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_json_that_is_refused_is_told_with_its_place(source: str | bytes, message: str) -> None:
    assert refusal(source, "json") == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[1]", "p: holds a list at its top level, where values by parameter are read\n    write parameter: value"),
        ("null", "p: holds null at its top level, where values by parameter are read\n    write parameter: value"),
        ("b:\n  a: 1\n  a: 2", "p:3:3: b: the key 'a' stands twice\n    keep one of the two"),
        ("<<: {a: 1}\n<<: {b: 1}", "p:2:1: the key '<<' stands twice\n    keep one of the two"),
        ("b: {1: x}", 'p:1:5: b: the key 1 is an int, not text\n    write "1" in quotes'),
        ("true: x", 'p:1:1: the key true is a bool, not text\n    write "true" in quotes'),
        ("~: x", 'p:1:1: the key ~ is null, not text\n    write "~" in quotes'),
        ("1.5: x", 'p:1:1: the key 1.5 is a float, not text\n    write "1.5" in quotes'),
        ("? [a]\n: 1", "p:1:3: a list is a key\n    write text as the key"),
        ("m:\n- c: 1\n- c: .nan", f"p:3:6: m[1].c: .nan is not JSON\n    {FINITE_HINT}"),
        ("a: -.INF", f"p:1:4: a: -.INF is not JSON\n    {FINITE_HINT}"),
        ("a: 1e400", f"p:1:4: a: 1e400 overflows a float\n    {NUMBER_HINT}"),
        ("a: -1e-400", f"p:1:4: a: -1e-400 is nearer to 0 than a float can be\n    {NUMBER_HINT}"),
        ("a: !!float 1" + "0" * 400, f"p:1:4: a: 1{'0' * 29}… overflows a float\n    {NUMBER_HINT}"),
        ("a: " + "1" * 5000, f"p:1:4: a: {'1' * 30}… has 5,000 digits, too many for an int\n    {DIGITS_HINT}"),
        (
            "a: !!python/object/apply:os.system [x]",
            f"p:1:4: a: the tag !!python/object/apply:os.system on a list is refused\n    {TAG_HINT}",
        ),
        ("a:\n- !!binary eA==", f"p:2:3: a[0]: the tag !!binary on text is refused\n    {TAG_HINT}"),
        ("a: !mine {b: 1}", f"p:1:4: a: the tag !mine on a mapping is refused\n    {TAG_HINT}"),
        ("a: !!str [b]", f"p:1:4: a: the tag !!str on a list is refused\n    {TAG_HINT}"),
        ("a: !!timestamp 2024-01-01", f"p:1:4: a: the tag !!timestamp on text is refused\n    {TAG_HINT}"),
        ("a: !!int x", "p:1:4: a: 'x' is not what its tag !!int says\n    drop the tag"),
        ("a: !!int true", "p:1:4: a: 'true' is not what its tag !!int says\n    drop the tag"),
        ("a: &a [*a]", f"p:1:8: a[0]: the alias *a stands inside what it names\n    {ALIAS_HINT}"),
        ("a: &a {<<: *a}", f"p:1:12: a['<<']: the alias *a stands inside what it names\n    {ALIAS_HINT}"),
        ("a: *b", "p:1:4: a: the alias *b has no anchor before it\n    write &b where it is"),
        (
            "<<: 1",
            "p:1:5: ['<<']: << merges an int\n    merge a mapping or a list of mappings, or quote the key",
        ),
        ("a: 1\n---\nb: 1", "p:2:1: a second document starts here\n    write one document, without a further '---'"),
        (
            'a: 1\nb: "\x07"',
            unreadable("2:5: b", "U+0007", r"\x07"),
        ),
        (
            "a: \0",
            unreadable("1:4", "U+0000", r"\x00"),
        ),
        (
            "a: 'x\u2028y'",
            unreadable("1:6: a", "U+2028", r"\u2028"),
        ),
        (b"a: \xff", "p:1:4: a: is not UTF-8: byte 0xff at offset 3 (invalid start byte)\n    save it as UTF-8"),
        ("a: 1".encode("utf-16-le"), "p: is UTF-16 text, where UTF-8 is read\n    save it as UTF-8"),
        ("a: b: c", f"p:1:5: is not YAML: mapping values are not allowed in this context\n    {YAML_HINT}"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_yaml_that_is_refused_is_told_with_its_place(source: str | bytes, message: str) -> None:
    assert refusal(source, "yaml") == message


@pytest.mark.parametrize("source", ["a: [1, 2\nb: 3", "a:\n\t- 1", "a: !e!x 1", "a: %x", "a: 'b"])
def test_broken_yaml_is_told_in_the_parser_s_words_on_one_line(source: str, either_parser: str) -> None:
    first, hint = refusal(source, "yaml").split("\n")
    assert first.startswith("p") and ": is not YAML: " in first  # noqa: PT018
    assert hint.strip() == YAML_HINT


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"a": NaN}', f"p: a: NaN is not JSON\n    {FINITE_HINT}"),
        ('{"a": 1, "a": 1}', "p: the key 'a' stands twice\n    keep one of the two"),
        ("{a: 1, a: 2}", "p:1:8: the key 'a' stands twice\n    keep one of the two"),
        ('{"a": [1}', f"p:1:9: a[0]: is not JSON: Expecting ',' delimiter\n    {JSON_HINT}"),
    ],
)
def test_what_has_no_format_is_refused_by_the_rules_of_what_it_looks_like(source: str, message: str) -> None:
    assert refusal(source, "") == message


def test_an_error_carries_its_place_and_survives_pickling() -> None:
    with pytest.raises(DocumentError) as caught:
        read("m:\n- c: .nan", "yaml")
    error = pickle.loads(pickle.dumps(caught.value))
    assert type(error) is DocumentError
    assert (error.name, error.line, error.column, error.path) == ("p", 2, 6, "m[0].c")
    assert str(error) == str(caught.value)


# depth and size


@pytest.mark.parametrize("levels", [10_000, 1_000_000])
def test_json_nested_too_deeply_is_refused(levels: int) -> None:
    message = "p: a: is nested too deeply: at most 100 levels are taken\n    nest its lists and objects less deeply"
    for source in ('{"a": ' + "[" * levels + "]" * levels + "}", '{"a":' * levels):
        assert refusal(source, "json") == refusal(source, "") == message


@pytest.mark.parametrize("value", ["[" * 10_000 + "]" * 10_000, '{"x": ' * 10_000 + "1" + "}" * 10_000])
def test_the_parameter_that_is_nested_too_deeply_is_told(value: str) -> None:
    before = '{"a[{": "]}", "b": [[["{\\""]]], "c": {"d": [1, {"e": 2}]}, '
    assert refusal(f'{before}"the deep \\"one": {value}, "z": 1}}', "json").startswith(
        "p: ['the deep \"one']: is nested"
    )
    assert refusal(f'{before}"deep": {value}, "z": 1}}', "json").startswith("p: deep: is nested too deeply")
    assert refusal(value.replace("{}", "[]"), "json").startswith(("p: is nested too", "p: x: is nested too"))


@pytest.mark.parametrize("levels", [10_000, 100_000])
@pytest.mark.parametrize("opening", ["a: {0}", "{1}", "{2}x"])
def test_yaml_nested_too_deeply_is_refused_and_no_process_dies(levels: int, opening: str) -> None:
    source = opening.format("[" * levels, "{a: " * levels, "- " * levels)
    code = (
        "import sys\nfrom lume_dsl.values.documents import *\n"
        "try: read_document(sys.stdin.read(), name='p', format='yaml')\n"
        "except DocumentError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], input=source, capture_output=True, text=True, check=True)
    assert (
        "is nested too deeply: at most 100 levels are taken\n    nest its lists and mappings less deeply" in run.stdout
    )


def test_as_many_levels_as_are_allowed_are_read_and_aliases_count(either_parser: str) -> None:
    within = yaml12.MOST_YAML_LEVELS - 1
    assert read("a: " + "[" * within + "]" * within, "yaml")
    assert "is nested too deeply" in refusal("a: " + "[" * (within + 1) + "]" * (within + 1), "yaml")
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))
    assert refusal(chain, "yaml").startswith("p:101:14: a100[0]: is nested too deeply")


@pytest.mark.parametrize("part", ["[{}]", "{{<<: [{}]}}", "{{b: [{}]}}"])
def test_an_alias_bomb_is_refused_before_it_is_expanded(part: str, either_parser: str) -> None:
    bomb = "a0: &a0 {x: 1}\n"
    for level in range(1, 40):
        bomb += f"a{level}: &a{level} " + part.format(", ".join([f"*a{level - 1}"] * 10)) + "\n"
    assert calls_of(lambda: refusal(bomb, "yaml")) < 20_000
    message = refusal(bomb, "yaml")
    assert f"the document with its aliases written out holds more than 1,000,000 values\n    {ALIAS_HINT}" in message


def test_an_alias_bomb_of_one_long_text_is_refused() -> None:
    bomb = "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 10_000 + "]"
    assert "aliases written out holds more than" in refusal(bomb, "yaml")


def test_yaml_with_too_many_values_or_characters_points_to_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml12, "MOST_YAML_VALUES", 10)
    hint = "write it as JSON, which has no such limit"
    assert read("a: [0, 1, 2, 3, 4, 5, 6]", "yaml")
    assert refusal("a: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]", "yaml").endswith(f"holds more than 10 values\n    {hint}")
    monkeypatch.setattr(yaml12, "MOST_YAML_CHARACTERS", 10)
    assert refusal("a: 12345678", "yaml") == f"p: has 11 characters, where YAML is read up to 10\n    {hint}"


def test_json_is_read_by_the_parser_in_c_with_one_call_a_number() -> None:
    values = [at + 0.123456789 for at in range(10_000)]
    text = json.dumps({"a": values})
    assert read(text, "json") == {"a": values}
    assert calls_of(lambda: read(text, "json")) < len(values) + 1000


# round trips

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        "on",
        "1e-3",
        "0123",
        "089",
        "0o7",
        "12:30:00",
        "<<",
        "=",
        "null",
        "~",
        "",
        "\0",
        "\x85",
        "\u2028",
        "\ufeff",
        "🎉",
        "1e400",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda part: st.lists(part) | st.dictionaries(texts, part), max_leaves=10)


def same(left: Any, right: Any) -> bool:
    """Equal, with equal types at every level and equal signs of zeros."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)


def without_numbers(value: Any) -> Any:
    """The value with text marked, so that none reads as a number, a bool or null."""
    if isinstance(value, str):
        return f"x{value}"
    if isinstance(value, list):
        return [without_numbers(item) for item in value]
    return {f"x{key}": without_numbers(item) for key, item in value.items()} if isinstance(value, dict) else value


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(texts, values), st.booleans(), st.sampled_from(["json", ""]))
def test_what_json_writes_is_read_back(value: dict[str, Any], is_ascii: bool, format: str) -> None:
    assert same(read(json.dumps(value, ensure_ascii=is_ascii), format), value)
    assert same(read(json.dumps(value, ensure_ascii=is_ascii).encode(), format), value)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(texts, values))
def test_what_pyyaml_writes_in_quotes_is_read_back(value: dict[str, Any]) -> None:
    """PyYAML quotes text by YAML 1.1, so ``1e3`` and ``089`` come plain, which YAML 1.2 takes for numbers."""
    assert same(read(yaml.safe_dump(value, default_style='"'), "yaml"), value)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(texts, values), st.sampled_from([None, True, False]))
def test_what_pyyaml_writes_plain_is_read_back_but_for_text_that_yaml_1_2_takes_for_numbers(
    value: dict[str, Any], flow: bool | None
) -> None:
    value = without_numbers(value)
    assert same(read(yaml.safe_dump(value, default_flow_style=flow), "yaml"), value)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(texts, values))
def test_json_in_ascii_below_the_surrogates_means_the_same_as_yaml(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    if "\x7f" not in text and not re.search(r'"([^"\\]|\\.){1000,}":', text):  # YAML's keys have up to 1,024 characters
        assert same(read(text, "yaml"), value)


@settings(deadline=None)
@given(st.binary() | st.text() | st.text("{}[]:,&*!|>'\"%-?<#a1 \n\t\\.~"), st.sampled_from(["json", "yaml", ""]))
def test_whatever_it_is_it_is_read_or_refused(source: str | bytes, format: str) -> None:
    try:
        assert isinstance(read(source, format), dict)
    except DocumentError as error:
        text = str(error)
        assert text.startswith("p")


def test_the_lines_of_a_yaml_document_are_those_where_its_parts_begin() -> None:
    text = "a: 1\nb:\n  - c: [1, 2,\n      3]\n    d: {e: 4,\n      f: 5}\n  - 6\n  - 7\ng: |\n  text\n"
    assert yaml12.lines_of(text) == {
        (): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 0, "c"): 3, ("b", 0, "c", 0): 3, ("b", 0, "c", 1): 3,
        ("b", 0, "c", 2): 4, ("b", 0, "d"): 5, ("b", 0, "d", "e"): 5, ("b", 0, "d", "f"): 6, ("b", 1): 7, ("b", 2): 8,
        ("g",): 9,
    }  # fmt: skip
