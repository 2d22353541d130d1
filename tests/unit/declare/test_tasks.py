"""Tasks are functions that a flow can use; what cannot be one, and a wrong option, is told when it is made."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import cloudpickle
import pytest

from lume_dsl import db_result, file_result, parameter, resource_manager, result, step, task, unmapped
from lume_dsl.declare.options import TaskOptions, option_problems
from lume_dsl.errors import DefinitionError, Place, Problem


@task
def add(x: int, y: int = 1) -> int:
    """Return the sum."""
    return x + y


def only(caught: pytest.ExceptionInfo[DefinitionError]) -> Problem:
    """The one problem of an error, which stands in this file."""
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert problem.place.file == __file__
    return problem


def test_run_calls_the_plain_function_anywhere() -> None:
    assert add.run(1, y=2) == 3


def test_a_task_looks_like_its_function() -> None:
    assert (add.__name__, add.__doc__, add.__module__) == ("add", "Return the sum.", __name__)
    assert repr(add) == "<task add>"
    assert list(inspect.signature(add).parameters) == ["x", "y"]


@pytest.mark.parametrize(
    ("call", "subject", "message", "fix"),
    [
        (
            lambda: add(1),
            "task add",
            "was called outside a flow's body",
            "write add.run(...) to call the plain function",
        ),
        (
            lambda: add.map([1]),
            "task add",
            "was called outside a flow's body",
            "write [add.run(item) for item in items] to call the plain function",
        ),
        (
            lambda: parameter(default=1),
            "parameter()",
            "was called outside a flow's body",
            "write it in the body of a class that subclasses LumeFlow",
        ),
        (
            lambda: result(1),
            "result()",
            "was called outside a flow's body",
            "write it in the body of a class that subclasses LumeFlow",
        ),
        (
            lambda: file_result("a", filename="a"),
            "file_result()",
            "was called outside a flow's body",
            "write it in the body of a class that subclasses LumeFlow",
        ),
        (
            lambda: db_result(x=1),
            "db_result()",
            "was called outside a flow's body",
            "write it in the body of a class that subclasses LumeFlow",
        ),
        (
            lambda: step(add.function),
            "step add",
            "was called outside a flow's body",
            "use @task for a function outside a flow's class",
        ),
        (
            lambda: step()(add.function),
            "step add",
            "was called outside a flow's body",
            "use @task for a function outside a flow's class",
        ),
        (
            lambda: step.map(x=[1])(add.function),
            "step add",
            "was called outside a flow's body",
            "use @task for a function outside a flow's class",
        ),
        (
            lambda: step(timeout=3).map(x=[1])(add.function),
            "step add",
            "was called outside a flow's body",
            "use @task for a function outside a flow's class",
        ),
    ],
    ids=["call", "map", "parameter", "result", "file_result", "db_result", "step", "step()", "step.map", "step().map"],
)
def test_outside_a_body_a_call_is_refused_at_its_line_with_what_to_write(
    call: Callable[[], Any], subject: str, message: str, fix: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        call()
    problem = only(caught)
    assert (problem.kind, problem.subject, problem.message, problem.fix) == ("outside-flow", subject, message, fix)


def test_a_class_without_its_base_is_told_to_have_it(define: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        define("class Scan:\n    y = add(1)\n")
    (problem,) = caught.value.problems
    assert problem.fix == "write add.run(...) to call the plain function; for a flow, write class Scan(LumeFlow): ..."
    assert problem.place == Place("beam.py", 2)


def test_a_task_called_in_a_task_is_told_to_run(define: Any) -> None:
    names = define("@task\ndef outer(x: int) -> int:\n    return add(x)\n")
    with pytest.raises(DefinitionError, match=r"^beam.py:3: task add: was called outside.*\n    write add\.run"):
        names["outer"].run(1)


# options


def test_the_options_are_those_that_prefect_has() -> None:
    """Prefect itself is compared with in the integration tests; this holds the list."""
    assert set(TaskOptions.__annotations__) == {
        "name", "slug", "tags", "max_retries", "retry_delay", "retry_on", "timeout", "trigger", "skip_on_upstream_skip",
        "cache_for", "cache_validator", "cache_key", "checkpoint", "state_handlers", "on_failure", "log_stdout",
        "result", "target", "task_run_name", "nout",
    }  # fmt: skip


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"name": "a", "tags": ["slow"], "log_stdout": True},
        {"max_retries": 3, "retry_delay": SECOND},
        {"max_retries": 3, "retry_delay": SECOND, "retry_on": ValueError},
        {"max_retries": 0},
        {"timeout": 30},
        {"timeout": SECOND},
        {"tags": ("a", "b")},
        {"cache_for": SECOND, "cache_key": "k"},
        {"cache": True},
        {"cache": SECOND},
        {"cache": False, "cache_for": SECOND},
    ],
    ids=str,
)
def test_options_that_go_together_are_taken(options: dict[str, Any]) -> None:
    assert option_problems(options, cached=True) == []
    made = task(**options)(add.function)
    assert made.options == options
    assert made.run(1) == 2


@pytest.mark.parametrize(
    ("options", "message", "fix"),
    [
        ({"timout": 3}, "'timout' is not a task option; did you mean 'timeout'?", "use the options of prefect.Task"),
        ({"xyzzy": 3}, "'xyzzy' is not a task option", "use the options of prefect.Task"),
        ({"max_retries": 3}, "max_retries=3 needs a retry_delay", "add retry_delay=timedelta(seconds=10)"),
        (
            {"max_retries": 3, "retry_delay": None},
            "max_retries=3 needs a retry_delay",
            "add retry_delay=timedelta(seconds=10)",
        ),
        ({"retry_delay": SECOND}, "retry_delay needs max_retries", "add max_retries=3"),
        ({"retry_on": ValueError}, "retry_on needs max_retries", "add max_retries=3 and a retry_delay"),
        ({"tags": "slow"}, "tags='slow' is one text", "write tags=['slow']"),
        ({"timeout": 2.5}, "timeout=2.5 is not whole seconds", "write timeout=30, or a timedelta"),
        ({"timeout": True}, "timeout=True is not whole seconds", "write timeout=30, or a timedelta"),
        ({"timeout": "30"}, "timeout='30' is not whole seconds", "write timeout=30, or a timedelta"),
        (
            {"cache": 60},
            "cache=60 is neither a bool nor a timedelta",
            "write cache=True, or cache=timedelta(days=7)",
        ),
        (
            {"cache": -SECOND},
            "cache=datetime.timedelta(days=-1, seconds=86399) is no time at all",
            "write cache=timedelta(days=7), or cache=True",
        ),
        (
            {"cache": True, "cache_for": SECOND},
            "cache and cache_for are two caches: by source and inputs, and Prefect's",
            "leave one out; cache takes a timedelta too",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_option_that_is_wrong_is_told_at_the_line_of_the_decorator(
    options: dict[str, Any], message: str, fix: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        task(**options)(add.function)
    problem = only(caught)
    assert (problem.kind, problem.subject, problem.message, problem.fix) == ("task-option", "task add", message, fix)


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": 3, "retry_delay": 5},
        {"max_retries": "3", "retry_delay": SECOND},
        {"max_retries": -1, "retry_delay": SECOND},
        {"cache_for": 3600},
        {"name": 3},
    ],
    ids=str,
)
def test_an_option_of_a_wrong_type_is_told_too(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        task(**options)(add.function)


class Held:
    def setup(self) -> int:
        return 1

    def cleanup(self, resource: int) -> None: ...


def test_results_and_resources_take_no_cache(define: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        define(
            "class Scan(LumeFlow):\n    x: float = 1.0\n    kept: float = result(x, cache=True)\n"
            "    file: TextFile = file_result('a', filename='a', cache=True)\n"
        )
    fix = "write it on the task that computes the value: @task(cache=True)"
    assert [(one.message, one.fix) for one in caught.value.problems] == [("'cache' is not a task option", fix)] * 2
    names = define("class Scan(LumeFlow):\n    x: float = 1.0\n    record: DBResult = db_result(cache=x)\n")
    assert list(names["Scan"].__lume_graph__.members["record"].inputs) == ["cache"]  # an output of this name
    with pytest.raises(DefinitionError, match="'cache' is not a task option"):
        resource_manager(init_task_kwargs={"cache": True})(Held)  # type: ignore[typeddict-unknown-key]


def test_with_options_checks_cache_with_what_the_task_has() -> None:
    with pytest.raises(DefinitionError, match="two caches"):
        add.with_options(cache=True).with_options(cache_for=SECOND)
    assert add.with_options(cache=True).with_options(cache=False, cache_for=SECOND).options["cache"] is False


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        task(timout=3, max_retries=3, tags="slow")(add.function)  # type: ignore[call-arg]
    assert len(caught.value.problems) == 3


def test_with_options_gives_a_copy_with_these_changed() -> None:
    retried = add.with_options(max_retries=2, retry_delay=SECOND)
    renamed = retried.with_options(name="sum")
    assert add.options == {}
    assert renamed.options == {"max_retries": 2, "retry_delay": SECOND, "name": "sum"}
    assert renamed.run(1) == 2


def test_with_options_refuses_what_task_refuses_at_its_line() -> None:
    with pytest.raises(DefinitionError) as caught:
        add.with_options(max_retry=2)  # type: ignore[call-arg]
    problem = only(caught)
    assert problem.place is not None
    assert "did you mean 'max_retries'" in problem.message


def test_the_options_of_a_step_are_checked_at_its_line(problems: Any) -> None:
    ((kind, place, _, message, _),) = problems("x: int = 1\n@step(timout=3)\ndef total(self) -> int: ...")
    assert (kind, place) == ("task-option", 3)
    assert "did you mean 'timeout'" in message


def test_a_task_made_of_a_task_s_function_keeps_services() -> None:
    assert task(services=True)(add.function).with_options(name="a").services


# what can be a task


class Doubler:
    def __call__(self, x: float) -> float:
        return 2 * x


@pytest.mark.parametrize(
    "function",
    [lambda x: 2 * x, functools.partial(lambda factor, x: factor * x, 2), Doubler(), Doubler().__call__],
    ids=["lambda", "partial", "object", "method"],
)
def test_anything_that_is_called_with_named_arguments_can_be_a_task(function: Any) -> None:
    assert task(function).run(x=3) == 6


@pytest.mark.parametrize(
    "function", [lambda *xs: 1, print, sum, lambda x, /: x], ids=["*args", "print", "sum", "positional"]
)
def test_a_function_whose_arguments_have_no_names_is_refused(function: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        task(function)
    problem = only(caught)
    assert problem.kind == "task-signature"
    # Python 3.10 does not tell what print takes
    assert problem.fix in ("give each a name", "wrap it in a function that does")


async def later(x: int) -> int:
    return x


def items(count: int) -> Iterator[int]:
    yield from range(count)


@pytest.mark.parametrize(
    "thing", [3, "text", max, dict, later, items], ids=["number", "text", "max", "dict", "async", "generator"]
)
def test_what_cannot_be_a_task_is_refused_and_no_crash(thing: Any) -> None:
    with pytest.raises(DefinitionError) as caught:
        task(thing)
    assert only(caught).kind == "task-signature"


def test_a_step_that_is_a_coroutine_is_refused(problems: Any) -> None:
    told = problems("@step\nasync def total(self) -> int: ...")
    assert [kind for kind, *_ in told] == ["step-signature"]


def test_a_step_that_is_a_generator_is_refused(problems: Any) -> None:
    ((kind, _, _, message, fix),) = problems("x: int = 1\n@step\ndef total(self, x: int): yield x")
    assert (kind, message) == ("step-signature", "is a generator, so that a call of it computes nothing")
    assert fix == "return a list of what it yields"


def test_step_map_without_arguments_is_told_what_to_write(problems: Any) -> None:
    told = problems("xs: list[int] = [1]\n@step.map\ndef total(self, xs: list[int]) -> int: ...")
    assert [kind for kind, *_ in told] == ["map-arguments"]
    assert told[0][1] in (3, 4)  # the decorator's line, or the def's on Python 3.10


def test_step_map_of_unmapped_arguments_alone_is_told_what_to_write(problems: Any) -> None:
    told = problems("xs: list[int] = [1]\n@step.map(xs=unmapped(xs))\ndef total(self, xs: list[int]) -> int: ...")
    assert [(kind, fix) for kind, *_, fix in told] == [("map-arguments", "write @step.map(argument=values)")]


@pytest.mark.parametrize(
    ("argument", "option"),
    [("upstream_tasks=[x]", "after"), ("task_args={'name': 'a'}", "name"), ("timeout=3", "timeout")],
)
def test_an_option_in_a_call_is_told_where_it_goes(problems: Any, argument: str, option: str) -> None:
    ((kind, *_, fix),) = problems(f"x: int = 1\ny = add(x, {argument})")
    assert (kind, fix) == ("task-arguments", f"write add.with_options({option}=...)")


def test_a_static_method_is_no_step(problems: Any) -> None:
    told = problems("x: int = 1\n@step\n@staticmethod\ndef total(x: int) -> int: ...")
    assert [kind for kind, *_ in told] == ["step-signature"]


def test_a_task_survives_pickling() -> None:
    local = pickle.loads(cloudpickle.dumps(task(name="local")(lambda x: x + 1)))
    assert pickle.loads(cloudpickle.dumps(add)).run(1) == 2
    assert local.run(1) == 2
    assert local.options == {"name": "local"}


def test_unmapped_marks_a_value_for_map_alone(scan: Any) -> None:
    graph = scan("y = add(unmapped(3))").__lume_graph__
    assert graph.members["y"].inputs["x"].value == 3
    assert unmapped(3) is not None
