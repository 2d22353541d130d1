"""Whether each service that the settings name answers, all asked at once; it must not print."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import attrs

from lume_dsl.errors import ServiceError
from lume_dsl.services import CHECK_SECONDS, Services, failures_of
from lume_dsl.settings import LOCAL, PrefectServer, Settings, mask_url, variable

__all__ = ["Answer", "ask_services"]


@attrs.frozen
class Answer:
    """What a service answered.

    Attributes:
        service: The service, with the place where it is.
        error: What is wrong, or None where it can be used.
    """

    service: str
    error: str | None


def ask_services(settings: Settings) -> list[Answer]:
    """Return the answer of the record store, of each filesystem and of the Prefect server where one is set.

    It is there within ``CHECK_SECONDS``, with those that are late among what does not answer.
    """
    services = Services(settings)
    checks: dict[str, Callable[[], object]] = {f"record store {mask_url(settings.results_db.url)}": services.check}
    for identifier in _filesystems(settings):
        checks[f"filesystem {identifier!r}"] = partial(services.check, filesystems=[identifier], records=False)
    if settings.prefect != PrefectServer():
        checks[f"Prefect server {mask_url(settings.prefect.url)}"] = partial(_ask_prefect, settings.prefect)
    failures = failures_of(checks, CHECK_SECONDS + 0.5)  # a check of Services ends by itself, and says more
    # Nothing is closed: that would wait for a store whose opening hangs.
    return [Answer(name, failures[name].removeprefix(f"{name}: ") if name in failures else None) for name in checks]


def _filesystems(settings: Settings) -> list[str]:
    mount = settings.mounted_filesystem
    named = [one.identifier for one in settings.filesystems]
    return [LOCAL, *([] if mount is None else [mount.identifier]), *named]


def _ask_prefect(server: PrefectServer) -> None:
    """Return if a GraphQL server is there, as Prefect's is: whatever else may listen at that port answers otherwise."""
    from http.client import HTTPException  # 30 ms, with urllib.request
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    url = server.url
    mend = f"start it, or correct {variable('prefect.server.host')} and {variable('prefect.server.host_port')}"
    question = Request(url, json.dumps({"query": "{ __typename }"}).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(question, timeout=CHECK_SECONDS) as answer:
            is_graphql = "data" in json.loads(answer.read(100_000))
    except (ValueError, TypeError, HTTPException, HTTPError):
        is_graphql = False
    except OSError as error:
        raise ServiceError(f"no Prefect server answers at {mask_url(url)}: {mend} ({error})") from error
    if not is_graphql:
        raise ServiceError(f"what answers at {mask_url(url)} is no Prefect server: {mend}")
