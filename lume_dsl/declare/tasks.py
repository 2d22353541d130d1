"""Tasks: reusable units of work, and their use in a flow's body. It does not know what runs them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

import attrs

from lume_dsl.declare.arguments import bind_arguments
from lume_dsl.declare.body import Body, PrefectTaskName, Unknown, is_prefect_task, open_body, place_of
from lume_dsl.declare.graph import FLATTEN, Operation, TaskRun
from lume_dsl.declare.options import CacheOptions, TaskOptions, TaskUseOptions, option_problems
from lume_dsl.declare.order import wait_for
from lume_dsl.declare.references import (
    Reference,
    Source,
    Unchecked,
    UncheckedConstant,
    first_of,
    has_references,
    source_of,
)
from lume_dsl.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "UNNAMED",
    "Task",
    "Unmapped",
    "check_options",
    "flatten",
    "function_name",
    "generator_problem",
    "task",
    "unchecked",
    "unmapped",
]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class _PrefectTask(Protocol[P, R_co]):
    """What is asked of a ``prefect.Task`` object."""

    @property
    def run(self) -> Callable[P, R_co]: ...

    def set_upstream(self, *args: Any, **kwargs: Any) -> Any: ...


class _TaskOptionsAndServices(TaskOptions, CacheOptions, total=False):
    services: bool


@attrs.frozen
class Unmapped:
    """An argument of ``.map`` that every item takes whole."""

    value: Any


def unmapped(value: T) -> T:
    """Mark an argument of ``.map`` that every item takes whole, as Prefect's ``unmapped`` does."""
    return Unmapped(value)  # type: ignore[return-value]  # typed as what each item's task receives


def unchecked(value: Any) -> Any:
    """Mark an argument whose type need not fit: ``fit(unchecked(image))``.

    For an annotation that says less, or something else, than what is known of the value. Nothing else
    changes: the same tasks and edges are made, and other uses of the value are checked as ever. It goes with
    references, lists, tuples and dicts of them, and constants, in ``unmapped(…)`` or around it.
    """
    if isinstance(value, Unmapped):
        return Unmapped(unchecked(value.value))
    if isinstance(value, (Unknown, Unchecked, UncheckedConstant)):
        return value
    if isinstance(first_of(value, (Reference,)), Reference):
        return Unchecked(value)
    # What belongs to another flow alone is a problem, marked or not.
    return value if has_references(value) else UncheckedConstant(value)


def flatten(values: Iterable[Iterable[T]]) -> list[T]:
    """Return the items of the lists in a list, in order: what a map of a task that returns lists is mapped over next.

    ``brightest.map(flatten(find_spots.map(images)))``. Its value is a list of its own, made in a task.

    Raises:
        DefinitionError: The call stands outside a flow's body.
    """
    body = open_body("flatten()", "write [item for items in values for item in items]")
    return body.add(Operation(FLATTEN), {"x": source_of(values, body)}, fallback=FLATTEN)  # type: ignore[return-value]


def function_name(function: Any) -> str:
    """What a task is called where the body gives its run no name: as Prefect would call it."""
    if is_prefect_task(function):
        return str(function.name)
    return getattr(function, "__name__", None) or type(function).__name__


def check_options(what: str, options: Mapping[str, Any], *, depth: int, cached: bool = True) -> None:
    """Raise one ``DefinitionError`` for all that is wrong with task options; ``depth`` finds the caller's line.

    ``cached``: whether they are of what may be cached.
    """
    place = place_of(sys._getframe(depth))
    problems = tuple(Problem("task-option", what, *found, place) for found in option_problems(options, cached=cached))
    if problems:
        raise DefinitionError(problems)


