"""``DBResult``: the record of one run of a flow, and its stored form; it must not know any store.

A stored document has these members, on which all stores agree:

===================  =============================================================================
unique_hash          digest of the members named by ``unique_on`` and the type: 64 hex digits
result_type_string   ``"module:QualName"`` of the record's class
project_name         text, as are flow_name, result_name; flow_run_id is text or null
time                 ISO 8601 in UTC with six decimals, so that its order as text is that in time
inputs, outputs      encoded (``lume_dsl.values.encoding``)
fields               encoded: the fields that a subclass adds
input_marks          one digest for each input, by which equal inputs are found
===================  =============================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any, ClassVar

import attrs

# Registers how a File among the values is stored.
import lume_dsl.files  # noqa: F401
from lume_dsl.errors import RecordError, did_you_mean
from lume_dsl.values.canonical import digest
from lume_dsl.values.encoding import TAG, decode, encode
from lume_dsl.values.type_names import named_type, type_string

__all__ = ["DBResult", "Document", "from_document", "input_mark", "to_document"]

Document = dict[str, Any]
"""A record as stores keep it."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise RecordError(f"time: {time} has no time zone; write datetime.now(timezone.utc)")
    return time.astimezone(timezone.utc)


@attrs.frozen(kw_only=True)
class DBResult:
    """What one run of a flow was given and what came out of it.

    Subclass it to add typed fields, and to choose what makes a record one of its kind:

    >>> @attrs.frozen(kw_only=True)
    ... class FitResult(DBResult):
    ...     unique_on = ("flow_name", "inputs", "algorithm")
    ...     algorithm: str = "nelder-mead"

    Attributes:
        project_name: The project that the flow belongs to.
        flow_name: The flow's name.
        result_name: The name of the flow's field that made the record, or ``""``.
        flow_run_id: The id of the flow run, or None outside of one.
        inputs: The flow's parameters by name.
        outputs: What was recorded, by name.
        time: When the record was made, in UTC.
    """

    unique_on: ClassVar[tuple[str, ...]] = ("project_name", "flow_name", "result_name", "inputs", "outputs")
    """The fields that tell records apart: of two that agree in them and in their type, one is stored."""

    flow_name: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] = attrs.field(factory=dict)
    project_name: str = "default"
    result_name: str = ""
    flow_run_id: str | None = None
    time: datetime = attrs.field(factory=_now, converter=_in_utc)

    @property
    def result_type_string(self) -> str:
        """``"module:QualName"`` of the record's class.

        Raises:
            RecordError: If the class is defined in a function, so that nothing could load the record again.
        """
        try:
            return type_string(type(self))
        except ValueError as error:
            raise RecordError(str(error)) from error

    @property
    def unique_hash(self) -> str:
        """What is equal for two records exactly if they count as the same: 64 hexadecimal digits."""
        return _unique_hash(self, _encoded(self, _unique_names(type(self))))

    def reference(self) -> dict[str, Any]:
        """Return the JSON object that stands for this record wherever it crosses a flow's border."""
        return reference_to(self.project_name, self.result_type_string, self.unique_hash)


_BASE_FIELDS = frozenset(field.name for field in attrs.fields(DBResult))
_TEXTS = ("project_name", "flow_name", "result_name", "flow_run_id")


def reference_to(project_name: str, result_type_string: str, unique_hash: str) -> dict[str, Any]:
    """Return the reference of the record with this hash."""
    return {
        "project_name": project_name,
        "result_type_string": result_type_string,
        "query": {"unique_hash": unique_hash},
    }


def input_mark(name: str, encoded: Any) -> str:
    """Return what marks a record one of whose inputs has this name and this encoded value."""
    return digest([name, encoded])


def to_document(record: DBResult) -> Document:
    """Return the stored form of ``record``.

    Raises:
        RecordError: Naming the value that cannot be stored by its path.
    """
    names = [field.name for field in attrs.fields(type(record))]
    encoded = _encoded(record, names)
    return {
        "unique_hash": _unique_hash(record, encoded),
        "result_type_string": record.result_type_string,
        **{name: encoded[name] for name in (*_TEXTS, "inputs", "outputs")},
        "time": record.time.isoformat(timespec="microseconds"),
        "fields": {name: encoded[name] for name in names if name not in _BASE_FIELDS},
        "input_marks": [input_mark(name, value) for name, value in _inputs(encoded["inputs"])],
    }


def _inputs(encoded: dict[str, Any]) -> list[tuple[str, Any]]:
    members = encoded["value"] if TAG in encoded else encoded
    return list(members.items())


def _encoded(record: DBResult, names: Iterable[str]) -> dict[str, Any]:
    return {name: encode(_plain(record, name), name) for name in names}


def _plain(record: DBResult, name: str) -> Any:
    value = getattr(record, name)
    if name in _BASE_FIELDS:
        return value
    from lume_dsl.records.fields import unstructure_field  # loads cattrs: 40 ms

    return unstructure_field(type(record), name, value)


def _unique_names(cls: type[DBResult]) -> tuple[str, ...]:
    known = [field.name for field in attrs.fields(cls)]
    for name in cls.unique_on:
        if name not in known:
            hint = did_you_mean(name, known)
            raise RecordError(f"{cls.__name__}.unique_on names {name!r}, which is no field of it{hint}")
    return cls.unique_on


def _unique_hash(record: DBResult, encoded: dict[str, Any]) -> str:
    parts = {name: encoded[name] for name in _unique_names(type(record))}
    return digest({"result_type_string": record.result_type_string, "unique_on": parts})


def from_document(document: Document) -> DBResult:
    """Return the record whose stored form is ``document``, an instance of its own class.

    Members of ``fields`` that the class no longer has are left out.

    Raises:
        RecordError: If the class cannot be imported, is no ``DBResult``, or has other fields than stored.
    """
    try:
        cls = named_type(document["result_type_string"], DBResult)
    except ValueError as error:
        raise RecordError(f"result_type_string: {error}") from error
    values: dict[str, Any] = {name: document[name] for name in _TEXTS}
    values.update(inputs=decode(document["inputs"]), outputs=decode(document["outputs"]))
    values["time"] = datetime.fromisoformat(document["time"])
    if document["fields"]:
        from lume_dsl.records.fields import structure_fields  # loads cattrs: 40 ms

        values.update(structure_fields(cls, decode(document["fields"])))
    try:
        return cls(**values)
    except TypeError as error:  # a field without a default was added to the class
        raise RecordError(f"a stored record does not fit {cls.__name__}: {error}") from error
