"""What a step reads of ``self``: the parameters that its value depends on, and the rest of its class that it calls.

It must not know what runs it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from lume_dsl.cache.code import attributes_of
from lume_dsl.cache.source import Source
from lume_dsl.declare.attributes import FlowAttribute
from lume_dsl.declare.flow import FlowMeta, LumeFlow

__all__ = ["add_step"]


def add_step(source: Source, flow_class: FlowMeta, function: Callable[..., Any], name: str) -> tuple[str, ...]:
    """A step, with what it calls of ``self``, is in the source; return the parameters that it reads of ``self``.

    Those are all where it hands ``self`` on, as to a function or by ``super()``, or sets something of it.
    """
    source.add(function, name)
    parameters = flow_class.__lume_graph__.parameters
    read: set[str] = set()
    methods = [function]
    for method in methods:
        names = _read_of_self(method)
        if names is None:
            for attribute, value in _own(flow_class):
                source.add(value, f"{flow_class.__name__}.{attribute}")
            return tuple(parameters)
        for attribute in sorted(names - read):
            read.add(attribute)
            if attribute in parameters:
                continue
            value = inspect.getattr_static(flow_class, attribute, None)
            if value is None or isinstance(value, FlowAttribute) or attribute in dir(LumeFlow):
                continue  # a name of a run, or of every flow: its logger
            source.add(value, f"{flow_class.__name__}.{attribute}")
            methods += _methods_of(value)
    return tuple(name for name in parameters if name in read)


def _read_of_self(method: Any) -> frozenset[str] | None:
    code = getattr(method, "__code__", None)
    if code is None or not code.co_argcount:
        return None
    return attributes_of(code, code.co_varnames[0])


def _methods_of(value: Any) -> list[Any]:
    """The functions that get ``self``, or the class, where an attribute is read or called."""
    if isinstance(value, FunctionType):
        return [value]
    if isinstance(value, property):
        return [value.fget]
    if isinstance(value, classmethod):
        return [None]  # it may read anything of the class
    return [] if isinstance(value, staticmethod) or not hasattr(value, "__get__") else [None]


def _own(flow_class: FlowMeta) -> Iterator[tuple[str, Any]]:
    """All that a flow's class, and those that it derives from, have besides parameters, tasks and results."""
    for base in flow_class.__mro__:
        if base is LumeFlow:
            break
        for name, value in vars(base).items():
            if not name.startswith("__") and not isinstance(value, FlowAttribute):
                yield name, value
