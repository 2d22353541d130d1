"""The command line, as a person and as a program uses it: in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run_command

FLOWS = Path(__file__).parents[1] / "flows"


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def lume(tmp_path: Path) -> Lume:
    for name in ("lab.py", "every.py"):
        (tmp_path / name).write_text((FLOWS / name).read_text())
    return Lume(tmp_path)


class Lume:
    """``python -m lume_dsl`` in a folder that has lab.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str | bytes, stdin: str = "", **environment: str) -> Outcome:
        done = run_command(*arguments, cwd=self.folder, stdin=stdin, **environment)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


# run


def test_run_shows_where_the_results_are(lume: Lume, tmp_path: Path) -> None:
    done = lume("run", "lab:Greeting", "--text1", "hey")
    assert done.code == 0
    assert done.out.startswith("Greeting succeeded in ")
    assert str(tmp_path / "greeting.txt") in done.out
    assert re.search(r"record\tDBResult\trecord [0-9a-f]{12} in sqlite:///", done.out)
    assert "TaskRunner" not in done.err
    assert f"text_file: saved {tmp_path / 'greeting.txt'}\n" in done.err
    assert (tmp_path / "greeting.txt").read_text() == "hey you"


def test_run_tells_a_result_that_was_skipped_from_one_that_is_none(lume: Lume) -> None:
    lume.write(
        "branching.py",
        "from lume_dsl import *\nfrom lab import append_text\n\nclass Branching(LumeFlow):\n    a: str = 'b'\n"
        "    with case(a, 'c'):\n        kept: str = result(a)\n    nothing: None = result(None)\n",
    )
    done = lume("run", "branching")
    assert "kept\tstr\tskipped\n" in done.out
    assert "nothing\tNone\tNone\n" in done.out
    assert json.loads(lume("run", "branching", "--json").out)["results"] == {"kept": None, "nothing": None}


def test_run_shows_what_a_run_gave_that_succeeded_without_some_of_its_tasks(lume: Lume) -> None:
    lume.write(
        "daring.py",
        "from lume_dsl import *\nfrom prefect.triggers import all_finished\n\n"
        "@task\ndef fails() -> int:\n    raise ValueError('no')\n\n"
        "@task\ndef plus_one(x: int) -> int:\n    return x + 1\n\n"
        "@task(trigger=all_finished)\ndef report(x: int) -> str:\n    return 'told'\n\n"
        "class Tasks(LumeFlow):\n    daring = fails()\n    after = plus_one(daring)\n    told = report(after)\n\n"
        "class Daring(LumeFlow):\n    daring = fails()\n    after: int = result(plus_one(daring))\n"
        "    told: str = result(report(after))\n",
    )
    done = lume("run", "daring:Tasks")
    assert done.code == 0
    assert done.out.startswith("Tasks succeeded in ")
    assert done.out.splitlines()[1:] == [
        "daring\tint\tTasks.daring has no value: daring failed in this run",
        "after\tint\tTasks.after has no value: what it waits for failed in this run",
        "told\tstr\t'told'",
    ]
    assert json.loads(lume("run", "daring:Daring", "--json").out)["results"] == {"after": None, "told": "told"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["run", "--executor", "local", "lab:Greeting"],
            "'--executor' stands before MODULE:FLOW: options and parameters",
        ),
        (
            ["resume", "--executor", "local", "abc"],
            "'--executor' stands before RUN: options and parameters stand behind",
        ),
        (["serve", "--runs", "1", "lab:Greeting"], "'--runs' stands before MODULE:FLOW: options and"),
        (["run", "--jsno", "lab:Greeting"], "Did you mean"),
    ],
)
def test_an_option_before_its_flow_is_told_where_it_stands(lume: Lume, arguments: list[str], told: str) -> None:
    done = lume(*arguments)
    assert done.code == 2
    assert told in done.err


def test_json_may_stand_before_a_run_that_is_resumed(lume: Lume) -> None:
    lume.write(
        "daring.py",
        "import os\nfrom lume_dsl import *\n\n@task\ndef dares() -> int:\n    return int(os.environ['NUMBER'])\n\n"
        "class Daring(LumeFlow):\n    number: int = result(dares())\n",
    )
    failed = json.loads(lume("run", "daring", "--json", NUMBER="").out)
    resumed = lume("resume", "--json", failed["error"]["flow_run_id"], NUMBER="3")
    assert json.loads(resumed.out)["results"] == {"number": 3}


