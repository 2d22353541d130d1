"""Flags, parts of values and documents: what they mean, and that the later overrides the earlier."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from lume_dsl import LumeFlow, parameter, result
from lume_dsl.cli.assignments import Assignment, Document, gathered
from lume_dsl.cli.failures import describe
from lume_dsl.cli.flags import read_flags
from lume_dsl.cli.run import FlowCommand
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.errors import ParameterError
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.text import text_of_value

Values = Callable[..., dict[str, Any]]


def refusal(values: Values, *arguments: str) -> str:
    with pytest.raises(ParameterError) as caught:
        values(*arguments)
    return describe(caught.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text("shots: 5\ncharge: 0.3 nC\nnumbers: [7]\n")
    (tmp_path / "other.json").write_text('{"shots": 6}')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.yaml").write_text("shots: [1\n")
    (tmp_path / "wrong.yaml").write_text("shots: three\nmoed: fast\nsettings:\n  magnets:\n  - {nam: q}\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


# order


def test_the_later_of_flags_and_documents_holds(values: Values, folder: Path) -> None:
    assert values("--params", "good.yaml", "--shots", "3")["shots"] == 3
    assert values("--shots", "3", "--params", "good.yaml")["shots"] == 5
    assert values("--params", "good.yaml", "--params=other.json") == {"shots": 6, "charge": 300.0, "numbers": [7]}
    assert values("--shots", "1", "--shots", "2") == {"shots": 2}
    assert values("--fast-mode", "--no-fast-mode", "--fast_mode") == {"fast_mode": True}


def test_what_is_overridden_need_not_fit(values: Values, folder: Path) -> None:
    assert values("--shots", "three", "--shots", "2") == {"shots": 2}
    assert values("--settings", "{bad", "--settings", "{}", "--settings.tags", "a")["settings"].tags == ["a"]
    assert values("--opts.depth", "x", "--opts.depth", "4") == {"opts": {"depth": 4}}


def test_a_list_takes_the_items_of_its_flags_up_to_a_document(values: Values, folder: Path) -> None:
    assert values("--numbers", "1", "--shots", "2", "--numbers", "2,3")["numbers"] == [1, 2, 3]
    assert values("--numbers", "1", "--params", "other.json", "--numbers", "2")["numbers"] == [2]
    assert values("--params", "good.yaml", "--numbers", "1", "--numbers", "[2]")["numbers"] == [1, 2]
    assert values("--words", '"a,b",c', "--words", "d")["words"] == ["a,b", "c", "d"]
    assert values("--words", "a", "--words.0", "b", "--words", "c")["words"] == ["c"]
    assert values("--many", "1,2", "--many", "3")["many"] == (1, 2, 3)


def test_flags_of_one_part_stand_together_until_something_touches_it() -> None:
    tags, other, all_ = (("tags",), ("x",), ())
    one = [Assignment("m", (str(n),), steps) for n, steps in enumerate([tags, other, tags, all_, tags])]
    assert gathered(one) == [
        Assignment("m", ("0", "2"), tags),
        Assignment("m", ("1",), other),
        Assignment("m", ("3",), all_),
        Assignment("m", ("4",), tags),
    ]
    document = Document("d", {})
    assert gathered([one[0], document, one[2]]) == [one[0], document, one[2]]


# parts


def test_a_part_changes_the_default_and_what_came_before(values: Values) -> None:
    magnets = values("--settings.magnets.0.current", "1.5")["settings"].magnets
    assert unstructure(magnets) == [{"name": "q1", "current": 1.5, "hidden": 3}]
    magnets = values('--settings={"magnets": [{"name": "z"}]}', "--settings.magnets.0.hidden=4")["settings"].magnets
    assert unstructure(magnets) == [{"name": "z", "current": 0.0, "hidden": 4}]


def test_a_part_changes_what_the_variable_gives(values: Values, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUME_TEST_CHARGE", "three")
    assert "(from $LUME_TEST_CHARGE)" in refusal(values)


def test_an_index_of_the_length_appends_and_one_beyond_is_refused(values: Values) -> None:
    magnets = values("--settings.magnets.1.name", "b", "--settings.magnets.2.name", "c")["settings"].magnets
    assert [magnet.name for magnet in magnets] == ["q1", "b", "c"]
    said = refusal(values, "--settings.magnets.3.name", "b")
    assert "Every.settings.magnets: has 1 item so far, so 3 is beyond its end; 1 appends one" in said


def test_parts_reach_dicts_tuples_named_tuples_and_any_json(values: Values) -> None:
    magnets = values("--magnets.q.0.name", "a", "--magnets.p", "[]")["magnets"]
    assert ([magnet.name for magnet in magnets["q"]], magnets["p"]) == (["a"], [])
    assert values("--pair.1", "a,b")["pair"] == (1, "a,b")
    assert values("--point.y", "4", "--point.0", "3")["point"] == (3.0, 4.0)
    assert values("--extra.a/b.0é.c", "1", "--extra.a/b.0é.d", '"x"')["extra"] == {"a/b": {"0é": {"c": 1, "d": "x"}}}
    assert values("--anything", "[1, 2]", "--anything.1", '{"a": 2}', "--anything.1.a", "3") == {
        "anything": [1, {"a": 3}]
    }
    assert values("--settings.inner.inner.mode", "SLOW")["settings"].inner.inner.mode.value == "slow"


def test_a_part_is_read_in_the_unit_of_its_type(values: Values) -> None:
    assert values("--settings.magnets.0.current", "3kA")["settings"].magnets[0].current == 3000


def test_quantities_are_read_in_lists_objects_and_documents(values: Values, tmp_path: Path) -> None:
    assert values("--charges", "1nC, 2, 3000fC")["charges"] == [1000.0, 2.0, 3.0]
    assert values("--charges", "1nC", "--charges", '["0.5 nC"]')["charges"] == [1000.0, 500.0]
    whole = values("--settings", '{"magnets": [{"name": "a", "current": "2 kA"}], "tags": ["1 kA"]}')["settings"]
    assert (whole.magnets[0].current, whole.tags) == (2000.0, ["1 kA"])
    file = tmp_path / "quantities.yaml"
    file.write_text("charges: [1 nC, 2]\ncharge: 0.1nC\nsettings: {magnets: [{name: a, current: 3 mA}]}\n")
    read = values("--params", str(file))
    assert (read["charges"], read["charge"], read["settings"].magnets[0].current) == ([1000.0, 2.0], 100.0, 0.003)


def test_a_quantity_that_does_not_fit_is_told_by_its_place(values: Values, tmp_path: Path) -> None:
    assert "Every.charges[1]: mm is of dimension [length]" in refusal(values, "--charges", "1nC,2 mm")
    file = tmp_path / "quantities.yaml"
    file.write_text("settings: {magnets: [{name: a, current: 3 mm}]}\n")
    said = refusal(values, "--params", str(file))
    assert "Every.settings.magnets[0].current: mm is of dimension [length]" in said
    assert f"(from {file})" in said


def test_a_factory_is_called_once() -> None:
    calls: list[int] = []

    def next_number() -> int:
        calls.append(1)
        return len(calls)

    class Counted(LumeFlow):
        number: int = parameter(factory=next_number)

    calls.clear()  # the check of the definition
    command = FlowCommand("counted", Counted)
    command.make_context("counted", [])
    assert read_flags(Counted, command.flags, command.given).number == len(calls) == 1


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--settings.x", "Every.settings: has no field 'x' (the fields of Settings: magnets, by_name, tags, inner, "),
        ("--settings.magnets.0.curent", "Every.settings.magnets[0]: has no field 'curent'; did you mean 'current'?"),
        ("--settings.magnets.0.current", "Every.settings.magnets[0].current: expected float, got 'what'"),
        ("--settings.magnets.-1", "items are numbered from 0, so there is no '-1' in it"),
        ("--settings.mode.x", "Every.settings.mode: is of type Mode, which has no parts, so there is no 'x' in it"),
        ("--shots.x", "Every.shots: is of type int, which has no parts"),
        ("--pair.2", "Every.pair: has 2 items, numbered from 0, so there is no 2"),
        ("--point.z", "Every.point: has no field 'z' (the fields of Point: x, y)"),
        ("--extra" + ".a" * 5000, "has more than 100 levels"),
    ],
)  # fmt: skip
def test_a_part_that_is_not_there_is_told(values: Values, flag: str, said: str) -> None:
    assert said in refusal(values, flag, "what")


def test_an_object_of_parts_alone_is_checked_as_a_whole(values: Values) -> None:
    said = refusal(values, "--settings.by_name.a.current", "2")
    assert "Every.settings.by_name['a']: lacks 'name', which Magnet requires" in said


# documents


def test_what_is_wrong_in_a_document_is_told_with_its_name(values: Values, folder: Path) -> None:
    said = refusal(values, "--params", "wrong.yaml", "--name", "ABC")
    assert "Every.shots: expected int, got 'three' (from wrong.yaml)" in said
    assert "Every.settings.magnets[0]: has 'nam', which is no field of Magnet; did you mean 'name'?" in said
    assert "Every.moed: is not a parameter; did you mean 'mode'? (from wrong.yaml)" in said
    assert "Every.name: expected text that matches '[a-z]+', got 'ABC'  [" in said


def test_a_document_has_quantities_and_no_other_text_for_numbers(values: Values, folder: Path) -> None:
    (folder / "quantity.yaml").write_text("charge: 3 m\nshots: '5'\n")
    said = refusal(values, "--params", "quantity.yaml")
    assert "Every.charge: m is of dimension [length]" in said
    assert "Every.shots: expected int, got '5' (from quantity.yaml)" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("god.yaml", "god.yaml: there is no such file; did you mean 'good.yaml'?"),
        ("nope.yaml", "nope.yaml: there is no such file  ["),
        ("good.yml", "good.yml: there is no such file; did you mean 'good.yaml'?"),
        ("none/x.yaml", "there is no folder 'none'"),
        ("folder", "folder: is a folder"),
        ("list.json", "list.json: holds a list at its top level"),
        ("broken.yaml", "broken.yaml:2:1: shots[1]: is not YAML"),
        ("\0", "\\x00: cannot be read: embedded null"),
        ("", "'': there is no such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(values: Values, folder: Path, name: str, said: str) -> None:
    text = refusal(values, "--params", name, "--params", "list.json")
    assert said in text
    assert "list.json: holds a list" in text


@pytest.mark.parametrize("text", ['{"shots": 7, "mode": "slow"}', "shots: 7\nmode: slow\n"])
def test_a_file_of_another_ending_is_json_where_it_parses_as_such_else_yaml(
    values: Values, folder: Path, text: str
) -> None:
    (folder / "c.txt").write_text(text)
    assert unstructure(values("--params", "c.txt")) == {"shots": 7, "mode": "slow"}


def test_of_many_problems_the_first_ten_are_shown_and_how_many_more_there_are(values: Values, folder: Path) -> None:
    (folder / "many.json").write_text(json.dumps({f"k{number}": number for number in range(20_000)}))
    said = refusal(values, "--params", "many.json").splitlines()
    assert [line for line in said if "k9" in line] == [
        "Every.k9: is not a parameter (from many.json)  [parameter-unknown]"
    ]
    assert (len(said), said[-1]) == (21, "and 19,990 more")


# values


def test_an_empty_list_is_written_as_json(values: Values) -> None:
    assert values("--words", "[]") == {"words": []}


@pytest.mark.parametrize("text", ["null", "NULL", "none", "None"])
def test_null_and_none_in_any_case_are_none(values: Values, text: str) -> None:
    assert values("--maybe", text) == {"maybe": None}


@pytest.mark.parametrize("text", ["slow", "SLOW", "Slow"])
def test_a_member_is_named_in_any_case(values: Values, text: str) -> None:
    assert unstructure(values("--mode", text)) == {"mode": "slow"}


def test_a_list_has_words_for_bools_and_nested_json_has_quantities() -> None:
    class Shutters(LumeFlow):
        shutters: list[bool] = parameter()
        charges: dict[str, list[float]] = parameter(default={}, unit="pC")

    command = FlowCommand("shutters", Shutters)
    words = "true,yes,on,1,false,No,OFF,0"
    command.make_context("shutters", ["--shutters", words, "--charges", '{"q1": ["0.25 nC", 3]}'])
    found = read_flags(Shutters, command.flags, command.given)
    assert found.shutters == [True] * 4 + [False] * 4
    assert found.charges == {"q1": [250.0, 3.0]}


STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "shots": st.integers(1, 100),
    "charge": st.floats(0, allow_infinity=False),
    "note": st.text(),
    "shutter": st.none() | st.booleans(),
    "maybe": st.none() | st.integers(),
    "mode": st.sampled_from(["fast", "slow"]),
    "level": st.sampled_from(["low", "high", 3]),
    "when": st.none() | st.datetimes().filter(lambda when: not when.fold),  # which its text does not tell
    "day": st.dates(),
    "pause": st.timedeltas(),
    "where": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(Path),
    "ident": st.none() | st.uuids(),
    "amount": st.decimals(allow_nan=False, allow_infinity=False),
    "blob": st.binary(),
    "numbers": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    "words": st.lists(st.text()),
    "pair": st.tuples(st.integers(), st.text()),
    "many": st.lists(st.integers()).map(tuple),
    "extra": st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.booleans())),
    "anything": st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    "settings": st.fixed_dictionaries({"tags": st.lists(st.text()), "mode": st.sampled_from(["fast", "slow"])}),
    "opts": st.fixed_dictionaries({}, optional={"depth": st.integers(), "label": st.none() | st.text()}),
    "mixed": st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.lists(st.integers()),
    "password": st.none() | st.text(max_size=20),
}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_the_text_of_a_value_means_that_value(data: st.DataObject, values: Values, every: FlowMeta) -> None:
    name = data.draw(st.sampled_from(sorted(STRATEGIES)))
    tp = every.__lume_graph__.parameters[name].type
    value, offences = structure(data.draw(STRATEGIES[name]), tp)
    assert not offences
    found = values(f"--{name}={text_of_value(value, tp)}")
    assert found == {name: value}
    assert type(found[name]) is type(value)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(exclude_characters=".=\0", exclude_categories=["Cs"])), st.integers())))
def test_parts_of_a_dict_make_the_dict(values: Values, items: list[tuple[str, int]]) -> None:
    assert values("--extra", "{}", *[f"--extra.{key}={value}" for key, value in items]) == {"extra": dict(items)}


def test_names_in_use_are_told_apart() -> None:
    namespace: dict[str, Any] = {}
    source = (
        "from lume_dsl import LumeFlow\nclass Odd(LumeFlow):\n    json: int = 1\n    parameter_json: int = 2\n"
        "    fast: bool = False\n    no_fast: int = 3\n    params: int = 4\n    no_params: bool = False\n"
    )
    exec(compile(source, "odd.py", "exec"), namespace)
    flags = {flag for option in FlowCommand("odd", namespace["Odd"]).flags for flag in option.opts}
    assert {"--parameter-parameter-json", "--parameter-json", "--parameter-params", "--fast", "--no-fast"} <= flags


# help and messages


def help_text(target: FlowMeta, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    command = FlowCommand("every", target)
    return command.get_help(command.context_class(command, info_name="every"))


def test_help_fits_80_columns_and_tells_all_facts(every: FlowMeta, monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_text(every, monkeypatch)
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    assert "--charge float [unit: pC; >= 0; e.g. 100.0; env: LUME_TEST_CHARGE; default: 250.0]" in words
    assert "--name str [at least 1 long; at most 8 long; matches [a-z]+; default: 'a']" in words
    assert "--fast-mode / --no-fast-mode [default: false]" in words
    assert "--shutter [bool | None] / --no-shutter [default: null]" in words
    assert "--mode Mode [one of fast, slow; default: fast]" in words
    assert "--settings.magnets.N.current float [unit: A]" in words
    assert "--settings.inner Settings" in words  # where it begins anew
    assert "--magnets.KEY.N.hidden int" in words


def test_help_in_characters_of_two_cells_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    class Measure(LumeFlow):
        """電荷を測定する電荷を測定する電荷を測定する電荷を測定する電荷を測定する電荷を測定する電荷を測定する"""

        charge: float = parameter(default=1.0, help="電荷を測定する" * 20)
        other: float = parameter(default=1.0, help="説明 " * 30 + "a plain text" * 9)
        長い名前の引数: int = parameter(default=3, help="e\u0301 " * 60)

    text = help_text(Measure, monkeypatch)
    assert max(map(cell_len, text.splitlines())) in range(76, 81)
    assert "\0" not in text
    assert "電荷を測定する" * 20 in "".join(text.split())


def test_a_choice_is_told_whole_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scan(LumeFlow):
        magnet: str = parameter(default="a", choices=["a", "q" * 70])

    assert f"oneof'a','{'q' * 70}';default" in "".join(help_text(Scan, monkeypatch).split())


def test_a_parameter_that_is_none_is_no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scan(LumeFlow):
        nothing: None = None

    assert "--nothing None  [default: null]" in help_text(Scan, monkeypatch)


def test_choices_and_types_are_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = [f"quadrupole-{number}" for number in range(20)]

    class Long(LumeFlow):
        tables: dict[str, list[tuple[float, float]]] = parameter(default={})
        magnet: str = parameter(default="quadrupole-7", choices=choices)
        done: int = result(3)

    text = help_text(Long, monkeypatch)
    assert max(map(len, text.splitlines())) <= 80
    assert "[type:dict[str,list[tuple[float,float]]];default:{}]" in "".join(text.split())
    assert f"[oneof{','.join(map(repr, choices))};default:'quadrupole-7']" in "".join(text.split())


def test_a_bool_that_may_be_null_has_switches_and_values(values: Values) -> None:
    assert values("--shutter") == {"shutter": True}
    assert values("--no-shutter") == {"shutter": False}
    assert values("--shutter", "--shots", "5") == {"shutter": True, "shots": 5}
    assert values("--shutter", "null") == values("--no-shutter", "--shutter=none") == {"shutter": None}
    assert values("--shutter", "false") == {"shutter": False}
    assert "expected bool | None, got '7'" in refusal(values, "--shutter", "7")


def test_a_secret_is_in_no_message(values: Values) -> None:
    for arguments in (["--password", "geheim" * 9], ["--password.x", "geheim"]):
        assert "geheim" not in refusal(values, *arguments)
    with pytest.raises(click.UsageError) as caught:
        values("--password", "sehr", "geheim")
    assert "geheim" not in caught.value.format_message()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shots"], r"'?--shots'? requires an argument"),
        (["--shots", "--charge", "2"], "'--shots' requires an argument; '--charge' was read as that"),
        (["--numbers", "1", "2", "3"], r"2 unexpected extra arguments \('2' '3'\); .* as in 1,2,3"),
        (["--fast-mode", "true"], "a bool has no value"),
        (["--setings.x", "1"], "--settings"),
        (["--x\x1b[31m\u202e", "1"], r"--x\\x1b\[31m\\u202e"),
    ],
)
def test_a_wrong_use_is_told(values: Values, arguments: list[str], said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        values(*arguments)
    assert re.search(said, caught.value.format_message())


@settings(deadline=None)
@given(
    name=st.sampled_from(["shots", "name", "settings", "extra", "when", "mixed", "extra.a", "settings.tags"]),
    text=st.text(st.characters(exclude_categories=[])),
)
def test_no_text_does_anything_but_fit_or_be_refused(values: Values, name: str, text: str) -> None:
    try:
        found = values(f"--{name}={text}")
    except ParameterError as error:
        shown = describe(error)
    else:
        shown = json.dumps({key: unstructure(value) for key, value in found.items()})
    assert all(char.isprintable() or char == "\n" for char in shown)


@pytest.mark.parametrize(
    "text",
    [
        "password: *hunter2\n",
        "password: !hunter2 a\n",
        "password: !!int hunter2\n",
        '{"password": 12345678e999}',
        "password: {hunter2: 1, hunter2: 2}\n",
    ],
)
def test_what_is_wrong_with_a_secret_in_a_file_is_told_without_it(values: Values, tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text(text)
    said = refusal(values, "--params", str(file))
    assert "password: cannot be read; its value is secret" in said
    assert "hunter2" not in said
    assert "12345678" not in said
