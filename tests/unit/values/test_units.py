"""Units: which texts are units, quantities in another unit, and that all holds without pint."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Optional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lume_dsl.values import units
from lume_dsl.values.units import Unit, UnitError, difference, read_quantity, unit_in, unit_problem

FIELD = [
    *(
        "pC",
        "nC",
        "C",
        "µC",
        "mm",
        "um",
        "µm",
        "μm",
        "nm",
        "m",
        "mrad",
        "urad",
        "rad",
        "deg",
        "eV",
        "keV",
        "MeV",
        "GeV",
    ),
    *("V", "kV", "MV", "A", "kA", "T", "T/m", "T/m^2", "1/m", "1/m**2", "m^-2", "m**-2", "m⁻²", "s", "ms", "fs", "ps"),
    *("Hz", "GHz", "%", "degC", "°C", "dimensionless", "mm*mrad", "pi*mm*mrad", "MV/m", "MeV/c", "m^(1/2)"),
    *("kg/(m*s)", "Ω", "kΩ", "Å", "mm·mrad", "dBm", "cmH2O"),
]


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """pint loads before hypothesis times its examples."""
    assert units._registry() is not None, "pint, which these tests need, is not installed"


PC, MM = Unit("pC"), Unit("mm")


@pytest.mark.parametrize("text", [*FIELD, "", "mm mrad", "pi mm mrad", "meter per second", "T / m", "m ** -2"])
def test_a_unit_as_the_field_writes_it_is_one(text: str) -> None:
    assert unit_problem(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pQ", "'pQ' is not a unit that pint knows; did you mean 'pC'?"),
        ("gev", "'gev' is not a unit that pint knows; did you mean 'GeV'?"),
        ("mradd", "'mradd' is not a unit that pint knows; did you mean 'mrad'?"),
        ("T/furlang", "'furlang' in 'T/furlang' is not a unit that pint knows"),
        ("3 pC", "'3 pC' has a number, which a unit has not; write 'pC'"),
        ("1 pC", "'1 pC' has a number, which a unit has not; write 'pC'"),
        ("1", "'1' has a number, which a unit has not; write 'dimensionless'"),
        ("mm-mrad", "'mm-mrad' is not a unit; write names joined by * and /, with powers such as m**-2"),
        (" ", "' ' is not a unit; write names joined by * and /, with powers such as m**-2"),
        ("m + s", "'m + s' is not a unit; write names joined by * and /, with powers such as m**-2"),
        ("kdegC", "'kdegC' is not a unit: pint cannot read it"),
    ],
)
def test_a_problem_says_what_to_write_instead(text: str, problem: str) -> None:
    assert unit_problem(text) == problem


@pytest.mark.parametrize(
    "text",
    [
        *("10**10**10", "9**9**9**9", "m**9**9**9**9", "m**(9**9)", "(m**99)**999", "m" * 100_000, "(" * 60),
        *("m" + "²" * 40, "m**(1/0)", "m**-", "*", "/", "m//", "__import__('os')", "lambda: 0", "m\n", "\0", "\ud800"),
        *("m**\u0663", "nan", "m-", "m**-0"),
    ],
)
def test_no_odd_text_raises_or_hangs(text: str) -> None:
    assert isinstance(unit_problem(text), str)


ALPHABET = st.text("mCsT%µ°Ω²⁻·*/^().-+ 0129ed_\\'\"\n#\t,:=[]", max_size=70)


@given(st.text() | ALPHABET | st.lists(st.sampled_from(["m", "dBm", "**", "99", "(", ")", "/", " ", "²"])).map("".join))
def test_any_text_is_a_unit_or_has_a_problem(text: str) -> None:
    problem = unit_problem(text)
    assert problem is None or (len(problem) < 250 and "\n" not in problem)
    assert difference(text, "pC") is None or problem is None


@given(st.text() | st.tuples(st.floats().map(repr), st.sampled_from(["", " "]), ALPHABET | st.text()).map("".join))
@example("9" * 190 + "pC")
@example("1e99999999999999999999pC")
def test_any_text_is_a_finite_quantity_or_none_or_a_unit_error(text: str) -> None:
    try:
        number = read_quantity(text, "pC")
    except UnitError:
        return
    assert number is None or math.isfinite(float(number))


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("0.25nC", "pC", 250.0),
        ("0.25 nC", "pC", 250.0),
        ("250 pC", "pC", 250.0),
        ("  250pC ", "pC", 250.0),
        ("250 picocoulomb", "pC", 250.0),
        ("1.1 mm", "um", 1100.0),
        ("-1.5e-3 mm", "um", -1.5),
        ("+.5 mm", "um", 500.0),
        ("3eV", "meV", 3000.0),
        ("3e2eV", "keV", 0.3),
        ("1.1 keV", "eV", 1100.0),
        ("0.1 GeV/c", "MeV/c", 100.0),
        ("120 s", "min", 2.0),
        ("25 degC", "K", 298.15),
        ("0 K", "degC", -273.15),
        ("77 degF", "degC", 25.0),
        ("180 deg", "rad", math.pi),
        ("12 1/m^2", "1/cm^2", 0.0012),
        ("50 %", "dimensionless", 0.5),
        ("50%", "dimensionless", 0.5),
        ("1 mm mrad", "um", 1.0),
        ("30 dBm", "dBm", 30.0),
        ("1 (mm*mrad)", "um", 1.0),
    ],
)
def test_a_quantity_is_read_in_the_unit_that_is_asked_for(text: str, unit: str, expected: float) -> None:
    number = read_quantity(text, unit)
    assert isinstance(number, Decimal)
    assert float(number) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "250",
        "1e5",
        "1e-5",
        "1_000",
        "1_000 mm",
        "-3",
        "nan",
        "inf pC",
        "pC",
        "2026-10-09",
        "[1, 2]",
        "1/2",
        "5/m",
        "\u0661 pC",
        "x" * 999,
    ],
)
def test_text_that_is_no_number_with_a_unit_is_left_to_others(text: str) -> None:
    assert read_quantity(text, "pC") is None


def test_where_no_unit_is_declared_nothing_is_a_quantity() -> None:
    assert read_quantity("3 mm", "") is None


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("3 mm", "pC", "mm is of dimension [length]; expected pC, of dimension [current] * [time]"),
        ("3 %", "m", "% is of dimension dimensionless; expected m, of dimension [length]"),
        ("3 pQ", "pC", "'pQ' is not a unit that pint knows; did you mean 'pC'?"),
        ("3 mm", "qq", "'qq' is not a unit that pint knows"),
        ("1e400 pC", "pC", "'1e400 pC' in pC is out of the range of a float"),
        ("1e308 C", "pC", "'1e308 C' in pC is out of the range of a float"),
        ("1e999999999 C", "pC", "'1e999999999' is out of the range of a float"),
        ("1" * 71 + " pC", "pC", f"'{'1' * 27}...{'1' * 28}' has more than 70 digits; write the number without a unit"),
        ("30 dBm", "mW", "pint does not convert dBm to mW exactly; write the number in mW"),
    ],
)
def test_a_quantity_that_does_not_fit_raises_what_is_wrong(text: str, unit: str, message: str) -> None:
    with pytest.raises(UnitError) as caught:
        read_quantity(text, unit)
    assert str(caught.value) == message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_a_conversion_is_exact(number: Decimal) -> None:
    read = read_quantity(f"{number} nC", "pC")
    assert read is not None
    assert Fraction(read) == Fraction(number) * 1000


@given(st.floats(min_value=-1e100, max_value=1e100).filter(lambda number: number == 0 or abs(number) > 1e-300))
def test_a_float_in_another_unit_is_the_nearest_to_what_was_written(number: float) -> None:
    read = read_quantity(f"{number!r} keV", "MeV")
    assert read is not None
    assert float(read) == float(Fraction(repr(number)) / 1000)


def test_an_int_in_another_unit_is_exact_however_large() -> None:
    assert read_quantity(f"{2**200 + 1} nC", "pC") == (2**200 + 1) * 1000


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("pC", "picocoulomb", None),
        ("pC", "pC", None),
        ("m^-2", "1/m**2", None),
        ("µm", "μm", None),
        ("mm*mrad", "um", None),
        ("dBm", "decibelmilliwatt", None),
        ("pC", "", None),
        ("pC", "pQ", None),
        ("nC", "pC", "nC is 1000 pC"),
        ("pC", "nC", "pC is 0.001 nC"),
        ("deg", "rad", "deg is 0.01745329252 rad"),
        ("degC", "K", "0 degC is 273.15 K"),
        ("dBm", "mW", "dBm and mW are of different scales"),
        ("pC", "mm", "pC and mm are of different dimensions"),
    ],
)
def test_a_difference_is_told(a: str, b: str, expected: str | None) -> None:
    assert difference(a, b) == expected


@pytest.mark.parametrize(
    ("tp", "unit"),
    [
        (float, ""),
        (Annotated[float, PC], "pC"),
        (Annotated[float, "pC"], ""),
        (Annotated[float, "a note", PC], "pC"),
        (Annotated[float, PC, MM], ""),
        (Annotated[list[float], PC], "pC"),
        (list[Annotated[float, PC]], "pC"),
        (list[list[Annotated[float, PC]]], "pC"),
        (tuple[Annotated[float, PC], ...], "pC"),
        (tuple[Annotated[float, PC], Annotated[float, PC]], "pC"),
        (tuple[Annotated[float, PC], Annotated[float, MM]], ""),
        (tuple[Annotated[float, PC], int], ""),
        (tuple[()], ""),
        (dict[str, Annotated[float, PC]], "pC"),
        (dict[Annotated[str, PC], float], ""),
        (Annotated[float, PC] | None, "pC"),
        (Optional[Annotated[float, PC]], "pC"),  # noqa: UP045
        (Optional[list[Annotated[float, PC]]], "pC"),  # noqa: UP045
        (Annotated[float, PC] | str | None, "pC"),
        (Annotated[float, PC] | Annotated[int, MM], ""),
        (Annotated[list[Annotated[float, MM]], PC], ""),
        (None, ""),
        (list, ""),
        (dict, ""),
    ],
)
def test_the_one_unit_that_a_type_declares_is_found(tp: Any, unit: str) -> None:
    assert unit_in(tp) == unit


def test_a_unit_is_a_text() -> None:
    with pytest.raises(TypeError):
        Unit(3)  # type: ignore[arg-type]


def test_a_process_has_one_registry() -> None:
    units._new_registry.cache_clear()
    units._parsed.cache_clear()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(units._registry())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(registry) for registry in found}) == 1


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_pint_is_loaded_by_the_first_question_alone() -> None:
    code = """