def test_run_takes_a_file_and_leaves_out_the_name_of_its_only_flow(lume: Lume) -> None:
    lume.write(
        "only.py", "from lume_dsl import *\nfrom lab import append_text\n\nclass Only(LumeFlow):\n    a: str = 'b'\n"
    )
    for target in ("only", "only.py", "./only.py", "only.py:Only"):
        assert lume("run", target, "--a", "c").code == 0


def test_run_finds_modules_beside_a_file_in_another_folder(lume: Lume, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "beside.py").write_text("WORD = 'hey'\n")
    (folder / "here.py").write_text(
        "from beside import WORD\nfrom lume_dsl import LumeFlow\n\nclass Here(LumeFlow):\n    a: str = WORD\n"
    )
    assert lume("run", "elsewhere/here.py:Here").code == 0


def test_json_is_one_document_on_stdout_and_nothing_else(lume: Lume) -> None:
    done = lume("run", "lab:Greeting", "--text1", "hey", "--json")
    document = json.loads(done.out)
    assert (document["flow"], document["state"]) == ("Greeting", "Success")
    assert document["parameters"] == {"text1": "hey", "text2": " you", "filename": "greeting.txt"}
    assert set(document["results"]) == {"text_file", "record"}
    assert document["results"]["text_file"]["size"] == 7


def test_json_holds_even_when_tasks_and_their_subprocesses_print(lume: Lume) -> None:
    done = lume("run", "lab:Chatty", "--json")
    assert json.loads(done.out)["results"] == {"kept": 1}
    assert "from print" in done.err
    assert "from a subprocess" in done.err


def test_flags_are_typed(lume: Lume) -> None:
    flags = ["--values", "[1, 2.5]", "--by", "4", "--pair", '[7, "x"]', "--extra", '{"b": {}}', "--note", "null"]
    document = json.loads(lume("run", "lab:Steps", *flags, "--json").out)
    assert document["parameters"] == {
        "values": [1.0, 2.5],
        "by": 4.0,
        "pair": [7, "x"],
        "extra": {"b": {}},
        "note": None,
    }
    assert document["results"]["kept"] == (4 + 4) + (10 + 4) + 0.5


def test_bools_are_switches_and_underscores_may_be_dashes(lume: Lume) -> None:
    lume.write(
        "sw.py",
        "from lume_dsl import LumeFlow\n\nclass Sw(LumeFlow):\n    fast_mode: bool = True\n    max_shots: int = -1\n",
    )
    runs = {
        ("--no-fast-mode", "--max-shots", "-5"): {"fast_mode": False, "max_shots": -5},
        ("--fast-mode", "--max_shots", "5"): {"fast_mode": True, "max_shots": 5},
        (): {"fast_mode": True, "max_shots": -1},
    }
    for flags, values in runs.items():
        assert json.loads(lume("run", "sw:Sw", *flags, "--json").out)["parameters"] == values


EVERY_TYPE = """
    --shots 4 --charge 0.25nC --name abc --fast-mode --no-shutter --maybe 5 --mode SLOW --level 3
    --when 2026-11-24T08:30:00
    --day 2026-11-24 --pause PT1M --where a/b --ident 12345678-1234-5678-1234-567812345678 --amount 1.50 --blob aGV5
    --numbers 1,2 --numbers 3 --words a,b --pair 2,two --many 1 --many 2 --point.y 5 --extra.a.b [1] --anything {"a":1}
    --settings.magnets.0.current 2kA --settings.magnets.1.name q2 --settings.tags x,y --opts.depth 3
    --magnets.north.0.name n --mixed 1.5 --password geheim --parameter-json 80 --parameter-params 90
"""


