"""The script of a flow: its head, what it imports and defines, the flow itself, and what runs it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from lume_dsl.declare.flow import FlowMeta, check_whole
from lume_dsl.declare.graph import Member, Parameter
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.compile import compile_flow
from lume_dsl.errors import DefinitionError, LumeError, Place, Problem
from lume_dsl.export.calls import Call, Calls, Use, variable_of
from lume_dsl.export.layout import WIDTH, Names, UnwritableError, called, laid_out, quoted
from lume_dsl.export.source import Piece, Sources
from lume_dsl.export.values import Values

__all__ = ["to_prefect"]

T = TypeVar("T")

_UNCHECKED = """\
# The parameters are Prefect's, which take any value: their types, bounds and units are not checked,
# and a text is not made a date, nor a reference a file. Give each a value of its type."""


def to_prefect(flow_class: FlowMeta) -> str:
    """Return the source of a script that builds the same ``prefect.Flow`` without a flow class, as ``flow``.

    Raises:
        DefinitionError: What of the flow has no equivalent there, each with its line.
    """
    check_whole(flow_class)
    return _Script(flow_class).text()


class _Script:
    def __init__(self, flow_class: FlowMeta) -> None:
        self.flow_class = flow_class
        self.graph = flow_class.__lume_graph__
        self.names = Names()
        self.sources = Sources(self.names)
        self.values = Values(self.names, self.sources, flow_class.__module__)
        self.calls = Calls(flow_class, self.names, self.sources, self.values)
        self.problems: dict[tuple[str, str], Problem] = {}
        self.variables: dict[str, str] = {}
        self.read: set[str] = set()

    def text(self) -> str:
        members = list(self._in_order())
        for member in members:
            self._written(member, partial(self.calls.prepare, member))
        flow = self.names.unique("flow")
        main = self._main()
        options = self._flow_options()
        calls = {m.name: self._written(m, partial(self._call, m)) for m in members}
        if flow != "flow":
            self._refuse("the module has another 'flow'", "give that another name")
        if self.problems:
            raise DefinitionError(tuple(sorted(self.problems.values(), key=_in_source)))
        self._name(members)
        body = [line for part in self._body(members, calls) for line in part]
        start = f"with {self.names.imported('prefect', 'Flow')}"
        head = called(start, [quoted(self.flow_class.__lume_name__), *options], end=f" as {flow}:")
        definitions = [*map(self._piece, self.sources.in_order()), *self.calls.definitions]
        parts = [
            "\n".join([*self._docstring(), "", *self.names.lines()]),
            *_spaced(definitions),
            "\n".join([head, *(f"    {_indented(line)}" if line else "" for line in body)]),
            main,
        ]
        return "\n\n\n".join(parts) + "\n"

    # what is refused

    def _written(self, member: Member, write: Callable[[], T]) -> T | None:
        try:
            return write()
        except UnwritableError as error:
            message, fix = error.message, error.fix
        except LumeError as error:
            message, fix = str(error), ""
        subject = f"{self.flow_class.__name__}.{member.name}"
        self.problems.setdefault((str(member.place), message), Problem("export", subject, message, fix, member.place))
        return None

    def _refuse(self, message: str, fix: str) -> None:
        subject = self.flow_class.__name__
        self.problems[subject, message] = Problem("export", subject, message, fix, _place_of(self.flow_class))

    # the flow

    def _in_order(self) -> Iterator[Member]:
        """The members, each after those that it waits for, and else as the body has them."""
        seen: set[str] = set()
        for first in self.graph.members:
            waiting = [first]
            while waiting:
                name = waiting[-1]
                missing = [one for one in self._upstream(name) if one not in seen]
                if name in seen or not missing:
                    waiting.pop()
                    if name not in seen:
                        seen.add(name)
                        yield self.graph.members[name]
                waiting += missing if name not in seen else []

    def _upstream(self, name: str) -> tuple[str, ...]:
        return self.graph.members[name].upstream

    def _flow_options(self) -> list[str]:
        options = dict(self.flow_class.__lume_options__)
        compiled = compile_flow(self.flow_class)
        kept = {key: options[key] for key in _KEPT if options.get(key) is not None}
        if isinstance(kept.get("executor"), str):
            kept["executor"] = compiled.executor
        if "labels" in options or "run_config" in options:
            kept["run_config"] = compiled.run_config
        found = []
        for key, value in kept.items():
            try:
                found.append(f"{key}={self.values(value)}")
            except UnwritableError as error:
                self._refuse(f"@flow: {key}: {error.message}", error.fix)
        if "storage" not in kept:
            found.insert(0, f"storage={self.names.imported('prefect.storage', 'Module')}(__name__)")
        return found

    def _call(self, member: Member) -> Call | None:
        if isinstance(member.work, Parameter):
            return Call(self._parameter(member), ())
        return self.calls.call(member)

    def _parameter(self, member: Member) -> str:
        spec = spec_of(member)
        for kind, (message, fix) in _LOST.items():
            if getattr(spec, kind):
                raise UnwritableError(message, fix)
        default = [] if spec.required else [f"default={self.values(spec.default)}"]
        made = self.names.imported("prefect", "Parameter")
        return f"{made}({', '.join([quoted(member.name), *default])})"

    # lines

    def _name(self, members: list[Member]) -> None:
        """Name what is read: parameters and what the body names, before the rest."""
        for member in sorted(members, key=lambda member: (bool(member.subflow), not member.visible)):
            self.variables[member.name] = self.names.unique(variable_of(member))
        if self.graph.uses_services:
            self.variables[""] = self.names.unique("configure")

    def _body(self, members: list[Member], calls: dict[str, Call | None]) -> Iterator[list[str]]:
        written = {member.name: self._line(member, call) for member in members if (call := calls[member.name])}
        parameters = [member for member in members if isinstance(member.work, Parameter)]
        if parameters:
            yield [*(self._parameter_line(member, written[member.name]) for member in parameters), ""]
        if self.graph.uses_services:
            yield [f"{self.variables['']} = {self._configure()}", ""]
        yield [
            f"{self.variables[member.name]} = {written[member.name]}"
            if member.name in self.read or (member.visible and not member.name.startswith("_"))
            else written[member.name]
            for member in members
            if not isinstance(member.work, Parameter)
        ]

    def _parameter_line(self, member: Member, call: str) -> str:
        spec = spec_of(member)
        is_read = member.name in self.read  # Prefect leaves out what nothing takes, if it is not told
        line = f"{self.variables[member.name]} = {call if is_read else f'flow.add_task({call})'}"
        told = " ".join([*spec.help.split(), *([f"({spec.unit})"] if spec.unit else [])])
        return f"{line}  # {told}" if told and len(line) + len(told) + 8 <= WIDTH else line

    def _configure(self) -> str:
        """The call that makes the configure task, with what it has to check."""
        configure = compile_flow(self.flow_class).configure
        if configure is None:
            raise AssertionError("a flow that uses services has a configure task")
        made = self.names.imported("lume_dsl.tasks", "configure_services")
        options: dict[str, Any] = {}
        if configure.filesystems:
            options["filesystems"] = list(configure.filesystems)
        if not configure.records:
            options["records"] = False
        return f"{made}({self.values.given(options)})"

    def _line(self, member: Member, call: Call) -> str:
        if isinstance(member.work, Parameter):
            return call.task
        uses = call.uses
        is_mapped = any(use.mapped for use in uses)
        arguments = [self._argument(use, call, is_mapped=is_mapped) for use in uses if use.key]
        waits = [self._value(use, is_mapped=is_mapped) for use in uses if not use.key]
        if member.uses_services:
            waits.append(self._unmapped(self.variables[""]) if is_mapped else self.variables[""])
        if waits:
            arguments.append(f"upstream_tasks=[{', '.join(waits)}]")
        if call.task_args:
            given = ", ".join(f"{quoted(name)}: {value}" for name, value in call.task_args.items())
            arguments.append(f"task_args={{{given}}}")
        return f"{call.task}.map({', '.join(arguments)})" if is_mapped else f"{call.task}({', '.join(arguments)})"

    def _argument(self, use: Use, call: Call, *, is_mapped: bool) -> str:
        value = self._value(use, is_mapped=is_mapped)
        if call.positional:
            return value
        return f"{use.key}={value}" if use.key.isidentifier() else f"**{{{quoted(use.key)}: {value}}}"

    def _value(self, use: Use, *, is_mapped: bool) -> str:
        if use.upstream:
            self.read.add(use.upstream)
        value = self.variables[use.upstream] if use.upstream else use.expression
        if use.flattened:
            value = f"{self.names.imported('prefect', 'flatten')}({value})"
        return value if use.mapped or not is_mapped else self._unmapped(value)

    def _unmapped(self, value: str) -> str:
        return f"{self.names.imported('prefect', 'unmapped')}({value})"

    # the rest of the script

    def _docstring(self) -> Iterator[str]:
        doc = inspect.cleandoc(self.flow_class.__doc__ or "") or f"The flow {self.flow_class.__name__}."
        is_plain = '"""' not in doc and "\\" not in doc
        yield f'"""{doc}\n"""' if is_plain and "\n" in doc else f'"""{doc}"""' if is_plain else quoted(doc)
        if self.graph.parameters:
            yield ""
            yield _UNCHECKED

    def _piece(self, piece: Piece) -> str:
        if piece.function is None:
            return piece.text
        options = self.calls.decorations.get(piece.function, {})
        return f"{self.calls.decorator(self.values.given(options))}\n{piece.text}"

    def _main(self) -> str:
        lines = ['if __name__ == "__main__":']
        sys, given = self.names.module("sys"), ""
        if self.graph.parameters:
            json, name = self.names.module("json"), self.names.unique("parameters")
            lines.append(f"    {name} = {json}.loads({sys}.argv[1]) if {sys}.argv[1:] else {{}}")
            given = f"parameters={name}"
        lines.append(f"    {sys}.exit(0 if flow.run({given}).is_successful() else 1)")
        return "\n".join(lines)


