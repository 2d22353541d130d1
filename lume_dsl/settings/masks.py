"""What is secret in a text, by its names and its form: the one rule that all ask who show a text, or send it.

It must not know which settings there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, unquote_plus

from lume_dsl.secrets import HIDDEN

__all__ = ["is_secret", "mask_url", "secrets_in", "with_password", "without_password"]

_NAMES = (
    "passw|passphrase|pwd|secret|token|credential|sas|sig"  # sig: the signature of a URL that Azure has signed
    "|(?:pass|pw)(?![a-z])|(?<![a-z])pin(?![a-z])|^code$"  # passfile, the path of a file of PostgreSQL's, is none
    "|conn(?:ection)?_?str"
    "|key(?!_?file(?:name)?$)"  # the path of a key's file is none
    "|options$|init_command"  # of PostgreSQL and MySQL: settings of a session, of which one may be a key
    "|auth(?!source|mechanism$)"  # nor is where users of a MongoDB are looked up, and how
)
"""What names have in them whose values are secret. Too many rather than too few."""

_SECRET = re.compile(_NAMES, re.IGNORECASE)
_USER = re.compile(r"\A([A-Za-z][\w+.-]*://)([^:@/?#]+)(:[^@/?#]*)?@(?=[^@]*\Z)")
"""The user of a well-formed URL, and the password with its colon. With another ``@`` the password may go on to that."""

_TOKEN = re.compile(r"((?:https?|git|(?:web)?davs?)://)([^\s/:?#@]+)(?::(?:x-oauth-basic)?)?@", re.IGNORECASE)
"""A user alone, where that is a token. In the URL of a database it is none."""

_PASSWORD = re.compile(r"(://[^:]*:)(.*)@", re.DOTALL)
_ESCAPED_PASSWORD = re.compile(
    r"(://(?:(?!%(?:25)*3a)[^:@/?#])*%(?:25)*3a)([^:@]*(?:@.*)?)@", re.DOTALL | re.IGNORECASE
)
_PARAMETER = re.compile(r"[?&#;]([^=&?#;]*)=")

_ASSIGNED = re.compile(
    r"((?:passw(?:or)?d|passphrase|pwd|pass|pw|secret|token|credentials?|(?<![a-z])sig(?:nature)?"
    r"|(?:api|access|account|shared|private|secret)[_-]?key)(?:[\"']\s*:|[\"']?\s*=)\s*)"
    r"(?!(?-i:\$[({]?[A-Z_][A-Z0-9_]*[)}]?)(?:[\s&;,'\"]|$))"  # a variable of the shell's, or of Kubernetes'
    r"(\"[^\"]*\"|'[^']*'|\{[^}]*\}|[^\s&;,'\"]+)",
    re.IGNORECASE,
)
"""A name with a value, as in a DSN, on a command line or in JSON. Fewer names than of parameters: it may be prose."""

_AUTHORIZATION = re.compile(
    r"(authorization[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|digest|negotiate|token)\s+)?)([^\s\"'&;,]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\b(?:basic|bearer)\s+)([\w+/.~=-]{16,})", re.IGNORECASE)
_TEXTS = (_ASSIGNED, _AUTHORIZATION, _BEARER)
"""What is secret in any text. The second group is the secret, as it is in all patterns but those of names."""


def is_secret(name: str) -> bool:
    """Whether the value of an option, or of a parameter of a URL, with this name is not to be shown.

    >>> is_secret("tlsCertificateKeyFilePassword"), is_secret("tlsCertificateKeyFile")
    (True, False)
    """
    return _SECRET.search(name) is not None


def mask_url(url: str) -> str:
    """Return a URL, or a text that may hold some, with every secret in it replaced by ``***``.

    Secret are passwords, tokens that are the user of a web address, the values of parameters with a secret name or
    with a secret in them, such as a DSN's password, and what stands behind ``password=`` or ``Authorization:``.
    Works on malformed URLs too, where it hides too much rather than too little: a password that holds an
    unescaped ``@``, ``:`` or ``/`` is hidden up to the last ``@``.

    >>> mask_url("mysql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cret"), mask_url("https://t0ken@host/flows")
    ('mysql+pyodbc:///?odbc_connect=***', 'https://***@host/flows')
    """
    url = _TOKEN.sub(rf"\1{HIDDEN}@", url)
    for password in (_PASSWORD, _ESCAPED_PASSWORD):
        url = password.sub(rf"\1{HIDDEN}@", url)
    pieces, end = [], 0
    for begin, stop in _secret_parameters(url):
        pieces += [url[end:begin], HIDDEN]
        end = stop
    text = "".join([*pieces, url[end:]])
    for pattern in _TEXTS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def secrets_in(url: str) -> list[str]:
    """Return what is secret in ``url`` but for its user's password, as it stands there and as it is meant."""
    values = [url[begin:end] for begin, end in _secret_parameters(url)]
    found = [form for value in values for form in (value, unquote(value), *secrets_in(unquote_plus(value)))]
    others = [one[2].strip("\"'{}") for pattern in (_TOKEN, *_TEXTS) for one in pattern.finditer(url)]
    return list(dict.fromkeys([*found, *others]))


def _secret_parameters(url: str) -> Iterator[tuple[int, int]]:
    """Where the value of each parameter begins and ends that has a secret name, or a secret in it.

    It goes on to the next ``&``: a ``;`` or ``#`` may be part of the secret.
    """
    end = 0
    for found in _PARAMETER.finditer(url):
        if found.start() < end:
            continue
        begin = found.end()
        plain = _plain(re.split("[&?#;]", url[begin:], maxsplit=1)[0])
        if is_secret(_plain(found[1])) or mask_url(plain) != plain:
            end = begin + len(url[begin:].partition("&")[0])
            yield begin, end


def _plain(text: str) -> str:
    """A text as it is meant, however often it was escaped."""
    for _ in range(3):
        text = unquote_plus(text)
    return text


def without_password(url: str) -> tuple[str, bool]:
    """Return ``url`` without the password of its user, and whether it had one. A malformed URL is left as it is.

    >>> without_password("mongodb://ada:s3cret@db:27017/lume")
    ('mongodb://ada@db:27017/lume', True)
    """
    found = _USER.match(url)
    return (_USER.sub(r"\1\2@", url), True) if found and found[3] else (url, False)


def with_password(url: str, password: str) -> str:
    """Return ``url`` with a password for its user; as it is where it has no user, or a password already.

    >>> with_password("mongodb://ada@db:27017/lume", "s3cret/")
    'mongodb://ada:s3cret%2F@db:27017/lume'
    """
    found = _USER.match(url)
    if found is None or found[3]:
        return url
    return f"{found[1]}{found[2]}:{quote(password, safe='')}@{url[found.end() :]}"
