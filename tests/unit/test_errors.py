"""Errors say what, where and how to mend it, and survive the way from a worker to the user."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import cloudpickle
import pytest

from lume_dsl import errors
from lume_dsl.errors import (
    DefinitionError,
    ExecutorError,
    FileError,
    FilenameError,
    FlowNotFoundError,
    FlowRunError,
    LumeError,
    NotRunError,
    ParameterError,
    Place,
    Problem,
    RecordError,
    ReferenceValueError,
    RegistrationError,
    RunError,
    ScheduleError,
    ServiceError,
    SettingsError,
    TaskFailure,
    TaskNotCarriedError,
    did_you_mean,
)
from lume_dsl.secrets import hide

PROBLEM = Problem("default", "Scan.shots", "the default 'three' is not an int", "write 3", Place("beam.py", 12))
BARE = Problem("parameter-value", "Scan.charge", "expected float, got 'a'")

EXAMPLES: list[LumeError] = [
    DefinitionError((PROBLEM, BARE)),
    ReferenceValueError((PROBLEM,)),
    ParameterError((BARE,)),
    FlowNotFoundError("there is no module named 'x'"),
    FlowRunError("Scan", (TaskFailure("fit[3]", ValueError("no peak")),), ("total",)),
    NotRunError("Scan.text is known only after a run"),
    SettingsError("LUME_HOME is empty"),
    ServiceError("mongodb://host does not answer"),
    FileError("a.txt is missing"),
    FilenameError("text: a.img has no suffix of an image"),
    RecordError("outputs['x'] cannot be stored"),
    RunError("there is no run whose id begins with '0f'"),
    ExecutorError("'thread' is no executor"),
    ScheduleError("Scan has no schedule"),
    RegistrationError("Scan has no project"),
    TaskNotCarriedError("fit", "its argument x cannot be carried", "make it in the task"),
]
by_class = pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)


def test_every_error_class_that_a_user_may_catch_is_an_example_here() -> None:
    named = {getattr(errors, name) for name in errors.__all__}
    raised = {cls for cls in named if inspect.isclass(cls) and issubclass(cls, LumeError)}
    assert raised - {LumeError} == {type(error) for error in EXAMPLES}


@by_class
@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
def test_an_error_survives_pickling(error: LumeError, module: object) -> None:
    again = pickle.loads(module.dumps(error))  # type: ignore[attr-defined]
    assert type(again) is type(error)
    assert str(again) == str(error) != ""


@by_class
def test_one_base_catches_every_error(error: LumeError) -> None:
    assert isinstance(error, LumeError)


@by_class
def test_an_error_can_be_raised_from_another_and_hashed(error: LumeError) -> None:
    cause = KeyError("x")
    with pytest.raises(type(error)) as caught:
        raise error from cause
    assert caught.value.__cause__ is cause
    assert hash(caught.value) == hash(error)


@pytest.mark.parametrize(
    ("error", "code"),
    zip(EXAMPLES, [3, 3, 2, 2, 1, 1, 4, 4, 1, 2, 1, 2, 2, 2, 2, 1], strict=True),
    ids=lambda value: type(value).__name__,
)
def test_the_exit_code_tells_what_kind_of_failure_it_was(error: LumeError, code: int) -> None:
    assert error.exit_code == code


def test_a_value_that_is_not_there_yet_is_also_no_attribute() -> None:
    assert issubclass(NotRunError, AttributeError)


def test_a_problem_is_shown_with_its_line_and_its_fix() -> None:
    assert str(PROBLEM) == "beam.py:12: Scan.shots: the default 'three' is not an int  [default]\n    write 3"


def test_a_problem_without_a_line_or_a_fix_is_shown_without() -> None:
    assert str(BARE) == "Scan.charge: expected float, got 'a'  [parameter-value]"


def test_the_kind_ends_the_first_line_of_a_problem_that_has_several() -> None:
    problem = Problem("import", "flows", "does not import: ValueError: one\ntwo", "mend it")
    assert str(problem) == "flows: does not import: ValueError: one  [import]\ntwo\n    mend it"


def test_an_error_shows_every_problem_in_its_order() -> None:
    assert str(DefinitionError((PROBLEM, BARE))) == f"{PROBLEM}\n{BARE}"


def test_a_failed_run_names_the_tasks_that_failed_and_those_that_did_not_run() -> None:
    failed = (TaskFailure("fit[3]", ValueError("no peak")), TaskFailure("save", OSError("disk full")))
    assert str(FlowRunError("Scan", failed, ("total", "record"))) == (
        "Scan: 2 tasks failed\n"
        "    fit[3]: ValueError: no peak\n"
        "    save: OSError: disk full\n"
        "    not run: total, record"
    )
    assert str(FlowRunError("Scan", failed[:1])).startswith("Scan: 1 task failed\n")


def test_a_place_is_shown_as_seen_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(Place(str(tmp_path / "flows" / "beam.py"), 12)) == "flows/beam.py:12"
    assert str(Place(str(tmp_path.parent / "beam.py"), 12)) == f"{tmp_path.parent}/beam.py:12"
    assert str(Place("<stdin>", 1)) == "<stdin>:1"


def test_a_place_is_shown_even_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert str(Place("/flows/beam.py", 12)) == "/flows/beam.py:12"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("shot", ["charge", "shots"], "; did you mean 'shots'?"),
        ("shots", ["charge"], ""),
        ("", ["charge"], ""),
        ("x", [], ""),
    ],
)
def test_a_hint_is_given_only_where_a_name_is_close(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, iter(known)) == hint


def test_the_text_of_many_failures_is_short_and_the_error_has_all() -> None:
    failed = tuple(TaskFailure(f"fit[{index}]", ValueError("no peak")) for index in range(31))
    error = FlowRunError("Scan", failed)
    assert len(error.failed) == 31
    assert str(error).splitlines()[0] == "Scan: 31 tasks failed"
    assert str(error).splitlines()[-2:] == ["    fit[9]: ValueError: no peak", "    and 21 more"]


def test_a_secret_is_not_in_the_repr_of_a_failure() -> None:
    hide("hunter2-and-more")
    failure = TaskFailure("login", ValueError("cannot log in with hunter2-and-more"))
    assert "hunter2" not in repr(FlowRunError("Scan", (failure,)))
    assert "login: ValueError: cannot log in with ***" in repr(failure)
