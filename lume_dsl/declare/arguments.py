"""Whether the arguments of a call fit a signature. It knows nothing of what is called."""

from __future__ import annotations

import inspect
from collections.abc import Container, Mapping
from typing import Any

from lume_dsl.errors import did_you_mean

__all__ = ["bind_arguments"]


def bind_arguments(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, hidden: Container[str] = ()
) -> inspect.BoundArguments:
    """Return the arguments as the signature binds them. None of the ``hidden`` ones is proposed to people.

    Raises:
        TypeError: They do not fit. Its text names a misspelt one, rather than the one that it is missed as.
    """
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(_unexpected(signature, kwargs, hidden) or str(error)) from None


def _unexpected(signature: inspect.Signature, kwargs: Mapping[str, Any], hidden: Container[str]) -> str:
    """What is wrong with a name that no argument has, where that is what is wrong."""
    kinds = {parameter.name: parameter.kind for parameter in signature.parameters.values()}
    left = [name for name, kind in kinds.items() if name not in kwargs and name not in hidden and kind in _NAMED]
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
    for name in kwargs:
        if kinds.get(name) not in _NAMED:
            near = did_you_mean(name, left)
            if near or not takes_any:
                return f"got an unexpected keyword argument {name!r}{near}"
    return ""


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
