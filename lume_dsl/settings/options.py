"""The options behind the ``LUME_`` variables, found and converted; it must not know the settings made of them.

It is given the environment and does not read it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from lume_dsl.errors import did_you_mean
from lume_dsl.settings.masks import is_secret

if TYPE_CHECKING:
    from typed_settings.types import LoadedSettings, OptionList, SettingsClass

__all__ = ["CONFIG", "PATHS", "PREFIX", "Options", "find_options", "misspelt", "unknown", "variable"]

PREFIX = "LUME_"
"""What the names of all our variables begin with."""

CONFIG = "LUME_CONFIG"
"""The variable that names the TOML file."""

_WITH_SECRETS = ("results_db.url", "results_db.options")
"""Options in whose values there may be secrets."""


def variable(path: str) -> str:
    """Return the environment variable of an option: ``LUME_RESULTS_DB__HOST`` of ``results_db.host``."""
    return PREFIX + path.upper().replace(".", "__")


# Every option is kept as it was found (Any): typed-settings names the option, not the variable, where a value
# cannot be converted, and it puts the value, which may be a password, into the message. So it finds, merges and
# checks the names, and Options converts.


_Names = Mapping[str, "_Names | None"]

_OPTIONS: _Names = {
    "backend": None,
    "home": None,
    "results_db": dict.fromkeys(
        ("url", "host", "port", "username", "password", "database", "authmechanism", "options")
    ),
    "mounted_filesystem": dict.fromkeys(("identifier", "mount_path", "mount_alias", "mount_type")),
    "filesystems": None,
    "prefect": {"server": dict.fromkeys(("host", "host_port"))},
}
"""The options, in their groups."""


@cache
def _options_class() -> type:
    return _class_of("Options", _OPTIONS)


def _class_of(name: str, names: _Names) -> type:
    """A class of options that are None unless they are found, and of groups of them.

    It is generated: typed-settings parses the source of a class that has one each time, which takes 20 ms.
    """
    fields: dict[str, Any] = {}
    for one, others in names.items():
        made: Any = None if others is None else _class_of(one.title(), others)
        options: dict[str, Any] = {"type": Any, "default": None} if made is None else {"type": made, "default": made()}
        fields[one] = attrs.field(**options)
    generated = attrs.make_class(name, fields, frozen=True)
    generated.__module__ = f"{__name__}.generated"
    return generated


def _paths(names: _Names = _OPTIONS, prefix: str = "") -> Iterator[str]:
    for name, others in names.items():
        if others is None:
            yield prefix + name
        else:
            yield from _paths(others, f"{prefix}{name}.")


PATHS = tuple(_paths())
"""The options by their paths, such as ``results_db.host``."""


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


@attrs.frozen
class _KnownOptions:
    """A typed-settings format: TOML without the options that there are not, which are noted as ``problems``.

    typed-settings itself gives the whole file up for one of them, so that nothing else in it could be checked.
    """

    problems: list[str]

    def __call__(self, path: Path, settings_cls: SettingsClass, options: OptionList) -> dict[str, Any]:
        from typed_settings.loaders import TomlFormat  # heavy: 30 ms

        return self._known(TomlFormat(None)(path, settings_cls, options), path, "")

    def _known(self, table: dict[str, Any], file: Path, prefix: str) -> dict[str, Any]:
        known = {}
        for key, value in table.items():
            path = prefix + key.replace("-", "_")
            is_group = any(one.startswith(f"{path}.") for one in PATHS)
            if is_group and isinstance(value, dict):
                known[key] = self._known(value, file, f"{path}.")
            elif is_group:
                self.problems.append(f"{CONFIG}: {path} in {file} is a table: write [{path}]")
            elif path in PATHS:
                known[key] = value
            else:
                self.problems.append(f"{CONFIG}: {path} in {file} is no option{did_you_mean(path, PATHS)}")
        return known


def find_options(environ: Mapping[str, str]) -> Options:
    """Return the options as found: those of the TOML file that ``LUME_CONFIG`` names, overridden by ``environ``'s.

    What is wrong with the file is among their ``problems``; what can be used of it is.
    """
    if not any(environ.get(name) for name in _variables()):
        return Options(_options_class()(), environ, None, True, [])
    import typed_settings  # heavy: 30 ms, 2 MB
    from typed_settings.converters import get_default_ts_converter
    from typed_settings.exceptions import TsError
    from typed_settings.loaders import FileLoader, Loader

    problems: list[str] = []
    loaders: list[Loader] = [_Environment(environ)]
    config = os.path.abspath(os.path.expanduser(environ[CONFIG])) if environ.get(CONFIG) else None
    if config:
        loaders.insert(0, FileLoader({"*": _KnownOptions(problems)}, [f"!{config}"]))
    try:
        if config:
            os.stat(config)  # typed-settings logs that a file is missing
        found: Any = typed_settings.load_settings(_options_class(), loaders, converter=get_default_ts_converter())
    except (TsError, OSError, ValueError) as error:  # ValueError: not UTF-8
        reason = error.strerror if isinstance(error, OSError) else error
        problems.append(f"{CONFIG}: cannot use {config}: {reason}")
        found = typed_settings.load_settings(_options_class(), loaders[1:], converter=get_default_ts_converter())
        return Options(found, environ, None, False, problems)
    return Options(found, environ, config, True, problems)


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """A problem for each variable that is clearly meant to be one of ours and is not.

    Others that begin with LUME_ are none of our business: LUME-services has many (``LUME_MODEL_DB__HOST``).
    """
    found = ((name, _meant(name, _variables())) for name in unknown(environ))
    return [f"{name}: no such variable; did you mean {meant}?" for name, meant in found if meant]


def unknown(environ: Mapping[str, str]) -> list[str]:
    """The variables that begin with LUME_ and are none of ours."""
    return [name for name in sorted(environ) if name[:5].upper() == PREFIX and not _is_known(name)]


def _is_known(name: str) -> bool:
    return name in _variables() or name.startswith(f"{variable('filesystems')}__")  # whose names are the user's


def _variables() -> set[str]:
    return {variable(path) for path in PATHS} | {CONFIG}


def _meant(name: str, known: set[str]) -> str | None:
    """The known variable that differs from ``name`` in underscores, in case, or in one similar word."""
    group, _, rest = name.partition("__")
    if rest and group.upper().replace("_", "").rstrip("S") == "LUMEFILESYSTEM":
        return f"{variable('filesystems')}__{rest}"
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
        file: The path of the TOML file that is used, or None.
        complete: Whether all is known; without a file that cannot be read, what is not set may be set in it.
        problems: What is wrong, a line each, beginning with the variable.
    """

    _found: Any
    _environ: Mapping[str, str]
    file: str | None
    complete: bool
    problems: list[str]

    def raw(self, path: str) -> Any:
        """Return the option as it was found."""
        value: Any = self._found
        for name in path.split("."):
            value = getattr(value, name)
        return value

    def given(self, group: str) -> list[str]:
        """Return the paths of the options of a group that are set."""
        return [path for path in PATHS if path.startswith(f"{group}.") and self.raw(path) is not None]

    def members(self, group: str) -> dict[str, str]:
        """Return the variables of a group whose names are the user's: ``{"ARCHIVE": ...}``. An empty one is not set."""
        start = f"{variable(group)}__"
        return {name[len(start) :]: text for name, text in self._environ.items() if name.startswith(start) and text}

    def in_environment(self, path: str) -> bool:
        """Whether a variable sets the option."""
        return bool(self._environ.get(variable(path)))

    def in_file(self, path: str) -> bool:
        """Whether the TOML file sets the option, and no variable does."""
        return self.raw(path) is not None and not self.in_environment(path)

    def wrong(self, path: str, expected: str) -> None:
        """Note that an option is not what it must be; secrets are not shown."""
        value = self.raw(path)
        may_hold = path in _WITH_SECRETS or (path.startswith("results_db.") and "@" in str(value))  # user:password@host
        hidden = may_hold or is_secret(path)
        found = "a value (not shown)" if hidden else repr(value)
        self.report(path, f"found {found}, expected {expected}")

    def report(self, path: str, message: str) -> None:
        """Note a problem of an option: of its variable, and of its place in the TOML file where it is from there."""
        place = f" ({path} in {self.file})" if self.in_file(path) else ""
        self.problems.append(f"{variable(path)}{place}: {message}")

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
