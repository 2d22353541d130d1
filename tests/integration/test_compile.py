"""A flow class becomes the prefect.Flow that one would write by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import prefect
import pytest
from prefect.engine.flow_runner import FlowRunner
from prefect.serialization.state import StateSchema
from prefect.storage import Module
from prefect.utilities.configuration import set_temporary_config

from lume_dsl import LumeFlow, flow, parameter, step, task
from lume_dsl.files import TextFile
from lume_dsl.tasks import SaveDBResult, SaveFile, configure_services

Edges = set[tuple[str, str, str | None, bool]]


def edges_of(compiled: prefect.Flow) -> Edges:
    return {(edge.upstream_task.name, edge.downstream_task.name, edge.key, edge.mapped) for edge in compiled.edges}


def names_of(compiled: prefect.Flow) -> list[str]:
    return sorted(task.name for task in compiled.tasks)


def constants_of(compiled: prefect.Flow) -> dict[str, Any]:
    return {task.name: constants for task, constants in compiled.constants.items() if constants}


def greeting_by_hand() -> prefect.Flow:
    @prefect.task(name="text")
    def append_text(text1: str, text2: str) -> str:
        return text1 + text2

    with prefect.Flow("Greeting") as by_hand:
        text1 = prefect.Parameter("text1")
        text2 = prefect.Parameter("text2", default=" you")
        filename = prefect.Parameter("filename", default="greeting.txt")
        configure = configure_services()
        text = append_text(text1, text2)
        file = SaveFile(name="text_file")(
            obj=text, file_type=TextFile, filename=filename, filesystem_identifier="local"
        )
        file.set_upstream(configure)
        record = SaveDBResult(name="record")(text=text)
        record.set_upstream(configure)
    return by_hand


def test_the_class_and_the_flow_by_hand_have_the_same_names_edges_and_constants(lab: ModuleType) -> None:
    by_hand, compiled = greeting_by_hand(), lab.Greeting.flow
    assert names_of(compiled) == names_of(by_hand)
    assert edges_of(compiled) == edges_of(by_hand)
    assert constants_of(compiled) == constants_of(by_hand)
    assert set(compiled.slugs.values()) == set(by_hand.slugs.values())


def test_parameters_have_their_defaults_in_json(lab: ModuleType) -> None:
    found = {parameter.name: (parameter.required, parameter.default) for parameter in lab.Steps.flow.parameters()}
    assert found == {
        "values": (False, [1.0, 2.0, 3.0]),
        "by": (False, 2.0),
        "pair": (False, [1, "one"]),
        "extra": (False, {"a": [1, None, "x"]}),
        "note": (False, None),
    }
    assert {p.name for p in lab.Greeting.flow.parameters() if p.required} == {"text1"}


def test_the_configure_task_is_upstream_of_all_that_use_a_service_and_of_nothing_else(lab: ModuleType) -> None:
    downstream = {name for upstream, name, _, _ in edges_of(lab.Steps.flow) if upstream == "configure_services"}
    assert downstream == {"shifted", "total", "pair_seen", "summary", "record", "second"}


def test_a_task_declared_to_use_services_gets_the_configure_task() -> None:
    @task(services=True)
    def reads() -> int:
        return 1

    class Reads(LumeFlow):
        value = reads()

    assert ("configure_services", "value", None, False) in edges_of(Reads.flow)


def test_a_flow_that_uses_no_service_has_no_configure_task(lab: ModuleType) -> None:
    assert "configure_services" not in names_of(lab.NoServices.flow)


def test_the_names_of_all_tasks_of_a_flow_differ(lab: ModuleType) -> None:
    names = names_of(lab.Steps.flow)
    assert len(names) == len(set(names))


def test_maps_become_mapped_edges(lab: ModuleType) -> None:
    edges = edges_of(lab.Steps.flow)
    assert {("values", "scaled", "value", True), ("by", "scaled", "by", False)} <= edges
    assert ("scaled", "shifted", "value", True) in edges


def test_a_list_of_constants_that_is_mapped_over_is_a_task_of_the_flow() -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    class Doubles(LumeFlow):
        doubled = double.map([1, 2, 3])

    assert Doubles().run().doubled == [2, 4, 6]


def test_the_flow_is_built_once_and_stored_by_its_module(lab: ModuleType) -> None:
    assert lab.Greeting.flow is lab.Greeting.flow is lab.Greeting(text1="a").flow
    assert isinstance(lab.Greeting.flow.storage, Module)
    assert lab.Greeting.flow.storage.module == "lab:Greeting.flow"


def test_module_storage_finds_the_flow_again(lab: ModuleType) -> None:
    for compiled in (lab.Greeting.flow, lab.Steps.flow):
        storage = Module(compiled.storage.module)
        storage.add_flow(compiled)
        assert storage.get_flow(compiled.name) is compiled


@pytest.mark.parametrize("name", ["Greeting", "Steps", "NoServices"])
def test_the_flow_serializes_as_for_registering(lab: ModuleType, name: str) -> None:
    serialized = getattr(lab, name).flow.serialize(build=False)
    assert {t["name"] for t in serialized["tasks"]} == set(names_of(getattr(lab, name).flow))


def test_the_flow_validates_as_prefect_would(lab: ModuleType) -> None:
    lab.Steps.flow.validate()
    assert len(lab.Steps.flow.sorted_tasks()) == len(lab.Steps.flow.tasks)


def test_options_of_the_flow_reach_prefect(lab: ModuleType) -> None:
    handled: list[str] = []

    def handler(_flow: Any, _old: Any, new: Any) -> Any:
        handled.append(type(new).__name__)
        return new

    @flow(name="other", labels=["lab", "gpu"], state_handlers=[handler])
    class Options(LumeFlow):
        text: str = "a"
        both = lab.append_text(text, text)

    Options().run()
    assert Options.flow.name == "other"
    assert Options.flow.run_config.labels == {"lab", "gpu"}
    assert handled == ["Running", "Success"]


def test_options_of_tasks_reach_prefect() -> None:
    @task(tags=["slow"], timeout=30, log_stdout=True, name="named")
    def work() -> int:
        return 1

    class Options(LumeFlow):
        kept = work()
        work()

    tasks = {each.name: each for each in Options.flow.tasks}
    assert tasks.keys() == {"kept", "named"}
    assert (tasks["kept"].tags, tasks["kept"].timeout, tasks["kept"].log_stdout) == ({"slow"}, 30, True)


def test_the_tasks_of_one_function_share_its_signature_and_nothing_that_may_be_changed() -> None:
    @task(tags=["slow"])
    def doubled(x: int) -> int:
        return 2 * x

    class Twice(LumeFlow):
        first = doubled(1)
        second = doubled(first)

    one, two = (Twice.flow.get_tasks(name)[0] for name in ("first", "second"))
    assert one.__signature__ is two.__signature__
    assert (one.logger.name, two.logger.name) == ("prefect.first", "prefect.second")
    assert one.tags == two.tags == {"slow"}
    assert one.tags is not two.tags
    assert one.state_handlers is not two.state_handlers
    assert Twice().run().second == 4


def test_any_prefect_task_object_is_a_task() -> None:
    class Shift(prefect.Task):
        def __init__(self, by: int, **kwargs: Any) -> None:
            self.by = by
            super().__init__(**kwargs)

        def run(self, x: int) -> int:  # type: ignore[override]
            return x + self.by

    shift = task(Shift(by=10, name="shift"), tags=["moved"])

    class Shifts(LumeFlow):
        start: int = 1
        shifted = shift(start)
        many = shift.map([1, 2])
        again = shift(x=shifted)

    done = Shifts().run()
    assert (done.shifted, done.many, done.again) == (11, [11, 12], 21)
    assert all("moved" in Shifts.flow.members[name].tags for name in ("shifted", "many", "again"))


def test_a_compiled_flow_survives_cloudpickle(lab: ModuleType) -> None:
    copy = cloudpickle.loads(cloudpickle.dumps(lab.Steps.flow))
    assert edges_of(copy) == edges_of(lab.Steps.flow)
    assert copy.run().is_successful()


def test_what_travels_to_a_worker_with_a_step_is_small(lab: ModuleType) -> None:
    assert len(cloudpickle.dumps(lab.Steps.flow.members["total"].run)) < 1000


def test_operators_mean_what_python_means() -> None:
    @task
    def number(x: int) -> int:
        return x

    class Operators(LumeFlow):
        a = number(6)
        b = number(3)
        bits = a & b
        either = a | b
        shifted = 1 << b
        negative = -a
        power = 2**b
        reflected = 20 - a
        equal = a == b
        less = b < a
        quotient = a / b
        remainder = a % 4

    done = Operators().run()
    values = (done.bits, done.either, done.shifted, done.negative, done.power, done.reflected)
    assert values == (2, 7, 8, -6, 8, 14)
    assert (done.equal, done.less, done.quotient, done.remainder) == (False, True, 2.0, 2)


def test_containers_of_references_arrive_as_they_were_written() -> None:
    @task
    def number(x: int) -> int:
        return x

    @task
    def keep(value: Any) -> Any:
        return value

    class Containers(LumeFlow):
        a = number(1)
        b = number(2)
        nested = keep({"list": [a, b, 3], "tuple": (a, {"b": b}), 5: "five"})
        mapped = keep.map([a, b])
        some = keep([10, 20, 30])[:b]

    done = Containers().run()
    assert done.nested == {"list": [1, 2, 3], "tuple": (1, {"b": 2}), 5: "five"}
    assert done.mapped == [1, 2]
    assert done.some == [10, 20]


def test_what_a_task_is_after_is_upstream_of_it_without_a_value() -> None:
    @task
    def square(x: float) -> float:
        return x * x

    class Ordered(LumeFlow):
        first = square(2.0)
        then = square.with_options(after=[first])(3.0)

        @step(after=[then])
        def last(self) -> float:
            return 1.0

    tasks = {task.name: task for task in Ordered.flow.tasks}
    edges = {(edge.upstream_task.name, edge.downstream_task.name, edge.key) for edge in Ordered.flow.edges}
    assert {("first", "then", None), ("then", "last", None)} <= edges
    assert Ordered.flow.upstream_tasks(tasks["then"]) == {tasks["first"]}
    assert Ordered().run().then == 9.0


def test_parameters_of_all_types_are_kept_as_a_server_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server the value of each parameter goes into the state of its task, as JSON; that of a secret does not."""

    class Typed(LumeFlow):
        day: date = date(2026, 11, 26)
        path: Path = Path("a/b")
        number: int = 3
        key: str = parameter(secret=True, env="KEY_OF_TYPED")

    monkeypatch.setenv("KEY_OF_TYPED", "open sesame")
    compiled = Typed.flow
    with set_temporary_config({"flows.checkpointing": True}):
        state = FlowRunner(flow=compiled).run(return_tasks=compiled.tasks)
    assert state.is_successful()
    states = {name: state.result[task] for name, task in compiled.members.items()}
    kept = {name: StateSchema().dump(one)["_result"].get("location") for name, one in states.items()}
    assert kept == {"day": '"2026-11-26"', "path": '"a/b"', "number": "3", "key": None}
    read = compiled.members["day"].result.read(kept["day"]).value
    assert read == date(2026, 11, 26)
