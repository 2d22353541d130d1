"""Values as a script writes them: constants, options of tasks and flows, types."""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path, PurePath
from typing import Any, get_args, get_origin
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from lume_dsl.declare.filenames import FilenameTemplate
from lume_dsl.declare.tasks import Task
from lume_dsl.export.layout import Names, UnwritableError, quoted
from lume_dsl.export.source import Sources
from lume_dsl.values.scalars import short

__all__ = ["Values"]


class Values:
    """Writes values. ``module`` is that of the flow, whose names are used for what has no other expression."""

    def __init__(self, names: Names, sources: Sources, module: str) -> None:
        self.names = names
        self.sources = sources
        self.module = module

    def __call__(self, value: Any) -> str:
        """Return the expression of a value.

        Raises:
            UnwritableError: It has none.
        """
        if value is ...:
            return "..."
        if value is None or type(value) in (bool, int, bytes, str):
            return quoted(value)
        written = _WRITERS.get(type(value))
        if written is not None:
            return written(self, value)
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) or get_origin(value) is not None:
            return self._object(value)
        if isinstance(value, Task):
            return self.sources.function(value.function)[0]
        if isinstance(value, Enum):
            return f"{self._object(type(value))}.{value.name}"
        if isinstance(value, (date, time)):
            return self._instant(value)
        if isinstance(value, PurePath):
            cls = Path if isinstance(value, Path) else type(value)
            return f"{self._object(cls)}({quoted(str(value))})"
        if (fields := _fields(value)) is not None:
            return f"{self._object(type(value))}({self.given(fields)})"
        found = self.sources.named(value, self.module) or self._rebuilt(value)
        if found is None:
            message = f"the value {short(value)} has no expression that a script can hold"
            raise UnwritableError(message, "give it a name at the top of the module")
        return found

    def given(self, options: Mapping[str, Any]) -> str:
        """Return ``name=value, …``."""
        return ", ".join(f"{name}={self(value)}" for name, value in options.items())

    def _object(self, value: Any) -> str:
        if get_origin(value) is not None and get_args(value):
            arguments = ", ".join(self(argument) for argument in get_args(value))
            return f"{self(get_origin(value))}[{arguments}]"
        if getattr(value, "__name__", "") == "<lambda>":
            raise UnwritableError("a lambda has no name that a script could use", "write def ...: above the flow")
        found = self.sources.object(value) or self.sources.named(value, self.module)
        if found is None:
            message = f"{getattr(value, '__qualname__', value)} stands in no module that a script can take it from"
            raise UnwritableError(message, "write it at the top of a module")
        return found

    def _number(self, value: float) -> str:
        return quoted(value) if math.isfinite(value) else f'float("{value}")'

    def _list(self, value: list[Any]) -> str:
        return f"[{', '.join(map(self, value))}]"

    def _tuple(self, value: tuple[Any, ...]) -> str:
        return f"({', '.join(map(self, value))}{',' if len(value) == 1 else ''})"

    def _dict(self, value: dict[Any, Any]) -> str:
        return "{" + ", ".join(f"{self(key)}: {self(item)}" for key, item in value.items()) + "}"

    def _set(self, value: set[Any]) -> str:
        return "{" + ", ".join(sorted(map(self, value))) + "}" if value else "set()"

    def _slice(self, value: slice) -> str:
        return f"slice({self(value.start)}, {self(value.stop)}, {self(value.step)})"

    def _instant(self, value: date | time) -> str:
        zone = getattr(value, "tzinfo", None)
        plain = quoted((value if zone is None else value.replace(tzinfo=None)).isoformat())  # type: ignore[call-arg]  # no date has a zone
        if isinstance(value, datetime) and type(value).__module__.partition(".")[0] == "pendulum":
            name = value.timezone_name  # type: ignore[attr-defined]  # as all of pendulum's have
            return f"{self.names.imported('pendulum', 'parse')}({plain}, tz={quoted(name)})"
        if isinstance(zone, ZoneInfo) and zone.key:  # an offset would forget its summer time
            return f"{self._object(type(value))}.fromisoformat({plain}).replace(tzinfo={self._of_text(zone)})"
        return f"{self._object(type(value))}.fromisoformat({quoted(value.isoformat())})"

    def _timedelta(self, value: timedelta) -> str:
        parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
        given = ", ".join(f"{name}={number}" for name, number in parts.items() if number) or "0"
        return f"{self._object(timedelta)}({given})"

    def _of_text(self, value: Any) -> str:
        return f"{self._object(type(value))}({quoted(str(value))})"

    def _template(self, value: FilenameTemplate) -> str:
        made = self.names.imported("lume_dsl.declare.filenames", "filename_or_template")
        return f"{made}({quoted(value.text)})"

    def _partial(self, value: partial[Any]) -> str:
        arguments = [self(value.func), *map(self, value.args)]
        arguments += [f"{name}={self(item)}" for name, item in value.keywords.items()]
        return f"{self._object(partial)}({', '.join(arguments)})"

    def _rebuilt(self, value: Any) -> str | None:
        """The call that makes an object of Prefect's anew, as a result or a run config, if what it makes is alike."""
        cls = type(value)
        if cls.__module__.partition(".")[0] != "prefect":
            return None
        given = dict(getattr(value, "dask_config", {}))  # what a LocalDaskExecutor takes as **kwargs
        for name, parameter in _arguments(cls).items():
            held = getattr(value, name, parameter.default)
            if held is not parameter.default and held != parameter.default:
                given[name] = held
        for name in list(given):
            fewer = {key: held for key, held in given.items() if key != name}
            given = fewer if _makes(cls, fewer, value) else given
        return f"{self._object(cls)}({self.given(given)})" if _makes(cls, given, value) else None


