"""``DBResult``: the record of one run of a flow, and its stored form; it must not know any store.

A stored document has these members, on which all stores agree:

===================  =============================================================================
unique_hash          digest of the members named by ``unique_on`` and the type: 64 hex digits
result_type_string   ``"module:QualName"`` of the record's class
project_name         text, as are flow_name, result_name; flow_run_id is text or null
time                 ISO 8601 in UTC with six decimals, so that its order as text is that in time
inputs, outputs      encoded (``lume_dsl.values.encoding``)
fields               encoded: the fields that a subclass adds
provenance           encoded members of ``Provenance``, or null
input_marks          one digest for each input, by which equal inputs are found
===================  =============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import attrs

# Registers how a File among the values is stored.
import lume_dsl.files  # noqa: F401
from lume_dsl.errors import RecordError
from lume_dsl.records.fields import AttrsByItself, check_fields, check_named
from lume_dsl.records.provenance import Provenance
from lume_dsl.values.canonical import digest, digest_of_pair
from lume_dsl.values.classes import fields_of, is_record_class
from lume_dsl.values.content import Content
from lume_dsl.values.convert import unstructure
from lume_dsl.values.encoding import TAG, decode, encode
from lume_dsl.values.times import with_offset
from lume_dsl.values.type_names import named_type, type_string

__all__ = [
    "DEFAULT_PROJECT",
    "DBResult",
    "Document",
    "Provenance",
    "added_fields",
    "from_document",
    "input_mark",
    "recorded_inputs",
    "reference_to",
    "to_document",
]

DEFAULT_PROJECT = "default"
"""The project of what is of none."""

Document = dict[str, Any]
"""A record as stores keep it."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise RecordError(f"time: {time} has no time zone; write datetime.now(timezone.utc)")
    return time.astimezone(timezone.utc)


class DBResult(AttrsByItself):
    """What one run of a flow was given and what came out of it.

    Subclass it to add typed fields, and to choose what makes a record one of its kind:

    >>> class FitResult(DBResult):
    ...     unique_on = ("flow_name", "inputs", "algorithm")
    ...     algorithm: str = "nelder-mead"

    It and its subclasses are attrs classes: frozen, with keyword arguments, equal by value, and with attrs' own
    field specifiers (``attrs.field(factory=list, validator=...)``).

    Attributes:
        project_name: The project that the flow belongs to.
        flow_name: The flow's name.
        result_name: The name of the flow's field that made the record, or ``""``.
        flow_run_id: The id of the flow run, or None outside of one.
        inputs: The flow's parameters by name.
        outputs: What was recorded, by name.
        time: When the record was made, in UTC.
        provenance: Which source made it, where and when; None where nobody said. Equal records may differ in it.
    """

    unique_on: ClassVar[tuple[str, ...]] = ("project_name", "flow_name", "result_name", "inputs", "outputs")
    """The fields that tell records apart: of two that agree in them and in their type, one is stored."""

    flow_name: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] = attrs.field(factory=dict)
    project_name: str = DEFAULT_PROJECT
    result_name: str = ""
    flow_run_id: str | None = None
    time: datetime = attrs.field(factory=_now, converter=_in_utc)
    provenance: Provenance | None = attrs.field(default=None, repr=False, eq=False)

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
        return _unique_hash(self, self.result_type_string, _encoded(self, _fields_of(type(self)).unique, {}))

    def reference(self) -> dict[str, Any]:
        """Return the JSON object that stands for this record wherever it crosses a flow's border."""
        return reference_to(self.project_name, self.result_type_string, self.unique_hash)


def added_fields(record_type: type[DBResult]) -> tuple[str, ...]:
    """Return the names of the fields that a subclass adds."""
    return _fields_of(record_type).added


_BASE_FIELDS = frozenset(field.name for field in attrs.fields(DBResult))
ALTERED = "altered"
"""The kind that a store gives, in place of a member, for what it cannot read any more: ``value`` says why."""

