"""What the pages and the API tell of models, routes and endpoints, as values."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from playground.core.context import RequestContext
from playground.gateway import catalogue, health, usage_calls
from playground.gateway import models as tables
from playground.gateway.catalogue import ModelInfo
from playground.gateway.configuration import Configuration, Model, Route, Server
from playground.gateway.endpoints import environment_server, servers
from playground.gateway.health import Reading
from playground.gateway.models import EndpointKind
from playground.gateway.watching import current


@dataclass(frozen=True, slots=True)
class TargetView:
    """A model that a route leads to; ``share`` is its part of its priority's calls, in percent."""

    model: Model
    price: str
    priority: int
    weight: int
    share: int
    reading: Reading


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route with what happens when its targets fail, in one sentence."""

    name: str
    description: str
    targets: tuple[TargetView, ...]
    on_failure: str
    status: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model of an endpoint; ``price`` is of input and output, empty where it is not known."""

    model: Model
    price: str
    cached: str


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with its models; ``edit_path`` leads to the administration, empty for none."""

    server: Server
    kind: str
    models: tuple[ModelView, ...]
    reading: Reading
    from_environment: bool
    edit_path: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A model or route that callers can name, and its calls of today.

    ``status`` is of a route, whose targets may be of several endpoints; else empty.
    """

    id: str
    title: str
    note: str
    facts: ModelView | None
    calls: int
    status: str = ""

    @property
    def calls_written(self) -> str:
        """Write how many calls there were."""
        return f"{self.calls:,}"


@dataclass(frozen=True, slots=True)
class Group:
    """What can be called of one endpoint, or all routes where there is none."""

    name: str
    endpoint: EndpointView | None
    offers: tuple[Offer, ...]


def routes() -> list[RouteView]:
    """Describe the routes in order of their names."""
    configuration, readings = current(), health.readings()
    return [_route(each, readings) for _, each in sorted(configuration.routes.items())]


def endpoints() -> list[EndpointView]:
    """Describe the endpoints, those switched off too, those of this process last; one query."""
    configuration, readings = current(), health.readings()
    named = dict(EndpointKind.choices)
    kept = {row.name: row for row in tables.Endpoint.objects.defer("sealed_secret")}
    connected = environment_server()
    used = {server.name: server for server in servers()}
    idle = {name: _idle(row) for name, row in kept.items() if name not in used}
    shown = [
        EndpointView(
            server,
            named.get(server.kind, server.kind),
            _models_of(configuration, server),
            _off(name) if name in kept and not kept[name].enabled
            else health.reading_of(server, readings),
            from_environment=server == connected,
            edit_path=_edit("endpoint", kept[name].pk) if name in kept else "",
        )
        for name, server in {**used, **idle}.items()
    ]  # fmt: skip
    return sorted(shown, key=lambda each: (each.server.kind == "offline", each.server.name))


def offered(context: RequestContext) -> list[Group]:
    """Group what can be called by who answers: routes first, then each endpoint; two queries."""
    today, known = usage_calls.today(context), current().models
    ways = {each.name: each.status for each in routes()}
    by_provider: dict[str, list[ModelInfo]] = {}
    for each in catalogue.available():
        by_provider.setdefault(each.provider, []).append(each)

    def offer(info: ModelInfo) -> Offer:
        full = info.id if info.id in known else f"{info.provider}/{info.id}"
        route = info.provider == "route"
        calls = today.named.get(info.id, 0) if route else today.answered.get(full, 0)
        model = None if route else known.get(info.id)
        return Offer(
            info.id,
            info.title,
            info.note,
            _model(model) if model else None,
            calls,
            ways.get(info.id, "unknown") if route else "",
        )

    groups = [Group("Routes", None, tuple(map(offer, by_provider.pop("route", []))))]
    for endpoint in endpoints():
        name = endpoint.server.name
        offers = [offer(info) for info in by_provider.pop(name, [])]
        offers += [
            Offer(each.model.id, each.model.id, "for embeddings", each,
                  today.answered.get(each.model.id, 0))
            for each in endpoint.models
            if each.model.operation == "embeddings"
        ]  # fmt: skip
        groups.append(Group(name, endpoint, tuple(offers)))
    groups += [Group(name, None, tuple(map(offer, offers))) for name, offers in by_provider.items()]
    return [group for group in groups if group.offers or group.endpoint]


def edit_paths(names: Iterable[str]) -> dict[str, str]:
    """Return where the administration changes routes of these names, in one query."""
    found = tables.Route.objects.filter(name__in=list(names)).values_list("name", "pk")
    return {name: _edit("route", pk) for name, pk in found}


def price(value: Decimal | None) -> str:
    """Write US dollars per million tokens, empty where they are not known."""
    return "" if value is None else f"{value.normalize():f}"


def _edit(table: str, pk: UUID) -> str:
    return f"/admin/gateway/{table}/{pk}/change/"


def _idle(row: tables.Endpoint) -> Server:
    """Return an endpoint that no call can reach: switched off, or without any model."""
    return Server(row.name, row.kind, row.base_url, row.api_version, external=row.external)


def _off(name: str) -> Reading:
    return Reading(name, "disabled", latency_ms=0.0, checked_at=0.0, since=0.0)


def _models_of(configuration: Configuration, server: Server) -> tuple[ModelView, ...]:
    return tuple(_model(m) for _, m in sorted(configuration.models.items()) if m.server == server)


def _model(model: Model) -> ModelView:
    known = model.price
    if known is None:
        return ModelView(model, "", "")
    # What this process computes itself costs nothing by nature, not by somebody's price list.
    if model.server.kind == "offline" and not known.input and not known.output:
        return ModelView(model, "free", "")
    cached = f"${price(known.cached_input)}" if known.cached_input != known.input else ""
    return ModelView(model, f"${price(known.input)} / ${price(known.output)}", cached)


def _route(route: Route, readings: dict[str, Reading]) -> RouteView:
    ways = sorted(route.ways, key=lambda way: (way.priority, -way.weight, way.model.id))
    weights: dict[int, int] = {}
    for way in ways:
        weights[way.priority] = weights.get(way.priority, 0) + way.weight
    targets = tuple(
        TargetView(
            way.model,
            _model(way.model).price,
            way.priority,
            way.weight,
            round(100 * way.weight / weights[way.priority]),
            health.reading_of(way.model.server, readings),
        )
        for way in ways
    )
    states = {each.reading.status for each in targets}
    status = "down" if states <= {"down"} else "up" if "up" in states else "unknown"
    return RouteView(
        route.name,
        route.description,
        targets,
        _on_failure(route, len(targets), len(weights)),
        status,
    )


def _on_failure(route: Route, targets: int, priorities: int) -> str:
    if not targets:
        return "It leads nowhere: calls are refused until it has a target."
    again = {0: "is not tried again", 1: "is tried once more"}.get(
        route.retries, f"is tried {route.retries} times more"
    )
    if targets == 1:
        return f"A call that fails {again}; there is no other target."
    if priorities == 1:
        then = "another target"
    elif priorities == targets:
        then = "the next priority"
    else:
        then = "another target of its priority, or else of the next,"
    return f"A call that fails before its first word {again}, then {then} answers in its place."
