"""Prefect's runners without what they waste: subclasses that do the same, state for state and record for record.

Each has the name of the class that it stands for, which Prefect's log records show. A run of Prefect 1.4.1 spends some
7 ms on a task, and more the longer the flow; these spend less than 0.1 ms (docs/performance.md). Nothing in Prefect's
modules is changed. They rely on how that version works, so another is refused.
"""

from __future__ import annotations

from lume_dsl.engine.runner.choose import choose_for_agent, runner_class
from lume_dsl.engine.runner.cloud import CloudFlowRunner, CloudTaskRunner
from lume_dsl.engine.runner.flow import Flow
from lume_dsl.engine.runner.flow_runner import FlowRunner
from lume_dsl.engine.runner.task_runner import TaskRunner
from lume_dsl.engine.runner.version import check_prefect

__all__ = ["CloudFlowRunner", "CloudTaskRunner", "Flow", "FlowRunner", "TaskRunner", "choose_for_agent", "runner_class"]

check_prefect()
