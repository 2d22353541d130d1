"""The services of the run that a task takes part in. It must not know which tasks use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import prefect

from lume_dsl import services
from lume_dsl.services import Services
from lume_dsl.settings import Settings

__all__ = ["CHECKED", "SETTINGS", "ServiceTask", "run_services"]

SETTINGS = "lume_settings"
"""The key of ``prefect.context`` under which a compiled flow's settings travel to every worker."""


CHECKED = "lume_services_checked"
"""The key of ``prefect.context`` that says that this run's services have answered before it began."""


class ServiceTask(prefect.Task):
    """A task that uses services. In a flow class the configure task runs before it."""

    uses_services = True


@contextmanager
def run_services() -> Iterator[Services]:
    """Within it, services are those of this run's settings, and of the environment where the run has none.

    Prefect ships the context of the process that runs the flow to each worker, so a worker needs no
    ``LUME_*`` variables of its own. A flow written by hand has no such key: there the environment counts.
    """
    settings: Settings | None = prefect.context.get(SETTINGS)
    if settings is None:
        yield services.current()
        return
    with services.use(settings):
        yield services.current()
