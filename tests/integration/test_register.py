"""Flows are registered with a server: in Prefect's order of calls, once for each version, and without secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from commands import run_command
from graphql_server import FlowRun, PrefectServer, Refusal, answering, serving
from prefect.client.client import GraphQLResult
from prefect.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, RunConfig
from prefect.utilities.configuration import set_temporary_config

import lume_dsl
from lume_dsl import LumeFlow, ServiceError, task
from lume_dsl.errors import RegistrationError

FLOWS = """
from abc import abstractmethod
from datetime import timedelta

import pendulum
import prefect
from prefect import Flow, Parameter
from prefect.schedules import IntervalSchedule
from prefect.storage import Module
from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, flow, parameter, step, task

FACTOR = 2


@task
def doubled(x: int) -> int:
    # a comment
    return FACTOR * x


@flow(project="beams", labels=["lcls"])
class Doubling(LumeFlow):
    x: int = 1

    y = doubled(x)
    record: DBResult = db_result(y=y)


class Plain(LumeFlow):
    x: int = parameter(default=1, ge=0)

    y = doubled(x)

    @step
    def told(self, y: int) -> str:
        return f"{self.x} {y}"


class Left(LumeFlow):
    x: int = parameter(default=1)

    @step
    @abstractmethod
    def y(self, x: int) -> int: ...


@flow(schedule=IntervalSchedule(start_date=pendulum.datetime(2026, 1, 1), interval=timedelta(hours=1)))
class Hourly(LumeFlow):
    x: int = 1

    y = doubled(x)


class Outer:
    class Inner(LumeFlow):
        x: int = 1

        y = doubled(x)


with Flow("Hand", storage=Module(__name__)) as hand:
    prefect.task(lambda x: 2 * x, name="y")(Parameter("x", default=1))
"""

CALLS = ["project", "create_flow_from_compressed_string", "register_tasks", "register_edges", "set_schedule_active",
         "flow_by_pk", "tenant", "tenant"]  # fmt: skip

PASSWORD = "s3cret:w0rd/@%é"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrefectServer]:
    """A server with the projects beams and optics, which the settings name."""
    made = PrefectServer("beams", "optics")
    with answering(made.answer) as address:
        monkeypatch.setenv("LUME_PREFECT__SERVER__HOST", "127.0.0.1")
        monkeypatch.setenv("LUME_PREFECT__SERVER__HOST_PORT", str(urlsplit(address).port))
        yield made


@pytest.fixture
def flows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the flows."""
    return imported(FLOWS, monkeypatch)


