"""``results``: records are found, shown, exported and deleted as they are stored, without the classes of users."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from commands import run_command
from pyarrow import parquet

from lume_dsl.records import DBResult, Query, RecordStore, open_store, to_document
from lume_dsl.records.aside import keep
from lume_dsl.records.provenance import Provenance
from lume_dsl.records.store import Entry
from lume_dsl.settings import Settings

Run = Callable[..., "subprocess.CompletedProcess[str]"]
OnTerminal = Callable[..., tuple[int, str]]

START = datetime(2026, 11, 24, 10, tzinfo=timezone.utc)


@pytest.fixture(params=["sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordStore]:
    """An empty store that the environment names."""
    if request.param == "mongodb":
        monkeypatch.setenv("LUME_RESULTS_DB__URL", request.getfixturevalue("mongodb_url"))
    store = open_store(Settings.from_environment())
    yield store
    store.close()


@pytest.fixture
def sqlite() -> Iterator[RecordStore]:
    store = open_store(Settings.from_environment())
    yield store
    store.close()


@pytest.fixture
def results(tmp_path: Path) -> Run:
    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run_command("results", *arguments, cwd=tmp_path, stdin=stdin, TZ="UTC")

    return run


def record(number: int = 0, **members: Any) -> DBResult:
    """A record; one with a higher number is newer."""
    defaults = {"flow_name": "Scan", "result_name": "record", "inputs": {"n": number}, "outputs": {"half": number / 2}}
    return DBResult(**{**defaults, "time": START + timedelta(minutes=number), **members})


def save(store: RecordStore, *records: DBResult) -> list[str]:
    """Save records; return their hashes."""
    return [reference["query"]["unique_hash"] for reference, _ in store.save_all(records)]


def rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


# list


def test_the_newest_records_are_listed_first_and_their_number_is_told(store: RecordStore, results: Run) -> None:
    hashes = save(store, *map(record, range(25)))
    done = results("list")
    found = rows(done)
    assert len(found) == 20
    assert found[0] == ["2026-11-24T10:24:00+00:00", "Scan", "record", hashes[24][:12], "n=24", "half=12.0"]
    assert [row[4] for row in found] == [f"n={number}" for number in range(24, 4, -1)]
    assert done.stderr == "20 of 25 records, newest first; --limit N shows more\n"
    assert results("list", "--limit", "30").stderr == "25 records, newest first\n"


def test_an_empty_store_has_no_records(store: RecordStore, results: Run) -> None:
    done = results("list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no records\n")


def numbers(done: subprocess.CompletedProcess[str]) -> list[int]:
    return [found["inputs"]["n"] for found in json.loads(done.stdout)["records"]]


def test_records_are_chosen_by_all_filters(store: RecordStore, results: Run) -> None:
    save(store, *map(record, range(6)), record(7, flow_name="Other"), record(8, project_name="p"))
    save(store, record(9, outputs={"half": 4.5, "error": "x"}))
    chosen = {
        ("--flow", "Other"): [7],
        ("--project", "p"): [8],
        ("--type", "lume_dsl.records:DBResult", "--limit", "2"): [9, 8],
        ("--type", "other.module:Orbit"): [],
        ("--where", "inputs.n > 2 and outputs.half < 2.5"): [4, 3],
        ("--where", "inputs.n >= 2", "--where", "flow_name == 'Scan'", "--project", "default"): [9, 5, 4, 3, 2],
        ("--where", "exists(outputs.error)"): [9],
        ("--where", "time >= '2026-11-24T10:05' and time < '2026-11-24T10:08Z'"): [7, 5],
        ("--where", "inputs.n in (1, 3)", "--order", "inputs.n"): [1, 3],
        ("--order", "flow_name", "--order", "-inputs.n", "--limit", "3"): [7, 9, 8],
        ("--limit", "0"): [],
    }
    assert {filters: numbers(results("list", *filters, "--json")) for filters in chosen} == chosen


class Plane(Enum):
    X = "x"
    Y = "y"


def test_what_is_shown_of_a_value_is_what_finds_it(store: RecordStore, results: Run) -> None:
    when = datetime(2026, 11, 3, 8, 30)
    inputs = {"plane": Plane.X, "when": when, "utc": when.replace(tzinfo=timezone.utc), "path": Path("a/b")}
    save(store, record(1, inputs={"n": 1, **inputs}), record(2, inputs={"n": 2, "plane": Plane.Y}))
    (shown,) = json.loads(results("list", "--json", "--where", "inputs.n == 1").stdout)["records"]
    assert (shown["inputs"]["plane"], shown["inputs"]["path"]) == ("x", "a/b")
    for where in (
        "inputs.plane == 'x'",
        "inputs.plane == 'X'",
        "inputs.plane != 'y' and inputs.plane in ('x', 'z')",
        "inputs.when > '2026-11-01'",
        f"inputs.when == '{shown['inputs']['when']}'",
        "inputs.utc == '2026-11-03T08:30Z' and '2026-11-03T09:29+01:00' < inputs.utc",
        "inputs.path == 'a/b'",
    ):
        assert numbers(results("list", "--json", "--where", where)) == [1], where


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--flow", "Scna"], "no record is of a flow named 'Scna'; did you mean 'Scan'?"),
        (
            ["--flow", "Campaign"],
            "no record is of a flow named 'Campaign'; there is Scan\n    a flow that is called in",
        ),
        (["--project", "defualt"], "no record is of a project named 'defualt'; did you mean 'default'?"),
        (["--type", "lume_dsl.records:DBResul"], "no record is of a class named 'lume_dsl.records:DBResul'; did you"),
        (["--where", "inputs.numbr == 1"], "no record has inputs.numbr; did you mean 'number'?"),
        (["--where", "not exists(inputs.number) or outputs.half.x < 3"], "no record has outputs.half.x"),
        (["--where", "inputs.number == '1'"], "inputs.number is a number, such as 1, and is compared with a text"),
        (["--where", "inputs.plane > 'X'"], 'inputs.plane is a member of an Enum, such as "x", and is compared with a'),
        (["--where", "inputs.plane in (1, 2)"], "inputs.plane is a member of an Enum"),
        (["--where", "inputs.when == 'monday'"], 'inputs.when is a date, such as "2026-11-24", and is compared with a'),
    ],
)
def test_what_no_record_can_have_is_told(sqlite: RecordStore, results: Run, arguments: list[str], said: str) -> None:
    save(sqlite, record(inputs={"number": 1, "plane": Plane.X, "when": START.date()}))
    for done in (results("list", *arguments), results("delete", "--yes", *arguments)):
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith(f"no records\n    {said}")


def test_a_value_that_none_has_but_could_is_no_mistake(sqlite: RecordStore, results: Run) -> None:
    save(sqlite, record(inputs={"n": 1, "s": "a", "plane": Plane.X}), record(inputs={"n": None}))
    for where in ("inputs.n > 5", "inputs.s == 'b'", "inputs.plane == 'z'", "inputs.n == None and inputs.s == 'a'"):
        assert results("list", "--where", where).stderr == "no records\n"


def test_list_as_a_document_tells_how_many_there_are(store: RecordStore, results: Run) -> None:
    save(store, *map(record, range(3)))
    document = json.loads(results("list", "--json", "--limit", "2").stdout)
    assert document["count"] == 3
    assert document["records"][0]["outputs"] == {"half": 1.0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "inputs.x > f(3)"], "    inputs.x > f(3)\n               ^^^^\n"),
        (["--order", "input.x"], "a record has no 'input'; did you mean 'inputs'?"),
        (["--type", "Orbit"], "expected module:Class"),
        (["--limit", "-1"], "--limit"),
    ],
)
def test_a_filter_that_means_nothing_is_wrong_usage(results: Run, arguments: list[str], said: str) -> None:
    done = results("list", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_long_values_are_cut_and_what_acts_on_terminals_is_visible(sqlite: RecordStore, results: Run) -> None:
    save(
        sqlite,
        record(inputs={"long": "x" * 1000, "n": 1}, outputs={"bad": "\x1b[31m\u202e", "array": np.ones((2, 3))}),
    )
    ((*_, inputs, outputs),) = rows(results("list"))
    assert inputs.startswith('long="xxxx')
    assert inputs.endswith("…, n=1")
    assert len(inputs) < 60
    assert outputs == 'bad="\\u001b[31m\\u202e", array="array float64 (2, 3)"'


def test_a_terminal_shows_a_table(sqlite: RecordStore, on_terminal: OnTerminal) -> None:
    save(sqlite, record(1, flow_name="\x1b[31mScan"))
    _, shown = on_terminal("results", "list")
    assert "time" in shown.split("\r\n")[1]
    assert "\\x1b[31mScan" in shown
    assert "\x1b[31m" not in shown


def test_a_narrow_terminal_breaks_no_time_hash_or_name(sqlite: RecordStore, on_terminal: OnTerminal) -> None:
    (found,) = save(sqlite, record(1, flow_name="QuadrupoleScanOfSection", inputs={"text": "a b " * 10}))
    _, shown = on_terminal("results", "list", COLUMNS="80", TZ="UTC")
    for whole in ("2026-11-24T10:01:00+00:00", "QuadrupoleScanOfSection", found[:12]):
        assert whole in shown
    _, shown = on_terminal("results", "show", found, COLUMNS="40")
    assert found in shown
    _, shown = on_terminal("config", COLUMNS="80")
    assert "LUME_RESULTS_DB__AUTHMECHANISM" in shown
    assert f"sqlite:///{os.environ['LUME_HOME']}/results.db" in shown


# show


@attrs.frozen(kw_only=True)
class Orbit(DBResult):
    """A class that the commands cannot import."""

    machine: str


def test_all_of_a_record_is_shown(store: RecordStore, results: Run) -> None:
    members: dict[str, Any] = {
        "inputs": {"text": "5", "number": 5, "a.b": None},
        "outputs": {"deep": {"list": [1, {"x": "ß"}]}, "when": START},
        "flow_run_id": "run",
    }
    (found,) = save(store, Orbit(flow_name="Scan", machine="injector", time=START, **members))
    shown = {row[0]: row[1] for row in rows(results("show", found[:12]))}
    assert shown["unique_hash"] == found
    assert shown["time"] == "2026-11-24T10:00:00.000000+00:00"
    assert shown["flow_run_id"] == "run"
    assert shown["result_type_string"].endswith(":Orbit")
    assert (shown["inputs.text"], shown["inputs.number"], shown["inputs.a.b"]) == ('"5"', "5", "null")
    assert shown["outputs.deep"] == '{"list": [1, {"x": "ß"}]}'
    assert shown["outputs.when"] == '"2026-11-24T10:00:00+00:00"'
    assert shown["fields.machine"] == '"injector"'
    document = json.loads(results("show", found, "--json").stdout)
    assert document["inputs"] == members["inputs"]
    assert document["fields"] == {"machine": "injector"}


def test_where_a_record_comes_from_is_shown(sqlite: RecordStore, results: Run) -> None:
    (found,) = save(sqlite, record(provenance=Provenance(flow="flows:Scan", host="lab", start_time=START)))
    shown = {row[0]: row[1] for row in rows(results("show", found))}
    assert (shown["provenance.flow"], shown["provenance.host"]) == ('"flows:Scan"', '"lab"')
    assert results("show", found, "--json").returncode == 0
    assert numbers(results("list", "--json", "--where", "provenance.host == 'lab'")) == [0]


def test_a_hash_that_no_record_has_is_refused(sqlite: RecordStore, results: Run) -> None:
    (found,) = save(sqlite, record())
    assert results("show", found[:4].upper()).returncode == 0
    missing = "0000" if not found.startswith("0000") else "ffff"
    done = results("show", missing)
    assert (done.returncode, f"no record whose hash begins with {missing}" in done.stderr) == (2, True)
    for wrong in ("abc", "xyz0", "a" * 65):
        done = results("show", wrong)
        assert done.returncode == 2
        assert "at least 4" in done.stderr


def test_the_records_that_a_hash_may_mean_are_listed(sqlite: RecordStore, results: Run) -> None:
    first = to_twins(sqlite)
    done = results("show", first[:6])
    assert done.returncode == 2
    assert f"the hash of more than one record begins with {first[:6]}:" in done.stderr
    assert done.stderr.count(first[:6]) == 3
    assert done.stderr.count("Scan  record") == 2


def to_twins(store: RecordStore) -> str:
    """There are two records whose hashes begin with the same 12 digits; return the hash of one."""
    document = to_document(record())
    twin = {**document, "unique_hash": document["unique_hash"][:12] + "0" * 52}
    store.insert([Entry(document), Entry(twin)])
    return str(document["unique_hash"])


# export

VALUES: list[dict[str, Any]] = [
    {
        "text": 'a,"b"\nc',
        "number": 1,
        "mixed": "x",
        "flag": True,
        "deep": {"a": [1]},
        "big": 2**53 + 1,
        "exact": 2**53 + 1,
    },
    {
        "text": "=1+1",
        "number": 2.5,
        "mixed": 3,
        "flag": None,
        "only": "here",
        "big": 1,
        "exact": 0.5,
        "nan": float("nan"),
    },
    {"text": "", "number": None, "mixed": None, "flag": False, "array": np.zeros(3), "nan": 0.5},
]


@pytest.fixture
def values(sqlite: RecordStore) -> RecordStore:
    save(sqlite, *(record(place, outputs=outputs) for place, outputs in enumerate(VALUES)))
    return sqlite


def test_csv_has_a_column_for_each_value(values: RecordStore, results: Run, tmp_path: Path) -> None:
    done = results("export", "--format", "csv", "--output", "out.csv", "--order", "time")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        found = list(csv.DictReader(stream))
    assert list(found[0])[:4] == ["unique_hash", "time", "project_name", "flow_name"]
    assert [row["outputs.text"] for row in found] == ['a,"b"\nc', "=1+1", ""]
    assert [row["outputs.number"] for row in found] == ["1", "2.5", ""]
    assert [row["outputs.flag"] for row in found] == ["true", "", "false"]
    assert [row["outputs.deep"] for row in found] == ['{"a": [1]}', "", ""]
    assert [row["outputs.only"] for row in found] == ["", "here", ""]
    assert [row["inputs.n"] for row in found] == ["0", "1", "2"]
    groups = [name.partition(".")[0] for name in found[0] if "." in name]
    assert groups == sorted(groups, key=["inputs", "outputs", "fields", "provenance"].index)


def test_parquet_has_typed_columns(values: RecordStore, results: Run, tmp_path: Path) -> None:
    done = results("export", "--format", "parquet", "--output", "out.parquet", "--order", "time")
    assert done.returncode == 0, done.stderr
    table = parquet.read_table(tmp_path / "out.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types["time"] == "timestamp[us, tz=UTC]"
    assert (types["inputs.n"], types["outputs.number"], types["outputs.flag"]) == ("int64", "double", "bool")
    assert (types["outputs.text"], types["outputs.big"]) == ("string", "int64")
    found = table.to_pydict()
    assert found["time"][1] == START + timedelta(minutes=1)
    assert found["outputs.number"] == [1.0, 2.5, None]
    assert found["outputs.big"] == [2**53 + 1, 1, None]
    assert found["outputs.exact"] == [str(2**53 + 1), "0.5", None]  # as floats they would be others
    assert found["outputs.mixed"] == ['"x"', "3", None]
    assert found["outputs.deep"] == ['{"a": [1]}', None, None]
    assert str(found["outputs.nan"]) == "[None, nan, 0.5]"
    assert found["outputs.array"] == [None, None, "array float64 (3,)"]


def test_json_is_a_record_a_line_as_show_tells_it(values: RecordStore, results: Run) -> None:
    done = results("export", "--format", "json", "--output", "-", "--limit", "2")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2
    assert lines[0] == json.loads(results("show", lines[0]["unique_hash"], "--json").stdout)
    assert lines[1]["outputs"]["nan"] == "nan"  # which JSON does not have


@pytest.mark.parametrize("format_", ["csv", "parquet", "json"])
def test_no_records_are_a_file_without_rows(sqlite: RecordStore, results: Run, tmp_path: Path, format_: str) -> None:
    assert results("export", "--format", format_, "--output", "out").returncode == 0
    found = (tmp_path / "out").read_bytes()
    if format_ == "parquet":
        assert parquet.read_table(io.BytesIO(found)).num_rows == 0
    else:
        assert len(found.splitlines()) == 0 or found.startswith(b"unique_hash,") or found == b"\n"


def test_thousands_of_records_are_exported_to_every_format(sqlite: RecordStore, results: Run, tmp_path: Path) -> None:
    save(sqlite, *map(record, range(2500)))
    for format_ in ("csv", "parquet", "json"):
        assert results("export", "--format", format_, "--output", f"out.{format_}").returncode == 0
    expected = list(range(2499, -1, -1))
    with (tmp_path / "out.csv").open(newline="") as stream:
        assert [int(row["inputs.n"]) for row in csv.DictReader(stream)] == expected
    assert parquet.read_table(tmp_path / "out.parquet")["inputs.n"].to_pylist() == expected
    assert [json.loads(line)["inputs"]["n"] for line in (tmp_path / "out.json").open()] == expected


def test_the_ending_of_an_export_says_its_format(sqlite: RecordStore, results: Run, tmp_path: Path) -> None:
    save(sqlite, record(1))
    for name, beginning in (("a.csv", "unique_hash,"), ("a.jsonl", "{"), ("A.JSON", "{")):
        assert results("export", "--output", name).returncode == 0
        assert (tmp_path / name).read_text().startswith(beginning)
    for name in ("a", "-", "a.txt"):
        done = results("export", "--output", name)
        assert done.returncode == 2
        assert f"the ending of {name} says no format: write --format csv|parquet|json" in done.stderr


def test_an_export_replaces_nothing_unless_told(sqlite: RecordStore, results: Run, tmp_path: Path) -> None:
    save(sqlite, record())
    arguments = ["export", "--format", "csv", "--output", "out.csv"]
    (tmp_path / "out.csv").write_text("mine")
    done = results(*arguments)
    assert done.returncode == 2
    assert "out.csv is there with other content; --overwrite replaces it" in done.stderr
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert results(*arguments, "--overwrite").returncode == 0
    written = (tmp_path / "out.csv").read_text()
    assert written.startswith("unique_hash,")
    assert results(*arguments).returncode == 0  # the same again
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_an_export_that_fails_leaves_nothing(sqlite: RecordStore, results: Run, tmp_path: Path) -> None:
    save(sqlite, record())
    (tmp_path / "file").write_text("")
    for output in ("file/out.csv", "."):
        done = results("export", "--format", "csv", "--output", output)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
    assert not any(path.suffix == ".tmp" for path in tmp_path.iterdir())


def test_surrogates_and_control_characters_are_exported(sqlite: RecordStore, results: Run, tmp_path: Path) -> None:
    save(sqlite, record(outputs={"t": "\x00\x1b\r\n\u202e\U0001d11e"}))
    for format_ in ("csv", "parquet", "json"):
        done = results("export", "--format", format_, "--output", f"out.{format_}")
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["outputs"]["t"] == "\x00\x1b\r\n\u202e\U0001d11e"
    assert parquet.read_table(tmp_path / "out.parquet")["outputs.t"].to_pylist() == ["\x00\x1b\r\n\u202e\U0001d11e"]


def test_parquet_without_pyarrow_says_what_to_install(sqlite: RecordStore, tmp_path: Path) -> None:
    save(sqlite, record())
    script = (
        "import sys; sys.modules['pyarrow'] = None; from lume_dsl.cli import main; "
        "main(['results', 'export', '--format', 'parquet', '--output', 'out'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "Parquet needs pyarrow: pip install 'lume-dsl[frames]'\n"
    assert not (tmp_path / "out").exists()


# delete


def left(store: RecordStore) -> list[int]:
    return sorted(document["inputs"]["n"] for document in store.find(Query()))


def test_records_are_deleted_by_hash_and_by_filters(store: RecordStore, results: Run) -> None:
    hashes = save(store, *map(record, range(6)))
    done = results("delete", hashes[0][:12], hashes[1], hashes[0], "--yes")
    assert (done.returncode, done.stdout) == (0, "deleted 2 records\n")
    assert left(store) == [2, 3, 4, 5]
    done = results("delete", "--where", "inputs.n > 3", "--flow", "Scan", "--yes")
    assert (done.returncode, done.stdout) == (0, "deleted 2 records\n")
    assert left(store) == [2, 3]
    assert results("delete", "--where", "inputs.n == 77", "--yes").stderr == "no records\n"
    assert results("delete", "--order", "time", "--limit", "1", "--yes").stdout == "deleted 1 record\n"
    assert left(store) == [3]


def test_what_is_deleted_is_a_document_and_nothing_else(sqlite: RecordStore, results: Run) -> None:
    hashes = save(sqlite, *map(record, range(3)))
    done = results("delete", "--where", "inputs.n < 2", "--yes", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told == {"deleted": 2, "unique_hashes": told["unique_hashes"]}
    assert sorted(told["unique_hashes"]) == sorted(hashes[:2])
    nothing = results("delete", "--flow", "Other", "--yes", "--json")
    assert json.loads(nothing.stdout) == {"deleted": 0, "unique_hashes": []}
    refused = results("delete", "--flow", "Scan", "--json")
    assert refused.returncode == 2
    assert "--yes deletes without asking" in json.loads(refused.stdout)["error"]["message"]
    assert left(sqlite) == [2]


def test_nothing_is_deleted_where_nobody_can_be_asked(sqlite: RecordStore, results: Run) -> None:
    save(sqlite, record())
    done = results("delete", "--flow", "Scan", stdin="y\n")
    assert done.returncode == 2
    assert "--yes deletes without asking" in done.stderr
    assert left(sqlite) == [0]


@pytest.mark.parametrize(("answer", "remain"), [("y\n", []), ("n\n", [*range(12)]), ("\n", [*range(12)])])
def test_a_person_is_shown_what_would_be_deleted_and_asked(
    sqlite: RecordStore, on_terminal: OnTerminal, answer: str, remain: list[int]
) -> None:
    hashes = save(sqlite, *map(record, range(12)))
    _, shown = on_terminal("results", "delete", "--flow", "Scan", answer=answer)
    assert hashes[11][:12] in shown
    assert "and 2 more" in shown
    assert "Delete 12 records?" in shown
    assert ("nothing is deleted" in shown) == bool(remain)
    assert left(sqlite) == remain


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["abcd", "--flow", "Scan"],
        ["abcd", "--order", "time"],
        ["abcd", "--limit", "1"],
        ["--order", "time"],
        ["--limit", "1"],
    ],
)
def test_all_records_are_not_deleted_by_oversight(sqlite: RecordStore, results: Run, arguments: list[str]) -> None:
    save(sqlite, record())
    done = results("delete", "--yes", *arguments)
    assert done.returncode == 2
    assert "say which records" in done.stderr
    assert left(sqlite) == [0]


def test_one_hash_that_is_wrong_deletes_nothing(sqlite: RecordStore, results: Run) -> None:
    (found,) = save(sqlite, record())
    missing = "0000" if not found.startswith("0000") else "ffff"
    assert results("delete", found, missing, "--yes").returncode == 2
    assert left(sqlite) == [0]


# recover


def test_what_could_not_be_saved_is_saved_later(lume_home: Path, results: Run) -> None:
    document = to_document(record(3))
    keep(lume_home, Entry(document))
    done = results("recover")
    assert (done.returncode, done.stdout) == (0, f"{document['unique_hash'][:12]}  saved\n")
    assert numbers(results("list", "--json")) == [3]
    done = results("recover")
    assert (done.returncode, done.stdout) == (0, "nothing waits to be saved\n")


def test_what_still_cannot_be_saved_is_told_and_stays(lume_home: Path, results: Run) -> None:
    folder = Path(keep(lume_home, Entry(to_document(record(3)))))
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"torn")
    done = results("recover")
    assert done.returncode == 4
    assert folder.name[:12] in done.stdout
    assert folder.exists()


def test_what_becomes_of_what_was_kept_is_a_document_and_nothing_else(lume_home: Path, results: Run) -> None:
    assert json.loads(results("recover", "--json").stdout) == {"records": []}
    entries = [Entry(to_document(record(number))) for number in range(3)]
    hashes = [entry.document["unique_hash"] for entry in entries]
    for entry in entries:
        keep(lume_home, entry)
    (lume_home / "unsaved" / hashes[2] / "document.json").write_bytes(b"torn")
    done = results("recover", "--json")
    assert (done.returncode, done.stderr) == (4, "")
    first, _, torn = sorted(json.loads(done.stdout)["records"], key=lambda one: hashes.index(one["unique_hash"]))
    good = {"is_new": True, "reference": entries[0].reference, "problem": None, "folder": None}
    assert first == {"unique_hash": hashes[0], **good}
    assert (torn["is_new"], torn["reference"]) == (False, None)
    assert torn["folder"] == str(lume_home / "unsaved" / hashes[2])
    assert "is no record" in torn["problem"]


# the commands themselves


def test_a_store_that_does_not_answer_is_exit_code_four(
    results: Run, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", f"mongodb://me:s3cret@127.0.0.1:{unused_port}/x")
    done = results("list")
    assert done.returncode == 4
    assert "no MongoDB answers at" in done.stderr
    assert "s3cret" not in done.stderr


def test_listing_loads_no_prefect_and_no_class_of_a_user(sqlite: RecordStore, tmp_path: Path) -> None:
    save(sqlite, Orbit(flow_name="Scan", machine="m", outputs={}))
    for arguments in (["list"], ["list", "--json"]):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "lume_dsl", "results", *arguments],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Scan" in done.stdout
        loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
        assert "sqlalchemy" in loaded
        assert not loaded & {"prefect", "pymongo", "numpy", "pandas", "pyarrow", "cattrs", "fsspec"}


@pytest.mark.parametrize("arguments", [[], ["list"], ["show"], ["export"], ["delete"], ["recover"]])
def test_help_fits_eighty_columns_and_loads_no_driver(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lume_dsl", "results", *arguments, "--help"],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & {"prefect", "sqlalchemy", "pymongo", "numpy", "pandas", "pyarrow"}


def test_a_reader_that_leaves_is_no_failure(sqlite: RecordStore, tmp_path: Path) -> None:
    save(sqlite, *map(record, range(3000)))
    for arguments in ("list --limit 3000", "export --format csv --output -", "export --format json --output -"):
        command = f"{sys.executable} -m lume_dsl results {arguments} | head -1"
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert len(done.stdout.splitlines()) == 1
        assert "Traceback" not in done.stderr
        assert "BrokenPipe" not in done.stderr
