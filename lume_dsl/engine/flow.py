"""The ``prefect.Flow`` of a flow class: filled in one go, its parameters and services checked before it runs."""

from __future__ import annotations

import inspect
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import prefect
from prefect.core.edge import Edge
from prefect.engine.flow_runner import FlowRunner
from prefect.engine.state import Pending, State
from prefect.engine.task_runner import TaskRunner
from prefect.executors import Executor

from lume_dsl.declare.graph import Graph, RecordResult
from lume_dsl.declare.parameters import bind_values, json_values, shown_values, without_defaults
from lume_dsl.engine.arguments import arguments_of
from lume_dsl.engine.executors import check_cluster, executor_of
from lume_dsl.engine.lengths import check_known_lengths, unequal_lengths
from lume_dsl.engine.recording import Recording, Resumed, recorded_tasks
from lume_dsl.engine.runner import Flow, runner_class
from lume_dsl.engine.runner.context import RECORDING
from lume_dsl.engine.targets import check_file_results
from lume_dsl.errors import FlowRunError, ParameterError, Problem, RecordError, ServiceError, TaskFailure
from lume_dsl.records.provenance import Underway, flow_path, provenance_of
from lume_dsl.records.record import recorded_inputs
from lume_dsl.secrets import HIDDEN
from lume_dsl.settings import current_settings
from lume_dsl.tasks.configure import configure_services
from lume_dsl.tasks.context import ARGUMENTS, CHECKED, INPUTS, PROVENANCE, SCHEDULED, SETTINGS

if TYPE_CHECKING:
    from lume_dsl.declare.flow import FlowMeta

__all__ = ["CompiledFlow"]

_OPTIONS = frozenset(inspect.signature(FlowRunner.run).parameters) | {"flow_run_id", "flow_run_name"}
"""The keywords of ``prefect.Flow.run`` that are no parameters."""


