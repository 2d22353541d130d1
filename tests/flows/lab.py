"""Flows that the integration tests run, in a module of their own, as users' flows are."""

from __future__ import annotations

import logging
import os
import time
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import attrs
import prefect

from lume_dsl import (
    JSON,
    DBResult,
    JSONFile,
    LumeFlow,
    TextFile,
    case,
    db_result,
    file_result,
    flow,
    merge,
    parameter,
    result,
    step,
    switch,
    task,
    unmapped,
)


@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2


class Greeting(LumeFlow):
    """Join two texts, keep the outcome as a file and the run as a record."""

    text1: str = parameter(help="the left part")
    text2: str = parameter(default=" you")
    filename: str = parameter(default="greeting.txt")

    text = append_text(text1, text2)
    text_file: TextFile = file_result(text, filename=filename)
    record: DBResult = db_result(text=text)


@task
def scale(value: float, by: float) -> float:
    return value * by


@task
def process_id(value: float) -> int:
    return os.getpid()


@flow(name="steps-and-maps", project="injector")
class Steps(LumeFlow):
    """Steps and maps, with a file and a record that depend on both."""

    values: list[float] = parameter(default=[1.0, 2.0, 3.0], help="what is scaled", unit="pC")
    by: float = parameter(default=2.0, gt=0)
    pair: tuple[int, str] = (1, "one")
    extra: dict[str, JSON] = parameter(default={"a": [1, None, "x"]})
    note: str | None = None

    scaled = scale.map(values, unmapped(by))
    workers = process_id.map(scaled)

    @step.map(value=scaled)
    def shifted(self, value: float) -> float:
        return value + self.by

    @step(name="ignored: the method's name counts")
    def total(self, shifted: list[float], offset: float = 0.5) -> float:
        self.logger.info("total of %d", len(shifted))
        return sum(shifted) + offset

    @step
    def pair_seen(self) -> tuple[int, str]:
        return self.pair

    difference = total - scaled[0]
    both = [total, difference]
    summary: JSONFile = file_result({"total": total, "scaled": scaled}, filename="summary.json")
    kept: float = result(total)
    record: DBResult = db_result(total=total, summary=summary)
    second: DBResult = db_result(total=total)


@task
def fail(text: str) -> str:
    raise ValueError(f"no {text} today")


@task
def count_up(path: str) -> int:
    """Counts its calls in a file, and succeeds at the third."""
    seen = Path(path)
    calls = int(seen.read_text() or "0") + 1 if seen.exists() else 1
    seen.write_text(str(calls))
    if calls < 3:
        raise RuntimeError(f"call {calls}")
    return calls


class Failing(LumeFlow):
    text: str = parameter(default="beam")

    good = append_text(text, "!")
    bad = fail(text)
    after = append_text(bad, good)
    kept: str = result(after)


@task
def refuse(value: float) -> float:
    raise ValueError("no peak")


class ManyFailures(LumeFlow):
    values: list[float] = parameter(default=[float(number) for number in range(31)])

    fits = refuse.map(values)


class Retried(LumeFlow):
    path: str = parameter()

    calls = count_up.with_options(max_retries=2, retry_delay=timedelta(0))(path)


class MarkedThenSaved(LumeFlow):
    """Shows whether anything computed before a service was found not to answer."""

    marker: str = parameter()

    calls = count_up(marker)
    record: DBResult = db_result(calls=calls)


class NoServices(LumeFlow):
    text: str = "a"

    both = append_text(text, text)
    kept: str = result(both)


class Chatty(LumeFlow):
    """Writes to stdout in every way that there is."""

    @step
    def talk(self) -> int:
        print("from print")
        os.system("echo from a subprocess")
        return 1

    kept: int = result(talk)


class AnyName(LumeFlow):
    """Parameters may have the names of what one asks of a flow, and of Prefect's own options."""

    results: int = 1
    state: int = 2
    map: int = 3
    context: int = 4
    executor: int = 5
    parameters: int = 6
    logger: int = 7
    json: int = 8

    @step
    def total(self, results: int, state: int, map: int, context: int, executor: int, parameters: int) -> int:
        return results + state + map + context + executor + parameters + self.logger + self.json


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


@attrs.frozen
class Magnet:
    name: str
    current: float = 0.0


