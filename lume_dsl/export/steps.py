"""Steps as functions: the parameters that one reads of ``self`` become arguments."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import attrs

from lume_dsl.export.layout import UnwritableError, laid_out
from lume_dsl.export.modules import ModuleSource

__all__ = ["StepFunction", "step_function"]


@attrs.frozen
class StepFunction:
    """A step as a function.

    Attributes:
        arguments: Its arguments, with their annotations.
        body: The lines of its body, not indented.
        reads: The flow's parameters that are arguments, by their names among these.
        decorators: What stood below ``@step``.
    """

    arguments: tuple[str, ...]
    returns: str
    body: str
    reads: Mapping[str, str]
    decorators: tuple[str, ...] = ()

    def text(self, name: str, before: Iterable[str] = ()) -> str:
        """Return the definition, with lines before those of the body, but after its docstring."""
        lines = [*self.decorators, laid_out(f"def {name}({', '.join(self.arguments)}){self.returns}:")]
        doc, rest = _split(self.body)
        return "\n".join([*lines, *(textwrap.indent(part, "    ") for part in [doc, *before, rest] if part)])


def step_function(
    function: Callable[..., Any],
    source: ModuleSource,
    *,
    parameters: Collection[str],
    constant: Callable[[str], str],
    annotation: Callable[[str], str],
    logger: Callable[[], str],
) -> StepFunction:
    """Return the function that a step is without its flow.

    Args:
        function: The method.
        source: The source that it stands in.
        parameters: Names of the flow's parameters.
        constant: Gives the expression of another attribute of the class.
        annotation: Gives the annotation of a parameter that becomes an argument, or "".
        logger: Gives the expression of the task's logger.

    Raises:
        UnwritableError: It uses its flow in another way.
    """
    plain: Any = inspect.unwrap(function)
    node = source.function(plain.__name__, plain.__code__.co_firstlineno)
    if node is None:
        raise UnwritableError("has no source that could be found", "write it in a file")
    _check(plain, node)
    reader = _Reader(node, parameters, constant, logger)
    body = _body(node, source, reader.replacement)
    left = {one.id for one in ast.walk(ast.parse(body)) if isinstance(one, ast.Name)} & {"self", "super"}
    if left:
        what = "calls super()" if "super" in left else "uses self as a whole"
        fix = "write what it needs in functions above the class, or take it as arguments"
        raise UnwritableError(f"{what}, which a function has not", fix)
    arguments = [_argument(one) for one in [*node.args.args[1:], *node.args.kwonlyargs]]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    decorators = [f"@{source.text(one)}" for one in node.decorator_list[_step_at(node) + 1 :]]
    annotations = {name: annotation(parameter) for name, parameter in reader.reads.items()}
    arguments += [f"{name}: {tp}" if tp else name for name, tp in annotations.items()]
    return StepFunction(tuple(arguments), returns, body, reader.reads, tuple(decorators))


def _check(plain: Any, node: ast.FunctionDef) -> None:
    outer = [name for name in plain.__code__.co_freevars if name != "__class__"]
    if outer:
        message = f"takes {', '.join(outer)} of the function that its class stands in"
        raise UnwritableError(message, "write the class at the top of a module")
    if _step_at(node) < 0:
        raise UnwritableError("its decorators cannot be told from @step", "write @step above it")


def _step_at(node: ast.FunctionDef) -> int:
    """The place of ``@step`` among the decorators."""
    for place, one in enumerate(node.decorator_list):
        if any(isinstance(part, (ast.Name, ast.Attribute)) and _last(part) == "step" for part in ast.walk(one)):
            return place
    return -1


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _argument(node: ast.arg) -> str:
    return f"{node.arg}: {ast.unparse(node.annotation)}" if node.annotation else node.arg


def _attributes(node: ast.FunctionDef) -> list[ast.Attribute]:
    """What the body reads of ``self``, in its order."""
    parts = [part for statement in node.body for part in ast.walk(statement)]
    found = [part for part in parts if isinstance(part, ast.Attribute) and _is_of_self(part)]
    return sorted(found, key=lambda part: (part.lineno, part.col_offset))


def _is_of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self" and isinstance(node.ctx, ast.Load)


class _Reader:
    """Says what stands for ``self.name``, and collects the parameters that are read so."""

    def __init__(
        self,
        node: ast.FunctionDef,
        parameters: Collection[str],
        constant: Callable[[str], str],
        logger: Callable[[], str],
    ) -> None:
        self.parameters = parameters
        self.constant = constant
        self.logger = logger
        self.reads: dict[str, str] = {}
        parts = list(ast.walk(node))
        self.used = {one.id for one in parts if isinstance(one, ast.Name)}
        self.used |= {one.arg for one in parts if isinstance(one, ast.arg)}

    def replacement(self, part: ast.Attribute) -> str:
        if part.attr in self.parameters:
            known = next((name for name, parameter in self.reads.items() if parameter == part.attr), None)
            name = known or (part.attr if part.attr not in self.used else f"{part.attr}_parameter")
            if known is None and name in self.used | self.reads.keys():
                raise UnwritableError(f"has another use of the name {name}", "give that another name")
            self.reads[name] = part.attr
            return name
        return self.logger() if part.attr == "logger" else self.constant(part.attr)


def _body(node: ast.FunctionDef, source: ModuleSource, replacement: Callable[[ast.Attribute], str]) -> str:
    """The body with what it reads of ``self`` replaced: as it is written, where its lines can be taken as they are."""
    replaced = {part: replacement(part) for part in _attributes(node)}
    module = ast.Module(_Replacing(replacement).visit(copy.deepcopy(node)).body, [])
    first = min([node.body[0].lineno, *(one.lineno for one in getattr(node.body[0], "decorator_list", ()))])
    if first == node.lineno:
        return ast.unparse(module)
    while source.lines[first - 2].strip().startswith("#"):
        first -= 1
    lines = [line.encode() for line in source.lines[: node.end_lineno]]
    for part, text in sorted(replaced.items(), key=lambda one: (one[0].lineno, one[0].col_offset), reverse=True):
        line = lines[part.lineno - 1]
        lines[part.lineno - 1] = line[: part.col_offset] + text.encode() + line[part.end_col_offset :]
    plain = ast.unparse(module)
    try:
        body = textwrap.dedent(b"".join(lines[first - 1 :]).decode()).rstrip()
        return body if _dumped(ast.parse(body)) == _dumped(ast.parse(plain)) else plain
    except (SyntaxError, UnicodeDecodeError):  # the places of what stands in an f-string are not those in the line
        return plain


def _dumped(module: ast.Module) -> str:
    """What a body says, but for its docstring, whose lines are indented otherwise."""
    is_documented = ast.get_docstring(module) is not None
    return ast.dump(ast.Module(module.body[1:] if is_documented else module.body, []))


class _Replacing(ast.NodeTransformer):
    def __init__(self, replacement: Callable[[ast.Attribute], str]) -> None:
        self.replacement = replacement

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if _is_of_self(node):
            return ast.parse(self.replacement(node), mode="eval").body
        return self.generic_visit(node)


def _split(body: str) -> tuple[str, str]:
    """The docstring of a body, and the rest."""
    module = ast.parse(body)
    if ast.get_docstring(module) is None:
        return "", body
    end = module.body[0].end_lineno or 0
    lines = body.splitlines()
    return "\n".join(lines[:end]), "\n".join(lines[end:])
