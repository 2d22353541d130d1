"""Lines of source by where the code that runs is. It knows nothing of flows."""

from __future__ import annotations

from bisect import bisect_right
from types import CodeType, FrameType

from lume_dsl.errors import Place

__all__ = ["Lines"]


class Lines:
    """The lines of one code object by the offsets of its instructions.

    ``frame.f_lineno`` looks for a line from the start of the code, so that long bodies would take quadratic time.
    """

    def __init__(self, code: CodeType) -> None:
        self.code = code
        ranges = list(code.co_lines())
        self._starts = [start for start, _, _ in ranges]
        self._lines = [line for _, _, line in ranges]
        self._places: dict[int, Place] = {}

    def place(self, frame: FrameType) -> Place:
        """The line that a frame of this code is at."""
        line = self._lines[bisect_right(self._starts, frame.f_lasti) - 1] or frame.f_lineno
        if line not in self._places:  # one for all that a loop makes
            self._places[line] = Place(self.code.co_filename, line)
        return self._places[line]
