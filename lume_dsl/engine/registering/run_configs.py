"""The run config with which a flow is registered: the user's, with this machine's settings and without a secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy, deepcopy
from typing import Any

from attrs import evolve
from prefect.run_configs import DockerRun, KubernetesRun, RunConfig, UniversalRun

from lume_dsl.declare.graph import Member
from lume_dsl.declare.parameters import spec_of
from lume_dsl.errors import RegistrationError
from lume_dsl.settings import MountedFilesystem, current_settings
from lume_dsl.settings.jobs import JobSettings, job_settings, secret_variables
from lume_dsl.settings.masks import is_secret

__all__ = ["check_run_config", "default_run_config", "for_job", "settings_for", "what_is_left"]

_TEMPLATE = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"containers": [{"name": "flow"}]}}},
}
"""A job of Kubernetes as Prefect's own template has it, to which an agent adds all else."""

_VOLUME = "lume-mounted-filesystem"


def default_run_config() -> RunConfig:
    """Return the run config of a flow that has none: of the backend that the settings name, or for any agent."""
    backends: dict[str, type[RunConfig]] = {"docker": DockerRun, "kubernetes": KubernetesRun}
    return backends.get(current_settings().backend, UniversalRun)()


def settings_for(run_config: RunConfig, parameters: Mapping[str, Member]) -> JobSettings:
    """Return what a job of this run config is given of the settings; variables of secret parameters are secret, too."""
    settings = job_settings(in_container=not _runs_here(run_config))
    specs = [spec_of(member) for member in parameters.values()]
    own = [spec.env for spec in specs if spec.secret and spec.env]
    return evolve(settings, secrets=tuple(dict.fromkeys([*settings.secrets, *own])))


def _runs_here(run_config: RunConfig) -> bool:
    return type(run_config).__name__ in ("LocalRun", "UniversalRun")


def check_run_config(name: str, run_config: Any, secret_name: str | None) -> None:
    """Return if a server and an agent can use it, and nothing secret of the settings stands in it.

    Raises:
        RegistrationError: They cannot, or something does.
    """
    if not isinstance(run_config, RunConfig):
        fix = "write run_config=DockerRun(image=...), LocalRun(...) or KubernetesRun(...) of prefect.run_configs"
        raise RegistrationError(f"{name}: run_config={run_config!r} is no run config\n    {fix}")
    config: Any = run_config
    for key, text in (config.env or {}).items():
        if not isinstance(key, str) or not isinstance(text, str) or not key or "=" in key:
            kind = f"{type(run_config).__name__}(env=...)"
            raise RegistrationError(
                f"{name}: {key!r} of {kind} is no variable with a text\n    write {{'NAME': 'text'}}"
            )
    if secrets := secret_variables({**(config.env or {}), **_texts_of_template(config)}):
        raise RegistrationError(
            f"{name}: {', '.join(secrets)} of the run config is secret, and would stand in the server's database\n"
            "    leave it out there, and let the agent give it"
        )
    if secret_name is not None and not isinstance(run_config, KubernetesRun):
        kind = type(run_config).__name__
        raise RegistrationError(
            f"{name}: a {kind} has no secret_name\n    it names a Secret of Kubernetes: leave it out"
        )
    if secret_name is not None and config.job_template_path is not None:
        raise RegistrationError(
            f"{name}: the job template {config.job_template_path} is read by the agent, so nothing can be added to it\n"
            "    name the keys of the Secret in that template, and leave secret_name out"
        )


def for_job(given: RunConfig, labels: Iterable[str], settings: JobSettings, secret_name: str | None) -> RunConfig:
    """Return a copy of a run config with labels, the settings and the shared folder; its own ``env`` goes before.

    ``secret_name``: the Secret of Kubernetes whose keys are the variables that are left out.
    """
    made: Any = copy(given)  # whose attributes may be None, against Prefect's types
    made.labels = set(labels)
    made.env = {**settings.variables, **(given.env or {})} or None
    mount = settings.mount
    if isinstance(given, DockerRun) and mount is not None:
        made.host_config = _with_mount(made.host_config, mount)
    if isinstance(given, KubernetesRun) and made.job_template_path is None:
        secrets = {name: _from_secret(secret_name, name) for name in settings.secrets} if secret_name else {}
        if mount is not None or secrets:
            made.job_template = _template(made.job_template or _TEMPLATE, mount, secrets)
    done: RunConfig = made
    return done