import sys
from lume_dsl.values.units import *
unit_in(float), unit_problem(""), difference("pC", "pC"), read_quantity("250", "pC"), read_quantity("250 pC", "pC")
print("pint" in sys.modules)
unit_problem("MV/m")  # one of the usual ones
print("pint" in sys.modules)
unit_problem("furlong")
print("pint" in sys.modules)
"""
    assert _python(code).split() == ["False", "False", "True"]


def test_without_pint_nothing_is_known_of_a_unit() -> None:
    code = """
import sys
sys.modules["pint"] = None
from lume_dsl.values.units import *
print(unit_problem("pQ"), difference("pC", "mm"), read_quantity("250", "pC"), read_quantity("250 pC", "pC"))
try:
    read_quantity("0.25 nC", "pC")
except UnitError as error:
    print(error)
"""
    assert _python(code).splitlines() == [
        "None None None 250",
        "'nC' in pC needs pint: pip install 'lume-dsl[units]'",
    ]


@pytest.mark.parametrize("text", sorted(units.USUAL))
def test_the_usual_units_are_units(text: str) -> None:
    assert units._parsed(text)[1] == ""


def test_a_sign_of_zero_is_kept_and_what_is_too_near_to_zero_is_refused() -> None:
    zero = read_quantity("-0.0nC", "pC")
    assert zero is not None
    assert math.copysign(1, float(zero)) == -1
    for text in ("1e-400pC", "1e-400 nC"):
        with pytest.raises(UnitError, match="out of the range of a float"):
            read_quantity(text, "pC")


@pytest.mark.parametrize("text", ["5e", "5E", "1.5e", "0x10"])
def test_a_number_that_is_cut_off_is_no_quantity(text: str) -> None:
    assert read_quantity(text, "pC") is None
