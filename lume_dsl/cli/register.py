"""``register``: the flows of a module, with a Prefect server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import attrs
import click

from lume_dsl.cli.failures import visible
from lume_dsl.cli.streams import readers_may_leave, write_document
from lume_dsl.cli.verbose import verbose_option
from lume_dsl.declare.find import find_flows
from lume_dsl.declare.flow import FlowMeta
from lume_dsl.errors import FlowNotFoundError

__all__ = ["command"]

KINDS = {"local": "LocalRun", "docker": "DockerRun", "kubernetes": "KubernetesRun"}
"""The run configs of Prefect, by the names that backends have in the settings."""

OPTIONS = {
    "env": ("local", "docker", "kubernetes"),
    "working_dir": ("local",),
    "image": ("docker", "kubernetes"),
    "cpu_request": ("kubernetes",),
    "memory_request": ("kubernetes",),
}
"""Which of them has which option."""


@click.command("register")
@click.argument("target", metavar="MODULE[:FLOW]")
@click.option("-p", "--project", metavar="NAME", help="The project of the server; else that of @flow(project=...).")
@click.option("-l", "--label", "labels", metavar="NAME", multiple=True, help="A label; may be repeated.")
@click.option("--run-config", type=click.Choice(list(KINDS)), help="How an agent runs it; else what @flow says.")
@click.option("--image", metavar="IMAGE", help="The image of containers.")
@click.option("--working-dir", metavar="FOLDER", help="Where a local run starts, and imports the module from.")
@click.option("--env", metavar="NAME=VALUE", multiple=True, help="A variable for the run; may be repeated.")
@click.option("--cpu-request", metavar="CPUS", help="As Kubernetes has it: 500m.")
@click.option("--memory-request", metavar="SIZE", help="As Kubernetes has it: 2Gi.")
@click.option("--secret-name", metavar="NAME", help="A Secret of Kubernetes, whose keys are the secret variables.")
@click.option(
    "--schedule/--no-schedule", "set_schedule_active", default=True, help="Whether runs begin by the flow's schedule."
)
@click.option("-f", "--force", is_flag=True, help="Make a new version where nothing has changed, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@verbose_option
@click.pass_obj
def command(
    stdout: IO[str] | None,
    /,
    target: str,
    labels: tuple[str, ...],
    run_config: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Register a flow, or all that a module defines, with a Prefect server.

    The server is that of LUME_PREFECT__SERVER__HOST and HOST_PORT, else that of Prefect's own configuration. A flow
    that has not changed keeps its version. The LUME_ settings go with it, without what is secret, which is named.

    MODULE is a dotted module or the path of a .py file. Agents import it by its name.
    """
    config = _run_config(run_config, {name: options.pop(name) for name in OPTIONS})
    flows = _flows(target)
    from lume_dsl.engine.registering import Registered, Registration, register_all  # Prefect

    def told(one: Registered) -> None:
        _show(one, as_json=as_json)

    asked = Registration(labels=labels or None, run_config=config, **options)
    done = register_all(flows, asked, told)
    if stdout is not None:
        write_document(stdout, {"flows": [attrs.asdict(one) for one in done]})


def _flows(target: str) -> list[FlowMeta]:
    """The flows that a target names; of a module, those that are whole."""
    if target.lower().endswith((".yaml", ".yml")):
        fix = (
            f"register its flows, and then what runs them: compose({target!r}, deploy=True).register(project_name=...)"
        )
        raise FlowNotFoundError(f"{target} composes a flow in this process, where no agent finds it\n    {fix}")
    flows = find_flows(target)
    whole = {name: flow for name, flow in flows.items() if not flow.__lume_graph__.abstract}
    if left := [name for name in flows if name not in whole and whole]:
        click.echo(visible(f"left out, as abstract: {', '.join(left)}"), err=True)
    return list((whole or flows).values())


def _run_config(kind: str | None, given: Mapping[str, Any]) -> Any:
    """The run config that flags say, or None.

    Raises:
        click.UsageError: A flag is of another kind of run config.
    """
    said = {name: value for name, value in given.items() if value not in (None, ())}
    for name in said:
        flag = f"--{name.replace('_', '-')}"
        if kind is None:
            raise click.UsageError(f"{flag} is of a run config: write --run-config {' or '.join(OPTIONS[name])}, too")
        if kind not in OPTIONS[name]:
            raise click.UsageError(f"{flag} is not of --run-config {kind}, but of {' and '.join(OPTIONS[name])}")
    if kind is None:
        return None
    if "env" in said:
        said["env"] = dict(map(_variable, said["env"]))
    import prefect.run_configs  # what other commands do without

    return getattr(prefect.run_configs, KINDS[kind])(**said)


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError("--env takes NAME=VALUE, as --env OMP_NUM_THREADS=4")  # the text may be a secret
    return name, value


def _show(one: Any, *, as_json: bool) -> None:
    version = "" if one.version is None else f" {one.version}"
    told = f"registered as version{version}" if one.is_new else f"unchanged, version{version}"
    if not as_json:
        with readers_may_leave():
            print(visible(f"{one.flow}: {told} in project {one.project}, with id {one.id}"))
            if one.url:
                print(visible(f"    {one.url}"))
    for note in one.notes:
        click.echo(visible(f"{one.flow}: {note}"), err=True)
