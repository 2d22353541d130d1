"""The source of a task: what decides, apart from its inputs, which value it gives. It must not know what runs it.

It is a mapping of parts to their digests, so that two can be compared and what differs be named:

* a function, by what its compiled code does (``lume_dsl.cache.code``), its defaults, and the names that it reads;
* what those names stand for, where they are the user's own: functions and classes with all that they read in turn,
  and values, also those of a closure, by their stored form or else by what they consist of;
* packages that are installed, and Python, by their version.

Not in it: what is no more than a state (a logger, a connection; its class is), what code itself changes (a list that it
appends to, a global that it sets), and what is found by a text alone (``getattr``, a plugin, a file).
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import importlib
import json
import types
import typing
from collections import deque
from collections.abc import Iterable, Mapping
from importlib.util import resolve_name
from types import FunctionType, GetSetDescriptorType, MappingProxyType, MemberDescriptorType, ModuleType
from typing import Any

import attrs

from lume_dsl.cache.code import changed_of, reads_of, shape_of
from lume_dsl.cache.holders import cells_of, held_by
from lume_dsl.cache.insides import inside_of
from lume_dsl.cache.packages import package_of, version_of
from lume_dsl.cache.values import Form, form_of, named_class
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import StepRun, TaskRun
from lume_dsl.declare.tasks import Task
from lume_dsl.errors import RecordError

__all__ = ["Source", "digest_of_parts"]

_MISSING = object()

_PLAIN = (str, int, float, bool, type(None), bytes)
"""Types of values that their ``repr`` tells from all others of the type."""

_CODE = (FunctionType, type, ModuleType, Task, functools.singledispatchmethod)

_NAMELESS = ("_", "<lambda>")
"""Names of functions that tell nobody which one it is."""

_NOT_OF_CLASS = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__qualname__", "__slots__",
     "__match_args__", "__attrs_attrs__", "__attrs_own_setattr__", "__dataclass_fields__", "__dataclass_params__",
     "__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__", "__firstlineno__", "__static_attributes__",
     "__attrs_props__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__slotnames__",
     "__attrs_types_resolved__"}
)  # fmt: skip
"""What is in the namespace of a class and says nothing of what it does, or is told by its fields.

