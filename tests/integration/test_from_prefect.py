"""A flow written by hand is, as a class and as a part of another flow, what it is in Prefect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import prefect
import pytest
from prefect import Flow, Parameter, case, flatten, unmapped
from prefect.core.parameter import DateTimeParameter
from prefect.engine.results import LocalResult
from prefect.engine.signals import SKIP
from prefect.tasks.control_flow import merge, switch
from prefect.tasks.core.constants import Constant
from prefect.tasks.core.resource_manager import resource_manager
from prefect.triggers import all_finished
from prefect.utilities.configuration import set_temporary_config

from lume_dsl import DefinitionError, LumeFlow, TextFile, results, task
from lume_dsl.compose.by_hand import from_prefect
from lume_dsl.compose.names import members_by_task_name
from lume_dsl.tasks import LoadDBResult, LoadFile, SaveDBResult, SaveFile, configure_services

CALLS: list[Any] = []


@prefect.task
def add(x, y=1):
    return x + y


@prefect.task
def listed(n):
    return list(range(n))


@prefect.task
def total(values):
    return sum(values)


@prefect.task(nout=2)
def pair(x):
    return x, 2 * x


@prefect.task(max_retries=2, retry_delay=timedelta(0))
def flaky(x):
    CALLS.append(x)
    if len(CALLS) % 3:
        raise ValueError("not yet")
    return x


@prefect.task
def failing(x):
    raise ValueError(f"no {x}")


@prefect.task
def failing_for_two(x):
    if x == 2:
        raise ValueError("two")
    return [x]


@prefect.task
def skipping_two(x):
    if x == 2:
        raise SKIP("two")
    return [x]


@prefect.task(trigger=all_finished, skip_on_upstream_skip=False)
def told(x):
    return repr(x)


@prefect.task
def skipped(x):
    raise SKIP("not today")


@resource_manager
class Held:
    def __init__(self, x):
        self.x = x

    def setup(self):
        return self.x

    def cleanup(self, x):
        CALLS.append(("closed", x))


def chain(n: Any) -> None:
    add(add(n), 5)


def maps(n: Any) -> None:
    numbers = listed(n)
    more = add.map(numbers, y=unmapped(n))
    total(add.map(more, add.map(numbers)))
    add.map([1, 2, 3], y=[4, 5, 6])


def flattened(n: Any) -> None:
    lists = listed.map(listed(n))
    add.map(flatten(lists))
    total(flatten(lists))
    told(flatten(failing_for_two.map(listed(n))))
    told(flatten(n))
    add.map(flatten(skipping_two.map(listed(n))))


def branches(n: Any) -> None:
    with case(n > 2, True):
        big = add(n, 100)
    with case(n > 2, False):
        small = add(n, -100)
    add(merge(big, small))
    switch(n, {3: add(n, 3), 4: add(n, 4)})


def resources(n: Any) -> None:
    with Held(n) as held:
        add(held)


def operators(n: Any) -> None:
    one, two = pair(n)
    (one + two) * n
    told({"a": n, "b": [n, 2]})


def retries(n: Any) -> None:
    flaky(n)


def failures(n: Any) -> None:
    told(failing(n))
    told(skipped(n))
    add(skipped(n))


def imperative(n: Any) -> None:
    first, second = add.copy(), add.copy()
    flow = prefect.context.flow
    flow.add_task(first)
    first.set_dependencies(flow, keyword_tasks={"x": n})
    second.set_dependencies(flow, upstream_tasks=[first], keyword_tasks={"x": Constant(3), "y": n})


BODIES = [chain, maps, flattened, branches, resources, operators, retries, failures, imperative]


def by_hand(body: Callable[[Any], None]) -> prefect.Flow:
    with Flow(body.__name__) as flow:
        body(Parameter("n", default=3))
    return flow


def outcome(state: Any, names: dict[Any, str]) -> dict[str, list[Any]]:
    """The states and values of all tasks by name."""
    found: dict[str, list[Any]] = {}
    for task_of, name in names.items():
        task_state = state.result[task_of]
        value = task_state.result
        shown = str(value) if isinstance(value, BaseException) else repr(value)
        found.setdefault(name, []).append((type(task_state).__name__, "" if "object at" in shown else shown))
    return {name: sorted(values) for name, values in found.items()}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("n", [3, 4])
def test_a_class_of_a_flow_does_what_the_flow_does(body: Callable[[Any], None], n: int) -> None:
    flow = by_hand(body)
    CALLS.clear()
    wanted = outcome(flow.run(n=n), {one: one.name for one in flow.tasks})
    called = list(CALLS)
    compiled = from_prefect(flow).flow
    CALLS.clear()
    names = {one: name.removesuffix("-2").removesuffix("-3") for name, one in compiled.members.items()}
    state = compiled.run(n=n)
    found = outcome(state, names)
    constants = {one for one in wanted if one not in found}
    assert {name: values for name, values in _merged(found).items() if name in wanted} == {
        name: values for name, values in wanted.items() if name not in constants
    }
    assert called == CALLS


def _merged(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Tasks of one name, whose members are told apart by a number."""
    merged: dict[str, list[Any]] = {}
    for name, values in found.items():
        base = name.rpartition("-")[0] if name.rpartition("-")[2].isdigit() else name
        merged.setdefault(base, []).extend(values)
    return {name: sorted(values) for name, values in merged.items()}


