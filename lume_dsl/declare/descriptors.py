"""What a flow class and its instances show for each name of the body."""

from __future__ import annotations

from types import MethodType
from typing import Any, NoReturn

from lume_dsl.declare.attributes import LOGGER, FlowAttribute, Held, SubflowAttribute, run_of, shaped
from lume_dsl.declare.body import Body, current_body
from lume_dsl.declare.graph import Parameter, StepRun
from lume_dsl.declare.references import call_instead
from lume_dsl.declare.subflows import inherited_subflows
from lume_dsl.errors import DefinitionError, NotRunError, Problem
from lume_dsl.values.names import type_name

__all__ = ["attribute_of", "subflow_attribute"]


def _body_of_subclass(owner: type) -> Body | None:
    """The body that is being executed, if it is that of a subclass of a class."""
    body = current_body()
    return body if body is not None and body.inherits(owner) else None


def _refuse_outside(flow: str, name: str) -> NoReturn:
    """A use of a class's value in the body of a flow that does not inherit it, or in none."""
    body = current_body()
    if body is None:
        raise NotRunError(f"{flow}.{name} is known only after a run: write {flow}(...).run().{name}")
    message = f"takes {name}, which belongs to {flow}"
    problem = Problem("foreign-reference", body.name, message, call_instead(flow, name), body.place())
    raise DefinitionError((*body.so_far(), problem))


class _Shown(FlowAttribute):
    def _of_class(self, owner: type) -> Any:
        """What a class shows: in the body of a subclass of it, a reference to the inherited value."""
        body = _body_of_subclass(owner)
        return self if body is None else body.inherited(self.name, self.member.origin)

    def _refuse(self, *_: object) -> NoReturn:
        _refuse_outside(self.flow, self.name)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = _refuse
    __pow__ = __rpow__ = __neg__ = __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = _refuse


class ParameterAttribute(_Shown):
    """A parameter. On an instance its value takes precedence; another name of it comes here."""

    def __get__(self, instance: object | None, owner: type) -> Any:
        return self._of_class(owner) if instance is None else instance.__dict__[self.name]

    def __repr__(self) -> str:
        return f"<parameter {self.name}: {type_name(self.member.type)}>"


class RunAttribute(_Shown):
    """A task's or result's value: itself on the class, the value on an instance that has run."""

    def __repr__(self) -> str:
        what = "result" if self.member.is_result else "task"
        return f"<{what} {self.name}: {type_name(self.member.type)}>"

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self._of_class(owner)
        work = self.member.work
        if isinstance(work, StepRun) and LOGGER in instance.__dict__ and vars(owner).get(self.name) is not self:
            return MethodType(work.function, instance)  # a step asks super() for the one that it redefines
        return run_of(instance, self.name).value(self.name)


class _ShownSubflow(SubflowAttribute):
    """A subflow, or a list, tuple or dict of some: of an instance that has run, flows that have run."""

    def __repr__(self) -> str:
        return f"<subflow {self.name}>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # what Python and notebooks ask of any object
            raise AttributeError(name)
        _refuse_outside(self.flow, f"{self.name}.{name}")

    def __get__(self, instance: object | None, owner: Any) -> Any:
        if instance is None:
            body = _body_of_subclass(owner)
            return self if body is None else inherited_subflows(body, self.shape)
        run = run_of(instance, self.name)

        def ran(held: Held) -> Any:
            found = run.subflow(held.path, owner.__lume_graph__)
            return found if held.place is None or found is None else found[held.place]

        return shaped(self.shape, ran)


def subflow_attribute(flow: str, name: str, shape: Any) -> SubflowAttribute:
    """Return what a class shows for a name that holds subflows."""
    return _ShownSubflow(flow, name, shape)


def attribute_of(flow: str, name: str, member: Any) -> FlowAttribute:
    """Return what a class shows for a member under its name."""
    return (ParameterAttribute if isinstance(member.work, Parameter) else RunAttribute)(flow, name, member)