def test_a_parameter_of_every_type_is_a_flag(lume: Lume) -> None:
    done = lume("run", "every:Every", *EVERY_TYPE.split(), "--json")
    assert done.code == 0, done.err
    assert "geheim" not in done.out + done.err
    assert json.loads(done.out)["parameters"] == {
        "shots": 4,
        "charge": 250.0,
        "name": "abc",
        "note": "",
        "fast_mode": True,
        "shutter": False,
        "maybe": 5,
        "mode": "slow",
        "level": 3,
        "when": "2026-11-24T08:30:00",
        "day": "2026-11-24",
        "pause": "PT1M",
        "where": "a/b",
        "ident": "12345678-1234-5678-1234-567812345678",
        "amount": "1.50",
        "blob": "aGV5",
        "numbers": [1.0, 2.0, 3.0],
        "charges": [],
        "words": ["a", "b"],
        "pair": [2, "two"],
        "many": [1, 2],
        "point": [1.0, 5.0],
        "extra": {"a": {"b": [1]}},
        "anything": {"a": 1},
        "settings": {
            "magnets": [{"name": "q1", "current": 2000.0, "hidden": 3}, {"name": "q2", "current": 0.0, "hidden": 3}],
            "by_name": {},
            "tags": ["x", "y"],
            "inner": None,
            "mode": "fast",
        },
        "opts": {"depth": 3},
        "magnets": {"north": [{"name": "n", "current": 0.0, "hidden": 3}]},
        "mixed": 1.5,
        "password": "***",
        "json": 80,
        "params": 90,
    }


def test_values_come_from_files_and_stdin_in_the_order_of_the_line(lume: Lume) -> None:
    lume.write("one.yaml", "shots: 5\ncharge: 0.3 nC\nsettings: {tags: [a]}\n")
    arguments = ["--shots", "2", "--params", "one.yaml", "--params", "-", "--settings.tags.1", "b", "--json"]
    done = lume("run", "every:Every", *arguments, stdin='{"name": "abc", "charge": 1}')
    found = json.loads(done.out)["parameters"]
    assert (found["shots"], found["charge"], found["name"]) == (5, 1.0, "abc")
    assert found["settings"]["tags"] == ["a", "b"]


def test_a_file_that_cannot_be_read_exits_2(lume: Lume, tmp_path: Path) -> None:
    lume.write("list.json", "[1]")
    done = lume("run", "every:Every", "--params", "list.json", "--params", str(tmp_path), "--params", "non.yaml")
    assert done.code == 2
    assert [line.count(": ") > 0 for line in done.err.splitlines() if "[parameter-value]" in line] == [True] * 3
    assert "Traceback" not in done.err


@pytest.mark.parametrize("text", [b"\xff", b"a\xe2\x80\xaeb", b"\x1b[31m", "🧲".encode(), b"a" * 100_000], ids=repr)
def test_any_bytes_are_a_value_or_are_refused_without_acting_on_the_terminal(lume: Lume, text: bytes) -> None:
    fits = lume("run", "every:Every", b"--note=" + text, "--json")
    assert fits.code == (2 if text == b"\xff" else 0)
    for arguments in ([b"--shots=" + text], [b"--settings." + text, "1"], [b"--" + text], ["--params", text], [text]):
        done = lume("run", "every:Every", *arguments)
        assert done.code == 2, arguments
        assert "Traceback" not in done.err
        assert all(char.isprintable() or char == "\n" for char in done.err)


def test_the_help_of_every_type_fits_a_terminal(lume: Lume) -> None:
    done = lume("run", "every:Every", "--help", COLUMNS="80")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "--settings.magnets.N.current float" in done.out


def test_missing_parameters_are_told_with_their_flags_and_variables(lume: Lume) -> None:
    done = lume("run", "every:Need")
    assert done.code == 2
    fixes = [line.strip() for line in done.err.splitlines() if line.startswith("    ")]
    assert fixes == [
        "give it: --shots VALUE, or set $LUME_TEST_SHOTS",
        "give it: --parameter-params VALUE",
        "give it: --flag or --no-flag",
        "give it: --settings VALUE",
    ]
    assert (
        lume("run", "every:Need", "--parameter-params=1", "--no-flag", "--settings={}", LUME_TEST_SHOTS="3").code == 0
    )


def test_a_parameter_may_be_called_json(lume: Lume) -> None:
    document = json.loads(lume("run", "lab:AnyName", "--parameter-json", "80", "--json").out)
    assert document["parameters"]["json"] == 80


