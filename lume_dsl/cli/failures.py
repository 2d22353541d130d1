"""Errors as the command line shows them: to people as text, with ``--json`` as a document."""

from __future__ import annotations

import os
import traceback
from typing import Any

import attrs

import lume_dsl
from lume_dsl.errors import FlowRunError, LumeError, ParameterError, Problem, TaskFailure

__all__ = ["describe", "document"]


def describe(error: LumeError, *, verbose: bool = False) -> str:
    """Return the text for an error: what, where and how to mend it; a failed task with its own traceback."""
    if isinstance(error, FlowRunError):
        return "\n".join(
            [f"{error.flow_name} failed", *(_failure(failure, verbose) for failure in error.failed), *_not_run(error)]
        )
    if isinstance(error, ParameterError):
        return "\n".join(str(_as_flag(problem)) for problem in error.problems)
    return str(error)


def document(error: LumeError) -> dict[str, Any]:
    """Return the JSON document for an error: ``{"state": "Failed", "error": {"type", "message", …}}``."""
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, FlowRunError):
        found["failed"] = [
            {"task": f.name, "type": type(f.exception).__name__, "message": str(f.exception)} for f in error.failed
        ]
        found["not_run"] = list(error.not_run)
    problems = getattr(error, "problems", ())
    if problems:
        found["problems"] = [
            {"kind": p.kind, "subject": p.subject, "message": p.message, "fix": p.fix, "place": str(p.place or "")}
            for p in problems
        ]
    return {"state": "Failed", "error": found}


def _not_run(error: FlowRunError) -> list[str]:
    return [f"not run: {', '.join(error.not_run)}"] if error.not_run else []


def _failure(failure: TaskFailure, verbose: bool) -> str:
    if isinstance(failure.exception, LumeError) and not verbose:
        return f"\n{failure.name}: {failure.exception}\n"
    shown = traceback.TracebackException.from_exception(failure.exception)
    if not verbose:
        _drop_ours(shown)
    return f"\n{failure.name}:\n{''.join(shown.format())}"


def _drop_ours(shown: traceback.TracebackException) -> None:
    """Leave out the frames of Prefect and of lume_dsl through which the user's function was called."""
    ours = (os.path.dirname(lume_dsl.__file__), f"{os.sep}prefect{os.sep}")
    own = [place for place, frame in enumerate(shown.stack) if not any(part in frame.filename for part in ours)]
    if own:
        del shown.stack[: own[0]]


def _as_flag(problem: Problem) -> Problem:
    """A problem with a value, told in flags instead of keyword arguments."""
    flag = problem.subject.partition(".")[2].replace("_", "-")
    if problem.kind == "parameter-missing":
        return attrs.evolve(problem, fix=f"give it: --{flag} VALUE")
    return problem