class CompiledFlow(Flow):
    """A flow class as Prefect runs it.

    Attributes:
        flow_class: The class that it was compiled from.
        members: The task of each member of the class's graph, in the order of the body.
        configure: The configure task, if the flow uses services.
        recorded: What each task is called where a run is recorded, and whether its value is kept to go on with.
    """

    tells_what_is_lost = True

    def __init__(self, flow_class: FlowMeta, **options: Any) -> None:
        self.flow_class = flow_class
        self.members: dict[str, prefect.Task] = {}
        self.configure: configure_services | None = None
        self.recorded: dict[prefect.Task, tuple[str, bool]] = {}
        super().__init__(**options)
        self.state_handlers = [_prepare_run, *self.state_handlers, _record_run]

    def fill(self, edges: Sequence[Edge]) -> None:
        """Take in ``members``, ``configure`` and the edges. (``add_task`` and ``add_edge`` search all others.)"""
        self.edges = set(edges)
        tasks: dict[prefect.Task, None] = dict.fromkeys(self.members.values())
        for edge in edges:  # the configure task, and constants that are mapped over
            tasks.update({edge.upstream_task: None, edge.downstream_task: None})
        self.tasks = set(tasks)
        self.slugs = _slugs(tasks)
        self.recorded = recorded_tasks(self)
        self._cache.clear()

    def wrong_lengths(self, task: prefect.Task, lengths: Mapping[Edge, int]) -> str:
        """Return why a task is not mapped over lists of these lengths, by their edges; nothing where it can be."""
        if len(set(lengths.values())) < 2:
            return ""
        names = {one: name for name, one in self.members.items()}
        order = list(self.flow_class.__lume_graph__.members[names[task]].inputs)
        edges = sorted(lengths, key=lambda edge: order.index(edge.key))
        sources = {names.get(edge.upstream_task, edge.key): lengths[edge] for edge in edges}
        return unequal_lengths(names[task], sources)

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        run_on_schedule: bool | None = None,
        runner_cls: type | None = None,
        **kwargs: Any,
    ) -> State | None:
        """Run as ``prefect.Flow.run`` does, after all parameters and services have been checked.

        Raises:
            ParameterError: All values that are missing, unknown or do not fit.
            ServiceError, SettingsError: A service that the flow uses does not answer; no task has run.
        """
        if prefect.context.get("loading_flow", False):
            return prefect.Flow.run(self)  # it warns, and runs nothing
        given = without_defaults(self.flow_class.__lume_graph__, parameters or {})
        given.update(
            {name: kwargs.pop(name) for name in list(kwargs) if name in self._parameters or name not in _OPTIONS}
        )
        schedule = prefect.config.flows.run_on_schedule if run_on_schedule is None else run_on_schedule
        return self.start(given, run_on_schedule=schedule, runner_cls=runner_cls, **kwargs)

    @property
    def _parameters(self) -> Mapping[str, Any]:
        return self.flow_class.__lume_graph__.parameters

    def start(
        self,
        parameters: Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
        run_on_schedule: bool = False,
        runner_cls: type | None = None,
        resumed: Resumed | None = None,
        **kwargs: Any,
    ) -> State:
        """Check parameters and services, run, and return the final state with a state for every task.

        Unlike ``prefect.Flow.run`` it takes parameters apart from options, so a parameter may have any name, and an
        executor by its name. ``resumed`` is the run that goes on, whose ``task_states`` are given.
        """
        if isinstance(executor := kwargs.get("executor"), str):
            kwargs["executor"] = executor_of(executor)
        begun = _begin(self)
        graph = self.flow_class.__lume_graph__
        values = bind_values(self.name, graph, (), parameters)
        arguments = arguments_of(self.name, graph, values)
        settings = current_settings()
        with prefect.context({SETTINGS: settings}):
            self._check_beforehand(values | arguments.known, kwargs.get("executor") or self.executor)
        self.state_handlers.sort(key=lambda handler: handler is _record_run)  # after what was appended since
        recording = Recording(self, settings, resumed)
        inputs = _inputs(self, values)
        given = _given(graph, values)
        prefect.context.setdefault("caches", {})
        state: State = self._run_guarded(
            recording,
            parameters=given,
            runner_cls=runner_cls or runner_class(),
            run_on_schedule=run_on_schedule,
            # The runner fills "parameters" in the order of a set; given here, they keep the order of the fields.
            context={
                **(context or {}),
                **begun,
                INPUTS: _not_json(inputs, given),
                ARGUMENTS: arguments.begun,
                SETTINGS: settings,
                CHECKED: not run_on_schedule,
                RECORDING: recording,
                "parameters": given,
            },
            **kwargs,
        )
        if state.result is None:  # interrupted before any task
            state.result = {}
        if isinstance(state.result, dict):
            for task in self.tasks:
                state.result.setdefault(task, Pending(message="Task not run."))
        return state

    def json_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON forms of all parameters, with those that are not given.

        Raises:
            ParameterError: All values that are missing, unknown or do not fit.
        """
        graph = self.flow_class.__lume_graph__
        return _given(graph, bind_values(self.name, graph, (), parameters))

    def _check_beforehand(self, known: Mapping[str, Any], executor: Executor | None) -> None:
        """Return if services and the cluster answer, and what is known of the run's values does not end it later."""
        graph = self.flow_class.__lume_graph__
        if self.configure is not None:
            self.configure.run()
        check_cluster(executor)
        check_file_results(graph, known)
        check_known_lengths(self.name, graph, known)

    def _run_guarded(self, recording: Recording, **kwargs: Any) -> State:
        """Run; a task that leaves by ``sys.exit`` has failed, as one that raises anything else has.

        Raises:
            FlowRunError: A task raised what is no ``Exception``, which ends Prefect's runner.
            KeyboardInterrupt: The run was interrupted.
            ServiceError: The executor's cluster could not be started.
        """
        try:
            state: State = self._run(**kwargs)
        except (Exception, KeyboardInterrupt) as error:
            recording.broken_off(error)
            raise
        except BaseException as error:
            recording.broken_off(error)
            failure = TaskFailure(_task_name(error) or self.name, error)
            raise FlowRunError(self.name, (failure,), flow_run_id=recording.run_id) from error
        recording.ends(state)  # where a handler has failed, none was told
        if isinstance(state.result, ServiceError):  # of the executor: no task has begun
            raise state.result
        return state


def _task_name(error: BaseException) -> str | None:
    """The task whose run raised what Prefect's runners let through."""
    runners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    names = [runner.task.name for runner in runners if isinstance(runner, TaskRunner)]
    return names[-1] if names else None


