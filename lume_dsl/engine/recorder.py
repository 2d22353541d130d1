"""Task runs as they end, written to the journal of their run: by a thread where that can wait, else at once.

Values that nothing can change wait in memory, so that a run of a fraction of a second that succeeds writes none. A list
is put into its stored form as soon as its task has returned it: the next task may change it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
from prefect.engine.signals import SKIP
from prefect.engine.state import Finished, Mapped, State, Success
from prefect.utilities.logging import get_logger

from lume_dsl.engine.unwritable import unwritable
from lume_dsl.errors import text_of
from lume_dsl.history.journal import Journal
from lume_dsl.values.content import Content
from lume_dsl.values.exact import exact_form

__all__ = ["TaskRecorder", "set_times", "times_of"]

SECONDS = 0.25
"""How long a run takes at least for anything to be written before its end."""

SHARE = 20
"""How many times longer than writing took nothing is written again: a twentieth of the time goes there at most."""

LONGEST = 5.0
"""How many seconds nothing is written at most."""

_UNCHANGING = frozenset({type(None), bool, int, float, complex, str, bytes})
"""Types of values that no later task can change."""

_SUCCEEDED = "Task run succeeded."
"""What Prefect says of a task's run that nothing else is to be said of."""


@attrs.frozen
class _Kept:
    """The stored form of a value, or why there is none."""

    form: Any = None
    reason: str | None = None


_OF_ONE = 5
"""So much waits of one task's run: its name, its index in a map, its state, whether its value is kept, its stored form.

Of a map that has so many runs: its name, the number, and nothing.
"""

_IN_A_LINE = 500
"""How many task runs are written at once."""


def set_times(state: State, begun: float, ended: float) -> None:
    """A final state has when its task's run began and ended, in seconds since 1970."""
    # Two attributes, as a tuple for each would be one for the garbage collector, too.
    one: Any = state
    one._lume_begun, one._lume_ended = begun, ended


def times_of(state: State) -> tuple[float, float] | None:
    """Return when the run of a task began and ended that has this state; None where nothing has run."""
    one: Any = state
    return (one._lume_begun, one._lume_ended) if hasattr(one, "_lume_ended") else None


