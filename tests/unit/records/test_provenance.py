"""A record says which source made it, where and when, as far as anybody knows."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import platform
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType

import attrs
import pytest

import lume_dsl
from lume_dsl.records import provenance
from lume_dsl.records.provenance import Provenance, Underway, flow_source, provenance_of, revision_of
from lume_dsl.values.encoding import decode, encode


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder, as somebody who has a name and no settings of their own."""
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "a")
    mails = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@b")
    environment = {**os.environ, **names, **mails, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, of one file."""
    (tmp_path / "flows.py").write_text("a = 1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_asked_before() -> None:
    revision_of.cache_clear()


def test_the_revision_is_the_commit_of_the_folder(repository: Path) -> None:
    git(repository, "tag", "-a", "v1", "-m", "one")  # which describe would tell in place of the commit
    (repository / "deeper").mkdir()
    head = git(repository, "rev-parse", "HEAD")
    assert len(head) == 40
    assert revision_of(str(repository)) == head
    assert revision_of(str(repository / "deeper")) == head


def test_a_revision_with_changes_says_so(repository: Path) -> None:
    (repository / "flows.py").write_text("a = 2\n")
    assert revision_of(str(repository)) == git(repository, "rev-parse", "HEAD") + "-dirty"


def test_where_there_is_no_repository_or_no_commit_or_no_folder_there_is_no_revision(tmp_path: Path) -> None:
    assert revision_of(str(tmp_path)) is None
    assert revision_of(str(tmp_path / "missing")) is None
    git(tmp_path, "init", "--quiet")
    revision_of.cache_clear()
    assert revision_of(str(tmp_path)) is None


def test_without_git_there_is_no_revision(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert revision_of(str(repository)) is None


def test_a_slow_git_is_not_waited_for(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = repository / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    slow.chmod(0o700)
    monkeypatch.setenv("PATH", str(slow.parent))
    monkeypatch.setattr(provenance, "GIT_SECONDS", 0.2)
    start = time.monotonic()
    assert revision_of(str(repository)) is None
    assert time.monotonic() - start < 3


def test_git_is_asked_once_a_process_and_folder(repository: Path) -> None:
    before = revision_of(str(repository))
    (repository / "flows.py").write_text("a = 3\n")
    assert revision_of(str(repository)) == before


def test_the_source_is_the_file_that_defines_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("told")
    monkeypatch.setitem(sys.modules, "told", module)
    flow = type("Told", (), {"__module__": "told"})
    assert flow_source(flow) == (None, None)  # as in a notebook
    module.__file__ = str(tmp_path / "told.py")
    assert flow_source(flow) == (module.__file__, None)  # it is gone
    (tmp_path / "told.py").write_bytes(b"x = 1\n")
    assert flow_source(flow) == (module.__file__, hashlib.sha256(b"x = 1\n").hexdigest())


def test_a_provenance_names_flow_source_versions_and_host() -> None:
    made = provenance_of(Underway, prefect="1.4.1", start_time=datetime(2024, 1, 2, tzinfo=timezone.utc))
    assert made.flow == "lume_dsl.records.provenance:Underway"
    assert made.source_sha256 == hashlib.sha256(Path(provenance.__file__).read_bytes()).hexdigest()
    assert (made.lume_dsl, made.python) == (lume_dsl.__version__, platform.python_version())
    assert (made.host, made.prefect) == (platform.node(), "1.4.1")
    assert made.end_time is None
    ended = made.ended()
    assert ended.end_time is not None
    assert abs(datetime.now(timezone.utc) - ended.end_time) < timedelta(seconds=5)
    assert attrs.evolve(ended, end_time=None) == made


def test_a_provenance_is_stored_as_an_object_and_comes_back() -> None:
    made = provenance_of(Underway, start_time=datetime(2024, 1, 2, tzinfo=timezone.utc)).ended()
    stored = encode(made.members())
    assert stored["python"] == platform.python_version()
    assert Provenance.of_members(decode(stored)) == made
    later = {**decode(stored), "container": "of a later version"}
    assert Provenance.of_members(later) == made
    assert Provenance.of_members({}) == Provenance()


def test_whoever_starts_a_run_does_not_wait_for_what_is_found_out() -> None:
    go_on = threading.Event()

    def find() -> Provenance:
        go_on.wait(10)
        return Provenance(host="a")

    underway = Underway(find)
    go_on.set()
    assert underway.result() == Provenance(host="a")


def test_what_is_underway_crosses_to_another_process_as_what_was_found() -> None:
    underway = Underway(lambda: Provenance(host="a"))
    for other in (pickle.loads(pickle.dumps(underway)), copy.deepcopy(underway)):
        assert other.result() == Provenance(host="a")
        assert pickle.loads(pickle.dumps(other)).result() == Provenance(host="a")


def test_what_a_thread_has_not_found_is_looked_for_again() -> None:
    """As in a process that was forked meanwhile, where the thread is gone."""
    underway = Underway(lambda: Provenance(host="a"))
    underway.result()
    underway._found = None
    assert underway.result() == Provenance(host="a")
