"""The run config with which a flow is registered: the user's, with this machine's settings and without a secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from attrs import evolve
from prefect.run_configs import DockerRun, ECSRun, KubernetesRun, RunConfig, UniversalRun

from lume_dsl.declare.graph import Member
from lume_dsl.declare.parameters import spec_of
from lume_dsl.engine.registering.sent import Sent, secrets_sent, suspects_sent
from lume_dsl.engine.registering.templates import (
    from_secret,
    template_with,
    variables_of_template,
    with_mount,
    wrong_in_host,
    wrong_in_template,
)
from lume_dsl.errors import RegistrationError
from lume_dsl.settings import current_settings, mask_url
from lume_dsl.settings.jobs import JobSettings, job_settings

__all__ = ["check_run_config", "default_run_config", "for_job", "settings_for", "what_is_left"]


def default_run_config() -> RunConfig:
    """Return the run config of a flow that has none: of the backend that the settings name, or for any agent."""
    backends: dict[str, type[RunConfig]] = {"docker": DockerRun, "kubernetes": KubernetesRun}
    return backends.get(current_settings().backend, UniversalRun)()


def settings_for(run_config: RunConfig, parameters: Mapping[str, Member]) -> JobSettings:
    """Return what a job of this run config is given of the settings; variables of secret parameters are secret, too."""
    settings = job_settings(in_container=not _runs_here(run_config))
    return evolve(settings, secrets=tuple(dict.fromkeys([*settings.secrets, *_variables_of_secrets(parameters)])))


def _variables_of_secrets(parameters: Mapping[str, Member]) -> list[str]:
    specs = [spec_of(member) for member in parameters.values()]
    return [spec.env for spec in specs if spec.secret and spec.env]


def _runs_here(run_config: RunConfig) -> bool:
    return type(run_config).__name__ in ("LocalRun", "UniversalRun")


def check_run_config(name: str, run_config: Any, secret_name: Any, parameters: Mapping[str, Member]) -> None:
    """Return if a server and an agent can use it, and nothing stands in it that is secret.

    Secret are the settings' passwords and the like, the variables of secret ``parameters``, and URLs with a password.

    Raises:
        RegistrationError: They cannot, or something does.
    """
    if not isinstance(run_config, RunConfig):
        fix = "write run_config=DockerRun(image=...), LocalRun(...) or KubernetesRun(...) of prefect.run_configs"
        raise RegistrationError(f"{name}: run_config={run_config!r} is no run config\n    {fix}")
    if wrong := _wrong_env(run_config) or _wrong_shape(run_config) or _wrong_secret_name(run_config, secret_name):
        raise RegistrationError(f"{name}: {wrong}")
    if found := secrets_sent(run_config, _variables_of_secrets(parameters)):
        names = ", ".join(dict.fromkeys(one.name for one in found))
        fixes = "".join(f"\n    {one.path}: {_instead(run_config, one)}" for one in found)
        raise RegistrationError(
            f"{name}: {names} of the run config is secret, and would stand in the server's database{fixes}"
        )


def _wrong_env(run_config: Any) -> str:
    kind = f"{type(run_config).__name__}(env=...)"
    fix = "\n    write {'NAME': 'text'}"
    if not isinstance(run_config.env, (Mapping, type(None))):
        return f"{kind} is no mapping of variables{fix}"
    for key, text in (run_config.env or {}).items():
        if not isinstance(key, str) or not isinstance(text, str) or not key or "=" in key:
            return f"{key!r} of {kind} is no variable with a text{fix}"
    return ""


def _wrong_shape(run_config: RunConfig) -> str:
    config: Any = run_config  # whose attributes may be None, against Prefect's types
    if isinstance(run_config, DockerRun):
        return wrong_in_host(config.host_config)
    if isinstance(run_config, KubernetesRun) and config.job_template is not None:
        return wrong_in_template(config.job_template)
    return ""


def _wrong_secret_name(run_config: RunConfig, secret_name: Any) -> str:
    if secret_name is None:
        return ""
    path: str | None = getattr(run_config, "job_template_path", None)
    if not isinstance(run_config, KubernetesRun):
        kind = type(run_config).__name__
        return f"a {kind} has no secret_name\n    it names a Secret of Kubernetes: leave it out"
    if not isinstance(secret_name, str) or not secret_name.strip():
        return f"secret_name={secret_name!r} is no name\n    write that of a Secret of Kubernetes, or leave it out"
    if path is not None:
        return (
            f"the job template {mask_url(path)} is read by the agent, so nothing can be added "
            "to it\n    name the keys of the Secret in that template, and leave secret_name out"
        )
    return ""


def _instead(run_config: RunConfig, one: Sent) -> str:
    """What to write instead of a secret."""
    is_pair = one.is_variable and one.path.lower().endswith(".value")
    if is_pair and isinstance(run_config, KubernetesRun):
        reference = f'{{"secretKeyRef": {{"name": "NAME OF A SECRET", "key": "{one.name}"}}}}'
        return f'write "valueFrom": {reference} in place of "value"'
    if is_pair and isinstance(run_config, ECSRun) and one.path.startswith("task_definition."):
        return f'write {{"name": "{one.name}", "valueFrom": "ARN OF A SECRET"}} among the container\'s "secrets"'
    if one.is_variable:
        return "leave it out there, and let the agent give it"
    return "leave it out there, and let the run read it from a variable that the agent gives"


def for_job(given: RunConfig, labels: Iterable[str], settings: JobSettings, secret_name: str | None) -> RunConfig:
    """Return a copy of a run config with labels, the settings and the shared folder; its own ``env`` goes before.

    ``secret_name``: the Secret of Kubernetes whose keys are the variables that are left out.
    """
    made: Any = copy(given)  # whose attributes may be None, against Prefect's types
    made.labels = set(labels)
    made.env = {**settings.variables, **(given.env or {})} or None
    mount = settings.mount
    if isinstance(given, DockerRun) and mount is not None:
        made.host_config = with_mount(made.host_config, mount)
    if isinstance(given, KubernetesRun) and made.job_template_path is None:
        secrets = {name: from_secret(secret_name, name) for name in settings.secrets} if secret_name else {}
        if made.job_template is not None or mount is not None or secrets:
            made.job_template = template_with(made.job_template, mount, secrets)
    done: RunConfig = made
    return done


def what_is_left(run_config: Any, settings: JobSettings, *, uses_services: bool) -> Iterator[str]:
    """Yield what a user must see to: secrets that the agent gives, or that are sent, and what a container has not."""
    given = variables_of_template(run_config)
    secrets = [name for name in settings.secrets if name not in given]
    if secrets:
        told = "are secret and were not sent" if len(secrets) > 1 else "is secret and was not sent"
        yield f"{', '.join(secrets)} {told}: {_how(run_config, secrets)}"
    if suspects := [name for name in suspects_sent(run_config) if name not in settings.variables]:
        stands, is_it = ("stand", "are they") if len(suspects) > 1 else ("stands", "is it")
        yield f"{', '.join(suspects)} of the run config {stands} in the server's database; {is_it} secret?"
    if uses_services and settings.keeps_records_here and "LUME_RESULTS_DB__URL" not in (run_config.env or {}):
        yield (
            "records would be kept in an SQLite file in the container, which goes with it; "
            "set LUME_RESULTS_DB__URL to a server, or to a file below the mounted filesystem"
        )
    if settings.mount is not None and getattr(run_config, "job_template_path", None):
        yield f"the job template that the agent reads must mount {settings.mount.mount_alias}"


def _how(run_config: RunConfig, names: Sequence[str]) -> str:
    """How a job gets variables that are not in its run config."""
    flags = " ".join(f"--env {name}=..." for name in names)
    it, key = ("them", "keys") if len(names) > 1 else ("it", "key")
    known = {
        "LocalRun": f"set {it} where the agent is started",
        "UniversalRun": f"set {it} where a local agent is started, or start another with {flags}",
        "DockerRun": f"start the agent with {it}: prefect agent docker start {flags}",
        "KubernetesRun": f"name a Secret that has {it} as its {key} by secret_name, or start the agent with {flags}",
    }
    return known.get(type(run_config).__name__, "the agent must give what is left out to the job")
