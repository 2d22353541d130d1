"""What keeps a flow from being registered, found before a server is asked; it must not know how one is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any

import prefect
from prefect.storage import Module

from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.parameters import spec_of
from lume_dsl.errors import RegistrationError
from lume_dsl.records.provenance import flow_path

__all__ = ["check_flow", "checked_labels", "checked_project", "where_to_import"]


def check_flow(flow_class: FlowMeta, flow: prefect.Flow) -> None:
    """Return if an agent can import the flow, and its schedule give what it must.

    Raises:
        RegistrationError: It cannot; all that is wrong.
    """
    problems = [*_not_importable(flow_class, flow), *_wrong_clocks(flow_class, flow)]
    if problems:
        raise RegistrationError("\n".join(f"{flow_class.__name__}: {problem}" for problem in problems))


def _not_importable(flow_class: FlowMeta, flow: prefect.Flow) -> Iterator[str]:
    """Why ``Module`` storage does not lead to the flow. Another storage is the user's own matter."""
    module, name = flow_class.__module__, flow_class.__qualname__
    if not isinstance(flow.storage, Module) or flow.storage.module != f"{flow_path(flow_class)}.flow":
        return
    if module == "__main__":
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        where = Path(file).name if file else "flows.py"
        yield (
            "is defined in __main__, the script or notebook that is running, where no agent finds it\n"
            f"    keep the class in a module, as {where}, and register it from there: "
            f"python -m lume_dsl register {where}:{name}"
        )
    elif "<locals>" in name:
        yield f"is defined in a function, where no agent finds it\n    define the class in the module {module} itself"
    elif not _is_module(module):
        yield (
            f"its module {module!r} cannot be imported, so no agent finds it\n"
            "    keep the class in a .py file, or name another storage: @flow(storage=...)"
        )
    elif _found(module, name) is not flow_class:
        yield (
            f"{module}:{name} is another object now, which an agent would take\n"
            "    give each class a name of its own in its module"
        )


def where_to_import(flow_class: FlowMeta, run_config: Any) -> Iterator[str]:
    """Yield where a process of an agent must start to import the flow, if that is not here, and nothing says so."""
    if type(run_config).__name__ not in ("LocalRun", "UniversalRun") or getattr(run_config, "working_dir", None):
        return
    file = Path(getattr(sys.modules.get(flow_class.__module__), "__file__", None) or "")
    names = [*flow_class.__module__.split("."), *(["__init__"] if file.stem == "__init__" else [])]
    if not file.is_absolute() or {"site-packages", "dist-packages"} & set(file.parts):
        return
    root = file.parents[len(names) - 1]
    if root != Path.cwd():
        yield (
            f"the agent must find the module {names[0]}, which is in {root}: start it there, "
            "or say LocalRun(working_dir=...)"
        )


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # ValueError: one that was made by hand, and not imported
        return False


def _found(module: str, name: str) -> Any:
    try:
        return attrgetter(name)(sys.modules.get(module))
    except AttributeError:
        return None


def _wrong_clocks(flow_class: FlowMeta, flow: Any) -> Iterator[str]:
    """What a server cannot do with the schedule, or would hold of it that is secret."""
    specs = {name: spec_of(member) for name, member in flow_class.__lume_graph__.parameters.items()}
    for clock in flow.schedule.clocks if flow.schedule is not None else ():
        given = set(clock.parameter_defaults or {})
        if secret := [name for name, spec in specs.items() if spec.secret and name in given]:
            are, it = ("are", "them") if len(secret) > 1 else ("is", "it")
            yield (
                f"a clock of its schedule gives {', '.join(secret)}, which {are} secret and would stand in the "
                f"server's database\n    let a variable give {it}: parameter(secret=True, env=...)"
            )
        if missing := {parameter.name for parameter in flow.parameters() if parameter.required} - given:
            yield (
                f"its schedule gives no value for {', '.join(sorted(missing))}, so no run could begin\n"
                "    give it a default, or the clock parameter_defaults={...}"
            )
            return


def checked_labels(labels: Any) -> set[str]:
    """Return labels.

    Raises:
        RegistrationError: Something else was given, or a label that no agent can have.
    """
    if isinstance(labels, str):
        raise RegistrationError(f"labels={labels!r} is one text\n    write labels=[{labels!r}]")
    try:
        found = list(labels)
    except TypeError:
        raise RegistrationError(f"labels={labels!r} are no texts\n    write labels=['lcls', 'gpu']") from None
    for label in found:
        if not isinstance(label, str) or not re.fullmatch(r"[^\s,]+", label):
            raise RegistrationError(
                f"{label!r} is no label: a label is a text without blanks and commas\n"
                "    give several one by one: labels=['lcls', 'gpu'], or --label lcls --label gpu"
            )
    return set(found)


def checked_project(flow_class: FlowMeta, project: str | None) -> str:
    """Return the project that a flow is registered in: what is given, else what ``@flow`` says.

    Raises:
        RegistrationError: There is none, or it is no text.
    """
    found = project if project is not None else flow_class.__lume_options__.get("project")
    if isinstance(found, str) and found.strip():
        return found
    what = "has no project, and a server keeps flows in projects" if found is None else f"project={found!r} is no name"
    fix = f"write {flow_class.__name__}.register(project=...), --project, or @flow(project=...) above the class"
    raise RegistrationError(f"{flow_class.__name__}: {what}\n    {fix}")
