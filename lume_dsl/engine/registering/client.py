"""Prefect's own client, which answers within seconds where no server does, and whose errors are told in our words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import prefect
import requests
from prefect.exceptions import AuthorizationError, ClientError
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.graphql import EnumValue, with_args
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from lume_dsl.errors import RegistrationError, ServiceError, did_you_mean, text_of
from lume_dsl.secrets import hidden_text, hide
from lume_dsl.settings import PrefectServer, current_settings, mask_url, variable

__all__ = ["Client", "connected", "translated"]

RETRIES = 2
"""How often a request is made again that a server answered by an error of its own: Prefect's six take a minute."""

SECONDS = 15
"""How long a server has to answer a request, unless Prefect's configuration says less. It is asked once."""

BUSY_SECONDS = (2, 5)
"""After how long a request is made again that a server was too busy for. Prefect's pauses take half an hour."""

TOO_MANY = 429
"""The HTTP status of a server that is asked too often."""

_log = logging.getLogger("lume_dsl")

_WHERE = (
    f"start it, or correct {variable('prefect.server.host')} and {variable('prefect.server.host_port')}, "
    "or without these Prefect's own PREFECT__CLOUD__API; and register again"
)
_KEY = (
    "log in again: prefect auth login --key ...; or correct PREFECT__CLOUD__API_KEY and PREFECT__CLOUD__TENANT_ID; "
    "and register again"
)
_NONE = f"what answers there may be no Prefect server: {_WHERE}"
_LOG = "register again; if that is refused, too, the server's log says more"


class Client(prefect.Client):
    """Prefect's client for one flow at a time.

    Attributes:
        flow_name: The flow that is being registered.
        project: The project that it goes to.
        before: The id and version that the server had of it; empty if none.
        created: The id that the server has given it, or ``""``.
        is_complete: Whether all of it is there.
    """

    def __init__(self) -> None:
        super().__init__()
        if self.api_key:
            hide(self.api_key)
        self.begin("", "")

    def begin(self, flow_name: str, project: str) -> None:
        """What is registered from now on is this flow."""
        self.flow_name, self.project = flow_name, project
        self.before: dict[str, Any] = {}
        self.created = ""
        self.is_complete = False

    def graphql(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """As Prefect's. The question for the project also asks which version of the flow there is."""
        asked = query.get("query") if isinstance(query, dict) else None
        if not isinstance(asked, dict) or not any(str(key).startswith("project(") for key in asked):
            answer: Any = super().graphql(query, *args, **kwargs)
            if made := _data(answer).get("create_flow_from_compressed_string"):
                self.created = str(made["id"])
            return answer
        where = {"name": {"_eq": self.flow_name}, "project": {"name": {"_eq": self.project}}}
        last = with_args("flow", {"where": where, "order_by": {"version": EnumValue("desc")}, "limit": 1})
        answer = super().graphql({"query": {**asked, last: {"id", "version"}}}, *args, **kwargs)
        found = _data(answer).get("flow") or []
        self.before = dict(found[0]) if found else {}
        return answer

    def _send_request(self, session: requests.Session, *args: Any, **kwargs: Any) -> requests.Response:
        retries = Retry(
            total=RETRIES,
            connect=0,
            read=False,  # it has the request: what it does with it is not known
            backoff_factor=0.2,
            status_forcelist=[500, 502, 503, 504],
            allowed_methods=["POST"],
            raise_on_status=False,  # so that the answer is told, and not how often it came
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retries))
        ours = {
            "cloud.request_timeout": _patience(),
            "cloud.rate_limiting.max_retries": 0,
        }
        send = super()._send_request
        with set_temporary_config(ours):
            for pause in BUSY_SECONDS:
                try:
                    return _checked(send(session, *args, **kwargs))
                except requests.HTTPError as error:
                    if error.response is None or error.response.status_code != TOO_MANY:
                        raise
                    _log.warning(
                        "the Prefect server at %s is too busy; it is asked again in %d seconds",
                        mask_url(self.api_server),
                        pause,
                    )
                    time.sleep(pause)
            return _checked(send(session, *args, **kwargs))

    def projects(self) -> list[str]:
        """Return the names of the projects that there are, as far as the server tells."""
        with suppress(requests.RequestException, ClientError, KeyError, TypeError):
            return [str(one["name"]) for one in self.graphql({"query": {"project": {"name"}}})["data"]["project"]]
        return []


def _checked(response: requests.Response) -> requests.Response:
    """The answer, if it is one of GraphQL.

    Raises:
        TypeError: It is not.
    """
    with suppress(ValueError):  # which Prefect tells
        answer = response.json()
        if not isinstance(answer, dict) or ("errors" not in answer and not isinstance(answer.get("data"), dict)):
            raise TypeError("no object with data")
    return response


