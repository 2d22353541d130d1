"""Flow classes as the Prefect scripts that a person would write by hand."""

from __future__ import annotations

from lume_dsl.export.script import to_prefect

__all__ = ["to_prefect"]