@pytest.mark.parametrize("body", [chain, maps, flattened, branches, resources, operators])
def test_a_flow_is_a_part_of_another(body: Callable[[Any], None]) -> None:
    flow = by_hand(body)
    wanted = outcome(flow.run(n=4), {one: one.name for one in flow.tasks})
    part = from_prefect(flow)

    class Outer(LumeFlow):
        number: int = 4
        inner = part(n=number)

    done = Outer().run()
    states = done.inner.flow_run.tasks
    for name, values in wanted.items():
        if len(values) == 1 and name in states:
            assert type(states[name]).__name__ == values[0][0]


def test_neither_the_flow_nor_its_tasks_are_changed() -> None:
    flow = by_hand(maps)
    tasks, edges, names = set(flow.tasks), set(flow.edges), sorted(one.name for one in flow.tasks)
    one, other = from_prefect(flow), from_prefect(flow)
    assert one.__lume_graph__ == other.__lume_graph__
    one(n=2).run()
    assert (set(flow.tasks), set(flow.edges), sorted(one.name for one in flow.tasks)) == (tasks, edges, names)


def test_parameters_take_what_they_take_in_prefect() -> None:
    with Flow("dates") as flow:
        day = DateTimeParameter("day")
        often = Parameter("often", required=False)
        told(day)
        told(often)
    done = from_prefect(flow)(day="2026-11-26").run()
    assert "2026, 11, 26" in done.told
    assert done.often is None
    assert from_prefect(by_hand(chain))(n=2.5).run().flow_run.state.is_successful()


def test_a_task_of_a_parameter_s_own_class_has_its_name() -> None:
    with Flow("dates") as flow:
        told(DateTimeParameter("day"))
        add.copy()(1)
        add.copy()(2)
    names = members_by_task_name(from_prefect(flow))
    assert names["day"] == ("day of DateTimeParameter",)
    assert names["add"] == ("add", "add-2")


def test_values_that_are_no_json_arrive() -> None:
    with Flow("sets") as flow:
        told(Parameter("values"))
    part = from_prefect(flow)

    @task
    def make(n: int) -> set[int]:
        return {n}

    class Outer(LumeFlow):
        inner = part(values=make(3))
        again = part(values=inner.told)

    assert Outer().run().again.told == "'{3}'"


def test_files_and_records_are_those_of_the_flow() -> None:
    save_file, load_file = SaveFile(name="save file"), LoadFile(name="load_file")
    save_record, load_record = SaveDBResult(name="save_record"), LoadDBResult(name="load_record")
    with Flow("by hand") as flow:
        text = Parameter("text")
        configure = configure_services()
        file = save_file(obj=text, file_type=TextFile, filename="kept.txt")
        content = load_file(file)
        record = save_record(output=content)
        part_of = load_record(record, attribute_index=["outputs", "output"])
        for one in (file, content, record, part_of):
            one.set_upstream(configure)
    part = from_prefect(flow)

    class Outer(LumeFlow):
        word: str = "hey"
        inner = part(text=word)
        again = part(text=inner.load_record)

    assert [one.name for one in Outer.flow.tasks].count("configure_services") == 1
    done = Outer().run()
    assert done.again.load_record == "hey"
    (found,) = results(flow="by hand")
    assert found.inputs == {"text": "hey"}
    assert found.outputs == {"output": "hey"}
    from_prefect(flow)(text="hey").run()
    assert results(flow="by hand").count() == 1


