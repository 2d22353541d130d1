"""Which store of runs there is, by the URL of the records'. A driver is loaded when it is asked for."""

from __future__ import annotations

from lume_dsl.history.store import RunStore
from lume_dsl.settings import Settings

__all__ = ["open_runs"]


def open_runs(settings: Settings) -> RunStore:
    """Return the store of runs in the place that ``settings.results_db`` names, beside the records.

    Whether it answers is seen when it is first used.

    Raises:
        ServiceError: If its driver is not installed, or the URL is not one that the driver takes.
    """
    url = settings.results_db.url
    if url.startswith("mongodb"):
        from lume_dsl.history.mongo import MongoRuns  # loads pymongo: 130 ms

        return MongoRuns(url)
    if url.startswith("sqlite:///") and "?" not in url and not url.endswith((":///", ":memory:")):
        from lume_dsl.history.sqlite import SQLiteRuns

        return SQLiteRuns(url)
    from lume_dsl.history.sql import SQLRuns  # loads SQLAlchemy: 200 ms

    return SQLRuns(url)
