"""The models that can be called here, by configuration and by the environment.

``OPENAI_API_KEY`` and ``OPENAI_BASE_URL`` connect one endpoint without any configuration; a model
that nobody else knows by name is asked of it.
"""

import functools
import threading
import time
from dataclasses import dataclass

from django.conf import settings

from playground.core.errors import InvalidInput, ProviderError
from playground.gateway import looping
from playground.gateway.configuration import Configuration, Model, Route, Server, Way, current
from playground.gateway.planner.provider import MODEL as PLANNER
from playground.gateway.planner.provider import OfflinePlanner
from playground.gateway.providers import Provider
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.scripted import MODEL as SCRIPTED
from playground.gateway.providers.scripted import Scripted

LIST_FOR_S = 60
# Everybody's: what agents call that name no model.
DEFAULT_ROUTE = "chat-default"
# Stands for the connected endpoint while it does not list its models.
UNLISTED = "connected-endpoint"
OFFLINE_NOTE = "rule-based, not a language model"
_SCRIPTED = Model(SCRIPTED, Server("scripted", "offline"))


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that can be named in an agent's specification."""

    id: str
    provider: str
    title: str
    note: str
    offline: bool


def available() -> list[ModelInfo]:
    """List the chat models: routes first, then those of endpoints, then the one in this process."""
    configuration = current()
    listed = [
        ModelInfo(route.name, "route", route.name, _leads_to(route), _is_offline(route))
        for route in configuration.routes.values()
    ]
    listed += [
        ModelInfo(model.id, model.server.name, model.id, "", False)
        for model in configuration.models.values()
        if model.operation == "chat" and model.server.kind != "offline"
    ]
    names = _endpoint_models()
    listed += [ModelInfo(name, "openai", _title_of(name), "", False) for name in names]
    if not names and environment_server() is not None:
        listed.append(
            ModelInfo(UNLISTED, "openai", UNLISTED, "the endpoint does not answer", False)
        )
    if PLANNER in configuration.models:
        listed.append(ModelInfo(PLANNER, "offline", "offline planner", OFFLINE_NOTE, True))
    if settings.PLAYGROUND_SCRIPTED:
        listed.append(ModelInfo(SCRIPTED, "scripted", "scripted", "for tests", True))
    return listed


def _title_of(name: str) -> str:
    # llama.cpp names a model by the path of its file.
    return name.rpartition("/")[2] if name.startswith("/") else name


def _leads_to(route: Route) -> str:
    if not route.ways:
        return "leads nowhere"
    first, *more = sorted(route.ways, key=lambda way: (way.priority, -way.weight))
    return f"→ {first.model.id}" + (f" and {len(more)} more" if more else "")


def _is_offline(route: Route) -> bool:
    return all(way.model.server.kind == "offline" for way in route.ways)


def default_model() -> str:
    """Return what answers where no model is named."""
    if DEFAULT_ROUTE in current().routes:
        return DEFAULT_ROUTE
    listed = _endpoint_models()
    if listed:
        return listed[0]
    # An endpoint that is down is said to be down; nobody else answers in its place.
    return PLANNER if environment_server() is None else UNLISTED


def route_of(name: str, configuration: Configuration, *, operation: str = "chat") -> Route:
    """Return where a name leads: a route, ``endpoint/model``, or a model's own name.

    Several endpoints that serve a model of one name share its calls. The default route leads to
    the default model where administrators made none.

    Raises:
        InvalidInput: ``model.unknown``.
    """
    known = configuration.routes.get(name)
    if known is not None:
        return known
    if name in configuration.models:
        found = [configuration.models[name]]
    else:
        found = [each for each in configuration.models.values() if each.name == name]
    found = [model for model in found if model.operation == operation]
    if found:
        return _straight(name, *found)
    if name == DEFAULT_ROUTE and operation == "chat":
        return route_of(default_model(), configuration)
    if name == SCRIPTED and settings.PLAYGROUND_SCRIPTED:
        return _straight(name, _SCRIPTED)
    server = environment_server()
    if server is not None and name not in configuration.models:
        return _straight(name, Model(name, server, operation=operation))
    raise InvalidInput("model.unknown", f"There is no model “{name[:80]}” here.")


def _straight(name: str, *models: Model) -> Route:
    # Nobody asked for retries, and whoever calls directly retries by their own rules.
    return Route(name, tuple(Way(model) for model in models), retries=0)


def environment_server() -> Server | None:
    """Return the endpoint that the environment connects, None for none."""
    if not (settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL):
        return None
    return Server(
        name="openai",
        kind="openai",
        base_url=settings.OPENAI_BASE_URL or "https://api.openai.com/v1",
        secret=settings.OPENAI_API_KEY or "",
        external=False,
    )


def servers() -> list[Server]:
    """Return every endpoint that may be called, the environment's among them."""
    known = {model.server.name: model.server for model in current().models.values()}
    if (connected := environment_server()) is not None:
        known.setdefault(connected.name, connected)
    return list(known.values())


_lock = threading.Lock()
_providers: dict[str, tuple[Server, OpenAICompatible]] = {}


def provider_of(model: Model) -> Provider | OpenAICompatible:
    """Return who answers for a model; an endpoint that was changed gets new connections.

    Raises:
        ProviderError: the endpoint's secret cannot be read.
    """
    server = model.server
    if model is _SCRIPTED:
        return _scripted()
    if server.kind == "offline":
        return _planner()
    if server.fault:
        raise ProviderError(
            server.fault,
            f"The secret of the endpoint “{server.name}” cannot be read; enter it again.",
        )
    with _lock:
        known = _providers.get(server.name)
        if known is not None and known[0] == server:
            return known[1]
        connected = connect(server)
        looping.close_at_exit(connected.close)
        _providers[server.name] = (server, connected)
    if known is not None:
        known[1].retire()
    return connected


def connect(server: Server) -> OpenAICompatible:
    """Return a provider for an endpoint, with connections of its own."""
    return OpenAICompatible(
        name=server.name,
        base_url=server.base_url,
        api_key=server.secret,
        silence_s=server.silence_s,
        kind=server.kind,
        api_version=server.api_version,
        external=server.external,
    )


@functools.cache
def _planner() -> Provider:
    return OfflinePlanner()


@functools.cache
def _scripted() -> Provider:
    return Scripted()


class _Listing:
    """What the environment's endpoint listed, kept for a minute; a failure is retried sooner."""

    lock = threading.Lock()
    until = 0.0
    names: tuple[str, ...] = ()


def _endpoint_models() -> tuple[str, ...]:
    server = environment_server()
    if server is None:
        return ()
    if settings.OPENAI_MODEL:
        return (settings.OPENAI_MODEL,)
    endpoint = provider_of(Model("", server))
    assert isinstance(endpoint, OpenAICompatible)
    with _Listing.lock:
        if time.monotonic() >= _Listing.until:
            try:
                _Listing.names = tuple(looping.run(endpoint.models()))
                _Listing.until = time.monotonic() + LIST_FOR_S
            except ProviderError:
                _Listing.until = time.monotonic() + LIST_FOR_S / 10
        return _Listing.names