_LONGEST = 255
"""Characters of a name in an index, which databases limit."""

_TEXTS = ("project_name", "flow_name", "result_name", "flow_run_id")
_STORED = (*_TEXTS, "inputs", "outputs")


@attrs.frozen
class _Fields:
    """Names of a record class's fields: what it adds, what makes it unique, and what is encoded of it."""

    added: tuple[str, ...]
    unique: tuple[str, ...]
    encoded: tuple[str, ...]


_known_fields: WeakKeyDictionary[type, _Fields] = WeakKeyDictionary()


def _fields_of(cls: type[DBResult]) -> _Fields:
    found = _known_fields.get(cls)
    if found is None:
        added = tuple(field.name for field in attrs.fields(cls) if field.name not in _BASE_FIELDS)
        check_named(cls, cls.unique_on, f"{cls.__name__}.unique_on")
        encoded = tuple(dict.fromkeys((*_STORED, *added, *cls.unique_on)))
        found = _known_fields[cls] = _Fields(added, cls.unique_on, encoded)
    return found


def reference_to(project_name: str, result_type_string: str, unique_hash: str) -> dict[str, Any]:
    """Return the reference of the record with this hash."""
    return {
        "project_name": project_name,
        "result_type_string": result_type_string,
        "query": {"unique_hash": unique_hash},
    }


def input_mark(name: str, encoded: Any) -> str:
    """Return what marks a record one of whose inputs has this name and this encoded value."""
    return digest_of_pair(name, encoded)