def _prepare_run(flow: CompiledFlow, _old: State, new: State) -> State:
    """A state handler: what runs from now on, on whatever worker, has checked parameters and this process's settings.

    ``start`` gives them already; an agent runs a flow without it.

    Raises:
        ParameterError: All values that are missing, unknown or do not fit. Prefect makes it a failed run.
    """
    if new.is_running() and SCHEDULED in prefect.context:
        prefect.context["scheduled_start_time"] = prefect.context[SCHEDULED]
    if new.is_running() and SETTINGS not in prefect.context:
        prefect.context[SETTINGS] = current_settings()
        graph = flow.flow_class.__lume_graph__
        given = without_defaults(graph, prefect.context.get("parameters") or {})
        values = bind_values(flow.name, graph, (), given)
        arguments = arguments_of(flow.name, graph, values).begun
        inputs, parameters = _inputs(flow, values), _given(graph, values)
        begun = {**_begin(flow), INPUTS: _not_json(inputs, parameters), ARGUMENTS: arguments}
        prefect.context.update({**begun, "parameters": parameters})
    return new


def _record_run(_flow: CompiledFlow, _old: State, new: State) -> State:
    """A state handler, the last of them: what is recorded of a run."""
    recording: Recording | None = prefect.context.get(RECORDING)
    if recording is not None and new.is_running():
        recording.begins(prefect.context["flow_run_id"], prefect.context["parameters"])
    elif recording is not None and new.is_finished():
        recording.ends(new)
    return new


def _saves_records(flow: CompiledFlow) -> bool:
    graph = flow.flow_class.__lume_graph__
    return any(isinstance(member.work, RecordResult) for member in graph.results.values())


def _begin(flow: CompiledFlow) -> dict[str, Any]:
    """What the context has of a run that begins now, for its records. Threads ask git meanwhile."""
    graph = flow.flow_class.__lume_graph__
    saving = {member.subflow for member in graph.members.values() if isinstance(member.work, RecordResult)}
    if not saving:
        return {}
    known = {"prefect": prefect.__version__, "start_time": datetime.now(timezone.utc)}
    flows = [graph.subflows[path].flow for path in saving if path]
    keyed = {flow_path(one): one for one in flows} | ({"": flow.flow_class} if "" in saving else {})
    return {PROVENANCE: {key: Underway(partial(provenance_of, one, **known)) for key, one in keyed.items()}}


def _inputs(flow: CompiledFlow, values: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the flow's records hold them; none where it has no records.

    Raises:
        ParameterError: A value that no record can hold, before any task has run.
    """
    if not _saves_records(flow):
        return {}
    exact: dict[str, Any] = {}
    problems = []
    for name, value in shown_values(flow.flow_class.__lume_graph__, values).items():
        try:
            exact.update(recorded_inputs({name: value}))
        except RecordError as error:
            problems.append(Problem("parameter-value", f"{flow.name}.{name}", f"cannot be recorded: {error}"))
    if problems:
        raise ParameterError(tuple(problems))
    return exact


def _given(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON forms of parameters, as the context has them; of a flow written by hand, the values as they are."""
    untyped = {name for name, member in graph.parameters.items() if member.type is Any}
    forms = json_values({name: value for name, value in values.items() if name not in untyped})
    return {name: values[name] if name in untyped else forms[name] for name in values}


def _not_json(inputs: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Those inputs of which records hold more than the JSON form, which the context has anyway."""
    return {name: value for name, value in inputs.items() if value != HIDDEN and not _is_json(value, given[name])}


def _is_json(value: Any, form: Any) -> bool:
    """Whether a value is its own JSON form, whose items are of the same types as well."""
    if type(value) is not type(form):
        return False
    if isinstance(value, dict):
        return all(_is_json(item, form[key]) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value, form))
    return bool(value == form)


def _slugs(tasks: Iterable[prefect.Task]) -> dict[prefect.Task, str]:
    """Prefect's slugs (core/flow.py, ``_generate_task_slug``), without its search among all of them."""
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    found: dict[prefect.Task, str] = {}
    for task in tasks:
        prefix = "-".join([task.name, *sorted(task.tags)])
        slug = task.slug
        while not slug or slug in taken:
            counts[prefix] += 1
            slug = f"{prefix}-{counts[prefix]}"
        taken.add(slug)
        found[task] = slug
    return found
