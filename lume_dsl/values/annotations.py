"""What an annotation means where certain names are known. It knows nothing of what is annotated."""

from __future__ import annotations

from collections.abc import Mapping
from types import GenericAlias, SimpleNamespace
from typing import Any, ForwardRef, cast

from typing_extensions import get_type_hints

__all__ = ["resolved"]


def resolved(annotation: Any, global_names: Mapping[str, Any], local_names: Mapping[str, Any]) -> Any:
    """Return the type that an annotation means, text in it evaluated; the local names go first.

    Raises:
        Exception: It cannot be evaluated; whatever the evaluation raises.
    """
    if isinstance(annotation, str):  # of a class, where ClassVar and Final may stand
        annotation = ForwardRef(annotation, is_argument=False, is_class=True)
    holder = SimpleNamespace(__annotations__={"it": annotation})
    # Copies: evaluation adds the builtins to the global ones.
    found = get_type_hints(holder, dict(global_names), dict(local_names), include_extras=True)["it"]
    return _inside(found, global_names, local_names)


def _inside(tp: Any, global_names: Mapping[str, Any], local_names: Mapping[str, Any]) -> Any:
    """Resolve the text in ``list["int"]``, which Python 3.10 leaves as it is."""
    if not isinstance(tp, GenericAlias):
        return tp
    inner = (
        resolved(part, global_names, local_names) if isinstance(part, str) else _inside(part, global_names, local_names)
        for part in tp.__args__
    )
    return GenericAlias(cast(type, tp.__origin__), tuple(inner))
