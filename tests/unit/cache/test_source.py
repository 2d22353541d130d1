"""The source of a task: what must change it, and what must not."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dsl.cache.code import shape_of
from lume_dsl.cache.key import forms_of, made_of
from lume_dsl.cache.packages import package_of, version_of
from lume_dsl.cache.source import Source, digest_of_parts
from lume_dsl.cache.steps import add_step

_made = 0


def module(text: str, name: str = "") -> ModuleType:
    """A module of the user's own with this text."""
    global _made
    _made += 1
    made = ModuleType(name or f"own_{_made}")
    sys.modules[made.__name__] = made
    exec(compile(text, f"{made.__name__}.py", "exec"), vars(made))
    return made


@pytest.fixture(autouse=True)
def no_module_stays() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


def parts(text: str, name: str = "f") -> dict[str, str]:
    source = Source()
    source.add(getattr(module(text), name), name)
    return source.parts


def source_of(text: str, name: str = "f") -> str:
    return digest_of_parts(parts(text, name))


BASE = """
import attrs, dataclasses, enum, functools
from lume_dsl import task

GAIN = 2.0
TABLE = {"a": 1, "b": [1, 2]}

def scaled(x, by=3, *, also=4):
    return x * by * GAIN + TABLE["a"]

@functools.lru_cache
def kept(x):
    return scaled(x) + 1

@attrs.frozen
class Twiss:
    beta: float = 1.5

    def size(self):
        return scaled(self.beta)

class Other(Twiss):
    pass

@dataclasses.dataclass
class Spot:
    x: float = 0.5

class Plane(enum.Enum):
    X = "x"

@task
def helper(x: float) -> float:
    return x - 1

def made(offset):
    def inner(x):
        return x + offset
    return inner

plus = made(10)

def f(x):
    def nested(y):
        return [y + i for i in range(3)]
    return nested(scaled(x)), Other().size(), kept(x), helper.run(x), plus(x), Spot().x, Plane.X.value
"""

