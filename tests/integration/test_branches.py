# ruff: noqa: E501 - a mode and all its values, in one row
"""Branches run as Prefect's own do, on every executor, and what is skipped is None."""

from __future__ import annotations

import itertools
from datetime import timedelta
from types import ModuleType
from typing import Any

import prefect
import pytest
from prefect.engine import signals
from prefect.executors import LocalDaskExecutor, LocalExecutor
from prefect.tasks.control_flow import case, merge, switch

from lume_dsl import LumeFlow, result, step, task, unmapped
from lume_dsl import case as lume_case
from lume_dsl import merge as lume_merge
from lume_dsl import switch as lume_switch


def by_hand(lab: ModuleType) -> prefect.Flow:
    """The branches of ``lab.Branches`` as one writes them in plain Prefect."""
    append = prefect.task(lab.append_text.function)
    with prefect.Flow("by hand") as flow:
        charge, mode = prefect.Parameter("charge", default=150.0), prefect.Parameter("mode", default="fast")
        with case(charge > 100.0, True):
            high = append("high", "", task_args={"name": "high"})
            append(high, "er", task_args={"name": "higher"})
            with case(mode, "fast"):
                append("quick", "", task_args={"name": "quick"})
        with case(charge > 100.0, False):
            low = append("low", "", task_args={"name": "low"})
            append.map(["a", "b"], prefect.unmapped("c"), task_args={"name": "lows"})
        fast = append("fast", "", task_args={"name": "fast"})
        slow = append("slow", "", task_args={"name": "slow"})
        switch(mode, {"fast": fast, "slow": slow})
        higher = flow.get_tasks(name="higher")[0]
        merge(higher, low).name = "level"
        merge(fast, slow).name = "pace"
    return flow


CHOICES = [{"charge": charge, "mode": mode} for charge, mode in itertools.product([150.0, 5.0], ["fast", "slow"])]


def told(state: Any, name: str) -> tuple[str, str, Any]:
    """The state of a task of this name in a run: its kind, its message and its result."""
    (found,) = (one for task_, one in state.result.items() if task_.name == name)
    return type(found).__name__, found.message, found.result


@pytest.mark.parametrize("chosen", CHOICES, ids=str)
def test_each_task_ends_in_the_state_that_it_has_by_hand(lab: ModuleType, chosen: dict[str, Any]) -> None:
    ours, hand = lab.Branches.flow.run(**chosen), by_hand(lab).run(**chosen)
    assert (type(ours), ours.message) == (type(hand), hand.message)
    for name in ("high", "higher", "quick", "low", "lows", "fast", "slow", "level", "pace"):
        assert told(ours, name) == told(hand, name), name


EXPECTED = {
    "150.0 fast": {"higher": "higher", "quick": "quick", "seen": "seen at 150.0", "low": None, "level": "higher"},
    "150.0 slow": {"higher": "higher", "quick": None, "seen": None, "low": None, "level": "higher"},
    "5.0 fast": {"higher": None, "quick": None, "seen": None, "low": "low", "level": "low"},
    "5.0 slow": {"higher": None, "quick": None, "seen": None, "low": "low", "level": "low"},
}


@pytest.mark.parametrize("executor", [LocalExecutor(), LocalDaskExecutor(scheduler="processes")], ids=str)
@pytest.mark.parametrize("chosen", CHOICES, ids=str)
def test_the_branches_that_ran_have_values_and_the_others_are_none(
    lab: ModuleType, chosen: dict[str, Any], executor: Any
) -> None:
    done = lab.Branches(**chosen).run(executor=executor)
    expected = EXPECTED[f"{chosen['charge']} {chosen['mode']}"]
    assert {name: getattr(done, name) for name in expected} == expected
    assert done.pair == [expected["level"], chosen["mode"]]
    assert done.lowest == ("low" if expected["low"] else "none")
    assert done.lows == (["ac", "bc"] if expected["low"] else None)
    assert (done.quick_file is None) == (expected["quick"] is None)
    assert (done.record is None) == (expected["low"] is None)


def test_files_and_records_of_a_branch_that_was_skipped_are_not_saved(lab: ModuleType) -> None:
    done = lab.Branches(mode="slow").run()
    assert lab.Branches.results().count() == 0
    assert done.flow_run.state.is_successful()
    assert lab.Branches(charge=5.0).run().record.outputs == {"low": "low"}
    assert lab.Branches.results().count() == 1


def test_a_merge_of_a_branch_that_failed_fails() -> None:
    @task
    def fail(x: int) -> int:
        raise ValueError(f"no {x}")

    class Failing(LumeFlow):
        x: int = 1
        with lume_case(x, 1):
            y = fail(x)
        z = lume_merge(y, 0)

    with pytest.raises(Exception, match="no 1"):
        Failing().run()
    assert Failing(x=2).run().z == 0


def test_ten_branches_or_more_are_merged_in_their_order() -> None:
    class Many(LumeFlow):
        z = lume_merge(*(_number.map([number])[0] for number in range(12)))

    assert Many().run().z == 0


# maps


