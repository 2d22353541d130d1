"""Settings come from the environment, whole and checked, and no password leaves them."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote

import attrs
import cloudpickle  # type: ignore[import-untyped]
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri

from lume_dsl.errors import SettingsError
from lume_dsl.settings import (
    MountedFilesystem,
    PrefectServer,
    ResultsDB,
    Setting,
    Settings,
    current_settings,
    mask_url,
    secrets_in,
    use,
)
from lume_dsl.settings.jobs import JobSettings, job_settings, secret_variables

DB = "LUME_RESULTS_DB__"
MOUNT = "LUME_MOUNTED_FILESYSTEM__"


def settings(**variables: str) -> Settings:
    """The settings of an environment of these variables, given without their prefix LUME_."""
    return Settings.from_environment({f"LUME_{name}": value for name, value in variables.items()})


def errors(environ: dict[str, str]) -> str:
    """The message with which an environment is refused."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    return str(caught.value)


def test_with_nothing_set_records_are_in_sqlite_under_the_home_folder() -> None:
    found = settings()
    assert found.home == Path.home() / ".lume"
    assert found.results_db.url == f"sqlite:///{Path.home()}/.lume/results.db"
    assert found.directory == Path.cwd()
    assert (found.backend, found.mounted_filesystem, found.prefect) == ("local", None, PrefectServer())


def test_with_nothing_set_the_library_of_settings_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typed_settings", None)  # an import of it fails
    assert settings(HOME="") == Settings.from_environment({})


def test_home_is_expanded_and_made_absolute() -> None:
    assert settings(HOME="~/there").home == Path.home() / "there"
    assert settings(HOME="there").home == Path.cwd() / "there"


def test_every_variable_of_lume_services_is_understood() -> None:
    found = settings(
        BACKEND="docker",
        RESULTS_DB__HOST="db",
        RESULTS_DB__PORT="27018",
        RESULTS_DB__USERNAME="me",
        RESULTS_DB__PASSWORD="pw",
        RESULTS_DB__DATABASE="runs",
        RESULTS_DB__AUTHMECHANISM="SCRAM-SHA-256",
        RESULTS_DB__OPTIONS='{"tls": true, "appName": "a b"}',
        MOUNTED_FILESYSTEM__IDENTIFIER="shared",
        MOUNTED_FILESYSTEM__MOUNT_PATH="/data/lume",
        MOUNTED_FILESYSTEM__MOUNT_ALIAS="/mnt/lume",
        MOUNTED_FILESYSTEM__MOUNT_TYPE="Directory",
        PREFECT__SERVER__HOST="http://prefect",
        PREFECT__SERVER__HOST_PORT="4201",
    )
    assert found.backend == "docker"
    assert found.prefect == PrefectServer("http://prefect", 4201)
    assert found.mounted_filesystem == MountedFilesystem(
        identifier="shared", mount_path="/data/lume", mount_alias="/mnt/lume", mount_type="Directory"
    )
    parsed = parse_uri(found.results_db.url)
    assert parsed["nodelist"] == [("db", 27018)]
    assert (parsed["username"], parsed["password"], parsed["database"]) == ("me", "pw", "runs")
    options = {name.lower(): value for name, value in parsed["options"].items()}
    assert (options["authmechanism"], options["authsource"]) == ("SCRAM-SHA-256", "admin")
    assert (options["tls"], options["appname"]) == (True, "a b")


def test_a_mongodb_needs_neither_user_nor_password() -> None:
    assert settings(RESULTS_DB__HOST="db").results_db.url == "mongodb://db:27017/lume"
    without_password = settings(RESULTS_DB__HOST="::1", RESULTS_DB__USERNAME="me").results_db.url
    assert without_password == "mongodb://me@[::1]:27017/lume?authSource=admin"


