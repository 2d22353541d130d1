"""The settings as the variables of a job on another machine, without what is secret; it must not know who starts it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import attrs

from lume_dsl.settings import FilesystemURL, MountedFilesystem, Settings
from lume_dsl.settings.masks import is_secret, mask_url, with_password, without_password
from lume_dsl.settings.options import PATHS, Options, find_options, variable

__all__ = ["JobSettings", "job_settings", "secret_variables"]

_NOT_OF_JOBS = ("filesystems", "prefect.server.host", "prefect.server.host_port")
_URL, _PASSWORD = "results_db.url", "results_db.password"


@attrs.frozen
class JobSettings:
    """What a job is given of the settings that are set here.

    Attributes:
        variables: Each variable with its text; nothing of it is secret.
        secrets: The variables that are left out, which whoever starts the job must give it.
        mount: The shared folder, or None.
        keeps_records_here: Whether records go to an SQLite file that a container does not see.
    """

    variables: Mapping[str, str]
    secrets: tuple[str, ...]
    mount: MountedFilesystem | None
    keeps_records_here: bool


def job_settings(*, in_container: bool, environ: Mapping[str, str] | None = None) -> JobSettings:
    """Return what the variables of ``environ`` (default: the process's), and of the file that it names, say.

    Which server flows are registered with is none of a job's business: its agent says where its own is.
    Defaults are left to the job. Paths are absolute; in a container one below the shared folder begins with that
    folder's alias, and one that begins with ``~`` stays as it is written.

    Raises:
        SettingsError: The settings are wrong.
    """
    environ = os.environ if environ is None else environ
    settings, options = Settings.from_environment(environ), find_options(environ)
    found, secrets = _without_secrets(_texts(settings, options, in_container=in_container))
    outside = in_container and _container_path(_sqlite_file(settings), settings) == _sqlite_file(settings) != ""
    return JobSettings(found, tuple(secrets), settings.mounted_filesystem, outside)


def secret_variables(variables: Mapping[str, str]) -> list[str]:
    """Return those variables, of anybody's, in whose texts our settings have a secret, or a URL a password."""
    found, _ = _without_secrets(variables)
    return [name for name, text in variables.items() if found.get(name) != text]


def _texts(settings: Settings, options: Options, *, in_container: bool) -> dict[str, str]:
    """Each variable that is set, itself or in the file, as text, secrets included."""
    texts: dict[str, str] = {}
    for path in PATHS:
        raw = options.raw(path)
        if raw is not None and path not in _NOT_OF_JOBS and _is_used(path, options):
            texts[variable(path)] = _text(path, raw, settings, in_container=in_container)
    for one in settings.filesystems:
        texts |= _of_filesystem(one)
    return texts


def _is_used(path: str, options: Options) -> bool:
    """Whether an option of the record store counts beside its URL: of them the password may."""
    url = options.raw(_URL)
    if url is None or not path.startswith("results_db.") or path == _URL:
        return True
    return path == _PASSWORD and with_password(str(url), "a password") != url


def _text(path: str, raw: Any, settings: Settings, *, in_container: bool) -> str:
    if path == "home":
        text = str(raw) if in_container and str(raw).startswith("~") else str(settings.home)
        return _container_path(text, settings) if in_container else text
    if path == _URL:
        return _url(str(raw), settings, in_container=in_container)
    if path == "mounted_filesystem.mount_path" and settings.mounted_filesystem is not None:
        return settings.mounted_filesystem.mount_path
    return json.dumps(raw) if isinstance(raw, (dict, list)) else str(raw)


def _url(raw: str, settings: Settings, *, in_container: bool) -> str:
    file = _sqlite_file(settings)
    if not file:
        return raw
    if not in_container:
        return settings.results_db.url
    _, _, written = raw.partition(":///")
    if written.startswith("~"):
        return raw
    return settings.results_db.url.replace(file, _container_path(file, settings), 1)


def _sqlite_file(settings: Settings) -> str:
    """The path of the SQLite file that records are kept in, or ``""``."""
    scheme, _, rest = settings.results_db.url.partition(":///")
    return rest.partition("?")[0] if scheme.startswith("sqlite") else ""


def _container_path(path: str, settings: Settings) -> str:
    """A path as a container has it, where it is below the shared folder."""
    mount = settings.mounted_filesystem
    if mount is None or not PurePosixPath(path).is_relative_to(mount.mount_path):
        return path
    return str(PurePosixPath(mount.mount_alias) / PurePosixPath(path).relative_to(mount.mount_path))


def _of_filesystem(one: FilesystemURL) -> dict[str, str]:
    name = f"{variable('filesystems')}__{one.identifier.upper()}"
    return {name: one.url, **({f"{name}__OPTIONS": json.dumps(one.options)} if one.options else {})}


def _without_secrets(texts: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The texts that have no secret in them, and the variables that another way must give."""
    found: dict[str, str] = {}
    secrets: list[str] = []
    for name, text in texts.items():
        url, had_password = without_password(text) if name == variable(_URL) else (text, False)
        if _holds_secret(name, url):
            secrets.append(name)
            continue
        found[name] = url
        if had_password:
            secrets.append(variable(_PASSWORD))
    return found, list(dict.fromkeys(secrets))


def _holds_secret(name: str, text: str) -> bool:
    if name == variable("results_db.options"):
        return _has_secret_member(text)
    is_of_driver = name.startswith(f"{variable('filesystems')}__") and name.endswith("__OPTIONS")
    if name == variable(_PASSWORD) or is_of_driver:
        return True  # which options of a driver are secret is not for us to know
    return mask_url(text) != text


def _has_secret_member(text: str) -> bool:
    try:
        members = json.loads(text)
    except ValueError:
        return True
    return not isinstance(members, dict) or any(
        is_secret(name) or mask_url(str(one)) != str(one) for name, one in members.items()
    )
