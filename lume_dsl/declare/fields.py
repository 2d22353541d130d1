"""Field specifiers of a flow: parameters and results. They only note what was written.

They are functions with overloads, so that type checkers take them as the field specifiers of
``dataclass_transform``: each returns, statically, the type of the value that its name will hold.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

from lume_dsl.declare.arguments import bind_arguments
from lume_dsl.declare.body import Body, open_body
from lume_dsl.declare.filenames import OF_RUN, VALUE, FilenameTemplate, TemplateError, filename_or_template
from lume_dsl.declare.graph import MISSING, FileResult, Parameter, RecordResult, ValueResult
from lume_dsl.declare.options import OPTION_NAMES, UseOptions, option_problems
from lume_dsl.declare.order import wait_for
from lume_dsl.declare.references import Pending, Reference, Source, constant_of, has_references, source_of
from lume_dsl.errors import Problem
from lume_dsl.values.scalars import short

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["db_result", "file_result", "parameter", "result"]

T = TypeVar("T")

F = TypeVar("F", bound=Callable[..., Any])

_FOR_CHECKERS = ("kw_only", "init")
"""Arguments that type checkers read, and nobody writes."""

_IN_A_BODY = "write it in the body of a class that subclasses LumeFlow"


def _specifier(function: F) -> F:
    """A call with wrong arguments is a problem of the flow like others, and what it gives is unknown."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        what = f"{function.__name__}()"
        body = open_body(what, _IN_A_BODY)
        try:
            bind_arguments(signature, args, kwargs, hidden=_FOR_CHECKERS)
        except TypeError as error:
            named = [name for name, p in signature.parameters.items() if p.kind is not p.VAR_KEYWORD]
            names = [name for name in named if name not in _FOR_CHECKERS] or ["name"]
            fix = f"write {what[:-1]}{', '.join(f'{name}=...' for name in names)})"
            if args and what == "parameter()":
                fix = f"write default={short(args[0])}"
            body.problems.append(Problem("field-arguments", f"{body.name}: {what}", str(error), fix, body.place()))
            return body.unknown(what)
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]  # it is called as function is


class ParameterOptions(TypedDict, total=False):
    """The keyword arguments of ``parameter`` but for the default; its docstring tells what they mean."""

    help: str
    unit: str
    ge: float | None
    gt: float | None
    le: float | None
    lt: float | None
    multiple_of: float | None
    min_length: int | None
    max_length: int | None
    pattern: str | None
    choices: Sequence[Any] | None
    validator: Callable[[Any], object] | None
    secret: bool
    env: str
    examples: Sequence[Any]
    abstract: bool


def _listed(values: Any) -> Any:
    """The values as a tuple; what is no list, a text for one, stays as it is for the checks to refuse."""
    return tuple(values) if isinstance(values, (list, tuple, set, frozenset, range)) else values


@overload
def parameter(*, default: T, kw_only: Literal[True] = True, **options: Unpack[ParameterOptions]) -> T: ...
@overload
def parameter(*, factory: Callable[[], T], kw_only: Literal[True] = True, **options: Unpack[ParameterOptions]) -> T: ...
@overload
def parameter(*, kw_only: Literal[True] = True, **options: Unpack[ParameterOptions]) -> Any: ...
@_specifier
def parameter(
    *,
    default: Any = MISSING,
    factory: Callable[[], Any] | None = None,
    help: str = "",
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    multiple_of: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    choices: Sequence[Any] | None = None,
    validator: Callable[[Any], object] | None = None,
    secret: bool = False,
    env: str = "",
    examples: Sequence[Any] = (),
    abstract: bool = False,
    kw_only: Literal[True] = True,
) -> Any:
    """Declare an input of the flow: ``charge: float = parameter(default=250.0, unit="pC", ge=0)``.

    The annotation is its type, which must be JSON-serialisable. Without a default it is required.

    Args:
        default: The value where none is given. It must fit the type and all that is said here.
        factory: Gives the default of each run, where it is no constant. Called once when the flow is defined.
        help: One line for ``--help``.
        unit: The unit that the value is in: ``"pC"``. With pint, ``--charge 0.25nC`` is read as 250.0.
        ge: The value is at least this.
        gt: The value is greater than this.
        le: The value is at most this.
        lt: The value is less than this.
        multiple_of: The value divided by this is a whole number.
        min_length: The text has at least as many characters; the list, tuple or dict as many items.
        max_length: As ``min_length``, at most.
        pattern: A regular expression that matches the whole text.
        choices: The values that there are.
        validator: Called with the value. It raises an exception, whose text is told, or returns False where the
            value is wrong.
        secret: The value is shown nowhere: not in a repr, an error, a log of the command line, a record or a schema.
        env: The environment variable that supplies the value where none is given.
        examples: Values for ``--help`` and the schema.
        abstract: Whether a subclass must redefine it, as a parameter or as the value of a task: before that, there is
            no flow to run.
        kw_only: Always True; type checkers read it.
    """
    body = open_body("parameter()", _IN_A_BODY)
    limits = {
        "ge": ge, "gt": gt, "le": le, "lt": lt, "multiple_of": multiple_of,
        "min_length": min_length, "max_length": max_length, "pattern": pattern,
        "choices": _listed(choices),
    }  # fmt: skip
    work = Parameter(
        default=default,
        factory=factory,
        help=help,
        unit=unit,
        constraints={name: limit for name, limit in limits.items() if limit is not None},
        validator=validator,
        secret=secret,
        env=env,
        examples=_listed(examples),
        abstract=abstract,
    )
    return body.add(work, {}, fallback="parameter()")


