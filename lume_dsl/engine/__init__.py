"""The Prefect side: compiling a graph to a ``prefect.Flow``, and running it.

With ``lume_dsl.tasks`` the only part that imports Prefect. It is loaded when a flow is compiled or run.
"""

from __future__ import annotations

from lume_dsl.engine.compile import compile_flow
from lume_dsl.engine.executors import executor_of
from lume_dsl.engine.outcome import FlowRun
from lume_dsl.engine.registering import register
from lume_dsl.engine.resume import resume_flow
from lume_dsl.engine.run import prepare, results_of, run_flow
from lume_dsl.engine.serve import serve
from lume_dsl.engine.worker_signals import leaving_signals
from lume_dsl.history.of_flows import runs

__all__ = [
    "FlowRun",
    "compile_flow",
    "executor_of",
    "leaving_signals",
    "prepare",
    "register",
    "results_of",
    "resume_flow",
    "run_flow",
    "runs",
    "serve",
]
