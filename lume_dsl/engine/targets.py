"""Where file results will be saved, as far as that is known before a run: checked before anything computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lume_dsl.declare.graph import Constant, Edge, FileResult, Graph, Input
from lume_dsl.errors import FileError, ServiceError
from lume_dsl.tasks.context import run_services

__all__ = ["check_file_results"]

_UNKNOWN = object()
"""What only a task will say."""


def check_file_results(graph: Graph, values: Mapping[str, Any]) -> None:
    """Return if every file result whose name and filesystem are constants or parameters can be saved there.

    Raises:
        ServiceError: All that cannot, each with its field.
    """
    failures = []
    for name, member in graph.results.items():
        if isinstance(member.work, FileResult):
            filename = _value(member.inputs.get("filename"), values)
            identifier = _value(member.inputs.get("filesystem_identifier"), values)
            try:
                _check(filename, identifier)
            except (FileError, ServiceError) as error:
                failures.append(f"{name}: {error}")
    if failures:
        raise ServiceError("\n".join(failures))


def _value(source: Input | None, values: Mapping[str, Any]) -> Any:
    if isinstance(source, Constant):
        return source.value
    return values.get(source.upstream, _UNKNOWN) if isinstance(source, Edge) else _UNKNOWN


def _check(filename: Any, identifier: Any) -> None:
    if identifier is _UNKNOWN:
        return
    with run_services() as services:
        filesystem = services.filesystem(identifier)
        filesystem.check()
        if filename is not _UNKNOWN:
            filesystem.check_target(str(filename))
