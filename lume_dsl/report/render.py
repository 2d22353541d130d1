"""DOT as SVG and PNG, by Graphviz. It knows nothing of flows.

Graphviz is a library in C, which the wheels of pygraphviz bring along. It runs in a process of its own: what a
picture does to it, a crash or a layout without end, is an error there, and not the end of the user's session.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Literal, TypeAlias

from lume_dsl.errors import FileError
from lume_dsl.files.file import missing_library

__all__ = ["SECONDS", "Rendered", "can_render", "render"]

Rendered: TypeAlias = Literal["svg", "png"]

SECONDS = 60.0
"""How long a layout may take."""

_ELSEWHERE = "save it as .dot or .mmd, for another program to draw"

_DRAW = """
import sys
format, *sys.path[:] = sys.argv[1:]
from pygraphviz import AGraph
graph = AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=format, prog="dot", args="-Gdpi=144" if format == "png" else ""))
"""


def can_render() -> bool:
    """Whether pygraphviz is there."""
    return find_spec("pygraphviz") is not None


def render(dot: str, form: Rendered, *, seconds: float = SECONDS) -> bytes:
    """Return the picture of a graph.

    Raises:
        FileError: pygraphviz is not installed, or Graphviz fails, crashes, or takes longer than ``seconds``.
    """
    if not can_render():
        raise missing_library("pygraphviz", extra="graph")
    # Isolated, so that no module of the folder it starts in takes another's place; then with the modules that we have.
    command = [sys.executable, "-I", "-c", _DRAW, form, *sys.path]
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        message = f"the picture is too large: Graphviz did not draw it in {seconds:g} s; {_ELSEWHERE}"
        raise FileError(message) from error
    if done.returncode or not done.stdout:
        raise FileError(f"the picture cannot be drawn: {_failure(done)}; {_ELSEWHERE}")
    return done.stdout


def _failure(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"Graphviz crashed (signal {-done.returncode})"
    told = done.stderr.decode(errors="replace").strip().splitlines()
    return told[-1] if told else f"Graphviz ended with code {done.returncode}"
