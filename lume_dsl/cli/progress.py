"""What is seen while a flow runs: progress on a terminal, and log lines, all on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.cli.workers import workers_log
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.values.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["log_to_stderr", "progress_of", "set_handler"]

PREFECT_LOGGER = "prefect"
ENGINE_LOGGERS = ("prefect.FlowRunner", "prefect.TaskRunner", "prefect.CloudFlowRunner", "prefect.CloudTaskRunner")


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


@contextmanager
def log_to_stderr(*, verbose: bool, console: Console | None = None) -> Iterator[None]:
    """Within it, log records go to stderr, above the progress bar if there is one; Prefect's own if ``verbose``.

    Prefect, which has a handler that writes to stdout made when it is imported, must be loaded.
    """
    logger = logging.getLogger(PREFECT_LOGGER)
    before = logger.handlers[:]
    set_handler(verbose=verbose, console=console)
    try:
        with workers_log(verbose=verbose):
            yield
    finally:
        logger.handlers[:] = before


def set_handler(*, verbose: bool, console: Console | None = None) -> None:
    """Log records of this process go to stderr from now on; Prefect's own if ``verbose``."""
    logger = logging.getLogger(PREFECT_LOGGER)
    handler: logging.Handler = _ConsoleHandler(console) if console else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    if not verbose:
        handler.addFilter(lambda record: record.name not in ENGINE_LOGGERS)
    others = [other for other in logger.handlers if not isinstance(other, logging.StreamHandler)]
    logger.handlers[:] = [handler, *others]


class _Formatter(logging.Formatter):
    """The task's name and its message; nothing acts on a terminal. Prefect's loggers are called ``prefect.<task>``."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(f"{record.name.removeprefix(PREFECT_LOGGER + '.')}: {super().format(record)}")


class _ConsoleHandler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        self.console.print(self.format(record), markup=False)