def test_help_tells_parameters_and_results_without_running(lume: Lume) -> None:
    done = lume("run", "lab:Steps", "--help")
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "--values list[float] what is scaled [unit: pC; default: [1.0, 2.0, 3.0]]" in text
    assert "--by float [> 0; default: 2.0]" in text
    assert "--note str | None [default: null]" in text
    assert re.search(r"Results: summary JSONFile kept float record DBResult second DBResult$", text)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "[required]" in lume("run", "lab:Greeting", "-h").out


def test_a_terminal_shows_progress(lume: Lume) -> None:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "lume_dsl", "run", "lab:Steps"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, cwd=lume.folder, env=environment, stdin=child, stdout=child, stderr=child
    ) as process:
        os.close(child)
        shown = b""
        while select.select([parent], [], [], 60)[0]:
            try:
                shown += os.read(parent, 4096)
            except OSError:  # the other end is closed
                break
        assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert re.search(r"\d/\d+", text)
    assert "total of 3" in text  # what a step logs stands above the bar
    assert "steps-and-maps succeeded" in text
    assert re.search(r"result +type +value", re.sub(r"\x1b\[[0-9;]*m", "", text))


# exit codes


def test_a_failing_task_exits_1_with_its_name_and_its_own_traceback(lume: Lume) -> None:
    done = lume("run", "lab:Failing")
    assert done.code == 1
    assert done.err.startswith("Failing failed\n\nbad:\nTraceback (most recent call last):\n")
    assert 'raise ValueError(f"no {text} today")' in done.err
    assert "ValueError: no beam today" in done.err
    assert "not run: after, kept" in done.err
    assert "prefect" not in done.err
    assert done.out == ""


@pytest.mark.parametrize("kind", ["ValueError", "LumeError"])
def test_nothing_that_a_run_says_acts_on_the_terminal(lume: Lume, kind: str) -> None:
    text = f"""
from lume_dsl import LumeError, LumeFlow, step

class Loud(LumeFlow):
    @step
    def y(self) -> int:
        self.logger.warning("log \\x1b[2J")
        raise {kind}("\\x1b]0;pwned\\x07")
"""
    lume.write("loud.py", text)
    done = lume("run", "loud:Loud")
    assert done.code == 1
    assert r"\x1b]0;pwned\x07" in done.err
    assert r"log \x1b[2J" in done.err
    for told in (
        done,
        lume("run", "loud:Loud", "-v"),
        lume("run", "loud:\x1b[2J"),
        lume("run", "loud:Loud", "--\x1b]0;"),
    ):
        assert "\x1b" not in told.out + told.err
        assert "\x07" not in told.out + told.err


def test_a_map_that_fails_for_one_reason_is_told_once(lume: Lume) -> None:
    said = lume("run", "lab:ManyFailures").err
    assert said.count("Traceback") == said.count("ValueError: no peak") == 1
    assert "fits[0] (value=0.0), fits[1] (value=1.0), " in said
    assert "fits[9] (value=9.0) and 21 more:\n" in said


def test_verbose_shows_prefects_log(lume: Lume) -> None:
    assert "TaskRunner: Task 'bad'" in lume("run", "lab:Failing", "-v").err
    assert "TaskRunner: Task 'bad'" in lume("run", "-v", "lab:Failing").err


def test_a_failing_run_is_one_json_document_too(lume: Lume) -> None:
    done = lume("run", "lab:Failing", "--json")
    assert done.code == 1
    error = json.loads(done.out)["error"]
    assert error["failed"] == [{"task": "bad", "type": "ValueError", "message": "no beam today"}]
    assert error["not_run"] == ["after", "kept"]


def test_all_bad_parameter_values_exit_2_at_once(lume: Lume) -> None:
    done = lume("run", "lab:Steps", "--values", "[1, true]", "--by", "-1", "--pair", "no json")
    assert done.code == 2
    assert "Steps.values[1]: expected float, got True" in done.err
    assert "Steps.by: expected > 0, got -1.0" in done.err
    assert "Steps.pair: expected tuple[int, str] of 2 items, got ['no json'] (list)" in done.err


