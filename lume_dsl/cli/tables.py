"""A finished run, and a flow, as tables for people and as a JSON document."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

from lume_dsl.declare.flow import FlowMeta, LumeFlow, parameters_of
from lume_dsl.declare.graph import Constant, Input, Node
from lume_dsl.declare.parameters import spec_of
from lume_dsl.errors import RecordError
from lume_dsl.files import File
from lume_dsl.records import DBResult
from lume_dsl.services import current
from lume_dsl.settings import mask_url
from lume_dsl.values.convert import unstructure
from lume_dsl.values.encoding import encode
from lume_dsl.values.names import type_name

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["results_document", "show_flow", "show_run"]


def results_document(done: LumeFlow) -> dict[str, Any]:
    """Return a run as JSON: its flow, id, state, times, parameters, and each result.

    A file or record result is the reference that ``lume_dsl.load`` takes. Another result is its value, in the
    form in which records keep it; what no record could keep is ``{"__repr__": text}``.
    """
    run = done.flow_run
    return {
        "flow": run.flow_name,
        "flow_run_id": run.id,
        "state": type(run.state).__name__,
        "start_time": run.start_time.isoformat(),
        "end_time": run.end_time.isoformat(),
        "parameters": unstructure(parameters_of(done)),
        "results": {name: _as_json(run.value(name)) for name in type(done).__lume_graph__.results},
    }


def _as_json(value: Any) -> Any:
    if isinstance(value, (File, DBResult)):
        return value.reference()
    try:
        return encode(value)
    except RecordError:
        return {"__repr__": reprlib.repr(value)}


def show_run(done: LumeFlow) -> None:
    """Print a table of what a run results in, and where that is."""
    run = done.flow_run
    graph = type(done).__lume_graph__
    shown = graph.results or {n: node for n, node in graph.nodes.items() if node.visible and n not in graph.parameters}
    table = _table("result" if graph.results else "task", "type", "value")
    for name, node in shown.items():
        table.add_row(name, type_name(node.type), _told(run.value(name)))
    seconds = (run.end_time - run.start_time).total_seconds()
    _print(f"{run.flow_name} succeeded in {seconds:.1f} s", table)


def _told(value: Any) -> str:
    if isinstance(value, File):
        return f"{_path(value)}  ({value.size:,} bytes)" if value.size is not None else _path(value)
    if isinstance(value, DBResult):
        outputs = "\n".join(
            f"{name} = {_path(output) if isinstance(output, File) else _short(output)}"
            for name, output in value.outputs.items()
        )
        return f"record {value.unique_hash[:12]} in {mask_url(current().settings.results_db.url)}\n{outputs}".strip()
    return _short(value)


def _path(file: File[Any]) -> str:
    return current().filesystem(file.filesystem_identifier).locate(file.filename)


def _short(value: Any) -> str:
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 60
    return brief.repr(value)


def show_flow(flow: FlowMeta) -> None:
    """Print a flow's parameters, tasks and results."""
    graph = flow.__lume_graph__
    parameters = _table("parameter", "type", "default", "unit", "help")
    for name, node in graph.parameters.items():
        spec = spec_of(node)
        default = "required" if spec.required else repr(spec.default)
        parameters.add_row(name, type_name(node.type), default, spec.unit, spec.help)
    tasks, results = _table("task", "type", "takes"), _table("result", "type", "takes")
    for name, node in graph.nodes.items():
        if name not in graph.parameters:
            (results if node.is_result else tasks).add_row(name, type_name(node.type), _takes(node))
    headline = f"{flow.__lume_options__.get('name', flow.__name__)}: {(flow.__doc__ or '').strip()}".rstrip(": ")
    _print(headline, *(table for table in (parameters, tasks, results) if table.row_count))


def _takes(node: Node) -> str:
    return ", ".join(f"{key}={_source(source)}" for key, source in node.inputs.items())


def _source(source: Input) -> str:
    text = _short(source.value) if isinstance(source, Constant) else source.upstream
    return f"each of {text}" if source.mapped else text


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE  # only what prints tables needs rich
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(headline: str, *tables: Table) -> None:
    from rich.console import Console  # only what prints tables needs rich

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 1000  # whole paths in a file or a pipe, which have no right edge
    console.print(headline)
    for table in tables:
        console.print(table)
