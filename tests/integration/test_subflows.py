"""A flow with flows in it runs as one Prefect flow; each of them leaves what it would leave by itself."""

from __future__ import annotations

import importlib
import logging
import pickle
from pathlib import Path
from types import ModuleType

import prefect
import pytest
from prefect.engine.flow_runner import FlowRunner
from prefect.executors import DaskExecutor, LocalDaskExecutor

from lume_dsl import (
    DBResult,
    FileError,
    FlowRunError,
    LumeFlow,
    ParameterError,
    TextFile,
    case,
    db_result,
    flow,
    merge,
    parameter,
    resource_manager,
    step,
    task,
)

CALLS: list[str] = []


@pytest.fixture
def flows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of these flows, which workers import too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "flows"))
    return importlib.import_module("letters")


def counted() -> str:
    CALLS.append("factory")
    return f"made {len(CALLS)}"


def test_a_subflow_runs_as_a_part_and_is_a_flow_that_has_run(flows: ModuleType) -> None:
    done = flows.Welcome(name="Bob").run()
    assert done.both == "hello Bobbye /Bob/bye Bob"
    assert done.hello == done.hello
    assert done.hello != done.bye
    assert repr(done.hello) == "Greeting(text1='hello ', text2='Bob')"
    assert done.hello.text_file.read() == "hello Bob"
    assert done.bye.record.outputs == {"text": "bye Bob", "upper": "BYE BOB"}
    assert done.hello.flow_run.id == done.flow_run.id
    assert set(done.hello.flow_run.tasks) == {"text", "text_file", "upper", "record", "told"}


def test_its_record_and_file_are_what_the_flow_leaves_by_itself(flows: ModuleType) -> None:
    inlined = flows.Welcome(name="Bob").run().hello
    alone = flows.Greeting(text1="hello ", text2="Bob").run()
    assert (
        inlined.text_file.filename == alone.text_file.filename == str(Path("greeting of one-hello Bob.txt").resolve())
    )
    one, other = inlined.record, alone.record
    assert one.unique_hash == other.unique_hash
    assert (one.flow_name, one.project_name, one.result_name) == ("greeting of one", "letters", "record")
    assert one.inputs == {"text1": "hello ", "text2": "Bob"}
    assert list(one.inputs) == ["text1", "text2"]
    assert one.provenance is not None
    assert other.provenance is not None
    assert one.provenance.flow == other.provenance.flow
    assert flows.Greeting.results(text1="hello ").count() == 1
    assert flows.Welcome.results().one().inputs == {"name": "Bob"}
    assert flows.Welcome.results().one().project_name == "default"


def test_a_project_that_the_inner_flow_does_not_say_is_the_outer_one_s() -> None:
    class Inner(LumeFlow):
        x: int = 1
        record: DBResult = db_result(x=x)

    @flow(project="outer project")
    class Outer(LumeFlow):
        inner = Inner()

    assert Outer().run().inner.record.project_name == "outer project"


def test_a_subflow_waits_for_what_it_is_after() -> None:
    told: list[str] = []

    @task
    def tell(text: str) -> str:
        told.append(text)
        return text

    class Inner(LumeFlow):
        text: str = "inner"
        first = tell(text)
        other = tell("other")

    class Outer(LumeFlow):
        begun = tell("begun")
        one = Inner.with_options(after=[begun])()
        runs = Inner.with_options(after=one).map(text=["a", "b"])

    done = Outer().run()
    assert told == ["begun", "inner", "other", "a", "b", "other", "other"]
    assert [run.first for run in done.runs] == ["a", "b"]


def test_there_is_one_configure_task_upstream_of_all_that_uses_services(flows: ModuleType) -> None:
    compiled = flows.Welcome.flow
    assert len(compiled.get_tasks(name="configure_services")) == 1
    (configure,) = compiled.get_tasks(name="configure_services")
    users = {edge.downstream_task.name for edge in compiled.edges_from(configure)}
    own = {f"{one}.{name}" for one in ("hello", "bye") for name in ("text_file", "record", "told")}
    assert users == own | {"record"}


