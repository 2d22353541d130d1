"""Each setting with its value and where that is from, for people; it must not read the environment or open anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.secrets import HIDDEN
from lume_dsl.settings.masks import is_secret, mask_url, with_password
from lume_dsl.settings.options import CONFIG, PATHS, Options, variable

if TYPE_CHECKING:
    from lume_dsl.settings import Settings

__all__ = ["ENVIRONMENT", "Explained", "Setting", "explain"]

ENVIRONMENT = "environment variable"
DEFAULT = "default"
NOT_SET = "not set"

_FILESYSTEMS = "filesystems"


@attrs.frozen
class Setting:
    """One setting as it is in effect.

    Attributes:
        variable: The environment variable that sets it.
        value: Its value as text, without secrets; ``""`` where it has none.
        source: Where the value is from: ``"environment variable"``, the path of the TOML file, ``"default"``,
            ``"not set"``, or the variables that it is put together from.
        note: What else a reader should know, or ``""``.
    """

    variable: str
    value: str
    source: str
    note: str = ""


@attrs.frozen(kw_only=True)
class Explained:
    """All settings, and what is wrong with them.

    Attributes:
        settings: The settings, or None where something is wrong.
        rows: Each setting.
        problems: What is wrong, all of it, a line each that begins with the variable.
        unknown: The variables that begin with ``LUME_`` and are none of ours, such as others of LUME-services.
    """

    settings: Settings | None
    rows: tuple[Setting, ...]
    problems: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def explain(settings: Settings, options: Options, config: str) -> tuple[Setting, ...]:
    """Return each setting; ``settings`` were made of ``options``, and ``config`` is the text of ``LUME_CONFIG``."""
    return (
        Setting(CONFIG, options.file or config, ENVIRONMENT if config else NOT_SET),
        *(_row(path, settings, options) for path in PATHS if path != _FILESYSTEMS),
        *_filesystem_rows(settings, options),
    )


def _row(path: str, settings: Settings, options: Options) -> Setting:
    name, raw = variable(path), options.raw(path)
    source = _source(path, options)
    if path == "home":
        return Setting(name, str(settings.home), source)
    if path == "results_db.url":
        from_parts = raw is None and options.raw("results_db.host") is not None
        parts = f"{variable('results_db.host')} and its like"
        return Setting(name, _without_password(settings.results_db.url), parts if from_parts else source)
    if raw is not None:
        return Setting(name, _shown(path, raw), source, _note(path, options))
    default = _default(path, settings, options)
    return Setting(name, default, DEFAULT if default else NOT_SET, _note(path, options))


def _filesystem_rows(settings: Settings, options: Options) -> Iterator[Setting]:
    set_by_variables = options.members(_FILESYSTEMS)
    for one in settings.filesystems:
        name = variable(f"{_FILESYSTEMS}.{one.identifier}")
        for part, value in ((name, mask_url(one.url)), (f"{name}__OPTIONS", _hidden(one.options))):
            in_environment = part.removeprefix(f"{variable(_FILESYSTEMS)}__") in set_by_variables
            if value:
                yield Setting(part, value, ENVIRONMENT if in_environment or options.file is None else options.file)
    if not settings.filesystems:
        yield Setting(f"{variable(_FILESYSTEMS)}__NAME", "", NOT_SET)


def _hidden(options: dict[str, Any]) -> str:
    """The names of a filesystem's options: which of their values are secret is not for us to know."""
    return json.dumps(dict.fromkeys(options, HIDDEN)) if options else ""


def _source(path: str, options: Options) -> str:
    if options.in_environment(path):
        return ENVIRONMENT
    return options.file or DEFAULT if options.in_file(path) else DEFAULT


def _default(path: str, settings: Settings, options: Options) -> str:
    """What holds where an option is not set; nothing where it does not matter then."""
    group, _, name = path.rpartition(".")
    if path == "backend":
        return settings.backend
    if group == "mounted_filesystem" and settings.mounted_filesystem is not None:
        return str(getattr(settings.mounted_filesystem, name))
    if group == "results_db" and options.raw("results_db.url") is None and options.raw("results_db.host") is not None:
        return {"port": "27017", "database": "lume"}.get(name, "")
    return ""


def _note(path: str, options: Options) -> str:
    group = path.rpartition(".")[0]
    url = options.raw("results_db.url")
    if group != "results_db" or options.raw(path) is None or url is None:
        return ""
    is_used = path == "results_db.password" and with_password(str(url), "***") != url
    return "" if is_used else f"{variable('results_db.url')} is used instead"


def _shown(path: str, raw: Any) -> str:
    """The text of a value as it was found, without what may be secret in it."""
    if path == "results_db.password":
        return HIDDEN
    if path == "results_db.options" and isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return HIDDEN
    if isinstance(raw, (dict, list)):
        return json.dumps(_masked(raw), default=str)
    return _without_password(str(raw))


def _without_password(text: str) -> str:
    return HIDDEN if "@" in text and "://" not in text else mask_url(text)  # user:password@host alone is no URL


def _masked(value: Any) -> Any:
    """The value with what is secret by its name hidden, and passwords in URLs."""
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret(str(key)) else _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return mask_url(value) if isinstance(value, str) else value