def _makes(cls: type, given: Mapping[str, Any], value: Any) -> bool:
    """Whether a call of a class makes an object like another."""
    try:
        return _is_like(cls(**given), value)
    except Exception:  # whatever its class asks for
        return False


def _arguments(cls: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class by name, those included that it hands on to its bases."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__[:-1]:
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]  # no instance
        found = {**{p.name: p for p in parameters if p.kind in _BY_NAME}, **found}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _is_like(made: Any, value: Any) -> bool:
    if isinstance(value, (list, tuple)) and len(made) == len(value):
        return all(map(_is_like, made, value))
    is_plain = not hasattr(value, "__dict__") or callable(value) or type(value).__module__.split(".")[0] != "prefect"
    if is_plain or type(made) is not type(value):
        return bool(made is value or made == value)
    left, right = _own(made), _own(value)
    return left.keys() == right.keys() and all(_is_like(left[key], right[key]) for key in right)


def _own(value: Any) -> dict[str, Any]:
    """The attributes that say what an object is; others are its state, as the pool of an executor that has run."""
    return {key: held for key, held in vars(value).items() if not key.startswith("_") and key not in _STATE}


_STATE = ("logger", "callback")
"""What an executor of Prefect's makes for itself."""


def _fields(value: Any) -> dict[str, Any] | None:
    """The arguments that make an object of an attrs class, dataclass or named tuple again; defaults are left out."""
    if attrs.has(type(value)):
        fields = [one for one in attrs.fields(type(value)) if one.init]
        return {str(one.alias): getattr(value, one.name) for one in fields if not _is(value, one)}
    if dataclasses.is_dataclass(value):
        return {
            one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init and not _is(value, one)
        }
    return dict(zip(value._fields, value, strict=True)) if hasattr(value, "_fields") else None


def _is(value: Any, field: Any) -> bool:
    held, default = getattr(value, field.name), field.default
    return type(held) is type(default) and bool(held == default)


_WRITERS: dict[type, Callable[[Any, Any], str]] = {
    float: Values._number,
    list: Values._list,
    tuple: Values._tuple,
    dict: Values._dict,
    set: Values._set,
    slice: Values._slice,
    timedelta: Values._timedelta,
    Decimal: Values._of_text,
    UUID: Values._of_text,
    partial: Values._partial,
    FilenameTemplate: Values._template,
}
"""What writes the values of a class."""
