"""What is secret in a run config, whatever its shape and wherever it stands; it must not know how jobs are made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from lume_dsl.settings.jobs import secret_variables
from lume_dsl.settings.masks import is_secret

__all__ = ["Sent", "secrets_sent", "suspects_sent"]

_ENVIRONMENTS = ("env", "environment")


@attrs.frozen
class Sent:
    """A text in a run config.

    Attributes:
        path: Where it stands: ``"job_template.spec.template.spec.containers[1].env[0].value"``.
        name: The variable that it is, or the key that it stands under.
        text: What is sent.
        is_variable: Whether it is a variable of a job.
    """

    path: str
    name: str
    text: str
    is_variable: bool


def secrets_sent(run_config: Any, variables: Collection[str]) -> list[Sent]:
    """Return what is secret of all that a server would be sent of a run config.

    That is what our settings, and these ``variables``, have as a secret, and texts that look like one, as a URL with a
    password does.
    """
    return list({one.path: one for one in _texts(run_config) if _is_secret(one, variables)}.values())


def _is_secret(one: Sent, variables: Collection[str]) -> bool:
    return one.name in variables or bool(secret_variables({one.name: one.text}))


def suspects_sent(run_config: Any) -> list[str]:
    """Return the names of variables in a run config that are called as secrets are."""
    return list(dict.fromkeys(one.name for one in _texts(run_config) if one.is_variable and is_secret(one.name)))


def _texts(run_config: Any) -> Iterator[Sent]:
    for name, value in vars(run_config).items():
        yield from _within(value, name, name, is_variable=False)


def _within(value: Any, path: str, name: str, *, is_variable: bool) -> Iterator[Sent]:
    """All texts in a value, which stands under a name."""
    if isinstance(value, Mapping):
        yield from _within_mapping(value, path, is_environment=name.lower() in _ENVIRONMENTS)
    elif isinstance(value, (list, tuple, set, frozenset)):
        flag = ""
        for number, one in enumerate(value):
            yield from _within(one, f"{path}[{number}]", flag or name, is_variable=is_variable or bool(flag))
            is_flag = isinstance(one, str) and one.startswith("-") and "=" not in one
            flag = str(one).lstrip("-") if is_flag else ""  # of a command line, whose value may follow
    elif isinstance(value, (str, bytes, int, float)) and not isinstance(value, bool) and value not in ("", b""):
        text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        yield Sent(path, name, text, is_variable)
        before, equals, after = text.partition("=")
        if equals and after and before.isidentifier():
            yield Sent(path, before, after, is_variable=True)


def _within_mapping(value: Mapping[Any, Any], path: str, *, is_environment: bool) -> Iterator[Sent]:
    """All texts in a mapping, which may be a variable, ``{"name": ..., "value": ...}``, or hold variables by name."""
    named = {str(key).lower(): one for key, one in value.items()}.get("name")
    for key, one in value.items():
        is_pair = str(key).lower() == "value" and isinstance(named, str)
        name = named if is_pair else str(key)
        yield from _within(one, f"{path}.{key}", str(name), is_variable=is_pair or is_environment)
