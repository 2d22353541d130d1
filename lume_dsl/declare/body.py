"""The namespace in which a flow's body runs. It only collects: members, names, annotations and their lines.

Which body a call belongs to is read off the stack (the innermost class body that is one of ours), so that
a body that raises leaves nothing open behind it, and threads do not see one another's.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import Callable
from inspect import isfunction
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, get_origin

import attrs

from lume_dsl.declare.attributes import Removed
from lume_dsl.declare.composites import Composite, Valueless, Whole, holds_subflows
from lume_dsl.declare.graph import MISSING, Graph, Parameter, Work
from lume_dsl.declare.lines import Lines
from lume_dsl.declare.outside import flow_of_prefect, subclassed
from lume_dsl.declare.rebound import Rebound
from lume_dsl.declare.references import Draft, Link, Reference, Source, draft_of, has_references, source_of
from lume_dsl.errors import DefinitionError, Place, Problem, ReferenceValueError, did_you_mean

if TYPE_CHECKING:
    from lume_dsl.declare.subflows import Call

__all__ = [
    "Body",
    "PrefectTaskName",
    "Unknown",
    "caller_place",
    "current_body",
    "is_class_variable",
    "is_prefect_task",
    "open_body",
    "place_of",
    "refuse_by_hand",
]


def place_of(frame: FrameType) -> Place:
    """The line that a frame is at."""
    return Place(frame.f_code.co_filename, frame.f_lineno)


def open_body(what: str, fix: str) -> Body:
    """Return the flow body that the caller stands in, directly or through functions that it calls.

    Raises:
        DefinitionError: There is none; the message says that ``what`` belongs in a flow's body.
    """
    body = current_body()
    if body is None:
        frame = _caller()
        message, fix = "was called outside a flow's body", subclassed(frame, fix)
        raise DefinitionError((Problem("outside-flow", what, message, fix, place_of(frame)),))
    return body


def refuse_by_hand(name: str) -> None:
    """Return if the caller, who calls a flow class, stands in no ``prefect.Flow``, which it would be no part of."""
    if flow_of_prefect() is not None:
        message, fix = "is no part of a flow that is written by hand", "call it in the body of a LumeFlow class"
        fix += f", or take {name}.flow, the prefect.Flow that it is"
        raise DefinitionError((Problem("outside-flow", name, message, fix, caller_place()),))


def current_body() -> Body | None:
    """The innermost flow body that is being executed."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if isinstance(found := _namespace(frame), Body):
            return found
        frame = frame.f_back
    return None


def caller_place() -> Place:
    """The line of the user's code that called into this package."""
    return place_of(_caller())


def caller_module() -> str:
    """The name of the module of the user's code that called into this package."""
    return str(_caller().f_globals.get("__name__", "__main__"))


def _caller() -> FrameType:
    frame, own = sys._getframe(1), f"{__name__.partition('.')[0]}."
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(own):
        frame = frame.f_back
    return frame


def _namespace(frame: FrameType) -> Any:
    # A function's f_locals are copied at each look, and are never a body.
    return None if frame.f_code.co_flags & inspect.CO_OPTIMIZED else frame.f_locals


class Unknown(Reference):
    """What an unknown name of a body gives, so that one misspelling does not hide the other problems.

    It is taken for anything that it can stand for. What needs its value ends the body, with the problems so far.
    """

    __slots__ = ()

    def _itself(self, *_: object, **__: object) -> Unknown:
        return self

    def _end(self, *_: object) -> NoReturn:
        raise DefinitionError(tuple(draft_of(self).owner.so_far()))

    def __bool__(self) -> bool:
        return True

    __getattr__ = __call__ = __getitem__ = __or__ = __ror__ = _itself
    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__
    __iter__ = __len__ = __index__ = __int__ = __float__ = __format__ = __str__ = __enter__ = _end
    __setattr__ = __delattr__ = __setitem__ = __fspath__ = _end  # type: ignore[assignment]


def is_prefect_task(value: Any) -> bool:
    """Whether it is a ``prefect.Task`` object (found without loading Prefect)."""
    return any(cls.__module__ == "prefect.core.task" and cls.__name__ == "Task" for cls in type(value).__mro__)


@attrs.frozen
class PrefectTaskName:
    """What the name of a ``prefect.Task`` object gives in a body: ``task`` takes it, calling it is refused."""

    name: str
    task: Any

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        message, fix = "is a prefect.Task, which knows no flow here", f"write task({self.name})(...)"
        raise DefinitionError((Problem("prefect-task", self.name, message, fix, caller_place()),))

    map = __call__

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)