def test_the_place_of_users_is_left_to_the_options_and_to_other_mechanisms() -> None:
    user = {"RESULTS_DB__HOST": "db", "RESULTS_DB__USERNAME": "me"}
    given_source = settings(**user, RESULTS_DB__OPTIONS='{"authsource": "runs"}').results_db.url
    assert given_source.endswith("/lume?authsource=runs")
    assert settings(**user, RESULTS_DB__AUTHMECHANISM="MONGODB-X509").results_db.url.endswith("=MONGODB-X509")


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_user_and_password_reach_the_driver_as_they_are(user: str, password: str) -> None:
    url = settings(RESULTS_DB__HOST="db", RESULTS_DB__USERNAME=user, RESULTS_DB__PASSWORD=password).results_db.url
    parsed = parse_uri(url)
    assert (parsed["username"], parsed["password"]) == (user, password)
    assert unquote(mask_url(url)) == f"mongodb://{user}:***@db:27017/lume?authSource=admin"


def test_a_url_wins_over_the_parts() -> None:
    assert settings(RESULTS_DB__URL="mongodb://a/b", RESULTS_DB__HOST="c").results_db.url == "mongodb://a/b"


def test_a_relative_sqlite_file_is_one_file_for_all_processes() -> None:
    assert settings(RESULTS_DB__URL="sqlite:///a.db").results_db.url == f"sqlite:///{Path.cwd()}/a.db"
    assert settings(RESULTS_DB__URL="sqlite:////x/a.db?timeout=9").results_db.url == "sqlite:////x/a.db?timeout=9"


def test_an_alias_is_the_path_unless_it_is_given() -> None:
    mounted = settings(MOUNTED_FILESYSTEM__MOUNT_PATH="/data").mounted_filesystem
    assert mounted == MountedFilesystem(mount_path="/data", mount_alias="/data")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings(BACKEND="", RESULTS_DB__HOST="", RESULTS_DB__PASSWORD="") == settings()


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("LUME_BACKEND", "dcoker", "found 'dcoker', expected one of local, docker, kubernetes; did you mean 'docker'"),
        ("LUME_PREFECT__SERVER__HOST_PORT", "abc", "found 'abc', expected a port, 1 to 65535"),
        (f"{DB}URL", "mongo://h", "found the scheme 'mongo', expected one of mongodb://, "),
        (f"{DB}URL", "localhost", "found a value that begins with no scheme, expected one of mongodb://, "),
        (f"{DB}URL", "sqlite://", "records in memory are seen by no other process"),
        (f"{DB}URL", "sqlite:///:memory:", "records in memory are seen by no other process"),
        (f"{MOUNT}MOUNT_PATH", "data", "found 'data', expected an absolute path"),
    ],
)
def test_a_wrong_value_names_variable_found_and_expected(variable: str, value: str, expected: str) -> None:
    message = errors({variable: value})
    assert message.startswith(f"{variable}: ")
    assert expected in message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "0", "found '0', expected a port, 1 to 65535"),
        ("PORT", "65536", "found '65536', expected a port"),
        ("PORT", "²", "found '²', expected a port"),
        ("HOST", "mongodb://x", f"expected a host name; a whole URL goes into {DB}URL"),
        ("AUTHMECHANISM", "SCRAM", "found 'SCRAM', expected one of DEFAULT, "),
        ("OPTIONS", "tls=true", "found a value (not shown), expected a JSON object"),
        ("OPTIONS", "[1]", "expected a JSON object"),
        ("OPTIONS", '{"a": {}}', "expected a JSON object of texts, numbers and booleans"),
    ],
)
def test_a_wrong_part_of_the_mongodb_address_is_named(name: str, value: str, expected: str) -> None:
    message = errors({f"{DB}HOST": "db", f"{DB}{name}": value})
    assert message.startswith(f"{DB}{name}: ")
    assert expected in message


def test_all_that_is_wrong_is_in_one_error() -> None:
    message = errors({"LUME_BACKEND": "x", f"{DB}HOST": "h", f"{DB}PORT": "x", f"{MOUNT}MOUNT_TYPE": "File"})
    assert sorted(line.split(":")[0] for line in message.splitlines()) == [
        "LUME_BACKEND",
        f"{MOUNT}MOUNT_PATH",
        f"{MOUNT}MOUNT_TYPE",
        f"{DB}PORT",
    ]


