"""Code that a class or a value holds in an object of Python's or a package's is part of the source, by name."""

from __future__ import annotations

import pytest

from tests.unit.cache.test_source import parts

IMPORTS = "import abc, attrs, collections, contextlib, dataclasses, enum, functools, types, typing, weakref\n"
READ = "def f(x):\n    return Held, x\n"

HOLDERS = {
    "a cached property": (
        "class Held:\n    @functools.cached_property\n    def width(self): return 60\n",
        "Held.width",
    ),
    "what a partial method calls": (
        "class Held:\n    def go(self): return 60\n    went = functools.partialmethod(go)\n",
        "Held.go",
    ),
    "a lambda that a partial method calls": (
        "class Held:\n    go = functools.partialmethod(lambda self: 60)\n",
        "Held.<lambda>",
    ),
    "an argument of a partial method": ("class Held:\n    go = functools.partialmethod(print, 60)\n", "Held.go"),
    "a keyword of a partial method": ("class Held:\n    go = functools.partialmethod(print, end=60)\n", "Held.go"),
    "the base of a method that dispatches": (
        "class Held:\n    @functools.singledispatchmethod\n    def g(self, x): return 60\n"
        "    @g.register\n    def _(self, x: int): return 1\n",
        "Held.g",
    ),
    "each overload of a method that dispatches": (
        "class Held:\n    @functools.singledispatchmethod\n    def g(self, x): return 1\n"
        "    @g.register\n    def _(self, x: int): return 60\n"
        "    @g.register\n    def _(self, x: str): return 2\n",
        "Held.g(int)",
    ),
    "an overload that is a class method": (
        "class Held:\n    @functools.singledispatchmethod\n    @classmethod\n    def g(cls, x): return 1\n"
        "    @g.register\n    @classmethod\n    def _(cls, x: int): return 60\n"
        "    @g.register\n    @classmethod\n    def _(cls, x: str): return 2\n",
        "Held.g(int)",
    ),
    "each overload of a function that dispatches": (
        "@functools.singledispatch\ndef Held(x): return 1\n"
        "@Held.register\ndef _(x: int): return 60\n"
        "@Held.register\ndef _(x: str): return 2\n",
        "Held(int)",
    ),
    "a metaclass": (
        "class Meta(type):\n    def __call__(cls, *a): return 60\nclass Held(metaclass=Meta): pass\n",
        "Meta.__call__",
    ),
    "the metaclass of a base": (
        "class Meta(abc.ABCMeta):\n    def of(cls): return 60\n"
        "class Base(metaclass=Meta): pass\nclass Held(Base): pass\n",
        "Meta.of",
    ),
    "a property of an enum": (
        "class Held(enum.Enum):\n    A = 1\n    @types.DynamicClassAttribute\n    def g(self): return 60\n",
        "Held.g",
    ),
    "a kind of property of one's own": (
        "class Own(property):\n    def __get__(self, one, cls=None): return 60\n"
        "class Held:\n    @Own\n    def g(self): return 1\n",
        "Own.__get__",
    ),
    "what a kind of property of one's own has": (
        "class Own(property):\n    def __init__(self, g, k):\n        super().__init__(g)\n        self.k = k\n"
        "class Held:\n    g = Own(len, 60)\n",
        "Held.g",
    ),
    "a kind of class method of one's own": (
        "class Own(classmethod):\n    def __get__(self, one, cls=None): return 60\n"
        "class Held:\n    @Own\n    def g(cls): return 1\n",
        "Own.__get__",
    ),
    "a kind of partial of one's own": (
        "class Own(functools.partial):\n    def __call__(self): return 60\nHeld = Own(print)\n",
        "Own.__call__",
    ),
    "a cached partial": ("Held = functools.cache(functools.partial(print, 60))\n", "Held"),
    "a cached class": (
        "class Own:\n    def g(self): return 60\nHeld = functools.cache(Own)\n",
        "Own.g",
    ),
    "a cached object": (
        "class Own:\n    def __call__(self): return 60\nHeld = functools.cache(Own())\n",
        "Own.__call__",
    ),
    "what is cached twice": (
        "@functools.cache\n@functools.cache\ndef Held(): return 60\n",
        "Held",
    ),
    "a key of an order": ("Held = functools.cmp_to_key(lambda one, other: 60)\n", "<lambda>"),
    "a weak reference of code": ("def g(): return 60\nHeld = weakref.ref(g)\n", "g"),
    "a generic class with its argument": (
        "T = typing.TypeVar('T')\nclass Own(typing.Generic[T]):\n    def g(self): return 60\nHeld = Own[int]\n",
        "Own.g",
    ),
    "the items of a list's type": ("class Own:\n    def g(self): return 60\nHeld = list[Own]\n", "Own.g"),
    "a union of types": ("class Own:\n    def g(self): return 60\nHeld = Own | None\n", "Own.g"),
    "a new type": ("class Own:\n    def g(self): return 60\nHeld = typing.NewType('Held', Own)\n", "Own.g"),
    "a dataclass that is made": (
        "Held = dataclasses.make_dataclass('Held', [('a', int)], namespace={'g': lambda self: 60})\n",
        "<lambda>",
    ),
    "what a function of a package was made of": (
        "Held = attrs.converters.optional(lambda value: 60)\n",
        "<lambda>",
    ),
    "what a function of a package was made of, deeper": (
        "Held = attrs.converters.pipe(int, attrs.converters.optional(lambda value: 60))\n",
        "<lambda>",
    ),
    "a constant that a function of a package was made of": ("Held = attrs.converters.default_if_none(60)\n", "Held"),
    "a function with the name of one of a package": (
        "@functools.wraps(contextlib.contextmanager)\ndef Held(x): return 60\n",
        "contextmanager",
    ),
    "a function that is an attribute of another one": (
        "def Held(x): return Held.inner(x)\nHeld.inner = lambda x: 60\n",
        "<lambda>",
    ),
    "a hash of one's own": ("class Held:\n    def __hash__(self): return 60\n", "Held.__hash__"),
    "a method of a kind of dict of one's own": (
        "class Own(dict):\n    def __missing__(self, key): return 60\nHeld = Own()\n",
        "Own.__missing__",
    ),
    "a method of a kind of int of one's own, in a list": (
        "class Own(int):\n    def more(self): return 60\nHeld = [{1: (Own(1),)}]\n",
        "Own.more",
    ),
    "a method of a kind of text of one's own, as a key": (
        "class Own(str):\n    def more(self): return 60\nHeld = {Own('a'): 1}\n",
        "Own.more",
    ),
    **{
        f"of a field of attrs, {option}": (
            f"@attrs.define(order=True)\nclass Held:\n    x: int = attrs.field(default=1, {option})\n",
            part,
        )
        for option, part in {
            "converter=attrs.Converter(lambda value: 60)": "Held.<lambda>",
            "converter=[int, lambda value: 60]": "Held.<lambda>",
            "validator=[attrs.validators.instance_of(int), attrs.validators.le(60)]": "Held.x",
            "validator=attrs.validators.optional(lambda *given: 60)": "Held.<lambda>",
            "on_setattr=lambda *given: 60": "Held.<lambda>",
            "eq=lambda value: 60": "Held.<lambda>",
            "order=lambda value: 60": "Held.<lambda>",
            "repr=lambda value: '60'": "Held.<lambda>",
            "metadata={'unit': 60}": "Held.x",
            "alias='x60'": "Held",
            "init=bool(60 - 61)": "Held",
            "kw_only=bool(60 - 61)": "Held",
            "hash=bool(60 - 61)": "Held",
        }.items()
    },
    "what attrs does when an attribute is set": (
        "@attrs.define(on_setattr=lambda *given: 60)\nclass Held:\n    x: int = 1\n",
        "<lambda>",
    ),
    "which methods attrs makes": ("@attrs.define(order=bool(60 - 61))\nclass Held:\n    x: int = 1\n", "Held"),
    "what is told of a dataclass's field": (
        "@dataclasses.dataclass\nclass Held:\n    x: int = dataclasses.field(default=1, metadata={'unit': 60})\n",
        "Held.x",
    ),
}


@pytest.mark.parametrize(("text", "part"), HOLDERS.values(), ids=HOLDERS.keys())
def test_what_an_object_calls_counts_and_is_named(text: str, part: str) -> None:
    assert "60" in text
    now, other = (parts(IMPORTS + one + READ) for one in (text, text.replace("60", "61")))
    assert parts(IMPORTS + text + READ) == now
    changed = {name for name in {**now, **other} if now.get(name) != other.get(name)}
    assert part in {name.partition(" ")[0] for name in changed}  # "go (2)" is the second part of this name


def test_a_function_of_a_package_that_is_in_its_own_closure_has_a_source() -> None:
    text = (
        "def made():\n    def again(n): return n and again(n - 1)\n    again.__module__ = 'json'\n    return again\n"
        "again = made()\nagain.__globals__['__name__'] = 'json'\ndef f(): return again\n"
    )
    assert parts(text) == parts(text)
