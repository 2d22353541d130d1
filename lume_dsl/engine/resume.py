"""A run that failed, was interrupted or killed, taken up where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from prefect.executors import Executor

from lume_dsl.declare.flow import LumeFlow, parameters_of
from lume_dsl.engine.compile import compile_flow
from lume_dsl.engine.plan import plan_of
from lume_dsl.engine.recording import Resumed
from lume_dsl.engine.run import run_flow
from lume_dsl.engine.scheduled import context_of
from lume_dsl.history.documents import attempts_of, working_folder
from lume_dsl.history.find import journal_to_resume
from lume_dsl.history.parameters import parameters_to_resume
from lume_dsl.history.recorded import RecordedRun
from lume_dsl.services import current

__all__ = ["resume_flow"]

F = TypeVar("F", bound=LumeFlow)


def resume_flow(
    flow_class: type[F],
    run: RecordedRun | str,
    *,
    parameters: Mapping[str, Any] | None = None,
    executor: Executor | str | None = None,
    context: Mapping[str, Any] | None = None,
    task_runner_state_handlers: Iterable[Callable[..., Any]] | None = None,
) -> F:
    """Go on with a run, and return an instance that holds it. See ``FlowMeta.resume``."""
    compiled = compile_flow(flow_class)
    run_id = run.id if isinstance(run, RecordedRun) else run
    if not isinstance(run_id, str):  # where no type checker was asked
        raise TypeError(f"resume({run!r}): give a run's id, or what it begins with, or a run of runs()")
    journal, begin = journal_to_resume(run_id, current())
    instance = flow_class(**parameters_to_resume(flow_class, journal, begin, parameters or {}))
    journal.hold()
    try:
        plan = plan_of(compiled, journal, compiled.json_parameters(parameters_of(instance)))
        plan.tell(compiled.logger, journal.run_id)
        if (before := begin.get("folder")) != (now := working_folder()):
            compiled.logger.warning(f"the run began in {before}: relative names are seen from {now} now")
        return run_flow(
            instance,
            executor=executor,
            context={**context_of(begin), **(context or {})},
            task_runner_state_handlers=task_runner_state_handlers,
            resumed=Resumed(journal, attempts_of(journal), plan.dropped),
            task_states=plan.states,
        )
    finally:
        journal.let_go()