class _Annotations(dict[str, Any]):
    """The body's ``__annotations__``, which tells the body of each."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self._body = body

    def __setitem__(self, name: str, annotation: Any) -> None:
        super().__setitem__(name, annotation)
        self._body.annotate(name, annotation)


class Body(dict[str, Any]):
    """The namespace of a flow's class body.

    Attributes:
        name: The class's name.
        start: The line of the class statement.
        checked: Tells what is wrong with a body that has not ended; it is given the frame of the class statement.
        counted: Tells how many items a value of such a body has, or None where its type does not say.
        drafts: All members, in the order in which the body made them.
        calls: The flows that the body calls, in that order.
        problems: What is wrong already.
        rebound: The values whose names another branch has assigned before.
        places: The line of each name's last assignment or annotation.
        ended: Whether the class statement is over, so that nothing can be added any more.
        block: The case, or the setup of the resource, in whose block the body is, if any. A parameter belongs to none.
        unentered: The problems of those whose blocks have not begun.
        bases: The classes that the flow inherits from.
        base: The graph that it inherits.
        taken: The members of it that the body has taken, each as a draft that stands for it.
    """

    def __init__(
        self,
        name: str,
        start: Place,
        checked: Callable[[Body, FrameType], list[Problem]],
        counted: Callable[[Body, FrameType, Draft], int | None],
        bases: tuple[type, ...] = (),
        base: Graph | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.start = start
        self.bases = bases
        self.base = base or Graph()
        self.taken: dict[str, Draft] = {}
        self._checked = checked
        self._counted = counted
        self.drafts: list[Draft] = []
        self.calls: list[Call] = []
        self.problems: list[Problem] = []
        self.rebound = Rebound()
        self.places: dict[str, Place] = {}
        self.ended = False
        self.block: Draft | None = None
        self.unentered: dict[Draft, Problem] = {}
        self._lines: Lines | None = None
        self.annotations = _Annotations(self)
        dict.__setitem__(self, "__annotations__", self.annotations)

    # Owner

    def add(self, work: Work, inputs: dict[str, Source], *, fallback: str) -> Reference:
        if self.ended:
            raise ReferenceValueError((self._late_use(fallback),))
        self._refuse_branch()
        block = None if isinstance(work, Parameter) else self.block
        if wrong := self.rebound.taken(inputs.values(), block):
            self.problems.append(Problem("branch", f"{self.name}: {fallback}", *wrong, self.place()))
        draft = Draft(self, work, inputs, self.place(), fallback, block)
        self.drafts.append(draft)
        return Reference(draft)

    def take(self, call: Call) -> None:
        """Take in a flow that the body calls, with its members."""
        if self.ended:
            raise ReferenceValueError((self._late_use(call.label),))
        self._refuse_branch()
        self.calls.append(call)
        self.drafts += call.drafts.values()

    def inherits(self, owner: type) -> bool:
        """Whether the flow is to be a subclass of a class."""
        return any(issubclass(base, owner) for base in self.bases)

    def inherited(self, name: str, origin: str = "") -> Reference:
        """Return a reference to a member of ``base``, as it is there; if told, as the class ``origin`` has it."""
        if origin and origin != self.base.members[name].origin:
            if f"{origin}.{name}" in self.base.members:  # which the one that redefines it takes
                return self.inherited(f"{origin}.{name}")
            by = self.base.members[name].origin
            message, fix = f"takes {origin}.{name}, which {by} redefines", f"write {by}.{name}"
            self.problems.append(Problem("inheritance", self.name, message, fix, self.place()))
        if name not in self.taken:
            self.taken[name] = Draft(self, self.base.members[name].work, {}, self.place(), name, inherited=name)
        return Reference(self.taken[name])

    def _late_use(self, label: str) -> Problem:
        """The problem of an operator on a reference whose body has ended: it is in another body, or in none."""
        other = current_body()
        if other is not None:
            message, fix = f"takes a value that belongs to {self.name}", "use a name of this flow"
            return Problem("foreign-reference", f"{other.name}.{label}", message, fix, other.place())
        message = "a reference of it is used after its body has ended, where it has no value"
        fix = "take the value as an argument of a task or step"
        return Problem("reference-value", self.name, message, fix, caller_place())

    def _refuse_branch(self) -> None:
        """A ``with case(...)`` of Prefect's would be left out silently: it adds tasks to a flow of Prefect's alone."""
        prefect = sys.modules.get("prefect")
        if prefect is not None and (prefect.context.get("case") or prefect.context.get("resource")):
            message = "is in a branch or a resource manager of Prefect's, which knows flows written by hand alone"
            fix = "from lume_dsl import case, resource_manager, which are written as Prefect's"
            raise DefinitionError((*self.so_far(), Problem("branch", self.name, message, fix, self.place())))

    def so_far(self) -> list[Problem]:
        """All that is wrong with what the body has written so far, for an error that ends it."""
        frame = self._frame()
        return self.problems if frame is None or frame.f_back is None else self._checked(self, frame.f_back)

    def count_items(self, draft: Draft) -> int | None:
        """Return how many items a value has by its type, or None where that does not say."""
        frame = self._frame()
        return None if frame is None or frame.f_back is None else self._counted(self, frame.f_back, draft)

    def place(self) -> Place:
        """The line that the body is at."""
        frame = self._frame()
        if frame is None:
            return self.start
        lines = self._lines
        if lines is None or lines.code is not frame.f_code:
            lines = self._lines = Lines(frame.f_code)
        place: Place = lines.place(frame)
        return place

    def _frame(self) -> FrameType | None:
        """The frame that runs the body, or None: it has ended."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and _namespace(frame) is not self:
            frame = frame.f_back
        return frame

    # the namespace

    def __setitem__(self, name: str, value: Any) -> None:
        self.places[name] = self.place()
        if isinstance(value, Valueless):
            self.problems.append(value.problem)
            value = self.unknown(name)
        if isinstance(value, Reference):
            draft = draft_of(value)
            draft.name = draft.name or name
            if isinstance(before := self.get(name), Reference):
                self.rebound.note(name, draft_of(before), draft)
        elif isinstance(value, Composite):
            value.__lume_named__(name)
        super().__setitem__(name, value)

    def annotate(self, name: str, annotation: Any) -> None:
        """Note the annotation of a name. A name that holds no reference becomes a parameter."""
        self.places[name] = self.place()
        value = self.get(name, MISSING)
        if isinstance(value, Reference):
            self._check_annotated(name, draft_of(value))
        elif not is_class_variable(annotation) and type(value) is not Removed:
            reference = self.add(Parameter(value), {}, fallback=name)
            draft = draft_of(reference)
            draft.name, draft.is_bare = name, True
            super().__setitem__(name, reference)

    def _check_annotated(self, name: str, draft: Draft) -> None:
        if draft.name != name and draft.owner is self and not draft.inherited:
            message = f"is set to {draft.label}, whose value is known only when the flow runs"
            fix = f"a default is a constant; for another name of {draft.label}, leave the annotation out"
            self.problems.append(Problem("default", f"{self.name}.{name}", message, fix, self.places[name]))

    def __missing__(self, name: str) -> Any:
        frame = sys._getframe(1)
        found = frame.f_globals.get(name)
        if is_prefect_task(found):
            return PrefectTaskName(name, found)
        if type(found).__module__ == "prefect.tasks.core.resource_manager":
            message = "is a resource manager of Prefect's, which knows flows written by hand alone"
            fix = "from lume_dsl import resource_manager, which is written as Prefect's"
            problem = Problem("resource", f"{self.name}: {name}", message, fix, place_of(frame))
            raise DefinitionError((*self.so_far(), problem))
        if found is not None or name in frame.f_code.co_freevars or hasattr(builtins, name) or _is_dunder(name):
            raise KeyError(name)  # Python goes on to the closure, the module and the builtins
        known = {**vars(builtins), **frame.f_globals}
        if name in known:  # as None
            raise KeyError(name)
        if name in self.base.names or name in self.base.held:
            where = next(base for base in self.bases if any(name in vars(cls) for cls in base.__mro__))
            fix = f"write {where.__name__}.{name}: a body does not see what its flow inherits"
            self.problems.append(Problem("unknown-name", f"{self.name}: {name}", "is inherited", fix, place_of(frame)))
            return self.inherited(self.base.names[name]) if name in self.base.names else getattr(where, name)
        near = did_you_mean(name, [key for key in (*self, *known, *frame.f_code.co_freevars) if not _is_dunder(key)])
        problem = Problem(
            "unknown-name",
            f"{self.name}: {name}",
            f"is not defined here{near}",
            "define it above this line, or import it",
            place_of(frame),
        )
        self.problems.append(problem)
        return self.unknown(name)

    def unknown(self, name: str) -> Unknown:
        """What stands for a value whose problem has been noted."""
        return Unknown(Draft(self, Parameter(), {}, self.place(), name))

    def end(self) -> None:
        """Make a member of each list, tuple or dict of references that a name holds.

        Not before the body has ended: until then it is a plain one, which the body may loop over.
        """
        self._check_methods()
        self.problems += self.unentered.values()
        for name, value in list(self.items()):
            if _is_dunder(name) or isinstance(value, Reference) or holds_subflows(value) or not has_references(value):
                continue
            count = len(self.drafts)
            source = source_of(value, self)
            if isinstance(source, Link):
                if len(self.drafts) > count:
                    source.draft.place = self.places[name]
                super().__setitem__(name, Reference(source.draft))
            elif isinstance(source, Whole):
                message = f"holds {source.label}, which is no value by itself"
                self.problems.append(Problem("subflow", f"{self.name}.{name}", message, source.fix, self.places[name]))
        self.ended = True

    def _check_methods(self) -> None:
        for name, value in self.items():
            if isfunction(value) and has_references([value.__defaults__, value.__kwdefaults__]):
                message = "has a reference as a default, which only a step takes"
                place, fix = self.places[name], "write @step above it"
                self.problems.append(Problem("reference-value", f"{self.name}.{name}", message, fix, place))

    @property
    def references(self) -> dict[str, Draft]:
        """The names that hold references, in the order in which they were first given."""
        return {
            name: draft_of(value)
            for name, value in self.items()
            if isinstance(value, Reference) and not isinstance(value, Unknown)
        }


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.strip("'\"").startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar
