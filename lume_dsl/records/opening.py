"""Which store of records there is, by its URL. A driver is loaded when it is asked for."""

from __future__ import annotations

from lume_dsl.records.store import RecordStore
from lume_dsl.settings import Settings

__all__ = ["open_store"]


def open_store(settings: Settings) -> RecordStore:
    """Return the store that ``settings.results_db`` names. Whether it answers is seen when it is first used.

    Raises:
        ServiceError: If its driver is not installed, or the URL is not one that the driver takes.
    """
    url = settings.results_db.url
    if url.startswith("mongodb"):
        from lume_dsl.records.mongo import MongoStore  # loads pymongo: 130 ms

        return MongoStore(url)
    from lume_dsl.records.sql import SQLStore  # loads SQLAlchemy: 200 ms

    return SQLStore(url)
