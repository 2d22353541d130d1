"""The idempotency key of a flow: a digest of all that it is made of. It must not know the server.

A server makes no new version of a flow that comes with the key of its last one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import prefect

from lume_dsl.cache.source import Source
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import Constant, Member, parameter_in
from lume_dsl.declare.schema import flow_schema

__all__ = ["idempotency_key"]


def idempotency_key(flow_class: FlowMeta, serialized: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of a flow's source and of what a server is sent of it.

    The source is that of its tasks and steps with all that they read of the user's own, and of its class; the options,
    constants and types of its members; its own options. Comments and layout are no part of it, nor are the versions of
    packages, which may differ between the machines that register it.
    """
    source = Source()
    graph = flow_class.__lume_graph__
    told = {
        "class": source.add(flow_class, flow_class.__qualname__),
        "subflows": {name: source.add(one.flow, name) for name, one in graph.subflows.items()},
        "members": {name: _member(source, member) for name, member in graph.members.items()},
        "options": {name: _told(source, value, name) for name, value in flow_class.__lume_options__.items()},
        "schema": flow_schema(flow_class),
        "serialized": serialized,
    }
    told["source"] = {name: part for name, part in source.parts.items() if not name.startswith("package ")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _member(source: Source, member: Member) -> list[Any]:
    """What a member of the graph is, apart from the code that its class holds."""
    parameter = parameter_in(member.work)
    if parameter is not None and parameter.secret:
        return []
    given = {name: one.value for name, one in member.inputs.items() if isinstance(one, Constant)}
    options = {name: getattr(member.work, name, None) for name in _PARTS}
    if parameter is not None:
        options |= {"validator": parameter.validator, "factory": parameter.factory}
    return [str(member.type), _told(source, given, member.name), _told(source, options, member.name)]


_PARTS = ("function", "options", "symbol", "overwrite", "services", "records", "filesystems")
"""What the works of members consist of."""

_PLAIN = (str, int, float, bool, type(None), timedelta)


def _told(source: Source, value: Any, name: str) -> Any:
    """What stands for a value; of an object without a stored form, such as a Prefect task, its plain attributes too."""
    if isinstance(value, Mapping):
        return {str(key): _told(source, one, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(source, one, name) for one in value]
    if isinstance(value, (set, frozenset)):
        return [_told(source, one, name) for one in sorted(value, key=partial(_alone, name))]
    told = source.add(value, name)
    if isinstance(value, prefect.Task) or told.startswith("a "):
        attributes = vars(value).items() if hasattr(value, "__dict__") else ()
        return [told, {key: repr(one) for key, one in attributes if isinstance(one, _PLAIN)}]
    return told


def _alone(name: str, value: Any) -> str:
    """What a value is by itself. Members of a set are told in this order: their parts have numbers, as they come."""
    source = Source()
    told = _told(source, value, name)
    return json.dumps([told, source.parts], sort_keys=True)
