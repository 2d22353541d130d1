"""The key of a run of a task: what it was made of, and how two such things differ. It must not know what runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from lume_dsl.cache.entries import Entry
from lume_dsl.cache.source import Source, digest_of_parts
from lume_dsl.cache.values import Form, form_of

__all__ = ["Made", "forms_of", "inputs_differ", "made_of", "why_again"]

SHOWN = 5
"""How many names of what differs are told."""


@attrs.frozen
class Made:
    """What the value of a run is made of.

    Attributes:
        root: What the function is in the source.
        source: The digests of the source's parts.
        inputs: The digests of the inputs by argument; parameters that a step reads are ``self.<name>``.
    """

    root: str
    source: Mapping[str, str]
    inputs: Mapping[str, str]

    @property
    def key(self) -> str:
        """The SHA-256 of it all, in hexadecimal."""
        source, inputs = digest_of_parts(self.source), digest_of_parts(self.inputs)
        return digest_of_parts({"root": self.root, "source": source, "inputs": inputs})


def forms_of(values: Mapping[str, Any], references: Iterable[str] = ()) -> dict[str, Form]:
    """Return what inputs are recognised by. ``references``: those that are the references of files or records.

    Raises:
        RecordError: Naming the first input that cannot be recognised, and why.
    """
    return {name: form_of(value, name, is_reference=name in references) for name, value in sorted(values.items())}


def made_of(root: str, source: Source, forms: Mapping[str, Form]) -> Made:
    """Return what a run is made of, the source with the classes of its inputs, whose methods it may call."""
    classes = sorted({name for form in forms.values() for name in form.classes})
    whole = source.with_classes(classes) if classes else source
    return Made(root, dict(whole.parts), {name: form.digest for name, form in forms.items()})


def why_again(made: Made, before: Made | Entry) -> str:
    """Return why a run does not take the value of an earlier one of the same task: what differs."""
    inputs = _differing(made.inputs, before.inputs)
    parts = _differing(made.source, before.source)
    reasons = []
    if inputs:
        reasons.append(inputs_differ(inputs))
    if parts:
        reasons.append(f"its source has changed ({_named(parts)})")
    return ", and ".join(reasons) or "its source has changed"


def inputs_differ(names: list[str]) -> str:
    """Return the reason that these inputs differ."""
    return f"its inputs differ ({_named(names)})" if names else "its inputs differ"


def _differing(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    return [name for name in dict.fromkeys([*now, *before]) if now.get(name) != before.get(name)]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
