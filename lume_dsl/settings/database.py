"""The URL of the record store, checked or put together from its parts; it must not know how a store is opened."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, urlencode

from lume_dsl.errors import did_you_mean
from lume_dsl.settings.masks import mask_url, with_password
from lume_dsl.settings.options import Options, variable

__all__ = ["store_url"]

_SCHEMES = ("mongodb", "mongodb+srv", "sqlite", "postgresql", "mysql", "mariadb")
_MECHANISMS = (
    "DEFAULT",
    "GSSAPI",
    "MONGODB-AWS",
    "MONGODB-OIDC",
    "MONGODB-X509",
    "PLAIN",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
)


def store_url(options: Options, home: Path, directory: Path) -> str:
    """The record store's URL: the one given, else MongoDB's of the parts, else SQLite's under ``home``.

    A URL that names a user without a password takes the one that is given apart from it.
    """
    url = options.text("results_db.url")
    if url:
        password = options.text("results_db.password")
        checked = _checked(url, options, directory)
        return with_password(checked, password) if password else checked
    if options.raw("results_db.host") is not None:
        return _mongodb_url(options)
    if (orphans := options.given("results_db")) and options.complete:
        names = ", ".join(variable(path) for path in orphans)
        options.report("results_db.host", f"not set, though it is needed with {names}")
    return f"sqlite:///{home / 'results.db'}"


def _checked(url: str, options: Options, directory: Path) -> str:
    """``url`` with a known scheme, and with an absolute path where it names an SQLite file."""
    scheme, separator, rest = url.partition("://")
    dialect = scheme if scheme in _SCHEMES else scheme.partition("+")[0]
    if not separator or dialect not in _SCHEMES:
        options.report("results_db.url", _unknown_scheme(scheme if separator else ""))
        return url
    path, _, query = rest.removeprefix("/").partition("?")
    if dialect != "sqlite" or path.startswith("file:"):  # SQLite's own URLs say all by themselves
        return url
    if not path or path == ":memory:":
        expected = "sqlite:///a/file.db: records in memory are seen by no other process"
        options.report("results_db.url", f"found {mask_url(url)!r}, expected {expected}")
    absolute = f"{scheme}:///{directory / os.path.expanduser(path)}"
    return f"{absolute}?{query}" if query else absolute


def _unknown_scheme(scheme: str) -> str:
    # What is not a word is not shown: it may be a piece of a password.
    found = f"the scheme {scheme!r}" if re.fullmatch(r"[\w+.-]+", scheme) else "a value that begins with no scheme"
    known = ", ".join(f"{name}://" for name in _SCHEMES)
    return f"found {found}, expected one of {known}{did_you_mean(scheme, _SCHEMES)}"


def _mongodb_url(options: Options) -> str:
    group = "results_db"
    host = options.text(f"{group}.host") or ""
    if re.search(r"[/@?#\s]", host):
        options.wrong(f"{group}.host", f"a host name; a whole URL goes into {variable('results_db.url')}")
    port = options.port(f"{group}.port") or 27017
    address = f"[{host}]" if ":" in host and not host.startswith("[") else host
    username, password = options.text(f"{group}.username"), options.text(f"{group}.password")
    if password and not username and options.complete:
        options.report(f"{group}.username", f"not set, though {variable('results_db.password')} is")
    user = quote(username, safe="") if username else ""
    secret = f":{quote(password, safe='')}" if username and password else ""
    at = "@" if user else ""
    database = quote(options.text(f"{group}.database") or "lume", safe="")
    query = urlencode(_mongodb_options(options, authenticates=bool(user)))
    return f"mongodb://{user}{secret}{at}{address}:{port}/{database}" + (f"?{query}" if query else "")


def _mongodb_options(options: Options, *, authenticates: bool) -> dict[str, str]:
    """The query part of the URL.

    A database in a MongoDB URL is also where the user is looked up; LUME-services connects with keywords,
    which look it up in ``admin``. Mechanisms other than SCRAM bring their own place.
    """
    query = options.scalars("results_db.options")
    mechanism = options.raw("results_db.authmechanism")
    if mechanism is not None:
        query["authMechanism"] = options.choice("results_db.authmechanism", _MECHANISMS, "")
    by_password = mechanism is None or str(mechanism).startswith(("SCRAM", "DEFAULT"))
    if authenticates and by_password and not any(name.lower() == "authsource" for name in query):
        query["authSource"] = "admin"
    return query
