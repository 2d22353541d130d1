"""The secret values that this process has seen, and texts without them. It knows nothing of where values come from."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["HIDDEN", "hidden_text", "hide"]

HIDDEN = "***"
"""What is shown, and recorded, in place of a secret."""

SHORTEST = 4
"""Characters of a secret that is looked for in texts: a shorter one would take words apart that hold it by chance."""

_seen: set[str] = set()


def hide(value: Any, *logger_names: str) -> None:
    """The text of a secret is shown in no error and no log line of these loggers' handlers from now on."""
    _seen.update(text for text in _texts(value) if len(text) >= SHORTEST)
    for name in logger_names:
        for handler in logging.getLogger(name).handlers:
            if not any(isinstance(one, _Hiding) for one in handler.filters):
                handler.addFilter(_Hiding())


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [str(value)]


def hidden_text(text: str) -> str:
    """Return the text with the secrets in it hidden."""
    for secret in sorted(_seen, key=len, reverse=True):  # one may hold another
        text = text.replace(secret, HIDDEN)
    return text


class _Hiding(logging.Filter):
    """Hides secrets in the message and the traceback of a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except Exception:  # arguments that do not fit the message, which logging itself reports
            return True
        if (hidden := hidden_text(text)) != text:
            record.msg, record.args = hidden, ()
        if record.exc_info:
            record.exc_text = hidden_text(record.exc_text or logging.Formatter().formatException(record.exc_info))
        return True
