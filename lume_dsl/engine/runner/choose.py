"""Which runner class a flow gets: ours where it would be Prefect's own, and else what the configuration says."""

from __future__ import annotations

import prefect
from prefect.engine import FlowRunner as PrefectFlowRunner
from prefect.engine import get_default_flow_runner_class
from prefect.engine.cloud import CloudFlowRunner as PrefectCloudFlowRunner

from lume_dsl.engine.runner.cloud import CloudFlowRunner
from lume_dsl.engine.runner.flow_runner import FlowRunner

__all__ = ["choose_for_agent", "runner_class"]

_OURS: dict[type, type] = {PrefectFlowRunner: FlowRunner, PrefectCloudFlowRunner: CloudFlowRunner}


def runner_class() -> type:
    """Return the class of flow runners that Prefect's configuration asks for."""
    chosen: type = get_default_flow_runner_class()
    return _OURS.get(chosen, chosen)


def choose_for_agent() -> None:
    """The runner of a flow that Prefect is loading is ours: its command looks for it after the flow is there."""
    if prefect.context.get("loading_flow", False):
        chosen = runner_class()
        prefect.config.engine.flow_runner.default_class = f"{chosen.__module__}.{chosen.__qualname__}"
