"""Branches run as Prefect's own do, on every executor, and what is skipped is None."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import prefect
import pytest
from prefect.executors import LocalDaskExecutor, LocalExecutor
from prefect.tasks.control_flow import case, merge, switch

from lume_dsl import LumeFlow, task
from lume_dsl import case as lume_case
from lume_dsl import merge as lume_merge


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


@task
def _number(number: int) -> int:
    return number