def test_the_compiled_flow_is_an_ordinary_one_that_serialises_and_runs(flows: ModuleType) -> None:
    assert flows.Welcome.flow.serialize()["name"] == "Welcome"
    state = flows.Welcome.flow.run(name="Bob")
    assert state.result[flows.Welcome.flow.get_tasks(name="both")[0]].result == "hello Bobbye /Bob/bye Bob"
    names = [one.name for one in flows.Town.flow.tasks]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("executor", ["local", "threads", "dask"])
def test_subflows_run_on_every_executor(flows: ModuleType, executor: str, request: pytest.FixtureRequest) -> None:
    made = {
        "local": lambda: None,
        "threads": lambda: LocalDaskExecutor(scheduler="threads"),
        "dask": lambda: DaskExecutor(request.getfixturevalue("dask_cluster")),
    }[executor]()
    done = flows.Town().run(executor=made)
    assert done.told == "dear /Ada/dear Ada|dear /Bob/dear Bob"
    assert done.sizes == [8, 8]
    assert done.loud == ["DEAR ADA", "DEAR BOB"]
    assert done.last == "DEAR BOB"
    assert done.files == ["hello Eve"]
    assert [letter.text_file.read() for letter in done.letters] == ["dear Ada", "dear Bob"]
    assert [letter.record.inputs["text2"] for letter in done.letters] == ["Ada", "Bob"]
    assert done.welcome.hello.record.outputs["upper"] == "HELLO EVE"
    assert flows.Greeting.results(text1="dear ").count() == 2


def test_an_agent_runs_it_too(flows: ModuleType) -> None:
    """An agent starts a flow runner by itself, without ``Flow.run``."""
    compiled = flows.Welcome.flow
    state = FlowRunner(flow=compiled).run(parameters={"name": "Bob"}, return_tasks=compiled.tasks)
    assert state.is_successful()
    assert flows.Greeting.results(text2="Bob").count() == 2


