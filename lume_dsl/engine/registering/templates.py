"""Job templates of Kubernetes and host configs of Docker: their shapes, and what is added to them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from lume_dsl.settings import MountedFilesystem

__all__ = ["from_secret", "template_with", "variables_of_template", "with_mount", "wrong_in_host", "wrong_in_template"]

_TEMPLATE = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"containers": [{"name": "flow"}]}}},
}
"""A job of Kubernetes as Prefect's own template has it, to which an agent adds all else."""

_POD = ("spec", "template", "spec")
_VOLUME = "lume-mounted-filesystem"


def wrong_in_template(template: Any) -> str:
    """Return what is wrong with the shape of a job template, with its place and what it must be; else ``""``."""
    place, found = "job_template", template
    for key in ("", *_POD):
        if key:
            if key not in found:
                return ""
            place, found = f"{place}.{key}", found[key]
        if not isinstance(found, Mapping):
            return _must_be(place, found, "a mapping")
    containers = found.get("containers", [])
    if not isinstance(containers, list):
        return _must_be(f"{place}.containers", containers, "a list of mappings")
    wrong = _wrong_lists(found, ("volumes",), place)
    for number, one in enumerate(containers):
        if not isinstance(one, Mapping):
            return _must_be(f"{place}.containers[{number}]", one, "a mapping")
        wrong = wrong or _wrong_lists(one, ("env", "volumeMounts"), f"{place}.containers[{number}]")
    return wrong


def _wrong_lists(owner: Mapping[str, Any], keys: tuple[str, ...], place: str) -> str:
    """What is wrong with lists of mappings, which may be None or left out."""
    for key in keys:
        found = owner.get(key)
        if found is not None and not isinstance(found, list):
            return _must_be(f"{place}.{key}", found, "a list of mappings")
        for number, one in enumerate(found or ()):
            if not isinstance(one, Mapping):
                return _must_be(f"{place}.{key}[{number}]", one, "a mapping")
    return ""


def wrong_in_host(host_config: Any) -> str:
    """Return what is wrong with the shape of a host config of Docker, with its place and what it must be; or ``""``."""
    if host_config is None:
        return ""
    if not isinstance(host_config, Mapping):
        return _must_be("host_config", host_config, "a mapping")
    return _wrong_lists(host_config, ("mounts",), "host_config")


def _must_be(place: str, found: Any, kind: str) -> str:
    """What is wrong with a value, which may be secret and is not shown."""
    shown = "None" if found is None else f"of the type {type(found).__name__}"
    return f"{place} is {shown}, and must be {kind}\n    correct it, or leave it out"


def with_mount(host_config: Mapping[str, Any] | None, mount: MountedFilesystem) -> dict[str, Any]:
    """Return a host config of Docker with the shared folder, unless it has that.

    By ``Mounts`` of Docker's API, and not by ``binds``: those would take the place of the agent's own volumes.
    """
    found = dict(host_config or {})
    if mount.mount_alias in str(found.get("binds", "")) + str(found.get("mounts", "")):
        return found
    folder = {"Type": "bind", "Source": mount.mount_path, "Target": mount.mount_alias}
    return {**found, "mounts": [*(found.get("mounts") or ()), folder]}


def from_secret(secret_name: str, variable: str) -> dict[str, Any]:
    """Return a variable of a container whose value is the key of its name in a Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret_name, "key": variable}}}


def template_with(
    given: Mapping[str, Any] | None, mount: MountedFilesystem | None, secrets: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return a job template with the shared folder as a volume, and variables from a Secret, beside what it has.

    Without one given, it is that of a job with one container. ``env``, ``volumes`` and ``volumeMounts`` that are None
    are none, as Kubernetes has it; the agent would not take them.
    """
    template: dict[str, Any] = deepcopy(dict(given or _TEMPLATE))
    pod = template.setdefault("spec", {}).setdefault("template", {}).setdefault("spec", {})
    containers = pod.setdefault("containers", [])
    if not containers:
        containers.append({"name": "flow"})
    container = containers[0]  # an agent runs the flow in the first
    for owner, key in ((pod, "volumes"), (container, "env"), (container, "volumeMounts")):
        if key in owner and owner[key] is None:
            del owner[key]
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


def variables_of_template(run_config: Any) -> list[str]:
    """Return the names of the variables that the job template of a run config gives to the flow's container."""
    try:
        found: list[Any] = run_config.job_template["spec"]["template"]["spec"]["containers"][0]["env"]
    except (AttributeError, TypeError, KeyError, IndexError):  # of another kind, or without one
        return []
    return [str(one.get("name")) for one in found or ()]
