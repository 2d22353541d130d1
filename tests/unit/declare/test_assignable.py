"""Only an edge that is surely wrong is refused: a false alarm is worse than a miss."""

from __future__ import annotations

import collections
import collections.abc as abc
import datetime as dt
import enum
import io
import numbers
import os
import pathlib
import tempfile
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import (
    IO,
    Annotated,
    Any,
    BinaryIO,
    Dict,
    Generic,
    List,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TextIO,
    Tuple,
    TypedDict,
    TypeVar,
    Union,
)

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Buffer, NotRequired, TypeAliasType, Unpack

from lume_dsl.declare.assignable import assignable, element
from lume_dsl.files import TextFile
from lume_dsl.values.jsontypes import JSON

if typing.TYPE_CHECKING:
    from nowhere import Nowhere

# ruff: noqa: E501, UP006, UP007, UP035, UP045 - both spellings of a type are in the tables

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
Bound = TypeVar("Bound", bound=str)
UserId = NewType("UserId", int)
Inner = NewType("Inner", UserId)


class Readable(Protocol):
    def read(self) -> str: ...


class Options(TypedDict):
    a: int


class Row(NamedTuple):
    a: int
    b: str


class MoreOptions(Options):
    b: str


class OtherOptions(TypedDict):
    a: str


class LooseOptions(TypedDict, total=False):
    a: str


class MaybeOptions(TypedDict):
    a: int
    b: NotRequired[str]


class Tree(TypedDict):
    value: int
    branches: list[Tree]


class OtherTree(TypedDict):
    value: int
    branches: list[OtherTree]


class TextTree(TypedDict):
    value: int
    branches: list[TextTree]
    label: str


class Chain(NamedTuple):
    value: int
    rest: Chain | None


Plain = collections.namedtuple("Plain", "a b")
Alias = TypeAliasType("Alias", list[int])
Numbers = list[int]


class Base:
    pass


class Derived(Base):
    pass


@attrs.frozen
class Spot:
    x: float


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Box(Generic[T]):
    pass


class Texts(list[str]):
    pass


class MoreTexts(Texts):
    pass


class Items(list[T]):
    pass


class Swapped(dict[V, K], Generic[K, V]):
    pass


class Lookup(abc.Mapping[str, T]):
    pass


class Wrapper:
    """Gives what the file in it has, as ``tempfile.NamedTemporaryFile`` does."""

    def __getattr__(self, name: str) -> Any: ...


class Shape(str, enum.Enum):
    ROUND = "round"


