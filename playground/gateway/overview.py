"""What the pages and the API tell of models, routes and endpoints, as values."""

from dataclasses import dataclass
from decimal import Decimal

from playground.gateway import health
from playground.gateway.configuration import Configuration, Model, Route, Server
from playground.gateway.endpoints import environment_server, servers
from playground.gateway.health import Reading
from playground.gateway.models import EndpointKind
from playground.gateway.watching import current


@dataclass(frozen=True, slots=True)
class TargetView:
    """A model that a route leads to; ``share`` is its part of its priority's calls, in percent."""

    model: Model
    priority: int
    weight: int
    share: int
    reading: Reading | None


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route with what happens when its targets fail, in one sentence."""

    name: str
    description: str
    targets: tuple[TargetView, ...]
    on_failure: str
    status: str


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with its models; ``secret_fault`` says that its key cannot be read."""

    server: Server
    kind: str
    models: tuple[Model, ...]
    reading: Reading | None
    from_environment: bool

    @property
    def status(self) -> str:
        """Return up, down or unknown."""
        return self.reading.status if self.reading else "unknown"


def routes() -> list[RouteView]:
    """Describe the routes in order of their names."""
    configuration, readings = current(), health.readings()
    return [_route(each, readings) for _, each in sorted(configuration.routes.items())]


def endpoints() -> list[EndpointView]:
    """Describe the endpoints, the environment's among them, those of this process last."""
    configuration, readings = current(), health.readings()
    named = dict(EndpointKind.choices)
    connected = environment_server()
    shown = [
        EndpointView(
            server,
            named.get(server.kind, server.kind),
            _models_of(configuration, server),
            readings.get(server.name),
            server == connected,
        )
        for server in servers()
    ]
    return sorted(shown, key=lambda each: (each.server.kind == "offline", each.server.name))


def price(value: Decimal | None) -> str:
    """Write US dollars per million tokens, empty where they are not known."""
    return "" if value is None else f"{value.normalize():f}"


def _models_of(configuration: Configuration, server: Server) -> tuple[Model, ...]:
    return tuple(m for _, m in sorted(configuration.models.items()) if m.server == server)


def _route(route: Route, readings: dict[str, Reading]) -> RouteView:
    ways = sorted(route.ways, key=lambda way: (way.priority, -way.weight, way.model.id))
    weights: dict[int, int] = {}
    for way in ways:
        weights[way.priority] = weights.get(way.priority, 0) + way.weight
    targets = tuple(
        TargetView(
            way.model,
            way.priority,
            way.weight,
            round(100 * way.weight / weights[way.priority]),
            readings.get(way.model.server.name),
        )
        for way in ways
    )
    states = {each.reading.status if each.reading else "unknown" for each in targets}
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
    then = "the next priority" if priorities > 1 else "the other targets"
    return f"A call that fails before its first word {again}, then {then} answers in its place."
