"""``Query``: which records are wanted; it must not know how a store finds them."""

from __future__ import annotations

from typing import Any

import attrs

from lume_dsl.records.record import input_mark
from lume_dsl.values.encoding import encode

__all__ = ["Query"]


@attrs.frozen(kw_only=True)
class Query:
    """The records for which everything holds that is not None, newest first.

    Attributes:
        project_name: Of this project.
        flow_name: Of this flow.
        result_name: Made by this field of the flow.
        result_type_string: Of this class, not of its subclasses.
        unique_hash: With this hash: one record at most.
        inputs: With these inputs among theirs. Values are equal as in a unique hash: ``1`` equals ``1.0``.
        limit: At most so many.
    """

    project_name: str | None = None
    flow_name: str | None = None
    result_name: str | None = None
    result_type_string: str | None = None
    unique_hash: str | None = None
    inputs: dict[str, Any] = attrs.field(factory=dict)
    limit: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(0)))

    def equalities(self) -> dict[str, str]:
        """Return the members of a document that must equal a text, with that text."""
        names = ("project_name", "flow_name", "result_name", "result_type_string", "unique_hash")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def input_marks(self) -> list[str]:
        """Return what must all be among a document's ``input_marks``.

        Raises:
            RecordError: If an input is no value that a record could hold.
        """
        return [input_mark(name, encode(value, f"inputs[{name!r}]")) for name, value in self.inputs.items()]

    def __str__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in self.equalities().items()]
        parts += [f"{name}={value!r}" for name, value in self.inputs.items()]
        return ", ".join(parts) or "any"
