"""Where the flows of a flow of flows are: classes, and Prefect flows written by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from lume_dsl.compose.document import ComposingFlow, Document
from lume_dsl.compose.names import TASK_NAMES
from lume_dsl.declare.find import load_module
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.errors import DefinitionError, FlowNotFoundError, Problem, did_you_mean

__all__ = ["FoundFlow", "find_composing_flows", "is_prefect_flow"]


@attrs.frozen
class FoundFlow:
    """A flow class, or a ``prefect.Flow`` object, with the module and the name in it under which it was found."""

    flow: Any
    module: str
    name: str


def find_composing_flows(document: Document) -> tuple[dict[str, FoundFlow], list[Problem]]:
    """Return the flows of a file by their names in it, and what is wrong with where they are said to be."""
    folder = str(Path(document.path).resolve().parent)
    for one in (str(Path.cwd()), folder):  # the file's folder first
        if one not in sys.path:
            sys.path.insert(0, one)
    found: dict[str, FoundFlow] = {}
    problems: list[Problem] = []
    for flow in document.content.composing_flows:
        place = document.place_in(flow.name, "flow" if flow.flow else "name")
        try:
            found[flow.name] = _found(flow, Path(folder))
        except FlowNotFoundError as error:
            message, _, fix = str(error).partition("\n")
            problems.append(Problem("composition", flow.flow or flow.name, message, fix.strip(), place))
        except DefinitionError as error:  # of the flow's module
            problems += [problem for problem in error.problems if problem not in problems]
    return found, problems


def _found(flow: ComposingFlow, folder: Path) -> FoundFlow:
    target = flow.flow or flow.name
    name, _, wanted = target.rpartition(":") if ":" in target else (target, "", "")
    if not name:
        raise FlowNotFoundError(f"names no module\n{_SAY_WHERE}")
    module = _module(flow, str(folder / name) if name.endswith(".py") else name)
    if not name.endswith(".py"):
        _check_place(module, folder)
    if wanted:
        return FoundFlow(_named(module, wanted), module.__name__, wanted)
    flows = dict(_flows_of(module))
    by_name = [name for name, value in flows.items() if _name_of(value) == flow.name]
    if len(by_name) == 1 or len(flows) == 1:
        found = [*by_name, *flows][0]
        return FoundFlow(flows[found], module.__name__, found)
    if not flows:
        raise FlowNotFoundError(f"module {module.__name__} has no flow\n{_SAY_WHERE}")
    raise FlowNotFoundError(f"module {module.__name__} has {len(flows)} flows: {', '.join(flows)}\n{_SAY_WHERE}")


_SAY_WHERE = "say where the flow is: flow: module:Flow"


def _module(flow: ComposingFlow, name: str) -> ModuleType:
    try:
        return load_module(name)
    except FlowNotFoundError as error:
        if flow.flow:
            raise
        raise FlowNotFoundError(f"is found in no module of that name\n{_SAY_WHERE}") from error


def _check_place(module: ModuleType, folder: Path) -> None:
    """Whether it is the one that stands beside the file, if one of its name does, and none of another folder.

    Raises:
        FlowNotFoundError: A module of that name was imported from elsewhere, as for another flow of flows.
    """
    path = folder.joinpath(*module.__name__.split("."))
    beside = [one for one in (path / "__init__.py", path.with_name(f"{path.name}.py")) if one.is_file()]
    loaded = Path(module.__file__ or "").resolve()
    if beside and loaded not in [one.resolve() for one in beside]:
        message = f"module {module.__name__} is loaded already, from {loaded}, and not the one beside the file"
        raise FlowNotFoundError(f"{message}\nrename one of the two modules, or compose in another process")


def _named(module: ModuleType, wanted: str) -> Any:
    value = getattr(module, wanted, None)
    if _is_flow(value):
        return value
    flows = dict(_flows_of(module))
    what = f"is a {type(value).__name__}, and no flow" if value is not None else "is not there"
    listed = f"the flows of {module.__name__} are: {', '.join(flows) or 'none'}"
    raise FlowNotFoundError(f"{wanted} {what}{did_you_mean(wanted, flows)}\n{listed}")


def _flows_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    seen: list[Any] = []
    for name, value in vars(module).items():
        is_own = not isinstance(value, FlowMeta) or _is_class_of(module, value)
        one = getattr(value, "flow_class", value)  # of the flow of a class
        if _is_flow(value) and is_own and not any(one is other for other in seen):
            seen.append(one)
            yield name, value


def _is_class_of(module: ModuleType, flow: FlowMeta) -> bool:
    """Whether a module defines a flow class. One of a flow by hand is not counted beside that."""
    return flow.__module__ == module.__name__ and TASK_NAMES not in vars(flow)


def _is_flow(value: Any) -> bool:
    if isinstance(value, FlowMeta):
        return bool(value.__lume_graph__.members)
    return is_prefect_flow(value)


def is_prefect_flow(value: Any) -> bool:
    """Whether it is a ``prefect.Flow`` object (found without loading Prefect)."""
    return any(cls.__module__ == "prefect.core.flow" and cls.__name__ == "Flow" for cls in type(value).__mro__)


def _name_of(flow: Any) -> str:
    return flow.__lume_name__ if isinstance(flow, FlowMeta) else str(flow.name)
