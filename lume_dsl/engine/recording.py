"""Runs as they begin and end: each has a journal while it is underway, and a record in the store when it has ended.

Nothing of this ends a run, nor delays it for long: what cannot be written is told in the log.
"""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import prefect
from prefect.engine.state import Mapped, State

from lume_dsl import services
from lume_dsl._version import __version__
from lume_dsl.declare.graph import Argument, Member
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.made import SOURCED, made_of_tasks
from lume_dsl.engine.outcome import failures_of
from lume_dsl.engine.recorder import TaskRecorder, times_of
from lume_dsl.engine.scheduled import recorded_time
from lume_dsl.engine.unwritable import unwritable
from lume_dsl.errors import LumeError, RecordError, text_of
from lume_dsl.history.documents import Row, document_of_journal, latest_events, run_document, working_folder
from lume_dsl.history.filing import leave
from lume_dsl.history.find import SHORT
from lume_dsl.history.journal import Journal
from lume_dsl.history.recorded import INTERRUPTED
from lume_dsl.history.store import time_text
from lume_dsl.records.provenance import flow_path, flow_source
from lume_dsl.records.record import DEFAULT_PROJECT
from lume_dsl.secrets import HIDDEN, document_shows_secret
from lume_dsl.settings import Settings
from lume_dsl.values.convert import unstructure
from lume_dsl.values.encoding import encode
from lume_dsl.values.exact import inexact

if TYPE_CHECKING:
    from lume_dsl.engine.flow import CompiledFlow

__all__ = ["Recording", "Resumed", "is_kept", "recorded_tasks"]

FORMAT = 1
"""Of the record of a run."""


@attrs.frozen
class Resumed:
    """A run that goes on.

    Attributes:
        journal: Its journal, which this process holds.
        attempts: What is known of the attempts before.
        dropped: The tasks whose values do not count any more.
    """

    journal: Journal
    attempts: tuple[Mapping[str, Any], ...]
    dropped: tuple[str, ...]


class Recording:
    """What a call of ``CompiledFlow.start`` remembers of its run, or of its runs by a schedule, one after another.

    Attributes:
        flow: The flow.
        run_id: The id of the last run that was recorded.
    """

    def __init__(self, flow: CompiledFlow, settings: Settings, resumed: Resumed | None = None) -> None:
        """No run has begun."""
        self.flow = flow
        self._underway: tuple[Journal, TaskRecorder] | None = None
        self._settings = settings
        self._resumed = resumed
        self._begin: dict[str, Any] = {}
        self._had_run = False
        self.run_id = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()  # where Prefect's own runner takes the whole context to a worker

    @property
    def tasks(self) -> TaskRecorder | None:
        """What task runs are told to; None while there is no run, or it cannot be recorded."""
        return None if self._underway is None else self._underway[1]

    def begins(self, run_id: str, parameters: Mapping[str, Any]) -> None:
        """A run has begun, with the JSON forms of its parameters."""
        if self._underway is not None:  # Prefect goes on with it, for retries
            return
        if self._had_run:  # by a schedule Prefect runs all as one
            run_id = str(uuid.uuid4())
        self._had_run = True
        resumed, self._resumed = self._resumed, None
        try:
            self._begin = self._begin_document(run_id, parameters, resumed)
            journal = resumed.journal if resumed else Journal(self._settings.home, run_id)
            journal.begin(self._begin)
        except OSError as error:
            self.flow.logger.warning(f"this run is not recorded: {unwritable(error, self._settings.home)}")
            return
        except Exception as error:  # whatever it is, it is no reason to end somebody's run
            self.flow.logger.warning(f"this run is not recorded: {text_of(error)}")
            return
        self.run_id = run_id
        self._underway = journal, TaskRecorder(journal, partial(_write_made, journal, self.flow, parameters))

    def ends(self, state: State) -> None:
        """The run has ended with this state."""
        states = state.result if isinstance(state.result, dict) else None
        self._end(type(state).__name__, str(state.message or ""), states, is_success=state.is_successful())

    def broken_off(self, error: BaseException) -> None:
        """An exception has ended the run, if it has not ended before."""
        is_interrupt = isinstance(error, KeyboardInterrupt)
        if is_interrupt and self._underway is not None:
            command = f"python -m lume_dsl resume {self._underway[0].run_id[:SHORT]}"
            self.flow.logger.warning(f"Interrupted; go on with it: {command}")
        name, message = (INTERRUPTED, "by Ctrl-C") if is_interrupt else ("Failed", text_of(error))
        self._end(name, message, None, is_success=False)

    def _end(self, name: str, message: str, states: Mapping[Any, State] | None, *, is_success: bool) -> None:
        if self._underway is None:
            return
        (journal, tasks), self._underway = self._underway, None
        if not is_success:
            tasks.write()
            if states is not None:
                self._write_missing(journal, tasks, states)
        tasks.close()
        try:
            if states is None:
                now = datetime.now(timezone.utc)
                document = document_of_journal(journal, state=name, message=message, has_ended=True, end_time=now)
            else:
                document = self._document(name, message, states, is_success=is_success)
            with services.use(self._settings):
                leave(journal, document, services.current().runs, goes_on=not is_success)
        except LumeError as error:
            self.flow.logger.warning(f"the record of this run is not stored: {text_of(error)}")
        except Exception:  # which would be ours, and is no reason to end somebody's run
            self.flow.logger.exception("The record of this run cannot be made")
        finally:
            journal.let_go()

    def _write_missing(self, journal: Journal, tasks: TaskRecorder, states: Mapping[Any, State]) -> None:
        """What workers have not written, as they do not see the folder, is there as well."""
        try:
            known = latest_events(journal).keys()
        except LumeError:
            return  # it is told when the record is made
        for task, (name, keeps) in self.flow.recorded.items():
            state = states.get(task)
            each = enumerate(state.map_states) if isinstance(state, Mapped) else [(None, state)]
            for index, one in each:
                if one is not None and times_of(one) and (name, index) not in known:
                    tasks.add(name, index, one, keeps=keeps)
        tasks.write()

    # documents

    def _begin_document(self, run_id: str, parameters: Mapping[str, Any], resumed: Resumed | None) -> dict[str, Any]:
        flow_class = self.flow.flow_class
        file, digest = flow_source(flow_class)
        shown, unrecorded = _recorded(self.flow, parameters)
        return {
            "format": FORMAT,
            "id": run_id,
            "flow_name": self.flow.name,
            "project_name": str(flow_class.__lume_options__.get("project") or DEFAULT_PROJECT),
            "flow": flow_path(flow_class),
            "file": file,
            "source_sha256": digest,
            "parameters": shown,
            "unrecorded": unrecorded,
            "host": platform.node(),
            "process": os.getpid(),
            "folder": working_folder(),
            "lume_dsl": __version__,
            "python": platform.python_version(),
            "prefect": prefect.__version__,
            "start_time": time_text(datetime.now(timezone.utc)),
            "attempts": list(resumed.attempts) if resumed else [],
            "dropped": list(resumed.dropped) if resumed else [],
            **recorded_time(self.flow),
        }

    def _document(self, name: str, message: str, states: Mapping[Any, State], *, is_success: bool) -> dict[str, Any]:
        members, graph = self.flow.members, self.flow.flow_class.__lume_graph__
        named = {} if is_success else {one: states[task] for one, task in members.items() if task in states}
        failures = [failure for one, state in named.items() for failure in failures_of(one, state)]
        saved = {one: states.get(members[one]) for one in graph.all_results if one in graph.stored}
        results = {one: _reference(state) for one, state in saved.items() if state is not None}
        return run_document(
            self._begin,
            self._rows(states),
            state=name,
            message=message,
            end_time=time_text(datetime.now(timezone.utc)),
            errors=[
                {"task": one.name, "type": type(one.exception).__name__, "message": text_of(one.exception)}
                for one in failures
            ],
            results={one: reference for one, reference in results.items() if reference is not None},
        )

    def _rows(self, states: Mapping[Any, State]) -> Iterator[Row]:
        for task, (name, _) in self.flow.recorded.items():
            state = states.get(task)
            if isinstance(state, Mapped):
                for index, one in enumerate(state.map_states):
                    yield f"{name}[{index}]", type(one).__name__, times_of(one)
            elif state is not None:
                yield name, type(state).__name__, times_of(state)