def test_parts_of_an_address_without_a_host_are_not_silently_ignored() -> None:
    assert f"{DB}HOST: not set, though it is needed with {DB}PORT" in errors({f"{DB}PORT": "27017"})
    assert f"{DB}USERNAME: not set" in errors({f"{DB}HOST": "db", f"{DB}PASSWORD": "pw"})


def test_one_wrong_path_is_one_problem() -> None:
    """The alias is the path unless it is set, and is not to blame for it."""
    message = errors({f"{MOUNT}MOUNT_PATH": "data"})
    assert message == f"{MOUNT}MOUNT_PATH: found 'data', expected an absolute path"
    both = errors({f"{MOUNT}MOUNT_PATH": "data", f"{MOUNT}MOUNT_ALIAS": "alias"})
    assert both.splitlines()[1:] == [f"{MOUNT}MOUNT_ALIAS: found 'alias', expected an absolute path"]
    assert len(both.splitlines()) == 2


def test_the_local_filesystem_keeps_its_name() -> None:
    assert "expected another name" in errors({f"{MOUNT}MOUNT_PATH": "/data", f"{MOUNT}IDENTIFIER": "local"})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("LUME_RESULTS_DB_URL", f"{DB}URL"),
        ("lume_results_db__url", f"{DB}URL"),
        ("LUME_RESULTSDB__URL", f"{DB}URL"),
        ("LUME_RESULTS_DB__USER", f"{DB}USERNAME"),
        ("LUME_RESULT_DB__HOST", f"{DB}HOST"),
        ("LUME_RESULTS_DB__PASSWROD", f"{DB}PASSWORD"),
        ("LUME_MOUNTED_FILESYSTEM__MOUNT_PATHS", f"{MOUNT}MOUNT_PATH"),
        ("LUME_BACKENDS", "LUME_BACKEND"),
        ("LUME_CONFIGS", "LUME_CONFIG"),
    ],
)
def test_a_misspelt_variable_is_an_error_that_names_the_right_one(misspelt: str, meant: str) -> None:
    assert errors({misspelt: "secret"}) == f"{misspelt}: no such variable; did you mean {meant}?"


@pytest.mark.parametrize(
    "name",
    [
        "LUME_MODEL_DB__HOST",
        "LUME_MODEL_DB__USER",
        "LUME_MODEL_DB__PASSWORD",
        "LUME_PREFECT__SERVER__HOST_IP",
        "LUME_PREFECT__SERVER__TAG",
        "LUME_PREFECT__UI__HOST_PORT",
        "LUME_PREFECT__HASURA__HOST_PORT",
        "LUME_PREFECT__GRAPHQL__HOST",
        "LUME_PREFECT__POSTGRES__DATA_PATH",
        "LUME_PREFECT__AGENT__HOST",
        "LUME_PREFECT__HOME_DIR",
        "LUME_ENVIRONMENT__URL",
        "LUMEN_HOME",
    ],
)
def test_variables_of_others_are_left_alone(name: str) -> None:
    assert Settings.from_environment({name: "x"}) == settings()


# -- the TOML file ------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "lume.toml"


def test_the_environment_wins_over_the_file_that_it_names(config: Path) -> None:
    config.write_text(
        'backend = "docker"\n[results_db]\nhost = "db"\nport = 27018\noptions = {tls = true}\n'
        "[prefect.server]\nhost_port = 4201\n"
    )
    found = settings(CONFIG=str(config), RESULTS_DB__HOST="other")
    assert found.results_db.url == "mongodb://other:27018/lume?tls=true"
    assert (found.backend, found.prefect.host_port) == ("docker", 4201)


