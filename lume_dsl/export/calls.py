"""The members of a flow as calls: the task that each becomes, and the arguments that it is given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, get_args

import attrs

from lume_dsl.compose.names import TASK_NAMES
from lume_dsl.declare.body import is_prefect_task
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import (
    MISSING,
    Argument,
    Collection,
    Constant,
    FileResult,
    Input,
    Member,
    Merge,
    Operation,
    Resource,
    StepRun,
    TaskRun,
    ValueResult,
)
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.members import operator_class
from lume_dsl.export.bodies import collection_text, loaded_text, operation_text
from lume_dsl.export.decorations import are_equal, usual_options
from lume_dsl.export.layout import UnwritableError, laid_out, quoted
from lume_dsl.export.objects import Objects, Writer, options_of_class, own_options
from lume_dsl.export.steps import StepFunction, step_function
from lume_dsl.tasks.context import PARAMETER
from lume_dsl.values.convert import structure

__all__ = ["Call", "Calls", "Use", "variable_of"]

IDENTITY = "identity"
"""What hands a value on: the parameters of subflows, and values that are results."""

PREFECTS_OWN = {"mapped", "task_args", "upstream_tasks", "flow"}
"""What a task's call takes for itself."""


@attrs.frozen
class Use:
    """An argument of a call: the value of a member, or an expression.

    Attributes:
        key: The argument, or "" for what is waited for alone.
    """

    key: str
    upstream: str = ""
    expression: str = ""
    mapped: bool = False
    flattened: bool = False


@attrs.frozen
class Call:
    """A member as a call of a task.

    Attributes:
        task: What is called.
        uses: The arguments.
        task_args: What is given to the task's copy.
        positional: Whether the arguments may stand without their names.
    """

    task: str
    uses: tuple[Use, ...]
    task_args: Mapping[str, str] = attrs.field(factory=dict)
    positional: bool = False