class Task(Generic[P, R]):
    """A reusable unit of work, made by ``task``.

    Called in a flow's body it adds a task to the flow and gives a reference of the static type of the
    function's return value. ``.run(…)`` calls the plain function anywhere.

    Attributes:
        function: The plain function, or the ``prefect.Task`` object.
        options: The Task options that differ from Prefect's defaults.
        services: Whether it uses files or records, so that ``configure_services`` runs before it.
        after: The values of a flow that its runs wait for.
    """

    def __init__(
        self, function: Callable[P, R], options: Mapping[str, Any], *, services: bool = False, after: Any = ()
    ) -> None:
        self.function = function
        self.after = after
        self.options = dict(options)
        self.services = services
        self._work = TaskRun(function, self.options, services)
        functools.update_wrapper(self, function, updated=())

    def __repr__(self) -> str:
        return f"<task {function_name(self.function)}>"

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Add a run of this task to the flow in whose body the call stands.

        Raises:
            DefinitionError: The call stands outside a flow's body.
        """
        name = function_name(self.function)
        body = open_body(f"task {name}", f"write {name}.run(...) to call the plain function")
        value: R = self._use(body, args, kwargs, mapped=False)
        return value

    def map(self, /, *args: Any, **kwargs: Any) -> list[R]:
        """Add a task to the flow that runs once for each item of its arguments, in step.

        The arguments are lists, all of one length, but for those in ``unmapped(…)``. Its value is the list
        of the runs' return values, in the items' order.

        Raises:
            DefinitionError: The call stands outside a flow's body.
        """
        name = function_name(self.function)
        body = open_body(f"task {name}", f"write [{name}.run(item) for item in items] to call the plain function")
        values: list[R] = self._use(body, args, kwargs, mapped=True)
        return values

    def run(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function, in a flow or outside."""
        plain: Callable[P, R] = self.function.run if is_prefect_task(self.function) else self.function  # type: ignore[attr-defined]
        return plain(*args, **kwargs)

    def with_options(self, **options: Unpack[TaskUseOptions]) -> Task[P, R]:
        """Return a copy of the task with these options changed.

        In a flow's body ``after=[a, b]`` has its runs wait for other tasks without taking their values.
        """
        changed: dict[str, Any] = dict(options)
        after = changed.pop("after", self.after)
        check_options(f"task {function_name(self.function)}", {**self.options, **changed}, depth=2)
        return Task(self.function, {**self.options, **changed}, services=self.services, after=after)

    def _use(self, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], *, mapped: bool) -> Any:
        name = str(self.options.get("name") or function_name(self.function))
        used = body.add(self._work, self._sources(body, args, kwargs, mapped=mapped), fallback=name)
        return wait_for(used, body, name, self.after)

    def _sources(self, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], *, mapped: bool) -> dict[str, Source]:
        try:
            arguments = bind(self.function, args, kwargs)
        except TypeError as error:
            name = function_name(self.function)
            fix = f"the task is {name}{_shown_signature(self.function)}"
            unexpected = next((key for key in kwargs if f"argument {key!r}" in str(error)), "")
            option = _OPTIONS_OF_PREFECT.get(unexpected, unexpected)
            fix = f"write {name}.with_options({option}=...)" if option in TaskUseOptions.__annotations__ else fix
            body.problems.append(Problem("task-arguments", f"{body.name}: {name}", str(error), fix, body.place()))
            return {}
        sources = {}
        for key, value in arguments.items():
            if found := _of_prefect(value):
                subject = f"{body.name}: {function_name(self.function)}"
                body.problems.append(Problem("prefect-task", subject, f"{key!r} is {found[0]}", found[1], body.place()))
                return {}
            whole = isinstance(value, Unmapped)
            sources[key] = source_of(value.value if whole else value, body, mapped=mapped and not whole)
        if mapped and not any(source.mapped for source in sources.values()):
            body.problems.append(
                Problem(
                    "map-arguments",
                    f"{body.name}: {function_name(self.function)}.map",
                    "has no argument to map over",
                    "give it a list that is not in unmapped(...), or call the task without .map",
                    body.place(),
                )
            )
        return sources


_OPTIONS_OF_PREFECT = {"upstream_tasks": "after", "task_args": "name"}
"""What stands for an argument of a Prefect task's call, which is none of the function's."""


def _of_prefect(value: Any) -> tuple[str, str] | None:
    """What of Prefect's own an argument is, which says nothing in a body, and what to write instead."""
    kind = type(value)
    if kind.__module__ == "prefect.utilities.edges":
        instead = (
            "write .map(...) behind the task" if kind.__name__ == "mapped" else f"from lume_dsl import {kind.__name__}"
        )
        return f"Prefect's {kind.__name__}(...), which knows flows written by hand alone", instead
    if isinstance(value, PrefectTaskName) or is_prefect_task(value):
        of_class = kind.__name__ == "Parameter" and kind.__module__ == "prefect.core.parameter"
        fix = f"write {value.name}: <its type> = parameter()" if of_class else "write task(...)(...) of it"
        return "a prefect.Task, which knows no flow here", fix
    return None


def plain_function(function: Any) -> Callable[..., Any]:
    """The function that runs: itself, or the ``run`` method of a ``prefect.Task`` object."""
    plain: Callable[..., Any] = function.run if is_prefect_task(function) else function
    return plain


def bind(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by name, ``**kwargs`` spread out, in the order of the signature.

    Raises:
        TypeError: They do not fit the signature.
    """
    signature = inspect.signature(plain_function(function))
    arguments = dict(bind_arguments(signature, args, kwargs).arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments.update(arguments.pop(parameter.name, {}))
    return arguments


@overload
def task(function: Callable[P, R], /, **options: Unpack[_TaskOptionsAndServices]) -> Task[P, R]: ...
@overload
def task(function: _PrefectTask[P, R], /, **options: Unpack[_TaskOptionsAndServices]) -> Task[P, R]: ...
@overload
def task(**options: Unpack[_TaskOptionsAndServices]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Any = None, /, *, services: bool = False, **options: Any) -> Any:
    """Make a task of a function, or of any ``prefect.Task`` object.

    Write ``@task``, ``@task(max_retries=3, retry_delay=…)`` or ``task(ShellTask())``. Options are all
    initialisation arguments of ``prefect.Task``, ``services=True`` for a task that reads or writes
    files or records by itself, and ``cache=True`` or ``cache=timedelta(days=7)`` for one that is not run again with
    the same source and inputs.

    Raises:
        DefinitionError: An option is unknown or does not go with the others, or the function takes
            ``*args`` or positional-only arguments (Prefect passes arguments by name).

    >>> @task
    ... def double(x: float) -> float:
    ...     return 2 * x
    >>> double.run(21.0)
    42.0
    """
    if function is None:
        return functools.partial(task, services=services, **options)
    if isinstance(function, PrefectTaskName):
        function = function.task
    name = function_name(function)
    check_options(f"task {name}", options, depth=2)
    if wrong := _signature_problem(function):
        raise DefinitionError((Problem("task-signature", f"task {name}", *wrong, place_of(sys._getframe(1))),))
    return Task(function, options, services=services or getattr(function, "uses_services", False))


def generator_problem(function: Any) -> tuple[str, str] | None:
    """What is wrong with a function that yields, and how to mend it: its value would go to no worker."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "is a generator, so that a call of it computes nothing", "return a list of what it yields"
    return None


def _shown_signature(function: Any) -> str:
    """A signature as it is written: annotations that are text without quotes around them."""
    shown = str(inspect.signature(plain_function(function)))
    for annotation in getattr(plain_function(function), "__annotations__", {}).values():
        if isinstance(annotation, str):
            shown = shown.replace(repr(annotation), annotation)
    return shown


def _signature_problem(function: Any) -> tuple[str, str] | None:
    """What keeps a function from being a task, and how to mend it."""
    if not callable(function) and not is_prefect_task(function):
        return "is no function", "write @task above a function, or task(...) of a prefect.Task object"
    plain = plain_function(function)
    if inspect.iscoroutinefunction(plain):
        return "is a coroutine, which Prefect 1 does not await", "write def, and asyncio.run(...) in it"
    if wrong := generator_problem(plain):
        return wrong
    try:
        parameters = list(inspect.signature(plain).parameters.values())
    except ValueError:  # a builtin that does not tell its arguments
        return "does not tell its arguments' names", "wrap it in a function that does"
    if {parameter.kind for parameter in parameters} & set(UNNAMED):
        return "takes *args or positional-only arguments, but a task's arguments are passed by name", "give each a name"
    if parameters and parameters[0].name == "self":
        return "is a method", "write @step above a method of a flow"
    return None


UNNAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY)
"""The kinds of arguments that cannot be passed by name."""
