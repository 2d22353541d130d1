"""A flow of flows as the Python source of the class that says the same."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import keyword
import re
import types
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import attrs

from lume_dsl.compose.composition import UNTYPED, Composition
from lume_dsl.compose.document import ComposingFlow
from lume_dsl.compose.flows import is_prefect_flow
from lume_dsl.compose.mappings import MappedSource, source_of_mapping
from lume_dsl.compose.names import identifier_of, parameter_name
from lume_dsl.declare.graph import MISSING, Member, Parameter
from lume_dsl.declare.inherit import unique_name
from lume_dsl.declare.namespace import RESERVED
from lume_dsl.declare.parameters import spec_of
from lume_dsl.errors import DefinitionError, Problem
from lume_dsl.values.convert import short, structure
from lume_dsl.values.forms import JSON
from lume_dsl.values.names import is_union, type_name

__all__ = ["to_python"]

WIDTH = 120
"""Characters of a line."""


def to_python(composition: Composition) -> str:
    """Return the source of a module with a flow class that is the composition, which is right.

    Parameters are called ``flow1_text1`` there.

    Raises:
        DefinitionError: Something of it cannot be written as a class: what, and in which line of the file.
    """
    if problems := tuple(_elsewhere(composition)):
        raise DefinitionError(problems)
    return _Writer(composition).module()


def _elsewhere(composition: Composition) -> Iterator[Problem]:
    """Flows of files in other folders, from which a module beside the file cannot import."""
    folder = Path(composition.document.path).resolve().parent
    for flow in composition.document.content.composing_flows:
        file, _, name = flow.flow.rpartition(":") if ":" in flow.flow else (flow.flow, "", "")
        path = Path(folder / file).resolve()
        if not file.endswith(".py") or path.parent == folder:
            continue
        parts = path.relative_to(folder).with_suffix("").parts if path.is_relative_to(folder) else ()
        is_within = bool(parts) and all(map(_is_name, parts))
        target = f"flow: {'.'.join(parts if is_within else [path.stem])}:{name or composition.found[flow.name].name}"
        fix = f"write {target}" if is_within else f"put its folder on PYTHONPATH, and write {target}"
        message = "stands in another folder, from which a module beside the file cannot import it"
        yield Problem("composition", flow.name, message, fix, composition.document.place_in(flow.name, "flow"))


@attrs.define(slots=False, eq=False)
class _UnwritableError(Exception):
    """A value or type has no expression that a module can hold."""

    what: str


class _Writer:
    def __init__(self, composition: Composition) -> None:
        self.composition = composition
        self.imports: dict[str, dict[str, str]] = {}
        self.taken: set[str] = {*dir(builtins), *keyword.kwlist}
        self.made: list[str] = []
        self.load = ""
        self.classes: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.parameters: dict[tuple[str, str], str] = {}

    def module(self) -> str:
        content = self.composition.document.content
        self._name_attributes()
        name = self._unique(_class_name(content.name))
        for flow in content.composing_flows:
            self.classes[flow.name] = self._class_of(flow)
        base = self.imported("lume_dsl", "LumeFlow")
        parameters = [line for flow in content.composing_flows for line in self._parameters(flow)]
        calls = [line for one in self.composition.order for line in self._call(self.composition.flow(one))]
        decorator = self._decorator(name)
        head = [
            *decorator,
            f"class {name}({base}):",
            f'    """The flow of flows of {_plain(self.composition.document.path)}."""',
            "",
        ]
        body = [*parameters, *([""] if parameters else []), *calls]
        made = ["", *self.made] if self.made else []
        lines = [*self._import_lines(), *made, "", "", *head, *(f"    {line}".rstrip() for line in body)]
        return "\n".join([*lines, ""])

    # names

    def _name_attributes(self) -> None:
        """Name what the body assigns, before what it uses: imports have other names where these are taken."""
        self.taken.update(RESERVED)
        for flow in self.composition.document.content.composing_flows:
            self.attributes[flow.name] = self._unique(identifier_of(flow.name))
        for flow in self.composition.document.content.composing_flows:
            for name in self.composition.flows[flow.name].__lume_graph__.parameters:
                if name not in flow.mapped_parameters and name not in flow.parameters:
                    self.parameters[flow.name, name] = self._unique(identifier_of(parameter_name(flow.name, name)))
        self.taken.difference_update(RESERVED)

    def _unique(self, name: str) -> str:
        unique = unique_name(name, self.taken, Counter())
        self.taken.add(unique)
        return unique

    def imported(self, module: str, name: str, otherwise: str = "") -> str:
        """The name under which a module's name is imported: itself, or ``otherwise`` where that is taken."""
        names = self.imports.setdefault(module, {})
        if name not in names:
            names[name] = self._unique(name if name not in self.taken else otherwise or _class_name(name))
        return names[name]

    def _import_lines(self) -> Iterator[str]:
        yield "from __future__ import annotations"
        yield ""
        own = [module for module in self.imports if module.split(".")[0] == "lume_dsl"]
        plain = [module for module in self.imports if module not in own]
        for module in [*sorted(plain), *sorted(own)]:
            names = sorted(self.imports[module].items())
            shown = ", ".join(name if name == alias else f"{name} as {alias}" for name, alias in names)
            yield from _wrapped(f"from {module} import ", shown.split(", "), "(", ")", always=False)

    def _class_of(self, flow: ComposingFlow) -> str:
        """The name of a flow's class in the module."""
        found = self.composition.found[flow.name]
        if not is_prefect_flow(found.flow):
            return self.imported(found.module, found.name)
        made = self._unique(_class_name(flow.name))
        by_hand = self.imported(found.module, found.name, otherwise=f"{found.name}_by_hand")
        self.made.append(f"{made} = {self.imported('lume_dsl.compose', 'from_prefect')}({by_hand})")
        return made

    # lines

    def _decorator(self, name: str) -> list[str]:
        content = self.composition.document.content
        options = {
            "name": content.name if content.name != name else "",
            "project": content.project_name,
            "labels": list(content.labels),
        }
        given = [f"{key}={_quoted(value)}" for key, value in options.items() if value]
        return list(_wrapped(f"@{self.imported('lume_dsl', 'flow')}", given, "(", ")")) if given else []

    def _parameters(self, flow: ComposingFlow) -> Iterator[str]:
        for name, member in self.composition.flows[flow.name].__lume_graph__.parameters.items():
            attribute = self.parameters.get((flow.name, name))
            if attribute is None:
                continue
            options = self._written(flow, name, partial(self._options, member))
            tp = self._written(flow, name, partial(self.annotation, member.type))
            start = f"{attribute}: {tp} = {self.imported('lume_dsl', 'parameter')}"
            yield from _wrapped(start, options, "(", ")")

    def _options(self, member: Member) -> list[str]:
        spec = spec_of(member)
        given = {field.name: getattr(spec, field.name) for field in attrs.fields(Parameter)}
        known = {field.name: field.default for field in attrs.fields(Parameter)}
        constraints = given.pop("constraints")
        options = {
            name: value
            for name, value in given.items()
            if value is not known[name] and value != known[name] and name != "abstract"
        }
        written = {name: self.expression(value) for name, value in (options | constraints).items()}
        return [f"{name}={text}" for name, text in written.items()]

    def _call(self, flow: ComposingFlow) -> Iterator[str]:
        flow_class = self.composition.flows[flow.name]
        arguments = []
        for name, member in flow_class.__lume_graph__.parameters.items():
            if name in flow.mapped_parameters:
                text = self._written(flow, name, partial(self._source, flow, name, member))
            elif name in flow.parameters:
                value = _converted(flow.parameters[name], member)
                text = self._written(flow, name, partial(self.expression, value))
            else:
                text = self.parameters[flow.name, name]
            arguments.append(f"{name}={text}" if name.isidentifier() else f"**{{{_quoted(name)}: {text}}}")
        yield from _wrapped(f"{self.attributes[flow.name]} = {self.classes[flow.name]}", arguments, "(", ")")

    def _source(self, flow: ComposingFlow, name: str, parameter: Member) -> str:
        mapped = flow.mapped_parameters[name]
        parent = self.composition.flows[mapped.parent_flow_name]
        source: MappedSource = source_of_mapping(mapped, parent, parameter)
        names = [one for one, member in parent.__lume_graph__.names.items() if member == source.member.name]
        if not names:
            raise _UnwritableError(
                f"task {mapped.parent_task_name!r} of {mapped.parent_flow_name}, which has no name in it,"
            )
        attribute = self.attributes[mapped.parent_flow_name]
        text = f"{attribute}.{names[0]}" if _is_name(names[0]) else f"getattr({attribute}, {_quoted(names[0])})"
        if source.is_loaded:
            load, part = self._load(), _quoted(list(source.part))
            if source.is_each:
                return f"{load}.map(result_rep={text}, attribute_index={self.imported('lume_dsl', 'unmapped')}({part}))"
            return f"{load}(result_rep={text}, attribute_index={part})"
        for place, step in enumerate(source.part):
            text += f"[{_quoted(step)}]" if place else f".{step}"
        return f"{self.imported('lume_dsl', 'unchecked')}({text})" if source.is_unchecked else text

    def _load(self) -> str:
        """The name of the task that loads parts of records, which have any type."""
        if not self.load:
            made = f"{self.imported('lume_dsl', 'task')}({self.imported('lume_dsl.tasks', 'LoadDBResult')}())"
            self.load = self._unique("load_record")
            self.made.append(f"{self.load}: {self.imported('typing', 'Any')} = {made}")
        return self.load

    def _written(self, flow: ComposingFlow, name: str, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except _UnwritableError as error:
            message = f"{error.what} cannot be written in a class of another module"
            fix = f"give it in the file, or give {flow.name} one that can: a name at the top of its module"
            where = "mapped_parameters" if name in flow.mapped_parameters else "parameters"
            place = self.composition.document.place_in(flow.name, where, name)
            problem = Problem("composition", f"{flow.name}.{name}", message, fix, place)
            raise DefinitionError((problem,)) from None

    # expressions

    def annotation(self, tp: Any) -> str:
        """A type as an annotation."""
        if tp is Any:
            tp = UNTYPED
        if tp is None or tp is type(None):
            return "None"
        if tp is JSON:
            return self.imported("lume_dsl", "JSON")
        if is_union(tp):
            return " | ".join(self.annotation(arm) for arm in get_args(tp))
        if get_origin(tp) is Literal:
            choices = ", ".join(self.expression(choice) for choice in get_args(tp))
            return f"{self.imported('typing', 'Literal')}[{choices}]"
        if tp is ...:
            return "..."
        if get_origin(tp) is not None and hasattr(tp, "__metadata__"):  # Annotated
            parts = ", ".join([self.annotation(get_args(tp)[0]), *(self.expression(m) for m in tp.__metadata__)])
            return f"{self.imported('typing', 'Annotated')}[{parts}]"
        if get_origin(tp) is not None:
            arguments = ", ".join(self.annotation(argument) for argument in get_args(tp)) or "()"
            return f"{self._object(get_origin(tp))}[{arguments}]"
        return self._object(tp)

    def expression(self, value: Any) -> str:
        """A value as Python writes it, of names that can be imported."""
        if value is MISSING:
            return "..."
        if value is None or isinstance(value, (bool, int, float, complex, bytes)) or type(value) is str:
            return _quoted(value)
        if isinstance(value, Enum):
            return f"{self._object(type(value))}.{value.name}"
        if type(value) in (list, tuple):
            items = ", ".join(self.expression(item) for item in value)
            one = "," if type(value) is tuple and len(value) == 1 else ""
            return f"[{items}]" if type(value) is list else f"({items}{one})"
        if type(value) is dict:
            return "{" + ", ".join(f"{_quoted(k)}: {self.expression(v)}" for k, v in value.items()) + "}"
        if isinstance(value, (types.FunctionType, type, types.BuiltinFunctionType)):
            return self._object(value)
        if isinstance(value, (date, time)):
            return f"{self._object(type(value))}.fromisoformat({_quoted(value.isoformat())})"
        if isinstance(value, timedelta):
            parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
            given = ", ".join(f"{name}={number}" for name, number in parts.items() if number) or "0"
            return f"{self._object(timedelta)}({given})"
        if isinstance(value, (Decimal, UUID, PurePath)):
            cls = Path if isinstance(value, Path) else type(value)
            return f"{self._object(cls)}({_quoted(str(value))})"
        if (fields := _fields(value)) is not None:
            given = ", ".join(f"{name}={self.expression(item)}" for name, item in fields.items())
            return f"{self._object(type(value))}({given})"
        raise _UnwritableError(f"the value {short(value)}")

    def _object(self, value: Any) -> str:
        """The expression for a class or function that stands at the top of its module, or within such a class."""
        module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if module == "builtins":
            return str(path)
        root = importlib.import_module(module) if isinstance(module, str) and module != "__main__" else None
        found: Any = root
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is None or found is not value:
            what = type_name(value) if isinstance(value, type) else f"function {path or repr(value)}"
            raise _UnwritableError(what)
        first, _, rest = path.partition(".")
        name = self.imported(_public_module(str(module), first, getattr(root, first)), first)
        return f"{name}.{rest}" if rest else name


def _converted(value: Any, parameter: Member) -> Any:
    """The value that a constant of the file is for a parameter."""
    return value if parameter.type is Any else structure(value, parameter.type)[0]


def _fields(value: Any) -> dict[str, Any] | None:
    """The arguments that make an object of an attrs class, dataclass or named tuple again."""
    if attrs.has(type(value)):
        return {str(one.alias): getattr(value, one.name) for one in attrs.fields(type(value)) if one.init}
    if dataclasses.is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if one.init}
    return dict(zip(value._fields, value, strict=True)) if hasattr(value, "_fields") else None


