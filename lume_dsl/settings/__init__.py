"""Where files and records are kept, as the environment says; the only reader of ``os.environ``.

It must not know how any service works: it turns text into checked data and opens nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

import attrs

from lume_dsl.errors import SettingsError
from lume_dsl.settings.database import store_url
from lume_dsl.settings.explained import Explained, Setting, explain
from lume_dsl.settings.filesystems import LOCAL, MEMORY, FilesystemURL, named_filesystems
from lume_dsl.settings.masks import mask_url, secrets_in
from lume_dsl.settings.options import CONFIG, PREFIX, Options, find_options, misspelt, unknown, variable

__all__ = [
    "LOCAL",
    "MEMORY",
    "Explained",
    "FilesystemURL",
    "MountedFilesystem",
    "PrefectServer",
    "ResultsDB",
    "Setting",
    "Settings",
    "current_settings",
    "mask_url",
    "secrets_in",
    "use",
    "variable",
]

_BACKENDS = ("local", "docker", "kubernetes")
_MOUNT_TYPES = ("Directory", "DirectoryOrCreate")


def _masked_repr(url: str | None) -> str:
    return repr(mask_url(url) if url else url)


@attrs.frozen
class ResultsDB:
    """Where records are stored: one URL, whose scheme chooses the store. Its ``repr`` hides passwords."""

    url: str = attrs.field(repr=_masked_repr)


@attrs.frozen(kw_only=True)
class MountedFilesystem:
    """A folder that the machines of a flow share.

    Attributes:
        identifier: The name by which flows refer to it.
        mount_path: Its absolute path on the host.
        mount_alias: Its absolute path inside containers.
        mount_type: ``Directory`` must exist, ``DirectoryOrCreate`` is made where it is missing.
    """

    identifier: str = "mounted"
    mount_path: str
    mount_alias: str
    mount_type: Literal["Directory", "DirectoryOrCreate"] = "DirectoryOrCreate"


@attrs.frozen
class PrefectServer:
    """The Prefect server that flows are registered with; None stands for Prefect's own configuration."""

    host: str | None = attrs.field(default=None, repr=_masked_repr)
    host_port: int | None = None

    @property
    def url(self) -> str:
        """Its address, where any is set."""
        host = self.host or "localhost"
        return f"{host if '://' in host else f'http://{host}'}:{self.host_port or 4200}"


@attrs.frozen(kw_only=True)
class Settings:
    """Everything that the environment may decide. Hashable, so it is the key of pooled services.

    Attributes:
        home: The folder for what lume_dsl itself keeps (``LUME_HOME``).
        results_db: Where records are stored.
        mounted_filesystem: The shared folder, or None.
        filesystems: Those that are named by a URL.
        prefect: The Prefect server.
        backend: Where flows run: local, docker or kubernetes.
        directory: The working directory of the process that made the settings. Relative file names resolve
            against it, so that workers elsewhere agree with the process that started the run.
    """

    home: Path
    results_db: ResultsDB
    directory: Path
    backend: str = "local"
    mounted_filesystem: MountedFilesystem | None = None
    filesystems: tuple[FilesystemURL, ...] = ()
    prefect: PrefectServer = PrefectServer()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that ``environ`` (default: the process's environment) describes.

        A TOML file that ``LUME_CONFIG`` names holds the same options (``[results_db]``, ``host = ...``), and
        variables win over it. An empty variable counts as not set.

        Raises:
            SettingsError: Naming every variable that is wrong, what was found and what was expected.
        """
        settings, _, problems = _read(os.environ if environ is None else environ)
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    @classmethod
    def explained(cls, environ: Mapping[str, str] | None = None) -> Explained:
        """Return every setting of ``environ`` (default: the process's) with where it is from, and what is wrong.

        Raises:
            SettingsError: If the working directory is gone.
        """
        environ = os.environ if environ is None else environ
        settings, options, problems = _read(environ)
        told = {problem.split(maxsplit=1)[0].rstrip(":") for problem in problems}
        rows = explain(settings, options, environ.get(CONFIG, ""))
        return Explained(
            settings=None if problems else settings,
            rows=tuple(attrs.evolve(row, note="wrong") if row.variable in told else row for row in rows),
            problems=tuple(problems),
            unknown=tuple(name for name in unknown(environ) if name not in told),
        )


def _read(environ: Mapping[str, str]) -> tuple[Settings, Options, list[str]]:
    """The settings, what they were made of, and what is wrong: where anything is, the settings are of no use."""
    options = find_options(environ)
    settings = _build(options)
    return settings, options, misspelt(environ) + options.problems


# -- the innermost settings ---------------------------------------------------------------------------------

_in_use: ContextVar[Settings | None] = ContextVar("lume_dsl_settings", default=None)


@contextmanager
def use(settings: Settings) -> Iterator[Settings]:
    """Inside the block, ``settings`` are the current ones of this thread or asyncio task."""
    token = _in_use.set(settings)
    try:
        yield settings
    finally:
        _in_use.reset(token)


def current_settings() -> Settings:
    """Return the settings of the innermost ``with use(settings):``, else those of the environment.

    The environment is parsed again when it or the working directory has changed; a ``LUME_CONFIG`` file is
    read once in a process.
    """
    settings = _in_use.get()
    if settings is not None:
        return settings
    ours = tuple(item for item in os.environ.items() if item[0][:5].upper() == PREFIX)
    return _of_environment(ours, os.environ.get("HOME"), str(_working_directory()))


@lru_cache(maxsize=16)
def _of_environment(variables: tuple[tuple[str, str], ...], _home: str | None, _directory: str) -> Settings:
    return Settings.from_environment(dict(variables))


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise SettingsError("the working directory is gone; change to one that exists") from error


def _build(options: Options) -> Settings:
    directory = _working_directory()
    home = directory / os.path.expanduser(options.text("home") or "~/.lume")
    mounted = _mounted(options)
    return Settings(
        home=home,
        backend=options.choice("backend", _BACKENDS, "local"),
        results_db=ResultsDB(store_url(options, home, directory)),
        mounted_filesystem=mounted,
        filesystems=named_filesystems(options, mounted.identifier if mounted else None),
        prefect=PrefectServer(options.text("prefect.server.host"), options.port("prefect.server.host_port")),
        directory=directory,
    )


def _mounted(options: Options) -> MountedFilesystem | None:
    group = "mounted_filesystem"
    if not options.given(group):
        return None
    path = os.path.expanduser(options.text(f"{group}.mount_path") or "")
    alias = options.text(f"{group}.mount_alias")
    identifier = options.text(f"{group}.identifier") or "mounted"
    if not path and options.complete:
        given = ", ".join(variable(one) for one in options.given(group) if one != f"{group}.mount_path")
        options.report(f"{group}.mount_path", f"not set, though it is needed with {given}")
    for name, value in (("mount_path", path), ("mount_alias", alias)):
        if value and not os.path.isabs(value):
            options.wrong(f"{group}.{name}", "an absolute path")
    if identifier in (LOCAL, MEMORY):
        what = "this machine's filesystem" if identifier == LOCAL else "the filesystem in memory"
        options.wrong(f"{group}.identifier", f"another name: {identifier!r} is {what}")
    mount_type = options.choice(f"{group}.mount_type", _MOUNT_TYPES, "DirectoryOrCreate")
    return MountedFilesystem(
        identifier=identifier,
        mount_path=path,
        mount_alias=alias or path,
        mount_type=cast("Literal['Directory', 'DirectoryOrCreate']", mount_type),
    )
