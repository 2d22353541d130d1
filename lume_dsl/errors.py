"""Every exception that a user may catch. It knows nothing of how problems are found.

Each class stores data and renders it in ``__str__``, and each survives pickling, because workers ship
exceptions to the process that runs the flow.
"""

from __future__ import annotations

import difflib
import os
import pickle
import re
import sys
from collections.abc import Iterable
from typing import Any

import attrs

from lume_dsl.secrets import hidden_text

__all__ = [
    "DefinitionError",
    "ExecutorError",
    "FileError",
    "FilenameError",
    "FlowNotFoundError",
    "FlowRunError",
    "LumeError",
    "NotRunError",
    "ParameterError",
    "Place",
    "Problem",
    "RecordError",
    "ReferenceValueError",
    "RegistrationError",
    "RunError",
    "ScheduleError",
    "ServiceError",
    "SettingsError",
    "TaskFailure",
    "TaskNotCarriedError",
    "did_you_mean",
    "text_of",
]


SHOWN = 10
"""How many of the task runs that failed are told in an error's text; ``failed`` has all."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of ``known``, or ``""`` where none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


MOST_NAMES = 10
"""How many names are told of those that there are."""


def near_or_all(name: str, known: Iterable[str]) -> str:
    """Return ``did_you_mean``, or where none is close ``"; there is x, y"``: the first of ``known`` by the alphabet."""
    names = sorted(known)
    listed = f"; there is {', '.join(names[:MOST_NAMES])}" if names else ""
    return did_you_mean(name, names) or listed


_TERMINAL_CELL = re.compile(r"<ipython-input-(\d+)-\w+>")
"""What IPython in a terminal compiles a cell as; a notebook's kernel compiles it as a file of a temporary folder."""


def _cell_of(file: str) -> str:
    """``"In[3]"`` for the name that this process's IPython has compiled a cell under, else ``""``."""
    if found := _TERMINAL_CELL.fullmatch(file):
        return f"In[{found[1]}]"
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    name_cell = getattr(getattr(get_shell and get_shell(), "compile", None), "format_code_name", None)
    return (name_cell(file) or ("Cell", ""))[1] if name_cell else ""


@attrs.frozen
class Place:
    """A line of a source file, ``flows/beam.py:12``, or of a notebook's cell, ``In[3]:2``.

    Attributes:
        file: The name that the source was compiled under.
        line: The line, from 1.
        cell: The cell as its notebook shows it, or ``""``. It is asked for when the place is made: only that
            process knows it, and a kernel compiles the same text under the same name each time that it runs.
    """

    file: str
    line: int
    cell: str = attrs.field(default=attrs.Factory(lambda self: _cell_of(self.file), takes_self=True), kw_only=True)

    def __str__(self) -> str:
        return f"{self.cell or _shortest(self.file)}:{self.line}"


def _shortest(file: str) -> str:
    """The path as seen from the working directory where that is below it, else as it is."""
    if not os.path.isabs(file):
        return file
    try:
        relative = os.path.relpath(file)
    except (ValueError, OSError):  # another drive, or a working directory that is gone
        return file
    return file if relative.startswith(os.pardir) else relative


@attrs.frozen
class Problem:
    """One thing that is wrong with a flow or a value.

    Attributes:
        kind: The kind of problem, a slug such as ``"parameter-type"``, which is the name of a page of
            ``docs/problems`` and ends the first line of the text.
        subject: What it is about: ``"Scan.shots"``.
        message: What is wrong, and what was expected.
        fix: What to write instead, or ``""``.
        place: Where it stands, or None for values that have no line.
    """

    kind: str
    subject: str
    message: str
    fix: str = ""
    place: Place | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        first, *others = f"{where}{self.subject}: {self.message}".split("\n")
        return "\n".join([f"{first}  [{self.kind}]", *others, *([f"    {self.fix}"] if self.fix else [])])


class LumeError(Exception):
    """The base of all errors that lume_dsl raises on purpose. Anything else is a bug of ours."""

    exit_code = 1
    """What ``python -m lume_dsl`` returns for it."""


@attrs.define(slots=False, eq=False)
class _Problems(LumeError):
    """An error that carries several problems and renders each on lines of its own."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class DefinitionError(_Problems):
    """A flow class is wrong. ``problems`` holds all that is wrong with it, in source order."""

    exit_code = 3


class ReferenceValueError(DefinitionError, TypeError):
    """A flow's body used a reference where its value is needed, which is known only when the flow runs.

    A ``TypeError`` too: by that, operands ask the other one (``Path("data") / reference``).
    """


@attrs.define(slots=False, eq=False)
class ParameterError(_Problems):
    """Parameter values do not fit. ``problems`` holds the offenders of the call, in field order.

    Attributes:
        problems: What is wrong; of each value at most ten offences.
        count: How many there are, those that ``problems`` leaves out included; 0 for as many as it holds.
    """

    count: int = 0
    exit_code = 2

    def __str__(self) -> str:
        return self.told(SHOWN)

    def told(self, most: int) -> str:
        """Return the text of at most so many of the problems, and how many more there are."""
        lines = [str(problem) for problem in self.problems[:most]]
        left = max(self.count, len(self.problems)) - len(lines)
        return "\n".join(lines + ([f"and {left:,} more"] if left else []))


@attrs.define(slots=False, eq=False)
class FlowNotFoundError(LumeError):
    """A flow was named that is not there: no such module, or no such flow in it."""

    message: str
    exit_code = 2

    def __str__(self) -> str:
        return self.message


LONGEST_TEXT = 2000
"""How many characters of an exception's text are told."""