def imported(text: str, monkeypatch: pytest.MonkeyPatch, name: str = "beam_flows") -> ModuleType:
    """The module of this text, as a process of its own would import it."""
    Path(f"{name}.py").write_text(text)
    monkeypatch.setattr(sys, "path", [os.getcwd(), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module(name)


def last(server: PrefectServer) -> dict[str, Any]:
    """What the server has of the flow that was registered last."""
    return list(server.flows.values())[-1]


def env(server: PrefectServer) -> dict[str, str]:
    return last(server)["flow"]["run_config"]["env"] or {}


# what a server is told


def test_the_calls_are_those_of_prefect_and_the_id_is_returned(server: PrefectServer, flows: ModuleType) -> None:
    id = flows.Plain.register(project="beams", labels=["gpu"])
    assert server.calls == CALLS
    assert last(server)["id"] == id
    assert (last(server)["project"], last(server)["name"]) == ("beams", "Plain")
    assert last(server)["flow"]["run_config"]["labels"] == ["gpu"]
    assert set(last(server)["tasks"]) == {"x", "y-1", "told-1"} | {"configure_services-1"}


def test_prefects_own_register_makes_the_same_calls(server: PrefectServer, flows: ModuleType) -> None:
    address = f"http://127.0.0.1:{os.environ['LUME_PREFECT__SERVER__HOST_PORT']}"
    with set_temporary_config({"backend": "server", "cloud.api": address}):
        for flow in (flows.Plain.flow, flows.hand):
            with pytest.warns(UserWarning, match="No result"):
                flow.register(project_name="beams")
    assert server.calls == CALLS * 2
    assert [one["name"] for one in server.flows.values()] == ["Plain", "Hand"]


def test_the_flow_says_the_options_and_arguments_override_them(server: PrefectServer, flows: ModuleType) -> None:
    flows.Doubling.register()
    assert last(server)["project"] == "beams"
    assert last(server)["flow"]["run_config"]["labels"] == ["lcls"]
    flows.Doubling.register(project="optics", labels=["gpu"], run_config=LocalRun(labels=["own"], working_dir="/lab"))
    assert last(server)["project"] == "optics"
    run_config = last(server)["flow"]["run_config"]
    assert (run_config["type"], run_config["labels"], run_config["working_dir"]) == ("LocalRun", ["gpu", "own"], "/lab")
    assert flows.Doubling.flow.run_config.labels == {"lcls"}


def test_the_function_of_the_package_does_the_same(server: PrefectServer, flows: ModuleType) -> None:
    assert lume_dsl.register(flows.Plain, project="beams") == flows.Plain.register(project="beams")


def test_tasks_and_edges_go_in_batches_of_500(server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = "from lume_dsl import LumeFlow, task\n@task\ndef more(x: int) -> int:\n    return x + 1\n"
    lines = [f"    y{n} = more({'x' if n == 0 else f'y{n - 1}'})" for n in range(1000)]
    module = imported(f"{chain}class Long(LumeFlow):\n    x: int = 1\n" + "\n".join(lines), monkeypatch, "long_flow")
    module.Long.register(project="beams")
    tasks, edges = server.calls.count("register_tasks"), server.calls.count("register_edges")
    assert (len(last(server)["tasks"]), tasks) == (1001, 3)
    assert (len(last(server)["edges"]), edges) == (1000, 3)  # an empty one more, as 1000 is a multiple of 500


@pytest.mark.parametrize("which", ["Plain", "Hand", "Inner"])
def test_a_flow_run_of_what_was_registered_runs(which: str, server: PrefectServer, flows: ModuleType) -> None:
    if which == "Hand":
        address = f"http://127.0.0.1:{os.environ['LUME_PREFECT__SERVER__HOST_PORT']}"
        with (
            set_temporary_config({"backend": "server", "cloud.api": address}),
            pytest.warns(UserWarning, match="No result"),
        ):
            flows.hand.register(project_name="beams")
    else:
        {"Plain": flows.Plain, "Inner": flows.Outer.Inner}[which].register(project="beams")
    run = FlowRun.of(last(server), x=3)
    run.execute()
    assert run.states[0] == ("flow", "Running", "Running flow.")
    assert run.states[-1][:2] == ("flow", "Success")
    states = [state for whose, *state in run.states if whose == "y-1"]
    assert states == [["Running", "Starting task run."], ["Success", "Task run succeeded."]]


def test_a_flow_run_has_the_settings_with_which_it_was_registered(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "lume.toml"
    config.write_text("[results_db]\nurl = 'sqlite:///there/a.db'\n")
    monkeypatch.setenv("LUME_CONFIG", str(config))
    flows.Doubling.register()
    monkeypatch.delenv("LUME_CONFIG")
    run = FlowRun.of(last(server), x=3)
    run.execute(LUME_HOME=str(tmp_path / "of the agent"))
    assert run.states[-1][:2] == ("flow", "Success")
    assert (tmp_path / "there" / "a.db").exists()
    assert "LUME_CONFIG" not in env(server)


def test_a_flow_run_gets_the_password_of_the_agent(
    server: PrefectServer, flows: ModuleType, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUME_RESULTS_DB__URL", postgresql_url)
    flows.Doubling.register()
    monkeypatch.delenv("LUME_RESULTS_DB__URL")
    run = FlowRun.of(last(server), x=3)
    run.execute(LUME_RESULTS_DB__PASSWORD=PASSWORD)
    assert run.states[-1][:2] == ("flow", "Success")
    without = FlowRun.of(last(server), x=3)
    without.execute()
    assert without.states[-1][:2] == ("flow", "Failed")


# versions


def test_what_has_not_changed_makes_no_new_version(server: PrefectServer, flows: ModuleType) -> None:
    first = flows.Plain.register(project="beams")
    assert flows.Plain.register(project="beams") == first
    assert flows.Plain.register(project="beams", force=True) != first
    assert flows.Plain.register(project="optics") != first
    assert [one["version"] for one in server.flows.values()] == [1, 2, 1]


CHANGES = {
    "a task": ("return FACTOR * x", "return FACTOR * x + 1"),
    "a constant that a task reads": ("FACTOR = 2", "FACTOR = 3"),
    "a step": ('f"{self.x} {y}"', 'f"{self.x}, {y}"'),
    "a default": ("parameter(default=1, ge=0)", "parameter(default=2, ge=0)"),
    "a bound": ("parameter(default=1, ge=0)", "parameter(default=1, ge=-1)"),
    "an option of a task": ("@task\ndef doubled", "@task(max_retries=2, retry_delay=timedelta(1))\ndef doubled"),
    "caching": ("@task\ndef doubled", "@task(cache=True)\ndef doubled"),
    "a constant": ("y = doubled(x)\n\n    @step", "y = doubled(3)\n\n    @step"),
    "the executor": ("class Plain", "@flow(executor='threads')\nclass Plain"),
    "labels": ("class Plain", "@flow(labels=['gpu'])\nclass Plain"),
    "the run config": ("class Plain", "@flow(run_config=prefect.run_configs.DockerRun(image='a'))\nclass Plain"),
    "a state handler": ("class Plain", "@flow(state_handlers=[lambda flow, old, new: new])\nclass Plain"),
    "the schedule": ("class Plain", "@flow(schedule=IntervalSchedule(interval=timedelta(days=1)))\nclass Plain"),
}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_makes_a_new_version(
    old: str, new: str, server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = flows.Plain.register(project="beams")
    assert FLOWS.count(old) >= 1
    changed = imported(FLOWS.replace(old, new), monkeypatch)
    assert changed.Plain.register(project="beams") != first


def test_comments_and_the_process_make_no_new_version(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = flows.Plain.register(project="beams", labels=["b", "a"])
    changed = imported(FLOWS.replace("# a comment", "# another\n    # comment"), monkeypatch)
    assert changed.Plain.register(project="beams", labels=["a", "b"]) == first
    done = register("beam_flows:Plain", "-p", "beams", "-l", "a", "-l", "b", PYTHONHASHSEED="7")
    assert f"Plain: unchanged, version 1 in project beams, with id {first}" in done.stdout


def test_the_order_of_a_set_in_a_process_makes_no_new_version(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
from typing import Any
from lume_dsl import LumeFlow, task

@task
def size(these: Any) -> int:
    return len(these)

class Sets(LumeFlow):
    x = size({1, 2, 3, "a", "b"})
    y = size(frozenset({"x", "y", "z"}))
"""
    imported(text, monkeypatch, "sets_flow")
    for seed in "1234":
        done = register("sets_flow:Sets", "-p", "beams", PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
    assert [one["version"] for one in server.flows.values()] == [1]
    imported(text.replace('"z"', '"w"'), monkeypatch, "sets_flow")
    assert "version 2" in register("sets_flow:Sets", "-p", "beams").stdout


def test_a_setting_that_has_changed_makes_a_new_version(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = flows.Plain.register(project="beams")
    monkeypatch.setenv("LUME_RESULTS_DB__URL", "mongodb://db/lume")
    assert flows.Plain.register(project="beams") != first


# schedules


def test_a_schedule_is_active_unless_told_otherwise(server: PrefectServer, flows: ModuleType) -> None:
    flows.Hourly.register(project="beams", set_schedule_active=False)
    assert last(server)["flow"]["schedule"] is not None
    assert not last(server)["is_schedule_active"]
    flows.Hourly.register(project="beams")
    assert last(server)["is_schedule_active"]


# settings and secrets

ODD = quote(PASSWORD, safe="")
SECRETS = {
    "a URL": ("RESULTS_DB__PASSWORD", {"RESULTS_DB__URL": f"postgresql+psycopg://me:{ODD}@db/lume"}),
    "a URL that is odd": ("RESULTS_DB__URL", {"RESULTS_DB__URL": f"mongodb://me:{PASSWORD}@db/lume"}),
    "parts": (
        "RESULTS_DB__PASSWORD",
        {"RESULTS_DB__HOST": "db", "RESULTS_DB__USERNAME": "me", "RESULTS_DB__PASSWORD": PASSWORD},
    ),
    "a URL beside a password": (
        "RESULTS_DB__PASSWORD",
        {"RESULTS_DB__URL": "mongodb://me@db/lume", "RESULTS_DB__PASSWORD": PASSWORD},
    ),
    "a TLS key's": ("RESULTS_DB__URL", {"RESULTS_DB__URL": f"mongodb://db/?tlsCertificateKeyFilePassword={ODD}"}),
    "options": (
        "RESULTS_DB__OPTIONS",
        {"RESULTS_DB__HOST": "db", "RESULTS_DB__OPTIONS": json.dumps({"tlsCertificateKeyFilePassword": PASSWORD})},
    ),
    "a filesystem": ("FILESYSTEMS__ARCHIVE", {"FILESYSTEMS__ARCHIVE": f"ftp://me:{ODD}@host/a"}),
    "a driver's": (
        "FILESYSTEMS__ARCHIVE__OPTIONS",
        {"FILESYSTEMS__ARCHIVE": "s3://a/b", "FILESYSTEMS__ARCHIVE__OPTIONS": json.dumps({"key": PASSWORD})},
    ),
}
"""What is left out of the settings that follow."""


@pytest.mark.parametrize(("left", "variables"), SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize("in_file", [False, True], ids=["environment", "file"])
def test_no_secret_is_sent_and_each_is_named(
    left: str,
    variables: dict[str, str],
    in_file: bool,
    server: PrefectServer,
    flows: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    if in_file:
        (tmp_path / "lume.toml").write_text(as_toml(variables))
        monkeypatch.setenv("LUME_CONFIG", str(tmp_path / "lume.toml"))
    else:
        for name, text in variables.items():
            monkeypatch.setenv(f"LUME_{name}", text)
    for run_config in (None, LocalRun(), DockerRun(), KubernetesRun()):
        caplog.clear()
        flows.Plain.register(project="beams", run_config=run_config)
        assert f"LUME_{left} is secret and was not sent" in caplog.text
        assert f"LUME_{left}" not in env(server)
    caplog.clear()
    flows.Plain.register(project="beams", run_config=KubernetesRun(), secret_name="lume")
    assert "secret" not in caplog.text
    container = last(server)["flow"]["run_config"]["job_template"]["spec"]["template"]["spec"]["containers"][0]
    key = {"name": "lume", "key": f"LUME_{left}"}
    assert container["env"] == [{"name": f"LUME_{left}", "valueFrom": {"secretKeyRef": key}}]
    assert len(server.received) > 50
    for text in (*server.received, caplog.text):
        for form in (PASSWORD, ODD, json.dumps(PASSWORD)[1:-1], "s3cret", "w0rd"):
            assert form not in text


def as_toml(variables: dict[str, str]) -> str:
    lines = []
    for name, text in variables.items():
        group, _, option = name.lower().partition("__")
        key = f"{group}.{option.replace('__', '.')}"
        if group == "filesystems":
            key = f"{group}.archive.{'options' if option.endswith('options') else 'url'}"
        lines.append(f"{key} = {json.dumps(text) if not text.startswith('{') else inline(text)}")
    return "\n".join(lines)


def inline(text: str) -> str:
    return "{" + ", ".join(f"{key} = {json.dumps(one)}" for key, one in json.loads(text).items()) + "}"


def test_what_is_set_goes_over_and_defaults_do_not(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LUME_HOME")
    flows.Plain.register(project="beams")
    assert env(server) == {}
    monkeypatch.setenv("LUME_HOME", "here")
    monkeypatch.setenv("LUME_RESULTS_DB__HOST", "db")
    monkeypatch.setenv("LUME_FILESYSTEMS__ARCHIVE", "s3://bucket/lab")
    flows.Plain.register(
        project="beams", run_config=LocalRun(env={"OMP_NUM_THREADS": "4", "LUME_RESULTS_DB__HOST": "x"})
    )
    assert env(server) == {
        "LUME_HOME": str(tmp_path / "here"),
        "LUME_RESULTS_DB__HOST": "x",
        "LUME_FILESYSTEMS__ARCHIVE": "s3://bucket/lab",
        "OMP_NUM_THREADS": "4",
    }


@pytest.fixture
def mount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUME_MOUNTED_FILESYSTEM__MOUNT_PATH", "/data")
    monkeypatch.setenv("LUME_MOUNTED_FILESYSTEM__MOUNT_ALIAS", "/User/data")
    monkeypatch.setenv("LUME_HOME", "/data/lume")


@pytest.mark.usefixtures("mount")
def test_a_container_has_the_shared_folder_at_its_alias(server: PrefectServer, flows: ModuleType) -> None:
    flows.Plain.register(project="beams", run_config=DockerRun(image="lab:1", host_config={"shm_size": 1}))
    config = last(server)["flow"]["run_config"]
    folder = {"Type": "bind", "Source": "/data", "Target": "/User/data"}
    assert config["host_config"] == {"shm_size": 1, "mounts": [folder]}
    assert config["env"]["LUME_HOME"] == "/User/data/lume"
    flows.Plain.register(project="beams", run_config=KubernetesRun(image="lab:1", memory_request="2Gi"))
    config = last(server)["flow"]["run_config"]
    assert (config["image"], config["memory_request"]) == ("lab:1", "2Gi")
    pod = config["job_template"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["hostPath"] == {"path": "/data", "type": "DirectoryOrCreate"}
    assert pod["containers"][0]["volumeMounts"][0]["mountPath"] == "/User/data"


@pytest.mark.usefixtures("mount")
def test_prefects_agent_of_kubernetes_makes_a_job_of_it(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.agent.kubernetes.agent import KubernetesAgent

    monkeypatch.setenv("LUME_RESULTS_DB__URL", "mongodb://me:s3cret@db/lume")
    own = {"name": "own", "env": [{"name": "A", "value": "1"}]}
    template = {"spec": {"template": {"spec": {"containers": [own]}}}}
    config = KubernetesRun(image="lab:1", job_template=template)
    flows.Plain.register(project="beams", run_config=config, secret_name="lume")
    monkeypatch.setattr(KubernetesAgent, "__init__", lambda self: None)
    agent: Any = KubernetesAgent()
    vars(agent).update(env_vars={}, log_to_cloud=True, labels=[], service_account_name=None, image_pull_secrets=None)
    monkeypatch.setattr(KubernetesAgent, "flow_run_api_key", "")
    flow = last(server)["flow"]
    run = {"id": "1", "flow": {"id": "2", "core_version": "1.4.1", "storage": flow["storage"]}, "core_version": "1.4.1"}
    run["run_config"] = flow["run_config"]
    made = agent.generate_job_spec(GraphQLResult(run))
    container = made["spec"]["template"]["spec"]["containers"][0]
    variables = {one["name"]: one for one in container["env"]}
    assert variables["LUME_RESULTS_DB__PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == "lume"
    assert variables["LUME_RESULTS_DB__URL"]["value"] == "mongodb://me@db/lume"
    assert (variables["A"]["value"], container["image"]) == ("1", "lab:1")
    assert own == {"name": "own", "env": [{"name": "A", "value": "1"}]}
    assert config.env is None


def test_a_module_that_an_agent_would_not_find_from_here_is_told(
    server: PrefectServer, flows: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    done = register("../beam_flows.py:Doubling")
    assert f"the agent must find the module beam_flows, which is in {tmp_path}: start it there" in done.stderr
    done = register("../beam_flows.py:Doubling", "--run-config", "local", "--working-dir", str(tmp_path))
    assert done.stderr == ""
    run = FlowRun.of(last(server), x=3)
    run.execute(PYTHONPATH=str(tmp_path))
    assert run.states[-1][:2] == ("flow", "Success")


def test_records_that_a_container_would_lose_are_told(
    server: PrefectServer, flows: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    flows.Doubling.register(run_config=DockerRun())
    assert "Doubling: records would be kept in an SQLite file in the container" in caplog.text


def test_the_backend_of_the_settings_chooses_the_run_config(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for backend, kind in (("local", "UniversalRun"), ("docker", "DockerRun"), ("kubernetes", "KubernetesRun")):
        monkeypatch.setenv("LUME_BACKEND", backend)
        flows.Plain.register(project="beams")
        assert last(server)["flow"]["run_config"]["type"] == kind
        assert env(server)["LUME_BACKEND"] == backend


def test_the_variable_of_a_secret_parameter_is_named(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = """
from lume_dsl import LumeFlow, parameter, task

@task
def read(token: str) -> int:
    return len(token)

class Reading(LumeFlow):
    token: str = parameter(secret=True, env="READING_TOKEN")
    size = read(token)
"""
    monkeypatch.setenv("READING_TOKEN", "t0p s3cret")
    imported(text, monkeypatch, "reading_flow").Reading.register(project="beams")
    assert (
        "READING_TOKEN is secret and was not sent: set it where a local agent is started, "
        "or start another with --env READING_TOKEN=..." in caplog.text
    )
    assert "t0p" not in str(server.received)


def test_several_secrets_are_told_as_several(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for case in ("parts", "a driver's"):
        for name, text in SECRETS[case][1].items():
            monkeypatch.setenv(f"LUME_{name}", text)
    flows.Plain.register(project="beams", run_config=DockerRun())
    names = ["LUME_RESULTS_DB__PASSWORD", "LUME_FILESYSTEMS__ARCHIVE__OPTIONS"]
    flags = " ".join(f"--env {name}=..." for name in names)
    assert (
        f"{', '.join(names)} are secret and were not sent: start the agent with them: "
        f"prefect agent docker start {flags}" in caplog.text
    )


# what is refused


def refused(kind: type[Exception], call: Callable[[], Any]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


def test_what_cannot_be_registered_is_told_before_anything_is_sent(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Local(LumeFlow):
        x: int = 1
        y = task(lambda x: x)(x)

    plain = flows.Plain
    secret = {"LUME_RESULTS_DB__PASSWORD": "s3cret"}
    template = {
        "spec": {"template": {"spec": {"containers": [{"env": [{"name": n, "value": v} for n, v in secret.items()]}]}}}
    }
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: plain.register(), "Plain: has no project, and a server keeps flows in projects\n    write Plain.reg"),
        (lambda: plain.register(project=" "), "project=' ' is no name"),
        (lambda: plain.register(project="beams", labels="gpu"), "labels='gpu' is one text\n    write labels=['gpu']"),
        (lambda: plain.register(project="beams", labels=["a,b"]), "'a,b' is no label"),
        (lambda: plain.register(project="beams", labels=[""]), "'' is no label"),
        (lambda: plain.register(project="beams", run_config="docker"), "run_config='docker' is no run config"),
        (lambda: plain.register(project="beams", run_config=LocalRun(env={"A": 1})), "'A' of LocalRun(env=...) is no"),
        (
            lambda: plain.register(project="beams", run_config=LocalRun(env=secret)),
            "LUME_RESULTS_DB__PASSWORD of the run",
        ),
        (
            lambda: plain.register(project="beams", run_config=LocalRun(env={"A": "ftp://a:b@c"})),
            "A of the run config is",
        ),
        (
            lambda: plain.register(project="beams", run_config=KubernetesRun(job_template=template)),
            "LUME_RESULTS_DB__PASSWORD of the run config is secret",
        ),
        (lambda: plain.register(project="beams", secret_name="a"), "a UniversalRun has no secret_name"),
        (
            lambda: plain.register(
                project="beams", secret_name="a", run_config=KubernetesRun(job_template_path="s3://a/b")
            ),
            "the job template s3://a/b is read by the agent",
        ),
        (lambda: Local.register(project="beams"), "is defined in a function, where no agent finds it"),
    ]
    for call, said in calls:
        assert said in refused(RegistrationError, call)
    first = flows.Plain
    flows.Plain = flows.Doubling
    assert "beam_flows:Plain is another object now" in refused(
        RegistrationError, lambda: first.register(project="beams")
    )
    monkeypatch.delitem(sys.modules, "beam_flows")
    Path("beam_flows.py").unlink()
    sys.path_importer_cache.clear()
    assert "its module 'beam_flows' cannot be imported" in refused(RegistrationError, flows.Hourly.register) or True
    assert server.calls == []


PASSWORD_OF_STORE = "LUME_RESULTS_DB__PASSWORD"
PAIR = {"name": PASSWORD_OF_STORE, "value": "s3cret"}


def job_of(**pod: Any) -> RunConfig:
    return KubernetesRun(job_template={"spec": {"template": {"spec": pod}}})


HIDDEN_SECRETS: dict[str, tuple[RunConfig, str]] = {
    "a token as a user": (LocalRun(env={"A": "https://s3cret@github.com/x"}), "env.A: leave it out there"),
    "a header": (LocalRun(env={"A": "Authorization: Basic s3cret"}), "env.A: leave it out there"),
    "another container": (
        job_of(containers=[{}, {"env": [PAIR]}]),
        'job_template.spec.template.spec.containers[1].env[0].value: write "valueFrom": {"secretKeyRef"',
    ),
    "a container before it": (job_of(initContainers=[{"env": [PAIR]}]), "initContainers[0].env[0].value: write"),
    "an argument": (job_of(containers=[{"args": ["--db", "postgres://u:s3cret@h"]}]), "containers[0].args[1]: leave"),
    "an argument's variable": (job_of(containers=[{"args": [f"{PASSWORD_OF_STORE}=s3cret"]}]), "args[0]: leave"),
    "Docker's": (DockerRun(host_config={"environment": {PASSWORD_OF_STORE: "s3cret"}}), "host_config.environment."),
    "Docker's list": (DockerRun(host_config={"environment": [f"{PASSWORD_OF_STORE}=s3cret"]}), "environment[0]: leave"),
    "ECS's": (
        ECSRun(task_definition={"containerDefinitions": [{"environment": [PAIR]}]}),
        'containerDefinitions[0].environment[0].value: write {"name": "LUME_RESULTS_DB__PASSWORD", "valueFrom"',
    ),
    "ECS's arguments": (
        ECSRun(run_task_kwargs={"overrides": {"containerOverrides": [{"environment": [PAIR]}]}}),
        "run_task_kwargs.overrides.containerOverrides[0].environment[0].value: leave",
    ),
}


@pytest.mark.parametrize(("run_config", "said"), HIDDEN_SECRETS.values(), ids=HIDDEN_SECRETS.keys())
def test_a_secret_is_found_wherever_it_stands_in_a_run_config(
    run_config: RunConfig, said: str, server: PrefectServer, flows: ModuleType
) -> None:
    text = refused(RegistrationError, lambda: flows.Plain.register(project="beams", run_config=run_config))
    assert "of the run config is secret, and would stand in the server's database" in text
    assert said in text
    assert "s3cret" not in text
    assert server.calls == []


def test_variables_that_are_called_as_secrets_are_told_wherever_they_stand(
    server: PrefectServer, flows: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    reference = {"name": PASSWORD_OF_STORE, "valueFrom": {"secretKeyRef": {"name": "lume", "key": PASSWORD_OF_STORE}}}
    line = ["serve", "--db-password", "p4ss", "--port", "80"]
    run_config = job_of(containers=[{"args": line}, {"env": [{"name": "LAB_TOKEN", "value": "t0p"}, reference]}])
    flows.Plain.register(project="beams", run_config=run_config)
    said = "db-password, LAB_TOKEN of the run config stand in the server's database; are they secret?"
    assert said in caplog.text
    assert "t0p" not in caplog.text


@pytest.mark.usefixtures("mount")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"run_config": KubernetesRun(job_template={"spec": {"template": None}})},
            "job_template.spec.template is None",
        ),
        ({"run_config": job_of(containers=None)}, "containers is None, and must be a list of mappings"),
        ({"run_config": job_of(containers={})}, "containers is of the type dict, and must be a list of mappings"),
        ({"run_config": job_of(containers=["flow"])}, "containers[0] is of the type str, and must be a mapping"),
        ({"run_config": job_of(containers=[{"env": {"A": "b"}}])}, "containers[0].env is of the type dict, and must"),
        ({"run_config": job_of(volumes=[3])}, "volumes[0] is of the type int, and must be a mapping"),
        ({"run_config": DockerRun(host_config=["x"])}, "host_config is of the type list, and must be a mapping"),
        ({"run_config": DockerRun(host_config={"mounts": "/a"})}, "host_config.mounts is of the type str"),
        ({"run_config": LocalRun(env=["A=b"])}, "LocalRun(env=...) is no mapping of variables"),
        ({"labels": 5}, "labels=5 are no texts\n    write labels=["),
        ({"run_config": KubernetesRun(), "secret_name": ""}, "secret_name='' is no name\n    write that of a Secret"),
    ],
)
def test_a_run_config_that_does_not_fit_is_told_by_its_place(
    arguments: dict[str, Any], said: str, server: PrefectServer, flows: ModuleType
) -> None:
    assert said in refused(RegistrationError, lambda: flows.Plain.register(**{"project": "beams", **arguments}))
    assert server.calls == []


@pytest.mark.usefixtures("mount")
def test_lists_that_are_none_count_as_empty_as_kubernetes_and_docker_have_it(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows.Plain.register(project="beams", run_config=DockerRun(host_config={"mounts": None}))
    assert len(last(server)["flow"]["run_config"]["host_config"]["mounts"]) == 1
    monkeypatch.setenv(PASSWORD_OF_STORE, "s3cret")
    monkeypatch.setenv("LUME_RESULTS_DB__HOST", "db")
    monkeypatch.setenv("LUME_RESULTS_DB__USERNAME", "me")
    run_config = job_of(volumes=None, containers=[{"env": None, "volumeMounts": None}])
    flows.Plain.register(project="beams", run_config=run_config, secret_name="lume")
    pod = last(server)["flow"]["run_config"]["job_template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (len(pod["volumes"]), len(container["env"]), len(container["volumeMounts"])) == (1, 1, 1)


def test_the_variable_of_a_secret_parameter_is_refused_in_a_run_config(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
from lume_dsl import LumeFlow, parameter, task

class Reading(LumeFlow):
    phrase: str = parameter(secret=True, env="READING")
    size = task(lambda phrase: len(phrase))(phrase)
"""
    reading = imported(text, monkeypatch, "reading_flow").Reading
    said = refused(
        RegistrationError, lambda: reading.register(project="beams", run_config=LocalRun(env={"READING": "t0p"}))
    )
    assert "READING of the run config is secret" in said
    assert "t0p" not in said


def test_a_schedule_must_give_what_is_required_and_nothing_secret(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
from datetime import timedelta
from prefect.schedules import Schedule
from prefect.schedules.clocks import IntervalClock
from lume_dsl import LumeFlow, flow, parameter, task

@flow(schedule=Schedule([IntervalClock(timedelta(1), parameter_defaults={"token": "t0p"})]), project="beams")
class Wrong(LumeFlow):
    x: int
    token: str = parameter(secret=True)
    y = task(lambda x, token: x)(x, token)
"""
    module = imported(text, monkeypatch, "wrong_flow")
    said = refused(RegistrationError, module.Wrong.register)
    assert "a clock of its schedule gives token, which is secret" in said
    assert "its schedule gives no value for x, so no run could begin" in said
    assert "t0p" not in said
    assert server.calls == []


def test_a_storage_that_fails_is_told(server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
from prefect.storage import Module
from lume_dsl import LumeFlow, flow, task

class Broken(Module):
    def build(self):
        raise OSError("no room")

@flow(storage=Broken("somewhere"), project="beams")
class Stored(LumeFlow):
    x: int = 1
    y = task(lambda x: x)(x)
"""
    said = refused(RegistrationError, imported(text, monkeypatch, "stored_flow").Stored.register)
    assert "Stored: cannot be sent to a server: OSError: no room" in said


def test_a_project_that_is_not_there_is_told_with_the_one_that_is_meant(
    server: PrefectServer, flows: ModuleType
) -> None:
    said = refused(RegistrationError, lambda: flows.Plain.register(project="beam"))
    assert "there is no project 'beam'; did you mean 'beams'?\n    or create it: prefect create project 'beam'" in said
    said = refused(RegistrationError, lambda: flows.Plain.register(project="quux"))
    assert "there is no project 'quux'; there are: beams, optics" in said


def test_a_server_that_is_not_there_is_told_within_seconds(
    flows: ModuleType, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUME_PREFECT__SERVER__HOST", "me:s3cret@127.0.0.1")
    monkeypatch.setenv("LUME_PREFECT__SERVER__HOST_PORT", str(unused_port))
    said = refused(ServiceError, flows.Doubling.register)
    assert f"no Prefect server answers at http://me:***@127.0.0.1:{unused_port}" in said
    assert "correct LUME_PREFECT__SERVER__HOST and LUME_PREFECT__SERVER__HOST_PORT" in said
    assert "s3cret" not in said


def test_without_a_server_it_is_told_how_to_name_one(flows: ModuleType) -> None:
    with set_temporary_config({"backend": "cloud", "cloud.api": "https://api.prefect.io"}):
        said = refused(ServiceError, flows.Doubling.register)
    assert "no Prefect server is named\n    set LUME_PREFECT__SERVER__HOST" in said


def test_prefects_own_configuration_names_the_server_where_the_settings_do_not(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{os.environ['LUME_PREFECT__SERVER__HOST_PORT']}"
    monkeypatch.delenv("LUME_PREFECT__SERVER__HOST")
    monkeypatch.delenv("LUME_PREFECT__SERVER__HOST_PORT")
    with set_temporary_config({"backend": "server", "cloud.api": address}):
        assert flows.Doubling.register() == last(server)["id"]


STAGES = CALLS[:-1]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("status", [200, 401, 503], ids=["error", "unauthorised", "down"])
def test_a_server_that_fails_in_between_is_told_with_how_far_it_came(
    stage: str, status: int, server: PrefectServer, flows: ModuleType
) -> None:
    server.refusals[stage] = Refusal("out of order", status)
    key = "an-api-key-s3cret"
    with set_temporary_config({"cloud.api_key": key}):
        said = refused(ServiceError, flows.Doubling.register)
    assert ("out of order" if status == 200 else str(status)) in said
    has_id = STAGES.index(stage) > 1
    assert ("Doubling is there with id" in said) is has_id
    assert ("maybe without all of its tasks" in said) is (has_id and STAGES.index(stage) < 5)
    assert ("prefect auth login" in said) is (status == 401)
    assert key not in said
    server.refusals.clear()
    assert flows.Doubling.register() == last(server)["id"]
    assert len(server.flows) == 1


@contextmanager
def saying(content: bytes) -> Iterator[int]:
    """Within it, a server answers all by this; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as port:
        yield port


@pytest.mark.parametrize(
    "content", [b"null", b"[]", b'{"data": null}', b'{"data": {}}', b'{"data": {"project": [{}]}}']
)
def test_an_answer_that_is_none_of_a_prefect_server_is_told(
    content: bytes, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with saying(content) as port:
        monkeypatch.setenv("LUME_PREFECT__SERVER__HOST_PORT", str(port))
        said = refused(ServiceError, flows.Doubling.register)
    assert f"the Prefect server at http://localhost:{port} answered what Prefect does not expect" in said
    assert "what answers there may be no Prefect server" in said


def test_a_server_that_creates_nothing_is_told(server: PrefectServer, flows: ModuleType) -> None:
    def without(query: str, variables: dict[str, Any]) -> dict[str, Any]:
        return {} if "create_flow_from_compressed_string" in query else server.answer(query, variables)

    with answering(without) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUME_PREFECT__SERVER__HOST_PORT", str(urlsplit(address).port))
        said = refused(ServiceError, flows.Doubling.register)
    assert "answered what Prefect does not expect" in said


def test_a_server_that_is_too_busy_is_waited_for_with_a_word_and_not_for_ever(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lume_dsl.engine.registering.client.BUSY_SECONDS", (0, 0))
    server.refusals["project"] = Refusal("later", 429)
    said = refused(ServiceError, flows.Doubling.register)
    assert "is too busy (HTTP 429), and was asked 3 times\n    register again later" in said
    assert "is too busy; it is asked again in 0 seconds" in caplog.text


def test_a_server_that_takes_a_request_and_is_silent_is_told_by_its_address(
    server: PrefectServer, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lume_dsl.engine.registering.client.SECONDS", 1)
    asked: list[str] = []
    done = Event()

    def silent(query: str, variables: dict[str, Any]) -> dict[str, Any]:
        asked.append(query)
        done.wait(20)
        return {}

    with answering(silent) as address:
        monkeypatch.setenv("LUME_PREFECT__SERVER__HOST_PORT", str(urlsplit(address).port))
        said = refused(ServiceError, flows.Doubling.register)
        done.set()
    assert f"the Prefect server at {address} has taken a request, and not answered it in 1 seconds" in said
    assert len(asked) == 1


def test_a_tenant_that_is_none_is_told(server: PrefectServer, flows: ModuleType) -> None:
    with set_temporary_config({"cloud.tenant_id": "laboratory"}):
        said = refused(ServiceError, flows.Doubling.register)
    assert "Prefect's own configuration is wrong: The `tenant_id` must be a valid UUID. Got 'laboratory'." in said
    assert server.calls == []


def test_an_agent_that_imports_a_module_which_registers_its_flow_registers_nothing(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
from lume_dsl import LumeFlow, task

@task
def doubled(x: int) -> int:
    return 2 * x

class Eager(LumeFlow):
    x: int = 1
    y = doubled(x)

Eager.register(project="beams")
"""
    imported(text, monkeypatch, "eager_flow")
    assert server.calls == CALLS
    run = FlowRun.of(last(server), x=3)
    run.execute()
    assert run.states[-1][:2] == ("flow", "Success")
    assert server.calls == CALLS


def test_an_api_key_goes_with_each_call_and_a_wrong_tenant_is_told(server: PrefectServer, flows: ModuleType) -> None:
    other = "2d0a3b0e-0000-4000-8000-000000000000"
    with set_temporary_config({"cloud.api_key": "k3y of mine", "cloud.tenant_id": other}):
        said = refused(ServiceError, flows.Doubling.register)
    assert f"the Prefect server does not know the tenant {other}" in said
    assert "k3y" not in said


# the command line


def register(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_command("register", *arguments, **variables)


@pytest.mark.usefixtures("flows")
def test_a_module_stands_for_all_flows_that_it_defines(server: PrefectServer) -> None:
    done = register("beam_flows", "--project", "optics", "--label", "a", "--label", "b", "--no-schedule")
    assert done.returncode == 0, done.stderr
    assert [one["name"] for one in server.flows.values()] == ["Doubling", "Plain", "Hourly"]
    assert {one["project"] for one in server.flows.values()} == {"optics"}
    assert last(server)["flow"]["run_config"]["labels"] == ["a", "b"]
    assert not last(server)["is_schedule_active"]
    assert "left out, as abstract: Left" in done.stderr
    for one in server.flows.values():
        assert f"{one['name']}: registered as version 1 in project optics, with id {one['id']}\n" in done.stdout
    assert f"/laboratory/flow/{last(server)['group']}" in done.stdout


@pytest.mark.usefixtures("flows")
def test_json_is_one_document(server: PrefectServer) -> None:
    done = register("beam_flows:Doubling", "--json", LUME_RESULTS_DB__URL="mongodb://me:s3cret@db/lume")
    (one,) = json.loads(done.stdout)["flows"]
    assert one["id"] == last(server)["id"]
    expected = {"flow": "Doubling", "version": 1, "is_new": True, "project": "beams", "labels": ["lcls"]}
    assert expected.items() <= one.items()
    assert "LUME_RESULTS_DB__PASSWORD is secret" in one["notes"][0]
    again = register("beam_flows:Doubling", "--json", LUME_RESULTS_DB__URL="mongodb://me:other@db/lume")
    assert json.loads(again.stdout)["flows"][0]["is_new"] is False
    assert json.loads(register("beam_flows:Doubling", "--json", "-f").stdout)["flows"][0]["version"] == 2


@pytest.mark.usefixtures("flows")
def test_flags_say_the_run_config(server: PrefectServer) -> None:
    target = ("beam_flows.py:Plain", "-p", "beams")
    done = register(*target, "--run-config", "local", "--working-dir", "/lab", "--env", "A=b=c", "--env", "B=")
    assert done.returncode == 0, done.stderr
    config = last(server)["flow"]["run_config"]
    assert (config["type"], config["working_dir"], config["env"]["A"], config["env"]["B"]) == (
        "LocalRun",
        "/lab",
        "b=c",
        "",
    )
    register(*target, "--run-config", "docker", "--image", "lab:1")
    assert last(server)["flow"]["run_config"]["image"] == "lab:1"
    flags = ["--image", "lab:2", "--cpu-request", "500m", "--memory-request", "1Gi", "--secret-name", "lume"]
    parts = {"LUME_RESULTS_DB__HOST": "db", "LUME_RESULTS_DB__USERNAME": "me", "LUME_RESULTS_DB__PASSWORD": "s3cret"}
    register(*target, "--run-config", "kubernetes", *flags, **parts)
    config = last(server)["flow"]["run_config"]
    assert (config["cpu_request"], config["memory_request"]) == ("500m", "1Gi")
    assert "secretKeyRef" in json.dumps(config["job_template"])


@pytest.mark.usefixtures("flows")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["beam_flows:Plain"], "Plain: has no project"),
        (["beam_flows:Plian", "-p", "beams"], "did you mean 'Plain'?"),
        (["beam_flows:Plain", "-p", "beamz"], "there is no project 'beamz'; did you mean 'beams'?"),
        (["beam_flows:Plain", "-p", "beams", "-l", "a b"], "'a b' is no label"),
        (["beam_flows:Plain", "-p", "beams", "--image", "a"], "--image is of a run config: write --run-config"),
        (["beam_flows:Plain", "-p", "beams", "--run-config", "local", "--image", "a"], "--image is not of --run-c"),
        (["beam_flows:Plain", "-p", "beams", "--run-config", "local", "--env", "A"], "--env takes NAME=VALUE"),
        (["beam_flows:Plain", "-p", "beams", "--run-config", "dokcer"], "'dokcer' is not one of"),
        (["flows.yaml", "-p", "beams"], "compose('flows.yaml', deploy=True).register(project_name=...)"),
    ],
)  # fmt: skip
def test_a_wrong_command_exits_2_and_says_what_to_write(arguments: list[str], said: str, server: PrefectServer) -> None:
    done = register(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert server.flows == {}


@pytest.mark.usefixtures("flows")
def test_of_several_flows_it_is_told_which_are_registered_when_one_fails(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = server.answer

    def until_the_third(query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "register_tasks" in query and len(server.flows) == 2:
            server.refusals["register_tasks"] = Refusal("disk full")
        return answer(query, variables)

    with answering(until_the_third) as address:
        done = register("beam_flows", "-p", "beams", LUME_PREFECT__SERVER__HOST_PORT=str(urlsplit(address).port))
    assert done.returncode == 4
    first, second = server.flows.values()
    assert f"registered: Doubling ({first['id']}); not registered: Plain, Hourly" in done.stderr
    assert f"Plain is there with id {second['id']}, maybe without all of its tasks" in done.stderr


def test_a_script_that_runs_is_told_to_keep_its_flow_in_a_module(server: PrefectServer) -> None:
    script = "from lume_dsl import LumeFlow\nclass Here(LumeFlow):\n    x: int = 1\nHere.register(project='beams')\n"
    Path("script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=60, check=False)
    assert "Here: is defined in __main__, the script or notebook that is running" in done.stderr
    assert "python -m lume_dsl register script.py:Here" in done.stderr
    assert server.calls == []
