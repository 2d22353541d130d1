"""A drawing as Mermaid, the text that GitHub, GitLab and notebooks draw. It knows nothing of flows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from lume_dsl.report.drawing import ArrowKind, Box, BoxKind, Cluster, Drawing

__all__ = ["mermaid_of"]

_SHAPES: Mapping[BoxKind, tuple[str, str]] = {
    "parameter": ("([", "])"),
    "task": ("[", "]"),
    "step": ("[[", "]]"),
    "operation": ("(", ")"),
    "case": ("{{", "}}"),
    "merge": ("{{", "}}"),
    "value": ("([", "])"),
    "file": (">", "]"),
    "record": ("[(", ")]"),
    "configure": ("[", "]"),
}

_STYLES: Mapping[BoxKind, str] = {
    "parameter": "fill:#e3f2fd,stroke:#1976d2,color:#000",
    "task": "fill:#ffffff,stroke:#37474f,color:#000",
    "step": "fill:#f3e5f5,stroke:#7b1fa2,color:#000",
    "operation": "fill:#eceff1,stroke:#eceff1,color:#000",
    "case": "fill:#fff3e0,stroke:#ef6c00,color:#000",
    "merge": "fill:#fff3e0,stroke:#ef6c00,color:#000",
    "value": "fill:#e8f5e9,stroke:#2e7d32,color:#000",
    "file": "fill:#e8f5e9,stroke:#2e7d32,color:#000",
    "record": "fill:#e8f5e9,stroke:#2e7d32,color:#000",
    "configure": "fill:#ffffff,stroke:#90a4ae,color:#607d8b,stroke-dasharray:4",
}

_SUBFLOW = "fill:#f7f9fa,stroke:#90a4ae,color:#000"

_ARROWS: Mapping[ArrowKind, str] = {"value": "-->", "each": "==>|each|", "order": "-.->", "configure": "-.->"}


def mermaid_of(drawing: Drawing) -> str:
    """Return the drawing as a Mermaid flowchart. Its boxes are numbered: a name may be a word of Mermaid's."""
    boxes = list(drawing.flow.all_boxes)
    numbers = {box.key: f"b{number}" for number, box in enumerate(boxes)}
    lines = ["---", f"title: {_in_yaml(drawing.flow.title)}", "---", "flowchart LR"]
    clusters = count()
    lines += _content(drawing.flow, "  ", numbers, clusters)
    lines += [f"  {numbers[arrow.source]} {_ARROWS[arrow.kind]} {numbers[arrow.target]}" for arrow in drawing.arrows]
    subflows = [f"s{number}" for number in range(next(clusters))]
    return "\n".join([*lines, *_styles(boxes, numbers, subflows), ""])


def _content(cluster: Cluster, indent: str, numbers: Mapping[str, str], clusters: Iterator[int]) -> Iterator[str]:
    for box in cluster.boxes:
        start, end = _SHAPES[box.kind]
        yield f'{indent}{numbers[box.key]}{start}"{_label(box)}"{end}'
    for inner in cluster.clusters:
        yield f'{indent}subgraph s{next(clusters)}["{_text(inner.title)}"]'
        yield from _content(inner, f"{indent}  ", numbers, clusters)
        yield f"{indent}end"


def _label(box: Box) -> str:
    return f"{_text(box.title)}<br/>{_text(box.detail)}" if box.detail else _text(box.title)


def _styles(boxes: Iterable[Box], numbers: Mapping[str, str], subflows: list[str]) -> Iterator[str]:
    kinds: dict[BoxKind, list[str]] = {}
    for box in boxes:
        kinds.setdefault(box.kind, []).append(numbers[box.key])
    for kind, members in kinds.items():
        yield from _style(kind, members, _STYLES[kind])
    if subflows:
        yield from _style("subflow", subflows, _SUBFLOW)


def _style(name: str, members: list[str], look: str) -> Iterator[str]:
    yield f"  classDef {name} {look}"
    yield f"  class {','.join(members)} {name}"


_MARKS = re.compile(r"[$\\ﬂ¶](?=[$n°ß])|:(?=fa-)|&(?=[\w#])")
"""What Mermaid looks for in texts that it has decoded: formulas, line ends, marks of its own, icons and entities."""


def _text(text: str) -> str:
    """Text of a label: what could have a meaning, to Mermaid, in Markdown or HTML, is the number of its character."""
    text = _MARKS.sub("\\g<0>\u200b", text)  # a space without width
    return "".join(char if char.isalnum() or char in " ._,'" else f"#{ord(char)};" for char in text) or "#160;"


_IN_TITLES = str.maketrans("<>&", "＜＞＆")  # noqa: RUF001 - look-alikes: of HTML, Mermaid keeps tags alone


def _in_yaml(text: str) -> str:
    """A text of the front matter, which is YAML, and in which Mermaid looks for its own marks before that."""
    return '"' + "".join(map(_yaml_character, text.translate(_IN_TITLES))) + '"'


def _yaml_character(char: str) -> str:
    return char if char.isalnum() or char == " " else f"\\U{ord(char):08x}"
