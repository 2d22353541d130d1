"""``Provenance``: which flow, of which source and revision, made a record, where and when; it must not know Prefect.

No user, no environment and no settings are in it.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs

from lume_dsl._version import __version__

__all__ = ["FILE", "Provenance", "Underway", "flow_path", "flow_source", "provenance_of", "revision_of"]

FILE = "__lume_file__"
"""The attribute of a flow class that was composed of a YAML file, which has the path of that."""

GIT_SECONDS = 2.0
"""How long git may take. A repository that is larger than that has no revision in its records."""


@attrs.frozen(kw_only=True)
class Provenance:
    """Where a record comes from. Every member may be unknown, and is None then.

    Attributes:
        flow: The flow's class: ``"module:QualName"``.
        source_sha256: SHA-256, in hexadecimal, of the file that defines it.
        revision: The commit that git has of that file's folder: 40 hexadecimal digits, with ``-dirty`` where
            tracked files have changed since.
        lume_dsl: The version of this package.
        python: The version of Python.
        prefect: The version of Prefect.
        host: The name of the machine that the run was started on.
        start_time: When the flow run began (UTC).
        end_time: When the record was made (UTC).
    """

    flow: str | None = None
    source_sha256: str | None = None
    revision: str | None = None
    lume_dsl: str | None = None
    python: str | None = None
    prefect: str | None = None
    host: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None

    @classmethod
    def here(cls, **known: Any) -> Provenance:
        """Return what this process knows by itself, and what is given."""
        import platform  # with subprocess 6 ms, which a definition does not wait for

        own = {"lume_dsl": __version__, "python": platform.python_version(), "host": platform.node() or None}
        return cls(**{**own, **known})

    def members(self) -> dict[str, Any]:
        """Return its members by name."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(Provenance)}

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Provenance:
        """Return that of a document. Members that a later version has added are left out."""
        known = [field.name for field in attrs.fields(cls)]
        return cls(**{name: members[name] for name in known if name in members})

    def ended(self) -> Provenance:
        """Return the same with a record's end time: now."""
        return attrs.evolve(self, end_time=datetime.now(timezone.utc))


class Underway:
    """A provenance that a thread finds out. It pickles as what was found, so it may cross to any process.

    The run does not wait for git: whoever needs the revision does, if it is still not known then.
    """

    def __init__(self, find: Callable[[], Provenance]) -> None:
        self._found: Provenance | None = None
        self._find = find
        # A daemon: a process that ends does not wait for git either.
        self._thread = threading.Thread(target=self._run, name="lume-provenance", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._found = self._find()

    def result(self) -> Provenance:
        """Return it, as soon as it is known."""
        # After a fork the thread is gone, and may have left nothing.
        self._thread.join(GIT_SECONDS + 1)
        found = self._found
        return found if found is not None else self._find()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Known, (self.result(),)


@attrs.frozen
class _Known:
    """An ``Underway`` that has arrived."""

    provenance: Provenance

    def result(self) -> Provenance:
        return self.provenance


def provenance_of(flow_class: type, **known: Any) -> Provenance:
    """Return the provenance of a run of this flow, which begins now. Git is asked once a process and folder."""
    file, digest = flow_source(flow_class)
    return Provenance.here(
        flow=flow_path(flow_class),
        source_sha256=digest,
        revision=revision_of(str(Path(file).parent)) if file else None,
        **known,
    )


def flow_path(flow_class: type) -> str:
    """Return where a flow class is found: ``"module:QualName"``."""
    return f"{flow_class.__module__}:{flow_class.__qualname__}"


def flow_source(flow_class: type) -> tuple[str | None, str | None]:
    """Return the file that defines a class, with its SHA-256; nothing for one of a notebook or of a text."""
    file = vars(flow_class).get(FILE) or getattr(sys.modules.get(flow_class.__module__), "__file__", None)
    if not file or not file.endswith((".py", ".yaml", ".yml")):
        return None, None
    try:
        return file, _sha256(str(Path(file).resolve()))
    except OSError:  # the file is gone since
        return file, None


@lru_cache(maxsize=256)
def _sha256(file: str) -> str:
    """As the file was when it was first asked for: that is nearest to what was imported from it."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


@lru_cache(maxsize=256)
def revision_of(folder: str) -> str | None:
    """Return the revision that git has of a folder; None without git, outside of a repository, or when it is slow."""
    # The pattern matches no tag, so that the commit itself is told. Locks are for those who change something.
    describe = ["describe", "--always", "--dirty", "--abbrev=40", "--match=NeVeRmAtCh"]
    import subprocess

    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", folder, *describe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
