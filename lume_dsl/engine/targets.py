"""Where file results will be saved, as far as that is known before a run: checked before anything computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from lume_dsl.declare.filenames import OF_RUN, VALUE, FilenameTemplate
from lume_dsl.declare.graph import Constant, Edge, FileResult, Graph, Input, Member
from lume_dsl.errors import FileError, FilenameError, ServiceError
from lume_dsl.services import Services
from lume_dsl.tasks.context import run_services

__all__ = ["check_file_results"]

_UNKNOWN = object()
"""What only a task will say."""

_OF_RUN = dict.fromkeys(OF_RUN, "run")
"""Stands for the names that a run has: the folder is the same, and two results of a run have the same ones."""


def check_file_results(graph: Graph, values: Mapping[str, Any]) -> None:
    """Return if every file result whose name and filesystem are constants or parameters can be saved there.

    Raises:
        FilenameError: All that cannot, each with its field, where other filenames would mend them.
        ServiceError: The same where a filesystem, or the library of a type of file, is among what fails.
    """
    failures = []
    kind: type[FileError | ServiceError] = FilenameError
    files = [member for member in graph.members.values() if isinstance(member.work, FileResult)]
    with run_services() as services:
        targets = _Targets(services)
        for member in files:
            file_type = get_args(member.type)[0] if member.each else member.type
            try:
                file_type.check_target()
            except FileError as error:
                failures.append(f"{member.name}: {error}")
                kind = ServiceError
                continue
            identifier = member.inputs.get("filesystem_identifier")
            for name, known in _runs(member, values):
                try:
                    filename = _filename(member, known)
                    if filename is not _UNKNOWN:
                        file_type.check_target(str(filename))
                    targets.check(name, filename, _value(identifier, known), asked=isinstance(identifier, Constant))
                except (FileError, ServiceError) as error:
                    failures.append(f"{name}: {error}")
                    kind = kind if isinstance(error, FileError) else ServiceError
    if failures:
        raise kind("\n".join(failures))


def _runs(member: Member, values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The runs of a member, named as in errors, each with what it takes of the values, as far as that is known."""
    if not member.each:
        yield member.name, values
        return
    known = {name: values[name] for name in member.upstream if name in values}
    for place in range(min(map(len, known.values()), default=0)):
        yield f"{member.name}[{place}]", {name: items[place] for name, items in known.items()}


def _value(source: Input | None, values: Mapping[str, Any]) -> Any:
    if isinstance(source, Constant):
        return source.value
    return values.get(source.upstream, _UNKNOWN) if isinstance(source, Edge) else _UNKNOWN


def _filename(member: Member, values: Mapping[str, Any]) -> Any:
    """The filename, or ``_UNKNOWN``.

    Raises:
        FileError: A value is known that cannot stand in it.
    """
    filename = _value(member.inputs.get("filename"), values)
    if not isinstance(filename, FilenameTemplate):
        return filename
    given = {name: _value(member.inputs.get(VALUE + name), values) for name in filename.names}
    known = _OF_RUN | {name: value for name, value in given.items() if value is not _UNKNOWN}
    filename.check(known)
    return filename.render(known) if known.keys() >= given.keys() else _UNKNOWN


class _Targets:
    """The places of a run's files. A filesystem is asked once, if the configure task has not."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.asked: set[str] = set()
        self.taken: dict[tuple[str, str], str] = {}

    def check(self, name: str, filename: Any, identifier: Any, *, asked: bool) -> None:
        if identifier is _UNKNOWN:
            return
        filesystem = self.services.filesystem(identifier)
        if not asked and identifier not in self.asked:
            filesystem.check()
            self.asked.add(identifier)
        if filename is _UNKNOWN:
            return
        filesystem.check_target(str(filename))
        first = self.taken.setdefault((identifier, filesystem.locate(str(filename))), name)
        if first != name:
            raise FileError(f"saves to the same file as {first}, {filename}; give it another filename")