def test_a_wrong_value_in_the_file_names_the_file(config: Path) -> None:
    config.write_text("[results_db]\nhost = 'db'\nport = true\ndatabase = 5\n")
    message = errors({"LUME_CONFIG": str(config)})
    assert f"{DB}PORT (results_db.port in {config}): found True, expected a port" in message
    assert f"{DB}DATABASE (results_db.database in {config}): found 5, expected text" in message


@pytest.mark.parametrize("content", [b"results_db = [", b"a = '\xff'", None])
def test_a_file_that_cannot_be_read_is_an_error_with_all_others(config: Path, content: bytes | None) -> None:
    if content is not None:
        config.write_bytes(content)
    environ = {
        "LUME_CONFIG": str(config),
        "LUME_BACKEND": "x",
        f"{DB}PASSWORD": "pw",
        f"{MOUNT}MOUNT_TYPE": "Directory",
    }
    first, second = errors(environ).split("\n")  # the file may say which host, user and mount path
    assert first.startswith(f"LUME_CONFIG: cannot use {config}: ")
    assert second.startswith("LUME_BACKEND: ")


def test_an_option_that_there_is_not_is_an_error_and_the_rest_of_the_file_is_checked(config: Path) -> None:
    config.write_text("prefect = 1\n[results_db]\nhots = 'db'\nhost = 'db'\nport = true\n")
    message = errors({"LUME_CONFIG": str(config)})
    assert f"LUME_CONFIG: results_db.hots in {config} is no option; did you mean 'results_db.host'?" in message
    assert f"LUME_CONFIG: prefect in {config} is a table: write [prefect]" in message
    assert f"{DB}PORT (results_db.port in {config}): found True" in message