@task
def together(mode: Mode, day: date, magnets: list[Magnet], path: Path, token: str, stamp: UUID) -> dict[str, Any]:
    return {"mode": mode, "day": day, "magnets": magnets, "path": path, "token": token, "stamp": stamp}


class Typed(LumeFlow):
    """Parameters of many types, one of a factory and one of a variable."""

    mode: Mode = parameter()
    day: date = date(2026, 1, 1)
    magnets: list[Magnet] = parameter(factory=lambda: [Magnet("QUAD:0")])
    path: Path = Path("data")
    token: str = parameter(secret=True, env="LAB_TOKEN")
    stamp: UUID = parameter(factory=uuid4)

    seen = together(mode, day, magnets, path, token, stamp)

    @step
    def in_step(self) -> UUID:
        return self.stamp

    record: DBResult = db_result(in_step=in_step)


@task
def header_of(token: str, number: int) -> dict[str, str]:
    time.sleep(0.2)  # so that one worker cannot do them all
    prefect.context["logger"].info("worker %d uses %s", os.getpid(), token)
    return {"Authorization": f"Bearer {token}", "number": str(number)}


@task(log_stdout=True)
def send(headers: list[dict[str, str]]) -> int:
    print(f"sending {headers[0]}")
    handler = logging.StreamHandler()  # one that there was not when the secret came
    logging.getLogger("sender").addHandler(handler)
    logging.getLogger("sender").warning("sent %s", headers[0])
    logging.getLogger("sender").removeHandler(handler)
    return len(headers)


@task(max_retries=1, retry_delay=timedelta(0))
def fail_once(headers: list[dict[str, str]], count: int) -> None:
    if not prefect.context.get("task_run_count", 1) > 1:
        raise ValueError(f"the server refused {headers[1]}")


class Sending(LumeFlow):
    """A flow whose plain tasks tell its secret, of which some only have what another made of it."""

    token: str = parameter(secret=True, env="LAB_TOKEN")
    headers = header_of.map(unmapped(token), [1, 2, 3, 4, 5, 6])
    sent = send(headers)
    again = fail_once(headers, sent)


class RefusedLogin(ConnectionError):
    """Tells what its args do not hold."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.user = {"tokens": (token,)}

    def __str__(self) -> str:
        return f"no user has {self.user['tokens'][0]}"


@task
def log_in(token: str) -> str:
    logging.getLogger("beamline").warning("logging in with %s", token)
    raise RefusedLogin(token)


class LoggingIn(LumeFlow):
    """A flow whose task fails and tells its secret."""

    token: str = parameter(secret=True, env="LAB_TOKEN")
    session = log_in(token)


class Next(LumeFlow):
    """Takes what another flow resulted in."""

    record: DBResult = parameter()
    file: TextFile = parameter()

    @step
    def both(self, record: DBResult, file: TextFile) -> str:
        return str(record.outputs["text"]) + file.read()


@task
def refuse(token: str) -> None:
    raise ValueError(f"the server refused {token}")


class Telling(LumeFlow):
    """A flow whose step and task tell its secret."""

    token: str = parameter(secret=True, env="LAB_TOKEN")

    @step
    def login(self) -> int:
        self.logger.info("logging in with %s", self.token)
        return len(self.token)

    refused = refuse(token)


class Branches(LumeFlow):
    """Blocks in blocks, a switch and merges."""

    charge: float = 150.0
    mode: Literal["fast", "slow"] = "fast"

    with case(charge > 100.0, True):
        high = append_text("high", "")
        higher = append_text(high, "er")
        with case(mode, "fast"):
            quick = append_text("quick", "")
            quick_file: TextFile = file_result(quick, filename="quick.txt")

            @step
            def seen(self) -> str:
                return f"seen at {self.charge}"

    with case(charge > 100.0, False):
        low = append_text("low", "")
        lows = append_text.map(["a", "b"], unmapped("c"))
        record: DBResult = db_result(low=low)

    fast = append_text("fast", "")
    slow = append_text("slow", "")
    switch(mode, {"fast": fast, "slow": slow})

    level = merge(higher, low)
    pace = merge(fast, slow)
    lowest = merge(low, "none")
    pair: list[str] = result([level, pace])