FITS: list[tuple[Any, Any]] = [
    # nothing is known of one of them
    (Any, int), (int, Any), (object, int), (int, object), (T, int), (int, T), (int, Bound), ("Spot", int), (int, "Spot"),
    (Readable, int), (int, Readable), (Options, dict), (dict, Options), (dict[str, int], Options), (list[Any], list[int]),
    (list[T], list[int]), (JSON, int), (int, JSON), (typing.NoReturn, int), (Optional[Any], int),
    # numbers (PEP 484)
    (int, int), (bool, int), (bool, float), (int, float), (int, complex), (float, complex), (Level, int),
    (float, np.float64), (float, np.float32), (complex, np.complex128), (int, np.int32), (int, np.uint8), (int, np.float64), (bool, np.bool_),
    (float, np.complex64), (float, np.floating), (float, np.number), (np.float64, np.float32), (np.int64, np.int32), (np.int64, np.float64),
    (list[float], list[np.float64]), (float | None, np.float64), (Literal[1], np.int64), (bool, np.int64), (np.float32, np.inexact),
    (int, numbers.Number), (float, numbers.Real), (np.float64, float), (np.bool_, bool), (list[np.bool_], list[bool]), (bytearray, bytes),
    (np.float32, float), (np.int64, int), (np.int64, float), (np.uint8, int), (np.float32, complex), (np.complex64, complex),
    (list[np.float32], list[float]), (dict[str, np.int64], dict[str, int]), (np.float32 | None, float), (np.integer, int),
    (int, numbers.Real), (float, numbers.Number), (np.float32, numbers.Real), (numbers.Real, float), (numbers.Integral, float),
    # files
    (io.StringIO, TextIO), (io.TextIOWrapper, TextIO), (io.BytesIO, BinaryIO), (io.StringIO, IO[str]), (io.BufferedReader, IO[bytes]),
    (TextIO, io.StringIO), (TextIO, IO[str]), (list[io.StringIO], list[TextIO]), (tempfile.SpooledTemporaryFile, IO[bytes]), (Wrapper, IO[bytes]),
    # classes
    (Derived, Base), (Base, Derived), (Spot, Spot), (dt.datetime, dt.date), (pathlib.PosixPath, pathlib.Path),
    (Colour, Colour), (str, abc.Hashable), (Box[int], Box[str]), (Box[int], Box), (type[int], type), (TextFile, TextFile),
    (pathlib.Path, os.PathLike), (str, Union[str, os.PathLike[str]]),
    # None and unions
    (None, None), (None, type(None)), (None, Optional[int]), (int, Optional[int]), (Optional[int], int),
    (Optional[int], Optional[float]), (Union[int, str], Union[str, bytes]), (Union[int, str], str), (str, int | str),
    (list[int] | None, list[float]), (Union[int, None], int | None),
    # wrappers
    (Annotated[int, "a"], float), (int, Annotated[float, ["unhashable"]]), (list[Annotated[int, "a"]], list[float]),
    (UserId, int), (int, UserId), (Inner, float), (Annotated[UserId, ""], int),
    # literals
    (Literal["a"], str), (str, Literal["a"]), (Literal["a", "b"], Literal["b", "c"]), (Literal[1], float),
    (Literal[True], int), (Literal["a"], Literal["a"] | None), (Literal[None], None), (None, Literal[None, "a"]),
    # generics
    (list, list[int]), (list[int], list), (List[int], list[int]), (list[int], list[float]),
    (list[int], abc.Sequence[float]), (list[int], abc.Iterable[int]), (set[int], abc.Collection[int]),
    (abc.Sequence[int], list[int]), (dict[str, int], abc.Mapping[str, float]), (Dict[str, int], dict[str, Any]),
    (collections.defaultdict[str, int], dict[str, int]), (abc.Mapping, dict[str, int]), (Texts, list[str]),
    (str, abc.Sequence[str]), (range, abc.Sequence[int]), (abc.Generator[int, None, None], abc.Iterable[int]),
    (list[list[int]], abc.Sequence[abc.Sequence[float]]),
    # tuples
    (tuple, tuple[int, int]), (tuple[int, int], tuple), (tuple[int, int], tuple[int, ...]),
    (tuple[int, ...], tuple[int, int]), (tuple[int, ...], tuple[float, ...]), (Tuple[int, str], tuple[float, str]),
    (tuple[int, int], abc.Sequence[float]), (tuple[()], tuple[int, ...]), (Row, tuple[int, str]), (tuple[int, str], Row),
    # typed dictionaries
    (MoreOptions, Options), (Options, MaybeOptions), (MaybeOptions, Options), (MaybeOptions, MoreOptions), (Options, dict[str, int]),
    (Options, abc.Mapping[str, float]), (MoreOptions, dict[str, Any]), (LooseOptions, Options), (LooseOptions, dict[str, int]),
    (dict[str, str], Options), (abc.Mapping[str, int], Options), (Tree, OtherTree), (Options, abc.Iterable[str]), (JSON, Options),
    (Options, Optional[Options]), (list[MoreOptions], list[Options]), (MaybeOptions, dict[str, int]), (Any, Options),
    # named tuples
    (Row, tuple[float, str]), (Row, tuple[Any, ...]), (Row, tuple), (Plain, tuple[int, str]), (Row, abc.Sequence[Any]), (Chain, tuple[int, Any]),
    (Chain, tuple[int, Chain]), (tuple[int, ...], Plain), (Plain, Plain), (tuple[int, None], Chain),
    # enums
    (Shape, str), (str, Shape), (Literal[Colour.RED], Colour), (Colour, Literal[Colour.RED]), (Literal["round"], Shape), (Shape, Literal["round"]),
    # aliases and classes with type arguments
    (Alias, list[float]), (Numbers, Alias), (Items[int], list[float]), (Items[Any], list[str]), (Items, list[str]), (list[str], Texts),
    (MoreTexts, list[str]), (Texts, abc.Sequence[str]), (Swapped[int, str], dict[str, int]), (Lookup[int], abc.Mapping[str, float]),
    (Items[int], Items[float]), (Callable[[int], str], Callable[[str], int]),
    # callables
    (Callable[[int], str], Callable), (Callable[[int], str], Callable[..., Any]), (abc.Callable[[], int], Callable[[], int]),
    (type[int], Callable[[], int]),
    # arrays
    (np.ndarray, np.ndarray), (npt.NDArray[np.float64], np.ndarray), (np.ndarray, npt.NDArray[np.float64]),
    (list[float], npt.ArrayLike), (np.ndarray, npt.ArrayLike), (float, npt.ArrayLike),
]  # fmt: skip

