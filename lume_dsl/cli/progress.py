"""How far a run has come, on a terminal; and its log lines, above it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from lume_dsl.cli.logs import log_to_stderr
from lume_dsl.declare.flow import FlowMeta

__all__ = ["progress_of"]


def _nothing(*_: Any) -> None:
    """What a watch tells in the process of a worker, which has no terminal."""


@attrs.define(eq=False)
class _Watch:
    """A task runner state handler that tells the name of each task run, mapped ones each, and its new state."""

    tell: Callable[[str, Any], None]

    def __call__(self, _runner: Any, _old: Any, new: Any) -> Any:
        import prefect  # loaded by now

        self.tell(prefect.context.get("task_full_name", ""), new)
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        return _Watch, (_nothing,)


@attrs.define(eq=False)
class _Count:
    """How many task runs there are, as far as is known, and which of them have finished."""

    expected: set[str]
    finished: set[str] = attrs.field(factory=set)

    def note(self, name: str, state: Any) -> None:
        self.expected.add(name)  # mapped runs are known only when they come
        if state.is_finished():
            self.finished.add(name)


@contextmanager
def progress_of(flow: FlowMeta, *, verbose: bool) -> Iterator[list[Any]]:
    """Within it, a terminal shows how far the run has come; gives the state handlers that move it on."""
    if sys.stderr is None or not sys.stderr.isatty():
        with log_to_stderr(verbose=verbose):
            yield []
        return
    from rich.console import Console  # only a terminal needs rich here
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True)
    count = _Count({member.task_name for member in flow.__lume_graph__.members.values()})
    bar = progress.add_task(flow.__name__, total=len(count.expected))

    def tell(name: str, state: Any) -> None:
        count.note(name, state)
        progress.update(bar, description=name, total=len(count.expected), completed=len(count.finished))

    with log_to_stderr(verbose=verbose, console=console), progress:
        yield [_Watch(tell)]
