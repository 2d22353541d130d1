"""A secret that this process has seen is in no text and no log line."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from lume_dsl import secrets
from lume_dsl.errors import TaskFailure


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a logger of a name of its own has written."""
    monkeypatch.setattr(secrets, "_seen", set())
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("lab").addHandler(handler)
    yield stream
    logging.getLogger("lab").removeHandler(handler)


def test_a_secret_is_hidden_in_messages_arguments_and_tracebacks(log: io.StringIO) -> None:
    secrets.hide({"user": "operator", "token": ["s3cret-token"]}, "lab")
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


def test_a_log_line_whose_arguments_do_not_fit_is_left_to_logging(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.hide("s3cret-token", "lab")
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("lab").warning("%d", "five")


def test_the_longest_secret_is_hidden_first_and_a_short_one_never(log: io.StringIO) -> None:
    for secret in ("abcd", "abcdefgh", "abc"):
        secrets.hide(secret)
    assert secrets.hidden_text("abcdefgh abcd abc") == "*** *** abc"
    assert str(TaskFailure("login", ValueError("abcdefgh"))) == "login: ValueError: ***"
