"""``runs`` and ``resume`` on the command line."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run_command

from lume_dsl.history.journal import Journal, journals

LAB = """
import os
from lume_dsl import LumeFlow, TextFile, file_result, parameter, task


@task
def measured(shots: int) -> list[float]:
    print("measuring")
    return [shot * 0.5 for shot in range(shots)]


@task
def fit(sample: float) -> float:
    if sample == 1.0 and not os.path.exists("mended"):
        raise ValueError("no peak")
    return 2.0 * sample


@task
def signed(token: str, fits: list[float]) -> str:
    return f"{len(token)} {sum(fits)}"


class Lab(LumeFlow):
    '''Fits what is measured.'''

    shots: int = parameter(default=4)
    token: str = parameter(secret=True)

    samples = measured(shots)
    fits = fit.map(samples)
    signature = signed(token, fits)
    report: TextFile = file_result(signature, filename="report.txt")
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lume(tmp_path: Path) -> Run:
    (tmp_path / "lab.py").write_text(LAB)

    def run(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments, cwd=folder, TZ="UTC")

    return run


@pytest.fixture
def failed(lume: Run) -> str:
    """The id of a run that has failed."""
    done = lume("run", "lab:Lab", "--token", "hunter2-is-long", "--json")
    assert done.returncode == 1
    run_id: str = json.loads(done.stdout)["error"]["flow_run_id"]
    return run_id


def test_a_failure_tells_how_to_go_on(lume: Run, tmp_path: Path) -> None:
    done = lume("run", "lab:Lab", "--token", "hunter2-is-long")
    *_, told = done.stderr.splitlines()
    assert told.startswith("go on with it, when that is mended: python -m lume_dsl resume ")
    (tmp_path / "mended").touch()
    again = lume("resume", told.rpartition(" ")[2], "--token", "hunter2-is-long", "--executor", "threads")
    assert (again.returncode, "measuring" in again.stdout) == (0, False)
    assert ", of which 4 task runs need not run again\n" in again.stderr
    assert again.stdout.splitlines()[0].startswith("Lab succeeded in ")
    assert (tmp_path / "report.txt").read_text() == "15 6.0"


def test_a_run_goes_on_from_anywhere_by_its_file(lume: Run, failed: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mended").touch()
    done = lume("resume", failed[:8], "--token", "hunter2-is-long", "--json", folder=elsewhere)
    assert f"the run began in {tmp_path}: relative names are seen from {elsewhere} now" in done.stderr
    document = json.loads(done.stdout)
    assert (document["flow_run_id"], document["state"]) == (failed, "Success")


def test_where_a_module_of_the_same_name_is_another_one_the_command_that_goes_on_is_told(
    lume: Run, failed: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "lab.py").write_text(LAB)
    done = lume("resume", failed[:8], "--token", "hunter2-is-long", folder=elsewhere)
    assert (done.returncode, done.stderr) == (
        2,
        f"the run {failed} is of lab:Lab in {tmp_path}/lab.py, not of lab:Lab in {elsewhere}/lab.py\n"
        f"    go on with it where it was run: cd {tmp_path} && python -m lume_dsl resume {failed[:8]}\n"
        f"    if the flow has moved, remove {tmp_path}/lab.py\n",
    )


def test_the_flow_of_a_yaml_file_goes_on(lume: Run, tmp_path: Path) -> None:
    (tmp_path / "flows.yaml").write_text("name: labs\ncomposing_flows:\n  - name: lab\n    flow: lab:Lab\n")
    done = lume("run", "flows.yaml", "--lab-token", "hunter2-is-long", "--json")
    (tmp_path / "mended").touch()
    run_id = json.loads(done.stdout)["error"]["flow_run_id"]
    assert lume("resume", run_id, "--lab-token", "hunter2-is-long").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "Lab.token: is required (str)  [parameter-missing]\n    give it: --token VALUE\n"),
        (
            ("--token", "t", "--shots", "5"),
            2,
            "is of shots=4, and cannot go on with shots=5\n    run it anew: python -m lume_dsl run lab:Lab --shots ...",
        ),
        (("--token", "t", "--shot", "5"), 2, "No such option '--shot'"),
        (("--token", "t", "--executor", "thread"), 2, "did you mean 'threads'"),
    ],
)
def test_what_does_not_go_with_a_run_is_told(
    arguments: tuple[str, ...], code: int, told: str, lume: Run, failed: str
) -> None:
    done = lume("resume", failed, *arguments)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