class TaskRecorder:
    """What the runner tells of task runs. It travels to workers, where all is written at once."""

    def __init__(self, journal: Journal, prepare: Callable[[], None] | None = None) -> None:
        """``prepare`` is called before anything is written; None in the process of a worker."""
        self._journal = journal
        self._prepare = prepare
        self._waiting: deque[Any] = deque()  # one after another: 10,000 tuples would cost the garbage collector a pass
        self._told: set[str] = set()
        self._writing = threading.Lock()
        self._is_open = True
        self.begun = time.monotonic()
        self._writer = None if prepare is None else _writer()
        if self._writer is not None:
            self._writer.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _on_worker, (str(self._journal.home), self._journal.run_id, self._journal.attempt)

    def ended(self, name: str, index: int | None, state: State, begun: float, *, keeps: bool) -> None:
        """A task's run, or one of a map, has ended with this state. ``keeps``: its value is needed to go on."""
        if not isinstance(state, Finished) or isinstance(state, Mapped):
            return
        set_times(state, begun, time.time())
        if self._is_open:
            self.add(name, index, state, keeps=keeps)

    def add(self, name: str, index: int | None, state: State, *, keeps: bool) -> None:
        """As ``ended``, of a state that has its times."""
        kept = None
        if keeps and isinstance(state, Success) and type(value := state._result.value) not in (*_UNCHANGING, SKIP):
            kept = self._stored(name, value)
        self._waiting.extend((name, index, state, keeps, kept))  # which no other thread sees in part
        if self._writer is None:
            self.write()

    def mapped(self, name: str, count: int) -> None:
        """A task has so many runs."""
        self._waiting.extend((name, count, None, False, None))

    def write(self) -> None:
        """All that was told is in the journal. Where that cannot be written, nothing is told it any more."""
        with self._writing:
            try:
                if self._is_open:
                    self._write()
            except OSError as error:
                self.close()
                if self._writer is not None or os.path.isdir(self._journal.folder):
                    why = unwritable(error, self._journal.folder)
                    get_logger("runs").warning(f"should this run fail, it could not go on from here: {why}")
            except Exception:  # which would be ours, and is no reason to end somebody's run
                self.close()
                get_logger("runs").exception("Should this run fail, it could not go on from here")

    def _write(self) -> None:
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        waiting = list(self._waiting)
        events = (self._event(*one) for one in zip(*[iter(waiting)] * _OF_ONE, strict=True))
        while some := list(islice(events, _IN_A_LINE)):
            self._journal.write_tasks(some)
        for _ in waiting:  # not before: an interrupt would lose them
            self._waiting.popleft()

    def close(self) -> None:
        """Nothing that is told from now on is written."""
        self._is_open = False
        if self._writer is not None:
            self._writer.remove(self)

    def _event(
        self, name: str, index: int | None, state: State | None, keeps: bool, kept: _Kept | None
    ) -> dict[str, Any]:
        if state is None:
            return {"task": name, "count": index}
        times = times_of(state)
        assert times is not None  # as of all states that wait here
        begun, ended = times
        found = {"task": name, "state": type(state).__name__, "start": round(begun, 6), "end": round(ended, 6)}
        if index is not None:
            found["index"] = index
        if state.message != _SUCCEEDED:
            found["message"] = str(state.message)
        if isinstance(state.result, SKIP):  # as Prefect has it where a task was skipped by itself, and gave no result
            found["signal"] = True
        elif keeps and state.is_successful():
            kept = self._stored(name, state.result) if kept is None else kept
            found.update({"value": kept.form} if kept.reason is None else {"unkept": kept.reason})
        return found

    def _stored(self, name: str, value: Any) -> _Kept:
        blobs: dict[str, Content] = {}
        try:
            form = exact_form(value, blobs)
            for content in blobs.values():
                self._journal.write_content(content)
        except OSError as error:
            self._tell_unwritten(name, error)
            return _Kept(reason=f"it could not be written: {error.strerror}")
        except Exception as error:  # a user's object may fail in any way when it is looked at
            return _Kept(reason=text_of(error))
        return _Kept(form)

    def _tell_unwritten(self, name: str, error: OSError) -> None:
        """It is in the log, once for all runs of a task that this process records."""
        if name not in self._told:
            self._told.add(name)
            why = f"what it returned could not be written: {unwritable(error, self._journal.folder)}"
            get_logger("runs").warning(f"should this run fail, {name} would run again, as {why}")


@lru_cache(maxsize=4)
def _on_worker(home: str, run_id: str, attempt: int) -> TaskRecorder:
    return TaskRecorder(Journal(Path(home), run_id, attempt))


class _Writer:
    """A thread that writes what recorders have waiting. It ends with the process, which does not wait for it."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._recorders: set[TaskRecorder] = set()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="lume-runs", daemon=True).start()

    def add(self, recorder: TaskRecorder) -> None:
        self._recorders.add(recorder)
        self._wake.set()

    def remove(self, recorder: TaskRecorder) -> None:
        self._recorders.discard(recorder)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(SECONDS)
            begun = time.monotonic()
            for recorder in tuple(self._recorders):
                if begun - recorder.begun >= SECONDS:
                    recorder.write()
            time.sleep(min(SHARE * (time.monotonic() - begun), LONGEST))
            self._wake.clear()
            if self._recorders:
                self._wake.set()


_the_writer: _Writer | None = None


def _writer() -> _Writer:
    """The thread of this process, which a fork does not take along."""
    global _the_writer
    if _the_writer is None or _the_writer.process != os.getpid():
        _the_writer = _Writer()
    return _the_writer
