"""What a task knows of the run that it takes part in: its services, and what its records hold of it.

It must not know which tasks use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import prefect

from lume_dsl import services
from lume_dsl.records.provenance import Provenance
from lume_dsl.services import Services
from lume_dsl.settings import Settings

__all__ = [
    "ARGUMENTS",
    "CHECKED",
    "INPUTS",
    "PARAMETER",
    "PROVENANCE",
    "SCHEDULED",
    "SETTINGS",
    "ServiceTask",
    "parted",
    "run_inputs",
    "run_provenance",
    "run_services",
]

SETTINGS = "lume_settings"
"""The key of ``prefect.context`` under which a compiled flow's settings travel to every worker."""


CHECKED = "lume_services_checked"
"""The key of ``prefect.context`` that says that this run's services have answered before it began."""


INPUTS = "lume_inputs"
"""The key of ``prefect.context`` under which those inputs travel of which a record holds more than the JSON form."""


PROVENANCE = "lume_provenance"
"""The key of ``prefect.context`` under which provenances travel to every worker, by the names of flow classes."""


ARGUMENTS = "lume_arguments"
"""The key of ``prefect.context`` under which those parameters of subflows travel that only the start of a run knows.

A factory or a variable gives them; they are in their JSON forms, by the names of their tasks.
"""


SCHEDULED = "lume_scheduled_start_time"
"""The key of ``prefect.context`` that has the time of the schedule for which a run is, where there is one.

Prefect's own, ``scheduled_start_time``, is set to the time at which a run begins, before a flow can say otherwise.
"""


PARAMETER = "lume_parameter_"
"""What those inputs of a subflow's step or record begin with that give it the parameters of its flow."""


def parted(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters of a subflow among what a task was given, in their order, and the rest."""
    own = {name: value for name, value in values.items() if not name.startswith(PARAMETER)}
    given = {name.removeprefix(PARAMETER): value for name, value in values.items() if name not in own}
    return given, own


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


def run_inputs() -> dict[str, Any]:
    """Return the parameters of this run as its records hold them; of a flow written by hand, as they were given."""
    return {**(prefect.context.get("parameters") or {}), **(prefect.context.get(INPUTS) or {})}


def run_provenance(flow: str = "") -> Provenance:
    """Return the provenance of a record that is made now, of the flow, or of the subflow of the class ``flow``.

    For a flow written by hand, what any process knows.
    """
    underway = prefect.context.get(PROVENANCE)
    if underway is not None and flow in underway:
        found: Provenance = underway[flow].result()
        return found.ended()
    return Provenance.here(prefect=prefect.__version__, start_time=prefect.context.get("date")).ended()
