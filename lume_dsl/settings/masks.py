"""What is secret in settings by its name, and URLs without it: the one rule that all who show a setting ask.

It must not know which settings there are.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from lume_dsl.secrets import HIDDEN

__all__ = ["is_secret", "mask_url", "secrets_in", "with_password", "without_password"]

_NAMES = (
    "passw|passphrase|pwd|secret|token|credential|sas|sig"  # sig: the signature of a URL that Azure has signed
    "|conn(?:ection)?_?str"
    "|key(?!_?file(?:name)?(?:=|$))"  # the path of a key's file is none
    "|options(?==|$)|init_command"  # of PostgreSQL and MySQL: settings of a session, of which one may be a key
    "|auth(?!source|mechanism(?:=|$))"  # nor is where users of a MongoDB are looked up, and how
)
"""What names have in them whose values are secret. Too many rather than too few."""

_SECRET = re.compile(_NAMES, re.IGNORECASE)
_USER = re.compile(r"\A([A-Za-z][\w+.-]*://)([^:@/?#]+)(:[^@/?#]*)?@(?=[^@]*\Z)")
"""The user of a well-formed URL, and the password with its colon. With another ``@`` the password may go on to that."""

_PARAMETER = re.compile(rf"([?&#;][^=&?#;]*(?:{_NAMES})[^=&?#;]*=)([^&]*)", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether the value of an option, or of a parameter of a URL, with this name is not to be shown.

    >>> is_secret("tlsCertificateKeyFilePassword"), is_secret("tlsCertificateKeyFile")
    (True, False)
    """
    return _SECRET.search(name) is not None


def mask_url(url: str) -> str:
    """Return ``url`` with every password in it, and the value of every secret parameter, replaced by ``***``.

    Works on malformed URLs too, where it hides too much rather than too little: a password that holds an
    unescaped ``@``, ``:`` or ``/`` is hidden up to the last ``@``.
    """
    url = re.sub(r"://([^:]*):.*@", rf"://\1:{HIDDEN}@", url, flags=re.DOTALL)
    return _PARAMETER.sub(rf"\1{HIDDEN}", url)


def secrets_in(url: str) -> list[str]:
    """Return the values of the secret parameters of ``url``, as they stand there and as they are meant."""
    return [form for _, value in _PARAMETER.findall(url) for form in (value, unquote(value))]


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
