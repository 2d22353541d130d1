"""A finished run, and a flow, as tables for people and as a JSON document."""

from __future__ import annotations

import inspect
import reprlib
from typing import TYPE_CHECKING, Any

from lume_dsl.cli.flag_help import help_of
from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.declare.edge_checks import SHOWN_AS
from lume_dsl.declare.flow import FlowMeta, LumeFlow, parameters_of
from lume_dsl.declare.graph import Constant, Input, Member
from lume_dsl.declare.parameters import json_values, shown_values
from lume_dsl.errors import NotRunError, RecordError
from lume_dsl.files import File
from lume_dsl.records import DBResult
from lume_dsl.services import current
from lume_dsl.settings import mask_url
from lume_dsl.values.convert import structure, unstructure
from lume_dsl.values.encoding import encode
from lume_dsl.values.jsontypes import offenders
from lume_dsl.values.names import type_name

if TYPE_CHECKING:
    from lume_dsl.engine.outcome import FlowRun

__all__ = ["results_document", "show_flow", "show_run"]

NO_RESULTS = "it has no result fields, so these are the values of its tasks"
"""The document holds none of them: its ``results`` are those fields, as in the flow's schema."""


def results_document(done: LumeFlow) -> dict[str, Any]:
    """Return a run as JSON: its flow, id, state, times, parameters, and each result.

    A file or record result is the reference that ``lume_dsl.load`` takes. Another result is its value, in
    the JSON form of its annotation or, where that has none, in the form in which records keep it; what no record
    could keep is ``{"__repr__": text}``. One of a task that was skipped, or that failed and the flow did not, is None.
    """
    run, graph = done.flow_run, type(done).__lume_graph__
    return {
        "flow": run.flow_name,
        "flow_run_id": run.id,
        "state": type(run.state).__name__,
        "start_time": run.start_time.isoformat(),
        "end_time": run.end_time.isoformat(),
        "parameters": shown_values(graph, json_values(parameters_of(done))),
        "results": {name: _as_json(run, name, member) for name, member in graph.all_results.items()},
    }


def _as_json(run: FlowRun, name: str, member: Member) -> Any:
    try:
        value = run.value(name)
    except NotRunError:  # as of one that was skipped
        return None
    if isinstance(value, (File, DBResult)):
        return value.reference()
    if not offenders(member.type) and not structure(value, member.type)[1]:
        return unstructure(value)
    try:
        return encode(value)
    except RecordError:
        return {"__repr__": reprlib.repr(value)}


def show_run(done: LumeFlow) -> None:
    """Print a table of what a run results in, and where that is; without result fields, of what its tasks gave."""
    run = done.flow_run
    graph = type(done).__lume_graph__
    shown = graph.all_results or {
        n: member for n, member in graph.members.items() if member.visible and n not in graph.parameters
    }
    first = "result" if graph.all_results else "task"
    table = Table((first, "type", "value"), whole=(first, "value"))
    for name, member in shown.items():
        table.rows.append((name, type_name(member.type), _outcome(run, name)))
    seconds = (run.end_time - run.start_time).total_seconds()
    note = "" if graph.all_results or not table.rows else f"; {NO_RESULTS}"
    print_tables(f"{run.flow_name} succeeded in {seconds:.1f} s{note}", table)


def _outcome(run: FlowRun, name: str) -> str:
    if run.tasks[name].is_skipped():
        return "skipped"
    try:
        return _told(run.value(name))
    except NotRunError as error:  # of a task that may fail, by the triggers of those that take it
        return str(error)


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
    """Print a flow's parameters, in the words of ``run --help``, its tasks and its results."""
    graph = flow.__lume_graph__
    parameters = Table(("parameter", "type", "help"), whole=("parameter",))
    for name, member in graph.parameters.items():
        shown = type_name(member.type)
        parameters.rows.append((name, shown, help_of(member, shown)))
    tasks, results = (Table((name, "type", "takes"), whole=(name,)) for name in ("task", "result"))
    for name, member in graph.members.items():
        if name not in graph.parameters:
            (results if member.is_result else tasks).rows.append((name, type_name(member.type), _takes(member)))
    headline = f"{flow.__lume_name__}: {inspect.cleandoc(flow.__doc__ or '')}".rstrip(": ")
    print_tables(headline, *(table for table in (parameters, tasks, results) if table.rows))


def _takes(member: Member) -> str:
    takes = [f"{SHOWN_AS.get(key, key)}={_source(source)}" for key, source in member.inputs.items()]
    return ", ".join([*takes, *(f"after {name}" for name in member.after)])


def _source(source: Input) -> str:
    text = _short(source.value) if isinstance(source, Constant) else source.upstream
    return f"each of {text}" if source.mapped else text
