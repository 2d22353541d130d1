"""Resources: what is set up before a block of tasks and cleaned up after it. It does not know what runs them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from lume_dsl.declare.body import Body, open_body, place_of
from lume_dsl.declare.graph import Part, Resource
from lume_dsl.declare.hints import Hints, Scope, function_hints
from lume_dsl.declare.options import TaskOptions
from lume_dsl.declare.references import Draft, Reference, Source, draft_of, source_of
from lume_dsl.declare.tasks import UNNAMED, bind, check_options
from lume_dsl.errors import DefinitionError, Problem, did_you_mean

__all__ = ["ResourceManager", "part_hints", "resource_manager"]

P = ParamSpec("P")
S = TypeVar("S")


class _Manager(Protocol[S]):
    """What is asked of a decorated class."""

    def setup(self) -> S: ...

    def cleanup(self, resource: S, /) -> Any: ...


class ResourceManager(Generic[P, S]):
    """A class whose objects set something up and clean it up, made by ``resource_manager``.

    ``with Cluster(workers) as client:`` in a flow's body holds it around the tasks of the block. ``.run(...)`` holds it
    anywhere else.

    Attributes:
        resource_class: The plain class.
        name: What its tasks are called by.
        options: The Task options of its three tasks, ``init``, ``setup`` and ``cleanup``.
    """

    def __init__(
        self, resource_class: Callable[P, _Manager[S]], *, name: str, options: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.resource_class = resource_class
        self.name = name
        self.options = options
        functools.update_wrapper(self, resource_class, updated=())

    def __repr__(self) -> str:
        return f"<resource manager {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> _Block[S]:
        """Return the block of the flow's body that this resource is held around: what ``with`` takes.

        Raises:
            DefinitionError: The call stands outside a flow's body.
        """
        fix = f"write with {self.name}.run(...) as ...: to set it up and clean it up in plain Python"
        body = open_body(f"resource manager {self.name}", fix)
        init = self._add(body, "init", self._arguments(body, args, kwargs))
        return _Block(body, init, self._add(body, "setup", {"mgr": source_of(init, body)}), self._add)

    @contextmanager
    def run(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[S]:
        """Set it up, and clean it up in the end, in plain Python: ``with Cluster.run(2) as client: ...``."""
        manager = self.resource_class(*args, **kwargs)
        resource = manager.setup()
        try:
            yield resource
        finally:
            manager.cleanup(resource)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[Any, ...]:
        return (self.resource_class,)  # a subclass is one of the plain class; else Python calls type(self)(name, ...)

    def _arguments(self, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Source]:
        try:
            arguments = bind(self.resource_class, args, kwargs)
        except TypeError as error:
            fix = f"its arguments are {inspect.signature(self.resource_class)}"
            place = body.place()
            body.problems.append(Problem("task-arguments", f"{body.name}: {self.name}", str(error), fix, place))
            return {}
        return {key: source_of(value, body) for key, value in arguments.items()}

    def _add(self, body: Body, part: Part, inputs: dict[str, Source]) -> Reference:
        options = self.options[part]
        name = str(options.get("name") or (self.name if part == "init" else f"{self.name}.{part}"))
        return body.add(Resource(part, cast(type, self.resource_class), options), inputs, fallback=name)


class _Block(Generic[S]):
    """The block of a flow's body around which a resource is held."""

    def __init__(self, body: Body, init: Reference, setup: Reference, add: Callable[..., Reference]) -> None:
        self._body = body
        self._init = init
        self._setup = setup
        self._add = add
        self._around: Draft | None = None
        self._is_over = False
        self._name = draft_of(init).fallback
        message, fix = "is set up for nothing, as it has no block", f"write: with {self._name}(...) as ...:"
        body.unentered[draft_of(setup)] = self._wrong(message, fix)

    def _wrong(self, message: str, fix: str) -> Problem:
        return Problem("resource", f"{self._body.name}: {self._name}", message, fix, self._body.place())

    def __enter__(self) -> S:
        self._body.unentered.pop(draft_of(self._setup), None)
        if self._is_over:
            fix = f"write {self._name}(...) again, which sets up another"
            self._body.problems.append(self._wrong("is held around a second block, after its cleanup", fix))
        self._around = self._body.block
        self._body.block = draft_of(self._setup)
        return self._setup  # type: ignore[return-value]  # typed as what the tasks receive

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._body.block = self._around
        if self._is_over:
            return
        self._is_over = True
        inputs = {"mgr": source_of(self._init, self._body), "resource": source_of(self._setup, self._body)}
        self._add(self._body, "cleanup", inputs)