def test_a_run_that_cannot_be_resumed_is_told(lume: Run, failed: str, lume_home: Path, tmp_path: Path) -> None:
    assert "there is no run whose id begins with 'zz'; `runs list` shows the runs" in lume("resume", "zz").stderr
    (tmp_path / "lab.py").write_text(LAB.replace("class Lab(", "class Laboratory("))
    assert lume("resume", failed, "--token", "t").stderr == (
        f"the flow of the run {failed}, lab:Lab, is not where it was: {tmp_path / 'lab.py'} has no flow named 'Lab'\n"
        "    its flows are: Laboratory\n    name the class Lab again to go on with it\n"
    )
    (tmp_path / "lab.py").rename(tmp_path / "other.py")
    done = lume("resume", failed, "--token", "t")
    assert done.returncode == 2
    assert (
        f"the flow of the run {failed}, lab:Lab, cannot be found from here, nor in {tmp_path / 'lab.py'}\n"
        f"    run this where it was run, in {tmp_path}, or write Lab.resume('{failed}') where the class is\n"
    ) == done.stderr
    Journal(lume_home, failed).remove()
    assert f"nothing is kept of the run {failed} in {lume_home / 'runs'}" in lume("resume", failed[:6]).stderr


def test_runs_are_listed_and_shown_without_the_module(lume: Run, failed: str, tmp_path: Path) -> None:
    (tmp_path / "mended").touch()
    lume("run", "lab:Lab", "--token", "hunter2-is-long", "--shots", "3")
    (tmp_path / "lab.py").unlink()
    done = lume("runs", "list")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(row[1], row[2], row[5]) for row in rows] == [("Lab", "Success", ""), ("Lab", "Failed", "fits")]
    assert done.stderr == "2 runs, newest first\n"
    assert lume("runs", "list", "--limit", "1").stderr == "1 of 2 runs, newest first; --limit N shows more\n"
    listed = json.loads(lume("runs", "list", "--state", "failed", "--json").stdout)
    assert (listed["count"], listed["runs"][0]["id"]) == (1, failed)
    shown = lume("runs", "show", failed[:8])
    lines = dict(line.split("\t", 1) for line in shown.stdout.splitlines())
    assert lines["id"] == failed
    assert lines["parameters.token"] == '"***"'
    assert lines["errors.fits[2]"] == "ValueError: no peak"
    assert lines["signature"].startswith("TriggerFailed")
    assert shown.stderr == f"go on with it: python -m lume_dsl resume {failed[:8]}\n"
    assert json.loads(lume("runs", "show", failed, "--json").stdout)["can_resume"] is True
    assert lume("runs", "list", "--since", "2020-01-01", "--until", "2020-01-02").stderr == "no runs\n"
    assert lume("runs", "list", "--flow", "Other").stderr == (
        "no runs\n    no run is of a flow named 'Other'; there is Lab\n"
    )
    assert lume("runs", "list", "--flow", "lab:Lad").stderr == (
        "no runs\n    no run is of a flow named 'lab:Lad'; did you mean 'lab:Lab'?\n"
    )
    assert lume("runs", "list", "--flow", "lab:Lab").stderr == "2 runs, newest first\n"
    assert lume("runs", "list", "--flow", "lab:Lab", "--limit", "1").stderr.startswith("1 of 2 runs")
    assert lume("runs", "list", "--project", "default").stderr == "2 runs, newest first\n"
    assert lume("runs", "list", "--project", "beams").stderr == (
        "no runs\n    no run is of a project named 'beams'; there is default\n"
    )


