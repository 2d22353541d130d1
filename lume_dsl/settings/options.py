"""The options behind the ``LUME_`` variables, found and converted; it must not know the settings made of them.

It is given the environment and does not read it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from typed_settings.types import LoadedSettings, OptionList, SettingsClass

__all__ = ["PREFIX", "Options", "find_options", "misspelt", "variable"]

PREFIX = "LUME_"
"""What the names of all our variables begin with."""

_CONFIG = "LUME_CONFIG"
_SECRET = ("results_db.password", "results_db.url", "results_db.options")


def variable(path: str) -> str:
    """Return the environment variable of an option: ``LUME_RESULTS_DB__HOST`` of ``results_db.host``."""
    return PREFIX + path.upper().replace(".", "__")


# Every option is kept as it was found (Any): typed-settings names the option, not the variable, where a value
# cannot be converted, and it puts the value, which may be a password, into the message. So it finds, merges and
# checks the names, and Options converts.


@attrs.frozen
class _ResultsDBOptions:
    url: Any = None
    host: Any = None
    port: Any = None
    username: Any = None
    password: Any = None
    database: Any = None
    authmechanism: Any = None
    options: Any = None


@attrs.frozen
class _MountOptions:
    identifier: Any = None
    mount_path: Any = None
    mount_alias: Any = None
    mount_type: Any = None


@attrs.frozen
class _ServerOptions:
    host: Any = None
    host_port: Any = None


@attrs.frozen
class _PrefectOptions:
    server: _ServerOptions = _ServerOptions()


@attrs.frozen
class _AllOptions:
    backend: Any = None
    home: Any = None
    results_db: _ResultsDBOptions = _ResultsDBOptions()
    mounted_filesystem: _MountOptions = _MountOptions()
    prefect: _PrefectOptions = _PrefectOptions()


def _paths(cls: type = _AllOptions, prefix: str = "") -> Iterator[str]:
    for field in attrs.fields(cls):
        if attrs.has(type(field.default)):
            yield from _paths(type(field.default), f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


_PATHS = tuple(_paths())


@attrs.frozen
class _Environment:
    """A typed-settings loader of a mapping; its own EnvLoader reads ``os.environ`` alone."""

    environ: Mapping[str, str]

    def __call__(self, settings_cls: SettingsClass, options: OptionList) -> LoadedSettings:
        from typed_settings.dict_utils import set_path  # heavy: 30 ms
        from typed_settings.types import LoadedSettings, LoaderMeta

        found: dict[str, Any] = {}
        for option in options:
            if value := self.environ.get(variable(option.path)):
                set_path(found, option.path, value)
        return LoadedSettings(found, LoaderMeta(type(self).__name__))


def find_options(environ: Mapping[str, str]) -> Options:
    """Return the options as found: those of the TOML file that ``LUME_CONFIG`` names, overridden by ``environ``'s.

    Raises:
        SettingsError: If the file cannot be read or has options that we do not know.
    """
    import typed_settings  # heavy: 30 ms
    from typed_settings.converters import get_default_ts_converter
    from typed_settings.exceptions import TsError
    from typed_settings.loaders import FileLoader, Loader, TomlFormat

    loaders: list[Loader] = []
    if config := environ.get(_CONFIG):
        loaders.append(FileLoader({"*": TomlFormat(None)}, [f"!{os.path.expanduser(config)}"]))
    loaders.append(_Environment(environ))
    try:
        found = typed_settings.load_settings(_AllOptions, loaders, converter=get_default_ts_converter())
    except (TsError, OSError) as error:
        raise SettingsError(f"{_CONFIG}: cannot use {config}: {error}") from error
    return Options(found, environ)


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """A problem for each variable that is clearly meant to be one of ours and is not.

    Others that begin with LUME_ are none of our business: LUME-services has many (``LUME_MODEL_DB__HOST``).
    """
    known = {variable(path) for path in _PATHS} | {_CONFIG}
    unknown = (name for name in sorted(environ) if name[:5].upper() == PREFIX and name not in known)
    return [f"{name}: no such variable; did you mean {meant}?" for name in unknown if (meant := _meant(name, known))]


def _meant(name: str, known: set[str]) -> str | None:
    """The known variable that differs from ``name`` in underscores, in case, or in one similar word."""
    words = re.split("_+", name.upper())
    for candidate in sorted(known):
        if candidate.replace("_", "") == "".join(words):
            return candidate
        theirs = re.split("_+", candidate)
        different = [pair for pair in zip(words, theirs, strict=False) if pair[0] != pair[1]]
        one_word = len(words) == len(theirs) and len(different) == 1
        if one_word and did_you_mean(different[0][0], [different[0][1]]):
            return candidate
    return None


@attrs.define
class Options:
    """Converts options one at a time and collects what is wrong with them.

    A path is that of an option: ``results_db.host``. Each method returns None, or its default, where the option
    is not set, and notes a problem where it is not what it must be.

    Attributes:
        problems: What is wrong, a line each, beginning with the variable.
    """

    _found: _AllOptions
    _environ: Mapping[str, str]
    problems: list[str] = attrs.field(factory=list, init=False)

    def raw(self, path: str) -> Any:
        """Return the option as it was found."""
        value: Any = self._found
        for name in path.split("."):
            value = getattr(value, name)
        return value

    def given(self, group: str) -> list[str]:
        """Return the paths of the options of a group that are set."""
        return [path for path in _PATHS if path.startswith(f"{group}.") and self.raw(path) is not None]

    def wrong(self, path: str, expected: str) -> None:
        """Note that an option is not what it must be; secrets are not shown."""
        value = self.raw(path)
        hidden = path in _SECRET or (path.startswith("results_db.") and "@" in str(value))  # user:password@host
        found = "a value (not shown)" if hidden else repr(value)
        self.report(path, f"found {found}, expected {expected}")

    def report(self, path: str, message: str) -> None:
        """Note a problem of an option: of its variable, or of its place in the TOML file."""
        in_file = not self._environ.get(variable(path)) and self.raw(path) is not None
        source = f"{path} in {self._environ[_CONFIG]}" if in_file else variable(path)
        self.problems.append(f"{source}: {message}")

    def text(self, path: str) -> str | None:
        """Return an option that is text."""
        value = self.raw(path)
        if value is None or isinstance(value, str):
            return value
        self.wrong(path, "text")
        return None

    def port(self, path: str) -> int | None:
        """Return an option that is a TCP port, given as a number or as its digits."""
        value = self.raw(path)
        if value is None:
            return None
        if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,5}", str(value)) and 0 < int(value) < 65536:
            return int(value)
        self.wrong(path, "a port, 1 to 65535")
        return None

    def choice(self, path: str, choices: tuple[str, ...], default: str) -> str:
        """Return an option that is one of ``choices``."""
        value = self.raw(path)
        if value is None:
            return default
        if value not in choices:
            self.wrong(path, f"one of {', '.join(choices)}{did_you_mean(str(value), choices)}")
        return str(value)

    def scalars(self, path: str) -> dict[str, str]:
        """Return the members of an option that is a JSON object of scalars, as the text that a URL takes."""
        value = self.raw(path)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = False
        if value is None:
            return {}
        if isinstance(value, dict) and all(isinstance(v, str | int | float) for v in value.values()):
            return {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
        self.wrong(path, """a JSON object of texts, numbers and booleans: {"authSource": "admin"}""")
        return {}
