"""``compose``: the flow that a file describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from lume_dsl.compose.composition import Composition
from lume_dsl.declare.flow import FlowMeta

if TYPE_CHECKING:
    import prefect

__all__ = ["compose"]


@overload
def compose(path: str | Path, *, deploy: Literal[False] = False) -> FlowMeta: ...
@overload
def compose(path: str | Path, *, deploy: Literal[True]) -> prefect.Flow: ...
def compose(path: str | Path, *, deploy: bool = False) -> Any:
    """Return the flow class that a YAML file of composing flows describes; it is a flow like any other.

    Each flow of the file becomes a subflow of its name. What is not mapped and no constant becomes a parameter,
    ``flow1-text1``.

    Args:
        path: The file.
        deploy: Return a ``prefect.Flow`` instead that has a Prefect server run the flows, which are registered there.

    Raises:
        FlowNotFoundError: There is no such file.
        DefinitionError: All that is wrong with the file and the flow that it describes, each with its line.
    """
    composition = Composition.of_file(path)
    flow_class = composition.inlined()
    if not deploy:
        return flow_class
    from lume_dsl.compose.deploy import deployed  # Prefect

    return deployed(composition)