@_specifier
def result(value: T, *, init: Literal[False] = False, **options: Unpack[UseOptions]) -> T:
    """Declare a value that the flow results in: ``total: float = result(sum_of(values))``.

    It becomes a task of the field's name that hands its value on.

    Args:
        value: A reference, or a constant.
        init: Always False, as no result is a constructor argument; type checkers read it.
        options: Task options, and ``after``: the values of the flow that it waits for.
    """
    body = open_body("result()", _IN_A_BODY)
    given, after = _apart(options)
    _note_option_problems(body, "result()", given)
    added = body.add(ValueResult(given), {"value": source_of(value, body)}, fallback="result()")
    return wait_for(added, body, "result()", after)  # type: ignore[no-any-return]  # typed as its value


@_specifier
def file_result(
    value: Any,
    *,
    filename: str | Path,
    filesystem: str = "local",
    overwrite: bool = False,
    init: Literal[False] = False,
    **options: Unpack[UseOptions],
) -> Any:
    """Declare a value that the flow saves as a file: ``plot: ImageFile = file_result(image, filename="fit.png")``.

    The annotation is the file type. It becomes a ``SaveFile`` task of the field's name; the name holds
    the file. A file of the same name and content is left as it is.

    Args:
        value: What to save, of the type that the file type stores.
        filename: Where to save it on the filesystem: a parameter, a task's value, or a text. Names in braces in a
            text, which is no f-string, stand for values: ``"shot-{shot:04d}.png"`` with a parameter or a task's
            value of the flow, ``{flow_run_id}`` and ``{flow_name}``. ``{{`` and ``}}`` are braces.
        filesystem: The filesystem's identifier: ``"local"``, ``"memory"`` or a configured one.
        overwrite: Replace a file of other content instead of failing.
        init: Always False, as no result is a constructor argument; type checkers read it.
        options: Task options, and ``after``: the values of the flow that it waits for.
    """
    body = open_body("file_result()", _IN_A_BODY)
    given, after = _apart(options)
    _note_option_problems(body, "file_result()", given)
    inputs = {
        "obj": source_of(value, body),
        **_filename_sources(filename, body),
        "filesystem_identifier": source_of(filesystem, body),
    }
    added = body.add(FileResult(given, overwrite), inputs, fallback="file_result()")
    return wait_for(added, body, "file_result()", after)


def _filename_sources(filename: Any, body: Body) -> dict[str, Source]:
    """Where the filename is from, and the values of the names in it."""
    text = str(filename) if isinstance(filename, Path) else filename
    if not isinstance(text, str):
        return {"filename": source_of(text, body)}
    try:
        named = filename_or_template(text)
    except TemplateError as error:
        message, fix = error.args
        subject = f"{body.name}: file_result()"
        body.problems.append(Problem("field-arguments", subject, message, fix, body.place()))
        return {"filename": source_of(body.unknown("filename"), body)}
    names = named.names if isinstance(named, FilenameTemplate) else ()
    values = {VALUE + name: _value_source(name, body) for name in names if name not in OF_RUN or name in body}
    return {"filename": constant_of(named), **values}


def _value_source(name: str, body: Body) -> Source:
    """The value that a name has now, or else the one that the body gives it further down."""
    value = dict.get(body, name, MISSING)
    if isinstance(value, Reference):
        return source_of(value, body)
    return Pending(name) if value is MISSING or has_references(value) else constant_of(value)


@_specifier
def db_result(*, init: Literal[False] = False, **outputs: Any) -> Any:
    """Declare a record that the flow saves: ``record: DBResult = db_result(emittance=emittance)``.

    The annotation is the record class. It becomes a ``SaveDBResult`` task of the field's name; the name
    holds the record, whose inputs are all the flow's parameters.

    Args:
        init: Always False, as no result is a constructor argument; type checkers read it.
        outputs: The record's outputs by name. Task options go along with them (``max_retries=3``); to
            record an output that has the name of a task option, give it as a reference. ``after=[…]`` is a
            list of values that it waits for.
    """
    body = open_body("db_result()", _IN_A_BODY)
    options = {
        name: value for name, value in outputs.items() if name in OPTION_NAMES and not isinstance(value, Reference)
    }
    after = outputs.pop("after") if isinstance(outputs.get("after"), (list, tuple)) else ()
    _note_option_problems(body, "db_result()", options)
    if isinstance(init, Reference):  # where no type checker was asked
        message, fix = "an output cannot be called init", "give it another name"  # type: ignore[unreachable]
        body.problems.append(Problem("field-arguments", f"{body.name}: db_result()", message, fix, body.place()))
    sources = {name: source_of(value, body) for name, value in outputs.items() if name not in options}
    return wait_for(body.add(RecordResult(options), sources, fallback="db_result()"), body, "db_result()", after)


def _apart(options: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Task options, and what the task waits for."""
    given = dict(options)
    after = given.pop("after", ())
    return given, after


def _note_option_problems(body: Body, what: str, options: Mapping[str, Any]) -> None:
    for message, fix in option_problems(options, also=("filename", "filesystem", "overwrite")):
        body.problems.append(Problem("task-option", f"{body.name}: {what}", message, fix, body.place()))