def test_no_line_is_logged_about_the_file(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert errors({"LUME_CONFIG": str(config)})
    assert caplog.records == []


# -- where they are from ------------------------------------------------------------------------------------


def explained(environ: dict[str, str]) -> dict[str, Setting]:
    return {row.variable: row for row in Settings.explained(environ).rows}


def test_every_setting_says_where_it_is_from(config: Path) -> None:
    config.write_text("backend = 'docker'\n[results_db]\nhost = 'db'\nport = 27018\n")
    found = explained({"LUME_CONFIG": str(config), f"{DB}HOST": "other", f"{MOUNT}MOUNT_PATH": "/data"})
    sources = {row.variable: (row.value, row.source) for row in found.values()}
    assert sources == {
        "LUME_CONFIG": (str(config), "environment variable"),
        "LUME_BACKEND": ("docker", str(config)),
        "LUME_HOME": (str(Path.home() / ".lume"), "default"),
        f"{DB}URL": ("mongodb://other:27018/lume", f"{DB}HOST and its like"),
        f"{DB}HOST": ("other", "environment variable"),
        f"{DB}PORT": ("27018", str(config)),
        f"{DB}USERNAME": ("", "not set"),
        f"{DB}PASSWORD": ("", "not set"),
        f"{DB}DATABASE": ("lume", "default"),
        f"{DB}AUTHMECHANISM": ("", "not set"),
        f"{DB}OPTIONS": ("", "not set"),
        f"{MOUNT}IDENTIFIER": ("mounted", "default"),
        f"{MOUNT}MOUNT_PATH": ("/data", "environment variable"),
        f"{MOUNT}MOUNT_ALIAS": ("/data", "default"),
        f"{MOUNT}MOUNT_TYPE": ("DirectoryOrCreate", "default"),
        "LUME_PREFECT__SERVER__HOST": ("", "not set"),
        "LUME_PREFECT__SERVER__HOST_PORT": ("", "not set"),
        "LUME_FILESYSTEMS__NAME": ("", "not set"),
    }


def test_the_explained_settings_are_those_that_the_environment_gives(config: Path) -> None:
    config.write_text("[filesystems]\nlab = 'memory://lab'\n")
    environ = {"LUME_CONFIG": str(config), f"{DB}URL": "sqlite:///a.db", "LUME_FILESYSTEMS__B": "memory://b"}
    assert Settings.explained(environ).settings == Settings.from_environment(environ)
    found = explained(environ)
    assert found[f"{DB}URL"].value == f"sqlite:///{Path.cwd()}/a.db"
    assert found["LUME_FILESYSTEMS__LAB"] == Setting("LUME_FILESYSTEMS__LAB", "memory://lab", str(config))
    assert found["LUME_FILESYSTEMS__B"].source == "environment variable"


def test_parts_that_a_url_overrides_say_so() -> None:
    found = explained({f"{DB}URL": "mongodb://a/b", f"{DB}HOST": "c"})
    assert found[f"{DB}HOST"].note == f"{DB}URL is used instead"


def test_wrong_settings_are_explained_with_all_that_is_wrong() -> None:
    environ = {
        "LUME_BACKEND": "x",
        f"{DB}HOST": "h",
        f"{DB}PORT": "y",
        "LUME_BACKENDS": "z",
        "LUME_MODEL_DB__HOST": "h",
    }
    found = Settings.explained(environ)
    assert found.settings is None
    assert "\n".join(found.problems) == errors(environ)
    assert [row.variable for row in found.rows if row.note == "wrong"] == ["LUME_BACKEND", f"{DB}PORT"]
    assert found.unknown == ("LUME_MODEL_DB__HOST",)


def test_the_misspelt_group_of_filesystems_is_an_error() -> None:
    assert "did you mean LUME_FILESYSTEMS__A?" in errors({"LUME_FILESYSTEM__A": "s3://b"})


@pytest.mark.parametrize("wrong", [{}, {"LUME_BACKEND": "x"}], ids=["right", "wrong"])
@pytest.mark.parametrize(
    "secrets",
    [
        {f"{DB}HOST": "h", f"{DB}USERNAME": "u", f"{DB}PASSWORD": "s3cret"},
        {f"{DB}HOST": "u:s3cret@h"},
        {f"{DB}HOST": "h", f"{DB}OPTIONS": '{"authMechanismProperties": "AWS_SESSION_TOKEN:s3cret"}'},
        {f"{DB}HOST": "h", f"{DB}OPTIONS": "s3cret"},
        {f"{DB}HOST": "h", f"{DB}OPTIONS": '{"tlsCertificateKeyFilePassword": "s3cret"}'},
        {f"{DB}URL": "postgresql://u:s3cret@h/x?password=s3cret"},
        {f"{DB}URL": "u:s3cret@h"},
        {"LUME_FILESYSTEMS__A": "sftp://u:s3cret@h/x", "LUME_FILESYSTEMS__A__OPTIONS": '{"what": "s3cret"}'},
        {"LUME_FILESYSTEMS": '{"a": {"url": "s3://b", "options": {"key": "s3cret"}}}'},
        {"LUME_FILESYSTEMS__A": "https://a.blob.core.windows.net/c?sv=2024&sig=s3cret"},
        {"LUME_FILESYSTEMS__A": "s3://bucket/x?access_key=s3cret"},
        {f"{DB}URL": "mongodb://db/?x=1&tlsCertificateKeyFilePassword=s3cret"},
        {f"{DB}URL": "sqlite:///:memory:?key=s3cret"},
        {f"{DB}HOST": "h", f"{DB}OPTIONS": '{"sig": "s3cret"}'},
        {f"{DB}HOST": "h", f"{DB}OPTIONS": '{"connection_string": "s3cret"}'},
        {"LUME_PREFECT__SERVER__HOST": "http://u:s3cret@h"},
        {"LUME_MODEL_DB__PASSWORD": "s3cret", "LUME_RESULTS_DB__PASSWROD": "s3cret"},
    ],
)
def test_no_explanation_shows_a_secret(secrets: dict[str, str], wrong: dict[str, str]) -> None:
    found = Settings.explained({**secrets, **wrong})
    assert "s3cret" not in repr(attrs.evolve(found, settings=None))
    assert "s3cret" not in repr(found.settings)


# -- secrets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://me:s3cret@db/lume",
        "mongodb://me:s3cret/@:@db:1/lume?x=1",
        "mongodb://m@e:s3cret@db",
        "mongodb://m/e:s3cret@db",
        "mongodb://:s3cret@db",
        "postgresql+psycopg://me:s3cret@db/x",
        "postgresql://db/x?user=me&password=s3cret&sslmode=require",
        "postgresql://db/x?options=-c%20lab.key%3Ds3cret",
        "mysql://db/x?init_command=SET+@pw='s3cret'",
        "mongodb://db/?tlsCertificateKeyFilePassword=s3cret",
        "mongodb://db/?authMechanismProperties=AWS_SESSION_TOKEN:s3cret",
        "nonsense://me:s3cret@",
        "s3://me:s3cret\n@x",
        "https://acct.blob.core.windows.net/c?sv=2024-11-04&sp=r&sig=s3cret",
        "s3://bucket/x?access_key=s3cret&secret_key=s3cret",
        "s3://bucket/x?X-Amz-Credential=s3cret%2F&X-Amz-Signature=s3cret&X-Amz-Security-Token=s3cret",
        "gs://bucket?Key=s3cret",
        "abfs://c@a/x?sas_token=s3cret#token=s3cret",
        "https://h/x?a=1;AccountKey=s3cret",
        "https://h/x?authorization=Bearer s3cret",
        "mysql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cret",
        "mssql+pyodbc:///?odbc_connect=DRIVER=x;PWD={a;s3cret};UID=me",
        "postgresql://db/x?dsn=host%3Dh%20password%3Ds3cret",
        "postgresql://db/x?dsn=password=s3cret",
        "postgresql://db/x?pass%77ord=s3cret",
        "postgresql://db/x?pass%2577ord=s3cret",
        "postgresql://db/x?pw=s3cret&dbpass=s3cret&pass=s3cret&pin=s3cret",
        "postgresql://me%3As3cret@db/x",
        "postgresql://me%3as3cret@x@db:5432/x",
        "https://s3cret@h/p",
        "git+https://s3cret@h/p",
        "https://s3cret:x-oauth-basic@h/p",
        "simplecache::https://s3cret:@h/p",
        "https://h/p?code=s3cret",
        "https://h/p?to%6ben=s3cret",
        "https://h/p?next=https%3A%2F%2Fs3cret%40h",
        "Authorization: Basic s3cret",
        '{"Authorization": "Bearer s3cret"}',
        "Bearer s3cret0123456789==",
        "psql 'host=h password = s3cret'",
        "fit --db-password=s3cret --size 3",
        '{"user": "me", "password": "s3cret"}',
    ],
)
def test_no_password_of_a_url_is_shown(url: str) -> None:
    assert "s3cret" not in mask_url(url)
    assert "s3cret" not in repr(Settings(home=Path(), results_db=ResultsDB(url), directory=Path()))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////a/b.db",
        "mongodb://db:27017/lume",
        "mongodb://me@db:27017/lume?authSource=admin&authMechanism=PLAIN&connectTimeoutMS=9&directConnection=true",
        "mongodb://db/?tls=true&tlsCertificateKeyFile=/etc/lab.pem",
        "postgresql://db/x?sslmode=require&connect_timeout=3",
        "postgresql://ada@db/x?passfile=/lab/pgpass",
        "git+ssh://git@github.com/lab/flows",
        "https://medium.com/@ada",
        "https://h/p?country_code=ch&spin=2",
        "fit --password=$LAB_PASSWORD --password=$(LAB_PASSWORD) --tokens=5 --secret-file=/a",
    ],
)
def test_a_url_without_password_is_shown_as_it_is(url: str) -> None:
    assert mask_url(url) == url


