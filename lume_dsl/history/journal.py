"""``Journal``: the folder of a run while it is underway, and after it failed; it must not know Prefect.

Below ``LUME_HOME`` there is a folder ``runs/<id>`` for each run that has begun and not succeeded. A run that is resumed
goes on in its folder: that is another attempt, which has a number. The files (docs/stored-form.md):

* ``lock``: locked as long as a process runs it, however that ends; in it the process and its machine. Those that look
  whether it is, or put its record into the store, share it.
* ``<attempt>.begin``: what was known when it began, and which tasks count as not run since.
* ``<attempt>.made``: what each task is made of. It is there soon, or when something is to be kept.
* ``<attempt>.<machine>.<process>.tasks``: JSON arrays: what task runs came to, with values.
* ``contents/<SHA-256>``: large contents of values.
* ``end``: the run's record, when it has ended; and an empty file ``filed`` when the store has it.

Each line of these files is a SHA-256, a blank, and the JSON that it is of.

Nothing waits for the disk: a process that is killed loses what it has not written, and a machine that loses its power
what the system has not. A line that is torn or altered does not count.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from lume_dsl.errors import RecordError, RunError
from lume_dsl.secrets import document_shows_secret, hidden_text
from lume_dsl.values.content import Content, pieces_of
from lume_dsl.values.encoding import decode

__all__ = ["Journal", "folder_of", "journals", "sweep"]

_NAMES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
"""What the id of a run may consist of where it is the name of a folder."""


FILING_SECONDS = 10.0
"""How long one waits for processes that file a run's record."""

_BEGIN = ("id", "flow_name", "flow", "parameters", "unrecorded", "start_time", "attempts", "dropped", "host", "process")
_MADE = ("tasks", "sources")
_END = ("id", "flow_name", "project_name", "state", "start_time", "attempts", "tasks")
"""Members that the files have at least."""


def folder_of(home: Path) -> Path:
    """Return where the folders of runs are."""
    return home / "runs"


