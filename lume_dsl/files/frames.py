"""What files of data frames share: their library, and what is refused in a frame; it must not know any format."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lume_dsl.files.file import missing_library

__all__ = ["check_frame", "pandas_for"]


def pandas_for(extra: str) -> ModuleType:
    """Return pandas.

    Raises:
        FileError: It is not installed; the message names the extra.
    """
    try:
        import pandas as pd  # heavy, and an extra
    except ImportError as error:
        raise missing_library("pandas", extra=extra) from error
    library: ModuleType = pd
    return library


def check_frame(pandas: ModuleType, obj: Any) -> None:
    """Return if ``obj`` is a data frame whose columns have names of their own.

    Raises:
        TypeError, ValueError: Saying what it is instead.
    """
    if not isinstance(obj, pandas.DataFrame):
        raise TypeError(f"expected pandas.DataFrame, got {type(obj).__name__}")
    if not obj.columns.is_unique:
        raise ValueError(f"the column {obj.columns[obj.columns.duplicated()][0]!r} is there twice")
