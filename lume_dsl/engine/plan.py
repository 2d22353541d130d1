"""Which tasks of a run that goes on have their values, and which run again, and why.

A task's value counts as long as the task is made of the same (``lume_dsl.engine.made``), and nothing upstream of it
runs that had not succeeded before or has changed. A value that could not be kept is made again only where a task that
runs takes it: it may be another one then, so what is downstream of it runs again as well. A file or record that is gone
is saved again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import attrs
import prefect
from prefect.engine.result import Result
from prefect.engine.signals import SKIP
from prefect.engine.state import Mapped, Skipped, State, Success

from lume_dsl.cache.key import Made, inputs_differ, why_again
from lume_dsl.cache.values import lost_file
from lume_dsl.declare.graph import Edge, Member, Parameter, Resource
from lume_dsl.engine.flow import CompiledFlow
from lume_dsl.engine.made import made_of_document, made_of_tasks
from lume_dsl.engine.outcome import NotKept
from lume_dsl.engine.recorder import set_times
from lume_dsl.engine.recording import is_kept
from lume_dsl.engine.runner.flow_runner import PART, WHOLE
from lume_dsl.errors import RecordError, text_of
from lume_dsl.files import file_from_reference
from lume_dsl.history.documents import latest_events
from lume_dsl.history.journal import Journal
from lume_dsl.records import Query
from lume_dsl.services import current

__all__ = ["Plan", "plan_of"]

Event = tuple[int, Mapping[str, Any]]
"""The number of an attempt, and what it told of a task's run."""

_FINISHED = ("Success", "Cached", "Skipped")


@attrs.frozen
class Plan:
    """How a run goes on.

    Attributes:
        states: The states of tasks that do not run, and of maps of which some do.
        again: Why tasks that had succeeded run again.
        dropped: Those of them, and of others, of which nothing counts that is in the journal.
    """

    states: Mapping[prefect.Task, State]
    again: Mapping[str, str]
    dropped: tuple[str, ...]

    def tell(self, logger: logging.Logger, run_id: str) -> None:
        """The log tells that the run goes on, and what of it runs again."""
        count = sum(map(_finished, self.states.values()))
        logger.info(
            f"Resuming the run {run_id}, of which {count:,} task run{'s' if count != 1 else ''} need not run again"
        )
        for name, reason in self.again.items():
            logger.info(f"Task '{name}': runs again: {reason}")


def _finished(state: State) -> int:
    """How many runs of a task have ended, of a map those that have."""
    return sum(one is not None for one in state.map_states) if isinstance(state, Mapped) else 1


def plan_of(flow: CompiledFlow, journal: Journal, parameters: Mapping[str, Any]) -> Plan:
    """Return how a run goes on, with these JSON forms of its parameters.

    Raises:
        RunError: Its journal cannot be read.
        ServiceError: The record store does not answer, which has a record of the run.
    """
    planner = _Planner(flow, journal, parameters)
    planner.look()
    while needed := planner.needed():
        planner.look(needed)
    states = {flow.members[name]: planner.state(name) for name in planner.names if name not in planner.runs}
    partial = {flow.members[name]: state for name, state in planner.partial.items() if name in planner.runs}
    told = [name for name in planner.names if name in planner.runs and is_kept(planner.members[name])]
    again = {name: planner.reasons[name] for name in told if name in planner.reasons}
    return Plan({**states, **partial}, again, tuple(planner.dropped))