def test_a_missing_parameter_exits_2_and_says_which_flag(lume: Lume) -> None:
    done = lume("run", "lab:Greeting")
    assert done.code == 2
    assert (
        done.err
        == "Greeting.text1: is required (str, the left part)  [parameter-missing]\n    give it: --text1 VALUE\n"
    )


def test_an_unknown_flag_exits_2_with_the_near_ones(lume: Lume) -> None:
    done = lume("run", "lab:Greeting", "--text3", "a")
    assert done.code == 2
    assert "--text1" in done.err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("labb:Greeting", "there is no module named 'labb'; did you mean 'lab'?"),
        ("lab.deeper:Greeting", "lab"),
        ("labb.py:Greeting", "there is no file labb.py; did you mean 'lab.py'?"),
        ("lab:Greetin", "lab has no flow named 'Greetin'; did you mean 'Greeting'?"),
        ("lab.Greeting", "there is no module named 'lab.Greeting'; did you mean 'lab:Greeting'?"),
        ("lab:append_text", "lab has no flow named 'append_text'"),
        ("lab", "flows: say which"),
        ("json", "json defines no flow"),
        ("", "names no module"),
        (":Greeting", "names no module"),
    ],
)
def test_a_flow_that_is_not_there_exits_2(lume: Lume, target: str, said: str) -> None:
    done = lume("run", target)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_unknown_command_exits_2(lume: Lume) -> None:
    for arguments, meant in (
        (["rnu", "lab:Greeting"], "there is no command 'rnu'; did you mean 'run'?"),
        (["result", "list"], "there is no command 'result'; did you mean 'results'?"),
        (["results", "ls"], "there is no command 'ls'; did you mean 'list'?"),
        (["quux"], "there is no command 'quux'\n    the commands are: run, resume, serve, check, "),
    ):
        done = lume(*arguments)
        assert done.code == 2
        assert meant in done.err


def test_a_flag_with_a_single_dash_is_told_with_the_one_that_is_meant(lume: Lume) -> None:
    done = lume("run", "lab:Greeting", "-text1", "hey")
    assert done.code == 2
    assert "did you mean '--text1'?" in done.err


def test_json_may_stand_before_the_flow(lume: Lume) -> None:
    done = lume("run", "--json", "lab:Greeting", "--text1", "hey")
    assert (done.code, json.loads(done.out)["state"]) == (0, "Success")


def test_a_filename_that_is_none_exits_2(lume: Lume) -> None:
    done = lume("run", "lab:Greeting", "--text1", "hey", "--filename", "")
    assert (done.code, done.out) == (2, "")
    assert "text_file: '' is not a filename" in done.err


BROKEN = """\
from lume_dsl import LumeFlow, parameter

class Broken(LumeFlow):
    shots: int = parameter(default="three")
    rate: set[int] = parameter()
"""


@pytest.mark.parametrize("command", ["run", "check", "show"])
def test_an_invalid_definition_exits_3_with_all_problems_and_their_lines(lume: Lume, command: str) -> None:
    lume.write("broken.py", BROKEN)
    done = lume(command, "broken.py")
    assert done.code == 3
    assert "broken.py:4: Broken.shots: the default 'three' does not fit: expected int, got 'three'" in done.err
    assert "broken.py:5: Broken.rate: set[int] is not JSON-serialisable" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_like_it\n", "bad.py:1: bad.py: does not import: ModuleNotFoundError: No module named"),
        ("x = 1\ny = x / 0\n", "bad.py:2: bad.py: does not import: ZeroDivisionError: division by zero"),
        ("def f(:\n", "bad.py:1: bad.py: does not import: SyntaxError: invalid syntax"),
        (
            "from lume_dsl import LumeFlow, task\n\n@task\ndef f(a: str, b: str) -> str:\n    return a + b\n\n"
            "class F(LumeFlow):\n    a: str = 'a'\n    many = [f(a, x) for x in ['b', 'c']]\n",
            "a comprehension in a class body sees the class's names in its first 'for' only",
        ),
    ],
)
def test_a_module_that_does_not_import_exits_3_and_says_where(lume: Lume, text: str, said: str) -> None:
    lume.write("bad.py", text)
    done = lume("check", "bad.py")
    assert done.code == 3
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_service_that_does_not_answer_exits_4(lume: Lume, unused_port: int) -> None:
    url = f"mongodb://user:s3cret@127.0.0.1:{unused_port}/lume"
    done = lume("run", "lab:Greeting", "--text1", "hey", LUME_RESULTS_DB__URL=url)
    assert done.code == 4
    assert f"127.0.0.1:{unused_port}" in done.err
    assert "s3cret" not in done.err + done.out
    assert not (lume.folder / "greeting.txt").exists()


