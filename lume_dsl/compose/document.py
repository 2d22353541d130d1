"""A flow of flows as it stands in a YAML file, and what is wrong with the file itself. It knows no flows.

The format is that of LUME-services (``FlowOfFlows``), with ``flow`` and ``parameters`` besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import list_structure_factory, mapping_structure_factory
from cattrs.errors import AttributeValidationNote, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from lume_dsl.errors import DefinitionError, FlowNotFoundError, Place, Problem, did_you_mean
from lume_dsl.values.document_errors import DocumentError, kind_of
from lume_dsl.values.documents import text_of_document
from lume_dsl.values.scalars import short
from lume_dsl.values.yaml12 import lines_of, read_yaml

__all__ = ["ComposingFlow", "Document", "FlowOfFlows", "MappedParameter", "read_flow_of_flows"]

T = TypeVar("T")
Steps = tuple[str | int, ...]

MapType = Literal["raw", "file", "db"]

Name = Annotated[str, "not empty"]

HARMLESS = frozenset({"project_name", "labels", "parameters"})
"""Keys without which the rest of a flow can be checked."""


@attrs.frozen(kw_only=True)
class MappedParameter:
    """Where the value of a parameter comes from.

    Attributes:
        parent_flow_name: The name of another flow of the file.
        parent_task_name: The name of one of its tasks.
        map_type: ``raw``: what the task returns; ``file``: the file that it saves; ``db``: the record that it saves,
            or the part of it that ``attribute`` and ``attribute_index`` lead to.
        attribute: The first step into the record, as LUME-services has it.
        attribute_index: An attribute of the record, then keys or places in it: ``[outputs, text]``.
    """

    parent_flow_name: str
    parent_task_name: str
    map_type: MapType = "raw"
    attribute: str = ""
    attribute_index: list[str | int] = attrs.field(factory=list)

    @property
    def part(self) -> list[str | int]:
        """All steps into the record."""
        return [self.attribute, *self.attribute_index] if self.attribute else self.attribute_index


@attrs.frozen(kw_only=True)
class ComposingFlow:
    """One flow of several.

    Attributes:
        name: What it is called in the file: by default, its own name.
        project_name: The project that it is registered in.
        flow: Where it is: ``module:Flow`` or ``file.py:Flow``; else it is looked for in a module of its name.
        labels: Those of its run, where it is run on a server.
        mapped_parameters: Parameters that other flows of the file give.
        parameters: Parameters that are constants.
    """

    name: Name
    project_name: str = ""
    flow: str = ""
    labels: list[str] = attrs.field(factory=list)
    mapped_parameters: dict[str, MappedParameter] = attrs.field(factory=dict)
    parameters: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class FlowOfFlows:
    """A flow that is made of flows.

    Attributes:
        name: The name of the Prefect flow.
        project_name: What it, and records of flows that name no project, are filed under.
        labels: Those of its own run.
        composing_flows: The flows, in any order.
    """

    name: Name
    project_name: str = ""
    labels: list[str] = attrs.field(factory=list)
    composing_flows: list[ComposingFlow]


@attrs.frozen
class Document:
    """A flow of flows with its places in the file, and what is wrong with it so far.

    What could not be read of it is left out; ``broken`` are the names of the flows among that, and ``unread`` those
    of the mapped parameters, by their flows.
    """

    path: str
    content: FlowOfFlows
    lines: Mapping[Steps, int]
    places: Mapping[str, int]
    """Where each flow stands among those of the file, by its name."""
    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()
    unread: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    def place(self, *steps: str | int) -> Place:
        """The line of a part of the file, or of what it is a part of."""
        return _place(self.path, self.lines, steps)

    def place_in(self, flow: str, *steps: str | int) -> Place:
        """The line of a part of one of the flows."""
        return self.place("composing_flows", self.places[flow], *steps)


def read_flow_of_flows(path: str | Path) -> Document:
    """Return the flow of flows that a YAML file holds.

    Raises:
        FlowNotFoundError: There is no such file.
        DefinitionError: It cannot be read, or is no flow of flows at all.
    """
    name = str(path)
    try:
        text = text_of_document(Path(path).read_bytes(), name)
        values = read_yaml(text, name, what="a flow of flows is", example="name: ... and composing_flows: ...")
    except FileNotFoundError:
        beside = [str(other) for other in Path(path).parent.glob("*.y*ml")]
        raise FlowNotFoundError(f"there is no file {name}{did_you_mean(name, beside)}") from None
    except DocumentError as error:
        place = Place(name, error.line) if error.line else None
        raise DefinitionError((Problem("composition", error.path or name, error.message, error.fix, place),)) from None
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise DefinitionError((Problem("composition", name, f"cannot be read: {error}"),)) from None
    return _Reader(name, lines_of(text)).document(values)


class _Reader:
    def __init__(self, path: str, lines: Mapping[Steps, int]) -> None:
        self.path = path
        self.lines = lines
        self.problems: list[Problem] = []
        self.unread: dict[str, tuple[str, ...]] = {}

    def document(self, values: dict[str, Any]) -> Document:
        listed = values.get("composing_flows")
        own = self._structured(FlowOfFlows, {**values, "composing_flows": []}, ())
        own = own or FlowOfFlows(name=Path(self.path).stem, composing_flows=[])
        if not isinstance(listed, list) or not listed:
            self._note_flows(values)
            raise DefinitionError(tuple(self.problems))
        flows: list[ComposingFlow] = []
        places: dict[str, int] = {}
        broken: set[str] = set()
        for place, item in enumerate(listed):
            flow = self._flow(item, ("composing_flows", place))
            if flow is None and isinstance(item, dict):
                broken.add(str(item.get("name")))
            if flow is not None and flow.name in places:
                message, fix = "is listed twice", "give one of the two another name, and say flow: module:Flow"
                self._note(f"{flow.name!r}", message, fix, ("composing_flows", place))
            elif flow is not None:
                places[flow.name] = place
                flows.append(flow)
        content = attrs.evolve(own, composing_flows=flows)
        return Document(self.path, content, self.lines, places, tuple(self.problems), frozenset(broken), self.unread)

    def _note_flows(self, values: dict[str, Any]) -> None:
        listed = values.get("composing_flows")
        if "composing_flows" not in values:
            self._note("composing_flows", "is missing", "list the flows: composing_flows: [{name: flow1}, ...]", ())
        elif not isinstance(listed, list) or not listed:
            found = "an empty list" if isinstance(listed, list) else kind_of(listed)
            message = f"expected a list of flows, got {found}"
            self._note("composing_flows", message, "write - name: flow1 below it", ("composing_flows",))

    def _flow(self, item: Any, steps: Steps) -> ComposingFlow | None:
        listed = item.get("mapped_parameters") if isinstance(item, dict) else None
        if not isinstance(listed, dict):
            return self._structured(ComposingFlow, item, steps)
        mapped = {
            name: self._structured(MappedParameter, value, (*steps, "mapped_parameters", name))
            for name, value in listed.items()
        }
        flow = self._structured(ComposingFlow, {**item, "mapped_parameters": {}}, steps)
        if flow is None:
            return None
        found = {name: parameter for name, parameter in mapped.items() if parameter is not None}
        self.unread[flow.name] = tuple(name for name in mapped if name not in found)
        return attrs.evolve(flow, mapped_parameters=found)

    def _structured(self, cls: type[T], value: Any, steps: Steps) -> T | None:
        """The object that a part of the file is, or None. What is wrong is noted; unknown keys are left out."""
        if isinstance(value, dict):
            known = [field.name for field in attrs.fields(cls)]  # type: ignore[arg-type]  # an attrs class
            for key in value:
                if key not in known:
                    fix = f"the keys are: {', '.join(known)}"
                    self._note(repr(key), f"is no key of this{did_you_mean(key, known)}", fix, (*steps, key))
            value = {key: item for key, item in value.items() if key in known}
        try:
            return _CONVERTER.structure(value, cls)
        except Exception as error:  # whatever a hook of cattrs raises
            wrong = set()
            for message, within in _told(error):
                where = (*steps, *within)
                self._note(_shown(where), message, "", where)
                wrong.add(within[0] if within else "")
        if not wrong <= HARMLESS:
            return None
        return _CONVERTER.structure({key: item for key, item in value.items() if key not in wrong}, cls)

    def _note(self, subject: str, message: str, fix: str, steps: Steps) -> None:
        place = _place(self.path, self.lines, steps)
        self.problems.append(Problem("composition", subject, message, fix, place))


def _place(path: str, lines: Mapping[Steps, int], steps: Steps) -> Place:
    """The line of a part of a file, or of what it is a part of."""
    while steps and steps not in lines:
        steps = steps[:-1]
    return Place(path, lines.get(steps, 1))


def _shown(steps: Steps) -> str:
    """Where a part stands, as a path: ``composing_flows[0].name``."""
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps)
    return text.removeprefix(".")


# cattrs


def _converter() -> cattrs.Converter:
    """One that takes each value as it is, and converts none: 5 is no text, and a text no list of characters."""
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(str, lambda value, _: _checked(value, str, "text"))
    converter.register_structure_hook(str | int, lambda value, _: _checked(value, (str, int), "text or a whole number"))
    converter.register_structure_hook_func(lambda tp: tp is Any, lambda value, _: value)
    converter.register_structure_hook_func(lambda tp: tp == Name, _name)
    converter.register_structure_hook_func(lambda tp: tp == MapType, _map_type)
    converter.register_structure_hook_factory(_is_of(list), _of_lists)
    converter.register_structure_hook_factory(_is_of(dict), _of_mappings)
    converter.register_structure_hook_factory(attrs.has, _of_classes)
    return converter


def _is_of(kind: Any) -> Callable[[Any], bool]:
    return lambda tp: get_origin(tp) is kind


def _of_lists(tp: Any, converter: Any) -> Callable[[Any, Any], Any]:
    structure = list_structure_factory(tp, converter)
    return lambda value, _: structure([] if value is None else _checked(value, list, "a list"), tp)


def _of_mappings(tp: Any, converter: Any) -> Callable[[Any, Any], Any]:
    structure = mapping_structure_factory(tp, converter)
    return lambda value, _: structure({} if value is None else _checked(value, dict, "a mapping"), tp)


def _of_classes(cls: Any, converter: Any) -> Callable[[Any, Any], Any]:
    structure = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)
    return lambda value, _: structure(_checked(value, dict, "a mapping"), cls)


def _checked(value: Any, kinds: Any, what: str) -> Any:
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"expected {what}, got {short(value)}")
    return value


def _name(value: Any, _: Any) -> Any:
    if not _checked(value, str, "text"):
        raise ValueError("expected a name, got ''")
    return value


def _map_type(value: Any, _: Any) -> Any:
    known = get_args(MapType)
    if value not in known:
        near = did_you_mean(value, known) if isinstance(value, str) else ""
        raise ValueError(f"expected one of {', '.join(known)}, got {short(value)}{near}")
    return value


_CONVERTER = _converter()


def _told(error: BaseException, steps: Steps = ()) -> Iterator[tuple[str, Steps]]:
    """What an error of cattrs says, and where: the notes of its parts lead there."""
    parts = error.exceptions if isinstance(error, cattrs.BaseValidationError) else ()
    for part in parts:
        notes = getattr(part, "__notes__", ())
        within = [note.index for note in notes if isinstance(note, IterableValidationNote)]
        within += [note.name for note in notes if isinstance(note, AttributeValidationNote)]
        yield from _told(part, (*steps, *within))
    if isinstance(error, KeyError):
        yield "is missing", steps
    elif not parts:
        yield str(error), steps