def recorded_inputs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameter values as records keep them: exact, or in their JSON form where that cannot be.

    The JSON form is kept of a value whose class is defined in a function, where nothing could find it again, and of
    records, whose JSON form is their reference. Whoever looks for records by their inputs asks this too.

    Raises:
        RecordError: If a value cannot be stored in either form, naming it by its path.
    """
    return {name: _recorded(value, f"inputs[{name!r}]") for name, value in values.items()}


def _recorded(value: Any, path: str) -> Any:
    if isinstance(value, datetime):
        value = with_offset(value)  # as it is where it came as text
    if not _holds_record(value):
        try:
            encode(value, path, blobs={})
        except RecordError:
            pass
        else:
            return value
    form = unstructure(value)
    encode(form, path, blobs={})
    return form


def _holds_record(value: Any) -> bool:
    if isinstance(value, DBResult):
        return True
    if isinstance(value, dict):
        return any(map(_holds_record, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_record, value))
    return is_record_class(type(value)) and any(
        _holds_record(getattr(value, field.attribute, None)) for field in fields_of(type(value))
    )


def to_document(record: DBResult, blobs: dict[str, Content] | None = None) -> Document:
    """Return the stored form of ``record``. Its large contents are in ``blobs`` then, where that is given.

    Raises:
        RecordError: Naming the value that cannot be stored by its path, or the field whose type it has not.
    """
    _check_base(record)
    fields = _fields_of(type(record))
    if fields.added:
        check_fields(type(record), {name: getattr(record, name) for name in fields.added})
    encoded = _encoded(record, fields.encoded, blobs)
    made_by = record.provenance
    return {
        "unique_hash": _unique_hash(record, type_name := record.result_type_string, encoded),
        "result_type_string": type_name,
        **{name: encoded[name] for name in _STORED},
        "time": record.time.isoformat(timespec="microseconds"),
        "fields": {name: encoded[name] for name in fields.added},
        "provenance": None if made_by is None else encode(made_by.members(), "provenance"),
        "input_marks": [input_mark(name, value) for name, value in _members(record.inputs, encoded["inputs"])],
    }


def _check_base(record: DBResult) -> None:
    """The fields of every record are what all stores can hold, be it that no type checker was asked."""
    for name in ("inputs", "outputs"):
        if not isinstance(members := getattr(record, name), dict):
            raise RecordError(f"{name}: expected a dict, got a {type(members).__name__}; write {{'name': value}}")
    for name in _TEXTS:
        text = getattr(record, name)
        if text is None and name == "flow_run_id":
            continue
        if not isinstance(text, str):
            raise RecordError(f"{name}: expected a text, got {text!r:.100}; write str(...)")
        if len(text) > _LONGEST or "\0" in text:
            raise RecordError(
                f"{name}: {text!r:.100} is no name for all stores: write up to {_LONGEST} characters, none of them null"
            )


def _members(inputs: Mapping[str, Any], encoded: dict[str, Any]) -> list[tuple[str, Any]]:
    """The encoded members of the inputs: those of the document, where they are an object in it."""
    if TAG not in encoded:
        return list(encoded.items())
    if encoded[TAG] == "dict":
        return list(encoded["value"].items())
    return [(name, encode(value, blobs={})) for name, value in inputs.items()]


def _encoded(record: DBResult, names: Iterable[str], blobs: dict[str, Content] | None) -> dict[str, Any]:
    return {name: encode(getattr(record, name), name, blobs=blobs) for name in names}


def _unique_hash(record: DBResult, type_name: str, encoded: dict[str, Any]) -> str:
    parts = {name: encoded[name] for name in _fields_of(type(record)).unique}
    return digest({"result_type_string": type_name, "unique_on": parts})


def from_document(document: Document, read: Callable[[str], Iterable[bytes]] | None = None) -> DBResult:
    """Return the record whose stored form is ``document``, an instance of its own class.

    ``read`` gives the pieces of a blob by its SHA-256. Members of ``fields`` that the class no longer has are left
    out; a field that the class has now and had not then takes its default.

    Raises:
        RecordError: If the class cannot be imported, is no ``DBResult``, or has other fields than stored; or if the
            document was altered in the store.
    """
    known = str(document.get("unique_hash"))[:12]
    mend = f"python -m lume_dsl results show {known} shows it as it is, and results delete {known} removes it"
    try:
        return _from_document(document, read)
    except RecordError as error:
        raise RecordError(f"the record {known} cannot be loaded: {error}; {mend}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"the record {known} was altered in the database: {error}; {mend}") from error


def _from_document(document: Document, read: Callable[[str], Iterable[bytes]] | None) -> DBResult:
    for name in ("inputs", "outputs", "fields", "provenance"):
        if isinstance(encoded := document.get(name), dict) and encoded.get(TAG) == ALTERED:
            raise ValueError(encoded["value"])
    try:
        cls = named_type(document["result_type_string"], DBResult)
    except ValueError as error:
        raise RecordError(f"result_type_string: {error}") from error
    values: dict[str, Any] = {name: document[name] for name in _TEXTS}
    values["time"] = datetime.fromisoformat(document["time"])
    values.update({name: _decoded_members(document, name, read) for name in ("inputs", "outputs")})
    if document.get("provenance") is not None:
        values["provenance"] = Provenance.of_members(decode(document["provenance"]))
    return _made(cls, values, _decoded_members(document, "fields", read))


def _decoded_members(document: Document, name: str, read: Callable[[str], Iterable[bytes]] | None) -> dict[str, Any]:
    members = decode(document[name], read=read)
    if not isinstance(members, dict):
        raise ValueError(f"its {name} are no object")
    return members


def _made(cls: type[DBResult], values: dict[str, Any], stored: Mapping[str, Any]) -> DBResult:
    fields = {field.name: field for field in attrs.fields(cls) if field.init and field.name not in _BASE_FIELDS}
    own = {name: value for name, value in stored.items() if name in fields}
    if own:
        check_fields(cls, own, stored=True)
    try:
        return cls(**values, **{fields[name].alias or name: value for name, value in own.items()})
    except Exception as error:  # a field without a default was added to the class, or one of its validators refuses
        raise RecordError(f"a stored record does not fit {cls.__name__}: {error}") from error