@task
def raised(x: int, by: int = 1) -> int:
    return x + by


@task
def even(x: int) -> int:
    if x % 2:
        raise signals.SKIP(f"{x} is odd")
    return x


@task
def some_numbers() -> list[int]:
    return [1, 2, 3]


@task
def total(xs: list[int]) -> int:
    return sum(xs)


class Mapped(LumeFlow):
    """Maps in branches, over values of branches, and with values of branches for all items."""

    mode: str = "wide"

    numbers = some_numbers()
    with lume_case(mode, "wide"):
        wide = raised.map(numbers)
        by = raised(1)

        @step(max_retries=1, retry_delay=timedelta(seconds=1)).map(x=wide)
        def wider(self, x: int) -> int:
            return x + len(self.mode)

    with lume_case(mode, "narrow"):
        narrow = raised.map([10])
    over = raised.map(wide)
    whole = raised.map(numbers, unmapped(by))
    either = lume_merge(wide, narrow)
    on = raised.map(either)
    fallback = lume_merge(narrow, [0, 0])
    kept: list[int] = result(on)
    first = raised.map(numbers)
    second = raised.map(numbers)
    lume_switch(mode, {"wide": first, "narrow": second})
    last = lume_merge(first, second)
    evens = even.map(numbers)
    evens_on = raised.map(evens)
    all_evens = total(evens)


def mapped_by_hand() -> prefect.Flow:
    def run(function: Any, *args: Any, name: str, mapped: bool = True) -> Any:
        made = prefect.task(function.function)
        return (made.map if mapped else made)(*args, task_args={"name": name})

    with prefect.Flow("by hand") as flow:
        mode = prefect.Parameter("mode", default="wide")
        numbers = run(some_numbers, name="numbers", mapped=False)
        with case(mode, "wide"):
            wide = run(raised, numbers, name="wide")
            by = run(raised, 1, name="by", mapped=False)
            run(raised, wide, prefect.unmapped(4), name="wider")
        with case(mode, "narrow"):
            narrow = run(raised, [10], name="narrow")
        run(raised, wide, name="over")
        run(raised, numbers, prefect.unmapped(by), name="whole")
        either = merge(wide, narrow)
        either.name = "either"
        run(raised, either, name="on")
        first = run(raised, numbers, name="first")
        second = run(raised, numbers, name="second")
        switch(mode, {"wide": first, "narrow": second})
        merge(first, second).name = "last"
        evens = run(even, numbers, name="evens")
        run(raised, evens, name="evens_on")
        run(total, evens, name="all_evens", mapped=False)
    return flow


MAPS = (
    "wide",
    "by",
    "wider",
    "narrow",
    "over",
    "whole",
    "either",
    "on",
    "first",
    "second",
    "last",
    "evens",
    "evens_on",
)


@pytest.mark.parametrize("mode", ["wide", "narrow", "none"])
def test_maps_of_branches_end_as_by_hand(mode: str) -> None:
    ours, hand = Mapped.flow.run(mode=mode), mapped_by_hand().run(mode=mode)
    assert (type(ours), ours.message) == (type(hand), hand.message)
    for name in (*MAPS, "all_evens"):
        (mine, *mine_items), (theirs, *their_items) = (
            [one, *(getattr(one, "map_states", None) or [])]
            for state in (ours, hand)
            for task_, one in state.result.items()
            if task_.name == name
        )
        assert (type(mine), mine.message, str(mine.result)) == (type(theirs), theirs.message, str(theirs.result)), name
        assert [(type(item), str(item.result)) for item in mine_items] == [
            (type(item), str(item.result)) for item in their_items
        ]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("wide", {"wide": [2, 3, 4], "narrow": None, "over": [3, 4, 5], "whole": [3, 4, 5], "either": [2, 3, 4], "on": [3, 4, 5], "wider": [6, 7, 8], "fallback": [0, 0], "kept": [3, 4, 5], "first": [2, 3, 4], "second": None, "last": [2, 3, 4]}),
        ("narrow", {"wide": None, "narrow": [11], "over": None, "whole": None, "either": [11], "on": [12], "wider": None, "fallback": [11], "kept": [12], "first": None, "second": [2, 3, 4], "last": [2, 3, 4]}),
        ("none", {"wide": None, "narrow": None, "over": None, "whole": None, "either": None, "on": None, "wider": None, "fallback": [0, 0], "kept": None, "first": None, "second": None, "last": None}),
    ],
    ids=["wide", "narrow", "none"],
)  # fmt: skip
def test_a_map_over_a_value_that_was_skipped_is_skipped(mode: str, expected: dict[str, Any]) -> None:
    """So is one that gives such a value to all its items; merge goes on with the map that ran."""
    done = Mapped(mode=mode).run()
    assert {name: getattr(done, name) for name in expected} == expected


def test_an_item_that_was_skipped_is_none_and_skips_what_takes_it() -> None:
    done = Mapped().run()
    assert done.evens == [None, 2, None]
    assert done.evens_on == [None, 3, None]
    assert done.all_evens is None


@task
def _number(number: int) -> int:
    return number