def test_a_map_over_nothing_is_an_empty_list(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        names: list[str] = parameter()
        letters = flows.Greeting.map(text1=names)
        told = flows.joined([letter.told for letter in letters])

    done = Outer(names=[]).run()
    assert done.letters == []
    assert done.told == ""


def test_the_files_and_records_of_all_runs_are_read(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        runs = flows.Greeting.map(text1=["a", "b"])
        files = [run.text_file for run in runs]
        records = [run.record for run in runs]

    done = Outer().run()
    assert [file.read() for file in done.files] == ["a you", "b you"]
    assert [record.outputs["upper"] for record in done.records] == ["A YOU", "B YOU"]


def test_a_subflow_of_each_run_has_run(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        names: list[str] = parameter(default=["Ada", "Bob"])
        runs = flows.Welcome.map(name=names)
        hellos = flows.joined([run.hello.text for run in runs])
        last = flows.upper(runs[1].bye.text)

    done = Outer().run()
    assert done.hellos == "hello Ada|hello Bob"
    assert done.last == "BYE BOB"
    assert [run.hello.text for run in done.runs] == ["hello Ada", "hello Bob"]
    assert done.runs[1].hello.text_file.read() == "hello Bob"


def test_lists_of_unequal_lengths_are_told_before_a_run(flows: ModuleType) -> None:
    class Pairs(LumeFlow):
        ones: list[str] = parameter()
        others: list[str] = parameter()
        letters = flows.Greeting.map(text1=ones, text2=others)

    with pytest.raises(ParameterError, match="unequal length"):
        Pairs(ones=["a"], others=["b", "c"]).run()
    assert flows.Greeting.results().count() == 0


def test_a_failure_names_the_subflow_and_the_run(flows: ModuleType) -> None:
    with pytest.raises(FlowRunError) as caught:
        flows.Town(names=["Ada", "fail"]).run()
    assert [failure.name for failure in caught.value.failed] == ["letters.text[1]"]
    assert "letters.text[1] (text1='dear ', text2='fail'): ValueError: no such text" in str(caught.value)
    with pytest.raises(FlowRunError, match=r"hello\.text: ValueError: no such text"):
        flows.Welcome(name="fail").run()


# values before a run


def test_what_outer_parameters_give_is_checked_before_any_task_runs(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        part: str = parameter()
        parts: list[str] = []
        first = flows.upper("x")
        inner = flows.Greeting(text1=part)
        letters = flows.Greeting.map(text1=parts)

    with pytest.raises(ParameterError) as caught:
        Outer(part="much too long", parts=["a", "also far too long"]).run()
    assert [(problem.subject, problem.message) for problem in caught.value.problems] == [
        ("Outer.inner.text1", "expected at most 10 characters, got 13"),
        ("Outer.letters[1].text1", "expected at most 10 characters, got 17"),
    ]


def test_what_a_task_gives_is_checked_when_it_arrives(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        part: str = parameter()
        inner = flows.Greeting(text1=flows.upper(part))

    with pytest.raises(FlowRunError, match=r"Outer\.inner\.text1: expected at most 10 characters"):
        Outer(part="much too long").run()


def test_files_of_one_name_are_told_before_a_run(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        part: str = parameter()
        other: str = parameter()
        first = flows.upper("x")
        one = flows.Greeting(text1=part)
        two = flows.Greeting(text1=other)

    with pytest.raises(FileError, match=r"two\.text_file: saves to the same file as one\.text_file"):
        Outer(part="a", other="a").run()


def test_files_of_one_name_in_a_fan_out_are_told_before_a_run(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        parts: list[str] = parameter()
        letters = flows.Greeting.map(text1=parts)

    with pytest.raises(FileError, match=r"letters\.text_file\[2\]: saves to the same file as letters\.text_file\[0\]"):
        Outer(parts=["a", "b", "a"]).run()


def test_factories_are_called_once_a_run_and_variables_read_at_its_start(
    flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Inner(LumeFlow):
        made: str = parameter(factory=counted)
        told: str = parameter(env="TOLD")
        both = flows.append_text(made, told)

    class Outer(LumeFlow):
        inner = Inner()
        runs = Inner.map(told=["a", "b"])
        texts = flows.joined([run.both for run in runs])

    with pytest.raises(ParameterError, match=r"Outer\.inner\.told: is required"):
        Outer().run()
    monkeypatch.setenv("TOLD", "variable")
    CALLS.clear()
    done = Outer().run()
    assert done.inner.both == "made 1variable"
    assert done.texts == "made 2a|made 3b"
    assert len(CALLS) == 3


def test_a_file_of_one_flow_is_a_parameter_of_the_next(flows: ModuleType) -> None:
    class Reader(LumeFlow):
        text: TextFile
        record_of: DBResult

        @step
        def content(self, text: TextFile, record_of: DBResult) -> str:
            return f"{text.read()} {record_of.outputs['upper']}"

    class Outer(LumeFlow):
        greeting = flows.Greeting(text1="a", text2="b")
        reader = Reader(text=greeting.text_file, record_of=greeting.record)
        letters = flows.Greeting.map(text1=["c"], text2=["d"])
        readers = Reader.map(text=[one.text_file for one in letters], record_of=[one.record for one in letters])

    done = Outer().run()
    assert done.reader.content == "ab AB"
    assert done.readers[0].content == "cd CD"


# secrets


def test_a_secret_is_shown_nowhere(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    @task
    def use(key: str) -> int:
        prefect.context.logger.warning("the key is %s", key)
        return len(key)

    class Inner(LumeFlow):
        key: str = parameter(secret=True)
        other: str = parameter(secret=True, env="OTHER_KEY")
        n = use(key)
        m = use(other)
        record: DBResult = db_result(n=n)

    class Outer(LumeFlow):
        token: str = parameter(secret=True)
        inner = Inner(key=token)

    monkeypatch.setenv("OTHER_KEY", "opensesame")
    with caplog.at_level(logging.DEBUG):
        done = Outer(token="abracadabra").run()
    assert done.inner.n == 11
    assert done.inner.record.inputs == {"key": "***", "other": "***"}
    assert "abracadabra" not in caplog.text + repr(done) + repr(done.inner)
    assert "opensesame" not in caplog.text + repr(done.inner)


# branches


def test_a_subflow_in_a_case_is_skipped_whole(flows: ModuleType) -> None:
    class Outer(LumeFlow):
        short: bool = parameter()
        with case(short, True):
            brief = flows.Greeting(text1="a", text2="b")
        with case(short, False):
            long = flows.Greeting(text1="aa", text2="bb")
        text = merge(brief.text, long.text)
        letters = flows.Greeting.map(text1=["x"], text2=[text])

    done = Outer(short=True).run()
    assert (done.text, done.long) == ("ab", None)
    assert done.brief.text == "ab"
    assert done.letters[0].text == "xab"
    assert flows.Greeting.results(text1="aa").count() == 0
    assert not list(Path.cwd().glob("*aabb*"))


def test_a_flow_with_branches_may_be_a_part_and_be_mapped_over(flows: ModuleType) -> None:
    class Branching(LumeFlow):
        text: str = parameter()
        with case(text, "loud"):
            loud = flows.upper(text)
        quiet = flows.append_text(text, "...")
        said = merge(loud, quiet)

    class Outer(LumeFlow):
        one = Branching(text="loud")
        many = Branching.map(text=["loud", "still"])
        said = flows.joined([run.said for run in many])

    done = Outer().run()
    assert done.one.said == "LOUD"
    assert done.said == "LOUD|still..."
    assert done.many[1].loud is None


@resource_manager
class Lamp:
    def __init__(self, text: str) -> None:
        self.text = text

    def setup(self) -> str:
        return self.text

    def cleanup(self, text: str) -> None:
        CALLS.append(f"{text} is off")


def test_a_fan_out_in_a_case_is_skipped_whole_whatever_is_in_the_flow(flows: ModuleType) -> None:
    patient = flows.upper.with_options(skip_on_upstream_skip=False)

    class Branching(LumeFlow):
        text: str = parameter()
        with case(text, "loud"):
            loud = flows.upper(text)
            with Lamp(loud) as lamp:
                lit = flows.append_text(lamp, "!")
        said = merge(lit, text)
        heard = patient(said)

    class Outer(LumeFlow):
        many: bool = parameter()
        with case(many, True):
            runs = Branching.map(text=["loud", "still"])
            texts = flows.joined([run.said for run in runs])
        outcome = merge(texts, "none")

    CALLS.clear()
    done = Outer(many=False).run()
    assert (done.outcome, done.runs, CALLS) == ("none", None, [])
    assert Outer(many=True).run().outcome == "LOUD!|still"
    assert CALLS == ["LOUD is off"]


# inheritance


def test_a_subflow_is_redefined_for_all_that_takes_its_values(flows: ModuleType) -> None:
    class Loud(flows.Welcome):
        hello = flows.Greeting(text1="HELLO ", text2=flows.Welcome.name)
        more = flows.upper(flows.Welcome.bye.text)

    done = Loud(name="Bob").run()
    assert done.both == "HELLO Bobbye /Bob/bye Bob"
    assert done.more == "BYE BOB"
    assert done.hello.text1 == "HELLO "


def test_what_travels_to_workers_is_small(flows: ModuleType) -> None:
    """A task of a subflow pickles without the flow."""
    sizes = {name: len(pickle.dumps(one.run)) for name, one in flows.Welcome.flow.members.items() if "told" in name}
    assert sizes
    assert max(sizes.values()) < 2000
