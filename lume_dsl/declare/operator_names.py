"""The operators that a reference has: Python's, by the names of their methods, and NumPy's names for them."""

from __future__ import annotations

__all__ = ["BINARY", "COMPARE", "LABELS", "UFUNCS", "UNARY"]

BINARY = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "truediv": "Div",
    "floordiv": "FloorDiv",
    "mod": "Mod",
    "pow": "Pow",
    "matmul": "MatMul",
    "and": "And",
    "or": "Or",
    "xor": "Xor",
    "lshift": "LShift",
    "rshift": "RShift",
}
"""Operators of two values, that may stand on either side, and what their results are called."""

COMPARE = {
    "lt": "LessThan",
    "le": "LessThanOrEqual",
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
}
"""Comparisons."""

LABELS = {**BINARY, **COMPARE}
"""What the results of operators of two values are called."""

UNARY = {"neg": "Neg", "pos": "Pos", "abs": "Abs", "invert": "Invert"}
"""Operators of one value."""

UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "true_divide": "truediv",
    "floor_divide": "floordiv", "remainder": "mod", "power": "pow", "matmul": "matmul",
    "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "left_shift": "lshift", "right_shift": "rshift",
    "less": "lt", "less_equal": "le", "equal": "eq", "not_equal": "ne", "greater": "gt", "greater_equal": "ge",
}  # fmt: skip
"""The operators by NumPy's names for them."""