class _Planner:
    """What is found out of each task, in the flow's order.

    Attributes:
        names: The tasks, each after those upstream of it.
        runs: Those that run.
        changes: Those of them whose value may be another one than before.
        unchanged: Of those that are maps of which some runs count, the indices of these.
        lacking: Those that do not run unless another one takes their value, which is not there.
        remade: Those of them that one takes.
        differs: Operators and lists without a name that are written otherwise now.
        causes: Why the others of these run whose value may be another one than before.
        reasons: Why those run that had succeeded, or would, or have no value.
        partial: The states of maps of which not all runs have one.
        dropped: Those of which nothing counts that is in the journal.
    """

    def __init__(self, flow: CompiledFlow, journal: Journal, parameters: Mapping[str, Any]) -> None:
        self.flow = flow
        self.journal = journal
        self.members: Mapping[str, Member] = flow.flow_class.__lume_graph__.members
        named = {task: name for name, task in flow.members.items()}
        self.names = [named[task] for task in flow.sorted_tasks() if task in named]
        self.remade: set[str] = set()
        self._now = made_of_document(made_of_tasks(flow, journal.run_id, parameters))
        self._then: dict[int, Mapping[str, Made]] = {}
        self._latest_first = range(journal.attempts, 0, -1)
        self._events: dict[str, dict[int | None, Event]] = {}
        for (name, index), event in latest_events(journal).items():
            self._events.setdefault(name, {})[index] = event

    def look(self, remade: Collection[str] = ()) -> None:
        """It is known of each task whether its value is there, and counts, when these are ``remade`` as well."""
        self.remade.update(remade)
        self.runs: set[str] = set()
        self.changes: set[str] = set()
        self.unchanged: dict[str, Collection[int]] = {}
        self.lacking: set[str] = set()
        self.differs: set[str] = set()
        self.causes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.partial: dict[str, State] = {}
        self.dropped: list[str] = []
        self._states: dict[str, State] = {}
        for name in self.names:
            self._look_at(name)

    def needed(self) -> set[str]:
        """Return those whose value is not there, and that a task takes which runs, or a branch of it goes by."""
        found: set[str] = set()
        for name in reversed(self.names):
            if name in self.runs or name in found:
                member = self.members[name]
                waited_for = [one for one in member.after if not is_kept(self.members[one])]
                found.update(self.lacking.intersection([*member.taken, *member.given.values(), *waited_for]))
        return found

    def _look_at(self, name: str) -> None:
        member, events = self.members[name], self._events.get(name, {})
        if _is_nameless(member) and self._is_written_otherwise(name, member):
            self.differs.add(name)
        if reason := self._follows(member, events):
            if _is_nameless(member):
                self.causes[name] = reason
            self._run(name, reason)
        elif isinstance(member.work, (Parameter, Resource)):
            self.runs.add(name)
            if isinstance(member.work, Parameter) and self._made_last(name) != self._now.get(name):
                self.changes.add(name)
        elif not is_kept(member):
            self._look_at_made(name, member)
        elif reason := self._has_changed(name, events):
            self._run(name, reason)
        elif member.mapped and not _is_skipped(events):
            self._look_at_map(name, events)
        else:
            self._look_at_value(name, events.get(None))

    def _follows(self, member: Member, events: Mapping[int | None, Event]) -> str:
        """Why what is known of a task does not count, if that is because of a task upstream of it.

        Of a map over another map, of which some runs only run again, those of the same index do.
        """
        for upstream in member.upstream:
            if upstream not in self.changes:
                continue
            unchanged = self.unchanged.get(upstream) if _goes_by_items(member, upstream) else None
            if isinstance(work := self.members[upstream].work, Parameter):
                return f"{upstream} is another one" if work.secret else f"a file of {upstream} has another content"
            if unchanged is None:
                return self._cause(member, upstream)
            for index, (_, event) in events.items():
                if index is not None and index not in unchanged and event.get("state") in _FINISHED:
                    return f"{upstream}[{index}] runs, of which one of its runs has taken what it came to"
        return ""

    def _cause(self, member: Member, upstream: str) -> str:
        """What a user understands of why one upstream of a task runs: a list that was written for it has no name."""
        if upstream in self.differs:
            named = [key for key, one in member.inputs.items() if isinstance(one, Edge) and one.upstream == upstream]
            return inputs_differ(named)
        return self.causes.get(upstream, f"{upstream} runs, which it waits for")

    def _is_written_otherwise(self, name: str, member: Member) -> bool:
        before = self._made_last(name)
        has_changed = before is not None and before != self._now.get(name)
        return has_changed or not self.differs.isdisjoint(member.upstream)

    def _run(self, name: str, reason: str) -> None:
        """A task runs whose value may be another one than before: what is known of it does not count."""
        self.runs.add(name)
        self.changes.add(name)
        events = self._events.get(name, {})
        if any(event["state"] in _FINISHED for _, event in events.values() if "state" in event):
            self.reasons[name] = reason
            self.dropped.append(name)

    def _has_changed(self, name: str, events: Mapping[int | None, Event]) -> str:
        """Why what is known of a task does not count, if it does not."""
        for attempt in {attempt for attempt, _ in events.values()}:
            then, now = self._made_in(attempt).get(name), self._now.get(name)
            if then is None or now is None:
                return "what it is made of cannot be told"
            if then != now:
                return why_again(now, then)
        return ""

    def _made_in(self, attempt: int) -> Mapping[str, Made]:
        if attempt not in self._then:
            self._then[attempt] = made_of_document(self.journal.made(attempt))
        return self._then[attempt]

    def _made_last(self, name: str) -> Made | None:
        return next((made for attempt in self._latest_first if (made := self._made_in(attempt).get(name))), None)

    def _look_at_made(self, name: str, member: Member) -> None:
        """An operator or the like, whose value is made again in no time of those that it takes."""
        before = self._made_last(name)
        if before is not None and before != self._now.get(name):
            self._run(name, "")
        elif self.lacking.isdisjoint(member.upstream):
            self.runs.add(name)
        else:
            self.lacking.add(name)
            lacking = next(one for one in member.upstream if one in self.lacking)
            is_nameless = _is_nameless(self.members[lacking])
            self.reasons[name] = self.reasons[lacking] if is_nameless else f"{lacking} has no value"

    def _look_at_value(self, name: str, found: Event | None) -> None:
        if found is None or found[1]["state"] not in _FINISHED:
            self._run(name, "")
            return
        state, reason = self._restored(name, found[1])
        if state is None:
            self.runs.add(name)
            self.reasons[name] = reason
            return
        if not isinstance(state.result, NotKept):
            self._states[name] = state
            return
        reason = f"what it returned could not be kept: {state.result.reason}"
        if name in self.remade:
            self._run(name, reason)
            return
        self._states[name] = state
        self.lacking.add(name)
        self.reasons[name] = reason

    def _look_at_map(self, name: str, events: Mapping[int | None, Event]) -> None:
        """A map: those of its runs have values that ended, and of the others each runs."""
        counted = events.get(-1)
        finished = {
            index: event
            for index, (_, event) in events.items()
            if index is not None and index >= 0 and event["state"] in _FINISHED
        }
        count = counted[1]["count"] if counted else max(finished, default=-1) + 1
        found = [self._restored(name, finished[index]) if index in finished else (None, "") for index in range(count)]
        states: list[Any] = [state for state, _ in found]
        unkept = {
            index: state.result.reason
            for index, state in enumerate(states)
            if state is not None and isinstance(state.result, NotKept)
        }
        kept: list[Any] = [None if index in unkept else state for index, state in enumerate(states)]
        self.partial[name] = Mapped(map_states=kept)
        setattr(self.partial[name], PART, True)
        if unkept:
            self.reasons[name] = f"what some of its runs returned could not be kept: {next(iter(unkept.values()))}"
        if unkept and name in self.remade:
            states, finished = kept, {index: event for index, event in finished.items() if index not in unkept}
        if counted is None or None in states:
            self.runs.add(name)
            if counted is None or len(finished) < count:
                self.changes.add(name)
                self.unchanged[name] = finished.keys()
            else:
                self.reasons[name] = next(reason for _, reason in found if reason)
            return
        whole = Mapped("Mapped tasks submitted for execution.", map_states=states)
        whole.result = [state.result for state in states]
        setattr(whole, WHOLE, True)
        self._states[name] = whole
        if unkept:
            self.lacking.add(name)

    def state(self, name: str) -> State:
        """Return the state of a task that does not run."""
        return self._states.get(name) or Success("not run again", result=Result(NotKept(self.reasons[name])))

    # values

    def _restored(self, name: str, event: Mapping[str, Any]) -> tuple[State | None, str]:
        """The state that a task's run ended in; or why it runs again."""
        message = event.get("message", "Task run succeeded.")
        if event["state"] == "Skipped":
            state: State = SKIP(message).state if event.get("signal") else Skipped(message, result=self._skipped(event))
        else:
            value = self._value(event)
            if (lost := self._lost(name, value)) is not None:
                return None, f"{lost}, which it gave, is gone or was altered"
            state = Success(message, result=Result(value))
        set_times(state, event["start"], event["end"])
        return state, ""

    def _skipped(self, event: Mapping[str, Any]) -> Result:
        return Result(self._value(event) if event.keys() & {"value", "unkept"} else None)

    def _value(self, event: Mapping[str, Any]) -> Any:
        if "value" not in event:
            return NotKept(event.get("unkept", "its task says so (checkpoint=False)"))
        try:
            return self.journal.value(event["value"])
        except RecordError as error:
            return NotKept(text_of(error))

    def _lost(self, name: str, value: Any) -> str | None:
        """What of a value is not there any more: a file, or a record."""
        if name not in self.flow.flow_class.__lume_graph__.stored or isinstance(value, NotKept):
            lost = None if isinstance(value, NotKept) else lost_file(value)
            return None if lost is None else f"the file {lost}"
        for reference in value if isinstance(value, list) else [value]:
            if "file_type_string" in reference:
                if (lost := lost_file(file_from_reference(reference))) is not None:
                    return f"the file {lost}"
            elif not current().store.count(Query(unique_hash=(found := reference["query"]["unique_hash"]))):
                return f"the record {found[:12]}"
        return None


def _is_nameless(member: Member) -> bool:
    """Whether it is an operator, a list or the like within a line, which nobody knows by a name."""
    return not (member.visible or is_kept(member) or isinstance(member.work, (Parameter, Resource)))


def _is_skipped(events: Mapping[int | None, Event]) -> bool:
    """Whether a map was skipped as a whole, as it is of a branch that was not taken."""
    return None in events and events[None][1]["state"] == "Skipped"


def _goes_by_items(member: Member, upstream: str) -> bool:
    """Whether each run of a mapped task takes of another one no more than the run of the same index."""
    taken = [source for source in member.inputs.values() if isinstance(source, Edge) and source.upstream == upstream]
    is_waited_for = upstream in member.after or upstream in member.given.values()
    return not is_waited_for and all(source.mapped and not source.flattened for source in taken)