SHAPES = (
    "postgresql://me:{}@db/x",
    "postgresql://me%3A{}@db/x",
    "mysql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{}",
    "postgresql://db/x?sslmode=require&dsn=host%3Dh%20password%3D{}",
    "postgresql://db/x?pass%77ord={}&connect_timeout=3",
    "postgresql://db/x?pw={}",
    "https://{}@h/p",
    "https://h/p?code={}",
    "https://h/p?to%6ben={}",
)
"""Places for a secret in a URL, where it is escaped."""


@given(st.text(), st.sampled_from(SHAPES))
def test_no_secret_of_a_url_is_shown_or_given_to_a_job_wherever_it_stands(text: str, shape: str) -> None:
    url = shape.format(f"s3cret{quote(text, safe='')}w0rd")
    variable = "FILESYSTEMS__ARCHIVE" if url.startswith("https") else "RESULTS_DB__URL"
    (row,) = [row for row in explained({f"LUME_{variable}": url}).values() if row.variable == f"LUME_{variable}"]
    given = job(**{variable: url})
    assert given.secrets
    for shown in (mask_url(url), row.value, *given.variables.values()):
        assert "s3cret" not in shown
        assert "w0rd" not in shown
    assert mask_url(mask_url(url)) == mask_url(url)


@pytest.mark.parametrize("url", ["me:s3cret@x://h", "me:s3cret@h", "mongo://me:s3cret@h", "sqlite://u:s3cret@h"])
def test_no_error_shows_a_password(url: str) -> None:
    environ = {f"{DB}URL": url, f"{DB}PASSWORD": "s3cret", f"{DB}OPTIONS": "s3cret", "LUME_BACKEND": "x"}
    assert "me:s3cret" not in errors(environ)
    environ = {f"{DB}HOST": "h", f"{DB}PASSWORD": "s3cret", f"{DB}OPTIONS": "s3cret", f"{DB}PASSWROD": "s3cret"}
    assert "s3cret" not in errors(environ)


