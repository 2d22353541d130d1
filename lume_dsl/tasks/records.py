"""Tasks that save and load records."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import prefect

from lume_dsl.errors import RecordError
from lume_dsl.records import DBResult
from lume_dsl.records.record import added_fields, recorded_inputs
from lume_dsl.secrets import HIDDEN
from lume_dsl.services import load
from lume_dsl.tasks.context import ServiceTask, parted, run_inputs, run_provenance, run_services

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lume_dsl.declare.options import TaskOptions

__all__ = ["LoadDBResult", "SaveDBResult", "SaveOutputs"]

NOT_GIVEN: Any = object()
"""The default of an argument that None is a value of."""


class SaveDBResult(ServiceTask):
    """Save a record: one that is given, or one made of named outputs.

    Args:
        record_type: The class of the record that is made of outputs. Outputs that bear the name of a field
            that it adds to ``DBResult`` fill that field.
        result_name: What tells this record from others of the flow.
        project_name: The project of a record that is made of outputs; if "", that of the flow run, or "default".
        order: Names of outputs in the order in which the record keeps them; Prefect passes them in any.
        hidden: Names of parameters that are secret: the record keeps ``"***"`` of them.
        options: Initialisation arguments of ``prefect.Task``.
    """

    saves_records = True
    flow_name: str = ""
    """In a subflow, the name of that flow. Its parameters come with the outputs, named with ``PARAMETER``."""
    flow: str = ""
    """In a subflow, what provenances know its class by."""
    parameters: tuple[str, ...] = ()
    """In a subflow, the names of its parameters, in order."""

    def __init__(
        self,
        *,
        record_type: type[DBResult] = DBResult,
        result_name: str = "",
        project_name: str = "",
        order: Iterable[str] = (),
        hidden: Iterable[str] = (),
        **options: Unpack[TaskOptions],
    ) -> None:
        self.record_type = record_type
        self.result_name = result_name
        self.project_name = project_name
        self.order = tuple(order)
        self.hidden = frozenset(hidden)
        super().__init__(**options)

    def run(self, result: Any = NOT_GIVEN, **outputs: Any) -> dict[str, Any]:  # type: ignore[override]  # as every Prefect task does
        """Save the record and return the reference that loads it back. The same record twice is one.

        Args:
            result: The record to save as it is. Any other value is an output of this name.
            outputs: The outputs of a record whose inputs are the flow run's parameters.

        Returns:
            ``{"project_name", "result_type_string", "query": {"unique_hash"}}``, which is JSON.

        Raises:
            RecordError: A value cannot be stored; the message has its path.
            ServiceError: The record store does not answer; the message has the reference of what was not saved,
                and where it is kept meanwhile.
        """
        own = parted(outputs)[1]
        if isinstance(result, DBResult) and not own:
            return self.save(result)
        return self.save(self.record_of(outputs if result is NOT_GIVEN else {"result": result, **outputs}))

    def save(self, record: DBResult) -> dict[str, Any]:
        """Save a record, say whether it is new, and return its reference."""
        if record.provenance is None:
            record = copy.copy(record)
            object.__setattr__(record, "provenance", run_provenance())  # it is frozen, and this copy nobody else's
        with run_services() as services:
            reference, is_new = services.save_record(record)
        unique_hash = reference["query"]["unique_hash"]
        self.logger.info(
            "saved record %s" if is_new else "record %s is stored already: nothing to do", unique_hash[:12]
        )
        return reference

    def record_of(self, given: Mapping[str, Any]) -> DBResult:
        """Make a record of outputs; its inputs are the flow run's parameters, or those of the subflow."""
        context = prefect.context
        parameters, given = parted(given)
        inputs = (
            recorded_inputs({name: parameters[name] for name in self.parameters}) if self.flow_name else run_inputs()
        )
        outputs = {name: given[name] for name in (*self.order, *given) if name in given}
        own = added_fields(self.record_type)
        return self.record_type(
            project_name=self.project_name or context.get("project_name") or "default",
            flow_name=self.flow_name or context.get("flow_name", ""),
            flow_run_id=context.get("flow_run_id"),
            result_name=self.result_name,
            inputs={name: HIDDEN if name in self.hidden else value for name, value in inputs.items()},
            provenance=run_provenance(self.flow),
            outputs={name: value for name, value in outputs.items() if name not in own},
            **{name: value for name, value in outputs.items() if name in own},
        )


class SaveOutputs(SaveDBResult):
    """What a ``db_result`` field becomes: outputs of any name, ``result`` and ``self`` included."""

    def run(self, /, **outputs: Any) -> dict[str, Any]:  # type: ignore[override]  # as every Prefect task does
        """Save the record of these outputs and return its reference. See ``SaveDBResult.run``."""
        return self.save(self.record_of(outputs))


class LoadDBResult(ServiceTask):
    """Load a record, or a part of it. Args: initialisation arguments of ``prefect.Task``."""

    def run(  # type: ignore[override]  # as every Prefect task does
        self, result_rep: Mapping[str, Any] | DBResult, attribute_index: Sequence[str | int] | None = None
    ) -> Any:
        """Return the record that a reference names, or the part that ``attribute_index`` leads to.

        Args:
            result_rep: What a ``SaveDBResult`` task returned, or the record itself.
            attribute_index: An attribute of the record, then keys or places in it: ``["outputs", "text"]``.

        Raises:
            RecordError: There is no such record, or no such part in it.
            ServiceError: The record store does not answer.
        """
        with run_services():
            found: Any = result_rep if isinstance(result_rep, DBResult) else load(result_rep)
        for place, step in enumerate(attribute_index or ()):
            found = _part(found, step, attribute_index or (), place)
        return found


def _part(value: Any, step: str | int, path: Sequence[str | int], place: int) -> Any:
    try:
        return getattr(value, str(step)) if isinstance(value, DBResult) else value[step]
    except (AttributeError, LookupError, TypeError) as error:
        led = "".join(f"[{part!r}]" for part in path[:place]) or "the record"
        raise RecordError(f"attribute_index {list(path)!r}: {led} has no {step!r}") from error