def _with_mount(host_config: Mapping[str, Any] | None, mount: MountedFilesystem) -> dict[str, Any]:
    """A host config of Docker with the shared folder, unless it has that.

    By ``Mounts`` of Docker's API, and not by ``binds``: those would take the place of the agent's own volumes.
    """
    found = dict(host_config or {})
    if mount.mount_alias in str(found.get("binds", "")) + str(found.get("mounts", "")):
        return found
    folder = {"Type": "bind", "Source": mount.mount_path, "Target": mount.mount_alias}
    return {**found, "mounts": [*found.get("mounts", ()), folder]}


def _from_secret(secret_name: str, variable: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret_name, "key": variable}}}


def _template(
    given: Mapping[str, Any], mount: MountedFilesystem | None, secrets: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """A job template with the shared folder as a volume, and variables from a Secret, but for what it has itself."""
    template: dict[str, Any] = deepcopy(dict(given))
    pod = template.setdefault("spec", {}).setdefault("template", {}).setdefault("spec", {})
    containers = pod.setdefault("containers", [])
    if not containers:
        containers.append({"name": "flow"})
    container = containers[0]  # an agent runs the flow in the first
    has = {one.get("name") for one in container.get("env", ())}
    if new := [one for name, one in secrets.items() if name not in has]:
        container["env"] = [*container.get("env", ()), *new]
    mounted = {one.get("mountPath") for one in container.get("volumeMounts", ())}
    if mount is not None and mount.mount_alias not in mounted:
        folder = {"path": mount.mount_path, "type": mount.mount_type}
        pod["volumes"] = [*pod.get("volumes", ()), {"name": _VOLUME, "hostPath": folder}]
        place = {"name": _VOLUME, "mountPath": mount.mount_alias}
        container["volumeMounts"] = [*container.get("volumeMounts", ()), place]
    return template


def what_is_left(run_config: Any, settings: JobSettings, *, uses_services: bool) -> Iterator[str]:
    """Yield what a user must see to: secrets that the agent gives, or that are sent, and what a container has not."""
    given = [one["name"] for one in _variables_of_template(run_config)]
    secrets = [name for name in settings.secrets if name not in given]
    if secrets:
        names = ", ".join(secrets)
        yield f"{names} is secret and was not sent: {_how(run_config, secrets)}"
    if suspects := [name for name in run_config.env or {} if name not in settings.variables and is_secret(name)]:
        yield f"{', '.join(suspects)} of the run config's env stands in the server's database; is it secret?"
    if uses_services and settings.keeps_records_here and "LUME_RESULTS_DB__URL" not in (run_config.env or {}):
        yield (
            "records would be kept in an SQLite file in the container, which goes with it; "
            "set LUME_RESULTS_DB__URL to a server, or to a file below the mounted filesystem"
        )
    if settings.mount is not None and getattr(run_config, "job_template_path", None):
        yield f"the job template that the agent reads must mount {settings.mount.mount_alias}"


def _how(run_config: RunConfig, names: Iterable[str]) -> str:
    """How a job gets variables that are not in its run config."""
    flags = " ".join(f"--env {name}=..." for name in names)
    known = {
        "LocalRun": "set that where the agent is started",
        "UniversalRun": f"set that where a local agent is started, or start another with {flags}",
        "DockerRun": f"start the agent with it: prefect agent docker start {flags}",
        "KubernetesRun": f"name a Secret that has it as its key by secret_name, or start the agent with {flags}",
    }
    return known.get(type(run_config).__name__, "the agent must give what is left out to the job")


def _variables_of_template(run_config: Any) -> list[Any]:
    """The variables that the job template of a run config gives."""
    try:
        found: list[Any] = run_config.job_template["spec"]["template"]["spec"]["containers"][0]["env"]
    except (AttributeError, TypeError, KeyError, IndexError):  # of another kind, or without one
        return []
    return found


def _texts_of_template(run_config: Any) -> dict[str, str]:
    return {
        one["name"]: one["value"] for one in _variables_of_template(run_config) if isinstance(one.get("value"), str)
    }
