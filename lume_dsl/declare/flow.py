"""``LumeFlow`` and its metaclass. The metaclass collects and has the outcome checked; it computes nothing.

What needs Prefect is asked of ``lume_dsl.engine``, and pictures are of ``lume_dsl.report``. Both are loaded on first
use: the one place where this layer reaches down, so that a class can be defined without the cost of Prefect.
"""

from __future__ import annotations

import inspect
import keyword
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, cast

import attrs

from lume_dsl.declare.attributes import LOGGER, RUN, run_of
from lume_dsl.declare.bases import inherited_graph
from lume_dsl.declare.body import Body, current_body, open_body, place_of, refuse_by_hand
from lume_dsl.declare.fields import db_result, file_result, parameter, result
from lume_dsl.declare.graph import Graph, Parameter
from lume_dsl.declare.inherit import Own
from lume_dsl.declare.namespace import Compiled, common, items_so_far, namespace_of, problems_so_far
from lume_dsl.declare.parameters import abstract_problems, bind_values, shown_values, spec_of
from lume_dsl.declare.running import of_bound_flow
from lume_dsl.declare.schema import flow_schema
from lume_dsl.declare.subflows import WaitingFlow, called
from lume_dsl.errors import DefinitionError

if TYPE_CHECKING:
    import prefect
    from prefect.executors import Executor
    from prefect.run_configs import RunConfig
    from typing_extensions import Self, dataclass_transform

    from lume_dsl.engine.outcome import FlowRun
    from lume_dsl.history.recorded import RecordedRun
    from lume_dsl.history.remembered import Runs
    from lume_dsl.records import DBResult, Results
    from lume_dsl.report import Picture
else:

    def dataclass_transform(**_: Any) -> Callable[[type], type]:
        return lambda cls: cls


__all__ = ["FlowMeta", "LumeFlow", "check_whole", "parameters_of", "schema", "with_values"]

