"""Runs in a collection of a MongoDB database; it must not know what runs mean."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pymongo import errors
from pymongo.database import Database

from lume_dsl.errors import ServiceError
from lume_dsl.history.store import COLUMNS, RunQuery, RunStore, time_text
from lume_dsl.records.mongo_clients import OfMongo

__all__ = ["MongoRuns"]


class MongoRuns(OfMongo, RunStore):
    """Runs in the collection ``runs`` of the database that a MongoDB URL names, else of ``lume``.

    Beside the members by which it is found, a run is one JSON text, ``document``.
    """

    def _use(self, database: Database[Any]) -> None:
        self._runs = database["runs"]

    def put(self, document: Mapping[str, Any]) -> None:
        row = {name: document[name] for name in COLUMNS if name != "id"}
        with self._translated():
            if not self._is_ready:
                self._runs.create_index([("flow_name", 1), ("start_time", -1)])
                self._runs.create_index([("start_time", -1)])
                self._is_ready = True
            text = json.dumps(document)
            self._runs.replace_one({"_id": document["id"]}, {**row, "document": text}, upsert=True)

    def scan(self, query: RunQuery) -> Iterator[dict[str, Any]]:
        with self._translated(), self._runs.find(_filter(query), {"document": True}) as found:
            for row in found.sort([("start_time", -1), ("_id", 1)]).allow_disk_use(True):
                yield json.loads(row["document"])

    def count(self, query: RunQuery, *, but: Collection[str] = ()) -> int:
        with self._translated():
            return self._runs.count_documents({"$and": [_filter(query), {"_id": {"$nin": list(but)}}]})

    def delete(self, ids: Sequence[str]) -> int:
        with self._translated():
            return self._runs.delete_many({"_id": {"$in": list(ids)}}).deleted_count

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with super()._translated():
            try:
                yield
            except errors.DocumentTooLarge as error:
                raise ServiceError(f"the run has more task runs than {self._shown} takes in one document") from error


def _filter(query: RunQuery) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if query.flow_name is not None:
        found["flow_name"] = query.flow_name
    if query.project_name is not None:
        found["project_name"] = query.project_name
    if query.beginning:
        found["_id"] = {"$regex": f"^{re.escape(query.beginning)}"}
    if query.states is not None:
        found["state"] = {"$in": list(query.states)}
    limits = {"$gte": query.since, "$lte": query.until}
    if given := {name: time_text(limit) for name, limit in limits.items() if limit is not None}:
        found["start_time"] = given
    return found
