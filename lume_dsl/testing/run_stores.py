"""The tests that every store of runs passes; it must not know any store.

A store's tests inherit them and give the store, empty, as the fixture ``store``.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dsl.history.store import RunQuery, RunStore, time_text

__all__ = ["RunStoreContract", "run_of"]

START = datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=timezone.utc)

_TEXTS = ["", "5", "é☃𝄞", "line\nbreak", "'; DROP TABLE lume_runs", "$where", "a.b", "100%", "a_b"]


def run_of(number: int = 0, **members: Any) -> dict[str, Any]:
    """Return the document of a run; one with a higher number began later."""
    defaults: dict[str, Any] = {"flow_name": "Scan", "project_name": "", "state": "Success", "parameters": {}}
    start_time = time_text(START + timedelta(seconds=number))
    return {"id": f"{number:08x}-0000", "start_time": start_time, **defaults, **members}


def _ids(store: RunStore, **wanted: Any) -> list[str]:
    return [document["id"] for document in store.scan(RunQuery(**wanted))]


class RunStoreContract:
    """What holds of every store of runs."""

    def test_an_empty_store_has_no_runs(self, store: RunStore) -> None:
        assert _ids(store) == []
        assert store.count(RunQuery()) == store.count(RunQuery(), but=["x"]) == 0
        assert store.delete(["x"]) == 0

    def test_a_run_comes_back_as_it_was_put(self, store: RunStore) -> None:
        document = run_of(
            parameters={text: [text, 1, 1.5, None, {"$ref": text}] for text in _TEXTS}, message="no \udcff Unicode"
        )
        store.put(document)
        assert list(store.scan(RunQuery())) == [document]

    def test_a_run_takes_the_place_of_what_was_known_of_it(self, store: RunStore) -> None:
        store.put(run_of(1, state="Failed"))
        store.put(run_of(2))
        store.put(run_of(1, state="Success"))
        assert [one["state"] for one in store.scan(RunQuery())] == ["Success", "Success"]

    def test_the_newest_comes_first(self, store: RunStore) -> None:
        for number in (3, 1, 2):
            store.put(run_of(number))
        assert [int(one[:8], 16) for one in _ids(store)] == [3, 2, 1]

    @pytest.mark.parametrize("name", _TEXTS)
    def test_names_are_taken_as_they_are(self, store: RunStore, name: str) -> None:
        store.put(run_of(1, flow_name=name, project_name=name, id=f"1{name.encode().hex()}"))
        store.put(run_of(2, flow_name=f"{name}x", project_name=name.upper() + "y"))
        assert len(_ids(store, flow_name=name)) == len(_ids(store, project_name=name)) == 1

    @pytest.mark.parametrize("beginning", ["a%", "a_", "a\\", "A", "ab"])
    def test_a_beginning_is_no_pattern(self, store: RunStore, beginning: str) -> None:
        ids = ["a%1", "a_1", "a\\1", "ax1", "A1", "ab1"]
        for number, one in enumerate(ids):
            store.put(run_of(number, id=one))
        assert _ids(store, beginning=beginning) == [one for one in ids if one.startswith(beginning)]

    def test_deleted_runs_are_gone_and_the_others_stay(self, store: RunStore) -> None:
        for number in range(4):
            store.put(run_of(number))
        assert store.delete([run_of(1)["id"], run_of(2)["id"], "unknown"]) == 2
        assert _ids(store) == [run_of(3)["id"], run_of(0)["id"]]

    def test_many_threads_put_at_once(self, store: RunStore) -> None:
        errors: list[BaseException] = []

        def put(first: int) -> None:
            try:
                for number in range(first, first + 10):
                    store.put(run_of(number))
            except BaseException as error:
                errors.append(error)

        threads = [Thread(target=put, args=(10 * place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(_ids(store)) == 40

    @settings(
        max_examples=30,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(data=st.data())
    def test_it_finds_what_the_query_takes(self, store: RunStore, data: st.DataObject) -> None:
        store.delete(_ids(store))
        runs = data.draw(
            st.lists(
                st.builds(
                    run_of,
                    st.integers(0, 6),
                    flow_name=st.sampled_from(["Scan", "scan", "Fit"]),
                    project_name=st.sampled_from(["", "a"]),
                    state=st.sampled_from(["Failed", "Success", "Interrupted"]),
                ),
                unique_by=lambda run: run["id"],
            )
        )
        for run in runs:
            store.put(run)
        times = st.none() | st.integers(0, 6).map(lambda number: START + timedelta(seconds=number))
        query = data.draw(
            st.builds(
                RunQuery,
                flow_name=st.sampled_from([None, "Scan", "scan"]),
                project_name=st.sampled_from([None, "", "a"]),
                beginning=st.sampled_from([None, "0000000", "00000003"]),
                states=st.sampled_from([None, (), ("Failed",), ("Success", "Interrupted")]),
                since=times,
                until=times,
            )
        )
        expected = sorted(filter(query.takes, runs), key=lambda run: str(run["start_time"]), reverse=True)
        assert list(store.scan(query)) == expected
        but = data.draw(st.sets(st.sampled_from([run_of(number)["id"] for number in range(6)] + ["unknown"])))
        assert store.count(query) == len(expected)
        assert store.count(query, but=but) == sum(run["id"] not in but for run in expected)
