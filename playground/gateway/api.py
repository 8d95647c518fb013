"""The models, routes and endpoints over REST."""

import datetime as dt
from typing import Any

from ninja import Router, Schema

from playground.gateway import catalogue, health, overview
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
    error_code: str


class ModelOut(Schema):
    """A model that an agent can use; prices are US dollars per million tokens, null unknown."""

    id: str
    provider: str
    title: str
    note: str
    offline: bool
    context_tokens: int | None = None
    input_price: str | None = None
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
    known, readings = current().models, health.readings()
    items = []
    for each in catalogue.available():
        model = known.get(each.id)
        items.append(
            {
                "id": each.id,
                "provider": each.provider,
                "title": each.title,
                "note": each.note,
                "offline": each.offline,
                "health": _status(readings.get(each.provider)),
                **_facts(model),
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
                        "health": _status(target.reading),
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
                "models": [model.name for model in each.models],
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
        "output_price": overview.price(price.output) if price else None,
    }


def _status(reading: Reading | None) -> str:
    return reading.status if reading else "unknown"


def _health(reading: Reading | None) -> dict[str, Any]:
    if reading is None:
        return {"status": "unknown", "latency_ms": None, "checked_at": None, "error_code": ""}
    return {
        "status": reading.status,
        "latency_ms": reading.latency_ms,
        "checked_at": dt.datetime.fromtimestamp(reading.checked_at, dt.UTC),
        "error_code": reading.error_code,
    }