Some of it comes there when the class is used: by ``copyreg`` at the first copy, by ``attrs.resolve_types``.
"""


def digest_of_parts(parts: Mapping[str, str]) -> str:
    """Return the SHA-256 of a source, or of a part of one, in hexadecimal."""
    return _digest(sorted(parts.items()))


def _digest(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@attrs.define(eq=False)
class Source:
    """A source that is being collected. ``add`` what it consists of; then ``parts`` are all of it.

    Attributes:
        parts: The digest of each part, by a name that people know: ``fit``, ``GAIN``, ``Twiss.size``,
            ``package numpy``.
    """

    parts: dict[str, str] = attrs.field(factory=dict)
    _labels: dict[int, str] = attrs.field(factory=dict, repr=False)
    _kept: list[Any] = attrs.field(factory=list, repr=False)
    """What has a label by its id stays, so that the id is of nothing else."""
    _todo: deque[tuple[str, Any]] = attrs.field(factory=deque, init=False)
    _looked_into: dict[int, list[Any] | None] = attrs.field(factory=dict, init=False)
    """What values consist of, by their ids; None of those that are being looked into, as they may hold themselves."""

    def __attrs_post_init__(self) -> None:
        self._package("python")

    def add(self, value: Any, name: str) -> str:
        """All that a value consists of is in the parts; return what stands for it in the part of whoever reads it."""
        text = self._refer(value, name)
        self._read_all()
        return text

    def with_classes(self, names: Iterable[str]) -> Source:
        """Return a source that has the classes of these names, ``"lab.optics:Twiss"``, besides all of this one."""
        more = Source(dict(self.parts), dict(self._labels), list(self._kept))
        more._add_classes(names)
        more._read_all()
        return more

    def _read_all(self) -> None:
        while self._todo:
            label, found = self._todo.popleft()
            content = self._function(found) if isinstance(found, FunctionType) else self._namespace(found)
            self.parts[label] = _digest(content)

    # what names stand for

    def _refer(self, value: Any, name: str) -> str:
        """What stands for a value; what it consists of is in the parts, or will be."""
        if isinstance(value, Task):
            value = value.function
        if isinstance(value, functools.singledispatchmethod):
            return f"{self._kind(value)} {self._dispatching(value.func, value.dispatcher.registry, name)}"
        if (held := held_by(value)) is not None:
            return f"{self._kind(value)} of {[self._refer(one, name) for one in held]}"
        if isinstance(value, (FunctionType, type, ModuleType)):
            return self._of_module(value, name)
        return self._value(value, name)

    def _dispatching(self, base: Any, registry: Mapping[Any, Any], name: str) -> str:
        """What stands for a function of which others are called by the type of an argument."""
        told = [self._refer(base, name)]
        for cls, function in sorted(registry.items(), key=lambda item: str(item[0].__qualname__)):
            plain = getattr(function, "__func__", function)  # as of a class method
            if isinstance(plain, FunctionType) and plain.__name__ in _NAMELESS and _owner(plain) is None:
                self._label(plain, f"{name}({cls.__name__})")
            told.append(f"{self._refer(cls, name)} {self._refer(function, name)}")
        return f"dispatching {told}"

    def _of_module(self, value: Any, name: str) -> str:
        package = _owner(value)
        qualname = getattr(value, "__qualname__", name)
        if package is not None:
            self._package(package)
            return " ".join([package, qualname, *self._enclosed(value, name)])
        return f"part {self._label(value, qualname)}"

    def _enclosed(self, value: Any, name: str) -> list[str]:
        """The code and constants that a function of a package has in its closure, as it was made to call them."""
        if not isinstance(value, FunctionType) or not value.__closure__ or id(value) in self._looked_into:
            return []
        self._kept.append(value)
        self._looked_into[id(value)] = None
        changed = reads_of(value.__code__).changed
        cells = [one for key, one in sorted(cells_of(value).items()) if key not in changed and _is_given(one)]
        found = [self._refer(one, name) for one in cells]
        del self._looked_into[id(value)]
        return found

    def _value(self, value: Any, name: str) -> str:
        try:
            form = form_of(value)
        except RecordError:
            content = self._insides(value, name)
            if content is None:
                return self._kind(value)
            form = Form(_digest(content), frozenset())
        return self._of_form(form, value, name)

    def _kind(self, value: Any) -> str:
        return f"a {self._refer(type(value), type(value).__qualname__)}"

    def _insides(self, value: Any, name: str) -> list[Any] | None:
        """What a value without a stored form consists of, None where that does not count."""
        if id(value) not in self._looked_into and (inside := inside_of(value)) is not None:
            self._kept.append(value)
            self._looked_into[id(value)] = None
            found = [self._inside(one, name) for one in inside.items]
            self._looked_into[id(value)] = [self._kind(value), found if inside.in_order else sorted(found)]
        return self._looked_into.get(id(value))

    def _inside(self, value: Any, name: str) -> str:
        """What stands for a value within another one. It has no part of its own, unless it is a function or a class."""
        if type(value) in _PLAIN:
            return f"{type(value).__name__} {value!r}"
        if type(value) is tuple:
            return str([self._inside(one, name) for one in value])
        if isinstance(value, _CODE) or held_by(value) is not None:
            return self._refer(value, name)
        try:
            form = form_of(value)
        except RecordError:
            content = self._insides(value, name)
            return self._refer(value, name) if content is None else _digest(content)
        self._add_classes(form.classes)
        return form.digest

    def _of_form(self, form: Form, value: Any, name: str) -> str:
        self._add_classes(form.classes)
        if value is None or isinstance(value, bool):
            return repr(value)
        label, number = name, 1
        while self.parts.get(label, form.digest) != form.digest or label in self._labels.values():
            number += 1
            label = f"{name} ({number})"
        self.parts[label] = form.digest
        return f"part {label}"

    def _add_classes(self, names: Iterable[str]) -> None:
        """The classes of values are in the parts: their methods may be called."""
        for name in names:
            if (found := named_class(name)) is not None:
                self._refer(found, found.__qualname__)

    def _package(self, package: str) -> None:
        self.parts[f"package {package}"] = version_of(package)

    def _label(self, value: Any, name: str) -> str:
        """The part that a function, class or module is, which is yet to be read: its name, with a number if taken."""
        label = self._labels.get(id(value))
        if label is None:
            label, number = name, 1
            taken = {*self._labels.values(), *self.parts}
            while label in taken:
                number += 1
                label = f"{name} ({number})"
            self._labels[id(value)] = label
            self._kept.append(value)
            self._todo.append((label, value))
        return label

    # what they consist of

    def _function(self, function: FunctionType) -> list[Any]:
        attached = [
            [key, self._refer(one, f"{function.__qualname__}.{key}")]
            for key, one in sorted(vars(function).items())
            if isinstance(one, FunctionType) and _owner(one) is None
        ]
        told = [shape_of(function.__code__), self._defaults(function), self._read(function), attached]
        registered = getattr(function, "registry", None)
        if registered is None:
            return told
        if hasattr(function, "dispatch") and isinstance(registered, MappingProxyType):  # functools.singledispatch
            return [*told, self._dispatching(registered[object], registered, function.__qualname__)]
        return [*told, self._refer(registered, f"{function.__name__}.registry")]

    def _defaults(self, function: FunctionType) -> list[Any]:
        """The defaults of arguments. One that the function itself changes is its memory, and counts by its class."""
        positional, by_name = function.__defaults__ or (), function.__kwdefaults__ or {}
        code = function.__code__
        names = code.co_varnames[code.co_argcount - len(positional) : code.co_argcount]
        given = [*zip(names, positional, strict=True), *sorted(by_name.items())]
        if all(isinstance(one, _PLAIN) for _, one in given):
            changed: frozenset[str] = frozenset()
        else:
            changed = changed_of(code, [name for name, _ in given])
        labels = [*[f"{function.__name__} default"] * len(positional), *sorted(by_name)]
        return [
            [name, self._kind(one) if name in changed else self._refer(one, label)]
            for (name, one), label in zip(given, labels, strict=True)
        ]

    def _read(self, function: FunctionType) -> list[Any]:
        """What a function takes from outside, by name."""
        reads = reads_of(function.__code__)
        cells = cells_of(function)
        found: dict[str, str] = {}
        for chain in reads.names:
            if chain[0] in reads.changed:
                continue
            value = cells.get(chain[0], _MISSING)
            if value is _MISSING and chain[0] not in function.__code__.co_freevars:
                value = function.__globals__.get(chain[0], _MISSING)
            if value is not _MISSING:
                found[".".join(chain)] = self._along(value, chain)
        for module, level, names in reads.imports:
            found[f"import {'.' * level}{module} {names}"] = self._imported(function, module, level, names)
        return sorted(found.items())

    def _along(self, value: Any, chain: tuple[str, ...]) -> str:
        """What a name with attributes stands for: of a module of the user's own, what is read of it."""
        name, rest = chain[0], list(chain[1:])
        while rest and isinstance(value, ModuleType) and package_of(value.__name__) is None:
            name = rest.pop(0)
            inner = getattr(value, name, _MISSING)
            if inner is _MISSING:
                return "nothing"
            value = inner
        return self._refer(value, name)

    def _imported(self, function: FunctionType, module: str, level: int, names: tuple[str, ...]) -> str:
        try:
            package = str(function.__globals__.get("__package__") or "")
            full = resolve_name("." * level + module, package) if level else module
            if (owner := package_of(full)) is not None:
                self._package(owner)
                return owner
            found = importlib.import_module(full)
        except (Exception, SystemExit):  # whatever importing a module raises: the function will meet it
            return "not found"
        if not names:
            return self._refer(found, full)
        return str([self._along(found, (full, one)) for one in names])

    def _namespace(self, owner: Any) -> list[Any]:
        """What a class, or a module of which not only a name is read, consists of."""
        if isinstance(owner, ModuleType):
            found = [(name, one) for name, one in sorted(vars(owner).items()) if _is_of(name, one, owner)]
            return [[name, self._refer(one, name)] for name, one in found]
        above = [base for base in owner.__bases__ if base is not object]
        if _owner(type(owner)) is None:
            above.append(type(owner))
        told = [self._refer(one, one.__qualname__) for one in above]
        return [told, self._fields(owner), self._members(owner)]

    def _members(self, owner: type) -> list[Any]:
        if isinstance(owner, FlowMeta):
            works = [member.work for member in owner.__lume_graph__.members.values()]
            made = [self._refer(work.function, "task") for work in works if isinstance(work, (TaskRun, StepRun))]
        elif issubclass(owner, enum.Enum):
            made = [f"{name} {self._refer(member.value, name)}" for name, member in owner.__members__.items()]
        else:
            made = []
        skipped = {*_NOT_OF_CLASS, *(owner.__members__ if issubclass(owner, enum.Enum) else ())}
        rest = [
            [name, self._refer(value, f"{owner.__qualname__}.{name}")]
            for name, value in sorted(vars(owner).items(), key=_members_order)
            if name not in skipped and not name.startswith(("__lume_", "_member_", "_value2", "_abc_"))
            if not isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) and not _is_generated(value)
            if not (name == "__init__" and _is_of_protocol(value, owner))
        ]
        return [made, rest]

    def _fields(self, owner: type) -> list[Any]:
        """The fields of an attrs class or a dataclass, whose methods are made of them."""
        if attrs.has(owner):
            hook = getattr(getattr(owner, "__attrs_props__", None), "on_setattr_hook", None)
            made = [name for name, value in sorted(vars(owner).items()) if _is_generated(value)]
            told = [made, self._refer(hook, f"{owner.__qualname__}.__setattr__")]
            named = [(field.name, *_of_attrs(field)) for field in attrs.fields(owner)]
        elif dataclasses.is_dataclass(owner):
            told = []
            named = [
                (one.name, [], [one.default, one.default_factory, *_metadata(one)]) for one in dataclasses.fields(owner)
            ]
        else:
            return []
        fields = [
            [name, flags, [self._refer(one, f"{owner.__qualname__}.{name}") for one in parts]]
            for name, flags, parts in named
        ]
        return [told, fields]