def test_a_home_that_can_be_none_has_no_runs(lume: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUME_HOME", "/dev/null/home")
    assert lume("runs", "list").stderr == "no runs\n"


def test_equal_errors_of_a_map_are_one_line_with_their_number_and_first_places(lume: Run, tmp_path: Path) -> None:
    (tmp_path / "many.py").write_text(
        LAB.replace('"no peak"', 'f"no peak {sample}" if sample == 2.5 else "no peak"')
        .replace("sample == 1.0", "sample >= 1.0")
        .replace("default=4", "default=1002")
    )
    done = lume("run", "many:Lab", "--token", "hunter2-is-long", "--json")
    run_id = json.loads(done.stdout)["error"]["flow_run_id"]
    rows = [line.split("\t") for line in lume("runs", "show", run_id).stdout.splitlines()]
    assert [row for row in rows if row[0].startswith("errors.")] == [
        ["errors.fits", "999 items, fits[2], fits[3], fits[4] and more: ValueError: no peak"],
        ["errors.fits[5]", "ValueError: no peak 2.5"],
    ]
    errors = json.loads(lume("runs", "show", run_id, "--json").stdout)["errors"]
    assert len(errors) == 1000


def test_a_map_is_one_line_with_those_items_that_failed(lume: Run, failed: str) -> None:
    rows = [line.split("\t") for line in lume("runs", "show", failed).stdout.splitlines()]
    shown = [(row[0], row[1]) for row in rows if row[0].startswith("fits")]
    assert shown == [("fits", "3 Success, 1 Failed"), ("fits[2]", "Failed")]
    assert not [row for row in rows if row[0].startswith("attempt")]
    lines = lume("runs", "show", failed, "--all").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines if line.startswith("fits")] == [f"fits[{n}]" for n in range(4)]
    assert len(json.loads(lume("runs", "show", failed, "--json").stdout)["tasks"]["name"]) > 4


def test_all_attempts_are_shown_and_who_runs_the_last(lume: Run, failed: str, lume_home: Path) -> None:
    lume("resume", failed, "--token", "hunter2-is-long")
    lines = dict(line.split("\t", 1) for line in lume("runs", "show", failed).stdout.splitlines())
    assert lines["attempt 1"].startswith("Failed at ")
    assert lines["attempt 2"].startswith("Failed at ")
    journal = Journal(lume_home, failed)
    journal.hold()
    process = journal.begun()[2]["process"]
    lines = dict(line.split("\t", 1) for line in lume("runs", "show", failed).stdout.splitlines())
    assert lines["attempt 2"].startswith("Running since ")
    assert lines["process"].startswith(f"{process} on {platform.node()}; ")
    assert lines["process"].endswith(" task runs ended so far")
    journal.let_go()


def test_runs_are_cleared_after_a_question(lume: Run, failed: str, lume_home: Path) -> None:
    refused = lume("runs", "clear")
    assert (refused.returncode, "nobody can be asked whether to clear 1 run" in refused.stderr) == (2, True)
    assert lume("runs", "clear", failed, "--flow", "Lab").returncode == 2
    assert lume("runs", "clear", "--kept-only", "--yes").stdout == "cleared what is kept of 1 run\n"
    assert journals(lume_home) == []
    assert lume("runs", "list").stderr == "1 run, newest first\n"
    assert json.loads(lume("runs", "clear", failed[:4], "--yes", "--json").stdout) == {"cleared": [failed]}
    assert lume("runs", "clear", "--yes").stderr == "no runs\n"


def test_of_runs_those_that_are_older_may_be_cleared(lume: Run, failed: str) -> None:
    assert lume("runs", "clear", failed, "--older-than", "0s").returncode == 2
    told = "no runs\n    no run is of a flow named 'Lad'; did you mean 'Lab'?\n"
    assert lume("runs", "clear", "--flow", "Lad", "--yes").stderr == told
    assert lume("runs", "clear", "--older-than", "1h", "--yes").stderr == "no runs\n"
    assert lume("runs", "clear", "--older-than", "0s", "--until", "2020-01-01", "--yes").stderr == "no runs\n"
    assert lume("runs", "clear", "--older-than", "0s", "--yes").stdout == "cleared 1 run\n"


def test_a_run_that_is_underway_is_not_cleared(lume: Run, failed: str, lume_home: Path) -> None:
    journal = Journal(lume_home, failed)
    journal.hold()
    done = lume("runs", "clear", failed, "--yes")
    assert done.stdout == "nothing is cleared\n"
    assert done.stderr.startswith(f"1 run underway stays: {failed[:8]}  Lab  Running  ")
    assert json.loads(lume("runs", "show", failed, "--json").stdout)["can_resume"] is False
    assert json.loads(lume("runs", "list", "--json").stdout)["count"] == 1
    journal.let_go()
    assert lume("runs", "clear", failed, "--yes").stdout == "cleared 1 run\n"
