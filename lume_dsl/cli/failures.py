"""Errors as the command line shows them: to people as text, with ``--json`` as a document."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from typing import Any

import lume_dsl
from lume_dsl.errors import DefinitionError, FlowRunError, LumeError, TaskFailure, text_of
from lume_dsl.history.find import SHORT
from lume_dsl.secrets import hidden_text
from lume_dsl.values.visible import visible

__all__ = ["describe", "document", "usage_document", "visible"]

SHOWN = 10
"""How many names of task runs that failed alike are shown, and how many reasons."""


def describe(error: LumeError, *, verbose: bool = False) -> str:
    """Return the text for an error: what, where and how to mend it; a failed task with its own traceback."""
    if isinstance(error, FlowRunError):
        groups = _alike(error.failed)
        shown = groups if verbose else groups[:SHOWN]
        failures = [_failure(alike, verbose) for alike in shown]
        if rest := sum(map(len, groups[len(shown) :])):
            failures.append(f"\nand {rest:,} more for other reasons, which -v shows\n")
        return visible("\n".join([f"{error.flow_name} failed", *failures, *_not_run(error), *_to_resume(error)]))
    text = str(error)
    if verbose and error.__cause__ is not None:
        text = hidden_text("".join(traceback.format_exception(error.__cause__))) + f"\n{text}"
    elif isinstance(error, DefinitionError) and any(problem.kind == "import" for problem in error.problems):
        text += "\n    with -v the whole traceback is shown"
    return visible(text)


def document(error: LumeError) -> dict[str, Any]:
    """Return the JSON document for an error: ``{"state": "Failed", "error": {"type", "message", …}}``."""
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, FlowRunError):
        found["failed"] = [
            {
                "task": f.name,
                "type": type(f.exception).__name__,
                "message": text_of(f.exception),
                **({"given": hidden_text(f.given)} if f.given else {}),
            }
            for f in error.failed
        ]
        found["not_run"] = list(error.not_run)
        found["flow_run_id"] = error.flow_run_id
    problems = getattr(error, "problems", ())
    if problems:
        found["problems"] = [
            {"kind": p.kind, "subject": p.subject, "message": p.message, "fix": p.fix, "place": str(p.place or "")}
            for p in problems
        ]
    return {"state": "Failed", "error": found}


def usage_document(message: str) -> dict[str, Any]:
    """Return the JSON document for a command that is not understood."""
    return {"state": "Failed", "error": {"type": "UsageError", "message": message}}


def _not_run(error: FlowRunError) -> list[str]:
    return [f"not run: {', '.join(error.not_run)}"] if error.not_run else []


def _to_resume(error: FlowRunError) -> list[str]:
    command = f"python -m lume_dsl resume {error.flow_run_id[:SHORT]}"
    return [f"go on with it, when that is mended: {command}"] if error.flow_run_id else []


def _alike(failures: Iterable[TaskFailure]) -> list[list[TaskFailure]]:
    """Failures by what they say: a map fails many times for one reason."""
    groups: dict[tuple[type, str], list[TaskFailure]] = {}
    for failure in failures:
        groups.setdefault((type(failure.exception), text_of(failure.exception)), []).append(failure)
    return list(groups.values())


def _failure(alike: list[TaskFailure], verbose: bool) -> str:
    names, exception = ", ".join(failure.label for failure in alike[:SHOWN]), alike[0].exception
    if len(alike) > SHOWN:
        names += f" and {len(alike) - SHOWN} more"
    if isinstance(exception, LumeError) and not verbose:
        return f"\n{names}: {exception}\n"
    shown = traceback.TracebackException.from_exception(exception)
    if not verbose:
        _drop_ours(shown)
    return f"\n{names}:\n{hidden_text(''.join(shown.format()))}"


def _drop_ours(shown: traceback.TracebackException) -> None:
    """Leave out the frames of Prefect and of lume_dsl through which the user's function was called."""
    ours = (os.path.dirname(lume_dsl.__file__), f"{os.sep}prefect{os.sep}")
    own = [place for place, frame in enumerate(shown.stack) if not any(part in frame.filename for part in ours)]
    if own:
        del shown.stack[: own[0]]
