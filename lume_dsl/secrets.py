"""The secret values that this process has seen, and texts without them. It knows nothing of where values come from."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import MemberDescriptorType, new_class
from typing import Any
from urllib.parse import quote, quote_plus

import attrs

__all__ = [
    "HIDDEN",
    "document_shows_secret",
    "hidden_document",
    "hidden_text",
    "hide",
    "hide_in",
    "holds_secret",
    "shows_secret",
]

HIDDEN = "***"
"""What is shown, and recorded, in place of a secret."""

SHORTEST = 4
"""Characters of a secret that is looked for in texts: a shorter one would take words apart that hold it by chance."""

_seen: set[str] = set()
"""All spellings of all secrets."""

_bytes: set[bytes] = set()
"""What stands for a secret in the bytes of texts, arrays and tables."""

_in_base64: set[str] = set()
"""What is seen of these in base64."""


def hide(value: Any) -> None:
    """The texts in a secret's JSON form are shown in no error and no log line from now on.

    Log lines are those of all handlers, also of those that are yet to be made. Texts are not shown as ``repr`` or JSON
    writes them either, even one within the other. A text that is base64 may stand for bytes, which are hidden as well.
    Keys of objects stay, and so do ``true``, ``false`` and ``null``, which tell nothing, and what has fewer than
    ``SHORTEST`` characters.
    """
    for text in _texts(value):
        if len(text) >= SHORTEST:
            _seen.update(_forms(text))
            _bytes.update(encoded := _encoded(text))
            _in_base64.update(core for one in encoded for core in _cores(one))
    if not isinstance(logging.getLogRecordFactory(), _Hiding):
        logging.setLogRecordFactory(_Hiding(logging.getLogRecordFactory()))


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
    quoted = (quote(text, safe="", errors="replace"), quote_plus(text, errors="replace"))  # as addresses have it
    once = {form for plain in (text, *quoted, *_texts_of_bytes(text)) for form in _spellings(plain)}
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


def _encoded(text: str) -> set[bytes]:
    """The bytes of a text, as texts and NumPy's arrays have it, and those that it is the base64 of."""
    found = {text.encode(encoding, "surrogatepass") for encoding in ("utf-8", "utf-16-le", "utf-32-le", "utf-32-be")}
    with suppress(ValueError):
        found.add(base64.b64decode(text, validate=True))
    return {one for one in found if len(one) >= SHORTEST}


def _cores(data: bytes) -> Iterator[str]:
    """What base64 has of bytes wherever they begin in what it is of: the characters that they alone decide."""
    for before in range(3):
        written = base64.b64encode(bytes(before) + data).decode()
        yield written[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]


def shows_secret(text: str) -> bool:
    """Return whether there is a secret in a text, be it in the base64 of bytes."""
    return any(form in text for form in _seen) or any(core in text for core in _in_base64)


def document_shows_secret(document: Any) -> bool:
    """Return whether there is a secret in a JSON document. Where none is known it is not looked through."""
    return bool(_seen) and shows_secret(json.dumps(document, ensure_ascii=False))


def hidden_text(text: str) -> str:
    """Return the text with the secrets in it hidden."""
    for secret in sorted(_seen, key=len, reverse=True):  # one may hold another
        text = text.replace(secret, HIDDEN)
    return text


def hidden_document(document: Any) -> Any:
    """Return a JSON document with the secrets in its texts hidden. Names stay, and so does what is no text."""
    if isinstance(document, dict):
        return {name: hidden_document(member) for name, member in document.items()}
    if isinstance(document, list):
        return [hidden_document(item) for item in document]
    return hidden_text(document) if isinstance(document, str) else document


def holds_secret(pieces: Iterable[bytes | memoryview]) -> bool:
    """Return whether bytes, given in pieces, hold a secret, as a text or in an array."""
    secrets = {*_bytes, *(text.encode("utf-8", "surrogatepass") for text in _seen)}
    longest = max(map(len, secrets), default=0)
    end = b""
    for piece in pieces if secrets else ():
        data = end + bytes(piece)
        if any(secret in data for secret in secrets):
            return True
        end = data[-longest:]
    return False


def hide_in(exception: BaseException) -> BaseException:
    """Return the exception with the secrets hidden in what it, and what led to it, is told as.

    That is the exception itself, with what it was made of changed. One whose text shows a secret all the same has a
    stand-in: of a subclass with the name of its class, so that it is caught and retried as before.
    """
    chain = _chain(exception)
    texts = {id(one): _told(one) for one in chain}
    for one in reversed(chain):
        _hide_within(one)
    stand_ins: dict[int, BaseException] = {}
    for one in chain:
        _replacement(one, texts, stand_ins)
    for one in chain:
        new = stand_ins[id(one)]
        suppress_context = one.__suppress_context__  # which setting a cause sets
        new.__cause__ = one.__cause__ and stand_ins[id(one.__cause__)]
        new.__context__ = one.__context__ and stand_ins[id(one.__context__)]
        new.__suppress_context__ = suppress_context
    return stand_ins[id(exception)]


