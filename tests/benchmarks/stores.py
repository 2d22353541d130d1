"""What record stores cost, as ratios to the same work by hand, measured in turn in one run.

    python tests/benchmarks/stores.py [--rounds 5] [--mongodb mongodb://127.0.0.1:27017]

``bench.py`` prints the same tables. By hand, a record's values become JSON text (documents in MongoDB) and one SHA-256
over them, for the unique index; in a table with the same columns and indexes, and with the same durability.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

Times = dict[str, list[float]]

SMALL = 10_000
MANY = 1_000_000
LARGE = 200 * 10**6  # bytes


def table(title: str, times: Times, baseline: dict[str, str], targets: dict[str, str]) -> Table:
    """Medians, and each one's ratio to that of its baseline."""
    shown = Table(title=title, title_justify="left")
    for name in ("", "median", "ratio", "at most", "smallest to largest"):
        shown.add_column(name, justify="left" if not name else "right")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        by_hand = baseline.get(name)
        ratio = f"{median / statistics.median(times[by_hand]):.2f}" if by_hand else ""
        spread = f"{_time(min(seconds))} to {_time(max(seconds))}"
        shown.add_row(name, _time(median), ratio, targets.get(name, ""), spread)
    return shown


def _time(seconds: float) -> str:
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1000:.2f} ms"
        if seconds >= 1e-3
        else f"{seconds * 1e6:.0f} µs"
    )


