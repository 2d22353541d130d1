"""The filesystems that the settings name by a URL; it must not know how one is opened, nor which drivers there are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import attrs

from lume_dsl.settings.masks import mask_url
from lume_dsl.settings.options import Options, variable

__all__ = ["LOCAL", "MEMORY", "FilesystemURL", "named_filesystems"]

LOCAL = "local"
"""The identifier of the filesystem that is always there."""

MEMORY = "memory"
"""The identifier of the filesystem that lives as long as its process."""

_GROUP = "filesystems"
_OPTIONS = "__OPTIONS"


@attrs.frozen
class FilesystemURL:
    """A filesystem that a driver of fsspec reaches. Its ``repr`` shows no option, and no password of the URL.

    Attributes:
        identifier: The name by which flows refer to it.
        url: Its root: ``s3://bucket/lab``.
    """

    identifier: str
    url: str = attrs.field(repr=lambda url: repr(mask_url(url)))
    _options: str = attrs.field(default="{}", repr=False, alias="options")
    """As JSON text, so that settings can be the key of what was opened by them."""

    @property
    def options(self) -> dict[str, Any]:
        """What the driver is given besides: keys, an endpoint. They may be secret, so nothing shows them."""
        found: dict[str, Any] = json.loads(self._options)
        return found

    @property
    def variable(self) -> str:
        """The variable that sets it."""
        return variable(f"{_GROUP}.{self.identifier}")


def named_filesystems(options: Options, mounted: str | None) -> tuple[FilesystemURL, ...]:
    """Return the filesystems of ``[filesystems]`` and of ``LUME_FILESYSTEMS__…``, which win, by their identifiers.

    What is wrong is noted in ``options.problems``, and without a value, which may be a secret.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, value in _in_file(options).items():
        parts = {"url": value} if isinstance(value, str) else value
        if not isinstance(parts, Mapping) or parts.keys() - {"url", "options"}:
            _report(options, name, 'expected a URL, or a table of "url" and "options"')
        else:
            found[name] = dict(parts)
    for name, text in options.members(_GROUP).items():
        identifier = name.lower().removesuffix(_OPTIONS.lower())
        part = "options" if name.endswith(_OPTIONS) else "url"
        found.setdefault(identifier, {})[part] = _object(text) if part == "options" else text
    checked = (_checked(options, name, parts, mounted) for name, parts in sorted(found.items()))
    return tuple(one for one in checked if one is not None)


def _in_file(options: Options) -> Mapping[str, Any]:
    raw = options.raw(_GROUP)
    raw = _object(raw) if isinstance(raw, str) else raw
    if raw is None or isinstance(raw, Mapping):
        return raw or {}
    options.problems.append(f'{variable(_GROUP)}: expected {{"archive": "s3://bucket/folder"}}: URLs by identifier')
    return {}


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return False


def _checked(options: Options, name: str, parts: dict[str, Any], mounted: str | None) -> FilesystemURL | None:
    url, given = parts.get("url"), parts.get("options", {})
    wrong = ""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?", name) or "__" in name:
        wrong = "an identifier is lower-case letters, digits, single _, - and ."
    elif name in (LOCAL, MEMORY, mounted):
        wrong = f"{name!r} is another filesystem already; choose another identifier"
    elif url is None:
        wrong = "has options, and no URL"
    elif not isinstance(url, str) or not re.match(r"[A-Za-z][\w+.-]*(::[\w+.-]+)*://", url):
        wrong = "expected a URL such as s3://bucket/folder, sftp://host/folder or file:///folder (value not shown)"
    elif not isinstance(given, Mapping):
        wrong = "expected its options as a JSON object, or a table (value not shown)"
    if wrong:
        _report(options, name, wrong)
        return None
    return FilesystemURL(name, str(url), json.dumps(dict(given), sort_keys=True, default=str))


def _report(options: Options, name: str, message: str) -> None:
    options.problems.append(f"{variable(f'{_GROUP}.{name}')}: {message}")
