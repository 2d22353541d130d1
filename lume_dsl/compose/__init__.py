"""Flows of flows from YAML, in the format of LUME-services, and flows written by hand as parts of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lume_dsl.compose.files import compose

if TYPE_CHECKING:
    from lume_dsl.compose.by_hand import from_prefect

__all__ = ["compose", "from_prefect"]


def __getattr__(name: str) -> Any:
    if name == "from_prefect":  # Prefect, which a file of flow classes does without
        from lume_dsl.compose.by_hand import from_prefect

        return from_prefect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
