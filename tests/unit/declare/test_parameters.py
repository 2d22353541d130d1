"""What ``parameter(...)`` says of a value holds of every value, and is checked when the flow is defined."""

from __future__ import annotations

import datetime as dt
import pickle
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from lume_dsl import Unit
from lume_dsl.declare.constraint_checks import constraint_problems
from lume_dsl.declare.constraints import broken
from lume_dsl.errors import DefinitionError, ParameterError
from lume_dsl.values.text import parse_text
from lume_dsl.values.units import unit_in

Scan = Callable[..., Any]
Problems = Callable[..., list[tuple[str, int, str, str, str]]]


@pytest.mark.parametrize(
    ("declared", "good", "bad", "message"),
    [
        ("int = parameter(multiple_of=5)", 10, 7, "expected a multiple of 5, got 7"),
        ("float = parameter(multiple_of=0.1)", 0.3, 0.35, "expected a multiple of 0.1, got 0.35"),
        ("str = parameter(min_length=2)", "ab", "a", "expected at least 2 characters, got 1"),
        ("list[int] = parameter(max_length=1)", [1], [1, 2], "expected at most 1 item, got 2"),
        ("bytes = parameter(min_length=1)", b"a", b"", "expected at least 1 byte, got 0"),
        ("str = parameter(pattern='[a-z]+')", "abc", "abc\n", "expected text that matches '[a-z]+', got 'abc\\n'"),
        ("str = parameter(choices=['a', 'b'])", "a", "c", "expected one of 'a', 'b', got 'c'"),
        ("int = parameter(choices=[1, 2])", 1, 3, "expected one of 1, 2, got 3"),
        ("float | None = parameter(ge=0)", None, -1.0, "expected >= 0, got -1.0"),
        ("str | None = parameter(choices=['a'])", None, "b", "expected one of 'a', got 'b'"),
        ("float = parameter(gt=0, unit='pC')", 0.1, 0, "expected > 0 pC, got 0.0"),
        ("int = parameter(validator=even)", 2, 3, "is refused by even: 3 is odd"),
        ("int = parameter(validator=lambda x: x > 0)", 2, 0, "is refused by <lambda>"),
    ],
)
def test_a_value_is_held_to_what_the_parameter_says(
    define: Callable[..., Any], declared: str, good: Any, bad: Any, message: str
) -> None:
    flow = define(
        f"""
        def even(value: int) -> None:
            if value % 2:
                raise ValueError(f"{{value}} is odd")

        class Scan(LumeFlow):
            x: {declared}
        """
    )["Scan"]
    assert flow(x=good).x == good
    with pytest.raises(ParameterError) as caught:
        flow(x=bad)
    assert [(problem.subject, problem.message) for problem in caught.value.problems] == [("Scan.x", message)]


SECRET_DEFAULT = "is secret, and its default stands in the source"