def measured(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _records(number: int) -> list[Any]:
    from lume_dsl.records import DBResult

    run = uuid4().hex
    return [
        DBResult(flow_name="scan", inputs={"shot": n, "run": run, "gain": 0.5}, outputs={"sigma": n / 7, "text": "ok"})
        for n in range(number)
    ]


def _document_by_hand(record: Any) -> dict[str, Any]:
    values = [record.project_name, record.flow_name, record.result_name, record.inputs, record.outputs]
    text = json.dumps(values, sort_keys=True)
    return {
        "unique_hash": hashlib.sha256(text.encode()).hexdigest(),
        "result_type_string": "lume_dsl.records:DBResult",
        "project_name": record.project_name,
        "flow_name": record.flow_name,
        "result_name": record.result_name,
        "flow_run_id": record.flow_run_id,
        "time": record.time.isoformat(timespec="microseconds"),
        "inputs": record.inputs,
        "outputs": record.outputs,
        "fields": {},
        "provenance": None,
        "input_marks": [hashlib.sha256(f"{n}{v}".encode()).hexdigest() for n, v in record.inputs.items()],
    }


def _by_hand(record: Any) -> dict[str, Any]:
    document = _document_by_hand(record)
    texts = {name: json.dumps(document[name]) for name in ("inputs", "outputs", "fields")}
    return {**document, **texts, "input_marks": " ".join(document["input_marks"]), "blobs": None}


# -- small records ------------------------------------------------------------------------------------------------


def small_in_sqlite(folder: Path, rounds: int) -> Table:
    import sqlalchemy as sa

    from lume_dsl.records.sql_engines import prefer_wal
    from lume_dsl.records.sql_schema import metadata, records

    services = _services(f"sqlite:///{folder}/store.db", folder)
    engine = sa.create_engine(f"sqlite:///{folder}/by_hand.db")
    sa.event.listen(engine, "connect", prefer_wal)
    metadata.create_all(engine)
    times: Times = {}

    def one_by_one(saved: list[Any]) -> None:
        for record in saved:
            with engine.begin() as connection:
                connection.execute(sa.insert(records), _by_hand(record))

    def at_once(saved: list[Any]) -> None:
        with engine.begin() as connection:
            connection.execute(sa.insert(records), [_by_hand(record) for record in saved])

    for _ in range(rounds):
        saved, more = _records(SMALL), _records(SMALL)
        _add(times, f"{SMALL:,} one by one by hand", lambda saved=saved: one_by_one(saved))
        _add(times, f"{SMALL:,} one by one", lambda saved=saved: [services.save_record(record) for record in saved])
        _add(times, f"{SMALL:,} at once by hand", lambda more=more: at_once(more))
        _add(times, f"{SMALL:,} at once", lambda more=more: services.save_records(more))
    services.close()
    return _small_table("Small records in SQLite, against SQLAlchemy Core", times)


def small_in_mongodb(url: str, rounds: int) -> Table:
    import pymongo

    name = f"bench_{uuid4().hex[:8]}"
    services = _services(f"{url}/{name}", Path())
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(url, journal=True)
    collection = client[name]["by_hand"]
    for index in client[name]["records"].index_information().values():
        if index["key"] != [("_id", 1)]:
            collection.create_index(index["key"], unique=index.get("unique", False))
    times: Times = {}
    for _ in range(rounds):
        saved, more = _records(SMALL), _records(SMALL)
        _add(
            times,
            f"{SMALL:,} one by one by hand",
            lambda saved=saved: [collection.insert_one(_document_by_hand(record)) for record in saved],
        )
        _add(times, f"{SMALL:,} one by one", lambda saved=saved: [services.save_record(record) for record in saved])
        _add(
            times,
            f"{SMALL:,} at once by hand",
            lambda more=more: collection.insert_many([_document_by_hand(record) for record in more]),
        )
        _add(times, f"{SMALL:,} at once", lambda more=more: services.save_records(more))
    client.drop_database(name)
    client.close()
    services.close()
    return _small_table("Small records in MongoDB, against pymongo", times)


def _services(url: str, folder: Path) -> Any:
    """What people save by, ready to."""
    from lume_dsl.services import Services
    from lume_dsl.settings import ResultsDB, Settings

    services = Services(Settings(home=folder, results_db=ResultsDB(url), directory=folder))
    services.store.check()
    return services


def _add(times: Times, name: str, do: Callable[[], object]) -> None:
    times.setdefault(name, []).append(measured(do))


def _small_table(title: str, times: Times) -> Table:
    baseline = {name: f"{name.removesuffix(' by hand')} by hand" for name in times}
    return table(title, times, baseline, {name: "1.5" for name in times if "hand" not in name})


# -- one among many -----------------------------------------------------------------------------------------------


def one_among_many(folder: Path, rounds: int) -> Table:
    import attrs

    from lume_dsl.records import to_document
    from lume_dsl.records.sql import SQLStore
    from lume_dsl.records.store import Entry

    store = SQLStore(f"sqlite:///{folder}/many.db")
    (record,) = _records(1)
    document = to_document(record)
    start = time.perf_counter()
    for place in range(0, MANY, 50_000):  # the hashes of these are made up: that of the record in the middle is not
        store.insert(
            [Entry({**document, "unique_hash": uuid4().hex * 2, "outputs": {"n": place + n}}) for n in range(50_000)]
        )
        if place == MANY // 2:
            reference, _ = store.save(record)
    filled = time.perf_counter() - start
    times: Times = {}
    again = SQLStore(f"sqlite:///{folder}/many.db")
    _add(times, "the first time, opening the store", lambda: again.load(reference))
    for _ in range(20 * rounds):
        _add(times, "by reference", lambda: again.load(reference))
        _add(times, "the latest of a flow", lambda: next(again.scan(_latest())))
    assert attrs.evolve(again.load(reference)) == record
    store.close()
    again.close()
    targets = {"by reference": "5 ms"}
    return table(f"Loading one of {MANY:,} records in SQLite (filled in {filled:.0f} s)", times, {}, targets)


def _latest() -> Any:
    from lume_dsl.records.query import Prefilter

    return Prefilter(equal={"flow_name": "scan", "project_name": "default"}, limit=1)


# -- large contents -----------------------------------------------------------------------------------------------

_PEAK = """
import json, resource, sys, time
import numpy as np

work, url, folder, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
from lume_dsl.records import DBResult, open_store
from lume_dsl.settings import ResultsDB, Settings
from pathlib import Path
import sqlalchemy, lume_dsl.records.sql, lume_dsl.records.mongo

array = np.empty(0)
if work == "write" or "save" in work:
    array = np.random.default_rng().random(size // 8)
if not work.startswith("np."):
    store = open_store(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))
    store.check()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - array.nbytes
start = time.perf_counter()
if work == "write":
    reference, _ = store.save(DBResult(flow_name="large", outputs={"array": array}))
    Path(folder, "reference.json").write_text(json.dumps(reference))
elif work == "read":
    array = store.load(json.loads(Path(folder, "reference.json").read_text())).outputs["array"]
elif work.startswith("np.save"):
    with open(Path(folder, "array.npy"), "wb") as file:
        np.save(file, array)
        if "sync" in work:
            import os
            file.flush()
            os.fsync(file.fileno())
elif work == "np.load":
    array = np.load(Path(folder, "array.npy"))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
assert array.nbytes == size // 8 * 8
print(json.dumps([seconds, peak / array.nbytes]))
"""


def large(mongodb: str, folder: Path, rounds: int) -> Table:
    """Each in a process of its own, which tells its time and the most memory that it took, the array included.

    Each round has new files and databases, which are removed after it, and memory that the machine has given out
    before: a virtual machine's first use of it takes longer than the work.
    """
    times: Times = {}
    peaks: dict[str, list[float]] = {}

    def run(here: Path, name: str, work: str, url: str = "sqlite://") -> None:
        subprocess.run([sys.executable, "-c", f"b'x' * {8 * LARGE}"], check=True)
        command = [sys.executable, "-c", _PEAK, work, url, str(here), str(LARGE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        seconds, peak = json.loads(done.stdout)
        times.setdefault(name, []).append(seconds)
        peaks.setdefault(name, []).append(peak)

    import pymongo

    for _ in range(rounds):
        here = folder / f"round_{uuid4().hex}"
        here.mkdir()
        run(here, "np.save", "np.save")
        run(here, "np.load", "np.load")
        (here / "array.npy").unlink()
        run(here, "np.save, and on the disk (fsync)", "np.save and sync")
        (here / "array.npy").unlink()
        for name, url in {"SQLite": f"sqlite:///{here}/large.db", "MongoDB": f"{mongodb}/{here.name}"}.items():
            run(here, f"to {name}", "write", url)
            run(here, f"from {name}", "read", url)
        shutil.rmtree(here)
        with pymongo.MongoClient[Any](mongodb) as client:
            client.drop_database(here.name)
    baseline = {name: "np.load" if "from" in name or "load" in name else "np.save" for name in times}
    for name, there, back in (
        ("np.save and np.load", "np.save", "np.load"),
        ("to SQLite and back", "to SQLite", "from SQLite"),
        ("to MongoDB and back", "to MongoDB", "from MongoDB"),
    ):
        times[name] = [sum(both) for both in zip(times[there], times[back], strict=True)]
        baseline[name] = "np.save and np.load"
    for name, most in peaks.items():
        times[f"{name}: peak {statistics.median(most):.2f} times its size"] = times.pop(name)
        baseline = {
            (k if k != name else f"{name}: peak {statistics.median(most):.2f} times its size"): v
            for k, v in baseline.items()
        }
    saves = {
        key: next(name for name in times if name == value or name.startswith(f"{value}:"))
        for key, value in baseline.items()
    }
    return table(f"An array of {LARGE // 10**6} MB", times, saves, {name: "2.0" for name in times if "np." not in name})


# -- all of it ----------------------------------------------------------------------------------------------------


@contextmanager
def a_mongodb(folder: Path) -> Iterator[str]:
    """The URL of a MongoDB server that is ended afterwards."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from conftest import _mongod, _wait_for, free_port

    port = free_port()
    (folder / "mongod").mkdir()
    command = [_mongod(), "--dbpath", str(folder / "mongod"), "--port", str(port), "--bind_ip", "127.0.0.1"]
    log = folder / "mongod.log"
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--nounixsocket"], stdout=file, stderr=file)
    try:
        _wait_for(port, process, log)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def tables(rounds: int, mongodb: str | None = None, only: str = "") -> Iterator[Table]:
    """Yield the tables one after another, as they are measured."""
    folder = Path(tempfile.mkdtemp(prefix="lume_bench_", dir=os.getcwd()))  # /tmp may be in memory
    try:
        with a_mongodb(folder) if mongodb is None else _given(mongodb) as url:
            work: dict[str, Callable[[], Table]] = {
                "sqlite": lambda: small_in_sqlite(folder, rounds),
                "mongodb": lambda: small_in_mongodb(url, rounds),
                "many": lambda: one_among_many(folder, rounds),
                "large": lambda: large(url, folder, rounds),
            }
            for name, measure in work.items():
                if only in ("", name):
                    yield measure()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _given(url: str) -> Iterator[str]:
    yield url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mongodb", help="the URL of a server; without it, one is started")
    parser.add_argument("--only", default="", choices=["", "sqlite", "mongodb", "many", "large"])
    given = parser.parse_args()
    for shown in tables(given.rounds, given.mongodb, given.only):
        Console(width=120).print(shown)


if __name__ == "__main__":
    main()