@attrs.define(eq=False)
class Calls(Writer):
    """Writes the calls of a flow, and the definitions that they need.

    Attributes:
        objects: What writes the objects that tasks are.
        definitions: Functions and tasks that the script defines above the flow, in order.
        decorations: The options that most uses of the tasks of users' functions have.
    """

    objects: Objects = attrs.field(init=False)
    definitions: list[str] = attrs.field(factory=list, init=False)
    decorations: dict[Any, dict[str, Any]] = attrs.field(init=False)
    _shared: dict[str, str] = attrs.field(factory=dict, init=False)
    _kinds: dict[Any, tuple[str, str]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.objects = Objects(self.flow_class, self.names, self.sources, self.values)
        self.decorations = usual_options(self.graph)

    def prepare(self, member: Member) -> None:
        """Have what a member needs of users' modules in the script, before other names are given."""
        work = member.work
        if isinstance(work, TaskRun) and not is_prefect_task(work.function):
            self.function(work.function)
            self.values.given(self.decorations[work.function])
        elif isinstance(work, StepRun):
            source = self.sources.source_of(work.function)
            self.sources.need_all(self._step(member, work).text(member.own_name.split(".")[-1]), source)
            self.sources.postpone(source)
        elif isinstance(work, Resource):
            self.values(work.resource_class)

    def function(self, function: Any) -> tuple[str, str]:
        """The function's name in the script, and what it is there. See ``Sources.function``."""
        if function not in self._kinds:
            self._kinds[function] = self.sources.function(function)
        return self._kinds[function]

    def call(self, member: Member) -> Call:
        """Return the call that a member is.

        Raises:
            UnwritableError: It is none.
        """
        work = member.work
        self._check(member)
        if isinstance(work, StepRun):
            return self._call_of_step(member, work)
        if isinstance(work, Argument):
            return self._argument(member)
        uses = tuple(self._uses(member))
        if isinstance(work, (Operation, Collection)):
            return self._computed(member, work, uses)
        if isinstance(work, ValueResult) and not self._loaded(member):
            return self._with_options(self._identity(), dict(work.options), member, uses, usual={})
        if isinstance(work, TaskRun) and not is_prefect_task(work.function):
            return self._call_of_function(member, work, uses)
        return self._call_of_task(member, uses)

    def _check(self, member: Member) -> None:
        if TASK_NAMES in vars(self.objects.flow_of(member)):
            message = "is of a flow that is written by hand already, which from_prefect made a class of"
            raise UnwritableError(message, "leave it out of the class, and write its tasks in the script")
        taken = PREFECTS_OWN & member.inputs.keys()
        if taken:
            message = f"has an argument named {min(taken)!r}, which Prefect's calls of tasks take for themselves"
            raise UnwritableError(message, "give it another name")
        if member.each and _runs_in_spite_of_skips(member):
            message = "runs in spite of skips in a flow that is mapped over, which Prefect by hand cannot tell apart"
            raise UnwritableError(message, "let it be skipped, or write the map of a task")

    # arguments

    def _uses(self, member: Member) -> Iterator[Use]:
        for key, source in member.inputs.items():
            yield self._use(key, source)
        if isinstance(member.work, FileResult):
            tp = get_args(member.type)[0] if member.each else member.type
            yield Use("file_type", expression=self.values(tp))
        for key, name in member.given.items():
            if not isinstance(member.work, StepRun):
                yield Use(PARAMETER + key, name, mapped=self._is_mapped(member, name))
        yield from self._waits(member)

    def _use(self, key: str, source: Input) -> Use:
        if isinstance(source, Constant):
            return Use(key, expression=self.values(source.value), mapped=source.mapped)
        return Use(key, source.upstream, mapped=source.mapped, flattened=source.flattened)

    def _waits(self, member: Member) -> Iterator[Use]:
        yield from (Use("", name, mapped=self._is_mapped(member, name)) for name in member.after)

    def _is_mapped(self, member: Member, upstream: str) -> bool:
        return member.each and self.graph.members[upstream].each

    def _loaded(self, member: Member) -> frozenset[str]:
        """The arguments that are references of files and records, in place of which a member takes these."""
        return frozenset(
            key
            for key, source in member.inputs.items()
            if not isinstance(source, Constant) and source.upstream in self.graph.stored
        )

    def _load(self, member: Member, key: str) -> str:
        """The expression of an argument, loaded where it is a reference."""
        if key not in self._loaded(member):
            return key
        is_plain = not _runs_in_spite_of_skips(member) and not member.each
        if is_plain and not any(self.graph.members[name].each for name in member.upstream):
            return f"{self.names.imported('lume_dsl', 'load')}({key})"
        return f"{self._define('loaded', partial(loaded_text, self.names))}({key})"

    # functions of users

    def _call_of_function(self, member: Member, work: TaskRun, uses: tuple[Use, ...]) -> Call:
        name, kind = self.function(work.function)
        options = {key: value for key, value in work.options.items() if key != "name"}
        if self._loaded(member):
            target = f"{name}.run" if kind == "task" else name
            return self._wrapped(member, target, options, uses)
        own = getattr(work.function, "__name__", "")
        is_positional = _is_prefix(list(member.inputs), work.function)
        if kind == "plain":
            task = self.names.imported("prefect", "task")
            return Call(f"{task}({name}, {self.options(options, member, own)})", uses, positional=is_positional)
        usual = self.decorations[work.function]
        return self._with_options(name, options, member, uses, usual=usual, positional=is_positional)

    def _with_options(
        self,
        name: str,
        options: Mapping[str, Any],
        member: Member,
        uses: tuple[Use, ...],
        *,
        usual: Mapping[str, Any],
        positional: bool = True,
    ) -> Call:
        """The call of a task that the script defines: of its copy, or of another task of its function."""
        options = {key: value for key, value in options.items() if key != "name"}
        if are_equal(options, usual):
            task_args = {} if member.task_name == name else {"name": quoted(member.task_name)}
            return Call(name, uses, task_args, positional)
        task = self.names.imported("prefect", "task")
        return Call(f"{task}({name}.run, {self.options(options, member)})", uses, positional=positional)

    def options(self, options: Mapping[str, Any], member: Member, default: str = "") -> str:
        """The options of a task, its name first, if it is not the one that it would have."""
        given = {} if member.task_name == default else {"name": member.task_name}
        return self.values.given({**given, **{key: value for key, value in options.items() if key != "name"}})

    def _wrapped(self, member: Member, target: str, options: Mapping[str, Any], uses: tuple[Use, ...]) -> Call:
        """The call of a function that calls another with files and records loaded."""
        keys = [use.key for use in uses if use.key]
        body = f"return {target}({', '.join(f'{key}={self._load(member, key)}' for key in keys)})"
        return Call(self._task_of(member, keys, body, options), uses)

    def _task_of(self, member: Member, arguments: list[str], body: str, options: Mapping[str, Any]) -> str:
        """Define a function that is the task of one member."""
        name = self.names.unique(f"{variable_of(member)}_task")
        inner = laid_out(body, 4).replace("\n", "\n    ")
        lines = [self.decorator(self.options(options, member, name)), laid_out(f"def {name}({', '.join(arguments)}):")]
        self.definitions.append("\n".join([*lines, f"    {inner}"]))
        return name

    def decorator(self, options: str) -> str:
        """``@task``, with options if there are any."""
        return laid_out(f"@{self.names.imported('prefect', 'task')}" + (f"({options})" if options else ""))

    # steps

    def _step(self, member: Member, work: StepRun) -> StepFunction:
        flow = self.objects.flow_of(member)
        return step_function(
            work.function,
            self.sources.source_of(work.function),
            parameters=flow.__lume_graph__.parameters,
            constant=partial(self._attribute, flow),
            annotation=partial(self._annotation, flow),
            logger=lambda: f'{self.names.imported("prefect", "context")}.get("logger")',
        )

    def _annotation(self, flow: FlowMeta, name: str) -> str:
        """The type of a parameter as an annotation, or "" where that would take more than a name."""
        tp = flow.__lume_graph__.parameters[name].type
        try:
            return self.values(tp) if isinstance(tp, type) and tp.__module__ == "builtins" else ""
        except UnwritableError:
            return ""

    def _attribute(self, flow: FlowMeta, name: str) -> str:
        value = inspect.getattr_static(flow, name, MISSING)
        if value is MISSING or hasattr(value, "__get__") or name in flow.__lume_graph__.names:
            fix = "take it as an argument, or write it as a function above the class"
            raise UnwritableError(f"uses self.{name}, which a function has not", fix)
        return self.values(value)

    def _call_of_step(self, member: Member, work: StepRun) -> Call:
        step = self._step(member, work)
        before = [f"{key} = {self._load(member, key)}" for key in member.inputs if key in self._loaded(member)]
        reads = [self._read(member, key, parameter) for key, parameter in step.reads.items()]
        uses = (*(self._use(*one) for one in member.inputs.items()), *reads, *self._waits(member))
        own = member.own_name.split(".")[-1]
        text = f"{self.values.given(work.options)}\n{step.text(own, before)}"
        if text in self._shared:  # of another call of the same flow
            return Call(self._shared[text], uses, {"name": quoted(member.task_name)})
        name = self._shared[text] = self.names.unique(f"{own}_step")
        decorator = self.decorator(self.options(work.options, member, name))
        self.definitions.append(f"{decorator}\n{step.text(name, before)}")
        return Call(name, uses)

    def _read(self, member: Member, key: str, parameter: str) -> Use:
        upstream = member.given.get(parameter, parameter)
        return Use(key, upstream, mapped=self._is_mapped(member, upstream))

    # parameters of subflows, operators and collections

    def _argument(self, member: Member) -> Call:
        spec = spec_of(member)
        if spec.secret:
            raise UnwritableError("is secret, and in Prefect it would stand in logs", "let a task read it itself")
        waits = tuple(self._waits(member))
        if not member.inputs:
            default = spec.default
            if spec.factory or spec.env or default is MISSING:
                fix = f"give {member.own_name}=... where the flow is called"
                raise UnwritableError("takes its value of a factory or a variable when the flow runs", fix)
            key = f"value={self.values(default)}"
            return Call(self._task_of(member, [key], "return value", {}), waits)
        (source,) = member.inputs.values()
        if isinstance(source, Constant) and not source.mapped:
            source = Constant(_structured(source.value, member.type))
        use = self._use("value", source)
        if not isinstance(source, Constant) and source.upstream in self.graph.stored:
            loaded = self._define("loaded", partial(loaded_text, self.names))
            return Call(self._task_of(member, ["value"], f"return {loaded}(value)", {}), (use, *waits))
        return self._with_options(self._identity(), {}, member, (use, *waits), usual={})

    def _identity(self) -> str:
        return self._define(IDENTITY, lambda name: f"{self.decorator('')}\ndef {name}(value):\n    return value")

    def _define(self, name: str, text: Any) -> str:
        """Define a function that several members use, once."""
        if name not in self._shared:
            self._shared[name] = self.names.unique(name)
            self.definitions.append(text(self._shared[name]))
        return self._shared[name]

    def _computed(self, member: Member, work: Operation | Collection, uses: tuple[Use, ...]) -> Call:
        own = operator_class(work.symbol) if isinstance(work, Operation) else None
        if own is not None and not self._loaded(member):
            name = self.names.imported(own.__module__, own.__name__)
            return Call(f"{name}(name={quoted(member.task_name)})", uses, positional=True)
        values = {key: self._load(member, key) for key in member.inputs}
        written = (
            operation_text(work.symbol, values)
            if isinstance(work, Operation)
            else collection_text(work, values, self.values)
        )
        return Call(self._task_of(member, list(member.inputs), f"return {written}", {}), uses, positional=True)

    # tasks that are no functions

    def _call_of_task(self, member: Member, uses: tuple[Use, ...]) -> Call:
        if isinstance(member.work, ValueResult):
            body = f"return {self._load(member, 'value')}"
            return Call(self._task_of(member, ["value"], body, member.work.options), uses)
        if self._loaded(member):
            options = options_of_class(member) | own_options(member)
            bare = self.objects.bare(member)
            bare = self._of_subflow(member, bare) if self._is_record_of_subflow(member) else bare
            return self._wrapped(member, f"{bare}.run", options, uses)
        if isinstance(member.work, TaskRun):
            return Call(self.objects.made(member), uses, self.objects.task_args(member, member.work))
        made = self.objects.made(member)
        return Call(self._of_subflow(member, made), uses) if self._is_record_of_subflow(member) else Call(made, uses)

    def _of_subflow(self, member: Member, made: str) -> str:
        """Define the task of a record of a subflow, which is filed as that flow's."""
        flow = self.objects.flow_of(member)
        name = self.names.unique(f"save_{variable_of(member)}")
        lines = [
            laid_out(f"{name} = {made}"),
            f"{name}.flow_name = {quoted(flow.__lume_name__)}",
            laid_out(f"{name}.parameters = {self.values(tuple(flow.__lume_graph__.parameters))}"),
        ]
        self.definitions.append("\n".join(lines))
        return name

    def _is_record_of_subflow(self, member: Member) -> bool:
        return bool(member.given) and not isinstance(member.work, StepRun)


def variable_of(member: Member) -> str:
    """What a member is called in the script: as in the body, where that has a name for it."""
    if member.visible or member.subflow:
        return member.name
    words = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", member.name)).strip("_").lower()
    return re.sub("__+", "_", words)


def _structured(value: Any, tp: Any) -> Any:
    return value if tp is Any else structure(value, tp)[0]


def _runs_in_spite_of_skips(member: Member) -> bool:
    options = getattr(member.work, "options", {})
    is_cleanup = isinstance(member.work, Resource) and member.work.part == "cleanup"
    is_own = not options.get("skip_on_upstream_skip", True) or "trigger" in options
    return isinstance(member.work, Merge) or is_cleanup or is_own


def _is_prefix(keys: list[str], function: Any) -> bool:
    parameters = list(inspect.signature(function).parameters.values())[: len(keys)]
    names = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    return names == keys and len(keys) <= 4
