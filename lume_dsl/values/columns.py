"""One column of a frame as an Arrow array, and back; it must not know of frames and indexes.

Each has a type beside it, of JSON values, that tells what pandas makes of the array: the name of a dtype
(``"float64"``, ``"Int64"``), or an object with one word and what belongs to it (``{"zone": "Europe/Berlin",
"unit": "ns"}``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.values.kinds import Unstorable, full_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "column_of", "pandas_column"]


@attrs.frozen
class Column:
    """An Arrow array, and what pandas makes of it."""

    array: Any
    type: Any


def column_of(values: pd.Series[Any] | pd.Index[Any], encode: Callable[[Any], Any]) -> Column:
    """Return the Arrow array of a series or an index without levels.

    Raises:
        Unstorable: If its dtype, or an object in it, cannot be stored.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    dtype = values.dtype
    try:
        if isinstance(dtype, np.dtype):
            return _objects(values, encode) if dtype.kind == "O" else _numpy(values.to_numpy(), dtype, encode)
        if isinstance(dtype, pd.CategoricalDtype):
            return _categories(values, dtype, encode)
        if isinstance(dtype, pd.DatetimeTZDtype):
            zone = str(dtype.tz)
            utc = pa.array(values.array.tz_convert(None).to_numpy())
            return Column(utc.cast(pa.timestamp(dtype.unit, _arrow_zone(zone))), {"zone": zone, "unit": dtype.unit})
        if isinstance(dtype, pd.PeriodDtype):
            return Column(pa.array(values.array.asi8), {"period": dtype.name.removeprefix("period[")[:-1]})
        if isinstance(dtype, pd.IntervalDtype):
            return _intervals(values, dtype, encode)
        if isinstance(dtype, pd.SparseDtype):
            dense = column_of(pd.Series(values.array.to_dense()).astype(dtype.subtype), encode)
            return Column(dense.array, {"sparse": dense.type, "fill": encode(dtype.fill_value)})
        if isinstance(dtype, pd.StringDtype):
            return Column(_single(pa.array(values.array)).cast(pa.large_string()), _string_type(dtype))
        if isinstance(dtype, pd.ArrowDtype):
            return Column(_single(values.array.__arrow_array__()), {"arrow": str(dtype.pyarrow_dtype)})
        if _is_masked(dtype):
            return Column(_zeroed(_single(pa.array(values.array))), dtype.name)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        raise Unstorable(f"a column of dtype {dtype} cannot be stored: {error}") from None
    raise _refused(dtype)


def _refused(dtype: Any) -> Unstorable:
    return Unstorable(f"a column of dtype {dtype} ({full_name(type(dtype))}) cannot be stored; write .astype(...)")


def _is_masked(dtype: Any) -> bool:
    """Whether it is one of pandas' numbers and booleans that may lack: ``Int64``, ``boolean``."""
    return type(dtype).__name__ in _MASKED and hasattr(dtype, "numpy_dtype")


_BITS = [f"{sign}Int{bits}Dtype" for sign in ("", "U") for bits in (8, 16, 32, 64)]
_MASKED = frozenset((*_BITS, "Float32Dtype", "Float64Dtype", "BooleanDtype"))


def _arrow_zone(zone: str) -> str:
    return zone.removeprefix("UTC") or zone


def _single(array: Any) -> Any:
    """One array of the chunks of one."""
    import pyarrow as pa

    if not isinstance(array, pa.ChunkedArray):
        return array
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)


def _zeroed(array: Any) -> Any:
    """The array with zeros where nothing is: what is left below a mask must not change a record's hash."""
    import pyarrow as pa

    if array.null_count == 0:
        return array
    valid = array.is_valid()
    filled = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
    return pa.Array.from_buffers(array.type, len(array), [valid.buffers()[1], filled.buffers()[1]], array.null_count)


def _numpy(data: Any, dtype: Any, encode: Callable[[Any], Any]) -> Column:
    import numpy as np
    import pyarrow as pa

    if dtype.char in "gG" and dtype.isnative:  # which Arrow does not have
        return Column(_objects(list(data), encode).array, {"extended": dtype.char})
    if dtype.char in "gG" or dtype.kind not in "biufcmM":
        raise _refused(dtype)
    name = dtype.name
    if not dtype.isnative:  # whose order of bytes Arrow does not have; its name does not tell it
        data, name = data.astype(dtype.newbyteorder("=")), dtype.str
    if dtype.kind == "c":
        parts = np.ascontiguousarray(data).view(data.real.dtype)
        return Column(pa.FixedSizeListArray.from_arrays(pa.array(parts), 2), name)
    return Column(pa.array(np.ascontiguousarray(data), from_pandas=False), name)


def _objects(values: Any, encode: Callable[[Any], Any]) -> Column:
    """Texts as they are; any other objects as the JSON text of their stored form."""
    import pyarrow as pa

    items = list(values)
    if all(type(item) is str or item is None for item in items):
        return Column(pa.array(items, pa.large_string()), {"object": "text"})
    texts = []
    try:
        for item in items:
            texts.append(json.dumps(encode(item), ensure_ascii=False, allow_nan=False))  # noqa: PERF401 - their number tells where one is refused
    except Unstorable as problem:
        problem.steps.append(f"[{len(texts)}]")
        raise
    return Column(pa.array(texts, pa.large_string()), {"object": "json"})