def _reference(state: State) -> Any:
    """The reference that a result's task returned, None where it has none; of a map the list of them."""
    if isinstance(state, Mapped):
        return [_reference(one) for one in state.map_states]
    return state.result if state.is_successful() and isinstance(state.result, dict) else None


def _recorded(flow: CompiledFlow, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The parameters as they are recorded, and the names of those whose values are not."""
    members = flow.flow_class.__lume_graph__.parameters
    shown: dict[str, Any] = {}
    unrecorded = []
    for name, value in parameters.items():
        if name in members and spec_of(members[name]).secret:
            shown[name] = HIDDEN
            if value != unstructure(spec_of(members[name]).default):  # which the source tells
                unrecorded.append(name)
            continue
        by_hand = name in members and members[name].type is Any  # of a flow that was written by hand
        try:
            shown[name] = _form_by_hand(value) if by_hand else value
        except RecordError:
            shown[name] = None
            unrecorded.append(name)
        if document_shows_secret(shown[name]):
            shown[name] = HIDDEN
            unrecorded.append(name)
    return shown, unrecorded


def _form_by_hand(value: Any) -> Any:
    """Raises: RecordError, where a value does not come back as the same."""
    if (lost := inexact(value)) is not None:
        raise RecordError(lost)
    return encode(value)


def _write_made(journal: Journal, flow: CompiledFlow, parameters: Mapping[str, Any]) -> None:
    journal.write_made(made_of_tasks(flow, journal.run_id, parameters))


def recorded_tasks(flow: CompiledFlow) -> dict[prefect.Task, tuple[str, bool]]:
    """Return what each task is called where a run is recorded, and whether its value is kept.

    The values of operators, collections and the like are made again of those that are kept in no time.
    """
    members = flow.flow_class.__lume_graph__.members
    found = {
        task: (name, is_kept(members[name]) and task.checkpoint is not False) for name, task in flow.members.items()
    }
    return found if flow.configure is None else {flow.configure: (flow.configure.name, False), **found}


def is_kept(member: Member) -> bool:
    """Return whether the value of a task is kept, unless the task says otherwise."""
    return isinstance(member.work, (*SOURCED, Argument))


def _nothing() -> None:
    """What a recording is in the process of a worker."""
