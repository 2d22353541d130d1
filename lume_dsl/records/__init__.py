"""Records of flow runs: what one holds, how it is stored and how records are found.

It must not know flows or Prefect. A store's driver is loaded when the store is opened.
"""

from __future__ import annotations

from lume_dsl.records.opening import open_store
from lume_dsl.records.provenance import Provenance
from lume_dsl.records.query import Query
from lume_dsl.records.record import DBResult, from_document, to_document
from lume_dsl.records.results import Results
from lume_dsl.records.store import Document, RecordStore
from lume_dsl.values.type_names import publish

__all__ = [
    "DBResult",
    "Document",
    "Provenance",
    "Query",
    "RecordStore",
    "Results",
    "from_document",
    "open_store",
    "to_document",
]

publish(DBResult, __name__)