def test_a_password_that_is_no_text_is_not_shown(config: Path) -> None:
    config.write_text('[results_db]\nhost = "h"\nusername = "u"\npassword = 123456\n')
    message = errors({"LUME_CONFIG": str(config)})
    assert "LUME_RESULTS_DB__PASSWORD" in message
    assert "123456" not in message


def test_the_secrets_of_a_url_are_those_that_are_hidden_in_it() -> None:
    url = "mongodb://db/?tls=true&tlsCertificateKeyFilePassword=s3%40cret&tlsCertificateKeyFile=a.pem"
    assert secrets_in(url) == ["s3%40cret", "s3@cret"]
    assert secrets_in("mongodb://me:s3cret@db/") == []


# -- as data, and as the current ones -----------------------------------------------------------------------


def test_settings_are_a_key_and_travel_to_other_processes() -> None:
    one = settings(RESULTS_DB__HOST="db", MOUNTED_FILESYSTEM__MOUNT_PATH="/data")
    assert hash(one) == hash(settings(RESULTS_DB__HOST="db", MOUNTED_FILESYSTEM__MOUNT_PATH="/data"))
    assert pickle.loads(pickle.dumps(one)) == cloudpickle.loads(cloudpickle.dumps(one)) == one


def test_the_current_settings_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = current_settings()
    assert current_settings() is first
    monkeypatch.setenv("LUME_BACKEND", "docker")
    assert current_settings().backend == "docker"
    monkeypatch.chdir(tmp_path)
    assert current_settings().directory == tmp_path


def test_the_innermost_settings_are_the_current_ones() -> None:
    outer, inner = settings(BACKEND="docker"), settings(BACKEND="kubernetes")
    with use(outer):
        with use(inner) as used:
            assert current_settings() is used is inner
        assert current_settings() is outer
        with pytest.raises(KeyError), use(inner):
            raise KeyError
        assert current_settings() is outer
    assert current_settings().backend == "local"


def test_settings_in_use_are_those_of_one_thread() -> None:
    seen: list[str] = []
    with use(settings(BACKEND="docker")):
        thread = Thread(target=lambda: seen.append(current_settings().backend))
        thread.start()
        thread.join()
    assert seen == ["local"]


def test_a_working_directory_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="working directory is gone"):
        current_settings()


# what a job is given


