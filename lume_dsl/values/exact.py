"""Which values come back from their stored form as what they are, type and all; it must not know who stores them."""

from __future__ import annotations

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from lume_dsl.errors import RecordError
from lume_dsl.secrets import holds_secret
from lume_dsl.values import arrays, frames, objects
from lume_dsl.values.content import Content
from lume_dsl.values.encoding import encode
from lume_dsl.values.kinds import Unstorable, full_name

__all__ = ["exact_form", "inexact"]

_BASES = (str, int, float, complex, bytes, list, dict, tuple, datetime, date, time, timedelta, Decimal, UUID)
"""Types whose subclasses come back as one of them."""

_ITSELF = frozenset({*_BASES, bool, type(None)})


def exact_form(value: Any, blobs: dict[str, Content]) -> Any:
    """Return the stored form of a value that comes back as the same; ``blobs`` gets its large contents.

    Raises:
        RecordError: It has none, naming what of it; or a large content of it holds the text of a secret.
    """
    stored = encode(value, blobs=blobs)
    if (lost := inexact(value)) is not None:
        raise RecordError(lost)
    if any(holds_secret(content.pieces()) for content in blobs.values()):
        raise RecordError("value: holds the text of a secret")
    return stored


def inexact(value: Any, path: str = "value") -> str | None:
    """Return what of a value comes back as something else, and as what; None where nothing does.

    Of what has no stored form nothing is said.

    >>> from collections import OrderedDict
    >>> inexact([OrderedDict(a=1)])
    'value[0]: a collections.OrderedDict comes back as a dict'
    """
    cls = type(value)
    if cls is list or cls is tuple:
        return next((found for n, one in enumerate(value) if (found := inexact(one, f"{path}[{n}]"))), None)
    if cls is dict:
        return next((found for key, one in value.items() if (found := inexact(one, f"{path}[{key!r}]"))), None)
    if cls in _ITSELF or isinstance(value, Path) or arrays.array_or_scalar(value) or frames.pandas_kind(value):
        return None
    if objects.is_instance(value):
        try:
            _, parts = objects.parts_of(value)
        except Unstorable:
            return None
        return next((found for name, one in parts.items() if (found := inexact(one, f"{path}.{name}"))), None)
    base = next((one for one in _BASES if isinstance(value, one)), None)
    if base is None or isinstance(value, enum.Enum):
        return None
    return f"{path}: a {full_name(cls)} comes back as a {full_name(base)}"
