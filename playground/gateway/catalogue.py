"""The models that can be called here, and who answers for each. No tables yet."""

import functools
import threading
import time
from dataclasses import dataclass

from django.conf import settings

from playground.core.errors import InvalidInput, ProviderError
from playground.gateway import looping
from playground.gateway.planner.provider import MODEL as PLANNER
from playground.gateway.planner.provider import OfflinePlanner
from playground.gateway.providers import Provider
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.scripted import MODEL as SCRIPTED
from playground.gateway.providers.scripted import Scripted

LIST_FOR_S = 60
# Stands for the connected endpoint while it does not list its models.
UNLISTED = "connected-endpoint"
OFFLINE_NOTE = "rule-based, not a language model"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that can be named in an agent's specification."""

    id: str
    provider: str
    title: str
    note: str
    offline: bool


def available() -> list[ModelInfo]:
    """List the models, those of the connected endpoint first."""
    names = _endpoint_models()
    listed = [ModelInfo(name, "openai", _title_of(name), "", False) for name in names]
    if not names and _endpoint() is not None:
        listed = [ModelInfo(UNLISTED, "openai", UNLISTED, "the endpoint does not answer", False)]
    listed.append(ModelInfo(PLANNER, "offline", "offline planner", OFFLINE_NOTE, True))
    if settings.PLAYGROUND_SCRIPTED:
        listed.append(ModelInfo(SCRIPTED, "scripted", "scripted", "for tests", True))
    return listed


def _title_of(name: str) -> str:
    # llama.cpp names a model by the path of its file.
    return name.rpartition("/")[2] if name.startswith("/") else name


def default_model() -> str:
    """Return the connected endpoint's model, or the offline planner where there is none."""
    listed = _endpoint_models()
    if listed:
        return listed[0]
    # An endpoint that is down is said to be down; nobody else answers in its place.
    return PLANNER if _endpoint() is None else UNLISTED


def provider_of(model: str) -> Provider:
    """Return who answers for a model.

    Raises:
        InvalidInput: there is no such model here.
    """
    if model == PLANNER:
        return _planner()
    if model == SCRIPTED and settings.PLAYGROUND_SCRIPTED:
        return _scripted()
    endpoint = _endpoint()
    if endpoint is not None:
        return endpoint
    raise InvalidInput("model.unknown", f"There is no model “{model[:80]}” here.")


@functools.cache
def _planner() -> Provider:
    return OfflinePlanner()


@functools.cache
def _scripted() -> Provider:
    return Scripted()


@functools.cache
def _endpoint() -> OpenAICompatible | None:
    if not (settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL):
        return None
    endpoint = OpenAICompatible(
        name="openai",
        base_url=settings.OPENAI_BASE_URL or "https://api.openai.com/v1",
        api_key=settings.OPENAI_API_KEY or "",
    )
    looping.close_at_exit(endpoint.close)
    return endpoint


class _Listing:
    """What the endpoint listed, kept for a minute; a failed listing is retried sooner."""

    lock = threading.Lock()
    until = 0.0
    names: tuple[str, ...] = ()


def _endpoint_models() -> tuple[str, ...]:
    endpoint = _endpoint()
    if endpoint is None:
        return ()
    if settings.OPENAI_MODEL:
        return (settings.OPENAI_MODEL,)
    with _Listing.lock:
        if time.monotonic() >= _Listing.until:
            try:
                _Listing.names = tuple(looping.run(endpoint.models()))
                _Listing.until = time.monotonic() + LIST_FOR_S
            except ProviderError:
                _Listing.until = time.monotonic() + LIST_FOR_S / 10
        return _Listing.names