def _public_module(module: str, name: str, value: Any) -> str:
    """The module that users import a name from: ``lume_dsl`` for what it gives, ``pathlib`` for ``pathlib._local``."""
    parts = module.split(".")
    for count in range(1, len(parts)):
        outer = ".".join(parts[:count])
        if getattr(importlib.import_module(outer), name, None) is value:
            return outer
    return module


def _wrapped(start: str, items: list[str], opening: str, closing: str, *, always: bool = True) -> Iterator[str]:
    """A call on one line, or with an item a line where that is too long."""
    whole = f"{start}{opening}{', '.join(items)}{closing}" if always else f"{start}{', '.join(items)}"
    if len(whole) + 4 <= WIDTH or not items:
        yield whole
        return
    yield f"{start}{opening}"
    yield from (f"    {item}," for item in items)
    yield closing


def _quoted(value: Any) -> str:
    """As ``repr``, with a text in double quotes where that needs no escapes."""
    if isinstance(value, list):
        return f"[{', '.join(map(_quoted, value))}]"
    text = repr(value)
    prefix = "b" if isinstance(value, bytes) else ""
    is_text = isinstance(value, (str, bytes)) and text.startswith(f"{prefix}'")
    return f'{prefix}"{text[len(prefix) + 1 : -1]}"' if is_text and '"' not in text and "\\'" not in text else text


def _plain(text: str) -> str:
    """The text as a docstring holds it."""
    return text.replace("\\", "/").replace('"', "'")


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _class_name(name: str) -> str:
    """``FlowOfFlows`` of ``flow_of_flows``."""
    parts = [part for part in re.split(r"[\W_]+", name) if part]
    found = "".join(part[:1].upper() + part[1:] for part in parts)
    return found if _is_name(found) else f"Flow{found}"
