"""Which types surely cannot be stored in a record; it must not know how the others are.

Of a type that says little (``Any``, ``object``, a base class) nothing is said: its values tell when they are saved.
"""

from __future__ import annotations

import collections.abc
import enum
import io
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, get_args, get_origin

from lume_dsl.values.classes import is_named_tuple, is_record_class
from lume_dsl.values.forms import arms_of
from lume_dsl.values.names import type_name
from lume_dsl.values.type_names import type_string

__all__ = ["INSTEAD_OF", "INSTEAD_OF_OTHERS", "unstorable"]

INSTEAD_OF: dict[type, str] = {
    set: "write sorted(...)",
    frozenset: "write sorted(...)",
    bytearray: "write bytes(...)",
    memoryview: "write bytes(...)",
}
"""What to write instead of a value of these types, or of types derived from them."""

INSTEAD_OF_OTHERS = "write it as JSON values, or save it as a file"

_OTHERS = (FunctionType, BuiltinFunctionType, ModuleType, io.IOBase)
_EXACTLY = (type, collections.abc.Callable, collections.abc.Iterator, collections.abc.Generator)


def unstorable(tp: Any) -> tuple[str, str] | None:
    """Return why no value of this type can be stored, and what to write instead; None where one may be.

    >>> unstorable(dict[str, set[int]])
    ('set[int] cannot be stored', 'write sorted(...)')
    """
    arms = arms_of(tp)
    if len(arms) > 1:
        reasons = [unstorable(arm) for arm in arms]
        return reasons[0] if all(reasons) else None
    cls, arguments = get_origin(tp) or tp, [one for one in get_args(tp) if one is not Ellipsis]
    if not isinstance(cls, type):
        return None
    for base, instead in INSTEAD_OF.items():
        if issubclass(cls, base):
            return f"{type_name(tp)} cannot be stored", instead
    if cls in _EXACTLY or issubclass(cls, _OTHERS):
        return f"{type_name(tp)} cannot be stored", INSTEAD_OF_OTHERS
    if cls is dict and arguments:
        if isinstance(arguments[0], type) and arguments[0] not in (str, object) and not issubclass(arguments[0], str):
            return f"{type_name(tp)} cannot be stored, as its keys are no texts", "write str(...) for the keys"
        return unstorable(arguments[1])
    if cls in (list, tuple):
        return next(filter(None, map(unstorable, arguments)), None)
    return _not_found_again(cls)


def _not_found_again(cls: type) -> tuple[str, str] | None:
    if not (is_record_class(cls) or is_named_tuple(cls) or issubclass(cls, enum.Enum)):
        return None
    try:
        type_string(cls)
    except ValueError as error:
        reason, _, instead = str(error).partition("; ")
        return f"it cannot be stored: {reason}", instead
    return None