def journals(home: Path) -> list[str]:
    """Return the ids of all runs that have a folder."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return [one.name for one in folder_of(home).iterdir() if (one / "1.begin").is_file()]
    return []


def sweep(home: Path) -> None:
    """What is left of folders whose removal was broken off is gone."""
    for path in folder_of(home).glob(".*"):
        shutil.rmtree(path, ignore_errors=True)


class Journal:
    """The folder of a run, as one attempt writes it.

    Attributes:
        home: The ``LUME_HOME`` that it is below.
        run_id: The run's id.
        attempt: The number of the attempt, from 1.
    """

    def __init__(self, home: Path, run_id: str, attempt: int = 0) -> None:
        """``attempt`` is 0 for whoever only reads."""
        if not run_id or run_id.startswith(".") or not _NAMES.issuperset(run_id):
            raise RunError(f"{run_id!r} is no id of a run: ids are letters, digits, '-', '_' and '.'")
        self.home = home
        self.run_id = run_id
        self.attempt = attempt
        self.folder = folder_of(home) / run_id
        self._lock: int | None = None

    @property
    def is_there(self) -> bool:
        """Whether the run has a folder."""
        return (self.folder / "1.begin").is_file()

    # beginning

    def begin(self, document: Mapping[str, Any]) -> None:
        """The run has a folder, and another attempt of it has begun, which this process holds.

        Raises:
            OSError: It cannot be written.
            RunError: A run of this id is underway.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock is None:
            self.hold()
        self.attempt = self.attempts + 1
        for name in ("end", "filed"):
            (self.folder / name).unlink(missing_ok=True)
        _write(self.folder / f"{self.attempt}.begin", [_line(document)])

    def hold(self) -> None:
        """This process, and no other, may go on with the run, until ``let_go`` or the process's end.

        Raises:
            RunError: Another one holds it; it is still going.
        """
        descriptor = self._open_lock()
        try:
            until = time.monotonic() + FILING_SECONDS
            while not _locked(descriptor, fcntl.LOCK_EX):
                if not _locked(descriptor, fcntl.LOCK_SH):
                    holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
                    raise RunError(f"the run {self.run_id} is still going: {holder or 'another process'} has it")
                if time.monotonic() > until:
                    raise RunError(f"another process has been storing the record of the run {self.run_id} for long")
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                time.sleep(0.02)
            if not self._is_lock(descriptor):
                raise RunError(f"the run {self.run_id} has just succeeded or been cleared by another process")
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._has(descriptor)

    def keep_still(self) -> None:
        """No process may go on with the run until ``let_go`` or this process's end. Several may see to that.

        Raises:
            RunError: It is still going.
        """
        descriptor = self._open_lock()
        if not _locked(descriptor, fcntl.LOCK_SH):
            os.close(descriptor)
            raise RunError(f"the run {self.run_id} is still going")
        self._has(descriptor)

    def _open_lock(self) -> int:
        try:
            return os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            raise RunError(f"the run {self.run_id} has just succeeded or been cleared by another process") from None

    def _is_lock(self, descriptor: int) -> bool:
        """Whether what was opened is still the run's lock, and not that of a folder that is gone."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), os.stat(self.folder / "lock"))
        return False

    def _has(self, descriptor: int) -> None:
        self._lock = descriptor
        _held.add(self)

    def let_go(self) -> None:
        """Others may go on with the run."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None
        _held.discard(self)

    @property
    def is_held(self) -> bool:
        """Whether some process is running it."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR)
        except OSError:
            return False
        try:
            return not _locked(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    # writing

    def write_made(self, document: Mapping[str, Any]) -> None:
        """What the tasks of this attempt are made of is known.

        Raises:
            OSError: It cannot be written.
        """
        _write(self.folder / f"{self.attempt}.made", [_line(document)])

    def write_tasks(self, events: list[dict[str, Any]]) -> None:
        """What has become of some task runs is in this process's file.

        Raises:
            OSError: It cannot be written.
        """
        if document_shows_secret(events):
            events = list(map(_without_secrets, events))
        name = f"{self.attempt}.{platform.node()}.{os.getpid()}.tasks"
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _write_all(descriptor, _line(events))
        finally:
            os.close(descriptor)

    def write_content(self, content: Content) -> None:
        """A large content of a value is there, whole.

        Raises:
            OSError: It cannot be written.
        """
        path = self.folder / "contents" / content.sha256
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _write(path, content.pieces())

    def write_end(self, document: Mapping[str, Any]) -> None:
        """The run's record is in its folder.

        Raises:
            OSError: It cannot be written.
        """
        _write(self.folder / "end", [_line(document)])

    @property
    def is_filed(self) -> bool:
        """Whether the store has the run's record."""
        return (self.folder / "filed").exists()

    def note_filed(self) -> None:
        """The store has the run's record.

        Raises:
            OSError: It cannot be written.
        """
        (self.folder / "filed").touch(0o600)

    # reading

    def begun(self) -> dict[int, dict[str, Any]]:
        """Return what was known at the begin of each attempt, by their numbers.

        Raises:
            RunError: That of one cannot be read.
        """
        return {number: self._read(f"{number}.begin", _BEGIN) for number in range(1, max(1, self.attempts) + 1)}

    def made(self, attempt: int) -> dict[str, Any]:
        """Return what the tasks of an attempt were made of; nothing where it did not come so far.

        Raises:
            RunError: It cannot be read.
        """
        return self._read(f"{attempt}.made", _MADE) if (self.folder / f"{attempt}.made").exists() else {}

    def end(self) -> dict[str, Any] | None:
        """Return the run's record, None where the run has not ended, or was killed.

        Raises:
            RunError: It cannot be read.
        """
        return self._read("end", _END) if (self.folder / "end").exists() else None

    def tasks(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield what has become of task runs, with the attempt, in the order of attempts. Torn lines do not count."""
        for number in range(1, self.attempts + 1):
            for path in sorted(self.folder.glob(f"{number}.*.tasks")):
                for line in path.read_bytes().split(b"\n"):
                    with suppress(ValueError):
                        yield from ((number, event) for event in _of_line(line))

    def value(self, stored: Any) -> Any:
        """Return the value of a stored form that one of ``tasks`` has.

        Raises:
            RecordError: It cannot be had: its class is gone, or a large content of it is or was altered.
        """
        return decode(stored, read=self._content)

    def _content(self, name: str) -> Iterable[bytes]:
        try:
            yield from pieces_of(self.folder / "contents" / name)
        except OSError as error:
            raise RecordError(f"its content {name} cannot be read: {error.strerror}") from error

    @property
    def attempts(self) -> int:
        """How many attempts have begun."""
        return sum(1 for _ in self.folder.glob("*.begin"))

    def _read(self, name: str, members: Collection[str]) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = _of_line(path.read_bytes().rstrip(b"\n"))
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from error
        if not isinstance(found, dict) or not found.keys() >= set(members):
            raise RunError(f"{path} cannot be read: it is no JSON object, or has not all of {', '.join(members)}")
        return found

    # the end

    def drop_values(self) -> None:
        """Nothing is kept to go on with but the record."""
        for path in self.folder.iterdir():
            if path.suffix in (".made", ".tasks"):
                path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "contents", ignore_errors=True)

    def remove(self) -> None:
        """The folder is gone, at once: whoever is killed meanwhile leaves one that is no run's (``sweep``)."""
        gone = self.folder.with_name(f".{self.run_id}.{os.urandom(4).hex()}")
        with suppress(OSError):  # a few files, most of the time, and shutil takes three times as long
            os.rename(self.folder, gone)
            for name in os.listdir(gone):
                os.unlink(gone / name)
            os.rmdir(gone)
            return
        shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _without_secrets(event: dict[str, Any]) -> dict[str, Any]:
    """An event whose value, if there is a secret in it, is not kept."""
    shows = document_shows_secret(event.get("value"))
    kept = {name: member for name, member in event.items() if name != "value" or not shows}
    if len(kept) < len(event):
        kept["unkept"] = "it holds the text of a secret"
    return {name: hidden_text(member) if name in ("message", "unkept") else member for name, member in kept.items()}


def _line(document: Any) -> bytes:
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return f"{hashlib.sha256(data).hexdigest()} ".encode() + data + b"\n"


def _of_line(line: bytes) -> Any:
    """Raises: ValueError, where the line was cut off or altered."""
    digest, _, data = line.partition(b" ")
    if hashlib.sha256(data).hexdigest().encode() != digest:
        raise ValueError("it was cut off or altered (other SHA-256)")
    return json.loads(data)


_held: WeakSet[Journal] = WeakSet()
"""The journals that this process holds. A process that is forked off does not, and may live longer."""


def _hold_nothing() -> None:
    for journal in tuple(_held):
        journal.let_go()


os.register_at_fork(after_in_child=_hold_nothing)


def _locked(descriptor: int, how: int) -> bool:
    """Whether this process has a file's lock from now on, which goes with no other's."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """The file holds these bytes, whole, whoever looks."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            for piece in pieces:
                _write_all(descriptor, piece)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
