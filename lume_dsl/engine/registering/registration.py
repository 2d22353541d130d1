"""Registering: checks of all that can be known first, then Prefect's own client, call by call as it does."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import attrs
import prefect
from prefect.run_configs import RunConfig
from prefect.storage import Module, Storage

from lume_dsl.declare.flow import FlowMeta
from lume_dsl.engine.compile import compile_flow
from lume_dsl.engine.registering.checks import check_flow, checked_labels, checked_project, where_to_import
from lume_dsl.engine.registering.client import Client, connected, translated
from lume_dsl.engine.registering.key import idempotency_key
from lume_dsl.engine.registering.run_configs import (
    check_run_config,
    default_run_config,
    for_job,
    settings_for,
    what_is_left,
)
from lume_dsl.errors import LumeError, RegistrationError, text_of

__all__ = ["Registered", "Registration", "register", "register_all"]


@attrs.frozen(kw_only=True)
class Registration:
    """How flows are to be registered; None stands for what ``@flow`` says. See ``FlowMeta.register``."""

    project: str | None = None
    labels: Iterable[str] | None = None
    run_config: RunConfig | None = None
    secret_name: str | None = None
    set_schedule_active: bool = True
    force: bool = False


@attrs.frozen(kw_only=True)
class Registered:
    """A flow as a server has it.

    Attributes:
        flow: Its name.
        id: The id of this version.
        version: Its number, or None where the server does not tell.
        is_new: Whether the server made it now, or had it.
        project: Where it is.
        labels: Those that an agent must have to run it, in order.
        url: Its page.
        notes: What is left to do before it runs.
    """

    flow: str
    id: str
    version: int | None
    is_new: bool
    project: str
    labels: tuple[str, ...]
    url: str
    notes: tuple[str, ...]


@attrs.frozen
class _Ready:
    """A flow that has passed all checks."""

    flow: prefect.Flow
    project: str
    key: str
    notes: tuple[str, ...]


def register(
    flow_class: FlowMeta,
    /,
    *,
    project: str | None = None,
    labels: Iterable[str] | None = None,
    run_config: RunConfig | None = None,
    secret_name: str | None = None,
    set_schedule_active: bool = True,
    force: bool = False,
) -> str:
    """Register a flow with a Prefect server, and return its id; ``""`` where an agent imports a module that does so.

    As ``flow_class.register(...)``, for flows that have a parameter called ``register``. What is left to do before it
    runs is logged as warnings of ``lume_dsl``.
    """
    if prefect.context.get("loading_flow", False):  # a module that registers its flow, imported for the flow
        warnings.warn(f"{flow_class.__name__}.register() does nothing while Prefect loads the flow", stacklevel=3)
        return ""
    asked = Registration(
        project=project,
        labels=labels,
        run_config=run_config,
        secret_name=secret_name,
        set_schedule_active=set_schedule_active,
        force=force,
    )
    (done,) = register_all([flow_class], asked)
    for note in done.notes:
        logging.getLogger("lume_dsl").warning("%s: %s", done.flow, note)
    return done.id


def register_all(
    flow_classes: Sequence[FlowMeta], asked: Registration, told: Callable[[Registered], None] = lambda one: None
) -> list[Registered]:
    """Register flows one after another; all are checked before the first. ``told`` hears of each.

    Raises:
        RegistrationError: Something is wrong with a flow, or how it is to be registered; none is.
        ServiceError: The server does not answer, or fails. The text says which flows are registered, and which not.
        DefinitionError: A flow is abstract.
        SettingsError: The settings, which go to the server with the flow, are wrong.
    """
    ready = [_ready(one, asked) for one in flow_classes]
    done: list[Registered] = []
    with connected() as client:
        for number, one in enumerate(ready):
            try:
                registered = _register(client, one, set_schedule_active=asked.set_schedule_active)
            except LumeError as error:
                _say_how_far(error, done, ready[number:])
                raise
            done.append(registered)
            told(registered)
    return done


def _say_how_far(error: Any, done: Sequence[Registered], left: Sequence[_Ready]) -> None:
    """The error says which of several flows are registered."""
    if len(done) + len(left) > 1:
        registered = ", ".join(f"{one.flow} ({one.id})" for one in done) or "none"
        error.message += f"\n    registered: {registered}; not registered: {', '.join(one.flow.name for one in left)}"


def _ready(flow_class: FlowMeta, asked: Registration) -> _Ready:
    """The flow, checked, as it is to be sent. What the class has compiled stays as it is."""
    flow: Any = compile_flow(flow_class).copy()
    project = checked_project(flow_class, asked.project)
    flow.storage = _own(flow.storage, flow.name)
    check_flow(flow_class, flow)
    given = asked.run_config
    if given is None:
        given = flow_class.__lume_options__.get("run_config") or default_run_config()
    check_run_config(flow_class.__name__, given, asked.secret_name, flow_class.__lume_graph__.parameters)
    said = flow_class.__lume_options__.get("labels", ()) if asked.labels is None else asked.labels
    labels = {*given.labels, *checked_labels(said), *flow.storage.labels}
    settings = settings_for(given, flow_class.__lume_graph__.parameters)
    flow.run_config = for_job(given, labels, settings, asked.secret_name)
    flow.result = flow.result or flow.storage.result
    serialized = _serialized(flow_class, flow)
    left = what_is_left(flow.run_config, settings, uses_services=flow_class.__lume_graph__.uses_services)
    notes = *left, *(where_to_import(flow_class, flow.run_config) if isinstance(flow.storage, Module) else ())
    return _Ready(flow, project, "" if asked.force else idempotency_key(flow_class, serialized), notes)


def _own(storage: Storage, flow_name: str) -> Storage:
    """A copy of a storage, which has the flow as it is now, and not from an earlier time."""
    own = copy(storage)
    for name in ("flows", "_flows"):
        setattr(own, name, {key: one for key, one in getattr(storage, name).items() if key != flow_name})
    return own


def _serialized(flow_class: FlowMeta, flow: prefect.Flow) -> dict[str, Any]:
    """What the server is sent of a flow, whose storage is built now.

    Raises:
        RegistrationError: It has no such form.
    """
    try:
        with _without_warnings():
            serialized: dict[str, Any] = flow.serialize(build=True)
        json.dumps(serialized)
    except Exception as error:  # whatever a storage, a schedule or a run config of the user's does
        what = f"cannot be sent to a server: {type(error).__name__}: {text_of(error)}"
        fix = "what @flow and the run config are given must be JSON, or objects of Prefect's own classes"
        raise RegistrationError(f"{flow_class.__name__}: {what}\n    {fix}") from error
    return serialized


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Within it, Prefect does not warn that it keeps no results of tasks, for which nobody has asked."""
    with warnings.catch_warnings():
        for text in ("No result handler was specified", ".* not have (a )?result type"):
            warnings.filterwarnings("ignore", text)
        yield


def _register(client: Client, one: _Ready, *, set_schedule_active: bool) -> Registered:
    client.begin(one.flow.name, one.project)
    with translated(client), _without_warnings():
        id = client.register(
            one.flow,
            project_name=one.project,
            build=False,
            set_schedule_active=set_schedule_active,
            no_url=True,  # it would be printed
            idempotency_key=one.key or None,  # type: ignore[arg-type]  # as its default
        )
        client.is_complete = True
        query = {"query": {f'flow_by_pk(id: "{id}")': {"flow_group_id", "version"}}}
        found = client.graphql(query)["data"]["flow_by_pk"]
        url = client.get_cloud_url("flow", found["flow_group_id"])
    return Registered(
        flow=one.flow.name,
        id=id,
        version=found.get("version"),
        is_new=client.before.get("id") != id,
        project=one.project,
        labels=tuple(sorted(one.flow.run_config.labels)),
        url=url,
        notes=one.notes,
    )