CHANGES = {
    "a constant in it": ("range(3)", "range(4)"),
    "an int that becomes a float": ("range(3)", "range(3.0)"),
    "a name of a nested function": ("nested", "inner_one"),
    "a function that it calls": ("x * by * GAIN", "x * by + GAIN"),
    "a function that a called function calls": ('TABLE["a"]', 'TABLE["b"][0]'),
    "a default": ("by=3", "by=5"),
    "a keyword default": ("also=4", "also=5"),
    "a global": ("GAIN = 2.0", "GAIN = 2.5"),
    "an item in a global": ('"b": [1, 2]', '"b": [1, 3]'),
    "the type of a global": ("GAIN = 2.0", "GAIN = 2"),
    "a method of a base class": ("return scaled(self.beta)", "return scaled(self.beta) + 1"),
    "a default of an attrs field": ("beta: float = 1.5", "beta: float = 1.75"),
    "a default of a dataclass": ("x: float = 0.5", "x: float = 0.75"),
    "a value of an enum": ('X = "x"', 'X = "y"'),
    "what a cached function does": ("return scaled(x) + 1", "return scaled(x) + 2"),
    "a task that it runs": ("return x - 1", "return x - 2"),
    "a value of a closure": ("made(10)", "made(11)"),
    "what a closure does": ("return x + offset", "return x - offset"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_decides_the_value_changes_the_source(change: tuple[str, str]) -> None:
    assert change[0] in BASE
    assert source_of(BASE.replace(*change)) != source_of(BASE)


SAME = {
    "comments": ("GAIN = 2.0", "GAIN = 2.0  # of the camera\n# and more"),
    "a docstring": ("    def nested(y):", '    """What it does."""\n    def nested(y):'),
    "a docstring of a called function": ("return x * by", '"""Told."""\n    return x * by'),
    "annotations": ("def scaled(x,", "def scaled(x: float,"),
    "layout": ("return nested(scaled(x)), Other().size()", "return (\n        nested(\n scaled(x)), Other(\n).size()"),
    "a function that it does not call": ("def f(x):", "def unused():\n    return GAIN\n\ndef f(x):"),
    "a global that it does not read": ("GAIN = 2.0", "GAIN = 2.0\nOTHER = 1"),
    "the order of definitions": ("GAIN = 2.0\n", "UNREAD = 0\nGAIN = 2.0\n"),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_does_not_decide_the_value_leaves_the_source(change: tuple[str, str]) -> None:
    text = BASE.replace(*change)
    if "(\n        nested" in text:
        text = text.replace("Plane.X.value", "Plane.X.value)")
    assert text != BASE
    assert source_of(text) == source_of(BASE)


def test_another_name_of_the_module_leaves_the_source() -> None:
    """As a script is ``__main__``, and is imported under its own name elsewhere."""
    assert source_of(BASE) == source_of(BASE)  # each is a module of a new name


def codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from codes(one)


@pytest.mark.parametrize("name", ["argparse", "json.decoder", "statistics", "tempfile", "tarfile", "threading", "ast"])
def test_the_layout_of_the_standard_library_is_no_part_of_it(name: str) -> None:
    text = Path(__import__(name, fromlist=["x"]).__file__).read_text()
    as_written, in_lines = compile(text, "a", "exec"), compile(ast.unparse(ast.parse(text)), "b", "exec")
    pairs = list(zip(codes(as_written), codes(in_lines), strict=True))
    assert len(pairs) > 10
    assert [one.co_name for one, other in pairs if shape_of(one) != shape_of(other)] == []


constants = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.binary(max_size=5)
)
values = st.recursive(
    constants, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(values, values)
def test_two_globals_give_two_sources_unless_they_are_the_same(one: Any, other: Any) -> None:
    sources = []
    for value in (one, other):
        made = module("def f():\n    return VALUE\n")
        vars(made)["VALUE"] = value
        source = Source()
        source.add(made.f, "f")
        sources.append(digest_of_parts(source.parts))
    assert (sources[0] == sources[1]) == (exact(one) == exact(other))


@given(constants, constants)
def test_two_constants_give_two_sources_unless_they_are_the_same(one: Any, other: Any) -> None:
    first, second = (source_of(f"def f():\n    return [{value!r}, 'x']\n") for value in (one, other))
    assert (first == second) == (exact(one) == exact(other))


def exact(value: Any) -> Any:
    """A text that tells types and signs, and not the order of a dict's members."""
    if isinstance(value, dict):
        return "dict", sorted((key, exact(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", list(map(exact, value))
    return f"{type(value).__name__} {value!r}"


def test_what_the_code_itself_changes_does_not_count() -> None:
    text = """
calls, counts, total, seen = [], {"n": 0}, 0, {}
def made():
    inner = []
    def f(x):
        global total
        calls.append(x)
        counts["n"] += 1
        seen[x] = 1
        total += x
        inner.append(x)
        return x
    return f
f = made()
"""
    changed = module(text)
    source = Source()
    source.add(changed.f, "f")
    before = digest_of_parts(source.parts)
    changed.f(3)
    source = Source()
    source.add(changed.f, "f")
    assert digest_of_parts(source.parts) == before
    assert changed.total == 3


def test_a_dict_that_is_only_read_counts() -> None:
    text = "TABLE = {'a': 1}\ndef f(x):\n    return TABLE[x] + TABLE.get(x)\n"
    assert source_of(text) != source_of(text.replace("1}", "2}"))


def test_names_of_the_users_own_modules_count_where_they_are_read() -> None:
    optics = module("GAIN = 1\ndef fit(x):\n    return x * GAIN\ndef other():\n    return 1\n", "own_optics")
    text = "import own_optics\ndef f(x):\n    return own_optics.fit(x)\n"
    inside = "def f(x):\n    from own_optics import fit\n    return fit(x)\n"
    before, before_inside = source_of(text), source_of(inside)
    vars(optics)["other"] = None
    assert (source_of(text), source_of(inside)) == (before, before_inside)
    vars(optics)["GAIN"] = 2
    assert source_of(text) != before
    assert source_of(inside) != before_inside


def test_a_module_that_is_handed_on_counts_whole() -> None:
    optics = module("GAIN = 1\ndef fit(x):\n    return x\n", "own_whole")
    text = "import own_whole\ndef f(x):\n    return getattr(own_whole, x)\n"
    before = source_of(text)
    vars(optics)["GAIN"] = 2
    assert source_of(text) != before


def test_packages_count_by_version() -> None:
    found = parts("import numpy as np\ndef f(x):\n    import yaml\n    return np.linalg.norm(x)\n")
    assert found["package numpy"] == np.__version__
    assert "package yaml" in found
    assert found["package python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert not [name for name in found if name.startswith("norm")]


def test_whose_a_module_is() -> None:
    names = ("json", "sys", "numpy.linalg", "lume_dsl.files", "__main__", "own_nobody", None)
    assert [package_of(name) for name in names] == ["python", "python", "numpy", "lume_dsl", None, None, None]
    assert version_of("PIL") == __import__("PIL").__version__


def test_what_has_no_stored_form_counts_by_its_class() -> None:
    text = (
        "import logging\nLOG = logging.getLogger('a')\nclass Box:\n    def get(self):\n        return 1\nBOX = Box()\n"
    )
    text += "def f():\n    LOG.info('x')\n    return BOX.get()\n"
    assert source_of(text) == source_of(text.replace("getLogger('a')", "getLogger('b')"))
    assert source_of(text) != source_of(text.replace("return 1", "return 2"))


CONSISTING = """
import array, collections, dataclasses, datetime, fractions, functools, ipaddress, math, operator, re, string, types
import zoneinfo
import attrs, numpy as np

def gauss(x):
    return x * 2

@attrs.define
class Model:
    function: object = gauss

@dataclasses.dataclass
class Part:
    of: object = None

class Times:
    def __init__(self, function, factor):
        functools.update_wrapper(self, function)
        self.function, self.factor = function, factor
    def __call__(self, x):
        return self.factor * self.function(x)

class Lens:
    TABLE = {1: gauss}
    def __init__(self, length):
        self.length = length

class Slotted:
    __slots__ = ("length",)
    def __init__(self, length):
        self.length = length

@functools.singledispatch
def told(x):
    return 1

@told.register
def _(x: int):
    return 5

VALUE = None

def f(x):
    return VALUE, x
"""


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("{1: 2.0}", "{1: 3.0}"),
        ("{(1, 2): 'a'}", "{(1, 3): 'a'}"),
        ("{'a', 'b'}", "{'a', 'c'}"),
        ("frozenset({1})", "frozenset({2})"),
        ("{'a': {1, 2}}", "{'a': {1, 3}}"),
        ("[1, {2}]", "[{2}, 1]"),
        ("range(3)", "range(4)"),
        ("slice(1, 2)", "slice(1, 3)"),
        ("fractions.Fraction(1, 2)", "fractions.Fraction(1, 3)"),
        ("re.compile('a' * 300)", "re.compile('a' * 301)"),
        ("re.compile('a')", "re.compile('a', re.I)"),
        ("collections.deque([1, {2}])", "collections.deque([1, {3}])"),
        ("collections.OrderedDict(a={1})", "collections.OrderedDict(a={2})"),
        ("types.SimpleNamespace(a=1)", "types.SimpleNamespace(a=2)"),
        ("types.MappingProxyType({'a': 1})", "types.MappingProxyType({'a': 2})"),
        ("operator.itemgetter(1)", "operator.itemgetter(2)"),
        ("operator.methodcaller('a', b=1)", "operator.methodcaller('a', b=2)"),
        ("math.sin", "math.cos"),
        ("{1: 'x'}.get", "{1: 'y'}.get"),
        ("np.sin", "np.cos"),
        ("np.poly1d([1, 2])", "np.poly1d([1, 3])"),
        ("np.vectorize(gauss)", "np.vectorize(told)"),
        ("Model(told)", "Model(gauss)"),
        ("Part(gauss)", "Part(told)"),
        ("Lens(1.0)", "Lens(2.0)"),
        ("Slotted(1.0)", "Slotted(2.0)"),
        ("Times(gauss, 2)", "Times(gauss, 3)"),
        ("[lambda x: x + 1]", "[lambda x: x + 2]"),
        ("{'gauss': gauss}", "{'gauss': told}"),
        ("functools.partial(gauss, {1})", "functools.partial(gauss, {2})"),
        ("bytearray(b'a')", "bytearray(b'b')"),
        ("array.array('d', [1.0])", "array.array('d', [2.0])"),
        ("collections.ChainMap({1: 2})", "collections.ChainMap({1: 3})"),
        ("collections.UserDict({1: 2})", "collections.UserDict({1: 3})"),
        ("datetime.timezone(datetime.timedelta(1 / 24))", "datetime.timezone(datetime.timedelta(2 / 24))"),
        ("zoneinfo.ZoneInfo('Etc/GMT+1')", "zoneinfo.ZoneInfo('Etc/GMT+2')"),
        ("ipaddress.ip_address('10.0.0.1')", "ipaddress.ip_address('10.0.0.2')"),
        ("string.Template('$a')", "string.Template('$b')"),
        ("ValueError('a')", "ValueError('b')"),
    ],
)
def test_what_a_global_consists_of_counts(value: str, other: str) -> None:
    one = CONSISTING.replace("VALUE = None", f"VALUE = {value}")
    assert source_of(one) == source_of(one)
    assert source_of(one) != source_of(CONSISTING.replace("VALUE = None", f"VALUE = {other}"))


@pytest.mark.parametrize(
    "value",
    ["{'gauss': gauss}", "[gauss]", "(1, gauss)", "{gauss}", "Model()", "Part([gauss])", "Lens(gauss)", "Lens(1)",
     "np.vectorize(gauss)", "Times(gauss, 2)", "functools.cache(gauss)", "types.SimpleNamespace(f=gauss)",
     "Lens(Part({'a': [gauss]}))", "Lens"],
)  # fmt: skip
def test_the_functions_in_a_global_count(value: str) -> None:
    text = CONSISTING.replace("VALUE = None", f"VALUE = {value}")
    assert source_of(text) != source_of(text.replace("x * 2", "x * 3"))


def test_the_functions_that_are_registered_with_another_count() -> None:
    text = CONSISTING.replace("VALUE = None", "VALUE = told")
    assert source_of(text) != source_of(text.replace("return 5", "return 6"))


def test_a_global_that_holds_itself_has_a_source_and_so_has_one_of_many_paths() -> None:
    loop = "VALUE = {1: gauss}\nVALUE[2] = VALUE\nVALUE[3] = [VALUE, {VALUE[1]}]"
    paths = "VALUE = [{1}]\nfor _ in range(8):\n    VALUE = [VALUE, VALUE]"
    for value in (loop, paths):
        text = CONSISTING.replace("VALUE = None", value)
        assert source_of(text) == source_of(text)
        assert source_of(text) != source_of(text.replace("x * 2", "x * 3").replace("{1}", "{2}"))


def test_a_set_counts_the_same_in_another_process() -> None:
    script = (
        "import hashlib, sys; sys.path.insert(0, '.')\nfrom tests.unit.cache.test_source import source_of\n"
        'print(source_of(\'NAMES = {"a", "b", "c", "d"}\\ndef f(): return NAMES\'))'
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in "123"
    }  # fmt: skip
    assert len(told) == 1


def test_functions_that_call_one_another_have_a_source() -> None:
    text = "def f(n):\n    return n and g(n - 1)\ndef g(n):\n    return n and f(n - 1)\n"
    assert source_of(text) != source_of(text.replace("f(n - 1)", "f(n - 2)"))


def test_which_of_two_functions_is_called_first_is_told() -> None:
    """They have the same parts, each being one of the other's."""
    made = module("def f(n):\n    return n and g(n - 1)\ndef g(n):\n    return n and f(n - 1) + 1\n")
    sources = (Source(), Source())
    keys = {made_of(one.add(getattr(made, name), name), one, {}).key for one, name in zip(sources, "fg", strict=True)}
    assert sources[0].parts == sources[1].parts
    assert len(keys) == 2


def test_the_classes_of_inputs_are_part_of_the_key() -> None:
    """A task may call their methods, which no text in it names."""
    text = """
import attrs, enum
@attrs.frozen
class Twiss:
    beta: float = 1.0
    def size(self):
        return self.beta * 2
class Plane(enum.Enum):
    X = 1
    def axis(self):
        return 0
class Metres(float):
    def inches(self):
        return self / 0.0254
def f(t):
    return t.size()
"""
    keys = []
    changes = [text.replace("* 2", "* 3"), text.replace("return 0", "return 1"), text.replace("0.0254", "0.025")]
    for changed in (text, text, *changes):
        made = module(changed, "own_inputs")
        source = Source()
        root = source.add(made.f, "f")
        forms = forms_of({"t": [{"a": made.Twiss(1.5), "b": made.Metres(2)}, made.Plane.X]})
        keys.append(made_of(root, source, forms).key)
    assert len(set(keys)) == 4
    assert keys[0] == keys[1]


def test_two_functions_of_one_name_are_two_parts() -> None:
    text = "a, b = (lambda: 1), (lambda: 2)\ndef f():\n    return a() + b()\n"
    assert source_of(text) != source_of(text.replace("1)", "2)", 1))
    assert {"<lambda>", "<lambda> (2)"} <= parts(text).keys()


def test_a_function_that_travelled_has_the_same_source(tmp_path: Path) -> None:
    """By value, as one of a script does to a worker, into a process that has neither its module nor its file."""
    made = module(BASE.replace("@functools.lru_cache\n", ""), "own_script")  # whose wrapper travels by name alone
    cloudpickle.register_pickle_by_value(made)
    try:
        (tmp_path / "f").write_bytes(cloudpickle.dumps(made.f))
    finally:
        cloudpickle.unregister_pickle_by_value(made)
    source = Source()
    source.add(made.f, "f")
    script = """
import cloudpickle, json, sys
from lume_dsl.cache.source import Source
source = Source()
source.add(cloudpickle.load(open(sys.argv[1], "rb")), "f")
print(json.dumps(source.parts))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "f")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == source.parts


# steps

STEPS = """
from typing import ClassVar
from lume_dsl import LumeFlow, step

def outside(flow):
    return flow.gain

class Base(LumeFlow):
    gain: float = 1.0
    shots: int = 1
    note: str = ""
    unit: ClassVar[str] = "pC"
    scale = 3

    def scaled(self):
        return self.gain * self.scale

    @property
    def half(self):
        return self.shots / 2

    @step
    def total(self) -> float:
        return 1.0

class Scan(Base):
    @step
    def plain(self) -> float:
        return 1.0

    @step
    def by_name(self) -> float:
        self.logger.info("x")
        return sum(self.shots for _ in range(3))

    @step
    def by_method(self) -> float:
        return self.scaled() + self.half

    @step
    def handed_on(self) -> float:
        return outside(self)

    @step
    def total(self) -> float:
        return super().total() + 1
"""


def of_step(text: str, name: str) -> tuple[tuple[str, ...], str]:
    flow = module(text).Scan
    source = Source()
    read = add_step(source, flow, flow.__lume_graph__.members[name].work.function, name)
    return read, digest_of_parts(source.parts)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("plain", ()),
        ("by_name", ("shots",)),
        ("by_method", ("gain", "shots")),
        ("handed_on", ("gain", "shots", "note")),
        ("total", ("gain", "shots", "note")),
    ],
)
def test_the_parameters_that_a_step_reads_are_told(name: str, read: tuple[str, ...]) -> None:
    assert of_step(STEPS, name)[0] == read


@pytest.mark.parametrize(
    ("name", "old", "new", "same"),
    [
        ("by_method", "self.gain * self.scale", "self.gain + self.scale", False),
        ("by_method", "scale = 3", "scale = 4", False),
        ("by_method", "self.shots / 2", "self.shots / 3", False),
        ("by_method", '"pC"', '"nC"', True),
        ("by_name", "self.gain * self.scale", "self.gain + self.scale", True),
        ("total", "return 1.0", "return 2.0", False),
        ("handed_on", "return flow.gain", "return flow.gain + 1", False),
        ("handed_on", "scale = 3", "scale = 4", False),
        ("plain", "gain: float = 1.0", "gain: float = 2.0", True),
    ],
)
def test_what_a_step_calls_of_its_class_is_its_source(name: str, old: str, new: str, same: bool) -> None:
    assert (of_step(STEPS, name)[1] == of_step(STEPS.replace(old, new), name)[1]) == same