def test_wrong_settings_exit_4(lume: Lume) -> None:
    done = lume("run", "lab:Greeting", "--text1", "hey", LUME_RESULTS_DB__PORT="many", LUME_RESULTS_DB__HOST="h")
    assert done.code == 4
    assert "LUME_RESULTS_DB__PORT" in done.err


# check and show


def test_check_tells_each_flow_of_a_module(lume: Lume) -> None:
    done = lume("check", "lab")
    assert done.code == 0
    assert "Greeting: ok (3 parameters, 1 task, 2 results)\n" in done.out
    assert "Failing: ok (1 parameter, 3 tasks, 1 result)\n" in done.out
    assert lume("check", "lab:NoServices").out == "NoServices: ok (1 parameter, 1 task, 1 result)\n"


def test_show_tells_parameters_tasks_and_results(lume: Lume) -> None:
    done = lume("show", "lab:Steps")
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "steps-and-maps: Steps and maps, with a file and a record that depend on both." in text
    assert "by float [> 0; default: 2.0]" in text
    assert "scaled list[float] value=each of values, by=by" in text
    assert "record DBResult total=total, summary=summary" in text


def test_show_tells_of_parameters_what_the_help_does(lume: Lume) -> None:
    rows = [line.split("\t") for line in lume("show", "every:Every").out.splitlines()]
    shown = {row[0]: row[2] for row in rows[1:-2]}
    helped = "".join(lume("run", "every:Every", "--help").out.split())
    assert [text for text in shown.values() if "".join(text.split()) not in helped] == []
    assert shown["charge"] == "[unit: pC; >= 0; e.g. 100.0; env: LUME_TEST_CHARGE; default: 250.0]"
    assert (shown["mode"], shown["day"]) == ("[one of fast, slow; default: fast]", "[default: 2026-01-02]")
    assert shown["where"] == "[default: out]"
    assert shown["password"] == "[env: LUME_TEST_PASSWORD; default: null]"  # a secret, of which nothing else is shown


def test_show_tells_units_of_annotations_choices_and_what_a_factory_makes(lume: Lume) -> None:
    lume.write(
        "told.py",
        "from enum import Enum\nfrom typing import Annotated\nfrom lume_dsl import LumeFlow, Unit, parameter\n\n"
        "class Mode(Enum):\n    FAST = 'fast'\n    SLOW = 'slow'\n    OFF = 'off'\n\n"
        "class Told(LumeFlow):\n    made: list[int] = parameter(factory=list)\n"
        "    charge: Annotated[float, Unit('pC')] = 1.0\n"
        "    mode: Mode = parameter(default=Mode.FAST, choices=[Mode.FAST, Mode.SLOW])\n",
    )
    shown = dict(line.split("\t")[::2] for line in lume("show", "told").out.splitlines() if "\t" in line)
    assert shown["made"] == "[default: made for each run]"
    assert shown["charge"] == "[unit: pC; default: 1.0]"
    assert "Mode." not in shown["mode"]
    assert shown["mode"].endswith("; default: fast]")


@pytest.mark.parametrize("command", ["check", "show", "graph", "schema", "run"])
def test_every_command_that_loads_a_module_shows_the_whole_traceback_on_demand(lume: Lume, command: str) -> None:
    lume.write("bad.py", "import json\njson.loads('[')\n")
    hint = "    with -v the whole traceback is shown\n"
    brief = lume(command, "bad.py")
    assert brief.code == 3
    assert brief.err.startswith("bad.py:2: bad.py: does not import: JSONDecodeError: ")
    assert brief.err.endswith(hint)
    for flag in ("-v", "--verbose"):
        whole = lume(command, "bad.py", flag)
        assert lume(command, flag, "bad.py").err == whole.err
        assert whole.code == 3
        assert "Traceback (most recent call last)" in whole.err
        assert "decoder.py" in whole.err
        assert "with -v" not in whole.err


