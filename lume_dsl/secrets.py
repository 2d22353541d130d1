"""The secret values that this process has seen, and texts without them. It knows nothing of where values come from."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

__all__ = ["HIDDEN", "hidden_text", "hide", "hide_in"]

HIDDEN = "***"
"""What is shown, and recorded, in place of a secret."""

SHORTEST = 4
"""Characters of a secret that is looked for in texts: a shorter one would take words apart that hold it by chance."""

_seen: set[str] = set()
"""All spellings of all secrets."""


def hide(value: Any) -> None:
    """The texts in a secret's JSON form are shown in no error and no log line from now on.

    Log lines are those of the handlers that there are. Texts are not shown as ``repr`` or JSON writes them either, even
    one within the other. A text that is base64 may stand for bytes, which are hidden as well. Keys of objects stay,
    and so do ``true``, ``false`` and ``null``, which tell nothing, and what has fewer than ``SHORTEST`` characters.
    """
    _seen.update(form for text in _texts(value) if len(text) >= SHORTEST for form in _forms(text))
    for handler in _handlers():
        if not any(isinstance(one, _Hiding) for one in handler.filters):
            handler.addFilter(_Hiding())


def _handlers() -> Iterator[logging.Handler]:
    """All handlers of this process's loggers."""
    if logging.lastResort is not None:
        yield logging.lastResort
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


def _texts(value: Any) -> list[str]:
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [str(value)]


def _forms(text: str) -> set[str]:
    """All spellings of a text that are looked for: one for each text that nothing has to escape."""
    once = {form for plain in (text, *_texts_of_bytes(text)) for form in _spellings(plain)}
    return {form for spelt in once for form in _spellings(spelt)}


def _spellings(text: str) -> tuple[str, ...]:
    """The text, and what stands for it within a longer text in Python's repr and in JSON."""
    return (
        text,
        repr(text)[1:-1],
        repr(f"{text}'\"")[1:-4],  # repr escapes a ' where there is a " too, be it outside of the secret
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
    )


def _texts_of_bytes(text: str) -> list[str]:
    """How the bytes are written that a text is base64 of, or nothing where it is not."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return []
    if len(raw) < SHORTEST:
        return []
    written = [repr(raw)[2:-1], repr(raw + b"'\"")[2:-4]]
    try:
        return [*written, raw.decode()]
    except UnicodeDecodeError:
        return written


def hidden_text(text: str) -> str:
    """Return the text with the secrets in it hidden."""
    for secret in sorted(_seen, key=len, reverse=True):  # one may hold another
        text = text.replace(secret, HIDDEN)
    return text


def hide_in(exception: BaseException) -> None:
    """The secrets in the texts that an exception, and what led to it, was made of are hidden."""
    todo: list[BaseException | None] = [exception]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        with suppress(Exception):  # one that is frozen, or whose args are a property, stays as it is
            one.args = tuple(map(_hidden, one.args))
        one.__dict__.update({name: _hidden(value) for name, value in vars(one).items()})
        if isinstance(one, OSError) and one.filename:  # its text is not made of its args
            one.strerror, one.filename = _hidden(one.strerror), _hidden(one.filename)


def _hidden(value: Any) -> Any:
    """A value with the secrets in its texts hidden; another object whose ``repr`` shows one is told as text."""
    if type(value) in (list, tuple):
        return type(value)(map(_hidden, value))
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # a repr of a user's
        return value
    hidden = hidden_text(text)
    return value if hidden == text else hidden


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
