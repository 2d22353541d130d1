"""Steps: tasks written as methods of their flow. It does not know what runs them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lume_dsl.declare.body import Body, open_body
from lume_dsl.declare.graph import MISSING, StepRun
from lume_dsl.declare.options import TaskUseOptions
from lume_dsl.declare.order import wait_for
from lume_dsl.declare.references import Pending, Reference, Source, has_references, source_of
from lume_dsl.declare.tasks import UNNAMED, Unmapped, check_options, generator_problem
from lume_dsl.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["step"]

R = TypeVar("R")


class _WithOptions:
    """``step`` with options, which go with a map too: ``@step(max_retries=3, retry_delay=…).map(image=images)``."""

    def __init__(self, options: dict[str, Any], after: Any = ()) -> None:
        self._options = options
        self._after = after

    def __call__(self, function: Callable[..., R], /) -> R:
        return _add(function, options=self._options, over={}, after=self._after)  # type: ignore[no-any-return]  # as its value

    def map(self, *misplaced: Any, **over: Any) -> Callable[[Callable[..., R]], list[R]]:
        """Make a task of a method that runs once for each item of the values given here, in step.

        The value of its name is the list of the runs' return values, in the items' order. Arguments that
        are not named here, or in ``unmapped(…)``, are passed whole.
        """
        if misplaced or all(isinstance(values, Unmapped) for values in over.values()):
            name = getattr(misplaced[0], "__name__", "step") if misplaced else "step"
            body = open_body(f"step {name}", OUTSIDE)
            message, fix = "@step.map is not told what to map over", "write @step.map(argument=values)"
            body.problems.append(Problem("map-arguments", f"{body.name}.{name}", message, fix, body.place()))
            return body.unknown(name)  # type: ignore[return-value]  # the class has failed
        return functools.partial(_add, options=self._options, over=over, after=self._after)


class _Step(_WithOptions):
    """Make a task of a method: ``@step``, ``@step(max_retries=3, retry_delay=…)``, ``@step.map(image=images)``.

    Each argument after ``self`` takes the value of the body's name that it bears, or of the reference given
    as its default. The method's name holds, and has the static type of, its return value. When it runs,
    ``self`` is the flow with the parameter values of this run, and ``self.logger`` is the task's.
    """

    @overload
    def __call__(self, function: Callable[..., R], /) -> R: ...
    @overload
    def __call__(self, **options: Unpack[TaskUseOptions]) -> _WithOptions: ...
    # mypy takes an unpacked TypedDict in a method's overload for more than **options.
    def __call__(self, function: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]
        if function is None:
            after = options.pop("after", ())
            check_options("step", options, depth=2)
            return _WithOptions(options, after)
        return super().__call__(function)

    def __repr__(self) -> str:
        return "<decorator step>"


step = _Step({})

OUTSIDE = "use @task for a function outside a flow's class"


def _add(function: Callable[..., Any], *, options: dict[str, Any], over: dict[str, Any], after: Any = ()) -> Any:
    name = getattr(function, "__name__", repr(function))
    body = open_body(f"step {name}", OUTSIDE)
    is_method = inspect.isfunction(function) and not inspect.iscoroutinefunction(function)
    parameters = list(inspect.signature(function).parameters.values()) if is_method else []
    unnamed = (*UNNAMED, inspect.Parameter.VAR_KEYWORD)
    if wrong := generator_problem(function):
        body.problems.append(Problem("step-signature", f"{body.name}.{name}", *wrong, body.place()))
        return body.unknown(name)
    if not parameters or parameters[0].name != "self" or any(parameter.kind in unnamed for parameter in parameters):
        message = "needs self and then arguments that have names"
        fix = f"write def {name}(self, ...) without *args, **kwargs and /"
        body.problems.append(Problem("step-signature", f"{body.name}.{name}", message, fix, body.place()))
        return body.unknown(name)
    arguments = {parameter.name: parameter.default for parameter in parameters[1:]}
    for unknown in over.keys() - arguments.keys():
        body.problems.append(
            Problem(
                "map-arguments",
                f"{body.name}.{name}",
                f"@step.map maps over {unknown!r}, which the method does not take{did_you_mean(unknown, arguments)}",
                f"write @step({unknown}=...).map(...)"
                if unknown in TaskUseOptions.__annotations__
                else f"its arguments are {', '.join(arguments) or 'none'}",
                body.place(),
            )
        )
    sources = {key: _source(body, key, default, over) for key, default in arguments.items()}
    _drop_references(function)
    return wait_for(body.add(StepRun(function, options), sources, fallback=name), body, f"step {name}", after)


def _source(body: Body, key: str, default: Any, over: dict[str, Any]) -> Source:
    if key in over:
        given = over[key]
        is_whole = isinstance(given, Unmapped)
        return source_of(given.value if is_whole else given, body, mapped=not is_whole)
    if has_references(default):
        return source_of(default, body)
    if isinstance(value := dict.get(body, key), Reference):
        return source_of(value, body)
    return Pending(key, MISSING if default is inspect.Parameter.empty else default)


def _drop_references(function: Any) -> None:
    """Leave a method no default that is a reference: it goes to workers, and references do not.

    A plain default before such a one goes too, as Python has none before an argument without.
    """
    while inspect.isfunction(function):
        given = function.__defaults__ or ()
        last = max((place for place, default in enumerate(given, 1) if has_references(default)), default=0)
        function.__defaults__ = given[last:]
        by_name = function.__kwdefaults__ or {}
        function.__kwdefaults__ = {name: default for name, default in by_name.items() if not has_references(default)}
        function = getattr(function, "__wrapped__", None)
