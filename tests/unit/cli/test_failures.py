"""A run that failed is told in as many lines as somebody reads."""

from __future__ import annotations

from lume_dsl.cli.failures import describe
from lume_dsl.errors import FlowRunError, TaskFailure


def failed(*reasons: str) -> FlowRunError:
    failures = tuple(TaskFailure(f"square[{n}]", ValueError(reason), f"x={n}") for n, reason in enumerate(reasons))
    return FlowRunError("Scan", failures, ("total",), "0123456789abcdef")


def test_runs_that_failed_for_one_reason_are_told_once() -> None:
    told = describe(failed(*["no beam"] * 30, "too bright"))
    assert told.count("ValueError: no beam") == told.count("ValueError: too bright") == 1
    assert "square[9] (x=9) and 20 more:" in told
    assert "other reasons" not in told


def test_of_many_reasons_ten_are_told_and_all_on_demand() -> None:
    error = failed(*[f"reason {n}" for n in range(1200)], "reason 1199")
    told = describe(error)
    assert [f"ValueError: reason {n}\n" in told for n in (0, 9, 10)] == [True, True, False]
    assert "and 1,191 more for other reasons, which -v shows" in told
    assert told.endswith("not run: total\ngo on with it, when that is mended: python -m lume_dsl resume 01234567")
    assert describe(error, verbose=True).count("ValueError: reason") == 1200
