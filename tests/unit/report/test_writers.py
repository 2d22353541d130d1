"""Graphviz and Mermaid read what is written of any drawing as what the drawing says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import mermaidx
import pygraphviz
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lume_dsl.declare.graph import Edge, Graph, Member, Parameter, TaskRun
from lume_dsl.errors import Place
from lume_dsl.report.dot import dot_of
from lume_dsl.report.drawing import Arrow, Box, Cluster, Drawing, drawing_of
from lume_dsl.report.mermaid import mermaid_of

AWKWARD = (
    "", " ", '"', "'", '\\"', "\\", "a\\", "\\N", "\\n", "\\l", "<b>x</b>", "<", "<>", ">", "&", "&amp;", "&lt",
    "#", "#35;", "#quot;", "{}|<p0>", "{a|b}", "a:b", "a;b", "a -> b", "]", "[]", "([x])", "end", "subgraph", "graph",
    "class", "click", "style", "%%", "%%{init: {}}%%", "---", "- a", "1. a", "**a**", "`a`", "$$x$$", "fa:fa-car",
    "javascript:x", "a\nb", "a\r\nb", "\0", "\x1b[31m", "\u202e", "\ud800", "\u2028", "é", "束流", "😀", "ﬂ°°35¶ß",
    "x" * 100, "None", "-->", "A & B", "//", "/* a */",
    "<br/>", "<br>", "$$$$", "\\\\n", "[a](b)", "__a__", "*a*", "~~a~~", "||", "https://a.bc", "@{shape: x}", ":::a",
    "ß¶ßﬂ°ﬂ°°", "fas:fa-x", "\t", "a  b", "\u200b", "&#92;", "&nbsp;", "<script>x</script>", "<!-- a -->", "]]>",
)  # fmt: skip
"""Texts that mean something to a writer, or to what reads it."""


def words(text: str) -> str:
    """A text as a reader compares it: where lines break is the renderer's, and where they may, the writer's."""
    return "".join(text.replace("\u200b", "").split())


def _graph(texts: list[str]) -> Graph:
    """Members of these names, types and subflows: a parameter, and tasks after one another."""
    members: dict[str, Member] = {}
    previous = None
    for place, text in enumerate(dict.fromkeys(texts)):
        work = TaskRun(len, {}) if previous else Parameter(help=text)
        inputs = {"a": Edge(previous)} if previous else {}
        subflow = text.replace(".", "") if place % 3 == 2 else ""
        name = f"{subflow}.{text}" if subflow else text or "empty"
        members[name] = Member(name, work, text, inputs, Place("f.py", 1), subflow=subflow)
        previous = name
    return Graph(members)


def awkward_drawing() -> Drawing:
    return drawing_of('a "flow" of <b>all</b> & %%{init}%% # \\N', _graph(list(AWKWARD)))


def drawings() -> st.SearchStrategy[Drawing]:
    parts = st.lists(st.sampled_from(AWKWARD), max_size=4).map("".join)
    texts = st.one_of(parts, st.text(max_size=12))
    return st.builds(lambda name, graph: drawing_of(name, graph), texts, st.builds(_graph, st.lists(texts, min_size=1)))


SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"


def shown(box: Box) -> str:
    return words(box.title + box.detail)


def all_clusters(cluster: Cluster) -> list[Cluster]:
    return [cluster, *(one for inner in cluster.clusters for one in all_clusters(inner))]


# DOT


def drawn(drawing: Drawing) -> ET.Element:
    """The picture that Graphviz draws."""
    return ET.fromstring(pygraphviz.AGraph(string=dot_of(drawing)).draw(format="svg", prog="dot"))


def groups(picture: ET.Element, kind: str) -> list[ET.Element]:
    return [group for group in picture.iter(f"{SVG}g") if group.get("class") == kind]


def texts(group: ET.Element) -> str:
    return words("".join(text.text or "" for text in group.iter(f"{SVG}text")))


def hints(picture: ET.Element, kind: str) -> list[str]:
    """What a browser shows under the pointer, of each box or arrow."""
    found = [next(group.iter(f"{SVG}a")).get(f"{XLINK}title") for group in groups(picture, kind)]
    return sorted(words(hint or "") for hint in found)


@given(drawings())
@example(awkward_drawing())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_graphviz_draws_all_texts_as_they_are(drawing: Drawing) -> None:
    picture = drawn(drawing)
    boxes = list(drawing.flow.all_boxes)
    assert sorted(map(texts, groups(picture, "node"))) == sorted(map(shown, boxes))
    assert hints(picture, "node") == sorted(words(box.hint) for box in boxes)
    titles = {box.key: box.title for box in boxes}
    ends = [words(f"{titles[arrow.source]}→{titles[arrow.target]}") for arrow in drawing.arrows]
    assert hints(picture, "edge") == sorted(ends)
    titles = [words(one.title) for one in all_clusters(drawing.flow)[1:]]
    assert sorted(map(texts, groups(picture, "cluster"))) == sorted(titles)
    assert words(drawing.flow.title) in texts(picture)


@given(drawings())
@example(awkward_drawing())
@settings(max_examples=200, deadline=None)
def test_graphviz_reads_each_box_and_arrow_once(drawing: Drawing) -> None:
    graph = pygraphviz.AGraph(string=dot_of(drawing))
    boxes = list(drawing.flow.all_boxes)
    assert len(graph.nodes()) == len(boxes)
    assert len(graph.edges()) == len({(arrow.source, arrow.target) for arrow in drawing.arrows})
    assert len(graph.subgraphs()) == len(drawing.flow.clusters)


def test_clusters_stand_in_clusters() -> None:
    deep = Cluster("deep", (Box("c", "task", "c"),))
    drawing = Drawing(Cluster("f", (Box("a", "task", "a"),), (Cluster("inner", (Box("b", "task", "b"),), (deep,)),)))
    graph = pygraphviz.AGraph(string=dot_of(drawing))  # kept: its subgraphs do not outlive it
    (inner,) = graph.subgraphs()
    assert inner.nodes() == ["b1", "b2"]
    assert [one.nodes() for one in inner.subgraphs()] == [["b2"]]


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("value", {}),
        ("each", {"label": "each", "penwidth": "2"}),
        ("order", {"style": "dashed"}),
        ("configure", {"style": "dashed"}),
    ],
)
def test_arrows_differ_by_what_they_stand_for(kind: str, attributes: dict[str, str]) -> None:
    boxes = (Box("a", "task", "a"), Box("b", "task", "b"))
    graph = pygraphviz.AGraph(string=dot_of(Drawing(Cluster("f", boxes), (Arrow("a", "b", kind),))))  # type: ignore[arg-type]
    found = graph.get_edge("b0", "b1").attr
    assert {name: found[name] for name in ("label", "penwidth", "style") if found[name]} == attributes


def test_what_runs_for_each_item_has_two_lines_around_it() -> None:
    boxes = (Box("a", "task", "a"), Box("b", "task", "b", repeated=True))
    graph = pygraphviz.AGraph(string=dot_of(Drawing(Cluster("f", boxes))))
    assert [graph.get_node(name).attr["peripheries"] for name in ("b0", "b1")] == ["", "2"]


# Mermaid


def read_mermaid(drawing: Drawing) -> ET.Element:
    """The picture that Mermaid itself draws; it raises where it does not understand the text."""
    return ET.fromstring(mermaidx.render(mermaid_of(drawing)).svg())


def of_class(picture: ET.Element, name: str) -> list[str]:
    found = [one for one in picture.iter() if name in (one.get("class") or "").split()]
    return [words("".join(one.itertext())) for one in found]


@given(drawings())
@example(awkward_drawing())
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mermaid_draws_all_texts_as_they_are(drawing: Drawing) -> None:
    picture = read_mermaid(drawing)
    assert sorted(of_class(picture, "node")) == sorted(map(shown, drawing.flow.all_boxes))
    titles = [words(one.title) for one in all_clusters(drawing.flow)[1:]]
    assert sorted(of_class(picture, "cluster-label")) == sorted(titles)
    assert len(of_class(picture, "flowchart-link")) == len(drawing.arrows)


def test_a_title_of_mermaid_has_look_alikes_of_what_html_uses() -> None:
    title = 'a "b" <i> & %%{init: {"theme": "dark"}}%% # --- é'
    picture = read_mermaid(Drawing(Cluster(title, (Box("a", "task", "a"),))))
    wanted = title.replace("<", "＜").replace(">", "＞").replace("&", "＆")  # noqa: RUF001
    assert of_class(picture, "flowchartTitleText") == [words(wanted)]


def test_mermaid_marks_items_and_order() -> None:
    boxes = tuple(Box(name, "task", name) for name in "abcd")
    arrows = (Arrow("a", "b"), Arrow("b", "c", "each"), Arrow("c", "d", "order"), Arrow("a", "d", "configure"))
    drawing = Drawing(Cluster("f", boxes), arrows)
    links = [line.strip() for line in mermaid_of(drawing).splitlines() if ">" in line and "[" not in line]
    assert links == ["b0 --> b1", "b1 ==>|each| b2", "b2 -.-> b3", "b0 -.-> b3"]
    assert set(of_class(read_mermaid(drawing), "edgeLabel")) - {""} == {"each"}


def test_subflows_have_a_style_in_mermaid() -> None:
    deep = Cluster("deep", (Box("b", "task", "b"),))
    text = mermaid_of(Drawing(Cluster("f", (Box("a", "task", "a"),), (Cluster("inner", (), (deep,)),))))
    assert "  class s0,s1 subflow\n" in text
    assert [line.strip() for line in text.splitlines() if "subgraph" in line] == [
        'subgraph s0["inner"]',
        'subgraph s1["deep"]',
    ]


def test_every_kind_of_box_has_a_shape_and_a_style_in_both() -> None:
    kinds = ["parameter", "task", "step", "operation", "case", "merge", "value", "file", "record", "configure"]
    drawing = Drawing(Cluster("f", tuple(Box(kind, kind, kind) for kind in kinds)))  # type: ignore[arg-type]
    assert sorted(of_class(read_mermaid(drawing), "node")) == sorted(kinds)
    assert re.findall(r"classDef (\w+)", mermaid_of(drawing)) == kinds
    graph = pygraphviz.AGraph(string=dot_of(drawing))
    looks = {tuple(node.attr[name] for name in ("shape", "color", "style")) for node in graph.nodes()}
    assert len(looks) == len(kinds) - 1  # a case and a merge look alike