_KEPT = (
    "schedule",
    "executor",
    "run_config",
    "storage",
    "result",
    "state_handlers",
    "on_failure",
    "terminal_state_handler",
)
"""The options of a flow that are Prefect's, as ``prefect.Flow`` takes them."""


def _in_source(problem: Problem) -> tuple[str, int]:
    return (problem.place.file, problem.place.line) if problem.place else ("", 0)


_LOST = {
    "secret": (
        "is secret, and a parameter of Prefect's is not: its value would stand in logs and records",
        "let the task that needs it read it itself",
    ),
    "env": ("takes its value of a variable of the environment", "let a task read the variable"),
    "factory": ("has a default that is made for each run", "write default=..., or make the value in a task"),
}
"""What a parameter of Prefect's cannot say, and what to write instead."""


def _place_of(flow_class: FlowMeta) -> Place | None:
    return next((member.place for member in flow_class.__lume_graph__.members.values()), None)


def _indented(line: str) -> str:
    comment = line.rpartition("  # ")
    return line if comment[1] else laid_out(line, 4).replace("\n", "\n    ")


def _spaced(definitions: list[str]) -> Iterator[str]:
    """The definitions, with assignments that follow one another in one block."""
    block: list[str] = []
    for text in definitions:
        if isinstance(ast.parse(text).body[0], (ast.Assign, ast.AnnAssign)) and "\n" not in text:
            block.append(text)
            continue
        if block:
            yield "\n".join(block)
            block = []
        yield text
    if block:
        yield "\n".join(block)