def test_a_fan_out_over_a_flow_written_by_hand() -> None:
    part = from_prefect(by_hand(chain))

    class Outer(LumeFlow):
        runs = part.map(n=[1, 2, 3])
        sums = [getattr(run, "add-2") for run in runs]

    assert Outer().run().sums == [7, 8, 9]


def test_a_result_of_the_flow_is_that_of_its_tasks(tmp_path: Path) -> None:
    kept = prefect.task(lambda x: x, name="kept", target="{task_name}.txt")
    with Flow("keeps", result=LocalResult(dir=str(tmp_path / "alone"))) as flow:
        kept(Parameter("x"))
    part = from_prefect(flow)

    class Outer(LumeFlow):
        inner = part(x="hey")

    with set_temporary_config({"flows.checkpointing": True}):
        assert part(x="hey").run().kept == "hey"
        assert Outer().run().inner.kept == "hey"
    assert sorted(path.name for path in (tmp_path / "alone").iterdir()) == ["inner.kept.txt", "kept.txt"]


def test_parameters_may_have_any_name_and_value() -> None:
    with Flow("names") as flow:
        told([Parameter("lambda"), Parameter("a b"), Parameter("pair")])
    part = from_prefect(flow)
    values = {"lambda": 1, "a b": date(2026, 11, 26), "pair": (1, 2)}
    wanted = repr([1, date(2026, 11, 26), (1, 2)])

    @task
    def given(value: int) -> int:
        return value

    class Outer(LumeFlow):
        inner = part(**{**values, "lambda": given(1)})

    assert part(**values).run().told == wanted
    assert Outer().run().inner.told == wanted
    assert set(part.schema()["properties"]["parameters"]["properties"]) == set(values)


def test_the_services_that_its_configure_task_checks_are_checked() -> None:
    def configured(name: str, **checked: Any) -> Any:
        with Flow(name) as flow:
            file = SaveFile(name="kept")(obj="hey", file_type=TextFile, filename=f"{name}.txt")
            file.set_upstream(configure_services(**checked))
        return from_prefect(flow)

    files = configured("files", records=False, filesystems=["memory"])
    more = configured("more", records=False, filesystems=["local", "memory"])
    both = configured("both")

    class Files(LumeFlow):
        one = files()
        other = more()

    class All(LumeFlow):
        one = files()
        other = both()

    assert (files.flow.configure.records, files.flow.configure.filesystems) == (False, ("memory",))
    assert (Files.flow.configure.records, Files.flow.configure.filesystems) == (False, ("memory", "local"))
    assert (All.flow.configure.records, All.flow.configure.filesystems) == (True, ("memory",))


def test_what_takes_the_value_of_the_configure_task_gets_none() -> None:
    with Flow("configured") as flow:
        told(configure_services())
    assert from_prefect(flow)().run().told == "None"


def test_a_parameter_with_a_name_of_every_flow_s_own_is_refused() -> None:
    with Flow("reserved") as flow:
        told(Parameter("run"))
    with pytest.raises(DefinitionError, match="has a parameter named 'run'") as caught:
        from_prefect(flow)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert problem.place.file == __file__


class Own(LumeFlow):
    word: str = "hey"
    text = task(told)(word)


def test_of_the_flow_of_a_class_it_gives_the_class() -> None:
    assert from_prefect(Own.flow) is Own


@pytest.mark.parametrize(
    ("wrong", "what"), [(Own, "is a flow class already"), (Own(), "is an instance of the flow class Own")]
)
def test_a_flow_class_is_told_to_be_one(wrong: Any, what: str) -> None:
    with pytest.raises(DefinitionError, match=rf"{what}, and no prefect\.Flow.*\n +call the class in the body: Own\("):
        from_prefect(wrong)


@pytest.mark.parametrize("wrong", [3, LumeFlow, add])
def test_what_is_no_flow_is_refused(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"no prefect\.Flow.*\[composition\]"):
        from_prefect(wrong)


def test_a_wait_for_each_run_is_refused() -> None:
    with Flow("waits") as flow:
        numbers = add.map([1, 2])
        later = add.copy()
        later.set_dependencies(flow, upstream_tasks=[numbers], keyword_tasks={"x": [1, 2]}, mapped=True)
    with pytest.raises(DefinitionError, match=r"waits for each run of 'add' without taking its value"):
        from_prefect(flow)
