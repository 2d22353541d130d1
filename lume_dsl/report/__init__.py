"""What people look at: pictures of flows."""

from __future__ import annotations

from lume_dsl.report.picture import Picture, svg_of, visualize

__all__ = ["Picture", "svg_of", "visualize"]
