"""The picture of a flow: as text, as a file, and in a notebook."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs

from lume_dsl.errors import FileError, did_you_mean
from lume_dsl.files.atomic import write_whole
from lume_dsl.report.dot import dot_of
from lume_dsl.report.drawing import Drawing, drawing_of
from lume_dsl.report.mermaid import mermaid_of
from lume_dsl.report.render import can_render, render

if TYPE_CHECKING:
    from lume_dsl.declare.flow import FlowMeta

__all__ = ["Picture", "check_filename", "svg_of", "visualize"]

SOON = 10.0
"""How many seconds a notebook waits for the picture of a class."""


@attrs.frozen(repr=False)
class Picture:
    """The picture of a flow. A notebook shows it; elsewhere, ``save`` it.

    Without the extra ``graph``, a notebook is given the Mermaid text, which JupyterLab draws from version 4.1 on.
    """

    drawing: Drawing

    @property
    def dot(self) -> str:
        """The text that Graphviz reads."""
        return dot_of(self.drawing)

    @property
    def mermaid(self) -> str:
        """The text that GitHub and GitLab draw, in a block of Markdown that begins with `` ```mermaid``."""
        return mermaid_of(self.drawing)

    @property
    def svg(self) -> str:
        """The picture as SVG.

        Raises:
            FileError: The extra ``graph`` is not installed, or Graphviz cannot draw it.
        """
        return render(self.dot, "svg").decode()

    def save(self, filename: str | os.PathLike[str], /) -> None:
        """The picture is in the file, which is replaced where it is there. Its ending says what it becomes.

        ``.svg`` and ``.png`` need the extra ``graph``; ``.dot`` and ``.mmd`` (Mermaid) do not.

        Raises:
            FileError: The ending is another one, the file cannot be written, or the picture not be drawn.
        """
        content = _CONTENTS[check_filename(filename)](self)

        def fill(stream: BinaryIO) -> None:
            stream.write(content)

        write_whole(os.fspath(filename), fill, overwrite=True)

    def __repr__(self) -> str:
        boxes = sum(1 for _ in self.drawing.flow.all_boxes)
        return f"<picture of {self.drawing.flow.title}: {boxes:,} boxes, {len(self.drawing.arrows):,} arrows>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.svg, "text/plain": repr(self)}
        except FileError as error:
            return {"text/vnd.mermaid": self.mermaid, "text/plain": f"{self!r}\n{error}"}


_CONTENTS: Mapping[str, Callable[[Picture], bytes]] = {
    ".svg": lambda picture: render(picture.dot, "svg"),
    ".png": lambda picture: render(picture.dot, "png"),
    ".dot": lambda picture: picture.dot.encode(),
    ".mmd": lambda picture: picture.mermaid.encode(),
}


def check_filename(filename: str | os.PathLike[str]) -> str:
    """Return the ending of a picture's filename, in lower case.

    Raises:
        FileError: It is none of those that there are.
    """
    ending = PurePath(filename).suffix.lower()
    if ending in _CONTENTS:
        return ending
    wrong = f"{os.fspath(filename)}: a picture's name ends in {', '.join(_CONTENTS)}, got {ending or 'no ending'}"
    raise FileError(wrong + did_you_mean(ending, _CONTENTS))


def visualize(flow_class: FlowMeta, /, filename: str | os.PathLike[str] | None = None) -> Picture:
    """Return the picture of a flow, and save it if a filename is given. Nothing of the flow runs.

    As ``flow_class.visualize(filename)``, for flows that have a parameter called ``visualize``.

    Raises:
        FileError: As ``Picture.save`` does.
    """
    picture = Picture(drawing_of(flow_class.__lume_name__, flow_class.__lume_graph__))
    if filename is not None:
        picture.save(filename)
    return picture


def svg_of(flow_class: FlowMeta, /) -> str | None:
    """Return the picture that a notebook shows for a class, or None where there is none, or not soon."""
    if not flow_class.__lume_graph__.members or not can_render():
        return None
    try:
        return render(visualize(flow_class).dot, "svg", seconds=SOON).decode()
    except FileError:  # what was asked for is the class, which is shown as a text then
        return None
