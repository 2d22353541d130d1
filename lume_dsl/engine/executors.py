"""Executors by name: Prefect's own, and Dask clusters of any class. A cluster is asked before a run if it answers."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from prefect.executors import DaskExecutor, Executor, LocalDaskExecutor, LocalExecutor

from lume_dsl.declare.executor_names import ADDRESS, problem_of_name
from lume_dsl.errors import ExecutorError, ServiceError, text_of

__all__ = ["check_cluster", "executor_of"]

SECONDS = 5
"""How long a cluster has to answer."""


def executor_of(
    executor: Executor | str | None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    cluster_options: Mapping[str, Any] | None = None,
) -> Executor | None:
    """Return the executor that a name stands for; an executor is its own, and None is the flow's.

    Args:
        executor: One of ``executor_names.NAMES``; ``dask`` is a cluster of this machine that lasts as long as the run.
        workers: How many threads or processes; as many as the machine has processors if None.
        cluster: The dotted name of a Dask cluster class, which ``dask`` starts.
        cluster_options: What that class takes.

    Raises:
        ExecutorError: There is none of the name, or what is said of it does not go with it.
    """
    if cluster or cluster_options:
        if executor not in (None, "dask"):
            raise ExecutorError(f"a cluster is started by the executor 'dask', not by {executor!r}")
        return _of_cluster(cluster, workers, dict(cluster_options or {}))
    if executor is None and workers is None:
        return None
    if isinstance(executor, Executor):
        return executor
    if workers is not None and workers < 1:
        raise ExecutorError(f"{workers} workers run nothing: write 1 or more")
    if executor in ("threads", "processes"):
        return LocalDaskExecutor(scheduler=executor, **({"num_workers": workers} if workers else {}))
    if executor == "dask":
        return _of_cluster(None, workers, {})
    if workers is not None:
        what = "the flow's own executor" if executor is None else repr(executor)
        raise ExecutorError(f"workers={workers} goes with 'threads', 'processes' and 'dask', not with {what}")
    if executor == "local":
        return LocalExecutor()
    if not isinstance(executor, str):
        raise ExecutorError(f"{executor!r} is no executor: write its name, or an object of Prefect's executor classes")
    if (problem := problem_of_name(executor)) is not None:
        raise ExecutorError("\n    ".join(problem))
    address = executor.replace(ADDRESS, "tcp://")
    return DaskExecutor(address=address, client_kwargs={"timeout": SECONDS})


def _of_cluster(name: str | None, workers: int | None, options: dict[str, Any]) -> DaskExecutor:
    if workers is not None:
        options["n_workers"] = workers
    if name is None:
        options.setdefault("dashboard_address", ":0")  # the usual port may be taken
    chosen: Any = {} if name is None else {"cluster_class": _class_of(name)}
    made = DaskExecutor(cluster_kwargs=options, **chosen)
    vars(made)["cluster_class"] = _starting(vars(made)["cluster_class"])  # the one that Prefect is configured to take
    return made


def _class_of(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute) if module else None
    except (ImportError, AttributeError) as error:
        raise ExecutorError(f"the cluster class {name!r} cannot be imported: {error}") from error
    if not inspect.isclass(found):
        raise ExecutorError(f"{name!r} is no cluster class: write module.Class, as dask_jobqueue.SLURMCluster")
    return found


def _starting(cluster_class: Any) -> Callable[..., Any]:
    """What starts a cluster; where that fails, it raises a ServiceError that says why."""

    @functools.wraps(cluster_class, updated=())  # Prefect logs its name
    def start(**options: Any) -> Any:
        try:
            return cluster_class(**options)
        except Exception as error:  # whatever a cluster class raises
            cause: BaseException = error
            while (inner := cause.__cause__ or cause.__context__) is not None:
                cause = inner
            hint = "correct --cluster-option, or the executor's cluster_options, which the class takes"
            raise ServiceError(f"the cluster could not be started: {text_of(cause)}\n    {hint}") from error

    return start


def check_cluster(executor: Executor | None) -> None:
    """Return if the cluster whose address an executor has answers, and has workers. Others start their own.

    Raises:
        ServiceError: It does not, or nothing would run there.
    """
    address: str | None = getattr(executor, "address", None)
    if not isinstance(executor, DaskExecutor) or address is None:
        return
    options: Mapping[str, Any] = vars(executor)["client_kwargs"]
    try:
        with ThreadPoolExecutor(1) as beside:  # a notebook's thread has an event loop that runs
            workers = beside.submit(asyncio.run, _count_workers(address, options)).result()
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        reason = str(error) or f"nothing of Dask's within {SECONDS} seconds"
        hint = "start one with dask scheduler, or mend the address"
        raise ServiceError(f"no Dask scheduler answers at {address}: {reason}\n    {hint}") from error
    if not workers:
        hint = f"start some with dask worker {address}"
        raise ServiceError(f"the Dask scheduler at {address} has no workers\n    {hint}")


async def _count_workers(address: str, options: Mapping[str, Any]) -> int:
    from distributed.core import rpc  # for those who run on a cluster

    security = options.get("security")
    arguments = security.get_connection_args("client") if security is not None else {}

    async def asked() -> int:
        place = urlsplit(address)
        if place.hostname:  # Dask tries until the time is up, and then does not say that there is no such host
            await asyncio.get_running_loop().getaddrinfo(place.hostname, place.port)
        async with rpc(address, timeout=SECONDS, connection_args=arguments) as scheduler:  # type: ignore[no-untyped-call]  # of Dask
            identity: Any = await scheduler.identity()
        return int(identity.get("n_workers", len(identity["workers"])))

    return await asyncio.wait_for(asked(), SECONDS)