def _data(answer: Any) -> dict[str, Any]:
    """What is asked for, of an answer; empty where there is none."""
    data: dict[str, Any] = answer.get("data") or {}
    return data


@contextmanager
def connected() -> Iterator[Client]:
    """Within it, a client of the server that our settings name, else of the one that Prefect's configuration does.

    Raises:
        ServiceError: No server is named, or Prefect's configuration is wrong.
    """
    server = current_settings().prefect
    ours = {"backend": "server", "cloud.api": server.url} if server != PrefectServer() else {}
    with set_temporary_config(ours):
        try:
            client = Client()
        except ValueError as error:  # of Prefect's tenant id, which is a UUID
            raise ServiceError(f"Prefect's own configuration is wrong: {text_of(error)}\n    {_KEY}") from error
        if ".prefect.io" in client.api_server and not client.api_key:
            raise ServiceError(
                f"no Prefect server is named\n    set {variable('prefect.server.host')}, or tell Prefect itself: "
                "prefect backend server, or prefect auth login --key ..."
            )
        yield client


@contextmanager
def translated(client: Client) -> Iterator[None]:
    """Within it, what Prefect's client raises is an error of ours, which says how far it came.

    Raises:
        ServiceError: The server does not answer, refuses whoever asks, or fails.
        RegistrationError: There is no such project.
    """
    address = mask_url(client.api_server)
    try:
        yield
    except requests.ReadTimeout as error:
        what = f"the Prefect server at {address} has taken a request, and not answered it in {_patience()} seconds"
        raise ServiceError(_told(client, what, _LOG), transient=True) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise ServiceError(_told(client, f"no Prefect server answers at {address}", _WHERE), transient=True) from error
    except AuthorizationError as error:
        raise ServiceError(_told(client, f"the Prefect server at {address} refuses who asks", _KEY)) from error
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == TOO_MANY:
            what = (
                f"the Prefect server at {address} is too busy (HTTP 429), and was asked {1 + len(BUSY_SECONDS)} times"
            )
            raise ServiceError(_told(client, what, "register again later"), transient=True) from error
        refused = status in (401, 403)
        what = f"the Prefect server at {address} {'refuses who asks' if refused else 'fails'}: {text_of(error)}"
        raise ServiceError(_told(client, what, _KEY if refused else _LOG), transient=not refused) from error
    except (ClientError, requests.RequestException) as error:
        text = _messages(error)
        refused = any(word in text for word in ("UNAUTHENTICATED", "Unauthorized", "authorization"))
        raise ServiceError(
            _told(client, f"the Prefect server at {address} refused: {text}", _KEY if refused else _LOG)
        ) from error
    except ValueError as error:
        raise _of_value(client, error) from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:  # of Prefect's client, or of ours
        what = f"the Prefect server at {address} answered what Prefect does not expect: {type(error).__name__}"
        raise ServiceError(_told(client, f"{what}: {text_of(error)}", _NONE)) from error


def _patience() -> int:
    return int(min(SECONDS, prefect.config.cloud.request_timeout))


def _told(client: Client, what: str, fix: str) -> str:
    left = "and complete" if client.is_complete else "maybe without all of its tasks"
    done = f"\n    {client.flow_name} is there with id {client.created}, {left}" if client.created else ""
    return f"{what}{done}\n    {fix}"


def _messages(error: Exception) -> str:
    """What the server said, without the query that it said it of."""
    said = error.args[0] if error.args else ""
    if isinstance(said, list):  # of GraphQL's own errors
        texts = [str(one.get("message", one)) if isinstance(one, dict) else str(one) for one in said]
        return hidden_text("; ".join(texts))
    text = text_of(error).partition("The GraphQL query was:")[0]
    return " ".join(text.partition("provided by the GraphQL server:")[2].split()) or " ".join(text.split())


def _of_value(client: Client, error: ValueError) -> RegistrationError | ServiceError:
    """The error for what Prefect's client finds wrong with what the server says."""
    text = text_of(error)
    if text.startswith("Project "):
        known = client.projects()
        meant = did_you_mean(client.project, known)
        fix = f"{'or ' if meant else ''}create it: prefect create project '{client.project}'"
        listed = f"; there are: {', '.join(sorted(known))}" if known and not meant else ""
        return RegistrationError(f"there is no project {client.project!r}{meant}{listed}\n    {fix}")
    if "tenant" in text:
        return ServiceError(_told(client, f"the Prefect server does not know the tenant {client._tenant_id}", _KEY))
    return ServiceError(_told(client, f"the Prefect server answered what Prefect does not expect: {text}", _LOG))
