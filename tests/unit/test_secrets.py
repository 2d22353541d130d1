"""A secret that this process has seen is in no text and no log line."""

from __future__ import annotations

import base64
import builtins
import io
import json
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import cloudpickle
import pytest

from lume_dsl import secrets
from lume_dsl.errors import TaskFailure


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a logger of a name of its own has written."""
    monkeypatch.setattr(secrets, "_seen", set())
    factory = logging.getLogRecordFactory()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("lab").addHandler(handler)
    yield stream
    logging.setLogRecordFactory(factory)
    logging.getLogger("lab").removeHandler(handler)


def test_a_secret_is_hidden_in_messages_arguments_and_tracebacks(log: io.StringIO) -> None:
    secrets.hide({"user": "operator", "token": ["s3cret-token"]})
    logger = logging.getLogger("lab")
    logger.warning("logging in as %s with %r", "operator", "s3cret-token")
    try:
        raise ValueError("no s3cret-token")
    except ValueError:
        logger.exception("refused")
    logger.warning("as it is: %d", 5)
    text = log.getvalue()
    assert "logging in as *** with '***'" in text
    assert "ValueError: no ***" in text
    assert "as it is: 5" in text
    assert "s3cret" not in text


def test_a_secret_is_hidden_in_the_lines_of_every_logger(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets.hide("s3cret-token")
    logging.getLogger("lab.of.its.own").warning("with s3cret-token")
    monkeypatch.setattr(logging.root, "handlers", [])  # as in a program that sets up no logging
    logging.getLogger("another").warning("with s3cret-token")
    assert capsys.readouterr().err == "with ***\n"


def test_a_secret_is_hidden_in_the_lines_of_handlers_made_later(log: io.StringIO) -> None:
    secrets.hide("s3cret-token")
    stream, logger = io.StringIO(), logging.getLogger("lab.late")
    logger.addHandler(handler := logging.StreamHandler(stream))
    try:
        raise ValueError("no s3cret-token")
    except ValueError:
        logger.exception("with %s", "s3cret-token")
    finally:
        logger.removeHandler(handler)
    assert "with ***" in stream.getvalue()
    assert "ValueError: no ***" in stream.getvalue()
    assert "s3cret" not in stream.getvalue()


def test_records_are_made_as_the_program_says_until_there_is_a_secret_and_after(log: io.StringIO) -> None:
    class Marked(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Marked)
    assert logging.getLogRecordFactory() is Marked
    for _ in range(3):
        secrets.hide("s3cret-token")
    record = logging.getLogger("lab").makeRecord("lab", logging.INFO, "", 1, "with s3cret-token", (), None)
    assert type(record) is Marked
    assert record.getMessage() == "with ***"
    assert logging.getLogRecordFactory().make is Marked  # type: ignore[attr-defined]


class Refused(Exception):
    def __init__(self, token: str) -> None:
        super().__init__("refused")
        self.token = [token]
        self.answer = Answer(token)

    def __str__(self) -> str:
        return f"refused {self.token} {self.answer}"


@attrs.frozen
class Answer:
    token: str

    def __repr__(self) -> str:
        return f"<answer to {self.token}>"


@attrs.frozen
class Quiet:
    """An answer that ``str`` shows, and ``repr`` does not."""

    token: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"answer to {self.token}"


class Slotted(Exception):
    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    def __str__(self) -> str:
        return f"no {self.token}"


@attrs.frozen
class Closed(Exception):
    token: str

    def __str__(self) -> str:
        return f"no {self.token}"


class Computed(Exception):
    """Tells what is neither among its args nor in its attributes."""

    def __str__(self) -> str:
        return f"no {SECRET}"


@attrs.define(init=False)
class Inner(Exception):
    """Tells what one of its attributes hides."""

    answer: Quiet

    def __init__(self, token: str) -> None:
        self.answer = Quiet([token])  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"no {self.answer.token[0]}"


SECRET = "-".join(["s3cret", "token"])  # so that the lines of a traceback do not have it


@pytest.mark.parametrize(
    "exception",
    [
        ValueError(f"no {SECRET}", 5),
        KeyError(SECRET),
        Refused(SECRET),
        FileNotFoundError(2, "no such file", f"/home/{SECRET}"),
        ValueError(Answer(SECRET)),
        ValueError(Quiet(SECRET)),
        SystemExit(f"no {SECRET}"),
        ImportError(f"no {SECRET}", name=SECRET),
        OSError(2, "no such file", "/home", None, f"/home/{SECRET}"),
        SyntaxError(f"no {SECRET}", (f"{SECRET}.py", 1, 2, f"token = {SECRET}")),
        UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
        Slotted(SECRET),
        Closed(SECRET),
        Computed(SECRET),
        Inner(SECRET),
    ],
    ids=lambda exception: type(exception).__name__,
)
def test_a_secret_is_in_no_traceback_of_an_exception_that_is_told(log: io.StringIO, exception: BaseException) -> None:
    def fail() -> None:
        try:
            raise LookupError(f"first {SECRET}")
        except LookupError as first:
            raise exception from first

    secrets.hide(SECRET)
    with pytest.raises(type(exception)) as caught:
        fail()
    assert SECRET in "".join(traceback.format_exception(caught.value))
    hidden = secrets.hide_in(caught.value)
    told = "".join(traceback.format_exception(hidden))
    assert SECRET not in told + str(hidden) + repr(hidden)
    assert told.count("***") >= 2
    assert isinstance(hidden, type(exception))
    assert f"{type(exception).__name__}: " in told
    assert isinstance(hidden.__cause__, LookupError)
    assert hidden.args[1:2] in ((), (5,), ("no such file",), (b"***",), (("***.py", 1, 2, "token = ***"),))
    if hidden is exception:  # how that one travels is its class's
        return
    again = cloudpickle.loads(cloudpickle.dumps(hidden))
    assert (type(again).__name__, str(again), repr(again)) == (type(exception).__name__, str(hidden), repr(hidden))


Group: Any = getattr(builtins, "ExceptionGroup", None)


@pytest.mark.skipif(Group is None, reason="groups are new in Python 3.11")
def test_a_group_is_hidden_with_all_that_it_holds_and_can_be_taken_apart(log: io.StringIO) -> None:
    def fail() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as first:
            inner.__cause__ = first
            raise Group("of the day", [ValueError("plain"), Group(f"no {SECRET}", [inner])]) from None

    inner = Computed(SECRET)
    secrets.hide(SECRET)
    with pytest.raises(Group) as caught:
        fail()
    hidden = secrets.hide_in(caught.value)
    told = "".join(traceback.format_exception(hidden))
    assert SECRET not in told + repr(hidden) + repr(hidden.args)
    assert told.count("***") == 3
    assert "During handling" not in told
    assert isinstance(hidden, Group)
    computed, others = hidden.split(Computed)
    assert "plain" in "".join(traceback.format_exception(others))
    assert SECRET not in "".join(traceback.format_exception(computed))
    assert [str(one) for one in pickle.loads(pickle.dumps(hidden)).exceptions] == [str(e) for e in hidden.exceptions]


def test_an_exception_whose_class_has_no_subclasses_stands_in_as_one_of_its_bases(log: io.StringIO) -> None:
    class Final(Computed):
        def __init_subclass__(cls) -> None:
            raise TypeError("final")

    secrets.hide(SECRET)
    hidden = secrets.hide_in(Final(SECRET))
    assert isinstance(hidden, Computed)
    assert (type(hidden).__name__, str(hidden), repr(hidden)) == ("Final", "no ***", "Final('***')")


def test_what_shows_no_secret_is_kept_in_a_loop_of_causes_too(log: io.StringIO) -> None:
    secrets.hide(SECRET)
    first, second = ValueError("plain"), ValueError("too")
    first.__cause__, second.__cause__ = second, first
    assert secrets.hide_in(first) is first
    assert first.__cause__ is second
    assert second.__cause__ is first


@attrs.frozen
class Frozen(Exception):
    where: str


class ReadOnly(Exception):
    @property
    def args(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("QUAD:1",)


@pytest.mark.parametrize("exception", [Frozen("QUAD:1"), ReadOnly()], ids=repr)
def test_an_exception_that_cannot_be_changed_is_left_as_it_is(log: io.StringIO, exception: Exception) -> None:
    secrets.hide(SECRET)
    assert secrets.hide_in(exception) is exception
    assert "QUAD:1" in str(exception.args) + repr(exception)


def test_a_log_line_whose_arguments_do_not_fit_is_left_to_logging(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.hide("s3cret-token")
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("lab").warning("%d", "five")


def test_the_longest_secret_is_hidden_first_and_a_short_one_never(log: io.StringIO) -> None:
    for secret in ("abcd", "abcdefgh", "abc"):
        secrets.hide(secret)
    assert secrets.hidden_text("abcdefgh abcd abc") == "*** *** abc"
    assert str(TaskFailure("login", ValueError("abcdefgh"))) == "login: ValueError: ***"


AWKWARD = [
    "ab'c\\d\"efg",
    "p\\4ssword",
    "it's-quoted",
    "it's\x1bcoloured",
    'say-"it"',
    'say-"ключ"',
    "line-1\nline-2",
    "naïve-ключ",
    "ends-in-\\",
    "plain-token",
]


@pytest.mark.parametrize("secret", AWKWARD)
@pytest.mark.parametrize(
    "written",
    [
        str,
        repr,
        lambda secret: f'"it\'s" {secret}',
        lambda secret: repr(f'"it\'s" {secret}'),
        lambda secret: str(KeyError(secret)),
        lambda secret: str(KeyError(f"refused {secret!r}")),
        lambda secret: repr({"token": [secret]}),
        lambda secret: json.dumps({"token": secret}),
        lambda secret: json.dumps({"token": secret}, ensure_ascii=False),
        lambda secret: repr(json.dumps({"token": secret})),
        lambda secret: json.dumps({"sent": json.dumps({"token": secret})}),
    ],
    ids=range(11),
)
def test_a_secret_is_hidden_however_it_is_escaped(log: io.StringIO, secret: str, written: Callable[[str], str]) -> None:
    secrets.hide(secret)
    assert without_quotes(secrets.hidden_text(written(secret))) == without_quotes(written("***"))


def without_quotes(text: str) -> str:
    """A text without its quotes and backslashes, which depend on what has been hidden between them."""
    return re.sub(r"[\\'\"]", "", text)


def test_a_secret_that_a_key_error_tells_is_in_no_log_line(log: io.StringIO) -> None:
    secrets.hide({"login": [{"token": AWKWARD[0]}]})
    try:
        raise KeyError(AWKWARD[0])
    except KeyError as error:
        logging.getLogger("lab").exception("refused: %r", error)
    assert "refused: KeyError('***')" in log.getvalue()
    assert "efg" not in log.getvalue()
    assert str(TaskFailure("login", KeyError(AWKWARD[0]))) == "login: KeyError: '***'"


@pytest.mark.parametrize("secret", [b"\x00\xffkey'\"\\", b"\xfe\xfd'ab", b"s3cret-bytes", "naïve".encode()], ids=repr)
def test_bytes_are_hidden_as_base64_and_as_python_writes_them(log: io.StringIO, secret: bytes) -> None:
    secrets.hide({"key": base64.b64encode(secret).decode()})
    assert secrets.hidden_text(base64.b64encode(secret).decode()) == "***"
    assert secrets.hidden_text(str(secret)[2:-1]) == "***"
    assert secrets.hidden_text(str(KeyError(secret))[2:-1]) == "***"
    assert without_quotes(secrets.hidden_text(str(b"'\"" + secret))) == "b***"


def test_the_text_that_bytes_hold_is_hidden(log: io.StringIO) -> None:
    secrets.hide(base64.b64encode("naïve".encode()).decode())
    assert secrets.hidden_text("a naïve key") == "a *** key"


def test_what_says_nothing_of_a_secret_is_shown(log: io.StringIO) -> None:
    secrets.hide({"user": None, "is_admin": True, "keys": [False, "a'b", "AAA="]})
    told = "None True False user is_admin keys a\\'b \\x00\\x00 AAA"
    assert secrets.hidden_text(told) == told