def _of_attrs(field: Any) -> tuple[list[str], list[Any]]:
    """What attrs makes methods of for a field: what is no more than said, and what is called or stands by itself."""
    default = field.default.factory if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]  # a class
    parts = (default, field.validator, field.converter, field.on_setattr, field.eq_key, field.order_key)
    called = [one for one in parts if one is not None and one is not attrs.NOTHING]
    flags = [field.init, field.kw_only, field.alias, field.eq, field.order, field.hash, bool(field.repr)]
    return list(map(repr, flags)), [*called, *([field.repr] if callable(field.repr) else []), *_metadata(field)]


def _metadata(field: Any) -> list[Any]:
    return [field.metadata] if field.metadata else []


def _owner(value: Any) -> str | None:
    """The package that a function, class or module is of, None if it is the user's own."""
    if isinstance(value, ModuleType):
        return package_of(value.__name__)
    package = package_of(value.__module__)
    if package is not None and isinstance(value, FunctionType):  # it may have been named after another one
        return package_of(value.__globals__.get("__name__", value.__module__)) and package
    is_made = value.__module__ == "types" and not hasattr(types, value.__name__)  # by dataclasses.make_dataclass
    return None if is_made else package


def _is_given(value: Any) -> bool:
    """Whether it is code or a constant, and no state, among what a function of a package has in its closure."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_given, value))
    return isinstance(value, (*_PLAIN, FunctionType, type)) or held_by(value) is not None


def _members_order(item: tuple[str, Any]) -> tuple[bool, str]:
    """What dispatches to others comes first, so that these are parts by its name."""
    return not isinstance(item[1], functools.singledispatchmethod), item[0]


def _is_generated(value: Any) -> bool:
    """Whether it is a method that attrs made of the fields. (Those of a dataclass are as any other.)"""
    told = getattr(value, "__doc__", None) if isinstance(value, FunctionType) else None
    return (told or "").strip().startswith(("Method generated by attrs", "Automatically created by attrs"))


def _is_of_protocol(init: Any, owner: type) -> bool:
    """Whether ``typing`` put the ``__init__`` of a class that derives from a protocol into it.

    It does so when the class is defined, and another time, with the one that it inherits, at its first instance.
    """
    if typing.Protocol not in owner.__mro__:
        return False
    is_first = getattr(init, "__module__", "") == "typing"
    return is_first or any(vars(base).get("__init__") is init for base in owner.__mro__[1:])


def _is_of(name: str, value: Any, module: ModuleType) -> bool:
    """Whether a module defines a value, and does not only import it, as far as it says so."""
    if name.startswith("__") or isinstance(value, ModuleType):
        return False
    return isinstance(value, Task) or bool(getattr(value, "__module__", module.__name__) == module.__name__)