@overload
def resource_manager(
    resource_class: Callable[P, _Manager[S]],
    /,
    *,
    name: str = ...,
    init_task_kwargs: TaskOptions = ...,
    setup_task_kwargs: TaskOptions = ...,
    cleanup_task_kwargs: TaskOptions = ...,
) -> ResourceManager[P, S]: ...
@overload
def resource_manager(
    *,
    name: str = ...,
    init_task_kwargs: TaskOptions = ...,
    setup_task_kwargs: TaskOptions = ...,
    cleanup_task_kwargs: TaskOptions = ...,
) -> Callable[[Callable[P, _Manager[S]]], ResourceManager[P, S]]: ...
def resource_manager(
    resource_class: Any = None,
    /,
    *,
    name: str = "",
    init_task_kwargs: TaskOptions | None = None,
    setup_task_kwargs: TaskOptions | None = None,
    cleanup_task_kwargs: TaskOptions | None = None,
) -> Any:
    """Make a resource of a class: what ``setup`` returns is held around a block of tasks, then given to ``cleanup``.

    Write ``@resource_manager`` above the class, and ``with Cluster(workers) as client:`` in a flow's body. As
    Prefect's, it becomes three tasks, which take the Task options given here.

    Raises:
        DefinitionError: What it stands above is no class with ``setup`` and ``cleanup``, or an option is wrong.

    >>> @resource_manager
    ... class Shutter:
    ...     def setup(self) -> str:
    ...         return "open"
    ...     def cleanup(self, state: str) -> None:
    ...         print("closed, was", state)
    >>> with Shutter.run() as state:
    ...     print(state)
    open
    closed, was open
    """
    options: dict[str, Any] = {
        "init_task_kwargs": init_task_kwargs,
        "setup_task_kwargs": setup_task_kwargs,
        "cleanup_task_kwargs": cleanup_task_kwargs,
    }
    if resource_class is None:
        return functools.partial(resource_manager, name=name, **options)
    name = name or getattr(resource_class, "__name__", repr(resource_class))
    place = place_of(sys._getframe(1))
    wrong = list(_wrong_with(resource_class))
    if wrong:
        raise DefinitionError(tuple(Problem("resource", f"resource manager {name}", *one, place) for one in wrong))
    for key, given in options.items():
        check_options(f"{key} of {name}", given or {}, depth=2, cached=False)
    parts = {key.removesuffix("_task_kwargs"): dict(given or {}) for key, given in options.items()}
    return ResourceManager(resource_class, name=name, options=parts)


def _wrong_with(cls: Any) -> Iterator[tuple[str, str]]:
    """What keeps a class from being a resource manager, and how to mend it."""
    if not isinstance(cls, type):
        yield "is no class", "write @resource_manager above a class that has setup and cleanup"
        return
    try:
        kinds = {parameter.kind for parameter in inspect.signature(cls).parameters.values()}
    except ValueError:  # that of a builtin
        yield "does not tell its arguments' names", "write def __init__(self, ...): ..., which does"
    else:
        if kinds & set(UNNAMED):
            yield "takes *args or positional-only arguments, but a task's are passed by name", "give each a name"
    for name, call in _CALLS.items():
        method = getattr(cls, name, None)
        if method is None:
            near = did_you_mean(name, [known for known in vars(cls) if not known.startswith("_")])
            yield f"has no {name}{near}", f"write def {call}: ..."
        elif inspect.iscoroutinefunction(method):
            yield f"{name} is a coroutine, which Prefect 1 does not await", "write def, and asyncio.run(...) in it"
        elif not _takes(method, call.count(",") + 1):
            yield f"{name} takes other arguments: {inspect.signature(method)}", f"write def {call}: ..."


_CALLS = {"setup": "setup(self)", "cleanup": "cleanup(self, resource)"}


def _takes(method: Any, count: int) -> bool:
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    return True


def part_hints(work: Resource, scope: Scope) -> Hints:
    """The types of what a part of a resource takes and of its value, by the keys of its inputs."""
    cls = work.resource_class
    module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    scope = Scope(scope.globals, {**module, **scope.locals})  # attrs's __init__ has other globals than its class
    if work.part == "init":
        return Hints(function_hints(cls.__init__, scope).arguments, cls)  # type: ignore[misc]  # no instance
    hints = function_hints(getattr(cls, work.part), scope)
    if work.part == "setup":
        return Hints({}, hints.returns)
    arguments = list(inspect.signature(cls.cleanup).parameters)[1:]  # type: ignore[attr-defined]  # any class with it
    return Hints({"resource": hints.arguments.get(arguments[0], Any)}, type(None))
