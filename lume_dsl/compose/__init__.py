"""Flows of flows from YAML, in the format of LUME-services, and flows written by hand as parts of others."""

from __future__ import annotations

from lume_dsl.compose.composition import compose

__all__ = ["compose"]
