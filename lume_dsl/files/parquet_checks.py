"""What of a data frame would come back from Parquet as something else; it must not read or write files.

pandas and pyarrow are imported in functions, as they are heavy: who has a frame and its table has loaded them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_names", "check_same"]

_LABELS = "make them texts, by value.columns = value.columns.map(str)"
_RESET = "keep it as a column, by value.reset_index()"


def check_names(frame: pd.DataFrame) -> None:
    """Return if a frame's columns have labels of one type, and its axes have names that come back.

    Asked before a table is made: Arrow makes texts of others, with no more than a warning.

    Raises:
        TypeError: Naming what is wrong, and how to mend it.
    """
    kinds = {type(label).__name__ for label in frame.columns}
    if len(kinds) > 1 or "NoneType" in kinds:
        raise TypeError(f"labels of {', '.join(sorted(kinds))} as those of its columns do not come back; {_LABELS}")
    for axis, names, taken in (("index", frame.index.names, str), ("columns", frame.columns.names, str | int)):
        for name in names:
            if name is not None and not isinstance(name, taken):
                advice = f"give a text, by value.rename_axis({axis}=...)"
                raise TypeError(f"the name {name!r} of its {axis} would come back as {str(name)!r}; {advice}")


def check_same(frame: pd.DataFrame, back: pd.DataFrame, table: Any) -> None:
    """Return if a frame comes back with its rows, labels, types and index.

    Args:
        frame: The frame.
        back: What has come back of its first row, or of none where it has none.
        table: The frame's Arrow table, in which Python objects are looked up.

    Raises:
        TypeError, ValueError: Naming what would not, and how to mend it.
    """
    if len(back) != min(1, len(frame)):
        raise ValueError(f"its {len(frame)} rows have neither columns nor an index, and would be lost; add a column")
    _check_labels(frame.columns, back.columns)
    for place, column in enumerate(frame.columns):
        what = f"value[{column!r}]: a column"
        _check_values(frame.iloc[:, place], back.iloc[:, place], table.column(place), what)
    _check_index(frame.index, back.index, table)
    for axis in ("columns", "index"):
        one, other = (getattr(getattr(each, axis), "freq", None) for each in (frame, back))
        if one != other:
            raise ValueError(f"the frequency {one} of its {axis} would be lost; write value.{axis}.freq = None")
    if frame.attrs != back.attrs:
        raise ValueError(f"its attrs would come back as {back.attrs}; keep in them what JSON has, or nothing")


def _check_labels(columns: pd.Index[Any], back: pd.Index[Any]) -> None:
    for label, other in zip(columns, back, strict=True):
        if _typed(label) != _typed(other):
            raise TypeError(f"the label {label!r} of its columns would come back as {other!r}; {_LABELS}")
    for one, other in zip(_levels(columns), _levels(back), strict=True):
        if not _is_same(one, other):
            raise TypeError(f"its columns' labels of {_said(one)} would come back as {_said(other)}; {_LABELS}")


def _check_index(index: pd.Index[Any], back: pd.Index[Any], table: Any) -> None:
    import pandas as pd

    if isinstance(index, pd.RangeIndex):  # it is in the metadata, and in no row
        return
    if list(index.names) != list(back.names) or isinstance(index, pd.MultiIndex) != isinstance(back, pd.MultiIndex):
        shapes = [f"{type(one).__name__} with the names {list(one.names)}" for one in (index, back)]
        raise TypeError(f"its index, a {shapes[0]}, would come back as {shapes[1]}; {_RESET}")
    first = table.num_columns - index.nlevels
    for place, (one, other) in enumerate(zip(_levels(index), _levels(back), strict=True)):
        what = "its index" if one.name is None else f"its index {one.name!r}"
        _check_values(one, other, table.column(first + place), what, _RESET)


def _check_values(values: Any, back: Any, array: Any, what: str, advice: str = "") -> None:
    """A column, or a level of an index, has its type when it comes back; of Python objects, each does."""
    if values.dtype == object:  # no dtype of pandas' own
        _check_objects(values, array, what)
    elif not _is_same(values, back):
        advice = advice or f"convert it before, as by .astype({str(back.dtype)!r})"
        raise TypeError(f"{what} of {_said(values)} would come back as {_said(back)}; {advice}")


def _check_objects(objects: Any, array: Any, what: str) -> None:
    from pyarrow import types

    tp = array.type
    if types.is_string(tp) or types.is_large_string(tp):
        return
    kept = [types.is_null, types.is_binary, types.is_large_binary, types.is_decimal, types.is_date, types.is_time]
    if not any(is_kept(tp) for is_kept in kept) and not (types.is_boolean(tp) and array.null_count):
        advice = "convert it with .infer_objects(), or use HDF5File or JSONFile for what is no table"
        raise TypeError(f"{what} of Python objects would come back as {tp}; {advice}")
    for row, (one, other) in enumerate(zip(objects, array.to_pandas(), strict=True)):
        if _typed(one) != _typed(other):
            advice = "write objects of one type, and None for what is missing"
            raise TypeError(f"{what} of Python objects has {one!r} in row {row}, which is {other!r} then; {advice}")


def _is_same(values: Any, back: Any) -> bool:
    """Whether two columns or indexes have one dtype, with its categories in order. Texts may have pandas' type then."""
    import pandas as pd

    one, other = values.dtype, back.dtype
    if isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
        before, after = one.categories, other.categories
        return one.ordered == other.ordered and list(before) == list(after) and _is_same(before, after)
    return bool(one == other) or (one.kind == "O" and all(isinstance(item, str) for item in values))


def _levels(index: pd.Index[Any]) -> list[Any]:
    return [index.get_level_values(place) for place in range(index.nlevels)]


def _typed(value: Any) -> Any:
    """The value with its type, by which it is told from others: ``True`` equals 1."""
    return tuple(map(_typed, value)) if type(value) is tuple else (type(value), value)


def _said(values: Any) -> str:
    categories = getattr(values.dtype, "categories", None)
    return str(values.dtype) if categories is None else f"{len(categories)} categories of {categories.dtype}"