def _categories(values: Any, dtype: Any, encode: Callable[[Any], Any]) -> Column:
    import pyarrow as pa

    categories = column_of(dtype.categories, encode)
    codes = values.array.codes
    indices = pa.array(codes, mask=codes == -1)
    array = pa.DictionaryArray.from_arrays(_zeroed(indices), categories.array, ordered=bool(dtype.ordered))
    return Column(array, {"categories": categories.type, "ordered": bool(dtype.ordered)})


def _intervals(values: Any, dtype: Any, encode: Callable[[Any], Any]) -> Column:
    import pyarrow as pa

    left, right = (column_of(side, encode) for side in (values.array.left, values.array.right))
    array = pa.StructArray.from_arrays([left.array, right.array], ["left", "right"])
    return Column(array, {"interval": left.type, "closed": dtype.closed})


def _string_type(dtype: Any) -> dict[str, Any]:
    import pandas as pd

    return {"string": dtype.storage, "missing": "NA" if dtype.na_value is pd.NA else "nan"}


# back


def pandas_column(array: Any, tp: Any, decode: Callable[[Any], Any], *, writable: bool) -> Any:
    """Return what pandas made the Arrow array and its type of: a NumPy array or an array of pandas' own.

    It shares the Arrow array's memory where it can, unless ``writable``.

    Raises:
        ValueError: If they do not fit each other. Or whatever pandas raises.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    array = _single(array)
    if isinstance(tp, str):
        return _of_dtype(array, tp, writable=writable)
    if "object" in tp:
        _expect(array, pa.large_string())
        return _of_objects(array.to_pylist(), tp["object"], decode)
    if "categories" in tp:
        if not pa.types.is_dictionary(array.type):
            raise ValueError("a column of categories has no dictionary")
        categories = pandas_column(array.dictionary, tp["categories"], decode, writable=True)
        dtype = pd.CategoricalDtype(pd.Index(categories, dtype=categories.dtype), ordered=tp["ordered"])
        return pd.Categorical.from_codes(array.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=dtype)
    if "zone" in tp:
        _expect(array, pa.timestamp(tp["unit"], _arrow_zone(tp["zone"])))
        naive = pd.DatetimeIndex(array.cast(pa.timestamp(tp["unit"])).to_numpy(zero_copy_only=False))
        zoned: Any = naive.tz_localize("UTC").tz_convert(pd.DatetimeTZDtype(tp["unit"], tp["zone"]).tz)
        return zoned.array
    if "period" in tp:
        _expect(array, pa.int64())
        return pd.arrays.PeriodArray(array.to_numpy().copy(), dtype=pd.PeriodDtype(tp["period"]))
    if "interval" in tp:
        sides = (pandas_column(array.field(side), tp["interval"], decode, writable=True) for side in ("left", "right"))
        left, right = (pd.Index(side, dtype=side.dtype) for side in sides)
        return pd.arrays.IntervalArray.from_arrays(left, right, closed=tp["closed"])
    if "sparse" in tp:
        dense = pandas_column(array, tp["sparse"], decode, writable=False)
        return pd.arrays.SparseArray(dense, dtype=pd.SparseDtype(dense.dtype, decode(tp["fill"])))
    if "extended" in tp:
        if tp["extended"] not in ("g", "G"):
            raise ValueError(f"a column has the unknown dtype {tp['extended']!r}")
        _expect(array, pa.large_string())
        return np.array(_of_objects(array.to_pylist(), "json", decode), tp["extended"])
    if "string" in tp:
        _expect(array, pa.large_string())
        return _string_dtype(tp).__from_arrow__(array)
    if str(array.type) != tp["arrow"]:
        raise ValueError(f"a column has the Arrow type {array.type}, expected {tp['arrow']}")
    arrow: Any = pd.ArrowDtype(array.type)
    return arrow.__from_arrow__(array)


def _expect(array: Any, arrow_type: Any) -> None:
    """Nothing is made of another type than was written: a few bytes may stand for a very long array of some."""
    if array.type != arrow_type:
        raise ValueError(f"a column has the Arrow type {array.type}, expected {arrow_type}")


def _of_dtype(array: Any, name: str, *, writable: bool) -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    dtype: Any = pd.api.types.pandas_dtype(name)
    if not isinstance(dtype, np.dtype):
        if not _is_masked(dtype):
            raise ValueError(f"a column has the unknown dtype {name!r}")
        _expect(array, pa.from_numpy_dtype(dtype.numpy_dtype))
        return dtype.__from_arrow__(array)
    native = dtype.newbyteorder("=")
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        _expect(array, pa.list_(pa.field("item", pa.from_numpy_dtype(part)), 2))
        data = array.flatten().to_numpy(zero_copy_only=False).view(native)
    elif dtype.kind in "biufmM":
        _expect(array, pa.from_numpy_dtype(native))
        data = array.to_numpy(zero_copy_only=False)
    else:
        raise ValueError(f"a column has the unknown dtype {name!r}")
    if data.dtype != native:
        raise ValueError(f"a column of {name} has values that are missing")
    if native != dtype:
        return data.astype(dtype)
    return data.copy() if writable and not data.flags.writeable else data


def _of_objects(texts: list[str | None], form: str, decode: Callable[[Any], Any]) -> Any:
    import numpy as np

    data = np.empty(len(texts), object)
    for at, text in enumerate(texts):
        data[at] = text if form == "text" else decode(json.loads(text or ""))
    return data


def _string_dtype(tp: dict[str, Any]) -> Any:
    import numpy as np
    import pandas as pd

    if tp["missing"] == "NA":
        return pd.StringDtype(tp["string"])
    return pd.StringDtype(tp["string"], na_value=np.nan)
