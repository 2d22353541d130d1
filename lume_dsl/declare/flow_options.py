"""``@flow``: the options of a flow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from lume_dsl.declare.body import place_of
from lume_dsl.declare.executor_names import problem_of_name
from lume_dsl.declare.flow import FlowMeta, LumeFlow
from lume_dsl.declare.namespace import Compiled
from lume_dsl.errors import DefinitionError, Problem, did_you_mean

if TYPE_CHECKING:
    from prefect.engine.result import Result
    from prefect.executors import Executor
    from prefect.run_configs import RunConfig
    from prefect.schedules import Schedule
    from prefect.storage import Storage
    from typing_extensions import Unpack

__all__ = ["FlowOptions", "flow"]

F = TypeVar("F", bound=LumeFlow)


class FlowOptions(TypedDict, total=False):
    """The options of a flow; ``project`` is what its records are filed under, the rest are Prefect's.

    See the docstring of ``prefect.Flow``. An ``executor`` may be a name, as ``"threads"``. ``labels`` go to the run
    config, when the flow is registered.
    """

    name: str
    project: str
    schedule: Schedule
    executor: Executor | str
    run_config: RunConfig
    storage: Storage
    labels: Iterable[str]
    result: Result
    state_handlers: list[Callable[..., Any]]
    on_failure: Callable[..., Any]
    terminal_state_handler: Callable[..., Any]


def flow(*misplaced: Any, **options: Unpack[FlowOptions]) -> Callable[[type[F]], type[F]]:
    """Set the options of a flow: ``@flow(name="scan", project="injector")`` above the class.

    Raises:
        DefinitionError: An option is unknown or wrong, or what it stands above is no flow.
    """
    place = place_of(sys._getframe(1))
    if misplaced:
        what = getattr(misplaced[0], "__name__", repr(misplaced[0]))
        problem = Problem("flow-option", what, "@flow takes its options by name", 'write @flow(name="...")', place)
        raise DefinitionError((problem,))

    def decorate(cls: type[F]) -> type[F]:
        found = [] if issubclass(type(cls), FlowMeta) else [("is no flow", "let the class subclass LumeFlow")]
        found = _flow_option_problems(options) + found
        if found:
            raise DefinitionError(tuple(Problem("flow-option", cls.__name__, *problem, place) for problem in found))
        cls.__lume_options__ = options
        cls.__lume_compiled__ = Compiled()
        return cls

    return decorate


def _flow_option_problems(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a flow's options, as pairs of what and how to mend it."""
    known = FlowOptions.__annotations__
    listed = f"the options are: {', '.join(known)}"
    found = [
        (f"{name!r} is not a flow option{did_you_mean(name, known)}", listed) for name in options if name not in known
    ]
    found += [
        (f"{name}={options[name]!r} is not a text", f'write {name}="..."')
        for name in ("name", "project")
        if name in options and not isinstance(options[name], str)
    ]
    if isinstance(config := options.get("run_config"), str):
        fix = "write run_config=DockerRun(image=...), or another of prefect.run_configs"
        found.append((f"run_config={config!r} is a text", fix))
    executor = options.get("executor")
    if isinstance(executor, str) and (problem := problem_of_name(executor)) is not None:
        found.append(problem)
    if isinstance(labels := options.get("labels"), str):
        found.append((f"labels={labels!r} is one text", f"write labels=[{labels!r}]"))
    return found