def text_of(exception: BaseException) -> str:
    """An exception's text, cut where it is very long, and told as such where it has none."""
    try:
        text = str(exception)
    except Exception as error:  # an exception of a user's may do anything
        return f"(its text cannot be told: {type(error).__name__})"
    text = hidden_text(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(text):,} characters)"


def _portable(exception: BaseException) -> BaseException:
    """The exception, or one with its text where it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(exception))
    except Exception:  # whatever its class does wrong
        return RuntimeError(f"{type(exception).__name__}: {text_of(exception)}")
    return exception


@attrs.define(slots=False, eq=False)
class TaskFailure:
    """A task run that failed.

    Attributes:
        name: The task's name, with ``[index]`` when mapped.
        exception: The original exception.
        given: The items that a mapped run was given, ``"image=-1.0"``, as far as they are known.
    """

    name: str
    exception: BaseException
    given: str = ""

    @property
    def label(self) -> str:
        """The name, with the items that the run was given: ``"peaks[1] (image=-1.0)"``."""
        return f"{self.name} ({hidden_text(self.given)})" if self.given else self.name

    def __str__(self) -> str:
        return f"{self.label}: {type(self.exception).__name__}: {text_of(self.exception)}"

    def __repr__(self) -> str:
        return f"TaskFailure({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return TaskFailure, (self.name, _portable(self.exception), self.given)


@attrs.define(slots=False, eq=False)
class FlowRunError(LumeError):
    """A flow run failed. Its cause (``__cause__``) is the first original exception.

    Attributes:
        flow_name: The flow's name.
        failed: The task runs that failed, in the flow's order.
        not_run: Names of the tasks that did not run because something upstream failed.
        flow_run_id: The id of the run, by which it can be resumed; ``""`` where it was not recorded.
    """

    flow_name: str
    failed: tuple[TaskFailure, ...]
    not_run: tuple[str, ...] = ()
    flow_run_id: str = ""

    def __str__(self) -> str:
        count = len(self.failed)
        lines = [f"{self.flow_name}: {count} task{'s' if count != 1 else ''} failed"]
        lines += [f"    {failure}" for failure in self.failed[:SHOWN]]
        if count > SHOWN:
            lines.append(f"    and {count - SHOWN} more")
        if self.not_run:
            lines.append(f"    not run: {', '.join(self.not_run)}")
        return "\n".join(lines)


@attrs.define(slots=False, eq=False)
class _Message(LumeError):
    """An error whose whole data is its message."""

    message: str

    def __str__(self) -> str:
        return self.message


class NotRunError(_Message, AttributeError):
    """A task's or result's value was read from a flow that has not run."""


class SettingsError(_Message):
    """A setting is missing or wrong. The message names the variable."""

    exit_code = 4


@attrs.define(slots=False, eq=False)
class ServiceError(_Message):
    """A service (record store, filesystem) does not answer or refuses the work.

    Attributes:
        message: What is wrong, where, and how to mend it.
        transient: Whether the same work may succeed later: a connection was lost, a database is locked.
    """

    transient: bool = False
    exit_code = 4

    def __str__(self) -> str:
        return self.message


class ExecutorError(_Message):
    """An executor was asked for that there is not, or that cannot be had as asked."""

    exit_code = 2


class ScheduleError(_Message):
    """A flow was to run by its schedule, and has none."""

    exit_code = 2


class RegistrationError(_Message):
    """A flow cannot be registered with a Prefect server as it is, or was asked for."""

    exit_code = 2


@attrs.define(slots=False, eq=False)
class TaskNotCarriedError(LumeError):
    """What a task needs or returns cannot be carried between the flow's process and a worker.

    Attributes:
        task_name: The task.
        message: What it is, and why not.
        fix: What to do instead.
    """

    task_name: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.message}\n        {self.fix}"


class FileError(_Message):
    """A file cannot be saved or loaded. The message names it and how to mend it."""


class FilenameError(FileError):
    """Filenames of a flow's results do not fit, which is told before anything computes."""

    exit_code = 2


class RunError(_Message):
    """A recorded run cannot be found, read or resumed. The message says why, and what to do instead."""

    exit_code = 2


class RecordError(_Message):
    """A record cannot be stored or found. The message names the value by its path."""
