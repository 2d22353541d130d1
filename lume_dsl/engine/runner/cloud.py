"""The runners of flows that an agent starts, which tell a Prefect server each state: its own, upon ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import prefect
from prefect.engine.cloud import CloudFlowRunner as PrefectCloudFlowRunner
from prefect.engine.cloud import CloudTaskRunner as PrefectCloudTaskRunner

from lume_dsl.engine.runner.flow_runner import FlowRunner
from lume_dsl.engine.runner.task_runner import TaskRunner

__all__ = ["CloudFlowRunner", "CloudTaskRunner"]


class CloudTaskRunner(PrefectCloudTaskRunner, TaskRunner):
    """What Prefect's says goes first, so that whatever it asks the server is asked."""


class CloudFlowRunner(PrefectCloudFlowRunner, FlowRunner):
    """Prefect's names its own class of task runners, which ours takes the place of."""

    def __init__(self, flow: prefect.Flow, state_handlers: Iterable[Callable[..., Any]] | None = None) -> None:
        super().__init__(flow, state_handlers)  # type: ignore[arg-type]  # as its default
        self.task_runner_cls = CloudTaskRunner
