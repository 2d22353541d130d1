"""The options of ``run`` that say where tasks run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

__all__ = ["executor_flags", "executor_said"]


def executor_flags() -> list[click.Parameter]:
    """Return the options; what they say goes to ``executor_said``."""
    return [
        click.Option(
            ["--executor"],
            metavar="NAME",
            help="Where tasks run: local, threads, processes, dask, or a cluster's dask://HOST:PORT.",
        ),
        click.Option(["--workers"], metavar="N", type=int, help="How many threads or processes."),
        click.Option(["--cluster"], metavar="CLASS", help="A Dask cluster to start, as dask_jobqueue.SLURMCluster."),
        click.Option(
            ["--cluster-option", "cluster_options"],
            metavar="NAME=VALUE",
            multiple=True,
            help="What the cluster class takes; may be repeated. A value is JSON, or else text.",
        ),
    ]


def executor_said(
    executor: str | None, workers: int | None, cluster: str | None, cluster_options: Iterable[str]
) -> Any:
    """Return the executor that a command line asks for, or None.

    Raises:
        ExecutorError: There is no such executor.
    """
    if executor is None and workers is None and not cluster and not cluster_options:
        return None
    from lume_dsl.engine import executor_of  # Prefect

    options = dict(_named_value(text) for text in cluster_options)
    return executor_of(executor, workers=workers, cluster=cluster, cluster_options=options)


def _named_value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE, as --cluster-option cores=4")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