@pytest.mark.parametrize("command", ["check", "show", "graph", "schema"])
def test_verbose_changes_nothing_of_what_works(lume: Lume, command: str) -> None:
    assert lume(command, "-v", "lab:Greeting").out == lume(command, "lab:Greeting").out != ""


@pytest.mark.parametrize("command", ["check", "show", "graph", "schema", "run"])
@pytest.mark.parametrize("target", [".", "..", "./"])
def test_a_folder_is_no_module(lume: Lume, command: str, target: str) -> None:
    done = lume(command, target)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert ".py file" in done.err


def test_a_flow_without_result_fields_shows_the_values_of_its_tasks_and_says_so(lume: Lume) -> None:
    lume.write(
        "none.py",
        "from lume_dsl import LumeFlow, step\n\nclass NoFields(LumeFlow):\n    @step\n"
        "    def v(self) -> float:\n        return 1.0\n",
    )
    first, *rows = lume("run", "none.py").out.splitlines()
    assert first.endswith(" s; it has no result fields, so these are the values of its tasks")
    assert rows == ["v\tfloat\t1.0"]
    assert json.loads(lume("run", "none.py", "--json").out)["results"] == {}
    assert json.loads(lume("schema", "none.py").out)["properties"]["results"]["properties"] == {}


# graph


def test_graph_prints_mermaid_and_nothing_else(lume: Lume) -> None:
    lume.write("loud.py", "print('loud')\nfrom lab import Greeting\n")
    done = lume("graph", "loud:Greeting")
    assert done.code == 0
    assert done.out.startswith('---\ntitle: "Greeting"\n---\nflowchart LR\n')
    assert 'b3["text<br/>' in done.out
    assert done.err == "loud\n"


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("new/a.dot", b"digraph {"), ("a.mmd", b"---\ntitle")],
)
def test_graph_writes_what_the_ending_says(lume: Lume, name: str, start: bytes) -> None:
    for flow in ("lab:Greeting", "lab:Steps"):  # the second in the place of the first
        done = lume("graph", flow, "-o", name)
        assert (done.code, done.out, done.err) == (0, "", "")
        assert (lume.folder / name).read_bytes().startswith(start)
    if "png" not in name.lower():
        assert b"scaled" in (lume.folder / name).read_bytes()


def test_graph_refuses_another_ending_before_the_module_is_imported(lume: Lume) -> None:
    done = lume("graph", "there.is.none", "--output", "a.pdf")
    assert done.code == 2
    assert "a.pdf: a picture's name ends in .svg, .png, .dot, .mmd, got .pdf" in done.err


def test_graph_tells_what_cannot_be_written_or_drawn(lume: Lume) -> None:
    lume.write("pygraphviz.py", "raise ImportError('no Graphviz here')")
    done = lume("graph", "lab:Greeting", "-o", "a.svg")
    assert done.code == 1
    assert "no Graphviz here; save it as .dot or .mmd" in done.err
    assert not (lume.folder / "a.svg").exists()
    (lume.folder / "a.dot").mkdir()
    assert "a.dot: is a folder" in lume("graph", "lab:Greeting", "-o", "a.dot").err


@pytest.mark.parametrize("where", ["| true", "| head -1", "> /dev/null"])
def test_graph_exits_0_whoever_reads_it(lume: Lume, where: str) -> None:
    assert run_in_shell(lume, f"LUME graph lab:Greeting {where}") == 0


# streams that are not there


def run_in_shell(lume: Lume, command: str) -> int:
    shell = ["bash", "-o", "pipefail", "-c", command.replace("LUME", f"{sys.executable} -m lume_dsl")]
    return subprocess.run(shell, cwd=lume.folder, capture_output=True, timeout=120, check=False).returncode


@pytest.mark.parametrize("where", ["| true", ">&-", "2>&-", ">&- 2>&-", "| head -1"])
def test_a_run_that_works_exits_0_whoever_reads_it(lume: Lume, where: str) -> None:
    assert run_in_shell(lume, f"LUME run lab:Greeting --text1 hey {where}") == 0
    assert (lume.folder / "greeting.txt").read_text() == "hey you"


