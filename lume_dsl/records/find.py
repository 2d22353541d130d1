"""``results``: the records of flows, in the store of the current settings. It knows flows, and not Prefect."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from lume_dsl import services
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.declare.graph import RecordResult
from lume_dsl.declare.parameters import check_given, shown_values, spec_of
from lume_dsl.errors import RecordError, did_you_mean
from lume_dsl.records.paths import Names
from lume_dsl.records.query import Query
from lume_dsl.records.record import DBResult, added_fields, recorded_inputs
from lume_dsl.records.results import Results
from lume_dsl.records.where import Condition
from lume_dsl.values.type_names import type_string

__all__ = ["results", "results_of"]

R = TypeVar("R", bound=DBResult)


@overload
def results(flow_class: FlowMeta, /, **inputs: Any) -> Results[DBResult]: ...
@overload
def results(
    *,
    record_type: type[R],
    flow: str | FlowMeta | None = None,
    project: str | None = None,
    where: Condition | None = None,
) -> Results[R]: ...
@overload
def results(
    *, flow: str | FlowMeta | None = None, project: str | None = None, where: Condition | None = None
) -> Results[DBResult]: ...
def results(*flow_class: FlowMeta, **described: Any) -> Results[Any]:
    """Return stored records, newest first: of a flow by its inputs, or of any flow by what they are.

    ``results(Greeting, text1="hey")`` is ``Greeting.results(text1="hey")``, for flows that have a parameter called
    ``results``. ``results(flow="Greeting", record_type=Orbit)`` looks among all records of the store.

    Args:
        flow_class: The flow; every keyword but a condition ``where`` is an input then.
        flow: The name of a flow, or its class, for its name and its project.
        project: The name of a project.
        record_type: The class of the records, and not of a subclass; ``DBResult`` means any.
        where: What holds of them (``lume_dsl.at``).

    Raises:
        ParameterError: All names that are no parameters of ``flow_class``, and values that no run can have had.
    """
    if not flow_class:
        return _described(**_known(described))
    first, *others = flow_class
    if others or not isinstance(first, FlowMeta):
        shown = ", ".join(map(repr, flow_class))
        raise TypeError(f"results({shown}): give one flow class, or name what you mean: results(flow='Greeting')")
    return results_of(first, **described)


_DESCRIBE = ("flow", "project", "record_type", "where")


def _known(described: dict[str, Any]) -> dict[str, Any]:
    for name in described:
        if name not in _DESCRIBE:
            hint = did_you_mean(name, _DESCRIBE) or f"; it takes {', '.join(_DESCRIBE)}"
            follow = f"Inputs follow a flow class: results(Greeting, {name}=...)"
            raise TypeError(f"results() takes no {name!r}{hint}. {follow}")
    return described


def _described(
    *,
    flow: str | FlowMeta | None = None,
    project: str | None = None,
    record_type: Any = DBResult,
    where: Condition | None = None,
) -> Results[Any]:
    if not (isinstance(record_type, type) and issubclass(record_type, DBResult)):
        raise TypeError(f"record_type={record_type!r} is no class of records; give DBResult or a subclass")
    _check_condition(where)
    if isinstance(flow, FlowMeta):
        project = project if project is not None else flow.__lume_options__.get("project")
        flow = flow.__lume_name__
    query = Query(
        flow_name=flow,
        project_name=project,
        result_type_string=None if record_type is DBResult else _type_string(record_type),
        where=where,
    )
    fields = {} if record_type is DBResult else {"fields": added_fields(record_type)}
    return services.current().results(query, record_type, fields, record_type.__name__)


def _check_condition(where: object) -> None:
    if where is not None and not isinstance(where, Condition):
        raise TypeError(f"where={where!r} is no condition; write where=at('inputs.charge') > 100")


def _type_string(record_type: type[DBResult]) -> str:
    try:
        return type_string(record_type)
    except ValueError as error:
        raise RecordError(f"record_type: {error}") from error


def results_of(flow_class: FlowMeta, /, **inputs: Any) -> Results[DBResult]:
    """Return the stored records of a flow whose inputs have these values, newest first.

    ``where`` is no input where it is a condition.

    Raises:
        ParameterError: All names that are no parameters, and values that no run can have had.
        RecordError: ``where`` is on an input, output or field that records of the flow do not have. Those of an
            earlier version of the flow are among ``results(flow="Greeting")``.
    """
    graph = flow_class.__lume_graph__
    where = inputs.pop("where") if isinstance(inputs.get("where"), Condition) else None
    if "where" not in graph.parameters and "where" in inputs:
        _check_condition(inputs.pop("where"))
    hidden = _hidden_inputs(flow_class, where) if where is not None else {}
    values = check_given(flow_class.__name__, graph, {**inputs, **hidden})
    query = Query(
        flow_name=flow_class.__lume_name__,
        project_name=flow_class.__lume_options__.get("project"),
        inputs=recorded_inputs(shown_values(graph, values)),
        where=where,
    )
    return services.current().results(query, DBResult, _names(flow_class), flow_class.__name__)


def _names(flow_class: FlowMeta) -> Names:
    """The names of what records of a flow hold. Its outputs are known where it declares records."""
    graph = flow_class.__lume_graph__
    made = [member for member in graph.results.values() if isinstance(member.work, RecordResult)]
    if not made:
        return {"inputs": tuple(graph.parameters)}
    fields = [added_fields(member.type) for member in made]
    outputs = [set(member.inputs).difference(own) for member, own in zip(made, fields, strict=True)]
    return {
        "inputs": tuple(graph.parameters),
        "outputs": tuple(dict.fromkeys(name for names in outputs for name in sorted(names))),
        "fields": tuple(dict.fromkeys(name for names in fields for name in names)),
    }


def _hidden_inputs(flow_class: FlowMeta, where: Condition) -> dict[str, None]:
    """The secret parameters on which a condition is, which are refused as inputs by which to find records."""
    parameters = flow_class.__lume_graph__.parameters
    names = (str(path.steps[1]) for path in where.paths() if path.steps[0] == "inputs" and len(path.steps) > 1)
    return {name: None for name in names if name in parameters and spec_of(parameters[name]).secret}
