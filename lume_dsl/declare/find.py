"""Flow classes by where they stand: ``flows.beam:Scan``, ``flows/beam.py:Scan`` or a module alone."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import attrs

from lume_dsl.declare.body import Body
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.namespace import problems_so_far
from lume_dsl.errors import DefinitionError, FlowNotFoundError, LumeError, Place, Problem, did_you_mean

__all__ = ["find_flow", "find_flows", "load_module"]

_WHAT_TO_NAME = "name a dotted module that can be imported from here, or the path of a .py file"

_NOT_OF_USERS = tuple(str(folder) + os.sep for folder in (Path(os.__file__).parent, Path(__file__).parents[1]))
"""Where the code of Python and of lume_dsl is."""


def find_flow(target: str) -> FlowMeta:
    """Return the flow class that ``module:Flow`` names; of a module with one flow that is not abstract, ``module``.

    ``module`` is a dotted name, looked up in the working directory too, or the path of a ``.py`` file, whose
    folder can then be imported from, as when Python runs the file. A file in a package has its dotted name, so that
    what is saved of it is found whichever way it was named.

    Raises:
        FlowNotFoundError: There is no such module, or no such flow in it.
        DefinitionError: The module raises when it is imported.
    """
    wanted = _Target.of(target)
    named = getattr(wanted.load(), wanted.flow, None) if wanted.module and wanted.flow.isidentifier() else None
    if isinstance(named, FlowMeta) and named.__lume_graph__.members:
        return named  # where another module has it from, too
    flows = find_flows(wanted.module)
    if (named := next((flow for flow in flows.values() if flow.__name__ == wanted.flow), None)) is not None:
        return named  # bound to another name, as what from_prefect gave may be
    listed = f"its flows are: {', '.join(flows)}"
    if wanted.flow:
        raise FlowNotFoundError(
            f"{wanted.module} has no flow named {wanted.flow!r}{did_you_mean(wanted.flow, flows)}\n    {listed}"
        )
    whole = [flow for flow in flows.values() if not flow.__lume_graph__.abstract] or list(flows.values())
    if len(whole) > 1:
        raise FlowNotFoundError(f"{wanted.module} has {len(flows)} flows: say which\n    {listed}")
    return whole[0]


def find_flows(target: str) -> Mapping[str, FlowMeta]:
    """Return the flow classes of a module by name, or the one that ``module:Flow`` names.

    Raises:
        FlowNotFoundError: There is no such module, or no flow in it.
        DefinitionError: The module raises when it is imported.
    """
    wanted = _Target.of(target)
    if not wanted.module:
        raise FlowNotFoundError(f"{target!r} names no module\n    write module:Flow, or path/to/file.py:Flow")
    if wanted.flow:
        flow = find_flow(target)
        return {flow.__name__: flow}
    module = wanted.load()
    flows = _flows_in(module)
    if not flows:
        raise FlowNotFoundError(
            f"{wanted.module} defines no flow\n    write a class that subclasses LumeFlow in it, or name another module"
        )
    return flows


def _flows_in(module: ModuleType) -> dict[str, FlowMeta]:
    """The flow classes that a module defines, each by its own name, or the first that it is bound to if it has none.

    Another name for one is no other flow.
    """
    found: dict[int, tuple[str, FlowMeta]] = {}
    for name, value in vars(module).items():
        if isinstance(value, FlowMeta) and value.__module__ == module.__name__ and value.__lume_graph__.members:
            is_bound = vars(module).get(value.__name__) is value
            found.setdefault(id(value), (value.__name__ if is_bound else name, value))
    return dict(found.values())


def load_module(name: str) -> ModuleType:
    """Return the module that a dotted name or the path of a ``.py`` file names, as ``find_flow`` looks for it.

    Raises:
        FlowNotFoundError: There is none.
        DefinitionError: It raises when it is imported.
    """
    return _Target(name, "").load()


@attrs.frozen
class _Target:
    module: str
    flow: str

    @classmethod
    def of(cls, target: str) -> _Target:
        module, _, flow = target.rpartition(":") if ":" in target else (target, "", "")
        return cls(module, flow)

    def load(self) -> ModuleType:
        is_file = self.module.endswith(".py") or os.sep in self.module
        try:
            return _load_file(Path(self.module)) if is_file else _load_module(self.module)
        except LumeError:
            raise
        except (Exception, SystemExit) as error:  # whatever the user's module raises
            raise _import_error(self.module, error) from error


def _load_module(name: str) -> ModuleType:
    if name.startswith("."):
        raise FlowNotFoundError(f"{name!r} is no module\n    {_WHAT_TO_NAME}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # something that the module imports
        parent, _, last = name.rpartition(".")
        if error.name == name and isinstance(getattr(sys.modules.get(parent), last, None), FlowMeta):
            raise FlowNotFoundError(f"there is no module named {name!r}; did you mean '{parent}:{last}'?") from error
        beside = [path.stem for path in Path().glob("*.py")]
        raise FlowNotFoundError(
            f"there is no module named {error.name!r}{did_you_mean(error.name, beside)}\n    {_WHAT_TO_NAME}"
        ) from error


def _load_file(path: Path) -> ModuleType:
    if path.is_dir():
        raise FlowNotFoundError(f"{path} is a folder\n    name a .py file in it")
    if not path.is_file():  # another file is near by its name, not by its folder and ending, which all have
        beside = [str(other) for other in path.parent.glob("*.py") if did_you_mean(path.stem, [other.stem])]
        raise FlowNotFoundError(f"there is no file {path}{did_you_mean(str(path), beside)}")
    path = path.resolve()
    root, name = _place_in_package(path)
    for folder in (str(path.parent), str(root)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    package = name.partition(".")[0]
    if package != name:
        if str(root / package) not in getattr(importlib.import_module(package), "__path__", ()):
            raise _taken(path, package)
        return importlib.import_module(name)
    if (loaded := sys.modules.get(name)) is None:
        return _load_by_itself(path, name)
    if getattr(loaded, "__file__", None) != str(path):
        raise _taken(path, name)
    return loaded


def _taken(path: Path, name: str) -> FlowNotFoundError:
    kind = "file" if name == path.stem else "package"
    return FlowNotFoundError(f"{path}: a module named {name!r} is loaded already\n    rename the {kind}")


def _place_in_package(path: Path) -> tuple[Path, str]:
    """The folder that a file is imported from, and its dotted name there.

    Raises:
        FlowNotFoundError: It has none. What is saved of a module is found again by its name.
    """
    if not path.stem.isidentifier():
        valid = re.sub(r"\W+", "_", path.stem)
        valid = valid if valid.isidentifier() else f"flow_{valid}"
        raise FlowNotFoundError(
            f"{path.name}: {path.stem!r} is no name of a module, so nothing that is saved of its classes could be "
            f"found again\n    rename the file, as to {valid}.py"
        )
    root, names = path.parent, [path.stem]
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        names.insert(0, root.name)
        root = root.parent
    if len(names) > 1 and names[-1] == "__init__":
        names.pop()
    return root, ".".join(names)


def _load_by_itself(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowNotFoundError(f"{path} is not a Python file\n    its name ends in .py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_error(module: str, error: BaseException) -> DefinitionError:
    message = f"does not import: {type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        wrong = Place(error.filename, error.lineno or 0)
        said = f"does not import: {type(error).__name__}: {error.msg}"
        return DefinitionError((Problem("import", module, said, "", wrong),))
    problem = Problem("import", module, message, _import_fix(error), _place_of(error))
    return DefinitionError((*_further_up(error), problem))


def _further_up(error: BaseException) -> list[Problem]:
    """What is wrong with the lines of the flow's body that the error has ended, if it came out of one.

    Python tells a metaclass nothing of that, so it is found where the error arrives.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if isinstance(frame.f_locals, Body) and frame.f_back is not None:
            return problems_so_far(frame.f_locals, frame.f_back)
    return []


def _place_of(error: BaseException) -> Place | None:
    """The last line of the user's code that an error went through; that of a library where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    known = [frame for frame in frames if not frame.filename.startswith(("<", _NOT_OF_USERS[1]))]
    own = [frame for frame in known if _is_of_user(frame.filename)] or known
    return Place(own[-1].filename, own[-1].lineno or 0) if own else None


def _is_of_user(file: str) -> bool:
    return not file.startswith(_NOT_OF_USERS) and not {"site-packages", "dist-packages"} & set(Path(file).parts)


def _import_fix(error: BaseException) -> str:
    if isinstance(error, NameError) and _is_in_comprehension(error):
        return (
            "a comprehension in a class body sees the class's names in its first 'for' only: "
            "use a for loop, or map the task"
        )
    return "mend the module"


def _is_in_comprehension(error: NameError) -> bool:
    steps = list(traceback.walk_tb(error.__traceback__))
    return (
        len(steps) > 1
        and steps[-1][0].f_code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
        and any(isinstance(frame.f_locals, Body) for frame, _ in steps)
    )
