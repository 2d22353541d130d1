"""An instance is a flow with its parameters bound; the class tells of its fields and takes the flow's options."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import cloudpickle
import pytest

from lume_dsl import JSON, LumeFlow, flow, parameter, result, step, task
from lume_dsl.declare.parameters import bind_values
from lume_dsl.errors import DefinitionError, NotRunError, ParameterError

Scan = Callable[..., Any]
Define = Callable[..., dict[str, Any]]


@task
def scale(x: float, by: float = 2.0) -> float:
    return x * by


class Beam(LumeFlow):
    """A beam."""

    shots: int = parameter(help="number of shots", ge=1, unit="shots")
    charge: float = 250
    pair: tuple[int, float] = (1, 2.0)
    label: str | None = None

    scaled = scale(charge)

    @step
    def total(self, scaled: float) -> float:
        return scaled * self.shots

    kept: float = result(total)


# instances


def test_defaults_are_filled_in_and_values_converted_to_their_types() -> None:
    beam = Beam(shots=3, charge=2, pair=[1, 2])  # type: ignore[arg-type]
    assert (beam.shots, beam.charge, beam.pair, beam.label) == (3, 2.0, (1, 2.0), None)
    assert type(beam.charge) is type(Beam(shots=1).charge) is type(beam.pair[1]) is float
    assert type(beam.pair) is tuple


def test_what_is_shown_is_what_makes_it() -> None:
    assert repr(Beam(shots=3, label="a")) == "Beam(shots=3, charge=250.0, pair=(1, 2.0), label='a')"
    assert eval(repr(Beam(shots=3))) == Beam(shots=3)


def test_instances_compare_by_flow_and_values() -> None:
    class Other(LumeFlow):
        shots: int = 3

    class Same(LumeFlow):
        shots: int = 3

    assert Beam(shots=3) == Beam(shots=3, charge=250.0)
    assert Beam(shots=3) != Beam(shots=4)
    assert Other() != Same()
    assert Beam(shots=3) != 3
    assert {Beam(shots=3), Beam(shots=3, charge=250), Beam(shots=4)} == {Beam(shots=4), Beam(shots=3)}


@pytest.mark.parametrize("name", ["shots", "scaled", "kept", "unknown", "flow"])
def test_an_instance_is_frozen(name: str) -> None:
    beam = Beam(shots=3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(beam, name, 5)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(beam, name)
    assert beam == Beam(shots=3)


def test_changing_a_list_that_was_given_or_is_a_default_changes_no_other_instance() -> None:
    given = [1.0]

    class Flow(LumeFlow):
        xs: list[float] = [1.0]
        any: JSON = {"a": [1]}  # noqa: A003, RUF100

    first = Flow(xs=given)
    given.append(2.0)
    Flow().xs.append(3.0)
    Flow().any["a"].append(2)  # type: ignore[call-overload, index, union-attr]
    assert first.xs == [1.0]
    assert Flow().xs == [1.0]
    assert Flow().any == {"a": [1]}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_is_equal(copied: Any) -> None:
    beam = copied(Beam(shots=3, charge=1))
    assert beam == Beam(shots=3, charge=1)
    assert type(beam) is Beam


def test_a_flow_without_parameters_has_equal_instances(scan: Scan) -> None:
    empty = scan("pass")
    assert empty() == empty()
    assert repr(empty()) == "Scan()"
    assert len({empty(), empty()}) == 1


# wrong values


def test_all_that_is_wrong_with_a_call_is_told_at_once_in_field_order() -> None:
    with pytest.raises(ParameterError) as caught:
        Beam(chrge=1, charge="high", pair=(1, "a"), scaled=3, label=5)  # type: ignore[call-arg, arg-type]
    assert str(caught.value) == (
        "Beam.shots: is required (int, number of shots)  [parameter-missing]\n"
        "    give it: shots=...\n"
        "Beam.charge: expected float, got 'high'  [parameter-value]\n"
        "Beam.pair[1]: expected float, got 'a'  [parameter-value]\n"
        "Beam.label: expected str | None, got 5  [parameter-value]\n"
        "Beam.chrge: is not a parameter; did you mean 'charge'?  [parameter-unknown]\n"
        "    the parameters are: shots, charge, pair, label\n"
        "Beam.scaled: is a result of Beam, not a parameter  [parameter-unknown]\n"
        "    read it after a run: Beam(...).run().scaled"
    )
    assert [problem.kind for problem in caught.value.problems] == [
        "parameter-missing",
        "parameter-value",
        "parameter-value",
        "parameter-value",
        "parameter-unknown",
        "parameter-unknown",
    ]


def test_values_by_position_are_told_to_be_named() -> None:
    with pytest.raises(
        ParameterError,
        match=r"^Beam: takes its parameters by name  \[parameter-positional\]\n    write Beam\(shots=...\)",
    ):
        Beam(3)  # type: ignore[misc]


def test_a_value_by_position_is_one_problem() -> None:
    with pytest.raises(ParameterError) as caught:
        Beam(3)  # type: ignore[misc]
    assert [problem.kind for problem in caught.value.problems] == ["parameter-positional"]


def test_a_name_without_an_annotation_is_told_to_be_annotated(scan: Scan) -> None:
    flow = scan("x = 1.0\nlimit: ClassVar[int] = 1\ny: int = 1\ndef total(self): ...")
    with pytest.raises(ParameterError) as caught:
        flow(x=2.0, limit=3, total=4)
    assert [(problem.message, problem.fix) for problem in caught.value.problems] == [
        ("is a plain attribute of the class, as it has no annotation", "annotate it: x: <its type> = ..."),
        ("is not a parameter", "the parameters are: y"),
        ("is not a parameter", "the parameters are: y"),
    ]


@pytest.mark.parametrize(
    ("run", "message", "fix"),
    [
        (lambda flow: flow.run(), "was called on the class, which has no values to run with", "Scan()"),
        (lambda flow: flow.run(x=2.0), "was called on the class, which has no values to run with", "Scan(x=...)"),
        (lambda flow: flow().run(x=2.0), "takes no parameters, as the flow has them already", "Scan(x=...)"),
    ],
)
def test_parameters_are_told_to_be_given_before_the_run(scan: Scan, run: Any, message: str, fix: str) -> None:
    with pytest.raises(ParameterError) as caught:
        run(scan("x: float = 1.0"))
    (problem,) = caught.value.problems
    assert (problem.subject, problem.message, problem.fix) == ("Scan.run()", message, f"write {fix}.run()")
    assert problem.place is not None


def test_required_parameters_are_among_those_to_be_given_before_the_run() -> None:
    with pytest.raises(ParameterError, match=r"write Beam\(shots=\.\.\., charge=\.\.\.\)\.run\(\)"):
        Beam.run(charge=2.0)  # type: ignore[call-arg]


def test_run_is_a_method_as_others() -> None:
    assert list(inspect.signature(Beam.run).parameters)[:2] == ["self", "executor"]
    assert "executor" in inspect.signature(Beam(shots=1).run).parameters
    assert pickle.loads(pickle.dumps(Beam(shots=1).run)).__self__ == Beam(shots=1)
    assert (Beam.run.__doc__ or "").startswith("Run the flow")
    with pytest.raises(TypeError, match="exectuor"):
        Beam(shots=1).run(exectuor=None)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "Beam.shots: expected >= 1 shots, got 0"),
        (True, "Beam.shots: expected int, got True"),
        (1.0, "Beam.shots: expected int, got 1.0"),
        (None, "Beam.shots: expected int, got None"),
        (10**5000, "Beam.shots: expected an int of at most 8192 bits"),
    ],
    ids=["low", "bool", "float", "none", "long"],
)
def test_a_value_is_checked_against_its_type_and_its_bounds(value: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Beam(shots=value)
    assert str(caught.value) == f"{message}  [parameter-value]"


@pytest.mark.parametrize(
    ("bound", "inside", "outside"),
    [("ge=1", 1, 0.5), ("gt=1", 1.5, 1), ("le=1", 1, 1.5), ("lt=1", 0.5, 1), ("ge=0, le=1", 0.5, 2)],
)
def test_bounds_are_kept(scan: Scan, bound: str, inside: float, outside: float) -> None:
    bounded = scan(f"x: float = parameter({bound})")
    assert bounded(x=inside).x == inside
    with pytest.raises(ParameterError, match=rf"Scan.x: expected [<>]=? [01], got {float(outside)}"):
        bounded(x=outside)


def test_a_value_that_may_be_none_has_bounds_where_it_is_a_number(scan: Scan) -> None:
    bounded = scan("x: int | None = parameter(default=None, ge=1)")
    assert bounded().x is None
    with pytest.raises(ParameterError, match="expected >= 1, got 0"):
        bounded(x=0)


@pytest.mark.parametrize("make", ["list", "dict", "cycle"])
def test_a_value_nested_very_deeply_is_told_and_no_crash(scan: Scan, make: str) -> None:
    value: Any = []
    if make == "cycle":
        value.append(value)
    for _ in range(100_000 if make != "cycle" else 0):
        value = [value] if make == "list" else {"a": value}
    with pytest.raises(ParameterError, match=r"^Scan.x: is nested too deeply: at most 100 levels are taken  \["):
        scan("x: JSON = parameter()")(x=value)


def test_a_key_that_is_no_text_is_told_with_the_parameter_s_name(scan: Scan) -> None:
    for value in ({"\ud800": 1}, {1: 1}):
        with pytest.raises(ParameterError) as caught:
            scan("x: dict[str, int] = parameter()")(x=value)
        (problem,) = caught.value.problems
        assert problem.subject.startswith("Scan.x")
        assert not problem.message.startswith((" ", ":"))


def test_a_reference_as_a_value_outside_of_its_body_is_told_so(define: Define) -> None:
    kept = define("kept = []\nclass Scan(LumeFlow):\n    y = add(1)\n    kept.append(y)")["kept"][0]
    with pytest.raises(DefinitionError, match=r"outside of the body that it belongs to.*\[subflow\]"):
        Beam(shots=kept)


def test_bound_values_are_in_field_order() -> None:
    graph = Beam.__lume_graph__
    assert list(bind_values("Beam", graph, (), {"label": "a", "shots": 1})) == ["shots", "charge", "pair", "label"]


# attributes


@pytest.mark.parametrize("name", ["scaled", "total", "kept", "flow_run"])
def test_a_value_that_only_a_run_gives_is_told_to_need_one(name: str) -> None:
    with pytest.raises(NotRunError) as caught:
        getattr(Beam(shots=1), name)
    assert str(caught.value) == f"Beam.{name} is known only after a run: write Beam(...).run().{name}"


def test_an_alias_of_a_parameter_has_its_value(scan: Scan) -> None:
    assert scan("x: int = 1\ny = x")(x=3).y == 3


def test_the_class_shows_what_each_name_is() -> None:
    assert repr(Beam.shots) == "<parameter shots: int>"
    assert repr(Beam.scaled) == "<task scaled: float>"
    assert repr(Beam.kept) == "<result kept: float>"
    assert repr(Beam.total) == "<task total: float>"


def test_an_unknown_attribute_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="unknown"):
        Beam(shots=1).unknown  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(Beam, "unknown")
    assert not hasattr(Beam(shots=1), "scaled")


def test_outside_a_run_the_logger_is_the_flow_s() -> None:
    assert Beam(shots=1).logger is logging.getLogger("lume_dsl.Beam")


def test_the_signature_is_that_of_the_parameters() -> None:
    assert str(inspect.signature(Beam)) == (
        "(*, shots: int, charge: float = 250, pair: tuple[int, float] = (1, 2.0), label: str | None = None)"
    )
    assert inspect.signature(Beam).bind(shots=1).arguments == {"shots": 1}


def test_the_docstring_and_the_names_stay() -> None:
    assert (Beam.__doc__, Beam.__name__, Beam.__module__) == ("A beam.", "Beam", __name__)


# pickling


def test_a_flow_class_defined_in_a_function_goes_to_another_process_with_its_graph() -> None:
    class Local(LumeFlow):
        x: float = parameter(default=1, ge=0, unit="mm", help="offset")
        y = scale(x)

        @step
        def total(self, y: float) -> float:
            return y + self.x

        kept: float = result(total, name="keep")

    script = (
        "import pickle, sys\n"
        "cls = pickle.load(sys.stdin.buffer)\n"
        "graph = cls.__lume_graph__\n"
        "print(list(graph.members), graph.members['y'].inputs['x'].upstream, graph.members['kept'].task_name)\n"
        "print(cls(x=3), cls.__lume_graph__.members['total'].work.function(cls(x=3), 4.0))\n"
    )
    import subprocess
    import sys

    by_value = cloudpickle.dumps(Local)
    outcome = subprocess.run([sys.executable, "-c", script], input=by_value, capture_output=True, check=False)
    assert outcome.returncode == 0, outcome.stderr.decode()
    members, instance = outcome.stdout.decode().splitlines()
    assert members == "['x', 'y', 'total', 'kept'] x keep"
    assert instance.endswith("Local(x=3.0) 7.0")


def test_the_problems_of_a_definition_survive_pickling(scan: Scan) -> None:
    with pytest.raises(DefinitionError) as caught:
        scan("x: int = 'a'\ny = add(xx)")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
    assert str(again) == str(caught.value)


def test_the_problems_of_a_call_survive_pickling() -> None:
    with pytest.raises(ParameterError) as caught:
        Beam(shots="a")  # type: ignore[arg-type]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_value_that_is_not_there_survives_pickling_as_an_error() -> None:
    with pytest.raises(NotRunError) as caught:
        Beam(shots=1).kept  # noqa: B018
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# options of the flow


def test_options_are_kept_on_the_class_and_are_not_inherited_by_others() -> None:
    @flow(name="scan of the beam", project="injector", labels=["lab"])
    class Named(LumeFlow):
        x: int = 1

    class Plain(LumeFlow):
        x: int = 1

    assert Named.__lume_options__ == {"name": "scan of the beam", "project": "injector", "labels": ["lab"]}
    assert Plain.__lume_options__ == {}
    assert Named(x=2).x == 2


def test_a_run_config_is_an_object_and_labels_are_a_list(define: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        define("@flow(run_config='docker', labels='gpu')\nclass Scan(LumeFlow):\n    x: int = 1")
    assert str(caught.value) == (
        "beam.py:1: Scan: run_config='docker' is a text  [flow-option]\n"
        "    write run_config=DockerRun(image=...), or another of prefect.run_configs\n"
        "beam.py:1: Scan: labels='gpu' is one text  [flow-option]\n"
        "    write labels=['gpu']"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("thread", "'thread' is no executor; did you mean 'threads'?  [flow-option]\n    they are local, threads, "),
        (
            "dask://login1",
            "'dask://login1' is not of the form dask://HOST:PORT  [flow-option]\n    write it as dask://",
        ),
    ],
)
def test_the_name_of_an_executor_is_checked_where_it_is_written(define: Any, name: str, told: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(f"@flow(executor={name!r})\nclass Scan(LumeFlow):\n    x: int = 1")
    assert str(caught.value).startswith(f"beam.py:1: Scan: {told}")


def test_all_misspelt_options_are_told_at_the_line_of_the_decorator(define: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        define("@flow(nmae='a', projcet='b')\nclass Scan(LumeFlow):\n    x: int = 1")
    known = "name, project, schedule, executor, run_config, storage, labels, result, state_handlers, on_failure, "
    assert str(caught.value) == (
        "beam.py:1: Scan: 'nmae' is not a flow option; did you mean 'name'?  [flow-option]\n"
        f"    the options are: {known}terminal_state_handler\n"
        "beam.py:1: Scan: 'projcet' is not a flow option; did you mean 'project'?  [flow-option]\n"
        f"    the options are: {known}terminal_state_handler"
    )


@pytest.mark.parametrize(
    "source", ["@flow\nclass Scan(LumeFlow):\n    x: int = 1", "@flow(name='a')\nclass Scan:\n    x: int = 1"]
)
def test_the_decorator_without_brackets_or_on_no_flow_is_told_what_to_write(define: Any, source: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(source)
    (problem,) = caught.value.problems
    assert problem.kind == "flow-option"
    assert problem.fix


# inheritance


def test_methods_and_constants_are_inherited_from_a_flow_without_fields() -> None:
    class Common(LumeFlow):
        FACTOR = 3

        def scaled_by(self, value: float) -> float:
            return value * self.FACTOR

    class Mixin:
        def greet(self) -> str:
            return "hello"

    class Scan(Mixin, Common):
        x: float = 1
        y = scale(x, Common.FACTOR)

        @step
        def total(self, y: float) -> float:
            return self.scaled_by(y)

    assert list(Scan.__lume_graph__.members) == ["x", "y", "total"]
    assert Scan(x=2).scaled_by(Scan(x=2).x) == 6
    assert Scan().greet() == "hello"
    assert Scan.__lume_graph__.members["y"].inputs["by"].value == 3  # type: ignore[union-attr]


def test_a_redefined_flow_replaces_the_first(define: Any) -> None:
    source = (
        "class Scan(LumeFlow):\n    x: int = 1\nfirst = Scan()\nclass Scan(LumeFlow):\n    y: int = 2\nsecond = Scan()"
    )
    names = define(source)
    assert (repr(names["first"]), repr(names["second"])) == ("Scan(x=1)", "Scan(y=2)")
    assert names["first"] != names["second"]
