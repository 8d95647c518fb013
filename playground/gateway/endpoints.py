"""Who answers for a model: endpoints with their connections, and the models of this process.

``OPENAI_API_KEY`` and ``OPENAI_BASE_URL`` connect one endpoint without any configuration.
"""

import functools
import threading
import time
import weakref

from django.conf import settings

from playground.core.errors import ProviderError
from playground.gateway import looping, watching
from playground.gateway.configuration import Model, Server
from playground.gateway.planner.provider import OfflinePlanner
from playground.gateway.providers import Provider
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.scripted import MODEL as SCRIPTED
from playground.gateway.providers.scripted import Scripted

LIST_FOR_S = 60
SCRIPTED_MODEL = Model(SCRIPTED, Server("scripted", "offline"))


def environment_server() -> Server | None:
    """Return the endpoint that the environment connects, None for none."""
    if not (settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL):
        return None
    return _connected(settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY)


@functools.lru_cache(maxsize=8)
def _connected(base_url: str, secret: str) -> Server:
    return Server(
        name="openai",
        kind="openai",
        base_url=base_url or "https://api.openai.com/v1",
        secret=secret or "",
        external=False,
    )


def servers() -> list[Server]:
    """Return every endpoint that may be called, the environment's among them."""
    known = {model.server.name: model.server for model in watching.current().models.values()}
    if (connected := environment_server()) is not None:
        known.setdefault(connected.name, connected)
    return list(known.values())


_lock = threading.Lock()
# By all that an endpoint is, so that neither a change nor another of its name gets its connections.
_providers: dict[Server, OpenAICompatible] = {}
_retired: "weakref.WeakSet[OpenAICompatible]" = weakref.WeakSet()


def provider_of(model: Model) -> Provider | OpenAICompatible:
    """Return who answers for a model; an endpoint that was changed gets new connections.

    Raises:
        ProviderError: the endpoint's secret cannot be read.
    """
    server = model.server
    if model is SCRIPTED_MODEL:
        return _scripted()
    if server.kind == "offline":
        return _planner()
    if server.fault:
        raise ProviderError(
            server.fault,
            f"The secret of the endpoint “{server.name}” cannot be read; enter it again.",
        )
    with _lock:
        known = _providers.get(server)
        if known is None:
            known = _providers[server] = connect(server)
            _retire_others(server)
        return known


def _retire_others(server: Server) -> None:
    """Let go of endpoints that were changed, switched off or deleted."""
    if len(_providers) == 1:
        looping.close_at_exit(close)
    used = {model.server for model in watching.last().models.values()} | {environment_server()}
    for other in list(_providers):
        if other != server and other not in used:
            retired = _providers.pop(other)
            _retired.add(retired)
            retired.retire()


async def close() -> None:
    """Close the running loop's connections with every endpoint."""
    for provider in [*_providers.values(), *_retired]:
        await provider.close()


@functools.cache
def _planner() -> Provider:
    return OfflinePlanner()


@functools.cache
def _scripted() -> Provider:
    return Scripted()


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


class Listing:
    """What the environment's endpoint listed, kept for a minute; a failure is retried sooner."""

    lock = threading.Lock()
    until = 0.0
    names: tuple[str, ...] = ()

    @classmethod
    def is_fresh(cls) -> bool:
        return bool(settings.OPENAI_MODEL) or time.monotonic() < cls.until


def listed_models() -> tuple[str, ...]:
    """Return what the environment's endpoint lists; not for event loops, as it may be asked."""
    server = environment_server()
    if server is None:
        return ()
    if settings.OPENAI_MODEL:
        return (settings.OPENAI_MODEL,)
    if Listing.is_fresh():
        return Listing.names
    endpoint = provider_of(Model("", server))
    assert isinstance(endpoint, OpenAICompatible)
    with Listing.lock:
        if not Listing.is_fresh():
            try:
                Listing.names = tuple(looping.run(endpoint.models()))
                Listing.until = time.monotonic() + LIST_FOR_S
            except ProviderError:
                Listing.until = time.monotonic() + LIST_FOR_S / 10
        return Listing.names