WRONG: list[tuple[Any, Any]] = [
    (float, int), (complex, float), (int, bool), (float, bool), (int, str), (str, int), (str, float), (bytes, str),
    (int, Level), (None, int), (int, None), (None, str), (Optional[str], int), (int, Optional[str]), (int | float, str),
    (Base, int), (int, Base), (Spot, Base), (Colour, int), (pathlib.Path, str), (str, pathlib.Path), (TextFile, str),
    (int, Callable), (Callable[[int], str], int), (Annotated[int, "a"], str), (int, Annotated[str, "a"]), (UserId, str),
    (str, UserId), (Literal["a"], int), (int, Literal["a"]), (Literal["a"], Literal["b"]), (Literal[1], Literal[True]),
    (Literal["a", "b"], int | None), (list[int], list[str]), (list[int], str), (int, list[int]), (str, list[str]),
    (list[int], tuple[int, ...]), (tuple[int, int], list[int]), (set[int], list[int]), (list[int], abc.Sequence[str]),
    (list[list[int]], list[list[str]]), (dict[str, int], dict[str, str]), (dict[str, int], abc.Mapping[int, int]),
    (dict[str, list[int]], dict[str, list[str]]), (dict[str, int], list[int]), (list[int | None], list[str]),
    (tuple[int, int], tuple[int, int, int]), (tuple[int, str], tuple[str, int]), (tuple[int, ...], tuple[str, ...]),
    (tuple[int, str], abc.Sequence[int]), (tuple[str, ...], tuple[int, int]), (list[int] | dict[str, int], list[str]),
    # typed dictionaries, named tuples, enums, aliases and classes with type arguments
    (Options, MoreOptions), (Options, OtherOptions), (Options, dict[str, str]), (MoreOptions, abc.Mapping[str, int]), (Options, dict[int, int]),
    (Options, int), (int, Options), (Options, list[str]), (Spot, Options), (list[Options], list[OtherOptions]), (Tree, TextTree),
    (Row, tuple[str, str]), (Row, tuple[int]), (Row, tuple[int, ...]), (Row, list[int]), (Plain, tuple[int]), (tuple[int], Row), (Row, Plain),
    (Row, abc.Sequence[int]), (tuple[str, None], Chain), (Chain, tuple[str, Any]), (Colour, Shape), (Literal[Colour.RED], Shape), (Shape, int),
    (Alias, list[str]), (str, Alias), (Texts, list[int]), (MoreTexts, abc.Sequence[int]), (list[int], Texts), (Items[int], list[str]),
    (Items[int], Items[str]), (Swapped[int, str], dict[int, str]), (Lookup[int], abc.Mapping[str, str]), (Lookup[int], abc.Mapping[int, int]),
    (np.ndarray, list[float]), (list[float], np.ndarray), (np.ndarray, str), (float, np.ndarray), (str, numbers.Number),
    (type, int),
    # numbers that are registered as such, and files
    (float, np.int32), (complex, np.float64), (np.float64, np.int64), (str, np.float64), (np.float64, np.str_), (np.bool_, np.int64), (int, np.bool_),
    (int, np.ndarray), (np.float64, np.ndarray), (int, np.str_),
    (np.float32, int), (np.complex64, float), (np.float32, str), (np.bool_, int), (list[np.float32], list[int]), (str, numbers.Real),
    (float, numbers.Integral), (int, TextIO), (str, TextIO), (pathlib.Path, TextIO), (TextIO, str), (IO[str], int),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), FITS, ids=str)
def test_these_fit(source: Any, target: Any) -> None:
    assert assignable(source, target)


@pytest.mark.parametrize(("source", "target"), WRONG, ids=str)
def test_these_are_surely_wrong(source: Any, target: Any) -> None:
    assert not assignable(source, target)


SIMPLE = [
    int,
    str,
    float,
    bool,
    None,
    Any,
    JSON,
    Base,
    Spot,
    Colour,
    Options,
    MoreOptions,
    Tree,
    Chain,
    Texts,
    Items[int],
    Readable,
    Row,
    UserId,
    T,
    np.ndarray,
    TextFile,
]
TYPES = st.recursive(
    st.sampled_from(SIMPLE),
    lambda inner: st.one_of(
        inner.map(lambda tp: list[tp]),
        inner.map(lambda tp: dict[str, tp]),
        inner.map(lambda tp: tuple[tp, ...]),
        inner.map(lambda tp: Optional[tp]),
        inner.map(lambda tp: Annotated[tp, "note"]),
        inner.map(lambda tp: abc.Sequence[tp]),
        inner.map(lambda tp: Callable[[tp], tp]),
        st.tuples(inner, inner).map(lambda two: tuple[two]),
        st.tuples(inner, inner).map(lambda two: Union[two]),
    ),
    max_leaves=6,
)


@given(TYPES)
def test_every_type_fits_itself_and_its_union_and_any(tp: Any) -> None:
    assert assignable(tp, tp)
    assert assignable(tp, Optional[tp])
    assert assignable(Optional[tp], tp)
    assert assignable(tp, Annotated[tp, "note"])
    assert assignable(tp, object)
    assert assignable(object, tp)


