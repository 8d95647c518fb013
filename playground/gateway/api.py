"""The models, routes and endpoints over REST."""

import datetime as dt
from typing import Any

from ninja import Router, Schema

from playground.gateway import catalogue, endpoints, health, overview
from playground.gateway.configuration import Model
from playground.gateway.health import Reading
from playground.gateway.watching import current
from playground.policy.requests import TeamRequest

models_api = Router(tags=["models"])


class HealthOut(Schema):
    """What the last probe of an endpoint saw."""

    status: str
    latency_ms: float | None
    checked_at: dt.datetime | None
    since: dt.datetime | None
    error_code: str


class ModelOut(Schema):
    """A model that an agent can use; prices are US dollars per million tokens, null unknown.

    ``endpoint`` and ``external`` are null for a route, which may lead to several; its ``health``
    is up while any of its targets is.
    """

    id: str
    provider: str
    endpoint: str | None = None
    external: bool | None = None
    title: str
    note: str
    offline: bool
    context_tokens: int | None = None
    input_price: str | None = None
    cached_input_price: str | None = None
    output_price: str | None = None
    health: str = "unknown"


class ModelsOut(Schema):
    """A page of models."""

    items: list[ModelOut]
    next: str | None = None


class TargetOut(Schema):
    """A model that a route leads to; ``share`` is in percent of its priority's calls."""

    model: str
    priority: int
    weight: int
    share: int
    health: str


class RouteOut(Schema):
    """A name for callers and where it leads."""

    name: str
    description: str
    status: str
    on_failure: str
    targets: list[TargetOut]


class RoutesOut(Schema):
    """A page of routes."""

    items: list[RouteOut]
    next: str | None = None


class EndpointOut(Schema):
    """A server that answers model calls."""

    name: str
    kind: str
    external: bool
    models: list[str]
    health: HealthOut


class EndpointsOut(Schema):
    """A page of endpoints."""

    items: list[EndpointOut]
    next: str | None = None


@models_api.get("", response=ModelsOut, summary="List models")
def list_models(request: TeamRequest) -> dict[str, Any]:
    """List the models that agents can name, the default one first."""
    known, servers = current().models, {each.name: each for each in endpoints.servers()}
    readings, routes = health.readings(), {each.name: each for each in overview.routes()}
    items = []
    for each in catalogue.available():
        server = servers.get(each.provider)
        status = "unknown"
        if server is not None:
            status = health.reading_of(server, readings).status
        elif each.id in routes:
            status = routes[each.id].status
        items.append(
            {
                "id": each.id,
                "provider": each.provider,
                "endpoint": server and server.name,
                "external": server and server.external,
                "title": each.title,
                "note": each.note,
                "offline": each.offline,
                "health": status,
                **_facts(None if each.id in routes else known.get(each.id)),
            }
        )
    return {"items": items}


@models_api.get("/routes", response=RoutesOut, summary="List routes")
def list_routes(request: TeamRequest) -> dict[str, Any]:
    """List the names that callers use and the models behind them."""
    return {
        "items": [
            {
                "name": route.name,
                "description": route.description,
                "status": route.status,
                "on_failure": route.on_failure,
                "targets": [
                    {
                        "model": target.model.id,
                        "priority": target.priority,
                        "weight": target.weight,
                        "share": target.share,
                        "health": target.reading.status,
                    }
                    for target in route.targets
                ],
            }
            for route in overview.routes()
        ]
    }


@models_api.get("/endpoints", response=EndpointsOut, summary="List endpoints")
def list_endpoints(request: TeamRequest) -> dict[str, Any]:
    """List the servers that answer model calls, and how they are."""
    return {
        "items": [
            {
                "name": each.server.name,
                "kind": each.server.kind,
                "external": each.server.external,
                "models": [each_model.model.name for each_model in each.models],
                "health": _health(each.reading),
            }
            for each in overview.endpoints()
        ]
    }


def _facts(model: Model | None) -> dict[str, Any]:
    if model is None:
        return {}
    price = model.price
    return {
        "context_tokens": model.context_tokens,
        "input_price": overview.price(price.input) if price else None,
        "cached_input_price": overview.price(price.cached_input) if price else None,
        "output_price": overview.price(price.output) if price else None,
    }


def _health(reading: Reading) -> dict[str, Any]:
    return {
        "status": reading.status,
        "latency_ms": reading.latency_ms if reading.checked else None,
        "checked_at": reading.checked,
        "since": reading.changed,
        "error_code": reading.error_code,
    }
