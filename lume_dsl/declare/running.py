"""How ``run`` is asked for: of a flow with its parameters bound. It does not know what runs it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from types import MethodType
from typing import Any, ParamSpec, TypeVar, cast

from lume_dsl.declare.body import caller_place
from lume_dsl.declare.parameters import spec_of
from lume_dsl.errors import ParameterError, Problem

__all__ = ["of_bound_flow"]

P = ParamSpec("P")
R = TypeVar("R")


def of_bound_flow(method: Callable[P, R]) -> Callable[P, R]:
    """Return the method, which tells those who ask the class for it, or give it parameters, what to write.

    Raises, when it is called so:
        ParameterError: Its fix is the call with the parameters at their place.
    """
    return cast(Callable[P, R], _OfBoundFlow(method))


class _OfBoundFlow:
    def __init__(self, method: Callable[..., Any]) -> None:
        options = inspect.signature(method).parameters

        @functools.wraps(method)
        def checked(flow: Any, /, *args: Any, **given: Any) -> Any:
            misplaced = [name for name in given if name not in options and name in type(flow).__lume_graph__.parameters]
            if misplaced:
                message = "takes no parameters, as the flow has them already"
                raise ParameterError((_not_bound(type(flow), message, misplaced),))
            return method(flow, *args, **given)

        self._method = checked

    def __call__(self, /, *args: Any, **given: Any) -> Any:
        return self._method(*args, **given)

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is not None:
            return MethodType(self._method, instance)
        return functools.update_wrapper(functools.partial(_of_class, self._method, owner), self._method)


def _of_class(method: Callable[..., Any], owner: type, /, *args: Any, **given: Any) -> Any:
    if not args or not isinstance(args[0], owner):
        raise ParameterError((_not_bound(owner, "was called on the class, which has no values to run with", given),))
    return method(*args, **given)


def _not_bound(flow: Any, message: str, given: Iterable[str]) -> Problem:
    required = [name for name, member in flow.__lume_graph__.parameters.items() if spec_of(member).required]
    call = f"{flow.__name__}({', '.join(f'{name}=...' for name in dict.fromkeys([*required, *given]))})"
    return Problem("parameter-unknown", f"{flow.__name__}.run()", message, f"write {call}.run()", caller_place())