@given(TYPES, TYPES)
def test_two_types_that_fit_do_so_in_lists_and_in_unions_too(source: Any, target: Any) -> None:
    fits = assignable(source, target)
    assert assignable(list[source], list[target]) == fits
    assert assignable(dict[str, source], dict[str, target]) == fits
    assert assignable(source, Union[target, Base]) or not fits


@given(TYPES, TYPES)
def test_no_pair_of_types_makes_it_crash(source: Any, target: Any) -> None:
    assert assignable(source, target) in (True, False)


@pytest.mark.parametrize("source", [3, ..., "int", [int], (int,), int, list[int], Any, typing.ClassVar[int], object()])
@pytest.mark.parametrize("target", [3, "no type", [int], list, dict[str, int], typing.Final[int], typing.Generic, type])
def test_what_is_no_type_does_not_make_it_crash(source: Any, target: Any) -> None:
    assert assignable(source, target) in (True, False)


@pytest.mark.parametrize(
    ("tp", "item"),
    [
        (list[int], int),
        (List[str], str),
        (tuple[int, ...], int),
        (set[int], int),
        (abc.Iterable[float], float),
        (Annotated[list[int], "a"], int),
        (list, Any),
        (tuple[int, str], Any),
        (dict[str, int], Any),
        (np.ndarray, Any),
        (Any, Any),
        (str, Any),
        (Optional[list[int]], Any),
        (tuple[int, int], int),
        (Texts, str),
        (Items[int], int),
        (list[list[int]], list[int]),
        (Row, Any),
        (Alias, int),
    ],
    ids=str,
)
def test_the_type_of_an_item_is_known_or_any(tp: Any, item: Any) -> None:
    assert element(tp) == item


class PartlyKnown(TypedDict):
    a: int
    b: Nowhere
    c: NotRequired[Nowhere]


class PartlyKnownRow(NamedTuple):
    a: int
    b: Nowhere


def test_a_field_whose_annotation_cannot_be_resolved_fits_anything_and_the_others_are_checked() -> None:
    assert assignable(PartlyKnown, Options)
    assert assignable(Options, PartlyKnown)
    assert not assignable(PartlyKnown, OtherOptions)
    assert assignable(PartlyKnownRow, tuple[int, str])
    assert not assignable(PartlyKnownRow, tuple[str, str])


def test_a_constant_that_is_a_file_fits_what_type_checkers_call_one(scan: Callable[..., Any]) -> None:
    scan(
        """
        import io, sys
        @task
        def write(stream: TextIO, other: Optional[IO[str]] = None) -> None: ...
        a = write(sys.stdout)
        b = write(io.StringIO(), sys.stderr)
        """
    )


MAP = "write .map(...) behind the task, to run it for each item"


@pytest.mark.parametrize(
    ("returns", "fix"),
    [
        ("list[int]", MAP),
        ("tuple[int, ...]", MAP),
        ("Sequence[int]", MAP),
        ("list[str]", "give it a value of the type int, or change the annotation"),
        ("list", "give it a value of the type int, or change the annotation"),
        ("Path", "give it a value of the type int, or change the annotation"),
        ("Spot", "give it a value of the type int, or change the annotation"),
    ],
)
def test_map_is_advised_only_where_the_items_are_known_to_fit(
    problems: Callable[..., list[tuple[Any, ...]]], returns: str, fix: str
) -> None:
    body = f"class Spot: ...\n@task\ndef source() -> {returns}: ...\na = source()\nb = add(a)"
    assert [problem[4] for problem in problems(body)] == [fix]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (TextIO, Iterable[str]),
        (BinaryIO, Iterator[bytes]),
        (np.ndarray, Buffer),
        (tuple[int, str, str], tuple[int, Unpack[tuple[str, ...]]]),
        (tuple[int, Unpack[tuple[str, ...]]], tuple[int, str, str]),
    ],
    ids=str,
)
def test_what_checkers_take_fits(source: Any, target: Any) -> None:
    assert assignable(source, target)


def test_a_union_of_classes_is_told_and_no_crash(problems: Callable[..., Any]) -> None:
    found = problems(
        """
        a: int | str = 1
        b: float = parameter(default="x")
        z = nothing.map(a)
        y = double.map(a)
        """
    )
    assert "default" in [problem[0] for problem in found]
    assert element(int | str) is Any


class Refusing(type):
    def __subclasscheck__(cls, other: type) -> bool:
        raise RuntimeError("no")


class Odd(metaclass=Refusing):
    pass


def test_a_class_whose_relation_cannot_be_asked_fits() -> None:
    assert assignable(int, Odd)