F = TypeVar("F", bound="LumeFlow")


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(parameter, result, file_result, db_result)
)
class FlowMeta(type):
    """The metaclass of flows: a class body becomes a graph, checked before the class exists."""

    __lume_graph__: Graph
    __lume_own__: Own
    __lume_options__: Mapping[str, Any]
    __lume_compiled__: Compiled

    @classmethod
    def __prepare__(mcs, name: str, bases: tuple[type, ...], /, **_: Any) -> dict[str, Any]:
        if not bases:
            return {}
        return Body(name, place_of(sys._getframe(1)), problems_so_far, items_so_far, bases, inherited_graph(bases))

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **kwargs: Any) -> FlowMeta:
        if not isinstance(namespace, Body):
            return super().__new__(mcs, name, bases, namespace | common(Graph(), Own(), {}), **kwargs)
        return super().__new__(mcs, name, bases, namespace_of(namespace, sys._getframe(1)), **kwargs)

    if not TYPE_CHECKING:  # to a type checker a call gives an instance, wherever it stands

        def __call__(cls, /, *args: Any, **values: Any) -> Any:
            """A flow with its parameters bound; in the body of another flow, a part of that one."""
            body = current_body()
            if body is not None:
                return called(body, cls, args, values)
            refuse_by_hand(cls.__name__)
            return super().__call__(*args, **values)

    @property
    def __lume_name__(cls) -> str:
        """What Prefect and its records call the flow: the name that ``@flow`` gives, or the class's."""
        name: str = cls.__lume_options__.get("name", cls.__name__)
        return name

    @property
    def flow(cls) -> prefect.Flow:
        """The equivalent ``prefect.Flow``, built once."""
        compiled: prefect.Flow = _engine().compile_flow(cls)
        return compiled

    @property
    def __signature__(cls) -> inspect.Signature:
        parameters = cls.__lume_graph__.parameters
        named = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_signature_default(spec_of(member)),
                annotation=member.type,
            )
            for name, member in parameters.items()
            if name.isidentifier() and not keyword.iskeyword(name)
        ]
        others = [inspect.Parameter("parameters", inspect.Parameter.VAR_KEYWORD)]  # as flow1-text1 of a flow of flows
        return inspect.Signature(named + others * (len(named) < len(parameters)))

    def map(cls: type[F], /, **values: Any) -> list[F]:  # type: ignore[misc]  # a metaclass's own
        """Add the flow to the flow in whose body the call stands, once for each item of what it is given, in step.

        The values are lists, all of one length, but for those in ``unmapped(…)``. It is the list of the runs:
        ``[run.text for run in Greeting.map(text1=texts)]``.

        Raises:
            DefinitionError: The call stands outside a flow's body.
        """
        name = cls.__name__
        body = open_body(f"{name}.map", f"write [{name}(...).run() for item in items]")
        found: list[F] = called(body, cls, (), values, is_mapped=True)
        return found

    def with_options(cls: type[F], /, *, after: Any) -> type[F]:  # type: ignore[misc]  # a metaclass's own
        """Return the flow to be called or mapped in a body, where its first tasks wait for other values.

        ``Greeting.with_options(after=[opened])(text1="hey")``. First are those that wait for nothing of the flow.
        """
        return WaitingFlow(cls, after)  # type: ignore[return-value]  # typed as what it stands for

    def results(cls, /, **inputs: Any) -> Results[DBResult]:
        """Return the stored records of this flow whose inputs have these values, newest first.

        ``where=`` takes a condition on them (``lume_dsl.at``); a flow may have a parameter of this name all the same.

        Raises:
            ParameterError: All names that are no parameters, and values that no run can have had.
        """
        found: Results[DBResult] = _engine().results_of(cls, **inputs)
        return found

    def runs(cls, /, **parameters: Any) -> Runs:
        """Return the runs of this flow that are remembered, with these values of parameters, the newest first.

        Raises:
            ParameterError: All names that are no parameters, and values that no run can have had.
        """
        found: Runs = _engine().runs(cls, **parameters)
        return found

    def resume(  # type: ignore[misc]  # a metaclass's own
        cls: type[F],  # pyright: ignore[reportGeneralTypeIssues]  # as above
        run: RecordedRun | str,
        /,
        *,
        parameters: Mapping[str, Any] | None = None,
        executor: Executor | str | None = None,
        context: Mapping[str, Any] | None = None,
        task_runner_state_handlers: Iterable[Callable[..., Any]] | None = None,
    ) -> F:
        """Go on with a run of this flow that failed, was interrupted or killed, and return an instance that holds it.

        Only those tasks run that failed or have not run, those of which the source or an input has changed since, and
        those that wait for one of these. The run keeps its id and its parameters.

        Args:
            run: One of ``runs()``, or its id, or what that begins with.
            parameters: What is recorded nowhere, as secrets are. Others may be given too, if they are the run's.
            executor: As of ``LumeFlow.run``; it need not be the one that the run began on.
            context: As of ``LumeFlow.run``.
            task_runner_state_handlers: As of ``LumeFlow.run``.

        Raises:
            RunError: There is no such run here, it is another flow's or of other parameters, has succeeded, or is still
                going.
            FlowRunError: A task failed. The run can be resumed again.
            ParameterError, ServiceError, SettingsError: As of ``LumeFlow.run``.
        """
        outcome: F = _engine().resume_flow(
            cls,
            run,
            parameters=parameters,
            executor=executor,
            context=context,
            task_runner_state_handlers=task_runner_state_handlers,
        )
        return outcome

    def schema(cls) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of this flow's parameters and results."""
        return flow_schema(cls)

    def register(
        cls,
        *,
        project: str | None = None,
        labels: Iterable[str] | None = None,
        run_config: RunConfig | None = None,
        secret_name: str | None = None,
        set_schedule_active: bool = True,
        force: bool = False,
    ) -> str:
        """Register this flow with a Prefect server, and return its id. Agents find it at ``module:Flow.flow``.

        The settings that are set here go with it, but for what is secret in them.

        Args:
            project: Where the server keeps it; what ``@flow`` says, if None.
            labels: Those that an agent must have to run it, besides the run config's own; what ``@flow`` says, if None.
            run_config: How an agent runs it: one of ``prefect.run_configs``; what ``@flow`` says, if None, else that of
                ``LUME_BACKEND``.
            secret_name: The Secret of Kubernetes that has the secret variables as its keys.
            set_schedule_active: Whether runs begin by the flow's schedule.
            force: Make a new version where nothing has changed, too.

        Raises:
            RegistrationError: No agent could run it, no such project is there, or something asked for is wrong.
            ServiceError: The server does not answer, or fails.
        """
        id: str = _engine().register(
            cls,
            project=project,
            labels=labels,
            run_config=run_config,
            secret_name=secret_name,
            set_schedule_active=set_schedule_active,
            force=force,
        )
        return id

    def visualize(cls, filename: str | os.PathLike[str] | None = None) -> Picture:
        """Return the picture of this flow, which notebooks show, and save it if a filename is given. Nothing runs.

        The name ends in ``.svg`` or ``.png``, which need the extra ``graph``, or in ``.dot`` or ``.mmd`` (Mermaid).

        Raises:
            FileError: It ends otherwise, the file cannot be written, or the picture not be drawn.
        """
        picture: Picture = _report().visualize(cls, filename)
        return picture

    def _repr_svg_(cls) -> str | None:
        """What a notebook shows for the class, where the picture is soon drawn. Instances do not have it."""
        shown: str | None = _report().svg_of(cls)
        return shown


