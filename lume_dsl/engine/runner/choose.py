"""Which runner class a flow gets: ours where it would be Prefect's own, and else what the configuration says."""

from __future__ import annotations

from prefect.engine import FlowRunner as PrefectFlowRunner
from prefect.engine import get_default_flow_runner_class
from prefect.engine.cloud import CloudFlowRunner as PrefectCloudFlowRunner

from lume_dsl.engine.runner.cloud import CloudFlowRunner
from lume_dsl.engine.runner.flow_runner import FlowRunner

__all__ = ["runner_class"]

_OURS: dict[type, type] = {PrefectFlowRunner: FlowRunner, PrefectCloudFlowRunner: CloudFlowRunner}


def runner_class() -> type:
    """Return the class of flow runners that Prefect's configuration asks for."""
    chosen: type = get_default_flow_runner_class()
    return _OURS.get(chosen, chosen)