def _chain(exception: BaseException) -> list[BaseException]:
    """An exception, what led to it, and what they are groups of."""
    found: dict[int, BaseException] = {}
    todo: list[BaseException | None] = [exception]
    while todo:
        one = todo.pop()
        if one is not None and id(one) not in found:
            found[id(one)] = one
            todo += [one.__cause__, one.__context__, *_members(one)]
    return list(found.values())


def _members(exception: BaseException) -> tuple[BaseException, ...]:
    """The exceptions that a group holds."""
    found = getattr(exception, "exceptions", ())
    return found if isinstance(found, tuple) and all(isinstance(one, BaseException) for one in found) else ()


def _hide_within(one: BaseException) -> None:
    """What an exception was made of is hidden, where it can be changed."""
    _ARGS.__set__(one, tuple(map(_hidden, _ARGS.__get__(one))))
    one.__dict__.update({name: _hidden(value) for name, value in vars(one).items()})
    for descriptor, value in _slots(one):
        with suppress(AttributeError, TypeError):  # read-only, or of one type only
            if (hidden := _hidden(value)) is not value:
                descriptor.__set__(one, hidden)


_ARGS: Any = vars(BaseException)["args"]
"""Changes the args of an exception that is frozen, or that calls something else so."""


def _slots(one: BaseException) -> Iterator[tuple[MemberDescriptorType, Any]]:
    """What an exception holds in slots, as ``OSError.filename2``: the descriptors and values."""
    for base in type(one).__mro__:
        for descriptor in vars(base).values():
            if isinstance(descriptor, MemberDescriptorType):
                with suppress(AttributeError):  # a slot that is empty
                    yield descriptor, descriptor.__get__(one)


def _replacement(one: BaseException, texts: dict[int, list[str]], stand_ins: dict[int, BaseException]) -> BaseException:
    """The exception, or its stand-in where it, or one that it is a group of, shows a secret or tells nothing now."""
    if id(one) in stand_ins:
        return stand_ins[id(one)]
    members = tuple(_replacement(member, texts, stand_ins) for member in _members(one))
    changed = any(new is not old for new, old in zip(members, _members(one), strict=True))
    told, before = _told(one), [hidden_text(text) for text in texts[id(one)]]
    if changed or told.count("") > before.count("") or any(text != hidden_text(text) for text in told):
        made_of = (hidden_text(str(getattr(one, "message", ""))), members) if members else ()
        stand_in = _stand_in(type(one), before, made_of)
        _ARGS.__set__(stand_in, made_of or _ARGS.__get__(one))
        stand_in.__dict__.update(vars(one))
        for descriptor, value in _slots(one):
            with suppress(AttributeError, TypeError):
                descriptor.__set__(stand_in, value)
        stand_in.__traceback__ = one.__traceback__
        stand_ins[id(one)] = stand_in
    return stand_ins.setdefault(id(one), one)


def _told(one: BaseException) -> list[str]:
    """What ``str`` and ``repr`` tell of an exception; ``""`` for one that fails."""
    texts = []
    for form in (str, repr):
        try:
            texts.append(form(one))
        except Exception:  # a method of a user's
            texts.append("")
    return texts


def _stand_in(kind: type[BaseException], texts: list[str], made_of: tuple[Any, ...]) -> BaseException:
    """An exception of a subclass of ``kind`` with its name, a ``str`` and a ``repr``; a group has its members."""
    parts = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__str__": lambda _: texts[0],
        "__repr__": lambda _: texts[1],
        "__reduce__": lambda self: (_stand_in, (kind, texts, made_of), (_ARGS.__get__(self), vars(self))),
        "__setstate__": _set_state,
    }
    if made_of:
        parts["exceptions"] = property(lambda _: made_of[1])
    subclass = _subclass(kind, kind, parts)
    builtin: Any = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    made: BaseException = builtin.__new__(subclass, *made_of)
    return made


def _subclass(kind: type[BaseException], base: Any, parts: dict[str, Any]) -> type[BaseException]:
    """A subclass of ``base``, or of the first class below it that may have one, that is named as ``kind``."""
    try:
        return new_class(kind.__name__, (base,), exec_body=lambda names: names.update(parts))
    except Exception:  # whatever the user's class does about subclasses
        return _subclass(kind, base.__base__, parts)


def _set_state(one: BaseException, state: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    _ARGS.__set__(one, state[0])
    one.__dict__.update(state[1])


def _hidden(value: Any) -> Any:
    """A value with the secrets in its texts hidden; another object that shows one is told as text."""
    if type(value) in (list, tuple):
        return type(value)(map(_hidden, value))
    for form in (str, repr):
        try:
            text = form(value)
        except Exception:  # a method of a user's
            continue
        if (hidden := hidden_text(text)) != text:
            return HIDDEN.encode() if isinstance(value, bytes) else hidden
    return value


@attrs.frozen
class _Hiding:
    """Makes log records, and hides secrets in their message and traceback."""

    make: Callable[..., logging.LogRecord]

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.make(*args, **kwargs)
        try:
            text = record.getMessage()
        except Exception:  # arguments that do not fit the message, which logging itself reports
            return record
        if (hidden := hidden_text(text)) != text:
            record.msg, record.args = hidden, ()
        if record.exc_info:
            record.exc_text = hidden_text(record.exc_text or logging.Formatter().formatException(record.exc_info))
        return record