@pytest.mark.parametrize(
    ("declared", "kind", "message"),
    [
        ("str = parameter(default='a', multiple_of=2)", "bound", "multiple_of=2 does not go with str"),
        ("int = parameter(multiple_of=0)", "bound", "multiple_of=0 is not above 0"),
        ("int = parameter(min_length=1)", "bound", "min_length=1 does not go with int"),
        ("str = parameter(min_length=-1)", "bound", "min_length=-1 does not go with str"),
        ("int = parameter(pattern='a')", "bound", "pattern='a' does not go with int"),
        (
            "str = parameter(pattern='(')",
            "bound",
            "pattern='(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        ("int = parameter(choices=[1, 'b'])", "bound", "the choice 'b' does not fit: expected int, got 'b'"),
        ("int = parameter(gt=1, lt=1)", "bound", "no int is > 1 and < 1"),
        ("float = parameter(ge=500, le=10)", "bound", "no value is >= 500 and <= 10"),
        ("int = parameter(gt=5, lt=6)", "bound", "no int is > 5 and < 6"),
        ("int | None = parameter(ge=0.5, le=0.9)", "bound", "no int is >= 0.5 and <= 0.9"),
        ("int = parameter(ge=1, le=4, multiple_of=5)", "bound", "no int is >= 1 and <= 4 and a multiple of 5"),
        ("int = parameter(gt=0, le=4, multiple_of=2.5)", "bound", "no int is > 0 and <= 4 and a multiple of 2.5"),
        (
            "float = parameter(gt=0.1, lt=0.2, multiple_of=0.1)",
            "bound",
            "no value is > 0.1 and < 0.2 and a multiple of 0.1",
        ),
        ("Literal[1, 2] = parameter(ge=3)", "bound", "no value of Literal[1, 2] is >= 3"),
        (
            "Literal['a', 'b'] | None = parameter(min_length=2)",
            "bound",
            "min_length=2 does not go with Literal['a', 'b'] | None",
        ),
        ("tuple[int, int] = parameter(min_length=3)", "bound", "no tuple[int, int] is at least 3 long"),
        ("int = parameter(choices=[])", "bound", "choices=[] leaves no value"),
        ("int = parameter(le=5, choices=[1, 9])", "bound", "the choice 9 does not fit: expected <= 5, got 9"),
        (
            "str = parameter(min_length=3, max_length=2)",
            "bound",
            "no value is as long as min_length and as short as max_length",
        ),
        ("int = parameter(examples=['a'])", "example", "the example 'a' does not fit: expected int, got 'a'"),
        ("int = parameter(default=1, factory=int)", "parameter-option", "has both default and factory"),
        ("int = parameter(factory=str)", "default", "the factory's '' does not fit: expected int, got ''"),
        ("int = parameter(factory=lambda: 1 / 0)", "default", "the factory raised ZeroDivisionError: division by zero"),
        ("int = parameter(validator=5)", "parameter-option", "its validator is not callable"),
        (
            "int = parameter(validator=lambda x, y: True)",
            "parameter-option",
            "its validator is called with the value alone, and takes (x, y)",
        ),
        ("str = parameter(default='a', secret=True)", "parameter-option", SECRET_DEFAULT),
        ("str = parameter(secret=True, examples=['a'])", "parameter-option", "is secret, and has examples"),
        ("str = parameter(env='A=B')", "parameter-option", "env='A=B' is no variable's name"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_line(
    problems: Problems, declared: str, kind: str, message: str
) -> None:
    assert [found[:4] for found in problems(f"x: {declared}")] == [(kind, 2, "Scan.x", message)]


@pytest.mark.parametrize(
    "declared",
    [
        "int = parameter(gt=5, lt=7)",
        "int | float = parameter(gt=5, lt=6)",
        "float = parameter(ge=0.3, le=0.3, multiple_of=0.1)",
        "int = parameter(ge=1, le=5, multiple_of=2.5)",
        "int = parameter(ge=1, multiple_of=5)",
        "float = parameter(ge=1, le=1)",
        "str | int = parameter(ge=1, min_length=2)",
        "Literal[1, 2] = parameter(ge=2)",
        "tuple[int, ...] = parameter(min_length=3)",
        "tuple[int, int] | tuple[int] = parameter(max_length=1)",
        "Literal['a', 1] | str = parameter(min_length=1)",
        "int = parameter(validator=lambda x, y=1: True)",
        "int = parameter(validator=print)",
    ],
)
def test_constraints_that_leave_a_value_are_no_problem(scan: Scan, declared: str) -> None:
    assert scan(f"x: {declared}")


@given(
    st.sampled_from(["ge", "gt"]),
    st.integers(-20, 20),
    st.sampled_from(["le", "lt"]),
    st.integers(-20, 20),
    st.none() | st.integers(1, 12),
    st.booleans(),
)
def test_bounds_are_refused_where_no_number_is_within_them(
    low: str, least: int, high: str, most: int, of: int | None, whole: bool
) -> None:
    """In quarters: of the numbers from -6 to 6 in steps of an eighth, none is within the bounds that are refused."""
    constraints = {low: least / 4, high: most / 4, **({} if of is None else {"multiple_of": of / 4})}
    numbers = [eighth // 8 if whole else eighth / 8 for eighth in range(-48, 49, 8 if whole else 1)]
    has_one = any(not broken(number, constraints) for number in numbers)
    assert bool(list(constraint_problems(int if whole else float, constraints))) == (not has_one)


@pytest.mark.parametrize("tp", [int, float, int | float, float | None, str, list[int]])
@pytest.mark.parametrize("name", ["ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "choices"])
@pytest.mark.parametrize("power", [310, 400, 5000])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bound_beyond_all_that_a_value_may_be_is_told_or_holds(tp: Any, name: str, power: int, sign: int) -> None:
    """A float holds some 10**308, a JSON int 2**8192, and Python writes no more than 4,300 digits."""
    limit = (sign * 10**power,) if name == "choices" else sign * 10**power
    told = list(constraint_problems(tp, {name: limit}))
    fits = tp is int if name not in ("min_length", "max_length") else False
    fits = fits or (name == "choices" and tp == int | float)
    assert bool(told) == (not fits or power == 5000 or (name == "multiple_of" and sign < 0))
    assert all(len(message) < 200 for message, _ in told)


def test_a_bound_beyond_every_float_is_told_as_such() -> None:
    ((message, fix),) = constraint_problems(float | None, {"ge": 10**400, "le": 5})
    assert message.endswith(" is beyond every float")
    assert fix == "write a number that a float can hold"
    assert not list(constraint_problems(int, {"ge": -(10**400), "le": 10**400, "multiple_of": 10**399}))
    assert list(constraint_problems(int, {"gt": 10**400, "lt": 2 * 10**400, "multiple_of": 10**400}))


def test_a_unit_that_is_none_is_refused(problems: Problems) -> None:
    ((kind, line, subject, message, _),) = problems('x: float = parameter(default=1.0, unit="picoQ")')
    assert (kind, line, subject) == ("unit", 2, "Scan.x")
    assert "picoQ" in message


UNITS = """
def of_charge(x: Annotated[float, Unit("nC")]) -> Annotated[float, Unit("mm")]:
    return x

of_charge = task(of_charge)

class Scan(LumeFlow):
    charge: float = parameter(default=1.0, unit={unit!r})
    charges: list[float] = parameter(default=[1.0], unit={unit!r})
    size = of_charge({value})
    sizes = of_charge.map(charges)
"""


def test_units_at_both_ends_of_an_edge_are_compared(define: Callable[..., Any]) -> None:
    define(UNITS.format(unit="nC", value="charge"))
    define(UNITS.replace("    sizes = of_charge.map(charges)", "").format(unit="pC", value="unchecked(charge)"))
    with pytest.raises(Exception, match=r"expected nC for 'x', got pC from charge: pC is 0\.001 nC") as caught:
        define(UNITS.format(unit="pC", value="charge"))
    assert [problem.kind for problem in caught.value.problems] == ["unit", "unit"]  # type: ignore[attr-defined]


def test_a_tasks_unit_is_followed_to_the_next_task(define: Callable[..., Any]) -> None:
    source = UNITS.format(unit="nC", value="charge") + "    again = of_charge(size)\n"
    with pytest.raises(Exception, match="mm and nC are of different dimensions"):
        define(source)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("size = of_charge(charges[0])", "charges[0]"),
        ("size = of_charge(abs(charges[0]))", "abs(charges[0])"),
        ("size = of_charge(-charge)", "-charge"),
        ("same: float = result(charge)\n    size = of_charge(same)", "same"),
        ("both: list[float] = result([other, charge])\n    sizes = of_charge.map(both)", "charge in both"),
        ("sizes = of_charge.map([other, -charge])", "charge in [other, -charge]"),
        ("sizes = of_charge.map(flatten([[other], charges]))", "charges in flatten([[other], charges])"),
        ("size = of_charge(by_name['a'])", "by_name['a']"),
        ("size = of_charge(by_name[name])", "by_name[name]"),
        ("sizes = of_charge.map([charge, charge])", "[charge, charge]"),
        ("sizes = of_charge.map((charge, 1.0))", "(charge, 1.0)"),
        ("sizes = of_charge.map(charges[1:])", "charges[slice(1, None, None)]"),
        ("sum: Annotated[float, Unit('nC')] = result(charge)", "charge"),
        ("all: list[Annotated[float, Unit('nC')]] = result(charges)", "charges"),
        ("one: Annotated[float, Unit('nC')] = result(charges[0])", "charges[0]"),
    ],
)
def test_the_unit_of_an_item_and_of_a_result_is_compared(define: Callable[..., Any], line: str, found: str) -> None:
    source = UNITS.replace(
        "    sizes = of_charge.map(charges)\n", "    by_name: dict[str, float] = parameter(unit={unit!r})\n"
    )
    source += "    name: str = 'a'\n    other: float = parameter(default=1.0, unit='nC')\n    " + line + "\n"
    define(source.format(unit="nC", value="1.0"))
    with pytest.raises(DefinitionError) as caught:
        define(source.format(unit="pC", value="1.0"))
    (problem,) = caught.value.problems
    assert problem.kind == "unit"
    assert f", got pC from {found}: pC is 0.001 nC" in problem.message


@pytest.mark.parametrize("value", ["charge * 2", "names['a'].x", "unchecked(charges)[0]", "listed[n]"])
def test_no_unit_is_known_of_what_is_made_of_a_value(define: Callable[..., Any], value: str) -> None:
    source = "class Named(NamedTuple):\n    x: float\n" + UNITS.replace("    sizes = of_charge.map(charges)\n", "")
    more = "n: int = 0\n    other: float = parameter(default=1.0, unit='nC')\n"
    more += "    listed: list[float] = result([other, charge])"
    source = source.replace("    size =", f"    names: dict[str, Named] = parameter()\n    {more}\n    size =")
    define(source.format(unit="pC", value=value))


@pytest.mark.parametrize("step", ["v = -v", "v = abs(v)"])
def test_a_unit_is_followed_along_a_chain_as_long_as_bodies_make(define: Callable[..., Any], step: str) -> None:
    lines = ["    v = -charge", *[f"    {step}"] * 2000, "    last = of_charge(v)", ""]
    source = UNITS.replace("    sizes = of_charge.map(charges)\n", "") + "\n".join(lines)
    define(source.format(unit="nC", value="1.0"))
    with pytest.raises(DefinitionError, match="got pC from v: "):
        define(source.format(unit="pC", value="1.0"))


def test_a_name_that_is_no_parameter_s_is_told_cut_where_it_is_very_long(scan: Scan) -> None:
    with pytest.raises(ParameterError) as caught:
        scan("x: int = 0")(**{"k" * 100_000: 1})
    assert str(caught.value).startswith(f"Scan.{'k' * 80}…: is not a parameter")
    assert len(str(caught.value)) < 300


def test_a_factory_gives_each_flow_its_own_value(scan: Scan) -> None:
    flow = scan("x: list[int] = parameter(factory=list)")
    assert flow().x == []
    assert flow().x is not flow().x


def test_a_variable_supplies_a_value_that_is_not_given(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = scan('x: list[int] = parameter(default=[0], env="LAB_X")\ny: float = parameter(env="LAB_Y", unit="pC")')
    monkeypatch.setenv("LAB_X", "1,2")
    monkeypatch.setenv("LAB_Y", "0.25nC")
    assert (flow().x, flow().y) == ([1, 2], 250.0)
    assert flow(x=[5], y=1).x == [5]
    monkeypatch.setenv("LAB_X", "one")
    monkeypatch.delenv("LAB_Y")
    with pytest.raises(ParameterError) as caught:
        flow()
    assert [(problem.kind, problem.message) for problem in caught.value.problems] == [
        ("parameter-value", "expected int, got 'one' (from $LAB_X)"),
        ("parameter-missing", "is required (float)"),
    ]
    assert caught.value.problems[1].fix == "give it: y=..., or set $LAB_Y"


def test_a_secret_is_shown_in_no_repr_and_no_error(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = scan('x: str = parameter(secret=True, env="LAB_TOKEN", min_length=5)')
    monkeypatch.setenv("LAB_TOKEN", "pssst")
    assert flow().x == "pssst"
    assert repr(flow()) == "Scan(x='***')"
    monkeypatch.setenv("LAB_TOKEN", "psst")
    for wrong in ({}, {"x": "psst"}, {"x": ["psst"]}):
        with pytest.raises(ParameterError) as caught:
            flow(**wrong)
        assert "psst" not in str(caught.value)


def test_a_secret_is_no_result(problems: Problems) -> None:
    found = problems("x: str = parameter(secret=True)\nrecord: DBResult = db_result(x=x)")
    assert [(kind, line, message) for kind, line, _, message, _ in found] == [
        ("parameter-option", 3, "'x' is a secret parameter, which a result would show")
    ]


@pytest.mark.parametrize(
    ("made", "holds"),
    [
        ("[x]", "x"),
        ("{'a': x}", "x"),
        ("(1, [{'a': (x,)}])", "x"),
        ("[greet(x), {'a': x}]", "x"),
        ("unchecked([x])", "x"),
        ("unchecked([x])[0]", "x"),
        ("keys[0]", "keys"),
        ("keys[0:2]", "keys"),
        ("login.password", "login"),
        ("[login.password]", "login"),
    ],
)
def test_no_result_holds_a_secret(define: Callable[..., Any], made: str, holds: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(secret_results(made))
    message = f"holds the secret parameter {holds}, which a result would show"
    assert [(problem.kind, problem.subject, problem.message) for problem in caught.value.problems] == [
        ("parameter-option", "Scan.value", f"'value' {message}"),
        ("parameter-option", "Scan.record", f"'a' {message}"),
    ]


@pytest.mark.parametrize("made", ["[greet(x)]", "x + '!'", "names[x]", "{'a': names, 'b': [1]}"])
def test_what_a_task_makes_of_a_secret_may_be_a_result(define: Callable[..., Any], made: str) -> None:
    define(secret_results(made))


def secret_results(made: str) -> str:
    """A module with a flow that has a value, made of secrets, as a result and in a record."""
    return f"""
        import dataclasses
        from lume_dsl import unchecked

        @dataclasses.dataclass(frozen=True)
        class Login:
            user: str
            password: str

        class Scan(LumeFlow):
            x: str = parameter(secret=True)
            keys: list[str] = parameter(secret=True)
            login: Login = parameter(secret=True)
            names: dict[str, str] = parameter()
            value: object = result({made})
            record: DBResult = db_result(a={made}, b=names)
        """


def test_the_first_ten_of_many_offenders_are_told_and_all_are_counted(scan: Scan) -> None:
    flow = scan("x: list[int] = parameter()\ny: int = parameter()")
    with pytest.raises(ParameterError) as caught:
        flow(x=["a"] * 1000)
    assert caught.value.count == 1001
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("Scan.x[0]: expected int, got 'a'")
    assert lines[-1] == "and 991 more"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_classes_of_a_function_are_resolved_in_it(define: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "beam", ModuleType("beam"))  # dataclasses looks it up
    source = """
    import attrs, dataclasses

    def make():
        @attrs.frozen
        class Magnet:
            current: "float"
            inner: "Inner | None" = None

        @dataclasses.dataclass
        class Inner:
            names: "list[str]"

        class Scan(LumeFlow):
            magnet: Magnet = parameter()

        return Scan

    Scan = make()
    """
    for future in (False, True):
        flow = define(source, future=future)["Scan"]
        assert flow(magnet={"current": 1, "inner": {"names": ["a"]}}).magnet.inner.names == ["a"]
        with pytest.raises(ParameterError, match=r"Scan\.magnet\.inner\.names\[0\]: expected str, got 1"):
            flow(magnet={"current": 1, "inner": {"names": [1]}})


def test_a_union_that_json_cannot_tell_apart_is_refused(problems: Problems) -> None:
    assert problems("x: str | Path = parameter()") == [
        (
            "parameter-type",
            2,
            "Scan.x",
            "str | Path has two arms, str and Path, that JSON cannot tell apart, so it cannot be a parameter's type",
            "keep one of them, or hold each in a class of its own",
        )
    ]


@pytest.mark.parametrize(
    ("declared", "kind", "message"),
    [
        ("str = parameter(choices='abc')", "bound", "choices='abc' is no list"),
        ("int = parameter(choices=5)", "bound", "choices=5 is no list"),
        ("str = parameter(examples='abc')", "example", "examples='abc' is no list"),
        ("float = parameter(unit=5)", "unit", "unit=5 is no text"),
    ],
)
def test_an_option_of_a_wrong_type_is_told(problems: Problems, declared: str, kind: str, message: str) -> None:
    assert [found[:4] for found in problems(f"x: {declared}")] == [(kind, 2, "Scan.x", message)]


def test_a_choice_may_be_written_as_a_value_may(scan: Scan) -> None:
    flow = scan(
        """
        x: float = parameter(default=1, choices=[1, 2])
        y: datetime.date = parameter(default=datetime.date(2026, 1, 1), choices=["2026-01-01"])
        z: tuple[int, int] = parameter(default=(1, 2), choices=[[1, 2]])
        """
    )
    assert (flow(x=2).x, flow(y="2026-01-01").y, flow(z=[1, 2]).z) == (2.0, dt.date(2026, 1, 1), (1, 2))
    with pytest.raises(ParameterError, match="expected one of 1, 2, got 3"):
        flow(x=3)


def test_a_factory_that_fails_is_told_as_a_parameter(scan: Scan) -> None:
    outcomes = iter([1, OSError("no disk")])

    def measure() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.measure", measure, raising=False)
        flow = scan("x: int = parameter(factory=measure)")
    with pytest.raises(ParameterError, match=r"Scan\.x: its factory raised OSError: no disk") as caught:
        flow()
    assert caught.value.problems[0].fix == "give it: x=..."


def test_a_validator_gets_a_value_of_its_own_and_may_say_no_in_any_way(scan: Scan) -> None:
    flow = scan(
        "x: list[float] = parameter(validator=lambda x: x.append(3.0))\n"
        "y: int = parameter(validator=lambda y: y != 1)\n"
        "z: int = parameter(default=0, validator=lambda z: z)"
    )
    assert flow(x=[1.0], y=0).x == [1.0]
    with pytest.raises(ParameterError, match="is refused by <lambda>"):
        flow(x=[1.0], y=1)


def test_a_validator_that_ends_the_program_says_no(scan: Scan) -> None:
    flow = scan("import sys\nx: int = parameter(validator=sys.exit)")
    with pytest.raises(ParameterError, match="is refused by exit: 3"):
        flow(x=3)


def test_what_stands_for_a_default_in_prefect_is_a_value_of_other_parameters(scan: Scan) -> None:
    flow = scan("x: dict[str, JSON] = parameter(factory=dict)")
    assert flow(x={"__lume__": "default"}).x == {"__lume__": "default"}


def test_a_local_name_does_not_change_a_class_of_another_module(
    define: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ModuleType("other_module")
    code = """
from __future__ import annotations
import dataclasses, enum
class Mode(enum.Enum):
    FAST = "fast"
@dataclasses.dataclass
class Beam:
    mode: Mode
"""
    monkeypatch.setitem(sys.modules, "other_module", other)
    exec(code, other.__dict__)
    define(
        """
        import enum
        from other_module import Beam

        def first():
            class Mode(enum.Enum):
                SLOW = "slow"

            class Scan(LumeFlow):
                beam: Beam = parameter()

        first()

        class Scan(LumeFlow):
            beam: Beam = parameter()

        Scan(beam={"mode": "fast"})
        """
    )


@pytest.mark.parametrize(
    ("declared", "kind", "message"),
    [
        ("float = parameter(unit='mm', default=Q)", "unit", None),
        ("float = parameter(help=3)", "parameter-option", "help=3 is no text"),
        ("float = parameter(env='my token')", "parameter-option", "env='my token' is no variable's name"),
        ("str = parameter(unit='pC')", "unit", "unit='pC' does not go with str, which holds no numbers"),
        (
            "list[str] | None = parameter(unit='pC')",
            "unit",
            "unit='pC' does not go with list[str] | None, which holds no numbers",
        ),
        ("list[float] | None = parameter(unit='pC')", "unit", None),
        ("dict[str, JSON] = parameter(unit='pC')", "unit", None),
        ("Charge = parameter(unit='mm')", "unit", "unit='mm' is another than that of its annotation, 'nC'"),
        ("Charge = parameter(unit='nC')", "unit", None),
        ("Magnet = parameter()", "unit", "'furlongz' is not a unit that pint knows"),
        ("list[Magnet] = parameter()", "unit", "'furlongz' is not a unit that pint knows"),
    ],
)
def test_units_and_options_go_with_the_type(
    define: Callable[..., Any], declared: str, kind: str, message: str | None
) -> None:
    code = f"""
        import attrs
        from typing import Annotated
        from lume_dsl import Unit

        Charge = Annotated[float, Unit("nC")]
        Q = 1.0

        @attrs.frozen
        class Magnet:
            length: Annotated[float, Unit("furlongz")]

        class Scan(LumeFlow):
            x: {declared}
        """
    if message is None:
        define(code)
        return
    with pytest.raises(DefinitionError) as caught:
        define(code)
    assert [(problem.kind, problem.message) for problem in caught.value.problems] == [(kind, message)]


def test_a_wrong_validator_is_told_once(define: Callable[..., Any]) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(
            """
            class Scan(LumeFlow):
                x: int = parameter(default=3, validator="odd")
                y: list[int] = parameter(factory=[1])
            """
        )
    assert [problem.message for problem in caught.value.problems] == [
        "its validator is not callable",
        "its factory is not callable",
    ]


def test_a_unit_of_an_alias_name_is_the_unit_of_its_numbers() -> None:
    charge = TypeAliasType("charge", Annotated[float, Unit("pC")])  # type: ignore[misc]
    assert unit_in(charge) == "pC"
    assert parse_text("1nC", charge)[0] == 1000.0