def _signature_default(spec: Parameter) -> Any:
    if spec.factory is not None or (spec.env and spec.required):
        return ...  # as stubs write a default that only a call knows
    return inspect.Parameter.empty if spec.required else spec.default


def _engine() -> Any:
    from lume_dsl import engine  # Prefect: 0.4 s and 770 modules, for those who run or compile

    return engine


def _report() -> Any:
    from lume_dsl import report  # a layer below, for those who look at a flow

    return report


class LumeFlow(metaclass=FlowMeta):
    """A flow, declared as a class. Subclass it; see ``parameter``, ``task``, ``step`` and the result fields.

    Raises, when a subclass is defined:
        DefinitionError: All that is wrong with the class, in source order, each with its line.

    An instance is a flow with its parameters bound: frozen, and compared by value.

    Raises, when an instance is made:
        ParameterError: All values that do not fit, are missing or are unknown.
    """

    if TYPE_CHECKING:
        flow: ClassVar[prefect.Flow]
        """The equivalent ``prefect.Flow``, built once."""
    else:  # to a type checker each flow's __init__ is made of its fields

        def __init__(self, /, *args: Any, **values: Any) -> None:
            cls = type(self)
            check_whole(cls)
            self.__dict__.update(bind_values(cls.__name__, cls.__lume_graph__, args, values, flow_class=cls))

        def __setattr__(self, name: str, value: Any) -> NoReturn:
            raise attrs.exceptions.FrozenInstanceError

        def __delattr__(self, name: str) -> NoReturn:
            raise attrs.exceptions.FrozenInstanceError

        @property
        def flow(self) -> prefect.Flow:
            return type(self).flow

    def __repr__(self) -> str:
        shown = shown_values(type(self).__lume_graph__, parameters_of(self))
        values = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"{type(self).__qualname__}({values})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LumeFlow) or type(self) is not type(other):
            return NotImplemented
        return (parameters_of(self), self.__dict__.get(RUN)) == (parameters_of(other), other.__dict__.get(RUN))

    def __hash__(self) -> int:
        return hash((type(self), *parameters_of(self).values()))

    @property
    def logger(self) -> logging.Logger:
        """In a step, the task's logger; elsewhere one of the flow's name."""
        found: logging.Logger | None = self.__dict__.get(LOGGER)
        return found or logging.getLogger(f"lume_dsl.{type(self).__name__}")

    @property
    def flow_run(self) -> FlowRun:
        """The run that gave this instance its values: its id, state, times and tasks.

        Raises:
            NotRunError: The instance has not run.
        """
        return run_of(self, "flow_run")

    @of_bound_flow
    def run(
        self,
        *,
        executor: Executor | str | None = None,
        context: Mapping[str, Any] | None = None,
        task_runner_state_handlers: Iterable[Callable[..., Any]] | None = None,
    ) -> Self:
        """Run the flow and return a new instance whose task and result attributes hold values.

        Args:
            executor: Where tasks run: ``"local"``, ``"threads"``, ``"processes"``, ``"dask"``, ``"dask://HOST:PORT"``
                or an executor of Prefect's; the flow's own, or Prefect's default, if None.
            context: Further keys of ``prefect.context`` for this run.
            task_runner_state_handlers: As Prefect's: called at each state of each task.

        Raises:
            ExecutorError: There is no executor of the name.
            FlowRunError: A task failed. It names the failed tasks; its cause is the first exception.
            ServiceError, SettingsError: A service that the flow uses does not answer; nothing has run.
        """
        outcome: Self = _engine().run_flow(
            self, executor=executor, context=context, task_runner_state_handlers=task_runner_state_handlers
        )
        return outcome


def parameters_of(instance: LumeFlow) -> dict[str, Any]:
    """Return the values of a flow's parameters, in field order."""
    return {name: instance.__dict__[name] for name in type(instance).__lume_graph__.parameters}


def check_whole(flow_class: FlowMeta) -> None:
    """Return if nothing is left for a subclass to give.

    Raises:
        DefinitionError: All that is.
    """
    problems = abstract_problems(flow_class.__name__, flow_class.__lume_graph__)
    if problems:
        raise DefinitionError(tuple(problems))


def with_values(flow_class: FlowMeta, values: Mapping[str, Any]) -> Any:
    """Return a flow with all its parameters, of values that ``bind_values`` returned. They are not checked again."""
    instance: Any = object.__new__(cast(type, flow_class))
    instance.__dict__.update(values)
    return instance


def schema(flow_class: FlowMeta, /) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a flow's parameters and results.

    As ``flow_class.schema()``, for flows that have a parameter called ``schema``. What it takes and a flow does not
    is told at ``declare.schema.flow_schema``.
    """
    return flow_schema(flow_class)