def test_text_that_the_terminal_has_no_letters_for_is_escaped(lume: Lume) -> None:
    done = lume("run", "lab:NoServices", "--text", "µ→", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.code == 0
    assert "\\xb5" in done.out


def test_usage_errors_are_a_json_document_too(lume: Lume) -> None:
    done = lume("run", "lab:Greeting", "--text3", "a", "--json")
    assert done.code == 2
    assert "--text3" in json.loads(done.out)["error"]["message"]


def test_what_a_module_prints_when_it_is_imported_is_no_part_of_the_document(lume: Lume) -> None:
    lume.write("loud.py", "print('loud')\nfrom lab import NoServices\n")
    done = lume("run", "loud:NoServices", "--json")
    assert json.loads(done.out)["state"] == "Success"
    assert "loud" in done.err


def test_a_module_that_exits_when_it_is_imported_is_told(lume: Lume) -> None:
    lume.write("leaving.py", "import sys\nsys.exit(7)\n")
    done = lume("check", "leaving.py")
    assert done.code == 3
    assert "leaving.py:2: leaving.py: does not import: SystemExit: 7" in done.err


@pytest.mark.parametrize("flag", [[], ["--json"], ["--verbose"]], ids=str)
def test_a_secret_is_in_no_log_and_no_report(tmp_path: Path, flag: list[str]) -> None:
    environment = {**os.environ, "LAB_TOKEN": "s3cret-token", "PYTHONPATH": str(Path(__file__).parents[1] / "flows")}
    command = [sys.executable, "-m", "lume_dsl", "run", "lab:Telling", *flag]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "the server refused ***" in said
    assert "logging in with ***" in said or flag != ["--verbose"]
    assert "s3cret" not in said


# flows written by hand

BY_HAND = """
import os
from prefect import Flow, Parameter, task
from lume_dsl import from_prefect

@task
def doubled(n):
    if n == "no":
        assert os.path.exists("mended")
    return [n, n]

with Flow("hand") as hand:
    doubled(Parameter("n", default=4))

Hand = from_prefect(hand)
Alias = Hand
"""


@pytest.mark.parametrize("target", ["by_hand", "by_hand.py", "by_hand:Hand", "by_hand:hand", "by_hand:Alias"])
def test_a_flow_written_by_hand_is_found_in_its_module(target: str, lume: Lume) -> None:
    lume.write("by_hand.py", BY_HAND)
    assert lume("run", target).out.splitlines()[1] == "doubled\tAny\t[4, 4]"


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        (["--n", "3"], 3),
        (["--n", "three"], "three"),
        (["--n", '"3"'], "3"),
        (["--n", '{"a": [1, null]}'], {"a": [1, None]}),
        (["--n", "1", "--n", "2"], 2),
        (["--n", "[1, 2]", "--n.0", "7"], [7, 2]),
        (["--params", "n.yaml"], {"b": 1.5}),
    ],
)
def test_its_parameters_take_json_or_else_text(flags: list[str], value: object, lume: Lume) -> None:
    lume.write("by_hand.py", BY_HAND)
    lume.write("n.yaml", "n: {b: 1.5}\n")
    assert json.loads(lume("run", "by_hand", *flags, "--json").out)["parameters"] == {"n": value}


def test_all_is_told_of_it_and_it_goes_on(lume: Lume) -> None:
    lume.write("by_hand.py", BY_HAND)
    assert "--n Any" in lume("run", "by_hand", "--help").out
    assert lume("check", "by_hand").out == "Hand: ok (1 parameter, 1 task, 0 results)\n"
    assert lume("show", "by_hand").out.splitlines()[1] == "n\tAny\t[default: 4]"
    assert json.loads(lume("schema", "by_hand").out)["properties"]["parameters"]["properties"]["n"]["default"] == 4
    assert lume("graph", "by_hand").code == 0
    failed = json.loads(lume("run", "by_hand", "--n", "no", "--json").out)["error"]["flow_run_id"]
    lume.write("mended", "")
    assert lume("resume", failed).out.splitlines()[1] == "doubled\tAny\t['no', 'no']"
