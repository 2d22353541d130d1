"""Where a call stands that belongs in a flow's body: in another class, or a flow of Prefect's, which is not loaded."""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import Any

__all__ = ["flow_of_prefect", "subclassed"]


def flow_of_prefect() -> Any:
    """The ``prefect.Flow`` in whose ``with`` block this is called, if any."""
    prefect = sys.modules.get("prefect")
    return None if prefect is None else prefect.context.get("flow")


def subclassed(frame: FrameType, fix: str) -> str:
    """How to mend a call outside a flow's body, where that stands in something that looks like one."""
    if flow_of_prefect() is not None:
        return f"{fix}; a flow of Prefect's takes prefect.task, and ours are written class A(LumeFlow): ..."
    names = frame.f_locals
    is_class = not frame.f_code.co_flags & inspect.CO_OPTIMIZED and {"__module__", "__qualname__"} <= names.keys()
    return f"{fix}; for a flow, write class {names['__qualname__']}(LumeFlow): ..." if is_class else fix
