"""A drawing as DOT, the text that Graphviz reads. It knows nothing of flows."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from itertools import count

from lume_dsl.report.drawing import ArrowKind, Box, BoxKind, Cluster, Drawing

__all__ = ["dot_of"]

_FONT = 'fontname="Helvetica,Arial,sans-serif"'
_GRAPH = f"rankdir=LR; bgcolor=white; labelloc=t; ranksep=0.45; nodesep=0.14; {_FONT}"
_NODE = f'shape=box; style=filled; {_FONT}; fontsize=12; margin="0.12,0.05"; height=0.3'
_EDGE = f'{_FONT}; fontsize=10; arrowsize=0.7; color="#37474f"'
_CLUSTER = 'style="rounded,filled"; fillcolor="#f7f9fa"; color="#90a4ae"; margin=12'

_BOXES: Mapping[BoxKind, str] = {
    "parameter": 'style="rounded,filled"; fillcolor="#e3f2fd"; color="#1976d2"',
    "task": 'fillcolor="#ffffff"; color="#37474f"',
    "step": 'fillcolor="#f3e5f5"; color="#7b1fa2"',
    "operation": 'fillcolor="#eceff1"; color="#eceff1"; fontsize=10; margin="0.06,0.02"; height=0.2',
    "case": 'shape=hexagon; fillcolor="#fff3e0"; color="#ef6c00"; margin="0.02,0.02"',
    "merge": 'shape=hexagon; fillcolor="#fff3e0"; color="#ef6c00"; margin="0.02,0.02"',
    "value": 'style="rounded,filled"; fillcolor="#e8f5e9"; color="#2e7d32"; penwidth=1.5',
    "file": 'shape=note; fillcolor="#e8f5e9"; color="#2e7d32"; penwidth=1.5',
    "record": 'shape=cylinder; fillcolor="#e8f5e9"; color="#2e7d32"; penwidth=1.5; margin="0.12,0.1"',
    "configure": 'style=dashed; color="#90a4ae"; fontcolor="#607d8b"; fontsize=10',
}

_ARROWS: Mapping[ArrowKind, str] = {
    "value": "",
    "each": "; label=each; penwidth=2",
    "order": "; style=dashed",
    "configure": '; style=dashed; color="#b0bec5"; arrowsize=0.5; weight=0',
}


def dot_of(drawing: Drawing) -> str:
    """Return the drawing as DOT. Its boxes are numbered: some names, as those that begin with %, are Graphviz's own."""
    boxes = list(drawing.flow.all_boxes)
    numbers = {box.key: f"b{number}" for number, box in enumerate(boxes)}
    titles = {box.key: box.title for box in boxes}
    lines = ["digraph {", f"  graph [{_GRAPH}]", f"  node [{_NODE}]", f"  edge [{_EDGE}]"]
    lines += _content(drawing.flow, "  ", numbers, count())
    for arrow in drawing.arrows:
        hint = _hint(f"{titles[arrow.source]} → {titles[arrow.target]}")
        lines.append(f"  {numbers[arrow.source]} -> {numbers[arrow.target]} [{hint}{_ARROWS[arrow.kind]}]")
    return "\n".join([*lines, "}", ""])


def _content(cluster: Cluster, indent: str, numbers: Mapping[str, str], clusters: Iterator[int]) -> Iterator[str]:
    yield f"{indent}label=<<b>{_text(cluster.title)}</b>>; {_hint(cluster.title)}"
    for box in cluster.boxes:
        yield f"{indent}{numbers[box.key]} [{_box(box)}]"
    for inner in cluster.clusters:
        yield f"{indent}subgraph cluster_{next(clusters)} {{"  # Graphviz frames what has such a name
        yield f"{indent}  {_CLUSTER}"
        yield from _content(inner, f"{indent}  ", numbers, clusters)
        yield f"{indent}}}"


def _box(box: Box) -> str:
    detail = f'<br/><font point-size="10" color="#546e7a">{_text(box.detail)}</font>' if box.detail else ""
    has_name = bool(box.detail) or box.kind not in ("operation", "case")
    title = f"<b>{_text(box.title)}</b>" if has_name else _text(box.title)
    twice = "; peripheries=2" if box.repeated else ""
    return f"label=<{title}{detail}>; {_hint(box.hint)}; {_BOXES[box.kind]}{twice}"


def _hint(text: str) -> str:
    """What a browser shows under the pointer. Graphviz looks twice for what follows a backslash: here, a space."""
    hidden = _escaped(text.replace("\\", "\\\u200b"))
    return f'tooltip="{hidden}"'


def _text(text: str) -> str:
    """Text of an HTML-like label. One of spaces alone is a syntax error there."""
    return _escaped(text) if text.strip() else "&#160;"


def _escaped(text: str) -> str:
    """Text in which Graphviz looks for entities, and for what follows a backslash."""
    return html.escape(text).replace("\\", "\\\\")