def job(*, in_container: bool = False, **variables: str) -> JobSettings:
    return job_settings(in_container=in_container, environ={f"LUME_{name}": text for name, text in variables.items()})


def test_a_url_with_a_user_takes_the_password_that_is_apart_from_it() -> None:
    for url, whole in (
        ("mongodb://me@db:27017/lume", "mongodb://me:s3%2F%40@db:27017/lume"),
        ("postgresql+psycopg://me@db/lume", "postgresql+psycopg://me:s3%2F%40@db/lume"),
        ("mongodb://me@a:1,b:2/lume?w=1", "mongodb://me:s3%2F%40@a:1,b:2/lume?w=1"),
        ("mongodb://me:own@db/lume", "mongodb://me:own@db/lume"),
        ("mongodb://db/lume", "mongodb://db/lume"),
        ("sqlite:////a@b.db", "sqlite:////a@b.db"),
    ):
        assert settings(RESULTS_DB__URL=url, RESULTS_DB__PASSWORD="s3/@").results_db.url == whole


def test_explained_says_whether_a_password_beside_a_url_counts() -> None:
    for url, note in (("mongodb://me@db/lume", ""), ("mongodb://me:own@db/lume", f"{DB}URL is used instead")):
        found = explained({f"{DB}URL": url, f"{DB}PASSWORD": "s3cret"})
        assert (found[f"{DB}PASSWORD"].value, found[f"{DB}PASSWORD"].note) == ("***", note)


@given(st.text(min_size=1), st.sampled_from(["mongodb", "postgresql+psycopg", "mysql+pymysql"]))
def test_no_password_of_a_url_is_given_to_a_job_and_it_arrives_whole_by_itself(password: str, scheme: str) -> None:
    url = f"{scheme}://me:{quote(password, safe='')}@db/lume"
    given = job(RESULTS_DB__URL=url)
    assert given.variables == {f"{DB}URL": f"{scheme}://me@db/lume"}
    assert given.secrets == (f"{DB}PASSWORD",)
    there = Settings.from_environment({**given.variables, f"{DB}PASSWORD": password})
    assert there.results_db.url == url


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=4))
@example("00@#")
@example("/a@b?c@")
def test_no_password_of_a_url_is_given_to_a_job_even_if_it_is_not_escaped(password: str) -> None:
    secret = f"s3cret{password}w0rd"
    given = job(RESULTS_DB__URL=f"mongodb://me:{secret}@db/lume")
    assert given.secrets
    assert not any("s3cret" in text or "w0rd" in text for text in given.variables.values())


def test_a_job_in_a_container_has_paths_below_the_alias() -> None:
    mount = {"MOUNTED_FILESYSTEM__MOUNT_PATH": "/data", "MOUNTED_FILESYSTEM__MOUNT_ALIAS": "/User/data"}
    below = job(in_container=True, HOME="/data/lume", RESULTS_DB__URL="sqlite:////data/a.db?timeout=3", **mount)
    assert below.variables["LUME_HOME"] == "/User/data/lume"
    assert below.variables[f"{DB}URL"] == "sqlite:////User/data/a.db?timeout=3"
    assert not below.keeps_records_here
    beside = job(in_container=True, HOME="~/lume", RESULTS_DB__URL="sqlite:////data2/a.db", **mount)
    assert beside.variables["LUME_HOME"] == "~/lume"
    assert beside.variables[f"{DB}URL"] == "sqlite:////data2/a.db"
    assert beside.keeps_records_here
    assert not job(in_container=True, RESULTS_DB__URL="mongodb://db/lume").keeps_records_here


def test_wrong_settings_are_given_to_no_job() -> None:
    with pytest.raises(SettingsError, match="LUME_BACKEND"):
        job(BACKEND="dcoker")


def test_secret_variables_are_told_from_others() -> None:
    assert secret_variables({f"{DB}PASSWORD": "a", f"{DB}URL": "mongodb://me@db", "A": "b", "B": "ftp://a:b@c"}) == [
        f"{DB}PASSWORD",
        "B",
    ]
